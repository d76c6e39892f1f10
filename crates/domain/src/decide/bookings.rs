//! Making, moving, swapping, editing and giving up bookings.
//! It judges in the order of precedence and changes only the draft.

use super::draft::Draft;
use super::guards::{
    admin, before_cutoff, in_service, named_booking, not_begun, not_blocked, open, own_overlap, owner_or_admin, role,
    seated, slots,
};
use super::holds::{Held, ended_hold, find_hold, own};
use super::persons::{eligible, linked, nothing_rests_on, quota};
use super::{Judged, Stop, fit, promote, reject};
use crate::booking::{Booking, BookingState, Details, DetailsPatch, Slot};
use crate::change::Change;
use crate::command::{Actor, HoldRef, Line};
use crate::hold::{Hold, HoldEnd};
use crate::ids::{BookingId, PersonId, ResourceId};
use crate::outcome::{Code, Rejection, Rule, Subject, Witness};
use crate::policy::Policy;
use crate::series::Occurrence;
use crate::time::Instant;
use crate::world::{Role, Scope};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A booking to be made.
pub(super) struct NewBooking<'a> {
    pub id: BookingId,
    pub owner: PersonId,
    pub lines: &'a [Line],
    pub details: &'a Details,
    /// Which date of which series it is.
    pub occurrence: Option<Occurrence>,
}

pub(super) fn book(draft: &mut Draft, actor: Actor, new: &NewBooking, named: Option<HoldRef>) -> Judged {
    let NewBooking { id, owner, lines, details, ref occurrence } = *new;
    let slots = slots(draft, lines)?;
    seated(draft, details, &slots)?;
    let held = named.map(|named| find_hold(draft, named.id));
    if let Some(Ok(Held::Live(Hold { resource, .. }))) = held
        && slots.iter().all(|s| s.resource != resource)
    {
        return reject(Rejection::by(Code::Invalid, Rule::Holder).on(resource));
    }
    if !draft.world.roles.contains_key(&owner) && Some(owner) != actor.person() {
        return reject(Rejection::by(Code::NotFound, Rule::Person));
    }
    let held = held.transpose()?;
    let role = role(draft, actor)?;
    if Some(owner) != actor.person() && role != Role::Admin {
        return reject(Rejection::by(Code::NotAllowed, Rule::AdminOnly));
    }
    let hold = held.map(|held| own(held, actor)).transpose()?;
    // Whoever takes an offer gives up what they said they would.
    let offered = hold.as_ref().and_then(|held| promote::offered(draft, held));
    let leaving: Vec<BookingId> = offered.and_then(|entry| entry.gives_up).into_iter().collect();
    if let Some(missing) = leaving.iter().find(|id| !draft.world.loaded.bookings.contains(id)) {
        return Err(Stop::Needs(Box::new(Scope { bookings: [*missing].into(), ..Scope::default() })));
    }
    let given_up = offered.and_then(|entry| promote::given_up(draft, &entry));
    eligible(draft, owner, &slots)?;
    linked(draft, owner, &slots, &leaving)?;
    if let Some(given_up) = given_up.as_ref().filter(|booking| booking.state.takes_units()) {
        nothing_rests_on(draft, given_up, &slots)?;
    }
    open(draft, &slots)?;
    if let Some(given_up) = &given_up {
        before_cutoff(draft, &given_up.slots, Rule::CancelBy)?;
    }
    quota(draft, owner, &slots, &leaving)?;
    own_overlap(draft, owner, &slots, &leaving)?;
    let hold = match hold {
        Some(Held::Ended(ended)) => return reject(ended_hold(&ended)),
        Some(Held::Live(hold)) if Some(hold.token) != named.map(|n| n.token) => {
            return reject(Rejection::of(Code::HoldSuperseded).on(hold.resource));
        }
        Some(Held::Live(hold)) => Some(hold),
        None => None,
    };
    promote::set_aside(draft, &on(&slots))?;
    if let Some(hold) = hold {
        draft.end_hold(hold, HoldEnd::Consumed);
    }
    let mut approval = false;
    for slot in &slots {
        approval |= draft.calendar(slot.resource)?.resource.spec.policy.approval;
    }
    let pending = approval && role != Role::Admin;
    fit::make_room(draft, id, actor.person(), &slots)?;

    // From here the booking succeeds.
    let booking = Booking {
        id,
        owner,
        made_by: actor,
        state: if pending { BookingState::Pending } else { BookingState::Confirmed },
        details: details.clone(),
        slots,
        occurrence: occurrence.clone(),
        revision: 1,
        created_at: draft.now,
        decided_at: draft.now,
    };
    for resource in booking.resources() {
        let slots = booking.placed_on(resource);
        let occurrence = occurrence.clone();
        draft.change(resource, Change::BookingMade { booking: id, owner, pending, slots, occurrence });
    }
    draft.put_booking(booking.clone());
    promote::taken_by(draft, &booking, offered.map(|entry| entry.id))?;
    Ok(Subject::Booking(id))
}

