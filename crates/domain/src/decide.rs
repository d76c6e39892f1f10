//! The judgement: what a command would change, or why it is refused. Pure; the same on a snapshot and on the rows held.
//! It never looks at a clock or a store: the world and the instant are arguments.
//!
//! Guards stand in the order of precedence of [`Code`], each over all lines of a command; after the last one it succeeds.

mod draft;
mod fit;

use crate::booking::{Booking, BookingState, Details, DetailsPatch, Slot};
use crate::calendar::{Block, Calendar};
use crate::change::{Change, Changes};
use crate::command::{Action, Actor, Command, HoldRef, Line, OverHolds};
use crate::hold::{EndedHold, Hold, HoldEnd};
use crate::ids::{BlockId, BookingId, FencingToken, HoldId, PersonId, ResourceId};
use crate::outcome::{Code, Rejection, Rule, Subject, Verdict, Witness};
use crate::policy::{HoldAt, OwnOverlap, Policy};
use crate::resource::{Resource, ResourcePatch, ResourceSpec};
use crate::time::{Instant, Interval};
use crate::world::{Role, Scope, World};
use draft::Draft;
use std::collections::BTreeSet;
use std::sync::Arc;

pub use fit::{Glance, glance};

/// Why judging ends before a command is accepted.
enum Stop {
    Rejected(Box<Rejection>),
    Needs(Box<Scope>),
}

impl From<Rejection> for Stop {
    fn from(r: Rejection) -> Stop {
        Stop::Rejected(Box::new(r))
    }
}

type Judged = Result<Subject, Stop>;

fn reject<T>(r: Rejection) -> Result<T, Stop> {
    Err(r.into())
}

/// What the command would change if the world were so at `now`, or why not.
pub fn decide(world: &World, command: &Command, now: Instant) -> Verdict {
    let missing = command.scope().minus(&world.loaded);
    if !missing.is_empty() {
        return Verdict::Needs(missing);
    }
    let mut draft = Draft::new(world, now);
    draft.expire_due(world.touched(&command.scope()));
    match judge(&mut draft, command) {
        Ok(subject) => Verdict::Accepted(draft.changes(), subject),
        Err(Stop::Needs(scope)) => Verdict::Needs(*scope),
        Err(Stop::Rejected(rejection)) => Verdict::Rejected(*rejection, let_go(world, command, now)),
    }
}

fn judge(draft: &mut Draft, command: &Command) -> Judged {
    let actor = command.actor;
    match &command.action {
        Action::CreateResource { resource, spec } => create_resource(draft, actor, *resource, spec),
        Action::EditResource { resource, patch, .. } => edit_resource(draft, actor, *resource, patch),
        Action::AddBlock { resource, block, interval, reason, over_holds, .. } => {
            let block = Block { id: *block, interval: *interval, reason: reason.clone() };
            add_block(draft, actor, *resource, block, *over_holds)
        }
        Action::RemoveBlock { resource, block, .. } => remove_block(draft, actor, *resource, *block),
        Action::Book { booking, owner, lines, details, hold } => {
            book(draft, actor, *booking, *owner, lines, details, *hold)
        }
        Action::Approve { booking } => approve(draft, actor, *booking),
        Action::Cancel { booking, reason } => cancel(draft, actor, *booking, reason.as_ref()),
        Action::Move { booking, to } => move_to(draft, actor, booking.id, to),
        Action::Swap { one, other } => swap(draft, actor, one.id, other.id),
        Action::EditBooking { booking, patch, .. } => edit_booking(draft, actor, *booking, patch),
        Action::Hold { hold, line } => grant(draft, actor, *hold, *line),
        Action::Renew(hold) => renew(draft, actor, *hold),
        Action::Release(hold) => release(draft, actor, *hold),
        Action::ExpireHolds { resource } => Ok(Subject::Resource(*resource)),
    }
}

