//! A hold: units kept for one holder until an instant, with a fencing token.
//! Whether it still counts is judged at the decision instant, never by a timer.

use crate::ids::{EntryId, Epoch, FencingToken, HoldId, PersonId, ResourceId};
use crate::time::{Instant, Interval};

/// A hold that has not ended by a change. It may have expired all the same: see [`Hold::expired`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its name for machines.
    pub id: HoldId,
    /// The version of its grant.
    pub token: FencingToken,
    /// Who holds.
    pub holder: PersonId,
    /// Of which resource.
    pub resource: ResourceId,
    /// The time asked for.
    pub interval: Interval,
    /// The time kept, with set-up and clear-down.
    pub occupied: Interval,
    /// How many units.
    pub units: u32,
    /// When it was granted.
    pub granted_at: Instant,
    /// From this instant on it counts for nothing.
    pub expires_at: Instant,
    /// How often it was renewed.
    pub renewals: u32,
    /// The waitlist entry that it is an offer to, if it is one.
    pub offer: Option<EntryId>,
}

impl Hold {
    /// Whether it counts for nothing any more. Exclusive: at `expires_at` itself it is over.
    pub fn expired(&self, now: Instant) -> bool {
        now >= self.expires_at
    }

    /// How it has come to its end without any change having ended it: a restore since its grant voids it, and time lets it expire.
    pub fn over(&self, epoch: Epoch, now: Instant) -> Option<HoldEnd> {
        if self.token.0.epoch < epoch { Some(HoldEnd::Voided) } else { self.expired(now).then_some(HoldEnd::Expired) }
    }
}

/// How a hold ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldEnd {
    /// Nobody confirmed in time.
    Expired,
    /// Given back, or let go with a refused confirm.
    Released,
    /// It became a booking.
    Consumed,
    /// The holder took another on the same units, or booked past it.
    Superseded,
    /// An admin ended it, or their block took the time, or the data was restored from a backup.
    Voided,
}

/// A hold that a change has ended; kept so that a late confirm is told why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedHold {
    /// The hold as it was last.
    pub hold: Hold,
    /// How it ended.
    pub end: HoldEnd,
}
