//! What admins do to a resource: make it, edit it, block time of it.
//! A refusal by what is booked names who stands there, to admins only.

use super::admin::{beyond, first_beyond};
use super::displace::{Cause, booking_of, named, take_away};
use super::draft::Draft;
use super::guards::{admin, reasoned, said_why};
use super::{Judged, Stop, fit, reject};
use crate::booking::Displacer;
use crate::calendar::{Block, Calendar, Exceptions, Use};
use crate::change::Change;
use crate::command::{Actor, OverBookings, OverHolds};
use crate::hold::{Hold, HoldEnd};
use crate::ids::{BlockId, BookingId, ResourceId};
use crate::outcome::{Code, Rejection, Rule, Subject, Witness};
use crate::policy::Policy;
use crate::resource::{Kind, Resource, ResourcePatch, ResourceSpec};
use crate::set::Set;
use crate::world::Scope;
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) fn create_resource(draft: &mut Draft, actor: Actor, id: ResourceId, spec: &ResourceSpec) -> Judged {
    if draft.world.calendars.contains_key(&id) {
        return reject(Rejection::by(Code::Invalid, Rule::Exists).on(id));
    }
    let mut spec = spec.clone();
    if let Some(group) = spec.group.as_ref().map(|g| g.id) {
        spec = following(draft, id, spec, group)?;
        room_in_group(draft, group)?;
    }
    // Who manages a group makes what is in it.
    admin(draft, actor, spec.group.as_ref().map(|g| g.id))?;
    draft.change(id, Change::ResourceCreated(Arc::new(Resource { id, spec, policy_version: 1 })));
    Ok(Subject::Resource(id))
}

/// What follows the group, if the rules of both go together.
fn following(draft: &Draft, id: ResourceId, spec: ResourceSpec, group: ResourceId) -> Result<ResourceSpec, Stop> {
    let spec = spec.following(&template(draft, id, group)?);
    match spec.policy.check() {
        Ok(()) => Ok(spec),
        Err(e) => reject(Rejection::by(Code::Invalid, Rule::Field(e.field)).on(id)),
    }
}

/// The rules of a group that `of` is in, or shall be.
fn template(draft: &Draft, of: ResourceId, group: ResourceId) -> Result<Policy, Stop> {
    if !draft.world.loaded.resources.contains(&group) {
        return Err(Stop::Needs(Box::new(Scope { resources: [group].into(), ..Scope::default() })));
    }
    let Some(calendar) = draft.world.calendars.get(&group) else {
        return reject(Rejection::by(Code::NotFound, Rule::Group).on(group));
    };
    match &calendar.resource.spec {
        spec if spec.kind == Kind::Group => Ok(spec.policy.clone()),
        _ => reject(Rejection::by(Code::Invalid, Rule::Field("group")).on(of)),
    }
}

/// An edit of the group is one commit over all that is in it, so not any number may be.
fn room_in_group(draft: &Draft, group: ResourceId) -> Result<(), Stop> {
    match draft.world.members.get(&group) {
        Some(members) if members.len() >= ResourceSpec::MEMBERS_MAX => {
            reject(Rejection::by(Code::Invalid, Rule::MembersMax).on(group))
        }
        Some(_) => Ok(()),
        None => Err(Stop::Needs(Box::new(Scope { members: [group].into(), ..Scope::default() }))),
    }
}

/// What is in a group, each as its calendar says.
pub(super) fn members(draft: &Draft, group: ResourceId) -> Result<Vec<Arc<Resource>>, Stop> {
    let Some(members) = draft.world.members.get(&group) else {
        return Err(Stop::Needs(Box::new(Scope { members: [group].into(), ..Scope::default() })));
    };
    let loaded = &draft.world.loaded.resources;
    let unseen = members.iter().filter(|id| !loaded.contains(id)).copied().collect::<Set<_>>();
    if !unseen.is_empty() {
        return Err(Stop::Needs(Box::new(Scope { resources: unseen, ..Scope::default() })));
    }
    members.iter().map(|id| Ok(draft.calendar(*id)?.resource.clone())).collect()
}

