//! Whether units fit at every instant of an interval, and if not, what stands there.
//! Summed at the instant, not over everything that overlaps.

use super::draft::Draft;
use super::{Stop, promote};
use crate::booking::Slot;
use crate::calendar::{Calendar, Use, UseId};
use crate::hold::{Hold, HoldEnd};
use crate::ids::{BookingId, PersonId};
use crate::levels::{Level, Levels};
use crate::outcome::{Code, Rejection, Witness};
use crate::time::{Instant, Interval};
use std::borrow::Cow;

/// Checks that all slots fit together. Holds of `holder` that alone stand in the way are given up.
pub(super) fn make_room(
    draft: &mut Draft,
    booking: BookingId,
    holder: Option<PersonId>,
    slots: &[Slot],
) -> Result<(), Stop> {
    let mut refused = Vec::new();
    for (n, slot) in slots.iter().enumerate() {
        if crate::planted!(UncheckedFarFromFull) && draft.calendar(slot.resource)?.uses.len() < 4 {
            continue;
        }
        // Lines of one request are summed: those before this one already take their units.
        let before = slots.iter().enumerate().take(n).filter(|(_, s)| s.resource == slot.resource);
        let before: Vec<(u16, Slot)> = before.map(|(n, s)| (n as u16, *s)).collect();
        let by = holder.unwrap_or(PersonId(booking.0));
        let own = match holder {
            Some(holder) => in_own_way(draft, &*summed(draft, slot, booking, by, &before)?, holder, slot),
            None => Vec::new(),
        };
        for hold in own {
            draft.end_hold(hold, HoldEnd::Superseded);
        }
        let calendar = summed(draft, slot, booking, by, &before)?;
        if let Some(at) = first_over(&calendar, slot, Level::taken) {
            refused.push(refusal(&calendar, slot, at, booking));
        } else if let Some(owed) = draft.owed.get(&slot.resource)
            && !fits_beside(&calendar, &owed.levels, slot)
        {
            refused.push(promote::refusal(owed, slot.resource));
        }
    }
    match refused.into_iter().min_by_key(|r| r.code) {
        Some(rejection) => Err(rejection.into()),
        None => Ok(()),
    }
}

/// The slot's calendar with the lines of the same request that come before it.
fn summed<'d>(
    draft: &'d Draft,
    slot: &Slot,
    booking: BookingId,
    by: PersonId,
    before: &[(u16, Slot)],
) -> Result<Cow<'d, Calendar>, Stop> {
    let mut calendar = Cow::Borrowed(draft.calendar(slot.resource)?);
    if !before.is_empty() {
        calendar.to_mut().take_slots(booking, by, before);
    }
    Ok(calendar)
}

/// Whether the slot fits beside what is taken and what is owed.
pub(super) fn fits_beside(calendar: &Calendar, owed: &Levels, slot: &Slot) -> bool {
    let Some(capacity) = calendar.resource.spec.capacity.map(u64::from) else { return true };
    let fits = |taken: u64| taken + u64::from(slot.units) <= capacity;
    calendar.levels.during(slot.occupied).all(|(t, level)| fits(level.taken() + owed.at(t).booked))
        && owed.during(slot.occupied).all(|(t, level)| fits(calendar.levels.at(t).taken() + level.booked))
}

/// The calendar without what a booking of somebody takes of a stretch.
pub(super) fn without<'c>(
    calendar: &'c Calendar,
    booking: BookingId,
    owner: PersonId,
    during: Interval,
) -> Cow<'c, Calendar> {
    let theirs = calendar.meeting(during).filter_map(|u| match u.id {
        UseId::Booking(id, _) if id == booking && u.owner == owner => Some((u.id, u.occupied.start())),
        UseId::Booking(..) | UseId::Hold(_) => None,
    });
    let theirs: Vec<(UseId, Instant)> = theirs.collect();
    let mut calendar = Cow::Borrowed(calendar);
    for (id, start) in theirs {
        calendar.to_mut().free(id, start);
    }
    calendar
}

