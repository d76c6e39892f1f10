//! Bookings that are put elsewhere, alone and among others who want the same; and many attempts sent together.
//! What a move is refused for is the domain's tests' to try; here a store must leave the old place and take the new one in one commit.

use super::kit::{Bench, count, decided, hours, minute, recorded, sorted, told, with_policy};
use crate::attempt::{Answer, Request};
use crate::port::{BookingFilter, Made, Record};
use slotwise_domain::{
    Action, Booking, BookingId, BookingRef, Change, DetailsPatch, Fingerprint, Ground, Interval, OwnOverlap, Policy,
    ResourceId,
};
use std::sync::Arc;

async fn now_at(b: &Bench, id: BookingId) -> Vec<(ResourceId, Interval, u32)> {
    let booking = b.views.booking(id).await.unwrap().unwrap();
    booking.slots.iter().map(|s| (s.resource, s.interval, s.units)).collect()
}

async fn taken(b: &Bench, resource: ResourceId, hour: i64) -> u64 {
    b.calendar(resource).await.levels.at(minute(hour * 60)).booked
}

pub(super) async fn the_old_place_is_kept_unless_the_new_one_is_had(b: &Bench) {
    let room = b.room(1).await;
    let (mine, theirs) = (b.booked(b.ben, room, hours(9, 10)).await, b.booked(b.cyd, room, hours(10, 11)).await);
    assert_eq!(b.says(b.ben, b.relocate(mine.id, &[(room, hours(10, 11), 1)])).await, "full");
    assert_eq!(now_at(b, mine.id).await, [(room, hours(9, 10), 1)]);
    assert_eq!((taken(b, room, 9).await, b.version(room).await), (1, 3));
    let answer = b.send(b.ben, b.relocate(mine.id, &[(room, hours(8, 10), 1)])).await;
    assert_eq!((told(&answer).as_str(), decided(&answer)), ("ACCEPTED", vec![(room, 4)]));
    let Answer::Decided(_, Some(Made::Booking(moved))) = &answer else { panic!("{answer:?}") };
    assert_eq!((moved.id, moved.revision, moved.start()), (mine.id, 2, minute(8 * 60)));
    assert_eq!(b.views.booking(mine.id).await.unwrap().unwrap(), *moved);
    assert_eq!(b.says(b.cyd, Action::Cancel { booking: theirs.id, reason: None }).await, "ACCEPTED");
    assert_eq!(b.says(b.ben, b.relocate(mine.id, &[(room, hours(10, 11), 1)])).await, "ACCEPTED");
    assert_eq!((taken(b, room, 8).await, taken(b, room, 9).await, taken(b, room, 10).await), (0, 0, 1));
    assert_eq!(b.says(b.cyd, b.book(b.cyd, room, hours(8, 10))).await, "BOOKED");
    let [Change::BookingMoved { booking, owner, revision: 3, pending: false, from, to, occurrence: None }] =
        &b.stream(room).await[5].changes[..]
    else {
        panic!("not the move: {:?}", b.stream(room).await[5])
    };
    assert_eq!((*booking, *owner), (mine.id, b.ben));
    assert_eq!((from[0].1.interval, to[0].1.interval), (hours(8, 10), hours(10, 11)));
}

pub(super) async fn a_move_and_a_booking_make_a_serial_order(b: &Bench) {
    for _ in 0..10 {
        let room = b.room(1).await;
        let mine = b.booked(b.ben, room, hours(9, 10)).await;
        let requests = vec![
            b.request(b.ben, b.relocate(mine.id, &[(room, hours(10, 11), 1)])),
            b.request(b.cyd, b.book(b.cyd, room, hours(10, 11))),
        ];
        let answers = b.at_once(requests).await;
        assert_eq!(count(&answers, "full"), 1, "one of the two has it");
        let (old, new) = (taken(b, room, 9).await, taken(b, room, 10).await);
        assert_eq!((old, new), (u64::from(told(&answers[0]) == "full"), 1), "never both, never neither");
    }
}

