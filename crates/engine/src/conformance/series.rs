//! Series: what was said of each date is recalled word for word, and its bookings are found by it.
//! What fits is the domain's; here it is that a store loses nothing of it.

use super::kit::{Bench, hours, recorded, told, with_policy};
use super::waits::{join, waitlist};
use crate::attempt::{Answer, Ids};
use crate::port::{BookingFilter, NoticeId};
use slotwise_domain::recurrence::{Given, Met};
use slotwise_domain::{
    Action, Became, BlockId, Booking, BookingRef, Change, Code, Contract, Details, EntryId, Exceptions, Failure,
    Ground, Interval, Line, News, Occurrence, OverBookings, OverHolds, PersonId, Policy, ResourceId, Series,
    SeriesDate, SeriesEdit, SeriesId, SeriesPlace, SeriesToBook, Span, WaitFill, WaitMode, Waitlist, Wants, Zone,
};
use std::sync::Arc;

/// 9 to 10 on so many days from the day after the start on.
fn days(n: i64) -> Vec<Interval> {
    let later = |t: slotwise_domain::Instant, day| t.plus(Span::days(day));
    (0..n).map(|day| Interval::new(later(hours(9, 10).start(), day), later(hours(9, 10).end(), day)).unwrap()).collect()
}

fn asked(b: &Bench, owner: PersonId, resource: ResourceId, days: &[Interval], contract: Contract) -> Action {
    let zone = Zone::named("Europe/Berlin").unwrap();
    let date = |interval: &Interval| {
        let booking = slotwise_domain::BookingId(b.engine.fresh_id());
        SeriesDate { booking, given: Given::of(*interval, &zone), met: Met::Once, interval: *interval }
    };
    let dates = days.iter().map(date).collect();
    let (id, rule) = (SeriesId(b.engine.fresh_id()), format!("FREQ=DAILY;COUNT={}", days.len()));
    let series = Arc::new(Series { id, rule, zone, contract });
    let details = Details { title: Some("Choir".into()), ..Details::default() };
    Action::BookSeries(Box::new(SeriesToBook { series, owner, resource, units: 1, details, dates }))
}

fn id_of(action: &Action) -> SeriesId {
    match action {
        Action::BookSeries(asked) => asked.series.id,
        other => panic!("no series: {other:?}"),
    }
}

pub(super) async fn what_was_said_of_each_date_is_recalled(b: &Bench) {
    let room = b.room(1).await;
    b.booked(b.cyd, room, days(2)[1]).await;
    for (contract, said) in [
        (Contract::AllOrNothing, ["free", "refused", "free"]),
        (Contract::SkipConflicts, ["booked", "refused", "booked"]),
        (Contract::BestAlternative, ["booked_elsewhere"; 3]),
    ] {
        let version = b.version(room).await;
        let action = asked(b, b.ben, room, &days(3), contract);
        let id = id_of(&action);
        let request = b.request(b.ben, action);
        let answer = b.engine.execute(request.clone()).await;
        let decision = recorded(&answer).decision.clone();
        assert_eq!(decision.dates.iter().map(|d| d.became.name()).collect::<Vec<_>>(), said, "{}", told(&answer));
        assert_eq!(b.recall(b.ben, request.key).await.unwrap().decision, decision);
        assert_eq!(recorded(&b.again(&request).await).decision, decision);
        let raised = u64::from(contract != Contract::AllOrNothing);
        assert_eq!(b.version(room).await, version + raised, "all of it is one version, or none");

        let filter = BookingFilter { series: Some(id), max: 10, ..BookingFilter::default() };
        let bookings = b.views.bookings(filter).await.unwrap();
        let booked: Vec<_> = decision.dates.iter().filter_map(|d| Some((d.place, d.became.booking()?))).collect();
        let found: Vec<_> = bookings.iter().map(|b| (b.occurrence.as_ref().unwrap().place, b.id)).collect();
        assert_eq!(found, booked);
        for booking in bookings {
            let Occurrence { series, given, place } = booking.occurrence.clone().unwrap();
            assert_eq!((series.id, series.contract, series.rule.as_str()), (id, contract, "FREQ=DAILY;COUNT=3"));
            assert_eq!(given, decision.dates[usize::from(place)].given);
            assert_eq!(booking.details.title.as_deref(), Some("Choir"));
        }
    }
}

