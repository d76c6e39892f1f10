//! The embedded store: one process, one directory, SQLite; every answer is on the disk before it is told.
//! It judges nothing itself, and nothing here adds to the journal but its one writer thread.
//!
//! `writer` is a commit from what is loaded to its answers, `journal` the one row it writes, `follow` and `rows` bring the journal
//! into the tables that queries read. `tail` and `cache` say why what is in memory is true, `lookup` where each thing is looked
//! for, [`wal`] what is looked at before SQLite may open anything. [`backup`] copies a directory while it is written to, [`restore`]
//! makes one of a backup.

mod audit;
pub(crate) mod backup;
mod cache;
mod checkpoint;
mod compare;
mod connect;
mod doors;
mod erase;
mod error;
pub(crate) mod export;
pub(crate) mod folded;
mod follow;
pub(crate) mod import;
pub(crate) mod journal;
mod load;
mod lookup;
mod mend;
mod migrate;
mod notices;
pub(crate) mod open;
pub(crate) mod people;
mod post;
mod reconcile;
mod refold;
mod restore;
mod rows;
pub(crate) mod signed;
mod tail;
mod together;
pub(crate) mod verify;
mod views;
pub mod wal;
mod writer;

pub use backup::{BackupError, BackupFile, JournalEnd, Manifest, Progress, Shelf, backup, check_backup, read_manifest};
pub use error::{Error, OpenError};
pub use export::{Bookings, Everything, Exported, Reading};
pub use import::import;
pub use people::People;
pub use restore::{Restored, restore};
pub use signed::{Checkpoints, checkpoint_line, unhex};
pub use verify::{Checked, Finding, Verified, VerifyError, Wanted, examine, verify};

use crate::clock::SystemClock;
use crate::commit::Commit;
use crate::health::Health;
use async_trait::async_trait;
use cache::Cache;
use checkpoint::Checkpointer;
use connect::{Readers, Use, connect};
use follow::Follower;
use load::Source;
use lookup::Lookup;
use open::{lock, look_at_log, make_dir, not_gone, prepare, sync, with_suffix};
use reconcile::{Reconcile, Reconciler};
use signed::Signer;
use slotwise_domain::{
    AttemptKey, Booking, BookingId, Calendar, Counted, EndedEntry, EndedHold, EntryEnd, EntryId, Epoch, Facts, Hold,
    HoldId, Instant, Members, Person, PersonId, Proposal, ResourceId, Role, Scope, Settle, Version, WaitEntry, World,
};
use slotwise_engine::round;
use slotwise_engine::{
    Attempt, AttemptFilter, AttemptsPage, BookingFilter, Catalogue, Checkpoint, Clock, CommitError, Cursor, Directory,
    Erased, FactsPut, Letter, Listed, Noted, NoticeId, PersonCard, PersonRow, Plan, PlanPut, Post, Record, Recorded,
    RowPut, Settled, Status, Store, StoreError, Streamed, Views,
};
use std::collections::BTreeSet;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;
use tail::{Known, Tail};
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;
use writer::{Job, Phase, Writer};

/// The journal's name in the data directory.
const FILE: &str = "slotwise.sqlite";
/// Pages of the journal that are kept in memory, in bytes: it is written at its end and hardly read.
const JOURNAL_CACHE_BYTES: usize = 8 << 20;

/// How a store is opened.
#[derive(Clone)]
pub struct Options {
    /// The clock of its decisions.
    pub clock: Arc<dyn Clock>,
    /// Calendars in memory, in bytes.
    pub cache_bytes: usize,
    /// Pages of the database that the writer keeps in memory, in bytes. Readers keep an eighth of it each.
    pub page_cache_bytes: usize,
    /// Queries at the same time.
    pub readers: usize,
    /// Batches that may wait for the writer.
    pub queue: usize,
    /// How signed checkpoints are made.
    pub checkpoints: Checkpoints,
    /// The reconciler rests so long at least between two looks, and ninety-nine times as long as it worked.
    pub reconcile_rest: Duration,
    /// Records that the reconciler holds at once; 1 at least.
    pub reconcile_page: u64,
    /// From so many pages on the log is copied into the database; with [`u32::MAX`] never, for whoever wants to look at it.
    pub checkpoint_pages: u32,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            clock: Arc::new(SystemClock),
            cache_bytes: 512 << 20,
            page_cache_bytes: 256 << 20,
            readers: 4,
            queue: 64,
            checkpoints: Checkpoints::default(),
            reconcile_rest: Duration::from_millis(250),
            reconcile_page: 20_000,
            checkpoint_pages: 1_000,
        }
    }
}

