//! What must hold after every commit, asserted before it, in release builds too (I1, I2, I6, I7, I8, I11, I17).
//! It trusts nothing that [`crate::decide`] computed: it adds up the uses again.

mod waiting;

use crate::booking::{Booking, BookingState};
use crate::calendar::{Calendar, Use, UseId};
use crate::change::Changes;
use crate::decide::window_since;
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
    // Resources on which what stands beyond the capacity may be another than before.
    let mut changed: Vec<ResourceId> = Vec::new();
    let mut edited: Vec<ResourceId> = Vec::new();
    for (changes, decided_at) in commit.iter().copied() {
        for (id, change) in changes.records.iter().flat_map(|(id, record)| record.iter().map(move |c| (*id, c))) {
            fenced(id, change, decided_at)?;
            displaced_whole(id, change, changes, decided_at)?;
            if is_edit(change) {
                edited.push(id);
            }
            raised(change, |interval| touched.push((id, interval, decided_at)));
        }
        changed.extend(changes.records.iter().map(|(id, _)| *id));
    }
    touched.sort_unstable();
    for of_one in touched.chunk_by(|(one, ..), (other, ..)| one == other) {
        let since = of_one.iter().map(|(.., decided_at)| *decided_at).min();
        let (Some((id, ..)), Some(since)) = (of_one.first(), since) else { continue };
        let Some(calendar) = world.calendars.get(id) else { continue };
        for once in of_one.chunk_by(|(_, one, _), (_, other, _)| one == other) {
            if let Some((_, interval, _)) = once.first() {
                sums(*id, calendar, since, *interval, calendar.over_commit)?;
            }
        }
    }
    changed.sort_unstable();
    changed.dedup();
    for id in changed {
        if let Some(calendar) = world.calendars.get(&id) {
            beyond(id, calendar, &commit, edited.contains(&id))?;
        }
    }
    for (changes, decided_at) in commit.iter().copied() {
        for booking in &changes.bookings {
            let came =
                |change: &Change| matches!(change, Change::BookingCheckedIn { booking: id, .. } if *id == booking.id);
            if matches!(booking.state, BookingState::CheckedIn { .. })
                && changes.records.iter().flat_map(|(_, record)| record).any(came)
            {
                checked_in_time(world, booking, decided_at, &edited)?;
            }
            if let Some(booking) = world.bookings.get(&booking.id) {
                stands_as_it_says(world, booking, decided_at)?;
            }
        }
    }
    waiting::check(world, &commit)
}

/// Whether the rules of the resource are others after it.
const fn is_edit(change: &Change) -> bool {
    matches!(change, Change::ResourceEdited(_) | Change::CapacitySet { .. })
}

/// The times of what nobody had before.
fn adds(change: &Change, mut tell: impl FnMut(Interval)) {
    match change {
        Change::BookingMade { slots, pending: false, .. }
        | Change::BookingApproved { slots, .. }
        | Change::BookingRequested { slots, .. } => slots.iter().for_each(|(_, s)| tell(s.occupied)),
        Change::HoldGranted(hold) => tell(hold.occupied),
        _ => {}
    }
}

/// What stands beyond the capacity on a resource is what an admin left standing there, and none of it came new.
fn beyond(id: ResourceId, calendar: &Calendar, commit: &[(&Changes, Instant)], edited: bool) -> Result<(), Broken> {
    if calendar.over_commit == 0 && !edited {
        return Ok(());
    }
    let (allowed, excess) = (calendar.over_commit, calendar.excess_from(calendar.decided_at));
    if excess != allowed {
        let says = format!("{allowed} more than the capacity may be taken, and {excess} are");
        return broken("I1", id, calendar.decided_at, says);
    }
    if edited {
        return Ok(());
    }
    for (changes, decided_at) in commit {
        let mut came = Vec::new();
        for (_, record) in changes.records.iter().filter(|(of, _)| *of == id) {
            // What is dropped late is told as made and cancelled at once: nobody has it.
            let dropped =
                |id| record.iter().any(|c| matches!(c, Change::BookingCancelled { booking, .. } if *booking == id));
            let made_to_last =
                |change: &&Change| !matches!(change, Change::BookingMade { booking, .. } if dropped(*booking));
            record.iter().filter(made_to_last).for_each(|change| adds(change, |interval| came.push(interval)));
        }
        for interval in came {
            sums(id, calendar, *decided_at, interval, 0)?;
        }
    }
    Ok(())
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
fn checked_in_time(world: &World, booking: &Booking, decided_at: Instant, edited: &[ResourceId]) -> Result<(), Broken> {
    let rule = |id| world.calendars.get(&id)?.resource.spec.policy.check_in;
    let same_rules = booking.resources().iter().all(|id| !edited.contains(id));
    // When it was changed between being made and this is not known any more: then that may have given it longer.
    let since = if booking.revision == 2 { booking.created_at } else { booking.decided_at };
    match window_since(booking, since, rule) {
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
fn raised(change: &Change, mut tell: impl FnMut(Interval)) {
    match change {
        Change::BookingMade { slots, .. }
        | Change::BookingApproved { slots, .. }
        | Change::BookingRequested { slots, .. }
        | Change::BookingDisplaced { slots, .. }
        | Change::BookingHandedOver { slots, .. }
        | Change::BookingNoShow { from: slots, .. }
        | Change::BookingCancelled { slots, .. } => slots.iter().for_each(|(_, s)| tell(s.occupied)),
        Change::BookingMoved { from, to, .. } => from.iter().chain(to).for_each(|(_, s)| tell(s.occupied)),
        Change::HoldGranted(hold) => tell(hold.occupied),
        Change::HoldEnded(ended) => tell(ended.hold.occupied),
        // What stands beyond the capacity is looked at whole.
        Change::ResourceEdited(_) | Change::CapacitySet { .. } | Change::OverCommitLowered { .. } => {}
        Change::ResourceCreated(_)
        | Change::BlockAdded { .. }
        | Change::BlockRemoved { .. }
        | Change::BookingEdited { .. }
        | Change::RequestApproved { .. }
        | Change::BookingCheckedIn { .. }
        | Change::BookingOverrode { .. }
        | Change::Reasoned { .. }
        | Change::ServiceSet { .. }
        | Change::HoldRenewed(_)
        | Change::HoldOverrode { .. }
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
/// `beyond` is how many more than the capacity an admin left standing.
fn sums(id: ResourceId, calendar: &Calendar, since: Instant, interval: Interval, beyond: u32) -> Result<(), Broken> {
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
        let capacity = calendar.resource.spec.capacity;
        let most = capacity.map(|capacity| i128::from(capacity) + i128::from(beyond));
        if to_come && most.is_some_and(|most| booked + held > most) {
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
