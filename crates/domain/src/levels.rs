//! How many units are taken at every instant: a step function over time, exact to the instant.
//! It adds up; it judges nothing.

use crate::time::{Instant, Interval};
use imbl::OrdMap;

/// Units taken at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// By active bookings.
    pub booked: u64,
    /// By holds.
    pub held: u64,
}

impl Level {
    /// By both.
    pub const fn taken(self) -> u64 {
        self.booked + self.held
    }

    const fn plus(self, by: Level) -> Level {
        Level { booked: self.booked + by.booked, held: self.held + by.held }
    }

    const fn minus(self, by: Level) -> Option<Level> {
        match (self.booked.checked_sub(by.booked), self.held.checked_sub(by.held)) {
            (Some(booked), Some(held)) => Some(Level { booked, held }),
            (None, _) | (_, None) => None,
        }
    }
}

/// The level from each instant at which it changes until the next. Cheap to clone: the map is shared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    steps: OrdMap<Instant, Level>,
}

impl Levels {
    /// The level at an instant.
    pub fn at(&self, t: Instant) -> Level {
        self.steps.get_prev(&t).map(|(_, l)| *l).unwrap_or_default()
    }

    /// Takes so much more during the interval.
    pub fn add(&mut self, interval: Interval, by: Level) {
        self.change(interval, |level| level.plus(by));
    }

    /// Takes so much less. What was never added stays at zero: [`crate::invariants`] notices.
    pub fn remove(&mut self, interval: Interval, by: Level) {
        self.change(interval, |level| level.minus(by).unwrap_or_default());
    }

    /// The pieces of the interval with their levels, in order, the first beginning at its start.
    pub fn during(&self, interval: Interval) -> impl Iterator<Item = (Instant, Level)> {
        let first = (interval.start(), self.at(interval.start()));
        let end = match crate::planted!(TouchingMeets) {
            true => std::ops::Bound::Included(interval.end()),
            false => std::ops::Bound::Excluded(interval.end()),
        };
        let after = (std::ops::Bound::Excluded(interval.start()), end);
        std::iter::once(first).chain(self.steps.range(after).map(|(t, l)| (*t, *l)))
    }

    /// The pieces from an instant on with their levels, in order, the first beginning at it.
    pub fn from(&self, t: Instant) -> impl Iterator<Item = (Instant, Level)> {
        let after = (std::ops::Bound::Excluded(t), std::ops::Bound::Unbounded);
        std::iter::once((t, self.at(t))).chain(self.steps.range(after).map(|(t, l)| (*t, *l)))
    }

    fn change(&mut self, interval: Interval, to: impl Fn(Level) -> Level) {
        let (start, end) = (interval.start(), interval.end());
        let before = self.at(Instant(start.0 - 1));
        let steps: Vec<(Instant, Level)> = self.steps.range(start..=end).map(|(t, level)| (*t, *level)).collect();
        let first = steps.first().filter(|(t, _)| *t == start).map_or(before, |(_, level)| *level);
        self.step(start, before, to(first));
        let (mut was, mut is) = (first, to(first));
        for (t, level) in steps.iter().filter(|(t, _)| start < *t && *t < end) {
            (was, is) = (*level, to(*level));
            self.steps.insert(*t, is);
        }
        let after = steps.last().filter(|(t, _)| *t == end).map_or(was, |(_, level)| *level);
        self.step(end, is, after);
    }

    /// The level from an edge on; no step where it is what it was before.
    fn step(&mut self, edge: Instant, before: Level, level: Level) {
        match level == before {
            true => self.steps.remove(&edge),
            false => self.steps.insert(edge, level),
        };
    }
}