/// A store in a directory of its own.
pub struct Embedded {
    epoch: Epoch,
    restored_at: Option<Instant>,
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
    cache: Arc<Cache>,
    tail: Arc<Tail>,
    catalogue: Arc<RwLock<Catalogue>>,
    people: Arc<People>,
    /// Of the tables.
    readers: Arc<Readers>,
    journal: Arc<Readers>,
    committed: watch::Receiver<u64>,
    jobs: Option<mpsc::Sender<Job>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    follower: Option<Arc<Follower>>,
    signer: Signer,
    reconciler: Reconciler,
    /// Held until the writer has ended.
    _lock: File,
}

impl Embedded {
    /// Opens the store of a directory, and makes it if there is none. Blocks until it is ready.
    pub fn open(dir: &Path, options: Options) -> Result<Arc<Embedded>, OpenError> {
        make_dir(dir)?;
        let lock = lock(dir)?;
        for name in [FILE, people::FILE] {
            look_at_log(&dir.join(name))?;
        }
        let path = dir.join(FILE);
        not_gone(dir, FILE, &[follow::FILE, signed::FILE])?;
        // A server that served has had somebody, and its tables.
        not_gone(dir, people::FILE, &[follow::FILE, signed::FILE])?;
        prepare(&path)?;
        let people = Arc::new(People::open(dir)?);
        sync(dir)?;

        let failed = || OpenError::sql(format!("opening {}", path.display()));
        let mut db = connect(&path, Use::Write, JOURNAL_CACHE_BYTES).map_err(failed())?;
        let Some(meta) = journal::meta(&db)? else { return Err(OpenError::Row("meta has no row".into())) };
        let head = journal::head(&db, meta.writer)?;
        // Both ends of the journal: whose it is, and what was told last. What lies between is looked at when it is read.
        let mut decided = Instant::MIN;
        for number in [1, head.number] {
            decided = journal::commit(&db, number)?.map_or(decided, |(commit, _)| commit.at);
        }
        // A clock that is days ahead must not cost what is not over: what was decided last was decided by one that was relied on.
        let past = decided.min(options.clock.now());
        let tables = follow::open(dir, &db, &meta, &head, options.page_cache_bytes, past)?;
        let latest_key = load::latest_key(&tables.db)?.map_or(Instant(i64::MIN), round::key_time);
        let tail = Arc::new(Tail::new(
            meta.epoch,
            head.number,
            latest_key,
            load::live_holds(&tables.db)?,
            load::waits_due(&tables.db)?,
        ));
        let health = Arc::new(Health::new(&*options.clock));
        let checkpointer =
            Checkpointer::start(&mut db, &path, options.checkpoint_pages, health.clone()).map_err(failed())?;
        let cache = Arc::new(Cache::new(options.cache_bytes, tail.watch_applied()));
        let views = dir.join(follow::FILE);
        let catalogue = Arc::new(RwLock::new(load::catalogue(&tables.db, past.minus(Calendar::LOOKBACK))?));
        let readers = Readers::open(&views, options.readers, options.page_cache_bytes / 8).map_err(failed())?;
        let journal = Readers::open(&path, options.readers, JOURNAL_CACHE_BYTES).map_err(failed())?;
        let follower = Follower::start(tables, tail.clone(), health.clone(), options.clock.clone(), decided);
        let follower = Arc::new(follower.map_err(OpenError::io("starting the thread that follows the journal"))?);
        let (committed, watching) = watch::channel(head.number);
        let (jobs, waiting) = mpsc::channel(options.queue.max(1));
        let writer = Writer {
            roles: people.roles().map_err(failed())?,
            db,
            tables: connect(&views, Use::Read, options.page_cache_bytes / 8).map_err(failed())?,
            cache: cache.clone(),
            tail: tail.clone(),
            follower: follower.clone(),
            catalogue: catalogue.clone(),
            clock: options.clock.clone(),
            health: health.clone(),
            meta,
            head,
            committed,
            checkpointer,
            phase: Phase::Before,
        };
        let thread = std::thread::Builder::new().name("slotwise-writer".into());
        let watched = health.clone();
        let thread = thread.spawn(move || {
            if catch_unwind(AssertUnwindSafe(|| writer.run(waiting))).is_err() {
                watched.stop("a check of its own failed; this is a bug", "the writer ended in a panic".into());
            }
        });
        let thread = thread.map_err(OpenError::io("starting the writer"))?;
        let (files, clock) = ((path, views), options.clock.clone());
        let signer = Signer::start(dir, &options.checkpoints, files, meta, tail.clone(), health.clone(), clock)?;
        let reconciler = Reconciler::start(Reconcile {
            tables: dir.join(follow::FILE),
            journal: dir.join(FILE),
            cache: cache.clone(),
            follower: follower.clone(),
            health: health.clone(),
            clock: options.clock.clone(),
            rest: options.reconcile_rest,
            page: options.reconcile_page.max(1),
        });
        let reconciler = reconciler.map_err(OpenError::io("starting the reconciler"))?;
        sync(dir)?;
        Ok(Arc::new(Embedded {
            epoch: meta.epoch,
            restored_at: meta.epoch_began,
            clock: options.clock,
            health,
            cache,
            tail,
            catalogue,
            people,
            readers,
            journal,
            committed: watching,
            jobs: Some(jobs),
            writer: Mutex::new(Some(thread)),
            follower: Some(follower),
            signer,
            reconciler,
            _lock: lock,
        }))
    }

