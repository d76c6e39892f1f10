//! Work in progress on a command: the calendars as they would be, and the changes that make them so.
//! It is thrown away unless the command is accepted.

use super::Stop;
use super::promote::Owed;
use super::reminders;
use crate::booking::{Booking, Slot};
use crate::calendar::Calendar;
use crate::change::{Change, Changes};
use crate::hold::{EndedHold, Hold, HoldEnd};
use crate::ids::{BookingId, EntryId, FencingToken, HoldId, PersonId, ResourceId, Version};
use crate::outcome::{Code, Rejection};
use crate::policy::OwnOverlap;
use crate::resource::Resource;
use crate::series::DateSaid;
use crate::time::Instant;
use crate::waitlist::{EndedEntry, EntryEnd, WaitEntry, Waitlist};
use crate::world::{Counted, Person, World};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) struct Draft<'w> {
    pub world: &'w World,
    pub now: Instant,
    /// What the command says of why.
    pub reason: Option<&'w str>,
    /// By resource, sorted: a command touches few.
    drafted: Vec<(ResourceId, Drafted)>,
    bookings: Vec<Arc<Booking>>,
    /// What is owed to those who wait, and was before the command changed anything.
    pub owed: BTreeMap<ResourceId, Owed>,
    /// What is said of each date of a series.
    pub dates: Vec<DateSaid>,
}

/// A resource that would change.
#[derive(Default)]
struct Drafted {
    changes: Vec<Change>,
    /// As the changes would make it. Folded when somebody looks: the last change of a command mostly is looked at by nobody.
    calendar: OnceCell<Calendar>,
}

/// What a draft was at some moment.
pub(super) struct Mark {
    /// By resource, sorted: how many changes, and the calendar as it was folded then, if it was. It is not folded anew of the
    /// changes, for what was lifted is none.
    drafted: Vec<(ResourceId, usize, OnceCell<Calendar>)>,
    bookings: usize,
}

