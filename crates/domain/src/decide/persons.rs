//! The rules about the person a booking is for: what they must be, what goes together, how much they may have.
//! They hold whoever asks, and change nothing; what they must see of the person is loaded only where a rule asks.

use super::draft::Draft;
use super::{Stop, reject};
use crate::booking::{Booking, Counts, Slot};
use crate::calendar::UseId;
use crate::ids::{BookingId, PersonId, ResourceId};
use crate::outcome::{Code, Rejection, Rule, Witness};
use crate::policy::Measure;
use crate::resource::Resource;
use crate::set::Set;
use crate::time::Instant;
use crate::world::{Counted, Scope, World};
use std::collections::BTreeSet;

/// The person meets every requirement of what the slots are of.
pub(super) fn eligible(draft: &Draft, owner: PersonId, slots: &[Slot]) -> Result<(), Stop> {
    for slot in slots {
        let requirements = &draft.calendar(slot.resource)?.resource.spec.policy.eligibility;
        if requirements.is_empty() {
            continue;
        }
        if !draft.world.loaded.facts.contains(&owner) {
            return needs(asked(draft, owner, slots)?);
        }
        let nothing = BTreeSet::new();
        let tags = draft.world.facts.get(&owner).map_or(&nothing, |facts| &facts.tags);
        if let Some(place) = requirements.iter().position(|r| !r.met_by(tags)) {
            let rejection = Rejection::by(Code::NotEligible, Rule::Eligibility).on(slot.resource);
            return reject(rejection.shown(Witness::Requirement { place: place as u16 }));
        }
    }
    Ok(())
}

/// With each section comes one of each list that it is linked with: in the same command, or in a booking that the person has.
/// Bookings that are leaving their places do not count.
pub(super) fn linked(draft: &Draft, owner: PersonId, slots: &[Slot], leaving: &[BookingId]) -> Result<(), Stop> {
    for slot in slots {
        let linked = &draft.calendar(slot.resource)?.resource.spec.linked;
        if linked.iter().flatten().any(|id| !draft.world.loaded.resources.contains(id)) {
            return needs(asked(draft, owner, slots)?);
        }
        for (place, list) in linked.iter().enumerate() {
            if slots.iter().any(|s| list.contains(&s.resource)) || one_of(draft, owner, list, leaving)?.is_some() {
                continue;
            }
            let rejection = Rejection::by(Code::NotEligible, Rule::Linked).on(slot.resource);
            return reject(rejection.shown(Witness::Linked { place: place as u16 }));
        }
    }
    Ok(())
}

/// No other booking of the owner rests on this one: what is linked is dropped with it or before it, or rests on what comes instead.
pub(super) fn nothing_rests_on(draft: &Draft, booking: &Booking, instead: &[Slot]) -> Result<(), Stop> {
    let (owner, leaving) = (booking.owner, [booking.id]);
    // Which lists of what they have otherwise this one is on, and nothing instead of it. All is asked for at once: a lecture may go with
    // more than judging may ask to see more.
    let mut linked: Vec<(ResourceId, ResourceId)> = Vec::new();
    for Slot { resource, .. } in &booking.slots {
        let others = draft.calendar(*resource)?.resource.spec.linked.iter().flatten();
        linked.extend(others.map(|other| (*resource, *other)));
    }
    at_hand(draft, linked.iter().map(|(_, other)| *other))?;
    let mut rests: Vec<(ResourceId, &[ResourceId], Witness)> = Vec::new();
    for (on, other) in linked {
        let Some(witness) = one_of(draft, owner, &[other], &leaving)? else { continue };
        let lists = draft.calendar(other)?.resource.spec.linked.iter();
        let lists = lists.filter(|list| list.contains(&on) && !instead.iter().any(|s| list.contains(&s.resource)));
        rests.extend(lists.map(|list| (on, &list[..], witness)));
    }
    at_hand(draft, rests.iter().flat_map(|(_, list, _)| list.iter().copied()))?;
    for (on, list, witness) in rests {
        if one_of(draft, owner, list, &leaving)?.is_none() {
            return reject(Rejection::by(Code::NotEligible, Rule::Linked).on(on).shown(witness));
        }
    }
    Ok(())
}

/// All of these have been looked for.
fn at_hand(draft: &Draft, resources: impl IntoIterator<Item = ResourceId>) -> Result<(), Stop> {
    let loaded = &draft.world.loaded.resources;
    let unseen: Set<ResourceId> = resources.into_iter().filter(|r| !loaded.contains(r)).collect();
    match unseen.is_empty() {
        true => Ok(()),
        false => needs(Scope { resources: unseen, ..Scope::default() }),
    }
}

