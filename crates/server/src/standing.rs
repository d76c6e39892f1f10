//! How full a resource looks: what is left, what is owed to those who wait, and the badge people see, all from one calendar at one
//! instant. It judges nothing; whether somebody could book it, the judgement says.

use slotwise_domain::decide::{free_units, owed_units};
use slotwise_domain::{Calendar, Code, Instant, Interval, PersonId};

/// How full a resource looks at a time.
pub struct Standing {
    /// Units left at the fullest instant; what is owed is not among them. `None` without limit.
    pub left: Option<u32>,
    /// Units free and owed to those who wait.
    pub owed: u32,
    /// How many wait for a time that meets it.
    pub waiting: usize,
    /// The badge.
    pub badge: &'static str,
}

/// How a time of a resource looks to somebody, who would be refused with this.
pub fn of(
    calendar: &Calendar,
    interval: Interval,
    asker: Option<PersonId>,
    refused: Option<Code>,
    now: Instant,
) -> Standing {
    let left = free_units(calendar, interval, asker, now);
    let waiting = calendar.waiting.values().filter(|e| e.interval.meets(interval)).count();
    let badge = match overbooked(calendar, interval) {
        true => "overbooked",
        false => badge(refused, left, calendar.resource.spec.capacity, waiting),
    };
    Standing { left, owed: owed_units(calendar, interval, now), waiting, badge }
}

/// How the one time of a section or session looks to everybody.
pub fn of_its_own_time(calendar: &Calendar, now: Instant) -> Option<Standing> {
    let spec = &calendar.resource.spec;
    let interval = spec.interval?;
    let occupied = spec.policy.occupied(interval);
    let taken = calendar.levels.during(occupied).map(|(_, level)| level.booked).max().unwrap_or(0);
    let standing = of(calendar, interval, None, None, now);
    let refused = if spec.policy.closed || calendar.blocks.values().any(|b| b.interval.meets(occupied)) {
        Some(Code::Closed)
    } else if now >= spec.too_late(interval) {
        Some(Code::PastCutoff)
    } else if standing.left == Some(0) && standing.waiting == 0 {
        let held = spec.capacity.is_some_and(|capacity| taken < u64::from(capacity));
        Some(if held { Code::HeldByOther } else { Code::Full })
    } else if standing.left == Some(0) {
        Some(Code::WaitlistFirst)
    } else {
        None
    };
    match overbooked(calendar, interval) {
        true => Some(standing),
        false => Some(Standing { badge: badge(refused, standing.left, spec.capacity, standing.waiting), ..standing }),
    }
}

/// Whether more is taken at some instant of it than there is, because an admin said so.
fn overbooked(calendar: &Calendar, interval: Interval) -> bool {
    let spec = &calendar.resource.spec;
    let beyond = |taken: u64| spec.capacity.is_some_and(|capacity| taken > u64::from(capacity));
    let occupied = spec.policy.occupied(interval);
    calendar.over_commit > 0 && calendar.levels.during(occupied).any(|(_, level)| beyond(level.taken()))
}

/// The status people see. "Few left" is a fifth of a resource that has more than one unit.
fn badge(refused: Option<Code>, left: Option<u32>, capacity: Option<u32>, waiting: usize) -> &'static str {
    match refused {
        Some(Code::HeldByOther) => "held",
        Some(Code::Closed | Code::OutsideHours | Code::Blocked | Code::TooEarly) => "closed",
        Some(Code::PastCutoff) => "past_cutoff",
        Some(Code::WaitlistFirst) => "waitlist",
        Some(Code::Full | Code::Insufficient) => {
            if waiting > 0 {
                "waitlist"
            } else {
                "full"
            }
        }
        None | Some(_) => match (left, capacity) {
            (Some(0), _) if waiting > 0 => "waitlist",
            (Some(0), _) => "full",
            (Some(left), Some(capacity)) if capacity > 1 && left <= capacity / 5 => "few_left",
            (_, _) => "open",
        },
    }
}
