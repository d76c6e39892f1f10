//! Waiting for units of a full resource, or for word that they are free: joining, leaving, and the order.
//! Who gets what comes free is not said here.

use super::draft::Draft;
use super::guards::{
    admin, before_cutoff, in_service, named_booking, not_begun, not_blocked, open, own_overlap, role, said_why, slots,
};
use super::persons::{eligible, linked, quota};
use super::{Judged, Stop, fit, promote, reject};
use crate::change::Change;
use crate::command::{Actor, Line};
use crate::hold::HoldEnd;
use crate::ids::{BookingId, EntryId, PersonId};
use crate::outcome::{Code, Rejection, Rule, Subject};
use crate::waitlist::{EndedEntry, EntryEnd, WaitEntry, Waitlist, Wants};
use crate::world::{Role, Scope};

/// Who wants to wait for what.
pub(super) struct Join {
    pub entry: EntryId,
    pub owner: PersonId,
    pub line: Line,
    pub class: u8,
    pub gives_up: Option<BookingId>,
    pub wants: Wants,
}

pub(super) fn join(draft: &mut Draft, actor: Actor, join: &Join) -> Judged {
    let Join { entry: id, owner, line, class, gives_up, wants } = *join;
    let resource = line.resource;
    let slots = slots(draft, &[line])?;
    let [slot] = slots[..] else { return reject(Rejection::by(Code::Invalid, Rule::Lines)) };
    let calendar = draft.calendar(resource)?;
    let entries_max = match (wants, calendar.resource.spec.policy.waitlist) {
        (Wants::Units, Some(waitlist)) => waitlist.entries_max(),
        (Wants::Units, None) => return reject(Rejection::by(Code::Invalid, Rule::WaitlistOff).on(resource)),
        (Wants::Word, _) => Waitlist::ENTRIES_MAX as usize,
    };
    if wants == Wants::Word && gives_up.is_some() {
        return reject(Rejection::by(Code::Invalid, Rule::GivesUp).on(resource));
    }
    if draft.world.entries.contains_key(&id) {
        return reject(Rejection::by(Code::Invalid, Rule::Exists).on(resource));
    }
    let mut all = calendar.waiting.values().chain(calendar.watching.values());
    if all.any(|e| e.owner == owner && e.interval == slot.interval) {
        return reject(Rejection::by(Code::Invalid, Rule::Waiting).on(resource));
    }
    let leaving = gives_up.map(|id| named_booking(draft, id));
    if let Some(Ok(booking)) = &leaving
        && booking.state.is_final()
    {
        return reject(Rejection::by(Code::Invalid, Rule::State));
    }
    promote::set_aside(draft, &[resource].into())?;
    // What is blocked may become free, and there may be word of it.
    let blocked = wants == Wants::Word && not_blocked(draft, &slot, Some(owner), None).is_err();
    if !blocked && fit::is_free(draft, owner, &slot, gives_up)? {
        return reject(Rejection::by(Code::Invalid, Rule::UnitsFree).on(resource));
    }
    let leaving = leaving.transpose()?;
    if !draft.world.roles.contains_key(&owner) && Some(owner) != actor.person() {
        return reject(Rejection::by(Code::NotFound, Rule::Person));
    }
    let role = role(draft, actor, [resource])?;
    if role != Role::Admin && (Some(owner) != actor.person() || class != 0) {
        return reject(Rejection::by(Code::NotAllowed, Rule::AdminOnly));
    }
    said_why(draft, actor, &[owner])?;
    if leaving.is_some_and(|booking| booking.owner != owner) {
        return reject(Rejection::by(Code::NotAllowed, Rule::GivesUp));
    }
    let leaving: Vec<BookingId> = gives_up.into_iter().collect();
    eligible(draft, owner, &slots)?;
    match wants {
        Wants::Units => {
            linked(draft, owner, &slots, &leaving)?;
            open(draft, &slots, Some(owner), None)?;
        }
        // Who only wants word takes nothing by it: what else they have is asked when they book.
        Wants::Word => {
            in_service(draft, &slots)?;
            let spec = &draft.calendar(resource)?.resource.spec;
            not_begun(draft, resource, promote::begins(spec, slot.interval))?;
            before_cutoff(draft, &slots, Rule::BookBy)?;
        }
    }
    let calendar = draft.calendar(resource)?;
    let others = match wants {
        Wants::Units => &calendar.waiting,
        Wants::Word => &calendar.watching,
    };
    if others.len() >= entries_max {
        return reject(Rejection::by(Code::QuotaExceeded, Rule::WaitlistCapacity).on(resource));
    }
    let Some(person) = draft.world.people.get(&owner) else {
        return Err(Stop::Needs(Box::new(Scope { people: [owner].into(), ..Scope::default() })));
    };
    if person.waiting.len() >= Waitlist::PER_PERSON_MAX {
        return reject(Rejection::by(Code::QuotaExceeded, Rule::EntriesPerPerson).on(resource));
    }
    match wants {
        Wants::Units => {
            quota(draft, owner, &slots, &leaving)?;
            own_overlap(draft, owner, &slots, &leaving)?;
        }
        Wants::Word => {}
    }

    // From here they wait.
    let joined = draft.grants_at(resource)?;
    let entry = WaitEntry {
        id,
        owner,
        made_by: actor,
        resource,
        interval: slot.interval,
        units: slot.units,
        wants,
        class,
        joined,
        joined_at: draft.now,
        gives_up,
        offer: None,
        offers: 0,
    };
    draft.change(resource, Change::WaitJoined(entry));
    Ok(Subject::Entry(resource, id))
}

