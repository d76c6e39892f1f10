//! What must hold after every commit, asserted before it, in release builds too (I1, I2, I7, I17).
//! It trusts nothing that [`crate::decide`] computed: it adds up the uses again.

use crate::calendar::{Calendar, UseId};
use crate::change::Changes;
use crate::hold::HoldEnd;
use crate::ids::ResourceId;
use crate::levels::Level;
use crate::time::{Instant, Interval};
use crate::world::World;
use crate::{Change, Code};
use std::collections::{BTreeMap, BTreeSet};

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
    for (changes, decided_at) in commit {
        for (id, change) in changes.records.iter().flat_map(|(id, record)| record.iter().map(move |c| (*id, c))) {
            fenced(id, change, decided_at)?;
            if let Some(intervals) = raised(change) {
                let (since, all) = touched.entry(id).or_insert_with(|| (decided_at, BTreeSet::new()));
                *since = decided_at.min(*since);
                all.extend(intervals);
            }
        }
    }
    for (id, (since, intervals)) in touched {
        if let Some(calendar) = world.calendars.get(&id) {
            sums(id, calendar, since, &intervals)?;
        }
    }
    Ok(())
}

/// The times at which a change takes more than before, or may have freed wrongly.
fn raised(change: &Change) -> Option<Vec<Interval>> {
    match change {
        Change::BookingMade { slots, .. }
        | Change::BookingApproved { slots, .. }
        | Change::BookingCancelled { slots, .. } => Some(slots.iter().map(|(_, s)| s.occupied).collect()),
        Change::BookingMoved { from, to, .. } => Some(from.iter().chain(to).map(|(_, s)| s.occupied).collect()),
        Change::HoldGranted(hold) => Some(vec![hold.occupied]),
        Change::HoldEnded(ended) => Some(vec![ended.hold.occupied]),
        Change::ResourceCreated(_)
        | Change::ResourceEdited(_)
        | Change::BlockAdded { .. }
        | Change::BlockRemoved { .. }
        | Change::BookingEdited { .. }
        | Change::HoldRenewed(_) => None,
    }
}

/// I1, I2: never more than the capacity at any instant to come; what is over may have been more than the capacity is now.
/// I17: the levels are the sum of the uses.
fn sums(id: ResourceId, calendar: &Calendar, since: Instant, intervals: &BTreeSet<Interval>) -> Result<(), Broken> {
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
            if to_come && calendar.resource.spec.capacity.is_some_and(|capacity| booked + held > i128::from(capacity)) {
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
