//! The questions that several commands ask, each over all lines, each with its one refusal.
//! A guard changes nothing.

use super::displace::Over;
use super::draft::Draft;
use super::{Stop, reject};
use crate::booking::{Booking, BookingState, Details, Slot};
use crate::calendar::Block;
use crate::command::{Actor, Command, Line};
use crate::course::clash;
use crate::ids::{BookingId, PersonId, ResourceId};
use crate::outcome::{Code, Rejection, Rule, Witness};
use crate::policy::OwnOverlap;
use crate::resource::{Kind, ResourceSpec};
use crate::set::Set;
use crate::time::{Instant, Interval};
use crate::world::{Role, Scope};
use std::sync::Arc;

/// The lines as slots of resources that exist, or why they can be none.
pub(super) fn slots(draft: &Draft, lines: &[Line]) -> Result<Vec<Slot>, Stop> {
    if lines.is_empty() || lines.len() > Command::LINES_MAX {
        return reject(Rejection::by(Code::Invalid, Rule::Lines));
    }
    if let Some(line) = lines.iter().find(|l| l.units == 0) {
        return reject(Rejection::by(Code::Invalid, Rule::Units).on(line.resource));
    }
    first_of(lines.iter().map(|line| slot(draft, line)))
}

/// All of them, or the refusal that comes first in the order of precedence.
pub(super) fn first_of<T>(results: impl ExactSizeIterator<Item = Result<T, Stop>>) -> Result<Vec<T>, Stop> {
    let (mut all, mut first) = (Vec::with_capacity(results.len()), None::<Box<Rejection>>);
    for result in results {
        match result {
            Ok(one) => all.push(one),
            Err(Stop::Rejected(r)) if first.as_ref().is_none_or(|f| r.code < f.code) => first = Some(r),
            Err(Stop::Rejected(_)) => {}
            Err(other @ (Stop::Needs(_) | Stop::Moved(_))) => return Err(other),
        }
    }
    first.map_or(Ok(all), |rejection| Err(Stop::Rejected(rejection)))
}

pub(super) fn slot(draft: &Draft, line: &Line) -> Result<Slot, Stop> {
    let invalid = |rule| reject(Rejection::by(Code::Invalid, rule).on(line.resource));
    let resource = &draft.calendar(line.resource)?.resource;
    let spec = &resource.spec;
    if spec.kind == Kind::Group {
        return invalid(Rule::Group);
    }
    let interval = match (spec.interval, line.interval) {
        (Some(one), Some(asked)) if one != asked => return invalid(Rule::OneInterval),
        (Some(one), _) => one,
        (None, Some(asked)) => asked,
        (None, None) => return invalid(Rule::IntervalMissing),
    };
    if spec.capacity.is_some_and(|capacity| line.units > capacity) || line.units > ResourceSpec::CAPACITY_MAX {
        return invalid(Rule::Units);
    }
    if spec.interval.is_none() && spec.policy.duration_max.is_some_and(|most| interval.length() > most) {
        return invalid(Rule::DurationMax);
    }
    Ok(Slot {
        resource: line.resource,
        interval,
        occupied: spec.policy.occupied(interval),
        units: line.units,
        own_overlap: spec.policy.own_overlap,
        quota: resource.counts(),
    })
}

/// No more people than seats.
pub(super) fn seated(draft: &Draft, details: &Details, slots: &[Slot]) -> Result<(), Stop> {
    for slot in slots {
        let seats = draft.calendar(slot.resource)?.resource.spec.seats;
        if details.people.zip(seats).is_some_and(|(people, seats)| people > seats) {
            return reject(Rejection::by(Code::Invalid, Rule::Seats).on(slot.resource));
        }
    }
    Ok(())
}

/// The rules of the resources and their clocks: closed, hours, windows, blocks.
pub(super) fn open(draft: &Draft, slots: &[Slot], owner: Option<PersonId>, over: Option<Over>) -> Result<(), Stop> {
    in_time(draft, slots, over)?;
    for slot in slots {
        not_blocked(draft, slot, owner, None)?;
    }
    Ok(())
}

/// The same without blocks, of which some do not concern everybody.
pub(super) fn in_time(draft: &Draft, slots: &[Slot], over: Option<Over>) -> Result<(), Stop> {
    if over.is_none() {
        in_service(draft, slots)?;
    }
    for slot in slots {
        let begun = draft.calendar(slot.resource)?.resource.spec.begun(slot.interval);
        not_begun(draft, slot.resource, begun)?;
    }
    if over.is_none() {
        before_cutoff(draft, slots, Rule::BookBy)?;
    }
    Ok(())
}