// R6.
pub(super) async fn six_moves_of_one_booking_leave_it_in_one_place(b: &Bench) {
    let room = b.room(1).await;
    let mine = b.booked(b.ben, room, hours(9, 10)).await;
    let to = |n: i64| b.relocate(mine.id, &[(room, hours(10 + n, 11 + n), 1)]);
    let answers = b.at_once((0..6).map(|n| b.request(b.ben, to(n))).collect()).await;
    assert!(answers.iter().all(|a| told(a) == "ACCEPTED"), "each follows another: {:?}", sorted(&answers));
    let mut places = Vec::new();
    for hour in 9..16 {
        places.push(taken(b, room, hour).await);
    }
    assert_eq!((places[0], places.iter().sum::<u64>()), (0, 1), "it left its first place, and has one: {places:?}");
    let now = b.views.booking(mine.id).await.unwrap().unwrap();
    assert_eq!(now.revision, mine.revision + 6);
}

// R7.
pub(super) async fn a_move_and_a_cancel_make_a_serial_order(b: &Bench) {
    for _ in 0..10 {
        let room = b.room(1).await;
        let mine = b.booked(b.ben, room, hours(9, 10)).await;
        let requests = vec![
            b.request(b.ben, b.relocate(mine.id, &[(room, hours(10, 11), 1)])),
            b.request(b.ben, Action::Cancel { booking: mine.id, reason: None }),
        ];
        let answers = b.at_once(requests).await;
        assert_eq!(told(&answers[1]), "ACCEPTED");
        assert!(["ACCEPTED", "invalid"].contains(&told(&answers[0]).as_str()), "{:?}", answers[0]);
        assert_eq!((taken(b, room, 9).await, taken(b, room, 10).await), (0, 0));
        assert_eq!(b.state_of(mine.id).await, "cancelled", "never resurrected");
    }
}

// Scenario 9: two moves are no swap.
pub(super) async fn two_moves_to_each_other_s_places_are_both_refused(b: &Bench) {
    let room = b.room(1).await;
    let (one, other) = (b.booked(b.ben, room, hours(9, 10)).await, b.booked(b.cyd, room, hours(10, 11)).await);
    let requests = vec![
        b.request(b.ben, b.relocate(one.id, &[(room, hours(10, 11), 1)])),
        b.request(b.cyd, b.relocate(other.id, &[(room, hours(9, 10), 1)])),
    ];
    assert_eq!(sorted(&b.at_once(requests).await), ["full", "full"]);
    assert_eq!(
        (now_at(b, one.id).await, now_at(b, other.id).await),
        (vec![(room, hours(9, 10), 1)], vec![(room, hours(10, 11), 1)])
    );
}

pub(super) async fn a_move_to_another_resource_is_drop_and_add(b: &Bench) {
    let (x, y) = (b.room(1).await, b.room(1).await);
    let mine = b.booked(b.ben, x, hours(9, 10)).await;
    let theirs = b.booked(b.cyd, y, hours(9, 10)).await;
    assert_eq!(b.says(b.ben, b.relocate(mine.id, &[(y, hours(9, 10), 1)])).await, "full");
    assert_eq!(
        (b.version(x).await, b.version(y).await, taken(b, x, 9).await),
        (2, 2, 1),
        "what is refused changes nothing"
    );
    assert_eq!(b.says(b.cyd, Action::Cancel { booking: theirs.id, reason: None }).await, "ACCEPTED");
    let answer = b.send(b.ben, b.relocate(mine.id, &[(y, hours(9, 10), 1)])).await;
    assert_eq!((told(&answer).as_str(), decided(&answer)), ("ACCEPTED", vec![(x, 3), (y, 4)]));
    assert_eq!((taken(b, x, 9).await, taken(b, y, 9).await), (0, 1));
    assert_eq!(b.says(b.ben, Action::Cancel { booking: mine.id, reason: None }).await, "ACCEPTED");
    assert_eq!(
        (b.version(x).await, b.version(y).await, taken(b, y, 9).await),
        (3, 5, 0),
        "where it is, and no more where it was"
    );
}

