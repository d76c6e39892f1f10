//! Rules that need more than the resource: the person's other bookings and holds, their role, what an admin saw.
//! The rules themselves are the domain's tests' to try; here a store must show them what they need.

use super::kit::{Bench, hours, minute, rejection, room, told, with_policy};
use crate::attempt::{Answer, Ids};
use slotwise_domain::{
    Action, Ground, OwnOverlap, PersonId, Policy, ResourceId, ResourcePatch, ResourceSpec, Role, Witness,
};

async fn exclusive(b: &Bench) -> ResourceId {
    b.resource(with_policy(10, Policy { own_overlap: OwnOverlap::Refuse, ..Policy::default() })).await
}

pub(super) async fn no_two_at_once(b: &Bench) {
    let (x, y, any) = (exclusive(b).await, exclusive(b).await, b.room(10).await);
    let first = b.booked(b.ben, x, hours(9, 11)).await;
    for resource in [x, y] {
        let refused = rejection(&b.send(b.ben, b.book(b.ben, resource, hours(10, 12))).await);
        assert_eq!((refused.code.name(), refused.resource), ("own_overlap", Some(resource)));
        let witness = Witness::Booking { id: first.id, owner: b.ben, interval: hours(9, 11) };
        assert_eq!(refused.witness, Some(witness));
    }
    assert_eq!(b.says(b.ben, b.book(b.ben, any, hours(10, 12))).await, "BOOKED");
    assert_eq!(b.says(b.ben, b.book(b.ben, y, hours(11, 12))).await, "BOOKED");
    assert_eq!(b.says(b.cyd, b.book(b.cyd, y, hours(10, 12))).await, "BOOKED");
    // An admin who books for somebody is judged by that person's bookings.
    assert_eq!(b.says(b.ada, b.book(b.ben, y, hours(10, 11))).await, "own_overlap");
    assert_eq!(b.says(b.ben, Action::Cancel { booking: first.id, reason: None }).await, "ACCEPTED");
    assert_eq!(b.says(b.ben, b.book(b.ben, y, hours(9, 11))).await, "BOOKED");
}

pub(super) async fn no_two_at_once_in_one_commit(b: &Bench) {
    let (x, y) = (exclusive(b).await, exclusive(b).await);
    let batch = [x, y, x].map(|resource| b.proposal(b.ben, b.book(b.ben, resource, hours(9, 10))));
    assert_eq!(b.commit(batch.into()).await, ["BOOKED", "own_overlap", "own_overlap"]);
    let requests = [x, y].repeat(10).into_iter().map(|r| b.request(b.cyd, b.book(b.cyd, r, hours(9, 10))));
    let answers = b.at_once(requests.collect()).await;
    assert_eq!(super::kit::count(&answers, "BOOKED"), 1);
    assert_eq!(super::kit::count(&answers, "own_overlap"), 19);
}

pub(super) async fn holds_are_counted_within_one_commit(b: &Bench) {
    let mut batch = Vec::new();
    for _ in 0..11 {
        let room = b.room(1).await;
        batch.push(b.proposal(b.ben, b.hold(room, hours(9, 10))));
    }
    let mut expected = vec!["ACCEPTED"; 10];
    expected.push("quota_exceeded");
    assert_eq!(b.commit(batch).await, expected);
    // A hold granted and confirmed in one commit.
    let room = b.room(1).await;
    let hold = b.hold(room, hours(9, 10));
    let Action::Hold { hold: id, .. } = hold else { panic!("{hold:?}") };
    let version = b.calendar(room).await.version;
    let token = slotwise_domain::FencingToken(version.next_in(version.epoch), 0);
    let mut confirm = b.book(b.cyd, room, hours(9, 10));
    if let Action::Book { hold, .. } = &mut confirm {
        *hold = Some(slotwise_domain::HoldRef { id, token });
    }
    let batch = vec![b.proposal(b.cyd, hold), b.proposal(b.cyd, confirm)];
    assert_eq!(b.commit(batch).await, ["ACCEPTED", "BOOKED"]);
    let level = b.calendar(room).await.levels.at(minute(9 * 60));
    assert_eq!((level.booked, level.held), (1, 0));
}