pub(super) fn leave(draft: &mut Draft, actor: Actor, id: EntryId) -> Judged {
    let found = find(draft, id)?;
    let entry = match &found {
        Found::Waits(entry) => entry,
        Found::Ended(ended) => &ended.entry,
    };
    let role = role(draft, actor, [entry.resource])?;
    if role != Role::Admin && actor.person() != Some(entry.owner) {
        return reject(Rejection::by(Code::NotAllowed, Rule::Owner));
    }
    let subject = Subject::Entry(entry.resource, id);
    match found {
        Found::Waits(entry) => {
            said_why(draft, actor, &[entry.owner])?;
            match entry.offer.and_then(|id| draft.hold(entry.resource, id)) {
                Some(hold) => draft.end_hold(hold, HoldEnd::Released),
                None => draft.change(entry.resource, Change::WaitEnded(EndedEntry { entry, end: EntryEnd::Left })),
            }
        }
        // Who waits no more needs not leave.
        Found::Ended(_) => {}
    }
    Ok(subject)
}

pub(super) fn set_class(draft: &mut Draft, actor: Actor, id: EntryId, class: u8) -> Judged {
    let found = find(draft, id)?;
    let Found::Waits(entry) = found else {
        return reject(Rejection::by(Code::Invalid, Rule::State));
    };
    admin(draft, actor, [entry.resource])?;
    if entry.class != class {
        said_why(draft, actor, &[])?;
        draft.change(entry.resource, Change::WaitMoved(WaitEntry { class, ..entry }));
    }
    Ok(Subject::Entry(entry.resource, id))
}

enum Found {
    Waits(WaitEntry),
    Ended(EndedEntry),
}

fn find(draft: &Draft, id: EntryId) -> Result<Found, Stop> {
    let unknown = || Stop::from(Rejection::of(Code::NotFound));
    let (resource, ended) = draft.world.entries.get(&id).ok_or_else(unknown)?;
    match ended.or_else(|| draft.ended_entry(id)) {
        Some(ended) => Ok(Found::Ended(ended)),
        None => draft.calendar(*resource)?.entry(id).map(|entry| Found::Waits(*entry)).ok_or_else(unknown),
    }
}
