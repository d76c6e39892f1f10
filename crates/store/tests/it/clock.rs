//! A wall clock that somebody sets: nothing is decided until an operator says that it is right.
//! No real clock is touched.

use crate::support::HandClock;
use crate::support::{HOUR, START, Site, commit, one, outcome};
use slotwise_domain::{Instant, Span, settle};
use slotwise_engine::{Clock, CommitError, Status, Store, Views};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[tokio::test]
async fn a_jump_stops_decisions_until_it_is_accepted() {
    for jump in [Span::seconds(6), Span::seconds(-6), Span::days(400)] {
        let site = Site::new();
        let store = site.open().await;
        let room = site.room(&store, "R1").await;
        let known = site.book(site.admin, room, START.plus(Span::hours(5)));
        let recorded = one(&store, known.clone()).await;
        let fresh = site.book(site.admin, room, START.plus(Span::days(401)));
        site.clock.jump(jump);
        let settled = commit(&store, vec![known, fresh.clone()]).await;
        assert_eq!(settled.iter().map(outcome).collect::<Vec<_>>(), ["again BOOKED", "FAILED store_unavailable"]);
        assert_eq!(store.status(), Status::ClockJumped);
        assert_eq!(store.recall(fresh.key).await.unwrap(), None);

        // Putting it back does not help: somebody must look.
        site.clock.jump(Span(-jump.0));
        assert_eq!(store.status(), Status::ClockJumped);
        store.accept_clock();
        assert_eq!(store.status(), Status::Ready);
        let settled = commit(&store, vec![fresh]).await;
        assert_eq!(settled.iter().map(outcome).collect::<Vec<_>>(), ["BOOKED"]);
        assert_eq!(recorded.decision.decided_at, START);
    }
}

#[tokio::test]
async fn time_that_only_passes_is_no_jump_and_small_steps_do_not_matter() {
    let site = Site::new();
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    site.clock.advance(Span::days(3));
    site.clock.jump(Span::seconds(-4));
    let first = one(&store, site.book(site.admin, room, START.plus(Span::days(4)))).await;
    // A step back within bounds: decisions on the resource never go back with it.
    site.clock.jump(Span::seconds(-1));
    let second = one(&store, site.book(site.admin, room, START.plus(Span::days(4)).plus(HOUR))).await;
    assert_eq!(second.decision.decided_at, first.decision.decided_at);
    assert_eq!(store.status(), Status::Ready);
}

#[tokio::test]
async fn a_clock_that_was_wrong_for_a_while_costs_no_booking_and_no_answer() {
    // While it ran; or when it started.
    for at_start in [false, true] {
        let site = Site::new();
        let store = site.open().await;
        let (room, other) = (site.room(&store, "R1").await, site.room(&store, "R2").await);
        let taken = START.plus(Span::hours(5));
        let known = site.book(site.admin, room, taken);
        one(&store, known.clone()).await;
        drop(store);
        // The room is in nobody's memory.
        let ahead = Span::days(10);
        let store = if at_start {
            site.clock.jump(ahead);
            site.reopen()
        } else {
            let store = site.reopen();
            site.clock.jump(ahead);
            store
        };
        // Whoever looks at it sees nothing that is not over long since, by that clock.
        let scope = crate::support::scope_of(room);
        store.observe(scope.clone()).await.unwrap();
        store.calendars(vec![room, other]).await.unwrap();
        if !at_start {
            let refused = site.book(site.admin, room, taken.plus(ahead));
            assert_eq!(outcome(&commit(&store, vec![refused]).await[0]), "FAILED store_unavailable");
        }
        tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;

        site.clock.jump(Span(-ahead.0));
        assert_eq!(store.status(), Status::ClockJumped);
        store.accept_clock();
        let over = site.book(site.member(&store, "Mo").await, room, taken);
        let settled = commit(&store, vec![over, known]).await;
        let said: Vec<_> = settled.iter().map(outcome).collect();
        assert_eq!(said, ["REJECTED full", "again BOOKED"], "wrong at the start: {at_start}");
        assert_eq!(store.observe(scope).await.unwrap().calendars[&room].uses.len(), 1);
    }
}

/// Panics once when told to.
struct SickClock {
    hand: Arc<HandClock>,
    sick: AtomicBool,
}

impl Clock for SickClock {
    fn now(&self) -> Instant {
        assert!(!self.sick.swap(false, Ordering::SeqCst), "the clock is sick");
        self.hand.now()
    }

    fn since_boot(&self) -> Span {
        self.hand.since_boot()
    }
}

#[tokio::test]
async fn a_panic_of_the_writer_itself_is_told_and_ends_all_writing() {
    let mut site = Site::new();
    let clock = Arc::new(SickClock { hand: site.clock.clone(), sick: AtomicBool::new(false) });
    site.options.clock = clock.clone();
    // It reads the clock too.
    site.options.reconcile_rest = std::time::Duration::from_secs(3_600);
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    clock.sick.store(true, Ordering::SeqCst);
    let proposal = site.book(site.admin, room, START.plus(HOUR));
    for _ in 0..2 {
        let error = store.commit(vec![proposal.clone()], settle).await.unwrap_err();
        assert!(matches!(&error, CommitError::NothingWritten(says) if says.contains("panicked")), "{error}");
    }
    assert!(matches!(store.status(), Status::Stopped(_)));
    assert_eq!(store.recall(proposal.key).await.unwrap(), None);
    drop(store);
    assert_eq!(outcome(&commit(&site.reopen(), vec![proposal]).await[0]), "BOOKED");
}