/// Each of the first days to where the next was.
fn a_day_later(series: SeriesId, bookings: &[Arc<Booking>], revision: u64, contract: Contract) -> Action {
    let named = bookings.iter().map(|b| BookingRef { id: b.id, revision: Some(revision) }).collect();
    let place = |(booking, interval): (&Arc<Booking>, &Interval)| {
        let occurrence = booking.occurrence.clone().unwrap();
        let given = Given::of(*interval, &occurrence.series.zone);
        let occurrence = Occurrence { given, ..occurrence };
        let resource = booking.slots[0].resource;
        SeriesPlace { resource, units: 1, interval: *interval, met: Met::Once, occurrence }
    };
    let places = bookings.iter().zip(&days(4)[1..]).map(place).collect();
    Action::EditSeries { series, bookings: named, contract, edit: SeriesEdit::Move(places) }
}

pub(super) async fn dates_go_elsewhere_together(b: &Bench) {
    let room = b.room(1).await;
    let action = asked(b, b.ben, room, &days(3), Contract::AllOrNothing);
    let series = id_of(&action);
    assert_eq!(b.says(b.ben, action).await, "BOOKED");
    let filter = || BookingFilter { series: Some(series), max: 10, ..BookingFilter::default() };
    let bookings = b.views.bookings(filter()).await.unwrap();
    let move_all = |revision: u64| a_day_later(series, &bookings, revision, Contract::AllOrNothing);
    assert_eq!(b.says(b.cyd, move_all(1)).await, "not_allowed");
    let answer = b.send(b.ben, move_all(1)).await;
    assert_eq!(told(&answer), "ACCEPTED");
    assert!(recorded(&answer).decision.dates.iter().all(|d| matches!(d.became, Became::Changed(_))));
    assert_eq!(b.says(b.ben, move_all(1)).await, "FAILED version_stale");
    let moved = b.views.bookings(filter()).await.unwrap();
    assert_eq!(moved.iter().map(|b| b.slots[0].interval).collect::<Vec<_>>(), days(4)[1..]);
    for booking in &moved {
        let occurrence = booking.occurrence.as_ref().unwrap();
        assert_eq!(occurrence.given_at(booking.slots[0].interval), (occurrence.given, Met::Once), "as it was given");
    }
    let named = moved.iter().map(|b| BookingRef { id: b.id, revision: None }).collect();
    let (contract, edit) = (Contract::AllOrNothing, SeriesEdit::Cancel { reason: Some("ill".into()) });
    assert_eq!(b.says(b.ben, Action::EditSeries { series, bookings: named, contract, edit }).await, "ACCEPTED");
    assert!(b.calendar(room).await.uses.is_empty());
}

