//! The record: versions, the outbox, streams, and the time of decisions.
//! That the record folds to what is shown is audited after every case, and not here.

use super::kit::{Bench, decided, hours, named, recorded, told};
use crate::attempt::Ids;
use crate::port::{Clock, Status, Streamed};
use slotwise_domain::{
    Action, BlockId, DetailsPatch, Epoch, Exceptions, OverBookings, OverHolds, ResourceId, ResourcePatch, Seen, Span,
    Version,
};
use std::collections::BTreeMap;

pub(super) async fn versions_rise_by_one(b: &Bench) {
    let room = b.room(1).await;
    let mut version = b.version(room).await;
    assert_eq!(version, 1);
    let booking = b.booked(b.ben, room, hours(9, 10)).await.id;
    let hold = b.held(b.ben, room, hours(11, 12)).await;
    version += 2;
    let block = BlockId(b.ids.fresh());
    let patch = DetailsPatch { people: Some(Some(3)), ..DetailsPatch::default() };
    let add = |policy_version, interval| Action::AddBlock {
        resource: room,
        policy_version,
        block,
        interval,
        reason: "paint".into(),
        over_holds: OverHolds::Void,
        over_bookings: OverBookings::Refuse,
        exceptions: Exceptions::default(),
    };
    let edit = |policy_version| Action::EditResource {
        resource: room,
        policy_version,
        patch: Box::new(ResourcePatch { capacity: Some(Some(2)), ..ResourcePatch::default() }),
    };
    let steps = [
        (b.ben, Action::EditBooking { booking, revision: 1, patch: patch.clone() }, "ACCEPTED", 1),
        (b.ben, Action::EditBooking { booking, revision: 1, patch: patch.clone() }, "FAILED version_stale", 0),
        (b.cyd, Action::EditBooking { booking, revision: 2, patch }, "not_allowed", 0),
        (b.cyd, b.book(b.cyd, room, hours(9, 10)), "full", 0),
        (b.cyd, b.hold(room, hours(11, 12)), "held_by_other", 0),
        (b.cyd, Action::Renew(named(&hold)), "not_allowed", 0),
        (b.ada, add(1, hours(9, 10)), "full", 0),
        (b.ada, add(1, hours(11, 13)), "ACCEPTED", 1),
        (b.ada, edit(1), "FAILED version_stale", 0),
        (b.ada, edit(2), "ACCEPTED", 1),
        (b.ada, Action::RemoveBlock { resource: room, policy_version: 3, block }, "ACCEPTED", 1),
        (b.ada, Action::RemoveBlock { resource: room, policy_version: 4, block }, "not_found", 0),
        (b.ben, Action::Approve { booking }, "not_allowed", 0),
        (b.ada, Action::Approve { booking }, "ACCEPTED", 0),
        (b.cyd, Action::Cancel { booking, reason: None }, "not_allowed", 0),
        (b.ben, Action::Cancel { booking, reason: Some("ill".into()) }, "ACCEPTED", 1),
        (b.ben, Action::Cancel { booking, reason: None }, "ACCEPTED", 0),
        (b.ada, Action::ExpireHolds { resource: room }, "ACCEPTED", 0),
    ];
    for (n, (who, action, expected, rise)) in steps.into_iter().enumerate() {
        let step = format!("step {n}, {action:?}");
        let answer = b.send(who, action).await;
        assert_eq!(told(&answer), expected, "{step}");
        version += rise;
        assert_eq!(b.version(room).await, version, "{step}");
        if !expected.starts_with("FAILED") {
            assert_eq!(decided(&answer), [(room, version)], "{step}");
        }
    }
    let record = b.stream(room).await;
    assert_eq!(record.iter().map(|r| r.version.number).collect::<Vec<_>>(), (1..=version).collect::<Vec<_>>());
}

