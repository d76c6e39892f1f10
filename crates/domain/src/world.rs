//! What a command is judged against: the loaded part of what is true, at one moment of one store.
//! It knows what was looked for, so that "does not exist" and "not looked for" stay apart.

use crate::booking::{Booking, Counts, Slot};
use crate::calendar::Calendar;
use crate::change::{Change, Changes};
use crate::eligibility::Facts;
use crate::hold::EndedHold;
use crate::ids::{BookingId, EntryId, Epoch, HoldId, PersonId, ResourceId, Version};
use crate::policy::{OwnOverlap, Policy};
use crate::set::Set;
use crate::time::{Instant, Interval};
use crate::waitlist::EndedEntry;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What to load. Loading a booking, a hold or a waitlist entry loads the calendars of its resources too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Calendars.
    pub resources: Set<ResourceId>,
    /// Bookings by name.
    pub bookings: Set<BookingId>,
    /// Holds by name, ended ones too.
    pub holds: Set<HoldId>,
    /// What a person holds and has booked, for rules that ask.
    pub people: Set<PersonId>,
    /// What a person may do.
    pub roles: Set<PersonId>,
    /// Which resources are in a group.
    pub members: Set<ResourceId>,
    /// What counts of a person under quotas.
    pub counted: Set<PersonId>,
    /// What is known of a person.
    pub facts: Set<PersonId>,
    /// Waitlist entries by name, ended ones too.
    pub entries: Set<EntryId>,
}

impl Scope {
    /// What rules of this policy ask of whoever books.
    pub fn of_person(policy: &Policy, person: PersonId) -> Scope {
        let mut scope = Scope::default();
        if policy.own_overlap == OwnOverlap::Refuse {
            scope.people.insert(person);
        }
        if policy.quota.is_some() {
            scope.counted.insert(person);
        }
        if policy.quota.is_some() || !policy.eligibility.is_empty() {
            scope.facts.insert(person);
        }
        scope
    }

    /// Whoever joins a group must see it, and how many are in it.
    pub fn joins(&mut self, group: Option<ResourceId>) {
        self.resources.extend(group);
        self.members.extend(group);
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
            && self.bookings.is_empty()
            && self.holds.is_empty()
            && self.people.is_empty()
            && self.roles.is_empty()
            && self.members.is_empty()
            && self.counted.is_empty()
            && self.facts.is_empty()
            && self.entries.is_empty()
    }

    /// Both together.
    pub fn extend(&mut self, other: &Scope) {
        self.resources.extend(&other.resources);
        self.bookings.extend(&other.bookings);
        self.holds.extend(&other.holds);
        self.people.extend(&other.people);
        self.roles.extend(&other.roles);
        self.members.extend(&other.members);
        self.counted.extend(&other.counted);
        self.facts.extend(&other.facts);
        self.entries.extend(&other.entries);
    }

    /// Whether all of this is in `loaded`.
    pub fn within(&self, loaded: &Scope) -> bool {
        // Taken apart, so that nothing new is forgotten here.
        let Scope { resources, bookings, holds, people, roles, members, counted, facts, entries } = self;
        resources.is_subset(&loaded.resources)
            && bookings.is_subset(&loaded.bookings)
            && holds.is_subset(&loaded.holds)
            && people.is_subset(&loaded.people)
            && roles.is_subset(&loaded.roles)
            && members.is_subset(&loaded.members)
            && counted.is_subset(&loaded.counted)
            && facts.is_subset(&loaded.facts)
            && entries.is_subset(&loaded.entries)
    }

