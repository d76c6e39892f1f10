//! What somebody wrote is forgotten while others go on deciding about their bookings.
//! That the chain of hashes holds afterwards is looked at by `verify`.

use crate::support::{START, Site, commit, line, one, outcome};
use slotwise_domain::{Action, BookingId, BookingRef, Proposal, Span};
use slotwise_engine::{Directory, Views};
use slotwise_store::embedded::{Wanted, examine};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn for_a_reason(mut proposal: Proposal) -> Proposal {
    proposal.command.reason = Some("paint".into());
    proposal
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_erased_does_not_come_back_with_what_is_decided_meanwhile() {
    for _ in 0..5 {
        let site = Arc::new(Site::new());
        let store = site.open().await;
        let room = site.room(&store, "R1").await;
        let ann = site.member(&store, "Ann").await;
        let mut bookings: Vec<BookingId> = Vec::new();
        for n in 0..8 {
            let proposal = site.book(ann, room, START.plus(Span::hours(10 + 4 * n)));
            let Action::Book { booking, .. } = proposal.command.action else { unreachable!() };
            one(&store, proposal).await;
            bookings.push(booking);
        }
        let stop = Arc::new(AtomicBool::new(false));
        // An admin moves each to the next hour and back, over and over.
        let movers: Vec<_> = (0_i64..)
            .zip(bookings.clone())
            .map(|(n, id)| {
                let (site, store, stop) = (site.clone(), store.clone(), stop.clone());
                tokio::spawn(async move {
                    let mut moved = 0;
                    for revision in 1.. {
                        if stop.load(Ordering::Acquire) {
                            break;
                        }
                        let from = START.plus(Span::hours(10 + 4 * n + i64::from(revision % 2 == 1)));
                        let booking = BookingRef { id, revision: Some(revision) };
                        let action = Action::Move { booking, to: vec![line(room, from)] };
                        let settled = commit(&store, vec![for_a_reason(site.by(site.admin, action))]).await;
                        assert_eq!(outcome(&settled[0]), "ACCEPTED", "{revision} {settled:?}");
                        moved += 1;
                    }
                    moved
                })
            })
            .collect();
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        let erased = store.erase(ann).await.unwrap().unwrap();
        stop.store(true, Ordering::Release);
        let mut moved = 0;
        for mover in movers {
            moved += mover.await.unwrap();
        }
        assert_eq!(erased.bookings, 8);
        assert!(moved > 8, "{moved} moves");
        for id in bookings {
            let booking = store.booking(id).await.unwrap().unwrap();
            assert_eq!((booking.details.title.clone(), booking.details.people), (None, None), "{id}");
        }
        drop(store);
        let db = rusqlite::Connection::open(site.path().join("views.sqlite")).unwrap();
        let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, u64>(0)).unwrap();
        assert_eq!(count("SELECT count(*) FROM booking WHERE title IS NOT NULL OR people IS NOT NULL"), 0);
        drop(db);
        assert_eq!(examine(site.path(), Wanted::default()).unwrap().findings, []);
    }
}