/// Whether somebody could have the slot right now, holds of their own and what they give up for it aside.
pub(super) fn is_free(draft: &Draft, owner: PersonId, slot: &Slot, gives_up: Option<BookingId>) -> Result<bool, Stop> {
    let calendar = draft.calendar(slot.resource)?;
    let mut calendar = promote::beside(draft, calendar, slot, owner, gives_up).into_owned();
    let own: Vec<Hold> = calendar.holds.values().filter(|h| h.holder == owner).copied().collect();
    for hold in own {
        calendar.apply(&crate::Change::HoldEnded(crate::EndedHold { hold, end: HoldEnd::Released }));
    }
    let owed = draft.owed.get(&slot.resource).map(|owed| owed.levels.clone()).unwrap_or_default();
    Ok(fits_beside(&calendar, &owed, slot))
}

/// The holder's own holds that meet a slot which does not fit beside what is taken and owed.
pub(super) fn in_own_way(draft: &Draft, calendar: &Calendar, holder: PersonId, slot: &Slot) -> Vec<Hold> {
    if calendar.holds.is_empty() {
        return Vec::new();
    }
    let fits = match draft.owed.get(&slot.resource) {
        Some(owed) => fits_beside(calendar, &owed.levels, slot),
        None => first_over(calendar, slot, Level::taken).is_none(),
    };
    match fits {
        false => {
            let own = calendar.holds.values().filter(|h| h.holder == holder && h.occupied.meets(slot.occupied));
            own.copied().collect()
        }
        true => Vec::new(),
    }
}

/// Units left at the fullest instant of the interval; `None` is without limit. The asker's own holds do not count; what is owed to
/// those who wait does.
pub(super) fn free_units(
    calendar: &Calendar,
    interval: Interval,
    asker: Option<PersonId>,
    now: Instant,
) -> Option<u32> {
    let capacity = u64::from(calendar.resource.spec.capacity?);
    let occupied = calendar.resource.spec.policy.occupied(interval);
    let owed = promote::owed_by(calendar, now);
    let mut calendar = calendar.clone();
    let idle =
        calendar.holds.values().filter(|h| h.expired(now) || Some(h.holder) == asker).copied().collect::<Vec<_>>();
    for hold in idle {
        calendar.apply(&crate::Change::HoldEnded(crate::EndedHold { hold, end: HoldEnd::Released }));
    }
    let taken = calendar.levels.during(occupied).map(|(t, level)| level.taken() + owed.at(t).booked);
    let owing = owed.during(occupied).map(|(t, level)| calendar.levels.at(t).taken() + level.booked);
    let fullest = taken.chain(owing).max().unwrap_or(0);
    Some(u32::try_from(capacity.saturating_sub(fullest)).unwrap_or(u32::MAX))
}

/// Units that are free at every instant of the interval, and owed to those who wait.
pub(super) fn owed_units(calendar: &Calendar, interval: Interval, now: Instant) -> u32 {
    let Some(capacity) = calendar.resource.spec.capacity.map(u64::from) else { return 0 };
    let occupied = calendar.resource.spec.policy.occupied(interval);
    let owed = promote::owed_by(calendar, now);
    let free = |t: Instant| {
        let taken = calendar.meeting(occupied).filter(|u| u.occupied.contains(t) && counts(calendar, u, now));
        capacity.saturating_sub(taken.map(|u| u64::from(u.units)).sum())
    };
    let owed = owed.during(occupied).map(|(t, level)| level.booked.min(free(t))).max().unwrap_or(0);
    u32::try_from(owed).unwrap_or(u32::MAX)
}

/// Whether a use takes anything at an instant: what a hold took that has expired is free.
fn counts(calendar: &Calendar, u: &Use, now: Instant) -> bool {
    match u.id {
        UseId::Booking(..) => true,
        UseId::Hold(id) => calendar.holds.get(&id).is_none_or(|hold| !hold.expired(now)),
    }
}

/// What a look at the levels tells of one more use, without asking who wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glance {
    /// Nothing taken stands in the way: [`super::decide`] says what it would say if nothing were taken.
    Fits,
    /// Bookings or a block stand in the way: [`super::decide`] refuses it, whoever asks.
    Taken,
    /// Holds stand in the way, or a block that does not concern everybody, or people wait: it depends on who asks, on whether holds have
    /// expired, and on what is owed.
    Held,
}

