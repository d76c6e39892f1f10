//! Making, moving, swapping, editing and giving up bookings.
//! It judges in the order of precedence and changes only the draft.

use super::displace::{self, Over};
use super::draft::Draft;
use super::guards::{
    admin, before_cutoff, in_service, late, named_booking, not_begun, not_blocked, not_checked_in, not_over, open,
    own_overlap, owner_or_admin, owner_or_admin_on, reasoned, role, said_why, seated, slots, stands,
};
use super::holds::{Held, ended_hold, find_hold, own};
use super::persons::{eligible, linked, nothing_rests_on, quota};
use super::{Judged, Stop, fit, promote, reject};
use crate::booking::{Booking, BookingState, Details, DetailsPatch, Slot};
use crate::change::Change;
use crate::command::{Actor, HoldRef, Line};
use crate::hold::{Hold, HoldEnd};
use crate::ids::{BookingId, PersonId, ResourceId};
use crate::levels::{Level, Levels};
use crate::outcome::{Code, Rejection, Rule, Subject};
use crate::resource::Kind;
use crate::series::Occurrence;
use crate::time::{Instant, Interval};
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

pub(super) fn book(
    draft: &mut Draft,
    actor: Actor,
    new: &NewBooking,
    named: Option<HoldRef>,
    over: Option<Over>,
) -> Judged {
    let NewBooking { id, owner, lines, details, ref occurrence } = *new;
    if let Some(over) = over {
        over.check()?;
    }
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
    let role = role(draft, actor, on(&slots))?;
    if (Some(owner) != actor.person() || over.is_some()) && role != Role::Admin {
        return reject(Rejection::by(Code::NotAllowed, Rule::AdminOnly));
    }
    if over.is_none() {
        said_why(draft, actor, &[owner])?;
    }
    let hold = held.map(|held| own(held, actor)).transpose()?;
    // Whoever takes an offer gives up what they said they would.
    let offered = hold.as_ref().and_then(|held| promote::offered(draft, held));
    let gives_up: Option<BookingId> = offered.and_then(|entry| entry.gives_up);
    if let Some(missing) = gives_up.filter(|id| !draft.world.loaded.bookings.contains(id)) {
        return Err(Stop::Needs(Box::new(Scope { bookings: [missing].into(), ..Scope::default() })));
    }
    let given_up = offered.and_then(|entry| promote::given_up(draft, &entry));
    let leaving = leaving(over, gives_up);
    if over.is_none() {
        eligible(draft, owner, &slots)?;
        linked(draft, owner, &slots, &leaving)?;
        if let Some(given_up) = given_up.as_ref().filter(|booking| booking.state.takes_units()) {
            nothing_rests_on(draft, given_up, &slots)?;
        }
    }
    open(draft, &slots, Some(owner), over)?;
    if let Some(given_up) = &given_up {
        before_cutoff(draft, &given_up.slots, Rule::CancelBy)?;
    }
    if over.is_none() {
        quota(draft, owner, &slots, &leaving)?;
    }
    own_overlap(draft, owner, &slots, &leaving)?;
    let hold = match hold {
        Some(Held::Ended(ended)) => return reject(ended_hold(&ended)),
        Some(Held::Live(hold))
            if Some(hold.token) != named.map(|n| n.token)
                && !(crate::planted!(FencingByMaxSeen) && named.is_some_and(|n| n.token > hold.token)) =>
        {
            return reject(Rejection::of(Code::HoldSuperseded).on(hold.resource));
        }
        Some(Held::Live(hold)) => Some(hold),
        None => None,
    };
    if over.is_none() {
        promote::set_aside(draft, &on(&slots))?;
    }
    if let Some(hold) = hold {
        draft.end_hold(hold, HoldEnd::Consumed);
    }
    if let Some(given_up) = given_up.filter(|booking| booking.owner == owner) {
        // It is given up below, and does not stand in the way of what it is given up for.
        draft.lift(&given_up);
    }
    let (mut approval, mut takes) = (false, true);
    for slot in &slots {
        let policy = &draft.calendar(slot.resource)?.resource.spec.policy;
        approval |= policy.approval;
        takes &= !policy.approval || policy.pending_takes;
    }
    let pending = approval && role != Role::Admin;
    match over {
        Some(over) => displace::make_way(draft, actor, id, &slots, over)?,
        None => fit::make_room(draft, id, actor.person(), &slots)?,
    }

    // From here the booking succeeds.
    let booking = Booking {
        id,
        owner,
        made_by: actor,
        state: if pending { BookingState::Pending { takes } } else { BookingState::Confirmed },
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
        draft.change(
            resource,
            match pending && takes {
                true => Change::BookingRequested { booking: id, owner, slots, occurrence },
                false => Change::BookingMade { booking: id, owner, pending, slots, occurrence },
            },
        );
    }
    overrode(draft, &booking, over);
    draft.put_booking(booking.clone());
    promote::taken_by(draft, &booking, offered.map(|entry| entry.id))?;
    Ok(Subject::Booking(id))
}

