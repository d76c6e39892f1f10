//! Taking bookings away for an admin's word: which ones, whether they are those that were looked at, and what becomes true of them.
//! A bundle goes whole. Nothing is displaced that the command did not name at its revision.

use super::draft::Draft;
use super::guards::{admin, reasoned};
use super::{Stop, fit, reject};
use crate::booking::{Booking, BookingState, Displacer, Slot};
use crate::calendar::{Calendar, Use, UseId};
use crate::change::Change;
use crate::command::{Actor, Command, Preview};
use crate::hold::{Hold, HoldEnd};
use crate::ids::{BookingId, ResourceId};
use crate::levels::Level;
use crate::outcome::{Code, Ground, Rejection, Rule};
use crate::policy::OwnOverlap;
use crate::set::Set;
use crate::time::{Instant, Interval, Span};
use crate::world::Scope;
use std::collections::BTreeSet;
use std::sync::Arc;

/// An admin's word over rules and bookings, and over what is owed to those who wait.
#[derive(Clone, Copy)]
pub(super) struct Over<'a> {
    pub reason: &'a str,
    pub displaces: &'a Preview,
}

impl Over<'_> {
    /// It has a reason, and is not endless.
    pub fn check(&self) -> Result<(), Stop> {
        reasoned(Some(self.reason))?;
        bounded(self.displaces.len())
    }
}

/// Why bookings are displaced.
#[derive(Clone, Copy)]
pub(super) struct Cause<'a> {
    pub by: Actor,
    pub reason: &'a str,
    pub by_what: Displacer,
}

/// Makes room for slots: voids holds and displaces the newest bookings until they fit, if those are the bookings that were looked at.
pub(super) fn make_way(
    draft: &mut Draft,
    actor: Actor,
    own: BookingId,
    slots: &[Slot],
    over: Over,
) -> Result<(), Stop> {
    let cause = Cause { by: actor, reason: over.reason, by_what: Displacer::Booking(own) };
    let set = newest_in_way(draft, own, over.displaces, |draft| {
        for (n, slot) in slots.iter().enumerate() {
            let calendar = with_lines_before(draft, own, slots, n)?;
            if let Some(at) = fit::first_over(&calendar, slot, Level::taken) {
                let refusal = fit::refusal(&calendar, slot, at, own);
                return Ok(Some(InWay { resource: slot.resource, at, until: slot.occupied.end(), refusal }));
            }
        }
        Ok(None)
    })?;
    take_away(draft, set, over.displaces, cause)
}

/// Lines of one request are summed: those before the n-th already take their units.
fn with_lines_before(draft: &Draft, own: BookingId, slots: &[Slot], n: usize) -> Result<Calendar, Stop> {
    let Some(slot) = slots.get(n) else { return reject(Rejection::by(Code::Invalid, Rule::Lines)) };
    let mut calendar = draft.calendar(slot.resource)?.clone();
    let before: Vec<(u16, Slot)> = slots.iter().enumerate().take(n).map(|(n, s)| (n as u16, *s)).collect();
    let before: Vec<_> = before.into_iter().filter(|(_, s)| s.resource == slot.resource).collect();
    calendar.take_slots(own, crate::ids::PersonId(own.0), &before);
    Ok(calendar)
}

/// An instant at which too much is taken, and what is said if nothing can be done about it.
pub(super) struct InWay {
    pub resource: ResourceId,
    pub at: Instant,
    /// Nothing that begins later will be.
    pub until: Instant,
    pub refusal: Rejection,
}

/// The newest bookings that stand in the way until nothing does, lifted out of the draft. Holds in the way are voided first: nobody
/// was told yet that they have anything.
pub(super) fn newest_in_way(
    draft: &mut Draft,
    own: BookingId,
    preview: &Preview,
    next: impl Fn(&Draft) -> Result<Option<InWay>, Stop>,
) -> Result<Vec<Arc<Booking>>, Stop> {
    let mut set: Vec<Arc<Booking>> = Vec::new();
    // Each step takes a hold or a booking out of the way, and there are only so many of them.
    while let Some(InWay { resource, at, until, refusal }) = next(draft)? {
        let instant = Interval::new(at, at.plus(Span(1))).map_err(|_| Stop::from(refusal.clone()))?;
        let standing: Vec<Use> = draft.calendar(resource)?.meeting(instant).copied().collect();
        if void_one(draft, resource, &standing)? {
            continue;
        }
        look_at_all(draft, resource, at, until, preview)?;
        let Some(booking) = newest(draft, &standing, own)? else { return Err(refusal.into()) };
        draft.lift(&booking);
        set.push(booking);
        bounded(set.len())?;
    }
    Ok(set)
}

