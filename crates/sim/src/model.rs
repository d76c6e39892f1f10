//! What is right, so naive that it is obvious: lists of bookings, holds and people who wait, added up from nothing for every question.
//! It shares no code with the judgement; only commands, answers and ids are the domain's.

use crate::database::Entry;
use crate::tally::Tally;
use slotwise_domain::{
    Action, Actor, Below, BookingId, Change, Code, EntryId, FencingToken, HoldId, HoldRef, Instant, Interval, Line,
    Outcome, PersonId, Policy, ResourceId, Span, UseId, WaitMode,
};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
struct Resource {
    capacity: u32,
    policy: Policy,
    /// In the order of joining.
    waiting: Vec<Waiter>,
    /// Every token that was ever given out.
    tokens: BTreeSet<FencingToken>,
}

#[derive(Clone, Debug)]
struct Waiter {
    id: EntryId,
    owner: PersonId,
    interval: Interval,
    units: u32,
    offer: Option<HoldId>,
    offers: u8,
}

#[derive(Clone, Debug)]
struct Booked {
    owner: PersonId,
    lines: Vec<Taken>,
    cancelled: bool,
    revision: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Taken {
    resource: ResourceId,
    interval: Interval,
    first: Instant,
    end: Instant,
    units: u32,
}

#[derive(Clone, Debug)]
struct Held {
    token: FencingToken,
    holder: PersonId,
    line: Taken,
    granted: Instant,
    until: Instant,
    renewals: u32,
    entry: Option<EntryId>,
    ended: Option<Ended>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    ByTime,
    Otherwise,
}

/// What is so, and what follows from it.
#[derive(Default)]
pub struct Model {
    admin: Option<PersonId>,
    resources: BTreeMap<ResourceId, Resource>,
    bookings: BTreeMap<BookingId, Booked>,
    holds: BTreeMap<HoldId, Held>,
    /// Who waited, and no longer does.
    waited: BTreeMap<EntryId, (ResourceId, PersonId)>,
    now: i64,
    /// What came about.
    pub tally: Tally,
}

/// What is left out of what is taken, when it is asked whether something fits.
#[derive(Clone, Default)]
struct Without {
    holds: BTreeSet<HoldId>,
    booking: Option<BookingId>,
}

/// So many units owed during a time.
type Owed = Vec<(Instant, Instant, u32)>;

enum Expected {
    Accepted,
    Rejected(Code),
}

use Expected::{Accepted, Rejected};

impl Model {
    /// Nothing yet. This one may do everything.
    pub fn new(admin: PersonId) -> Model {
        Model { admin: Some(admin), ..Model::default() }
    }

    /// Takes one decision in: it must be what is expected, and so must all that follows from it.
    pub fn take(&mut self, entry: &Entry) -> Result<(), String> {
        let decision = &entry.recorded.decision;
        if decision.decided_at.0 < self.now && decision.decided.iter().any(|(id, _)| self.resources.contains_key(id)) {
            // Time goes back on the store's clock at times; never on one resource, which the fold of it knows.
            let back = entry.after.iter().any(|c| c.decided_at > decision.decided_at);
            if back {
                return Err("it was decided before what it follows".into());
            }
        }
        self.now = decision.decided_at.0;
        if let Action::CreateResource { resource, spec } = &entry.command.action {
            let (capacity, policy) = (spec.capacity.unwrap_or(u32::MAX), spec.policy.clone());
            let (waiting, tokens) = (Vec::new(), BTreeSet::new());
            self.resources.insert(*resource, Resource { capacity, policy, waiting, tokens });
            return Ok(());
        }
        let now = decision.decided_at;
        let expected = self.expected(entry.command.actor, &entry.command.action, now);
        let same = match (&expected, &decision.outcome) {
            (Accepted, Outcome::Booked | Outcome::Accepted) => true,
            (Rejected(code), Outcome::Rejected(rejection)) => *code == rejection.code,
            (Accepted, Outcome::Rejected(_)) | (Rejected(_), Outcome::Booked | Outcome::Accepted) => false,
        };
        if !same {
            let expected = match expected {
                Accepted => "accepted".to_owned(),
                Rejected(code) => format!("refused, {}", code.name()),
            };
            return Err(format!("it should be {expected}\n{}", self.around(&entry.command.action, now)));
        }
        self.remarkable(entry);
        match expected {
            Accepted => self.carry_out(entry, now)?,
            Rejected(_) => self.let_go(entry, now),
        }
        self.compare(entry)
    }

    // What is expected