/// What does not depend on how late it is: closed, hours, the window not open yet.
pub(super) fn in_service(draft: &Draft, slots: &[Slot]) -> Result<(), Stop> {
    for slot in slots {
        if draft.calendar(slot.resource)?.resource.spec.policy.closed {
            return reject(Rejection::of(Code::Closed).on(slot.resource));
        }
    }
    for slot in slots {
        let spec = &draft.calendar(slot.resource)?.resource.spec;
        if !spec.policy.open_during(slot.interval, &spec.zone) {
            return reject(Rejection::of(Code::OutsideHours).on(slot.resource));
        }
    }
    for slot in slots {
        let spec = &draft.calendar(slot.resource)?.resource.spec;
        if let Some(opens) = spec.policy.book_from.map(|c| c.instant(slot.interval.start(), &spec.zone))
            && draft.now < opens
        {
            let rejection = Rejection::by(Code::TooEarly, Rule::BookFrom).on(slot.resource);
            return reject(Rejection { retry_at: Some(opens), ..rejection.shown(Witness::Instant(opens)) });
        }
    }
    Ok(())
}

pub(super) fn not_begun(draft: &Draft, resource: ResourceId, begun: Instant) -> Result<(), Stop> {
    match draft.now >= begun {
        true => {
            let rejection = Rejection::by(Code::PastCutoff, Rule::Begun).on(resource);
            reject(rejection.shown(Witness::Instant(begun)))
        }
        false => Ok(()),
    }
}

pub(super) fn before_cutoff(draft: &Draft, slots: &[Slot], rule: Rule) -> Result<(), Stop> {
    for slot in slots {
        let spec = &draft.calendar(slot.resource)?.resource.spec;
        let cutoff = match rule {
            Rule::BookBy => spec.policy.book_by,
            Rule::ChangeBy => spec.policy.change_by,
            _ => spec.policy.cancel_by,
        };
        if let Some(at) = cutoff.map(|c| c.instant(slot.interval.start(), &spec.zone))
            && draft.now >= at
        {
            return reject(Rejection::by(Code::PastCutoff, rule).on(slot.resource).shown(Witness::Instant(at)));
        }
    }
    Ok(())
}

/// Whether it is late by now for its owner to give this up. Who is there does not stay away.
pub(super) fn late(draft: &Draft, booking: &Booking, slot: &Slot) -> Result<bool, Stop> {
    let spec = &draft.calendar(slot.resource)?.resource.spec;
    let came = matches!(booking.state, BookingState::CheckedIn { .. });
    Ok(spec.policy.late_from(slot.interval.start(), &spec.zone, came).is_some_and(|at| draft.now >= at))
}

pub(super) fn not_blocked(
    draft: &Draft,
    slot: &Slot,
    owner: Option<PersonId>,
    booking: Option<BookingId>,
) -> Result<(), Stop> {
    let calendar = draft.calendar(slot.resource)?;
    let concerns = |b: &&Block| b.interval.meets(slot.occupied) && !b.exceptions.allow(owner, booking);
    match calendar.blocks.values().find(concerns) {
        Some(b) => reject(
            Rejection::of(Code::Blocked).on(slot.resource).shown(Witness::Block { id: b.id, interval: b.interval }),
        ),
        None => Ok(()),
    }
}

/// No two at once, among the resources that refuse it. Bookings that are leaving their places do not count.
pub(super) fn own_overlap(draft: &Draft, owner: PersonId, slots: &[Slot], leaving: &[BookingId]) -> Result<(), Stop> {
    let exclusive: Vec<&Slot> = slots.iter().filter(|s| s.own_overlap == OwnOverlap::Refuse).collect();
    if exclusive.is_empty() {
        return Ok(());
    }
    let Some(person) = draft.person(owner) else {
        return Err(Stop::Needs(Box::new(Scope { people: [owner].into(), ..Scope::default() })));
    };
    // What a command has put elsewhere already is there, and leaves nothing more.
    let leaves = |id: &BookingId| leaving.contains(id) && !draft.has_changed(*id);
    let meeting = |slot: &Slot| {
        let interval = slot.interval;
        person.exclusive.iter().filter(move |((id, ..), other)| other.meets(interval) && !leaves(id))
    };
    // All at once: somebody may sit in more than judging may ask to see more.
    let elsewhere = exclusive.iter().flat_map(|slot| {
        meeting(slot).map(|((_, resource, _), _)| *resource).filter(|resource| *resource != slot.resource)
    });
    let unseen: Set<ResourceId> = elsewhere.filter(|id| !seen(draft, *id)).collect();
    if !unseen.is_empty() {
        return Err(Stop::Needs(Box::new(Scope { resources: unseen, ..Scope::default() })));
    }
    for (n, slot) in exclusive.iter().enumerate() {
        for ((id, resource, _), interval) in meeting(slot) {
            if at_once(draft, slot, (*resource, *interval))? {
                let witness = Witness::Booking { id: *id, owner, interval: *interval };
                return reject(Rejection::of(Code::OwnOverlap).on(slot.resource).shown(witness));
            }
        }
        for other in exclusive.iter().take(n).filter(|s| s.interval.meets(slot.interval)) {
            if at_once(draft, slot, (other.resource, other.interval))? {
                return reject(Rejection::of(Code::OwnOverlap).on(slot.resource));
            }
        }
    }
    Ok(())
}

