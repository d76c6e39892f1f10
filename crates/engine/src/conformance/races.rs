//! Many at once on one resource: somebody gets it, everybody is told, nothing is given twice.
//! No case expects a particular winner.

use super::kit::{Bench, count, decided, hours, minute, rejection, sorted, told, with_policy};
use slotwise_domain::{Action, Change, DetailsPatch, Interval, Policy, Witness};

pub(super) async fn one_of_two_hundred_has_the_room(b: &Bench) {
    let room = b.room(1).await;
    let requests = (0..200).map(|n| {
        let who = if n % 2 == 0 { b.ben } else { b.cyd };
        b.request(who, b.book(who, room, hours(9, 10)))
    });
    let answers = b.at_once(requests.collect()).await;
    assert_eq!((count(&answers, "BOOKED"), count(&answers, "full")), (1, 199));
    assert_eq!(b.version(room).await, 2, "refusals change no version");
}

pub(super) async fn two_hundred_share_seven_units(b: &Bench) {
    let room = b.room(7).await;
    let units = |n: u32| n % 3 + 1;
    let requests = (0..200).map(|n| b.request(b.ben, b.booking(b.ben, &[(room, hours(9, 10), units(n))], None)));
    let answers = b.at_once(requests.collect()).await;
    let booked: u32 = (0..200).zip(&answers).filter(|(_, a)| told(a) == "BOOKED").map(|(n, _)| units(n)).sum();
    assert!(booked <= 7, "{booked} of 7 units were given");
    for (n, answer) in (0..200).zip(&answers) {
        let told = told(answer);
        assert!(["BOOKED", "full", "insufficient"].contains(&told.as_str()), "{told}");
        assert!(told == "BOOKED" || booked + units(n) > 7, "{} refused while {booked} of 7 are taken", units(n));
    }
    assert_eq!(b.calendar(room).await.levels.at(minute(9 * 60)).booked, u64::from(booked));
}

pub(super) async fn overlapping_claims_make_a_serial_order(b: &Bench) {
    for day in 0..10 {
        let room = b.room(1).await;
        let mut requests: Vec<_> =
            (0..3).map(|n| b.request(b.ben, b.book(b.ben, room, hours(9 + n, 11 + n)))).collect();
        requests.rotate_left(day % 3);
        let mut answers = b.at_once(requests).await;
        answers.rotate_right(day % 3);
        let told: Vec<String> = answers.iter().map(told).collect();
        assert!(told == ["BOOKED", "full", "BOOKED"] || told == ["full", "BOOKED", "full"], "{told:?}");
    }
}

pub(super) async fn touching_intervals_never_meet(b: &Bench) {
    let room = b.room(1).await;
    let requests = (0..24).map(|n| b.request(b.ben, b.book(b.ben, room, hours(n, n + 1))));
    let answers = b.at_once(requests.collect()).await;
    assert_eq!(count(&answers, "BOOKED"), 24);
    let over_the_edge = Interval::new(minute(570), minute(571)).unwrap();
    assert_eq!(b.says(b.cyd, b.book(b.cyd, room, over_the_edge)).await, "full");
}

pub(super) async fn units_are_summed_at_the_instant(b: &Bench) {
    let room = b.room(2).await;
    b.booked(b.ben, room, hours(9, 10)).await;
    b.booked(b.ben, room, hours(10, 11)).await;
    b.booked(b.cyd, room, hours(9, 11)).await;
    assert_eq!(b.says(b.cyd, b.book(b.cyd, room, hours(8, 12))).await, "full");
    // Lines of one request on one resource are summed.
    let twice = b.booking(b.cyd, &[(room, hours(12, 14), 1), (room, hours(13, 15), 2)], None);
    assert_ne!(b.says(b.cyd, twice).await, "BOOKED");
    let twice = b.booking(b.cyd, &[(room, hours(12, 14), 1), (room, hours(13, 15), 1)], None);
    assert_eq!(b.says(b.cyd, twice).await, "BOOKED");
}