pub(super) async fn a_commit_sees_its_own_changes(b: &Bench) {
    let room = b.room(2).await;
    let hold = b.held(b.ben, room, hours(9, 10)).await;
    let standing = b.booked(b.ben, room, hours(11, 12)).await;
    // What is looked up in the middle of a commit does not bring back the calendar as it was before it.
    let batch = vec![
        b.proposal(b.cyd, b.book(b.cyd, room, hours(9, 10))),
        b.proposal(b.ben, b.confirm(&hold)),
        b.proposal(b.cyd, b.book(b.cyd, room, hours(11, 12))),
        b.proposal(b.ben, Action::Cancel { booking: standing.id, reason: None }),
        b.proposal(b.cyd, b.book(b.cyd, room, hours(9, 10))),
        b.proposal(b.cyd, b.booking(b.cyd, &[(room, hours(11, 12), 2)], None)),
    ];
    let expected = ["BOOKED", "BOOKED", "BOOKED", "ACCEPTED", "full", "insufficient"];
    assert_eq!(b.commit(batch).await, expected);
    assert_eq!(b.version(room).await, 7);
}

pub(super) async fn a_commit_sees_what_it_changed_of_a_person(b: &Bench) {
    let mut holds = Vec::new();
    for _ in 0..10 {
        holds.push(b.held(b.ben, b.room(1).await, hours(9, 10)).await);
    }
    let (free, other) = (b.room(1).await, b.room(1).await);
    let batch = vec![
        b.proposal(b.ben, b.confirm(&holds[0])),
        b.proposal(b.ben, b.hold(free, hours(9, 10))),
        b.proposal(b.ben, b.hold(other, hours(9, 10))),
    ];
    assert_eq!(b.commit(batch).await, ["BOOKED", "ACCEPTED", "quota_exceeded"]);
}

pub(super) async fn policy_versions_bind_admins_only(b: &Bench) {
    let room = b.room(5).await;
    let edit = |policy_version, capacity| Action::EditResource {
        resource: room,
        policy_version,
        patch: Box::new(ResourcePatch { capacity: Some(Some(capacity)), ..ResourcePatch::default() }),
    };
    // Bookings pour in, and the admin's edit is not stale; of two admins one is applied.
    b.booked(b.ben, room, hours(9, 10)).await;
    b.booked(b.cyd, room, hours(9, 10)).await;
    let requests = vec![b.request(b.ada, edit(1, 7)), b.request(b.ada, edit(1, 8))];
    let answers = b.at_once(requests).await;
    assert_eq!(super::kit::sorted(&answers), ["ACCEPTED", "FAILED version_stale"]);
    let stale = answers.iter().find_map(|a| match a {
        Answer::Failed(failure) => failure.ground.clone(),
        _ => None,
    });
    assert!(matches!(stale, Some(Ground::PolicyVersion { yours: 1, theirs }) if theirs.policy_version == 2));
    // A cut below what is taken is refused.
    assert_eq!(b.says(b.ada, edit(2, 1)).await, "insufficient");
    assert_eq!(b.says(b.ben, edit(2, 9)).await, "not_allowed");
    assert_eq!(b.calendar(room).await.resource.policy_version, 2);
}

pub(super) async fn a_role_counts_at_the_decision(b: &Bench) {
    let make = || {
        let spec: ResourceSpec = room("Another", 1);
        Action::CreateResource { resource: ResourceId(b.ids.fresh()), spec: Box::new(spec) }
    };
    assert_eq!(b.says(b.ada, make()).await, "ACCEPTED");
    assert_eq!(b.says(b.ben, make()).await, "not_allowed");
    b.put_person(b.ada, "Ada", Role::Member).await;
    b.put_person(b.ben, "Ben", Role::Admin).await;
    assert_eq!(b.says(b.ada, make()).await, "not_allowed");
    assert_eq!(b.says(b.ben, make()).await, "ACCEPTED");
    b.put_person(b.ada, "Ada", Role::Admin).await;
    assert_eq!(b.says(b.ada, make()).await, "ACCEPTED");
}

pub(super) async fn a_person_who_is_gone_may_do_nothing(b: &Bench) {
    let room = b.room(1).await;
    let nobody = PersonId(b.ids.fresh());
    assert_eq!(b.says(nobody, b.book(nobody, room, hours(9, 10))).await, "not_allowed");
    assert_eq!(b.says(nobody, b.hold(room, hours(9, 10))).await, "not_allowed");
    assert_eq!(b.says(b.ada, b.book(nobody, room, hours(9, 10))).await, "not_found");
    let nowhere = ResourceId(b.ids.fresh());
    assert_eq!(told(&b.send(b.ben, b.book(b.ben, nowhere, hours(9, 10))).await), "not_found");
    assert_eq!(b.version(room).await, 1);
}
