//! What those who wait get: whose turn it is, what is owed to them meanwhile, and what follows when it is given.
//! Nobody is asked here who does not wait, and nobody who does gets more than a newcomer could.

use super::draft::Draft;
use super::guards::{before_cutoff, in_time, not_blocked, own_overlap};
use super::holds::Held;
use super::persons::{eligible, linked, nothing_rests_on, quota};
use super::reminders::remind;
use super::{Stop, fit};
use crate::booking::{Booking, BookingState, Details, Slot};
use crate::calendar::Calendar;
use crate::change::Change;
use crate::command::Actor;
use crate::hold::Hold;
use crate::ids::{BookingId, EntryId, PersonId, ResourceId};
use crate::levels::{Level, Levels};
use crate::outcome::{Code, Rule};
use crate::resource::ResourceSpec;
use crate::set::Set;
use crate::time::{Instant, Interval};
use crate::waitlist::{EndedEntry, EntryEnd, WaitEntry, WaitMode, Waitlist};
use crate::world::{Scope, World};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Units that nobody but those who wait may take.
#[derive(Clone, Debug, Default)]
pub(super) struct Owed {
    /// How many, at every instant; as booked.
    pub levels: Levels,
    /// The first whom they are owed to, and their place in line.
    pub first: Option<(EntryId, u32)>,
}

impl Owed {
    /// Of what is free at every instant of the slot, as much as it takes. Says whether there is any. `beside` is the calendar beside
    /// which they have it: what they take in the place of what they give up is not taken of what is free.
    fn add(&mut self, calendar: &Calendar, beside: &Calendar, slot: &Slot) -> bool {
        let Some(capacity) = calendar.resource.spec.capacity.map(u64::from) else { return false };
        let levels = [&calendar.levels, &beside.levels, &self.levels];
        let edges = levels.iter().flat_map(|levels| levels.during(slot.occupied)).map(|(t, _)| t);
        let edges: BTreeSet<Instant> = edges.collect();
        let ends = edges.iter().skip(1).copied().chain([slot.occupied.end()]);
        let wanted = |t: Instant| {
            let taken = calendar.levels.at(t).taken();
            let own = taken.saturating_sub(beside.levels.at(t).taken());
            let free = capacity.saturating_sub(taken + self.levels.at(t).booked);
            free.min(u64::from(slot.units).saturating_sub(own))
        };
        let pieces = edges.iter().zip(ends).map(|(t, end)| (*t, end, wanted(*t)));
        let pieces: Vec<_> = pieces.filter(|(.., units)| *units > 0).collect();
        for (start, end, booked) in &pieces {
            if let Ok(piece) = Interval::new(*start, *end) {
                self.levels.add(piece, Level { booked: *booked, held: 0 });
            }
        }
        !pieces.is_empty()
    }
}

/// Whether somebody who waits may have what they wait for, but for the units.
enum Standing {
    /// Now.
    Eligible,
    /// It cannot be told before this is loaded.
    Unknown(Box<Scope>),
    /// By a command of its own: this one has changed what they give up, and a booking changes once with each.
    Next,
    /// Not now.
    NotNow,
    /// Never more.
    Over(EntryEnd),
}

/// One walk along those who wait for a resource.
#[derive(Default)]
struct Walk {
    /// Whose turn it is.
    next: Vec<(WaitEntry, Slot)>,
    /// Who waits in vain.
    over: Vec<(WaitEntry, EntryEnd)>,
    owed: Owed,
    /// What was not loaded.
    needs: Scope,
    /// Somebody has their turn by a command of its own.
    unfinished: bool,
    /// What somebody may have, or what is kept for them, depends on what they get by this walk themselves: nobody has their turn after
    /// that before it is walked again.
    again: bool,
}

