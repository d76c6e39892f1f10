//! The embedded store: one process, one directory, SQLite; every answer is on the disk before it is told.
//! It judges nothing itself, and nothing here writes but its one writer thread.
//!
//! `writer` is a commit from its rows to its answers, `load` and `write` are the rows, `cache` says why what is in memory is
//! true, [`wal`] what is looked at before SQLite may open anything.

mod cache;
mod checkpoint;
mod connect;
mod error;
mod health;
mod load;
mod migrate;
mod people;
mod verify;
mod views;
pub mod wal;
mod write;
mod writer;

pub use error::{Error, OpenError};
pub use people::People;
pub use verify::{Verified, VerifyError, verify_chains};

use crate::clock::SystemClock;
use async_trait::async_trait;
use cache::{Cache, Entry};
use checkpoint::Checkpointer;
use connect::{Readers, Use, connect, use_log};
use health::Health;
use load::Source;
use migrate::STATE;
use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;
use slotwise_domain::{
    AttemptKey, Booking, BookingId, Calendar, Epoch, Hold, Instant, Person, PersonId, Proposal, Resource, ResourceId,
    Role, Scope, Settle, Span, Version, World,
};
use slotwise_engine::round::key_time;
use slotwise_engine::{
    BookingFilter, Clock, CommitError, Cursor, Directory, Facets, PersonCard, Record, Recorded, ResourceFilter,
    Settled, Status, Store, StoreError, Streamed, Views,
};
use std::fs::{self, File, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;
use writer::{Job, Phase, Writer};

/// The database's name in the data directory.
const FILE: &str = "slotwise.sqlite";
const LOCK: &str = "lock";
/// Keys made no longer ago are looked up on the caller's thread.
const YOUNG: Span = Span::minutes(1);

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
            checkpoint_pages: 8_000,
        }
    }
}

/// A store in a directory of its own.
pub struct Embedded {
    epoch: Epoch,
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
    cache: Arc<Cache>,
    people: Arc<People>,
    readers: Arc<Readers>,
    head: Arc<AtomicU64>,
    committed: watch::Receiver<u64>,
    jobs: Option<mpsc::Sender<Job>>,
    writer: Mutex<Option<JoinHandle<()>>>,
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
        prepare(&path)?;
        let people = Arc::new(People::open(dir)?);
        sync(dir)?;

        let failed = || OpenError::sql(format!("opening {}", path.display()));
        let mut db = connect(&path, Use::Write, options.page_cache_bytes).map_err(failed())?;
        let Some(meta) = load::meta(&db)? else { return Err(OpenError::Row("meta has no row".into())) };
        let health = Arc::new(Health::new(&*options.clock));
        let checkpointer =
            Checkpointer::start(&mut db, &path, options.checkpoint_pages, health.clone()).map_err(failed())?;
        let cache = Arc::new(Cache::new(options.cache_bytes));
        let readers = Readers::open(&path, options.readers, options.page_cache_bytes / 8).map_err(failed())?;
        let head = Arc::new(AtomicU64::new(meta.place.position));
        let (committed, watching) = watch::channel(meta.place.position);
        let (jobs, waiting) = mpsc::channel(options.queue.max(1));
        let writer = Writer {
            roles: people.roles().map_err(failed())?,
            db,
            cache: cache.clone(),
            clock: options.clock.clone(),
            health: health.clone(),
            meta,
            head: head.clone(),
            committed,
            checkpointer,
            phase: Phase::Before,
        };
        let thread = std::thread::Builder::new().name("slotwise-writer".into());
        let watched = health.clone();
        let thread = thread.spawn(move || {
            if catch_unwind(AssertUnwindSafe(|| writer.run(waiting))).is_err() {
                watched.stop("the writer ended in a panic; this is a bug".into());
            }
        });
        let thread = thread.map_err(OpenError::io("starting the writer"))?;
        sync(dir)?;
        Ok(Arc::new(Embedded {
            epoch: meta.epoch,
            clock: options.clock,
            health,
            cache,
            people,
            readers,
            head,
            committed: watching,
            jobs: Some(jobs),
            writer: Mutex::new(Some(thread)),
            _lock: lock,
        }))
    }

    /// Changes whenever something was committed: the position that the outbox then ended at.
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.committed.clone()
    }

    /// The directory of people.
    pub fn people_file(&self) -> Arc<People> {
        self.people.clone()
    }

    /// What is known of a scope without asking any file.
    fn remembered(&self, scope: &Scope) -> (World, Scope) {
        let since = self.clock.now().minus(Calendar::LOOKBACK);
        let mut world = World::empty(self.epoch);
        for id in &scope.resources {
            if let Some(entry) = self.cache.get(*id) {
                world.calendars.insert(*id, cache::trimmed(entry.calendar, since));
                world.loaded.resources.insert(*id);
            }
        }
        for id in &scope.holds {
            let live = world.calendars.iter().find(|(_, calendar)| calendar.holds.contains_key(id));
            if let Some(resource) = live.map(|(resource, _)| *resource) {
                world.holds.insert(*id, (resource, None));
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

    async fn with_people<T: Send + 'static>(
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
        drop(self.jobs.take());
        let thread = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the writer ended in a panic; this is a bug");
        }
    }
}

