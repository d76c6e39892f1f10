//! Series: what was said of each date is recalled word for word, and its bookings are found by it.
//! What fits is the domain's; here it is that a store loses nothing of it.

use super::kit::{Bench, hours, recorded, told};
use crate::port::BookingFilter;
use slotwise_domain::recurrence::{Given, Met};
use slotwise_domain::{
    Action, Became, BookingRef, Contract, Details, Interval, Occurrence, PersonId, ResourceId, Series, SeriesDate,
    SeriesEdit, SeriesId, SeriesPlace, SeriesToBook, Span, Zone,
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

pub(super) async fn dates_go_elsewhere_together(b: &Bench) {
    let room = b.room(1).await;
    let action = asked(b, b.ben, room, &days(3), Contract::AllOrNothing);
    let series = id_of(&action);
    assert_eq!(b.says(b.ben, action).await, "BOOKED");
    let filter = || BookingFilter { series: Some(series), max: 10, ..BookingFilter::default() };
    let bookings = b.views.bookings(filter()).await.unwrap();
    let move_all = |revision: u64| {
        let named = bookings.iter().map(|b| BookingRef { id: b.id, revision: Some(revision) }).collect();
        let place = |(booking, interval): (&Arc<slotwise_domain::Booking>, &Interval)| {
            let occurrence = booking.occurrence.clone().unwrap();
            let given = Given::of(*interval, &occurrence.series.zone);
            let occurrence = Occurrence { given, ..occurrence };
            SeriesPlace { resource: room, units: 1, interval: *interval, met: Met::Once, occurrence }
        };
        // Each to where the next was.
        let places = bookings.iter().zip(&days(4)[1..]).map(place).collect();
        Action::EditSeries { series, bookings: named, contract: Contract::AllOrNothing, edit: SeriesEdit::Move(places) }
    };
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