/// What is owed on these resources before a command changes anything, so that it takes none of it. It is asked once of each: what
/// the first dates of a series leave is free for its others, as the place of one booking is for itself.
pub(super) fn set_aside(draft: &mut Draft, resources: &BTreeSet<ResourceId>) -> Result<(), Stop> {
    let mut needs = Scope::default();
    for id in resources {
        if draft.owed.contains_key(id) || draft.nobody_waits(*id) || draft.calendar(*id)?.waiting.is_empty() {
            continue;
        }
        let walk = walk(draft, *id)?;
        needs.extend(&walk.needs);
        draft.owed.insert(*id, walk.owed);
    }
    // What still cannot be known is owed.
    match needs.is_empty() || draft.world.rounds == 0 {
        true => Ok(()),
        false => Err(Stop::Needs(Box::new(needs))),
    }
}

/// After what a command does: what has come free goes to those who wait, here and wherever else it lets somebody have their turn.
/// What is too much for one command is due at once, for a command of its own.
pub(super) fn follow(draft: &mut Draft, touched: &Set<ResourceId>) -> Result<(), Stop> {
    let concerned = touched.iter().copied().chain(draft.changed());
    let mut to_fill: BTreeSet<ResourceId> = concerned.filter(|id| !draft.quiet(*id)).collect();
    let mut needs = Scope::default();
    elsewhere(draft, &draft.freed(), &mut to_fill, &mut needs);
    for (person, resource) in draft.gained() {
        with_it(draft, person, resource, &mut to_fill, &mut needs);
    }
    if !needs.is_empty() {
        return Err(Stop::Needs(Box::new(needs)));
    }
    let (mut left, mut asked) = (Waitlist::TURNS_MAX, Scope::default());
    // Where it was looked, and whether something is left to do there.
    let mut seen: BTreeMap<ResourceId, bool> = BTreeMap::new();
    // Each turn but the last of a resource gives somebody something, and there are so many of those at most.
    while let Some(id) = to_fill.pop_first() {
        let mut walk = walk(draft, id)?;
        let mut unfinished = walk.unfinished || !walk.needs.is_empty();
        asked.extend(&walk.needs);
        for (entry, end) in walk.over.drain(..) {
            let Some(n) = left.checked_sub(1) else {
                unfinished = true;
                break;
            };
            left = n;
            draft.change(id, Change::WaitEnded(EndedEntry { entry, end }));
        }
        for (entry, slot) in walk.next.drain(..) {
            let Some(n) = left.checked_sub(1) else {
                unfinished = true;
                break;
            };
            left = n;
            give(draft, &entry, slot)?;
            with_it(draft, entry.owner, id, &mut to_fill, &mut asked);
            if entry.gives_up.is_some() {
                // What they gave up is somebody's too, and it may have kept them from what they wait for elsewhere, although they were
                // looked at before.
                to_fill.extend(draft.changed());
                if draft.freed().contains(&entry.owner) {
                    elsewhere(draft, &[entry.owner], &mut to_fill, &mut asked);
                }
                walk.again = true;
                // Those who come before the others may have it now.
                break;
            }
        }
        if walk.again && left > 0 {
            to_fill.insert(id);
            continue;
        }
        seen.insert(id, unfinished || walk.again);
    }
    // A look of its own that finds no more than the one before is no decision: it would be one version after the other.
    let (nothing_yet, mut in_vain) = (draft.changed().next().is_none(), false);
    for (id, unfinished) in seen {
        let unfinished = tell(draft, id, &mut left)? || unfinished;
        let remind_at = remind(draft, id, &mut left, &mut asked)?;
        let look_at = if unfinished { Some(draft.now) } else { next_look(draft, id)? };
        let due = look_at.into_iter().chain(remind_at).min();
        if unfinished && nothing_yet && draft.calendar(id)?.wait_due.is_some_and(|due| due <= draft.now) {
            in_vain = true;
        } else if due != draft.calendar(id)?.wait_due {
            draft.change(id, Change::WaitDue(due));
        }
    }
    match asked.is_empty() || draft.world.rounds == 0 && !in_vain {
        true => Ok(()),
        false => Err(Stop::Needs(Box::new(asked))),
    }
}

