//! What must hold after every commit, asserted before it, in release builds too (I1, I2, I7, I8, I17).
//! It trusts nothing that [`crate::decide`] computed: it adds up the uses again.

mod waiting;

use crate::calendar::{Calendar, UseId};
use crate::change::Changes;
use crate::hold::HoldEnd;
use crate::ids::ResourceId;
use crate::levels::Level;
use crate::time::{Instant, Interval};
use crate::world::World;
use crate::{Change, Code};

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
    let commit: Vec<(&Changes, Instant)> = commit.into_iter().collect();
    let mut touched: Vec<(ResourceId, Interval, Instant)> = Vec::new();
    for (changes, decided_at) in commit.iter().copied() {
        for (id, change) in changes.records.iter().flat_map(|(id, record)| record.iter().map(move |c| (*id, c))) {
            fenced(id, change, decided_at)?;
            raised(change, |interval| touched.push((id, interval, decided_at)));
        }
    }
    touched.sort_unstable();
    for of_one in touched.chunk_by(|(one, ..), (other, ..)| one == other) {
        let since = of_one.iter().map(|(.., decided_at)| *decided_at).min();
        let (Some((id, ..)), Some(since)) = (of_one.first(), since) else { continue };
        let Some(calendar) = world.calendars.get(id) else { continue };
        for once in of_one.chunk_by(|(_, one, _), (_, other, _)| one == other) {
            if let Some((_, interval, _)) = once.first() {
                sums(*id, calendar, since, *interval)?;
            }
        }
    }
    waiting::check(world, &commit)
}

/// The times at which a change takes more than before, or may have freed wrongly.
fn raised(change: &Change, mut tell: impl FnMut(Interval)) {
    match change {
        Change::BookingMade { slots, .. }
        | Change::BookingApproved { slots, .. }
        | Change::BookingCancelled { slots, .. } => slots.iter().for_each(|(_, s)| tell(s.occupied)),
        Change::BookingMoved { from, to, .. } => from.iter().chain(to).for_each(|(_, s)| tell(s.occupied)),
        Change::HoldGranted(hold) => tell(hold.occupied),
        Change::HoldEnded(ended) => tell(ended.hold.occupied),
        Change::ResourceCreated(_)
        | Change::ResourceEdited(_)
        | Change::BlockAdded { .. }
        | Change::BlockRemoved { .. }
        | Change::BookingEdited { .. }
        | Change::HoldRenewed(_)
        | Change::WaitJoined(_)
        | Change::WaitOffered(_)
        | Change::WaitResumed(_)
        | Change::WaitMoved(_)
        | Change::WaitEnded(_)
        | Change::WaitDue(_)
        | Change::Reminded { .. } => {}
    }
}

/// I1, I2: never more than the capacity at any instant to come; what is over may have been more than the capacity is now.
/// I17: the levels are the sum of the uses.
fn sums(id: ResourceId, calendar: &Calendar, since: Instant, interval: Interval) -> Result<(), Broken> {
    // What the uses say: how much more is taken from an instant on, or less.
    let mut deltas: Vec<(Instant, i128, i128)> = Vec::new();
    for u in calendar.meeting(interval) {
        let (booked, held) = (i128::from(u.level().booked), i128::from(u.level().held));
        deltas.push((u.occupied.start().max(interval.start()), booked, held));
        if u.occupied.end() < interval.end() {
            deltas.push((u.occupied.end(), -booked, -held));
        }
        if let UseId::Hold(hold) = u.id
            && !calendar.holds.contains_key(&hold)
        {
            return broken("I17", id, u.occupied.start(), format!("{hold} takes units but is no hold"));
        }
    }
    deltas.sort_unstable_by_key(|(t, ..)| *t);
    // What the levels say, compared wherever either of them changes.
    let mut levels = calendar.levels.during(interval).peekable();
    let mut deltas = deltas.into_iter().peekable();
    let (mut level, mut booked, mut held) = (Level::default(), 0_i128, 0_i128);
    let mut next = Some(interval.start());
    while let Some(t) = next {
        while let Some((_, to)) = levels.next_if(|(at, _)| *at <= t) {
            level = to;
        }
        while let Some((_, more_booked, more_held)) = deltas.next_if(|(at, ..)| *at <= t) {
            (booked, held) = (booked + more_booked, held + more_held);
        }
        if (booked, held) != (i128::from(level.booked), i128::from(level.held)) {
            return broken("I17", id, t, format!("levels say {level:?}, the uses add up to {booked} + {held}"));
        }
        next = levels.peek().map(|(at, _)| *at).into_iter().chain(deltas.peek().map(|(at, ..)| *at)).min();
        let to_come = next.unwrap_or(interval.end()) > since;
        if to_come && calendar.resource.spec.capacity.is_some_and(|capacity| booked + held > i128::from(capacity)) {
            let capacity = calendar.resource.spec.capacity;
            return broken("I1", id, t, format!("{booked} booked and {held} held of {capacity:?}"));
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