pub(super) fn approve(draft: &mut Draft, actor: Actor, id: BookingId) -> Judged {
    let booking = named_booking(draft, id)?;
    if matches!(booking.state, BookingState::Cancelled { .. }) {
        return reject(Rejection::by(Code::Invalid, Rule::State));
    }
    for slot in &booking.slots {
        // A section that was moved is not what was asked for any more.
        if draft.calendar(slot.resource)?.resource.spec.interval.is_some_and(|one| one != slot.interval) {
            return reject(Rejection::by(Code::Invalid, Rule::OneInterval).on(slot.resource));
        }
    }
    admin(draft, actor)?;
    if booking.state == BookingState::Confirmed {
        return Ok(Subject::Booking(id));
    }
    eligible(draft, booking.owner, &booking.slots)?;
    linked(draft, booking.owner, &booking.slots, &[])?;
    if draft.now >= booking.end() {
        return reject(Rejection::by(Code::PastCutoff, Rule::Begun).shown(Witness::Instant(booking.end())));
    }
    for slot in &booking.slots {
        not_blocked(draft, slot)?;
    }
    quota(draft, booking.owner, &booking.slots, &[])?;
    own_overlap(draft, booking.owner, &booking.slots, &[])?;
    promote::set_aside(draft, &on(&booking.slots))?;
    fit::make_room(draft, id, None, &booking.slots)?;

    let owner = booking.owner;
    for resource in booking.resources() {
        let slots = booking.placed_on(resource);
        draft.change(resource, Change::BookingApproved { booking: id, owner, slots });
    }
    draft.put_booking(Booking { state: BookingState::Confirmed, ..revised(&booking, draft.now) });
    Ok(Subject::Booking(id))
}

pub(super) fn cancel(draft: &mut Draft, actor: Actor, id: BookingId, reason: Option<&String>) -> Judged {
    let booking = named_booking(draft, id)?;
    let role = owner_or_admin(draft, actor, &booking)?;
    let was_pending = match booking.state {
        BookingState::Cancelled { .. } => return Ok(Subject::Booking(id)),
        BookingState::Pending => true,
        BookingState::Confirmed => false,
    };
    if role != Role::Admin && !was_pending {
        nothing_rests_on(draft, &booking, &[])?;
    }
    if draft.now >= booking.end() {
        return reject(Rejection::by(Code::PastCutoff, Rule::Begun).shown(Witness::Instant(booking.end())));
    }
    if role != Role::Admin {
        before_cutoff(draft, &booking.slots, Rule::CancelBy)?;
    }

    let owner = booking.owner;
    for resource in booking.resources() {
        let slots = booking.placed_on(resource);
        let reason = reason.cloned();
        draft.change(resource, Change::BookingCancelled { booking: id, owner, was_pending, slots, by: actor, reason });
    }
    let state = BookingState::Cancelled { at: draft.now, by: actor, reason: reason.cloned() };
    draft.put_booking(Booking { state, ..revised(&booking, draft.now) });
    Ok(Subject::Booking(id))
}

/// Where a booking goes.
pub(super) struct Destination<'a> {
    pub lines: &'a [Line],
    /// Other bookings that leave their places in the same command.
    pub leaving: &'a [BookingId],
    /// Which date of its series it is from then on.
    pub occurrence: Option<&'a Occurrence>,
}