/// Who wished to be told when something is free, and may have it now, is told; who was told, or for whom it is too late, is told no
/// more. What those who wait are owed is not free. Says whether some are left for a command of its own.
fn tell(draft: &mut Draft, id: ResourceId, left: &mut usize) -> Result<bool, Stop> {
    let calendar = draft.calendar(id)?;
    if calendar.watching.is_empty() {
        return Ok(false);
    }
    let owed = if calendar.waiting.is_empty() { Levels::default() } else { walk(draft, id)?.owed.levels };
    let spec = &calendar.resource.spec;
    let mut over = Vec::new();
    for entry in calendar.watching.values() {
        let slot = slot_of(entry, calendar);
        let end = if spec.interval.is_some_and(|one| one != entry.interval) {
            EntryEnd::Voided
        } else if draft.now >= no_word_from(spec, entry) {
            EntryEnd::Lapsed
        } else if fit::fits_beside(calendar, &owed, &slot)
            && matches!(by_clock(draft, &slot)?, Standing::Eligible)
            && not_blocked(draft, &slot, Some(entry.owner), None).is_ok()
        {
            EntryEnd::Told
        } else {
            continue;
        };
        over.push(EndedEntry { entry: *entry, end });
    }
    let unfinished = over.len() > *left;
    for ended in over.into_iter().take(*left) {
        *left -= 1;
        draft.change(id, Change::WaitEnded(ended));
    }
    Ok(unfinished)
}

/// From when on nobody is told that something is free: it begins, or can be booked no more.
pub(super) fn no_word_from(spec: &ResourceSpec, entry: &WaitEntry) -> Instant {
    spec.too_late(entry.interval).min(begins(spec, entry.interval))
}

/// When it is of no use any more to be told that something is free.
pub(super) fn begins(spec: &ResourceSpec, interval: Interval) -> Instant {
    if spec.booked_while_it_runs() { interval.end() } else { interval.start() }
}

/// Where else people wait whom a booking that is gone kept from their turn.
fn elsewhere(draft: &Draft, people: &[PersonId], to_fill: &mut BTreeSet<ResourceId>, needs: &mut Scope) {
    for person in people {
        match draft.world.people.get(person) {
            None => needs.people.extend([*person]),
            Some(known) => {
                for resource in known.waiting.values() {
                    match draft.world.calendars.contains_key(resource) {
                        true => to_fill.extend([*resource]),
                        false => needs.resources.extend([*resource]),
                    }
                }
            }
        }
    }
}

/// Where somebody waits for what only those have who have this, which they have now; and where something is kept for them in a strict
/// order that they may not have any more. What is linked both ways, as sections mostly are, is looked for; else, what is at hand.
fn with_it(draft: &Draft, person: PersonId, has: ResourceId, to_fill: &mut BTreeSet<ResourceId>, needs: &mut Scope) {
    let spec = |id: ResourceId| Some(&draft.world.calendars.get(&id)?.resource.spec);
    let with = |id: ResourceId| spec(id).into_iter().flat_map(|spec| spec.linked.iter().flatten());
    let strict = |id: ResourceId| spec(id).and_then(|spec| spec.policy.waitlist).is_some_and(Waitlist::is_strict);
    let Some(known) = draft.world.people.get(&person) else {
        if with(has).next().is_some() {
            needs.people.extend([person]);
        }
        return;
    };
    for waited in known.waiting.values() {
        if strict(*waited) || with(*waited).any(|id| *id == has) {
            to_fill.extend([*waited]);
        } else if spec(*waited).is_none() && with(has).any(|id| id == waited) {
            needs.resources.extend([*waited]);
        }
    }
}

