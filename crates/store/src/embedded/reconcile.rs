//! While the store is in use: one resource after the other, slowly, its rows and its cached calendar against a fold of its record.
//! What differs is reported, and made anew from the record. The record itself is never touched.

use super::cache::{Cache, Entry};
use super::connect::{Use, connect};
use super::error::{Error, Result};
use super::follow::Follower;
use super::health::Health;
use super::load::{self, PART};
use super::mend::Mend;
use super::verify::same_calendar;
use super::{cache, journal};
use rusqlite::{Connection, OptionalExtension, params};
use slotwise_domain::{Actor, Booking, BookingId, Calendar, Change, Details, Instant, ResourceId, Version};
use slotwise_engine::Clock;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant as Moment};
use uuid::Uuid;

/// It works so many times less than it rests: at most a hundredth of a core.
const RESTS: u32 = 99;
/// A longer record is left to `verify`, so that what is folded at once stays small.
const RECORDS_MAX: usize = 20_000;

/// What it looks at, and through whom it mends.
pub(super) struct Reconcile {
    pub tables: PathBuf,
    pub journal: PathBuf,
    pub cache: Arc<Cache>,
    pub follower: Arc<Follower>,
    pub health: Arc<Health>,
    pub clock: Arc<dyn Clock>,
    pub rest: Duration,
    /// Set when the store ends, also in the middle of a long record.
    pub ending: Arc<AtomicBool>,
}

/// The thread's other end.
pub(super) struct Reconciler {
    ending: Arc<AtomicBool>,
    bell: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Reconciler {
    pub fn start(reconcile: Reconcile) -> std::io::Result<Reconciler> {
        let (bell, rung) = mpsc::sync_channel(1);
        let ending = reconcile.ending.clone();
        let thread = std::thread::Builder::new().name("slotwise-reconcile".into());
        let thread = thread.spawn(move || reconcile.run(&rung))?;
        Ok(Reconciler { ending, bell: Some(bell), thread: Some(thread) })
    }

    pub fn finish(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        drop(self.bell.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the reconciler panicked; this is a bug");
        }
    }
}

/// One version of the resource, with all that its attempt said of the bookings it changed.
struct Step {
    version: Version,
    at: Instant,
    by: Actor,
    commit: u64,
    changes: Vec<Change>,
    /// Of other resources.
    elsewhere: Vec<Change>,
    said: Vec<(BookingId, Details)>,
}

/// Bookings as far as they are folded, with the commits that changed them.
type Bookings = BTreeMap<BookingId, (Option<Booking>, Vec<u64>)>;

/// A resource as its record makes it, where the tables have it.
struct Folded {
    entry: Entry,
    bookings: Vec<(Arc<Booking>, Vec<u64>)>,
}

impl Reconcile {
    fn run(self, rung: &Receiver<()>) {
        let mut after = Uuid::nil();
        let mut worked = Duration::ZERO;
        while let Err(RecvTimeoutError::Timeout) = rung.recv_timeout(self.rest.max(worked.saturating_mul(RESTS))) {
            // What has stopped is looked at by people.
            if self.health.stopped().is_some() {
                return;
            }
            let begun = Moment::now();
            match self.next(after) {
                Ok(next) => after = next.unwrap_or_else(Uuid::nil),
                Err(e) => {
                    self.health.look_at::<()>(&Err(e));
                }
            }
            worked = begun.elapsed();
            tracing::debug!(resource = %after, took = ?worked, "the reconciler has looked at a resource");
        }
    }

    /// Looks at the first resource after an id; none if there is none.
    fn next(&self, after: Uuid) -> Result<Option<Uuid>> {
        const NEXT: &str =
            "SELECT resource FROM resource_head WHERE part_id = ?1 AND resource > ?2 ORDER BY resource LIMIT 1";
        let tables = connect(&self.tables, Use::Read, 1 << 20)?;
        let next: Option<Uuid> = tables.query_row(NEXT, params![PART, after], |row| row.get(0)).optional()?;
        let Some(id) = next else {
            metrics::counter!("slotwise_reconciler_rounds_total").increment(1);
            return Ok(None);
        };
        if let Err(e) = self.look_at(&tables, ResourceId(id)) {
            tracing::warn!(resource = %id, error = %e, "the reconciler could not look at a resource");
            self.health.look_at::<()>(&Err(e));
        }
        Ok(Some(id))
    }