    /// What of this is not in `loaded`.
    pub fn minus(&self, loaded: &Scope) -> Scope {
        Scope {
            resources: self.resources.difference(&loaded.resources).copied().collect(),
            bookings: self.bookings.difference(&loaded.bookings).copied().collect(),
            holds: self.holds.difference(&loaded.holds).copied().collect(),
            people: self.people.difference(&loaded.people).copied().collect(),
            roles: self.roles.difference(&loaded.roles).copied().collect(),
            members: self.members.difference(&loaded.members).copied().collect(),
            counted: self.counted.difference(&loaded.counted).copied().collect(),
            facts: self.facts.difference(&loaded.facts).copied().collect(),
            entries: self.entries.difference(&loaded.entries).copied().collect(),
        }
    }
}

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Books, and sees their own.
    Member,
    /// Makes and edits resources, and sees all.
    Admin,
    /// Does on named resources, and on all in named groups, what an admin does; elsewhere a member.
    Manager,
    /// Sees all, and changes nothing.
    Auditor,
}

/// What rules about one person ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Holds that no change has ended, with their expiry.
    pub holds: BTreeMap<HoldId, Instant>,
    /// Active bookings on resources that refuse two at once, by line.
    pub exclusive: BTreeMap<(BookingId, ResourceId, u16), Interval>,
    /// Where they wait.
    pub waiting: BTreeMap<EntryId, ResourceId>,
}

/// The slots of a person's bookings that count under a quota, by line: of which, from when, and how many units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted(pub BTreeMap<(BookingId, ResourceId, u16), CountedSlot>);

/// What counts of one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountedSlot {
    /// Under the quota of which group or resource.
    pub of: ResourceId,
    /// When it begins: that says in which period it counts.
    pub start: Instant,
    /// How many units.
    pub units: u32,
    /// What each is worth, in hundredths of a credit.
    pub credits: u16,
}

/// Resources of a group. Cheap to clone: it is shared.
pub type Members = imbl::OrdSet<ResourceId>;

/// The loaded part of what is true.
#[derive(Clone, Debug)]
pub struct World {
    /// The store's epoch.
    pub epoch: Epoch,
    /// What was looked for.
    pub loaded: Scope,
    /// Resources that exist.
    pub calendars: BTreeMap<ResourceId, Arc<Calendar>>,
    /// Bookings that exist.
    pub bookings: BTreeMap<BookingId, Arc<Booking>>,
    /// Holds that ever were: on which resource, and how they ended if they have.
    pub holds: BTreeMap<HoldId, (ResourceId, Option<EndedHold>)>,
    /// People whom rules asked for.
    pub people: BTreeMap<PersonId, Person>,
    /// People who exist and are not suspended.
    pub roles: BTreeMap<PersonId, Role>,
    /// What managers among them manage: resources, and groups with all that is in them.
    pub manages: BTreeMap<PersonId, Arc<BTreeSet<ResourceId>>>,
    /// Groups whose members were looked for.
    pub members: BTreeMap<ResourceId, Members>,
    /// People whose quotas were asked for.
    pub counted: BTreeMap<PersonId, Counted>,
    /// People of whom facts were asked for; nothing is known of those who have none.
    pub facts: BTreeMap<PersonId, Arc<Facts>>,
    /// Waitlist entries that ever were: for which resource, and how they ended if they have.
    pub entries: BTreeMap<EntryId, (ResourceId, Option<EndedEntry>)>,
    /// How often judging may still ask to see more of those who wait. What is not known of them then is left to a command of its
    /// own, and until that is done it is owed to them.
    pub rounds: usize,
}

impl World {
    /// How often judging may ask to see more: of whoever asks, of those who wait, of whom that frees, of where those wait, and of who
    /// waits there, one after the other; what is loaded at once may lead on by itself.
    pub const ROUNDS_MAX: usize = 8;

    /// Nothing looked for yet.
    pub fn empty(epoch: Epoch) -> World {
        World {
            epoch,
            loaded: Scope::default(),
            calendars: BTreeMap::new(),
            bookings: BTreeMap::new(),
            holds: BTreeMap::new(),
            people: BTreeMap::new(),
            roles: BTreeMap::new(),
            manages: BTreeMap::new(),
            members: BTreeMap::new(),
            counted: BTreeMap::new(),
            facts: BTreeMap::new(),
            entries: BTreeMap::new(),
            rounds: 0,
        }
    }

