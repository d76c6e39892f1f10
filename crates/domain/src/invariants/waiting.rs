//! I8: what must be so of those who wait after a commit. Like its parent it trusts nothing that was computed in judging: it adds up
//! the uses again, and asks in its own words who could have had what. Of people it knows only what was loaded; others it lets pass.

use super::{Broken, broken};
use crate::booking::Slot;
use crate::calendar::{Calendar, UseId};
use crate::change::{Change, Changes};
use crate::hold::{EndedHold, HoldEnd};
use crate::ids::{PersonId, ResourceId};
use crate::policy::{OwnOverlap, Policy};
use crate::resource::Resource;
use crate::time::{Instant, Interval};
use crate::waitlist::{WaitEntry, Waitlist};
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};

/// Units taken by one change, and by whose turn.
struct Taker {
    occupied: Interval,
    units: u32,
    /// Whose turn it was; `None` for a newcomer.
    turn: Option<WaitEntry>,
    /// What they gave up here for it, which was free for nobody else without it.
    gave: Vec<(Interval, u32)>,
}

impl Taker {
    /// So many units less would be taken at an instant without it, or more.
    fn takes(&self, t: Instant) -> i64 {
        let gave = self.gave.iter().filter(|(occupied, _)| occupied.contains(t)).map(|(_, units)| i64::from(*units));
        let took = if self.occupied.contains(t) { i64::from(self.units) } else { 0 };
        took - gave.sum::<i64>()
    }

    /// Whether it takes more at some instant of a stretch than it gave up.
    fn took(&self, during: Interval) -> bool {
        let starts = self.gave.iter().flat_map(|(occupied, _)| [occupied.start(), occupied.end()]);
        let mut edges = starts.chain([self.occupied.start(), during.start()]).filter(|t| during.contains(*t));
        edges.any(|t| self.takes(t) > 0)
    }
}

pub(super) fn check(world: &World, commit: &[(&Changes, Instant)]) -> Result<(), Broken> {
    let mut last: BTreeMap<ResourceId, usize> = BTreeMap::new();
    for (n, (changes, at)) in commit.iter().enumerate() {
        for (id, record) in &changes.records {
            last.insert(*id, n);
            if let Some(resource) = in_force(world, commit, n, *id) {
                in_time(*id, resource, record, *at)?;
            }
        }
    }
    for (id, n) in last {
        let (Some(calendar), Some((changes, at))) = (world.calendars.get(&id), commit.get(n)) else { continue };
        offers(id, calendar, *at)?;
        let record = changes.records.iter().find(|(of, _)| *of == id);
        if !calendar.waiting.is_empty()
            && let Some((_, record)) = record
        {
            in_order(world, id, calendar, record, *at, &changed_from(commit, n))?;
            owed(world, id, calendar, *at, &changed_from(commit, 0))?;
        }
        for change in record.into_iter().flat_map(|(_, record)| record) {
            if let Change::WaitEnded(ended) = change
                && calendar.entry(ended.entry.id).is_some()
            {
                return broken("I8", id, *at, format!("{} has ended and waits", ended.entry.id));
            }
        }
    }
    Ok(())
}

/// The resource as it was when a record was made, as far as this commit tells: not if a later attempt edits it.
fn in_force<'a>(world: &'a World, commit: &'a [(&Changes, Instant)], n: usize, id: ResourceId) -> Option<&'a Resource> {
    let edited = |(changes, _): &'a (&Changes, Instant)| {
        let of_it = changes.records.iter().filter(|(of, _)| *of == id).flat_map(|(_, record)| record);
        of_it.rev().find_map(|change| match change {
            Change::ResourceCreated(resource)
            | Change::ResourceEdited(resource)
            | Change::CapacitySet { resource, .. }
            | Change::ServiceSet { resource, .. } => Some(&**resource),
            _ => None,
        })
    };
    let before = commit.get(..=n)?.iter().rev().find_map(edited);
    let later = commit.get(n + 1..)?.iter().find_map(edited);
    match (before, later) {
        (Some(resource), _) => Some(resource),
        (None, None) => world.calendars.get(&id).map(|c| &*c.resource),
        (None, Some(_)) => None,
    }
}