    fn look_at(&self, tables: &Connection, id: ResourceId) -> Result<()> {
        let since = self.clock.now().minus(Calendar::LOOKBACK);
        let (head, loaded) = {
            let snapshot = tables.unchecked_transaction()?;
            let Some(head) = load::resource_head(&snapshot, id)? else { return Ok(()) };
            (head, load::calendar(&snapshot, id, since))
        };
        let cached = self.cache.get(id);
        let journal = connect(&self.journal, Use::Read, 1 << 20)?;
        let Some(folded) = self.fold(tables, &journal, id, head, since)? else { return Ok(()) };
        let truth = &folded.entry.calendar;
        let same = {
            let snapshot = tables.unchecked_transaction()?;
            if load::resource_head(&snapshot, id)? != Some(head) {
                // It has changed meanwhile: next time.
                return Ok(());
            }
            let row =
                |booking: &Booking| matches!(load::booking(&snapshot, booking.id), Ok(Some(row)) if row == *booking);
            matches!(&loaded, Ok(Some(loaded)) if same_calendar(&loaded.calendar, truth))
                && folded.bookings.iter().all(|(booking, _)| row(booking))
        };
        if !same {
            self.differs("rows", id, truth.version);
            let (entry, bookings) = (folded.entry.clone(), folded.bookings);
            match self.follower.mend(Mend { entry, since, bookings }) {
                Ok(true) => tracing::warn!(resource = %id, "its rows were made anew from the record"),
                Ok(false) => tracing::info!(resource = %id, "it changed meanwhile; its rows are looked at again"),
                Err(e) => tracing::error!(resource = %id, error = %e, "its rows could not be made anew"),
            }
        }
        if let Some(cached) = cached
            && cached.commit == folded.entry.commit
            && !(cached.hash == folded.entry.hash
                && same_calendar(&cache::trimmed_exactly(&cached.calendar, since), truth))
        {
            self.differs("cache", id, truth.version);
            self.cache.forget(id, cached.commit);
        }
        Ok(())
    }

    fn differs(&self, what: &'static str, resource: ResourceId, version: Version) {
        metrics::counter!("slotwise_reconciler_differences_total", "what" => what).increment(1);
        tracing::error!(what, %resource, %version, "what is shown of a resource was not what its record makes it");
        let says = "What was shown of a resource was not what its record makes it; it was made anew. Look at the log and the disk.";
        self.health.warn("reconciler", Some(says.into()));
    }

