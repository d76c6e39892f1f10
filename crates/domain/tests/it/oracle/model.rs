//! The model: per resource an array of minutes, added up from nothing for every question.
//! It shares no code with the judgement; only the answers are the domain's.

use super::steps::*;
use slotwise_domain::{BlockId, BookingId, Code, EntryId, HoldId, HoldRef};
use std::collections::BTreeSet;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    Pending { takes: bool },
    Confirmed,
    CheckedIn,
    NoShow,
    Cancelled { late: bool },
    Displaced,
}

impl State {
    /// Nothing becomes of it any more.
    pub fn is_over(self) -> bool {
        matches!(self, State::NoShow | State::Cancelled { .. } | State::Displaced)
    }

    /// It has all that it asked for.
    pub fn has(self) -> bool {
        matches!(self, State::Pending { takes: true } | State::Confirmed | State::CheckedIn)
    }
}

#[derive(Clone, Debug)]
pub struct Booked {
    pub id: BookingId,
    pub owner: usize,
    pub state: State,
    pub lines: Vec<Taken>,
    /// Rises with each change of it.
    pub revision: u64,
    /// The second it was made in.
    pub made: i64,
    /// The second it was last decided in.
    pub decided: i64,
}

impl Booked {
    /// The minute in which the first of it begins, and that in which the last ends.
    pub fn from(&self) -> i64 {
        self.lines.iter().map(|l| l.ask.from).min().unwrap()
    }
    pub fn to(&self) -> i64 {
        self.lines.iter().map(|l| l.ask.to).max().unwrap()
    }

    /// Whether it stands on the resource at that minute.
    fn stands(&self, resource: usize, minute: i64) -> bool {
        let here = |l: &Taken| l.ask.resource == resource && l.first <= minute && minute < l.end;
        (self.state.has() || self.state == State::NoShow) && self.lines.iter().any(here)
    }

    /// How many resources it is of.
    pub fn resources(&self) -> usize {
        self.lines.iter().map(|l| l.ask.resource).collect::<BTreeSet<_>>().len()
    }
}

#[derive(Clone, Debug)]
pub struct Held {
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

/// A line with its buffers as they were. Of what nobody came to, what is left of it.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    pub ask: Ask,
    pub first: i64,
    pub end: i64,
    pub exclusive: bool,
}

/// Somebody who waits.
#[derive(Clone, Debug)]
pub struct Waiter {
    pub id: EntryId,
    pub owner: usize,
    pub ask: Ask,
    pub class: u8,
}

/// Time out of use.
#[derive(Clone, Debug)]
pub struct Blocked {
    pub id: BlockId,
    pub resource: usize,
    pub from: i64,
    pub to: i64,
    pub but: Option<usize>,
    pub spares: Option<BookingId>,
}

impl Blocked {
    /// Whether it meets what somebody takes, or would take, with that booking.
    pub fn concerns(&self, line: &Taken, owner: usize, booking: Option<BookingId>) -> bool {
        let spared = self.but == Some(owner) || booking.is_some() && self.spares == booking;
        self.resource == line.ask.resource && self.from < line.end && line.first < self.to && !spared
    }
}

#[derive(Clone)]
pub struct Model {
    pub setting: Setting,
    /// In the order of class, and then of joining.
    pub waiters: Vec<Waiter>,
    pub bookings: Vec<Booked>,
    pub holds: Vec<Held>,
    pub blocks: Vec<Blocked>,
    /// The second it is.
    pub now: i64,
    /// What is owed, where it is told of an earlier moment.
    pub fixed: Option<Vec<[u64; MINUTES]>>,
}

/// Units taken at one minute of one resource.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Minute {
    pub booked: u64,
    pub held: u64,
    pub own: u64,
}

/// What may be said.
#[derive(Debug, PartialEq)]
pub enum Expected {
    Accepted,
    /// Exactly this.
    Rejected(Code),
    /// One of these, each true at some minute.
    NoRoom(BTreeSet<Code>),
    /// Nothing that could be taken away makes room.
    NoWay,
    /// What was named is not so any more; those would be displaced.
    Moved(Option<BTreeSet<BookingId>>),
}

/// What goes for an admin's word.
#[derive(Clone, Debug, Default)]
pub struct Gone {
    pub holds: BTreeSet<HoldId>,
    pub bookings: BTreeSet<BookingId>,
}

impl Model {
    pub fn taken(&self, ask: Ask) -> Taken {
        let rules = self.rules(ask.resource);
        Taken { ask, first: ask.from - rules.setup, end: ask.to + rules.teardown, exclusive: rules.exclusive }
    }

    pub fn rules(&self, resource: usize) -> &Rules {
        &self.setting.rules[resource]
    }

    pub fn live(&self, hold: &Held) -> bool {
        !hold.ended && self.now < hold.until
    }

    pub fn booking(&mut self, id: BookingId) -> &mut Booked {
        self.bookings.iter_mut().find(|b| b.id == id).unwrap()
    }