pub(super) async fn a_bundle_moves_whole(b: &Bench) {
    let (x, y, z) = (b.room(1).await, b.room(3).await, b.room(1).await);
    let both = b.booking(b.ben, &[(x, hours(9, 10), 1), (y, hours(9, 12), 2)], None);
    let Answer::Decided(_, Some(Made::Booking(bundle))) = b.send(b.ben, both).await else { panic!("not booked") };
    b.booked(b.cyd, z, hours(9, 10)).await;
    assert_eq!(b.says(b.ben, b.relocate(bundle.id, &[(y, hours(14, 15), 3), (z, hours(9, 10), 1)])).await, "full");
    assert_eq!((b.version(x).await, b.version(y).await, b.version(z).await), (2, 2, 2));
    let lines = [(z, hours(10, 11), 1), (y, hours(11, 13), 1), (y, hours(9, 11), 2)];
    let answer = b.send(b.ben, b.relocate(bundle.id, &lines)).await;
    assert_eq!(decided(&answer).len(), 3, "each resource that it left, stays on or takes");
    assert_eq!(now_at(b, bundle.id).await, lines);
    assert_eq!((taken(b, x, 9).await, taken(b, z, 10).await), (0, 1));
    assert_eq!((taken(b, y, 9).await, taken(b, y, 11).await, taken(b, y, 13).await), (2, 1, 0));
    assert_eq!(b.says(b.ben, Action::Cancel { booking: bundle.id, reason: None }).await, "ACCEPTED");
    assert_eq!((taken(b, y, 9).await, taken(b, y, 11).await, taken(b, z, 10).await), (0, 0, 0), "cancelled whole");
}

pub(super) async fn a_booking_moves_twice_in_one_commit(b: &Bench) {
    let (x, y) = (b.room(1).await, b.room(1).await);
    let mine = b.booked(b.ben, x, hours(9, 10)).await;
    let batch = vec![
        b.proposal(b.ben, b.relocate(mine.id, &[(y, hours(9, 12), 1)])),
        b.proposal(b.cyd, b.book(b.cyd, x, hours(9, 10))),
        b.proposal(b.ben, b.relocate(mine.id, &[(x, hours(9, 10), 1)])),
        b.proposal(b.ben, b.relocate(mine.id, &[(y, hours(10, 11), 1), (x, hours(11, 12), 1)])),
        b.proposal(b.cyd, b.book(b.cyd, y, hours(9, 10))),
        b.proposal(b.ben, b.relocate(mine.id, &[(x, hours(10, 11), 1)])),
    ];
    assert_eq!(b.commit(batch).await, ["ACCEPTED", "BOOKED", "full", "ACCEPTED", "BOOKED", "ACCEPTED"]);
    assert_eq!(now_at(b, mine.id).await, [(x, hours(10, 11), 1)]);
    assert_eq!((b.version(x).await, b.version(y).await), (6, 5));
    let theirs = b.views.bookings(BookingFilter { resource: Some(y), max: 10, ..BookingFilter::default() }).await;
    assert_eq!(theirs.unwrap().iter().map(|b| b.owner).collect::<Vec<_>>(), [b.cyd]);
}

pub(super) async fn what_waits_moves_and_waits_on(b: &Bench) {
    let (asks, free) =
        (b.resource(with_policy(1, Policy { approval: true, ..Policy::default() })).await, b.room(1).await);
    let waiting = b.booked(b.ben, asks, hours(9, 10)).await;
    assert_eq!(b.says(b.ben, b.relocate(waiting.id, &[(free, hours(9, 10), 1)])).await, "ACCEPTED");
    assert_eq!((b.state_of(waiting.id).await, taken(b, free, 9).await), ("pending", 0));
    assert_eq!(b.says(b.ada, Action::Approve { booking: waiting.id }).await, "ACCEPTED");
    assert_eq!((taken(b, asks, 9).await, taken(b, free, 9).await), (0, 1));
    assert_eq!(b.says(b.ben, b.relocate(waiting.id, &[(asks, hours(9, 10), 1)])).await, "not_allowed");
    assert_eq!((b.state_of(waiting.id).await, taken(b, free, 9).await), ("confirmed", 1));
}