pub(super) async fn two_cancels_are_one_cancellation(b: &Bench) {
    let room = b.room(1).await;
    let booking = b.booked(b.ben, room, hours(9, 10)).await.id;
    let reason = || Some("ill".to_owned());
    let requests = [b.ben, b.ben, b.ada].map(|who| b.request(who, Action::Cancel { booking, reason: reason() }));
    let answers = b.at_once(requests.into()).await;
    assert_eq!(count(&answers, "ACCEPTED"), 3);
    assert_eq!((b.state_of(booking).await, b.version(room).await), ("cancelled", 3));
    let cancelled = b.stream(room).await.into_iter().flat_map(|r| r.changes);
    assert_eq!(cancelled.filter(|c| matches!(c, Change::BookingCancelled { .. })).count(), 1);
    assert_eq!(b.says(b.cyd, b.book(b.cyd, room, hours(9, 10))).await, "BOOKED");
}

pub(super) async fn a_cancel_and_an_edit_make_a_serial_order(b: &Bench) {
    for _ in 0..10 {
        let room = b.room(1).await;
        let booking = b.booked(b.ben, room, hours(9, 10)).await.id;
        let patch = DetailsPatch { title: Some(Some("Geometry".into())), ..DetailsPatch::default() };
        let edit = |revision| Action::EditBooking { booking, revision, patch: patch.clone() };
        let requests = vec![b.request(b.ben, edit(1)), b.request(b.ben, Action::Cancel { booking, reason: None })];
        let answers = b.at_once(requests).await;
        assert_eq!(told(&answers[1]), "ACCEPTED");
        let after = b.views.booking(booking).await.unwrap().unwrap();
        assert_eq!(after.state.name(), "cancelled", "never resurrected");
        let title = after.details.title.as_deref();
        match told(&answers[0]).as_str() {
            "ACCEPTED" => assert_eq!((title, after.revision), (Some("Geometry"), 3)),
            "FAILED version_stale" => assert_eq!((title, after.revision), (Some("Algebra"), 2)),
            other => panic!("{other}"),
        }
        assert_eq!(b.says(b.ben, edit(after.revision)).await, "invalid");
    }
}

pub(super) async fn one_of_two_pending_bookings_is_approved(b: &Bench) {
    let room = b.resource(with_policy(1, Policy { approval: true, ..Policy::default() })).await;
    let pending = [b.booked(b.ben, room, hours(9, 10)).await.id, b.booked(b.cyd, room, hours(9, 10)).await.id];
    assert_eq!(b.calendar(room).await.levels.at(minute(9 * 60)).booked, 0, "pending bookings take nothing");
    assert_eq!(b.says(b.ben, Action::Approve { booking: pending[0] }).await, "not_allowed");
    let answers = b.at_once(pending.map(|booking| b.request(b.ada, Action::Approve { booking })).into()).await;
    assert_eq!(sorted(&answers), ["ACCEPTED", "full"]);
    let mut states = [b.state_of(pending[0]).await, b.state_of(pending[1]).await];
    states.sort_unstable();
    assert_eq!(states, ["confirmed", "pending"]);
}

pub(super) async fn bundles_in_opposite_order(b: &Bench) {
    for _ in 0..10 {
        let (x, y) = (b.room(1).await, b.room(1).await);
        let bundle = |who, first, second| {
            b.request(who, b.booking(who, &[(first, hours(9, 10), 1), (second, hours(9, 10), 1)], None))
        };
        let answers = b.at_once(vec![bundle(b.ben, x, y), bundle(b.cyd, y, x)]).await;
        assert_eq!(sorted(&answers), ["BOOKED", "full"]);
        assert_eq!((b.version(x).await, b.version(y).await), (2, 2));
    }
}

pub(super) async fn a_bundle_is_all_or_nothing(b: &Bench) {
    let (x, y) = (b.room(1).await, b.room(1).await);
    let standing = b.booked(b.ben, y, hours(9, 10)).await;
    let both = b.booking(b.cyd, &[(x, hours(9, 10), 1), (y, hours(9, 10), 1)], None);
    let answer = b.send(b.cyd, both.clone()).await;
    let refused = rejection(&answer);
    assert_eq!((refused.code.name(), refused.resource), ("full", Some(y)));
    assert!(matches!(refused.witness, Some(Witness::Booking { id, owner, .. }) if id == standing.id && owner == b.ben));
    assert_eq!(b.version(x).await, 1);
    assert_eq!(b.says(b.ben, Action::Cancel { booking: standing.id, reason: None }).await, "ACCEPTED");
    let answer = b.send(b.cyd, both).await;
    assert_eq!(told(&answer), "BOOKED");
    assert_eq!(decided(&answer), [(x, 2), (y, 4)], "each resource rises by one");
}