    /// Changes whenever something was committed: the number of the commit.
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.committed.clone()
    }

    /// The directory of people.
    pub fn people_file(&self) -> Arc<People> {
        self.people.clone()
    }

    /// Waits until queries see all that is durable now.
    async fn caught_up(&self) {
        if let Some(follower) = &self.follower {
            follower.caught_up().await;
        }
    }

    /// A commit, from memory or from the journal.
    async fn commit_numbered(&self, number: u64) -> Result<Option<Arc<Commit>>, StoreError> {
        match self.tail.commit(number) {
            Some(commit) => Ok(Some(commit)),
            None => {
                let health = self.health.clone();
                let read = self.journal.read(move |db| {
                    let commit = journal::commit(db, number);
                    health.look_at(&commit);
                    Ok(commit?.map(|(commit, _)| commit))
                });
                Ok(read.await?.map(Arc::new))
            }
        }
    }

    /// The version of a resource and the commit of its last record.
    async fn resource_head(&self, id: ResourceId) -> Result<Option<(Version, u64)>, StoreError> {
        if let Some(entry) = self.cache.get(id) {
            return Ok(Some((entry.calendar.version, entry.commit)));
        }
        self.readers.read(move |db| load::resource_head(db, id)).await
    }

    /// What happened to one resource after a version, in order, at most `max` records; and whether there is more. Goes back from
    /// the first mark behind them, or from the last record: never more than a mark's distance too far.
    async fn records_of(
        &self,
        resource: ResourceId,
        (last, end): (Version, u64),
        after: Version,
        max: usize,
    ) -> Result<(Vec<Record>, bool), StoreError> {
        let wanted = after.number.saturating_add(max as u64);
        let mark = self.readers.read(move |db| load::mark_from(db, resource, wanted)).await?;
        let mut number = mark.unwrap_or(end);
        let mut records = Vec::new();
        while number > 0 {
            let Some(commit) = self.commit_numbered(number).await? else {
                return Err(StoreError(format!("commit {number} with a record of {resource} is gone")));
            };
            let of_it: Vec<_> = commit.records().filter(|(_, record)| record.resource == resource).collect();
            let Some((_, first)) = of_it.first() else {
                return Err(StoreError(format!(
                    "commit {number} has no record of {resource}, whose records lead there"
                )));
            };
            number = if first.version > after && first.version.number > after.number + 1 { first.previous } else { 0 };
            let within = of_it.iter().rev().filter(|(_, r)| r.version > after && r.version.number <= wanted);
            records.extend(within.map(|(entry, record)| entry.record(record)));
        }
        records.reverse();
        let reached = records.last().map_or(after, |record| record.version);
        Ok((records, last > reached))
    }

    /// Takes what is written in all bookings of a person out of journal and tables. Says how many bookings there are, and whether
    /// there were words in them.
    async fn erase_all(&self, owner: PersonId) -> Result<(u64, bool), StoreError> {
        // What the writer was judging is in the tables after that.
        self.serve(Vec::new(), slotwise_domain::settle, erase::Words::new())
            .await
            .map_err(|e| StoreError(e.to_string()))?;
        self.caught_up().await;
        let (mut bookings, mut words, mut after) = (0, false, BookingId(Uuid::nil()));
        loop {
            let page = self.readers.read(move |db| erase::bookings_of(db, owner, after)).await?;
            let Some((last, _)) = page.last() else { return Ok((bookings, words)) };
            after = *last;
            bookings += page.len() as u64;
            words |= self.erase_words(&page).await?;
        }
    }

    /// Has the writer carry out what is asked for.
    async fn serve(
        &self,
        batch: Vec<Proposal>,
        settle: Settle,
        words: erase::Words,
    ) -> Result<Vec<Settled>, CommitError> {
        let (reply, answer) = oneshot::channel();
        let closed = || CommitError::NothingWritten("the store is closed".into());
        let jobs = self.jobs.as_ref().ok_or_else(closed)?;
        jobs.send(Job { batch, settle, words, reply }).await.map_err(|_| closed())?;
        match answer.await {
            Ok(settled) => settled,
            Err(_) => Err(CommitError::Unknown("the writer ended without an answer".into())),
        }
    }

    /// Takes what was written in bookings out of the journal, then out of the tables. Says whether any was there.
    async fn erase_words(&self, bookings: &[(BookingId, Vec<u64>)]) -> Result<bool, StoreError> {
        let mut words = erase::Words::new();
        for (id, commits) in bookings {
            commits.iter().for_each(|number| words.entry(*number).or_default().push(*id));
        }
        self.serve(Vec::new(), slotwise_domain::settle, words).await.map_err(|e| StoreError(e.to_string()))?;
        let follower = self.follower.clone().ok_or_else(|| StoreError("the store is closed".into()))?;
        let ids = bookings.iter().map(|(id, _)| *id).collect();
        let erased = tokio::task::spawn_blocking(move || follower.erase(ids)).await;
        Ok(erased.map_err(|e| StoreError(format!("erasing panicked: {e}")))??)
    }

    /// What is over before this is looked for by nobody; and the cache's era, from before that was known.
    fn past(&self) -> (Instant, u64) {
        let era = self.cache.era();
        (self.health.unset(&*self.clock).minus(Calendar::LOOKBACK), era)
    }

    /// What is known of a scope without asking any file.
    fn remembered(&self, scope: &Scope) -> (World, Scope) {
        let (since, _) = self.past();
        let mut world = World::empty(self.epoch);
        for id in &scope.resources {
            if let Some(entry) = self.cache.get(*id) {
                world.calendars.insert(*id, cache::trimmed(entry.calendar, since));
                world.loaded.resources.insert(*id);
            }
        }
        for id in &scope.holds {
            if let Some((hold, ended)) = self.tail.hold(*id)
                && world.calendars.contains_key(&hold.resource)
            {
                world.holds.insert(*id, (hold.resource, ended));
                world.loaded.holds.insert(*id);
            }
        }
        for id in &scope.roles {
            if let Some(card) = self.people.remembered(*id) {
                world.roles.extend(card.map(|card| (*id, card.role)));
                world.loaded.roles.insert(*id);
            }
        }
        let missing = scope.minus(&world.loaded);
        (world, missing)
    }

    pub(super) async fn with_people<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&People) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let people = self.people.clone();
        let asked = tokio::task::spawn_blocking(move || ask(&people)).await;
        asked.map_err(|e| StoreError(format!("a query panicked: {e}")))?
    }
}

