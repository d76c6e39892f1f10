//! Lists and searches: filters, order, pages.
//! They never judge, so no rule is tested here.

use crate::support::{HOUR, START, Site, commit, hour, one, room};
use slotwise_domain::{Action, BookingId, Instant, Kind, ResourceId, ResourceSpec, Span, Subject};
use slotwise_engine::catalogue::{Order, read};
use slotwise_engine::{BookingFilter, ResourceFilter, Settled, Views};
use std::collections::BTreeMap;

fn page(filter: ResourceFilter) -> ResourceFilter {
    ResourceFilter { max: 100, ..filter }
}

#[tokio::test]
async fn resources_are_found_by_what_they_are_and_have() {
    let site = Site::new();
    let store = site.open().await;
    let main = room("Aula");
    let hall =
        ResourceSpec { name: "Große Halle".into(), building: Some("North".into()), equipment: vec![], ..room("x") };
    let lab =
        ResourceSpec { name: "Lab 1".into(), equipment: vec!["Projector".into(), "whiteboard".into()], ..room("x") };
    let beamer =
        ResourceSpec { kind: Kind::Equipment, name: "Beamer".into(), building: None, equipment: vec![], ..room("x") };
    for spec in [main, hall, lab, beamer] {
        site.resource(&store, spec).await;
    }
    let found = |filter| -> Vec<String> {
        read(store.catalogue()).resources(&page(filter)).iter().map(|r| r.spec.name.clone()).collect()
    };
    let all = ResourceFilter::default;
    assert_eq!(found(all()), ["Aula", "Beamer", "Große Halle", "Lab 1"]);
    assert_eq!(found(ResourceFilter { kind: Some(Kind::Equipment), ..all() }), ["Beamer"]);
    assert_eq!(found(ResourceFilter { buildings: vec!["North".into()], ..all() }), ["Große Halle"]);
    assert_eq!(found(ResourceFilter { equipment: vec!["projector".into()], ..all() }), ["Aula", "Lab 1"]);
    let both = vec!["projector".into(), "WHITEBOARD".into()];
    assert_eq!(found(ResourceFilter { equipment: both, ..all() }), ["Lab 1"]);
    assert_eq!(found(ResourceFilter { words: vec!["HALLE".into(), "north".into()], ..all() }), ["Große Halle"]);
    assert_eq!(found(ResourceFilter { words: vec!["100%".into()], ..all() }), [""; 0]);

    let facets = read(store.catalogue()).facets(&all());
    assert_eq!(facets.kinds, BTreeMap::from([(Kind::Room, 3), (Kind::Equipment, 1)]));
    assert_eq!(facets.buildings, BTreeMap::from([("Main".into(), 2), ("North".into(), 1)]));
    assert_eq!(facets.equipment, BTreeMap::from([("projector".into(), 2), ("whiteboard".into(), 1)]));
}

#[tokio::test]
async fn resources_come_in_pages() {
    let site = Site::new();
    let store = site.open().await;
    for n in 0..25 {
        site.room(&store, ["Same", "Other", "Third"][n % 3]).await;
    }
    let (mut after, mut all) = (None, Vec::new());
    loop {
        let found = read(store.catalogue()).resources(&ResourceFilter { after, max: 4, ..Default::default() });
        let Some(last) = found.last() else { break };
        after = Some((last.spec.name.clone(), last.id));
        all.extend(found.iter().map(|r| (r.spec.name.clone(), r.id)));
    }
    assert_eq!(all.len(), 25);
    assert!(all.is_sorted());
}

