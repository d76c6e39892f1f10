//! Who waits and gives something up for it, by chance: after every command nobody waits for what they could have by a move.
//! Two rooms and a few people; what must always hold is checked of every command, and of several together.

use crate::oracle::Dice;
use crate::rows::fold;
use slotwise_domain::*;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Commands judged.
const CASES: u64 = 100_000;
/// Commands of one sequence.
const STEPS: u64 = 50;
const PEOPLE: u64 = 5;
/// Commands that are looked at together, at the most.
const COMMITS_UP_TO: u64 = 6;
/// 1 June 2026, 08:00 UTC.
const BEGINS: i64 = 1_780_300_800;

/// What must have happened at least once.
const REACHED: &[&str] = &[
    "booked",
    "moved",
    "cancelled",
    "waits",
    "waits and gives something up",
    "promoted",
    "promoted, and something given up",
    "promoted in its own place",
];

struct Run {
    world: World,
    commit: Vec<(Changes, Instant)>,
    now: i64,
    ids: u128,
    tally: BTreeMap<&'static str, u64>,
}

fn person(n: u64) -> PersonId {
    PersonId(Uuid::from_u128(100 + u128::from(n)))
}

fn room(n: u64) -> ResourceId {
    ResourceId(Uuid::from_u128(1 + u128::from(n)))
}

fn judged(world: &World, actor: Actor, action: Action, now: Instant) -> Verdict {
    let command = Command { actor, action, seen: None, reason: None };
    let mut world = world.clone();
    world.loaded.extend(&command.scope());
    let key = AttemptKey { part: PartId::DEFAULT, actor: actor.uuid(), key: Uuid::nil() };
    let proposal = Proposal { key, fingerprint: Fingerprint([0; 32]), command, observed: vec![], hint: None };
    settle(&world, &proposal, now)
}

impl Run {
    fn new(dice: &mut Dice) -> Run {
        let mut world = World::empty(Epoch(1));
        for id in (0..PEOPLE).map(person) {
            world.roles.insert(id, Role::Member);
            world.people.insert(id, Person::default());
            world.loaded.people.insert(id);
        }
        let mut run = Run { world, commit: Vec::new(), now: 0, ids: 1_000, tally: BTreeMap::new() };
        for n in 0..2 {
            let fill = if dice.one_in(3) { WaitFill::Strict } else { WaitFill::Skip };
            let mode = if dice.one_in(4) { WaitMode::Offer { ttl: Span::minutes(5) } } else { WaitMode::Book };
            let own_overlap = if dice.one_in(3) { OwnOverlap::Refuse } else { OwnOverlap::Allow };
            let spec = ResourceSpec {
                kind: Kind::Room,
                name: "room".into(),
                building: None,
                seats: None,
                equipment: vec![],
                zone: Zone::utc(),
                capacity: Some(1 + dice.below(3) as u32),
                interval: None,
                policy: Policy {
                    waitlist: Some(Waitlist { mode, fill, capacity: None }),
                    own_overlap,
                    ..Policy::default()
                },
                group: None,
                linked: Vec::new(),
                course: None,
            };
            let action = Action::CreateResource { resource: room(n), spec: Box::new(spec) };
            assert!(run.judge(Actor::System, action));
        }
        run
    }

    fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    fn at(&self) -> Instant {
        Instant((BEGINS + self.now) * 1_000_000)
    }

    fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    /// Judges and folds; whether it was accepted.
    fn judge(&mut self, actor: Actor, action: Action) -> bool {
        let now = self.at();
        match judged(&self.world, actor, action, now) {
            Verdict::Accepted(changes, _) => {
                self.look_at(&changes);
                fold(&mut self.world, &changes, actor, now);
                self.commit.push((changes, now));
                true
            }
            Verdict::Rejected(_, changes) => {
                fold(&mut self.world, &changes, actor, now);
                self.commit.push((changes, now));
                false
            }
            other => panic!("{other:?}"),
        }
    }

    /// What somebody had by their turn.
    fn look_at(&mut self, changes: &Changes) {
        for (id, record) in &changes.records {
            for change in record {
                let Change::WaitEnded(ended) = change else { continue };
                if !ended.made(ended.entry.booking()) {
                    continue;
                }
                self.count("promoted");
                let gives_up = ended.entry.gives_up;
                let given_up = record.iter().find_map(|change| match change {
                    Change::BookingCancelled { booking, slots, .. } if Some(*booking) == gives_up => Some(slots),
                    _ => None,
                });
                if changes.bookings.iter().any(|b| Some(b.id) == gives_up) {
                    self.count("promoted, and something given up");
                }
                let meets = |(_, s): &(u16, Slot)| s.resource == *id && s.interval.meets(ended.entry.interval);
                if given_up.is_some_and(|slots| slots.iter().any(meets)) {
                    self.count("promoted in its own place");
                }
            }
        }
    }

    fn line(&self, dice: &mut Dice) -> Line {
        let from = 2 + dice.below(5) as i64;
        let to = from + 1 + dice.below(3) as i64;
        let at = |halves: i64| Instant((BEGINS + halves * 1800) * 1_000_000);
        let units = if dice.one_in(3) { 2 } else { 1 };
        Line { resource: room(dice.below(2)), interval: Interval::new(at(from), at(to)).ok(), units }
    }

