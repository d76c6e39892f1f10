//! What admins do in the middle of a burst, and what becomes of a booking after it was made: the same in every store.
//! Whether a refusal is the right one is the domain's tests' to say.

use super::START;
use super::kit::{Bench, room};
use crate::attempt::{Answer, Ids};
use crate::no_shows::release_due;
use crate::port::{Clock, Made};
use slotwise_domain::{
    Action, Actor, Below, BlockId, Booking, BookingId, BookingRef, BookingState, Change, CheckIn, DetailsPatch,
    Displacer, Exceptions, Failure, Ground, Interval, OverBookings, OverHolds, OwnOverlap, PersonId, Policy, Preview,
    ResourceId, ResourceSpec, Service, Span,
};
use std::collections::HashSet;
use std::sync::Arc;

const WHY: &str = "The Dean comes.";

fn of(bookings: &[&Booking]) -> Preview {
    bookings.iter().map(|b| (b.id, b.revision)).collect()
}

/// Minutes after the case begins.
pub(super) fn minutes(from: i64, to: i64) -> Interval {
    Interval::new(START.plus(Span::minutes(from)), START.plus(Span::minutes(to))).unwrap()
}

pub(super) fn capacity(resource: ResourceId, policy_version: u64, to: u32, below: Below) -> Action {
    let (to, seen_used, reason) = (Some(to), Some(3), Some(WHY.to_owned()));
    Action::SetCapacity { resource, policy_version, to, seen_used, below, reason }
}

pub(super) fn block(
    b: &Bench,
    resource: ResourceId,
    interval: Interval,
    preview: Preview,
    people: Vec<PersonId>,
) -> Action {
    Action::AddBlock {
        resource,
        policy_version: 1,
        block: BlockId(b.ids.fresh()),
        interval,
        reason: WHY.into(),
        over_holds: OverHolds::Void,
        over_bookings: OverBookings::Displace(preview),
        exceptions: Exceptions::of(people, Vec::new()),
    }
}

/// Who would be displaced instead, by a failure that says so.
fn theirs(answer: Answer) -> Vec<BookingId> {
    match answer {
        Answer::Failed(Failure { ground: Some(Ground::Displaced { theirs, .. }), .. }) => {
            theirs.iter().map(|b| b.id).collect()
        }
        other => panic!("nobody else would be displaced: {other:?}"),
    }
}

async fn now(b: &Bench, id: BookingId) -> Arc<Booking> {
    b.views.booking(id).await.unwrap().unwrap()
}

/// Scenario 71: over-committed by the admin's word, nothing new until it fits, and the excess only falls.
pub(super) async fn what_is_over_committed_falls(b: &Bench) {
    let room = b.room(4).await;
    let time = minutes(60, 120);
    let mut all = Vec::new();
    for who in [b.ben, b.cyd, b.ben] {
        all.push(b.booked(who, room, time).await);
    }
    assert_eq!(b.says(b.ada, capacity(room, 1, 1, Below::Refuse)).await, "insufficient");
    assert_eq!(b.says(b.ada, capacity(room, 1, 1, Below::OverCommit)).await, "ACCEPTED");
    assert_eq!(b.calendar(room).await.over_commit, 2);
    let [Change::CapacitySet { used: 3, seen_used: Some(3), over_commit: 2, reason: Some(why), .. }] =
        &b.last(room).await.changes[..]
    else {
        panic!("{:?}", b.last(room).await)
    };
    assert_eq!(why, WHY);
    assert_eq!(b.says(b.cyd, b.book(b.cyd, room, time)).await, "full");
    for (n, booking) in all.iter().enumerate() {
        let cancel = Action::Cancel { booking: booking.id, reason: None };
        assert_eq!(b.says(booking.owner, cancel).await, "ACCEPTED");
        assert_eq!(b.calendar(room).await.over_commit, [1, 0, 0][n]);
    }
    assert_eq!(b.says(b.cyd, b.book(b.cyd, room, time)).await, "BOOKED");
}