    /// The resource as its record makes it up to the head that the tables have; none if it is too long for this.
    fn fold(
        &self,
        tables: &Connection,
        journal: &Connection,
        id: ResourceId,
        (version, last): (Version, u64),
        since: Instant,
    ) -> Result<Option<Folded>> {
        let mut steps: Vec<Step> = Vec::new();
        let (mut number, mut hash) = (last, None);
        while number > 0 {
            let Some((commit, said)) = journal::commit(journal, number)? else { return self.astray(id) };
            let count = steps.len();
            let mut before = 0;
            for (place, entry) in commit.entries.iter().enumerate().rev() {
                let Some(record) = entry.records.iter().find(|record| record.resource == id) else { continue };
                hash = hash.or(Some(record.hash));
                before = record.previous;
                let said = said.iter().filter(|(n, ..)| *n as usize == place);
                steps.push(Step {
                    version: record.version,
                    at: entry.recorded.decision.decided_at,
                    by: entry.actor(),
                    commit: number,
                    changes: record.changes.clone(),
                    elsewhere: entry
                        .records
                        .iter()
                        .filter(|r| r.resource != id)
                        .flat_map(|r| r.changes.clone())
                        .collect(),
                    said: said.map(|(_, booking, details)| (*booking, details.clone())).collect(),
                });
            }
            if steps.len() == count {
                return self.astray(id);
            }
            number = before;
            if steps.len() > RECORDS_MAX || self.ending.load(Ordering::Relaxed) {
                return Ok(None);
            }
        }
        let Some(hash) = hash.filter(|_| steps.first().is_some_and(|step| step.version == version)) else {
            return self.astray(id);
        };
        let (mut calendar, mut bookings): (Option<Calendar>, Bookings) = Default::default();
        let mut moved = BTreeSet::new();
        for step in steps.into_iter().rev() {
            for change in &step.changes {
                if let (None, Change::ResourceCreated(resource)) = (&calendar, change) {
                    calendar = Some(Calendar::empty(resource.clone(), step.version, step.at));
                }
                if let Some(calendar) = &mut calendar {
                    calendar.apply(change);
                    (calendar.version, calendar.decided_at) = (step.version, step.at);
                }
            }
            moved.extend(step.changes.iter().filter(|change| change.moves()).filter_map(Change::booking));
            let changed: BTreeSet<BookingId> = step.changes.iter().filter_map(Change::booking).collect();
            for booking in changed {
                let (folded, commits) = bookings.entry(booking).or_default();
                let details = step.said.iter().find(|(of, _)| *of == booking).map(|(_, details)| details.clone());
                let all = step.changes.iter().chain(&step.elsewhere);
                *folded = Booking::after(folded.as_ref(), booking, all, details, step.by, step.at);
                if commits.last() != Some(&step.commit) {
                    commits.push(step.commit);
                }
            }
        }
        let Some(mut calendar) = calendar else { return self.astray(id) };
        calendar.forget_before(since);
        let mut to_come = Vec::new();
        for (booking, (folded, commits)) in bookings {
            let rows = load::commits_of(tables, booking)?;
            let elsewhere = rows.first() < commits.first() && !rows.is_empty();
            let (folded, commits) = match elsewhere || moved.contains(&booking) {
                // It was on another resource too: its own commits tell all of it, and this record does not.
                true => (fold_booking(journal, booking, &rows)?, rows),
                false => (folded, commits),
            };
            // What its own row does not lead to cannot be made anew here.
            let Some(folded) = folded else { return self.astray(id) };
            // What has left is looked after where it is now: a change there would not be noticed here.
            let here = folded.slots.iter().any(|slot| slot.resource == id);
            if here && folded.slots.iter().any(|slot| slot.occupied.end() > since) {
                to_come.push((Arc::new(folded), commits));
            }
        }
        let entry = Entry { calendar: Arc::new(calendar), hash, commit: last };
        Ok(Some(Folded { entry, bookings: to_come }))
    }

    /// The tables lead nowhere in the record: nothing may be decided on them any more, and the next start makes them anew.
    fn astray(&self, id: ResourceId) -> Result<Option<Folded>> {
        metrics::counter!("slotwise_reconciler_differences_total", "what" => "tables").increment(1);
        self.follower.condemn()?;
        let cause = "the tables for queries are not what the record makes them; the next start makes them anew";
        self.health.stop(cause, format!("the rows of resource {id} do not lead to its record"));
        Err(Error::bug(cause))
    }
}

/// A booking as the commits that changed it make it.
fn fold_booking(journal: &Connection, id: BookingId, commits: &[u64]) -> Result<Option<Booking>> {
    let mut booking: Option<Booking> = None;
    for number in commits {
        let Some((commit, said)) = journal::commit(journal, *number)? else { return Ok(None) };
        for (place, entry) in commit.entries.iter().enumerate() {
            if entry.changes().any(|change| change.booking() == Some(id)) {
                let details = said.iter().find(|(n, of, _)| (*n as usize, *of) == (place, id)).map(|(.., d)| d.clone());
                let (by, at) = (entry.actor(), entry.recorded.decision.decided_at);
                booking = Booking::after(booking.as_ref(), id, entry.changes(), details, by, at);
            }
        }
    }
    Ok(booking)
}
