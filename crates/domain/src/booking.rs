//! A booking: units of one or more resources over an interval, owned by a person.
//! It changes only through [`crate::Change`]s.

use crate::change::Change;
use crate::command::Actor;
use crate::ids::{BlockId, BookingId, PersonId, ResourceId, SeriesId};
use crate::policy::OwnOverlap;
use crate::series::Occurrence;
use crate::time::{Instant, Interval};
use uuid::Builder;

/// A booking as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// Its name for machines.
    pub id: BookingId,
    /// Who it is for.
    pub owner: PersonId,
    /// Who made it: the owner, or somebody for them.
    pub made_by: Actor,
    /// What has become of it.
    pub state: BookingState,
    /// What people say about it.
    pub details: Details,
    /// What it takes, in the order asked.
    pub slots: Vec<Slot>,
    /// Which date of which series it is, if it is one.
    pub occurrence: Option<Occurrence>,
    /// Rises by one with each change of the booking.
    pub revision: u64,
    /// When it was decided first.
    pub created_at: Instant,
    /// When what it takes, whose it is or its state was decided last. An edit of what people say leaves it as it was.
    pub decided_at: Instant,
}

/// What has become of a booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookingState {
    /// Waits for approval.
    Pending {
        /// Whether it takes its units meanwhile, as the policy said when it was asked for.
        takes: bool,
    },
    /// Takes its units.
    Confirmed,
    /// Given up; takes nothing any more, and is kept.
    Cancelled {
        /// When.
        at: Instant,
        /// By whom.
        by: Actor,
        /// Why, if they said.
        reason: Option<String>,
        /// Whether it was later than the policy asks for, and not yet too late.
        late: bool,
    },
    /// Its people are there. Takes its units.
    CheckedIn {
        /// When.
        at: Instant,
        /// Who said so.
        by: Actor,
    },
    /// Nobody came. What it took ended at that instant; its interval is kept.
    NoShow {
        /// When it was let go.
        at: Instant,
    },
    /// Taken away by an admin's override; takes nothing any more, and is kept.
    Displaced {
        /// When.
        at: Instant,
        /// By whom.
        by: Actor,
        /// Why.
        reason: String,
        /// For what.
        by_what: Displacer,
    },
}

/// For what a booking was displaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Displacer {
    /// A booking that an admin put there.
    Booking(BookingId),
    /// A block.
    Block(BlockId),
    /// The capacity of this resource was cut.
    Capacity(ResourceId),
}

impl BookingState {
    /// Its name in filters, JSON and rows.
    pub const fn name(&self) -> &'static str {
        match self {
            BookingState::Pending { .. } => "pending",
            BookingState::Confirmed => "confirmed",
            BookingState::Cancelled { .. } => "cancelled",
            BookingState::CheckedIn { .. } => "checked_in",
            BookingState::NoShow { .. } => "no_show",
            BookingState::Displaced { .. } => "displaced",
        }
    }

    /// Whether it takes all of its units, all of its time.
    pub const fn takes_units(&self) -> bool {
        match self {
            BookingState::Confirmed | BookingState::CheckedIn { .. } | BookingState::Pending { takes: true } => true,
            BookingState::Pending { takes: false }
            | BookingState::Cancelled { .. }
            | BookingState::NoShow { .. }
            | BookingState::Displaced { .. } => false,
        }
    }

    /// Whether the slot takes its units: of a booking that nobody came to, what had begun until then.
    pub fn takes(&self, slot: &Slot) -> bool {
        match self {
            BookingState::NoShow { at } => slot.occupied.start() < *at,
            BookingState::Confirmed
            | BookingState::CheckedIn { .. }
            | BookingState::Pending { .. }
            | BookingState::Cancelled { .. }
            | BookingState::Displaced { .. } => self.takes_units(),
        }
    }

    /// Whether it counts under quotas: while it takes its units, and for good where its owner gave it up late or did not come.
    pub const fn counts(&self) -> bool {
        match self {
            BookingState::NoShow { .. } | BookingState::Cancelled { late: true, .. } => true,
            BookingState::Cancelled { late: false, .. }
            | BookingState::Displaced { .. }
            | BookingState::Pending { .. }
            | BookingState::Confirmed
            | BookingState::CheckedIn { .. } => self.takes_units(),
        }
    }

    /// Whether nothing can become of it any more.
    pub const fn is_final(&self) -> bool {
        match self {
            BookingState::Cancelled { .. } | BookingState::NoShow { .. } | BookingState::Displaced { .. } => true,
            BookingState::Pending { .. } | BookingState::Confirmed | BookingState::CheckedIn { .. } => false,
        }
    }
}

