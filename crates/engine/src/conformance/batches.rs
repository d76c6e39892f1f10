//! One commit of many proposals: each is judged on what those before it left, whatever it loads by itself.
//! That none suffers for another's bug is in `verdicts`; what a person holds is in `rules`.

use super::kit::{Bench, hours, with_policy};
use crate::port::Made;
use slotwise_domain::{Action, Change, HoldEnd, OwnOverlap, Policy, ResourceId, ResourcePatch};

async fn exclusive(b: &Bench, approval: bool) -> ResourceId {
    b.resource(with_policy(9, Policy { own_overlap: OwnOverlap::Refuse, approval, ..Policy::default() })).await
}

pub(super) async fn bookings_of_a_person_are_as_the_commit_left_them(b: &Bench) {
    let (x, y, asks) = (exclusive(b, false).await, exclusive(b, false).await, exclusive(b, true).await);
    let first = b.booked(b.ben, x, hours(9, 10)).await;
    let asked = b.send(b.cyd, b.book(b.cyd, asks, hours(9, 10))).await;
    let crate::Answer::Decided(_, Some(Made::Booking(pending))) = asked else { panic!("{asked:?}") };
    let batch = vec![
        b.proposal(b.ben, Action::Cancel { booking: first.id, reason: None }),
        b.proposal(b.ben, b.book(b.ben, y, hours(9, 11))),
        b.proposal(b.ben, b.book(b.ben, x, hours(9, 10))),
        b.proposal(b.ada, Action::Approve { booking: pending.id }),
        b.proposal(b.cyd, b.book(b.cyd, y, hours(9, 11))),
    ];
    assert_eq!(b.commit(batch).await, ["ACCEPTED", "BOOKED", "own_overlap", "ACCEPTED", "own_overlap"]);
}

pub(super) async fn an_edit_binds_those_after_it(b: &Bench) {
    let room = b.room(1).await;
    let edit = |policy_version, capacity| {
        let patch = Box::new(ResourcePatch { capacity: Some(Some(capacity)), ..ResourcePatch::default() });
        b.proposal(b.ada, Action::EditResource { resource: room, policy_version, patch })
    };
    let batch = vec![
        b.proposal(b.ben, b.booking(b.ben, &[(room, hours(9, 10), 2)], None)),
        edit(1, 2),
        edit(1, 5),
        b.proposal(b.ben, b.booking(b.ben, &[(room, hours(9, 10), 2)], None)),
        edit(2, 1),
        b.proposal(b.cyd, b.book(b.cyd, room, hours(9, 10))),
    ];
    let expected = ["invalid", "ACCEPTED", "FAILED version_stale", "BOOKED", "insufficient", "full"];
    assert_eq!(b.commit(batch).await, expected);
    assert_eq!(b.version(room).await, 3, "what FAILED or was refused leaves no version");
}

pub(super) async fn changes_of_one_commit_are_in_order(b: &Bench) {
    let room = b.room(2).await;
    let expired = b.held(b.cyd, room, hours(9, 10)).await;
    b.clock.step(slotwise_domain::Span::seconds(10));
    let consumed = b.held(b.ben, room, hours(9, 10)).await;
    b.clock.set(expired.expires_at);
    assert_eq!(b.says(b.ben, b.confirm(&consumed)).await, "BOOKED");
    let changes = b.last(room).await.changes;
    let [Change::HoldEnded(first), Change::HoldEnded(second), Change::BookingMade { .. }] = &changes[..] else {
        panic!("what fell due, the hold, the booking: {changes:?}")
    };
    assert_eq!((first.hold.id, first.end), (expired.id, HoldEnd::Expired));
    assert_eq!((second.hold.id, second.end), (consumed.id, HoldEnd::Consumed));
}