    fn expected(&self, actor: Actor, action: &Action, now: Instant) -> Expected {
        let is_admin = actor == Actor::System || actor.person() == self.admin;
        let who = actor.person();
        match action {
            Action::Book { owner, lines, hold, .. } => {
                if let Some(code) = self.invalid(lines) {
                    return Rejected(code);
                }
                let held = hold.map(|named| self.holds.get(&named.id));
                if held.is_some_and(|h| h.is_none()) {
                    return Rejected(Code::NotFound);
                }
                let (held, lines) = (held.flatten(), self.taken_all(lines));
                if !is_admin && Some(*owner) != who || held.is_some_and(|h| Some(h.holder) != who) {
                    return Rejected(Code::NotAllowed);
                }
                if self.too_late_to_book(&lines, now) {
                    return Rejected(Code::PastCutoff);
                }
                if let (Some(held), Some(named)) = (held, hold)
                    && let Some(code) = self.ended(held, Some(named), now)
                {
                    return Rejected(code);
                }
                let consumed = hold.map(|h| h.id).into_iter().collect();
                self.room(who, &lines, &Without { holds: consumed, booking: None }, now)
                    .map_or_else(Rejected, |_| Accepted)
            }
            Action::Hold { line, .. } => {
                if let Some(code) = self.invalid(&[*line]) {
                    return Rejected(code);
                }
                let (Some(who), lines) = (who, self.taken_all(&[*line])) else { return Rejected(Code::NotAllowed) };
                if self.too_late_to_book(&lines, now) {
                    return Rejected(Code::PastCutoff);
                }
                let live = self.holds.values().filter(|h| self.live(h, now) && h.holder == who).count();
                let own = lines.iter().map(|l| self.in_own_way(who, l, &Without::default(), now).len()).sum::<usize>();
                if live - own.min(live) >= 10 {
                    return Rejected(Code::QuotaExceeded);
                }
                self.room(Some(who), &lines, &Without::default(), now).map_or_else(Rejected, |_| Accepted)
            }
            Action::Renew(named) => {
                let Some(held) = self.holds.get(&named.id) else { return Rejected(Code::NotFound) };
                if Some(held.holder) != who {
                    return Rejected(Code::NotAllowed);
                }
                if let Some(code) = self.ended(held, None, now) {
                    return Rejected(code);
                }
                let (wanted, latest) =
                    (now.plus(self.rules(held.line.resource).ttl), held.granted.plus(Span::seconds(300)));
                if held.renewals >= 10 || wanted > latest && held.until >= latest || held.entry.is_some() {
                    return Rejected(Code::QuotaExceeded);
                }
                if held.token != named.token { Rejected(Code::HoldSuperseded) } else { Accepted }
            }
            Action::Release(named) => {
                let Some(held) = self.holds.get(&named.id) else { return Rejected(Code::NotFound) };
                if Some(held.holder) != who {
                    return Rejected(Code::NotAllowed);
                }
                let stale = held.token != named.token && self.live(held, now);
                if stale { Rejected(Code::HoldSuperseded) } else { Accepted }
            }
            Action::Cancel { booking, .. } => {
                let Some(booked) = self.bookings.get(booking) else { return Rejected(Code::NotFound) };
                if !is_admin && Some(booked.owner) != who {
                    return Rejected(Code::NotAllowed);
                }
                if booked.cancelled {
                    return Accepted;
                }
                let cutoff =
                    |l: &Taken| self.rules(l.resource).cancel_by.is_some_and(|by| now >= l.interval.start().minus(by));
                let late = booked.is_over(now) || !is_admin && booked.lines.iter().any(cutoff);
                if late { Rejected(Code::PastCutoff) } else { Accepted }
            }
            Action::Move { booking, to } => self.expected_of_move(who, is_admin, booking.id, to, now),
            Action::JoinWaitlist { owner, line, .. } => {
                if let Some(code) = self.invalid(&[*line]) {
                    return Rejected(code);
                }
                let (lines, resource) = (self.taken_all(&[*line]), self.resources.get(&line.resource));
                let (Some(resource), Some(wanted)) = (resource, lines.first()) else { return Rejected(Code::NotFound) };
                // An offer that has lapsed by now ends with whoever waits for it.
                let still =
                    |w: &&Waiter| w.offer.is_none_or(|id| self.holds.get(&id).is_some_and(|h| self.live(h, now)));
                let same = |w: &Waiter| w.owner == *owner && w.interval == wanted.interval;
                let own: BTreeSet<HoldId> =
                    self.holds.iter().filter(|(_, h)| h.holder == *owner).map(|(id, _)| *id).collect();
                let owed = self.owed(line.resource, now);
                let free = self.fits(wanted, &owed, &Without { holds: own, booking: None }, now);
                let waits = resource.waiting.iter().filter(still).any(same);
                if resource.policy.waitlist.is_none() || waits || free {
                    return Rejected(Code::Invalid);
                }
                if !is_admin && Some(*owner) != who {
                    return Rejected(Code::NotAllowed);
                }
                if self.too_late_to_book(&lines, now) {
                    return Rejected(Code::PastCutoff);
                }
                let all = self.resources.values().flat_map(|r| &r.waiting).filter(|w| w.owner == *owner).count();
                if all >= 20 { Rejected(Code::QuotaExceeded) } else { Accepted }
            }
            Action::LeaveWaitlist { entry } => {
                let waits = self.resources.values().flat_map(|r| &r.waiting).find(|w| w.id == *entry).map(|w| w.owner);
                let owner = waits.or_else(|| self.waited.get(entry).map(|(_, owner)| *owner));
                match owner {
                    None => Rejected(Code::NotFound),
                    Some(owner) if !is_admin && Some(owner) != who => Rejected(Code::NotAllowed),
                    Some(_) => Accepted,
                }
            }
            Action::SetCapacity { resource, to, below, .. } => {
                if !is_admin {
                    return Rejected(Code::NotAllowed);
                }
                let units = to.unwrap_or(u32::MAX);
                let known = self.resources.get(resource).map_or(0, |r| r.capacity);
                let refuses = *below == Below::Refuse && known != units;
                if refuses && self.fullest_from(*resource, now) > u64::from(units) {
                    return Rejected(Code::Insufficient);
                }
                Accepted
            }
            // Nobody else asks for anything else.
            _ => Accepted,
        }
    }

