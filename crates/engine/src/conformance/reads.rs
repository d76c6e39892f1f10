//! Lists, filters and people: every page in order, everything exactly once.
//! How fast a list is, is not looked at.

use super::kit::{Bench, hours, minute, room, told};
use crate::attempt::Ids;
use crate::catalogue::read;
use crate::port::Clock;
use crate::port::{BookingFilter, NoticeId, PersonCard, ResourceFilter};
use slotwise_domain::{
    Action, Booking, BookingId, Interval, Kind, News, PersonId, Policy, Resource, ResourceId, ResourceSpec, Role,
};
use std::collections::BTreeMap;
use std::sync::Arc;

fn resources(b: &Bench, filter: ResourceFilter) -> Vec<Arc<Resource>> {
    let (mut after, mut all) = (filter.after.clone(), Vec::new());
    loop {
        let page = read(b.views.catalogue()).resources(&ResourceFilter { after: after.clone(), ..filter.clone() });
        assert!(page.len() <= filter.max);
        let Some(last) = page.last() else { return all };
        after = Some((last.spec.name.clone(), last.id));
        all.extend(page);
    }
}

async fn bookings(b: &Bench, filter: BookingFilter) -> Vec<BookingId> {
    let (mut after, mut all) = (filter.after, Vec::new());
    loop {
        let page = b.views.bookings(BookingFilter { after, ..filter.clone() }).await.unwrap();
        assert!(page.len() <= filter.max);
        let Some(last) = page.last() else { return all };
        after = Some((last.start(), last.id));
        all.extend(page.iter().map(|b| b.id));
    }
}

pub(super) async fn resources_page_by_page(b: &Bench) {
    let mut made: Vec<(String, ResourceId)> = Vec::new();
    for name in ["Zoo", "Hall", "Öl", "hall", "Hall", "A", "Hall", "a", "Aula", "Hall 2", "Hall 10"] {
        made.push((name.into(), b.resource(room(name, 1)).await));
    }
    made.sort();
    for max in [1, 2, 3, 4, 100] {
        let found = resources(b, ResourceFilter { max, ..ResourceFilter::default() });
        let found: Vec<_> = found.iter().map(|r| (r.spec.name.clone(), r.id)).collect();
        assert_eq!(found, made, "{max} at a time");
    }
}

pub(super) async fn resources_by_filter(b: &Bench) {
    let spec = |kind, name: &str, building: Option<&str>, equipment: &[&str]| ResourceSpec {
        kind,
        building: building.map(Into::into),
        equipment: equipment.iter().map(|e| (*e).into()).collect(),
        interval: (kind == Kind::Session).then(|| hours(9, 10)),
        ..room(name, 5)
    };
    for spec in [
        spec(Kind::Room, "Blue Room", Some("North"), &["projector", "piano"]),
        spec(Kind::Room, "Red Room", Some("South"), &["Projector"]),
        spec(Kind::Room, "ÄRGER_50%", None, &[]),
        spec(Kind::Session, "Yoga in the north", None, &[]),
        spec(Kind::Equipment, "Piano", Some("North"), &[]),
    ] {
        b.resource(spec).await;
    }
    let any = || ResourceFilter { max: 2, ..ResourceFilter::default() };
    let list = |all: &[&str]| all.iter().map(|s| (*s).to_owned()).collect::<Vec<String>>();
    let words = |all: &[&str]| ResourceFilter { words: list(all), ..any() };
    let equipment = |all: &[&str]| ResourceFilter { equipment: list(all), ..any() };
    let in_north = || ResourceFilter { buildings: vec!["North".into()], ..any() };
    let expected: &[(ResourceFilter, &[&str])] = &[
        (ResourceFilter { kind: Some(Kind::Room), ..any() }, &["Blue Room", "Red Room", "ÄRGER_50%"]),
        (ResourceFilter { kind: Some(Kind::Session), ..any() }, &["Yoga in the north"]),
        (in_north(), &["Blue Room", "Piano"]),
        (ResourceFilter { kind: Some(Kind::Equipment), ..in_north() }, &["Piano"]),
        (ResourceFilter { buildings: vec!["north".into()], ..any() }, &[]),
        (equipment(&["projector"]), &["Blue Room", "Red Room"]),
        (equipment(&["projector", "piano"]), &["Blue Room"]),
        (words(&["NORTH"]), &["Blue Room", "Piano", "Yoga in the north"]),
        (words(&["north", "roo"]), &["Blue Room"]),
        (words(&["north", "oo"]), &[]),
        (words(&["ärger"]), &["ÄRGER_50%"]),
        (words(&["arg"]), &["ÄRGER_50%"]),
        (words(&["50%"]), &["ÄRGER_50%"]),
        (words(&["är_5"]), &["ÄRGER_50%"]),
        (words(&["d_room"]), &[]),
        (words(&["'; -- _%"]), &["Blue Room", "Piano", "Red Room", "Yoga in the north", "ÄRGER_50%"]),
        (words(&["PIANO"]), &["Blue Room", "Piano"]),
        (equipment(&[" PROJECTOR"]), &["Blue Room", "Red Room"]),
    ];
    for (filter, names) in expected {
        let found = resources(b, filter.clone());
        let found: Vec<&str> = found.iter().map(|r| r.spec.name.as_str()).collect();
        assert_eq!(found, *names, "{filter:?}");
    }
    let facets = read(b.views.catalogue()).facets(&ResourceFilter::default());
    assert_eq!(facets.kinds, BTreeMap::from([(Kind::Room, 3), (Kind::Session, 1), (Kind::Equipment, 1)]));
    assert_eq!(facets.buildings, BTreeMap::from([("North".into(), 2), ("South".into(), 1)]));
    assert_eq!(facets.equipment, BTreeMap::from([("piano".into(), 1), ("projector".into(), 2)]));
}