pub(super) fn move_to(draft: &mut Draft, actor: Actor, id: BookingId, to: &Destination) -> Judged {
    let booking = named_booking(draft, id);
    if booking.as_ref().is_ok_and(|b| matches!(b.state, BookingState::Cancelled { .. })) {
        return reject(Rejection::by(Code::Invalid, Rule::State));
    }
    let slots = slots(draft, to.lines)?;
    let booking = booking?;
    let Kept { slots, fresh } = Kept::of(&booking, slots);
    seated(draft, &booking.details, &slots)?;
    let role = owner_or_admin(draft, actor, &booking)?;
    if slots == booking.slots {
        return Ok(Subject::Booking(id));
    }
    if booking.state == BookingState::Confirmed && role != Role::Admin {
        for slot in &fresh {
            // It would have to wait there, and what waits takes nothing: its old place would be lost.
            if draft.calendar(slot.resource)?.resource.spec.policy.approval {
                return reject(Rejection::by(Code::NotAllowed, Rule::Approval).on(slot.resource));
            }
        }
    }
    eligible(draft, booking.owner, &fresh)?;
    linked(draft, booking.owner, &slots, &[id])?;
    in_service(draft, &fresh)?;
    changeable(draft, &booking, role)?;
    for slot in slots.iter().filter(|slot| !booking.slots.contains(slot)) {
        let (start, end) = (slot.interval.start(), slot.interval.end());
        // What has begun may go on longer or end sooner, but not in the past.
        let goes_on = booking.slots.iter().any(|s| s.resource == slot.resource && s.interval.start() == start);
        let new = fresh.contains(slot) && !goes_on;
        not_begun(draft, slot.resource, if new { start.plus(Policy::START_GRACE).min(end) } else { end })?;
    }
    before_cutoff(draft, &fresh, Rule::BookBy)?;
    if fresh.is_empty() && role != Role::Admin {
        // Nothing comes instead: what is left behind is given up.
        let gone = booking.slots.iter().filter(|old| slots.iter().all(|new| new.resource != old.resource));
        before_cutoff(draft, &gone.copied().collect::<Vec<_>>(), Rule::CancelBy)?;
    }
    for slot in &fresh {
        not_blocked(draft, slot)?;
    }
    let leaving = [&[id], to.leaving].concat();
    quota(draft, booking.owner, &slots, &leaving)?;
    own_overlap(draft, booking.owner, &slots, &leaving)?;
    promote::set_aside(draft, &on(&slots))?;
    draft.lift(&booking);
    fit::make_room(draft, id, actor.person(), &slots)?;

    // From here the booking has its new place.
    let moved = Booking { slots: slots.clone(), ..Booking::clone(&booking) };
    relocate(draft, &[(booking, slots, to.occurrence)]);
    promote::taken_by(draft, &moved, None)?;
    Ok(Subject::Booking(id))
}

pub(super) fn swap(draft: &mut Draft, actor: Actor, one: BookingId, other: BookingId) -> Judged {
    if one == other {
        return reject(Rejection::by(Code::Invalid, Rule::SameBooking));
    }
    let both = [named_booking(draft, one), named_booking(draft, other)];
    if both.iter().flatten().any(|b| matches!(b.state, BookingState::Cancelled { .. })) {
        return reject(Rejection::by(Code::Invalid, Rule::State));
    }
    let [one, other] = both;
    let (one, other) = (one?, other?);
    if one.state != other.state {
        return reject(Rejection::by(Code::Invalid, Rule::Approval));
    }
    seated(draft, &one.details, &other.slots)?;
    seated(draft, &other.details, &one.slots)?;
    let role = role(draft, actor)?;
    let owners = [one.owner, other.owner];
    if role != Role::Admin && owners.iter().any(|owner| actor.person() != Some(*owner)) {
        return reject(Rejection::by(Code::NotAllowed, Rule::OwnerOfBoth));
    }
    let leaving = [one.id, other.id];
    // Somebody who has both has the same afterwards.
    let hands = if one.owner == other.owner { Vec::new() } else { vec![(&one, &other), (&other, &one)] };
    for (to, from) in &hands {
        eligible(draft, to.owner, &from.slots)?;
        linked(draft, to.owner, &from.slots, &leaving)?;
    }
    changeable(draft, &one, role)?;
    changeable(draft, &other, role)?;
    for (to, from) in &hands {
        quota(draft, to.owner, &from.slots, &leaving)?;
    }
    own_overlap(draft, one.owner, &other.slots, &leaving)?;
    own_overlap(draft, other.owner, &one.slots, &leaving)?;

    // From here they have each other's places. Nothing is taken that was not taken before, so nothing else is asked.
    let subject = Subject::Bookings(one.id, other.id);
    let (ones, others) = (one.slots.clone(), other.slots.clone());
    relocate(draft, &[(one, others, None), (other, ones, None)]);
    Ok(subject)
}