/// Asks for whatever else will stand in the way in the same breath, if it is not too much, and for whoever will have lost what
/// kept them from something else: settling asks only so many times.
fn look_at_all(
    draft: &Draft,
    resource: ResourceId,
    at: Instant,
    until: Instant,
    preview: &Preview,
) -> Result<(), Stop> {
    let Ok(stretch) = Interval::new(at, until.min(at.plus(Interval::LONGEST))) else { return Ok(()) };
    let calendar = draft.calendar(resource)?;
    let ids: BTreeSet<BookingId> =
        calendar.meeting(stretch).filter_map(booking_of).take(Command::CANDIDATES_MAX).collect();
    let looked = named(draft, &ids).map(drop);
    let Err(Stop::Needs(mut needs)) = looked else { return looked };
    let shown = preview.iter().take(Command::DISPLACED_MAX).filter_map(|(id, _)| draft.world.bookings.get(id));
    let ruled = |slot: &Slot| slot.own_overlap == OwnOverlap::Refuse || slot.quota.is_some();
    needs.people.extend(shown.filter(|b| b.slots.iter().any(ruled)).map(|b| b.owner));
    Err(Stop::Needs(needs))
}

/// Voids one of the holds among the uses, if there is one.
pub(super) fn void_one(draft: &mut Draft, resource: ResourceId, standing: &[Use]) -> Result<bool, Stop> {
    let hold = |u: &Use| match u.id {
        UseId::Hold(id) => Some(id),
        UseId::Booking(..) => None,
    };
    let calendar = draft.calendar(resource)?;
    let held: Option<Hold> = standing.iter().find_map(hold).and_then(|id| calendar.holds.get(&id)).copied();
    if let Some(hold) = held {
        draft.end_hold(hold, HoldEnd::Voided);
    }
    Ok(held.is_some())
}

/// The newest of those that can be taken away: what is over, or was let go because nobody came, is past.
fn newest(draft: &Draft, standing: &[Use], own: BookingId) -> Result<Option<Arc<Booking>>, Stop> {
    let ids: BTreeSet<BookingId> = standing.iter().filter_map(booking_of).filter(|id| *id != own).collect();
    let mut bookings = named(draft, &ids)?;
    bookings.retain(|b| b.state.takes_units() && b.end() > draft.now);
    Ok(bookings.into_iter().max_by_key(|b| (b.created_at, b.id)))
}

/// Which booking a use is of.
pub(super) const fn booking_of(u: &Use) -> Option<BookingId> {
    match u.id {
        UseId::Booking(id, _) => Some(id),
        UseId::Hold(_) => None,
    }
}

/// These bookings, all of them loaded.
pub(super) fn named(draft: &Draft, ids: &BTreeSet<BookingId>) -> Result<Vec<Arc<Booking>>, Stop> {
    if ids.len() > Command::CANDIDATES_MAX {
        return reject(Rejection::by(Code::Invalid, Rule::DisplacedMax));
    }
    let missing: Set<BookingId> = ids.iter().filter(|id| !draft.world.loaded.bookings.contains(id)).copied().collect();
    if !missing.is_empty() {
        return Err(Stop::Needs(Box::new(Scope { bookings: missing, ..Scope::default() })));
    }
    Ok(ids.iter().filter_map(|id| draft.world.bookings.get(id).cloned()).collect())
}

fn bounded(count: usize) -> Result<(), Stop> {
    match count > Command::DISPLACED_MAX {
        true => reject(Rejection::by(Code::Invalid, Rule::DisplacedMax)),
        false => Ok(()),
    }
}

/// Displaces exactly these, if they are what was looked at; otherwise it is for the admin to look again.
pub(super) fn take_away(
    draft: &mut Draft,
    mut set: Vec<Arc<Booking>>,
    preview: &Preview,
    cause: Cause,
) -> Result<(), Stop> {
    bounded(set.len())?;
    set.sort_by_key(|b| b.id);
    let same = same_set(&set, preview);
    if !same {
        return Err(Stop::Moved(Box::new(Ground::Displaced { yours: preview.clone(), theirs: set })));
    }
    let Cause { by, reason, by_what } = cause;
    for booking in &set {
        // A bundle goes whole, so it is for whoever may take all of it.
        admin(draft, by, booking.resources())?;
    }
    for booking in set {
        let (id, owner, was_pending) = (booking.id, booking.owner, !booking.state.takes_units());
        for resource in booking.resources() {
            let slots = booking.placed_on(resource);
            let reason = reason.into();
            draft.change(
                resource,
                Change::BookingDisplaced { booking: id, owner, was_pending, slots, by, reason, by_what },
            );
        }
        let state = BookingState::Displaced { at: draft.now, by, reason: reason.into(), by_what };
        draft.put_booking(Booking { state, ..super::bookings::revised(&booking, draft.now) });
    }
    Ok(())
}

/// Whether the preview names exactly these bookings at these revisions, in whichever order.
fn same_set(set: &[Arc<Booking>], preview: &Preview) -> bool {
    let mut yours = preview.clone();
    yours.sort();
    yours.dedup();
    yours.iter().copied().eq(set.iter().map(|b| (b.id, b.revision)))
}