    fn expected_of_move(
        &self,
        who: Option<PersonId>,
        is_admin: bool,
        id: BookingId,
        to: &[Line],
        now: Instant,
    ) -> Expected {
        let Some(booked) = self.bookings.get(&id) else {
            return Rejected(self.invalid(to).unwrap_or(Code::NotFound));
        };
        if booked.cancelled {
            return Rejected(Code::Invalid);
        }
        if let Some(code) = self.invalid(to) {
            return Rejected(code);
        }
        let wanted = self.taken_all(to);
        if !is_admin && Some(booked.owner) != who {
            return Rejected(Code::NotAllowed);
        }
        if wanted == booked.lines {
            return Accepted;
        }
        if booked.is_over(now) {
            return Rejected(Code::PastCutoff);
        }
        // One line takes the place of one that covers it; the others are as if booked anew.
        let covers = |old: &&Taken, new: &Taken| {
            old.resource == new.resource
                && old.units >= new.units
                && old.interval.start() <= new.interval.start()
                && new.interval.end() <= old.interval.end()
        };
        let fresh: Vec<Taken> =
            wanted.iter().filter(|w| !booked.lines.iter().any(|o| covers(&o, w))).copied().collect();
        for line in wanted.iter().filter(|w| !booked.lines.contains(w)) {
            let goes_on =
                booked.lines.iter().any(|o| o.resource == line.resource && o.interval.start() == line.interval.start());
            let new = fresh.contains(line) && !goes_on;
            if now >= if new { begun(line) } else { line.interval.end() } {
                return Rejected(Code::PastCutoff);
            }
        }
        if self.cutoff_passed(&fresh, now) {
            return Rejected(Code::PastCutoff);
        }
        if fresh.is_empty() && !is_admin {
            let given_up = booked.lines.iter().filter(|o| wanted.iter().all(|w| w.resource != o.resource));
            let cutoff =
                |l: &Taken| self.rules(l.resource).cancel_by.is_some_and(|by| now >= l.interval.start().minus(by));
            if given_up.into_iter().any(cutoff) {
                return Rejected(Code::PastCutoff);
            }
        }
        let within = |w: &Taken| {
            let kept =
                |o: &Taken| o.resource == w.resource && o.units >= w.units && o.first <= w.first && w.end <= o.end;
            wanted.len() == 1 && booked.lines.iter().any(kept)
        };
        let anew: Vec<Taken> = wanted.iter().filter(|w| !within(w)).copied().collect();
        let without = Without { booking: Some(id), ..Without::default() };
        self.room(who, &anew, &without, now).map_or_else(Rejected, |_| Accepted)
    }

    fn invalid(&self, lines: &[Line]) -> Option<Code> {
        let missing = lines.iter().any(|l| !self.resources.contains_key(&l.resource));
        let too_many = |l: &Line| l.units == 0 || self.resources.get(&l.resource).is_some_and(|r| l.units > r.capacity);
        if lines.iter().any(too_many) { Some(Code::Invalid) } else { missing.then_some(Code::NotFound) }
    }

    fn taken_all(&self, lines: &[Line]) -> Vec<Taken> {
        lines.iter().filter_map(|l| Some(self.taken(l.resource, l.interval?, l.units))).collect()
    }

    fn taken(&self, resource: ResourceId, interval: Interval, units: u32) -> Taken {
        let rules = self.rules(resource);
        let (first, end) = (interval.start().minus(rules.setup), interval.end().plus(rules.teardown));
        Taken { resource, interval, first, end, units }
    }

    fn rules(&self, resource: ResourceId) -> Rules {
        let elapsed = |cutoff: Option<slotwise_domain::Cutoff>| match cutoff {
            Some(slotwise_domain::Cutoff::Elapsed(before)) => Some(before),
            Some(slotwise_domain::Cutoff::Civil { .. } | slotwise_domain::Cutoff::At(_)) | None => None,
        };
        let policy = self.resources.get(&resource).map(|r| r.policy.clone()).unwrap_or_default();
        Rules {
            setup: policy.setup,
            teardown: policy.teardown,
            ttl: policy.hold_ttl,
            book_by: elapsed(policy.book_by),
            cancel_by: elapsed(policy.cancel_by),
            waits: policy.waitlist.map(|w| w.mode),
        }
    }

    fn cutoff_passed(&self, lines: &[Taken], now: Instant) -> bool {
        lines.iter().any(|l| self.rules(l.resource).book_by.is_some_and(|by| now >= l.interval.start().minus(by)))
    }

    fn too_late_to_book(&self, lines: &[Taken], now: Instant) -> bool {
        lines.iter().any(|l| now >= begun(l)) || self.cutoff_passed(lines, now)
    }