pub(super) async fn what_one_left_is_no_overlap_any_more(b: &Bench) {
    let refuse = || with_policy(9, Policy { own_overlap: OwnOverlap::Refuse, ..Policy::default() });
    let (x, y) = (b.resource(refuse()).await, b.resource(refuse()).await);
    let mine = b.booked(b.ben, x, hours(9, 10)).await;
    // To the one and back: whichever of the two is told first.
    let batch = vec![
        b.proposal(b.ben, b.relocate(mine.id, &[(y, hours(10, 11), 1)])),
        b.proposal(b.ben, b.book(b.ben, x, hours(10, 11))),
        b.proposal(b.ben, b.book(b.ben, x, hours(9, 10))),
    ];
    assert_eq!(b.commit(batch).await, ["ACCEPTED", "own_overlap", "BOOKED"]);
    assert_eq!(b.says(b.ben, b.relocate(mine.id, &[(x, hours(9, 10), 1)])).await, "own_overlap");
    let batch = vec![
        b.proposal(b.ben, b.relocate(mine.id, &[(x, hours(12, 13), 1)])),
        b.proposal(b.ben, b.book(b.ben, y, hours(12, 13))),
        b.proposal(b.ben, b.book(b.ben, y, hours(10, 11))),
    ];
    assert_eq!(b.commit(batch).await, ["ACCEPTED", "own_overlap", "BOOKED"]);
    assert_eq!(b.says(b.ben, b.book(b.ben, y, hours(12, 13))).await, "own_overlap");
}

pub(super) async fn two_take_each_other_s_places(b: &Bench) {
    let (x, y) = (b.room(1).await, b.room(3).await);
    let one = b.booked(b.ben, x, hours(9, 10)).await;
    let two = b.booking(b.cyd, &[(y, hours(14, 15), 2)], None);
    let Answer::Decided(_, Some(Made::Booking(other))) = b.send(b.cyd, two).await else { panic!("not booked") };
    let request = b.request(b.ada, b.swap(one.id, other.id));
    let answer = b.again(&request).await;
    let Answer::Decided(_, Some(Made::Bookings(first, second))) = &answer else { panic!("{answer:?}") };
    let ids = |one: &Arc<Booking>, other: &Arc<Booking>| (one.id, one.owner, other.id, other.owner);
    assert_eq!(ids(first, second), (one.id, b.ben, other.id, b.cyd));
    assert_eq!(decided(&answer), [(x, 3), (y, 3)], "each resource rises by one");
    assert_eq!(now_at(b, one.id).await, [(y, hours(14, 15), 2)]);
    assert_eq!(now_at(b, other.id).await, [(x, hours(9, 10), 1)]);
    assert_eq!(told(&b.again(&request).await), "again ACCEPTED");
    assert_eq!(b.says(b.ben, Action::Cancel { booking: one.id, reason: None }).await, "ACCEPTED");
    assert_eq!((taken(b, x, 9).await, taken(b, y, 14).await), (1, 0));
    let batch = vec![b.proposal(b.ada, b.swap(other.id, one.id)), b.proposal(b.ben, b.book(b.ben, y, hours(14, 15)))];
    assert_eq!(b.commit(batch).await, ["invalid", "BOOKED"]);
}

pub(super) async fn a_swap_by_whom_it_concerns(b: &Bench) {
    let room = b.room(1).await;
    let [one, other] = [b.booked(b.ben, room, hours(9, 10)).await, b.booked(b.cyd, room, hours(10, 11)).await];
    assert_eq!(b.says(b.ben, b.swap(one.id, other.id)).await, "not_allowed");
    assert_eq!(b.says(b.cyd, b.swap(one.id, other.id)).await, "not_allowed");
    let third = b.booked(b.ben, room, hours(11, 12)).await;
    assert_eq!(b.says(b.ben, b.swap(one.id, third.id)).await, "ACCEPTED");
    // Many swaps at once lose nobody's booking: whatever the order, the places are the same.
    let pairs = [(one.id, other.id), (other.id, third.id), (third.id, one.id), (one.id, third.id)];
    let answers = b.at_once(pairs.map(|(x, y)| b.request(b.ada, b.swap(x, y))).into()).await;
    assert_eq!(count(&answers, "ACCEPTED"), 4);
    let mut places = Vec::new();
    for id in [one.id, other.id, third.id] {
        places.extend(now_at(b, id).await.into_iter().map(|(_, at, _)| at));
    }
    places.sort();
    assert_eq!(places, [hours(9, 10), hours(10, 11), hours(11, 12)]);
}

