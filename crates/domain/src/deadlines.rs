//! The instants at which a judgement may change though no version does: cutoffs, beginnings and ends, holds that expire.
//! It judges nothing; it names every clock that judging looks at.

use crate::command::{Action, Command};
use crate::decide::check_in_window;
use crate::ids::ResourceId;
use crate::outcome::Rule;
use crate::policy::Policy;
use crate::time::{Instant, Interval};
use crate::world::World;

/// An instant on one side of which a judgement holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    /// When.
    pub at: Instant,
    /// On which resource; `None` for what a person holds elsewhere.
    pub resource: Option<ResourceId>,
    /// What ends or begins then.
    pub what: Clock,
}

/// What an instant ends or begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clock {
    /// Booking opens.
    BookFrom,
    /// Booking closes.
    BookBy,
    /// Changing closes.
    ChangeBy,
    /// Cancelling closes.
    CancelBy,
    /// Cancelling is late from then on.
    LateCancelFrom,
    /// Checking in opens.
    CheckInOpens,
    /// Checking in closes; who has not come by then is a no-show.
    CheckInCloses,
    /// A booking that begins then is too late.
    Begun,
    /// What is booked ends.
    Ends,
    /// A hold expires.
    HoldExpires,
    /// A hold cannot be kept longer.
    HoldLongest,
}

impl Clock {
    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Clock::BookFrom => Rule::BookFrom.name(),
            Clock::BookBy => Rule::BookBy.name(),
            Clock::ChangeBy => Rule::ChangeBy.name(),
            Clock::CancelBy => Rule::CancelBy.name(),
            Clock::LateCancelFrom => Rule::LateCancelFrom.name(),
            Clock::CheckInOpens => "check_in_opens",
            Clock::CheckInCloses => "check_in_closes",
            Clock::Begun => Rule::Begun.name(),
            Clock::Ends => "ends",
            Clock::HoldExpires => "hold_expires",
            Clock::HoldLongest => "hold_longest",
        }
    }
}

/// Every instant that the judgement of a command in this world depends on, soonest first, each once.
pub fn deadlines(world: &World, command: &Command) -> Vec<Deadline> {
    let mut all = Vec::new();
    for (resource, interval) in times(world, command) {
        let Some(calendar) = world.calendars.get(&resource) else { continue };
        let spec = &calendar.resource.spec;
        let mut add = |what, at| all.push(Deadline { at, resource: Some(resource), what });
        let cutoffs = [
            (Clock::BookFrom, spec.policy.book_from),
            (Clock::BookBy, spec.policy.book_by),
            (Clock::ChangeBy, spec.policy.change_by),
            (Clock::CancelBy, spec.policy.cancel_by),
        ];
        for (what, cutoff) in cutoffs {
            if let Some(cutoff) = cutoff {
                add(what, cutoff.instant(interval.start(), &spec.zone));
            }
        }
        // It depends on whether they are there by then which of the two it is.
        for came in [true, false] {
            if let Some(at) = spec.policy.late_from(interval.start(), &spec.zone, came) {
                add(Clock::LateCancelFrom, at);
            }
        }
        add(Clock::Begun, spec.begun(interval));
        add(Clock::Ends, interval.end());
    }
    if let Action::CheckIn { booking } | Action::ReleaseNoShow { booking } = &command.action {
        let rule = |id| world.calendars.get(&id)?.resource.spec.policy.check_in;
        if let Some((resource, opens, closes)) = world.bookings.get(booking).and_then(|b| check_in_window(b, rule)) {
            let resource = Some(resource);
            all.push(Deadline { at: opens, resource, what: Clock::CheckInOpens });
            all.push(Deadline { at: closes, resource, what: Clock::CheckInCloses });
        }
    }
    // From then on it can last until then no more.
    if let Action::SetHold { until: Some(at), .. } = &command.action {
        all.push(Deadline { at: *at, resource: None, what: Clock::HoldExpires });
    }
    for resource in world.touched(&command.scope()).iter().copied() {
        let Some(calendar) = world.calendars.get(&resource) else { continue };
        let ttl = calendar.resource.spec.policy.hold_ttl;
        for hold in calendar.holds.values() {
            let resource = Some(resource);
            all.push(Deadline { at: hold.expires_at, resource, what: Clock::HoldExpires });
            if matches!(&command.action, Action::Renew(named) if named.id == hold.id) {
                // From then on a renewal is shorter, and after it there is none.
                let at = hold.granted_at.plus(Policy::HOLD_LONGEST).minus(ttl);
                all.push(Deadline { at, resource, what: Clock::HoldLongest });
            }
        }
    }
    let held = world.people.values().flat_map(|person| person.holds.values());
    all.extend(held.map(|at| Deadline { at: *at, resource: None, what: Clock::HoldExpires }));
    all.sort();
    all.dedup();
    all
}

/// Where and when the things are that a command names.
fn times(world: &World, command: &Command) -> Vec<(ResourceId, Interval)> {
    let mut asked = command.asked();
    // Of a series few lines are kept with a refusal, and every date has its clocks.
    if let Action::BookSeries(series) = &command.action {
        asked.lines = series.lines().collect();
    } else if let Action::EditSeries { edit, .. } = &command.action {
        asked.lines = edit.lines().collect();
    }
    let one = |id: &ResourceId| world.calendars.get(id).and_then(|c| c.resource.spec.interval);
    let lines = asked.lines.iter().filter_map(|l| Some((l.resource, l.interval.or_else(|| one(&l.resource))?)));
    let mut times: Vec<_> = lines.collect();
    for booking in asked.bookings.iter().filter_map(|id| world.bookings.get(id)) {
        times.extend(booking.slots.iter().map(|s| (s.resource, s.interval)));
        // Whether a booking is over is asked of the last of it.
        times.extend(
            Interval::new(booking.start(), booking.end()).ok().zip(booking.slots.first()).map(|(i, s)| (s.resource, i)),
        );
    }
    times
}