pub(super) async fn who_waits_has_what_a_series_leaves(b: &Bench) {
    for contract in [Contract::AllOrNothing, Contract::SkipConflicts] {
        let room = b.resource(with_policy(1, waitlist(WaitMode::Book))).await;
        let action = asked(b, b.ben, room, &days(3), contract);
        let series = id_of(&action);
        assert_eq!(b.says(b.ben, action).await, "BOOKED");
        // For the first day, and for the second, where the first date will go.
        for (who, day) in [(b.cyd, 0), (b.ada, 1)] {
            assert_eq!(b.says(who, join(b, who, room, days(2)[day], None)).await, "ACCEPTED");
        }
        let filter = || BookingFilter { series: Some(series), max: 10, ..BookingFilter::default() };
        let bookings = b.views.bookings(filter()).await.unwrap();
        let answer = b.send(b.ben, a_day_later(series, &bookings, 1, contract)).await;
        let became: Vec<_> = recorded(&answer).decision.dates.iter().map(|d| d.became.name()).collect();
        assert_eq!((told(&answer).as_str(), became), ("ACCEPTED", vec!["changed"; 3]));
        let has = |c: &slotwise_domain::Calendar| c.uses.values().map(|u| u.owner).collect::<Vec<_>>();
        let calendar = b.calendar(room).await;
        assert_eq!(
            has(&calendar),
            [b.cyd, b.ben, b.ben, b.ben],
            "what comes free within a series is the series' first"
        );
        assert_eq!(calendar.waiting.values().map(|e| e.owner).collect::<Vec<_>>(), [b.ada]);

        let named = bookings.iter().map(|b| BookingRef { id: b.id, revision: Some(2) }).collect();
        let edit = SeriesEdit::Cancel { reason: None };
        let answer = b.send(b.ben, Action::EditSeries { series, bookings: named, contract, edit }).await;
        assert_eq!(told(&answer), "ACCEPTED");
        let record = b.last(room).await;
        let count = |of: fn(&Change) -> bool| record.changes.iter().filter(|change| of(change)).count();
        assert_eq!(count(|c| matches!(c, Change::BookingCancelled { .. })), 3);
        assert_eq!(count(|c| matches!(c, Change::BookingMade { .. })), 1, "in the same record");
        assert_eq!(has(&*b.calendar(room).await), [b.cyd, b.ada]);
    }
}

pub(super) async fn a_series_gets_nothing_that_is_owed(b: &Bench) {
    let strict = Waitlist { mode: WaitMode::Book, fill: WaitFill::Strict, capacity: None };
    let room = b.resource(with_policy(2, Policy { waitlist: Some(strict), ..Policy::default() })).await;
    let theirs = b.booked(b.ben, room, days(2)[1]).await;
    let line = Line { resource: room, interval: Some(days(2)[1]), units: 2 };
    let entry = EntryId(b.ids.fresh());
    let action = Action::JoinWaitlist { entry, owner: b.cyd, line, class: 0, gives_up: None, wants: Wants::Units };
    assert_eq!(b.says(b.cyd, action).await, "ACCEPTED");
    assert_eq!(b.says(b.ada, asked(b, b.ada, room, &days(3), Contract::AllOrNothing)).await, "waitlist_first");
    let answer = b.send(b.ada, asked(b, b.ada, room, &days(3), Contract::SkipConflicts)).await;
    let dates = recorded(&answer).decision.dates.clone();
    let became: Vec<_> = dates.iter().map(|d| d.became.name()).collect();
    assert_eq!((told(&answer).as_str(), became), ("BOOKED", vec!["booked", "refused", "booked"]));
    assert!(matches!(&dates[1].became, Became::Refused(rejection) if rejection.code == Code::WaitlistFirst));
    assert_eq!(b.says(b.ben, Action::Cancel { booking: theirs.id, reason: None }).await, "ACCEPTED");
    assert!(b.calendar(room).await.waiting.is_empty(), "both units are theirs now");
}

pub(super) async fn a_series_is_told_of_once(b: &Bench) {
    let room = b.room(1).await;
    let action = asked(b, b.ben, room, &days(3), Contract::AllOrNothing);
    let series = id_of(&action);
    assert_eq!(b.says(b.ada, action).await, "BOOKED");
    let alone = b.booked(b.ben, room, hours(11, 12)).await;
    let filter = BookingFilter { series: Some(series), max: 10, ..BookingFilter::default() };
    let bookings = b.views.bookings(filter).await.unwrap();
    let named = bookings.iter().map(|b| BookingRef { id: b.id, revision: None }).collect();
    let (contract, edit) = (Contract::AllOrNothing, SeriesEdit::Cancel { reason: Some("ill".into()) });
    assert_eq!(b.says(b.ada, Action::EditSeries { series, bookings: named, contract, edit }).await, "ACCEPTED");
    let reason = Some("ill".into());
    assert_eq!(b.says(b.ada, Action::Cancel { booking: alone.id, reason }).await, "ACCEPTED");
    let told = b.views.notices_of(b.ben, NoticeId::LAST, 10).await.unwrap();
    let told: Vec<_> = told.iter().map(|n| (n.notice.news, n.notice.booking, n.dates)).collect();
    let first = bookings[0].id;
    assert_eq!(
        told,
        [(News::Cancelled, alone.id, 1), (News::Cancelled, first, 3), (News::Booked, first, 3)],
        "the newest first"
    );
}

