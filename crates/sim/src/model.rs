//! What is right, so naive that it is obvious: lists of bookings, holds and people who wait, added up from nothing for every question.
//! It shares no code with the judgement; only commands, answers and ids are the domain's.

mod asked;
mod follows;
mod gone;
mod room;
mod rules;
mod seen;
mod waiting;

use crate::database::Entry;
use crate::tally::Tally;
use crate::zones::Clocks;
use slotwise_domain::{
    Action, BlockId, BookingId, Code, EntryId, FencingToken, HoldId, HoldRef, Instant, Interval, Outcome, PersonId,
    Policy, ResourceId, Span,
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

    /// What of a new place it does not have already: before and after what it has there, or all of it if that is less.
    fn anew(&self, wanted: &[Taken]) -> Vec<Taken> {
        let beside = |w: &Taken| {
            let had = self.lines.iter().find(|o| o.resource == w.resource && o.units >= w.units);
            let (from, to) = had.map_or((w.end, w.end), |o| (o.first, o.end));
            let before = Taken { end: w.end.min(from), ..*w };
            let after = Taken { first: w.first.max(to), ..*w };
            [before, after]
        };
        wanted.iter().flat_map(beside).filter(|piece| piece.first < piece.end).collect()
    }
}

/// From when on it cannot be booked any more: an hour after it began, or when it ends.
fn begun(line: &Taken) -> Instant {
    line.interval.start().plus(Span::hours(1)).min(line.interval.end())
}