/// I6: nothing is promoted or offered when it is too late to book.
fn in_time(id: ResourceId, resource: &Resource, record: &[Change], at: Instant) -> Result<(), Broken> {
    for change in record {
        let entry = match change {
            Change::WaitEnded(ended) if ended.made(ended.entry.booking()) => &ended.entry,
            Change::WaitOffered(entry) => entry,
            _ => continue,
        };
        if at >= resource.spec.too_late(entry.interval) {
            return broken("I6", id, at, format!("{} had their turn when it was too late", entry.id));
        }
    }
    Ok(())
}

/// Who is offered something has exactly one hold of it, and a hold that is an offer is made to somebody who waits.
fn offers(id: ResourceId, calendar: &Calendar, at: Instant) -> Result<(), Broken> {
    for entry in calendar.waiting.values() {
        let held = entry.offer.map(|hold| calendar.holds.get(&hold));
        let theirs = |hold: &crate::Hold| hold.offer == Some(entry.id) && hold.holder == entry.owner;
        if held.is_some_and(|hold| hold.is_none_or(|hold| !theirs(hold))) {
            return broken("I8", id, at, format!("{} is offered what is not held for them", entry.id));
        }
    }
    for hold in calendar.holds.values() {
        if let Some(entry) = hold.offer
            && calendar.entry(entry).is_none_or(|e| e.offer != Some(hold.id))
        {
            return broken("I8", id, at, format!("{} is an offer to {entry}, who is offered another or none", hold.id));
        }
    }
    Ok(())
}

/// No unit is free and owed at once, unless it is due to be given.
fn owed(
    world: &World,
    id: ResourceId,
    calendar: &Calendar,
    at: Instant,
    changed: &BTreeSet<PersonId>,
) -> Result<(), Broken> {
    // Who has got only now what this is linked with, but not that with this, has their turn when it is looked at next.
    let with = |id: &ResourceId| world.calendars.get(id).map(|c| c.resource.spec.linked.iter().flatten());
    let one_way = |other: &ResourceId| with(other).is_none_or(|mut with| with.all(|linked| *linked != id));
    let linked = calendar.resource.spec.linked.iter().flatten().any(one_way);
    let excused = |entry: &WaitEntry| excused(world, calendar, entry, at) || linked && changed.contains(&entry.owner);
    if calendar.wait_due.is_some_and(|due| due <= at) {
        return Ok(());
    }
    let strict = calendar.resource.spec.policy.waitlist.is_some_and(Waitlist::is_strict);
    let mut free: BTreeMap<Interval, Option<u64>> = BTreeMap::new();
    let mut heads: Vec<Interval> = Vec::new();
    for entry in calendar.waiting.values().filter(|e| e.offer.is_none()) {
        let occupied = calendar.resource.spec.policy.occupied(entry.interval);
        if strict {
            // What is kept for somebody before them is not theirs, and yet what they wait for is kept from those after them.
            let kept = heads.iter().any(|head| head.meets(occupied));
            // Whether something can be given up is not asked here; if it can, it is kept for them. And it was kept for whoever has
            // something else only now, until it is looked at next.
            if entry.gives_up.is_some() || changed.contains(&entry.owner) || !excused(entry) {
                heads.push(occupied);
            }
            if kept {
                continue;
            }
        }
        let free = *free.entry(occupied).or_insert_with(|| least_free(calendar, occupied, None));
        if free.is_none_or(|free| free >= u64::from(entry.units)) && !excused(entry) {
            return broken("I8", id, at, format!("what {} waits for is free, and nobody sees to it", entry.id));
        }
    }
    Ok(())
}

/// Whose bookings change in a part of the commit: what they had when somebody before that was judged cannot be told any more.
fn changed_from(commit: &[(&Changes, Instant)], n: usize) -> BTreeSet<PersonId> {
    let later = commit.iter().skip(n).flat_map(|(changes, _)| &changes.records).flat_map(|(_, record)| record);
    let changed = later.filter(|change| change.booking().is_some());
    changed.flat_map(|change| change.about_before().into_iter().chain(change.about())).collect()
}