/// Bookings over four days, some with the same start, one of them long, some pending, some cancelled.
async fn some_bookings(b: &Bench) -> (ResourceId, Vec<Arc<Booking>>) {
    let (room, hall) = (b.room(100).await, b.room(100).await);
    let asks = b.resource(super::kit::with_policy(9, Policy { approval: true, ..Policy::default() })).await;
    let mut made = Vec::new();
    for n in 0..24_i64 {
        let start = minute((n % 4) * 24 * 60 + (n * 7 % 5) * 60);
        let length = if n == 3 { 3 * 24 * 60 } else { 30 + n };
        let interval = Interval::new(start, start.plus(slotwise_domain::Span::minutes(length))).unwrap();
        let who = if n % 3 == 0 { b.ben } else { b.cyd };
        let action = match n {
            5 | 6 => b.book(who, asks, interval),
            8 => b.booking(who, &[(room, interval, 1), (hall, interval, 2), (room, interval, 1)], None),
            _ => b.book(who, if n % 2 == 0 { room } else { hall }, interval),
        };
        let answer = b.send(who, action).await;
        let crate::Answer::Decided(_, Some(crate::Made::Booking(booking))) = answer else {
            panic!("{}", told(&answer))
        };
        if n % 7 == 0 {
            let cancel = Action::Cancel { booking: booking.id, reason: Some("ill".into()) };
            assert_eq!(b.says(who, cancel).await, "ACCEPTED");
        }
        made.push(b.views.booking(booking.id).await.unwrap().unwrap());
    }
    made.sort_by_key(|b| (b.start(), b.id));
    (room, made)
}

pub(super) async fn bookings_page_by_page(b: &Bench) {
    let (_, made) = some_bookings(b).await;
    let all: Vec<BookingId> = made.iter().map(|b| b.id).collect();
    for max in [1, 3, 7, 100] {
        assert_eq!(bookings(b, BookingFilter { max, ..BookingFilter::default() }).await, all, "{max} at a time");
    }
    let page = b.views.bookings(BookingFilter { max: 100, ..BookingFilter::default() }).await.unwrap();
    assert_eq!(page, made, "a list shows what each booking is");
    assert_eq!(b.views.booking(BookingId(b.ids.fresh())).await.unwrap(), None);
}

pub(super) async fn bookings_by_filter(b: &Bench) {
    let (room, made) = some_bookings(b).await;
    let day = 24 * 60;
    let windows = [
        (None, None),
        (Some(minute(day)), None),
        (None, Some(minute(2 * day))),
        (Some(minute(day + 60)), Some(minute(2 * day + 61))),
        (Some(minute(3 * day)), Some(minute(3 * day + 1))),
    ];
    let mut found_some = 0;
    for owner in [None, Some(b.ben), Some(b.cyd), Some(b.ada)] {
        for resource in [None, Some(room)] {
            for state in [None, Some("confirmed"), Some("pending"), Some("cancelled")] {
                for (from, to) in windows {
                    let filter = BookingFilter {
                        owner,
                        resource,
                        from,
                        to,
                        state: state.map(Into::into),
                        series: None,
                        after: None,
                        max: 2,
                    };
                    let wanted = made.iter().filter(|b| {
                        owner.is_none_or(|owner| b.owner == owner)
                            && resource.is_none_or(|id| b.slots.iter().any(|s| s.resource == id))
                            && state.is_none_or(|state| b.state.name() == state)
                            && from.is_none_or(|from| b.end() > from)
                            && to.is_none_or(|to| b.start() < to)
                    });
                    let wanted: Vec<BookingId> = wanted.map(|b| b.id).collect();
                    found_some += usize::from(!wanted.is_empty());
                    assert_eq!(bookings(b, filter.clone()).await, wanted, "{filter:?}");
                }
            }
        }
    }
    assert!(found_some > 40, "the filters find something: {found_some}");
}

