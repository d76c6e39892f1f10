//! What is decided about a booking beside its making: who came, who did not, what is refused, whose it is; and how many units there are.
//! It judges in the order of precedence and changes only the draft.

use super::bookings::{give_up, revised};
use super::displace::{Cause, InWay, named, newest_in_way, take_away, void_one};
use super::draft::Draft;
use super::guards::{admin, named_booking, not_over, own_overlap, owner_or_admin, reasoned, said_why, stands};
use super::persons::{eligible, linked, quota};
use super::resources::members;
use super::{Judged, Stop, fit, promote, reject};
use crate::booking::{Booking, BookingState, Displacer, Slot};
use crate::calendar::Calendar;
use crate::change::Change;
use crate::command::{Actor, Below, Preview, Service};
use crate::ids::{BookingId, PersonId, ResourceId};
use crate::outcome::{Code, Ground, Rejection, Rule, Subject, Witness};
use crate::policy::{CheckIn, PolicyField};
use crate::resource::{Kind, Resource};
use crate::time::{Instant, Interval, Span};
use std::sync::Arc;

/// From when until when people say that they are there, and of which resource: the first of the booking that asks for it. Whoever has
/// a booking only since it runs has as long from then on as others have from the start.
pub fn check_in_window(
    booking: &Booking,
    rule: impl Fn(ResourceId) -> Option<CheckIn>,
) -> Option<(ResourceId, Instant, Instant)> {
    window_since(booking, booking.decided_at, rule)
}

/// The same of a booking that was decided last at `since`, before it was checked in.
pub(crate) fn window_since(
    booking: &Booking,
    since: Instant,
    rule: impl Fn(ResourceId) -> Option<CheckIn>,
) -> Option<(ResourceId, Instant, Instant)> {
    let asking = booking.slots.iter().filter_map(|slot| Some((slot, rule(slot.resource)?)));
    let (slot, CheckIn { opens, closes }) = asking.min_by_key(|(slot, _)| slot.interval.start())?;
    let start = slot.interval.start();
    Some((slot.resource, start.minus(opens), start.max(since).plus(closes)))
}

fn window(draft: &Draft, booking: &Booking) -> Result<(ResourceId, Instant, Instant), Stop> {
    let rule = |id| draft.calendar(id).ok()?.resource.spec.policy.check_in;
    check_in_window(booking, rule).ok_or_else(|| Rejection::by(Code::Invalid, Rule::CheckIn).into())
}

pub(super) fn check_in(draft: &mut Draft, actor: Actor, id: BookingId) -> Judged {
    let booking = named_booking(draft, id)?;
    let there = match booking.state {
        BookingState::CheckedIn { .. } => true,
        BookingState::Confirmed => false,
        BookingState::Pending { .. }
        | BookingState::Cancelled { .. }
        | BookingState::NoShow { .. }
        | BookingState::Displaced { .. } => return reject(Rejection::by(Code::Invalid, Rule::State)),
    };
    let (resource, opens, closes) = window(draft, &booking)?;
    owner_or_admin(draft, actor, &booking)?;
    if there {
        return Ok(Subject::Booking(id));
    }
    if draft.now < opens {
        let rejection = Rejection::by(Code::TooEarly, Rule::CheckIn).on(resource).shown(Witness::Instant(opens));
        return reject(Rejection { retry_at: Some(opens), ..rejection });
    }
    let latest = closes.min(booking.end());
    if draft.now >= latest {
        return reject(Rejection::by(Code::PastCutoff, Rule::CheckIn).on(resource).shown(Witness::Instant(latest)));
    }

    let owner = booking.owner;
    for resource in booking.resources() {
        draft.change(resource, Change::BookingCheckedIn { booking: id, owner });
    }
    let state = BookingState::CheckedIn { at: draft.now, by: actor };
    draft.put_booking(Booking { state, ..revised(&booking, draft.now) });
    Ok(Subject::Booking(id))
}

pub(super) fn release_no_show(draft: &mut Draft, actor: Actor, id: BookingId) -> Judged {
    let booking = named_booking(draft, id)?;
    let gone = match booking.state {
        BookingState::NoShow { .. } => true,
        BookingState::Confirmed => false,
        BookingState::Pending { .. }
        | BookingState::Cancelled { .. }
        | BookingState::CheckedIn { .. }
        | BookingState::Displaced { .. } => return reject(Rejection::by(Code::Invalid, Rule::State)),
    };
    if gone {
        admin(draft, actor, booking.resources())?;
        return Ok(Subject::Booking(id));
    }
    let (resource, _, closes) = window(draft, &booking)?;
    admin(draft, actor, booking.resources())?;
    said_why(draft, actor, &[booking.owner])?;
    if draft.now < closes {
        let rejection = Rejection::by(Code::TooEarly, Rule::CheckIn).on(resource).shown(Witness::Instant(closes));
        return reject(Rejection { retry_at: Some(closes), ..rejection });
    }
    not_over(draft, &booking)?;

    // From here what it takes ends now; what it asked for stays in the record.
    let (owner, at) = (booking.owner, draft.now);
    let cut = Booking {
        state: BookingState::NoShow { at },
        slots: booking.slots.iter().map(|slot| cut(slot, at)).collect(),
        ..revised(&booking, at)
    };
    for resource in booking.resources() {
        let (from, to) = (booking.placed_on(resource), cut.placed_on(resource));
        draft.change(resource, Change::BookingNoShow { booking: id, owner, from, to, at });
    }
    draft.put_booking(cut);
    Ok(Subject::Booking(id))
}

