//! Who is reminded that it will soon be too late to change a booking or to give it up.
//! It changes no booking, and nothing rests on anybody having been reminded.
//!
//! A booking of several resources is reminded by the one whose cutoff comes first: after it the others' do not matter.
//! Nothing is kept of it but the record: whoever is to be reminded between the last decision on a resource and this one is reminded
//! now. What was booked or moved within that time is not: its owner knows.

use super::Stop;
use super::draft::Draft;
use crate::calendar::{Calendar, Use, UseId};
use crate::change::Change;
use crate::ids::{BookingId, ResourceId};
use crate::resource::ResourceSpec;
use crate::time::{Instant, Span};
use crate::world::Scope;

/// Reminders of one instant are spread over this much after it, by the names of their bookings: a full class is told in a few
/// commits, none of which is large.
const SPREAD: i64 = 1_000_000;

/// A reminder that falls due.
struct Due {
    at: Instant,
    cutoff: Instant,
    of: Use,
    booking: BookingId,
}

/// Reminds whoever is to be reminded by now, so many at most. Says when the next are due: in the past if some were left.
/// What must be seen for it goes to `needs`.
pub(super) fn remind(
    draft: &mut Draft,
    id: ResourceId,
    left: &mut usize,
    needs: &mut Scope,
) -> Result<Option<Instant>, Stop> {
    if draft.calendar(id)?.resource.spec.policy.remind_before.is_none() {
        return Ok(None);
    }
    let due = due(draft, id);
    // All that must be seen is asked for at once: to look again costs a turn, and there are few.
    let mut more = Scope::default();
    for Due { cutoff, booking, .. } in due.iter().take(*left) {
        if let Err(unseen) = binds(draft, *booking, id, *cutoff) {
            more.extend(&unseen);
        }
    }
    if !more.is_empty() {
        needs.extend(&more);
        return Ok(due.first().map(|due| due.at));
    }
    let mut due = due.into_iter().peekable();
    let mut unseen = None;
    // Those of one instant are not parted if that is now: it could not be told afterwards who was reminded.
    while let Some(Due { at, cutoff, of, booking }) = due.next_if(|due| *left > 0 || due.at == draft.now) {
        let calendar = draft.calendar(id)?;
        let stands = calendar.uses.get(&(of.occupied.start(), of.id)) == Some(&of);
        if !stands || draft.now >= cutoff {
            continue;
        }
        match binds(draft, booking, id, cutoff) {
            Ok(true) => {
                *left = left.saturating_sub(1);
                draft.change(id, Change::Reminded { booking, owner: of.owner, cutoff });
            }
            Ok(false) => {}
            Err(more) => {
                needs.extend(&more);
                unseen = Some(at);
                break;
            }
        }
    }
    match unseen.or_else(|| due.next().map(|first| first.at)) {
        Some(first) => Ok(Some(first)),
        None => Ok(next(draft.calendar(id)?, draft.now)),
    }
}

/// Whether no resource of the booking closes earlier, and none before this one at the same instant. Or what must be seen to tell.
fn binds(draft: &Draft, id: BookingId, on: ResourceId, cutoff: Instant) -> Result<bool, Box<Scope>> {
    let Some(booking) = draft.booking(id) else {
        return Err(Box::new(Scope { bookings: [id].into(), ..Scope::default() }));
    };
    let mut first: [Option<(Instant, ResourceId)>; 2] = [None, None];
    for slot in &booking.slots {
        let Ok(calendar) = draft.calendar(slot.resource) else {
            return Err(Box::new(Scope { resources: [slot.resource].into(), ..Scope::default() }));
        };
        let spec = &calendar.resource.spec;
        let cutoffs = [spec.policy.change_by, spec.policy.cancel_by];
        for (first, at) in first.iter_mut().zip(cutoffs.map(|c| Some(c?.instant(slot.interval.start(), &spec.zone)))) {
            let Some(at) = at else { continue };
            if first.is_none_or(|(earlier, _)| at < earlier) {
                *first = Some((at, slot.resource));
            }
        }
    }
    Ok(first.contains(&Some((cutoff, on))))
}

/// The first reminder that is due and was not given, for a command that gives none.
pub(super) fn first_due(draft: &Draft, id: ResourceId) -> Option<Instant> {
    due(draft, id).first().map(|due| due.at)
}

/// What fell due since the last decision on a resource, by when; or since what that one left.
fn due(draft: &Draft, id: ResourceId) -> Vec<Due> {
    let (Some(before), Ok(calendar)) = (draft.world.calendars.get(&id), draft.calendar(id)) else { return Vec::new() };
    let since = before.wait_due.filter(|due| *due < before.decided_at);
    let fell_due = |at: Instant| at <= draft.now && since.map_or(at > before.decided_at, |since| at >= since);
    // By the rules as they are after this command, of what was booked before it.
    let spec = &calendar.resource.spec;
    let mut all = Vec::new();
    for u in before.uses.values().take_while(|u| earliest(spec, u.occupied.start()).is_some_and(|at| at <= draft.now)) {
        for (booking, at, cutoff) in reminders(spec, u).filter(|(_, at, _)| fell_due(*at)) {
            all.push(Due { at, cutoff, of: *u, booking });
        }
    }
    all.sort_by_key(|due| (due.at, due.booking, due.cutoff));
    // Two lines of one booking are one reminder.
    all.dedup_by_key(|due| (due.at, due.booking, due.cutoff));
    all
}

/// When the next reminder is due after an instant.
fn next(calendar: &Calendar, now: Instant) -> Option<Instant> {
    let spec = &calendar.resource.spec;
    let mut next: Option<Instant> = None;
    for u in calendar.uses.values() {
        // Uses lie by their start, and so do their reminders, but for set-up times that have changed.
        if next.is_some_and(|next| earliest(spec, u.occupied.start()).is_none_or(|at| at > next)) {
            break;
        }
        let later = reminders(spec, u).map(|(_, at, _)| at).filter(|at| *at > now);
        next = later.chain(next).min();
    }
    next
}

/// The reminders of a use, each with what it is of: when, and before which cutoff.
fn reminders(spec: &ResourceSpec, u: &Use) -> impl Iterator<Item = (BookingId, Instant, Instant)> {
    let booking = match u.id {
        UseId::Booking(id, _) => Some(id),
        UseId::Hold(_) => None,
    };
    let cutoffs = booking.map(|_| cutoffs(spec, u.interval.start())).unwrap_or_default();
    let spread = |id: BookingId| Span(i64::try_from(id.0.as_u128() % SPREAD as u128).unwrap_or(0));
    let before = spec.policy.remind_before;
    cutoffs.into_iter().flatten().filter_map(move |cutoff| {
        let (id, before) = (booking?, before?);
        Some((id, cutoff.minus(before).plus(spread(id)), cutoff))
    })
}

/// No reminder of what starts at an instant or later is earlier.
fn earliest(spec: &ResourceSpec, start: Instant) -> Option<Instant> {
    let before = spec.policy.remind_before?;
    cutoffs(spec, start).into_iter().flatten().map(|cutoff| cutoff.minus(before)).min()
}

/// When it is too late to change, and to give up, what starts then; once if that is the same.
fn cutoffs(spec: &ResourceSpec, start: Instant) -> [Option<Instant>; 2] {
    let [change, cancel] = [spec.policy.change_by, spec.policy.cancel_by].map(|c| Some(c?.instant(start, &spec.zone)));
    [change.filter(|at| Some(*at) != cancel), cancel]
}