pub(super) async fn holds_of_a_person(b: &Bench) {
    let (x, y) = (b.room(1).await, b.room(1).await);
    let mut holds = vec![b.held(b.ben, x, hours(9, 10)).await, b.held(b.ben, y, hours(9, 10)).await];
    let third = b.held(b.ben, y, hours(11, 12)).await;
    b.held(b.cyd, x, hours(12, 13)).await;
    assert_eq!(b.says(b.ben, Action::Release(super::kit::named(&third))).await, "ACCEPTED");
    let find = async || {
        let mut found = b.views.holds_of(b.ben).await.unwrap();
        found.sort_by_key(|h| h.id);
        found
    };
    assert_eq!(find().await, holds);
    // Expired, but no change has ended it.
    b.clock.set(holds[0].expires_at);
    assert_eq!(find().await, holds);
    assert_eq!(b.says(b.ada, Action::ExpireHolds { resource: x }).await, "ACCEPTED");
    holds.remove(0);
    assert_eq!(find().await, holds);
    assert_eq!(b.views.holds_of(b.ada).await.unwrap(), []);
}

pub(super) async fn people_and_their_keys(b: &Bench) {
    let names = async |max| {
        let people = b.directory.people(max).await.unwrap();
        people.into_iter().map(|p| p.name).collect::<Vec<_>>()
    };
    assert_eq!(names(100).await, ["Ada", "Ben", "Cyd"]);
    assert_eq!(names(2).await, ["Ada", "Ben"]);
    let nobody = PersonId(b.ids.fresh());
    assert_eq!(b.directory.person(nobody).await.unwrap(), None);
    let keyed = async || b.accounts.door([9; 32], b.clock.now()).await.unwrap().map(|door| door.card);
    assert_eq!(keyed().await, None);
    b.accounts.put_key([9; 32], b.ben, "laptop".into()).await.unwrap();
    let card = PersonCard { id: b.ben, name: "Zed".into(), title: "Head".into(), role: Role::Admin };
    b.directory.put_person(card.clone()).await.unwrap();
    assert_eq!(keyed().await.as_ref(), Some(&card));
    assert_eq!(b.directory.person(b.ben).await.unwrap(), Some(card));
    assert_eq!(names(100).await, ["Ada", "Cyd", "Zed"]);
    let _: PersonId = b.member("Bob").await;
    assert_eq!(names(100).await, ["Ada", "Bob", "Cyd", "Zed"]);
}

pub(super) async fn what_people_must_be_told(b: &Bench) {
    let asks = b.resource(super::kit::with_policy(9, Policy { approval: true, ..Policy::default() })).await;
    let (room, hall) = (b.room(9).await, b.room(9).await);
    // What people do themselves is no news to them.
    let own = b.booked(b.ben, room, hours(9, 10)).await;
    assert_eq!(b.says(b.ben, Action::Cancel { booking: own.id, reason: None }).await, "ACCEPTED");
    let asked = b.booked(b.ben, asks, hours(9, 10)).await;
    assert_eq!(b.says(b.ada, Action::Approve { booking: asked.id }).await, "ACCEPTED");
    // A booking of two resources is one piece of news.
    let both = b.booking(b.ben, &[(room, hours(11, 12), 1), (hall, hours(11, 12), 1)], None);
    let Action::Book { booking: both_id, .. } = both else { unreachable!() };
    assert_eq!(b.says(b.ben, both).await, "BOOKED");
    assert_eq!(b.says(b.ada, b.relocate(both_id, &[(hall, hours(12, 13), 1)])).await, "ACCEPTED");
    assert_eq!(b.says(b.ada, Action::Cancel { booking: both_id, reason: Some("broken".into()) }).await, "ACCEPTED");
    // One commit tells two people.
    let (for_ben, for_cyd) = (b.book(b.ben, hall, hours(14, 15)), b.book(b.cyd, hall, hours(14, 15)));
    let batch = vec![b.proposal(b.ada, for_ben), b.proposal(b.ada, for_cyd)];
    assert_eq!(b.commit(batch).await, ["BOOKED", "BOOKED"]);

    let told = async |person, before, max| b.views.notices_of(person, before, max).await.unwrap();
    let all = told(b.ben, NoticeId::LAST, 10).await;
    let news: Vec<_> = all.iter().map(|n| n.notice.news).collect();
    assert_eq!(news, [News::Booked, News::Cancelled, News::Moved, News::Approved], "the newest first");
    assert_eq!((all[3].notice.booking, all[3].resource), (asked.id, asks));
    assert_eq!(told(b.ben, all[1].id, 1).await, [all[2]], "page by page");
    assert_eq!(told(b.cyd, NoticeId::LAST, 10).await.len(), 1);
    assert_eq!(told(b.ada, NoticeId::LAST, 10).await, []);
    let (mut after, mut in_order) = (NoticeId::default(), Vec::new());
    while let [one, ..] = b.views.notices_after(after, 1).await.unwrap()[..] {
        assert!(one.id > after);
        after = one.id;
        in_order.push(one);
    }
    let mut of_all = [all, told(b.cyd, NoticeId::LAST, 10).await].concat();
    of_all.sort_by_key(|n| n.id);
    assert_eq!(in_order, of_all);
}