impl<'w> Draft<'w> {
    pub fn new(world: &'w World, now: Instant) -> Draft<'w> {
        let (drafted, bookings, dates) = (Vec::new(), Vec::new(), Vec::new());
        Draft { world, now, reason: None, drafted, bookings, owed: BTreeMap::new(), dates }
    }

    /// The calendar as it would be.
    pub fn calendar(&self, id: ResourceId) -> Result<&Calendar, Stop> {
        let before = self.world.calendars.get(&id).map(|calendar| &**calendar);
        let calendar = match self.drafted(id) {
            Some(drafted) => drafted.calendar(self.world, before, self.now),
            None => before,
        };
        calendar.ok_or_else(|| Rejection::of(Code::NotFound).on(id).into())
    }

    /// Whatever fell due on these resources becomes true first.
    pub fn expire_due(&mut self, resources: impl IntoIterator<Item = ResourceId>) {
        for id in resources {
            let Some(calendar) = self.world.calendars.get(&id) else { continue };
            let over = |hold: &Hold| {
                if crate::planted!(SweepForgetsRenewals) && hold.offer.is_none() {
                    let until = hold.granted_at.plus(calendar.resource.spec.policy.hold_ttl);
                    return (self.now >= until).then_some((*hold, HoldEnd::Expired));
                }
                Some((*hold, hold.over(self.world.epoch, self.now)?))
            };
            let due: Vec<(Hold, HoldEnd)> = calendar.holds.values().filter_map(over).collect();
            for (hold, end) in due {
                self.end_hold(hold, end);
            }
        }
    }

    /// How the hold ended in this draft, if it did.
    pub fn ended_due(&self, id: HoldId) -> Option<EndedHold> {
        self.drafted.iter().flat_map(|(_, drafted)| &drafted.changes).find_map(|change| match change {
            Change::HoldEnded(ended) if ended.hold.id == id => Some(*ended),
            _ => None,
        })
    }

    /// Ends a hold. With an offer that is not taken, whoever it was made to waits no more, or again if it is not by their doing.
    pub fn end_hold(&mut self, hold: Hold, end: HoldEnd) {
        self.change(hold.resource, Change::HoldEnded(EndedHold { hold, end }));
        let Some(entry) = hold.offer.and_then(|id| self.calendar(hold.resource).ok()?.entry(id).copied()) else {
            return;
        };
        let ended = |end| Change::WaitEnded(EndedEntry { entry, end });
        let change = match end {
            HoldEnd::Expired => ended(EntryEnd::Lapsed),
            HoldEnd::Released => ended(EntryEnd::Left),
            HoldEnd::Voided => Change::WaitResumed(WaitEntry { offer: None, ..entry }),
            // By what takes its place.
            HoldEnd::Consumed | HoldEnd::Superseded => return,
        };
        self.change(hold.resource, change);
    }

    /// Lets a hold go whose confirm is refused. Who was offered it waits again, as often as offers are made.
    pub fn let_go(&mut self, hold: Hold) {
        let entry = hold.offer.and_then(|id| self.calendar(hold.resource).ok()?.entry(id).copied());
        let Some(entry) = entry else { return self.end_hold(hold, HoldEnd::Released) };
        self.change(hold.resource, Change::HoldEnded(EndedHold { hold, end: HoldEnd::Released }));
        let change = match entry.offers < Waitlist::OFFERS_MAX {
            true => Change::WaitResumed(WaitEntry { offer: None, ..entry }),
            false => Change::WaitEnded(EndedEntry { entry, end: EntryEnd::Lapsed }),
        };
        self.change(hold.resource, change);
    }

    /// What has come free is given by a command of its own, at once; and so is whoever is to be reminded.
    pub fn see_to_it(&mut self, resource: ResourceId) {
        let Ok(calendar) = self.calendar(resource) else { return };
        let waits = !(calendar.waiting.is_empty() && calendar.watching.is_empty());
        let due = reminders::first_due(self, resource).or_else(|| waits.then_some(self.now));
        if due.is_some() && calendar.wait_due != due {
            self.change(resource, Change::WaitDue(due));
        }
    }

    /// Whether nothing is to be looked at on a resource after a command: nobody waits, and nobody is ever reminded there.
    pub fn quiet(&self, id: ResourceId) -> bool {
        let reminds = |resource: &Resource| resource.spec.policy.remind_before.is_some();
        let edited = |change: &Change| matches!(change, Change::ResourceEdited(resource) if reminds(resource));
        self.nobody_waits(id)
            && self.world.calendars.get(&id).is_none_or(|c| !reminds(&c.resource))
            && self.drafted(id).is_none_or(|drafted| !drafted.changes.iter().any(edited))
    }

    /// Whether nobody waits for a resource and nothing is to be looked at there: told without folding its calendar.
    pub fn nobody_waits(&self, id: ResourceId) -> bool {
        let nobody = |c: &Arc<Calendar>| c.waiting.is_empty() && c.watching.is_empty() && c.wait_due.is_none();
        let waits = |change: &Change| change.entry().is_some() || matches!(change, Change::WaitDue(_));
        self.world.calendars.get(&id).is_none_or(nobody)
            && self.drafted(id).is_none_or(|drafted| !drafted.changes.iter().any(waits))
    }

    /// A hold as it would be.
    pub fn hold(&self, resource: ResourceId, id: HoldId) -> Option<Hold> {
        self.calendar(resource).ok()?.holds.get(&id).copied()
    }

    /// How the entry ended in this draft, if it did.
    pub fn ended_entry(&self, id: EntryId) -> Option<EndedEntry> {
        self.all_changes().find_map(|change| match change {
            Change::WaitEnded(ended) if ended.entry.id == id => Some(*ended),
            _ => None,
        })
    }

    fn all_changes(&self) -> impl Iterator<Item = &Change> {
        self.drafted.iter().flat_map(|(_, drafted)| &drafted.changes)
    }

    /// The resources that have changed so far.
    pub fn changed(&self) -> impl Iterator<Item = ResourceId> {
        self.drafted.iter().filter(|(_, drafted)| !drafted.changes.is_empty()).map(|(id, _)| *id)
    }

    /// Says why, where the command says it, on all that it has changed so far: what follows of itself has no such reason.
    pub fn say_why(&mut self) {
        let Some(reason) = self.reason else { return };
        let changed: Vec<ResourceId> = self.changed().collect();
        for id in changed {
            self.change(id, Change::Reasoned { reason: reason.into() });
        }
    }

    /// Whose bookings have left times that they may not have two of, or count less under a quota.
    pub fn freed(&self) -> Vec<PersonId> {
        let exclusive = |slots: &[(u16, Slot)]| slots.iter().any(|(_, s)| s.own_overlap == OwnOverlap::Refuse);
        let kept = |slots: &[(u16, Slot)]| exclusive(slots) || slots.iter().any(|(_, s)| s.quota.is_some());
        let freed = self.all_changes().filter_map(|change| match change {
            Change::BookingCancelled { owner, slots, was_pending: false, late, .. } => {
                let frees = if *late { exclusive(slots) } else { kept(slots) };
                frees.then_some(*owner)
            }
            Change::BookingNoShow { owner, from: slots, .. } => exclusive(slots).then_some(*owner),
            Change::BookingDisplaced { owner, slots, was_pending: false, .. }
            | Change::BookingHandedOver { from: owner, slots, pending: false, .. }
            | Change::BookingMoved { owner, from: slots, pending: false, .. } => kept(slots).then_some(*owner),
            Change::BookingCancelled { was_pending: true, .. }
            | Change::BookingDisplaced { was_pending: true, .. }
            | Change::BookingHandedOver { pending: true, .. }
            | Change::BookingMoved { pending: true, .. }
            | Change::BookingMade { .. }
            | Change::BookingApproved { .. }
            | Change::BookingRequested { .. }
            | Change::RequestApproved { .. }
            | Change::BookingCheckedIn { .. }
            | Change::BookingOverrode { .. }
            | Change::Reasoned { .. }
            | Change::BookingEdited { .. }
            | Change::HoldGranted(_)
            | Change::HoldRenewed(_)
            | Change::HoldEnded(_)
            | Change::HoldOverrode { .. }
            | Change::ResourceCreated(_)
            | Change::ResourceEdited(_)
            | Change::CapacitySet { .. }
            | Change::ServiceSet { .. }
            | Change::OverCommitLowered { .. }
            | Change::BlockAdded { .. }
            | Change::BlockRemoved { .. }
            | Change::WaitJoined(_)
            | Change::WaitOffered(_)
            | Change::WaitResumed(_)
            | Change::WaitMoved(_)
            | Change::WaitEnded(_)
            | Change::WaitDue(_)
            | Change::Reminded { .. } => None,
        });
        freed.collect()
    }

    /// Who has something that they did not have before, and of which resource.
    pub fn gained(&self) -> Vec<(PersonId, ResourceId)> {
        let has = |change: &Change| {
            matches!(
                change,
                Change::BookingMade { pending: false, .. }
                    | Change::BookingApproved { .. }
                    | Change::BookingRequested { .. }
                    | Change::BookingMoved { pending: false, .. }
                    | Change::BookingHandedOver { pending: false, .. }
            )
        };
        let of_all = self.drafted.iter().flat_map(|(id, drafted)| drafted.changes.iter().map(move |c| (*id, c)));
        of_all.filter(|(_, change)| has(change)).filter_map(|(id, change)| Some((change.about()?, id))).collect()
    }

    /// A booking as it would be.
    pub fn booking(&self, id: BookingId) -> Option<Arc<Booking>> {
        let drafted = self.bookings.iter().rev().find(|b| b.id == id);
        drafted.or_else(|| self.world.bookings.get(&id)).cloned()
    }

    /// Whether this draft has changed the booking: it changes once with each command.
    pub fn has_changed(&self, id: BookingId) -> bool {
        self.bookings.iter().any(|b| b.id == id)
    }

    /// What rules about a person ask for, as it would be; `None` if it is not loaded.
    pub fn person(&self, id: PersonId) -> Option<Cow<'w, Person>> {
        let mut person = Cow::Borrowed(self.world.people.get(&id)?);
        for change in
            self.all_changes().filter(|change| change.about() == Some(id) || change.about_before() == Some(id))
        {
            person.to_mut().apply(id, change);
        }
        Some(person)
    }