fn walk(draft: &Draft, id: ResourceId) -> Result<Walk, Stop> {
    let calendar = draft.calendar(id)?;
    let spec = &calendar.resource.spec;
    let mut walk = Walk::default();
    // Who gets something, and for whom something is kept that they cannot have yet.
    let (mut served, mut kept): (BTreeSet<PersonId>, BTreeSet<PersonId>) = Default::default();
    let strict = spec.policy.waitlist.is_some_and(Waitlist::is_strict);
    // After two rounds everybody is asked about, so that no number of people who may not have it hides the one who may.
    let thorough = draft.world.rounds + 2 <= World::ROUNDS_MAX;
    let mut by_clock: BTreeMap<Interval, Standing> = BTreeMap::new();
    for (n, entry) in calendar.waiting.values().enumerate().filter(|(_, e)| e.offer.is_none()) {
        let slot = slot_of(entry, calendar);
        let clock = match by_clock.entry(entry.interval) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => place.insert(by_rules(draft, entry, &slot)?),
        };
        match clock {
            Standing::Over(end) => {
                walk.over.push((*entry, *end));
                continue;
            }
            Standing::NotNow => continue,
            Standing::Eligible | Standing::Unknown(_) | Standing::Next => {}
        }
        let possible = spec.capacity.is_none_or(|capacity| entry.units <= capacity);
        let beside = beside(draft, calendar, &slot, entry.owner, entry.gives_up);
        let fits = possible && fit::fits_beside(&beside, &walk.owed.levels, &slot);
        if !(fits || strict && possible) {
            if thorough && let Standing::Unknown(more) = by_person(draft, entry, &slot)? {
                walk.needs.extend(&more);
            }
            continue;
        }
        let eligible = match by_person(draft, entry, &slot)? {
            Standing::Eligible => true,
            Standing::Unknown(more) => {
                walk.needs.extend(&more);
                false
            }
            Standing::Next => {
                walk.unfinished |= fits;
                false
            }
            Standing::NotNow | Standing::Over(_) => continue,
        };
        if walk.owed.add(calendar, &beside, &slot) {
            walk.owed.first.get_or_insert((entry.id, u32::try_from(n + 1).unwrap_or(u32::MAX)));
        }
        if !eligible {
            continue;
        }
        if !fits {
            if crate::planted!(KeptForNobody) {
                continue;
            }
            kept.insert(entry.owner);
            walk.again |= served.contains(&entry.owner);
        } else if !served.insert(entry.owner) {
            walk.again = true;
        } else if !walk.again {
            walk.next.push((*entry, slot));
            walk.again = kept.contains(&entry.owner);
        }
    }
    Ok(walk)
}

/// What they would take.
pub(super) fn slot_of(entry: &WaitEntry, calendar: &Calendar) -> Slot {
    let policy = &calendar.resource.spec.policy;
    Slot {
        resource: entry.resource,
        interval: entry.interval,
        occupied: policy.occupied(entry.interval),
        units: entry.units,
        own_overlap: policy.own_overlap,
        quota: calendar.resource.counts(),
    }
}

/// By the rules of the resource and their clocks: the same for everybody who waits for the same time.
fn by_rules(draft: &Draft, entry: &WaitEntry, slot: &Slot) -> Result<Standing, Stop> {
    let spec = &draft.calendar(entry.resource)?.resource.spec;
    if spec.policy.waitlist.is_none() || spec.interval.is_some_and(|one| one != entry.interval) {
        return Ok(Standing::Over(EntryEnd::Voided));
    }
    // Too late is told after other reasons, and is so whatever they are.
    if draft.now >= spec.too_late(entry.interval) {
        return Ok(Standing::Over(EntryEnd::Lapsed));
    }
    by_clock(draft, slot)
}

/// Whether it is open at all.
fn by_clock(draft: &Draft, slot: &Slot) -> Result<Standing, Stop> {
    match in_time(draft, std::slice::from_ref(slot), None) {
        Ok(()) => Ok(Standing::Eligible),
        Err(Stop::Rejected(_)) => Ok(Standing::NotNow),
        Err(other @ (Stop::Needs(_) | Stop::Moved(_))) => Err(other),
    }
}

