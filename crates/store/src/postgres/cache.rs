//! Calendars in memory as they were at some version: a shortcut, never the truth. Whoever decides compares the version with the row
//! that they hold, and loads what is newer; whoever only looks may see what is a moment old.

use crate::record::Hash;
use slotwise_domain::{Calendar, Instant, ResourceId, UseId};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A calendar, and the hash that its resource's chain has at that version: of two databases that have the same version, it tells which.
#[derive(Clone)]
pub(super) struct Headed {
    pub calendar: Arc<Calendar>,
    pub hash: Hash,
}

pub(super) struct Cache {
    bytes_max: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    calendars: HashMap<ResourceId, Place>,
    /// Every one once. The first is the next to go, unless it was used since it was last first.
    queue: VecDeque<ResourceId>,
    bytes: usize,
    /// How often it was emptied.
    turn: u64,
}

struct Place {
    of: Headed,
    weight: usize,
    used: bool,
}

impl Cache {
    pub fn new(bytes_max: usize) -> Cache {
        Cache { bytes_max, kept: Mutex::default() }
    }

    pub fn get(&self, id: ResourceId) -> Option<Headed> {
        let mut kept = self.kept();
        let place = kept.calendars.get_mut(&id)?;
        place.used = true;
        Some(place.of.clone())
    }

    /// How often it was emptied: whoever puts something in says when they began to make it.
    pub fn turn(&self) -> u64 {
        self.kept().turn
    }

    /// Lets all of them go, and with them whatever is being made of them at this moment.
    pub fn clear(&self) {
        let mut kept = self.kept();
        *kept = Kept { turn: kept.turn + 1, ..Kept::default() };
    }

    /// Keeps it, unless a later version is kept already, or all were let go since it was begun.
    pub fn put(&self, of: Headed, turn: u64) {
        let (id, weight) = (of.calendar.resource.id, of.calendar.weight());
        let mut kept = self.kept();
        if kept.turn != turn {
            return;
        }
        match kept.calendars.get_mut(&id) {
            Some(place) if place.of.calendar.version >= of.calendar.version => return,
            Some(place) => {
                let before = std::mem::replace(&mut place.weight, weight);
                place.of = of;
                kept.bytes = kept.bytes - before + weight;
            }
            None => {
                kept.calendars.insert(id, Place { of, weight, used: false });
                kept.queue.push_back(id);
                kept.bytes += weight;
            }
        }
        kept.fit(id, self.bytes_max);
        metrics::gauge!("slotwise_calendar_cache_bytes").set(kept.bytes as f64);
    }

    /// Lets one go.
    pub fn forget(&self, id: ResourceId) {
        let mut kept = self.kept();
        if let Some(place) = kept.calendars.remove(&id) {
            kept.bytes -= place.weight;
            kept.queue.retain(|queued| *queued != id);
        }
    }

    /// Whether about half of it is in use, or more.
    pub fn half_full(&self) -> bool {
        self.kept().bytes * 2 >= self.bytes_max
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Lets go until it fits, but never what was just put in.
    fn fit(&mut self, but: ResourceId, bytes_max: usize) {
        // Each turn lets one go or clears its mark.
        for _ in 0..self.queue.len() * 2 {
            if self.bytes <= bytes_max {
                return;
            }
            let Some(first) = self.queue.pop_front() else { return };
            match self.calendars.get_mut(&first) {
                Some(place) if place.used || first == but => {
                    place.used = false;
                    self.queue.push_back(first);
                }
                Some(place) => {
                    self.bytes -= place.weight;
                    self.calendars.remove(&first);
                }
                None => {}
            }
        }
    }
}

/// Without what ended before the instant, if there seems to be any. What was taken first is looked at: it ends first, mostly.
pub(super) fn trimmed(mut calendar: Arc<Calendar>, since: Instant) -> Arc<Calendar> {
    let mut first = calendar.uses.values().take(4);
    if first.any(|u| u.occupied.end() <= since && matches!(u.id, UseId::Booking(..))) {
        Arc::make_mut(&mut calendar).forget_before(since);
    }
    calendar
}
