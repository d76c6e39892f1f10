//! What goes for an admin's word: for an override, below a cut, under a block.
//! It asks nobody whether they may.

use super::{Booked, Ended, Gone, Model, Owed, State, Taken, Without};
use slotwise_domain::{Code, Instant, Interval, PersonId, ResourceId};

impl Model {
    /// What goes so that these fit.
    pub(super) fn way(&self, lines: &[Taken], now: Instant) -> Result<Gone, Code> {
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
    pub(super) fn beyond(&self, resource: ResourceId, units: u32, now: Instant) -> Result<Gone, Code> {
        self.clone().take_away(now, |model| {
            let over = |t: &Instant| model.taken_at(resource, *t, now) > u64::from(units);
            let at = model.instants_from(resource, now).into_iter().find(over)?;
            Some((resource, at, Code::Insufficient))
        })
    }

    /// At the first instant at which there is too much, a hold goes, else what was booked last and is not over; and so on.
    pub(super) fn take_away(
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

    /// The live holds and the bookings that a block is over; what is past is none of them.
    pub(super) fn under(&self, resource: ResourceId, interval: Interval, but: &[PersonId], now: Instant) -> Gone {
        let meets = |l: &&Taken| l.resource == resource && l.first < interval.end() && interval.start() < l.end;
        let held = self.holds.iter().filter(|(_, h)| self.live(h, now) && meets(&&h.line));
        let holds = held.filter(|(_, h)| !but.contains(&h.holder)).map(|(id, _)| *id).collect();
        let standing = self.bookings.iter().filter(|(_, b)| b.state == State::Stands && !but.contains(&b.owner));
        let to_come = |b: &Booked| b.lines.iter().filter(meets).any(|l| l.end > now);
        let bookings = standing.filter(|(_, b)| to_come(b)).map(|(id, _)| *id).collect();
        Gone { holds, bookings }
    }

    pub(super) fn goes(&mut self, gone: &Gone) {
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
}
