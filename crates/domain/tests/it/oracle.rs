//! The core against a model so naive that it is obviously right: per resource an array of minutes, added up from nothing
//! for every question. It shares no code with the judgement; only the commands and the answers are the domain's.
//!
//! A case is one command judged. `SLOTWISE_CASES=100000000` runs longer, `SLOTWISE_SEED=7` runs one sequence alone.

use crate::rows::fold;
use slotwise_domain::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use uuid::Uuid;

/// Commands judged in an ordinary run.
const CASES: u64 = 1_000_000;
/// Commands of one sequence.
const STEPS: usize = 40;
/// Minutes that are looked at; everything asked for lies within, buffers included.
const MINUTES: usize = 120;
const PEOPLE: usize = 4;
const ADMIN: usize = 3;
/// 2026-03-02T12:00Z; the clock of a sequence begins four hours before.
const ZERO: i64 = 1_772_452_800;

/// What is done in one step. Indices are taken modulo what there is, so that a shortened sequence still means something.
#[derive(Clone, Debug)]
enum Step {
    Book {
        who: usize,
        owner: usize,
        lines: Vec<Ask>,
        hold: Option<(usize, bool)>,
    },
    Confirm {
        hold: usize,
        stranger: bool,
        stale: bool,
    },
    Hold {
        who: usize,
        ask: Ask,
    },
    Renew {
        hold: usize,
        who: Option<usize>,
        stale: bool,
    },
    Release {
        hold: usize,
        who: Option<usize>,
        stale: bool,
    },
    Cancel {
        booking: usize,
        who: Option<usize>,
    },
    /// `nudge` moves the first line's ends from where the booking is; `keep` leaves its last line where it is.
    Move {
        booking: usize,
        who: Option<usize>,
        lines: Vec<Ask>,
        nudge: Option<(i64, i64)>,
        keep: bool,
    },
    Swap {
        one: usize,
        other: usize,
        who: Option<usize>,
    },
    Approve {
        booking: usize,
        who: usize,
    },
    Capacity {
        resource: usize,
        to: Option<u32>,
    },
    Expire {
        resource: usize,
    },
    Join {
        who: usize,
        ask: Ask,
        class: u8,
    },
    Leave {
        entry: usize,
        who: Option<usize>,
    },
    Wait {
        seconds: i64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Ask {
    resource: usize,
    from: i64,
    to: i64,
    units: u32,
}

#[derive(Clone, Copy, Debug)]
struct Kind {
    capacity: Option<u32>,
    setup: i64,
    teardown: i64,
    ttl: i64,
    approval: bool,
    exclusive: bool,
    /// Units of one person on the day that is looked at.
    quota: Option<u32>,
    /// Whether people may wait, and whether what is free is kept for the first of them.
    waits: Option<bool>,
}

/// Chance from a seed, the same everywhere.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    pub fn below(&mut self, n: u64) -> u64 {
        self.roll() % n
    }
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
    pub fn index(&mut self) -> usize {
        self.below(1 << 20) as usize
    }
}

fn kinds(dice: &mut Dice) -> Vec<Kind> {
    let n = 1 + dice.below(3);
    let kind = |_| Kind {
        capacity: (!dice.one_in(8)).then(|| 1 + dice.below(5) as u32),
        setup: if dice.one_in(3) { dice.below(8) as i64 } else { 0 },
        teardown: if dice.one_in(3) { dice.below(8) as i64 } else { 0 },
        ttl: [1, 5, 30, 300][dice.below(4) as usize],
        approval: dice.one_in(6),
        exclusive: dice.one_in(4),
        quota: dice.one_in(3).then(|| 1 + dice.below(6) as u32),
        waits: None,
    };
    let mut kinds: Vec<Kind> = (0..n).map(kind).collect();
    if dice.one_in(2) {
        // Whose turn it is on one resource depends on another only where two at once are refused: that is tried on one alone.
        let alone = kinds.len() == 1;
        for kind in &mut kinds {
            kind.approval = false;
            kind.exclusive &= alone;
            kind.waits = (!dice.one_in(4)).then(|| dice.one_in(3));
        }
    }
    kinds
}

fn ask(dice: &mut Dice, kinds: &[Kind]) -> Ask {
    let resource = dice.below(kinds.len() as u64) as usize;
    let length = 1 + if dice.one_in(3) { dice.below(50) } else { dice.below(15) } as i64;
    let from = 10 + dice.below((MINUTES as i64 - 20 - length) as u64) as i64;
    let most = u64::from(kinds[resource].capacity.unwrap_or(9));
    let units = if dice.one_in(20) { dice.below(most + 3) } else { 1 + dice.below(most.div_ceil(2)) } as u32;
    Ask { resource, from, to: from + length, units }
}

fn step(dice: &mut Dice, kinds: &[Kind]) -> Step {
    let who = dice.below(PEOPLE as u64) as usize;
    match dice.below(100) {
        0..28 => {
            let lines = if dice.one_in(4) { 2 + dice.below(2) } else { 1 };
            let mut lines: Vec<Ask> = (0..lines).map(|_| ask(dice, kinds)).collect();
            if lines.len() > 1 && dice.one_in(2) {
                // The same time on the same resource twice, or one after the other.
                lines[1] = if dice.one_in(2) {
                    lines[0]
                } else {
                    Ask { from: lines[0].to, to: (lines[0].to + 5).min(110), ..lines[0] }
                };
            }
            let owner = if dice.one_in(12) { dice.below(PEOPLE as u64) as usize } else { who };
            let hold = dice.one_in(12).then(|| (dice.index(), dice.one_in(4)));
            Step::Book { who, owner, lines, hold }
        }
        28..50 => Step::Hold { who, ask: ask(dice, kinds) },
        50..61 => Step::Confirm { hold: dice.index(), stranger: dice.one_in(12), stale: dice.one_in(8) },
        61..65 => Step::Renew { hold: dice.index(), who: dice.one_in(10).then_some(who), stale: dice.one_in(8) },
        65..69 => Step::Release { hold: dice.index(), who: dice.one_in(8).then_some(who), stale: dice.one_in(8) },
        69..75 => Step::Cancel { booking: dice.index(), who: dice.one_in(4).then_some(who) },
        75..83 => {
            let lines = if dice.one_in(4) { 2 } else { 1 };
            let lines = (0..lines).map(|_| ask(dice, kinds)).collect();
            let nudge = dice.one_in(2).then(|| (dice.below(21) as i64 - 10, dice.below(21) as i64 - 10));
            let who = dice.one_in(4).then_some(who);
            Step::Move { booking: dice.index(), who, lines, nudge, keep: dice.one_in(4) }
        }
        83..85 => Step::Swap { one: dice.index(), other: dice.index(), who: dice.one_in(2).then_some(ADMIN) },
        85..87 => Step::Approve { booking: dice.index(), who: if dice.one_in(6) { who } else { ADMIN } },
        87..89 => Step::Capacity { resource: dice.index(), to: (!dice.one_in(5)).then(|| 1 + dice.below(6) as u32) },
        89..91 => Step::Expire { resource: dice.index() },
        91..96 if kinds.iter().any(|k| k.waits.is_some()) => {
            let mut ask = ask(dice, kinds);
            if dice.one_in(2) {
                // Something wide is rarely free.
                (ask.from, ask.to) = (15, 105);
            }
            Step::Join { who, ask, class: if dice.one_in(6) { 1 } else { 0 } }
        }
        96 if kinds.iter().any(|k| k.waits.is_some()) => {
            Step::Leave { entry: dice.index(), who: dice.one_in(6).then_some(who) }
        }
        _ => Step::Wait { seconds: [0, 1, 1, 4, 5, 29, 30, 31][dice.below(8) as usize] },
    }
}

