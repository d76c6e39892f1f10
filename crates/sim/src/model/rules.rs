//! The rules of a resource as the model reads them: hours, cutoffs, blocks, quotas.
//! It knows nothing of what is free.

use super::{Model, State, Taken, begun};
use slotwise_domain::{
    BookingId, Code, Cutoff, Instant, Interval, Line, Period, PersonId, Policy, ResourceId, Span, WaitFill, WaitMode,
};

impl Model {
    pub(super) fn invalid(&self, lines: &[Line]) -> Option<Code> {
        let missing = lines.iter().any(|l| !self.resources.contains_key(&l.resource));
        let too_many = |l: &Line| l.units == 0 || self.resources.get(&l.resource).is_some_and(|r| l.units > r.capacity);
        if lines.iter().any(too_many) { Some(Code::Invalid) } else { missing.then_some(Code::NotFound) }
    }

    pub(super) fn taken_all(&self, lines: &[Line]) -> Vec<Taken> {
        lines.iter().filter_map(|l| Some(self.taken(l.resource, l.interval?, l.units))).collect()
    }

    pub(super) fn taken(&self, resource: ResourceId, interval: Interval, units: u32) -> Taken {
        let rules = self.rules(resource);
        let (first, end) = (interval.start().minus(rules.setup), interval.end().plus(rules.teardown));
        Taken { resource, interval, first, end, units }
    }

    pub(super) fn rules(&self, resource: ResourceId) -> Rules {
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
    pub(super) fn cutoff(&self, line: &Taken, rule: fn(&Policy) -> Option<Cutoff>) -> Option<Instant> {
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

    pub(super) fn cutoff_passed(&self, lines: &[Taken], now: Instant) -> bool {
        lines.iter().any(|l| self.cutoff(l, |policy| policy.book_by).is_some_and(|at| now >= at))
    }

    pub(super) fn dropped_too_late(&self, lines: &[Taken], now: Instant) -> bool {
        lines.iter().any(|l| self.cutoff(l, |policy| policy.cancel_by).is_some_and(|at| now >= at))
    }

    pub(super) fn too_late_to_book(&self, lines: &[Taken], now: Instant) -> bool {
        lines.iter().any(|l| now >= begun(l)) || self.cutoff_passed(lines, now)
    }

    pub(super) fn outside_hours(&self, lines: &[Taken]) -> bool {
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
    pub(super) fn blocked(&self, owner: PersonId, lines: &[Taken]) -> bool {
        lines.iter().any(|l| {
            let of = self.resources.get(&l.resource).into_iter().flat_map(|r| r.blocks.values());
            let mut meeting = of.filter(|b| b.interval.start() < l.end && l.first < b.interval.end());
            meeting.any(|b| !b.but.contains(&owner))
        })
    }

    /// They would have more than they may, and more than before.
    pub(super) fn too_many(&self, owner: PersonId, lines: &[Taken], leaving: &[BookingId]) -> bool {
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
}

/// The rules of a resource, in short.
pub(super) struct Rules {
    pub(super) setup: Span,
    pub(super) teardown: Span,
    pub(super) ttl: Span,
    pub(super) waits: Option<WaitMode>,
    pub(super) strict: bool,
}
