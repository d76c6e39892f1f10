//! One thing as it is now: from memory if it is there, otherwise from the tables, in a read that begins after the look into memory.
//! That order is what makes it true; [`super::tail`] and [`super::cache`] say why.

use super::cache::{Cache, Entry};
use super::error::Result;
use super::load;
use super::tail::{Known, Tail};
use rusqlite::Connection;
use slotwise_domain::{
    AttemptKey, Booking, BookingId, Counted, EndedEntry, EndedHold, EntryId, Hold, HoldId, Instant, Members, Person,
    PersonId, ResourceId, WaitEntry,
};
use slotwise_engine::Recorded;
use slotwise_engine::catalogue::{self, Catalogue};
use std::sync::{Arc, RwLock};

/// Memory and tables. No transaction may be open on the connection.
#[derive(Clone, Copy)]
pub(super) struct Lookup<'a> {
    pub tables: &'a Connection,
    pub tail: &'a Tail,
    pub cache: &'a Cache,
    pub catalogue: &'a RwLock<Catalogue>,
    /// What ended before is not looked for.
    pub since: Instant,
    /// The cache's, from before that was known.
    pub era: u64,
}

impl Lookup<'_> {
    pub fn calendar(&self, id: ResourceId) -> Result<Option<Entry>> {
        if let Some(entry) = self.cache.get(id) {
            return Ok(Some(entry));
        }
        let tx = self.tables.unchecked_transaction()?;
        let mark = load::mark_number(&tx)?;
        let Some(entry) = load::calendar(&tx, id, self.since)? else { return Ok(None) };
        self.cache.insert(id, entry.clone(), mark, self.era);
        Ok(Some(entry))
    }

    pub fn booking(&self, id: BookingId) -> Result<Option<Arc<Booking>>> {
        if let Some(booking) = self.tail.booking(id) {
            return Ok(Some(booking));
        }
        let tx = self.tables.unchecked_transaction()?;
        Ok(load::booking(&tx, id)?.map(Arc::new))
    }

    pub fn hold(&self, id: HoldId) -> Result<Option<(Hold, Option<EndedHold>)>> {
        match self.tail.hold(id) {
            Some(known) => Ok(Some(known)),
            None => load::hold(self.tables, id),
        }
    }

    pub fn entry(&self, id: EntryId) -> Result<Option<(WaitEntry, Option<EndedEntry>)>> {
        match self.tail.entry(id) {
            Some(known) => Ok(Some(known)),
            None => load::entry(self.tables, id),
        }
    }

    pub fn person(&self, id: PersonId) -> Result<Person> {
        let (holds, changes) = self.tail.person(id);
        let mut person = load::person(self.tables, id, self.since)?;
        for change in &changes {
            person.apply(id, change);
        }
        person.holds = holds;
        Ok(person)
    }

    pub fn counted(&self, id: PersonId) -> Result<Counted> {
        let changes = self.tail.changes_for_rules(id);
        let mut counted = load::counted(self.tables, id)?;
        for change in &changes {
            counted.apply(id, change);
        }
        Ok(counted)
    }

    pub fn members(&self, group: ResourceId) -> Members {
        catalogue::read(self.catalogue).members(group)
    }

    /// The recorded answer to a key; older ones are read from the journal.
    pub fn recorded(&self, key: AttemptKey, journal: &Connection) -> Result<Option<Recorded>> {
        match self.tail.recorded(key) {
            Known::Is(recorded) => Ok(Some(recorded)),
            Known::Nowhere => Ok(None),
            Known::AskTables => load::recorded(self.tables, journal, key),
        }
    }
}