pub(super) fn approve(draft: &mut Draft, actor: Actor, id: BookingId) -> Judged {
    let booking = named_booking(draft, id)?;
    stands(&booking)?;
    for slot in &booking.slots {
        // A section that was moved is not what was asked for any more.
        if draft.calendar(slot.resource)?.resource.spec.interval.is_some_and(|one| one != slot.interval) {
            return reject(Rejection::by(Code::Invalid, Rule::OneInterval).on(slot.resource));
        }
    }
    admin(draft, actor, booking.resources())?;
    let BookingState::Pending { takes } = booking.state else {
        return Ok(Subject::Booking(id));
    };
    // Of nobody's own either: it is said in the name of whoever has the resource.
    said_why(draft, actor, &[])?;
    eligible(draft, booking.owner, &booking.slots)?;
    linked(draft, booking.owner, &booking.slots, &[id])?;
    not_over(draft, &booking)?;
    for slot in &booking.slots {
        not_blocked(draft, slot, Some(booking.owner), Some(id))?;
    }
    quota(draft, booking.owner, &booking.slots, &[id])?;
    own_overlap(draft, booking.owner, &booking.slots, &[id])?;
    promote::set_aside(draft, &on(&booking.slots))?;
    draft.lift(&booking);
    fit::make_room(draft, id, None, &booking.slots)?;

    let owner = booking.owner;
    if takes {
        draft.put_back(&booking);
    }
    for resource in booking.resources() {
        let slots = booking.placed_on(resource);
        draft.change(
            resource,
            match takes {
                true => Change::RequestApproved { booking: id, owner },
                false => Change::BookingApproved { booking: id, owner, slots },
            },
        );
    }
    draft.put_booking(Booking { state: BookingState::Confirmed, ..revised(&booking, draft.now) });
    Ok(Subject::Booking(id))
}

pub(super) fn cancel(draft: &mut Draft, actor: Actor, id: BookingId, reason: Option<&String>) -> Judged {
    let booking = named_booking(draft, id)?;
    if !matches!(booking.state, BookingState::Cancelled { .. }) {
        stands(&booking)?;
    }
    let role = match crate::planted!(OwnerUnchecked) {
        true => role(draft, actor, booking.resources())?,
        false => owner_or_admin(draft, actor, &booking)?,
    };
    if matches!(booking.state, BookingState::Cancelled { .. }) {
        return Ok(Subject::Booking(id));
    }
    let own = actor.person() == Some(booking.owner);
    if !own && actor != Actor::System {
        reasoned(reason.map(String::as_str))?;
    }
    if role != Role::Admin && booking.state.takes_units() {
        nothing_rests_on(draft, &booking, &[])?;
    }
    not_over(draft, &booking)?;
    if role != Role::Admin {
        before_cutoff(draft, &booking.slots, Rule::CancelBy)?;
    }
    let waits = matches!(booking.state, BookingState::Pending { .. });
    let late = own && !waits && !late_of(draft, &booking, &booking.slots)?.is_empty();
    give_up(draft, actor, &booking, reason, late);
    Ok(Subject::Booking(id))
}

/// What somebody drops of a booking when that is late stands as a booking of its own that was cancelled late: it counts and is told
/// as if it had been booked by itself.
fn given_up_late(draft: &mut Draft, actor: Actor, of: &Booking, slots: Vec<Slot>) {
    let (id, owner, at) = (of.dropped_as(draft.now), of.owner, draft.now);
    for resource in slots.iter().map(|slot| slot.resource).collect::<BTreeSet<_>>() {
        let on = slots.iter().zip(0..).filter(|(slot, _)| slot.resource == resource);
        let placed: Vec<(u16, Slot)> = on.map(|(slot, n)| (n, *slot)).collect();
        let (slots, occurrence) = (placed.clone(), None);
        draft.change(resource, Change::BookingMade { booking: id, owner, pending: false, slots, occurrence });
        let (was_pending, slots, reason, late) = (false, placed, None, true);
        draft.change(
            resource,
            Change::BookingCancelled { booking: id, owner, was_pending, slots, by: actor, reason, late },
        );
    }
    draft.put_booking(Booking {
        id,
        owner,
        made_by: actor,
        state: BookingState::Cancelled { at, by: actor, reason: None, late: true },
        details: of.details.clone(),
        slots,
        occurrence: None,
        revision: 1,
        created_at: at,
        decided_at: at,
    });
}