/// What a booking takes of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Of which resource.
    pub resource: ResourceId,
    /// The time asked for.
    pub interval: Interval,
    /// The time taken: with set-up and clear-down as the policy was when it was decided.
    pub occupied: Interval,
    /// How many units.
    pub units: u32,
    /// The rule about two at once as it was when it was decided.
    pub own_overlap: OwnOverlap,
    /// The quota under which it counts, as it was when it was decided.
    pub quota: Option<Counts>,
}

/// How a slot counts under a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// The group or resource whose quota it is.
    pub of: ResourceId,
    /// What each of its units is worth, in hundredths of a credit.
    pub credits: u16,
}

/// What people say about a booking. Personal: the record refers to it and does not embed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// A line for calendars.
    pub title: Option<String>,
    /// What it is for.
    pub purpose: Option<String>,
    /// How many people come.
    pub people: Option<u32>,
    /// Who is invited. Those of them who are people here see what is written inside.
    pub guests: Vec<Guest>,
    /// Others see that the time is taken, and neither whose it is nor what for.
    pub private: bool,
}

/// Somebody who is invited.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guest {
    /// A person known here.
    Person(PersonId),
    /// Anybody else, by name.
    Named(String),
}

/// An edit of details: what is `Some` replaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DetailsPatch {
    /// See [`Details::title`].
    pub title: Option<Option<String>>,
    /// See [`Details::purpose`].
    pub purpose: Option<Option<String>>,
    /// See [`Details::people`].
    pub people: Option<Option<u32>>,
    /// See [`Details::guests`].
    pub guests: Option<Vec<Guest>>,
    /// See [`Details::private`].
    pub private: Option<bool>,
}

impl Details {
    /// Guests of one booking.
    pub const GUESTS_MAX: usize = 100;

    /// These, with what the patch says.
    pub fn patched(&self, patch: &DetailsPatch) -> Details {
        Details {
            title: patch.title.clone().unwrap_or_else(|| self.title.clone()),
            purpose: patch.purpose.clone().unwrap_or_else(|| self.purpose.clone()),
            people: patch.people.unwrap_or(self.people),
            guests: patch.guests.clone().unwrap_or_else(|| self.guests.clone()),
            private: patch.private.unwrap_or(self.private),
        }
    }
}

impl Booking {
    /// Whether this person is its owner, or invited.
    pub fn concerns(&self, person: PersonId) -> bool {
        self.owner == person || self.details.guests.contains(&Guest::Person(person))
    }

    /// Whether it is a date of the series.
    pub fn is_of(&self, series: SeriesId) -> bool {
        self.occurrence.as_ref().is_some_and(|occurrence| occurrence.series.id == series)
    }

