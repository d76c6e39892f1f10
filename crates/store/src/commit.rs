//! One durable commit as it is written and read back: its attempts, their answers, and what became true by them.
//! It is data; it reaches no disk and judges nothing.

use crate::codec::{Malformed, Said};
use crate::record::Hash;
use slotwise_domain::{Booking, BookingId, Change, Details, Epoch, Instant, ResourceId, Version};
use slotwise_engine::{Record, Recorded};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// Everything decided in one durable write.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// Its place in the journal, from 1.
    pub number: u64,
    /// The store's epoch then.
    pub epoch: Epoch,
    /// The one reading of the clock.
    pub at: Instant,
    /// Over it and all before it.
    pub hash: Hash,
    /// In the order they were decided.
    pub entries: Vec<Entry>,
}

/// A commit as it lies in a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lying {
    /// Where it is among the commits of several writers; none where one writes alone.
    pub place: Option<Place>,
    /// Of its writer, from 1.
    pub number: u64,
    /// Over it and all of its writer before it.
    pub hash: Hash,
    /// Attempts with their answers, and what became true by them.
    pub body: Vec<u8>,
    /// What people say; no hash covers it.
    pub said: Option<Vec<u8>>,
}

/// Where a commit is among those of several writers: they are in the order of stamp and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose chain it is in.
    pub writer: Uuid,
    /// The clock, in microseconds since 1970, but after all that it has seen.
    pub stamp: i64,
    /// Its own.
    pub id: Uuid,
}

/// One decided attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Key, fingerprint and decision.
    pub recorded: Arc<Recorded>,
    /// What was asked, by name.
    pub command: Cow<'static, str>,
    /// What became true, by resource.
    pub records: Vec<EntryRecord>,
    /// Bookings as they are after it.
    pub bookings: Vec<Arc<Booking>>,
}

/// One version of one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryRecord {
    /// Of which resource.
    pub resource: ResourceId,
    /// The version it made.
    pub version: Version,
    /// The commit of the resource's record before this one; 0 for the first.
    pub previous: u64,
    /// Over it and all the resource's records before it.
    pub hash: Hash,
    /// What became true, in order.
    pub changes: Vec<Change>,
}

impl Commit {
    /// Its records, in the order in which they became true.
    pub fn records(&self) -> impl Iterator<Item = (&Entry, &EntryRecord)> {
        self.entries.iter().flat_map(|entry| entry.records.iter().map(move |record| (entry, record)))
    }

    /// What people say about bookings after it, where that is not what they said before.
    pub fn said(&self) -> Said {
        let mut said = Vec::new();
        for (place, entry) in self.entries.iter().enumerate() {
            let is_edit = |c: &Change, id| matches!(c, Change::BookingEdited { booking, .. } if *booking == id);
            let edited = |id: BookingId| entry.changes().any(|c| is_edit(c, id));
            for booking in &entry.bookings {
                let first = booking.revision == 1 && booking.details != Details::default();
                if first || edited(booking.id) {
                    said.push((place as u32, booking.id, booking.details.clone()));
                }
            }
        }
        said
    }

    /// Folds its bookings, one attempt after the other. `before` knows bookings as they were before this commit.
    pub fn fold_bookings<E: From<Malformed>>(
        &mut self,
        said: &Said,
        mut before: impl FnMut(BookingId) -> Result<Option<Arc<Booking>>, E>,
    ) -> Result<(), E> {
        let mut known: HashMap<BookingId, Arc<Booking>> = HashMap::new();
        let said: HashMap<(u32, BookingId), &Details> = said.iter().map(|(n, id, said)| ((*n, *id), said)).collect();
        for (place, entry) in self.entries.iter_mut().enumerate() {
            let mut ids: Vec<BookingId> = entry.changes().filter_map(Change::booking).collect();
            ids.sort();
            ids.dedup();
            for id in ids {
                let earlier = match known.get(&id) {
                    Some(booking) => Some(booking.clone()),
                    None => before(id)?,
                };
                let details = said.get(&(place as u32, id)).copied().cloned();
                let (by, at) = (entry.actor(), entry.recorded.decision.decided_at);
                let after = Booking::after(earlier.as_deref(), id, entry.changes(), details, by, at);
                let after = after.ok_or_else(|| Malformed(format!("{id} changes and was never made")))?;
                let after = Arc::new(after);
                known.insert(id, after.clone());
                entry.bookings.push(after);
            }
        }
        Ok(())
    }
}

impl Entry {
    /// Who asked.
    pub fn actor(&self) -> slotwise_domain::Actor {
        crate::codec::actor(self.recorded.key.actor)
    }

    /// What became true by it, resource after resource.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.records.iter().flat_map(|record| &record.changes)
    }

    /// The same, each with its resource.
    pub fn changes_by_resource(&self) -> impl Iterator<Item = (ResourceId, &Change)> {
        self.records.iter().flat_map(|record| record.changes.iter().map(|change| (record.resource, change)))
    }

    /// One of its records, as the outbox tells it.
    pub fn record(&self, record: &EntryRecord) -> Record {
        Record {
            resource: record.resource,
            version: record.version,
            decided_at: self.recorded.decision.decided_at,
            attempt: self.recorded.key.key,
            actor: self.actor(),
            changes: record.changes.clone(),
        }
    }
}
