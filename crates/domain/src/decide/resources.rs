//! What admins do to a resource: make it, edit it, block time of it.
//! A refusal by what is booked names who stands there, to admins only.

use super::displace::{Cause, booking_of, named, take_away};
use super::draft::Draft;
use super::guards::{admin, reasoned};
use super::{Judged, fit, reject};
use crate::booking::Displacer;
use crate::calendar::{Block, Calendar, Exceptions, Use};
use crate::change::Change;
use crate::command::{Actor, OverBookings, OverHolds};
use crate::hold::{Hold, HoldEnd};
use crate::ids::{BlockId, BookingId, ResourceId};
use crate::outcome::{Code, Rejection, Rule, Subject, Witness};
use crate::resource::{Resource, ResourcePatch, ResourceSpec};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) fn create_resource(draft: &mut Draft, actor: Actor, id: ResourceId, spec: &ResourceSpec) -> Judged {
    if draft.world.calendars.contains_key(&id) {
        return reject(Rejection::by(Code::Invalid, Rule::Exists).on(id));
    }
    admin(draft, actor)?;
    draft.change(id, Change::ResourceCreated(Arc::new(Resource { id, spec: spec.clone(), policy_version: 1 })));
    Ok(Subject::Resource(id))
}

pub(super) fn edit_resource(draft: &mut Draft, actor: Actor, id: ResourceId, patch: &ResourcePatch) -> Judged {
    let now = draft.now;
    let calendar = draft.calendar(id)?;
    let resource = calendar.resource.clone();
    let spec = match resource.spec.patched(patch).checked() {
        Ok(spec) => spec,
        Err(e) => return reject(Rejection::by(Code::Invalid, Rule::Field(e.field)).on(id)),
    };
    if spec.interval != resource.spec.interval && !calendar.uses.is_empty() {
        return reject(Rejection::by(Code::Invalid, Rule::Field("interval")).on(id));
    }
    let cut = spec.capacity.filter(|_| spec.capacity != resource.spec.capacity);
    let below = cut.and_then(|capacity| {
        calendar
            .uses
            .values()
            .filter(|u| u.occupied.end() > now)
            .find(|u| calendar.levels.during(u.occupied).any(|(_, level)| level.taken() > u64::from(capacity)))
    });
    if let Some(u) = below {
        let witness = fit::witness_of(calendar, u);
        admin(draft, actor)?;
        return reject(Rejection::by(Code::Insufficient, Rule::Field("capacity")).on(id).shown(witness));
    }
    admin(draft, actor)?;
    let policy_version = resource.policy_version + u64::from(resource.spec.rules_differ(&spec));
    let edited = Resource { id, spec, policy_version };
    draft.change(id, Change::ResourceEdited(Arc::new(edited)));
    Ok(Subject::Resource(id))
}

pub(super) fn add_block(
    draft: &mut Draft,
    actor: Actor,
    id: ResourceId,
    block: Block,
    over_holds: OverHolds,
    over_bookings: &OverBookings,
) -> Judged {
    let calendar = draft.calendar(id)?;
    if block.exceptions.people.len() > Exceptions::MAX || block.exceptions.bookings.len() > Exceptions::MAX {
        return reject(Rejection::by(Code::Invalid, Rule::Field("exceptions")).on(id));
    }
    if calendar.blocks.len() >= Calendar::BLOCKS_MAX {
        return reject(Rejection::by(Code::Invalid, Rule::BlocksMax).on(id));
    }
    reasoned(Some(&block.reason))?;
    admin(draft, actor)?;
    if block.interval.end() <= draft.now {
        return reject(Rejection::by(Code::PastCutoff, Rule::Begun).on(id));
    }
    let calendar = draft.calendar(id)?;
    let policy_version = calendar.resource.policy_version + 1;
    let concerned = |h: &&Hold| h.occupied.meets(block.interval) && !block.exceptions.allow(Some(h.holder), None);
    let holds: Vec<Hold> = calendar.holds.values().filter(concerned).copied().collect();
    if let (Some(hold), OverHolds::Refuse) = (holds.first(), over_holds) {
        let (id_, holder, interval, expires_at) = (hold.id, hold.holder, hold.interval, hold.expires_at);
        let witness = Witness::Hold { id: id_, holder, interval, expires_at };
        let rejection = Rejection::of(Code::HeldByOther).on(id).shown(witness);
        return reject(Rejection { retry_at: Some(expires_at), ..rejection });
    }
    let concerned =
        |u: &&Use| booking_of(u).is_some_and(|booking| !block.exceptions.allow(Some(u.owner), Some(booking)));
    let booked: Vec<Use> = calendar.meeting(block.interval).filter(concerned).copied().collect();
    match over_bookings {
        OverBookings::Refuse => {
            if let Some(u) = booked.first() {
                return reject(Rejection::of(Code::Full).on(id).shown(fit::witness_of(calendar, u)));
            }
        }
        OverBookings::Displace(preview) => {
            let to_come: BTreeSet<BookingId> =
                booked.iter().filter(|u| u.occupied.end() > draft.now).filter_map(booking_of).collect();
            let set = named(draft, &to_come)?;
            let cause = Cause { by: actor, reason: &block.reason, by_what: Displacer::Block(block.id) };
            take_away(draft, set, preview, cause)?;
        }
    }
    for hold in holds {
        draft.end_hold(hold, HoldEnd::Voided);
    }
    let subject = Subject::Block(id, block.id);
    draft.change(id, Change::BlockAdded { block, policy_version });
    Ok(subject)
}

pub(super) fn remove_block(draft: &mut Draft, actor: Actor, id: ResourceId, block: BlockId) -> Judged {
    let calendar = draft.calendar(id)?;
    let policy_version = calendar.resource.policy_version + 1;
    let Some(block) = calendar.blocks.get(&block).cloned() else {
        return reject(Rejection::of(Code::NotFound).on(id));
    };
    admin(draft, actor)?;
    let subject = Subject::Block(id, block.id);
    draft.change(id, Change::BlockRemoved { block, policy_version });
    Ok(subject)
}