    fn live(&self, held: &Held, now: Instant) -> bool {
        held.ended.is_none() && now < held.until
    }

    fn ended(&self, held: &Held, named: Option<&HoldRef>, now: Instant) -> Option<Code> {
        match held.ended {
            Some(Ended::ByTime) => Some(Code::HoldExpired),
            Some(Ended::Otherwise) => Some(Code::HoldSuperseded),
            None if now >= held.until => Some(Code::HoldExpired),
            None => named.filter(|n| n.token != held.token).map(|_| Code::HoldSuperseded),
        }
    }

    // What is taken

    /// Units taken of a resource at an instant: by bookings, and by holds.
    fn at(&self, resource: ResourceId, t: Instant, without: &Without, now: Instant) -> (u64, u64) {
        let here = |l: &&Taken| l.resource == resource && l.first <= t && t < l.end;
        let standing = self.bookings.iter().filter(|(id, b)| !b.cancelled && without.booking != Some(**id));
        let booked = standing.flat_map(|(_, b)| b.lines.iter()).filter(here).map(|l| u64::from(l.units)).sum();
        let held = self.holds.iter().filter(|(id, h)| self.live(h, now) && !without.holds.contains(id));
        (booked, held.map(|(_, h)| &h.line).filter(here).map(|l| u64::from(l.units)).sum())
    }

    /// All instants within a time at which more may be taken than before: its first, and wherever anything begins.
    fn instants(&self, line: &Taken, owed: &Owed) -> Vec<Instant> {
        let bookings = self.bookings.values().flat_map(|b| b.lines.iter());
        let all = bookings.chain(self.holds.values().map(|h| &h.line)).filter(|l| l.resource == line.resource);
        let starts = all.map(|l| l.first).chain(owed.iter().map(|(first, ..)| *first));
        let mut instants: Vec<Instant> = starts.filter(|t| line.first < *t && *t < line.end).collect();
        instants.push(line.first);
        instants
    }

    fn fits(&self, line: &Taken, owed: &Owed, without: &Without, now: Instant) -> bool {
        let capacity = self.resources.get(&line.resource).map_or(0, |r| u64::from(r.capacity));
        self.instants(line, owed).into_iter().all(|t| {
            let (booked, held) = self.at(line.resource, t, without, now);
            let owed: u64 =
                owed.iter().filter(|(first, end, _)| *first <= t && t < *end).map(|(.., n)| u64::from(*n)).sum();
            booked + held + owed + u64::from(line.units) <= capacity
        })
    }

    fn fullest_from(&self, resource: ResourceId, from: Instant) -> u64 {
        let bookings = self.bookings.values().filter(|b| !b.cancelled).flat_map(|b| b.lines.iter());
        let all =
            bookings.chain(self.holds.values().map(|h| &h.line)).filter(|l| l.resource == resource && l.first > from);
        let instants = all.map(|l| l.first).chain([from]);
        let taken = |t| {
            let (booked, held) = self.at(resource, t, &Without::default(), from);
            booked + held
        };
        instants.map(taken).max().unwrap_or(0)
    }

    /// What is owed to those who wait, to each in turn whom it fits.
    fn owed(&self, resource: ResourceId, now: Instant) -> Owed {
        let mut owed = Owed::new();
        let Some(known) = self.resources.get(&resource) else { return owed };
        // Who has an offer has it; what lapsed by now is nobody's.
        for waiter in known.waiting.iter().filter(|w| w.offer.is_none()) {
            let line = self.taken(resource, waiter.interval, waiter.units);
            if now < self.no_promotion_from(&line) && self.fits(&line, &owed, &Without::default(), now) {
                owed.push((line.first, line.end, line.units));
            }
        }
        owed
    }

    fn no_promotion_from(&self, line: &Taken) -> Instant {
        let begun = begun(line);
        self.rules(line.resource).book_by.map_or(begun, |by| line.interval.start().minus(by).min(begun))
    }

    fn in_own_way(&self, who: PersonId, line: &Taken, without: &Without, now: Instant) -> BTreeSet<HoldId> {
        if self.fits(line, &self.owed(line.resource, now), without, now) {
            return BTreeSet::new();
        }
        let meets = |h: &Held| h.line.resource == line.resource && h.line.first < line.end && line.first < h.line.end;
        let own =
            self.holds.iter().filter(|(id, h)| self.live(h, now) && h.holder == who && !without.holds.contains(id));
        own.filter(|(_, h)| meets(h)).map(|(id, _)| *id).collect()
    }

