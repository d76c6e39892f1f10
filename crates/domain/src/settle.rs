//! Judging a proposal against what is true at the commit: what it named first, then the same [`crate::decide`].
//! One rule set, not a second one.

use crate::command::{Action, BookingRef, Proposal};
use crate::decide::decide_loaded;
use crate::outcome::{Ground, Verdict};
use crate::time::Instant;
use crate::world::World;

/// [`settle`] captures nothing, so a plain function crosses threads.
pub type Settle = fn(&World, &Proposal, Instant) -> Verdict;

/// What becomes of the proposal at this decision instant, on the rows held.
pub fn settle(world: &World, proposal: &Proposal, now: Instant) -> Verdict {
    let scope = proposal.command.scope();
    if !scope.within(&world.loaded) {
        return Verdict::Needs(scope.minus(&world.loaded));
    }
    match moved(world, &proposal.command.action) {
        Some(ground) => Verdict::Moved(ground),
        None => decide_loaded(world, &proposal.command, &scope, now),
    }
}

/// What the command named that is no longer so. Expiry of holds moves none of it.
fn moved(world: &World, action: &Action) -> Option<Ground> {
    match action {
        Action::EditResource { resource, policy_version, .. }
        | Action::AddBlock { resource, policy_version, .. }
        | Action::RemoveBlock { resource, policy_version, .. }
        | Action::SetCapacity { resource, policy_version, .. }
        | Action::SetService { resource, policy_version, .. } => {
            let theirs = world.calendars.get(resource)?.resource.clone();
            (theirs.policy_version != *policy_version)
                .then_some(Ground::PolicyVersion { yours: *policy_version, theirs })
        }
        Action::EditBooking { booking, revision, .. } => {
            revised(world, BookingRef { id: *booking, revision: Some(*revision) })
        }
        Action::Move { booking, .. } | Action::Decline { booking, .. } | Action::HandOver { booking, .. } => {
            revised(world, *booking)
        }
        Action::Override { action, .. } => moved(world, action),
        Action::Swap { one, other } => revised(world, *one).or_else(|| revised(world, *other)),
        Action::EditSeries { bookings, .. } => bookings.iter().find_map(|named| revised(world, *named)),
        Action::CreateResource { .. }
        | Action::BookSeries(_)
        | Action::Book { .. }
        | Action::Approve { .. }
        | Action::Cancel { .. }
        | Action::Hold { .. }
        | Action::Renew(_)
        | Action::Release(_)
        | Action::SetHold { .. }
        | Action::ExpireHolds { .. }
        | Action::CheckIn { .. }
        | Action::ReleaseNoShow { .. }
        | Action::JoinWaitlist { .. }
        | Action::LeaveWaitlist { .. }
        | Action::SetClass { .. } => None,
    }
}

fn revised(world: &World, named: BookingRef) -> Option<Ground> {
    let (yours, theirs) = (named.revision?, world.bookings.get(&named.id)?.clone());
    (theirs.revision != yours).then_some(Ground::Revision { yours, theirs })
}