// The model

#[derive(Clone, Debug, PartialEq)]
enum State {
    Pending,
    Confirmed,
    Cancelled,
}

#[derive(Clone, Debug)]
struct Booked {
    id: BookingId,
    owner: usize,
    state: State,
    lines: Vec<Taken>,
}

#[derive(Clone, Debug)]
struct Held {
    named: HoldRef,
    holder: usize,
    line: Taken,
    ask: Ask,
    granted: i64,
    until: i64,
    renewals: u32,
    /// How it ended by a change, other than by its time: only that it did matters.
    ended: bool,
}

/// A line with its buffers as they were.
#[derive(Clone, Copy, Debug)]
struct Taken {
    ask: Ask,
    first: i64,
    end: i64,
    exclusive: bool,
}

/// Somebody who waits.
#[derive(Clone, Debug)]
struct Waiter {
    id: EntryId,
    owner: usize,
    ask: Ask,
    class: u8,
}

#[derive(Clone)]
struct Model {
    /// In the order of class, and then of joining.
    waiters: Vec<Waiter>,
    kinds: Vec<Kind>,
    bookings: Vec<Booked>,
    holds: Vec<Held>,
    now: i64,
}

/// Units taken at one minute of one resource.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Minute {
    booked: u64,
    held: u64,
    own: u64,
}

/// What may be said.
#[derive(Debug, PartialEq)]
enum Expected {
    Accepted,
    /// Exactly this.
    Rejected(Code),
    /// One of these, each true at some minute.
    NoRoom(BTreeSet<Code>),
}

impl Model {
    fn taken(&self, ask: Ask) -> Taken {
        let kind = self.kinds[ask.resource];
        Taken { ask, first: ask.from - kind.setup, end: ask.to + kind.teardown, exclusive: kind.exclusive }
    }

    fn live(&self, hold: &Held) -> bool {
        !hold.ended && self.now < hold.until
    }

    /// Every minute of a resource, added up from nothing. `own` are the live holds of one person, which are in `held` too.
    fn minutes(&self, resource: usize, own: Option<usize>, without: Option<HoldId>) -> [Minute; MINUTES] {
        let mut minutes = [Minute::default(); MINUTES];
        for booking in self.bookings.iter().filter(|b| b.state == State::Confirmed) {
            for line in booking.lines.iter().filter(|l| l.ask.resource == resource) {
                for minute in line.first..line.end {
                    minutes[minute as usize].booked += u64::from(line.ask.units);
                }
            }
        }
        for hold in self.holds.iter().filter(|h| self.live(h) && h.ask.resource == resource) {
            if without == Some(hold.named.id) {
                continue;
            }
            for minute in hold.line.first..hold.line.end {
                minutes[minute as usize].held += u64::from(hold.ask.units);
                if own == Some(hold.holder) {
                    minutes[minute as usize].own += u64::from(hold.ask.units);
                }
            }
        }
        minutes
    }

    /// Units free at every minute of a resource, and what of them is owed: to each in turn whom it fits, or, where it is kept, to
    /// whoever is first.
    fn owed(&self, resource: usize) -> [u64; MINUTES] {
        let mut owed = [0; MINUTES];
        let kind = self.kinds[resource];
        let (Some(capacity), Some(kept)) = (kind.capacity.map(u64::from), kind.waits) else { return owed };
        let minutes = self.minutes(resource, None, None);
        for waiter in self.waiters.iter().filter(|w| w.ask.resource == resource) {
            let line = self.taken(waiter.ask);
            let units = u64::from(waiter.ask.units);
            if units > capacity || self.not_theirs(waiter.owner, line) {
                continue;
            }
            let during = || line.first as usize..line.end as usize;
            let free = |n: usize, owed: &[u64; MINUTES]| {
                capacity - (minutes[n].booked + minutes[n].held + owed[n]).min(capacity)
            };
            if during().all(|n| free(n, &owed) >= units) || kept {
                during().for_each(|n| owed[n] += units.min(free(n, &owed)));
            }
        }
        owed
    }

    /// What is owed on every resource.
    fn kept(&self) -> Vec<[u64; MINUTES]> {
        (0..self.kinds.len()).map(|n| self.owed(n)).collect()
    }

    /// Everybody whose turn it is has it.
    fn fill(&mut self) -> u64 {
        let mut promoted = 0;
        for resource in 0..self.kinds.len() {
            let kind = self.kinds[resource];
            let (capacity, Some(kept)) = (kind.capacity.map(u64::from), kind.waits) else { continue };
            // What is kept for somebody who was not served.
            let mut owed = [0; MINUTES];
            for waiter in self.waiters.clone().into_iter().filter(|w| w.ask.resource == resource) {
                let line = self.taken(waiter.ask);
                let units = u64::from(waiter.ask.units);
                if capacity.is_some_and(|c| units > c) || self.not_theirs(waiter.owner, line) {
                    continue;
                }
                let minutes = self.minutes(resource, None, None);
                let during = || line.first as usize..line.end as usize;
                let free = |n: usize, owed: &[u64; MINUTES]| {
                    capacity.map_or(u64::MAX, |c| c - (minutes[n].booked + minutes[n].held + owed[n]).min(c))
                };
                if during().all(|n| free(n, &owed) >= units) {
                    promoted += 1;
                    let id = BookingId(waiter.id.0);
                    self.bookings.push(Booked { id, owner: waiter.owner, state: State::Confirmed, lines: vec![line] });
                    self.waiters.retain(|w| w.id != waiter.id);
                } else if kept {
                    during().for_each(|n| owed[n] += units.min(free(n, &owed)));
                }
            }
        }
        promoted
    }

