//! What became true. A record is the ordered changes of one resource at one version.
//! A change carries what its fold needs and no more; it never fails.

use crate::booking::{Booking, Displacer, Slot};
use crate::calendar::Block;
use crate::command::Actor;
use crate::hold::{EndedHold, Hold};
use crate::ids::{BookingId, HoldId, PersonId, ResourceId};
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
        /// Whether it was later than the policy asks for.
        late: bool,
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
    /// Whoever manages the resource said how long they are kept; told beside what became of the hold.
    HoldOverrode {
        /// Which.
        hold: HoldId,
        /// Whose.
        holder: PersonId,
        /// Until when; `None` if it was ended.
        until: Option<Instant>,
        /// Why.
        reason: String,
    },
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
    /// A booking was asked for. It waits for approval and takes its units meanwhile.
    BookingRequested {
        /// Which.
        booking: BookingId,
        /// For whom.
        owner: PersonId,
        /// What it takes of this resource, with the place in the booking.
        slots: Vec<(u16, Slot)>,
        /// Which date of which series it is.
        occurrence: Option<Occurrence>,
    },
    /// A booking that took its units while it waited is confirmed.
    RequestApproved {
        /// Which.
        booking: BookingId,
        /// Whose.
        owner: PersonId,
    },
    /// A booking's people are there.
    BookingCheckedIn {
        /// Which.
        booking: BookingId,
        /// Whose.
        owner: PersonId,
    },
    /// Nobody came: what the booking takes ends now.
    BookingNoShow {
        /// Which.
        booking: BookingId,
        /// Whose.
        owner: PersonId,
        /// What it took of this resource, with the place in the booking.
        from: Vec<(u16, Slot)>,
        /// The same, with the time taken cut. What had not begun takes nothing and is as it was.
        to: Vec<(u16, Slot)>,
        /// The instant that it ends at.
        at: Instant,
    },
    /// An admin took a booking away. Told on every resource of it.
    BookingDisplaced {
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
        /// Why.
        reason: String,
        /// For what.
        by_what: Displacer,
    },
    /// A booking is somebody else's. Told on every resource of it.
    BookingHandedOver {
        /// Which.
        booking: BookingId,
        /// Whose it was.
        from: PersonId,
        /// Whose it is.
        to: PersonId,
        /// It waits for approval and takes nothing.
        pending: bool,
        /// What it takes of this resource.
        slots: Vec<(u16, Slot)>,
        /// Why.
        reason: String,
    },
    /// An admin put a booking there against a rule or over others. Told on every resource of it, with what it became.
    BookingOverrode {
        /// Which.
        booking: BookingId,
        /// Whose.
        owner: PersonId,
        /// Why.
        reason: String,
    },
    /// Why somebody did what stands before it in this record, where that has no place for a reason of its own.
    Reasoned {
        /// Why.
        reason: String,
    },
    /// The resource has so many units from now on.
    CapacitySet {
        /// The resource after it.
        resource: Arc<Resource>,
        /// Units taken at the fullest instant to come, after it.
        used: u64,
        /// What the editor saw taken.
        seen_used: Option<u32>,
        /// So many more than it has may be taken: see [`crate::Calendar::over_commit`].
        over_commit: u32,
        /// Why, if they said.
        reason: Option<String>,
    },
    /// The resource was taken out of service or put into it again, as its policy says after it.
    ServiceSet {
        /// The resource after it.
        resource: Arc<Resource>,
        /// Why.
        reason: String,
    },
    /// Fewer units are taken beyond the capacity than before; no more may be from now on.
    OverCommitLowered {
        /// So many more than it has may be taken.
        to: u32,
    },
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
            | Change::BookingEdited { booking, .. }
            | Change::BookingRequested { booking, .. }
            | Change::RequestApproved { booking, .. }
            | Change::BookingCheckedIn { booking, .. }
            | Change::BookingNoShow { booking, .. }
            | Change::BookingDisplaced { booking, .. }
            | Change::BookingHandedOver { booking, .. }
            | Change::BookingOverrode { booking, .. } => Some(*booking),
            Change::HoldGranted(_)
            | Change::HoldRenewed(_)
            | Change::HoldEnded(_)
            | Change::HoldOverrode { .. }
            | Change::ResourceCreated(_)
            | Change::ResourceEdited(_)
            | Change::BlockAdded { .. }
            | Change::BlockRemoved { .. }
            | Change::CapacitySet { .. }
            | Change::ServiceSet { .. }
            | Change::OverCommitLowered { .. }
            | Change::WaitJoined(_)
            | Change::WaitOffered(_)
            | Change::WaitResumed(_)
            | Change::WaitMoved(_)
            | Change::WaitEnded(_)
            | Change::WaitDue(_)
            | Change::Reasoned { .. }
            | Change::Reminded { .. } => None,
        }
    }

    /// Whether a booking's slots, or whose they are, are others after it.
    pub const fn moves(&self) -> bool {
        match self {
            Change::BookingMoved { .. } | Change::BookingNoShow { .. } | Change::BookingHandedOver { .. } => true,
            Change::BookingMade { .. }
            | Change::BookingApproved { .. }
            | Change::BookingCancelled { .. }
            | Change::BookingEdited { .. }
            | Change::HoldGranted(_)
            | Change::HoldRenewed(_)
            | Change::HoldEnded(_)
            | Change::HoldOverrode { .. }
            | Change::ResourceCreated(_)
            | Change::ResourceEdited(_)
            | Change::BlockAdded { .. }
            | Change::BlockRemoved { .. }
            | Change::BookingRequested { .. }
            | Change::RequestApproved { .. }
            | Change::BookingCheckedIn { .. }
            | Change::BookingDisplaced { .. }
            | Change::BookingOverrode { .. }
            | Change::Reasoned { .. }
            | Change::CapacitySet { .. }
            | Change::ServiceSet { .. }
            | Change::OverCommitLowered { .. }
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
            | Change::BookingRequested { .. }
            | Change::RequestApproved { .. }
            | Change::BookingCheckedIn { .. }
            | Change::BookingNoShow { .. }
            | Change::BookingDisplaced { .. }
            | Change::BookingHandedOver { .. }
            | Change::BookingOverrode { .. }
            | Change::Reasoned { .. }
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
            | Change::WaitDue(_)
            | Change::Reminded { .. } => None,
        }
    }

    /// Whose booking, hold or place in a waitlist it is about: after it, where it was somebody else's before.
    pub const fn about(&self) -> Option<PersonId> {
        match self {
            Change::BookingMade { owner, .. }
            | Change::BookingApproved { owner, .. }
            | Change::BookingCancelled { owner, .. }
            | Change::BookingMoved { owner, .. }
            | Change::BookingEdited { owner, .. }
            | Change::BookingRequested { owner, .. }
            | Change::RequestApproved { owner, .. }
            | Change::BookingCheckedIn { owner, .. }
            | Change::BookingNoShow { owner, .. }
            | Change::BookingDisplaced { owner, .. }
            | Change::BookingOverrode { owner, .. }
            | Change::BookingHandedOver { to: owner, .. } => Some(*owner),
            Change::HoldGranted(hold) | Change::HoldRenewed(hold) => Some(hold.holder),
            Change::HoldEnded(ended) => Some(ended.hold.holder),
            Change::HoldOverrode { holder, .. } => Some(*holder),
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
            | Change::WaitDue(_)
            | Change::CapacitySet { .. }
            | Change::ServiceSet { .. }
            | Change::Reasoned { .. }
            | Change::OverCommitLowered { .. } => None,
        }
    }

    /// Whose booking it was before, where it is somebody else's after it.
    pub const fn about_before(&self) -> Option<PersonId> {
        match self {
            Change::BookingHandedOver { from, .. } => Some(*from),
            _ => None,
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