pub(super) async fn the_outbox_is_in_order(b: &Bench) {
    let mut rooms = Vec::new();
    for _ in 0..5 {
        rooms.push(b.room(100).await);
    }
    let requests = (0..100).map(|n| {
        let (one, two) = (rooms[n % 5], rooms[(n / 5) % 5]);
        b.request(b.ben, b.booking(b.ben, &[(one, hours(9, 10), 1), (two, hours(9, 10), 1)], None))
    });
    let answers = b.at_once(requests.collect()).await;
    assert_eq!(super::kit::count(&answers, "BOOKED"), 100);

    let all = b.outbox(1_000).await;
    assert_eq!(all, b.outbox(3).await, "pages are the same record");
    let mut last: BTreeMap<ResourceId, u64> = BTreeMap::new();
    for record in &all {
        let last = last.entry(record.resource).or_default();
        assert_eq!(record.version.number, *last + 1);
        *last += 1;
    }
    for room in rooms {
        let own: Vec<_> = all.iter().filter(|r| r.resource == room).cloned().collect();
        assert_eq!(own, b.stream(room).await, "the stream of a resource is its part of the outbox");
        assert_eq!(last[&room], b.version(room).await);
    }
    // From the head on there is only what comes later.
    let head = b.store.head().await.unwrap();
    assert_eq!(b.store.outbox(head.clone(), 10).await.unwrap(), (vec![], head.clone()));
    let later = b.room(1).await;
    let (records, next) = b.store.outbox(head, 10).await.unwrap();
    assert_eq!(records.iter().map(|r| r.resource).collect::<Vec<_>>(), [later]);
    assert_eq!(next, b.store.head().await.unwrap());
}

pub(super) async fn a_stream_resumes(b: &Bench) {
    let room = b.room(100).await;
    for _ in 0..9 {
        b.booked(b.ben, room, hours(9, 10)).await;
    }
    let whole = b.stream(room).await;
    let now = b.calendar(room).await.version;
    let mut seen = Vec::new();
    let mut after = Version::zero(now.epoch);
    loop {
        let streamed = b.store.stream(room, after, 4).await.unwrap();
        let Streamed::Records(page, more) = streamed else { panic!("{streamed:?}") };
        after = page.last().map_or(after, |r| r.version);
        assert_eq!(more, after != now);
        seen.extend(page);
        if !more {
            break;
        }
    }
    assert_eq!(seen, whole);
    assert_eq!(b.store.stream(room, now, 4).await.unwrap(), Streamed::Records(vec![], false));
    let ahead = now.next_in(now.epoch);
    let other_epochs = [Version { epoch: Epoch(now.epoch.0 + 1), number: 3 }, Version { epoch: Epoch(0), number: 3 }];
    for version in [ahead, other_epochs[0], other_epochs[1]] {
        assert_eq!(b.store.stream(room, version, 4).await.unwrap(), Streamed::Resync, "{version}");
    }
}

pub(super) async fn a_stream_of_nothing_is_empty(b: &Bench) {
    let epoch = b.calendar(b.room(1).await).await.version.epoch;
    let nowhere = ResourceId(b.ids.fresh());
    let zero = Version::zero(epoch);
    // Nothing is not ahead of the record: a reader may wait for what does not exist yet.
    assert_eq!(b.store.stream(nowhere, zero, 4).await.unwrap(), Streamed::Records(vec![], false));
    assert_eq!(b.store.stream(nowhere, zero.next_in(epoch), 4).await.unwrap(), Streamed::Resync);
}

pub(super) async fn what_is_over_is_forgotten_by_calendars_only(b: &Bench) {
    let room = b.room(2).await;
    let past = b.booked(b.ben, room, hours(9, 10)).await;
    let long = b.booked(b.ben, room, hours(9, 9 + 24 * 9)).await;
    b.held(b.cyd, room, hours(30, 31)).await;
    b.clock.step(Span::days(5));
    assert_eq!(b.says(b.ben, Action::Cancel { booking: past.id, reason: None }).await, "past_cutoff");
    let now = 24 * 5;
    assert_eq!(b.says(b.cyd, b.book(b.cyd, room, hours(now, now + 2))).await, "BOOKED");
    assert_eq!(b.says(b.cyd, b.book(b.cyd, room, hours(now, now + 2))).await, "full");
    b.audit().await;
    assert_eq!(b.says(b.ben, Action::Cancel { booking: long.id, reason: None }).await, "ACCEPTED");
    assert_eq!(b.says(b.cyd, b.book(b.cyd, room, hours(now, now + 2))).await, "BOOKED");
    assert_eq!(b.state_of(past.id).await, "confirmed");
}