impl Drop for Embedded {
    /// Lets the writer finish what it was given; the lock is given back after it.
    fn drop(&mut self) {
        // It has a share of the follower.
        self.reconciler.finish();
        drop(self.jobs.take());
        let thread = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the writer ended in a panic; this is a bug");
        }
        // The writer had the other share of it.
        if let Some(mut follower) = self.follower.take().and_then(Arc::into_inner) {
            follower.finish();
        }
        self.signer.finish();
    }
}

#[async_trait]
impl Store for Embedded {
    async fn recall(&self, key: AttemptKey) -> Result<Option<Recorded>, StoreError> {
        match self.tail.recorded(key) {
            Known::Is(recorded) => Ok(Some(recorded)),
            Known::Nowhere => Ok(None),
            Known::AskTables => {
                let Some((number, place)) = self.readers.read(move |db| load::attempt(db, key)).await? else {
                    return Ok(None);
                };
                let commit = self.commit_numbered(number).await?;
                let entry = commit.as_ref().and_then(|commit| commit.entries.get(place));
                let recorded = entry.map(|entry| &*entry.recorded).filter(|recorded| recorded.key == key);
                let gone = || StoreError(format!("the answer to {} is not where the tables say", key.key));
                recorded.cloned().map(Some).ok_or_else(gone)
            }
        }
    }