    /// The holds that are given up for it, or why there is no room.
    fn room(
        &self,
        who: Option<PersonId>,
        lines: &[Taken],
        without: &Without,
        now: Instant,
    ) -> Result<BTreeSet<HoldId>, Code> {
        let (mut without, mut gone) = (without.clone(), BTreeSet::new());
        let mut refused: Option<Code> = None;
        for line in lines {
            // What is owed was owed before anything was given up for this.
            let owed = self.owed(line.resource, now);
            let capacity = self.resources.get(&line.resource).map_or(0, |r| u64::from(r.capacity));
            if let Some(who) = who
                && !self.fits(line, &owed, &without, now)
            {
                let meets =
                    |h: &Held| h.line.resource == line.resource && h.line.first < line.end && line.first < h.line.end;
                let own = self
                    .holds
                    .iter()
                    .filter(|(id, h)| self.live(h, now) && h.holder == who && !without.holds.contains(id));
                let own: Vec<HoldId> = own.filter(|(_, h)| meets(h)).map(|(id, _)| *id).collect();
                gone.extend(&own);
                without.holds.extend(own);
            }
            let code = if self.fits(line, &owed, &without, now) {
                continue;
            } else if self.fits(line, &Owed::new(), &without, now) {
                Code::WaitlistFirst
            } else {
                let by_bookings = self.instants(line, &Owed::new()).into_iter().filter_map(|t| {
                    let (booked, _) = self.at(line.resource, t, &without, now);
                    let over = booked + u64::from(line.units) > capacity;
                    over.then_some(if booked < capacity { Code::Insufficient } else { Code::Full })
                });
                by_bookings.min().unwrap_or(Code::HeldByOther)
            };
            refused = Some(refused.map_or(code, |first| first.min(code)));
        }
        refused.map_or(Ok(gone), Err)
    }

    // What follows

    fn carry_out(&mut self, entry: &Entry, now: Instant) -> Result<(), String> {
        let who = entry.command.actor.person();
        let granted = |id: HoldId| {
            let of_all = entry.changes.records.iter().flat_map(|(_, changes)| changes);
            of_all
                .filter_map(|c| if let Change::HoldGranted(hold) = c { Some(*hold) } else { None })
                .find(|h| h.id == id)
        };
        let mut touched: BTreeSet<ResourceId> = self.touched(&entry.command.action);
        let lines_of = |model: &Model, lines: &[Line]| model.taken_all(lines);
        match &entry.command.action {
            Action::Book { booking, owner, lines, hold, .. } => {
                let lines = lines_of(self, lines);
                let consumed: BTreeSet<HoldId> = hold.map(|h| h.id).into_iter().collect();
                let gone = self.room(who, &lines, &Without { holds: consumed, booking: None }, now).unwrap_or_default();
                self.expire(&touched, now);
                hold.iter().for_each(|named| self.end(named.id, Ended::Otherwise));
                gone.iter().for_each(|id| self.end(*id, Ended::Otherwise));
                let booked = Booked { owner: *owner, lines: lines.clone(), cancelled: false, revision: 1 };
                self.bookings.insert(*booking, booked);
                self.taken_by(*owner, &lines);
            }
            Action::Hold { hold, line } => {
                let lines = lines_of(self, &[*line]);
                let gone = self.room(who, &lines, &Without::default(), now).unwrap_or_default();
                let stood: BTreeMap<HoldId, Instant> =
                    gone.iter().filter_map(|id| Some((*id, self.holds.get(id)?.until))).collect();
                self.expire(&touched, now);
                gone.iter().for_each(|id| self.end(*id, Ended::Otherwise));
                let (Some(line), Some(who), Some(new)) = (lines.first(), who, granted(*hold)) else {
                    return Err("no hold was granted".into());
                };
                let mut until = now.plus(self.rules(line.resource).ttl);
                let mut entry = None;
                if let Some(resource) = self.resources.get_mut(&line.resource) {
                    // The first offer in whose place it comes goes on in it; others stand again.
                    for waiter in resource.waiting.iter_mut().filter(|w| w.offer.is_some_and(|id| gone.contains(&id))) {
                        let was = waiter.offer.take();
                        if entry.is_none() {
                            entry = Some(waiter.id);
                            waiter.offer = Some(*hold);
                            until = was.and_then(|id| stood.get(&id)).map_or(until, |at| until.max(*at));
                        }
                    }
                }
                self.grant(*hold, new.token, Held::new(new.token, who, *line, now, until, entry))?;
            }
            Action::Renew(named) => {
                self.expire(&touched, now);
                let ttl = self.holds.get(&named.id).map(|h| self.rules(h.line.resource).ttl).unwrap_or(Span::ZERO);
                if let Some(held) = self.holds.get_mut(&named.id) {
                    let until = now.plus(ttl).min(held.granted.plus(Span::seconds(300)));
                    if until > held.until {
                        held.until = until;
                        held.renewals += 1;
                        self.tally.count("a hold was renewed");
                    }
                }
            }
            Action::Release(named) => {
                self.expire(&touched, now);
                if self.holds.get(&named.id).is_some_and(|h| h.ended.is_none()) {
                    self.end(named.id, Ended::Otherwise);
                    self.leaves_by(named.id);
                }
            }
            Action::Cancel { booking, .. } => {
                self.expire(&touched, now);
                if let Some(booked) = self.bookings.get_mut(booking).filter(|b| !b.cancelled) {
                    (booked.cancelled, booked.revision) = (true, booked.revision + 1);
                }
            }
            Action::Move { booking, to } => {
                let wanted = lines_of(self, to);
                self.move_to(who, booking.id, &wanted, &touched, now);
            }
            Action::JoinWaitlist { entry, owner, line, .. } => {
                self.expire(&touched, now);
                if let (Some(resource), Some(interval)) = (self.resources.get_mut(&line.resource), line.interval) {
                    let (id, owner, units) = (*entry, *owner, line.units);
                    resource.waiting.push(Waiter { id, owner, interval, units, offer: None, offers: 0 });
                }
            }
            Action::LeaveWaitlist { entry } => {
                self.expire(&touched, now);
                let offer =
                    self.resources.values().flat_map(|r| &r.waiting).find(|w| w.id == *entry).and_then(|w| w.offer);
                offer.into_iter().for_each(|id| self.end(id, Ended::Otherwise));
                self.waits_no_more(*entry);
            }
            Action::SetCapacity { resource, to, below, .. } => {
                self.expire(&touched, now);
                let fullest = self.fullest_from(*resource, now);
                let Some(known) = self.resources.get_mut(resource) else { return Err("no such resource".into()) };
                let before = known.capacity;
                known.capacity = to.unwrap_or(u32::MAX);
                if fullest > u64::from(known.capacity) {
                    self.tally.count("over-committed");
                }
                if before < known.capacity && *below == Below::Refuse && entry.changes.records.iter().any(promotes) {
                    self.tally.count("promoted by a capacity raise");
                }
            }
            _ => self.expire(&touched, now),
        }
        touched.extend(entry.changes.records.iter().map(|(id, _)| *id));
        self.promote(&touched, entry, now)
    }

