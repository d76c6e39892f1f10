//! A batch: one commit, each its own verdict, and nothing of a neighbour's trouble.
//! It looks through the port only.

use crate::support::{HOUR, START, Site, commit, exclusive, held, hour, line, made, one, outcome, scope_of};
use slotwise_domain::{
    Action, BookingId, Change, Changes, HoldId, Instant, Proposal, ResourceId, Scope, Slot, Span, Subject, Verdict,
    World, settle,
};
use slotwise_engine::{CommitError, Settled, Status, Store};
use slotwise_store::embedded::verify;

fn outcomes(settled: &[Settled]) -> Vec<String> {
    settled.iter().map(outcome).collect()
}

#[tokio::test]
async fn neighbours_see_each_other_and_stay_apart() {
    let site = Site::new();
    let store = site.open().await;
    let (one_room, two) = (site.room(&store, "R1").await, site.room(&store, "R2").await);
    let bob = site.member(&store, "Bob").await;
    let settled = commit(
        &store,
        vec![
            site.book(bob, one_room, START.plus(HOUR)),
            site.book(site.admin, one_room, START.plus(HOUR)),
            site.book(bob, two, START.plus(HOUR)),
            site.book(bob, ResourceId(uuid::Uuid::nil()), START.plus(HOUR)),
            site.book(site.admin, one_room, START.plus(Span::hours(2))),
        ],
    )
    .await;
    assert_eq!(outcomes(&settled), ["BOOKED", "REJECTED full", "BOOKED", "REJECTED not_found", "BOOKED"]);
    let calendar = store.observe(scope_of(one_room)).await.unwrap().calendars[&one_room].clone();
    assert_eq!((calendar.version.number, calendar.uses.len()), (3, 2));
    assert_eq!(verify(site.path()).unwrap().attempts, 7);
}

#[tokio::test]
async fn the_same_key_twice_in_a_batch_is_decided_once() {
    let site = Site::new();
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    let first = site.book(site.admin, room, START.plus(HOUR));
    let mut other = first.clone();
    other.fingerprint.0[0] ^= 1;
    let settled = commit(&store, vec![first.clone(), first.clone(), other, first]).await;
    assert_eq!(outcomes(&settled), ["BOOKED", "again BOOKED", "key reused", "again BOOKED"]);
    assert_eq!(store.observe(scope_of(room)).await.unwrap().calendars[&room].version.number, 2);
}

#[tokio::test]
async fn old_keys_are_told_and_nothing_is_written() {
    let site = Site::new();
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    let recorded = one(&store, site.book(site.admin, room, START.plus(Span::days(20)))).await;
    let old = site.book(site.admin, room, START.plus(Span::days(21)));
    let head = store.head().await.unwrap();
    site.clock.advance(Span::days(7));
    let mut again = site.book(site.admin, room, START.plus(Span::days(20)));
    again.key = recorded.key;
    assert_eq!(outcomes(&commit(&store, vec![old, again]).await), ["key expired", "again BOOKED"]);
    assert_eq!(store.head().await.unwrap(), head);
}

/// Panics for bookings that start on a full odd hour, and settles the others.
fn settle_or_panic(world: &World, proposal: &Proposal, now: Instant) -> Verdict {
    let Action::Book { lines, .. } = &proposal.command.action else { return settle(world, proposal, now) };
    let odd = lines.iter().filter_map(|l| l.interval).any(|i| i.start().since(START).whole_seconds() / 3_600 % 2 == 1);
    assert!(!odd, "an odd hour");
    settle(world, proposal, now)
}

#[tokio::test]
async fn a_panic_in_settle_fails_its_proposal_alone() {
    let site = Site::new();
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    let batch = (2..=5).map(|n| site.book(site.admin, room, START.plus(Span::hours(n)))).collect();
    let settled = store.commit(batch, settle_or_panic).await.unwrap();
    assert_eq!(outcomes(&settled), ["BOOKED", "FAILED store_unavailable", "BOOKED", "FAILED store_unavailable"]);
    assert_eq!(store.status(), Status::Ready);
    assert_eq!(outcomes(&commit(&store, vec![site.book(site.admin, room, START.plus(HOUR))]).await), ["BOOKED"]);
}