    async fn observe(&self, scope: Scope) -> Result<World, StoreError> {
        let (mut world, missing) = self.remembered(&scope);
        if missing.is_empty() {
            return Ok(world);
        }
        let (cache, tail, people) = (self.cache.clone(), self.tail.clone(), self.people.clone());
        let catalogue = self.catalogue.clone();
        let (since, era) = self.past();
        let read = self.readers.read_each(move |tables| {
            let lookup = Lookup { tables, tail: &tail, cache: &cache, catalogue: &catalogue, since, era };
            let mut source = Observer { lookup, people: &people };
            load::fill(&mut world, &missing, &scope.resources, &mut source)?;
            Ok(world)
        });
        read.await
    }

    async fn commit(&self, batch: Vec<Proposal>, settle: Settle) -> Result<Vec<Settled>, CommitError> {
        self.serve(batch, settle, erase::Words::new()).await
    }

    async fn stream(&self, resource: ResourceId, after: Version, max: usize) -> Result<Streamed, StoreError> {
        let nothing = Version::zero(self.epoch);
        let head = self.resource_head(resource).await?;
        let current = head.map_or(nothing, |(version, _)| version);
        if after.epoch != self.epoch || after > current.max(nothing) {
            return Ok(Streamed::Resync);
        }
        let Some(head) = head else { return Ok(Streamed::Records(Vec::new(), false)) };
        let (records, more) = self.records_of(resource, head, after, max).await?;
        Ok(Streamed::Records(records, more))
    }

    async fn outbox(&self, after: Cursor, max: usize) -> Result<(Vec<Record>, Cursor), StoreError> {
        let (mut number, mut skip) = place_of(after);
        let head = self.tail.head();
        let mut records = Vec::new();
        while number <= head && records.len() < max {
            let commit = self.commit_numbered(number).await?;
            let commit = commit.ok_or_else(|| StoreError(format!("commit {number} is gone")))?;
            let room = max - records.len();
            let mut rest = commit.records().skip(skip);
            records.extend(rest.by_ref().take(room).map(|(entry, record)| entry.record(record)));
            match rest.next() {
                Some(_) => skip += room,
                None => (number, skip) = (number + 1, 0),
            }
        }
        Ok((records, cursor_at(number, skip)))
    }

    async fn head(&self) -> Result<Cursor, StoreError> {
        Ok(cursor_at(self.tail.head() + 1, 0))
    }

    async fn due(&self, until: Option<Instant>, max: usize) -> Result<Vec<(Instant, ResourceId)>, StoreError> {
        Ok(self.tail.due(until.unwrap_or_else(|| self.clock.now()), max))
    }

    fn restored_at(&self) -> Option<Instant> {
        self.restored_at
    }

    fn status(&self) -> Status {
        self.health.status(&*self.clock)
    }

    fn warnings(&self) -> Vec<String> {
        self.health.warnings()
    }

    fn checkpoint(&self) -> Option<Checkpoint> {
        self.signer.latest()
    }

    fn accept_clock(&self) {
        self.health.accept(&*self.clock, || self.cache.forget_all());
    }
}

