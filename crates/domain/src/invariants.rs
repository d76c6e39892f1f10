//! What must hold after every commit, asserted before it, in release builds too (I1, I2, I6, I7, I11, I17).
//! It trusts nothing that [`crate::decide`] computed: it adds up the uses again.

use crate::booking::{Booking, BookingState};
use crate::calendar::{Calendar, Use, UseId};
use crate::change::Changes;
use crate::decide::check_in_window;
use crate::hold::HoldEnd;
use crate::ids::{BookingId, ResourceId};
use crate::levels::Level;
use crate::time::{Instant, Interval};
use crate::world::World;
use crate::{Change, Code};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A broken invariant: a bug. The commit must not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{invariant} broken on resource {resource} at {at}: {says}")]
pub struct Broken {
    /// Its number in the catalogue.
    pub invariant: &'static str,
    /// Where.
    pub resource: ResourceId,
    /// When.
    pub at: Instant,
    /// What was found.
    pub says: String,
}

/// Checks what the changes of one commit touched, on the world they were all folded into, each with its decision instant.
pub fn check<'a>(world: &World, commit: impl IntoIterator<Item = (&'a Changes, Instant)>) -> Result<(), Broken> {
    let mut touched: BTreeMap<ResourceId, (Instant, BTreeSet<Interval>)> = BTreeMap::new();
    let mut added: BTreeMap<ResourceId, (Instant, BTreeSet<Interval>)> = BTreeMap::new();
    let mut edited: BTreeSet<ResourceId> = BTreeSet::new();
    let mut bookings: BTreeMap<BookingId, Instant> = BTreeMap::new();
    let mut came: Vec<(Arc<Booking>, Instant)> = Vec::new();
    for (changes, decided_at) in commit {
        bookings.extend(changes.bookings.iter().map(|b| (b.id, decided_at)));
        for (id, change) in changes.records.iter().flat_map(|(id, record)| record.iter().map(move |c| (*id, c))) {
            fenced(id, change, decided_at)?;
            displaced_whole(id, change, changes, decided_at)?;
            if is_edit(change) {
                edited.insert(id);
            }
            if let Some(intervals) = adds(change) {
                let (since, all) = added.entry(id).or_insert_with(|| (decided_at, BTreeSet::new()));
                *since = decided_at.min(*since);
                all.extend(intervals);
            }
            if let Change::BookingCheckedIn { booking, .. } = change {
                let after = changes.bookings.iter().find(|b| b.id == *booking);
                came.extend(after.map(|b| (b.clone(), decided_at)));
            }
            if let Some(intervals) = raised(change) {
                let (since, all) = touched.entry(id).or_insert_with(|| (decided_at, BTreeSet::new()));
                *since = decided_at.min(*since);
                all.extend(intervals);
            }
        }
    }
    for (id, (since, intervals)) in touched {
        if let Some(calendar) = world.calendars.get(&id) {
            sums(id, calendar, since, &intervals, calendar.over_commit)?;
            let allowed = calendar.over_commit;
            if allowed > 0 || edited.contains(&id) {
                let excess = calendar.excess_from(calendar.decided_at);
                if excess != allowed {
                    let says = format!("{allowed} more than the capacity may be taken, and {excess} are");
                    return broken("I1", id, calendar.decided_at, says);
                }
            }
        }
    }
    for (booking, decided_at) in came {
        checked_in_time(world, &booking, decided_at, &edited)?;
    }
    // What came new fits, however much more than that an admin has left standing.
    for (id, (since, intervals)) in added.into_iter().filter(|(id, _)| !edited.contains(id)) {
        if let Some(calendar) = world.calendars.get(&id).filter(|c| c.over_commit > 0) {
            sums(id, calendar, since, &intervals, 0)?;
        }
    }
    for (id, decided_at) in bookings {
        if let Some(booking) = world.bookings.get(&id) {
            stands_as_it_says(world, booking, decided_at)?;
        }
    }
    Ok(())
}

/// Whether the rules of the resource are others after it.
const fn is_edit(change: &Change) -> bool {
    matches!(change, Change::ResourceEdited(_) | Change::CapacitySet { .. })
}

