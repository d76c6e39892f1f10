//! Work in progress on a command: the calendars as they would be, and the changes that make them so.
//! It is thrown away unless the command is accepted.

use super::Stop;
use crate::booking::{Booking, Slot};
use crate::calendar::Calendar;
use crate::change::{Change, Changes};
use crate::hold::{EndedHold, Hold, HoldEnd};
use crate::ids::{BookingId, HoldId, ResourceId};
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
            let over = |hold: &Hold| Some((*hold, hold.over(self.world.epoch, self.now)?));
            let due: Vec<(Hold, HoldEnd)> = calendar.holds.values().filter_map(over).collect();
            for (hold, end) in due {
                self.end_hold(hold, end);
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
        if let Some((calendar, changes)) = self.drafted(id) {
            calendar.apply(&change);
            changes.push(change);
        }
    }

    fn drafted(&mut self, id: ResourceId) -> Option<&mut (Calendar, Vec<Change>)> {
        if !self.drafted.contains_key(&id)
            && let Some(calendar) = self.world.calendars.get(&id)
        {
            self.drafted.insert(id, (Calendar::clone(calendar), Vec::new()));
        }
        self.drafted.get_mut(&id)
    }

    /// Takes an active booking's units out of the calendars, so that they do not stand in its own way. No change by itself: what
    /// the booking becomes is one, and a refusal throws the draft away.
    pub fn lift(&mut self, booking: &Booking) {
        if !booking.state.takes_units() {
            return;
        }
        for id in booking.resources() {
            let slots: Vec<(u16, Slot)> = booking.slots_on(id).map(|(n, s)| (n, *s)).collect();
            if let Some((calendar, _)) = self.drafted(id) {
                calendar.free_slots(booking.id, &slots);
            }
        }
    }

    /// The resources of a booking as the command leaves it, if it changes it.
    pub fn placed(&self, id: BookingId) -> Option<Vec<ResourceId>> {
        self.bookings.iter().find(|b| b.id == id).map(|b| b.resources())
    }

    pub fn put_booking(&mut self, booking: Booking) {
        self.bookings.push(Arc::new(booking));
    }

    /// Puts an active booking's units back that [`Draft::lift`] took out.
    pub fn put_back(&mut self, booking: &Booking) {
        for id in booking.resources() {
            let slots: Vec<(u16, Slot)> = booking.slots_on(id).map(|(n, s)| (n, *s)).collect();
            if let Some((calendar, _)) = self.drafted(id) {
                calendar.take_slots(booking.id, booking.owner, &slots);
            }
        }
    }

    /// What becomes true. Where an admin let more be taken than there is and it is less now, no more may be taken from now on.
    pub fn changes(mut self) -> Changes {
        for (calendar, changes) in self.drafted.values_mut() {
            let to = if calendar.over_commit == 0 { 0 } else { calendar.excess_from(self.now) };
            if to < calendar.over_commit && !changes.is_empty() {
                let lowered = Change::OverCommitLowered { to };
                calendar.apply(&lowered);
                changes.push(lowered);
            }
        }
        let records = self.drafted.into_iter().map(|(id, (_, changes))| (id, changes));
        Changes { records: records.filter(|(_, c)| !c.is_empty()).collect(), bookings: self.bookings }
    }
}