/// The slot with the time taken until an instant at most; as it was if none of that is left.
fn cut(slot: &Slot, at: Instant) -> Slot {
    let until = slot.occupied.end().min(at);
    Slot { occupied: Interval::new(slot.occupied.start(), until).unwrap_or(slot.occupied), ..*slot }
}

pub(super) fn decline(draft: &mut Draft, actor: Actor, id: BookingId, reason: &String) -> Judged {
    let booking = named_booking(draft, id)?;
    let declined = match booking.state {
        BookingState::Pending { .. } => false,
        BookingState::Cancelled { .. } => true,
        BookingState::Confirmed
        | BookingState::CheckedIn { .. }
        | BookingState::NoShow { .. }
        | BookingState::Displaced { .. } => return reject(Rejection::by(Code::Invalid, Rule::State)),
    };
    reasoned(Some(reason))?;
    admin(draft, actor, booking.resources())?;
    if !declined {
        give_up(draft, actor, &booking, Some(reason), false);
    }
    Ok(Subject::Booking(id))
}

pub(super) fn hand_over(draft: &mut Draft, actor: Actor, id: BookingId, to: PersonId, reason: &str) -> Judged {
    let booking = named_booking(draft, id)?;
    stands(&booking)?;
    reasoned(Some(reason))?;
    if !draft.world.roles.contains_key(&to) {
        return reject(Rejection::by(Code::NotFound, Rule::Person));
    }
    admin(draft, actor, booking.resources())?;
    if booking.owner == to {
        return Ok(Subject::Booking(id));
    }
    eligible(draft, to, &booking.slots)?;
    linked(draft, to, &booking.slots, &[id])?;
    not_over(draft, &booking)?;
    quota(draft, to, &booking.slots, &[])?;
    own_overlap(draft, to, &booking.slots, &[id])?;

    let (from, pending) = (booking.owner, !booking.state.takes_units());
    for resource in booking.resources() {
        let (slots, reason) = (booking.placed_on(resource), reason.into());
        draft.change(resource, Change::BookingHandedOver { booking: id, from, to, pending, slots, reason });
    }
    let theirs = Booking { owner: to, ..revised(&booking, draft.now) };
    draft.put_booking(theirs.clone());
    if !pending {
        promote::taken_by(draft, &theirs, None)?;
    }
    Ok(Subject::Booking(id))
}

pub(super) fn set_service(draft: &mut Draft, actor: Actor, id: ResourceId, service: Service, reason: &str) -> Judged {
    let resource = draft.calendar(id)?.resource.clone();
    reasoned(Some(reason))?;
    admin(draft, actor, [id])?;
    let closed = match service {
        Service::Closed => true,
        Service::Open => false,
    };
    // Not before it is known that an admin asks: they may be many.
    let members = match resource.spec.kind {
        Kind::Group if resource.spec.policy.closed != closed => members(draft, id)?,
        Kind::Room | Kind::Section | Kind::Session | Kind::Equipment | Kind::Group => Vec::new(),
    };
    let follows =
        |member: &Arc<Resource>| member.spec.group.as_ref().is_none_or(|g| !g.own.contains(&PolicyField::Closed));
    for set in members.into_iter().filter(follows).chain([resource]) {
        let mut after = Resource::clone(&set);
        after.spec.policy.closed = closed;
        if set.id == id
            && let Some(group) = &mut after.spec.group
        {
            // What is said of it alone holds whatever is said of its group.
            group.own.insert(PolicyField::Closed);
        }
        if after.spec != set.spec {
            after.policy_version += 1;
            draft.change(set.id, Change::ServiceSet { resource: Arc::new(after), reason: reason.into() });
        }
    }
    Ok(Subject::Resource(id))
}