/// The times of what nobody had before.
fn adds(change: &Change) -> Option<Vec<Interval>> {
    match change {
        Change::BookingMade { slots, pending: false, .. }
        | Change::BookingApproved { slots, .. }
        | Change::BookingRequested { slots, .. } => Some(slots.iter().map(|(_, s)| s.occupied).collect()),
        Change::HoldGranted(hold) => Some(vec![hold.occupied]),
        _ => None,
    }
}

/// I11: a displaced booking is displaced on all its resources in one change of everything, with a reason, and kept.
fn displaced_whole(id: ResourceId, change: &Change, changes: &Changes, decided_at: Instant) -> Result<(), Broken> {
    let Change::BookingDisplaced { booking, reason, .. } = change else { return Ok(()) };
    if reason.trim().is_empty() {
        return broken("I11", id, decided_at, format!("{booking} is displaced without a reason"));
    }
    let Some(after) = changes.bookings.iter().find(|b| b.id == *booking) else { return Ok(()) };
    let told = |resource: &ResourceId| {
        let record = changes.records.iter().find(|(id, _)| id == resource);
        let is_it = |c: &Change| matches!(c, Change::BookingDisplaced { booking, .. } if *booking == after.id);
        record.is_some_and(|(_, record)| record.iter().any(is_it))
    };
    let displaced = matches!(after.state, BookingState::Displaced { .. });
    match displaced && after.resources().iter().all(told) {
        true => Ok(()),
        false => broken("I11", id, decided_at, format!("{booking} is displaced in part")),
    }
}

/// I6: nobody is checked in before that opens or after it closes.
fn checked_in_time(
    world: &World,
    booking: &Booking,
    decided_at: Instant,
    edited: &BTreeSet<ResourceId>,
) -> Result<(), Broken> {
    let rule = |id| world.calendars.get(&id)?.resource.spec.policy.check_in;
    let same_rules = booking.resources().iter().all(|id| !edited.contains(id));
    match check_in_window(booking, rule) {
        Some((id, opens, closes)) if same_rules && !(opens..closes).contains(&decided_at) => {
            broken("I6", id, decided_at, format!("{} is checked in, and may be from {opens} to {closes}", booking.id))
        }
        _ => Ok(()),
    }
}

/// I17: what a booking takes in the calendars is what its state says, for its owner, and nothing of it outlives a no-show.
fn stands_as_it_says(world: &World, booking: &Booking, decided_at: Instant) -> Result<(), Broken> {
    for (n, slot) in booking.slots.iter().enumerate() {
        if let BookingState::NoShow { at } = booking.state
            && booking.state.takes(slot)
            && slot.occupied.end() > at
        {
            return broken("I17", slot.resource, at, format!("{} takes time after nobody came", booking.id));
        }
        let Some(calendar) = world.calendars.get(&slot.resource) else { continue };
        if slot.occupied.end() <= decided_at {
            continue;
        }
        let id = UseId::Booking(booking.id, n as u16);
        let found = calendar.uses.get(&(slot.occupied.start(), id));
        let expected =
            Use { id, owner: booking.owner, interval: slot.interval, occupied: slot.occupied, units: slot.units };
        if found != booking.state.takes(slot).then_some(&expected) {
            let says = format!("{} is {} and takes {found:?}", booking.id, booking.state.name());
            return broken("I17", slot.resource, decided_at, says);
        }
    }
    Ok(())
}