/// Takes the time whether it is free or not.
fn settle_blindly(world: &World, proposal: &Proposal, now: Instant) -> Verdict {
    let Action::Book { booking, owner, lines, .. } = &proposal.command.action else {
        return settle(world, proposal, now);
    };
    let Some(line) = lines.first() else { return settle(world, proposal, now) };
    let interval = line.interval.unwrap();
    let slot = Slot {
        resource: line.resource,
        interval,
        occupied: interval,
        units: 1,
        own_overlap: slotwise_domain::OwnOverlap::Allow,
        quota: None,
    };
    let change = Change::BookingMade {
        booking: *booking,
        owner: *owner,
        pending: false,
        slots: vec![(0, slot)],
        occurrence: None,
    };
    let changes = Changes { records: vec![(line.resource, vec![change])], ..Changes::default() };
    Verdict::Accepted(changes, Subject::Booking(*booking))
}

#[tokio::test]
async fn a_broken_invariant_undoes_the_batch_and_stops_the_writer() {
    let site = Site::new();
    let store = site.open().await;
    let (room, other) = (site.room(&store, "R1").await, site.room(&store, "R2").await);
    let first = one(&store, site.book(site.admin, room, START.plus(HOUR))).await;
    let before = store.observe(scope_of(room)).await.unwrap().calendars;
    let head = store.head().await.unwrap();
    let fine = site.book(site.admin, other, START.plus(HOUR));
    let batch = vec![fine.clone(), site.book(site.admin, room, START.plus(HOUR))];
    // The first is settled blindly too, and fits; the second does not.
    let error = store.commit(batch, settle_blindly).await.unwrap_err();
    assert!(matches!(&error, CommitError::NothingWritten(says) if says.contains("I1")), "{error}");
    assert!(matches!(store.status(), Status::Stopped(_)));
    assert_eq!(store.recall(fine.key).await.unwrap(), None);
    assert_eq!(store.observe(scope_of(room)).await.unwrap().calendars, before);
    assert_eq!(store.head().await.unwrap(), head);
    let error = store.commit(vec![fine.clone()], settle).await.unwrap_err();
    assert!(matches!(&error, CommitError::NothingWritten(says) if says.contains("stopped")), "{error}");
    drop(store);

    let store = site.reopen();
    assert_eq!(store.status(), Status::Ready);
    assert_eq!(store.recall(first.key).await.unwrap(), Some(first));
    assert_eq!(outcomes(&commit(&store, vec![fine]).await), ["BOOKED"]);
    verify(site.path()).unwrap();
}

/// Makes a decision whose rows cannot be what it says.
fn settle_wrongly(world: &World, proposal: &Proposal, now: Instant) -> Verdict {
    match settle_blindly(world, proposal, now) {
        Verdict::Accepted(mut changes, subject) => {
            let ghost = Change::BookingApproved {
                booking: BookingId(uuid::Uuid::from_u128(5)),
                owner: slotwise_domain::PersonId(uuid::Uuid::from_u128(6)),
                slots: vec![],
            };
            changes.records[0].1.push(ghost);
            Verdict::Accepted(changes, subject)
        }
        other => other,
    }
}

#[tokio::test]
async fn rows_that_are_not_what_was_judged_stop_the_writer_with_nothing_written() {
    let site = Site::new();
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    let proposal = site.book(site.admin, room, START.plus(HOUR));
    let error = store.commit(vec![proposal.clone()], settle_wrongly).await.unwrap_err();
    assert!(matches!(&error, CommitError::NothingWritten(says) if says.contains("without its booking")), "{error}");
    assert!(matches!(store.status(), Status::Stopped(_)));
    assert_eq!(store.recall(proposal.key).await.unwrap(), None);
    assert_eq!(store.observe(scope_of(room)).await.unwrap().calendars[&room].uses.len(), 0);
}