/// A booking of the person on one of these, that is not leaving.
fn one_of(draft: &Draft, owner: PersonId, list: &[ResourceId], leaving: &[BookingId]) -> Result<Option<Witness>, Stop> {
    at_hand(draft, list.iter().copied())?;
    // As they would be: a command may give somebody one of these, or take it, before another of its turns asks.
    let calendars = list.iter().filter_map(|id| draft.calendar(*id).ok());
    let theirs = calendars.flat_map(|c| c.uses.values()).find_map(|u| match u.id {
        UseId::Booking(id, _) if u.owner == owner && !leaving.contains(&id) => {
            Some(Witness::Booking { id, owner, interval: u.interval })
        }
        UseId::Booking(..) | UseId::Hold(_) => None,
    });
    Ok(theirs)
}

/// No more in a period than the quota of what the slots are of allows, or the person's allowance in its place. What is
/// leaving its place counts no more; and whoever has more than is allowed now may still have as much as before.
pub(super) fn quota(draft: &Draft, owner: PersonId, slots: &[Slot], leaving: &[BookingId]) -> Result<(), Stop> {
    for slot in slots {
        let spec = &draft.calendar(slot.resource)?.resource.spec;
        let (Some(quota), Some(Counts { of, .. })) = (spec.policy.quota, slot.quota) else { continue };
        let Some(counted) = draft.counted(owner).filter(|_| draft.world.loaded.facts.contains(&owner)) else {
            return needs(asked(draft, owner, slots)?);
        };
        let allowance = draft.world.facts.get(&owner).and_then(|facts| facts.allowances.get(&of).copied());
        let most = allowance.map_or(u64::from(quota.most), |allowance| quota.counts.allowed(allowance));
        let period = quota.period.around(slot.interval.start(), &spec.zone);
        let within = |t: Instant| period.is_none_or(|(from, to)| from <= t && t < to);
        let sum = |counted: &Counted, leaving: &[BookingId]| -> u64 {
            let counts =
                counted.0.iter().filter(|((id, ..), c)| c.of == of && within(c.start) && !leaving.contains(id));
            counts.map(|(_, c)| quota.counts.of(c.units, c.credits)).sum()
        };
        // Where a command has put several already, they count where they are now, and what they had before counts as it was.
        let leaving: Vec<BookingId> = leaving.iter().filter(|id| !draft.has_changed(**id)).copied().collect();
        let at_first = draft.world.counted.get(&owner).map_or(0, |counted| sum(counted, &[]));
        let new = slots.iter().filter(|s| within(s.interval.start())).filter_map(|s| {
            let counts = s.quota.filter(|counts| counts.of == of)?;
            Some(quota.counts.of(s.units, counts.credits))
        });
        let (before, standing) = (sum(&counted, &[]).min(at_first), sum(&counted, &leaving));
        let after = standing + new.sum::<u64>();
        if after > most && after > before {
            let most = u32::try_from(most).unwrap_or(u32::MAX);
            let witness = Witness::Quota { of, counted: standing, most, counts: quota.counts, period };
            return reject(Rejection::by(Code::QuotaExceeded, Rule::Quota).on(slot.resource).shown(witness));
        }
    }
    Ok(())
}

/// How much of a quota a person has had: what a booking then would be judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaStanding {
    /// Under the quota of which group or resource.
    pub of: ResourceId,
    /// What counts already: of what they have, what they gave up late, and what they did not come to.
    pub counted: u64,
    /// So much may: the person's allowance, or the quota's own.
    pub most: u64,
    /// What is counted.
    pub counts: Measure,
    /// The period that it counts in; `None` is all time.
    pub period: Option<(Instant, Instant)>,
}

/// How a person stands under the quota of a resource in the period of an instant, as far as the world has loaded it: `None` if there
/// is no quota, or it was not looked for.
pub fn quota_standing(world: &World, resource: &Resource, person: PersonId, at: Instant) -> Option<QuotaStanding> {
    let (quota, of) = (resource.spec.policy.quota?, resource.quota_of()?);
    let counted = world.counted.get(&person).filter(|_| world.loaded.facts.contains(&person))?;
    let allowance = world.facts.get(&person).and_then(|facts| facts.allowances.get(&of).copied());
    let period = quota.period.around(at, &resource.spec.zone);
    let within = |t: Instant| period.is_none_or(|(from, to)| from <= t && t < to);
    let counts = counted.0.values().filter(|c| c.of == of && within(c.start));
    let counted = counts.map(|c| quota.counts.of(c.units, c.credits)).sum();
    let most = allowance.map_or(u64::from(quota.most), |allowance| quota.counts.allowed(allowance));
    Some(QuotaStanding { of, counted, most, counts: quota.counts, period })
}

/// All that the rules about a person will ask of the slots, so that settling asks once and not once for each rule.
fn asked(draft: &Draft, owner: PersonId, slots: &[Slot]) -> Result<Scope, Stop> {
    let mut scope = Scope::default();
    for slot in slots {
        let spec = &draft.calendar(slot.resource)?.resource.spec;
        scope.extend(&Scope::of_person(&spec.policy, owner));
        scope.resources.extend(spec.linked.iter().flatten());
    }
    Ok(scope)
}

fn needs<T>(scope: Scope) -> Result<T, Stop> {
    Err(Stop::Needs(Box::new(scope)))
}