/// A refused confirm lets its own current hold go, in the same commit. Nothing else follows from a refusal.
fn let_go(world: &World, command: &Command, now: Instant) -> Changes {
    let Action::Book { hold: Some(named), .. } = &command.action else { return Changes::default() };
    let Some((resource, None)) = world.holds.get(&named.id) else { return Changes::default() };
    let held = world.calendars.get(resource).and_then(|c| c.holds.get(&named.id));
    let Some(hold) = held.filter(|h| Some(h.holder) == command.actor.person() && h.token == named.token) else {
        return Changes::default();
    };
    let mut draft = Draft::new(world, now);
    draft.expire_due([*resource]);
    if hold.over(world.epoch, now).is_none() {
        draft.end_hold(*hold, HoldEnd::Released);
    }
    draft.changes()
}

// Bookings

fn book(
    draft: &mut Draft,
    actor: Actor,
    id: BookingId,
    owner: PersonId,
    lines: &[Line],
    details: &Details,
    named: Option<HoldRef>,
) -> Judged {
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
    open(draft, &slots)?;
    own_overlap(draft, owner, &slots, &[])?;
    let hold = match hold {
        Some(Held::Ended(ended)) => return reject(ended_hold(&ended)),
        Some(Held::Live(hold)) if Some(hold.token) != named.map(|n| n.token) => {
            return reject(Rejection::of(Code::HoldSuperseded).on(hold.resource));
        }
        Some(Held::Live(hold)) => Some(hold),
        None => None,
    };
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
        revision: 1,
        created_at: draft.now,
        decided_at: draft.now,
    };
    for resource in booking.resources() {
        let slots = booking.slots_on(resource).map(|(n, s)| (n, *s)).collect();
        draft.change(resource, Change::BookingMade { booking: id, owner, pending, slots });
    }
    draft.put_booking(booking);
    Ok(Subject::Booking(id))
}

fn approve(draft: &mut Draft, actor: Actor, id: BookingId) -> Judged {
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
    if draft.now >= booking.end() {
        return reject(Rejection::by(Code::PastCutoff, Rule::Begun).shown(Witness::Instant(booking.end())));
    }
    for slot in &booking.slots {
        not_blocked(draft, slot)?;
    }
    own_overlap(draft, booking.owner, &booking.slots, &[])?;
    fit::make_room(draft, id, None, &booking.slots)?;

    let owner = booking.owner;
    for resource in booking.resources() {
        let slots = booking.slots_on(resource).map(|(n, s)| (n, *s)).collect();
        draft.change(resource, Change::BookingApproved { booking: id, owner, slots });
    }
    draft.put_booking(Booking { state: BookingState::Confirmed, ..revised(&booking, draft.now) });
    Ok(Subject::Booking(id))
}

fn cancel(draft: &mut Draft, actor: Actor, id: BookingId, reason: Option<&String>) -> Judged {
    let booking = named_booking(draft, id)?;
    let role = owner_or_admin(draft, actor, &booking)?;
    let was_pending = match booking.state {
        BookingState::Cancelled { .. } => return Ok(Subject::Booking(id)),
        BookingState::Pending => true,
        BookingState::Confirmed => false,
    };
    if draft.now >= booking.end() {
        return reject(Rejection::by(Code::PastCutoff, Rule::Begun).shown(Witness::Instant(booking.end())));
    }
    if role != Role::Admin {
        before_cutoff(draft, &booking.slots, Rule::CancelBy)?;
    }

    let owner = booking.owner;
    for resource in booking.resources() {
        let slots = booking.slots_on(resource).map(|(n, s)| (n, *s)).collect();
        let reason = reason.cloned();
        draft.change(resource, Change::BookingCancelled { booking: id, owner, was_pending, slots, by: actor, reason });
    }
    let state = BookingState::Cancelled { at: draft.now, by: actor, reason: reason.cloned() };
    draft.put_booking(Booking { state, ..revised(&booking, draft.now) });
    Ok(Subject::Booking(id))
}

