//! Keeping units for a while, and giving them back.
//! Whether a hold still counts is told by its draft, in which what fell due has ended already.

use super::draft::Draft;
use super::guards::{admin, open, reasoned, role, slots};
use super::persons::{eligible, quota};
use super::{Judged, Stop, fit, promote, reject};
use crate::change::Change;
use crate::command::{Actor, HoldRef, Line};
use crate::hold::{EndedHold, Hold, HoldEnd};
use crate::ids::{BookingId, HoldId};
use crate::outcome::{Code, Rejection, Rule, Subject, Witness};
use crate::policy::{HoldAt, Policy};
use crate::time::Instant;
use crate::waitlist::WaitEntry;
use crate::world::Scope;

pub(super) fn grant(draft: &mut Draft, actor: Actor, id: HoldId, line: Line) -> Judged {
    let slots = slots(draft, &[line])?;
    let resource = line.resource;
    let policy = draft.calendar(resource)?.resource.spec.policy.clone();
    if policy.hold_at == HoldAt::None {
        return reject(Rejection::by(Code::Invalid, Rule::HoldsOff).on(resource));
    }
    role(draft, actor, [])?;
    let Some(holder) = actor.person() else {
        return reject(Rejection::by(Code::NotAllowed, Rule::Holder));
    };
    eligible(draft, holder, &slots)?;
    open(draft, &slots, Some(holder), None)?;
    quota(draft, holder, &slots, &[])?;
    let Some(person) = draft.world.people.get(&holder) else {
        return Err(Stop::Needs(Box::new(Scope { people: [holder].into(), ..Scope::default() })));
    };
    let live = person.holds.values().filter(|expires_at| draft.now < **expires_at).count();
    let [slot] = slots[..] else { return reject(Rejection::by(Code::Invalid, Rule::Lines)) };
    promote::set_aside(draft, &[resource].into())?;
    let given_up = fit::in_own_way(draft, draft.calendar(resource)?, holder, &slot).len();
    if live - given_up.min(live) >= Policy::HOLDS_PER_PERSON_MAX {
        let first = person.holds.values().filter(|t| draft.now < **t).min().copied();
        let rejection = Rejection::by(Code::QuotaExceeded, Rule::HoldsPerPerson).on(resource);
        return reject(Rejection { retry_at: first, ..rejection });
    }
    fit::make_room(draft, BookingId(id.0), Some(holder), &slots)?;

    // From here the hold is granted.
    // An offer of it, in whose place it comes, goes on in it, with the deadline it had if that is later.
    let offer = promote::carried_over(draft, &slot)?;
    let until = draft.now.plus(policy.hold_ttl);
    let token = draft.next_token(resource)?;
    draft.change(
        resource,
        Change::HoldGranted(Hold {
            id,
            token,
            holder,
            resource,
            interval: slot.interval,
            occupied: slot.occupied,
            units: slot.units,
            granted_at: draft.now,
            expires_at: offer.map_or(until, |(_, stood_until)| until.max(stood_until)),
            renewals: 0,
            offer: offer.map(|(entry, _)| entry.id),
        }),
    );
    if let Some((entry, _)) = offer {
        draft.change(resource, Change::WaitOffered(WaitEntry { offer: Some(id), ..entry }));
    }
    Ok(Subject::Hold(resource, id))
}

pub(super) fn renew(draft: &mut Draft, actor: Actor, named: HoldRef) -> Judged {
    let hold = match own_hold(draft, actor, named)? {
        Held::Live(hold) => hold,
        Held::Ended(ended) => return reject(ended_hold(&ended)),
    };
    let ttl = draft.calendar(hold.resource)?.resource.spec.policy.hold_ttl;
    let (wanted, latest) = (draft.now.plus(ttl), hold.granted_at.plus(Policy::HOLD_LONGEST));
    let used_up = wanted > latest && hold.expires_at >= latest;
    // An offer stands until its own deadline.
    if hold.renewals >= Policy::RENEWALS_MAX || used_up || hold.offer.is_some() {
        return reject(Rejection::by(Code::QuotaExceeded, Rule::Renewals).on(hold.resource));
    }
    if hold.token != named.token {
        return reject(Rejection::of(Code::HoldSuperseded).on(hold.resource));
    }
    let expires_at = wanted.min(latest);
    // What lasts that long anyway needs no renewal, and none is used up.
    if expires_at > hold.expires_at {
        draft.change(hold.resource, Change::HoldRenewed(Hold { expires_at, renewals: hold.renewals + 1, ..hold }));
    }
    Ok(Subject::Hold(hold.resource, hold.id))
}

