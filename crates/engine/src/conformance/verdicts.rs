//! What a store makes of verdicts that no good judgement gives: panics, unsound changes, questions without end.
//! The judgements of these cases are made up; a real one gives none of this.

use super::kit::{Bench, hours, said};
use crate::port::{CommitError, Status};
use slotwise_domain::{Fingerprint, Instant, Proposal, Scope, Verdict, World, settle};
use std::sync::Arc;

const POISON: Fingerprint = Fingerprint([0xbd; 32]);

fn panics(world: &World, proposal: &Proposal, now: Instant) -> Verdict {
    assert_ne!(proposal.fingerprint, POISON, "this proposal panics on purpose");
    settle(world, proposal, now)
}

pub(super) async fn a_panic_spares_its_neighbours(b: &Bench) {
    let room = b.room(3).await;
    let mut batch: Vec<Proposal> = (0..3).map(|_| b.proposal(b.ben, b.book(b.ben, room, hours(9, 10)))).collect();
    batch[1].fingerprint = POISON;
    let poisoned = batch[1].key;
    let settled = b.store.commit(batch.clone(), panics).await.unwrap();
    let told: Vec<String> = settled.into_iter().map(said).collect();
    assert_eq!(told, ["BOOKED", "FAILED store_unavailable", "BOOKED"]);
    assert_eq!((b.version(room).await, b.store.status()), (3, Status::Ready));
    assert_eq!(b.store.recall(poisoned).await.unwrap(), None);
    assert_eq!(b.commit(batch).await, ["again BOOKED", "BOOKED", "again BOOKED"]);
}

/// Judges as if no resource had a limit.
fn knows_no_limit(world: &World, proposal: &Proposal, now: Instant) -> Verdict {
    let mut wide = world.clone();
    for calendar in wide.calendars.values_mut() {
        let calendar = Arc::make_mut(calendar);
        Arc::make_mut(&mut calendar.resource).spec.capacity = None;
    }
    settle(&wide, proposal, now)
}

pub(super) async fn an_unsound_commit_stops_what_it_is_about(b: &Bench) {
    let (full, free) = (b.room(1).await, b.room(1).await);
    b.booked(b.ben, full, hours(9, 10)).await;
    let head = b.store.head().await.unwrap();
    let calendar = b.calendar(full).await;
    let batch = vec![
        b.proposal(b.cyd, b.book(b.cyd, free, hours(9, 10))),
        b.proposal(b.cyd, b.book(b.cyd, full, hours(9, 10))),
    ];
    let keys = [batch[0].key, batch[1].key];
    let error = b.store.commit(batch, knows_no_limit).await.unwrap_err();
    assert!(matches!(&error, CommitError::NothingWritten(_)), "{error:?}");
    // The good neighbour is not written either, nothing more is accepted of what is unsound, and reads go on.
    for key in keys {
        assert_eq!(b.store.recall(key).await.unwrap(), None);
    }
    assert_eq!((b.version(free).await, b.calendar(full).await), (1, calendar));
    assert_eq!(b.store.head().await.unwrap(), head);
    assert_eq!(b.says(b.cyd, b.book(b.cyd, full, hours(12, 13))).await, "FAILED store_unavailable");
    let elsewhere = b.says(b.cyd, b.book(b.cyd, free, hours(9, 10))).await;
    if b.shuts_resources {
        assert_eq!((elsewhere.as_str(), b.store.status()), ("BOOKED", Status::Ready));
        let both = b.booking(b.cyd, &[(free, hours(12, 13), 1), (full, hours(12, 13), 1)], None);
        assert_eq!(b.says(b.cyd, both).await, "FAILED store_unavailable", "a bundle is whole");
        let warned = b.store.warnings();
        assert!(warned.iter().any(|says| says.contains(&full.0.to_string())), "{warned:?}");
    } else {
        assert_eq!(elsewhere, "FAILED store_unavailable");
        assert!(matches!(b.store.status(), Status::Stopped(_)), "{:?}", b.store.status());
    }
}

/// Asks for the person's bookings and their role before it judges, each in a round of its own.
fn asks_twice(world: &World, proposal: &Proposal, now: Instant) -> Verdict {
    let actor = proposal.command.actor.person().into_iter();
    if !actor.clone().all(|id| world.loaded.people.contains(&id)) {
        return Verdict::Needs(Scope { people: actor.collect(), ..Scope::default() });
    }
    if !world.calendars.values().all(|c| c.holds.keys().all(|id| world.loaded.holds.contains(id))) {
        let holds = world.calendars.values().flat_map(|c| c.holds.keys().copied()).collect();
        return Verdict::Needs(Scope { holds, ..Scope::default() });
    }
    settle(world, proposal, now)
}

pub(super) async fn judging_may_ask_to_see_more(b: &Bench) {
    let room = b.room(3).await;
    b.held(b.ben, room, hours(9, 10)).await;
    let batch = vec![
        b.proposal(b.cyd, b.book(b.cyd, room, hours(9, 10))),
        b.proposal(b.ben, b.book(b.ben, room, hours(9, 10))),
    ];
    let settled = b.store.commit(batch, asks_twice).await.unwrap();
    assert_eq!(settled.into_iter().map(said).collect::<Vec<_>>(), ["BOOKED", "BOOKED"]);
}

fn asks_for_ever(world: &World, proposal: &Proposal, now: Instant) -> Verdict {
    match proposal.fingerprint {
        POISON => {
            Verdict::Needs(Scope { people: proposal.command.actor.person().into_iter().collect(), ..Scope::default() })
        }
        _ => settle(world, proposal, now),
    }
}

pub(super) async fn who_asks_for_ever_is_in_conflict(b: &Bench) {
    let room = b.room(3).await;
    let mut batch: Vec<Proposal> = (0..2).map(|_| b.proposal(b.ben, b.book(b.ben, room, hours(9, 10)))).collect();
    batch[0].fingerprint = POISON;
    let settled = b.store.commit(batch, asks_for_ever).await.unwrap();
    assert_eq!(settled.into_iter().map(said).collect::<Vec<_>>(), ["FAILED conflict", "BOOKED"]);
}

pub(super) async fn an_empty_commit_is_nothing(b: &Bench) {
    b.room(1).await;
    let head = b.store.head().await.unwrap();
    assert_eq!(b.commit(Vec::new()).await, [""; 0]);
    assert_eq!((b.store.head().await.unwrap(), b.store.status()), (head, Status::Ready));
}