pub(super) async fn revisions_bind_whoever_names_them(b: &Bench) {
    let room = b.room(1).await;
    let [one, other] = [b.booked(b.ben, room, hours(9, 10)).await, b.booked(b.ben, room, hours(10, 11)).await];
    let seen = |id, revision| BookingRef { id, revision: Some(revision) };
    let Action::Move { to, .. } = b.relocate(one.id, &[(room, hours(12, 13), 1)]) else { panic!("it moves") };
    let moved = |revision| Action::Move { booking: seen(one.id, revision), to: to.clone() };
    assert_eq!(b.says(b.ben, moved(1)).await, "ACCEPTED");
    let stale = b.send(b.ben, moved(1)).await;
    assert_eq!(told(&stale), "FAILED version_stale");
    let Answer::Failed(failure) = stale else { panic!("{stale:?}") };
    assert!(matches!(failure.ground, Some(Ground::Revision { yours: 1, theirs }) if theirs.revision == 2));
    let swap = |x, y| Action::Swap { one: seen(one.id, x), other: seen(other.id, y) };
    assert_eq!(b.says(b.ben, swap(1, 1)).await, "FAILED version_stale");
    assert_eq!(b.says(b.ben, swap(2, 2)).await, "FAILED version_stale");
    assert_eq!(b.says(b.ben, swap(2, 1)).await, "ACCEPTED");
}

/// Lists know where it is, by resource, by time, by owner; and not where it was.
pub(super) async fn a_booking_is_found_where_it_is(b: &Bench) {
    let (x, y) = (b.room(1).await, b.room(1).await);
    let mine = b.booked(b.ben, x, hours(9, 10)).await;
    let long = Interval::new(minute(-40 * 60), minute(90 * 60)).unwrap();
    b.booked(b.cyd, x, hours(200, 201)).await;
    assert_eq!(b.says(b.ben, b.relocate(mine.id, &[(y, long, 1)])).await, "past_cutoff");
    let long = Interval::new(minute(30 * 60), minute(190 * 60)).unwrap();
    assert_eq!(b.says(b.ben, b.relocate(mine.id, &[(y, long, 1)])).await, "ACCEPTED");
    let found = async |filter: BookingFilter| {
        let found = b.views.bookings(BookingFilter { max: 10, ..filter }).await.unwrap();
        found.iter().map(|b| b.id).collect::<Vec<_>>()
    };
    let on =
        |resource| BookingFilter { resource: Some(resource), to: Some(minute(199 * 60)), ..BookingFilter::default() };
    assert_eq!((found(on(x)).await, found(on(y)).await), (vec![], vec![mine.id]));
    let at = |from: i64, to: i64| BookingFilter {
        from: Some(minute(from * 60)),
        to: Some(minute(to * 60)),
        ..BookingFilter::default()
    };
    assert_eq!((found(at(9, 10)).await, found(at(189, 190)).await), (vec![], vec![mine.id]));
    assert_eq!(found(BookingFilter { owner: Some(b.ben), ..at(100, 101) }).await, [mine.id]);
    assert_eq!(b.says(b.cyd, b.book(b.cyd, y, hours(189, 190))).await, "full");
}