#[tokio::test]
async fn a_rule_about_a_person_counts_within_a_batch() {
    let site = Site::new();
    let store = site.open().await;
    let (one_lab, two) = (site.resource(&store, exclusive("L1")).await, site.resource(&store, exclusive("L2")).await);
    let bob = site.member(&store, "Bob").await;
    let at = START.plus(HOUR);
    let settled = commit(&store, vec![site.book(bob, one_lab, at), site.book(bob, two, at)]).await;
    assert_eq!(outcomes(&settled), ["BOOKED", "REJECTED own_overlap"]);
    assert_eq!(outcomes(&commit(&store, vec![site.book(bob, two, at)]).await), ["REJECTED own_overlap"]);

    // The cancelling is folded and not yet written when the rule asks for the person.
    let Settled::Decided(first, _) = &settled[0] else { panic!() };
    let Some(Subject::Booking(booking)) = first.decision.subject else { panic!() };
    let cancel = site.by(bob, Action::Cancel { booking, reason: None });
    let settled = commit(&store, vec![cancel, site.book(bob, two, at), site.book(bob, one_lab, at)]).await;
    assert_eq!(outcomes(&settled), ["ACCEPTED", "BOOKED", "REJECTED own_overlap"]);
    let scope = Scope { people: [bob].into(), ..Scope::default() };
    assert_eq!(store.observe(scope).await.unwrap().people[&bob].exclusive.len(), 1);
}

#[tokio::test]
async fn a_hold_is_confirmed_renewed_released_and_told_after_its_end() {
    let site = Site::new();
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    let bob = site.member(&store, "Bob").await;
    let at = START.plus(HOUR);
    let (_, hold) = made(&store, site.hold(bob, room, at)).await;
    let hold = held(hold);
    assert_eq!(outcomes(&commit(&store, vec![site.book(site.admin, room, at)]).await), ["REJECTED held_by_other"]);
    // It lasts that long anyway.
    assert_eq!(outcomes(&commit(&store, vec![site.by(bob, Action::Renew(hold))]).await), ["ACCEPTED"]);
    site.clock.advance(Span::seconds(3));
    assert_eq!(outcomes(&commit(&store, vec![site.by(bob, Action::Renew(hold))]).await), ["ACCEPTED"]);
    let confirm = site.by(bob, site.booking(bob, &[(room, at)], Some(hold)));
    assert_eq!(outcomes(&commit(&store, vec![confirm]).await), ["BOOKED"]);
    let late = site.by(bob, site.booking(bob, &[(room, START.plus(Span::hours(4)))], Some(hold)));
    assert_eq!(outcomes(&commit(&store, vec![late]).await), ["REJECTED hold_superseded"]);
    assert_eq!(outcomes(&commit(&store, vec![site.by(bob, Action::Release(hold))]).await), ["ACCEPTED"]);

    // Granted and let go within one batch, and expired ones are tidied on the way.
    let (_, other) = made(&store, site.hold(bob, room, START.plus(Span::hours(6)))).await;
    site.clock.advance(Span::seconds(40));
    let id = HoldId(crate::support::id(START));
    let hold = Action::Hold { hold: id, line: line(room, START.plus(Span::hours(6))) };
    let settled = commit(&store, vec![site.by(bob, hold), site.by(bob, Action::Renew(held(other)))]).await;
    assert_eq!(outcomes(&settled), ["ACCEPTED", "REJECTED hold_expired"]);
    let world = store.observe(Scope { holds: [id].into(), people: [bob].into(), ..Scope::default() }).await.unwrap();
    assert_eq!(world.people[&bob].holds.len(), 1);
    assert_eq!(world.holds[&id], (room, None));
    verify(site.path()).unwrap();
}