    /// Whether all lines fit, and beside the person's own holds or only without them.
    fn room(
        &self,
        lines: &[Taken],
        own: Option<usize>,
        without: Option<HoldId>,
        kept: &[[u64; MINUTES]],
    ) -> (Expected, bool) {
        let mut beside = true;
        let mut reasons = BTreeSet::new();
        for (resource, kind) in self.kinds.iter().enumerate() {
            let Some(capacity) = kind.capacity.map(u64::from) else { continue };
            let minutes = self.minutes(resource, own, without);
            for (n, minute) in minutes.iter().enumerate() {
                let here =
                    lines.iter().filter(|l| l.ask.resource == resource && l.first <= n as i64 && (n as i64) < l.end);
                let asked: u64 = here.map(|l| u64::from(l.ask.units)).sum();
                if asked == 0 {
                    continue;
                }
                beside &= minute.booked + minute.held + asked <= capacity;
                if minute.booked + minute.held - minute.own + asked <= capacity {
                    continue;
                }
                if lines.len() > 1 && minute.held > minute.own {
                    // Lines are judged in their order: the first of them may meet the hold before all meet the bookings.
                    reasons.insert(Code::HeldByOther);
                }
                reasons.insert(match () {
                    () if minute.booked + asked <= capacity => Code::HeldByOther,
                    () if minute.booked == capacity => Code::Full,
                    () => Code::Insufficient,
                });
            }
        }
        if reasons.is_empty() {
            for (resource, kind) in self.kinds.iter().enumerate() {
                let Some(capacity) = kind.capacity.map(u64::from) else { continue };
                let (minutes, owed) = (self.minutes(resource, own, without), kept[resource]);
                for (n, minute) in minutes.iter().enumerate() {
                    let here = lines
                        .iter()
                        .filter(|l| l.ask.resource == resource && l.first <= n as i64 && (n as i64) < l.end);
                    let asked: u64 = here.map(|l| u64::from(l.ask.units)).sum();
                    if asked > 0 {
                        beside &= minute.booked + minute.held + owed[n] + asked <= capacity;
                        if minute.booked + minute.held - minute.own + owed[n] + asked > capacity {
                            reasons.insert(Code::WaitlistFirst);
                        }
                    }
                }
            }
        }
        (if reasons.is_empty() { Expected::Accepted } else { Expected::NoRoom(reasons) }, beside)
    }

    fn invalid(&self, lines: &[Ask]) -> bool {
        lines.iter().any(|l| l.units == 0 || self.kinds[l.resource].capacity.is_some_and(|c| l.units > c))
    }

    /// The owner has something else at that time, or asks for two at once.
    fn twice(&self, owner: usize, lines: &[Taken]) -> bool {
        let others = self.bookings.iter().filter(|b| b.owner == owner && b.state == State::Confirmed);
        let others: Vec<Ask> = others.flat_map(|b| &b.lines).filter(|l| l.exclusive).map(|l| l.ask).collect();
        let mine: Vec<Ask> = lines.iter().filter(|l| l.exclusive).map(|l| l.ask).collect();
        (0..MINUTES as i64).any(|minute| {
            let at = |a: &&Ask| a.from <= minute && minute < a.to;
            let asked = mine.iter().filter(at).count();
            asked > 1 || asked == 1 && others.iter().any(|a| at(&a))
        })
    }

    /// Units of somebody's bookings on a resource.
    fn units(&self, owner: usize, resource: usize) -> u64 {
        let theirs = self.bookings.iter().filter(|b| b.owner == owner && b.state == State::Confirmed);
        let lines = theirs.flat_map(|b| &b.lines).filter(|l| l.ask.resource == resource);
        lines.map(|l| u64::from(l.ask.units)).sum()
    }

    /// The owner would have more than the quota, and more than before.
    fn too_many(&self, owner: usize, lines: &[Taken], gone: &[BookingId]) -> bool {
        let others = self.without(gone);
        self.kinds.iter().enumerate().any(|(resource, kind)| {
            let asked =
                lines.iter().filter(|l| l.ask.resource == resource).map(|l| u64::from(l.ask.units)).sum::<u64>();
            let after = others.units(owner, resource) + asked;
            let over = kind.quota.is_some_and(|most| after > u64::from(most));
            asked > 0 && over && after > self.units(owner, resource)
        })
    }

    /// Whoever waits may not have it now: they have too much, or something else then.
    fn not_theirs(&self, owner: usize, line: Taken) -> bool {
        self.too_many(owner, &[line], &[]) || self.twice(owner, &[line])
    }

    /// As it would be without these bookings.
    fn without(&self, gone: &[BookingId]) -> Model {
        let mut model = self.clone();
        model.bookings.retain(|b| !gone.contains(&b.id));
        model
    }

    /// Whether a line asks for what no old line had; each old line answers for one, the shortest for each.
    fn asks_for_more(&self, old: &[Taken], lines: &[Ask]) -> Vec<Ask> {
        let mut old: Vec<Ask> = old.iter().map(|l| l.ask).collect();
        let mut more = Vec::new();
        for line in lines {
            let within = |o: &Ask| {
                o.resource == line.resource && o.from <= line.from && line.to <= o.to && line.units <= o.units
            };
            let mut by: Vec<usize> = (0..old.len()).filter(|n| within(&old[*n])).collect();
            by.sort_by_key(|n| (old[*n].to - old[*n].from, old[*n].units));
            match by.first() {
                Some(n) => drop(old.remove(*n)),
                None => more.push(*line),
            }
        }
        more
    }

    fn relocate(&self, who: usize, booking: &Booked, lines: &[Ask]) -> Expected {
        if booking.state == State::Cancelled || self.invalid(lines) {
            return Expected::Rejected(Code::Invalid);
        }
        if who != booking.owner && who != ADMIN {
            return Expected::Rejected(Code::NotAllowed);
        }
        if booking.lines.iter().map(|l| l.ask).eq(lines.iter().copied()) {
            return Expected::Accepted;
        }
        let waits = |l: &Ask| self.kinds[l.resource].approval;
        if booking.state == State::Confirmed
            && who != ADMIN
            && self.asks_for_more(&booking.lines, lines).iter().any(waits)
        {
            return Expected::Rejected(Code::NotAllowed);
        }
        let (taken, others): (Vec<Taken>, _) =
            (lines.iter().map(|l| self.taken(*l)).collect(), self.without(&[booking.id]));
        if self.too_many(booking.owner, &taken, &[booking.id]) {
            return Expected::Rejected(Code::QuotaExceeded);
        }
        if others.twice(booking.owner, &taken) {
            return Expected::Rejected(Code::OwnOverlap);
        }
        others.room(&taken, Some(who), None, &self.kept()).0
    }

    fn swap(&self, who: usize, one: &Booked, other: &Booked) -> Expected {
        if one.id == other.id || one.state == State::Cancelled || one.state != other.state {
            return Expected::Rejected(Code::Invalid);
        }
        if who != ADMIN && (one.owner != who || other.owner != who) {
            return Expected::Rejected(Code::NotAllowed);
        }
        let both = [one.id, other.id];
        let others = self.without(&both);
        let hands = [(one.owner, &other.lines), (other.owner, &one.lines)];
        if one.owner != other.owner && hands.iter().any(|(owner, lines)| self.too_many(*owner, lines, &both)) {
            return Expected::Rejected(Code::QuotaExceeded);
        }
        if others.twice(one.owner, &other.lines) || others.twice(other.owner, &one.lines) {
            return Expected::Rejected(Code::OwnOverlap);
        }
        Expected::Accepted
    }

