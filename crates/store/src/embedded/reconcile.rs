//! While the store is in use: one resource after the other, slowly, its rows and its cached calendar against a fold of its record.
//! What differs is reported, and made anew from the record. The record itself is never touched.

use super::cache;
use super::cache::Cache;
use super::connect::{Use, connect};
use super::error::{Error, Result};
use super::follow::Follower;
use super::load::{self, PART};
use super::mend::Mend;
use super::refold::{Folding, Looked, Stop, Until, is_in, read_on};
use super::verify::same_calendar;
use crate::clock::thread_cpu;
use crate::health::Health;
use rusqlite::{Connection, params};
use slotwise_domain::{Calendar, Epoch, Instant, ResourceId, Version};
use slotwise_engine::Clock;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant as Moment};
use uuid::Uuid;

/// It works so many times less than it rests: at most a hundredth of a core.
const RESTS: u32 = 99;
/// And so many times less than it rests it waits for the disk and for others: what keeps a busy machine from it is no work of its own.
const RESTS_FROM_WAITING: u32 = 9;
/// It works no longer than this in one go.
const BREATH: Duration = Duration::from_millis(5);
/// Resources looked at together, as far as all their records are a page.
const TOGETHER: usize = 256;
/// How often a resource that changes meanwhile is followed, before it is left for the next round.
const CATCH_UPS: usize = 8;

/// What it looks at, and through whom it mends.
pub(super) struct Reconcile {
    pub tables: PathBuf,
    pub journal: PathBuf,
    pub cache: Arc<Cache>,
    pub follower: Arc<Follower>,
    pub health: Arc<Health>,
    pub clock: Arc<dyn Clock>,
    pub rest: Duration,
    /// Records held at once, at the most; one at least.
    pub page: u64,
}

/// The thread's other end.
pub(super) struct Reconciler {
    bell: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Reconciler {
    pub fn start(reconcile: Reconcile) -> std::io::Result<Reconciler> {
        let (bell, rung) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name("slotwise-reconcile".into());
        let thread = thread.spawn(move || reconcile.run(rung))?;
        Ok(Reconciler { bell: Some(bell), thread: Some(thread) })
    }

    pub fn finish(&mut self) {
        drop(self.bell.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the reconciler panicked; this is a bug");
        }
    }
}

/// How it works slowly, and hears that the store ends.
pub(super) struct Pace {
    rung: Receiver<()>,
    cpu: Duration,
    since: Moment,
}

impl Pace {
    /// Rests for what it has worked and waited, and so long at least.
    fn rest(&mut self, least: Duration) -> Looked<()> {
        let (worked, took) = (thread_cpu().saturating_sub(self.cpu), self.since.elapsed());
        let rest = least.max(worked.saturating_mul(RESTS)).max(took.saturating_mul(RESTS_FROM_WAITING));
        let Err(RecvTimeoutError::Timeout) = self.rung.recv_timeout(rest) else { return Err(Stop::Ended) };
        (self.cpu, self.since) = (thread_cpu(), Moment::now());
        Ok(())
    }

    /// Rests if it has worked for a while.
    pub fn breathe(&mut self) -> Looked<()> {
        if thread_cpu().saturating_sub(self.cpu) < BREATH {
            return Ok(());
        }
        self.rest(Duration::ZERO)
    }
}

/// The last record of a resource, as the tables have it.
struct Head {
    id: ResourceId,
    version: Version,
    commit: u64,
}

impl Reconcile {
    fn run(self, rung: Receiver<()>) {
        let mut after = Uuid::nil();
        let mut pace = Pace { rung, cpu: thread_cpu(), since: Moment::now() };
        while pace.rest(self.rest).is_ok() {
            // What has stopped is looked at by people.
            if self.health.stopped().is_some() {
                return;
            }
            let begun = Moment::now();
            match self.next(after, &mut pace) {
                Ok(next) => after = next.unwrap_or_else(Uuid::nil),
                Err(Stop::Ended) => return,
                Err(Stop::Failed(e)) => self.failed(e),
                Err(Stop::Astray(id)) => self.astray(id),
            }
            tracing::debug!(up_to = %after, took = ?begun.elapsed(), "the reconciler has looked at resources");
        }
    }

