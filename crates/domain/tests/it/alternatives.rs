//! Other times, shorter stretches and first openings, beside a scan of every minute that asks the same judgement.
//! Calendars are drawn by chance from a seed, and made of changes as real ones are.

use crate::oracle::Dice;
use jiff::civil;
use slotwise_domain::decide::{Glance, glance};
use slotwise_domain::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// Thursday, 26 March 2026, 09:00 UTC: the clocks of Berlin go forward within reach.
const NOON: Instant = Instant(1_774_515_600_000_000);

struct Case {
    world: World,
    me: PersonId,
    room: ResourceId,
    now: Instant,
}

fn minutes(from: i64, to: i64) -> Interval {
    Interval::new(NOON.plus(Span::minutes(from)), NOON.plus(Span::minutes(to))).unwrap()
}

fn cutoff(dice: &mut Dice, soon: bool) -> Cutoff {
    let far = if soon { 36 } else { 24 * 5 };
    match dice.one_in(2) {
        true => Cutoff::Elapsed(Span::minutes(dice.below(far * 60) as i64)),
        false => {
            let at = civil::time(dice.below(24) as i8, dice.below(60) as i8, 0, 0);
            Cutoff::Civil { days_before: dice.below(if soon { 2 } else { 5 }) as u16, at }
        }
    }
}

fn hours(dice: &mut Dice) -> Vec<OpeningHours> {
    let windows = [0, 0, 1, 2][dice.index() % 4];
    let mut hours = Vec::new();
    for _ in 0..windows {
        let (a, b) = (dice.below(1441) as u16, dice.below(1441) as u16);
        let days = (0..7).filter(|_| !dice.one_in(4)).filter_map(|n| civil::Weekday::from_monday_zero_offset(n).ok());
        let (from_min, to_min) = (a.min(b), a.max(b));
        let days: Weekdays = days.collect();
        if from_min < to_min && !days.is_empty() {
            hours.push(OpeningHours { days, from_min, to_min });
        }
    }
    // All day long, over midnight.
    if dice.one_in(6) {
        let days = [civil::Weekday::Friday, civil::Weekday::Saturday, civil::Weekday::Sunday].into_iter().collect();
        hours.push(OpeningHours { days, from_min: 0, to_min: 1440 });
    }
    hours
}

fn case(seed: u64) -> (Case, Interval, u32) {
    let dice = &mut Dice(seed);
    let now = NOON.plus(Span::seconds(dice.below(7200) as i64));
    let (room, me) = (ResourceId(Uuid::from_u128(1)), PersonId(Uuid::from_u128(2)));
    let minutes_of = |dice: &mut Dice| Span::minutes([0, 0, 0, 15, 7][dice.index() % 5]);
    let policy = Policy {
        setup: minutes_of(dice),
        teardown: minutes_of(dice),
        own_overlap: if dice.one_in(3) { OwnOverlap::Refuse } else { OwnOverlap::Allow },
        opening_hours: hours(dice),
        book_from: dice.one_in(4).then(|| cutoff(dice, false)),
        book_by: dice.one_in(4).then(|| cutoff(dice, true)),
        duration_max: dice.one_in(6).then(|| Span::minutes(30 + dice.below(200) as i64)),
        ..Policy::default()
    };
    let capacity = [Some(1), Some(1), Some(3), None][dice.index() % 4];
    let spec = ResourceSpec {
        kind: Kind::Room,
        name: "room".into(),
        building: None,
        seats: Some(20),
        equipment: vec![],
        zone: Zone::named(["UTC", "Europe/Berlin", "Asia/Kathmandu"][dice.index() % 3]).unwrap(),
        capacity,
        interval: None,
        policy: policy.clone(),
        group: None,
        linked: Vec::new(),
        course: None,
    };
    let resource = Resource { id: room, spec: spec.checked().unwrap(), policy_version: 1 };
    let mut calendar = Calendar::empty(Arc::new(resource), Version { epoch: Epoch(1), number: 1 }, now);
    let mut person = Person::default();
    let days = [1, 3, 12][dice.index() % 3];
    let busy = 1 + dice.below(60);
    for n in 0..busy {
        let from = dice.below(days * 24 * 60) as i64 - (days as i64 * 12 * 60);
        let interval = minutes(from, from + 5 + dice.below(300) as i64);
        let owner = if dice.one_in(3) { me } else { PersonId(Uuid::from_u128(9)) };
        let (id, occupied) = (Uuid::from_u128(1_000 + u128::from(n)), policy.occupied(interval));
        let units = 1 + dice.below(2) as u32;
        match dice.below(8) {
            0 => {
                let block =
                    Block { id: BlockId(id), interval, reason: "painters".into(), exceptions: Exceptions::default() };
                calendar.blocks.insert(BlockId(id), block);
            }
            1 | 2 => calendar.put_hold(Hold {
                id: HoldId(id),
                token: FencingToken(calendar.version, 0),
                holder: owner,
                resource: room,
                interval,
                occupied,
                units,
                granted_at: now,
                expires_at: now.plus(Span::seconds(dice.below(60) as i64 - 20)),
                renewals: 0,
                offer: None,
            }),
            _ => {
                let slot =
                    Slot { resource: room, interval, occupied, units, own_overlap: policy.own_overlap, quota: None };
                calendar.take_slots(BookingId(id), owner, &[(0, slot)]);
                if owner == me {
                    person.exclusive.insert((BookingId(id), ResourceId(id), 0), interval);
                }
            }
        }
    }
    let mut world = World::empty(Epoch(1));
    world.calendars.insert(room, Arc::new(calendar));
    let resources = person.exclusive.keys().map(|(_, resource, _)| *resource).chain([room]).collect();
    world.people.insert(me, person);
    world.roles.insert(me, Role::Member);
    world.loaded = Scope { resources, people: [me].into(), roles: [me].into(), ..Scope::default() };
    let from = dice.below(days * 20 * 60) as i64 - (days as i64 * 4 * 60);
    let wished = minutes(from, from + [5, 30, 60, 90, 600][dice.index() % 5]);
    (Case { world, me, room, now }, wished, 1 + dice.below(2) as u32)
}

