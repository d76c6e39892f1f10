//! What is taken of one resource, and the resource itself: its state at a version.
//! It changes by [`Calendar::apply`] only, the fold of the record; it decides nothing.

use crate::booking::Slot;
use crate::change::Change;
use crate::hold::Hold;
use crate::ids::{BlockId, BookingId, EntryId, HoldId, PersonId, Version};
use crate::levels::{Level, Levels};
use crate::policy::OwnOverlap;
use crate::resource::Resource;
use crate::time::{Instant, Interval, Span};
use crate::waitlist::{Place, WaitEntry, Wants};
use imbl::OrdMap;
use std::sync::Arc;
use uuid::Uuid;

/// A resource with everything that takes time of it and has not ended. Cheap to clone: its maps are shared.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    /// The resource.
    pub resource: Arc<Resource>,
    /// Raised by exactly one with each accepted command that touches it.
    pub version: Version,
    /// When the last of them was decided.
    pub decided_at: Instant,
    /// Units taken at every instant.
    pub levels: Levels,
    /// Who takes them, by the start of the time taken.
    pub uses: OrdMap<(Instant, UseId), Use>,
    /// Holds that no change has ended; some may have expired.
    pub holds: OrdMap<HoldId, Hold>,
    /// Time taken out of use.
    pub blocks: OrdMap<BlockId, Block>,
    /// Who waits, in order; offers are made to some of them.
    pub waiting: OrdMap<Place, WaitEntry>,
    /// Who is to be told when it is free, in the order in which they asked.
    pub watching: OrdMap<Place, WaitEntry>,
    /// When it must be looked at again, if no change makes a difference before: for those who wait, or because somebody is to be
    /// reminded.
    pub wait_due: Option<Instant>,
    /// Where in the order an entry is.
    places: OrdMap<EntryId, Place>,
    /// So many more units than the resource has may be taken, because an admin said so; never raised by anybody else.
    pub over_commit: u32,
    /// No use is longer: bounds the search for those that meet an interval.
    longest: Span,
}

/// What takes units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UseId {
    /// A line of a booking.
    Booking(BookingId, u16),
    /// A hold.
    Hold(HoldId),
}

impl UseId {
    const FIRST: UseId = UseId::Booking(BookingId(Uuid::nil()), 0);
}

/// Units taken during an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// By what.
    pub id: UseId,
    /// For whom.
    pub owner: PersonId,
    /// The time asked for.
    pub interval: Interval,
    /// The time taken.
    pub occupied: Interval,
    /// How many units.
    pub units: u32,
}

/// Time an admin took out of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its name for machines.
    pub id: BlockId,
    /// The time.
    pub interval: Interval,
    /// Why.
    pub reason: String,
    /// Who may stay and come all the same.
    pub exceptions: Exceptions,
}

/// Whom a block does not concern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exceptions {
    /// Their bookings stay, and they may book there. Sorted.
    pub people: Vec<PersonId>,
    /// These stay. Sorted.
    pub bookings: Vec<BookingId>,
}

impl Exceptions {
    /// At most so many of each.
    pub const MAX: usize = 100;

    /// Each named once, in order.
    pub fn of(mut people: Vec<PersonId>, mut bookings: Vec<BookingId>) -> Exceptions {
        people.sort();
        people.dedup();
        bookings.sort();
        bookings.dedup();
        Exceptions { people, bookings }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty() && self.bookings.is_empty()
    }

    /// Whether a booking may stand there: its own, or its owner's word.
    pub fn allow(&self, owner: Option<PersonId>, booking: Option<BookingId>) -> bool {
        owner.is_some_and(|p| self.people.binary_search(&p).is_ok())
            || booking.is_some_and(|b| self.bookings.binary_search(&b).is_ok())
    }
}

impl Calendar {
    /// Blocks of one resource at a time.
    pub const BLOCKS_MAX: usize = 1_000;
    /// How long what has ended is kept in a calendar, so that a booking that began a moment ago still sees it.
    pub const LOOKBACK: Span = Span::hours(49);

    /// A resource that nobody has booked yet, before the change that makes it.
    pub fn empty(resource: Arc<Resource>, version: Version, decided_at: Instant) -> Calendar {
        Calendar {
            resource,
            version,
            decided_at,
            levels: Levels::default(),
            uses: OrdMap::new(),
            holds: OrdMap::new(),
            blocks: OrdMap::new(),
            waiting: OrdMap::new(),
            watching: OrdMap::new(),
            wait_due: None,
            places: OrdMap::new(),
            over_commit: 0,
            longest: Span::ZERO,
        }
    }