fn move_to(draft: &mut Draft, actor: Actor, id: BookingId, to: &[Line]) -> Judged {
    let booking = named_booking(draft, id);
    if booking.as_ref().is_ok_and(|b| matches!(b.state, BookingState::Cancelled { .. })) {
        return reject(Rejection::by(Code::Invalid, Rule::State));
    }
    let slots = slots(draft, to)?;
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
    for slot in &fresh {
        not_blocked(draft, slot)?;
    }
    own_overlap(draft, booking.owner, &slots, &[id])?;
    draft.lift(&booking);
    fit::make_room(draft, id, actor.person(), &slots)?;

    // From here the booking has its new place.
    relocate(draft, &[(booking, slots)]);
    Ok(Subject::Booking(id))
}

fn swap(draft: &mut Draft, actor: Actor, one: BookingId, other: BookingId) -> Judged {
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
    changeable(draft, &one, role)?;
    changeable(draft, &other, role)?;
    let leaving = [one.id, other.id];
    own_overlap(draft, one.owner, &other.slots, &leaving)?;
    own_overlap(draft, other.owner, &one.slots, &leaving)?;

    // From here they have each other's places. Nothing is taken that was not taken before, so nothing else is asked.
    let subject = Subject::Bookings(one.id, other.id);
    let (ones, others) = (one.slots.clone(), other.slots.clone());
    relocate(draft, &[(one, others), (other, ones)]);
    Ok(subject)
}

/// A booking may still be changed: not over, and for others than admins before the cutoff of where it is.
fn changeable(draft: &Draft, booking: &Booking, role: Role) -> Result<(), Stop> {
    if draft.now >= booking.end() {
        return reject(Rejection::by(Code::PastCutoff, Rule::Begun).shown(Witness::Instant(booking.end())));
    }
    if role != Role::Admin {
        before_cutoff(draft, &booking.slots, Rule::ChangeBy)?;
    }
    Ok(())
}

/// What a moved booking shall take, and what of it was not its own before.
struct Kept {
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
fn relocate(draft: &mut Draft, moves: &[(Arc<Booking>, Vec<Slot>)]) {
    for (booking, slots) in moves {
        let moved = Booking { slots: slots.clone(), ..revised(booking, draft.now) };
        let resources: BTreeSet<ResourceId> = booking.resources().into_iter().chain(moved.resources()).collect();
        for resource in resources {
            let of = |b: &Booking| b.slots_on(resource).map(|(n, s)| (n, *s)).collect();
            let (from, to) = (of(booking), of(&moved));
            let (owner, revision, pending) = (moved.owner, moved.revision, !moved.state.takes_units());
            let booking = moved.id;
            draft.change(resource, Change::BookingMoved { booking, owner, revision, pending, from, to });
        }
        draft.put_booking(moved);
    }
}

fn edit_booking(draft: &mut Draft, actor: Actor, id: BookingId, patch: &DetailsPatch) -> Judged {
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

fn revised(booking: &Booking, now: Instant) -> Booking {
    Booking { revision: booking.revision + 1, decided_at: now, ..booking.clone() }
}

// Holds

fn grant(draft: &mut Draft, actor: Actor, id: HoldId, line: Line) -> Judged {
    let slots = slots(draft, &[line])?;
    let resource = line.resource;
    let policy = draft.calendar(resource)?.resource.spec.policy.clone();
    if policy.hold_at == HoldAt::None {
        return reject(Rejection::by(Code::Invalid, Rule::HoldsOff).on(resource));
    }
    role(draft, actor)?;
    let Some(holder) = actor.person() else {
        return reject(Rejection::by(Code::NotAllowed, Rule::Holder));
    };
    open(draft, &slots)?;
    let Some(person) = draft.world.people.get(&holder) else {
        return Err(Stop::Needs(Box::new(Scope { people: [holder].into(), ..Scope::default() })));
    };
    let live = person.holds.values().filter(|expires_at| draft.now < **expires_at).count();
    let [slot] = slots[..] else { return reject(Rejection::by(Code::Invalid, Rule::Lines)) };
    let given_up = fit::in_own_way(draft.calendar(resource)?, holder, &slot).len();
    if live - given_up.min(live) >= Policy::HOLDS_PER_PERSON_MAX {
        let first = person.holds.values().filter(|t| draft.now < **t).min().copied();
        let rejection = Rejection::by(Code::QuotaExceeded, Rule::HoldsPerPerson).on(resource);
        return reject(Rejection { retry_at: first, ..rejection });
    }
    fit::make_room(draft, BookingId(id.0), Some(holder), &slots)?;

    // From here the hold is granted.
    let token = FencingToken(draft.calendar(resource)?.version.next_in(draft.world.epoch));
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
            expires_at: draft.now.plus(policy.hold_ttl),
            renewals: 0,
        }),
    );
    Ok(Subject::Hold(resource, id))
}

