//! Calendars in memory under little room and many readers: never ahead of the disk, never behind for the writer.
//! It never looks into the cache itself.

use crate::support::{HOUR, START, Site, commit, scope_of};
use slotwise_domain::{Scope, Span};
use slotwise_engine::{Settled, Store};
use slotwise_store::embedded::verify;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_tiny_cache_with_many_observers_stays_true() {
    for cache_bytes in [0, 64 * 3_000, 64 << 20] {
        let mut site = Site::new();
        site.options.cache_bytes = cache_bytes;
        let store = site.open().await;
        let mut rooms = Vec::new();
        for n in 0..40 {
            rooms.push(site.room(&store, &format!("R{n}")).await);
        }
        let (rooms, done) = (Arc::new(rooms), Arc::new(AtomicBool::new(false)));
        let observers: Vec<_> = (0..4_usize)
            .map(|observer| {
                let (store, rooms, done) = (store.clone(), rooms.clone(), done.clone());
                tokio::spawn(async move {
                    let (mut seen, mut n) = (vec![0; rooms.len()], observer);
                    while !done.load(Ordering::SeqCst) {
                        n = (n * 7 + 3) % rooms.len();
                        let head = store.head().await.unwrap();
                        let world = store.observe(scope_of(rooms[n])).await.unwrap();
                        let calendar = &world.calendars[&rooms[n]];
                        // Each version made one booking: what is seen is some committed state, and never goes back.
                        assert_eq!(calendar.version.number, calendar.uses.len() as u64 + 1);
                        assert!(calendar.version.number >= seen[n], "room {n} went back");
                        seen[n] = calendar.version.number;
                        assert!(store.head().await.unwrap() >= head);
                    }
                })
            })
            .collect();
        for round in 1..=60 {
            let at = START.plus(Span::hours(round));
            let batch: Vec<_> =
                rooms.iter().skip(round as usize % 3).step_by(3).map(|room| site.book(site.admin, *room, at)).collect();
            let wanted = batch.len();
            let settled = commit(&store, batch).await;
            assert_eq!(settled.iter().filter(|s| matches!(s, Settled::Decided(..))).count(), wanted);
            // Whoever was answered sees their own booking.
            let room = rooms[round as usize % 3];
            let world = store.observe(scope_of(room)).await.unwrap();
            assert!(world.calendars[&room].uses.values().any(|u| u.interval.start() == at));
        }
        done.store(true, Ordering::SeqCst);
        for observer in observers {
            observer.await.unwrap();
        }
        // What is in memory is what the rows say.
        let all = Scope { resources: rooms.iter().copied().collect(), ..Scope::default() };
        let remembered = store.observe(all.clone()).await.unwrap().calendars;
        drop(store);
        assert_eq!(site.reopen().observe(all).await.unwrap().calendars, remembered);
        verify(site.path()).unwrap();
    }
}

#[tokio::test]
async fn what_ended_long_ago_is_forgotten_in_memory_and_not_on_disk() {
    let site = Site::new();
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    commit(&store, vec![site.book(site.admin, room, START.plus(HOUR))]).await;
    site.clock.advance(Span::hours(52));
    let world = store.observe(scope_of(room)).await.unwrap();
    assert_eq!(world.calendars[&room].uses.len(), 0);
    commit(&store, vec![site.book(site.admin, room, START.plus(Span::hours(60)))]).await;
    let remembered = store.observe(scope_of(room)).await.unwrap().calendars;
    assert_eq!(remembered[&room].uses.len(), 1);
    drop(store);
    assert_eq!(site.reopen().observe(scope_of(room)).await.unwrap().calendars[&room].uses, remembered[&room].uses);
}