pub(super) fn edit_resource(draft: &mut Draft, actor: Actor, id: ResourceId, patch: &ResourcePatch) -> Judged {
    let now = draft.now;
    let calendar = draft.calendar(id)?;
    let resource = calendar.resource.clone();
    let mut spec = match resource.spec.patched(patch).checked() {
        Ok(spec) => spec,
        Err(e) => return reject(Rejection::by(Code::Invalid, Rule::Field(e.field)).on(id)),
    };
    if spec.interval != resource.spec.interval && !calendar.uses.is_empty() {
        return reject(Rejection::by(Code::Invalid, Rule::Field("interval")).on(id));
    }
    // Nobody's week is changed behind their back.
    if spec.meetings() != resource.spec.meetings() && !calendar.uses.is_empty() {
        return reject(Rejection::by(Code::Invalid, Rule::Field("course.meetings")).on(id));
    }
    let joins = patch.group.flatten().filter(|group| resource.spec.group.as_ref().is_none_or(|g| g.id != *group));
    if let Some(group) = spec.group.as_ref().map(|g| g.id).filter(|_| joins.is_some() || patch.policy.is_some()) {
        spec = following(draft, id, spec, group)?;
    }
    if let Some(group) = joins {
        room_in_group(draft, group)?;
    }
    let calendar = draft.calendar(id)?;
    let cut = spec.capacity.filter(|_| spec.capacity != resource.spec.capacity);
    let at = first_beyond(calendar, cut, now);
    let refusal = at.map(|at| beyond(calendar, id, at, "capacity"));
    admin(draft, actor, [id].into_iter().chain(joins))?;
    if spec.capacity != resource.spec.capacity {
        said_why(draft, actor, &[])?;
    }
    if let Some(refusal) = refusal {
        return reject(refusal);
    }
    // Not before it is known that an admin asks: they may be many.
    let members = match (spec.kind, spec.policy != resource.spec.policy) {
        (Kind::Group, true) => members(draft, id)?,
        (Kind::Room | Kind::Section | Kind::Session | Kind::Equipment | Kind::Group, _) => Vec::new(),
    };
    let policy_version = resource.policy_version + u64::from(resource.spec.rules_differ(&spec));
    for member in members {
        let followed = member.spec.clone().following(&spec.policy);
        if let Err(e) = followed.policy.check() {
            return reject(Rejection::by(Code::Invalid, Rule::Field(e.field)).on(member.id));
        }
        if followed != member.spec {
            let policy_version = member.policy_version + 1;
            let followed = Resource { id: member.id, spec: followed, policy_version };
            draft.change(member.id, Change::ResourceEdited(Arc::new(followed)));
        }
    }
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
    if calendar.resource.spec.kind == Kind::Group {
        return reject(Rejection::by(Code::Invalid, Rule::Group).on(id));
    }
    if block.exceptions.people.len() > Exceptions::MAX || block.exceptions.bookings.len() > Exceptions::MAX {
        return reject(Rejection::by(Code::Invalid, Rule::Field("exceptions")).on(id));
    }
    if calendar.blocks.len() >= Calendar::BLOCKS_MAX {
        return reject(Rejection::by(Code::Invalid, Rule::BlocksMax).on(id));
    }
    reasoned(Some(&block.reason))?;
    admin(draft, actor, [id])?;
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
    // What is over stays in a calendar for a while, and concerns nobody any more.
    let concerned = |u: &&Use| {
        u.occupied.end() > draft.now
            && booking_of(u).is_some_and(|booking| !block.exceptions.allow(Some(u.owner), Some(booking)))
    };
    let booked: Vec<Use> = calendar.meeting(block.interval).filter(concerned).copied().collect();
    match over_bookings {
        OverBookings::Refuse => {
            if let Some(u) = booked.first() {
                return reject(Rejection::of(Code::Full).on(id).shown(fit::witness_of(calendar, u)));
            }
        }
        OverBookings::Displace(preview) => {
            let standing: BTreeSet<BookingId> = booked.iter().filter_map(booking_of).collect();
            let set = named(draft, &standing)?;
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
    admin(draft, actor, [id])?;
    said_why(draft, actor, &[])?;
    let subject = Subject::Block(id, block.id);
    draft.change(id, Change::BlockRemoved { block, policy_version });
    Ok(subject)
}