impl Case {
    fn wish(&self, units: u32) -> Wish<'_> {
        Wish { world: &self.world, person: self.me, resource: self.room, units, people: None, now: self.now }
    }
}

/// Every whole minute from one instant to another, both included.
fn scan(from: Instant, to: Instant) -> impl DoubleEndedIterator<Item = Instant> {
    let minute = Span::minutes(1).0;
    (from.0.div_euclid(minute) + i64::from(from.0 % minute != 0)..=to.0.div_euclid(minute))
        .map(move |n| Instant(n * minute))
}

#[test]
fn no_minute_is_nearer_than_the_other_times_told() {
    let mut tally: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..150 {
        let (case, wished, units) = case(seed);
        let wish = case.wish(units);
        let told = wish.other_times(wished);
        for other in &told {
            assert!(wish.fits(*other), "seed {seed}: {other:?} is told and refused");
            assert_eq!(other.length(), wished.length(), "seed {seed}");
            assert!(other.start() >= case.now, "seed {seed}: {other:?} has begun");
            let beside =
                |o: &&Interval| (o.start() < wished.start()) == (other.start() < wished.start()) && *o != other;
            assert!(told.iter().filter(beside).all(|o| !o.meets(*other)), "seed {seed}: {told:?}");
        }
        assert!(told.is_sorted_by_key(|i| i.start().since(wished.start()).0.abs()), "seed {seed}: {told:?}");
        if wish.fits(wished) {
            *tally.entry("the wish fits").or_default() += 1;
            continue;
        }
        let first = wished.start().minus(Wish::REACH).max(case.now.plus(Span(1)));
        let last = wished.start().plus(Wish::REACH);
        let fits = |t: &Instant| Interval::new(*t, t.plus(wished.length())).is_ok_and(|i| wish.fits(i));
        let before = scan(first, Instant(wished.start().0 - 1)).rev().find(|t| fits(t));
        let after = scan(Instant(wished.start().0 + 1).max(first), last).find(|t| fits(t));
        let earlier = told.iter().map(|i| i.start()).filter(|t| *t < wished.start()).max();
        let later = told.iter().map(|i| i.start()).filter(|t| *t > wished.start()).min();
        assert_eq!((earlier, later), (before, after), "seed {seed}: wished {wished:?}");
        *tally.entry(if before.is_some() { "one before" } else { "none before" }).or_default() += 1;
        *tally.entry(if after.is_some() { "one after" } else { "none after" }).or_default() += 1;
    }
    assert!(["one before", "none before", "one after", "none after"].iter().all(|t| tally[t] >= 5), "{tally:?}");
}