pub(super) async fn what_the_screen_showed_is_recorded(b: &Bench) {
    let room = b.room(1).await;
    let version = b.calendar(room).await.version;
    b.booked(b.cyd, room, hours(9, 10)).await;
    let mut request = b.request(b.ben, b.book(b.ben, room, hours(9, 10)));
    let seen = Some(Seen { version, as_of: b.clock.now() });
    request.command.seen = seen;
    let answer = b.again(&request).await;
    let decision = &recorded(&answer).decision;
    assert_eq!((told(&answer).as_str(), decision.seen), ("full", seen));
    let now = b.calendar(room).await.version;
    assert_eq!((&decision.observed[..], &decision.decided[..]), (&[(room, now)][..], &[(room, now)][..]));
    assert_eq!(decision.policies, [(room, 1)]);
}

pub(super) async fn decided_at_never_goes_back(b: &Bench) {
    let (room, other) = (b.room(9).await, b.room(9).await);
    b.clock.step(Span::minutes(1));
    let first = b.send(b.ben, b.book(b.ben, room, hours(9, 10))).await;
    b.clock.step_wall(Span::seconds(-3));
    let set_back = b.clock.now();
    let second = b.send(b.ben, b.book(b.ben, room, hours(9, 10))).await;
    let third = b.send(b.ben, b.book(b.ben, other, hours(9, 10))).await;
    let both = b.booking(b.ben, &[(room, hours(9, 10), 1), (other, hours(9, 10), 1)], None);
    let fourth = b.send(b.ben, both).await;
    let fifth = b.send(b.ben, b.book(b.ben, other, hours(9, 10))).await;
    let decided_at = |answer| recorded(answer).decision.decided_at;
    assert_eq!(decided_at(&first), set_back.plus(Span::seconds(3)));
    assert_eq!(decided_at(&second), decided_at(&first));
    assert_eq!(decided_at(&third), set_back, "another resource has its own past");
    assert_eq!(decided_at(&fourth), decided_at(&first));
    assert_eq!(decided_at(&fifth), decided_at(&first), "a bundle carries the instant on");
    // A hold's time is judged by the same clock that granted it.
    let hold = b.held(b.ben, room, hours(11, 12)).await;
    assert_eq!(hold.expires_at, decided_at(&first).plus(Span::seconds(30)));
}

pub(super) async fn a_clock_that_jumped_is_accepted_by_an_operator(b: &Bench) {
    if !b.watches_clock {
        return;
    }
    let room = b.room(9).await;
    let known = b.request(b.ben, b.book(b.ben, room, hours(9, 10)));
    assert_eq!(told(&b.again(&known).await), "BOOKED");
    b.clock.step_wall(Span::seconds(4));
    assert_eq!(b.store.status(), Status::Ready);
    b.clock.step_wall(Span::seconds(-14));
    let request = b.request(b.ben, b.book(b.ben, room, hours(9, 10)));
    assert_eq!(told(&b.again(&request).await), "FAILED store_unavailable");
    assert_eq!(b.store.status(), Status::ClockJumped);
    assert_eq!(told(&b.again(&known).await), "again BOOKED", "what is recorded is told");
    assert_eq!(b.version(room).await, 2);
    b.clock.step_wall(Span::seconds(10));
    assert_eq!(b.store.status(), Status::ClockJumped, "somebody must look");
    b.store.accept_clock();
    assert_eq!(b.store.status(), Status::Ready);
    assert_eq!(told(&b.again(&request).await), "BOOKED");
    // Time that passes for the machine and not for its wall clock is a jump as well.
    b.clock.step_boot(Span::seconds(10));
    assert_eq!(b.store.status(), Status::ClockJumped);
    b.store.accept_clock();
    b.clock.step(Span::days(1));
    assert_eq!(b.store.status(), Status::Ready);
}