    fn book(&self, who: usize, owner: usize, lines: &[Ask], hold: Option<(&Held, bool)>) -> Expected {
        if self.invalid(lines) {
            return Expected::Rejected(Code::Invalid);
        }
        if owner != who && who != ADMIN {
            return Expected::Rejected(Code::NotAllowed);
        }
        if hold.is_some_and(|(h, _)| h.holder != who) {
            return Expected::Rejected(Code::NotAllowed);
        }
        let taken: Vec<Taken> = lines.iter().map(|l| self.taken(*l)).collect();
        if self.too_many(owner, &taken, &[]) {
            return Expected::Rejected(Code::QuotaExceeded);
        }
        if self.twice(owner, &taken) {
            return Expected::Rejected(Code::OwnOverlap);
        }
        if let Some((hold, stale)) = hold {
            match self.ended(hold) {
                Some(code) => return Expected::Rejected(code),
                None if stale => return Expected::Rejected(Code::HoldSuperseded),
                None => {}
            }
        }
        self.room(&taken, Some(who), hold.map(|(h, _)| h.named.id), &self.kept()).0
    }

    /// What a hold that counts no more is refused with.
    fn ended(&self, hold: &Held) -> Option<Code> {
        if hold.ended {
            Some(Code::HoldSuperseded)
        } else if self.now >= hold.until {
            Some(Code::HoldExpired)
        } else {
            None
        }
    }

    fn hold(&self, who: usize, ask: Ask) -> Expected {
        if self.invalid(&[ask]) {
            return Expected::Rejected(Code::Invalid);
        }
        let line = self.taken(ask);
        if self.too_many(who, &[line], &[]) {
            return Expected::Rejected(Code::QuotaExceeded);
        }
        let (room, beside) = self.room(&[line], Some(who), None, &self.kept());
        let own = self.holds.iter().filter(|h| self.live(h) && h.holder == who);
        let in_the_way =
            |h: &&Held| h.ask.resource == ask.resource && h.line.first < line.end && line.first < h.line.end;
        let given_up = if beside { 0 } else { own.clone().filter(in_the_way).count() };
        if own.count() - given_up >= 10 {
            return Expected::Rejected(Code::QuotaExceeded);
        }
        room
    }

    fn renew(&self, who: usize, hold: &Held, stale: bool) -> Expected {
        if hold.holder != who {
            return Expected::Rejected(Code::NotAllowed);
        }
        if let Some(code) = self.ended(hold) {
            return Expected::Rejected(code);
        }
        let (wanted, latest) = (self.now + self.kinds[hold.ask.resource].ttl, hold.granted + 300);
        if hold.renewals >= 10 || (wanted > latest && hold.until >= latest) {
            return Expected::Rejected(Code::QuotaExceeded);
        }
        if stale {
            return Expected::Rejected(Code::HoldSuperseded);
        }
        Expected::Accepted
    }

    fn release(&self, who: usize, hold: &Held, stale: bool) -> Expected {
        if hold.holder != who {
            return Expected::Rejected(Code::NotAllowed);
        }
        if stale && self.live(hold) {
            return Expected::Rejected(Code::HoldSuperseded);
        }
        Expected::Accepted
    }
}

// Running both

struct Run {
    world: World,
    model: Model,
    resources: Vec<ResourceId>,
    people: Vec<PersonId>,
    ids: u128,
    tally: BTreeMap<&'static str, u64>,
}

impl Run {
    fn new(kinds: &[Kind]) -> Run {
        let mut run = Run {
            world: World::empty(Epoch(1)),
            model: Model { kinds: kinds.to_vec(), bookings: vec![], holds: vec![], waiters: vec![], now: -4 * 3600 },
            resources: vec![],
            people: vec![],
            ids: 0,
            tally: BTreeMap::new(),
        };
        for n in 0..PEOPLE {
            let id = PersonId(run.id());
            run.people.push(id);
            run.world.roles.insert(id, if n == ADMIN { Role::Admin } else { Role::Member });
            run.world.people.insert(id, Person::default());
            run.world.loaded.people.insert(id);
            run.world.counted.insert(id, Counted::default());
            run.world.loaded.counted.insert(id);
            run.world.loaded.facts.insert(id);
        }
        for kind in kinds {
            let resource = ResourceId(run.id());
            let policy = Policy {
                hold_ttl: Span::seconds(kind.ttl),
                setup: Span::minutes(kind.setup),
                teardown: Span::minutes(kind.teardown),
                approval: kind.approval,
                own_overlap: if kind.exclusive { OwnOverlap::Refuse } else { OwnOverlap::Allow },
                quota: kind.quota.map(|most| Quota { most, period: Period::Day, scope: QuotaScope::Resource }),
                waitlist: kind.waits.map(|kept| {
                    let fill = if kept { WaitFill::Strict } else { WaitFill::Skip };
                    Waitlist { mode: WaitMode::Book, fill, capacity: None }
                }),
                ..Policy::default()
            };
            let spec = ResourceSpec {
                kind: slotwise_domain::Kind::Room,
                name: "room".into(),
                building: None,
                seats: None,
                equipment: vec![],
                zone: Zone::utc(),
                capacity: kind.capacity,
                interval: None,
                policy,
                group: None,
                linked: Vec::new(),
                course: None,
            };
            run.resources.push(resource);
            let action = Action::CreateResource { resource, spec: Box::new(spec.checked().unwrap()) };
            let (verdict, _) = run.judge(Actor::System, action);
            assert!(matches!(verdict, Verdict::Accepted(..)));
        }
        run
    }

    fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    fn now(&self) -> Instant {
        Instant((ZERO + self.model.now) * 1_000_000)
    }

    /// What the domain says, folded and asserted.
    fn judge(&mut self, actor: Actor, action: Action) -> (Verdict, World) {
        let command = Command { actor, action, seen: None };
        self.world.loaded.extend(&command.scope());
        let now = self.now();
        let before = self.world.clone();
        let verdict = decide(&self.world, &command, now);
        if let Verdict::Accepted(changes, _) | Verdict::Rejected(_, changes) = &verdict {
            fold(&mut self.world, changes, actor, now);
        }
        (verdict, before)
    }

    fn line(&self, ask: Ask) -> Line {
        let at = |minute: i64| Instant((ZERO + minute * 60) * 1_000_000);
        let interval = Interval::new(at(ask.from), at(ask.to)).unwrap();
        Line { resource: self.resources[ask.resource], interval: Some(interval), units: ask.units }
    }