/// Whether one person cannot be in both, whose intervals meet. Sections may meet on other days and hours.
fn at_once(draft: &Draft, slot: &Slot, (resource, interval): (ResourceId, Interval)) -> Result<bool, Stop> {
    if slot.resource == resource {
        return Ok(true);
    }
    let spec = &draft.calendar(slot.resource)?.resource.spec;
    match draft.calendar(resource) {
        Ok(other) => Ok(clash((spec, slot.interval), (&other.resource.spec, interval))),
        Err(_) => Ok(true),
    }
}

/// Whether a resource is at hand, or was looked for and is none.
fn seen(draft: &Draft, id: ResourceId) -> bool {
    draft.calendar(id).is_ok() || draft.world.loaded.resources.contains(&id)
}

pub(super) fn named_booking(draft: &Draft, id: BookingId) -> Result<Arc<Booking>, Stop> {
    draft.world.bookings.get(&id).cloned().ok_or_else(|| Rejection::of(Code::NotFound).into())
}

pub(super) fn owner_or_admin(draft: &Draft, actor: Actor, booking: &Booking) -> Result<Role, Stop> {
    owner_or_admin_on(draft, actor, booking, booking.resources())
}

/// The same of somebody who wants these resources with it.
pub(super) fn owner_or_admin_on(
    draft: &Draft,
    actor: Actor,
    booking: &Booking,
    resources: impl IntoIterator<Item = ResourceId>,
) -> Result<Role, Stop> {
    let role = role(draft, actor, resources)?;
    if role != Role::Admin && actor.person() != Some(booking.owner) {
        return reject(Rejection::by(Code::NotAllowed, Rule::Owner));
    }
    Ok(role)
}

/// A reason that people can read: not blank, not endless.
pub(super) fn reasoned(reason: Option<&str>) -> Result<&str, Stop> {
    match reason.filter(|r| !r.trim().is_empty() && r.chars().count() <= Command::REASON_MAX) {
        Some(reason) => Ok(reason),
        None => reject(Rejection::by(Code::Invalid, Rule::Field("reason"))),
    }
}

/// Whoever acts upon what is somebody else's says why. Slotwise's own deadlines have no reasons.
pub(super) fn said_why(draft: &Draft, actor: Actor, owners: &[PersonId]) -> Result<(), Stop> {
    let theirs = actor.person().is_none_or(|person| owners == [person]);
    if !theirs {
        reasoned(draft.reason)?;
    }
    Ok(())
}

/// Something may still become of it.
pub(super) fn stands(booking: &Booking) -> Result<(), Stop> {
    match booking.state.is_final() {
        true => reject(Rejection::by(Code::Invalid, Rule::State)),
        false => Ok(()),
    }
}

/// Something may still become of it, and its people are not there yet.
pub(super) fn not_checked_in(booking: &Booking) -> Result<(), Stop> {
    match booking.state {
        BookingState::CheckedIn { .. } => reject(Rejection::by(Code::Invalid, Rule::State)),
        BookingState::Pending { .. }
        | BookingState::Confirmed
        | BookingState::Cancelled { .. }
        | BookingState::NoShow { .. }
        | BookingState::Displaced { .. } => stands(booking),
    }
}

pub(super) fn not_over(draft: &Draft, booking: &Booking) -> Result<(), Stop> {
    match draft.now >= booking.end() {
        true => reject(Rejection::by(Code::PastCutoff, Rule::Begun).shown(Witness::Instant(booking.end()))),
        false => Ok(()),
    }
}

pub(super) fn admin(draft: &Draft, actor: Actor, on: impl IntoIterator<Item = ResourceId>) -> Result<(), Stop> {
    match role(draft, actor, on)? {
        Role::Admin => Ok(()),
        Role::Member | Role::Manager | Role::Auditor => reject(Rejection::by(Code::NotAllowed, Rule::AdminOnly)),
    }
}

/// What the actor may do with all of these resources at this instant: what an admin does or what a member does. Who manages all of
/// them is an admin there. One who is not known any more may do nothing, and neither may one who only looks.
pub(super) fn role(draft: &Draft, actor: Actor, on: impl IntoIterator<Item = ResourceId>) -> Result<Role, Stop> {
    let Actor::Person(id) = actor else { return Ok(Role::Admin) };
    match draft.world.roles.get(&id) {
        Some(Role::Admin) => Ok(Role::Admin),
        Some(Role::Member) => Ok(Role::Member),
        Some(Role::Manager) => Ok(if manages_all(draft, id, on) { Role::Admin } else { Role::Member }),
        Some(Role::Auditor) => reject(Rejection::by(Code::NotAllowed, Rule::LooksOnly)),
        None => reject(Rejection::by(Code::NotAllowed, Rule::Person)),
    }
}

/// Whether somebody manages each of these, by its own name or by its group's. Of nothing nobody is the manager.
fn manages_all(draft: &Draft, id: PersonId, on: impl IntoIterator<Item = ResourceId>) -> bool {
    let Some(managed) = draft.world.manages.get(&id) else { return false };
    let group = |resource| draft.calendar(resource).ok()?.resource.spec.group.as_ref().map(|g| g.id);
    let mut on = on.into_iter().peekable();
    on.peek().is_some()
        && on.all(|resource| managed.contains(&resource) || group(resource).is_some_and(|g| managed.contains(&g)))
}