    /// One of theirs that stands.
    fn own(&self, who: PersonId, dice: &mut Dice) -> Option<BookingId> {
        let theirs = self.world.bookings.values().filter(|b| b.owner == who && b.state == BookingState::Confirmed);
        let theirs: Vec<BookingId> = theirs.map(|b| b.id).collect();
        (!theirs.is_empty()).then(|| theirs[dice.below(theirs.len() as u64) as usize])
    }

    fn step(&mut self, dice: &mut Dice) {
        self.now += [0, 0, 1, 60][dice.below(4) as usize];
        let (who, line) = (person(dice.below(PEOPLE)), self.line(dice));
        let own = self.own(who, dice);
        let (what, action) = match (dice.below(12), own) {
            (0..4, _) => {
                let (booking, details) = (BookingId(self.id()), Details::default());
                let other = self.line(dice);
                let lines =
                    if dice.one_in(6) && other.resource != line.resource { vec![line, other] } else { vec![line] };
                ("booked", Action::Book { booking, owner: who, lines, details, hold: None })
            }
            (4 | 5, Some(booking)) => ("cancelled", Action::Cancel { booking, reason: None }),
            (6, Some(id)) => ("moved", Action::Move { booking: BookingRef { id, revision: None }, to: vec![line] }),
            (7, _) => {
                let all = self.world.calendars.values().flat_map(|c| c.waiting.values());
                let all: Vec<EntryId> = all.filter(|e| e.owner == who).map(|e| e.id).collect();
                let Some(entry) = all.first() else { return };
                ("left", Action::LeaveWaitlist { entry: *entry })
            }
            (8, _) => ("looked at", Action::ExpireHolds { resource: line.resource }),
            _ => {
                let gives_up = own.filter(|_| !dice.one_in(4));
                let (entry, wants) = (EntryId(self.id()), Wants::Units);
                let what = if gives_up.is_some() { "waits and gives something up" } else { "waits" };
                (what, Action::JoinWaitlist { entry, owner: who, line, class: 0, gives_up, wants })
            }
        };
        let actor = if what == "looked at" { Actor::System } else { Actor::Person(who) };
        let accepted = self.judge(actor, action);
        if accepted {
            self.count(what);
        }
        // A commit reads the clock once.
        let at = self.at();
        self.commit.retain(|(_, decided_at)| *decided_at == at);
        if dice.one_in(COMMITS_UP_TO) || self.commit.len() as u64 >= COMMITS_UP_TO {
            invariants::check(&self.world, self.commit.iter().map(|(changes, at)| (changes, *at))).unwrap();
            self.commit.clear();
        }
        if accepted {
            self.nobody_waits_in_vain();
        }
    }

    /// What somebody waits for they cannot have in any other way, unless it is due to be looked at.
    fn nobody_waits_in_vain(&self) {
        let now = self.at();
        let books = |c: &Calendar| c.resource.spec.policy.waitlist.is_some_and(|w| w.mode == WaitMode::Book);
        let waiting: Vec<WaitEntry> =
            self.world.calendars.values().filter(|c| books(c)).flat_map(|c| c.waiting.values()).copied().collect();
        for entry in waiting {
            if self.world.calendars[&entry.resource].wait_due.is_some_and(|due| due <= now) {
                continue;
            }
            let (owner, mut without) = (Actor::Person(entry.owner), self.world.clone());
            let leaves = judged(&without, owner, Action::LeaveWaitlist { entry: entry.id }, now);
            let Verdict::Accepted(changes, _) = leaves else { panic!("{leaves:?}") };
            without.apply(&changes, now);
            let to = vec![Line { resource: entry.resource, interval: Some(entry.interval), units: entry.units }];
            let stands = |id: &BookingId| self.world.bookings[id].state == BookingState::Confirmed;
            let action = match entry.gives_up.filter(stands) {
                Some(id) => Action::Move { booking: BookingRef { id, revision: None }, to },
                None => Action::Book {
                    booking: BookingId(Uuid::from_u128(1)),
                    owner: entry.owner,
                    lines: to,
                    details: Details::default(),
                    hold: None,
                },
            };
            let said = judged(&without, owner, action, now);
            assert!(!matches!(said, Verdict::Accepted(..)), "{entry:?} waits at {now:?} for what they may have");
        }
    }
}

#[test]
fn nobody_waits_for_what_they_could_have_by_a_move() {
    let (mut tally, mut judged, mut seed) = (BTreeMap::<&str, u64>::new(), 0, 0);
    while judged < CASES {
        seed += 1;
        let mut dice = Dice(seed);
        let mut run = Run::new(&mut dice);
        (0..STEPS).for_each(|_| run.step(&mut dice));
        run.tally.iter().for_each(|(name, n)| *tally.entry(name).or_default() += n);
        judged += STEPS;
    }
    println!("{judged} commands judged: {tally:?}");
    let never: Vec<&&str> = REACHED.iter().filter(|what| !tally.contains_key(**what)).collect();
    assert!(never.is_empty(), "a run that never meets {never:?} proves nothing about it");
}
