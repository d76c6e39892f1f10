//! What is taken at an instant and whether something fits beside it, added up from nothing each time.
//! It remembers no sum.

use super::{Held, Kept, Model, Owed, State, Taken, Without};
use slotwise_domain::{Code, HoldId, Instant, PersonId, ResourceId};
use std::collections::BTreeSet;

impl Model {
    /// Units taken of a resource at an instant: by bookings, and by holds.
    pub(super) fn at(&self, resource: ResourceId, t: Instant, without: &Without, now: Instant) -> (u64, u64) {
        let here = |l: &&Taken| l.resource == resource && l.first <= t && t < l.end;
        let standing = self.bookings.iter().filter(|(id, b)| b.state == State::Stands && without.booking != Some(**id));
        let booked = standing.flat_map(|(_, b)| b.lines.iter()).filter(here).map(|l| u64::from(l.units)).sum();
        let held = self.holds.iter().filter(|(id, h)| self.live(h, now) && !without.holds.contains(id));
        (booked, held.map(|(_, h)| &h.line).filter(here).map(|l| u64::from(l.units)).sum())
    }

    /// All instants within a time at which more may be taken than before: its first, and wherever anything begins.
    pub(super) fn instants(&self, line: &Taken, owed: &Owed) -> Vec<Instant> {
        let bookings = self.bookings.values().flat_map(|b| b.lines.iter());
        let all = bookings.chain(self.holds.values().map(|h| &h.line)).filter(|l| l.resource == line.resource);
        let starts = all.map(|l| l.first).chain(owed.iter().map(|(first, ..)| *first));
        let mut instants: Vec<Instant> = starts.filter(|t| line.first < *t && *t < line.end).collect();
        instants.push(line.first);
        instants
    }

    pub(super) fn fits(&self, line: &Taken, owed: &Owed, without: &Without, now: Instant) -> bool {
        let capacity = self.resources.get(&line.resource).map_or(0, |r| u64::from(r.capacity));
        self.instants(line, owed).into_iter().all(|t| {
            let (booked, held) = self.at(line.resource, t, without, now);
            let owed: u64 =
                owed.iter().filter(|(first, end, _)| *first <= t && t < *end).map(|(.., n)| u64::from(*n)).sum();
            booked + held + owed + u64::from(line.units) <= capacity
        })
    }

    pub(super) fn fullest_from(&self, resource: ResourceId, from: Instant) -> u64 {
        self.instants_from(resource, from).into_iter().map(|t| self.taken_at(resource, t, from)).max().unwrap_or(0)
    }

    pub(super) fn taken_at(&self, resource: ResourceId, t: Instant, now: Instant) -> u64 {
        let (booked, held) = self.at(resource, t, &Without::default(), now);
        booked + held
    }

    /// That instant, and wherever anything begins after it, in order.
    pub(super) fn instants_from(&self, resource: ResourceId, from: Instant) -> BTreeSet<Instant> {
        let bookings = self.bookings.values().filter(|b| b.state == State::Stands).flat_map(|b| b.lines.iter());
        let all =
            bookings.chain(self.holds.values().map(|h| &h.line)).filter(|l| l.resource == resource && l.first > from);
        all.map(|l| l.first).chain([from]).collect()
    }

    pub(super) fn in_own_way(&self, who: PersonId, line: &Taken, without: &Without, now: Instant) -> BTreeSet<HoldId> {
        if self.fits(line, &self.turns(line.resource, now).1, without, now) {
            return BTreeSet::new();
        }
        let meets = |h: &Held| h.line.resource == line.resource && h.line.first < line.end && line.first < h.line.end;
        let own =
            self.holds.iter().filter(|(id, h)| self.live(h, now) && h.holder == who && !without.holds.contains(id));
        own.filter(|(_, h)| meets(h)).map(|(id, _)| *id).collect()
    }

    /// The holds that are given up for it, or why there is no room.
    pub(super) fn room(
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
    pub(super) fn refusal(&self, line: &Taken, without: &Without, now: Instant) -> Code {
        let capacity = self.resources.get(&line.resource).map_or(0, |r| u64::from(r.capacity));
        let by_bookings = self.instants(line, &Owed::new()).into_iter().filter_map(|t| {
            let (booked, _) = self.at(line.resource, t, without, now);
            let over = booked + u64::from(line.units) > capacity;
            over.then_some(if booked < capacity { Code::Insufficient } else { Code::Full })
        });
        by_bookings.min().unwrap_or(Code::HeldByOther)
    }
}
