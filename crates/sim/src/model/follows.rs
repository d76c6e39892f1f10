//! What follows from a command that was accepted, and from a refused confirm.
//! It judges nothing again.

use super::{Blocked, Booked, Ended, Gone, Held, Model, State, Taken, Waiter, Without};
use crate::database::Entry;
use slotwise_domain::{
    Action, Below, BookingId, Change, FencingToken, HoldId, Instant, Line, OverBookings, PersonId, ResourceId, Span,
};
use std::collections::{BTreeMap, BTreeSet};

impl Model {
    pub(super) fn carry_out(&mut self, entry: &Entry, now: Instant) -> Result<(), String> {
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
                let mut gone = self.under(*resource, *interval, &exceptions.people, now);
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
                    owner.into_iter().for_each(|owner| self.taken_by(owner, lines, now));
                }
                self.tally.count("swapped");
            }
            Action::Hold { hold, line } => {
                let lines = lines_of(self, &[*line]);
                let gone = self.room(who, &lines, &Without::default(), None, now).unwrap_or_default();
                let stood: BTreeMap<HoldId, (Instant, Taken)> =
                    gone.iter().filter_map(|id| self.holds.get(id).map(|h| (*id, (h.until, h.line)))).collect();
                self.expire(&touched, now);
                gone.iter().for_each(|id| self.end(*id, Ended::Otherwise));
                let (Some(line), Some(who), Some(new)) = (lines.first(), who, granted(*hold)) else {
                    return Err("no hold was granted".into());
                };
                let mut until = now.plus(self.rules(line.resource).ttl);
                let mut entry = None;
                // The first offer of it, in whose place it comes, goes on in it; others stand again.
                let waiting = self.resources.get(&line.resource).map(|r| r.waiting.clone()).unwrap_or_default();
                for waiter in waiting {
                    let Some((stood_until, of)) = waiter.offer.and_then(|id| stood.get(&id)) else { continue };
                    let wanted = self.taken(line.resource, waiter.interval, waiter.units);
                    let in_time = now < self.no_promotion_from(&wanted);
                    let covers = of.interval.start() <= line.interval.start()
                        && line.interval.end() <= of.interval.end()
                        && line.units <= of.units;
                    if entry.is_some() || !in_time || !covers {
                        self.tally.count("an offer did not go on in a hold");
                        self.stands_again(&waiter, line.resource, now);
                        continue;
                    }
                    (entry, until) = (Some(waiter.id), until.max(*stood_until));
                    self.tally.count("an offer went on in a hold");
                    let known = self.resources.get_mut(&line.resource);
                    let known = known.and_then(|r| r.waiting.iter_mut().find(|w| w.id == waiter.id));
                    known.into_iter().for_each(|w| w.offer = Some(*hold));
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

    pub(super) fn touched(&self, action: &Action) -> BTreeSet<ResourceId> {
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

    pub(super) fn move_to(
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
        let gone = self.room(who, &booked.anew(wanted), &without, None, now).unwrap_or_default();
        self.expire(touched, now);
        gone.iter().for_each(|id| self.end(*id, Ended::Otherwise));
        if let Some(booked) = self.bookings.get_mut(&id) {
            (booked.lines, booked.revision) = (wanted.to_vec(), booked.revision + 1);
        }
        self.taken_by(booked.owner, wanted, now);
        self.tally.count(if wanted.len() > 1 { "moved over several resources" } else { "moved" });
    }

    /// Somebody has it, and waits for it no more.
    pub(super) fn book(&mut self, id: BookingId, owner: PersonId, lines: Vec<Taken>, now: Instant) {
        let booked = Booked { owner, lines: lines.clone(), state: State::Stands, revision: 1, made: now };
        self.bookings.insert(id, booked);
        self.taken_by(owner, &lines, now);
    }

    /// A refused confirm lets its own hold go.
    pub(super) fn let_go(&mut self, entry: &Entry, now: Instant) {
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

    pub(super) fn expire(&mut self, resources: &BTreeSet<ResourceId>, now: Instant) {
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

    pub(super) fn end(&mut self, id: HoldId, how: Ended) {
        if let Some(held) = self.holds.get_mut(&id) {
            held.ended.get_or_insert(how);
        }
    }

    /// A token is never used twice.
    pub(super) fn grant(&mut self, id: HoldId, token: FencingToken, held: Held) -> Result<(), String> {
        let known = self.resources.get_mut(&held.line.resource);
        if known.is_some_and(|r| !r.tokens.insert(token)) {
            return Err(format!("the token {token} was given out before"));
        }
        self.holds.insert(id, held);
        Ok(())
    }
}

fn promotes((_, changes): &(ResourceId, Vec<Change>)) -> bool {
    changes.iter().any(|c| matches!(c, Change::WaitEnded(_) | Change::WaitOffered(_)))
}