    /// The resources a scope touches here, those of its bookings, holds and entries included.
    pub fn touched<'s>(&self, scope: &'s Scope) -> Cow<'s, Set<ResourceId>> {
        if scope.bookings.is_empty() && scope.holds.is_empty() && scope.entries.is_empty() {
            return Cow::Borrowed(&scope.resources);
        }
        let mut touched = scope.resources.clone();
        for booking in scope.bookings.iter().filter_map(|id| self.bookings.get(id)) {
            touched.extend(booking.slots.iter().map(|s| s.resource));
        }
        touched.extend(scope.holds.iter().filter_map(|id| self.holds.get(id)).map(|(resource, _)| *resource));
        touched.extend(scope.entries.iter().filter_map(|id| self.entries.get(id)).map(|(resource, _)| *resource));
        Cow::Owned(touched)
    }

    /// What rules of this policy ask of whoever books, and this does not have. Where they are booked is known only when they are, so
    /// it may be more the second time.
    pub fn missing_of_person(&self, policy: &Policy, person: PersonId) -> Scope {
        let mut scope = Scope::of_person(policy, person);
        if let Some(known) = self.people.get(&person).filter(|_| policy.own_overlap == OwnOverlap::Refuse) {
            scope.resources.extend(known.exclusive.keys().map(|(_, resource, _)| *resource));
        }
        scope.minus(&self.loaded)
    }

    /// The versions of the resources a scope touches.
    pub fn versions(&self, scope: &Scope) -> Vec<(ResourceId, Version)> {
        let versions = self.touched(scope);
        versions.iter().filter_map(|id| Some((*id, self.calendars.get(id)?.version))).collect()
    }

    /// The decision instant: the clock, but never before an earlier decision on a touched resource.
    pub fn decided_at(&self, scope: &Scope, clock: Instant) -> Instant {
        self.touched(scope)
            .iter()
            .filter_map(|id| self.calendars.get(id))
            .map(|c| c.decided_at)
            .fold(clock, Instant::max)
    }

    /// Folds what was accepted, so that the next in the same commit sees it. Returns the versions it made.
    pub fn apply(&mut self, changes: &Changes, decided_at: Instant) -> Vec<(ResourceId, Version)> {
        let mut versions = Vec::with_capacity(changes.records.len());
        for (id, record) in &changes.records {
            if let (None, Some(Change::ResourceCreated(resource))) = (self.calendars.get(id), record.first()) {
                let calendar = Calendar::empty(resource.clone(), Version::zero(self.epoch), decided_at);
                self.calendars.insert(*id, Arc::new(calendar));
                self.loaded.resources.insert(*id);
            }
            let Some(calendar) = self.calendars.get_mut(id) else { continue };
            let calendar = Arc::make_mut(calendar);
            for change in record {
                calendar.apply(change);
            }
            calendar.version = calendar.version.next_in(self.epoch);
            calendar.decided_at = decided_at;
            versions.push((*id, calendar.version));
            let group = calendar.resource.spec.group.as_ref().map(|g| g.id);
            self.put_in_group(*id, group);
            for change in record {
                self.apply_to_people(*id, change);
            }
        }
        for booking in &changes.bookings {
            self.bookings.insert(booking.id, booking.clone());
            self.loaded.bookings.insert(booking.id);
        }
        versions
    }

    /// Where members were looked for, a resource is among those of its group and of no other.
    pub fn put_in_group(&mut self, id: ResourceId, group: Option<ResourceId>) {
        for (of, members) in &mut self.members {
            match Some(*of) == group {
                true => drop(members.insert(id)),
                false => drop(members.remove(&id)),
            }
        }
    }

    fn apply_to_people(&mut self, resource: ResourceId, change: &Change) {
        match change {
            Change::HoldGranted(hold) | Change::HoldRenewed(hold) => self.know_hold(hold.id, resource, None),
            Change::HoldEnded(ended) => self.know_hold(ended.hold.id, resource, Some(*ended)),
            Change::WaitJoined(entry)
            | Change::WaitOffered(entry)
            | Change::WaitResumed(entry)
            | Change::WaitMoved(entry) => self.know_entry(entry.id, resource, None),
            Change::WaitEnded(ended) => self.know_entry(ended.entry.id, resource, Some(*ended)),
            Change::BookingMade { .. }
            | Change::BookingApproved { .. }
            | Change::BookingCancelled { .. }
            | Change::BookingMoved { .. }
            | Change::BookingEdited { .. }
            | Change::HoldOverrode { .. }
            | Change::ResourceCreated(_)
            | Change::ResourceEdited(_)
            | Change::BlockAdded { .. }
            | Change::BlockRemoved { .. }
            | Change::BookingRequested { .. }
            | Change::RequestApproved { .. }
            | Change::BookingCheckedIn { .. }
            | Change::BookingOverrode { .. }
            | Change::Reasoned { .. }
            | Change::BookingNoShow { .. }
            | Change::BookingDisplaced { .. }
            | Change::BookingHandedOver { .. }
            | Change::CapacitySet { .. }
            | Change::ServiceSet { .. }
            | Change::OverCommitLowered { .. }
            | Change::WaitDue(_)
            | Change::Reminded { .. } => {}
        }
        for id in change.about_before().into_iter().chain(change.about()) {
            if let Some(person) = self.people.get_mut(&id) {
                person.apply(id, change);
            }
            if let Some(counted) = self.counted.get_mut(&id) {
                counted.apply(id, change);
            }
        }
    }

    fn know_entry(&mut self, id: EntryId, resource: ResourceId, ended: Option<EndedEntry>) {
        self.entries.insert(id, (resource, ended));
        self.loaded.entries.insert(id);
    }

    fn know_hold(&mut self, id: HoldId, resource: ResourceId, ended: Option<EndedHold>) {
        self.holds.insert(id, (resource, ended));
        self.loaded.holds.insert(id);
    }
}