/// From here the booking is cancelled.
pub(super) fn give_up(draft: &mut Draft, by: Actor, booking: &Booking, reason: Option<&String>, late: bool) {
    let (id, owner, was_pending) = (booking.id, booking.owner, !booking.state.takes_units());
    for resource in booking.resources() {
        let slots = booking.placed_on(resource);
        let reason = reason.cloned();
        draft.change(resource, Change::BookingCancelled { booking: id, owner, was_pending, slots, by, reason, late });
    }
    let state = BookingState::Cancelled { at: draft.now, by, reason: reason.cloned(), late };
    draft.put_booking(Booking { state, ..revised(booking, draft.now) });
}

/// Where a booking goes.
pub(super) struct Destination<'a> {
    pub lines: &'a [Line],
    /// Other bookings that leave their places in the same command.
    pub leaving: &'a [BookingId],
    /// Which date of its series it is from then on.
    pub occurrence: Option<&'a Occurrence>,
}

pub(super) fn move_to(draft: &mut Draft, actor: Actor, id: BookingId, to: &Destination, over: Option<Over>) -> Judged {
    let booking = named_booking(draft, id);
    if let Ok(booking) = &booking {
        stands(booking)?;
    }
    if let Some(over) = over {
        over.check()?;
    }
    let slots = slots(draft, to.lines)?;
    let booking = booking?;
    let start = slots.iter().map(|s| s.interval.start()).min();
    if start != Some(booking.start()) {
        // Whoever has come has come to that time.
        not_checked_in(&booking)?;
    }
    let Kept { slots, fresh } = Kept::of(&booking, slots);
    seated(draft, &booking.details, &slots)?;
    // Who only manages where it was says nothing about where it goes.
    let both: BTreeSet<ResourceId> = booking.resources().into_iter().chain(on(&slots)).collect();
    let role = owner_or_admin_on(draft, actor, &booking, both.iter().copied())?;
    if over.is_some() {
        admin(draft, actor, both)?;
    }
    if slots == booking.slots {
        return Ok(Subject::Booking(id));
    }
    if over.is_none() {
        said_why(draft, actor, &[booking.owner])?;
    }
    if !matches!(booking.state, BookingState::Pending { .. }) && role != Role::Admin {
        for slot in &fresh {
            // It would have to wait there, and what waits takes nothing: its old place would be lost.
            if draft.calendar(slot.resource)?.resource.spec.policy.approval {
                return reject(Rejection::by(Code::NotAllowed, Rule::Approval).on(slot.resource));
            }
        }
    }
    if over.is_none() {
        eligible(draft, booking.owner, &fresh)?;
        linked(draft, booking.owner, &slots, &[id])?;
        if role != Role::Admin && booking.state.takes_units() {
            nothing_rests_on(draft, &booking, &slots)?;
        }
        in_service(draft, &fresh)?;
    }
    changeable(draft, &booking, role)?;
    for slot in slots.iter().filter(|slot| !booking.slots.contains(slot)) {
        let (start, end) = (slot.interval.start(), slot.interval.end());
        // What has begun may go on longer or end sooner, but not in the past.
        let goes_on = booking.slots.iter().any(|s| s.resource == slot.resource && s.interval.start() == start);
        let new = fresh.contains(slot) && !goes_on;
        let spec = &draft.calendar(slot.resource)?.resource.spec;
        not_begun(draft, slot.resource, if new { spec.begun(slot.interval) } else { end })?;
    }
    if over.is_none() {
        before_cutoff(draft, &fresh, Rule::BookBy)?;
    }
    if role != Role::Admin {
        exchanged(draft, &booking, &slots)?;
    }
    let own = actor.person() == Some(booking.owner) && !matches!(booking.state, BookingState::Pending { .. });
    let dropped_late = match own && over.is_none() {
        true => late_of(draft, &booking, &given_up(&booking, &slots))?,
        false => Vec::new(),
    };
    for slot in &fresh {
        not_blocked(draft, slot, Some(booking.owner), Some(id))?;
    }
    let leaving = [&leaving(over, Some(id))[..], to.leaving].concat();
    if over.is_none() {
        // What is given up late goes on counting.
        quota(draft, booking.owner, &[&slots[..], &dropped_late].concat(), &leaving)?;
    }
    own_overlap(draft, booking.owner, &slots, &leaving)?;
    if over.is_none() {
        promote::set_aside(draft, &on(&slots))?;
    }
    draft.lift(&booking);
    match over {
        Some(over) => displace::make_way(draft, actor, id, &slots, over)?,
        None => {
            // Dates of a series leave together: one may have gone already to where this one was.
            let gone = to.leaving.iter().filter(|other| **other != id && draft.has_changed(**other));
            let there: Vec<Slot> =
                gone.filter_map(|other| draft.booking(*other)).flat_map(|b| b.slots.clone()).collect();
            let anew = taken_anew(&booking, &slots, &there);
            fit::make_room(draft, id, actor.person(), &anew)?;
        }
    }

    // From here the booking has its new place.
    let moved = Booking { slots: slots.clone(), ..Booking::clone(&booking) };
    relocate(draft, &[(booking.clone(), slots, to.occurrence)]);
    if !dropped_late.is_empty() {
        given_up_late(draft, actor, &booking, dropped_late);
    }
    overrode(draft, &moved, over);
    promote::taken_by(draft, &moved, None)?;
    Ok(Subject::Booking(id))
}