/// The resources of some slots.
fn on(slots: &[Slot]) -> BTreeSet<ResourceId> {
    slots.iter().map(|s| s.resource).collect()
}

/// A booking may still be changed: not over, and for others than admins before the cutoff of where it is.
pub(super) fn changeable(draft: &Draft, booking: &Booking, role: Role) -> Result<(), Stop> {
    if draft.now >= booking.end() {
        return reject(Rejection::by(Code::PastCutoff, Rule::Begun).shown(Witness::Instant(booking.end())));
    }
    if role != Role::Admin {
        before_cutoff(draft, &booking.slots, Rule::ChangeBy)?;
    }
    Ok(())
}

/// What a moved booking shall take, and what of it was not its own before.
pub(super) struct Kept {
    /// All of it. What stays exactly as it was keeps the set-up and clear-down it was decided with.
    slots: Vec<Slot>,
    /// What an old line does not cover, time and units: booked as if it were new.
    fresh: Vec<Slot>,
}

impl Kept {
    /// Each old line covers one new line at most; the shortest that does.
    fn of(booking: &Booking, slots: Vec<Slot>) -> Kept {
        let mut old = booking.slots.clone();
        let mut kept = Kept { slots: Vec::with_capacity(slots.len()), fresh: Vec::new() };
        for slot in slots {
            let covers = |(_, o): &(usize, &Slot)| {
                o.resource == slot.resource && o.units >= slot.units && o.interval.covers(slot.interval)
            };
            let shortest = |o: &Slot| (o.interval.length(), o.units);
            let by = old.iter().enumerate().filter(covers).min_by_key(|(_, o)| shortest(o)).map(|(n, _)| n);
            match by.map(|n| old.swap_remove(n)) {
                Some(by) => {
                    let same = by.interval == slot.interval && by.units == slot.units;
                    kept.slots.push(if same { by } else { slot });
                }
                None => {
                    kept.fresh.push(slot);
                    kept.slots.push(slot);
                }
            }
        }
        kept
    }
}

/// Puts bookings where they shall be, told on every resource that any of them leaves, stays on or takes.
pub(super) fn relocate(draft: &mut Draft, moves: &[(Arc<Booking>, Vec<Slot>, Option<&Occurrence>)]) {
    for (booking, slots, occurrence) in moves {
        let mut moved = Booking { slots: slots.clone(), ..revised(booking, draft.now) };
        let occurrence = occurrence.cloned();
        if occurrence.is_some() {
            moved.occurrence.clone_from(&occurrence);
        }
        let resources: BTreeSet<ResourceId> = booking.resources().into_iter().chain(moved.resources()).collect();
        for resource in resources {
            let (from, to) = (booking.placed_on(resource), moved.placed_on(resource));
            let (owner, revision, pending) = (moved.owner, moved.revision, !moved.state.takes_units());
            let booking = moved.id;
            let occurrence = occurrence.clone();
            draft.change(resource, Change::BookingMoved { booking, owner, revision, pending, from, to, occurrence });
        }
        draft.put_booking(moved);
    }
}

pub(super) fn edit_booking(draft: &mut Draft, actor: Actor, id: BookingId, patch: &DetailsPatch) -> Judged {
    let booking = named_booking(draft, id)?;
    if matches!(booking.state, BookingState::Cancelled { .. }) {
        return reject(Rejection::by(Code::Invalid, Rule::State));
    }
    let details = booking.details.patched(patch);
    seated(draft, &details, &booking.slots)?;
    let role = owner_or_admin(draft, actor, &booking)?;
    changeable(draft, &booking, role)?;

    let edited = Booking { details, ..revised(&booking, draft.now) };
    for resource in edited.resources() {
        let change = Change::BookingEdited { booking: id, owner: edited.owner, revision: edited.revision };
        draft.change(resource, change);
    }
    draft.put_booking(edited);
    Ok(Subject::Booking(id))
}

pub(super) fn revised(booking: &Booking, now: Instant) -> Booking {
    Booking { revision: booking.revision + 1, decided_at: now, ..booking.clone() }
}