    /// The hold of a step, with a token that is not its own if `stale`.
    fn named(&self, index: usize, stale: bool) -> Option<(Held, HoldRef)> {
        let hold = self.model.holds.get(index % self.model.holds.len().max(1))?.clone();
        let mut named = hold.named;
        if stale {
            named.token = FencingToken(Version { number: named.token.0.number + 1, ..named.token.0 }, 0);
        }
        Some((hold, named))
    }

    /// Does one step on both sides. A step that has nothing to speak of is none.
    fn step(&mut self, step: &Step) -> bool {
        match step {
            Step::Wait { seconds } => {
                self.model.now += seconds;
                return false;
            }
            Step::Book { who, owner, lines, hold } => {
                let hold = hold.and_then(|(index, stale)| Some((self.named(index, stale)?, stale)));
                // A confirm is about what is held, so the held line stands first.
                let mut lines = lines.clone();
                if let Some(((held, _), _)) = &hold {
                    lines[0] = held.ask;
                }
                if !self.book(*who, *owner, &lines, hold) {
                    return false;
                }
            }
            Step::Confirm { hold, stranger, stale } => {
                let Some((held, named)) = self.named(*hold, *stale) else { return false };
                let who = if *stranger { (held.holder + 1) % PEOPLE } else { held.holder };
                if !self.book(who, who, &[held.ask], Some(((held, named), *stale))) {
                    return false;
                }
            }
            Step::Hold { who, ask } => self.hold(*who, *ask),
            Step::Renew { hold, who, stale } => {
                let Some((held, named)) = self.named(*hold, *stale) else { return false };
                let who = who.unwrap_or(held.holder);
                let expected = self.model.renew(who, &held, *stale);
                let (verdict, before) = self.judge(Actor::Person(self.people[who]), Action::Renew(named));
                if self.compare(&expected, &verdict, &before, who, &[])
                    && let Some(granted) = changes(&verdict).find_map(granted)
                {
                    let latest = held.granted + 300;
                    let until = (self.model.now + self.model.kinds[held.ask.resource].ttl).min(latest).max(held.until);
                    assert_eq!(granted.expires_at.0, (ZERO + until) * 1_000_000, "renewed until another instant");
                    let held = self.model.holds.iter_mut().find(|h| h.named.id == held.named.id).unwrap();
                    held.until = until;
                    held.renewals += 1;
                }
            }
            Step::Release { hold, who, stale } => {
                let Some((held, named)) = self.named(*hold, *stale) else { return false };
                let who = who.unwrap_or(held.holder);
                let expected = self.model.release(who, &held, *stale);
                let (verdict, before) = self.judge(Actor::Person(self.people[who]), Action::Release(named));
                if self.compare(&expected, &verdict, &before, who, &[]) && self.model.live(&held) {
                    self.end(held.named.id);
                }
            }
            Step::Cancel { booking, who } => {
                if self.model.bookings.is_empty() {
                    return false;
                }
                let n = booking % self.model.bookings.len();
                let booking = self.model.bookings[n].clone();
                let who = who.unwrap_or(booking.owner);
                let allowed = who == booking.owner || who == ADMIN;
                let expected = if allowed { Expected::Accepted } else { Expected::Rejected(Code::NotAllowed) };
                let action = Action::Cancel { booking: booking.id, reason: Some("ill".into()) };
                let (verdict, before) = self.judge(Actor::Person(self.people[who]), action);
                if self.compare(&expected, &verdict, &before, who, &[]) {
                    self.model.bookings[n].state = State::Cancelled;
                }
            }
            Step::Move { booking, who, lines, nudge, keep } => {
                let Some(n) = booking.checked_rem(self.model.bookings.len()) else { return false };
                self.relocate(n, *who, lines, *nudge, *keep);
            }
            Step::Swap { one, other, who } => {
                let Some(n) = one.checked_rem(self.model.bookings.len()) else { return false };
                let m = other % self.model.bookings.len();
                let (one, other) = (self.model.bookings[n].clone(), self.model.bookings[m].clone());
                let who = who.unwrap_or(one.owner);
                let expected = self.model.swap(who, &one, &other);
                let named = |id| BookingRef { id, revision: None };
                let action = Action::Swap { one: named(one.id), other: named(other.id) };
                let (verdict, before) = self.judge(Actor::Person(self.people[who]), action);
                if self.compare(&expected, &verdict, &before, who, &[]) {
                    *self.tally.entry("swapped").or_default() += 1;
                    (self.model.bookings[n].lines, self.model.bookings[m].lines) = (other.lines, one.lines);
                }
            }
            Step::Approve { booking, who } => {
                if self.model.bookings.is_empty() {
                    return false;
                }
                let n = booking % self.model.bookings.len();
                let booking = self.model.bookings[n].clone();
                let expected = match booking.state {
                    _ if *who != ADMIN => Expected::Rejected(Code::NotAllowed),
                    State::Cancelled => Expected::Rejected(Code::Invalid),
                    State::Confirmed => Expected::Accepted,
                    State::Pending if self.model.too_many(booking.owner, &booking.lines, &[]) => {
                        Expected::Rejected(Code::QuotaExceeded)
                    }
                    State::Pending if self.model.twice(booking.owner, &booking.lines) => {
                        Expected::Rejected(Code::OwnOverlap)
                    }
                    State::Pending => self.model.room(&booking.lines, None, None, &self.model.kept()).0,
                };
                if *who != ADMIN && booking.state == State::Cancelled {
                    return false;
                }
                let action = Action::Approve { booking: booking.id };
                let (verdict, before) = self.judge(Actor::Person(self.people[*who]), action);
                let nobody = usize::MAX;
                if self.compare(&expected, &verdict, &before, nobody, &booking.lines) {
                    self.model.bookings[n].state = State::Confirmed;
                }
            }
            Step::Capacity { resource, to } => {
                let n = resource % self.resources.len();
                let most = self.model.minutes(n, None, None).iter().map(|m| m.booked + m.held).max().unwrap_or(0);
                let fits = to.is_none_or(|to| most <= u64::from(to));
                let expected = if fits { Expected::Accepted } else { Expected::Rejected(Code::Insufficient) };
                let resource = self.resources[n];
                let policy_version = self.world.calendars[&resource].resource.policy_version;
                let patch = Box::new(ResourcePatch { capacity: Some(*to), ..ResourcePatch::default() });
                let action = Action::EditResource { resource, policy_version, patch };
                let (verdict, before) = self.judge(Actor::Person(self.people[ADMIN]), action);
                if self.compare(&expected, &verdict, &before, ADMIN, &[]) {
                    self.model.kinds[n].capacity = *to;
                }
            }
            Step::Expire { resource } => {
                let resource = self.resources[resource % self.resources.len()];
                self.expire(resource);
            }
            Step::Join { who, ask, class } => self.join(*who, *ask, *class),
            Step::Leave { entry, who } => {
                let Some(n) = entry.checked_rem(self.model.waiters.len()) else { return false };
                let waiter = self.model.waiters[n].clone();
                let who = who.unwrap_or(waiter.owner);
                let allowed = who == waiter.owner || who == ADMIN;
                let expected = if allowed { Expected::Accepted } else { Expected::Rejected(Code::NotAllowed) };
                let action = Action::LeaveWaitlist { entry: waiter.id };
                let (verdict, before) = self.judge(Actor::Person(self.people[who]), action);
                if self.compare(&expected, &verdict, &before, who, &[]) {
                    self.model.waiters.remove(n);
                }
            }
        }
        if self.model.kinds.iter().any(|k| k.waits.is_some()) {
            self.turns();
        }
        self.usage();
        true
    }