/// Scenarios 71, 73, 74: bookings pour in while two admins cut; exactly what was looked at goes, once.
pub(super) async fn two_admins_cut_in_a_burst(b: &Bench) {
    let room = b.room(10).await;
    let time = minutes(60, 120);
    let mut preview = Vec::new();
    for _ in 0..3 {
        let booking = b.booked(b.ben, room, time).await;
        preview.push((booking.id, booking.revision));
    }
    let cut = || capacity(room, 1, 2, Below::DisplaceNewest(preview.clone()));
    let mut requests = vec![b.request(b.ada, cut()), b.request(b.ada, cut())];
    requests.extend((0..6).map(|_| b.request(b.cyd, b.book(b.cyd, room, time))));
    b.at_once(requests).await;
    let (calendar, displaced) = (b.calendar(room).await, displaced(b, room).await);
    let taken = calendar.levels.at(time.start()).taken();
    // The preview named three and one or more had to go: it never was the exact set, so neither cut was applied.
    assert!(
        displaced.is_empty() && taken == 9 && calendar.resource.spec.capacity == Some(10),
        "{taken}: {displaced:?}"
    );

    let wanted = theirs(b.send(b.ada, cut()).await);
    assert_eq!(wanted.len(), 7);
    let mut exact = Vec::new();
    for id in &wanted {
        exact.push((*id, now(b, *id).await.revision));
    }
    let cut = || capacity(room, 1, 2, Below::DisplaceNewest(exact.clone()));
    let answers = b.at_once(vec![b.request(b.ada, cut()), b.request(b.ada, cut())]).await;
    let applied = answers.iter().filter(|a| matches!(a, Answer::Decided(..))).count();
    let stale = answers.iter().filter(|a| matches!(a, Answer::Failed(f) if f.ground.is_some())).count();
    assert_eq!((applied, stale), (1, 1), "{answers:?}");
    let gone: HashSet<BookingId> = wanted.into_iter().collect();
    assert_eq!(self::displaced(b, room).await, gone);
    assert_eq!(b.calendar(room).await.levels.at(time.start()).taken(), 2);
}

async fn displaced(b: &Bench, room: ResourceId) -> HashSet<BookingId> {
    let records = b.stream(room).await;
    let changes = records.iter().flat_map(|r| &r.changes);
    let gone = changes.filter_map(|c| match c {
        Change::BookingDisplaced { booking, .. } => Some(*booking),
        _ => None,
    });
    gone.collect()
}

/// A bundle goes whole; what an exception names stays, and is booked over the block; everything is told on every resource.
pub(super) async fn a_block_displaces_bundles_whole(b: &Bench) {
    let (one, other) = (b.room(2).await, b.room(1).await);
    let (time, later) = (minutes(60, 120), minutes(300, 360));
    let Answer::Decided(_, Some(Made::Booking(bundle))) =
        b.send(b.ben, b.booking(b.ben, &[(one, time, 1), (other, later, 1)], None)).await
    else {
        panic!("not booked")
    };
    let stays = b.booked(b.cyd, one, time).await;
    let answer = b.send(b.ada, block(b, one, minutes(90, 150), of(&[&bundle, &stays]), vec![b.cyd])).await;
    assert_eq!(theirs(answer), [bundle.id]);
    let answer = b.send(b.ada, block(b, one, minutes(90, 150), of(&[&bundle]), vec![b.cyd])).await;
    let Answer::Decided(_, Some(Made::Block(_, made, 2))) = answer else { panic!("{answer:?}") };
    let gone = now(b, bundle.id).await;
    let BookingState::Displaced { by, reason, by_what, .. } = &gone.state else { panic!("{gone:?}") };
    assert_eq!((*by, &**reason, *by_what), (Actor::Person(b.ada), WHY, Displacer::Block(made.id)));
    assert!(b.calendar(other).await.uses.is_empty());
    assert!(matches!(b.last(other).await.changes[..], [Change::BookingDisplaced { .. }]));
    assert_eq!(b.state_of(stays.id).await, "confirmed");
    assert_eq!(b.says(b.ben, b.book(b.ben, one, minutes(120, 150))).await, "blocked");
    assert_eq!(b.says(b.cyd, b.book(b.cyd, one, minutes(120, 150))).await, "BOOKED");
    let again = Action::Cancel { booking: bundle.id, reason: None };
    assert_eq!(b.says(b.ben, again).await, "invalid");
}

