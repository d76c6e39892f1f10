//! Whether units fit at every instant of an interval, and if not, what stands there.
//! Summed at the instant, not over everything that overlaps.

use super::Stop;
use super::draft::Draft;
use crate::booking::Slot;
use crate::calendar::{Calendar, Use, UseId};
use crate::hold::{Hold, HoldEnd};
use crate::ids::{BookingId, PersonId};
use crate::levels::Level;
use crate::outcome::{Code, Rejection, Witness};
use crate::time::{Instant, Interval};

/// Checks that all slots fit together. Holds of `holder` that alone stand in the way are given up.
pub(super) fn make_room(
    draft: &mut Draft,
    booking: BookingId,
    holder: Option<PersonId>,
    slots: &[Slot],
) -> Result<(), Stop> {
    if let Some(holder) = holder {
        for hold in superseded(draft, holder, slots)? {
            draft.end_hold(hold, HoldEnd::Superseded);
        }
    }
    for (n, slot) in slots.iter().enumerate() {
        // Lines of one request are summed: those before this one already take their units.
        let mut calendar = draft.calendar(slot.resource)?.clone();
        let before = slots.iter().enumerate().take(n).filter(|(_, s)| s.resource == slot.resource);
        let before: Vec<(u16, Slot)> = before.map(|(n, s)| (n as u16, *s)).collect();
        calendar.take_slots(booking, holder.unwrap_or(PersonId(booking.0)), &before);
        if let Some(at) = first_over(&calendar, slot, Level::taken) {
            return Err(refusal(&calendar, slot, at, booking).into());
        }
    }
    Ok(())
}

/// The holder's own holds that meet slots which do not fit beside them.
pub(super) fn superseded(draft: &Draft, holder: PersonId, slots: &[Slot]) -> Result<Vec<Hold>, Stop> {
    let mut given_up: Vec<Hold> = Vec::new();
    for slot in slots {
        let calendar = draft.calendar(slot.resource)?;
        if first_over(calendar, slot, Level::taken).is_some() {
            let own = calendar.holds.values().filter(|h| h.holder == holder && h.occupied.meets(slot.occupied));
            given_up.extend(own.copied());
        }
    }
    given_up.sort_by_key(|h| h.id);
    given_up.dedup_by_key(|h| h.id);
    Ok(given_up)
}

/// Units left at the fullest instant of the interval; `None` is without limit. The asker's own holds do not count.
pub(super) fn free_units(
    calendar: &Calendar,
    interval: Interval,
    asker: Option<PersonId>,
    now: Instant,
) -> Option<u32> {
    let capacity = u64::from(calendar.resource.spec.capacity?);
    let policy = &calendar.resource.spec.policy;
    let occupied = interval.widened(policy.setup, policy.teardown);
    let mut calendar = calendar.clone();
    let idle =
        calendar.holds.values().filter(|h| h.expired(now) || Some(h.holder) == asker).copied().collect::<Vec<_>>();
    for hold in idle {
        calendar.apply(&crate::Change::HoldEnded(crate::EndedHold { hold, end: HoldEnd::Released }));
    }
    let fullest = calendar.levels.during(occupied).map(|(_, level)| level.taken()).max().unwrap_or(0);
    Some(u32::try_from(capacity.saturating_sub(fullest)).unwrap_or(u32::MAX))
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
fn first_over(calendar: &Calendar, slot: &Slot, taken: fn(Level) -> u64) -> Option<Instant> {
    let capacity = u64::from(calendar.resource.spec.capacity?);
    let over = |level: Level| taken(level) + u64::from(slot.units) > capacity;
    calendar.levels.during(slot.occupied).find(|(_, level)| over(*level)).map(|(t, _)| t)
}

/// Names what stands in the way: bookings if they alone do, else the hold that does.
fn refusal(calendar: &Calendar, slot: &Slot, at: Instant, own: BookingId) -> Rejection {
    let booked = first_over(calendar, slot, |level| level.booked);
    let at = booked.unwrap_or(at);
    let instant = Interval::new(at, at.plus(crate::time::Span(1))).unwrap_or(slot.occupied);
    let standing = || calendar.meeting(instant);
    if booked.is_none() {
        let hold = standing().find_map(|u| match u.id {
            UseId::Hold(id) => calendar.holds.get(&id).map(|h| (u, h)),
            UseId::Booking(..) => None,
        });
        let rejection = Rejection::of(Code::HeldByOther).on(slot.resource);
        return match hold {
            Some((u, hold)) => {
                Rejection { retry_at: Some(hold.expires_at), ..rejection.shown(witness_of(calendar, u)) }
            }
            None => rejection,
        };
    }
    let others = |u: &&Use| matches!(u.id, UseId::Booking(id, _) if id != own);
    let taken: u64 = standing().filter(others).map(|u| u64::from(u.units)).sum();
    let left = u64::from(calendar.resource.spec.capacity.unwrap_or(u32::MAX)).saturating_sub(taken);
    let rejection = Rejection::of(if left > 0 { Code::Insufficient } else { Code::Full }).on(slot.resource);
    match standing().find(others) {
        Some(u) => rejection.shown(witness_of(calendar, u)),
        None => rejection,
    }
}
