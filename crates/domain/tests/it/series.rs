//! Rules within their bounds, civil times as instants, and what is said of series: against what a reader would work out by hand.
//! Nothing here knows a rule as text.

use jiff::civil::{Date, DateTime, Weekday, date};
use proptest::prelude::*;
use slotwise_domain::recurrence::{Bounds, ByDay, Ends, Except, Frequency, Given, Met, Recurrence, Rule as Recurs};
use slotwise_domain::*;
use std::sync::Arc;
use uuid::Uuid;

const ROOM: ResourceId = ResourceId(Uuid::from_u128(1));
const ANN: PersonId = PersonId(Uuid::from_u128(2));
const BOB: PersonId = PersonId(Uuid::from_u128(3));
const NOW: Instant = Instant(1_772_438_400_000_000); // 2026-03-02T08:00:00Z, a Monday

fn some<T: Clone + std::fmt::Debug + 'static>(of: impl Strategy<Value = T> + 'static) -> impl Strategy<Value = Vec<T>> {
    prop_oneof![2 => Just(Vec::new()).boxed(), 1 => prop::collection::vec(of, 1..4).boxed()]
}

fn rule() -> impl Strategy<Value = Recurs> {
    let frequency =
        prop_oneof![Just(Frequency::Daily), Just(Frequency::Weekly), Just(Frequency::Monthly), Just(Frequency::Yearly)];
    let ends = prop_oneof![
        (1..400_u32).prop_map(Ends::Count),
        (0..6_000_i32)
            .prop_map(|n| { Ends::Until(date(2026, 1, 1).saturating_add(jiff::Span::new().days(n)).at(9, 0, 0, 0)) })
    ];
    let weekday = || (0..7_i8).prop_map(|n| Weekday::from_monday_zero_offset(n).unwrap());
    let by_day = (weekday(), prop::option::of(-5..6_i16))
        .prop_map(|(weekday, n)| ByDay { ordinal: n.filter(|n| *n != 0), weekday });
    let (months, weeks) = (some(1..13_i8), some(prop_oneof![1..54_i8, -53..0_i8]));
    let year_days = some(prop_oneof![1..367_i16, -366..0_i16]);
    let month_days = some(prop_oneof![1..32_i8, -31..0_i8]);
    let places = some(prop_oneof![1..5_i16, -4..0_i16]);
    (frequency, 1..1_001_u16, ends, months, (weeks, year_days), month_days, some(by_day), places, weekday()).prop_map(
        |(frequency, interval, ends, by_month, (by_week_no, by_year_day), by_month_day, by_day, by_set_pos, start)| {
            Recurs {
                frequency,
                interval,
                ends,
                by_month,
                by_week_no,
                by_year_day,
                by_month_day,
                by_day,
                by_set_pos,
                week_start: start,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_rule_stays_within_its_bounds(rule in rule(), day in 0..3_000_i32, without in prop::collection::vec(0..3_000_i32, 0..3)) {
        let on = |n: i32| date(2026, 1, 1).saturating_add(jiff::Span::new().days(n));
        let (start, last) = (on(day).at(9, 0, 0, 0), on(day + 1_900));
        let except: Vec<Except> = without.iter().map(|n| Except::Day(on(*n))).collect();
        let ends = rule.ends;
        let recurrence = Recurrence { rule: Some(rule), also: Vec::new(), except: except.clone() };
        if let Ok(times) = recurrence.expand(start, Bounds { dates_max: 200, last }) {
            prop_assert!((1..=200).contains(&times.len()));
            prop_assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(times.iter().all(|t| *t >= start && t.date() <= last && t.time() == start.time()));
            prop_assert!(!times.iter().any(|t| except.contains(&Except::Day(t.date()))));
            match ends {
                Ends::Count(n) => prop_assert!(times.len() <= n as usize && times.len() + except.len() >= 1),
                Ends::Until(until) => prop_assert!(times.iter().all(|t| *t <= until)),
            }
        }
    }

    /// A series is judged as its dates one after the other would be; with all or nothing all of them or none change anything.
    #[test]
    fn a_series_is_its_dates(
        taken in prop::collection::vec(0..20_i64, 0..6),
        dates in 1..15_i64, step in 1..3_i64, hour in 0..4_i64, capacity in 1..3_u32,
        contract in prop_oneof![Just(Contract::AllOrNothing), Just(Contract::SkipConflicts), Just(Contract::BestAlternative)],
    ) {
        let mut world = world(capacity);
        for (n, day) in taken.iter().enumerate() {
            let interval = Interval::new(at(*day, 10), at(*day, 12)).unwrap();
            let line = Line { resource: ROOM, interval: Some(interval), units: 1 };
            let booking = BookingId(Uuid::from_u128(1_000 + n as u128));
            let action = Action::Book { booking, owner: BOB, lines: vec![line], details: Details::default(), hold: None };
            carry_out(&mut world, &Command { actor: Actor::Person(BOB), action, seen: None, reason: None });
        }
        let intervals: Vec<Interval> = (0..dates)
            .map(|n| Interval::new(at(n * step, 9 + hour), at(n * step, 10 + hour)).unwrap())
            .collect();
        let free: Vec<bool> = intervals
            .iter()
            .map(|i| {
                let calendar = &world.calendars[&ROOM];
                let fullest = calendar.levels.during(*i).map(|(_, level)| level.taken()).max().unwrap_or(0);
                fullest < u64::from(capacity)
            })
            .collect();
        let asked = series(&intervals, contract);
        let before = world.calendars[&ROOM].clone();
        let verdict = carry_out(&mut world, &asked);
        let (accepted, said) = match verdict {
            Verdict::Accepted(changes, _) => (true, changes.dates),
            Verdict::Rejected(_, changes) => (false, changes.dates),
            other => panic!("{other:?}"),
        };
        prop_assert_eq!(said.len(), intervals.len());
        let booked = said.iter().filter(|s| s.became.booking().is_some()).count();
        let free_ones = free.iter().filter(|f| **f).count();
        for (said, free) in said.iter().zip(&free) {
            match &said.became {
                Became::Refused(rejection) => {
                    prop_assert!(!free && rejection.code == Code::Full);
                }
                Became::Elsewhere(..) => prop_assert!(!free && contract == Contract::BestAlternative),
                Became::Booked(_) | Became::Free => prop_assert!(*free),
                other => panic!("{other:?}"),
            }
        }
        match contract {
            Contract::AllOrNothing => {
                prop_assert_eq!(accepted, free_ones == intervals.len());
                prop_assert_eq!(booked, if accepted { intervals.len() } else { 0 });
            }
            Contract::SkipConflicts => {
                prop_assert_eq!((accepted, booked), (free_ones > 0, free_ones));
            }
            // The room is free all night, so that there always is another time.
            Contract::BestAlternative => prop_assert_eq!((accepted, booked), (true, intervals.len())),
        }
        if !accepted {
            prop_assert_eq!(&before, &world.calendars[&ROOM]);
        }
    }
}

fn at(day: i64, hour: i64) -> Instant {
    Instant(NOW.0 - 8 * 3_600_000_000).plus(Span::days(day + 1)).plus(Span::hours(hour))
}

fn world(capacity: u32) -> World {
    let mut world = World::empty(Epoch(1));
    for (id, role) in [(ANN, Role::Member), (BOB, Role::Member)] {
        world.roles.insert(id, role);
        world.loaded.roles.insert(id);
        world.people.insert(id, Person::default());
        world.loaded.people.insert(id);
    }
    let spec = ResourceSpec {
        kind: Kind::Room,
        name: "room".into(),
        building: None,
        seats: None,
        equipment: Vec::new(),
        zone: Zone::utc(),
        capacity: Some(capacity),
        interval: None,
        policy: Policy::default(),
        group: None,
        linked: Vec::new(),
        course: None,
    };
    let resource = Arc::new(Resource { id: ROOM, spec, policy_version: 1 });
    let record = vec![(ROOM, vec![Change::ResourceCreated(resource)])];
    world.loaded.resources.insert(ROOM);
    world.apply(&Changes { records: record, ..Changes::default() }, NOW);
    world
}

fn series(intervals: &[Interval], contract: Contract) -> Command {
    let (zone, rule) = (Zone::utc(), "FREQ=DAILY;COUNT=1".to_owned());
    let date = |(n, interval): (usize, &Interval)| SeriesDate {
        booking: BookingId(Uuid::from_u128(5_000 + n as u128)),
        given: Given::of(*interval, &zone),
        met: Met::Once,
        interval: *interval,
    };
    let asked = SeriesToBook {
        dates: intervals.iter().enumerate().map(date).collect(),
        series: Arc::new(Series { id: SeriesId(Uuid::from_u128(9)), rule, zone: zone.clone(), contract }),
        owner: ANN,
        resource: ROOM,
        units: 1,
        details: Details::default(),
    };
    Command { actor: Actor::Person(ANN), action: Action::BookSeries(Box::new(asked)), seen: None, reason: None }
}

/// Decides, folds what was accepted, and checks what must always hold.
fn carry_out(world: &mut World, command: &Command) -> Verdict {
    let verdict = decide(world, command, NOW);
    if let Verdict::Accepted(changes, _) = &verdict {
        world.apply(changes, NOW);
        invariants::check(world, [(changes, NOW)]).unwrap();
    }
    verdict
}

fn said(world: &World, command: &Command) -> String {
    match decide(world, command, NOW) {
        Verdict::Accepted(changes, _) => changes.dates.iter().map(|d| d.became.name()).collect::<Vec<_>>().join(" "),
        Verdict::Rejected(rejection, changes) => {
            let dates: Vec<_> = changes.dates.iter().map(|d| d.became.name()).collect();
            format!("{} {:?}: {}", rejection.code.name(), rejection.rule.map(Rule::name), dates.join(" "))
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn what_is_no_series_is_refused() {
    let world = world(1);
    let hour = |day: i64, hour: i64| Interval::new(at(day, hour), at(day, hour + 1)).unwrap();
    let check = |intervals: &[Interval], expected: &str| {
        assert_eq!(said(&world, &series(intervals, Contract::SkipConflicts)), expected);
    };
    check(&[], "invalid Some(\"dates\"): ");
    check(&[hour(1, 9), hour(1, 9)], "invalid Some(\"dates\"): ");
    check(&[hour(2, 9), hour(1, 9)], "invalid Some(\"dates\"): ");
    check(&(0..201).map(|n| hour(n, 9)).collect::<Vec<_>>(), "invalid Some(\"dates\"): ");
    check(&(0..200).map(|n| hour(n, 9)).collect::<Vec<_>>(), "booked ".repeat(200).trim_end());
    check(&[hour(-2, 9), hour(1, 9)], "refused booked");
}

#[test]
fn a_series_may_step_into_its_own_places() {
    for (contract, expected) in
        [(Contract::AllOrNothing, "changed changed changed"), (Contract::SkipConflicts, "changed changed changed")]
    {
        for by in [1, -1] {
            let mut world = world(1);
            let day = |n: i64| Interval::new(at(n, 9), at(n, 10)).unwrap();
            let intervals = [day(3), day(4), day(5)];
            carry_out(&mut world, &series(&intervals, contract));
            let bookings: Vec<Arc<Booking>> = world.bookings.values().cloned().collect();
            let places = bookings.iter().map(|b| {
                let (slot, occurrence) = (b.slots[0], b.occurrence.clone().unwrap());
                let there =
                    Interval::new(slot.interval.start().plus(Span::days(by)), slot.interval.end().plus(Span::days(by)));
                SeriesPlace { resource: ROOM, units: 1, interval: there.unwrap(), met: Met::Once, occurrence }
            });
            let action = Action::EditSeries {
                series: SeriesId(Uuid::from_u128(9)),
                bookings: bookings.iter().map(|b| BookingRef { id: b.id, revision: Some(1) }).collect(),
                contract,
                edit: SeriesEdit::Move(places.collect()),
            };
            let command = Command { actor: Actor::Person(ANN), action, seen: None, reason: None };
            assert_eq!(said(&world, &command), expected, "{contract:?} by {by}");
            carry_out(&mut world, &command);
            let took: Vec<Instant> = world.calendars[&ROOM].uses.values().map(|u| u.interval.start()).collect();
            assert_eq!(took, [at(3 + by, 9), at(4 + by, 9), at(5 + by, 9)]);
        }
    }
}

#[test]
fn a_date_that_cannot_move_stands_in_no_other_s_way() {
    let mut world = world(1);
    let day = |n: i64| Interval::new(at(n, 9), at(n, 10)).unwrap();
    carry_out(&mut world, &series(&[day(3), day(4), day(5)], Contract::AllOrNothing));
    let line = Line { resource: ROOM, interval: Some(day(6)), units: 1 };
    let (booking, details) = (BookingId(Uuid::from_u128(1)), Details::default());
    let action = Action::Book { booking, owner: BOB, lines: vec![line], details, hold: None };
    carry_out(&mut world, &Command { actor: Actor::Person(BOB), action, seen: None, reason: None });
    let bookings: Vec<Arc<Booking>> = world.bookings.values().filter(|b| b.owner == ANN).cloned().collect();
    for (contract, expected) in [
        // All leave their places together, whatever was tried before.
        (Contract::AllOrNothing, "full None: free free refused"),
        // The last keeps its place, so the one before it has nowhere to go, nor the first.
        (Contract::SkipConflicts, "full None: refused refused refused"),
    ] {
        let place = |b: &Arc<Booking>| {
            let (slot, occurrence) = (b.slots[0], b.occurrence.clone().unwrap());
            let to = day(slot.interval.start().since(at(0, 9)).0 / Span::days(1).0 + 1);
            SeriesPlace { resource: ROOM, units: 1, interval: to, met: Met::Once, occurrence }
        };
        let action = Action::EditSeries {
            series: SeriesId(Uuid::from_u128(9)),
            bookings: bookings.iter().map(|b| BookingRef { id: b.id, revision: Some(1) }).collect(),
            contract,
            edit: SeriesEdit::Move(bookings.iter().map(place).collect()),
        };
        assert_eq!(
            said(&world, &Command { actor: Actor::Person(ANN), action, seen: None, reason: None }),
            expected,
            "{contract:?}"
        );
    }
}

/// What a reader of the wall clock would say: a time that is shown by no instant is in a gap, by two is in a fold.
#[test]
fn civil_times_meet_their_zones_as_the_clock_on_the_wall_shows() {
    let zones = [
        "Europe/Berlin",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Africa/Casablanca",
        "America/New_York",
        "Asia/Beirut",
    ];
    for name in zones {
        let zone = Zone::named(name).unwrap();
        let mut day: Date = if name == "Pacific/Apia" { date(2011, 12, 20) } else { date(2026, 1, 1) };
        for _ in 0..370 {
            for (hour, minute) in [(0, 0), (0, 30), (1, 30), (2, 15), (2, 30), (3, 0), (12, 0)] {
                check_meeting(day.at(hour, minute, 0, 0), &zone);
            }
            day = day.tomorrow().unwrap();
        }
    }
}

fn check_meeting(time: DateTime, zone: &Zone) {
    let (t, met) = recurrence::instant_of(time, zone).unwrap();
    let shows = |minutes: i64| recurrence::civil_of(t.plus(Span::minutes(minutes)), zone);
    let steps: Vec<i64> = (-1_500..=1_500).step_by(15).collect();
    let same = steps.iter().filter(|n| shows(**n) == time).collect::<Vec<_>>();
    match met {
        Met::Once => assert_eq!(same, [&0], "{time} {zone:?}"),
        Met::First => assert!(same.len() == 2 && same[0] == &0, "{time} {zone:?}: {same:?}"),
        Met::Shifted => assert!(same.is_empty() && shows(0) > time, "{time} {zone:?} shows {}", shows(0)),
    }
}

/// What one date leaves another may take, set-up and clear-down included; then it is not its own any more.
#[test]
fn a_date_does_not_keep_what_another_was_given() {
    let minutes = |from: i64, to: i64| {
        Interval::new(at(3, 0).plus(Span::minutes(from)), at(3, 0).plus(Span::minutes(to))).unwrap()
    };
    for (second, expected) in [
        (minutes(650, 710), "full None: free refused"),
        (minutes(650, 655), "full None: free refused"),
        (minutes(660, 720), "changed changed"),
        (minutes(660, 665), "changed changed"),
    ] {
        let mut world = world(1);
        let mut resource = Resource::clone(&world.calendars[&ROOM].resource);
        resource.spec.policy.teardown = Span::minutes(15);
        let records = vec![(ROOM, vec![Change::ResourceEdited(Arc::new(resource))])];
        world.apply(&Changes { records, ..Changes::default() }, NOW);
        carry_out(&mut world, &series(&[minutes(540, 600), minutes(615, 675)], Contract::AllOrNothing));
        let bookings: Vec<Arc<Booking>> = world.bookings.values().cloned().collect();
        let place = |(b, interval): (&Arc<Booking>, Interval)| SeriesPlace {
            resource: ROOM,
            units: 1,
            interval,
            met: Met::Once,
            occurrence: b.occurrence.clone().unwrap(),
        };
        // The first goes on longer, to where the second was, and is put first.
        let action = Action::EditSeries {
            series: SeriesId(Uuid::from_u128(9)),
            bookings: bookings.iter().map(|b| BookingRef { id: b.id, revision: None }).collect(),
            contract: Contract::AllOrNothing,
            edit: SeriesEdit::Move(bookings.iter().zip([minutes(540, 645), second]).map(place).collect()),
        };
        let command = Command { actor: Actor::Person(ANN), action, seen: None, reason: None };
        assert_eq!(said(&world, &command), expected, "{second:?}");
        carry_out(&mut world, &command);
    }
}

/// Dates of one series on two resources go to one time: nobody is in both, whichever of them leaves first.
#[test]
fn dates_on_two_resources_do_not_meet_where_two_at_once_are_refused() {
    const OTHER: ResourceId = ResourceId(Uuid::from_u128(8));
    for (contract, expected) in
        [(Contract::AllOrNothing, "own_overlap None: free refused"), (Contract::SkipConflicts, "changed refused")]
    {
        let mut world = world(1);
        let mut refusing = Resource::clone(&world.calendars[&ROOM].resource);
        refusing.spec.policy.own_overlap = OwnOverlap::Refuse;
        let records = vec![
            (ROOM, vec![Change::ResourceEdited(Arc::new(refusing.clone()))]),
            (OTHER, vec![Change::ResourceCreated(Arc::new(Resource { id: OTHER, ..refusing }))]),
        ];
        world.apply(&Changes { records, ..Changes::default() }, NOW);
        let day = |n: i64, hour: i64| Interval::new(at(n, hour), at(n, hour + 1)).unwrap();
        carry_out(&mut world, &series(&[day(3, 10), day(10, 10)], contract));
        let bookings: Vec<Arc<Booking>> = world.bookings.values().cloned().collect();
        let moved = |bookings: &[Arc<Booking>], to: &[(ResourceId, Interval)]| {
            let place = |(b, (resource, interval)): (&Arc<Booking>, &(ResourceId, Interval))| SeriesPlace {
                resource: *resource,
                units: 1,
                interval: *interval,
                met: Met::Once,
                occurrence: b.occurrence.clone().unwrap(),
            };
            let action = Action::EditSeries {
                series: SeriesId(Uuid::from_u128(9)),
                bookings: bookings.iter().map(|b| BookingRef { id: b.id, revision: None }).collect(),
                contract,
                edit: SeriesEdit::Move(bookings.iter().zip(to).map(place).collect()),
            };
            Command { actor: Actor::Person(ANN), action, seen: None, reason: None }
        };
        let second = moved(&bookings[1..], &[(OTHER, day(3, 12))]);
        assert!(matches!(carry_out(&mut world, &second), Verdict::Accepted(..)));
        let bookings: Vec<Arc<Booking>> = world.bookings.values().cloned().collect();
        let both = moved(&bookings, &[(ROOM, day(3, 9)), (OTHER, day(3, 9))]);
        assert_eq!(said(&world, &both), expected, "{contract:?}");
        carry_out(&mut world, &both);
        // One takes the place that the other leaves.
        let bookings: Vec<Arc<Booking>> = world.bookings.values().cloned().collect();
        let away = moved(&bookings, &[(ROOM, day(3, 12)), (OTHER, day(3, 13))]);
        assert_eq!(said(&world, &away), "changed changed", "{contract:?}");
    }
}

/// One a day for each person. What is known of people is loaded where a rule asks for it.
fn one_a_day() -> World {
    let mut world = world(1);
    let mut resource = Resource::clone(&world.calendars[&ROOM].resource);
    resource.spec.policy.quota =
        Some(Quota { most: 1, counts: Measure::Units, period: Period::Day, scope: QuotaScope::Resource });
    let record = vec![(ROOM, vec![Change::ResourceEdited(Arc::new(resource))])];
    world.apply(&Changes { records: record, ..Changes::default() }, NOW);
    for id in [ANN, BOB] {
        world.counted.insert(id, Counted::default());
        world.loaded.counted.insert(id);
        world.loaded.facts.insert(id);
    }
    world
}

#[test]
fn a_quota_counts_the_dates_of_a_series_as_they_are_put() {
    let hour = |day: i64, hour: i64| Interval::new(at(day, hour), at(day, hour + 1)).unwrap();
    let check = |intervals: &[Interval], contract, expected: &str| {
        assert_eq!(said(&one_a_day(), &series(intervals, contract)), expected);
    };
    let twice_a_day = [hour(3, 9), hour(3, 12), hour(4, 9)];
    check(&twice_a_day, Contract::SkipConflicts, "booked refused booked");
    check(&twice_a_day, Contract::AllOrNothing, "quota_exceeded Some(\"quota\"): free refused free");
    check(&twice_a_day, Contract::BestAlternative, "booked booked_elsewhere booked");

    let moved = |to: [Interval; 3], contract| {
        let mut world = one_a_day();
        carry_out(&mut world, &series(&[hour(3, 9), hour(4, 9), hour(5, 9)], contract));
        let bookings: Vec<Arc<Booking>> = world.bookings.values().cloned().collect();
        let place = |(b, interval): (&Arc<Booking>, Interval)| SeriesPlace {
            resource: ROOM,
            units: 1,
            interval,
            met: Met::Once,
            occurrence: b.occurrence.clone().unwrap(),
        };
        let action = Action::EditSeries {
            series: SeriesId(Uuid::from_u128(9)),
            bookings: bookings.iter().map(|b| BookingRef { id: b.id, revision: Some(1) }).collect(),
            contract,
            edit: SeriesEdit::Move(bookings.iter().zip(to).map(place).collect()),
        };
        said(&world, &Command { actor: Actor::Person(ANN), action, seen: None, reason: None })
    };
    for contract in [Contract::AllOrNothing, Contract::SkipConflicts] {
        assert_eq!(moved([hour(4, 9), hour(5, 9), hour(6, 9)], contract), "changed changed changed", "{contract:?}");
        assert_eq!(moved([hour(2, 9), hour(3, 9), hour(4, 9)], contract), "changed changed changed", "{contract:?}");
    }
    let one_day = [hour(4, 8), hour(4, 12), hour(4, 16)];
    // Dates that go later begin with the last.
    assert_eq!(moved(one_day, Contract::AllOrNothing), "quota_exceeded Some(\"quota\"): refused refused free");
    assert_eq!(moved(one_day, Contract::SkipConflicts), "refused changed refused");
}

#[test]
fn an_edit_of_a_series_names_bookings_of_it_alone() {
    let mut world = world(1);
    let day = |n: i64| Interval::new(at(n, 9), at(n, 10)).unwrap();
    assert!(matches!(carry_out(&mut world, &series(&[day(0), day(1)], Contract::AllOrNothing)), Verdict::Accepted(..)));
    let booking = BookingId(Uuid::from_u128(77));
    let line = Line { resource: ROOM, interval: Some(day(2)), units: 1 };
    let book = Action::Book { booking, owner: ANN, lines: vec![line], details: Details::default(), hold: None };
    let command = |action| Command { actor: Actor::Person(ANN), action, seen: None, reason: None };
    assert!(matches!(carry_out(&mut world, &command(book)), Verdict::Accepted(..)));
    let of = world.bookings.values().find_map(|b| b.occurrence.as_ref()).unwrap().series.id;
    let contract = Contract::AllOrNothing;
    for (bookings, rule) in [(vec![booking], Rule::SameSeries), (vec![], Rule::Dates)] {
        let bookings = bookings.into_iter().map(|id| BookingRef { id, revision: None }).collect();
        let edit = Action::EditSeries { series: of, bookings, contract, edit: SeriesEdit::Cancel { reason: None } };
        let refused = carry_out(&mut world, &command(edit));
        let Verdict::Rejected(rejection, _) = refused else { panic!("{refused:?}") };
        assert_eq!((rejection.code, rejection.rule), (Code::Invalid, Some(rule)));
    }
}
