//! What is expected of a command: accepted, refused and by which reason, or moved on meanwhile.
//! It changes nothing; where dates follow each other it works on a copy.

use super::Expected::{Accepted, Moved, Rejected};
use super::{Booked, Ended, Expected, Gone, Kept, Model, State, Taken, Waiter, Without, begun};
use slotwise_domain::{
    Action, Actor, Below, BookingId, Code, Contract, HoldId, Instant, Line, OverBookings, OverHolds, PersonId,
    SeriesToBook, Span,
};
use std::collections::BTreeSet;

impl Model {
    pub(super) fn expected(&self, actor: Actor, action: &Action, now: Instant) -> Expected {
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
                let gone = self.under(*resource, *interval, &exceptions.people, now);
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
                    OverBookings::Refuse if !gone.bookings.is_empty() => Rejected(Code::Full),
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

    pub(super) fn expected_of_move(
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
        // What cannot be dropped any more is only exchanged: one for one, and here all are of a kind.
        let elsewhere = |of: &[Taken], those: &[Taken]| -> Vec<Taken> {
            those.iter().filter(|l| of.iter().all(|o| o.resource != l.resource)).copied().collect()
        };
        let left = elsewhere(&wanted, &booked.lines);
        let stuck = left.iter().filter(|l| self.dropped_too_late(std::slice::from_ref(l), now)).count();
        if !is_admin && stuck > elsewhere(&booked.lines, &wanted).len() {
            return Rejected(Code::PastCutoff);
        }
        if self.blocked(booked.owner, &fresh) {
            return Rejected(Code::Blocked);
        }
        if self.too_many(booked.owner, &wanted, &[id]) {
            return Rejected(Code::QuotaExceeded);
        }
        let without = Without { booking: Some(id), ..Without::default() };
        self.room(who, &booked.anew(&wanted), &without, None, now).map_or_else(Rejected, |_| Accepted)
    }

    pub(super) fn expected_of_swap(
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
    pub(super) fn series(&self, who: Option<PersonId>, asked: &SeriesToBook, now: Instant) -> Result<Model, Code> {
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
    pub(super) fn newly(&self, owner: PersonId, lines: &[Taken], now: Instant) -> Option<Code> {
        match () {
            () if self.outside_hours(lines) => Some(Code::OutsideHours),
            () if self.too_late_to_book(lines, now) => Some(Code::PastCutoff),
            () if self.blocked(owner, lines) => Some(Code::Blocked),
            () if self.too_many(owner, lines, &[]) => Some(Code::QuotaExceeded),
            () => None,
        }
    }

    /// Exactly these go, if it is these that were named, each as it is.
    pub(super) fn displaced(&self, gone: Result<Gone, Code>, named: &[(BookingId, u64)]) -> Expected {
        let gone = match gone {
            Ok(gone) => gone,
            Err(code) => return Rejected(code),
        };
        let revision = |id: &BookingId| (*id, self.bookings.get(id).map_or(0, |b| b.revision));
        let these: BTreeSet<(BookingId, u64)> = gone.bookings.iter().map(revision).collect();
        if named.iter().copied().collect::<BTreeSet<_>>() == these { Accepted } else { Moved }
    }
}