/// An override says why and whom; it binds the revisions that were looked at.
pub(super) async fn an_override_takes_what_it_names(b: &Bench) {
    let policy = Policy { closed: false, ..Policy::default() };
    let place = b.resource(ResourceSpec { policy, ..room("Hall", 1) }).await;
    let stands = b.booked(b.ben, place, minutes(60, 120)).await;
    let edit = Action::EditBooking { booking: stands.id, revision: 1, patch: DetailsPatch::default() };
    assert_eq!(b.says(b.ben, edit).await, "ACCEPTED");
    let over = |displaces: Preview| Action::Override {
        action: Box::new(b.book(b.cyd, place, minutes(90, 150))),
        reason: WHY.into(),
        displaces,
    };
    assert_eq!(theirs(b.send(b.ada, over(of(&[&stands]))).await), [stands.id]);
    assert_eq!(b.says(b.ben, over(of(&[&*now(b, stands.id).await]))).await, "not_allowed");
    let answer = b.send(b.ada, over(of(&[&*now(b, stands.id).await]))).await;
    let Answer::Decided(recorded, Some(Made::Booking(made))) = answer else { panic!("{answer:?}") };
    assert_eq!(recorded.decision.outcome.name(), "BOOKED");
    assert_eq!((made.owner, made.made_by), (b.cyd, Actor::Person(b.ada)));
    let changes = b.last(place).await.changes;
    let [Change::BookingDisplaced { .. }, Change::BookingMade { .. }, Change::BookingOverrode { reason, .. }] =
        &changes[..]
    else {
        panic!("{changes:?}")
    };
    assert_eq!(reason, WHY);
    // Back to where it was, over the rules of a closed resource.
    let close = |service| Action::SetService { resource: place, policy_version: 1, service, reason: WHY.into() };
    assert_eq!(b.says(b.ada, close(Service::Closed)).await, "ACCEPTED");
    assert_eq!(b.says(b.ada, b.book(b.ada, place, minutes(300, 360))).await, "closed");
    let action = Box::new(b.relocate(made.id, &[(place, minutes(300, 360), 1)]));
    let over = Action::Override { action, reason: WHY.into(), displaces: Vec::new() };
    assert_eq!(b.says(b.ada, over).await, "ACCEPTED");
}

/// History names the owner at any instant, and rules about people follow the owner.
pub(super) async fn a_booking_changes_hands(b: &Bench) {
    let policy = Policy { own_overlap: OwnOverlap::Refuse, ..Policy::default() };
    let place = b.resource(ResourceSpec { policy, ..room("Class", 5) }).await;
    let mine = b.booked(b.ben, place, minutes(60, 120)).await;
    let booking = BookingRef { id: mine.id, revision: Some(1) };
    let hand = Action::HandOver { booking, to: b.cyd, reason: WHY.into() };
    let batch = vec![
        b.proposal(b.ada, hand.clone()),
        b.proposal(b.ben, b.book(b.ben, place, minutes(60, 120))),
        b.proposal(b.cyd, b.book(b.cyd, place, minutes(90, 150))),
    ];
    assert_eq!(b.commit(batch).await, ["ACCEPTED", "BOOKED", "own_overlap"]);
    assert_eq!(b.says(b.cyd, b.book(b.cyd, place, minutes(90, 150))).await, "own_overlap");
    assert_eq!(b.says(b.ben, Action::Cancel { booking: mine.id, reason: None }).await, "not_allowed");
    let history = b.views.history(mine.id, 10).await.unwrap();
    let owners: Vec<_> = history.iter().flat_map(|r| &r.changes).filter_map(Change::about).collect();
    assert_eq!(owners, [b.ben, b.cyd]);
    let stale = b.send(b.ada, hand).await;
    assert!(
        matches!(stale, Answer::Failed(Failure { ground: Some(Ground::Revision { yours: 1, .. }), .. })),
        "{stale:?}"
    );
}

/// The deadline lets go what nobody came to, and leaves alone whoever came.
pub(super) async fn who_has_not_come_is_let_go(b: &Bench) {
    let check_in = Some(CheckIn { opens: Span::minutes(30), closes: Span::minutes(10) });
    let spec = |n: u32| ResourceSpec { policy: Policy { check_in, ..Policy::default() }, ..room("Room", n) };
    let place = b.resource(spec(2)).await;
    let (here, away) = (b.booked(b.ben, place, minutes(20, 80)).await, b.booked(b.cyd, place, minutes(20, 80)).await);
    let mut settled = HashSet::new();
    assert_eq!(b.says(b.ben, Action::CheckIn { booking: here.id }).await, "ACCEPTED");
    b.clock.step(Span::minutes(29));
    assert_eq!(release_due(&b.engine, &*b.views, &mut settled).await, 0);
    b.clock.step(Span::minutes(1));
    assert_eq!(release_due(&b.engine, &*b.views, &mut settled).await, 1);
    assert_eq!(release_due(&b.engine, &*b.views, &mut settled).await, 0);
    assert_eq!(b.state_of(here.id).await, "checked_in");
    let gone = now(b, away.id).await;
    assert_eq!(gone.state.name(), "no_show");
    let [slot] = gone.slots[..] else { panic!("{gone:?}") };
    assert_eq!((slot.interval, slot.occupied.end()), (minutes(20, 80), gone.decided_at));
    assert_eq!(b.says(b.cyd, b.book(b.cyd, place, minutes(30, 80))).await, "BOOKED");
}