impl Person {
    /// Folds what a change means for the person `id`; changes about others mean nothing.
    pub fn apply(&mut self, id: PersonId, change: &Change) {
        if change.about() != Some(id) && change.about_before() != Some(id) {
            return;
        }
        match change {
            Change::HoldGranted(hold) | Change::HoldRenewed(hold) => {
                self.holds.insert(hold.id, hold.expires_at);
            }
            Change::HoldEnded(ended) => {
                self.holds.remove(&ended.hold.id);
            }
            Change::WaitJoined(entry) => {
                self.waiting.insert(entry.id, entry.resource);
            }
            Change::WaitEnded(ended) => {
                self.waiting.remove(&ended.entry.id);
            }
            Change::BookingMade { booking, pending: false, slots, .. }
            | Change::BookingApproved { booking, slots, .. }
            | Change::BookingRequested { booking, slots, .. } => {
                self.take(*booking, slots);
            }
            Change::BookingCancelled { booking, slots, .. } | Change::BookingDisplaced { booking, slots, .. } => {
                self.free(*booking, slots);
            }
            Change::BookingNoShow { booking, from, .. } => self.free(*booking, from),
            Change::BookingHandedOver { booking, to, pending: false, slots, .. } => match *to == id {
                true => self.take(*booking, slots),
                false => self.free(*booking, slots),
            },
            Change::BookingMoved { booking, pending: false, from, to, .. } => {
                self.free(*booking, from);
                self.take(*booking, to);
            }
            Change::BookingMade { pending: true, .. }
            | Change::BookingMoved { pending: true, .. }
            | Change::BookingEdited { .. }
            | Change::ResourceCreated(_)
            | Change::ResourceEdited(_)
            | Change::BlockAdded { .. }
            | Change::BlockRemoved { .. }
            | Change::RequestApproved { .. }
            | Change::BookingCheckedIn { .. }
            | Change::BookingOverrode { .. }
            | Change::Reasoned { .. }
            | Change::HoldOverrode { .. }
            | Change::BookingHandedOver { pending: true, .. }
            | Change::CapacitySet { .. }
            | Change::ServiceSet { .. }
            | Change::OverCommitLowered { .. }
            | Change::WaitOffered(_)
            | Change::WaitResumed(_)
            | Change::WaitMoved(_)
            | Change::WaitDue(_)
            | Change::Reminded { .. } => {}
        }
    }