/// By who they are: known and not suspended, no block that concerns them, the rules about whoever books, and what they give up can be given up.
fn by_person(draft: &Draft, entry: &WaitEntry, slot: &Slot) -> Result<Standing, Stop> {
    match not_blocked(draft, slot, Some(entry.owner), None) {
        Ok(()) => {}
        Err(Stop::Rejected(_)) => return Ok(Standing::NotNow),
        Err(other @ (Stop::Needs(_) | Stop::Moved(_))) => return Err(other),
    }
    let mut needs = Scope::default();
    let world = draft.world;
    if !world.roles.contains_key(&entry.owner) {
        if world.loaded.roles.contains(&entry.owner) {
            return Ok(Standing::NotNow);
        }
        needs.roles.insert(entry.owner);
    }
    if let Some(id) = entry.gives_up
        && !world.loaded.bookings.contains(&id)
    {
        needs.bookings.insert(id);
    }
    // Where they may have their turn by it must be at hand too.
    with_it(draft, entry.owner, entry.resource, &mut BTreeSet::new(), &mut needs);
    let leaving: Vec<BookingId> = entry.gives_up.into_iter().collect();
    let (owner, slots) = (entry.owner, std::slice::from_ref(slot));
    let rules = [
        eligible(draft, owner, slots),
        linked(draft, owner, slots, &leaving),
        quota(draft, owner, slots, &leaving),
        own_overlap(draft, owner, slots, &leaving),
    ];
    for rule in rules {
        match rule {
            Ok(()) => {}
            Err(Stop::Rejected(_)) => return Ok(Standing::NotNow),
            Err(Stop::Needs(more)) => needs.extend(&more),
            Err(moved @ Stop::Moved(_)) => return Err(moved),
        }
    }
    if !needs.is_empty() {
        return Ok(Standing::Unknown(Box::new(needs)));
    }
    match given_up(draft, entry) {
        Some(booking) if draft.has_changed(booking.id) => Ok(Standing::Next),
        Some(booking) => {
            let rests = match booking.state.takes_units() {
                true => nothing_rests_on(draft, &booking, slots),
                false => Ok(()),
            };
            match rests.and_then(|()| before_cutoff(draft, &booking.slots, Rule::CancelBy)) {
                Ok(()) => following(draft, entry.owner),
                Err(Stop::Rejected(_)) => Ok(Standing::NotNow),
                Err(Stop::Needs(more)) => Ok(Standing::Unknown(more)),
                Err(moved @ Stop::Moved(_)) => Err(moved),
            }
        }
        None => Ok(Standing::Eligible),
    }
}

/// Giving something up may let them have their turn elsewhere: that must be at hand, or it would be forgotten.
fn following(draft: &Draft, owner: PersonId) -> Result<Standing, Stop> {
    let mut needs = Scope::default();
    match draft.world.people.get(&owner) {
        None => needs.people.extend([owner]),
        Some(person) => {
            needs.resources.extend(person.waiting.values().filter(|r| !draft.world.calendars.contains_key(r)));
        }
    }
    Ok(if needs.is_empty() { Standing::Eligible } else { Standing::Unknown(Box::new(needs)) })
}

/// The booking that is given up, if there is still anything of it.
pub(super) fn given_up(draft: &Draft, entry: &WaitEntry) -> Option<Arc<Booking>> {
    standing(draft, entry.owner, entry.gives_up?)
}

/// A booking of somebody, if there is still anything of it.
fn standing(draft: &Draft, owner: PersonId, id: BookingId) -> Option<Arc<Booking>> {
    let booking = draft.booking(id)?;
    let theirs = booking.owner == owner;
    match booking.state {
        BookingState::Confirmed | BookingState::Pending { .. } | BookingState::CheckedIn { .. } => {
            (theirs && draft.now < booking.end()).then_some(booking)
        }
        BookingState::Cancelled { .. } | BookingState::NoShow { .. } | BookingState::Displaced { .. } => None,
    }
}

/// Beside what somebody has their turn: what they give up for it does not stand in its way, as by a move. But where turns are offered
/// it does: what is offered is held while they still have both.
pub(super) fn beside<'c>(
    draft: &Draft,
    calendar: &'c Calendar,
    slot: &Slot,
    owner: PersonId,
    gives_up: Option<BookingId>,
) -> Cow<'c, Calendar> {
    let books = |waitlist: Waitlist| match waitlist.mode {
        WaitMode::Book => true,
        WaitMode::Offer { .. } => false,
    };
    let gives_up = gives_up.filter(|_| calendar.resource.spec.policy.waitlist.is_some_and(books));
    // Where it is not known, whether there is still anything of it is asked before they have their turn.
    let stands = |id: &BookingId| !draft.world.loaded.bookings.contains(id) || standing(draft, owner, *id).is_some();
    match gives_up.filter(stands) {
        Some(id) => fit::without(calendar, id, owner, slot.occupied),
        None => Cow::Borrowed(calendar),
    }
}