    /// What counts of a person under quotas, as it would be; `None` if it is not loaded.
    pub fn counted(&self, id: PersonId) -> Option<Cow<'w, Counted>> {
        let mut counted = Cow::Borrowed(self.world.counted.get(&id)?);
        for change in
            self.all_changes().filter(|change| change.about() == Some(id) || change.about_before() == Some(id))
        {
            counted.to_mut().apply(id, change);
        }
        Some(counted)
    }

    /// The version that this command makes of a resource.
    pub fn grants_at(&self, resource: ResourceId) -> Result<Version, Stop> {
        Ok(self.calendar(resource)?.version.next_in(self.world.epoch))
    }

    /// The token of the next hold that this command grants of a resource: no other grant has the same.
    pub fn next_token(&self, resource: ResourceId) -> Result<FencingToken, Stop> {
        let changes = self.drafted(resource).map_or(&[][..], |drafted| &drafted.changes);
        let granted = changes.iter().filter(|change| matches!(change, Change::HoldGranted(_))).count();
        if crate::planted!(OffersShareToken) {
            return Ok(FencingToken(self.grants_at(resource)?, 0));
        }
        if crate::planted!(TokensBeginAnew) {
            let held = self.calendar(resource)?.holds.len() as u64;
            return Ok(FencingToken(Version { number: held + 1, ..self.grants_at(resource)? }, 0));
        }
        // A command grants few: offers are bounded by the turns of one.
        Ok(FencingToken(self.grants_at(resource)?, granted as u16))
    }

    /// Makes one change of a resource, in the draft.
    pub fn change(&mut self, id: ResourceId, change: Change) {
        if !self.world.calendars.contains_key(&id)
            && self.drafted(id).is_none()
            && !matches!(change, Change::ResourceCreated(_))
        {
            return;
        }
        let drafted = self.drafted_mut(id);
        if let Some(calendar) = drafted.calendar.get_mut() {
            calendar.apply(&change);
        }
        // These are kept: no room for others that mostly never come.
        drafted.changes.reserve_exact(1);
        drafted.changes.push(change);
    }

    fn drafted(&self, id: ResourceId) -> Option<&Drafted> {
        self.drafted.iter().find(|(drafted, _)| *drafted == id).map(|(_, drafted)| drafted)
    }

    fn drafted_mut(&mut self, id: ResourceId) -> &mut Drafted {
        let place = self.drafted.partition_point(|(drafted, _)| *drafted < id);
        if self.drafted.get(place).is_none_or(|(drafted, _)| *drafted != id) {
            self.drafted.reserve_exact(1);
            self.drafted.insert(place, (id, Drafted::default()));
        }
        // It is there: it was put there if it was not.
        &mut self.drafted[place].1
    }

    /// Takes an active booking's units out of the calendars, so that they do not stand in its own way. No change by itself: what
    /// the booking becomes is one, and a refusal throws the draft away.
    pub fn lift(&mut self, booking: &Booking) {
        if !booking.state.takes_units() {
            return;
        }
        for id in booking.resources() {
            let slots = booking.placed_on(id);
            let (world, now) = (self.world, self.now);
            let Some(before) = world.calendars.get(&id) else { continue };
            let drafted = self.drafted_mut(id);
            if drafted.calendar(world, Some(before), now).is_some()
                && let Some(calendar) = drafted.calendar.get_mut()
            {
                calendar.free_slots(booking.id, &slots);
            }
        }
    }

    /// The resources of a booking as the command leaves it, if it changes it.
    pub fn placed(&self, id: BookingId) -> Option<Vec<ResourceId>> {
        self.bookings.iter().find(|b| b.id == id).map(|b| b.resources())
    }

    /// How many bookings it has changed so far.
    pub fn bookings_len(&self) -> usize {
        self.bookings.len()
    }

    pub fn put_booking(&mut self, booking: Booking) {
        self.bookings.reserve_exact(1);
        self.bookings.push(Arc::new(booking));
    }

    /// The draft as it is now. Calendars are shared, so this costs little for a command of few resources.
    pub fn mark(&self) -> Mark {
        let drafted = self.drafted.iter().map(|(id, drafted)| (*id, drafted.changes.len(), drafted.calendar.clone()));
        Mark { drafted: drafted.collect(), bookings: self.bookings.len() }
    }

    /// Undoes what was done since: a date of a series that is refused leaves nothing behind. What is owed stays as it was found:
    /// it was so before the command.
    pub fn back_to(&mut self, mark: Mark) {
        self.bookings.truncate(mark.bookings);
        self.drafted.retain(|(id, _)| mark.drafted.iter().any(|(marked, ..)| marked == id));
        for (id, len, calendar) in mark.drafted {
            let drafted = self.drafted_mut(id);
            drafted.changes.truncate(len);
            drafted.calendar = calendar;
        }
    }

    /// Puts an active booking's units back that [`Draft::lift`] took out.
    pub fn put_back(&mut self, booking: &Booking) {
        for id in booking.resources() {
            let slots = booking.placed_on(id);
            if let Some(calendar) = self.drafted_mut(id).calendar.get_mut() {
                calendar.take_slots(booking.id, booking.owner, &slots);
            }
        }
    }

    /// What becomes true. Where an admin let more be taken than there is and it is less now, no more may be taken from now on.
    pub fn changes(mut self) -> Changes {
        for (id, drafted) in &mut self.drafted {
            let before = self.world.calendars.get(id).map(|calendar| &**calendar);
            let beyond = before.is_some_and(|calendar| calendar.over_commit > 0);
            let set = |change: &Change| matches!(change, Change::CapacitySet { over_commit: 1.., .. });
            if drafted.changes.is_empty() || !(beyond || drafted.changes.iter().any(set)) {
                continue;
            }
            let Some(calendar) = drafted.calendar(self.world, before, self.now) else { continue };
            let to = calendar.excess_from(self.now);
            if to < calendar.over_commit {
                drafted.changes.push(Change::OverCommitLowered { to });
            }
        }
        // Not collected in place: a draft is large.
        let mut records = Vec::with_capacity(self.drafted.len());
        let changed = self.drafted.into_iter().filter(|(_, drafted)| !drafted.changes.is_empty());
        records.extend(changed.map(|(id, drafted)| (id, drafted.changes)));
        Changes { records, bookings: self.bookings, dates: self.dates }
    }
}

impl Drafted {
    /// The resource after its changes. `before` is how the world knows it; `None` if it is to be created and is not.
    fn calendar(&self, world: &World, before: Option<&Calendar>, now: Instant) -> Option<&Calendar> {
        if let Some(calendar) = self.calendar.get() {
            return Some(calendar);
        }
        let mut calendar = match (before, self.changes.first()) {
            (Some(before), _) => before.clone(),
            (None, Some(Change::ResourceCreated(resource))) => {
                Calendar::empty(resource.clone(), Version::zero(world.epoch), now)
            }
            (None, _) => return None,
        };
        self.changes.iter().for_each(|change| calendar.apply(change));
        Some(self.calendar.get_or_init(|| calendar))
    }
}
