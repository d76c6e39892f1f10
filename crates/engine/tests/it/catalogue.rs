//! The catalogue beside a naive filter over plain specs, after any number of edits; and its marks beside calendars.
//! Specs and calendars are drawn by chance.

use proptest::prelude::*;
use slotwise_domain::{
    Block, BlockId, BookingId, Calendar, Change, EndedHold, Epoch, Exceptions, FencingToken, Hold, HoldEnd, HoldId,
    Instant, Interval, Kind, OwnOverlap, PersonId, Policy, Resource, ResourceId, ResourceSpec, Slot, Span, Version,
    Zone,
};
use slotwise_engine::catalogue::Order;
use slotwise_engine::{Catalogue, Facets, ResourceFilter};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

const NAMES: [&str; 9] =
    ["Hall", "hall 2", "Großer Saal", "Café Été", "B101", "B 102", "Aula (North)", "_50%_", "Salle d'été"];
const BUILDINGS: [&str; 3] = ["North", "Süd", "Haus am See"];
const EQUIPMENT: [&str; 4] = ["piano", "projector", "whiteboard", "high chair"];
const WORDS: [&str; 12] =
    ["HALL", "gross", "SAAL", "ete", "cafe", "101", "b1", "north", "sud", "pian", "--", "haus see"];

fn spec() -> impl Strategy<Value = ResourceSpec> {
    let equipment = prop::sample::subsequence(EQUIPMENT.to_vec(), 0..=3);
    let seats = prop::option::weighted(0.8, 1..40_u32);
    (0..NAMES.len(), 0..=BUILDINGS.len(), equipment, seats, any::<bool>(), 0..3_i64).prop_map(
        |(name, building, equipment, seats, lamp, setup)| ResourceSpec {
            kind: if lamp { Kind::Equipment } else { Kind::Room },
            name: NAMES[name].into(),
            building: BUILDINGS.get(building).map(|b| (*b).into()),
            seats,
            equipment: equipment.into_iter().map(Into::into).collect(),
            zone: Zone::utc(),
            capacity: Some(1),
            interval: None,
            policy: Policy { setup: Span::minutes(setup), ..Policy::default() },
            group: None,
            linked: Vec::new(),
            course: None,
        },
    )
}

fn filter() -> impl Strategy<Value = ResourceFilter> {
    let kind = prop::option::of(prop::sample::select(vec![Kind::Room, Kind::Equipment, Kind::Section]));
    let buildings = prop::sample::subsequence(BUILDINGS.to_vec(), 0..=2);
    let equipment = prop::sample::subsequence(EQUIPMENT.to_vec(), 0..=2);
    let words = prop::sample::subsequence(WORDS.to_vec(), 0..=2);
    let seats = || prop::option::weighted(0.3, 1..40_u32);
    (kind, buildings, equipment, words, seats(), seats()).prop_map(
        |(kind, buildings, equipment, words, seats_min, seats_max)| ResourceFilter {
            kind,
            buildings: buildings.into_iter().map(Into::into).collect(),
            equipment: equipment.into_iter().map(Into::into).collect(),
            group: None,
            among: None,
            words: words.into_iter().map(Into::into).collect(),
            seats_min,
            seats_max,
            after: None,
            max: usize::MAX,
        },
    )
}

/// What each text is found by, written down instead of computed.
fn plain(text: &str) -> Vec<&'static str> {
    match text {
        "Hall" => vec!["hall"],
        "hall 2" => vec!["hall", "2"],
        "Großer Saal" => vec!["grosser", "saal"],
        "Café Été" => vec!["cafe", "ete"],
        "B101" => vec!["b101", "101"],
        "B 102" => vec!["b", "102"],
        "Aula (North)" => vec!["aula", "north"],
        "_50%_" => vec!["50"],
        "Salle d'été" => vec!["salle", "d", "ete"],
        "North" => vec!["north"],
        "Süd" => vec!["sud"],
        "Haus am See" => vec!["haus", "am", "see"],
        "piano" => vec!["piano"],
        "projector" => vec!["projector"],
        "whiteboard" => vec!["whiteboard"],
        "high chair" => vec!["high", "chair"],
        other => panic!("{other}"),
    }
}

fn passes(spec: &ResourceSpec, filter: &ResourceFilter) -> bool {
    let texts = [&spec.name].into_iter().chain(&spec.building).chain(&spec.equipment);
    let words: Vec<&str> = texts.flat_map(|t| plain(t)).collect();
    let mut asked = filter.words.iter().flat_map(|w| w.split(' ')).filter(|w| *w != "--").map(str::to_lowercase);
    filter.kind.is_none_or(|k| k == spec.kind)
        && (filter.buildings.is_empty() || spec.building.as_ref().is_some_and(|b| filter.buildings.contains(b)))
        && filter.equipment.iter().all(|e| spec.equipment.contains(e))
        && filter.seats_min.is_none_or(|min| spec.seats.is_some_and(|s| s >= min))
        && filter.seats_max.is_none_or(|max| spec.seats.is_some_and(|s| s <= max))
        && asked.all(|a| words.iter().any(|w| w.starts_with(&a)))
}