    /// Every minute of a resource, added up from nothing. `own` are the live holds of one person, which are in `held` too.
    pub fn minutes(&self, resource: usize, own: Option<usize>, without: Option<HoldId>) -> [Minute; MINUTES] {
        let mut minutes = [Minute::default(); MINUTES];
        for booking in self.bookings.iter().filter(|b| b.state.has() || b.state == State::NoShow) {
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

    // Whose turn it is

    /// Units free at every minute of a resource, and what of them is owed: to each in turn whom it fits, or, where it is kept, to
    /// whoever is first.
    pub fn owed(&self, resource: usize) -> [u64; MINUTES] {
        let mut owed = [0; MINUTES];
        let rules = self.rules(resource);
        let (Some(capacity), Some(kept)) = (rules.capacity.map(u64::from), rules.waits) else { return owed };
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
        self.fixed.clone().unwrap_or_else(|| (0..self.setting.rules.len()).map(|n| self.owed(n)).collect())
    }

    /// Everybody whose turn it is has it, and whoever waits in vain waits no more.
    pub fn fill(&mut self) -> u64 {
        let mut promoted = 0;
        let now = self.now;
        let too_late: Vec<EntryId> =
            self.waiters.iter().filter(|w| now >= self.too_late(w.ask)).map(|w| w.id).collect();
        self.waiters.retain(|w| !too_late.contains(&w.id));
        for resource in 0..self.setting.rules.len() {
            let rules = self.rules(resource);
            let (capacity, Some(kept)) = (rules.capacity.map(u64::from), rules.waits) else { continue };
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
                    self.put(BookingId(waiter.id.0), waiter.owner, State::Confirmed, vec![line]);
                    self.waiters.retain(|w| w.id != waiter.id);
                } else if kept {
                    during().for_each(|n| owed[n] += units.min(free(n, &owed)));
                }
            }
        }
        promoted
    }

    pub fn put(&mut self, id: BookingId, owner: usize, state: State, lines: Vec<Taken>) {
        self.bookings.push(Booked { id, owner, state, lines, revision: 1, made: self.now, decided: self.now });
    }

    /// Whoever waits may not have it now: it is closed or too late, they have too much, or something else then.
    fn not_theirs(&self, owner: usize, line: Taken) -> bool {
        self.rules(line.ask.resource).closed
            || self.outside(&[line.ask])
            || self.now >= self.too_late(line.ask)
            || self.unfit(owner, &[line.ask])
            || self.blocked(owner, &[line.ask], None)
            || self.too_many(owner, &[line.ask], &[])
            || self.twice(owner, &[line], &[])
    }