/// Looks whether so many units fit during the time taken. For those who look at thousands of calendars and judge few of them.
pub fn glance(calendar: &Calendar, occupied: Interval, units: u32) -> Glance {
    let mut glance = if calendar.waiting.is_empty() { Glance::Fits } else { Glance::Held };
    for block in calendar.blocks.values().filter(|b| b.interval.meets(occupied)) {
        if block.exceptions.people.is_empty() {
            return Glance::Taken;
        }
        glance = Glance::Held;
    }
    let Some(capacity) = calendar.resource.spec.capacity.map(u64::from) else { return glance };
    for (_, level) in calendar.levels.during(occupied) {
        if level.booked + u64::from(units) > capacity {
            return Glance::Taken;
        }
        if level.taken() + u64::from(units) > capacity {
            glance = Glance::Held;
        }
    }
    glance
}

/// The witness that a use is.
pub(super) fn witness_of(calendar: &Calendar, u: &Use) -> Witness {
    match u.id {
        UseId::Booking(id, _) => Witness::Booking { id, owner: u.owner, interval: u.interval },
        UseId::Hold(id) => {
            let expires_at = calendar.holds.get(&id).map_or(Instant::MIN, |h| h.expires_at);
            Witness::Hold { id, holder: u.owner, interval: u.interval, expires_at }
        }
    }
}

/// The first instant at which the slot is too much on top of what is taken, counted as `taken` says.
pub(super) fn first_over(calendar: &Calendar, slot: &Slot, taken: fn(Level) -> u64) -> Option<Instant> {
    all_over(calendar, slot, taken).next()
}

/// All instants from which on the slot is too much.
fn all_over(calendar: &Calendar, slot: &Slot, taken: fn(Level) -> u64) -> impl Iterator<Item = Instant> {
    let (capacity, units) = (calendar.resource.spec.capacity.map(u64::from), u64::from(slot.units));
    let pieces = calendar.levels.during(slot.occupied);
    let all: u64 = match crate::planted!(SumOfOverlaps) {
        true => calendar.meeting(slot.occupied).map(|u| u64::from(u.units)).sum(),
        false => 0,
    };
    pieces.filter(move |(_, level)| capacity.is_some_and(|c| taken(*level).max(all) + units > c)).map(|(t, _)| t)
}

/// Names what stands in the way: bookings if they alone do, else the hold that does.
pub(super) fn refusal(calendar: &Calendar, slot: &Slot, at: Instant, own: BookingId) -> Rejection {
    let booked = all_over(calendar, slot, |level| level.booked);
    let by_bookings = booked.map(|at| refusal_by_bookings(calendar, slot, at, own));
    by_bookings.min_by_key(|r| r.code).unwrap_or_else(|| refusal_by_holds(calendar, slot, at))
}

fn refusal_by_bookings(calendar: &Calendar, slot: &Slot, at: Instant, own: BookingId) -> Rejection {
    let others = |u: &&Use| matches!(u.id, UseId::Booking(id, _) if id != own);
    let standing = || calendar.meeting(instant(at, slot)).filter(others);
    let taken: u64 = standing().map(|u| u64::from(u.units)).sum();
    let left = calendar.resource.spec.capacity.map_or(u64::MAX, u64::from).saturating_sub(taken);
    let rejection = Rejection::of(if left > 0 { Code::Insufficient } else { Code::Full }).on(slot.resource);
    match standing().next() {
        Some(u) => rejection.shown(witness_of(calendar, u)),
        None => rejection,
    }
}

fn refusal_by_holds(calendar: &Calendar, slot: &Slot, at: Instant) -> Rejection {
    let rejection = Rejection::of(Code::HeldByOther).on(slot.resource);
    let held = calendar.meeting(instant(at, slot)).find_map(|u| match u.id {
        UseId::Hold(id) => calendar.holds.get(&id).map(|h| (u, h)),
        UseId::Booking(..) => None,
    });
    match held {
        Some((u, hold)) => Rejection { retry_at: Some(hold.expires_at), ..rejection.shown(witness_of(calendar, u)) },
        None => rejection,
    }
}

/// The shortest interval at an instant.
fn instant(at: Instant, slot: &Slot) -> Interval {
    Interval::new(at, at.plus(crate::time::Span(1))).unwrap_or(slot.occupied)
}