    /// The booking after changes that one attempt made of it, on whichever resources: the fold of the record. `details` is what
    /// people say after it, if they said anything then. `None` if there was no such booking and none was made.
    pub fn after<'a>(
        before: Option<&Booking>,
        id: BookingId,
        changes: impl IntoIterator<Item = &'a Change>,
        details: Option<Details>,
        by: Actor,
        at: Instant,
    ) -> Option<Booking> {
        let mut after = before.map(|b| Booking { revision: b.revision + 1, decided_at: at, ..b.clone() });
        let mut placed: Vec<(u16, Slot)> = Vec::new();
        let mut promoted = None;
        for change in changes.into_iter().filter(|change| change.booking().is_none_or(|of| of == id)) {
            match change {
                Change::WaitEnded(ended) if ended.made(id) => promoted = Some(ended.entry.made_by),
                Change::BookingMade { owner, slots, occurrence, .. }
                | Change::BookingRequested { owner, slots, occurrence, .. } => {
                    placed.extend(slots);
                    let state = match change {
                        Change::BookingRequested { .. } => BookingState::Pending { takes: true },
                        Change::BookingMade { pending: true, .. } => BookingState::Pending { takes: false },
                        _ => BookingState::Confirmed,
                    };
                    after.get_or_insert_with(|| Booking {
                        id,
                        owner: *owner,
                        made_by: by,
                        state,
                        details: Details::default(),
                        slots: Vec::new(),
                        occurrence: occurrence.clone(),
                        revision: 1,
                        created_at: at,
                        decided_at: at,
                    });
                }
                Change::BookingApproved { .. } | Change::RequestApproved { .. } => {
                    set_state(&mut after, BookingState::Confirmed);
                }
                Change::BookingCancelled { by, reason, late, .. } => {
                    let (reason, late) = (reason.clone(), *late);
                    set_state(&mut after, BookingState::Cancelled { at, by: *by, reason, late });
                }
                Change::BookingMoved { to, occurrence, .. } => {
                    placed.extend(to);
                    set_occurrence(&mut after, occurrence);
                }
                Change::BookingCheckedIn { .. } => set_state(&mut after, BookingState::CheckedIn { at, by }),
                Change::BookingNoShow { to, .. } => {
                    placed.extend(to);
                    set_state(&mut after, BookingState::NoShow { at });
                }
                Change::BookingDisplaced { by, reason, by_what, .. } => {
                    let (reason, by_what) = (reason.clone(), *by_what);
                    set_state(&mut after, BookingState::Displaced { at, by: *by, reason, by_what });
                }
                Change::BookingHandedOver { to, .. } => {
                    if let Some(booking) = &mut after {
                        booking.owner = *to;
                    }
                }
                // Nothing that hangs on when it was decided begins anew, check-in least of all.
                Change::BookingEdited { .. } => {
                    if let (Some(after), Some(before)) = (&mut after, before) {
                        after.decided_at = before.decided_at;
                    }
                }
                Change::ResourceCreated(_)
                | Change::ResourceEdited(_)
                | Change::BookingOverrode { .. }
                | Change::Reasoned { .. }
                | Change::CapacitySet { .. }
                | Change::ServiceSet { .. }
                | Change::OverCommitLowered { .. }
                | Change::BlockAdded { .. }
                | Change::BlockRemoved { .. }
                | Change::HoldGranted(_)
                | Change::HoldRenewed(_)
                | Change::HoldEnded(_)
                | Change::HoldOverrode { .. }
                | Change::WaitJoined(_)
                | Change::WaitOffered(_)
                | Change::WaitResumed(_)
                | Change::WaitMoved(_)
                | Change::WaitEnded(_)
                | Change::WaitDue(_)
                | Change::Reminded { .. } => {}
            }
        }
        let mut after = after?;
        // Whoever gave the unit up did not make the booking.
        after.made_by = promoted.unwrap_or(after.made_by);
        if !placed.is_empty() {
            placed.sort_by_key(|(n, _)| *n);
            after.slots = placed.into_iter().map(|(_, slot)| slot).collect();
        }
        after.details = details.unwrap_or(after.details);
        Some(after)
    }

    /// The name of what is dropped of it late: dated as every name is, and of it and its revision, so that there can be only one.
    pub fn dropped_as(&self, at: Instant) -> BookingId {
        let mut rest = [0; 10];
        let (revision, name) = rest.split_at_mut(2);
        revision.copy_from_slice(&(self.revision as u16).to_be_bytes());
        name.copy_from_slice(&self.id.0.as_u64_pair().1.to_be_bytes());
        let millis = u64::try_from(at.0.div_euclid(1_000)).unwrap_or(0);
        BookingId(Builder::from_unix_timestamp_millis(millis, &rest).into_uuid())
    }

    /// The resources it takes from, each once, sorted.
    pub fn resources(&self) -> Vec<ResourceId> {
        let mut ids: Vec<_> = self.slots.iter().map(|s| s.resource).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// Its slots on one resource, with their place in the booking.
    pub fn slots_on(&self, resource: ResourceId) -> impl Iterator<Item = (u16, &Slot)> {
        self.slots.iter().enumerate().filter(move |(_, s)| s.resource == resource).map(|(n, s)| (n as u16, s))
    }

    /// The same, to be kept: without room for more.
    pub fn placed_on(&self, resource: ResourceId) -> Vec<(u16, Slot)> {
        let mut placed = Vec::with_capacity(self.slots_on(resource).count());
        placed.extend(self.slots_on(resource).map(|(n, slot)| (n, *slot)));
        placed
    }

    /// When the first of it begins. A booking has at least one slot.
    pub fn start(&self) -> Instant {
        self.slots.iter().map(|s| s.interval.start()).min().unwrap_or(Instant::MIN)
    }

    /// When the last of it ends.
    pub fn end(&self) -> Instant {
        self.slots.iter().map(|s| s.interval.end()).max().unwrap_or(Instant::MIN)
    }
}

fn set_occurrence(booking: &mut Option<Booking>, occurrence: &Option<Occurrence>) {
    if let (Some(booking), Some(occurrence)) = (booking, occurrence) {
        booking.occurrence = Some(occurrence.clone());
    }
}

fn set_state(booking: &mut Option<Booking>, state: BookingState) {
    if let Some(booking) = booking {
        booking.state = state;
    }
}