    fn touched(&self, action: &Action) -> BTreeSet<ResourceId> {
        let of_booking =
            |id: &BookingId| self.bookings.get(id).map(|b| b.lines.iter().map(|l| l.resource).collect::<Vec<_>>());
        let of_hold = |id: &HoldId| self.holds.get(id).map(|h| h.line.resource);
        match action {
            Action::Book { lines, hold, .. } => {
                lines.iter().map(|l| l.resource).chain(hold.and_then(|h| of_hold(&h.id))).collect()
            }
            Action::Hold { line, .. } | Action::JoinWaitlist { line, .. } => [line.resource].into(),
            Action::Renew(named) | Action::Release(named) => of_hold(&named.id).into_iter().collect(),
            Action::Cancel { booking, .. } => of_booking(booking).into_iter().flatten().collect(),
            Action::Move { booking, to } => {
                of_booking(&booking.id).into_iter().flatten().chain(to.iter().map(|l| l.resource)).collect()
            }
            Action::LeaveWaitlist { entry } => {
                let waits =
                    self.resources.iter().filter(|(_, r)| r.waiting.iter().any(|w| w.id == *entry)).map(|(id, _)| *id);
                waits.chain(self.waited.get(entry).map(|(resource, _)| *resource)).collect()
            }
            Action::SetCapacity { resource, .. } | Action::ExpireHolds { resource } => [*resource].into(),
            _ => BTreeSet::new(),
        }
    }

    fn move_to(
        &mut self,
        who: Option<PersonId>,
        id: BookingId,
        wanted: &[Taken],
        touched: &BTreeSet<ResourceId>,
        now: Instant,
    ) {
        let Some(booked) = self.bookings.get(&id).cloned() else { return };
        if booked.lines == wanted {
            return self.expire(touched, now);
        }
        let within = |w: &Taken| {
            let kept =
                |o: &Taken| o.resource == w.resource && o.units >= w.units && o.first <= w.first && w.end <= o.end;
            wanted.len() == 1 && booked.lines.iter().any(kept)
        };
        let anew: Vec<Taken> = wanted.iter().filter(|w| !within(w)).copied().collect();
        let without = Without { booking: Some(id), ..Without::default() };
        let gone = self.room(who, &anew, &without, now).unwrap_or_default();
        self.expire(touched, now);
        gone.iter().for_each(|id| self.end(*id, Ended::Otherwise));
        if let Some(booked) = self.bookings.get_mut(&id) {
            (booked.lines, booked.revision) = (wanted.to_vec(), booked.revision + 1);
        }
        self.taken_by(booked.owner, wanted);
        self.tally.count("moved");
    }

    /// A refused confirm lets its own hold go.
    fn let_go(&mut self, entry: &Entry, now: Instant) {
        let Action::Book { hold: Some(named), .. } = &entry.command.action else { return };
        let Some(held) = self.holds.get(&named.id).filter(|h| h.ended.is_none()).cloned() else { return };
        if Some(held.holder) != entry.command.actor.person() || held.token != named.token {
            return;
        }
        let live = self.live(&held, now);
        self.expire(&[held.line.resource].into(), now);
        if !live {
            return;
        }
        self.end(named.id, Ended::Otherwise);
        let again = |w: &Waiter| w.offers < 3;
        let resource = self.resources.get_mut(&held.line.resource);
        let waiter = resource.and_then(|r| r.waiting.iter_mut().find(|w| w.offer == Some(named.id)));
        match waiter {
            Some(waiter) if again(waiter) => waiter.offer = None,
            Some(waiter) => {
                let id = waiter.id;
                self.waits_no_more(id);
            }
            None => {}
        }
    }