#[async_trait]
impl Store for Embedded {
    async fn recall(&self, key: AttemptKey) -> Result<Option<Recorded>, StoreError> {
        // Keys begin with their time, so a young one lies on the few pages that were just written: looking is faster than
        // asking another thread to look.
        if self.clock.now().since(key_time(key)) < YOUNG {
            return self.readers.read_here(|db| load::recorded(db, key));
        }
        self.readers.read(move |db| load::recorded(db, key)).await
    }

    async fn observe(&self, scope: Scope) -> Result<World, StoreError> {
        let (mut world, missing) = self.remembered(&scope);
        if missing.is_empty() {
            return Ok(world);
        }
        let (cache, people) = (self.cache.clone(), self.people.clone());
        let since = self.clock.now().minus(Calendar::LOOKBACK);
        // Calendars of bookings and holds are not known before these are read; so each generation is noted before its own read,
        // in a transaction that has not begun to read when the first is noted.
        let noted = missing.resources.iter().map(|id| (*id, cache.generation(*id))).collect();
        let read = self.readers.read(move |db| {
            let mut rows = Observer { db, cache: &cache, people: &people, noted, since };
            load::fill(&mut world, &missing, &scope.resources, &mut rows)?;
            Ok(world)
        });
        read.await
    }

    async fn commit(&self, batch: Vec<Proposal>, settle: Settle) -> Result<Vec<Settled>, CommitError> {
        let (reply, answer) = oneshot::channel();
        let closed = || CommitError::NothingWritten("the store is closed".into());
        let jobs = self.jobs.as_ref().ok_or_else(closed)?;
        jobs.send(Job { batch, settle, reply }).await.map_err(|_| closed())?;
        match answer.await {
            Ok(settled) => settled,
            Err(_) => Err(CommitError::Unknown("the writer ended without an answer".into())),
        }
    }

    async fn stream(&self, resource: ResourceId, after: Version, max: usize) -> Result<Streamed, StoreError> {
        let epoch = self.epoch;
        let read = self.readers.read(move |db| {
            let nothing = Version::zero(epoch);
            let current = load::version(db, resource)?.map_or(nothing, |(version, _)| version);
            if after.epoch != epoch || after > current.max(nothing) {
                return Ok(Streamed::Resync);
            }
            let (records, more) = load::records_of(db, resource, after, max)?;
            Ok(Streamed::Records(records, more))
        });
        read.await
    }

    async fn outbox(&self, after: Cursor, max: usize) -> Result<(Vec<Record>, Cursor), StoreError> {
        let read = self.readers.read(move |db| {
            let records = load::records_after(db, after.0, max)?;
            let last = records.last().map_or(after, |(position, _)| Cursor(*position));
            Ok((records.into_iter().map(|(_, record)| record).collect(), last))
        });
        read.await
    }

    async fn head(&self) -> Result<Cursor, StoreError> {
        Ok(Cursor(self.head.load(Ordering::Acquire)))
    }

    async fn due(&self, until: Instant, max: usize) -> Result<Vec<(Instant, ResourceId)>, StoreError> {
        self.readers.read(move |db| load::due(db, until, max)).await
    }

    fn status(&self) -> Status {
        self.health.status(&*self.clock)
    }

    fn accept_clock(&self) {
        self.health.accept(&*self.clock);
    }
}

#[async_trait]
impl Views for Embedded {
    async fn resources(&self, filter: ResourceFilter) -> Result<Vec<Arc<Resource>>, StoreError> {
        self.readers.read(move |db| views::resources(db, &filter)).await
    }

    async fn facets(&self) -> Result<Facets, StoreError> {
        self.readers.read(views::facets).await
    }

    async fn booking(&self, id: BookingId) -> Result<Option<Arc<Booking>>, StoreError> {
        self.readers.read(move |db| Ok(load::booking(db, id)?.map(Arc::new))).await
    }

    async fn bookings(&self, filter: BookingFilter) -> Result<Vec<Arc<Booking>>, StoreError> {
        self.readers.read(move |db| views::bookings(db, &filter)).await
    }

    async fn holds_of(&self, holder: PersonId) -> Result<Vec<Hold>, StoreError> {
        self.readers.read(move |db| load::holds_of(db, holder)).await
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

    async fn by_key(&self, secret_sha256: [u8; 32]) -> Result<Option<PersonCard>, StoreError> {
        match self.people.remembered_by_key(&secret_sha256) {
            Some(card) => Ok(card),
            None => self.with_people(move |people| people.by_key(secret_sha256)).await,
        }
    }

    async fn put_person(&self, person: PersonCard) -> Result<(), StoreError> {
        self.with_people(move |people| people.put_person(&person)).await
    }

    async fn put_key(&self, secret_sha256: [u8; 32], person: PersonId, label: String) -> Result<(), StoreError> {
        self.with_people(move |people| people.put_key(secret_sha256, person, &label)).await
    }
}

/// What an observer's world is filled from: one read transaction, and people as they were a moment ago.
struct Observer<'a> {
    db: &'a Connection,
    cache: &'a Cache,
    people: &'a People,
    noted: Vec<(ResourceId, cache::Generation)>,
    since: Instant,
}