/// What of a moved booking must fit: all that it takes of a resource where, at that instant, it is more than it took before. The rest it
/// has already, even where the capacity is less by now; but for what others have been given meanwhile.
fn taken_anew(booking: &Booking, slots: &[Slot], given: &[Slot]) -> Vec<Slot> {
    let before = if booking.state.takes_units() { &booking.slots[..] } else { &[] };
    let mut anew = Vec::with_capacity(slots.len());
    for slot in slots {
        if before.iter().all(|old| old.resource != slot.resource) {
            anew.push(*slot);
            continue;
        }
        let [taken, had, given] = [slots, before, given].map(|of| levels(of, slot.resource));
        let steps: BTreeSet<Instant> =
            [&taken, &had, &given].iter().flat_map(|of| of.during(slot.occupied)).map(|(t, _)| t).collect();
        let ends = steps.iter().skip(1).copied().chain([slot.occupied.end()]);
        let anew_at = |t: Instant| given.at(t).booked > 0 || taken.at(t).booked > had.at(t).booked;
        let more = steps.iter().copied().zip(ends).filter(|(t, _)| anew_at(*t));
        let mut pieces: Vec<(Instant, Instant)> = Vec::new();
        for (start, end) in more {
            match pieces.last_mut() {
                Some(last) if last.1 == start => last.1 = end,
                Some(_) | None => pieces.push((start, end)),
            }
        }
        let pieces = pieces.into_iter().filter_map(|(start, end)| Interval::new(start, end).ok());
        anew.extend(pieces.map(|occupied| Slot { occupied, ..*slot }));
    }
    anew
}

/// What some slots take of a resource.
fn levels(slots: &[Slot], of: ResourceId) -> Levels {
    let mut levels = Levels::default();
    for slot in slots.iter().filter(|s| s.resource == of) {
        levels.add(slot.occupied, Level { booked: slot.units.into(), held: 0 });
    }
    levels
}

/// What a move leaves behind of a booking: of each old line as many units as at no instant of it are taken of the resource afterwards,
/// beside the lines before it. What only begins or ends otherwise is kept.
fn given_up(booking: &Booking, slots: &[Slot]) -> Vec<Slot> {
    let left = |(n, old): (usize, &Slot)| {
        let here = |s: &&Slot| s.resource == old.resource;
        let earlier = booking.slots.get(..n).unwrap_or_default();
        let units = |of: &[Slot], t: Instant| -> u32 {
            let there = of.iter().filter(here).filter(|s| s.interval.contains(t));
            there.fold(0, |sum: u32, s| sum.saturating_add(s.units))
        };
        let edges = slots.iter().chain(earlier).filter(here).flat_map(|s| [s.interval.start(), s.interval.end()]);
        let edges = edges.filter(|t| old.interval.contains(*t)).chain([old.interval.start()]);
        let kept = edges.map(|t| units(slots, t).saturating_sub(units(earlier, t))).max().unwrap_or(0);
        let units = old.units.saturating_sub(kept);
        (units > 0).then_some(Slot { units, ..*old })
    };
    booking.slots.iter().enumerate().filter_map(left).collect()
}