fn naive_facets(specs: &[&ResourceSpec], filter: &ResourceFilter) -> Facets {
    let mut facets = Facets::default();
    let without_kind = ResourceFilter { kind: None, ..filter.clone() };
    let without_building = ResourceFilter { buildings: vec![], ..filter.clone() };
    for spec in specs {
        if passes(spec, &without_kind) {
            *facets.kinds.entry(spec.kind).or_default() += 1;
        }
        if let Some(building) = spec.building.as_ref().filter(|_| passes(spec, &without_building)) {
            *facets.buildings.entry(building.clone()).or_default() += 1;
        }
        for one in spec.equipment.iter().filter(|_| passes(spec, filter)) {
            *facets.equipment.entry(one.clone()).or_default() += 1;
        }
    }
    facets
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn it_finds_and_counts_what_a_naive_filter_does(
        puts in prop::collection::vec((0..20_u128, spec()), 0..60),
        filters in prop::collection::vec(filter(), 1..8),
    ) {
        let (mut catalogue, mut plainly) = (Catalogue::default(), BTreeMap::new());
        for (id, spec) in puts {
            let id = ResourceId(Uuid::from_u128(id));
            catalogue.put(Arc::new(Resource { id, spec: spec.clone(), policy_version: 1 }));
            plainly.insert(id, spec);
        }
        prop_assert_eq!(catalogue.len(), plainly.len());
        let mut by_name: Vec<(&str, ResourceId)> = plainly.iter().map(|(id, s)| (s.name.as_str(), *id)).collect();
        by_name.sort();
        for filter in filters {
            let wanted: Vec<ResourceId> =
                by_name.iter().map(|(_, id)| *id).filter(|id| passes(&plainly[id], &filter)).collect();
            let told: Vec<ResourceId> = catalogue.resources(&filter).iter().map(|r| r.id).collect();
            prop_assert_eq!(&told, &wanted, "{:?}", &filter);
            // Page by page it is the same.
            let (mut after, mut paged) = (None, Vec::new());
            loop {
                let page = catalogue.resources(&ResourceFilter { after: after.clone(), max: 3, ..filter.clone() });
                let Some(last) = page.last() else { break };
                after = Some((last.spec.name.clone(), last.id));
                paged.extend(page.iter().map(|r| r.id));
            }
            prop_assert_eq!(&paged, &wanted, "{:?}", &filter);
            let matches = catalogue.matches(&filter, Order::Seats);
            let mut by_seats = wanted.clone();
            by_seats.sort_by_key(|id| (plainly[id].seats.unwrap_or(u32::MAX), plainly[id].name.clone(), *id));
            prop_assert_eq!(matches.iter().map(|m| m.id).collect::<Vec<_>>(), by_seats);
            for one in &matches {
                prop_assert_eq!(catalogue.rank(Order::Seats, one.id), Some(one.rank));
                prop_assert_eq!(one.seats, plainly[&one.id].seats);
                prop_assert_eq!(&catalogue.ruled(one.rules).unwrap().spec.policy, &plainly[&one.id].policy);
                prop_assert_eq!(&catalogue.resource(one.id).unwrap().spec, &plainly[&one.id]);
            }
            let specs: Vec<&ResourceSpec> = plainly.values().collect();
            prop_assert_eq!(catalogue.facets(&filter), naive_facets(&specs, &filter), "{:?}", &filter);
        }
    }

    /// What is told to be idle has nothing on its calendar; and when everything has gone again, all of it is idle.
    #[test]
    fn it_never_says_idle_where_something_is(
        steps in prop::collection::vec((0..3_u8, 0..6_usize, 0..7_000_i64, 1..900_i64), 1..40),
        asked in prop::collection::vec((0..7_000_i64, 1..3_000_i64), 1..20),
    ) {
        const BEGIN: Instant = Instant(1_767_571_200_000_000);
        let span = |from: i64, length: i64| {
            let start = BEGIN.plus(Span::minutes(from));
            Interval::new(start, start.plus(Span::minutes(length))).unwrap()
        };
        let ids: Vec<ResourceId> = (0..6).map(|n| ResourceId(Uuid::from_u128(n + 1))).collect();
        let mut catalogue = Catalogue::default();
        let mut calendars = BTreeMap::new();
        let version = Version { epoch: Epoch(1), number: 1 };
        let owner = PersonId(Uuid::from_u128(77));
        let mut undo = Vec::new();
        let spec = ResourceSpec {
            kind: Kind::Room, name: "Hall".into(), building: None, seats: None, equipment: vec![], zone: Zone::utc(),
            capacity: None, interval: None, policy: Policy::default(), group: None, linked: Vec::new(), course: None,
};
        let fold = |catalogue: &mut Catalogue, calendars: &mut BTreeMap<ResourceId, Arc<Calendar>>, id, change: Change| {
            Arc::make_mut(calendars.get_mut(&id).unwrap()).apply(&change);
            catalogue.fold(calendars, [(id, &[change][..])]);
        };
        for id in &ids {
            let resource = Arc::new(Resource { id: *id, spec: spec.clone(), policy_version: 1 });
            calendars.insert(*id, Arc::new(Calendar::empty(resource.clone(), version, BEGIN)));
            fold(&mut catalogue, &mut calendars, *id, Change::ResourceCreated(resource));
        }
        for (n, (what, which, from, length)) in steps.into_iter().enumerate() {
            let (id, resource, interval) = (Uuid::from_u128(1_000 + n as u128), ids[which], span(from, length));
            let slot = Slot { resource, interval, occupied: interval, units: 1, own_overlap: OwnOverlap::Allow, quota: None };
            let slots = vec![(0, slot)];
            let (make, end) = match what {
                0 => (
                    Change::BookingMade { booking: BookingId(id), owner, pending: false, slots: slots.clone(), occurrence: None },
                    Change::BookingCancelled {
                        booking: BookingId(id), owner, was_pending: false, slots, by: slotwise_domain::Actor::System, reason: None, late: false,
                    },
                ),
                1 => {
                    let block = Block { id: BlockId(id), interval, reason: "paint".into(), exceptions: Exceptions::default() };
                    (Change::BlockAdded { block: block.clone(), policy_version: 2 }, Change::BlockRemoved { block, policy_version: 3 })
                }
                _ => {
                    let hold = Hold {
                        id: HoldId(id), token: FencingToken(version, 0), holder: owner, resource, interval, occupied: interval,
                        units: 1, granted_at: BEGIN, expires_at: BEGIN, renewals: 0, offer: None,
                    };
                    (Change::HoldGranted(hold), Change::HoldEnded(EndedHold { hold, end: HoldEnd::Expired }))
                }
            };
            fold(&mut catalogue, &mut calendars, resource, make);
            undo.push((resource, end));
        }
        let numbers: BTreeMap<ResourceId, u32> =
            catalogue.matches(&ResourceFilter::default(), Order::Name).iter().map(|m| (m.id, m.number)).collect();
        for (from, length) in &asked {
            let interval = span(*from, *length);
            let idle = catalogue.idle(interval);
            for (id, calendar) in &calendars {
                let something = calendar.meeting(interval).next().is_some()
                    || calendar.blocks.values().any(|b| b.interval.meets(interval));
                prop_assert!(!(something && idle.is(numbers[id])), "{interval:?} of {id:?}");
            }
        }
        for (resource, end) in undo {
            fold(&mut catalogue, &mut calendars, resource, end);
        }
        let idle = catalogue.idle(span(0, 12_000));
        prop_assert!(numbers.values().all(|n| idle.is(*n)), "marks outlive what made them");
    }
}

