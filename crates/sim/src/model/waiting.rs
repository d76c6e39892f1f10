//! Who waits: whose turn it is, what is owed to them, and how they have it or wait no more.
//! It orders nobody but by when they joined.

use super::{Booked, Ended, Held, Model, Owed, State, Taken, Waiter, Without, begun};
use crate::database::Entry;
use slotwise_domain::{BookingId, Change, EntryId, HoldId, Instant, PersonId, ResourceId, Span, WaitMode};
use std::collections::BTreeSet;

impl Model {
    /// Whose turn it is, and what is owed to those who wait: to each in turn whom it fits, and where the order is strict, to whom it
    /// does not fit yet, what there is of it.
    pub(super) fn turns(&self, resource: ResourceId, now: Instant) -> (Vec<Waiter>, Owed) {
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
    pub(super) fn free_pieces(&self, line: &Taken, owed: &Owed, now: Instant) -> Owed {
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

    pub(super) fn no_promotion_from(&self, line: &Taken) -> Instant {
        let begun = begun(line);
        self.cutoff(line, |policy| policy.book_by).map_or(begun, |at| at.min(begun))
    }

    /// Whoever was offered this waits no more.
    pub(super) fn leaves_by(&mut self, hold: HoldId) -> bool {
        let waiters = self.resources.values().flat_map(|r| &r.waiting);
        let gone = waiters.filter(|w| w.offer == Some(hold)).map(|w| w.id).next();
        gone.into_iter().for_each(|id| self.waits_no_more(id));
        gone.is_some()
    }

    pub(super) fn waits_no_more(&mut self, id: EntryId) {
        for (resource, known) in &mut self.resources {
            if let Some(n) = known.waiting.iter().position(|w| w.id == id) {
                let waiter = known.waiting.remove(n);
                self.waited.insert(id, (*resource, waiter.owner));
            }
        }
    }

    /// Who has now what they waited for waits no more; an offer that was given up for it stands again, or is had by it.
    pub(super) fn taken_by(&mut self, owner: PersonId, lines: &[Taken], now: Instant) {
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
                } else {
                    self.stands_again(&waiter, line.resource, now);
                }
            }
        }
    }

    /// Whose offer went to something else waits again, while there is time and as often as offers are made.
    pub(super) fn stands_again(&mut self, waiter: &Waiter, resource: ResourceId, now: Instant) {
        let wanted = self.taken(resource, waiter.interval, waiter.units);
        if now >= self.no_promotion_from(&wanted) || waiter.offers >= 3 {
            return self.waits_no_more(waiter.id);
        }
        if let Some(known) = self.resources.get_mut(&resource) {
            known.waiting.iter_mut().filter(|w| w.id == waiter.id).for_each(|w| w.offer = None);
        }
    }

    /// What is free goes to those who wait, in their order, in this commit.
    pub(super) fn promote(
        &mut self,
        resources: &BTreeSet<ResourceId>,
        entry: &Entry,
        now: Instant,
    ) -> Result<(), String> {
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
    pub(super) fn offer(
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
}