#[tokio::test]
async fn editing_needs_the_version_seen_and_writes_nothing_if_it_moved() {
    let site = Site::new();
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    let edit = |policy_version, seats: u32| {
        let patch = slotwise_domain::ResourcePatch { seats: Some(Some(seats)), ..Default::default() };
        site.by(site.admin, Action::EditResource { resource: room, policy_version, patch: Box::new(patch) })
    };
    let stale = edit(1, 30);
    let settled = commit(&store, vec![edit(1, 10), edit(1, 20), stale.clone()]).await;
    assert_eq!(outcomes(&settled), ["ACCEPTED", "FAILED version_stale", "FAILED version_stale"]);
    assert_eq!(store.recall(stale.key).await.unwrap(), None);
    assert_eq!(outcomes(&commit(&store, vec![site.block(room, 2, START.plus(HOUR))]).await), ["ACCEPTED"]);
    let calendar = store.observe(scope_of(room)).await.unwrap().calendars[&room].clone();
    assert_eq!((calendar.resource.spec.seats, calendar.resource.policy_version), (Some(10), 3));
    let block = *calendar.blocks.keys().next().unwrap();
    let remove = Action::RemoveBlock { resource: room, policy_version: 3, block };
    assert_eq!(outcomes(&commit(&store, vec![site.by(site.admin, remove)]).await), ["ACCEPTED"]);
    drop(store);
    let store = site.reopen();
    let calendar = store.observe(scope_of(room)).await.unwrap().calendars[&room].clone();
    assert_eq!((calendar.blocks.len(), calendar.resource.policy_version), (0, 4));
}

#[tokio::test]
async fn a_pending_booking_takes_nothing_until_it_is_approved() {
    let site = Site::new();
    let store = site.open().await;
    let spec = crate::support::room("R1");
    let policy = slotwise_domain::Policy {
        approval: true,
        setup: Span::minutes(15),
        teardown: Span::minutes(10),
        ..spec.policy.clone()
    };
    let room = site.resource(&store, slotwise_domain::ResourceSpec { policy, ..spec }).await;
    let bob = site.member(&store, "Bob").await;
    let at = START.plus(Span::hours(3));
    let pending = one(&store, site.book(bob, room, at)).await;
    let Some(Subject::Booking(booking)) = pending.decision.subject else { panic!() };
    assert_eq!(store.observe(scope_of(room)).await.unwrap().calendars[&room].uses.len(), 0);
    one(&store, site.by(site.admin, Action::Approve { booking })).await;
    let before = store.observe(scope_of(room)).await.unwrap().calendars;
    let head = store.head().await.unwrap();
    assert_eq!(
        before[&room].uses.values().next().unwrap().occupied,
        hour(at).widened(Span::minutes(15), Span::minutes(10))
    );
    drop(store);
    let store = site.reopen();
    assert_eq!(store.observe(scope_of(room)).await.unwrap().calendars, before);
    assert_eq!(store.head().await.unwrap(), head);
}

#[tokio::test]
async fn an_empty_batch_is_nothing() {
    let site = Site::new();
    let store = site.open().await;
    assert!(commit(&store, vec![]).await.is_empty());
}

#[tokio::test]
async fn a_callers_end_does_not_undo_its_commit() {
    let site = Site::new();
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    let proposal = site.book(site.admin, room, START.plus(HOUR));
    let (key, asked) = (proposal.key, store.clone());
    let asking = tokio::spawn(async move { asked.commit(vec![proposal], settle).await });
    tokio::task::yield_now().await;
    asking.abort();
    drop(asking.await);
    // Whatever was sent before the end is decided before what is sent after it.
    commit(&store, vec![site.book(site.admin, room, START.plus(Span::hours(9)))]).await;
    let known = store.recall(key).await.unwrap().is_some();
    let taken = store.observe(scope_of(room)).await.unwrap().calendars[&room].uses.len();
    assert_eq!(taken, if known { 2 } else { 1 });
}