    fn expire(&mut self, resources: &BTreeSet<ResourceId>, now: Instant) {
        let due = self
            .holds
            .iter()
            .filter(|(_, h)| h.ended.is_none() && now >= h.until && resources.contains(&h.line.resource));
        let due: Vec<HoldId> = due.map(|(id, _)| *id).collect();
        for id in due {
            self.end(id, Ended::ByTime);
            if self.leaves_by(id) {
                self.tally.count("an offer lapsed");
            }
        }
    }

    fn end(&mut self, id: HoldId, how: Ended) {
        if let Some(held) = self.holds.get_mut(&id) {
            held.ended.get_or_insert(how);
        }
    }

    /// Whoever was offered this waits no more.
    fn leaves_by(&mut self, hold: HoldId) -> bool {
        let waiters = self.resources.values().flat_map(|r| &r.waiting);
        let gone = waiters.filter(|w| w.offer == Some(hold)).map(|w| w.id).next();
        gone.into_iter().for_each(|id| self.waits_no_more(id));
        gone.is_some()
    }

    fn waits_no_more(&mut self, id: EntryId) {
        for (resource, known) in &mut self.resources {
            if let Some(n) = known.waiting.iter().position(|w| w.id == id) {
                let waiter = known.waiting.remove(n);
                self.waited.insert(id, (*resource, waiter.owner));
            }
        }
    }

    /// Who has now what they waited for waits no more; an offer that was given up for it stands again, or is had by it.
    fn taken_by(&mut self, owner: PersonId, lines: &[Taken]) {
        for line in lines {
            let gone = |hold: HoldId| self.holds.get(&hold).is_none_or(|h| h.ended.is_some());
            let has = |w: &Waiter| w.owner == owner && w.interval == line.interval && line.units >= w.units;
            let Some(known) = self.resources.get(&line.resource) else { continue };
            let concerned = known.waiting.iter().filter(|w| has(w) || w.offer.is_some_and(gone)).cloned();
            for waiter in concerned.collect::<Vec<_>>() {
                if let Some(hold) = waiter.offer {
                    self.end(hold, Ended::Otherwise);
                }
                if waiter.owner == owner {
                    if waiter.offer.is_some() {
                        self.tally.count("an offer was taken");
                    }
                    self.waits_no_more(waiter.id);
                } else if let Some(known) = self.resources.get_mut(&line.resource) {
                    known.waiting.iter_mut().filter(|w| w.id == waiter.id).for_each(|w| w.offer = None);
                }
            }
        }
    }