#[tokio::test]
async fn bookings_are_found_in_order_and_in_pages() {
    let site = Site::new();
    let store = site.open().await;
    let rooms = [site.room(&store, "R1").await, site.room(&store, "R2").await];
    let bob = site.member(&store, "Bob").await;
    let mut expected: Vec<(Instant, BookingId)> = Vec::new();
    for n in 0..40 {
        let at = START.plus(Span::hours(1 + (n * 17) % 97));
        let owner = if n % 4 == 0 { bob } else { site.admin };
        let settled = commit(&store, vec![site.book(owner, rooms[usize::from(n % 2 == 0)], at)]).await;
        let [Settled::Decided(recorded, _)] = &settled[..] else { panic!() };
        let Some(Subject::Booking(id)) = recorded.decision.subject else { panic!("{recorded:?}") };
        expected.push((at, id));
    }
    let bundle =
        site.booking(bob, &[(rooms[0], START.plus(Span::hours(200))), (rooms[1], START.plus(Span::days(900)))], None);
    one(&store, site.by(bob, bundle)).await;
    let cancelled = expected[5].1;
    one(&store, site.by(site.admin, Action::Cancel { booking: cancelled, reason: None })).await;
    expected.sort();

    let found = async |filter: BookingFilter| -> Vec<(Instant, BookingId)> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let page = store.bookings(BookingFilter { after, max: 7, ..filter.clone() }).await.unwrap();
            let Some(last) = page.last() else { return all };
            after = Some((last.start(), last.id));
            all.extend(page.iter().map(|b| (b.start(), b.id)));
        }
    };
    let any = BookingFilter::default;
    let all = found(any()).await;
    assert_eq!(all[..40], expected);
    assert_eq!(all.len(), 41);

    let (from, to) = (START.plus(Span::hours(20)), START.plus(Span::hours(60)));
    let within: Vec<_> = expected.iter().copied().filter(|(at, _)| at.plus(HOUR) > from && *at < to).collect();
    assert_eq!(found(BookingFilter { from: Some(from), to: Some(to), ..any() }).await, within);
    let of_bob = found(BookingFilter { owner: Some(bob), ..any() }).await;
    assert_eq!(of_bob.len(), 11);
    assert!(of_bob.is_sorted());
    let of_room = found(BookingFilter { resource: Some(rooms[0]), from: Some(from), ..any() }).await;
    assert!(of_room.is_sorted() && of_room.len() > 10);
    let by_room = store.bookings(BookingFilter { resource: Some(rooms[0]), max: 100, ..any() }).await.unwrap();
    assert!(by_room.iter().all(|b| b.resources().contains(&rooms[0])));
    assert_eq!(
        by_room.len()
            + store.bookings(BookingFilter { resource: Some(rooms[1]), max: 100, ..any() }).await.unwrap().len(),
        42
    );
    // The bundle began years before its last line ends.
    let late = Some(START.plus(Span::days(899)));
    assert_eq!(found(BookingFilter { from: late, ..any() }).await.len(), 1);

    let state = |state: &str| BookingFilter { state: Some(state.into()), ..any() };
    assert_eq!(found(state("cancelled")).await, [*expected.iter().find(|(_, id)| *id == cancelled).unwrap()]);
    assert_eq!(found(state("confirmed")).await.len(), 40);
    assert_eq!(found(state("pending")).await, []);
    assert_eq!(found(state("nonsense")).await, []);
    assert_eq!(store.holds_of(bob).await.unwrap(), []);
}

#[tokio::test]
async fn what_is_taken_is_marked_after_reopening_as_before() {
    let site = Site::new();
    let store = site.open().await;
    let rooms = [site.room(&store, "Booked").await, site.room(&store, "Free").await, site.room(&store, "Held").await];
    let from = |hours: i64| START.plus(Span::hours(hours));
    let (taken, later) = (hour(from(2)), hour(from(5)));
    commit(&store, vec![site.book(site.admin, rooms[0], from(2)), site.hold(site.admin, rooms[2], from(2))]).await;
    let idle = |store: &slotwise_store::Embedded, at| {
        let catalogue = read(store.catalogue());
        let all = catalogue.matches(&ResourceFilter::default(), Order::Name);
        all.iter().map(|m| catalogue.idle(at).is(m.number)).collect::<Vec<_>>()
    };
    let nobody = ResourceId(uuid::Uuid::nil());
    let found = store.calendars(vec![rooms[2], nobody, rooms[0]]).await.unwrap();
    assert_eq!(found.iter().map(|c| c.resource.id).collect::<Vec<_>>(), [rooms[2], rooms[0]]);
    let before = (idle(&store, taken), idle(&store, later));
    assert_eq!(before, (vec![false, true, false], vec![true, true, true]));
    drop(store);
    let store = site.reopen();
    assert_eq!((idle(&store, taken), idle(&store, later)), before);
    let found = store.calendars(rooms.to_vec()).await.unwrap();
    assert_eq!(found.iter().map(|c| c.uses.len()).collect::<Vec<_>>(), [1, 0, 1]);
}
