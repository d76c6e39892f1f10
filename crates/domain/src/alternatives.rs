//! What could be booked instead: the nearest other times of a resource, the longest stretch within a wish, the first opening.
//! It judges nothing: every time it tells was accepted by [`decide`] on the same world at the same instant.
//!
//! Whether a start is free changes at edges only: where a use, a block, an opening or somebody's other booking begins or ends,
//! at midnight where a cutoff is a civil one or a quota counts by days, and where a cutoff meets the clock. So it is enough to ask about the edges, and
//! what is found is exact to the instant. Edges of the clock are told as the whole minute that is inside.

use crate::booking::Details;
use crate::calendar::Calendar;
use crate::command::{Action, Actor, Command, Line};
use crate::decide::decide;
use crate::ids::{BookingId, PersonId, ResourceId};
use crate::outcome::{Code, Rejection, Rule, Verdict};
use crate::policy::{Cutoff, Period, Policy};
use crate::time::{Instant, Interval, Span};
use crate::world::World;
use uuid::Uuid;

/// Who would book how much of what, in which world. The world must hold the calendar, the person's role and what
/// [`World::missing_of_person`](crate::World::missing_of_person) asks for; else nothing is free.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'w> {
    /// What is true.
    pub world: &'w World,
    /// Who asks, for themselves.
    pub person: PersonId,
    /// Of what.
    pub resource: ResourceId,
    /// How many units.
    pub units: u32,
    /// How many people must fit in.
    pub people: Option<u32>,
    /// The clock.
    pub now: Instant,
}