    fn join(&mut self, who: usize, ask: Ask, class: u8) {
        let model = &self.model;
        let line = model.taken(ask);
        let mine = model.waiters.iter().filter(|w| w.owner == who);
        let same = |w: &Waiter| (w.ask.resource, w.ask.from, w.ask.to) == (ask.resource, ask.from, ask.to);
        // Without whatever they hold themselves.
        let mut others = model.clone();
        others.holds.retain(|h| h.holder != who);
        let free = || others.room(&[line], None, None, &model.kept()).0 == Expected::Accepted;
        let expected =
            if model.invalid(&[ask]) || model.kinds[ask.resource].waits.is_none() || mine.clone().any(same) || free() {
                Expected::Rejected(Code::Invalid)
            } else if class != 0 && who != ADMIN {
                Expected::Rejected(Code::NotAllowed)
            } else if mine.count() >= 20 || model.too_many(who, &[line], &[]) {
                Expected::Rejected(Code::QuotaExceeded)
            } else if model.twice(who, &[line]) {
                Expected::Rejected(Code::OwnOverlap)
            } else {
                Expected::Accepted
            };
        let id = EntryId(self.id());
        let (owner, line) = (self.people[who], self.line(ask));
        let action = Action::JoinWaitlist { entry: id, owner, line, class, gives_up: None, wants: Wants::Units };
        let (verdict, before) = self.judge(Actor::Person(owner), action);
        if self.compare(&expected, &verdict, &before, who, &[]) {
            *self.tally.entry("waits").or_default() += 1;
            let place = self.model.waiters.iter().position(|w| w.class < class).unwrap_or(self.model.waiters.len());
            self.model.waiters.insert(place, Waiter { id, owner: who, ask, class });
        }
    }

    /// After what is due is done everywhere, both sides have given the same people their turn, and the same wait on in the same order.
    fn turns(&mut self) {
        for resource in self.resources.clone() {
            self.expire(resource);
        }
        let promoted = self.model.fill();
        *self.tally.entry("promoted").or_default() += promoted;
        for (n, id) in self.resources.iter().enumerate() {
            let calendar = &self.world.calendars[id];
            let ours: Vec<EntryId> = calendar.waiting.values().map(|e| e.id).collect();
            let waiters = self.model.waiters.iter().filter(|w| w.ask.resource == n);
            assert_eq!(ours, waiters.map(|w| w.id).collect::<Vec<_>>(), "who waits");
        }
    }

    /// Who has what they waited for waits no more.
    fn has(&mut self, owner: usize, lines: &[Taken]) {
        let same = |w: &Waiter, l: &Taken| {
            (w.ask.resource, w.ask.from, w.ask.to) == (l.ask.resource, l.ask.from, l.ask.to)
                && w.ask.units <= l.ask.units
        };
        self.model.waiters.retain(|w| w.owner != owner || !lines.iter().any(|l| same(w, l)));
    }

    fn expire(&mut self, resource: ResourceId) {
        let (verdict, before) = self.judge(Actor::System, Action::ExpireHolds { resource });
        self.compare(&Expected::Accepted, &verdict, &before, usize::MAX, &[]);
    }

    fn relocate(&mut self, n: usize, who: Option<usize>, lines: &[Ask], nudge: Option<(i64, i64)>, keep: bool) {
        let booking = self.model.bookings[n].clone();
        let who = who.unwrap_or(booking.owner);
        let mut lines = lines.to_vec();
        if let Some((a, b)) = nudge {
            let old = booking.lines[0].ask;
            let from = (old.from + a).clamp(10, 108);
            lines[0] = Ask { from, to: (old.to + b).clamp(from + 1, 110), ..old };
        }
        if keep {
            lines.push(booking.lines[booking.lines.len() - 1].ask);
        }
        let expected = self.model.relocate(who, &booking, &lines);
        let taken: Vec<Taken> = lines.iter().map(|l| self.model.taken(*l)).collect();
        let (_, beside) = self.model.without(&[booking.id]).room(&taken, Some(who), None, &self.model.kept());
        let to = lines.iter().map(|l| self.line(*l)).collect();
        let action = Action::Move { booking: BookingRef { id: booking.id, revision: None }, to };
        let (verdict, before) = self.judge(Actor::Person(self.people[who]), action);
        if self.compare(&expected, &verdict, &before, who, &taken) {
            *self.tally.entry("moved").or_default() += 1;
            self.given_up(&verdict, who, &taken, beside, None);
            self.has(booking.owner, &taken);
            self.model.bookings[n].lines = taken;
        }
    }

    fn book(&mut self, who: usize, owner: usize, lines: &[Ask], hold: Option<((Held, HoldRef), bool)>) -> bool {
        let expected = self.model.book(who, owner, lines, hold.as_ref().map(|((held, _), stale)| (held, *stale)));
        let booking = BookingId(self.id());
        let action = Action::Book {
            booking,
            owner: self.people[owner],
            lines: lines.iter().map(|l| self.line(*l)).collect(),
            details: Details::default(),
            hold: hold.as_ref().map(|((_, named), _)| *named),
        };
        let taken: Vec<Taken> = lines.iter().map(|l| self.model.taken(*l)).collect();
        let without = hold.as_ref().map(|((held, _), _)| held.named.id);
        let (_, beside) = self.model.room(&taken, Some(who), without, &self.model.kept());
        let (verdict, before) = self.judge(Actor::Person(self.people[who]), action);
        if self.compare(&expected, &verdict, &before, who, &taken) {
            let pending = who != ADMIN && lines.iter().any(|l| self.model.kinds[l.resource].approval);
            let state = if pending { State::Pending } else { State::Confirmed };
            let found = self.world.bookings[&booking].state.clone();
            assert_eq!(found.takes_units(), !pending, "pending, or not");
            self.given_up(&verdict, who, &taken, beside, without);
            if let Some(id) = without {
                self.end(id);
            }
            self.has(owner, &taken);
            self.model.bookings.push(Booked { id: booking, owner, state, lines: taken });
        } else if let Some(((held, _), false)) = hold
            && held.holder == who
            && self.model.live(&held)
        {
            // A refused confirm lets its hold go.
            self.end(held.named.id);
        }
        true
    }