pub(super) fn set_capacity(
    draft: &mut Draft,
    actor: Actor,
    id: ResourceId,
    to: Option<u32>,
    seen_used: Option<u32>,
    below: &Below,
    reason: Option<&str>,
) -> Judged {
    let before = draft.calendar(id)?.resource.clone();
    if before.spec.kind == Kind::Group {
        return reject(Rejection::by(Code::Invalid, Rule::Group).on(id));
    }
    let mut after = Resource::clone(&before);
    after.spec.capacity = to;
    after.spec = match after.spec.checked() {
        Ok(spec) => spec,
        Err(_) => return reject(Rejection::by(Code::Invalid, Rule::Field("to")).on(id)),
    };
    if reason.is_some() || actor != Actor::System {
        reasoned(reason)?;
    }
    admin(draft, actor, [id])?;
    if before.spec.capacity == to && matches!(below, Below::Refuse) {
        return Ok(Subject::Resource(id));
    }
    let cause = Cause { by: actor, reason: reason.unwrap_or_default(), by_what: Displacer::Capacity(id) };
    let in_way = |draft: &Draft| -> Result<Option<InWay>, Stop> {
        let calendar = draft.calendar(id)?;
        let at = first_beyond(calendar, to, draft.now);
        let until = last_beyond(calendar, to, draft.now);
        Ok(at.map(|at| InWay { resource: id, at, until, refusal: beyond(calendar, id, at, "to") }))
    };
    match below {
        Below::Refuse => {
            if let Some(InWay { refusal, .. }) = in_way(draft)? {
                return reject(refusal);
            }
        }
        Below::OverCommit => {}
        Below::DisplaceNewest(preview) => {
            // No booking is named nil.
            let set = newest_in_way(draft, BookingId(uuid::Uuid::nil()), preview, in_way)?;
            take_away(draft, set, preview, cause)?;
        }
        Below::DisplaceNamed(preview) => {
            let set = named_standing(draft, id, preview)?;
            for booking in &set {
                draft.lift(booking);
            }
            while let Some(InWay { at, refusal, .. }) = in_way(draft)? {
                let instant = Interval::new(at, at.plus(Span(1))).map_err(|_| Stop::from(refusal.clone()))?;
                let standing: Vec<_> = draft.calendar(id)?.meeting(instant).copied().collect();
                if !void_one(draft, id, &standing)? {
                    return reject(refusal);
                }
            }
            take_away(draft, set, preview, cause)?;
        }
    }

    // From here the resource has so many units.
    after.policy_version += u64::from(before.spec.capacity != to);
    let calendar = draft.calendar(id)?;
    let used = calendar.fullest_from(draft.now);
    let excess = used.saturating_sub(to.map_or(u64::MAX, u64::from));
    let over_commit = u32::try_from(excess).unwrap_or(u32::MAX);
    let (resource, reason) = (Arc::new(after), reason.map(Into::into));
    draft.change(id, Change::CapacitySet { resource, used, seen_used, over_commit, reason });
    Ok(Subject::Resource(id))
}

/// Those of the named bookings that stand on the resource, which must be all, as they were looked at.
fn named_standing(draft: &Draft, id: ResourceId, preview: &Preview) -> Result<Vec<Arc<Booking>>, Stop> {
    let ids = preview.iter().map(|(id, _)| *id).collect();
    let standing = |b: &Arc<Booking>| {
        b.state.takes_units() && b.end() > draft.now && b.slots.iter().any(|slot| slot.resource == id)
    };
    let set: Vec<Arc<Booking>> = named(draft, &ids)?.into_iter().filter(standing).collect();
    let known = |(id, revision): &(BookingId, u64)| set.iter().any(|b| b.id == *id && b.revision == *revision);
    match preview.iter().all(known) {
        true => Ok(set),
        false => Err(Stop::Moved(Box::new(Ground::Displaced { yours: preview.clone(), theirs: set }))),
    }
}

/// The first instant to come at which more is taken than there would be.
pub(super) fn first_beyond(calendar: &Calendar, capacity: Option<u32>, now: Instant) -> Option<Instant> {
    let capacity = u64::from(capacity?);
    calendar.levels.from(now).find(|(_, level)| level.taken() > capacity).map(|(at, _)| at)
}

/// The last instant from which on more is taken than there would be.
fn last_beyond(calendar: &Calendar, capacity: Option<u32>, now: Instant) -> Instant {
    let capacity = capacity.map_or(u64::MAX, u64::from);
    let over = calendar.levels.from(now).filter(|(_, level)| level.taken() > capacity);
    over.map(|(at, _)| at.plus(Span(1))).last().unwrap_or(now)
}

/// The refusal of a capacity, named as the command does.
pub(super) fn beyond(calendar: &Calendar, id: ResourceId, at: Instant, field: &'static str) -> Rejection {
    let rejection = Rejection::by(Code::Insufficient, Rule::Field(field)).on(id);
    let standing = Interval::new(at, at.plus(Span(1))).ok().and_then(|t| calendar.meeting(t).next());
    match standing {
        Some(u) => rejection.shown(fit::witness_of(calendar, u)),
        None => rejection,
    }
}