impl Source for Observer<'_> {
    fn calendar(&mut self, id: ResourceId) -> error::Result<Option<Arc<Calendar>>> {
        if let Some(entry) = self.cache.get(id) {
            return Ok(Some(cache::trimmed(entry.calendar, self.since)));
        }
        let Some(entry) = load::calendar(self.db, id, self.since)? else { return Ok(None) };
        // Only what was noted before the transaction began to read may be shared.
        if let Some((_, generation)) = self.noted.iter().find(|(noted, _)| *noted == id) {
            self.cache.insert(id, Entry::clone(&entry), *generation);
        }
        Ok(Some(entry.calendar))
    }

    fn role(&mut self, id: PersonId) -> error::Result<Option<Role>> {
        let card = self.people.person(id).map_err(|e| Error::Bug(e.0))?;
        Ok(card.map(|card| card.role))
    }

    fn person(&mut self, id: PersonId) -> error::Result<Person> {
        load::person(self.db, id, self.since)
    }

    fn rows(&self) -> &Connection {
        self.db
    }
}

// Opening

fn make_dir(dir: &Path) -> Result<(), OpenError> {
    if dir.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(dir).map_err(OpenError::io(format!("making {}", dir.display())))?;
    match dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => sync(parent),
        None => Ok(()),
    }
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join(LOCK);
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(OpenError::io(format!("opening {}", path.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(dir.into())),
        Err(TryLockError::Error(e)) => Err(OpenError::io(format!("locking {}", path.display()))(e)),
    }
}

/// SQLite drops what follows a damaged frame without a word, so it may not open a log that has one.
fn look_at_log(database: &Path) -> Result<(), OpenError> {
    let path = with_suffix(database, "-wal");
    let inspect = || wal::inspect(&path).map_err(OpenError::io(format!("reading {}", path.display())));
    let mut log = inspect()?;
    // The people's log may be written to meanwhile, by whoever makes a key: damage stays, a write passes.
    for _ in 0..3 {
        if matches!(log, wal::Log::Damaged { .. }) {
            std::thread::sleep(Duration::from_millis(20));
            log = inspect()?;
        }
    }
    let empty = fs::metadata(database).map_or(true, |m| m.len() == 0);
    match log {
        wal::Log::Empty => Ok(()),
        _ if empty => {
            let says = "it is the log of a database that is gone".into();
            Err(OpenError::DamagedLog { path, offset: 0, says })
        }
        wal::Log::Whole { frames } => {
            tracing::info!(path = %path.display(), frames, "the log is whole");
            Ok(())
        }
        wal::Log::Torn { frames, offset } => {
            tracing::warn!(
                path = %path.display(), frames, offset,
                "the log ends within a commit. A process that was killed while writing leaves this, and nothing is lost then; \
                 damage to the very last commit looks the same and cannot be told apart"
            );
            Ok(())
        }
        wal::Log::Damaged { offset, says } => Err(OpenError::DamagedLog { path, offset, says }),
    }
}

/// Makes or migrates the database, and brings its log into it, so that all that was told is in the one file and on the disk.
fn prepare(path: &Path) -> Result<(), OpenError> {
    let failed = || OpenError::sql(format!("opening {}", path.display()));
    look_at_header(path)?;
    let mut db = connect(path, Use::Write, 64 << 20).map_err(failed())?;
    STATE.check(&db, path)?;
    use_log(&db).map_err(failed())?;
    STATE.migrate(&mut db, path)?;
    if load::meta(&db)?.is_none() {
        load::begin_meta(&db, Epoch(1), Uuid::now_v7())?;
    }
    let (left, _) = db.wal_checkpoint_v2(Some(rusqlite::MAIN_DB), CheckpointMode::TRUNCATE).map_err(failed())?;
    if left > 0 {
        return Err(OpenError::Row(format!("{} is in use by another program", path.display())));
    }
    // No connection is open while the file is opened here: closing it would give SQLite's own locks away.
    db.close().map_err(|(_, e)| failed()(e))?;
    let file = File::open(path).and_then(|file| file.sync_all());
    file.map_err(OpenError::io(format!("syncing {}", path.display())))
}

/// What SQLite would take for an empty or foreign file, told before it writes to it.
fn look_at_header(path: &Path) -> Result<(), OpenError> {
    let mut header = [0; 16];
    let read = match File::open(path) {
        Ok(mut file) if file.metadata().is_ok_and(|m| m.len() > 0) => io::Read::read_exact(&mut file, &mut header),
        Ok(_) => return Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => Err(e),
    };
    match read {
        Ok(()) if &header == b"SQLite format 3\0" => Ok(()),
        Ok(()) => Err(OpenError::NotOurs { path: path.into(), says: "it is no SQLite database".into() }),
        Err(e) => Err(OpenError::io(format!("reading {}", path.display()))(e)),
    }
}

/// Makes the names in a directory durable.
fn sync(dir: &Path) -> Result<(), OpenError> {
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(OpenError::io(format!("syncing {}", dir.display())))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