#[test]
fn no_stretch_of_minutes_is_longer_than_the_shorter_one_told() {
    let (mut some, mut none) = (0, 0);
    for seed in 0..600 {
        let (case, wished, units) = case(seed);
        if wished.length() > Span::minutes(90) {
            continue;
        }
        let wish = case.wish(units);
        let shortest = Wish::SHORTEST.min(Span(wished.length().0 / 2));
        let soonest = scan(wished.start().max(case.now.plus(Span(1))), wished.end()).next();
        let mut longest = Span::ZERO;
        if wished.start() >= case.now && wish.fits(wished) {
            continue;
        }
        for from in soonest.map(|t| t.max(wished.start())).into_iter().flat_map(|t| scan(t, wished.end())) {
            for to in scan(from, wished.end()) {
                let stretch = Interval::new(from, to).ok().filter(|i| i.length() >= shortest && wish.fits(*i));
                longest = stretch.map_or(longest, |i| longest.max(i.length()));
            }
        }
        let told = wish.shorter(wished);
        assert!(told.is_none_or(|i| wish.fits(i)), "seed {seed}: {told:?} is told and refused");
        let length = told.map_or(Span::ZERO, Interval::length);
        assert_eq!(length, longest, "seed {seed}: wished {wished:?}, told {told:?}");
        if told.is_some() { some += 1 } else { none += 1 }
    }
    assert!(some > 10 && none > 20, "{some} {none}");
}

#[test]
fn the_first_opening_is_the_first_minute_that_is_free() {
    let (mut some, mut none) = (0, 0);
    for seed in 0..300 {
        let (case, wished, units) = case(seed);
        let wish = case.wish(units);
        let window = Interval::new(wished.start(), wished.start().plus(Span::hours(24))).unwrap();
        let length = wished.length();
        let fits = |t: &Instant| Interval::new(*t, t.plus(length)).is_ok_and(|i| wish.fits(i));
        let first = if window.start() < case.now { case.now.plus(Span(1)) } else { window.start() };
        let found = scan(first, window.end().minus(length)).find(|t| fits(t));
        let told = wish.first_free(window, length);
        assert_eq!(told.map(Interval::start), found, "seed {seed}: {window:?}");
        if told.is_some() { some += 1 } else { none += 1 }
    }
    assert!(some > 50 && none > 50, "{some} {none}");
}

#[test]
fn a_glance_and_an_empty_calendar_say_what_the_judgement_says() {
    let mut tally: BTreeMap<(String, bool), usize> = BTreeMap::new();
    for seed in 0..4_000 {
        let (case, wished, units) = case(seed);
        let wish = case.wish(units);
        let calendar = &case.world.calendars[&case.room];
        let mut empty = case.world.clone();
        let nothing = Calendar::empty(calendar.resource.clone(), calendar.version, case.now);
        empty.calendars.insert(case.room, Arc::new(nothing));
        let by_rules = Wish { world: &empty, ..wish }.fits(wished);
        let seen = glance(calendar, calendar.resource.spec.policy.occupied(wished), units);
        let fits = wish.fits(wished);
        match (by_rules, seen) {
            (false, _) | (true, Glance::Taken) => assert!(!fits, "seed {seed}: {wished:?}"),
            (true, Glance::Fits) => assert!(fits, "seed {seed}: {wished:?}"),
            (true, Glance::Held) => {}
        }
        *tally.entry((format!("{by_rules} {seen:?}"), fits)).or_default() += 1;
    }
    // Everything happens, and holds go either way.
    assert!(tally.len() >= 7 && tally.values().all(|n| *n > 0), "{tally:?}");
}

#[test]
fn a_section_has_its_one_time() {
    let (case, wished, _) = case(3);
    let mut world = case.world.clone();
    let calendar = Arc::make_mut(world.calendars.get_mut(&case.room).unwrap());
    Arc::make_mut(&mut calendar.resource).spec.kind = Kind::Section;
    Arc::make_mut(&mut calendar.resource).spec.interval = Some(wished);
    let wish = Wish { world: &world, ..case.wish(1) };
    assert_eq!((wish.other_times(wished), wish.shorter(wished)), (vec![], None));
    assert_eq!(wish.first_free(wished, Span::minutes(1)), None);
}
