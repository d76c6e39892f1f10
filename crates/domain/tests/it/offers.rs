//! Offers against a model so naive that it is obviously right: places, a queue, and who is offered what until which second.
//! One class with places for one each; who books and who waits are different people, so that nobody stands in their own way.

use crate::oracle::Dice;
use crate::rows::fold;
use slotwise_domain::*;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Commands judged.
const CASES: u64 = 200_000;
/// Commands of one sequence.
const STEPS: u64 = 60;
const PEOPLE: u64 = 8;
/// Those from here on wait, the others book.
const WAIT_FROM: u64 = 3;
const CLASS: ResourceId = ResourceId(Uuid::from_u128(1));
/// 1 June 2026, 08:00 UTC.
const BEGINS: i64 = 1_780_300_800;

/// What must have happened at least once.
const REACHED: &[&str] = &[
    "booked",
    "full",
    "held_by_other",
    "waitlist_first",
    "waits",
    "waits already",
    "something is free",
    "cancelled",
    "accepted",
    "accepted too late",
    "declined",
    "left",
    "left with an offer",
    "lapsed",
    "passed on",
    "offered two at once",
];

#[derive(Clone, PartialEq, Debug)]
struct Waiter {
    entry: EntryId,
    person: u64,
    /// The second until which a place is kept for them.
    until: Option<i64>,
}

#[derive(Clone, PartialEq, Debug)]
struct Model {
    places: usize,
    ttl: i64,
    booked: Vec<BookingId>,
    /// In order.
    queue: Vec<Waiter>,
}

impl Model {
    /// Whoever did not take theirs in time waits no more.
    fn lapse(&mut self, now: i64) -> usize {
        let before = self.queue.len();
        self.queue.retain(|w| w.until.is_none_or(|until| now < until));
        before - self.queue.len()
    }

    fn offered(&self) -> usize {
        self.queue.iter().filter(|w| w.until.is_some()).count()
    }

    fn free(&self) -> usize {
        self.places - self.booked.len() - self.offered()
    }

    /// What is free and nobody's turn.
    fn left(&self) -> usize {
        self.free().saturating_sub(self.queue.len() - self.offered())
    }

    /// Every free place is offered to whoever is next.
    fn offer(&mut self, now: i64) -> usize {
        let (free, until) = (self.free(), now + self.ttl);
        let next = self.queue.iter_mut().filter(|w| w.until.is_none()).take(free);
        next.map(|w| w.until = Some(until)).count()
    }
}

struct Run {
    world: World,
    model: Model,
    now: i64,
    ids: u128,
    tally: BTreeMap<&'static str, u64>,
}

fn person(n: u64) -> PersonId {
    PersonId(Uuid::from_u128(100 + u128::from(n)))
}

impl Run {
    fn new(dice: &mut Dice) -> Run {
        let (places, ttl) = (1 + dice.below(4) as usize, 1 + dice.below(30) as i64);
        let mut world = World::empty(Epoch(1));
        for id in (0..PEOPLE).map(person) {
            world.roles.insert(id, Role::Member);
            world.people.insert(id, Person::default());
            world.loaded.people.insert(id);
        }
        let mut run = Run {
            world,
            model: Model { places, ttl, booked: Vec::new(), queue: Vec::new() },
            now: 0,
            ids: 1_000,
            tally: BTreeMap::new(),
        };
        let at = |hours: i64| Instant((BEGINS + hours * 3600) * 1_000_000);
        let mode = WaitMode::Offer { ttl: Span::seconds(ttl) };
        let spec = ResourceSpec {
            kind: Kind::Session,
            name: "class".into(),
            building: None,
            seats: None,
            equipment: vec![],
            zone: Zone::utc(),
            capacity: Some(places as u32),
            interval: Some(Interval::new(at(24), at(25)).unwrap()),
            policy: Policy {
                waitlist: Some(Waitlist { mode, fill: WaitFill::Skip, capacity: None }),
                ..Policy::default()
            },
            group: None,
            linked: Vec::new(),
            course: None,
        };
        assert_eq!(run.judge(Actor::System, Action::CreateResource { resource: CLASS, spec: Box::new(spec) }), None);
        run
    }

    fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    fn judge(&mut self, actor: Actor, action: Action) -> Option<Code> {
        let command = Command { actor, action, seen: None, reason: None };
        self.world.loaded.extend(&command.scope());
        let now = Instant((BEGINS + self.now) * 1_000_000);
        let key = AttemptKey { part: PartId::DEFAULT, actor: actor.uuid(), key: Uuid::nil() };
        let proposal = Proposal { key, fingerprint: Fingerprint([0; 32]), command, observed: vec![], hint: None };
        match settle(&self.world, &proposal, now) {
            Verdict::Accepted(changes, _) => {
                fold(&mut self.world, &changes, actor, now);
                None
            }
            Verdict::Rejected(rejection, changes) => {
                fold(&mut self.world, &changes, actor, now);
                Some(rejection.code)
            }
            other => panic!("{other:?}"),
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    /// One command on both sides, and whether they agree about it and about what it leaves.
    fn step(&mut self, dice: &mut Dice) {
        self.now += [0, 0, 1, 1, 2, 5, 10][dice.below(7) as usize];
        let mut due = self.model.clone();
        let lapsed = due.lapse(self.now);
        let (mut after, line) = (due.clone(), Line { resource: CLASS, interval: None, units: 1 });
        let one_of = |dice: &mut Dice, n: usize| (n > 0).then(|| dice.below(n as u64) as usize);
        let (who, action, expected, what) = match dice.below(10) {
            0..3 => {
                let (who, booking) = (dice.below(WAIT_FROM), BookingId(self.id()));
                let (owner, details) = (person(who), Details::default());
                let expected = match () {
                    () if due.left() > 0 => None,
                    () if due.booked.len() == due.places => Some(Code::Full),
                    () if due.free() == 0 => Some(Code::HeldByOther),
                    () => Some(Code::WaitlistFirst),
                };
                after.booked.push(booking);
                let what = expected.map_or("booked", Code::name);
                (who, Action::Book { booking, owner, lines: vec![line], details, hold: None }, expected, what)
            }
            3..6 => {
                let who = WAIT_FROM + dice.below(PEOPLE - WAIT_FROM);
                let (entry, owner) = (EntryId(self.id()), person(who));
                let waits = due.queue.iter().any(|w| w.person == who);
                let expected = (waits || due.left() > 0).then_some(Code::Invalid);
                after.queue.push(Waiter { entry, person: who, until: None });
                let what = if waits {
                    "waits already"
                } else if expected.is_some() {
                    "something is free"
                } else {
                    "waits"
                };
                let wants = Wants::Units;
                (who, Action::JoinWaitlist { entry, owner, line, class: 0, gives_up: None, wants }, expected, what)
            }
            6 | 7 => {
                let Some(n) = one_of(dice, due.booked.len()) else { return };
                let booking = after.booked.remove(n);
                let owner = self.world.bookings[&booking].owner;
                let who = (0..PEOPLE).find(|n| person(*n) == owner).unwrap();
                (who, Action::Cancel { booking, reason: None }, None, "cancelled")
            }
            8 => {
                // Whoever was offered something takes it, in time or not.
                let offered: Vec<Waiter> = self.model.queue.iter().filter(|w| w.until.is_some()).cloned().collect();
                let Some(n) = one_of(dice, offered.len()) else { return };
                let waiter = &offered[n];
                let hold = self.hold_of(waiter);
                let late = waiter.until.is_some_and(|until| self.now >= until);
                let named = HoldRef { id: hold.id, token: hold.token };
                if dice.one_in(3) {
                    after.queue.retain(|w| w.entry != waiter.entry);
                    let what = if late { "lapsed" } else { "declined" };
                    (waiter.person, Action::Release(named), None, what)
                } else {
                    let booking = BookingId(self.id());
                    let (owner, details) = (person(waiter.person), Details::default());
                    after.queue.retain(|w| w.entry != waiter.entry);
                    after.booked.push(booking);
                    let (expected, what) =
                        if late { (Some(Code::HoldExpired), "accepted too late") } else { (None, "accepted") };
                    let book = Action::Book { booking, owner, lines: vec![line], details, hold: Some(named) };
                    (waiter.person, book, expected, what)
                }
            }
            _ if dice.one_in(2) => {
                let Some(n) = one_of(dice, due.queue.len()) else { return };
                let waiter = after.queue.remove(n);
                let what = if waiter.until.is_some() { "left with an offer" } else { "left" };
                (waiter.person, Action::LeaveWaitlist { entry: waiter.entry }, None, what)
            }
            _ => (PEOPLE, Action::ExpireHolds { resource: CLASS }, None, "looked at"),
        };
        let confirms = matches!(&action, Action::Book { hold: Some(_), .. });
        let actor = if who == PEOPLE { Actor::System } else { Actor::Person(person(who)) };
        let said = self.judge(actor, action.clone());
        assert_eq!(said, expected, "{action:?} at {} with {:?}", self.now, self.model);
        self.count(what);
        match said {
            None => {
                let offered = after.offer(self.now);
                if lapsed > 0 && offered > 0 {
                    self.count("passed on");
                }
                if offered > 1 {
                    self.count("offered two at once");
                }
                (0..lapsed).for_each(|_| self.count("lapsed"));
                self.model = after;
            }
            // A refused confirm leaves what fell due; nothing else follows from a refusal.
            Some(_) if confirms => self.model = due,
            Some(_) => {}
        }
        self.agree();
    }

    fn hold_of(&self, waiter: &Waiter) -> Hold {
        let calendar = &self.world.calendars[&CLASS];
        let entry = calendar.waiting.values().find(|e| e.id == waiter.entry).unwrap();
        calendar.holds[&entry.offer.unwrap()]
    }

    /// The same wait in the same order, and the same is kept for each of them until the same second.
    fn agree(&self) {
        let calendar = &self.world.calendars[&CLASS];
        let until = |e: &WaitEntry| e.offer.map(|id| calendar.holds[&id].expires_at.0 / 1_000_000 - BEGINS);
        let queue: Vec<(EntryId, Option<i64>)> = calendar.waiting.values().map(|e| (e.id, until(e))).collect();
        let expected: Vec<(EntryId, Option<i64>)> = self.model.queue.iter().map(|w| (w.entry, w.until)).collect();
        assert_eq!(queue, expected, "who waits at {}", self.now);
        let taken = calendar.uses.values().filter(|u| matches!(u.id, UseId::Booking(..))).count();
        assert_eq!(taken, self.model.booked.len(), "places at {}", self.now);
        assert_eq!(calendar.holds.len(), self.model.offered(), "holds at {}", self.now);
    }
}

#[test]
fn offers_are_made_taken_declined_and_lapse_as_a_queue_says() {
    let (mut tally, mut judged, mut seed) = (BTreeMap::<&str, u64>::new(), 0, 0);
    while judged < CASES {
        seed += 1;
        let mut dice = Dice(seed);
        let mut run = Run::new(&mut dice);
        (0..STEPS).for_each(|_| run.step(&mut dice));
        run.tally.iter().for_each(|(name, n)| *tally.entry(name).or_default() += n);
        judged += run.tally.values().sum::<u64>();
    }
    println!("{judged} commands judged: {tally:?}");
    let never: Vec<&&str> = REACHED.iter().filter(|what| !tally.contains_key(**what)).collect();
    assert!(never.is_empty(), "a run that never meets {never:?} proves nothing about it");
}
