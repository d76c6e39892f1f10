//! What is right, so naive that it is obvious: lists of bookings, holds and people who wait, added up from nothing for every question.
//! It shares no code with the judgement; only commands, answers and ids are the domain's.

use crate::database::Entry;
use crate::tally::Tally;
use crate::zones::{Clocks, Is};
use slotwise_domain::{
    Action, Actor, Below, BlockId, BookingId, Change, Code, Contract, Cutoff, EntryId, FencingToken, HoldId, HoldRef,
    Instant, Interval, Line, Outcome, OverBookings, OverHolds, Period, PersonId, Policy, ResourceId, Rule,
    SeriesToBook, Span, UseId, WaitFill, WaitMode,
};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
struct Resource {
    capacity: u32,
    policy: Policy,
    clocks: Clocks,
    blocks: BTreeMap<BlockId, Blocked>,
    /// In the order of joining.
    waiting: Vec<Waiter>,
    /// Every token that was ever given out.
    tokens: BTreeSet<FencingToken>,
}

/// Time out of use, but for some.
#[derive(Clone, Debug)]
struct Blocked {
    interval: Interval,
    but: Vec<PersonId>,
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
    state: State,
    revision: u64,
    made: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Stands,
    Cancelled,
    Displaced,
}

/// What goes for an admin's word.
#[derive(Clone, Debug, Default)]
struct Gone {
    holds: BTreeSet<HoldId>,
    bookings: BTreeSet<BookingId>,
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
#[derive(Clone, Default)]
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

/// What is owed of each resource before anything is done.
type Kept = BTreeMap<ResourceId, Owed>;

enum Expected {
    Accepted,
    Rejected(Code),
    /// Others would go than those that were looked at: that is no decision.
    Moved,
}

use Expected::{Accepted, Moved, Rejected};

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
            let (waiting, tokens, blocks) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
            let clocks = Clocks::of(spec.zone.name(), decision.decided_at);
            self.resources.insert(*resource, Resource { capacity, policy, clocks, blocks, waiting, tokens });
            return Ok(());
        }
        let now = decision.decided_at;
        let expected = self.expected(entry.command.actor, &entry.command.action, now);
        let same = match (&expected, &decision.outcome) {
            (Accepted, Outcome::Booked | Outcome::Accepted) => true,
            (Rejected(code), Outcome::Rejected(rejection)) => *code == rejection.code,
            (Accepted | Moved, Outcome::Rejected(_)) | (Rejected(_) | Moved, Outcome::Booked | Outcome::Accepted) => {
                false
            }
        };
        if !same {
            let expected = match expected {
                Accepted => "accepted".to_owned(),
                Rejected(code) => format!("refused, {}", code.name()),
                Moved => "FAILED: others are displaced".to_owned(),
            };
            return Err(format!("it should be {expected}\n{}", self.around(&entry.command.action, now)));
        }
        self.remarkable(entry);
        self.by_the_clocks(&entry.command.action, &decision.outcome, now);
        match expected {
            Accepted => self.carry_out(entry, now)?,
            Rejected(_) => self.let_go(entry, now),
            Moved => {}
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
                if let Some(code) = self.newly(*owner, &lines, now) {
                    return Rejected(code);
                }
                if let (Some(held), Some(named)) = (held, hold)
                    && let Some(code) = self.ended(held, Some(named), now)
                {
                    return Rejected(code);
                }
                let consumed = hold.map(|h| h.id).into_iter().collect();
                self.room(who, &lines, &Without { holds: consumed, booking: None }, None, now)
                    .map_or_else(Rejected, |_| Accepted)
            }
            Action::Hold { line, .. } => {
                if let Some(code) = self.invalid(&[*line]) {
                    return Rejected(code);
                }
                let (Some(who), lines) = (who, self.taken_all(&[*line])) else { return Rejected(Code::NotAllowed) };
                if let Some(code) = self.newly(who, &lines, now) {
                    return Rejected(code);
                }
                let live = self.holds.values().filter(|h| self.live(h, now) && h.holder == who).count();
                let own = lines.iter().map(|l| self.in_own_way(who, l, &Without::default(), now).len()).sum::<usize>();
                if live - own.min(live) >= 10 {
                    return Rejected(Code::QuotaExceeded);
                }
                self.room(Some(who), &lines, &Without::default(), None, now).map_or_else(Rejected, |_| Accepted)
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
                if booked.state == State::Displaced {
                    return Rejected(Code::Invalid);
                }
                if !is_admin && Some(booked.owner) != who {
                    return Rejected(Code::NotAllowed);
                }
                if booked.state == State::Cancelled {
                    return Accepted;
                }
                let late = booked.is_over(now) || !is_admin && self.dropped_too_late(&booked.lines, now);
                if late { Rejected(Code::PastCutoff) } else { Accepted }
            }
            Action::Move { booking, to } => self.expected_of_move(who, is_admin, booking.id, to, now),
            Action::Swap { one, other } => self.expected_of_swap(who, is_admin, one.id, other.id, now),
            Action::BookSeries(asked) => {
                if !is_admin && Some(asked.owner) != who {
                    return Rejected(Code::NotAllowed);
                }
                self.series(who, asked, now).map_or_else(Rejected, |_| Accepted)
            }
            Action::Override { action, displaces, .. } => {
                let Action::Book { owner, lines, .. } = &**action else { return Rejected(Code::Invalid) };
                if let Some(code) = self.invalid(lines) {
                    return Rejected(code);
                }
                let lines = self.taken_all(lines);
                match () {
                    () if !is_admin => Rejected(Code::NotAllowed),
                    () if lines.iter().any(|l| now >= begun(l)) => Rejected(Code::PastCutoff),
                    () if self.blocked(*owner, &lines) => Rejected(Code::Blocked),
                    () => self.displaced(self.way(&lines, now), displaces),
                }
            }
            Action::AddBlock { resource, interval, over_holds, over_bookings, exceptions, .. } => {
                let (gone, standing) = self.under(*resource, *interval, &exceptions.people, now);
                if !is_admin {
                    return Rejected(Code::NotAllowed);
                }
                if interval.end() <= now {
                    return Rejected(Code::PastCutoff);
                }
                if *over_holds == OverHolds::Refuse && !gone.holds.is_empty() {
                    return Rejected(Code::HeldByOther);
                }
                match over_bookings {
                    OverBookings::Refuse if !standing.is_empty() => Rejected(Code::Full),
                    OverBookings::Refuse => Accepted,
                    OverBookings::Displace(named) => self.displaced(Ok(gone), named),
                }
            }
            Action::RemoveBlock { resource, block, .. } => {
                let there = self.resources.get(resource).is_some_and(|r| r.blocks.contains_key(block));
                match (there, is_admin) {
                    (false, _) => Rejected(Code::NotFound),
                    (true, false) => Rejected(Code::NotAllowed),
                    (true, true) => Accepted,
                }
            }
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
                let owed = self.turns(line.resource, now).1;
                let free = self.fits(wanted, &owed, &Without { holds: own, booking: None }, now);
                let waits = resource.waiting.iter().filter(still).any(same);
                if resource.policy.waitlist.is_none() || waits || free {
                    return Rejected(Code::Invalid);
                }
                if !is_admin && Some(*owner) != who {
                    return Rejected(Code::NotAllowed);
                }
                // How many wait is asked before how much anybody has, and both are refused with the same word.
                let all = self.resources.values().flat_map(|r| &r.waiting).filter(|w| w.owner == *owner).count();
                match self.newly(*owner, &lines, now) {
                    Some(code) => Rejected(code),
                    None if all >= 20 => Rejected(Code::QuotaExceeded),
                    None => Accepted,
                }
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
                match below {
                    Below::Refuse if known != units && self.fullest_from(*resource, now) > u64::from(units) => {
                        Rejected(Code::Insufficient)
                    }
                    Below::Refuse | Below::OverCommit | Below::DisplaceNamed(_) => Accepted,
                    Below::DisplaceNewest(named) => self.displaced(self.beyond(*resource, units, now), named),
                }
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
        if booked.state != State::Stands {
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
        // One line takes the place of one that covers it; the others are as if booked anew.
        let covers = |old: &&Taken, new: &Taken| {
            old.resource == new.resource
                && old.units >= new.units
                && old.interval.start() <= new.interval.start()
                && new.interval.end() <= old.interval.end()
        };
        let fresh: Vec<Taken> =
            wanted.iter().filter(|w| !booked.lines.iter().any(|o| covers(&o, w))).copied().collect();
        if self.outside_hours(&fresh) {
            return Rejected(Code::OutsideHours);
        }
        if booked.is_over(now) {
            return Rejected(Code::PastCutoff);
        }
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
            if self.dropped_too_late(&given_up.copied().collect::<Vec<_>>(), now) {
                return Rejected(Code::PastCutoff);
            }
        }
        if self.blocked(booked.owner, &fresh) {
            return Rejected(Code::Blocked);
        }
        if self.too_many(booked.owner, &wanted, &[id]) {
            return Rejected(Code::QuotaExceeded);
        }
        let without = Without { booking: Some(id), ..Without::default() };
        self.room(who, &booked.anew(&wanted, now), &without, None, now).map_or_else(Rejected, |_| Accepted)
    }

    fn expected_of_swap(
        &self,
        who: Option<PersonId>,
        is_admin: bool,
        one: BookingId,
        other: BookingId,
        now: Instant,
    ) -> Expected {
        let both = [self.bookings.get(&one), self.bookings.get(&other)];
        if one == other || both.iter().flatten().any(|b| b.state != State::Stands) {
            return Rejected(Code::Invalid);
        }
        let [Some(a), Some(b)] = both else { return Rejected(Code::NotFound) };
        if !is_admin && (Some(a.owner) != who || Some(b.owner) != who) {
            return Rejected(Code::NotAllowed);
        }
        if a.is_over(now) || b.is_over(now) {
            return Rejected(Code::PastCutoff);
        }
        let leaving = [one, other];
        let more = |to: &Booked, from: &Booked| self.too_many(to.owner, &from.lines, &leaving);
        match a.owner != b.owner && (more(a, b) || more(b, a)) {
            true => Rejected(Code::QuotaExceeded),
            false => Accepted,
        }
    }

    /// The model after the dates that can be had, or why it is refused. Each is judged as a booking beside those before it; what is owed is
    /// what was owed before all of them.
    fn series(&self, who: Option<PersonId>, asked: &SeriesToBook, now: Instant) -> Result<Model, Code> {
        let kept = Kept::from([(asked.resource, self.turns(asked.resource, now).1)]);
        let (mut model, mut refused) = (self.clone(), Vec::new());
        model.expire(&[asked.resource].into(), now);
        for (line, date) in asked.lines().zip(&asked.dates) {
            let lines = model.taken_all(&[line]);
            let code = model.invalid(&[line]).or_else(|| model.newly(asked.owner, &lines, now));
            let room = code.map_or_else(|| model.room(who, &lines, &Without::default(), Some(&kept), now), Err);
            match room {
                Ok(gone) => {
                    gone.iter().for_each(|id| model.end(*id, Ended::Otherwise));
                    model.book(date.booking, asked.owner, lines, now);
                }
                Err(code) => refused.push(code),
            }
        }
        let fails = match asked.series.contract {
            Contract::AllOrNothing => !refused.is_empty(),
            Contract::SkipConflicts | Contract::BestAlternative => refused.len() == asked.dates.len(),
        };
        match refused.into_iter().min() {
            Some(code) if fails => Err(code),
            Some(_) => {
                model.tally.count("a series was booked in part");
                Ok(model)
            }
            None => {
                model.tally.count("a series was booked");
                Ok(model)
            }
        }
    }

    /// Why somebody may not have what they do not have yet, whether or not there is room.
    fn newly(&self, owner: PersonId, lines: &[Taken], now: Instant) -> Option<Code> {
        match () {
            () if self.outside_hours(lines) => Some(Code::OutsideHours),
            () if self.too_late_to_book(lines, now) => Some(Code::PastCutoff),
            () if self.blocked(owner, lines) => Some(Code::Blocked),
            () if self.too_many(owner, lines, &[]) => Some(Code::QuotaExceeded),
            () => None,
        }
    }

    /// Exactly these go, if it is these that were named, each as it is.
    fn displaced(&self, gone: Result<Gone, Code>, named: &[(BookingId, u64)]) -> Expected {
        let gone = match gone {
            Ok(gone) => gone,
            Err(code) => return Rejected(code),
        };
        let revision = |id: &BookingId| (*id, self.bookings.get(id).map_or(0, |b| b.revision));
        let these: BTreeSet<(BookingId, u64)> = gone.bookings.iter().map(revision).collect();
        if named.iter().copied().collect::<BTreeSet<_>>() == these { Accepted } else { Moved }
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
        let of = |policy: &Policy| Rules {
            setup: policy.setup,
            teardown: policy.teardown,
            ttl: policy.hold_ttl,
            waits: policy.waitlist.map(|w| w.mode),
            strict: policy.waitlist.is_some_and(|w| w.fill == WaitFill::Strict),
        };
        self.resources.get(&resource).map_or_else(|| of(&Policy::default()), |r| of(&r.policy))
    }

    /// When a cutoff of a resource is, for what takes so much of it.
    fn cutoff(&self, line: &Taken, rule: fn(&Policy) -> Option<Cutoff>) -> Option<Instant> {
        let known = self.resources.get(&line.resource)?;
        Some(match rule(&known.policy)? {
            Cutoff::Elapsed(before) => line.interval.start().minus(before),
            Cutoff::At(at) => at,
            Cutoff::Civil { days_before, at } => {
                let day = known.clocks.day(line.interval.start()) - i64::from(days_before);
                known.clocks.instant(day, i64::from(at.hour()) * 60 + i64::from(at.minute()))
            }
        })
    }

    fn cutoff_passed(&self, lines: &[Taken], now: Instant) -> bool {
        lines.iter().any(|l| self.cutoff(l, |policy| policy.book_by).is_some_and(|at| now >= at))
    }

    fn dropped_too_late(&self, lines: &[Taken], now: Instant) -> bool {
        lines.iter().any(|l| self.cutoff(l, |policy| policy.cancel_by).is_some_and(|at| now >= at))
    }

    fn too_late_to_book(&self, lines: &[Taken], now: Instant) -> bool {
        lines.iter().any(|l| now >= begun(l)) || self.cutoff_passed(lines, now)
    }

    fn outside_hours(&self, lines: &[Taken]) -> bool {
        lines.iter().any(|l| {
            let Some(known) = self.resources.get(&l.resource) else { return false };
            let hours = &known.policy.opening_hours;
            let open = |h: &slotwise_domain::OpeningHours| {
                known.clocks.within(l.interval, i64::from(h.from_min), i64::from(h.to_min))
            };
            !hours.is_empty() && !hours.iter().any(open)
        })
    }

    /// Some of the time is out of use for them.
    fn blocked(&self, owner: PersonId, lines: &[Taken]) -> bool {
        lines.iter().any(|l| {
            let of = self.resources.get(&l.resource).into_iter().flat_map(|r| r.blocks.values());
            let mut meeting = of.filter(|b| b.interval.start() < l.end && l.first < b.interval.end());
            meeting.any(|b| !b.but.contains(&owner))
        })
    }

    /// They would have more than they may, and more than before.
    fn too_many(&self, owner: PersonId, lines: &[Taken], leaving: &[BookingId]) -> bool {
        lines.iter().any(|line| {
            let Some(known) = self.resources.get(&line.resource) else { return false };
            let Some(quota) = known.policy.quota else { return false };
            let (clocks, on) = (known.clocks, |l: &Taken| l.interval.start());
            let same = |l: &&Taken| {
                let day = quota.period == Period::All || clocks.day(on(l)) == clocks.day(on(line));
                l.resource == line.resource && day
            };
            let theirs = |gone: &[BookingId]| -> u64 {
                let standing = self
                    .bookings
                    .iter()
                    .filter(|(id, b)| b.owner == owner && b.state == State::Stands && !gone.contains(id));
                standing.flat_map(|(_, b)| &b.lines).filter(same).map(|l| u64::from(l.units)).sum()
            };
            let after = theirs(leaving) + lines.iter().filter(same).map(|l| u64::from(l.units)).sum::<u64>();
            after > u64::from(quota.most) && after > theirs(&[])
        })
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
        let standing = self.bookings.iter().filter(|(id, b)| b.state == State::Stands && without.booking != Some(**id));
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
        self.instants_from(resource, from).into_iter().map(|t| self.taken_at(resource, t, from)).max().unwrap_or(0)
    }

    fn taken_at(&self, resource: ResourceId, t: Instant, now: Instant) -> u64 {
        let (booked, held) = self.at(resource, t, &Without::default(), now);
        booked + held
    }

    /// That instant, and wherever anything begins after it, in order.
    fn instants_from(&self, resource: ResourceId, from: Instant) -> BTreeSet<Instant> {
        let bookings = self.bookings.values().filter(|b| b.state == State::Stands).flat_map(|b| b.lines.iter());
        let all =
            bookings.chain(self.holds.values().map(|h| &h.line)).filter(|l| l.resource == resource && l.first > from);
        all.map(|l| l.first).chain([from]).collect()
    }

    // What goes for an admin's word

    /// What goes so that these fit.
    fn way(&self, lines: &[Taken], now: Instant) -> Result<Gone, Code> {
        self.clone().take_away(now, |model| {
            lines.iter().find_map(|line| {
                let capacity = model.resources.get(&line.resource).map_or(0, |r| u64::from(r.capacity));
                let mut instants = model.instants(line, &Owed::new());
                instants.sort();
                let over = |t: &Instant| model.taken_at(line.resource, *t, now) + u64::from(line.units) > capacity;
                let at = instants.into_iter().find(over)?;
                Some((line.resource, at, model.refusal(line, &Without::default(), now)))
            })
        })
    }

    /// What goes so that no more than so many units are taken from now on.
    fn beyond(&self, resource: ResourceId, units: u32, now: Instant) -> Result<Gone, Code> {
        self.clone().take_away(now, |model| {
            let over = |t: &Instant| model.taken_at(resource, *t, now) > u64::from(units);
            let at = model.instants_from(resource, now).into_iter().find(over)?;
            Some((resource, at, Code::Insufficient))
        })
    }

    /// At the first instant at which there is too much, a hold goes, else what was booked last and is not over; and so on.
    fn take_away(
        &mut self,
        now: Instant,
        too_much: impl Fn(&Model) -> Option<(ResourceId, Instant, Code)>,
    ) -> Result<Gone, Code> {
        let mut gone = Gone::default();
        while let Some((resource, t, code)) = too_much(self) {
            let here = |l: &Taken| l.resource == resource && l.first <= t && t < l.end;
            let held = self.holds.iter().filter(|(_, h)| self.live(h, now) && here(&h.line));
            if let Some(id) = held.min_by_key(|(id, h)| (h.line.first, **id)).map(|(id, _)| *id) {
                self.end(id, Ended::Otherwise);
                gone.holds.insert(id);
                continue;
            }
            let standing = self
                .bookings
                .iter()
                .filter(|(_, b)| b.state == State::Stands && !b.is_over(now) && b.lines.iter().any(here));
            let newest = standing.max_by_key(|(id, b)| (b.made, **id)).map(|(id, _)| *id).ok_or(code)?;
            self.bookings.entry(newest).and_modify(|b| b.state = State::Displaced);
            gone.bookings.insert(newest);
        }
        Ok(gone)
    }

    /// The live holds that a block is over, and the bookings, with those among them that are not past.
    fn under(
        &self,
        resource: ResourceId,
        interval: Interval,
        but: &[PersonId],
        now: Instant,
    ) -> (Gone, BTreeSet<BookingId>) {
        let meets = |l: &&Taken| l.resource == resource && l.first < interval.end() && interval.start() < l.end;
        let held = self.holds.iter().filter(|(_, h)| self.live(h, now) && meets(&&h.line));
        let holds = held.filter(|(_, h)| !but.contains(&h.holder)).map(|(id, _)| *id).collect();
        let standing = self.bookings.iter().filter(|(_, b)| b.state == State::Stands && !but.contains(&b.owner));
        let lines = standing.flat_map(|(id, b)| b.lines.iter().filter(meets).map(|l| (*id, l.end)));
        let lines: Vec<(BookingId, Instant)> = lines.collect();
        let bookings = lines.iter().filter(|(_, end)| *end > now).map(|(id, _)| *id).collect();
        (Gone { holds, bookings }, lines.into_iter().map(|(id, _)| id).collect())
    }

    fn goes(&mut self, gone: &Gone) {
        for id in &gone.holds {
            self.end(*id, Ended::Otherwise);
            // Whoever was offered it waits again.
            let waiters = self.resources.values_mut().flat_map(|r| r.waiting.iter_mut());
            waiters.filter(|w| w.offer == Some(*id)).for_each(|w| w.offer = None);
        }
        for booked in self.bookings.iter_mut().filter(|(id, _)| gone.bookings.contains(id)).map(|(_, b)| b) {
            (booked.state, booked.revision) = (State::Displaced, booked.revision + 1);
        }
    }

    /// Whose turn it is, and what is owed to those who wait: to each in turn whom it fits, and where the order is strict, to whom it
    /// does not fit yet, what there is of it.
    fn turns(&self, resource: ResourceId, now: Instant) -> (Vec<Waiter>, Owed) {
        let (mut next, mut owed) = (Vec::new(), Owed::new());
        let Some(known) = self.resources.get(&resource) else { return (next, owed) };
        let strict = self.rules(resource).strict;
        // Who has an offer has it; what lapsed by now is nobody's.
        for waiter in known.waiting.iter().filter(|w| w.offer.is_none()) {
            let line = self.taken(resource, waiter.interval, waiter.units);
            let fits = self.fits(&line, &owed, &Without::default(), now);
            if now >= self.no_promotion_from(&line)
                || waiter.units > known.capacity
                || !fits && !strict
                || self.blocked(waiter.owner, &[line])
                || self.too_many(waiter.owner, &[line], &[])
            {
                continue;
            }
            if fits {
                owed.push((line.first, line.end, line.units));
                next.push(waiter.clone());
            } else {
                let pieces = self.free_pieces(&line, &owed, now);
                owed.extend(pieces);
            }
        }
        (next, owed)
    }

    /// What is free of it beside what is taken and owed, at most what it asks for.
    fn free_pieces(&self, line: &Taken, owed: &Owed, now: Instant) -> Owed {
        let capacity = self.resources.get(&line.resource).map_or(0, |r| u64::from(r.capacity));
        let bookings = self.bookings.values().flat_map(|b| b.lines.iter());
        let all = bookings.chain(self.holds.values().map(|h| &h.line)).filter(|l| l.resource == line.resource);
        let edges = all.flat_map(|l| [l.first, l.end]).chain(owed.iter().flat_map(|(first, end, _)| [*first, *end]));
        let edges: BTreeSet<Instant> = edges.filter(|t| line.first < *t && *t < line.end).chain([line.first]).collect();
        let ends = edges.iter().skip(1).copied().chain([line.end]);
        let free = |t: Instant| {
            let owed: u64 =
                owed.iter().filter(|(first, end, _)| *first <= t && t < *end).map(|(.., n)| u64::from(*n)).sum();
            let free = capacity.saturating_sub(self.taken_at(line.resource, t, now) + owed);
            u32::try_from(free).unwrap_or(u32::MAX).min(line.units)
        };
        let pieces = edges.iter().zip(ends).map(|(t, end)| (*t, end, free(*t)));
        pieces.filter(|(.., units)| *units > 0).collect()
    }

    fn no_promotion_from(&self, line: &Taken) -> Instant {
        let begun = begun(line);
        self.cutoff(line, |policy| policy.book_by).map_or(begun, |at| at.min(begun))
    }

    fn in_own_way(&self, who: PersonId, line: &Taken, without: &Without, now: Instant) -> BTreeSet<HoldId> {
        if self.fits(line, &self.turns(line.resource, now).1, without, now) {
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
        kept: Option<&Kept>,
        now: Instant,
    ) -> Result<BTreeSet<HoldId>, Code> {
        let (mut without, mut gone) = (without.clone(), BTreeSet::new());
        let mut refused: Option<Code> = None;
        for line in lines {
            // What is owed was owed before anything was given up for this.
            let known = kept.and_then(|kept| kept.get(&line.resource)).cloned();
            let owed = known.unwrap_or_else(|| self.turns(line.resource, now).1);
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
                self.refusal(line, &without, now)
            };
            refused = Some(refused.map_or(code, |first| first.min(code)));
        }
        refused.map_or(Ok(gone), Err)
    }

    /// Why it does not fit beside what is taken.
    fn refusal(&self, line: &Taken, without: &Without, now: Instant) -> Code {
        let capacity = self.resources.get(&line.resource).map_or(0, |r| u64::from(r.capacity));
        let by_bookings = self.instants(line, &Owed::new()).into_iter().filter_map(|t| {
            let (booked, _) = self.at(line.resource, t, without, now);
            let over = booked + u64::from(line.units) > capacity;
            over.then_some(if booked < capacity { Code::Insufficient } else { Code::Full })
        });
        by_bookings.min().unwrap_or(Code::HeldByOther)
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
                let without = Without { holds: consumed, booking: None };
                let gone = self.room(who, &lines, &without, None, now).unwrap_or_default();
                self.expire(&touched, now);
                hold.iter().for_each(|named| self.end(named.id, Ended::Otherwise));
                gone.iter().for_each(|id| self.end(*id, Ended::Otherwise));
                self.book(*booking, *owner, lines, now);
            }
            Action::BookSeries(asked) => {
                if let Ok(after) = self.series(who, asked, now) {
                    *self = after;
                }
            }
            Action::Override { action, .. } => {
                let Action::Book { booking, owner, lines, .. } = &**action else { return Ok(()) };
                let lines = lines_of(self, lines);
                let gone = self.way(&lines, now).unwrap_or_default();
                self.expire(&touched, now);
                if !gone.bookings.is_empty() {
                    self.tally.count("displaced by an override");
                }
                self.goes(&gone);
                self.book(*booking, *owner, lines, now);
                self.tally.count("an override");
            }
            Action::AddBlock { resource, block, interval, over_bookings, exceptions, .. } => {
                let (mut gone, _) = self.under(*resource, *interval, &exceptions.people, now);
                if *over_bookings == OverBookings::Refuse {
                    gone.bookings.clear();
                }
                self.expire(&touched, now);
                if !gone.bookings.is_empty() {
                    self.tally.count("displaced by a block");
                }
                if !gone.holds.is_empty() {
                    self.tally.count("a hold was voided");
                }
                self.goes(&gone);
                if let Some(known) = self.resources.get_mut(resource) {
                    known.blocks.insert(*block, Blocked { interval: *interval, but: exceptions.people.clone() });
                }
            }
            Action::RemoveBlock { resource, block, .. } => {
                self.expire(&touched, now);
                if let Some(known) = self.resources.get_mut(resource) {
                    known.blocks.remove(block);
                }
                self.tally.count("a block was removed");
            }
            Action::Swap { one, other } => {
                self.expire(&touched, now);
                let places = |id: &BookingId| self.bookings.get(id).map(|b| b.lines.clone()).unwrap_or_default();
                let to = [(one.id, places(&other.id)), (other.id, places(&one.id))];
                for (id, lines) in to.clone() {
                    self.bookings.entry(id).and_modify(|b| (b.lines, b.revision) = (lines, b.revision + 1));
                }
                for (id, lines) in &to {
                    let owner = self.bookings.get(id).map(|b| b.owner);
                    owner.into_iter().for_each(|owner| self.taken_by(owner, lines));
                }
                self.tally.count("swapped");
            }
            Action::Hold { hold, line } => {
                let lines = lines_of(self, &[*line]);
                let gone = self.room(who, &lines, &Without::default(), None, now).unwrap_or_default();
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
                if let Some(booked) = self.bookings.get_mut(booking).filter(|b| b.state == State::Stands) {
                    (booked.state, booked.revision) = (State::Cancelled, booked.revision + 1);
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
                let gone = match below {
                    Below::DisplaceNewest(_) => self.beyond(*resource, to.unwrap_or(u32::MAX), now).unwrap_or_default(),
                    Below::Refuse | Below::OverCommit | Below::DisplaceNamed(_) => Gone::default(),
                };
                self.expire(&touched, now);
                if !gone.bookings.is_empty() {
                    self.tally.count("displaced by a cut");
                }
                self.goes(&gone);
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
            Action::ExpireHolds { resource } | Action::RemoveBlock { resource, .. } => [*resource].into(),
            Action::BookSeries(asked) => [asked.resource].into(),
            Action::Swap { one, other } => {
                [one, other].into_iter().filter_map(|b| of_booking(&b.id)).flatten().collect()
            }
            // What is looked at, so that it may be displaced, is touched.
            Action::Override { action, displaces, .. } => {
                let named = displaces.iter().filter_map(|(id, _)| of_booking(id)).flatten();
                self.touched(action).into_iter().chain(named).collect()
            }
            Action::SetCapacity { resource, below, .. } => {
                let named = match below {
                    Below::Refuse | Below::OverCommit => &[][..],
                    Below::DisplaceNewest(named) | Below::DisplaceNamed(named) => named,
                };
                let named = named.iter().filter_map(|(id, _)| of_booking(id)).flatten();
                named.chain([*resource]).collect()
            }
            Action::AddBlock { resource, over_bookings, .. } => {
                let named = match over_bookings {
                    OverBookings::Refuse => &[][..],
                    OverBookings::Displace(named) => named,
                };
                let named = named.iter().filter_map(|(id, _)| of_booking(id)).flatten();
                named.chain([*resource]).collect()
            }
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
        let without = Without { booking: Some(id), ..Without::default() };
        let gone = self.room(who, &booked.anew(wanted, now), &without, None, now).unwrap_or_default();
        self.expire(touched, now);
        gone.iter().for_each(|id| self.end(*id, Ended::Otherwise));
        if let Some(booked) = self.bookings.get_mut(&id) {
            (booked.lines, booked.revision) = (wanted.to_vec(), booked.revision + 1);
        }
        self.taken_by(booked.owner, wanted);
        self.tally.count(if wanted.len() > 1 { "moved over several resources" } else { "moved" });
    }

    /// Somebody has it, and waits for it no more.
    fn book(&mut self, id: BookingId, owner: PersonId, lines: Vec<Taken>, now: Instant) {
        let booked = Booked { owner, lines: lines.clone(), state: State::Stands, revision: 1, made: now };
        self.bookings.insert(id, booked);
        self.taken_by(owner, &lines);
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
                if now >= self.no_promotion_from(&self.taken(*resource, waiter.interval, waiter.units)) {
                    self.waits_no_more(waiter.id);
                }
            }
            while let Some(waiter) = self.turns(*resource, now).0.into_iter().next() {
                let line = self.taken(*resource, waiter.interval, waiter.units);
                match self.rules(*resource).waits {
                    Some(WaitMode::Book) | None => {
                        self.waits_no_more(waiter.id);
                        let (owner, lines) = (waiter.owner, vec![line]);
                        let booked = Booked { owner, lines, state: State::Stands, revision: 1, made: now };
                        self.bookings.insert(BookingId(waiter.id.0), booked);
                        self.tally.count("promoted");
                    }
                    Some(WaitMode::Offer { ttl }) => self.offer(*resource, &waiter, line, ttl, entry, now)?,
                }
            }
        }
        Ok(())
    }

    /// They are offered what they wait for: by the hold that was granted for it.
    fn offer(
        &mut self,
        resource: ResourceId,
        waiter: &Waiter,
        line: Taken,
        ttl: Span,
        entry: &Entry,
        now: Instant,
    ) -> Result<(), String> {
        let of_all = entry.changes.records.iter().flat_map(|(_, changes)| changes);
        let offered = of_all.filter_map(|c| if let Change::HoldGranted(hold) = c { Some(hold) } else { None });
        let Some(hold) = offered.rev().find(|h| h.offer == Some(waiter.id)).copied() else {
            return Err(format!("{} should have been offered it", waiter.owner));
        };
        let until = now.plus(ttl).min(self.no_promotion_from(&line));
        self.grant(hold.id, hold.token, Held::new(hold.token, waiter.owner, line, now, until, Some(waiter.id)))?;
        let known = self.resources.get_mut(&resource);
        if let Some(known) = known.and_then(|r| r.waiting.iter_mut().find(|w| w.id == waiter.id)) {
            (known.offer, known.offers) = (Some(hold.id), known.offers + 1);
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
            let standing = self.bookings.values().filter(|b| b.state == State::Stands);
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
            let theirs: Vec<_> = calendar.blocks.values().map(|b| (b.id, b.interval)).collect();
            let ours: Vec<_> = known.blocks.iter().map(|(id, b)| (*id, b.interval)).collect();
            if ours != theirs {
                return Err(format!("{id} should be blocked\n{ours:#?}\nand it is\n{theirs:#?}"));
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
            // What ended by time since then is given by whoever looks for what is due, and they look once a second.
            if let Some(waiter) = self.turns(*id, slack).0.first() {
                return Some(format!("units of {id} are owed to {waiter:?}, who still waits at {now}"));
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
            (Action::BookSeries(_), Outcome::Rejected(_)) => self.tally.count("a series was refused"),
            (_, Outcome::Rejected(r)) if r.rule == Some(Rule::Quota) => self.tally.count("a quota was kept"),
            (_, Outcome::Rejected(r))
                if r.code == Code::WaitlistFirst && r.resource.is_some_and(|id| self.rules(id).strict) =>
            {
                self.tally.count("a strict order was kept");
            }
            (Action::Move { .. }, Outcome::Rejected(r)) if r.code.is_conflict() => {
                self.tally.count("the old place kept")
            }
            (Action::SetCapacity { .. }, Outcome::Rejected(r)) if r.code == Code::Insufficient => {
                self.tally.count("a cut under use");
            }
            _ => {}
        }
    }

    /// Counts what met a time at which clocks are set.
    fn by_the_clocks(&mut self, action: &Action, outcome: &Outcome, now: Instant) {
        for id in self.touched(action) {
            let Some(known) = self.resources.get(&id) else { continue };
            let clocks = known.clocks;
            if clocks != Clocks::UTC && clocks.is(clocks.day(now), clocks.minute(now)) == Is::Twice {
                self.tally.count("decided in an hour that is twice");
            }
            let Outcome::Rejected(rejection) = outcome else { continue };
            let cutoff = match rejection.rule {
                Some(Rule::BookBy) => known.policy.book_by,
                Some(Rule::CancelBy) => known.policy.cancel_by,
                _ => None,
            };
            if rejection.resource == Some(id)
                && let Some(Cutoff::Civil { at, .. }) = cutoff
            {
                let minute = i64::from(at.hour()) * 60 + i64::from(at.minute());
                match clocks.is(clocks.day(now), minute) {
                    Is::Once => {}
                    Is::Twice => self.tally.count("too late by a time that is twice"),
                    Is::Never => self.tally.count("too late by a time that never is"),
                }
            }
        }
    }

    fn around(&self, action: &Action, now: Instant) -> String {
        let touched = self.touched(action);
        let on = |l: &Taken| touched.contains(&l.resource);
        let bookings = self.bookings.iter().filter(|(_, b)| b.state == State::Stands && b.lines.iter().any(on));
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
    waits: Option<WaitMode>,
    strict: bool,
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

    /// What of a new place it does not have already. Of what goes on longer, what has been is not asked any more.
    fn anew(&self, wanted: &[Taken], now: Instant) -> Vec<Taken> {
        let of = |w: &Taken, o: &Taken| o.resource == w.resource && o.units >= w.units && o.first <= w.first;
        let within = |w: &Taken| wanted.len() == 1 && self.lines.iter().any(|o| of(w, o) && w.end <= o.end);
        let rest = |w: &Taken| {
            let had = self.lines.iter().any(|o| of(w, o) && now <= o.end);
            let first = if had && now < w.end { w.first.max(now) } else { w.first };
            Taken { first, ..*w }
        };
        wanted.iter().filter(|w| !within(w)).map(rest).collect()
    }
}

/// From when on it cannot be booked any more: an hour after it began, or when it ends.
fn begun(line: &Taken) -> Instant {
    line.interval.start().plus(Span::hours(1)).min(line.interval.end())
}

fn promotes((_, changes): &(ResourceId, Vec<Change>)) -> bool {
    changes.iter().any(|c| matches!(c, Change::WaitEnded(_) | Change::WaitOffered(_)))
}