/// The times at which a change takes more than before, or may have freed wrongly.
fn raised(change: &Change) -> Option<Vec<Interval>> {
    match change {
        Change::BookingMade { slots, .. }
        | Change::BookingApproved { slots, .. }
        | Change::BookingRequested { slots, .. }
        | Change::BookingDisplaced { slots, .. }
        | Change::BookingHandedOver { slots, .. }
        | Change::BookingCancelled { slots, .. } => Some(slots.iter().map(|(_, s)| s.occupied).collect()),
        Change::BookingMoved { from, to, .. } => Some(from.iter().chain(to).map(|(_, s)| s.occupied).collect()),
        Change::BookingNoShow { from, .. } => Some(from.iter().map(|(_, s)| s.occupied).collect()),
        Change::HoldGranted(hold) => Some(vec![hold.occupied]),
        Change::HoldEnded(ended) => Some(vec![ended.hold.occupied]),
        // What stands beyond the capacity is looked at whole.
        Change::ResourceEdited(_) | Change::CapacitySet { .. } | Change::OverCommitLowered { .. } => Some(Vec::new()),
        Change::ResourceCreated(_)
        | Change::BlockAdded { .. }
        | Change::BlockRemoved { .. }
        | Change::BookingEdited { .. }
        | Change::RequestApproved { .. }
        | Change::BookingCheckedIn { .. }
        | Change::BookingOverrode { .. }
        | Change::ServiceSet { .. }
        | Change::HoldRenewed(_) => None,
    }
}

/// I1, I2: never more than the capacity at any instant to come; what is over may have been more than the capacity is now.
/// I17: the levels are the sum of the uses.
/// `beyond` is how many more than the capacity an admin left standing.
fn sums(
    id: ResourceId,
    calendar: &Calendar,
    since: Instant,
    intervals: &BTreeSet<Interval>,
    beyond: u32,
) -> Result<(), Broken> {
    for interval in intervals {
        let mut edges: BTreeMap<Instant, Level> =
            BTreeMap::from([(interval.start(), calendar.levels.at(interval.start()))]);
        edges.extend(calendar.levels.during(*interval));
        let mut deltas: BTreeMap<Instant, (i128, i128)> = BTreeMap::new();
        for u in calendar.meeting(*interval) {
            let (booked, held) = (i128::from(u.level().booked), i128::from(u.level().held));
            let starts = deltas.entry(u.occupied.start().max(interval.start())).or_default();
            *starts = (starts.0 + booked, starts.1 + held);
            if u.occupied.end() < interval.end() {
                let ends = deltas.entry(u.occupied.end()).or_default();
                *ends = (ends.0 - booked, ends.1 - held);
            }
            if let UseId::Hold(hold) = u.id
                && !calendar.holds.contains_key(&hold)
            {
                return broken("I17", id, u.occupied.start(), format!("{hold} takes units but is no hold"));
            }
        }
        for t in deltas.keys() {
            edges.entry(*t).or_insert_with(|| calendar.levels.at(*t));
        }
        let (mut booked, mut held) = (0_i128, 0_i128);
        let ends: Vec<Instant> = edges.keys().skip(1).copied().chain([interval.end()]).collect();
        for ((t, level), end) in edges.into_iter().zip(ends) {
            let delta = deltas.get(&t).copied().unwrap_or_default();
            (booked, held) = (booked + delta.0, held + delta.1);
            if (booked, held) != (i128::from(level.booked), i128::from(level.held)) {
                return broken("I17", id, t, format!("levels say {level:?}, the uses add up to {booked} + {held}"));
            }
            let to_come = end > since;
            let most = calendar.resource.spec.capacity.map(|capacity| i128::from(capacity) + i128::from(beyond));
            if to_come && most.is_some_and(|most| booked + held > most) {
                let capacity = calendar.resource.spec.capacity;
                return broken("I1", id, t, format!("{booked} booked and {held} held of {capacity:?}"));
            }
        }
    }
    Ok(())
}

/// I7: a hold becomes a booking only while it counts.
fn fenced(id: ResourceId, change: &Change, decided_at: Instant) -> Result<(), Broken> {
    match change {
        Change::HoldEnded(ended) if ended.end == HoldEnd::Consumed && ended.hold.expired(decided_at) => broken(
            "I7",
            id,
            decided_at,
            format!("{} was confirmed after {} ({})", ended.hold.id, ended.hold.expires_at, Code::HoldExpired.name()),
        ),
        _ => Ok(()),
    }
}

fn broken(invariant: &'static str, resource: ResourceId, at: Instant, says: String) -> Result<(), Broken> {
    Err(Broken { invariant, resource, at, says })
}