    /// Folds one change into the state. The version is set by whoever folds a whole record.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::ResourceCreated(resource) | Change::ResourceEdited(resource) => self.resource = resource.clone(),
            Change::BlockAdded { block, policy_version } => {
                self.blocks.insert(block.id, block.clone());
                Arc::make_mut(&mut self.resource).policy_version = *policy_version;
            }
            Change::BlockRemoved { block, policy_version } => {
                self.blocks.remove(&block.id);
                Arc::make_mut(&mut self.resource).policy_version = *policy_version;
            }
            Change::BookingMade { booking, owner, pending, slots, .. } => {
                if !pending {
                    self.take_slots(*booking, *owner, slots);
                }
            }
            Change::BookingApproved { booking, owner, slots } => self.take_slots(*booking, *owner, slots),
            Change::BookingCancelled { booking, slots, was_pending, .. } => {
                if !was_pending {
                    self.free_slots(*booking, slots);
                }
            }
            Change::BookingMoved { booking, owner, pending, from, to, .. } => {
                if !pending {
                    self.free_slots(*booking, from);
                    self.take_slots(*booking, *owner, to);
                }
            }
            Change::BookingEdited { .. }
            | Change::RequestApproved { .. }
            | Change::BookingCheckedIn { .. }
            | Change::BookingOverrode { .. }
            | Change::Reasoned { .. } => {}
            Change::BookingRequested { booking, owner, slots, .. } => self.take_slots(*booking, *owner, slots),
            Change::BookingNoShow { booking, owner, from, to, at } => {
                self.free_slots(*booking, from);
                let begun: Vec<_> = to.iter().filter(|(_, s)| s.occupied.start() < *at).copied().collect();
                self.take_slots(*booking, *owner, &begun);
            }
            Change::BookingDisplaced { booking, slots, was_pending, .. } => {
                if !was_pending {
                    self.free_slots(*booking, slots);
                }
            }
            Change::BookingHandedOver { booking, to, pending, slots, .. } => {
                if !pending {
                    self.free_slots(*booking, slots);
                    self.take_slots(*booking, *to, slots);
                }
            }
            Change::CapacitySet { resource, over_commit, .. } => {
                self.resource = resource.clone();
                self.over_commit = *over_commit;
            }
            Change::ServiceSet { resource, .. } => self.resource = resource.clone(),
            Change::OverCommitLowered { to } => self.over_commit = *to,
            Change::HoldGranted(hold) => self.put_hold(*hold),
            Change::HoldRenewed(hold) => {
                self.holds.insert(hold.id, *hold);
            }
            Change::HoldEnded(ended) => {
                self.holds.remove(&ended.hold.id);
                self.free(UseId::Hold(ended.hold.id), ended.hold.occupied.start());
            }
            Change::WaitJoined(entry)
            | Change::WaitOffered(entry)
            | Change::WaitResumed(entry)
            | Change::WaitMoved(entry) => self.put_entry(*entry),
            Change::WaitEnded(ended) => self.take_entry(ended.entry.id),
            Change::WaitDue(at) => self.wait_due = *at,
            Change::HoldOverrode { .. } | Change::Reminded { .. } => {}
        }
    }

    /// What makes an empty calendar of the resource into this one: where the fold of a record may begin, if not at its beginning.
    /// The first of them makes the resource.
    pub fn as_changes(&self) -> Vec<Change> {
        // Taken apart, so that nothing new is forgotten here. Levels, places and the longest follow from the rest.
        let Calendar {
            resource,
            version: _,
            decided_at: _,
            levels: _,
            uses,
            holds,
            blocks,
            waiting,
            watching,
            wait_due,
            places: _,
            over_commit,
            longest: _,
        } = self;
        let mut changes = vec![Change::ResourceCreated(resource.clone())];
        let policy_version = resource.policy_version;
        changes.extend(blocks.values().map(|block| Change::BlockAdded { block: block.clone(), policy_version }));
        changes.extend(uses.values().filter_map(|u| {
            let Use { id: UseId::Booking(booking, n), owner, interval, occupied, units } = *u else { return None };
            // Rules about the owner are no matter of the calendar.
            let (own_overlap, quota) = (OwnOverlap::Allow, None);
            let slot = Slot { resource: resource.id, interval, occupied, units, own_overlap, quota };
            Some(Change::BookingMade { booking, owner, pending: false, slots: vec![(n, slot)], occurrence: None })
        }));
        changes.extend(holds.values().map(|hold| Change::HoldGranted(*hold)));
        changes.extend(waiting.values().chain(watching.values()).map(|entry| Change::WaitJoined(*entry)));
        changes.extend((*over_commit > 0).then_some(Change::OverCommitLowered { to: *over_commit }));
        changes.extend(wait_due.map(|at| Change::WaitDue(Some(at))));
        changes
    }

    /// Puts an active booking's slots in, as when the calendar is loaded from rows.
    pub fn take_slots(&mut self, booking: BookingId, owner: PersonId, slots: &[(u16, Slot)]) {
        for (n, slot) in slots {
            self.take(Use {
                id: UseId::Booking(booking, *n),
                owner,
                interval: slot.interval,
                occupied: slot.occupied,
                units: slot.units,
            });
        }
    }

    /// Takes an active booking's slots out, as when it is about to be elsewhere.
    pub fn free_slots(&mut self, booking: BookingId, slots: &[(u16, Slot)]) {
        for (n, slot) in slots {
            self.free(UseId::Booking(booking, *n), slot.occupied.start());
        }
    }

    /// Puts a hold in, as when the calendar is loaded from rows.
    pub fn put_hold(&mut self, hold: Hold) {
        self.holds.insert(hold.id, hold);
        self.take(Use {
            id: UseId::Hold(hold.id),
            owner: hold.holder,
            interval: hold.interval,
            occupied: hold.occupied,
            units: hold.units,
        });
    }

    /// Puts an entry where it belongs in the order, as when the calendar is loaded from rows.
    pub fn put_entry(&mut self, entry: WaitEntry) {
        self.take_entry(entry.id);
        self.places.insert(entry.id, entry.place());
        let among = match entry.wants {
            Wants::Units => &mut self.waiting,
            Wants::Word => &mut self.watching,
        };
        among.insert(entry.place(), entry);
    }

    fn take_entry(&mut self, id: EntryId) {
        if let Some(place) = self.places.remove(&id) {
            // A place is that of one entry, whatever it wants.
            if self.waiting.remove(&place).is_none() {
                self.watching.remove(&place);
            }
        }
    }

    /// Somebody who waits.
    pub fn entry(&self, id: EntryId) -> Option<&WaitEntry> {
        let place = self.places.get(&id)?;
        self.waiting.get(place).or_else(|| self.watching.get(place))
    }

    /// The place of somebody who waits for units, counted from 1 among all who do.
    pub fn place_in_line(&self, id: EntryId) -> Option<usize> {
        let place = self.places.get(&id).filter(|place| self.waiting.contains_key(*place))?;
        Some(self.waiting.range(..=*place).count())
    }

    /// Everything that takes time of the interval, by its start.
    pub fn meeting(&self, interval: Interval) -> impl Iterator<Item = &Use> {
        let from = (interval.start().minus(self.longest), UseId::FIRST);
        let to = (interval.end(), UseId::FIRST);
        self.uses.range(from..to).map(|(_, u)| u).filter(move |u| u.occupied.meets(interval))
    }

    /// Forgets what ended before the instant: the store keeps it, decisions do not need it.
    pub fn forget_before(&mut self, t: Instant) {
        let past: Vec<_> = self
            .uses
            .iter()
            .take_while(|((start, _), _)| *start < t)
            .filter(|(_, u)| u.occupied.end() <= t && matches!(u.id, UseId::Booking(..)))
            .map(|(key, _)| *key)
            .collect();
        for (start, id) in past {
            self.free(id, start);
        }
    }

    /// Units taken at the fullest instant from `t` on.
    pub fn fullest_from(&self, t: Instant) -> u64 {
        self.levels.from(t).map(|(_, level)| level.taken()).max().unwrap_or(0)
    }

    /// How many units more than it has are taken at the fullest instant from `t` on.
    pub fn excess_from(&self, t: Instant) -> u32 {
        let capacity = self.resource.spec.capacity.map_or(u64::MAX, u64::from);
        u32::try_from(self.fullest_from(t).saturating_sub(capacity)).unwrap_or(u32::MAX)
    }

    /// About how many bytes it takes in memory.
    pub fn weight(&self) -> usize {
        600 + self.uses.len() * 320
            + self.holds.len() * 260
            + self.blocks.len() * 200
            + (self.waiting.len() + self.watching.len()) * 360
    }

    fn take(&mut self, u: Use) {
        self.longest = self.longest.max(u.occupied.length());
        self.levels.add(u.occupied, u.level());
        self.uses.insert((u.occupied.start(), u.id), u);
    }

    /// Takes out what takes time, by when that begins.
    pub(crate) fn free(&mut self, id: UseId, start: Instant) {
        if let Some(u) = self.uses.remove(&(start, id)) {
            self.levels.remove(u.occupied, u.level());
        }
    }
}

impl Use {
    /// What it adds to the level.
    pub const fn level(&self) -> Level {
        match self.id {
            UseId::Booking(..) => Level { booked: self.units as u64, held: 0 },
            UseId::Hold(_) => Level { booked: 0, held: self.units as u64 },
        }
    }
}