fn renew(draft: &mut Draft, actor: Actor, named: HoldRef) -> Judged {
    let hold = match own_hold(draft, actor, named)? {
        Held::Live(hold) => hold,
        Held::Ended(ended) => return reject(ended_hold(&ended)),
    };
    let ttl = draft.calendar(hold.resource)?.resource.spec.policy.hold_ttl;
    let (wanted, latest) = (draft.now.plus(ttl), hold.granted_at.plus(Policy::HOLD_LONGEST));
    let used_up = wanted > latest && hold.expires_at >= latest;
    if hold.renewals >= Policy::RENEWALS_MAX || used_up {
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

fn release(draft: &mut Draft, actor: Actor, named: HoldRef) -> Judged {
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

enum Held {
    Live(Hold),
    Ended(EndedHold),
}

/// The hold as named, if it is the actor's own.
fn own_hold(draft: &Draft, actor: Actor, named: HoldRef) -> Result<Held, Stop> {
    own(find_hold(draft, named.id)?, actor)
}

fn find_hold(draft: &Draft, id: HoldId) -> Result<Held, Stop> {
    let unknown = || Stop::from(Rejection::by(Code::NotFound, Rule::Holder));
    let (resource, ended) = draft.world.holds.get(&id).ok_or_else(unknown)?;
    match ended.or_else(|| draft.ended_due(id)) {
        Some(ended) => Ok(Held::Ended(ended)),
        None => draft.calendar(*resource)?.holds.get(&id).map(|hold| Held::Live(*hold)).ok_or_else(unknown),
    }
}

fn own(held: Held, actor: Actor) -> Result<Held, Stop> {
    let holder = match &held {
        Held::Live(hold) => hold.holder,
        Held::Ended(ended) => ended.hold.holder,
    };
    match actor.person() == Some(holder) {
        true => Ok(held),
        false => reject(Rejection::by(Code::NotAllowed, Rule::Holder)),
    }
}

fn ended_hold(ended: &EndedHold) -> Rejection {
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

// Resources

fn create_resource(draft: &mut Draft, actor: Actor, id: ResourceId, spec: &ResourceSpec) -> Judged {
    if draft.world.calendars.contains_key(&id) {
        return reject(Rejection::by(Code::Invalid, Rule::Exists).on(id));
    }
    admin(draft, actor)?;
    draft.change(id, Change::ResourceCreated(Arc::new(Resource { id, spec: spec.clone(), policy_version: 1 })));
    Ok(Subject::Resource(id))
}

fn edit_resource(draft: &mut Draft, actor: Actor, id: ResourceId, patch: &ResourcePatch) -> Judged {
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
    let below = spec.capacity.and_then(|capacity| {
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

fn add_block(draft: &mut Draft, actor: Actor, id: ResourceId, block: Block, over_holds: OverHolds) -> Judged {
    let calendar = draft.calendar(id)?;
    if calendar.blocks.len() >= Calendar::BLOCKS_MAX {
        return reject(Rejection::by(Code::Invalid, Rule::BlocksMax).on(id));
    }
    admin(draft, actor)?;
    if block.interval.end() <= draft.now {
        return reject(Rejection::by(Code::PastCutoff, Rule::Begun).on(id));
    }
    let calendar = draft.calendar(id)?;
    let policy_version = calendar.resource.policy_version + 1;
    let holds: Vec<Hold> = calendar.holds.values().filter(|h| h.occupied.meets(block.interval)).copied().collect();
    if let (Some(hold), OverHolds::Refuse) = (holds.first(), over_holds) {
        let (id_, holder, interval, expires_at) = (hold.id, hold.holder, hold.interval, hold.expires_at);
        let witness = Witness::Hold { id: id_, holder, interval, expires_at };
        let rejection = Rejection::of(Code::HeldByOther).on(id).shown(witness);
        return reject(Rejection { retry_at: Some(expires_at), ..rejection });
    }
    let booked = calendar.meeting(block.interval).find(|u| u.level().booked > 0);
    if let Some(u) = booked {
        return reject(Rejection::of(Code::Full).on(id).shown(fit::witness_of(calendar, u)));
    }
    for hold in holds {
        draft.end_hold(hold, HoldEnd::Voided);
    }
    let subject = Subject::Block(id, block.id);
    draft.change(id, Change::BlockAdded { block, policy_version });
    Ok(subject)
}

fn remove_block(draft: &mut Draft, actor: Actor, id: ResourceId, block: BlockId) -> Judged {
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

// Guards

/// The lines as slots of resources that exist, or why they can be none.
fn slots(draft: &Draft, lines: &[Line]) -> Result<Vec<Slot>, Stop> {
    if lines.is_empty() || lines.len() > Command::LINES_MAX {
        return reject(Rejection::by(Code::Invalid, Rule::Lines));
    }
    if let Some(line) = lines.iter().find(|l| l.units == 0) {
        return reject(Rejection::by(Code::Invalid, Rule::Units).on(line.resource));
    }
    first_of(lines.iter().map(|line| slot(draft, line)))
}

/// All of them, or the refusal that comes first in the order of precedence.
fn first_of<T>(results: impl Iterator<Item = Result<T, Stop>>) -> Result<Vec<T>, Stop> {
    let (mut all, mut first) = (Vec::new(), None::<Box<Rejection>>);
    for result in results {
        match result {
            Ok(one) => all.push(one),
            Err(Stop::Rejected(r)) if first.as_ref().is_none_or(|f| r.code < f.code) => first = Some(r),
            Err(Stop::Rejected(_)) => {}
            Err(needs @ Stop::Needs(_)) => return Err(needs),
        }
    }
    first.map_or(Ok(all), |rejection| Err(Stop::Rejected(rejection)))
}

fn slot(draft: &Draft, line: &Line) -> Result<Slot, Stop> {
    let invalid = |rule| reject(Rejection::by(Code::Invalid, rule).on(line.resource));
    let spec = &draft.calendar(line.resource)?.resource.spec;
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
    })
}

/// No more people than seats.
fn seated(draft: &Draft, details: &Details, slots: &[Slot]) -> Result<(), Stop> {
    for slot in slots {
        let seats = draft.calendar(slot.resource)?.resource.spec.seats;
        if details.people.zip(seats).is_some_and(|(people, seats)| people > seats) {
            return reject(Rejection::by(Code::Invalid, Rule::Seats).on(slot.resource));
        }
    }
    Ok(())
}

/// The rules of the resources and their clocks: closed, hours, windows, blocks.
fn open(draft: &Draft, slots: &[Slot]) -> Result<(), Stop> {
    in_service(draft, slots)?;
    for slot in slots {
        not_begun(draft, slot.resource, slot.interval.start().plus(Policy::START_GRACE).min(slot.interval.end()))?;
    }
    before_cutoff(draft, slots, Rule::BookBy)?;
    for slot in slots {
        not_blocked(draft, slot)?;
    }
    Ok(())
}

/// What does not depend on how late it is: closed, hours, the window not open yet.
fn in_service(draft: &Draft, slots: &[Slot]) -> Result<(), Stop> {
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

fn not_begun(draft: &Draft, resource: ResourceId, begun: Instant) -> Result<(), Stop> {
    match draft.now >= begun {
        true => {
            let rejection = Rejection::by(Code::PastCutoff, Rule::Begun).on(resource);
            reject(rejection.shown(Witness::Instant(begun)))
        }
        false => Ok(()),
    }
}

fn before_cutoff(draft: &Draft, slots: &[Slot], rule: Rule) -> Result<(), Stop> {
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

fn not_blocked(draft: &Draft, slot: &Slot) -> Result<(), Stop> {
    let calendar = draft.calendar(slot.resource)?;
    match calendar.blocks.values().find(|b| b.interval.meets(slot.occupied)) {
        Some(b) => reject(
            Rejection::of(Code::Blocked).on(slot.resource).shown(Witness::Block { id: b.id, interval: b.interval }),
        ),
        None => Ok(()),
    }
}

/// No two at once, among the resources that refuse it. Bookings that are leaving their places do not count.
fn own_overlap(draft: &Draft, owner: PersonId, slots: &[Slot], leaving: &[BookingId]) -> Result<(), Stop> {
    let exclusive: Vec<&Slot> = slots.iter().filter(|s| s.own_overlap == OwnOverlap::Refuse).collect();
    if exclusive.is_empty() {
        return Ok(());
    }
    let Some(person) = draft.world.people.get(&owner) else {
        return Err(Stop::Needs(Box::new(Scope { people: [owner].into(), ..Scope::default() })));
    };
    for (n, slot) in exclusive.iter().enumerate() {
        let mut others = person.exclusive.iter().filter(|((id, ..), _)| !leaving.contains(id));
        if let Some(((id, ..), interval)) = others.find(|(_, interval)| interval.meets(slot.interval)) {
            let witness = Witness::Booking { id: *id, owner, interval: *interval };
            return reject(Rejection::of(Code::OwnOverlap).on(slot.resource).shown(witness));
        }
        if exclusive.iter().take(n).any(|s| s.interval.meets(slot.interval)) {
            return reject(Rejection::of(Code::OwnOverlap).on(slot.resource));
        }
    }
    Ok(())
}

fn named_booking(draft: &Draft, id: BookingId) -> Result<Arc<Booking>, Stop> {
    draft.world.bookings.get(&id).cloned().ok_or_else(|| Rejection::of(Code::NotFound).into())
}

fn owner_or_admin(draft: &Draft, actor: Actor, booking: &Booking) -> Result<Role, Stop> {
    let role = role(draft, actor)?;
    if role != Role::Admin && actor.person() != Some(booking.owner) {
        return reject(Rejection::by(Code::NotAllowed, Rule::Owner));
    }
    Ok(role)
}

fn admin(draft: &Draft, actor: Actor) -> Result<(), Stop> {
    match role(draft, actor)? {
        Role::Admin => Ok(()),
        Role::Member => reject(Rejection::by(Code::NotAllowed, Rule::AdminOnly)),
    }
}

/// What the actor may do at this instant; one who is not known any more may do nothing.
fn role(draft: &Draft, actor: Actor) -> Result<Role, Stop> {
    match actor {
        Actor::System => Ok(Role::Admin),
        Actor::Person(id) => match draft.world.roles.get(&id) {
            Some(role) => Ok(*role),
            None => reject(Rejection::by(Code::NotAllowed, Rule::Person)),
        },
    }
}

/// Whether the interval is free for one more use of so many units, and if not how it looks to whoever asks. For badges.
pub fn free_units(calendar: &Calendar, interval: Interval, asker: Option<PersonId>, now: Instant) -> Option<u32> {
    fit::free_units(calendar, interval, asker, now)
}