/// When time alone may make a difference to those who wait: booking opens, or it is too late for them.
fn next_look(draft: &Draft, id: ResourceId) -> Result<Option<Instant>, Stop> {
    let calendar = draft.calendar(id)?;
    let spec = &calendar.resource.spec;
    let times: BTreeSet<Interval> =
        calendar.waiting.values().filter(|e| e.offer.is_none()).map(|e| e.interval).collect();
    let mut next: Option<Instant> = None;
    for entry in calendar.waiting.values().filter(|e| e.offer.is_none()) {
        if times.len() == 1 && next.is_some() {
            break;
        }
        let opens = spec.policy.book_from.map(|c| c.instant(entry.interval.start(), &spec.zone));
        let opens = opens.filter(|at| draft.now < *at);
        let at = opens.unwrap_or_else(|| spec.too_late(entry.interval));
        next = Some(next.map_or(at, |n| n.min(at)));
    }
    let watched = calendar.watching.values().map(|e| no_word_from(spec, e));
    Ok(next.into_iter().chain(watched).min())
}

/// It is their turn.
fn give(draft: &mut Draft, entry: &WaitEntry, slot: Slot) -> Result<(), Stop> {
    let calendar = draft.calendar(entry.resource)?;
    let spec = &calendar.resource.spec;
    let mode = spec.policy.waitlist.map_or(WaitMode::Book, |w| w.mode);
    match mode {
        WaitMode::Book => {
            let id = entry.booking();
            draft.change(
                entry.resource,
                Change::BookingMade {
                    booking: id,
                    owner: entry.owner,
                    pending: false,
                    slots: vec![(0, slot)],
                    occurrence: None,
                },
            );
            draft.put_booking(Booking {
                id,
                owner: entry.owner,
                made_by: entry.made_by,
                state: BookingState::Confirmed,
                details: Details::default(),
                slots: vec![slot],
                occurrence: None,
                revision: 1,
                created_at: draft.now,
                decided_at: draft.now,
            });
            had(draft, entry, id);
            give_up(draft, entry);
        }
        WaitMode::Offer { ttl } => {
            let until = draft.now.plus(ttl).min(spec.too_late(entry.interval));
            let hold = Hold {
                id: entry.next_offer(draft.now),
                token: draft.next_token(entry.resource)?,
                holder: entry.owner,
                resource: entry.resource,
                interval: slot.interval,
                occupied: slot.occupied,
                units: slot.units,
                granted_at: draft.now,
                expires_at: until,
                renewals: 0,
                offer: Some(entry.id),
            };
            draft.change(entry.resource, Change::HoldGranted(hold));
            let offered = WaitEntry { offer: Some(hold.id), offers: entry.offers.saturating_add(1), ..*entry };
            draft.change(entry.resource, Change::WaitOffered(offered));
        }
    }
    Ok(())
}

/// They have it.
fn had(draft: &mut Draft, entry: &WaitEntry, booking: BookingId) {
    draft.change(entry.resource, Change::WaitEnded(EndedEntry { entry: *entry, end: EntryEnd::Promoted { booking } }));
}

/// They give up what they said they would.
fn give_up(draft: &mut Draft, entry: &WaitEntry) {
    let Some(given_up) = given_up(draft, entry) else { return };
    super::bookings::give_up(draft, Actor::System, &given_up, None, false);
}