pub(super) async fn a_history_is_told_in_order(b: &Bench) {
    let (x, y) = (b.room(1).await, b.room(1).await);
    let book = b.request(b.ben, b.booking(b.ben, &[(x, hours(9, 10), 1), (y, hours(9, 10), 1)], None));
    let Answer::Decided(_, Some(Made::Booking(mine))) = b.again(&book).await else { panic!("not booked") };
    let theirs = b.booked(b.cyd, x, hours(10, 11)).await;
    b.clock.step(slotwise_domain::Span::minutes(5));
    let patch = DetailsPatch { title: Some(None), ..DetailsPatch::default() };
    let edit = b.request(b.ada, Action::EditBooking { booking: mine.id, revision: 1, patch });
    let moved = b.request(b.ben, b.relocate(mine.id, &[(x, hours(12, 13), 1)]));
    let cancel = b.request(b.ada, Action::Cancel { booking: mine.id, reason: Some("ill".into()) });
    for request in [&edit, &moved, &cancel] {
        assert_eq!(told(&b.again(request).await), "ACCEPTED");
    }
    let history = b.views.history(mine.id, 100).await.unwrap();
    let name = |r: &Record| {
        assert_eq!(r.changes.iter().filter(|c| c.booking() == Some(mine.id)).count(), 1, "{r:?}");
        match &r.changes[0] {
            Change::BookingMade { .. } => "made",
            Change::BookingEdited { .. } => "edited",
            Change::BookingMoved { .. } => "moved",
            Change::BookingCancelled { .. } => "cancelled",
            other => panic!("{other:?}"),
        }
    };
    let told: Vec<_> = history.iter().map(|r| (name(r), r.resource, r.attempt)).collect();
    let expected =
        [("made", &book, x), ("made", &book, y), ("edited", &edit, x), ("edited", &edit, y), ("moved", &moved, x)];
    let mut expected: Vec<_> = expected.into_iter().map(|(name, by, on)| (name, on, by.key)).collect();
    expected.extend([("moved", y, moved.key), ("cancelled", x, cancel.key)]);
    assert_eq!(told, expected);
    assert_eq!(b.views.history(mine.id, 3).await.unwrap(), history[..3]);
    assert_eq!(b.views.history(theirs.id, 100).await.unwrap().len(), 1);
    assert_eq!(b.views.history(BookingId(book.key), 100).await.unwrap(), []);
}

pub(super) async fn many_attempts_have_an_answer_each(b: &Bench) {
    let rooms = [b.room(1).await, b.room(1).await];
    let mine = b.booked(b.ben, rooms[0], hours(20, 21)).await;
    let mut requests: Vec<Request> = (0..1_200)
        .map(|n| b.request(b.ben, b.book(b.ben, rooms[n % 2], hours(n as i64 / 4, n as i64 / 4 + 1))))
        .collect();
    requests.push(b.request(b.cyd, Action::Cancel { booking: mine.id, reason: None }));
    requests.push(b.request(b.ben, b.relocate(mine.id, &[(rooms[1], hours(400, 401), 1)])));
    requests.push(b.request(b.ben, b.hold(rooms[0], hours(500, 501))));
    let answers = b.engine.execute_all(requests.clone()).await;
    assert_eq!(answers.len(), requests.len());
    // Judged in their order: of two for one hour the first has it, but for the hour that was taken before.
    for (n, answer) in answers[..1_200].iter().enumerate() {
        let expected = if n % 4 < 2 && n != 80 { "BOOKED" } else { "full" };
        assert_eq!(told(answer), expected, "of number {n}");
        assert_eq!(recorded(answer).key.key, requests[n].key, "each with its own key");
    }
    let last: Vec<String> = answers[1_200..].iter().map(told).collect();
    assert_eq!(last, ["not_allowed", "ACCEPTED", "ACCEPTED"]);
    let again = b.engine.execute_all(requests).await;
    assert!(again.iter().zip(&answers).all(|(again, first)| told(again) == format!("again {}", told(first))));
}

pub(super) async fn a_key_twice_among_many(b: &Bench) {
    let room = b.room(1).await;
    let first = b.request(b.ben, b.book(b.ben, room, hours(9, 10)));
    let other = Request { fingerprint: Fingerprint([9; 32]), ..b.request(b.ben, b.book(b.ben, room, hours(11, 12))) };
    let other = Request { key: first.key, ..other };
    let next = b.request(b.ben, b.book(b.ben, room, hours(10, 11)));
    let answers = b.engine.execute_all(vec![first.clone(), first.clone(), other.clone(), next]).await;
    assert_eq!(answers.iter().map(told).collect::<Vec<_>>(), ["BOOKED", "InProgress", "KeyReused", "BOOKED"]);
    let answers = b.engine.execute_all(vec![other, first]).await;
    assert_eq!(answers.iter().map(told).collect::<Vec<_>>(), ["KeyReused", "KeyReused"]);
    assert_eq!(b.version(room).await, 3);
    assert!(b.engine.execute_all(Vec::new()).await.is_empty());
}