#[test]
fn what_is_taken_soonest_is_told_first() {
    const BEGIN: Instant = Instant(1_767_571_200_000_000);
    let hour = |day: i64, hour: i64| {
        let start = BEGIN.plus(Span::hours(24 * day + hour));
        Interval::new(start, start.plus(Span::hours(1))).unwrap()
    };
    let id = |n: u128| ResourceId(Uuid::from_u128(n));
    let spec = ResourceSpec {
        kind: Kind::Room,
        name: "Hall".into(),
        building: None,
        seats: None,
        equipment: vec![],
        zone: Zone::utc(),
        capacity: None,
        interval: None,
        policy: Policy::default(),
        group: None,
        linked: Vec::new(),
        course: None,
    };
    let mut catalogue = Catalogue::default();
    for n in 0..6 {
        catalogue.put(Arc::new(Resource { id: id(n), spec: spec.clone(), policy_version: 1 }));
    }
    for (n, at) in [
        (0, hour(9, 1)),
        (1, hour(2, 1)),
        (1, hour(3, 1)),
        (2, hour(0, 1)),
        (3, hour(1, 5)),
        (3, hour(9, 1)),
        (4, hour(2, 0)),
    ] {
        catalogue.mark(id(n), at);
    }
    let soonest = |max| catalogue.soonest(BEGIN.plus(Span::hours(36)), max);
    assert_eq!(soonest(9), [id(3), id(1), id(4), id(0)], "the second has nothing any more, the fifth never had");
    assert_eq!(soonest(2), [id(3), id(1)]);
    assert_eq!(soonest(0), []);
}