    /// Looks at the first resources after an id, and says which was the last; none if there is none.
    fn next(&self, after: Uuid, pace: &mut Pace) -> Looked<Option<Uuid>> {
        let since = self.health.unset(&*self.clock).minus(Calendar::LOOKBACK);
        let tables = connect(&self.tables, Use::Read, 1 << 20)?;
        let heads = self.heads(&tables, after)?;
        let Some(last) = heads.last().map(|head| head.id.0) else {
            metrics::counter!("slotwise_reconciler_rounds_total").increment(1);
            return Ok(None);
        };
        let journal = connect(&self.journal, Use::Read, 1 << 20)?;
        let mut foldings: Vec<Folding> = heads.iter().map(|head| Folding::of(head.id)).collect();
        match (&heads[..], &mut foldings[..]) {
            ([Head { id, .. }], [folding]) => {
                while let Some(until) = self.page_after(&tables, folding)? {
                    read_on(&journal, [(&mut *folding, until)], pace)?;
                    folding.forget(&tables, since);
                    tracing::debug!(resource = %id, up_to = until.number, "a page of a long record is folded");
                }
            }
            (heads, foldings) => {
                let until = |head: &Head| Until { number: head.version.number, commit: head.commit };
                read_on(&journal, foldings.iter_mut().zip(heads.iter().map(until)), pace)?;
            }
        }
        for folding in foldings {
            let id = folding.id;
            match self.compare(&tables, &journal, folding, since, pace) {
                Ok(()) => {}
                Err(Stop::Failed(e)) => {
                    tracing::warn!(resource = %id, error = %e, "the reconciler could not look at a resource");
                    self.failed(e);
                }
                Err(stop) => return Err(stop),
            }
            pace.breathe()?;
        }
        Ok(Some(last))
    }

    /// The first resources after an id, one at least if there is one, whose records are no more than a page together.
    fn heads(&self, tables: &Connection, after: Uuid) -> Result<Vec<Head>> {
        const HEADS: &str = "
            SELECT resource, epoch, number, commit_number FROM resource_head
            WHERE part_id = ?1 AND resource > ?2 ORDER BY resource LIMIT ?3";
        let mut select = tables.prepare(HEADS)?;
        let mut rows = select.query(params![PART, after, TOGETHER])?;
        let (mut heads, mut records) = (Vec::new(), 0_u64);
        while let Some(row) = rows.next()? {
            let version = Version { epoch: Epoch(row.get(1)?), number: row.get(2)? };
            records = records.saturating_add(version.number);
            if records > self.page && !heads.is_empty() {
                break;
            }
            heads.push(Head { id: ResourceId(row.get(0)?), version, commit: row.get(3)? });
        }
        Ok(heads)
    }

    /// The next page of a record; none if all that the tables have is folded.
    fn page_after(&self, tables: &Connection, folding: &Folding) -> Looked<Option<Until>> {
        let Some((version, commit)) = load::resource_head(tables, folding.id)? else { return Ok(None) };
        let left = version.number.checked_sub(folding.number()).ok_or(Stop::Astray(folding.id))?;
        if left <= self.page {
            return Ok((left > 0).then_some(Until { number: version.number, commit }));
        }
        let number = folding.number() + self.page;
        // A mark is the way into the middle.
        let commit = load::mark_from(tables, folding.id, number)?.unwrap_or(commit);
        Ok(Some(Until { number, commit }))
    }

    /// Follows a resource to where the tables are now, and looks whether they have what its record makes of it.
    fn compare(
        &self,
        tables: &Connection,
        journal: &Connection,
        mut folding: Folding,
        since: Instant,
        pace: &mut Pace,
    ) -> Looked<()> {
        let id = folding.id;
        for _ in 0..CATCH_UPS {
            if let Some(until) = self.page_after(tables, &folding)? {
                read_on(journal, [(&mut folding, until)], pace)?;
            }
            let snapshot = tables.unchecked_transaction()?;
            let Some((version, commit)) = load::resource_head(&snapshot, id)? else { return Ok(()) };
            if version.number > folding.number() {
                continue;
            }
            if !folding.ends_at(version, commit) {
                return Err(Stop::Astray(id));
            }
            let folded = folding.end(&snapshot, journal, since)?;
            let loaded = load::calendar(&snapshot, id, since);
            let truth = &folded.entry.calendar;
            let same = matches!(&loaded, Ok(Some(loaded)) if same_calendar(&loaded.calendar, truth))
                && folded.bookings.iter().all(|(booking, _)| is_in(&snapshot, booking));
            drop(snapshot);
            let cached = self.cache.get(id);
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
            return Ok(());
        }
        // It changes all the time: in the next round.
        Ok(())
    }

    fn differs(&self, what: &'static str, resource: ResourceId, version: Version) {
        metrics::counter!("slotwise_reconciler_differences_total", "what" => what).increment(1);
        tracing::error!(what, %resource, %version, "what is shown of a resource was not what its record makes it");
        let says = "What was shown of a resource was not what its record makes it; it was made anew. Look at the log and the disk.";
        self.health.warn("reconciler", Some(says.into()));
    }

    fn failed(&self, e: Error) {
        self.health.look_at::<()>(&Err(e));
    }

    /// The tables lead nowhere in the record: nothing may be decided on them any more, and the next start makes them anew.
    fn astray(&self, id: ResourceId) {
        metrics::counter!("slotwise_reconciler_differences_total", "what" => "tables").increment(1);
        if let Err(e) = self.follower.condemn() {
            tracing::error!(error = %e, "the tables for queries could not be marked as such");
        }
        let cause = "the tables for queries are not what the record makes them; the next start makes them anew";
        self.health.stop(cause, format!("the rows of resource {id} do not lead to its record"));
    }
}