    // Room

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
        for (resource, rules) in self.setting.rules.iter().enumerate() {
            let Some(capacity) = rules.capacity.map(u64::from) else { continue };
            let minutes = self.minutes(resource, own, without);
            for (n, minute) in minutes.iter().enumerate() {
                let asked = asked_at(lines, resource, n as i64);
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
                    () if minute.booked >= capacity => Code::Full,
                    () => Code::Insufficient,
                });
            }
        }
        if reasons.is_empty() {
            for (resource, rules) in self.setting.rules.iter().enumerate() {
                let Some(capacity) = rules.capacity.map(u64::from) else { continue };
                let (minutes, owed) = (self.minutes(resource, own, without), kept[resource]);
                for (n, minute) in minutes.iter().enumerate() {
                    let asked = asked_at(lines, resource, n as i64);
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

    /// What goes so that the lines fit: minute by minute the holds, then whatever was made last. `None` if that does not do.
    pub fn way(&self, lines: &[Taken]) -> Option<Gone> {
        let too_much = |model: &Model| {
            lines.iter().enumerate().find_map(|(n, line)| {
                let resource = line.ask.resource;
                let capacity = u64::from(model.rules(resource).capacity?);
                let minutes = model.minutes(resource, None, None);
                let over = |minute: &i64| {
                    let at = minutes[*minute as usize];
                    at.booked + at.held + asked_at(&lines[..=n], resource, *minute) > capacity
                };
                (line.first..line.end).find(over).map(|minute| (resource, minute))
            })
        };
        self.clone().take_away(too_much)
    }

    /// What goes so that no more than so many units are taken from now on.
    pub fn newest_beyond(&self, resource: usize, to: Option<u32>) -> Option<Gone> {
        self.clone().take_away(|model| model.beyond(resource, to).map(|minute| (resource, minute)))
    }

    fn take_away(&mut self, too_much: impl Fn(&Model) -> Option<(usize, i64)>) -> Option<Gone> {
        let mut gone = Gone::default();
        while let Some((resource, minute)) = too_much(self) {
            if let Some(hold) = self.hold_at(resource, minute) {
                self.holds.iter_mut().filter(|h| h.named.id == hold).for_each(|h| h.ended = true);
                gone.holds.insert(hold);
                continue;
            }
            let now = self.now;
            let standing = self.bookings.iter().filter(|b| b.stands(resource, minute));
            let may_go = standing.filter(|b| b.state.has() && now < b.to() * 60);
            let newest = may_go.max_by_key(|b| (b.made, b.id)).map(|b| b.id)?;
            self.booking(newest).state = State::Displaced;
            gone.bookings.insert(newest);
        }
        Some(gone)
    }

    /// Which hold is asked first to go: the one that begins first.
    fn hold_at(&self, resource: usize, minute: i64) -> Option<HoldId> {
        let here = |h: &&Held| h.ask.resource == resource && h.line.first <= minute && minute < h.line.end;
        let first = self.holds.iter().filter(|h| self.live(h)).filter(here).min_by_key(|h| (h.line.first, h.named.id));
        first.map(|h| h.named.id)
    }

    /// The first minute from now on at which more than so many units are taken.
    pub fn beyond(&self, resource: usize, to: Option<u32>) -> Option<i64> {
        let to = u64::from(to?);
        let minutes = self.minutes(resource, None, None);
        let now = self.now.div_euclid(60).max(0);
        (now..MINUTES as i64).find(|n| minutes[*n as usize].booked + minutes[*n as usize].held > to)
    }

    /// With these displaced, holds in the way voided too.
    pub fn named_go(&self, resource: usize, to: Option<u32>, named: &BTreeSet<BookingId>) -> Option<Gone> {
        let mut model = self.without(&named.iter().copied().collect::<Vec<_>>());
        let mut gone = Gone { bookings: named.clone(), ..Gone::default() };
        while let Some(minute) = model.beyond(resource, to) {
            let hold = model.hold_at(resource, minute)?;
            model.holds.iter_mut().filter(|h| h.named.id == hold).for_each(|h| h.ended = true);
            gone.holds.insert(hold);
        }
        Some(gone)
    }

    /// Whether an admin can name it where the capacity is cut: it stands there, and is not over.
    pub fn can_be_named(&self, booking: &Booked, resource: usize) -> bool {
        booking.state.has() && self.now < booking.to() * 60 && booking.lines.iter().any(|l| l.ask.resource == resource)
    }

    // Rules

    /// The lines can never be booked, whenever and by whomever.
    pub fn invalid(&self, lines: &[Ask]) -> bool {
        lines.iter().any(|l| {
            let rules = self.rules(l.resource);
            let elsewhen = rules.section.is_some_and(|one| one != (l.from, l.to));
            l.units == 0 || rules.capacity.is_some_and(|c| l.units > c) || elsewhen
        })
    }

    fn closed(&self, lines: &[Ask]) -> bool {
        lines.iter().any(|l| self.rules(l.resource).closed)
    }

    /// Something of it began too long ago to be booked, or booking has closed.
    fn late(&self, lines: &[Ask]) -> bool {
        lines.iter().any(|l| self.now >= self.too_late(*l))
    }

    /// The second from which on it cannot be booked, whoever says so: an hour after it began, at the latest when it ends. What has one time
    /// for all, and another last minute, is booked while it runs.
    fn begun(&self, ask: Ask) -> i64 {
        let rules = self.rules(ask.resource);
        match rules.section.is_some() && rules.adds_until.is_some() {
            true => ask.to * 60,
            false => (ask.from * 60 + 3600).min(ask.to * 60),
        }
    }

    /// The second from which on people do not book it.
    pub fn too_late(&self, ask: Ask) -> i64 {
        let closes = self.rules(ask.resource).adds_until.map_or(i64::MAX, |minute| minute * 60);
        self.begun(ask).min(closes)
    }

    /// Some minute of it is not open.
    fn outside(&self, lines: &[Ask]) -> bool {
        let shut = |l: &Ask, minute: i64| {
            self.rules(l.resource).open.is_some_and(|(from, to)| !(from <= minute && minute < to))
        };
        lines.iter().any(|l| (l.from..l.to).any(|minute| shut(l, minute)))
    }

    /// Who did not pass what is asked for.
    fn unfit(&self, owner: usize, lines: &[Ask]) -> bool {
        owner == NOVICE && lines.iter().any(|l| self.rules(l.resource).needs)
    }

    /// Some of the time is out of use for them.
    fn blocked(&self, owner: usize, lines: &[Ask], booking: Option<BookingId>) -> bool {
        lines.iter().any(|l| self.blocks.iter().any(|b| b.concerns(&self.taken(*l), owner, booking)))
    }

    /// Some line's last minute has come.
    fn is_over(&self, lines: &[Taken], last: impl Fn(&Rules) -> Option<i64>) -> bool {
        lines.iter().any(|l| last(self.rules(l.ask.resource)).is_some_and(|minute| self.now >= minute * 60))
    }

    fn is_past(&self, booking: &Booked) -> bool {
        self.now >= booking.to() * 60
    }

    /// The owner has something else at that time, or asks for two at once.
    fn twice(&self, owner: usize, lines: &[Taken], gone: &[BookingId]) -> bool {
        let others = self.bookings.iter().filter(|b| b.owner == owner && b.state.has() && !gone.contains(&b.id));
        let others: Vec<Ask> = others.flat_map(|b| &b.lines).filter(|l| l.exclusive).map(|l| l.ask).collect();
        let mine: Vec<Ask> = lines.iter().filter(|l| l.exclusive).map(|l| l.ask).collect();
        (0..MINUTES as i64).any(|minute| {
            let at = |a: &&Ask| a.from <= minute && minute < a.to;
            let asked = mine.iter().filter(at).count();
            asked > 1 || asked == 1 && others.iter().any(|a| at(&a))
        })
    }

    /// What counts together with the line: of what, and in which period.
    fn family(&self, ask: &Ask) -> Option<Option<usize>> {
        Some(if self.rules(ask.resource).quota?.together { None } else { Some(ask.resource) })
    }

    fn same_period(&self, period: Time, one: i64, other: i64) -> bool {
        let parted = match period {
            Time::Day => true,
            Time::Week => self.setting.night.week,
            Time::Month => self.setting.night.month,
            Time::All => false,
        };
        !parted || (one < MIDNIGHT) == (other < MIDNIGHT)
    }

    /// Units that count of somebody together with a line, in its period: of what they have, did not come to, or gave up late. `also` of
    /// other bookings.
    pub fn counted(&self, owner: usize, with: &Ask, also: impl Fn(&Booked) -> bool) -> u64 {
        let Some(limit) = self.rules(with.resource).quota else { return 0 };
        let counts = |b: &&Booked| {
            let had = matches!(b.state, State::NoShow | State::Cancelled { late: true });
            b.owner == owner && (b.state.has() || had || also(b))
        };
        let lines = self.bookings.iter().filter(counts).flat_map(|b| &b.lines).map(|l| &l.ask);
        self.sum(limit.period, with, lines)
    }

    fn sum<'a>(&self, period: Time, with: &Ask, lines: impl Iterator<Item = &'a Ask>) -> u64 {
        let same = |a: &&Ask| self.family(a) == self.family(with) && self.same_period(period, a.from, with.from);
        let credits = self.rules(with.resource).quota.is_some_and(|limit| limit.credits);
        let worth = |a: &Ask| if credits { u64::from(self.rules(a.resource).worth) } else { 1 };
        lines.filter(same).map(|a| u64::from(a.units) * worth(a)).sum()
    }

    /// How many units somebody may have of what counts with the line.
    pub fn most(&self, owner: usize, of: &Ask) -> Option<u64> {
        let limit = self.rules(of.resource).quota?;
        let family = self.family(of)?;
        let theirs = self.setting.allowances.iter().find(|(who, of, _)| *who == owner && *of == family);
        let hundredths = if limit.credits { 100 } else { 1 };
        Some(u64::from(theirs.map_or(limit.most, |(_, _, most)| *most)) * hundredths)
    }

    /// The owner would have more than they may, and more than before.
    pub fn too_many(&self, owner: usize, lines: &[Ask], gone: &[BookingId]) -> bool {
        let others = self.without(gone);
        lines.iter().any(|line| {
            let Some(limit) = self.rules(line.resource).quota else { return false };
            let after = others.counted(owner, line, |_| false) + self.sum(limit.period, line, lines.iter());
            self.most(owner, line).is_some_and(|most| after > most) && after > self.counted(owner, line, |_| false)
        })
    }

    /// Something is missing that goes with a line.
    fn alone(&self, owner: usize, lines: &[Ask], gone: &[BookingId]) -> bool {
        let others = self.without(gone);
        let missing = |list: &Vec<usize>| {
            !lines.iter().any(|l| list.contains(&l.resource)) && !list.iter().any(|of| others.has_one(owner, *of))
        };
        lines.iter().any(|l| self.rules(l.resource).linked.iter().any(missing))
    }

    /// They have something of a resource.
    fn has_one(&self, owner: usize, resource: usize) -> bool {
        let theirs = self.bookings.iter().filter(|b| b.owner == owner);
        theirs.into_iter().any(|b| (0..MINUTES as i64).any(|minute| b.stands(resource, minute)))
    }

    /// Without the booking, and with these lines in its place, something else of its owner lacks what goes with it, and did not before.
    fn left_alone(&self, booking: &Booked, instead: &[Ask]) -> bool {
        let others = self.without(&[booking.id]);
        let rests = |on: usize| {
            self.rules(on).linked.iter().any(|list| {
                booking.lines.iter().any(|l| list.contains(&l.ask.resource))
                    && !instead.iter().any(|l| list.contains(&l.resource))
                    && !list.iter().any(|of| others.has_one(booking.owner, *of))
            })
        };
        (0..self.setting.rules.len()).any(|on| others.has_one(booking.owner, on) && rests(on))
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

    // Commands

    /// Of a move by whoever says so, up to whether there is room. `over` are the bookings an admin names for it.
    fn may_move(&self, who: usize, booking: &Booked, lines: &[Ask], over: Option<&[BookingId]>) -> Option<Expected> {
        let from = lines.iter().map(|l| l.from).min();
        let came = booking.state == State::CheckedIn && from != Some(booking.from());
        if booking.state.is_over() || self.invalid(lines) || came {
            return Some(Expected::Rejected(Code::Invalid));
        }
        if who != ADMIN && (who != booking.owner || over.is_some()) {
            return Some(Expected::Rejected(Code::NotAllowed));
        }
        if booking.lines.iter().map(|l| l.ask).eq(lines.iter().copied()) {
            return Some(Expected::Accepted);
        }
        let fresh = self.asks_for_more(&booking.lines, lines);
        let waits = |l: &Ask| self.rules(l.resource).approval;
        if !matches!(booking.state, State::Pending { .. }) && who != ADMIN && fresh.iter().any(waits) {
            return Some(Expected::Rejected(Code::NotAllowed));
        }
        if over.is_none() {
            let left = || who != ADMIN && booking.state.has() && self.left_alone(booking, lines);
            if self.unfit(booking.owner, &fresh) || self.alone(booking.owner, lines, &[booking.id]) || left() {
                return Some(Expected::Rejected(Code::NotEligible));
            }
            if self.closed(&fresh) {
                return Some(Expected::Rejected(Code::Closed));
            }
            if self.outside(&fresh) {
                return Some(Expected::Rejected(Code::OutsideHours));
            }
        }
        // What goes on where it began may end sooner or later, but not in the past; what is new must not have begun long ago.
        let past = |l: &Ask| {
            let same = |o: &Taken| o.ask.resource == l.resource && o.ask.from == l.from;
            let new = fresh.contains(l) && !booking.lines.iter().any(same);
            self.now >= if new { self.begun(*l) } else { l.to * 60 }
        };
        let changed = |l: &&Ask| booking.lines.iter().all(|o| o.ask != **l);
        let closed = over.is_none() && self.is_over(&self.all_taken(&fresh), |rules| rules.adds_until);
        let bound = who != ADMIN
            && (self.is_over(&booking.lines, |rules| rules.changes_until) || self.drops_too_late(booking, lines));
        if self.is_past(booking) || lines.iter().filter(changed).any(past) || closed || bound {
            return Some(Expected::Rejected(Code::PastCutoff));
        }
        if self.blocked(booking.owner, &fresh, Some(booking.id)) {
            return Some(Expected::Rejected(Code::Blocked));
        }
        // What is dropped late is had, and the new beside it.
        let dropped = if over.is_none() { self.dropped_late(who, booking, lines) } else { Vec::new() };
        let had: Vec<Ask> = lines.iter().copied().chain(dropped.iter().map(|l| l.ask)).collect();
        if over.is_none() && self.too_many(booking.owner, &had, &[booking.id]) {
            return Some(Expected::Rejected(Code::QuotaExceeded));
        }
        let gone = [over.unwrap_or_default(), &[booking.id]].concat();
        let taken: Vec<Taken> = lines.iter().map(|l| self.taken(*l)).collect();
        self.twice(booking.owner, &taken, &gone).then_some(Expected::Rejected(Code::OwnOverlap))
    }

    pub fn relocate(&self, who: usize, booking: &Booked, lines: &[Ask]) -> Expected {
        if let Some(expected) = self.may_move(who, booking, lines, None) {
            return expected;
        }
        self.without(&[booking.id]).room(&self.more_than_it_had(booking, lines), Some(who), None, &self.kept()).0
    }

    fn all_taken(&self, lines: &[Ask]) -> Vec<Taken> {
        lines.iter().map(|l| self.taken(*l)).collect()
    }

    /// What a moved booking takes in the minutes in which that is more than it took, whatever was done to the capacity since: each run
    /// of them is a line.
    pub fn more_than_it_had(&self, booking: &Booked, lines: &[Ask]) -> Vec<Taken> {
        let taken = self.all_taken(lines);
        let had: &[Taken] = if booking.state.has() { &booking.lines } else { &[] };
        let mut more = Vec::new();
        for line in &taken {
            let resource = line.ask.resource;
            let mut run: Option<Taken> = None;
            for minute in line.first..line.end {
                match asked_at(&taken, resource, minute) > asked_at(had, resource, minute) {
                    true => run.get_or_insert(Taken { first: minute, ..*line }).end = minute + 1,
                    false => more.extend(run.take()),
                }
            }
            more.extend(run);
        }
        more
    }

    /// A move by an admin's word, who names those that it displaces.
    pub fn over_move(&self, who: usize, booking: &Booked, lines: &[Ask], named: &[(BookingId, u64)]) -> Expected {
        let ids: Vec<BookingId> = named.iter().map(|(id, _)| *id).collect();
        if let Some(expected) = self.may_move(who, booking, lines, Some(&ids)) {
            return expected;
        }
        let taken: Vec<Taken> = lines.iter().map(|l| self.taken(*l)).collect();
        self.displace(self.without(&[booking.id]).way(&taken), named)
    }

    pub fn over_book(&self, who: usize, owner: usize, lines: &[Ask], named: &[(BookingId, u64)]) -> Expected {
        if self.invalid(lines) {
            return Expected::Rejected(Code::Invalid);
        }
        if who != ADMIN {
            return Expected::Rejected(Code::NotAllowed);
        }
        if lines.iter().any(|l| self.now >= self.begun(*l)) {
            return Expected::Rejected(Code::PastCutoff);
        }
        if self.blocked(owner, lines, None) {
            return Expected::Rejected(Code::Blocked);
        }
        let taken: Vec<Taken> = lines.iter().map(|l| self.taken(*l)).collect();
        let ids: Vec<BookingId> = named.iter().map(|(id, _)| *id).collect();
        if self.twice(owner, &taken, &ids) {
            return Expected::Rejected(Code::OwnOverlap);
        }
        self.displace(self.way(&taken), named)
    }

    /// Exactly these go, if it is these that were named, each as it is.
    fn displace(&self, gone: Option<Gone>, named: &[(BookingId, u64)]) -> Expected {
        let Some(gone) = gone else { return Expected::NoWay };
        let named: BTreeSet<(BookingId, u64)> = named.iter().copied().collect();
        match self.at_revisions(&gone.bookings) == named {
            true => Expected::Accepted,
            false => Expected::Moved(Some(gone.bookings)),
        }
    }

    pub fn at_revisions(&self, ids: &BTreeSet<BookingId>) -> BTreeSet<(BookingId, u64)> {
        self.bookings.iter().filter(|b| ids.contains(&b.id)).map(|b| (b.id, b.revision)).collect()
    }

    pub fn cut(
        &self,
        who: usize,
        resource: usize,
        to: Option<u32>,
        below: Cut,
        named: &[(BookingId, u64)],
    ) -> Expected {
        if who != ADMIN {
            return Expected::Rejected(Code::NotAllowed);
        }
        match below {
            Cut::Refuse if to == self.rules(resource).capacity || self.beyond(resource, to).is_none() => {
                Expected::Accepted
            }
            Cut::Refuse => Expected::Rejected(Code::Insufficient),
            Cut::OverCommit => Expected::Accepted,
            Cut::Newest => match self.newest_beyond(resource, to) {
                None => Expected::Rejected(Code::Insufficient),
                gone => self.displace(gone, named),
            },
            Cut::Named(_) => {
                let standing = self
                    .bookings
                    .iter()
                    .filter(|b| named.iter().any(|(id, _)| *id == b.id) && self.can_be_named(b, resource));
                let standing: BTreeSet<BookingId> = standing.map(|b| b.id).collect();
                if self.at_revisions(&standing) != named.iter().copied().collect() {
                    return Expected::Moved(Some(standing));
                }
                match self.named_go(resource, to, &standing) {
                    Some(_) => Expected::Accepted,
                    None => Expected::Rejected(Code::Insufficient),
                }
            }
        }
    }

    pub fn swap(&self, who: usize, one: &Booked, other: &Booked) -> Expected {
        let stay = |b: &Booked| b.state.is_over() || b.state == State::CheckedIn;
        if one.id == other.id || stay(one) || stay(other) || one.state != other.state {
            return Expected::Rejected(Code::Invalid);
        }
        if who != ADMIN && (one.owner != who || other.owner != who) {
            return Expected::Rejected(Code::NotAllowed);
        }
        let both = [one.id, other.id];
        let hands: Vec<(usize, Vec<Ask>)> = if one.owner == other.owner {
            Vec::new()
        } else {
            let asks = |b: &Booked| b.lines.iter().map(|l| l.ask).collect();
            vec![(one.owner, asks(other)), (other.owner, asks(one))]
        };
        if hands.iter().any(|(owner, lines)| self.unfit(*owner, lines) || self.alone(*owner, lines, &both)) {
            return Expected::Rejected(Code::NotEligible);
        }
        let bound = |b: &Booked| who != ADMIN && self.is_over(&b.lines, |rules| rules.changes_until);
        if self.is_past(one) || self.is_past(other) || bound(one) || bound(other) {
            return Expected::Rejected(Code::PastCutoff);
        }
        if hands.iter().any(|(owner, lines)| self.too_many(*owner, lines, &both)) {
            return Expected::Rejected(Code::QuotaExceeded);
        }
        if self.twice(one.owner, &other.lines, &both) || self.twice(other.owner, &one.lines, &both) {
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
        if let Some(code) = self.newly(owner, lines) {
            return Expected::Rejected(code);
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

    /// Why somebody may not have what they do not have yet, whether or not there is room.
    fn newly(&self, owner: usize, lines: &[Ask]) -> Option<Code> {
        let taken: Vec<Taken> = lines.iter().map(|l| self.taken(*l)).collect();
        match () {
            () if self.unfit(owner, lines) || self.alone(owner, lines, &[]) => Some(Code::NotEligible),
            () if self.closed(lines) => Some(Code::Closed),
            () if self.outside(lines) => Some(Code::OutsideHours),
            () if self.late(lines) => Some(Code::PastCutoff),
            () if self.blocked(owner, lines, None) => Some(Code::Blocked),
            () if self.too_many(owner, lines, &[]) => Some(Code::QuotaExceeded),
            () if self.twice(owner, &taken, &[]) => Some(Code::OwnOverlap),
            () => None,
        }
    }

    pub fn approve(&self, who: usize, booking: &Booked) -> Expected {
        let asks: Vec<Ask> = booking.lines.iter().map(|l| l.ask).collect();
        let id = [booking.id];
        match booking.state {
            state if state.is_over() => Expected::Rejected(Code::Invalid),
            _ if who != ADMIN => Expected::Rejected(Code::NotAllowed),
            State::Pending { .. } => match () {
                () if self.unfit(booking.owner, &asks) => Expected::Rejected(Code::NotEligible),
                () if self.alone(booking.owner, &asks, &id) => Expected::Rejected(Code::NotEligible),
                () if self.is_past(booking) => Expected::Rejected(Code::PastCutoff),
                () if self.blocked(booking.owner, &asks, Some(booking.id)) => Expected::Rejected(Code::Blocked),
                () if self.too_many(booking.owner, &asks, &id) => Expected::Rejected(Code::QuotaExceeded),
                () if self.twice(booking.owner, &booking.lines, &id) => Expected::Rejected(Code::OwnOverlap),
                () => self.without(&id).room(&booking.lines, None, None, &self.kept()).0,
            },
            _ => Expected::Accepted,
        }
    }

    pub fn decline(&self, who: usize, booking: &Booked) -> Expected {
        match booking.state {
            State::Pending { .. } | State::Cancelled { .. } if who == ADMIN => Expected::Accepted,
            State::Pending { .. } | State::Cancelled { .. } => Expected::Rejected(Code::NotAllowed),
            State::Confirmed | State::CheckedIn | State::NoShow | State::Displaced => Expected::Rejected(Code::Invalid),
        }
    }

    pub fn cancel(&self, who: usize, booking: &Booked) -> Expected {
        match booking.state {
            State::NoShow | State::Displaced => Expected::Rejected(Code::Invalid),
            _ if who != booking.owner && who != ADMIN => Expected::Rejected(Code::NotAllowed),
            State::Cancelled { .. } => Expected::Accepted,
            _ if who != ADMIN && booking.state.has() && self.left_alone(booking, &[]) => {
                Expected::Rejected(Code::NotEligible)
            }
            _ if self.is_past(booking) => Expected::Rejected(Code::PastCutoff),
            _ if who != ADMIN && self.is_over(&booking.lines, |rules| rules.drops_until) => {
                Expected::Rejected(Code::PastCutoff)
            }
            _ => Expected::Accepted,
        }
    }

    /// What becomes of a booking that somebody gives up now.
    pub fn given_up(&self, who: usize, booking: &Booked) -> State {
        // Where people say that they are there, it is late from its beginning on for whoever did not.
        let began = |l: &Taken| {
            let asks = self.rules(l.ask.resource).check_in.is_some() && booking.state != State::CheckedIn;
            asks && self.now >= l.ask.from * 60
        };
        let late =
            |l: &Taken| self.rules(l.ask.resource).late.is_some_and(|m| self.now >= (l.ask.from - m) * 60) || began(l);
        let waits = matches!(booking.state, State::Pending { .. });
        State::Cancelled { late: who == booking.owner && !waits && booking.lines.iter().any(late) }
    }

    /// What somebody drops of a booking by a move when that is late, whatever comes instead: it counts as if it had been cancelled. Each
    /// unit that a line had is kept in it if at some minute of it one is there afterwards that no line before it needs.
    pub fn dropped_late(&self, who: usize, booking: &Booked, lines: &[Ask]) -> Vec<Taken> {
        let mut dropped = Vec::new();
        for (n, line) in booking.lines.iter().enumerate() {
            let there = |l: &Ask, minute: i64| {
                if l.resource == line.ask.resource && l.from <= minute && minute < l.to { l.units } else { 0 }
            };
            let left = |minute| {
                let now: u32 = lines.iter().map(|l| there(l, minute)).sum();
                let before: u32 = booking.lines[..n].iter().map(|l| there(&l.ask, minute)).sum();
                now.saturating_sub(before)
            };
            let kept = (line.ask.from..line.ask.to).map(left).max().unwrap();
            let units = line.ask.units.saturating_sub(kept);
            let alone = Booked { lines: vec![*line], ..booking.clone() };
            if units > 0 && self.given_up(who, &alone) == (State::Cancelled { late: true }) {
                dropped.push(Taken { ask: Ask { units, ..line.ask }, ..*line });
            }
        }
        dropped
    }

    /// Some resource is left that can be dropped no more, and nothing of its kind is taken for it that is not taken for another such one.
    fn drops_too_late(&self, booking: &Booked, lines: &[Ask]) -> bool {
        let had: BTreeSet<usize> = booking.lines.iter().map(|l| l.ask.resource).collect();
        let has: BTreeSet<usize> = lines.iter().map(|l| l.resource).collect();
        [true, false].into_iter().any(|section| {
            let of_kind = |n: &&usize| self.rules(**n).section.is_some() == section;
            let closed = |n: &&usize| {
                let theirs: Vec<Taken> = booking.lines.iter().filter(|l| l.ask.resource == **n).copied().collect();
                self.is_over(&theirs, |rules| rules.drops_until)
            };
            had.difference(&has).filter(of_kind).filter(closed).count() > has.difference(&had).filter(of_kind).count()
        })
    }

    pub fn hand_over(&self, who: usize, booking: &Booked, to: usize) -> Expected {
        let asks: Vec<Ask> = booking.lines.iter().map(|l| l.ask).collect();
        match () {
            () if booking.state.is_over() => Expected::Rejected(Code::Invalid),
            () if who != ADMIN => Expected::Rejected(Code::NotAllowed),
            () if booking.owner == to => Expected::Accepted,
            () if self.unfit(to, &asks) => Expected::Rejected(Code::NotEligible),
            () if self.alone(to, &asks, &[booking.id]) => Expected::Rejected(Code::NotEligible),
            () if self.is_past(booking) => Expected::Rejected(Code::PastCutoff),
            () if self.too_many(to, &asks, &[]) => Expected::Rejected(Code::QuotaExceeded),
            () if self.twice(to, &booking.lines, &[booking.id]) => Expected::Rejected(Code::OwnOverlap),
            () => Expected::Accepted,
        }
    }

    /// From which second until which people check in: as the first of it says that asks for it.
    pub fn window(&self, booking: &Booked) -> Option<(i64, i64)> {
        let mut asking: Vec<Ask> = booking.lines.iter().map(|l| l.ask).collect();
        asking.retain(|l| self.rules(l.resource).check_in.is_some());
        asking.sort_by_key(|l| l.from);
        let first = asking.first()?;
        let (before, after) = self.rules(first.resource).check_in?;
        // Whoever has it only since it runs has as long from then on.
        Some(((first.from - before) * 60, (first.from * 60).max(booking.decided) + after * 60))
    }

    pub fn check_in(&self, who: usize, booking: &Booked) -> Expected {
        let window = self.window(booking).filter(|_| matches!(booking.state, State::Confirmed | State::CheckedIn));
        let Some((opens, closes)) = window else { return Expected::Rejected(Code::Invalid) };
        match () {
            () if who != booking.owner && who != ADMIN => Expected::Rejected(Code::NotAllowed),
            () if booking.state == State::CheckedIn => Expected::Accepted,
            () if self.now < opens => Expected::Rejected(Code::TooEarly),
            () if self.now >= closes || self.is_past(booking) => Expected::Rejected(Code::PastCutoff),
            () => Expected::Accepted,
        }
    }

    pub fn no_show(&self, who: usize, booking: &Booked) -> Expected {
        if booking.state == State::NoShow {
            return if who == ADMIN { Expected::Accepted } else { Expected::Rejected(Code::NotAllowed) };
        }
        let window = self.window(booking).filter(|_| booking.state == State::Confirmed);
        let Some((_, closes)) = window else { return Expected::Rejected(Code::Invalid) };
        match () {
            () if who != ADMIN => Expected::Rejected(Code::NotAllowed),
            () if self.now < closes => Expected::Rejected(Code::TooEarly),
            () if self.is_past(booking) => Expected::Rejected(Code::PastCutoff),
            () => Expected::Accepted,
        }
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

    pub fn hold(&self, who: usize, ask: Ask) -> Expected {
        if self.invalid(&[ask]) {
            return Expected::Rejected(Code::Invalid);
        }
        let line = self.taken(ask);
        // What goes with it, and what else they have then, is asked when it is booked.
        match () {
            () if self.unfit(who, &[ask]) => return Expected::Rejected(Code::NotEligible),
            () if self.closed(&[ask]) => return Expected::Rejected(Code::Closed),
            () if self.outside(&[ask]) => return Expected::Rejected(Code::OutsideHours),
            () if self.late(&[ask]) => return Expected::Rejected(Code::PastCutoff),
            () if self.blocked(who, &[ask], None) => return Expected::Rejected(Code::Blocked),
            () if self.too_many(who, &[ask], &[]) => return Expected::Rejected(Code::QuotaExceeded),
            () => {}
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

    pub fn block(&self, who: usize, block: &Blocked, voids: bool) -> Expected {
        let in_the_way = |b: &&Booked| {
            let over = |l: &Taken| l.end * 60 <= self.now;
            let stands = |l: &&Taken| !over(l) && (l.first..l.end).any(|minute| b.stands(block.resource, minute));
            b.lines.iter().filter(stands).any(|l| block.concerns(l, b.owner, Some(b.id)))
        };
        match () {
            () if who != ADMIN => Expected::Rejected(Code::NotAllowed),
            () if self.now >= block.to * 60 => Expected::Rejected(Code::PastCutoff),
            () if !voids && self.voided(block).next().is_some() => Expected::Rejected(Code::HeldByOther),
            () if self.bookings.iter().any(|b| in_the_way(&b)) => Expected::Rejected(Code::Full),
            () => Expected::Accepted,
        }
    }

    /// The live holds that a block ends.
    pub fn voided<'a>(&'a self, block: &'a Blocked) -> impl Iterator<Item = HoldId> + 'a {
        let in_the_way = |h: &&Held| self.live(h) && block.concerns(&h.line, h.holder, None);
        self.holds.iter().filter(in_the_way).map(|h| h.named.id)
    }

    pub fn renew(&self, who: usize, hold: &Held, stale: bool) -> Expected {
        if hold.holder != who {
            return Expected::Rejected(Code::NotAllowed);
        }
        if let Some(code) = self.ended(hold) {
            return Expected::Rejected(code);
        }
        let (wanted, latest) = (self.now + self.rules(hold.ask.resource).ttl, hold.granted + 300);
        if hold.renewals >= 10 || (wanted > latest && hold.until >= latest) {
            return Expected::Rejected(Code::QuotaExceeded);
        }
        if stale {
            return Expected::Rejected(Code::HoldSuperseded);
        }
        Expected::Accepted
    }

    pub fn set_hold(&self, who: usize, hold: &Held, until: Option<i64>) -> Expected {
        match until {
            Some(until) if until <= self.now => Expected::Rejected(Code::Invalid),
            _ if who != ADMIN => Expected::Rejected(Code::NotAllowed),
            None => Expected::Accepted,
            Some(until) => match self.ended(hold) {
                Some(code) => Expected::Rejected(code),
                None if until > hold.granted + 300 => Expected::Rejected(Code::QuotaExceeded),
                None => Expected::Accepted,
            },
        }
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

    pub fn join(&self, who: usize, ask: Ask, class: u8) -> Expected {
        let line = self.taken(ask);
        let mine = self.waiters.iter().filter(|w| w.owner == who);
        let same = |w: &Waiter| (w.ask.resource, w.ask.from, w.ask.to) == (ask.resource, ask.from, ask.to);
        // Without whatever they hold themselves.
        let mut others = self.clone();
        others.holds.retain(|h| h.holder != who);
        let free = || others.room(&[line], None, None, &self.kept()).0 == Expected::Accepted;
        if self.invalid(&[ask]) || self.rules(ask.resource).waits.is_none() || mine.clone().any(same) || free() {
            return Expected::Rejected(Code::Invalid);
        }
        if class != 0 && who != ADMIN {
            return Expected::Rejected(Code::NotAllowed);
        }
        match self.newly(who, &[ask]) {
            Some(code @ (Code::NotEligible | Code::Closed | Code::OutsideHours | Code::PastCutoff | Code::Blocked)) => {
                Expected::Rejected(code)
            }
            _ if mine.count() >= 20 => Expected::Rejected(Code::QuotaExceeded),
            Some(code) => Expected::Rejected(code),
            None => Expected::Accepted,
        }
    }
}

/// Units that some lines ask for of a resource at a minute.
fn asked_at(lines: &[Taken], resource: usize, minute: i64) -> u64 {
    let here = lines.iter().filter(|l| l.ask.resource == resource && l.first <= minute && minute < l.end);
    here.map(|l| u64::from(l.ask.units)).sum()
}