#[async_trait]
impl Views for Embedded {
    fn catalogue(&self) -> &RwLock<Catalogue> {
        &self.catalogue
    }

    async fn calendars(&self, ids: Vec<ResourceId>) -> Result<Vec<Arc<Calendar>>, StoreError> {
        let known: Vec<_> = ids.iter().map(|id| self.cache.get(*id).map(|entry| entry.calendar)).collect();
        if known.iter().all(Option::is_some) {
            return Ok(known.into_iter().flatten().collect());
        }
        let (cache, tail, catalogue) = (self.cache.clone(), self.tail.clone(), self.catalogue.clone());
        let (since, era) = self.past();
        let read = self.readers.read_each(move |tables| {
            let lookup = Lookup { tables, tail: &tail, cache: &cache, catalogue: &catalogue, since, era };
            let load = |id: ResourceId| Ok(lookup.calendar(id)?.map(|entry| entry.calendar));
            let loaded = ids.iter().zip(known).map(|(id, known)| known.map_or_else(|| load(*id), |c| Ok(Some(c))));
            loaded.filter_map(Result::transpose).collect()
        });
        read.await
    }

    async fn booking(&self, id: BookingId) -> Result<Option<Arc<Booking>>, StoreError> {
        match self.tail.booking(id) {
            Some(booking) => Ok(Some(booking)),
            None => self.readers.read(move |db| Ok(load::booking(db, id)?.map(Arc::new))).await,
        }
    }

    async fn bookings(&self, filter: BookingFilter) -> Result<Vec<Arc<Booking>>, StoreError> {
        self.caught_up().await;
        self.readers.read(move |db| views::bookings(db, &filter)).await
    }

    async fn history(&self, id: BookingId, max: usize) -> Result<Vec<Record>, StoreError> {
        self.caught_up().await;
        let numbers = self.readers.read(move |db| load::commits_of(db, id)).await?;
        let mut records = Vec::new();
        for number in numbers {
            let commit = self.commit_numbered(number).await?;
            let commit = commit.ok_or_else(|| StoreError(format!("commit {number} is gone")))?;
            let of_it = commit.records().filter(|(_, r)| r.changes.iter().any(|change| change.booking() == Some(id)));
            records.extend(of_it.map(|(entry, record)| entry.record(record)).take(max - records.len()));
            if records.len() >= max {
                break;
            }
        }
        Ok(records)
    }

    async fn attempt(&self, key: AttemptKey) -> Result<Option<Attempt>, StoreError> {
        // A key that is nowhere in memory and too young for the tables was never used.
        if let Known::Nowhere = self.tail.recorded(key) {
            return Ok(None);
        }
        self.caught_up().await;
        let Some((number, place)) = self.readers.read(move |db| load::attempt(db, key)).await? else { return Ok(None) };
        let commit = self.commit_numbered(number).await?;
        let entry = commit.as_ref().and_then(|commit| commit.entries.get(place));
        let entry = entry.filter(|entry| entry.recorded.key == key);
        let gone = || StoreError(format!("the answer to {} is not where the tables say", key.key));
        entry.map(audit::attempt).map(Some).ok_or_else(gone)
    }

    async fn attempts(&self, filter: AttemptFilter) -> Result<AttemptsPage, StoreError> {
        let health = self.health.clone();
        let read = self.journal.read(move |db| {
            let page = audit::attempts(db, &filter);
            health.look_at(&page);
            page
        });
        read.await
    }

    async fn records(&self, resource: ResourceId, after: u64, upto: u64) -> Result<Vec<Record>, StoreError> {
        let Some((last, end)) = self.resource_head(resource).await? else { return Ok(Vec::new()) };
        let upto = upto.min(last.number);
        let mark = self.readers.read(move |db| load::mark_from(db, resource, upto)).await?;
        let mut number = mark.unwrap_or(end);
        let mut records = Vec::new();
        while number > 0 {
            let gone = || StoreError(format!("commit {number} with a record of {resource} is gone"));
            let commit = self.commit_numbered(number).await?.ok_or_else(gone)?;
            let of_it: Vec<_> = commit.records().filter(|(_, record)| record.resource == resource).collect();
            let (_, first) = of_it.first().ok_or_else(gone)?;
            number = if first.version.number > after + 1 { first.previous } else { 0 };
            let within = of_it.iter().rev().filter(|(_, r)| r.version.number > after && r.version.number <= upto);
            records.extend(within.map(|(entry, record)| entry.record(record)));
        }
        records.reverse();
        Ok(records)
    }

