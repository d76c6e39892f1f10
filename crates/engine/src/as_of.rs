//! A resource as it was at a version or an instant, folded again from its record.
//! It trusts no memory of what was shown, and never folds more than its bound.

use crate::port::{Record, StoreError, Views};
use slotwise_domain::{BookingId, Calendar, Change, Instant, Interval, ResourceId, Slot, Version};
use std::collections::BTreeMap;

/// Records folded for one answer.
pub const RECORDS_MAX: u64 = 50_000;
/// Records read at once.
const PAGE: u64 = 512;

/// Up to where a record is folded. With both, the version counts, and the instant is that of whoever looked at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// This version.
    pub version: Option<Version>,
    /// The last version decided at or before this.
    pub at: Option<Instant>,
}

/// A resource as it was.
#[derive(Clone, Debug)]
pub struct AsOf {
    /// The resource with what took time of it then.
    pub calendar: Calendar,
    /// Bookings that were on it and not given up, those that waited for approval included, and when.
    pub bookings: BTreeMap<BookingId, Vec<Interval>>,
}

/// Why it is not told how something was.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AsOfError {
    /// It was made later than that.
    #[error("it did not exist yet")]
    NotYet,
    /// There is no such version: it is ahead of the record, or was lost to a restore.
    #[error("the record has no such version")]
    NoVersion,
    /// More records would have to be folded than may be.
    #[error("that needs {0} records, and at most {RECORDS_MAX} are folded")]
    TooLong(u64),
    /// The record could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The resource as it was. `None` if there is no such resource.
pub async fn as_of(views: &dyn Views, resource: ResourceId, moment: Moment) -> Result<Option<AsOf>, AsOfError> {
    let Some(now) = views.calendars(vec![resource]).await?.pop() else { return Ok(None) };
    let upto = match moment.version {
        Some(version) if version > now.version || version.number == 0 => return Err(AsOfError::NoVersion),
        Some(version) if version.number > RECORDS_MAX => return Err(AsOfError::TooLong(version.number)),
        Some(version) => version.number,
        None => now.version.number,
    };
    let mut folded: Option<AsOf> = None;
    let mut reached = 0;
    while reached < upto {
        if reached >= RECORDS_MAX {
            return Err(AsOfError::TooLong(upto));
        }
        let next = (reached + PAGE).min(upto);
        for record in views.records(resource, reached, next).await? {
            let later = moment.version.is_none() && moment.at.is_some_and(|at| record.decided_at > at);
            if later {
                return folded.map(Some).ok_or(AsOfError::NotYet);
            }
            fold(&mut folded, &record)?;
        }
        reached = next;
    }
    match (&folded, moment.version) {
        (Some(folded), Some(version)) if folded.calendar.version != version => Err(AsOfError::NoVersion),
        (Some(_), _) => Ok(folded),
        (None, _) => Err(AsOfError::NotYet),
    }
}

/// Folds one more record into what was before it.
pub fn fold(folded: &mut Option<AsOf>, record: &Record) -> Result<(), StoreError> {
    if let (None, Some(Change::ResourceCreated(resource))) = (&folded, record.changes.first()) {
        let calendar = Calendar::empty(resource.clone(), record.version, record.decided_at);
        *folded = Some(AsOf { calendar, bookings: BTreeMap::new() });
    }
    let Some(AsOf { calendar, bookings }) = folded else {
        return Err(StoreError(format!("the record of {} does not begin with it", record.resource)));
    };
    let times = |slots: &[(u16, Slot)]| slots.iter().map(|(_, slot)| slot.interval).collect();
    for change in &record.changes {
        calendar.apply(change);
        match change {
            Change::BookingMade { booking, slots, .. } | Change::BookingRequested { booking, slots, .. } => {
                bookings.insert(*booking, times(slots));
            }
            Change::BookingMoved { booking, to, .. } => {
                match to.is_empty() {
                    true => bookings.remove(booking),
                    false => bookings.insert(*booking, times(to)),
                };
            }
            Change::BookingNoShow { booking, to, .. } => {
                bookings.insert(*booking, times(to));
            }
            Change::BookingCancelled { booking, .. } | Change::BookingDisplaced { booking, .. } => {
                bookings.remove(booking);
            }
            Change::BookingApproved { .. }
            | Change::RequestApproved { .. }
            | Change::BookingCheckedIn { .. }
            | Change::BookingHandedOver { .. }
            | Change::BookingOverrode { .. }
            | Change::Reasoned { .. }
            | Change::CapacitySet { .. }
            | Change::ServiceSet { .. }
            | Change::OverCommitLowered { .. }
            | Change::BookingEdited { .. }
            | Change::HoldGranted(_)
            | Change::HoldRenewed(_)
            | Change::HoldOverrode { .. }
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
            | Change::Reminded { .. } => {}
        }
    }
    (calendar.version, calendar.decided_at) = (record.version, record.decided_at);
    Ok(())
}
