//! What became true. A record is the ordered changes of one resource at one version.
//! A change carries what its fold needs and no more; it never fails.

use crate::booking::{Booking, Slot};
use crate::calendar::Block;
use crate::command::Actor;
use crate::hold::{EndedHold, Hold};
use crate::ids::{BookingId, PersonId, ResourceId};
use crate::resource::Resource;
use crate::series::{DateSaid, Occurrence};
use crate::time::Instant;
use crate::waitlist::{EndedEntry, EntryEnd, WaitEntry};
use std::sync::Arc;

/// One thing that became true of one resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The resource exists.
    ResourceCreated(Arc<Resource>),
    /// It is now this.
    ResourceEdited(Arc<Resource>),
    /// Time was taken out of use.
    BlockAdded {
        /// The block.
        block: Block,
        /// The resource's, after it.
        policy_version: u64,
    },
    /// Time is in use again.
    BlockRemoved {
        /// The block as it was.
        block: Block,
        /// The resource's, after it.
        policy_version: u64,
    },
    /// A booking was made.
    BookingMade {
        /// Which.
        booking: BookingId,
        /// For whom.
        owner: PersonId,
        /// It waits for approval and takes nothing yet.
        pending: bool,
        /// What it takes of this resource, with the place in the booking.
        slots: Vec<(u16, Slot)>,
        /// Which date of which series it is, if it is one.
        occurrence: Option<Occurrence>,
    },
    /// A pending booking takes its units.
    BookingApproved {
        /// Which.
        booking: BookingId,
        /// Whose.
        owner: PersonId,
        /// What it takes of this resource.
        slots: Vec<(u16, Slot)>,
    },
    /// A booking was given up.
    BookingCancelled {
        /// Which.
        booking: BookingId,
        /// Whose.
        owner: PersonId,
        /// It had not taken anything.
        was_pending: bool,
        /// What it took of this resource.
        slots: Vec<(u16, Slot)>,
        /// By whom.
        by: Actor,
        /// Why, if they said.
        reason: Option<String>,
    },
    /// A booking is elsewhere. Told on every resource that it left, stays on or takes.
    BookingMoved {
        /// Which.
        booking: BookingId,
        /// Whose.
        owner: PersonId,
        /// Its revision, after it.
        revision: u64,
        /// It waits for approval and takes nothing, there or here.
        pending: bool,
        /// What it took of this resource, with the place in the booking.
        from: Vec<(u16, Slot)>,
        /// What it takes of this resource.
        to: Vec<(u16, Slot)>,
        /// Which date of its series it is from then on, if that is another than before.
        occurrence: Option<Occurrence>,
    },
    /// What people say about a booking changed.
    BookingEdited {
        /// Which.
        booking: BookingId,
        /// Whose.
        owner: PersonId,
        /// Its revision, after it.
        revision: u64,
    },
    /// Units are kept for somebody.
    HoldGranted(Hold),
    /// They are kept longer.
    HoldRenewed(Hold),
    /// They are kept no more.
    HoldEnded(EndedHold),
    /// Somebody waits for units.
    WaitJoined(WaitEntry),
    /// Units are held for them, and offered.
    WaitOffered(WaitEntry),
    /// The offer is gone through no fault of theirs: they wait again.
    WaitResumed(WaitEntry),
    /// Their priority class is another.
    WaitMoved(WaitEntry),
    /// They wait no more.
    WaitEnded(EndedEntry),
    /// When the resource must be looked at again, for those who wait or are to be reminded; `None` if only another change can make
    /// a difference.
    WaitDue(Option<Instant>),
    /// Somebody is told that it will soon be too late to change a booking or to give it up. The booking is as it was.
    Reminded {
        /// Of which booking.
        booking: BookingId,
        /// Whose.
        owner: PersonId,
        /// When it is too late.
        cutoff: Instant,
    },
}

impl Change {
    /// Which booking it changes. A reminder changes none.
    pub const fn booking(&self) -> Option<BookingId> {
        match self {
            Change::BookingMade { booking, .. }
            | Change::BookingApproved { booking, .. }
            | Change::BookingCancelled { booking, .. }
            | Change::BookingMoved { booking, .. }
            | Change::BookingEdited { booking, .. } => Some(*booking),
            Change::HoldGranted(_)
            | Change::HoldRenewed(_)
            | Change::HoldEnded(_)
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
            | Change::Reminded { .. } => None,
        }
    }

    /// Whether a booking's slots are others after it.
    pub const fn moves(&self) -> bool {
        match self {
            Change::BookingMoved { .. } => true,
            Change::BookingMade { .. }
            | Change::BookingApproved { .. }
            | Change::BookingCancelled { .. }
            | Change::BookingEdited { .. }
            | Change::HoldGranted(_)
            | Change::HoldRenewed(_)
            | Change::HoldEnded(_)
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
            | Change::Reminded { .. } => false,
        }
    }

    /// Which waitlist entry it changes, and how that ended if it did.
    pub const fn entry(&self) -> Option<(&WaitEntry, Option<EntryEnd>)> {
        match self {
            Change::WaitJoined(entry)
            | Change::WaitOffered(entry)
            | Change::WaitResumed(entry)
            | Change::WaitMoved(entry) => Some((entry, None)),
            Change::WaitEnded(EndedEntry { entry, end }) => Some((entry, Some(*end))),
            Change::BookingMade { .. }
            | Change::BookingApproved { .. }
            | Change::BookingCancelled { .. }
            | Change::BookingMoved { .. }
            | Change::BookingEdited { .. }
            | Change::HoldGranted(_)
            | Change::HoldRenewed(_)
            | Change::HoldEnded(_)
            | Change::ResourceCreated(_)
            | Change::ResourceEdited(_)
            | Change::BlockAdded { .. }
            | Change::BlockRemoved { .. }
            | Change::WaitDue(_)
            | Change::Reminded { .. } => None,
        }
    }

    /// Whose booking, hold or place in a waitlist it is about.
    pub const fn about(&self) -> Option<PersonId> {
        match self {
            Change::BookingMade { owner, .. }
            | Change::BookingApproved { owner, .. }
            | Change::BookingCancelled { owner, .. }
            | Change::BookingMoved { owner, .. }
            | Change::BookingEdited { owner, .. } => Some(*owner),
            Change::HoldGranted(hold) | Change::HoldRenewed(hold) => Some(hold.holder),
            Change::HoldEnded(ended) => Some(ended.hold.holder),
            Change::WaitJoined(entry)
            | Change::WaitOffered(entry)
            | Change::WaitResumed(entry)
            | Change::WaitMoved(entry) => Some(entry.owner),
            Change::WaitEnded(ended) => Some(ended.entry.owner),
            Change::Reminded { owner, .. } => Some(*owner),
            Change::ResourceCreated(_)
            | Change::ResourceEdited(_)
            | Change::BlockAdded { .. }
            | Change::BlockRemoved { .. }
            | Change::WaitDue(_) => None,
        }
    }
}

/// What one accepted command changes: all of it, or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// By resource, sorted. Each entry raises that resource's version by one and holds at least one change.
    pub records: Vec<(ResourceId, Vec<Change>)>,
    /// Bookings as they are after it.
    pub bookings: Vec<Arc<Booking>>,
    /// What is said of each date of a series, also where the whole is refused; it changes nothing by itself.
    pub dates: Vec<DateSaid>,
}

impl Changes {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.bookings.is_empty()
    }
}