    async fn booking_as_of(
        &self,
        id: BookingId,
        resource: ResourceId,
        number: u64,
    ) -> Result<Option<Arc<Booking>>, StoreError> {
        self.caught_up().await;
        let commits = self.readers.read(move |db| load::commits_of(db, id)).await?;
        let health = self.health.clone();
        let read = self.journal.read(move |db| {
            let booking = audit::booking_as_of(db, &commits, id, resource, number);
            health.look_at(&booking);
            booking
        });
        read.await
    }

    async fn holds_of(&self, holder: PersonId) -> Result<Vec<Hold>, StoreError> {
        Ok(self.tail.holds_of(holder))
    }

    async fn notices_of(&self, person: PersonId, before: NoticeId, max: usize) -> Result<Vec<Noted>, StoreError> {
        self.caught_up().await;
        self.readers.read(move |db| notices::of_person(db, person, before, max)).await
    }

    async fn notices_after(&self, after: NoticeId, max: usize) -> Result<Vec<Noted>, StoreError> {
        self.readers.read(move |db| notices::after(db, after, max)).await
    }

    async fn entries_of(&self, owner: PersonId, max: usize) -> Result<Vec<(WaitEntry, Option<EntryEnd>)>, StoreError> {
        self.caught_up().await;
        self.readers.read(move |db| load::entries_of(db, owner, max)).await
    }
}

#[async_trait]
impl Directory for Embedded {
    async fn person(&self, id: PersonId) -> Result<Option<PersonCard>, StoreError> {
        match self.people.remembered(id) {
            Some(card) => Ok(card),
            None => self.with_people(move |people| people.person(id)).await,
        }
    }

    async fn people(&self, max: usize) -> Result<Vec<PersonCard>, StoreError> {
        self.with_people(move |people| people.people(max)).await
    }

    async fn put_person(&self, person: PersonCard) -> Result<(), StoreError> {
        self.with_people(move |people| people.put_person(&person)).await
    }

    async fn find_people(
        &self,
        words: Vec<String>,
        suspended: bool,
        after: Option<(String, PersonId)>,
        max: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        self.with_people(move |people| people.find(&words, suspended, after.as_ref(), max)).await
    }

    async fn facts(&self, id: PersonId) -> Result<Option<(Facts, u64)>, StoreError> {
        self.with_people(move |people| people.facts(id)).await
    }

    async fn put_facts(&self, id: PersonId, version: u64, facts: Facts) -> Result<FactsPut, StoreError> {
        self.with_people(move |people| people.put_facts(id, version, &facts)).await
    }

    async fn plan(&self, id: PersonId) -> Result<(Plan, u64), StoreError> {
        self.with_people(move |people| people.plan(id)).await
    }

    async fn put_plan(&self, id: PersonId, version: u64, plan: Plan) -> Result<PlanPut, StoreError> {
        self.with_people(move |people| people.put_plan(id, version, &plan)).await
    }

    async fn put_people(&self, rows: Vec<PersonRow>, dry_run: bool) -> Result<Vec<RowPut>, StoreError> {
        self.with_people(move |people| people.put_all(&rows, dry_run)).await
    }

    async fn erase(&self, id: PersonId) -> Result<Option<Erased>, StoreError> {
        if !self.with_people(move |people| people.exists(id)).await? {
            return Ok(None);
        }
        // From here on they can ask for nothing more.
        self.with_people(move |people| people.suspend(id, true)).await?;
        let mut erased = Erased::default();
        // What others decide about their bookings meanwhile may be made of what was read before; so again, until there were no words.
        let mut rounds = 0..erase::ROUNDS_MAX;
        loop {
            let (bookings, words) = self.erase_all(id).await?;
            erased.bookings = erased.bookings.max(bookings);
            if !words {
                break;
            }
            rounds.next().ok_or_else(|| StoreError("their bookings do not stop changing; ask again".into()))?;
        }
        erased.keys = self.with_people(move |people| people.erase(id)).await?;
        Ok(Some(erased))
    }
}