    fn hold(&mut self, who: usize, ask: Ask) {
        let expected = self.model.hold(who, ask);
        let line = self.model.taken(ask);
        let (_, beside) = self.model.room(&[line], Some(who), None, &self.model.kept());
        let id = HoldId(self.id());
        let action = Action::Hold { hold: id, line: self.line(ask) };
        let (verdict, before) = self.judge(Actor::Person(self.people[who]), action);
        if self.compare(&expected, &verdict, &before, who, &[line]) {
            self.given_up(&verdict, who, &[line], beside, None);
            let granted = changes(&verdict).find_map(granted).unwrap();
            let until = self.model.now + self.model.kinds[ask.resource].ttl;
            assert_eq!(granted.expires_at.0, (ZERO + until) * 1_000_000, "granted until another instant");
            let fresh =
                self.model.holds.iter().all(|h| h.ask.resource != ask.resource || h.named.token != granted.token);
            assert!(fresh, "a token is never used twice");
            let named = HoldRef { id, token: granted.token };
            let (granted, renewals) = (self.model.now, 0);
            self.model.holds.push(Held { named, holder: who, line, ask, granted, until, renewals, ended: false });
        }
    }

    /// Own holds were given up only where they stood in the way, and then they were.
    fn given_up(&mut self, verdict: &Verdict, who: usize, lines: &[Taken], beside: bool, consumed: Option<HoldId>) {
        let ended: Vec<EndedHold> = changes(verdict)
            .filter_map(|c| match c {
                Change::HoldEnded(e) if e.end == HoldEnd::Superseded => Some(*e),
                _ => None,
            })
            .collect();
        assert!(ended.is_empty() || !beside, "{ended:?} did not stand in the way");
        for ended in ended {
            let hold = self.model.holds.iter().find(|h| h.named.id == ended.hold.id).unwrap();
            let meets =
                |l: &Taken| l.ask.resource == hold.ask.resource && l.first < hold.line.end && hold.line.first < l.end;
            assert!(
                self.model.live(hold) && hold.holder == who && Some(hold.named.id) != consumed,
                "{hold:?} given up"
            );
            assert!(lines.iter().any(meets), "{hold:?} does not meet what was asked");
            self.end(ended.hold.id);
        }
    }

    fn end(&mut self, id: HoldId) {
        self.model.holds.iter_mut().find(|h| h.named.id == id).unwrap().ended = true;
    }

    /// Holds the domain's answer against what is expected; whether it accepted.
    fn compare(&mut self, expected: &Expected, verdict: &Verdict, before: &World, who: usize, asked: &[Taken]) -> bool {
        match (expected, verdict) {
            (Expected::Accepted, Verdict::Accepted(..)) => {
                *self.tally.entry("accepted").or_default() += 1;
                true
            }
            (Expected::Rejected(code), Verdict::Rejected(rejection, _)) => {
                assert_eq!(*code, rejection.code, "refused for another reason: {rejection:?}");
                *self.tally.entry(code.name()).or_default() += 1;
                false
            }
            (Expected::NoRoom(codes), Verdict::Rejected(rejection, _)) => {
                assert!(codes.contains(&rejection.code), "{rejection:?}, but what is true is {codes:?}");
                // One line is judged over all its minutes: bookings alone are told before holds, nothing before too little.
                let by_bookings = codes.iter().filter(|c| **c != Code::HeldByOther).min();
                if let [_] = asked {
                    assert_eq!(rejection.code, *by_bookings.unwrap_or(&Code::HeldByOther), "of {codes:?}");
                }
                self.witness(rejection, before, who, asked);
                *self.tally.entry(rejection.code.name()).or_default() += 1;
                false
            }
            _ => panic!("expected {expected:?}, said {verdict:?}"),
        }
    }

    /// What a refusal names stood there, at a minute where there is no room.
    fn witness(&self, rejection: &Rejection, before: &World, who: usize, asked: &[Taken]) {
        let resource = self.resources.iter().position(|id| Some(*id) == rejection.resource).unwrap();
        let meets = |line: &Taken| {
            let asked = asked.iter().filter(|l| l.ask.resource == resource);
            line.ask.resource == resource && asked.clone().any(|l| l.first < line.end && line.first < l.end)
        };
        match (rejection.code, rejection.witness) {
            (Code::HeldByOther, Some(Witness::Hold { id, holder, expires_at, .. })) => {
                let hold = self.model.holds.iter().find(|h| h.named.id == id).unwrap();
                assert!(self.model.live(hold) && meets(&hold.line), "{hold:?} does not stand there");
                assert!(hold.holder != who, "nobody is refused because of their own hold");
                assert_eq!(holder, self.people[hold.holder]);
                assert_eq!(Some(expires_at), rejection.retry_at);
                assert_eq!(expires_at.0, (ZERO + hold.until) * 1_000_000);
            }
            (Code::Full | Code::Insufficient, Some(Witness::Booking { id, owner, .. })) => {
                let booking = self.model.bookings.iter().find(|b| b.id == id).unwrap();
                assert!(booking.state == State::Confirmed, "{booking:?} takes nothing");
                assert!(booking.lines.iter().any(meets), "{booking:?} does not stand there");
                assert_eq!(owner, self.people[booking.owner]);
                assert!(before.bookings.contains_key(&id));
            }
            (Code::WaitlistFirst, Some(Witness::Waiting { id, .. })) => {
                let waits = self.model.waiters.iter().find(|w| w.id == id).unwrap();
                assert_eq!(waits.ask.resource, resource, "{waits:?} waits elsewhere");
            }
            // The lines of the request are too much by themselves.
            (Code::Insufficient, None) => {
                let capacity = self.model.kinds[resource].capacity.unwrap_or(u32::MAX);
                assert!(asked.len() > 1 || asked[0].ask.units > capacity, "no witness");
            }
            other => panic!("no witness of {other:?}"),
        }
    }