/// What somebody asks of one booking, by name.
fn asks(b: &Bench, place: ResourceId, booking: &Booking) -> Vec<(&'static str, PersonId, Action)> {
    let start = booking.start();
    let from_start = |from, to| Interval::new(start.plus(Span::minutes(from)), start.plus(Span::minutes(to))).unwrap();
    let (id, named) = (booking.id, BookingRef { id: booking.id, revision: None });
    let (ada, ben) = (b.ada, b.ben);
    let why = || Some(WHY.to_owned());
    vec![
        ("approve", ada, Action::Approve { booking: id }),
        ("decline", ada, Action::Decline { booking: named, reason: WHY.into() }),
        ("cancel", ben, Action::Cancel { booking: id, reason: None }),
        ("cancel by an admin", ada, Action::Cancel { booking: id, reason: why() }),
        ("move", ben, b.relocate(id, &[(place, from_start(0, 120), 1)])),
        ("edit", ben, Action::EditBooking { booking: id, revision: booking.revision, patch: DetailsPatch::default() }),
        ("check in", ben, Action::CheckIn { booking: id }),
        ("release", ada, Action::ReleaseNoShow { booking: id }),
        ("hand over", ada, Action::HandOver { booking: named, to: b.cyd, reason: WHY.into() }),
        ("block", ada, block(b, place, from_start(40, 70), of(&[booking]), Vec::new())),
        ("swap", ben, b.swap(id, id)),
    ]
}

/// Every two commands on one booking, in both orders, apart and in one commit: what comes of one commit is what comes of the same
/// commands one after the other, and nothing brings back what has ended.
pub(super) async fn every_two_commands_on_one_booking(b: &Bench) {
    let ways = [(false, Span::ZERO), (true, Span::ZERO), (false, Span::minutes(5))];
    for (approval, after) in ways {
        let closes = if after == Span::ZERO { Span::minutes(20) } else { Span::minutes(1) };
        let policy = Policy {
            approval,
            pending_takes: approval,
            check_in: Some(CheckIn { opens: Span::hours(1), closes }),
            ..Policy::default()
        };
        for first in 0..11 {
            for second in 0..11 {
                let mut ends = Vec::new();
                for together in [false, true] {
                    let place = b.resource(ResourceSpec { policy: policy.clone(), ..room("Room", 2) }).await;
                    let at = b.clock.now();
                    let running = Interval::new(at.minus(Span::minutes(10)), at.plus(Span::hours(2))).unwrap();
                    let booking = b.booked(b.ben, place, running).await;
                    // Whoever has it only since it runs has their time to come.
                    b.clock.step(after);
                    let all = asks(b, place, &booking);
                    let (one, other) = (&all[first], &all[second]);
                    let said = match together {
                        true => {
                            let batch = vec![b.proposal(one.1, one.2.clone()), b.proposal(other.1, anew(b, &other.2))];
                            b.commit(batch).await
                        }
                        false => {
                            let mut said = b.commit(vec![b.proposal(one.1, one.2.clone())]).await;
                            let before = now(b, booking.id).await;
                            said.extend(b.commit(vec![b.proposal(other.1, anew(b, &other.2))]).await);
                            let end = now(b, booking.id).await;
                            let brought_back = before.state.is_final() && end.state != before.state;
                            assert!(!brought_back, "{} then {}: {before:?}, {end:?}", one.0, other.0);
                            said
                        }
                    };
                    let end = now(b, booking.id).await;
                    let taken = b.calendar(place).await.uses.len();
                    ends.push((said, end.state.name(), end.owner, end.revision, taken));
                }
                let [apart, together] = &ends[..] else { unreachable!("both ways were tried") };
                assert_eq!(apart, together, "{first} then {second}, approval {approval}, after {after:?}");
            }
        }
    }
}

/// The same, making something of its own.
fn anew(b: &Bench, action: &Action) -> Action {
    let mut action = action.clone();
    if let Action::AddBlock { block, .. } = &mut action {
        *block = BlockId(b.ids.fresh());
    }
    action
}