    /// What is free goes to those who wait, in their order, in this commit.
    fn promote(&mut self, resources: &BTreeSet<ResourceId>, entry: &Entry, now: Instant) -> Result<(), String> {
        for resource in resources {
            let waiting = self.resources.get(resource).map(|r| r.waiting.clone()).unwrap_or_default();
            for waiter in waiting.iter().filter(|w| w.offer.is_none()) {
                let line = self.taken(*resource, waiter.interval, waiter.units);
                let until = self.no_promotion_from(&line);
                if now >= until {
                    self.waits_no_more(waiter.id);
                    continue;
                }
                if !self.fits(&line, &Owed::new(), &Without::default(), now) {
                    continue;
                }
                match self.rules(*resource).waits {
                    Some(WaitMode::Book) | None => {
                        let booked = Booked { owner: waiter.owner, lines: vec![line], cancelled: false, revision: 1 };
                        self.bookings.insert(BookingId(waiter.id.0), booked);
                        self.waits_no_more(waiter.id);
                        self.tally.count("promoted");
                    }
                    Some(WaitMode::Offer { ttl }) => {
                        let of_all = entry.changes.records.iter().flat_map(|(_, changes)| changes);
                        let offered =
                            of_all.filter_map(|c| if let Change::HoldGranted(hold) = c { Some(hold) } else { None });
                        let Some(hold) = offered.rev().find(|h| h.offer == Some(waiter.id)).copied() else {
                            return Err(format!("{} should have been offered it", waiter.owner));
                        };
                        let until = now.plus(ttl).min(until);
                        self.grant(
                            hold.id,
                            hold.token,
                            Held::new(hold.token, waiter.owner, line, now, until, Some(waiter.id)),
                        )?;
                        let known = self
                            .resources
                            .get_mut(resource)
                            .and_then(|r| r.waiting.iter_mut().find(|w| w.id == waiter.id));
                        if let Some(known) = known {
                            (known.offer, known.offers) = (Some(hold.id), known.offers + 1);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// A token is never used twice.
    fn grant(&mut self, id: HoldId, token: FencingToken, held: Held) -> Result<(), String> {
        let known = self.resources.get_mut(&held.line.resource);
        if known.is_some_and(|r| !r.tokens.insert(token)) {
            return Err(format!("the token {token} was given out before"));
        }
        self.holds.insert(id, held);
        Ok(())
    }

    // What is compared

    /// What the resources that changed are after it, and what they should be.
    fn compare(&self, entry: &Entry) -> Result<(), String> {
        for calendar in &entry.after {
            let id = calendar.resource.id;
            let Some(known) = self.resources.get(&id) else { continue };
            let mut theirs: Vec<_> = calendar
                .uses
                .values()
                .map(|u| {
                    let until = match u.id {
                        UseId::Hold(hold) => calendar.holds.get(&hold).map(|h| h.expires_at),
                        UseId::Booking(..) => None,
                    };
                    (u.interval, u.occupied.start(), u.occupied.end(), u.units, u.owner, until)
                })
                .collect();
            let row = |l: &Taken, owner, until| (l.interval, l.first, l.end, l.units, owner, until);
            let standing = self.bookings.values().filter(|b| !b.cancelled);
            let booked = standing.flat_map(|b| b.lines.iter().map(|l| (l, b.owner))).filter(|(l, _)| l.resource == id);
            let held = self.holds.values().filter(|h| h.ended.is_none() && h.line.resource == id);
            let mut ours: Vec<_> = booked.map(|(l, owner)| row(l, owner, None)).collect();
            ours.extend(held.map(|h| row(&h.line, h.holder, Some(h.until))));
            theirs.sort();
            ours.sort();
            if ours != theirs {
                return Err(format!("{id} should have on it\n{ours:#?}\nand it has\n{theirs:#?}"));
            }
            let theirs: Vec<_> =
                calendar.waiting.values().map(|w| (w.id, w.owner, w.interval, w.units, w.offer)).collect();
            let ours: Vec<_> = known.waiting.iter().map(|w| (w.id, w.owner, w.interval, w.units, w.offer)).collect();
            if ours != theirs {
                return Err(format!("for {id} should wait\n{ours:#?}\nand there wait\n{theirs:#?}"));
            }
            if calendar.resource.spec.capacity != Some(known.capacity) {
                return Err(format!("{id} should have {} units", known.capacity));
            }
        }
        Ok(())
    }

    /// What is overdue some time after the last fault: holds that should have ended, and units that somebody who waits should have.
    pub fn overdue(&self, now: Instant) -> Option<String> {
        let slack = now.minus(Span::seconds(2));
        let dead = self.holds.iter().find(|(_, h)| h.ended.is_none() && h.until < slack);
        if let Some((id, held)) = dead {
            return Some(format!("{id} should have ended at {}, and it is {now}", held.until));
        }
        for id in self.resources.keys() {
            if !self.owed(*id, now).is_empty() {
                return Some(format!("units of {id} are owed to somebody who still waits at {now}"));
            }
        }
        None
    }

    /// Counts what a run must have met.
    fn remarkable(&mut self, entry: &Entry) {
        let decision = &entry.recorded.decision;
        match (&entry.command.action, &decision.outcome) {
            (Action::Book { lines, .. }, Outcome::Booked) if lines.len() > 1 => self.tally.count("bundle booked"),
            (Action::Book { hold: Some(named), .. }, Outcome::Rejected(r)) => match r.code {
                Code::HoldExpired if self.holds.get(&named.id).is_some_and(|h| h.ended.is_none()) => {
                    self.tally.count("a hold expired during its confirm");
                }
                Code::HoldSuperseded => self.tally.count("a stale token was refused"),
                _ => {}
            },
            (Action::Move { .. }, Outcome::Rejected(r)) if r.code.is_conflict() => {
                self.tally.count("the old place kept")
            }
            (Action::SetCapacity { .. }, Outcome::Rejected(r)) if r.code == Code::Insufficient => {
                self.tally.count("a cut under use");
            }
            _ => {}
        }
    }

    fn around(&self, action: &Action, now: Instant) -> String {
        let touched = self.touched(action);
        let on = |l: &Taken| touched.contains(&l.resource);
        let bookings = self.bookings.iter().filter(|(_, b)| !b.cancelled && b.lines.iter().any(on));
        let holds = self.holds.iter().filter(|(_, h)| h.ended.is_none() && on(&h.line));
        let resources =
            self.resources.iter().filter(|(id, _)| touched.contains(id)).map(|(id, r)| (id, r.capacity, &r.waiting));
        format!(
            "at {now}, where are\n{:#?}\n{:#?}\nof\n{:#?}",
            bookings.collect::<Vec<_>>(),
            holds.collect::<Vec<_>>(),
            resources.collect::<Vec<_>>()
        )
    }
}

struct Rules {
    setup: Span,
    teardown: Span,
    ttl: Span,
    book_by: Option<Span>,
    cancel_by: Option<Span>,
    waits: Option<WaitMode>,
}

impl Held {
    fn new(
        token: FencingToken,
        holder: PersonId,
        line: Taken,
        now: Instant,
        until: Instant,
        entry: Option<EntryId>,
    ) -> Held {
        Held { token, holder, line, granted: now, until, renewals: 0, entry, ended: None }
    }
}

impl Booked {
    fn is_over(&self, now: Instant) -> bool {
        self.lines.iter().map(|l| l.interval.end()).max().is_some_and(|end| now >= end)
    }
}

/// From when on it cannot be booked any more: an hour after it began, or when it ends.
fn begun(line: &Taken) -> Instant {
    line.interval.start().plus(Span::hours(1)).min(line.interval.end())
}

fn promotes((_, changes): &(ResourceId, Vec<Change>)) -> bool {
    changes.iter().any(|c| matches!(c, Change::WaitEnded(_) | Change::WaitOffered(_)))
}
