//! Work in progress on a command: the calendars as they would be, and the changes that make them so.
//! It is thrown away unless the command is accepted.

use super::Stop;
use crate::booking::Booking;
use crate::calendar::Calendar;
use crate::change::{Change, Changes};
use crate::hold::{EndedHold, Hold, HoldEnd};
use crate::ids::{HoldId, ResourceId};
use crate::outcome::{Code, Rejection};
use crate::time::Instant;
use crate::world::World;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) struct Draft<'w> {
    pub world: &'w World,
    pub now: Instant,
    drafted: BTreeMap<ResourceId, (Calendar, Vec<Change>)>,
    bookings: Vec<Arc<Booking>>,
}

impl<'w> Draft<'w> {
    pub fn new(world: &'w World, now: Instant) -> Draft<'w> {
        Draft { world, now, drafted: BTreeMap::new(), bookings: Vec::new() }
    }

    /// The calendar as it would be.
    pub fn calendar(&self, id: ResourceId) -> Result<&Calendar, Stop> {
        match self.drafted.get(&id) {
            Some((calendar, _)) => Ok(calendar),
            None => match self.world.calendars.get(&id) {
                Some(calendar) => Ok(calendar),
                None => Err(Rejection::of(Code::NotFound).on(id).into()),
            },
        }
    }

    /// Whatever fell due on these resources becomes true first.
    pub fn expire_due(&mut self, resources: impl IntoIterator<Item = ResourceId>) {
        for id in resources {
            let Some(calendar) = self.world.calendars.get(&id) else { continue };
            let due: Vec<Hold> = calendar.holds.values().filter(|h| h.expired(self.now)).copied().collect();
            for hold in due {
                self.end_hold(hold, HoldEnd::Expired);
            }
        }
    }

    /// How the hold ended in this draft, if it did.
    pub fn ended_due(&self, id: HoldId) -> Option<EndedHold> {
        self.drafted.values().flat_map(|(_, changes)| changes).find_map(|change| match change {
            Change::HoldEnded(ended) if ended.hold.id == id => Some(*ended),
            _ => None,
        })
    }

    pub fn end_hold(&mut self, hold: Hold, end: HoldEnd) {
        self.change(hold.resource, Change::HoldEnded(EndedHold { hold, end }));
    }

    /// Makes one change of a resource, in the draft.
    pub fn change(&mut self, id: ResourceId, change: Change) {
        if let (None, Change::ResourceCreated(resource)) = (self.world.calendars.get(&id), &change) {
            let zero = crate::ids::Version::zero(self.world.epoch);
            self.drafted.insert(id, (Calendar::empty(resource.clone(), zero, self.now), Vec::new()));
        }
        if !self.drafted.contains_key(&id)
            && let Some(calendar) = self.world.calendars.get(&id)
        {
            self.drafted.insert(id, (Calendar::clone(calendar), Vec::new()));
        }
        if let Some((calendar, changes)) = self.drafted.get_mut(&id) {
            calendar.apply(&change);
            changes.push(change);
        }
    }

    pub fn put_booking(&mut self, booking: Booking) {
        self.bookings.push(Arc::new(booking));
    }

    pub fn changes(self) -> Changes {
        let mut changes = Changes { bookings: self.bookings, ..Changes::default() };
        for (id, (calendar, record)) in self.drafted.into_iter().filter(|(_, (_, record))| !record.is_empty()) {
            changes.records.push((id, record));
            changes.folded.insert(id, calendar);
        }
        changes
    }
}