fn block(b: &Bench, resource: ResourceId, version: u64, interval: Interval, over_bookings: OverBookings) -> Action {
    Action::AddBlock {
        resource,
        policy_version: version,
        block: BlockId(b.engine.fresh_id()),
        interval,
        reason: "Exams.".into(),
        over_holds: OverHolds::Void,
        over_bookings,
        exceptions: Exceptions::default(),
    }
}

// Scenario 75.
pub(super) async fn what_is_left_of_a_series_is_displaced_as_a_whole_or_not(b: &Bench) {
    let (room, days) = (b.room(1).await, days(3));
    let action = asked(b, b.ben, room, &days, Contract::AllOrNothing);
    let dates = match &action {
        Action::BookSeries(asked) => asked.dates.iter().map(|date| date.booking).collect::<Vec<_>>(),
        other => panic!("no series: {other:?}"),
    };
    assert_eq!(b.says(b.ben, action).await, "BOOKED");
    let one = OverBookings::Displace(vec![(dates[0], 1)]);
    assert_eq!(b.says(b.ada, block(b, room, 1, days[0], one)).await, "ACCEPTED");

    let all = Interval::new(days[0].start(), days[2].end()).unwrap();
    let wrong =
        [vec![(dates[0], 2), (dates[1], 1), (dates[2], 1)], vec![(dates[1], 1)], vec![(dates[1], 1), (dates[2], 9)]];
    for preview in wrong {
        let answer = b.send(b.ada, block(b, room, 2, all, OverBookings::Displace(preview))).await;
        let Answer::Failed(Failure { ground: Some(Ground::Displaced { theirs, .. }), .. }) = answer else {
            panic!("others would go: {answer:?}")
        };
        assert_eq!(theirs.iter().map(|b| b.id).collect::<Vec<_>>(), dates[1..], "the list of what would");
        assert_eq!(b.version(room).await, 3, "and nothing went");
    }
    let rest = OverBookings::Displace(vec![(dates[1], 1), (dates[2], 1)]);
    assert_eq!(b.says(b.ada, block(b, room, 2, all, rest)).await, "ACCEPTED");
    for id in dates {
        let booking = b.views.booking(id).await.unwrap().unwrap();
        assert_eq!((booking.state.name(), booking.revision), ("displaced", 2));
    }
}

// Scenario 78.
pub(super) async fn a_block_in_the_way_of_a_series_is_named_by_its_dates(b: &Bench) {
    let (room, days) = (b.room(1).await, days(3));
    assert_eq!(b.says(b.ada, block(b, room, 1, days[1], OverBookings::Refuse)).await, "ACCEPTED");
    let answer = b.send(b.ben, asked(b, b.ben, room, &days, Contract::AllOrNothing)).await;
    assert_eq!(told(&answer), "blocked");
    let said: Vec<&str> = recorded(&answer).decision.dates.iter().map(|d| d.became.name()).collect();
    assert_eq!(said, ["free", "refused", "free"]);

    // And the other way round: what stands on a date is in the way of a block.
    assert_eq!(b.says(b.ben, asked(b, b.ben, room, &days, Contract::SkipConflicts)).await, "BOOKED");
    assert_eq!(b.says(b.ada, block(b, room, 2, days[2], OverBookings::Refuse)).await, "full");

    // Sent at once, one of the two is refused, and nothing lies under a block.
    for _ in 0..10 {
        let room = b.room(1).await;
        let requests = vec![
            b.request(b.ben, asked(b, b.ben, room, &days, Contract::AllOrNothing)),
            b.request(b.ada, block(b, room, 1, days[1], OverBookings::Refuse)),
        ];
        let said: Vec<String> = b.at_once(requests).await.iter().map(told).collect();
        assert!(said == ["BOOKED", "full"] || said == ["blocked", "ACCEPTED"], "{said:?}");
    }
}