/// Of these slots of a booking, those that are given up late by now.
fn late_of(draft: &Draft, booking: &Booking, slots: &[Slot]) -> Result<Vec<Slot>, Stop> {
    let mut all = Vec::new();
    for slot in slots {
        if late(draft, booking, slot)? {
            all.push(*slot);
        }
    }
    Ok(all)
}

/// A move drops what cannot be cancelled any more only for something of its kind that it takes instead, one for one: that is an
/// exchange, bound by what binds a change. Anything else is given up as by a cancel.
fn exchanged(draft: &Draft, booking: &Booking, slots: &[Slot]) -> Result<(), Stop> {
    let (before, after) = (on(&booking.slots), on(slots));
    let mut instead: Vec<Kind> = Vec::new();
    for id in after.difference(&before) {
        instead.push(draft.calendar(*id)?.resource.spec.kind);
    }
    for id in before.difference(&after) {
        let left: Vec<Slot> = booking.slots_on(*id).map(|(_, slot)| *slot).collect();
        let Err(refused) = before_cutoff(draft, &left, Rule::CancelBy) else { continue };
        let kind = draft.calendar(*id)?.resource.spec.kind;
        match instead.iter().position(|other| *other == kind) {
            Some(n) => drop(instead.swap_remove(n)),
            None => return Err(refused),
        }
    }
    Ok(())
}

/// Bookings that do not count against their owner, since they will not be there.
fn leaving(over: Option<Over>, gone: Option<BookingId>) -> Vec<BookingId> {
    over.into_iter().flat_map(|over| over.displaces.iter().map(|(id, _)| *id)).chain(gone).collect()
}

/// Says on every resource of a booking why it is there against the rules.
fn overrode(draft: &mut Draft, booking: &Booking, over: Option<Over>) {
    let Some(over) = over else { return };
    let placed = draft.placed(booking.id).unwrap_or_else(|| booking.resources());
    for resource in placed {
        let (booking, owner, reason) = (booking.id, booking.owner, over.reason.into());
        draft.change(resource, Change::BookingOverrode { booking, owner, reason });
    }
}

pub(super) fn swap(draft: &mut Draft, actor: Actor, one: BookingId, other: BookingId) -> Judged {
    if one == other {
        return reject(Rejection::by(Code::Invalid, Rule::SameBooking));
    }
    let both = [named_booking(draft, one), named_booking(draft, other)];
    for booking in both.iter().flatten() {
        not_checked_in(booking)?;
    }
    let [one, other] = both;
    let (one, other) = (one?, other?);
    if one.state != other.state {
        return reject(Rejection::by(Code::Invalid, Rule::Approval));
    }
    seated(draft, &one.details, &other.slots)?;
    seated(draft, &other.details, &one.slots)?;
    let role = role(draft, actor, one.resources().into_iter().chain(other.resources()))?;
    let owners = [one.owner, other.owner];
    if role != Role::Admin && owners.iter().any(|owner| actor.person() != Some(*owner)) {
        return reject(Rejection::by(Code::NotAllowed, Rule::OwnerOfBoth));
    }
    for owner in owners {
        said_why(draft, actor, &[owner])?;
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
    let places = [
        Booking { slots: others.clone(), ..Booking::clone(&one) },
        Booking { slots: ones.clone(), ..Booking::clone(&other) },
    ];
    relocate(draft, &[(one, others, None), (other, ones, None)]);
    for has in &places {
        promote::taken_by(draft, has, None)?;
    }
    Ok(subject)
}

/// The resources of some slots.
fn on(slots: &[Slot]) -> BTreeSet<ResourceId> {
    slots.iter().map(|s| s.resource).collect()
}

/// A booking may still be changed: not over, and for others than admins before the cutoff of where it is.
pub(super) fn changeable(draft: &Draft, booking: &Booking, role: Role) -> Result<(), Stop> {
    not_over(draft, booking)?;
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
    stands(&booking)?;
    let details = booking.details.patched(patch);
    seated(draft, &details, &booking.slots)?;
    let role = owner_or_admin(draft, actor, &booking)?;
    said_why(draft, actor, &[booking.owner])?;
    changeable(draft, &booking, role)?;

    // Only words are decided anew: whoever edits has no longer to check in than before.
    let edited = Booking { details, ..revised(&booking, booking.decided_at) };
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
