//! What a person must be told: that something which is theirs changed without their doing. It follows from the record alone, so it is
//! true as soon as the change is durable, and can be read from the record again.
//! It never says how they are told.

use crate::change::Change;
use crate::command::Actor;
use crate::ids::{BookingId, PersonId};
use crate::waitlist::{EntryEnd, Wants};

/// Something to tell somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whom.
    pub to: PersonId,
    /// What.
    pub news: News,
    /// Of which booking; of who waits or holds, the one that it may become.
    pub booking: BookingId,
}

/// What happened, as its owner is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum News {
    /// Somebody booked for them.
    Booked,
    /// What they asked for was approved.
    Approved,
    /// Their booking was cancelled.
    Cancelled,
    /// Their booking is elsewhere now.
    Moved,
    /// What they waited for is theirs.
    Promoted,
    /// What they waited for is kept for them, until a deadline.
    Offered,
    /// What they wished to be told of is free. Nothing of it is kept for them.
    Free,
    /// It will soon be too late to change their booking or to give it up.
    Reminder,
    /// They wait no more: an offer was not taken in time, it is too late, or there is no waitlist any more.
    Lapsed,
    /// An admin took their booking away for something else.
    Displaced,
    /// Somebody who manages the resource ended their hold.
    HoldEnded,
    /// Somebody who manages the resource let their hold last until another time.
    HoldSet,
    /// Their booking is somebody else's now.
    HandedOver,
    /// Somebody else's booking is theirs now.
    TakenOver,
    /// Nobody came to their booking: what was left of it is free again.
    NoShow,
}

impl News {
    /// All of them.
    pub const ALL: [News; 15] = [
        News::Booked,
        News::Approved,
        News::Cancelled,
        News::Moved,
        News::Promoted,
        News::Offered,
        News::Lapsed,
        News::Displaced,
        News::HandedOver,
        News::TakenOver,
        News::NoShow,
        News::Free,
        News::Reminder,
        News::HoldEnded,
        News::HoldSet,
    ];

    /// Its name in JSON and in rows.
    pub const fn name(self) -> &'static str {
        match self {
            News::Booked => "booked",
            News::Approved => "approved",
            News::Cancelled => "cancelled",
            News::Moved => "moved",
            News::Promoted => "promoted",
            News::Offered => "offered",
            News::Lapsed => "lapsed",
            News::Displaced => "displaced",
            News::HandedOver => "handed_over",
            News::TakenOver => "taken_over",
            News::NoShow => "no_show",
            News::Free => "free",
            News::Reminder => "reminder",
            News::HoldEnded => "hold_ended",
            News::HoldSet => "hold_set",
        }
    }

    /// Whether it falls due by itself: then it is told whoever's command comes upon it, one's own too.
    const fn falls_due(self) -> bool {
        match self {
            News::Free | News::Reminder => true,
            News::Booked
            | News::Approved
            | News::Cancelled
            | News::Moved
            | News::Promoted
            | News::Offered
            | News::Lapsed
            | News::Displaced
            | News::HoldEnded
            | News::HoldSet
            | News::HandedOver
            | News::TakenOver
            | News::NoShow => false,
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<News> {
        News::ALL.into_iter().find(|news| news.name() == name)
    }
}

impl Notice {
    /// What the change means for whom it is about, if somebody else made it, or it falls due by itself: before and after it, where that is not the same person.
    pub fn of(change: &Change, by: Actor) -> impl Iterator<Item = Notice> {
        let lost = change.about_before().zip(change.booking());
        let lost = lost.map(|(to, booking)| Notice { to, news: News::HandedOver, booking });
        let told = lost.into_iter().chain(Notice::after(change));
        told.filter(move |notice| by.person() != Some(notice.to) || notice.news.falls_due())
    }

    fn after(change: &Change) -> Option<Notice> {
        let news = match change {
            Change::BookingMade { .. } | Change::BookingRequested { .. } => News::Booked,
            Change::BookingApproved { .. } | Change::RequestApproved { .. } => News::Approved,
            Change::BookingCancelled { .. } => News::Cancelled,
            Change::BookingMoved { .. } => News::Moved,
            Change::BookingDisplaced { .. } => News::Displaced,
            Change::BookingHandedOver { .. } => News::TakenOver,
            Change::BookingNoShow { .. } => News::NoShow,
            Change::HoldOverrode { until: None, .. } => News::HoldEnded,
            Change::HoldOverrode { until: Some(_), .. } => News::HoldSet,
            Change::WaitOffered(_) => News::Offered,
            Change::WaitEnded(ended) => match ended.end {
                EntryEnd::Told => News::Free,
                // They have it, or it was never free: either way there is no word of it.
                EntryEnd::Promoted { .. } | EntryEnd::Lapsed | EntryEnd::Voided if ended.entry.wants == Wants::Word => {
                    return None;
                }
                EntryEnd::Promoted { .. } => News::Promoted,
                EntryEnd::Lapsed | EntryEnd::Voided => News::Lapsed,
                EntryEnd::Left => return None,
            },
            Change::Reminded { .. } => News::Reminder,
            // Whoever is there knows; and why a booking was put there stands beside the booking itself.
            Change::BookingCheckedIn { .. }
            | Change::BookingOverrode { .. }
            | Change::Reasoned { .. }
            | Change::BookingEdited { .. }
            | Change::HoldGranted(_)
            | Change::HoldRenewed(_)
            | Change::HoldEnded(_)
            | Change::ResourceCreated(_)
            | Change::ResourceEdited(_)
            | Change::CapacitySet { .. }
            | Change::ServiceSet { .. }
            | Change::OverCommitLowered { .. }
            | Change::BlockAdded { .. }
            | Change::BlockRemoved { .. }
            | Change::WaitJoined(_)
            | Change::WaitResumed(_)
            | Change::WaitMoved(_)
            | Change::WaitDue(_) => return None,
        };
        let booking = match change {
            Change::Reminded { booking, .. } => Some(*booking),
            Change::HoldOverrode { hold, .. } => Some(BookingId(hold.0)),
            _ => change.booking().or_else(|| Some(change.entry()?.0.booking())),
        };
        Some(Notice { to: change.about()?, news, booking: booking? })
    }
}