/// Nobody took what was somebody's before them. `changed` are those of whom it is not known what they had then.
fn in_order(
    world: &World,
    id: ResourceId,
    calendar: &Calendar,
    record: &[Change],
    at: Instant,
    changed: &BTreeSet<PersonId>,
) -> Result<(), Broken> {
    let spec = &calendar.resource.spec;
    let by_bookings =
        spec.policy.own_overlap == OwnOverlap::Refuse || spec.policy.quota.is_some() || !spec.linked.is_empty();
    let excused =
        |entry: &WaitEntry| by_bookings && changed.contains(&entry.owner) || excused(world, calendar, entry, at);
    let strict = calendar.resource.spec.policy.waitlist.is_some_and(Waitlist::is_strict);
    let one_interval = calendar.resource.spec.interval.is_some();
    for taker in takers(record) {
        for entry in calendar.waiting.values().filter(|e| e.offer.is_none()) {
            let before = match &taker.turn {
                Some(turn) => entry.place() < turn.place(),
                None => entry.joined < calendar.version,
            };
            let occupied = calendar.resource.spec.policy.occupied(entry.interval);
            if !before || !taker.took(occupied) {
                continue;
            }
            let units = u64::from(entry.units);
            let with = least_free(calendar, occupied, None).is_none_or(|free| free >= units);
            let without = least_free(calendar, occupied, Some(&taker)).is_none_or(|free| free >= units);
            let can = calendar.resource.spec.capacity.is_none_or(|capacity| entry.units <= capacity);
            let passed = strict && one_interval && can;
            if ((without && !with) || passed) && !excused(entry) {
                let who = taker.turn.map_or("a newcomer".into(), |turn| turn.id.to_string());
                return broken("I8", id, at, format!("{who} has what was owed to {}", entry.id));
            }
        }
    }
    Ok(())
}

/// Who took units by this record that they did not have before in any way.
fn takers(record: &[Change]) -> Vec<Taker> {
    let kept = |change: &Change| match change {
        // An admin's word goes before the order.
        Change::BookingMoved { .. } | Change::BookingApproved { .. } | Change::BookingOverrode { .. } => true,
        Change::HoldEnded(ended) => matches!(ended.end, HoldEnd::Consumed | HoldEnd::Superseded),
        _ => false,
    };
    let newcomers = !record.iter().any(kept);
    let goes_on = |entry: &WaitEntry| {
        let was = |ended: &EndedHold| ended.end == HoldEnd::Superseded && ended.hold.offer == Some(entry.id);
        record.iter().any(|change| matches!(change, Change::HoldEnded(ended) if was(ended)))
    };
    let turns = record.iter().filter_map(|change| match change {
        Change::WaitEnded(ended) => Some((Some(ended), ended.entry)),
        Change::WaitOffered(entry) => Some((None, *entry)),
        _ => None,
    });
    let turns: Vec<_> = turns.collect();
    let mut takers = Vec::new();
    for change in record {
        match change {
            Change::BookingMade { booking, pending: false, slots, .. } => {
                let turn = turns.iter().find(|(ended, _)| ended.is_some_and(|e| e.made(*booking))).map(|(_, e)| *e);
                if turn.is_some() || newcomers {
                    let gave = || turn.map(|turn| gave(&turn, record)).unwrap_or_default();
                    let taken =
                        slots.iter().map(|(_, s)| Taker { occupied: s.occupied, units: s.units, turn, gave: gave() });
                    takers.extend(taken);
                }
            }
            Change::BookingRequested { slots, .. } if newcomers => {
                let taken = |s: &Slot| Taker { occupied: s.occupied, units: s.units, turn: None, gave: Vec::new() };
                takers.extend(slots.iter().map(|(_, s)| taken(s)));
            }
            Change::HoldGranted(hold) => {
                // Whoever puts a hold of their own in the place of an offer had it before: it is nobody's turn by that.
                let turn = turns
                    .iter()
                    .map(|(_, e)| *e)
                    .find(|e| e.offer == Some(hold.id) && (crate::planted!(OfferGoesOnAsTurn) || !goes_on(e)));
                if turn.is_some() || newcomers {
                    // What is offered is given up for when it is taken.
                    takers.push(Taker { occupied: hold.occupied, units: hold.units, turn, gave: Vec::new() });
                }
            }
            _ => {}
        }
    }
    takers
}

/// What was given up for a turn, of what a record is of.
fn gave(turn: &WaitEntry, record: &[Change]) -> Vec<(Interval, u32)> {
    let given_up = record.iter().filter_map(|change| match change {
        Change::BookingCancelled { booking, slots, was_pending: false, .. } if turn.gives_up == Some(*booking) => {
            Some(slots)
        }
        _ => None,
    });
    given_up.flatten().map(|(_, s)| (s.occupied, s.units)).collect()
}