/// A booking was made, moved or handed over by command: who has now what they waited for waits no more, and an offer that was given up for it is
/// taken by it, or stands again. `accepted` was taken as it was offered, so what they give up for it is given up.
pub(super) fn taken_by(draft: &mut Draft, booking: &Booking, accepted: Option<EntryId>) -> Result<(), Stop> {
    for resource in booking.resources() {
        if draft.nobody_waits(resource) {
            continue;
        }
        let calendar = draft.calendar(resource)?;
        let has = |e: &&WaitEntry| {
            let covers = |(_, s): (u16, &Slot)| s.interval == e.interval && s.units >= e.units;
            e.owner == booking.owner && booking.slots_on(resource).any(covers)
        };
        let gone = |e: &&WaitEntry| e.offer.is_some_and(|hold| !calendar.holds.contains_key(&hold));
        let all = calendar.waiting.values().chain(calendar.watching.values());
        let entries: Vec<WaitEntry> = all.filter(|e| has(e) || gone(e)).copied().collect();
        for entry in entries {
            if let Some(hold) = entry.offer.and_then(|id| draft.calendar(resource).ok()?.holds.get(&id).copied()) {
                // Another offer to the same person for the same time: they have it.
                draft.change(resource, Change::HoldEnded(crate::EndedHold { hold, end: crate::HoldEnd::Superseded }));
            }
            match entry.owner == booking.owner {
                true => {
                    had(draft, &entry, booking.id);
                    if accepted == Some(entry.id) {
                        give_up(draft, &entry);
                    }
                }
                false => stands_again(draft, entry)?,
            }
        }
    }
    Ok(())
}

/// The entry that a named hold is an offer to.
pub(super) fn offered(draft: &Draft, held: &Held) -> Option<WaitEntry> {
    match held {
        Held::Live(hold) => draft.calendar(hold.resource).ok()?.entry(hold.offer?).copied(),
        Held::Ended(_) => None,
    }
}

/// The offers that a new hold has taken the place of. The first of what covers it goes on in it, while it is not too late for what was
/// waited for: that one is returned, and for how long it stood. The others stand again.
pub(super) fn carried_over(draft: &mut Draft, slot: &Slot) -> Result<Option<(WaitEntry, Instant)>, Stop> {
    let calendar = draft.calendar(slot.resource)?;
    let gone = |e: &&WaitEntry| e.offer.is_some_and(|hold| !calendar.holds.contains_key(&hold));
    let offers: Vec<WaitEntry> = calendar.waiting.values().filter(gone).copied().collect();
    let mut goes_on = None;
    for entry in offers {
        let in_time = draft.now < draft.calendar(slot.resource)?.resource.spec.too_late(entry.interval);
        let offered = entry.offer.and_then(|id| draft.ended_due(id)).map(|ended| ended.hold);
        let covers = |hold: &Hold| hold.interval.covers(slot.interval) && slot.units <= hold.units;
        match offered.filter(|hold| in_time && goes_on.is_none() && covers(hold)) {
            Some(hold) => goes_on = Some((entry, hold.expires_at)),
            None => stands_again(draft, entry)?,
        }
    }
    Ok(goes_on)
}

/// Somebody who was offered something that went to something else waits again, as often as offers are made and while there is time.
fn stands_again(draft: &mut Draft, entry: WaitEntry) -> Result<(), Stop> {
    let in_time = draft.now < draft.calendar(entry.resource)?.resource.spec.too_late(entry.interval);
    let change = match in_time && entry.offers < Waitlist::OFFERS_MAX {
        true => Change::WaitResumed(WaitEntry { offer: None, ..entry }),
        false => Change::WaitEnded(EndedEntry { entry, end: EntryEnd::Lapsed }),
    };
    draft.change(entry.resource, change);
    Ok(())
}

/// What is owed of a resource to those who wait, as far as its calendar alone tells: nobody is kept out for who they are.
pub(super) fn owed_by(calendar: &Calendar, now: Instant) -> Levels {
    if calendar.waiting.is_empty() {
        return Levels::default();
    }
    let mut world = World::empty(calendar.version.epoch);
    world.calendars.insert(calendar.resource.id, Arc::new(calendar.clone()));
    let draft = Draft::new(&world, now);
    walk(&draft, calendar.resource.id).map(|walk| walk.owed.levels).unwrap_or_default()
}

/// Why a wish for units that are owed is refused.
pub(super) fn refusal(owed: &Owed, resource: ResourceId) -> crate::outcome::Rejection {
    let rejection = crate::outcome::Rejection::of(Code::WaitlistFirst).on(resource);
    match owed.first {
        Some((id, place)) => rejection.shown(crate::outcome::Witness::Waiting { id, place }),
        None => rejection,
    }
}