pub(super) fn release(draft: &mut Draft, actor: Actor, named: HoldRef) -> Judged {
    match own_hold(draft, actor, named)? {
        Held::Live(hold) if hold.token != named.token => reject(Rejection::of(Code::HoldSuperseded).on(hold.resource)),
        Held::Live(hold) => {
            draft.end_hold(hold, HoldEnd::Released);
            Ok(Subject::Hold(hold.resource, hold.id))
        }
        // What has ended needs no release, and nothing else is touched.
        Held::Ended(ended) => Ok(Subject::Hold(ended.hold.resource, ended.hold.id)),
    }
}

/// Whoever manages the resource lets somebody's hold last longer or shorter, or ends it; its holder is told.
pub(super) fn set_hold(draft: &mut Draft, actor: Actor, id: HoldId, until: Option<Instant>, reason: &str) -> Judged {
    let held = find_hold(draft, id)?;
    let Hold { resource, offer, .. } = *held.hold();
    // An offer stands until its own deadline: whoever waits was promised that.
    if offer.is_some() {
        return reject(Rejection::by(Code::Invalid, Rule::State).on(resource));
    }
    if until.is_some_and(|until| until <= draft.now) {
        return reject(Rejection::by(Code::Invalid, Rule::Field("until")).on(resource));
    }
    let reason = reasoned(Some(reason))?.to_owned();
    admin(draft, actor, [resource])?;
    let hold = match (held, until) {
        (Held::Live(hold), _) => hold,
        // What has ended needs no end, and nothing else is touched.
        (Held::Ended(_), None) => return Ok(Subject::Hold(resource, id)),
        (Held::Ended(ended), Some(_)) => return reject(ended_hold(&ended)),
    };
    if let Some(until) = until {
        let latest = hold.granted_at.plus(Policy::HOLD_LONGEST);
        if until > latest {
            return reject(
                Rejection::by(Code::QuotaExceeded, Rule::Renewals).on(resource).shown(Witness::Instant(latest)),
            );
        }
        if until == hold.expires_at {
            return Ok(Subject::Hold(resource, id));
        }
    }

    // From here the hold is another.
    draft.change(resource, Change::HoldOverrode { hold: id, holder: hold.holder, until, reason });
    match until {
        Some(expires_at) => draft.change(resource, Change::HoldRenewed(Hold { expires_at, ..hold })),
        None => draft.end_hold(hold, HoldEnd::Voided),
    }
    Ok(Subject::Hold(resource, id))
}

pub(super) enum Held {
    Live(Hold),
    Ended(EndedHold),
}

impl Held {
    /// As it is, or was last.
    fn hold(&self) -> &Hold {
        match self {
            Held::Live(hold) => hold,
            Held::Ended(ended) => &ended.hold,
        }
    }
}

/// The hold as named, if it is the actor's own.
pub(super) fn own_hold(draft: &Draft, actor: Actor, named: HoldRef) -> Result<Held, Stop> {
    own(find_hold(draft, named.id)?, actor)
}

pub(super) fn find_hold(draft: &Draft, id: HoldId) -> Result<Held, Stop> {
    let unknown = || Stop::from(Rejection::by(Code::NotFound, Rule::Holder));
    let (resource, ended) = draft.world.holds.get(&id).ok_or_else(unknown)?;
    match ended.or_else(|| draft.ended_due(id)) {
        Some(ended) => Ok(Held::Ended(ended)),
        None => draft.calendar(*resource)?.holds.get(&id).map(|hold| Held::Live(*hold)).ok_or_else(unknown),
    }
}

pub(super) fn own(held: Held, actor: Actor) -> Result<Held, Stop> {
    match actor.person() == Some(held.hold().holder) {
        true => Ok(held),
        false => reject(Rejection::by(Code::NotAllowed, Rule::Holder)),
    }
}

pub(super) fn ended_hold(ended: &EndedHold) -> Rejection {
    let resource = ended.hold.resource;
    match ended.end {
        HoldEnd::Expired => {
            Rejection::of(Code::HoldExpired).on(resource).shown(Witness::Instant(ended.hold.expires_at))
        }
        HoldEnd::Released | HoldEnd::Consumed | HoldEnd::Superseded | HoldEnd::Voided => {
            Rejection::of(Code::HoldSuperseded).on(resource)
        }
    }
}