/// Units free at every instant of a stretch, as it were had somebody not had what they took; `None` is without limit.
fn least_free(calendar: &Calendar, occupied: Interval, without: Option<&Taker>) -> Option<u64> {
    let capacity = u64::from(calendar.resource.spec.capacity?);
    let uses: Vec<_> = calendar.meeting(occupied).collect();
    let mut edges: BTreeSet<Instant> = uses.iter().map(|u| u.occupied.start().max(occupied.start())).collect();
    edges.insert(occupied.start());
    if let Some(taker) = without {
        let gave = taker.gave.iter().flat_map(|(gave, _)| [gave.start(), gave.end()]);
        edges.extend(gave.chain([taker.occupied.end()]).filter(|t| occupied.contains(*t)));
    }
    let taken = edges.into_iter().map(|t| {
        let all: u64 = uses.iter().filter(|u| u.occupied.contains(t)).map(|u| u64::from(u.units)).sum();
        all.saturating_add_signed(-without.map_or(0, |taker| taker.takes(t)))
    });
    Some(capacity.saturating_sub(taken.max().unwrap_or(0)))
}

/// Whether there is a reason, or may be one that is not known here, why they could not have it.
fn excused(world: &World, calendar: &Calendar, entry: &WaitEntry, at: Instant) -> bool {
    let spec = &calendar.resource.spec;
    let policy: &Policy = &spec.policy;
    let occupied = policy.occupied(entry.interval);
    let elsewhere = || {
        policy.own_overlap == OwnOverlap::Refuse
            && world
                .people
                .get(&entry.owner)
                .is_none_or(|person| person.exclusive.values().any(|interval| interval.meets(entry.interval)))
    };
    policy.waitlist.is_none()
        || spec.interval.is_some_and(|one| one != entry.interval)
        || spec.capacity.is_some_and(|capacity| entry.units > capacity)
        || policy.closed
        || entry.gives_up.is_some()
        || at >= spec.too_late(entry.interval)
        || policy.book_from.is_some_and(|from| at < from.instant(entry.interval.start(), &spec.zone))
        || calendar.blocks.values().any(|b| b.interval.meets(occupied) && !b.exceptions.allow(Some(entry.owner), None))
        || !policy.open_during(entry.interval, &spec.zone)
        || !world.roles.contains_key(&entry.owner)
        || elsewhere()
        || not_eligible(world, policy, entry)
        || not_linked(world, &spec.linked, entry)
        || too_much(world, &calendar.resource, entry)
}

fn not_eligible(world: &World, policy: &Policy, entry: &WaitEntry) -> bool {
    if policy.eligibility.is_empty() {
        return false;
    }
    let nothing = BTreeSet::new();
    let tags = world.facts.get(&entry.owner).map_or(&nothing, |facts| &facts.tags);
    !world.loaded.facts.contains(&entry.owner) || !policy.eligibility.iter().all(|r| r.met_by(tags))
}

fn not_linked(world: &World, linked: &[Vec<ResourceId>], entry: &WaitEntry) -> bool {
    let theirs = |id: &ResourceId| {
        let uses = world.calendars.get(id).into_iter().flat_map(|c| c.uses.values());
        uses.into_iter().any(|u| u.owner == entry.owner && matches!(u.id, UseId::Booking(..)))
    };
    !linked.iter().all(|list| list.iter().any(theirs))
}

fn too_much(world: &World, resource: &Resource, entry: &WaitEntry) -> bool {
    let (Some(quota), Some(of)) = (resource.spec.policy.quota, resource.quota_of()) else { return false };
    let Some(counted) = world.counted.get(&entry.owner).filter(|_| world.loaded.facts.contains(&entry.owner)) else {
        return true;
    };
    let allowance = world.facts.get(&entry.owner).and_then(|facts| facts.allowances.get(&of));
    let zone = &resource.spec.zone;
    let period = |at| quota.period.around(at, zone);
    let same = counted.0.values().filter(|c| c.of == of && period(c.start) == period(entry.interval.start()));
    let measure = |units, credits| quota.counts.of(units, credits);
    same.map(|c| measure(c.units, c.credits)).sum::<u64>() + measure(entry.units, resource.spec.credits())
        > allowance.map_or(u64::from(quota.most), |allowance| quota.counts.allowed(*allowance))
}