impl Wish<'_> {
    /// How far from the wished time other times are looked for.
    pub const REACH: Span = Span::days(7);
    /// Other times told in each direction.
    pub const TIMES_MAX: usize = 2;
    /// The shortest stretch that is still told as a shorter one, unless half of what was wished is less.
    pub const SHORTEST: Span = Span::minutes(15);
    /// Edges asked about in one direction, nearest first: two weeks of half-hours, both ends.
    const EDGES_MAX: usize = 1_400;

    /// The command that would book it.
    pub fn command(&self, interval: Interval) -> Command {
        let line = Line { resource: self.resource, interval: Some(interval), units: self.units };
        let details = Details { people: self.people, ..Details::default() };
        let (booking, owner) = (BookingId(Uuid::nil()), self.person);
        let action = Action::Book { booking, owner, lines: vec![line], details, hold: None };
        Command { actor: Actor::Person(self.person), action, seen: None, reason: None }
    }

    /// Why it could not be booked now, if it could not.
    pub fn refused(&self, interval: Interval) -> Option<Rejection> {
        match decide(self.world, &self.command(interval), self.now) {
            Verdict::Rejected(rejection, _) => Some(rejection),
            // What is not looked for here is whether they have what it is linked with: alone, it is not to be had.
            Verdict::Needs(_) => Some(Rejection::by(Code::NotEligible, Rule::Linked).on(self.resource)),
            Verdict::Accepted(..) | Verdict::Moved(_) => None,
        }
    }

    /// Whether it could be booked now.
    pub fn fits(&self, interval: Interval) -> bool {
        matches!(decide(self.world, &self.command(interval), self.now), Verdict::Accepted(..))
    }

    /// The nearest times as long as what was wished, at most [`Wish::TIMES_MAX`] before and as many after, nearest first.
    /// None of them has begun, and no two before it or after it meet.
    pub fn other_times(&self, wished: Interval) -> Vec<Interval> {
        let Some(calendar) = self.calendar_of_free_times() else { return Vec::new() };
        if self.refused(wished).is_some_and(|r| !another_time_may_do(r.code)) {
            return Vec::new();
        }
        let (length, soonest) = (wished.length(), minute_after(self.now));
        let (first, last) = (wished.start().minus(Wish::REACH).max(soonest), wished.start().plus(Wish::REACH));
        let starts = self.starts(calendar, first, last, length);
        let mut found = Vec::new();
        // After it, from edge to edge; a second one begins where the first ends.
        let mut from = soonest;
        for _ in 0..Wish::TIMES_MAX {
            let later = starts.iter().copied().filter(|t| *t > wished.start() && *t > from);
            let Some(next) = self.first_of(std::iter::once(from).filter(|t| *t > wished.start()).chain(later), length)
            else {
                break;
            };
            from = next.end();
            found.push(next);
        }
        // Before it, backwards.
        let mut until = wished.start();
        for n in 0..Wish::TIMES_MAX {
            let earlier = starts.iter().rev().copied().filter(|t| *t < until);
            let beside = std::iter::once(until).filter(|t| n > 0 && *t >= first);
            let Some(next) = self.first_of(beside.chain(earlier), length) else { break };
            until = next.start().minus(length);
            found.push(next);
        }
        found.sort_by_key(|i| (i.start().since(wished.start()).0.abs(), i.start()));
        found
    }

    /// The longest free stretch within what was wished, the first of several; `None` if only a sliver is free.
    pub fn shorter(&self, wished: Interval) -> Option<Interval> {
        let calendar = self.calendar_of_free_times()?;
        let longest = calendar.resource.spec.policy.duration_max.unwrap_or(Interval::LONGEST);
        let shortest = Wish::SHORTEST.min(Span(wished.length().0 / 2));
        let first = if wished.start() < self.now { minute_after(self.now) } else { wished.start() };
        let (mut starts, mut ends) = (self.begins(calendar, wished), self.ends(calendar, wished));
        starts.push(first);
        ends.push(wished.end());
        starts.retain(|t| first <= *t && *t < wished.end());
        ends.retain(|t| first < *t && *t <= wished.end());
        for edges in [&mut starts, &mut ends] {
            edges.sort();
            edges.dedup();
            edges.truncate(Wish::EDGES_MAX);
        }
        let mut best: Option<Interval> = None;
        for start in starts {
            let until = |end: Instant| Interval::new(start, end.min(start.plus(longest))).ok();
            // The longer it is, the less it fits: the last end that does is found by halving.
            let from = ends.partition_point(|end| *end < start.plus(shortest));
            let fitting = ends[from..].partition_point(|end| until(*end).is_some_and(|i| self.fits(i)));
            let stretch = (from + fitting).checked_sub(1).filter(|n| *n >= from);
            let stretch = stretch.and_then(|n| until(*ends.get(n)?)).filter(|i| *i != wished);
            if stretch.is_some_and(|s| best.is_none_or(|b| s.length() > b.length())) {
                best = stretch;
            }
        }
        best
    }

    /// The first time within a window that is so long, not begun yet and free.
    pub fn first_free(&self, window: Interval, length: Span) -> Option<Interval> {
        let calendar = self.calendar_of_free_times()?;
        let first = if window.start() < self.now { minute_after(self.now) } else { window.start() };
        let starts = self.starts(calendar, first, window.end().minus(length), length);
        let inside = std::iter::once(first).chain(starts).filter(|t| t.plus(length) <= window.end());
        self.first_of(inside, length)
    }

    /// The calendar, if people choose when: a section or a session has its one time.
    fn calendar_of_free_times(&self) -> Option<&Calendar> {
        let calendar = self.world.calendars.get(&self.resource)?;
        calendar.resource.spec.interval.is_none().then_some(calendar)
    }

    fn first_of(&self, starts: impl Iterator<Item = Instant>, length: Span) -> Option<Interval> {
        let intervals = starts.take(Wish::EDGES_MAX).filter_map(|t| Interval::new(t, t.plus(length)).ok());
        intervals.into_iter().find(|i| self.fits(*i))
    }

    /// Every start from one instant to another, both included, at which it may become free or stop being so.
    fn starts(&self, calendar: &Calendar, first: Instant, last: Instant, length: Span) -> Vec<Instant> {
        let Ok(reach) = Interval::new(first.max(Instant::MIN), last.plus(length).min(Instant::MAX)) else {
            return Vec::new();
        };
        let mut starts = self.begins(calendar, reach);
        starts.extend(self.ends(calendar, reach).into_iter().map(|end| end.minus(length)));
        let (policy, zone) = (&calendar.resource.spec.policy, &calendar.resource.spec.zone);
        if let Some(Cutoff::Elapsed(before)) = policy.book_from {
            starts.push(minute_of(self.now.plus(before)));
        }
        if let Some(Cutoff::Elapsed(before)) = policy.book_by {
            starts.push(minute_after(self.now.plus(before)));
        }
        let civil = [policy.book_from, policy.book_by].iter().any(|c| matches!(c, Some(Cutoff::Civil { .. })));
        if civil || policy.quota.is_some_and(|q| q.period != Period::All) {
            let midnights = Policy::midnights(zone, reach.start(), reach.end());
            starts.extend(midnights.flat_map(|t| [t, t.minus(Span::minutes(1))]));
        }
        starts.retain(|t| first <= *t && *t <= last);
        starts.sort();
        starts.dedup();
        starts
    }

    /// Instants at which a booking could begin because something ends: with set-up, what it takes begins there.
    fn begins(&self, calendar: &Calendar, reach: Interval) -> Vec<Instant> {
        let policy = &calendar.resource.spec.policy;
        let taken = policy.occupied(reach);
        let steps = calendar.levels.during(taken).map(|(t, _)| t);
        let blocks = calendar.blocks.values().filter(|b| b.interval.meets(taken)).map(|b| b.interval.end());
        let mut begins: Vec<Instant> = steps.chain(blocks).map(|t| t.plus(policy.setup)).collect();
        begins.extend(self.windows(calendar, reach).into_iter().map(|(opens, _)| opens));
        begins.extend(self.own(reach).map(Interval::end));
        begins
    }

    /// Instants at which a booking could end because something begins.
    fn ends(&self, calendar: &Calendar, reach: Interval) -> Vec<Instant> {
        let policy = &calendar.resource.spec.policy;
        let taken = policy.occupied(reach);
        let steps = calendar.levels.during(taken).map(|(t, _)| t);
        let blocks = calendar.blocks.values().filter(|b| b.interval.meets(taken)).map(|b| b.interval.start());
        let mut ends: Vec<Instant> = steps.chain(blocks).map(|t| t.minus(policy.teardown)).collect();
        ends.extend(self.windows(calendar, reach).into_iter().map(|(_, closes)| closes));
        ends.extend(self.own(reach).map(Interval::start));
        ends
    }

    fn windows(&self, calendar: &Calendar, reach: Interval) -> Vec<(Instant, Instant)> {
        let spec = &calendar.resource.spec;
        spec.policy.windows(&spec.zone, reach.start(), reach.end())
    }

    /// The person's other bookings among what refuses two at once.
    fn own(&self, reach: Interval) -> impl Iterator<Item = Interval> {
        let person = self.world.people.get(&self.person);
        person.into_iter().flat_map(|p| p.exclusive.values()).copied().filter(move |i| i.meets(reach))
    }
}

/// Whether a refusal is about when, and not about what or who.
const fn another_time_may_do(code: Code) -> bool {
    match code {
        Code::OutsideHours
        | Code::TooEarly
        | Code::PastCutoff
        | Code::Blocked
        | Code::QuotaExceeded
        | Code::OwnOverlap
        | Code::HeldByOther
        | Code::Full
        | Code::Insufficient
        | Code::WaitlistFirst => true,
        Code::Invalid
        | Code::NotFound
        | Code::NotAllowed
        | Code::NotEligible
        | Code::Closed
        | Code::HoldExpired
        | Code::HoldSuperseded => false,
    }
}

const MINUTE: i64 = 60_000_000;

/// The whole minute at or before an instant.
const fn minute_of(t: Instant) -> Instant {
    Instant(t.0.div_euclid(MINUTE) * MINUTE)
}

/// The whole minute after an instant.
const fn minute_after(t: Instant) -> Instant {
    minute_of(t.plus(Span::minutes(1)))
}