    /// At every minute both sides take the same, and badges say what is left.
    fn usage(&self) {
        for (n, id) in self.resources.iter().enumerate() {
            let calendar = &self.world.calendars[id];
            let minutes = self.model.minutes(n, Some(0), None);
            let expired: Vec<&Hold> = calendar.holds.values().filter(|h| h.expired(self.now())).collect();
            for (minute, expected) in minutes.iter().enumerate() {
                let at = Instant((ZERO + minute as i64 * 60) * 1_000_000);
                let level = calendar.levels.at(at);
                let idle: u64 = expired.iter().filter(|h| h.occupied.contains(at)).map(|h| u64::from(h.units)).sum();
                assert_eq!((level.booked, level.held - idle), (expected.booked, expected.held), "at minute {minute}");
            }
            let all = Interval::new(Instant((ZERO + 600) * 1_000_000), Instant((ZERO + 6000) * 1_000_000)).unwrap();
            let kind = self.model.kinds[n];
            let policy = &calendar.resource.spec.policy;
            let seen = (10 - policy.setup.0 / 60_000_000) as usize..(100 + policy.teardown.0 / 60_000_000) as usize;
            let fullest = minutes[seen].iter().map(|m| m.booked + m.held - m.own).max().unwrap_or(0);
            let left = decide::free_units(calendar, all, Some(self.people[0]), self.now());
            // Who they are is not asked when units are shown: what is owed then is at least what is owed to those who may have it.
            if !calendar.waiting.is_empty() {
                continue;
            }
            assert_eq!(left.map(u64::from), kind.capacity.map(|c| u64::from(c).saturating_sub(fullest)), "left");
        }
    }
}

fn changes(verdict: &Verdict) -> impl Iterator<Item = &Change> {
    let changes = match verdict {
        Verdict::Accepted(changes, _) | Verdict::Rejected(_, changes) => Some(changes),
        Verdict::Moved(_) | Verdict::Needs(_) => None,
    };
    changes.into_iter().flat_map(|c| &c.records).flat_map(|(_, record)| record)
}

fn granted(change: &Change) -> Option<Hold> {
    match change {
        Change::HoldGranted(hold) | Change::HoldRenewed(hold) => Some(*hold),
        _ => None,
    }
}

/// Runs a sequence to its end, tidied; how many commands were judged, and what was said.
fn run(kinds: &[Kind], steps: &[Step]) -> (u64, BTreeMap<&'static str, u64>) {
    let mut run = Run::new(kinds);
    let mut judged = 0;
    for step in steps {
        judged += u64::from(run.step(step));
    }
    // What has come free since the last step is somebody's turn.
    run.turns();
    for calendar in run.world.calendars.values() {
        assert!(calendar.holds.values().all(|h| !h.expired(run.now())), "a sweep leaves nothing that expired");
    }
    run.usage();
    (judged, run.tally)
}

fn sequence(seed: u64) -> (Vec<Kind>, Vec<Step>) {
    let mut dice = Dice(seed);
    let kinds = kinds(&mut dice);
    let steps = (0..STEPS).map(|_| step(&mut dice, &kinds)).collect();
    (kinds, steps)
}

/// Whether the sequence goes wrong, and how.
fn fails(kinds: &[Kind], steps: &[Step]) -> Option<String> {
    let outcome = std::panic::catch_unwind(|| run(kinds, steps));
    outcome.err().map(|e| match (e.downcast_ref::<String>(), e.downcast_ref::<&str>()) {
        (Some(says), _) => says.clone(),
        (None, Some(says)) => (*says).into(),
        (None, None) => "?".into(),
    })
}

/// Leaves out whatever can be left out.
fn shrunk(kinds: &[Kind], mut steps: Vec<Step>) -> Vec<Step> {
    for round in 0..4 {
        let mut piece = steps.len() >> round.min(2);
        while piece > 0 {
            let mut at = 0;
            while at < steps.len() {
                let mut fewer = steps.clone();
                fewer.drain(at..(at + piece).min(fewer.len()));
                if fails(kinds, &fewer).is_some() {
                    steps = fewer;
                } else {
                    at += piece;
                }
            }
            piece /= 2;
        }
    }
    steps
}

#[test]
fn a_million_commands_are_judged_as_by_minutes() {
    let number = |name| std::env::var(name).ok().map(|n: String| n.parse::<u64>().unwrap());
    let (cases, one) = (number("SLOTWISE_CASES").unwrap_or(CASES), number("SLOTWISE_SEED"));
    let (next, judged, stop) = (AtomicU64::new(one.unwrap_or(1)), AtomicU64::new(0), AtomicBool::new(false));
    let (failed, tallies) = (Mutex::new(None::<u64>), Mutex::new(BTreeMap::<&str, u64>::new()));
    // A sequence that goes wrong is run again, shrunk, with the lid off; until then it is quiet.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().name() != Some("oracle") {
            hook(info);
        }
    }));
    let worker = || {
        while !stop.load(Ordering::Relaxed) && judged.load(Ordering::Relaxed) < cases {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let (kinds, steps) = sequence(seed);
            match std::panic::catch_unwind(|| run(&kinds, &steps)) {
                Ok((n, tally)) => {
                    judged.fetch_add(n, Ordering::Relaxed);
                    let mut tallies = tallies.lock().unwrap();
                    tally.into_iter().for_each(|(name, n)| *tallies.entry(name).or_default() += n);
                }
                Err(_) => {
                    stop.store(true, Ordering::Relaxed);
                    failed.lock().unwrap().get_or_insert(seed);
                }
            }
            if one.is_some() {
                break;
            }
        }
    };
    let shrink = |seed: u64| {
        let (kinds, steps) = sequence(seed);
        let steps = shrunk(&kinds, steps);
        let says = fails(&kinds, &steps).unwrap_or_default();
        let rows: String = steps.iter().map(|s| format!("  {s:?}\n")).collect();
        let kinds: String = kinds.iter().map(|k| format!("  {k:?}\n")).collect();
        format!(
            "{says}\non\n{kinds}after\n{rows}replay: SLOTWISE_SEED={seed} cargo test -p slotwise-domain --test it oracle"
        )
    };
    let report = std::thread::scope(|scope| {
        let threads = if one.is_some() { 1 } else { std::thread::available_parallelism().map_or(2, |n| n.get()) };
        let named = || std::thread::Builder::new().name("oracle".into());
        let workers: Vec<_> = (0..threads).map(|_| named().spawn_scoped(scope, worker).unwrap()).collect();
        workers.into_iter().for_each(|w| w.join().unwrap());
        let seed = *failed.lock().unwrap();
        seed.map(|seed| named().spawn_scoped(scope, move || shrink(seed)).unwrap().join().unwrap())
    });
    drop(std::panic::take_hook());
    if let Some(report) = report {
        panic!("{report}");
    }
    let judged = judged.load(Ordering::Relaxed);
    println!("{judged} commands judged: {:?}", tallies.lock().unwrap());
    if one.is_none() {
        assert!(judged >= cases, "only {judged} commands were judged");
        // A run that never meets a reason proves nothing about it.
        for code in ["accepted", "invalid", "not_allowed", "quota_exceeded", "own_overlap", "hold_expired"] {
            assert!(tallies.lock().unwrap().contains_key(code), "never {code}");
        }
        for code in ["waits", "promoted", "waitlist_first"] {
            assert!(tallies.lock().unwrap().contains_key(code), "never {code}");
        }
        for code in ["moved", "swapped", "hold_superseded", "held_by_other", "full", "insufficient"] {
            assert!(tallies.lock().unwrap().contains_key(code), "never {code}");
        }
    }
}
