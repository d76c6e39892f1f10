//! The model: per resource an array of minutes, added up from nothing for every question.
//! It shares no code with the judgement; only the answers are the domain's.

use super::steps::*;
use slotwise_domain::{BookingId, Code, EntryId, HoldId, HoldRef};
use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    Pending,
    Confirmed,
    Cancelled,
}

#[derive(Clone, Debug)]
pub(super) struct Booked {
    pub id: BookingId,
    pub owner: usize,
    pub state: State,
    pub lines: Vec<Taken>,
}

#[derive(Clone, Debug)]
pub(super) struct Held {
    pub named: HoldRef,
    pub holder: usize,
    pub line: Taken,
    pub ask: Ask,
    pub granted: i64,
    pub until: i64,
    pub renewals: u32,
    /// How it ended by a change, other than by its time: only that it did matters.
    pub ended: bool,
}

/// A line with its buffers as they were.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub ask: Ask,
    pub first: i64,
    pub end: i64,
    pub exclusive: bool,
}

/// Somebody who waits.
#[derive(Clone, Debug)]
pub(super) struct Waiter {
    pub id: EntryId,
    pub owner: usize,
    pub ask: Ask,
    pub class: u8,
}

#[derive(Clone)]
pub(super) struct Model {
    /// In the order of class, and then of joining.
    pub waiters: Vec<Waiter>,
    pub kinds: Vec<Rules>,
    pub bookings: Vec<Booked>,
    pub holds: Vec<Held>,
    pub now: i64,
}

/// Units taken at one minute of one resource.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Minute {
    pub booked: u64,
    pub held: u64,
    pub own: u64,
}

/// What may be said.
#[derive(Debug, PartialEq)]
pub(super) enum Expected {
    Accepted,
    /// Exactly this.
    Rejected(Code),
    /// One of these, each true at some minute.
    NoRoom(BTreeSet<Code>),
}

impl Model {
    pub fn taken(&self, ask: Ask) -> Taken {
        let kind = self.kinds[ask.resource];
        Taken { ask, first: ask.from - kind.setup, end: ask.to + kind.teardown, exclusive: kind.exclusive }
    }

    pub fn live(&self, hold: &Held) -> bool {
        !hold.ended && self.now < hold.until
    }

    /// Every minute of a resource, added up from nothing. `own` are the live holds of one person, which are in `held` too.
    pub fn minutes(&self, resource: usize, own: Option<usize>, without: Option<HoldId>) -> [Minute; MINUTES] {
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
    pub fn owed(&self, resource: usize) -> [u64; MINUTES] {
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
    pub fn kept(&self) -> Vec<[u64; MINUTES]> {
        (0..self.kinds.len()).map(|n| self.owed(n)).collect()
    }

    /// Everybody whose turn it is has it.
    pub fn fill(&mut self) -> u64 {
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
    pub fn room(
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

    pub fn invalid(&self, lines: &[Ask]) -> bool {
        lines.iter().any(|l| l.units == 0 || self.kinds[l.resource].capacity.is_some_and(|c| l.units > c))
    }

    /// The owner has something else at that time, or asks for two at once.
    pub fn twice(&self, owner: usize, lines: &[Taken]) -> bool {
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
    pub fn units(&self, owner: usize, resource: usize) -> u64 {
        let theirs = self.bookings.iter().filter(|b| b.owner == owner && b.state == State::Confirmed);
        let lines = theirs.flat_map(|b| &b.lines).filter(|l| l.ask.resource == resource);
        lines.map(|l| u64::from(l.ask.units)).sum()
    }

    /// The owner would have more than the quota, and more than before.
    pub fn too_many(&self, owner: usize, lines: &[Taken], gone: &[BookingId]) -> bool {
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
    pub fn not_theirs(&self, owner: usize, line: Taken) -> bool {
        self.too_many(owner, &[line], &[]) || self.twice(owner, &[line])
    }

    /// As it would be without these bookings.
    pub fn without(&self, gone: &[BookingId]) -> Model {
        let mut model = self.clone();
        model.bookings.retain(|b| !gone.contains(&b.id));
        model
    }

    /// Whether a line asks for what no old line had; each old line answers for one, the shortest for each.
    pub fn asks_for_more(&self, old: &[Taken], lines: &[Ask]) -> Vec<Ask> {
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

    pub fn relocate(&self, who: usize, booking: &Booked, lines: &[Ask]) -> Expected {
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

    pub fn swap(&self, who: usize, one: &Booked, other: &Booked) -> Expected {
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

    pub fn book(&self, who: usize, owner: usize, lines: &[Ask], hold: Option<(&Held, bool)>) -> Expected {
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
    pub fn ended(&self, hold: &Held) -> Option<Code> {
        if hold.ended {
            Some(Code::HoldSuperseded)
        } else if self.now >= hold.until {
            Some(Code::HoldExpired)
        } else {
            None
        }
    }

    pub fn hold(&self, who: usize, ask: Ask) -> Expected {
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

    pub fn renew(&self, who: usize, hold: &Held, stale: bool) -> Expected {
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

    pub fn release(&self, who: usize, hold: &Held, stale: bool) -> Expected {
        if hold.holder != who {
            return Expected::Rejected(Code::NotAllowed);
        }
        if stale && self.live(hold) {
            return Expected::Rejected(Code::HoldSuperseded);
        }
        Expected::Accepted
    }
}