    fn take(&mut self, booking: BookingId, slots: &[(u16, Slot)]) {
        let exclusive = slots.iter().filter(|(_, s)| s.own_overlap == OwnOverlap::Refuse);
        self.exclusive.extend(exclusive.map(|(n, s)| ((booking, s.resource, *n), s.interval)));
    }

    fn free(&mut self, booking: BookingId, slots: &[(u16, Slot)]) {
        for (n, slot) in slots {
            self.exclusive.remove(&(booking, slot.resource, *n));
        }
    }
}

impl Counted {
    /// Folds what a change means for the quotas of the person `id`; changes about others mean nothing.
    pub fn apply(&mut self, id: PersonId, change: &Change) {
        if change.about() != Some(id) && change.about_before() != Some(id) {
            return;
        }
        match change {
            Change::BookingMade { booking, pending: false, slots, .. }
            | Change::BookingApproved { booking, slots, .. }
            | Change::BookingRequested { booking, slots, .. } => self.take(*booking, slots),
            Change::BookingCancelled { booking, late: false, slots, .. }
            | Change::BookingDisplaced { booking, slots, .. } => self.free(*booking, slots),
            Change::BookingHandedOver { booking, to, pending: false, slots, .. } => match *to == id {
                true => self.take(*booking, slots),
                false => self.free(*booking, slots),
            },
            Change::BookingMoved { booking, pending: false, from, to, .. } => {
                self.free(*booking, from);
                self.take(*booking, to);
            }
            Change::BookingMade { pending: true, .. }
            | Change::BookingMoved { pending: true, .. }
            | Change::BookingHandedOver { pending: true, .. }
            // Given up late, or not come to: it has been had.
            | Change::BookingCancelled { late: true, .. }
            | Change::BookingNoShow { .. }
            | Change::RequestApproved { .. }
            | Change::BookingCheckedIn { .. }
            | Change::BookingOverrode { .. } | Change::Reasoned { .. }
            | Change::BookingEdited { .. }
            | Change::CapacitySet { .. }
            | Change::ServiceSet { .. }
            | Change::OverCommitLowered { .. }
            | Change::HoldGranted(_)
            | Change::HoldRenewed(_)
            | Change::HoldEnded(_)
            | Change::HoldOverrode { .. }
            | Change::ResourceCreated(_)
            | Change::ResourceEdited(_)
            | Change::BlockAdded { .. }
            | Change::BlockRemoved { .. }
            | Change::WaitJoined(_)
            | Change::WaitOffered(_)
            | Change::WaitResumed(_)
            | Change::WaitMoved(_)
            | Change::WaitEnded(_)
            | Change::WaitDue(_)
            | Change::Reminded { .. } => {}
        }
    }

    /// What counts of the bookings of one person, as they are.
    pub fn of<'b>(bookings: impl IntoIterator<Item = &'b Booking>) -> Counted {
        let mut counted = Counted::default();
        for booking in bookings.into_iter().filter(|b| b.state.counts()) {
            let slots: Vec<(u16, Slot)> = booking.slots.iter().enumerate().map(|(n, s)| (n as u16, *s)).collect();
            counted.take(booking.id, &slots);
        }
        counted
    }

    fn take(&mut self, booking: BookingId, slots: &[(u16, Slot)]) {
        let counted = slots.iter().filter_map(|(n, s)| {
            let Counts { of, credits } = s.quota?;
            Some(((booking, s.resource, *n), CountedSlot { of, start: s.interval.start(), units: s.units, credits }))
        });
        self.0.extend(counted);
    }

    fn free(&mut self, booking: BookingId, slots: &[(u16, Slot)]) {
        for (n, slot) in slots {
            self.0.remove(&(booking, slot.resource, *n));
        }
    }
}