#[async_trait]
impl Post for Embedded {
    async fn address(&self, person: PersonId) -> Result<Option<String>, StoreError> {
        self.with_people(move |people| people.address(person)).await
    }

    async fn put_address(&self, person: PersonId, email: Option<String>) -> Result<(), StoreError> {
        self.with_people(move |people| people.put_address(person, email.as_deref())).await
    }

    async fn read_until(&self, person: PersonId) -> Result<NoticeId, StoreError> {
        self.with_people(move |people| people.read_until(person)).await
    }

    async fn put_read_until(&self, person: PersonId, until: NoticeId) -> Result<(), StoreError> {
        self.with_people(move |people| people.put_read_until(person, until)).await
    }

    async fn posted_until(&self) -> Result<Option<NoticeId>, StoreError> {
        self.with_people(People::posted_until).await
    }

    async fn post(&self, told: Vec<Noted>, until: NoticeId) -> Result<(), StoreError> {
        self.with_people(move |people| people.make_letters(&told, until)).await
    }

    async fn letters(&self, now: Instant, max: usize) -> Result<Vec<Letter>, StoreError> {
        self.with_people(move |people| people.letters(now, max)).await
    }

    async fn letter_done(&self, person: PersonId, id: NoticeId) -> Result<(), StoreError> {
        self.with_people(move |people| people.letter_done(person, id)).await
    }

    async fn letter_later(&self, person: PersonId, id: NoticeId, again: Instant) -> Result<(), StoreError> {
        self.with_people(move |people| people.letter_later(person, id, again)).await
    }
}

/// A place in the outbox: records of commits before `number`, and the first `skip` of its own, are behind it.
fn cursor_at(number: u64, skip: usize) -> Cursor {
    Cursor(number << PLACE_BITS | skip as u64)
}

fn place_of(Cursor(cursor): Cursor) -> (u64, usize) {
    // Commits are counted from 1.
    ((cursor >> PLACE_BITS).max(1), (cursor & ((1 << PLACE_BITS) - 1)) as usize)
}

/// No commit has so many records: attempts of one are bounded, and so are the resources of an attempt.
const PLACE_BITS: u32 = 20;

/// What an observer's world is filled from; people are as they were a moment ago.
struct Observer<'a> {
    lookup: Lookup<'a>,
    people: &'a People,
}

impl Source for Observer<'_> {
    fn calendar(&mut self, id: ResourceId) -> error::Result<Option<Arc<Calendar>>> {
        let entry = self.lookup.calendar(id)?;
        Ok(entry.map(|entry| cache::trimmed(entry.calendar, self.lookup.since)))
    }

    fn role(&mut self, id: PersonId) -> error::Result<Option<Role>> {
        let card = self.people.person(id).map_err(|e| Error::Bug(e.0))?;
        Ok(card.map(|card| card.role))
    }

    fn manages(&mut self, id: PersonId) -> error::Result<Arc<BTreeSet<ResourceId>>> {
        Ok(Arc::new(self.people.manages_of(id).map_err(|e| Error::Bug(e.0))?))
    }

    fn person(&mut self, id: PersonId) -> error::Result<Person> {
        self.lookup.person(id)
    }

    fn counted(&mut self, id: PersonId) -> error::Result<Counted> {
        self.lookup.counted(id)
    }

    fn facts(&mut self, id: PersonId) -> error::Result<Option<Arc<Facts>>> {
        self.people.facts_for_rules(id).map_err(|e| Error::Bug(e.0))
    }

    fn members(&mut self, group: ResourceId) -> Members {
        self.lookup.members(group)
    }

    fn booking(&mut self, id: BookingId) -> error::Result<Option<Arc<Booking>>> {
        self.lookup.booking(id)
    }

    fn hold(&mut self, id: HoldId) -> error::Result<Option<(Hold, Option<EndedHold>)>> {
        self.lookup.hold(id)
    }

    fn entry(&mut self, id: EntryId) -> error::Result<Option<(WaitEntry, Option<EndedEntry>)>> {
        self.lookup.entry(id)
    }
}
