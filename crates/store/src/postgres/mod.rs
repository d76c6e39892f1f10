//! The PostgreSQL store: any number of instances over one database, the same behaviour as the embedded store.
//! It judges nothing itself; what is true is in the database, and what is in memory is compared with it before anything is decided.
//!
//! `writer` is a commit from its rows to its answers, `write` the rows it writes, `sql` every statement. `load` makes the domain's
//! things of rows, `cache` keeps calendars by version, `feed` tells what anybody committed. `proof` tries what all of it rests on.

mod cache;
mod doors;
mod error;
mod export;
mod feed;
mod fill;
mod keep;
mod lately;
mod load;
mod made;
mod migrate;
mod people;
mod pool;
mod post;
mod proof;
mod reconcile;
mod restore;
pub mod sql;
mod still;
mod verify;
mod write;
mod writer;

pub use error::Error;
pub use export::reading;
pub use fill::{Brought, import, migrate_folder};
pub use migrate::{statements, without_comments};
pub use restore::{Begun, begin_epoch};
pub use verify::examine;

use crate::clock::SystemClock;
use crate::embedded::Checkpoints;
use crate::health::Health;
use crate::record::Hash;
use async_trait::async_trait;
use cache::{Cache, Headed};
use error::Result as Loaded;
use feed::Feed;
use futures_util::future::{Fuse, FusedFuture};
use futures_util::{FutureExt, StreamExt};
use keep::Keeper;
use lately::Lately;
use load::{ENTRY, Loading, limit, signed, unsigned};
use pool::{Endpoint, Pool, args};
use slotwise_domain::{
    AttemptKey, Booking, BookingId, Calendar, EntryEnd, Epoch, Hold, Instant, News, Notice, PartId, PersonId, Proposal,
    ResourceId, Role, Scope, Settle, Span, Version, WaitEntry, World,
};
use slotwise_engine::doors::{Door, Sha256};
use slotwise_engine::round;
use slotwise_engine::{
    Attempt, AttemptFilter, AttemptsPage, BookingFilter, Catalogue, Checkpoint, Clock, CommitError, Cursor, Noted,
    NoticeId, Record, Recorded, Settled, Status, Store, StoreError, Streamed, Views,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant as Moment};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_postgres::{AsyncMessage, Row};
use uuid::Uuid;
use writer::{Job, Writer};

/// How a store is opened.
#[derive(Clone)]
pub struct Options {
    /// The part that it serves.
    pub part: i64,
    /// The clock of its decisions, if it is not the database's.
    pub clock: Option<Arc<dyn Clock>>,
    /// Calendars in memory, in bytes.
    pub cache_bytes: usize,
    /// Connections for reading.
    pub readers: usize,
    /// Commits at a time, each on a connection of its own. Two more connections make rows about persons and ask what became of
    /// commits that were lost.
    pub writers: usize,
    /// Whether instances ring each other when they have committed. Without it they look by themselves, and are told a little later.
    pub doorbell: bool,
    /// Batches that may wait for the writer.
    pub queue: usize,
    /// How the record is looked after; none where a store is opened for a moment only.
    pub keep: Option<Keep>,
}

/// How one of several instances looks after the record for all.
#[derive(Clone, Debug)]
pub struct Keep {
    /// How signed checkpoints are made: none without a key.
    pub checkpoints: Checkpoints,
    /// The reconciler rests so long at least between two looks.
    pub rest: Duration,
}

impl Default for Keep {
    fn default() -> Keep {
        Keep { checkpoints: Checkpoints::default(), rest: Duration::from_millis(250) }
    }
}

impl Default for Options {
    fn default() -> Options {
        Options {
            part: 1,
            clock: None,
            cache_bytes: 512 << 20,
            readers: 8,
            writers: 4,
            doorbell: true,
            queue: 64,
            keep: Some(Keep::default()),
        }
    }
}

/// Everything lives in one part for now.
pub const PART: i64 = PartId::DEFAULT.0;

/// How long a read waits for a connection.
const READ_WAIT_MAX: Duration = Duration::from_secs(2);
/// How long a commit does.
const WRITE_WAIT_MAX: Duration = Duration::from_millis(500);
/// Beside the connections that commit.
const WRITERS_MORE: usize = 2;
/// So many calendars are shown as they are now, and more as they are known here.
const SHOWN_NOW_MAX: usize = 16;
/// The clock as it is thought to be may be so far ahead of what the database said last: that took a while to come.
const READING_LATE_MAX: Span = Span(10_000);
/// How often the clock is asked at the start, if it does not answer within so long.
const FIRST_READINGS: usize = 5;
const FIRST_READING_LATE_MAX: Span = Span(500_000);
/// Calendars loaded at once at the start.
const BEGIN_AT_ONCE: usize = 200;
/// So often side by side, where there are connections for it.
const BEGIN_SIDE_BY_SIDE: usize = 4;
/// Between two looks for what others have committed: after one that found something, and the longest.
const LOOK_SOON: Duration = Duration::from_millis(25);
const LOOK_LATE: Duration = Duration::from_millis(200);
/// The same while a doorbell is heard.
const LOOK_RUNG: Duration = Duration::from_millis(400);
/// Between two looks that go far back, and two at the heads of all resources.
const LOOK_FAR: Duration = Duration::from_secs(1);
const RECONCILE_EVERY: Duration = Duration::from_secs(10);

/// What is told in place of a commit where rights were changed.
const RIGHTS_CHANGED: Uuid = Uuid::nil();

/// So many people's rights are asked for one by one, where they were not read lately; more are read together.
const RIGHTS_APART_MAX: usize = 2;

/// Commits told of at once: what is told has less than 8,000 bytes.
const RUNG_MAX: usize = 200;

/// Said where the database is in another epoch than this process.
const RESTORED: &str = "the database was restored since this server has opened it; start it again";

/// How long a last checkpoint may take.
const FINISH_WITHIN: Duration = Duration::from_secs(3);

/// Between two times at which what is kept no longer is taken away, and how much of each at once.
const PRUNE_EVERY: Duration = Duration::from_secs(10);
const PRUNED_AT_ONCE: i64 = 2_000;

/// What all parts of the store share.
struct Shared {
    part: i64,
    epoch: Epoch,
    epoch_began: Option<Instant>,
    time: Arc<Time>,
    health: Health,
    cache: Arc<Cache>,
    feed: Arc<Feed>,
    readers: Arc<Pool>,
    writers: Arc<Pool>,
    doorbell: Option<Arc<Doorbell>>,
    /// Why nothing is decided for now, if a setting of the database is why.
    refused: Mutex<Option<String>>,
    /// The last signed checkpoint, whichever instance made it.
    checkpoint: Mutex<Option<Checkpoint>>,
    /// No booking lasts longer, as far as is known here: the part's own row says the same, or more.
    longest: AtomicI64,
    /// Resources on which nothing is decided until somebody has looked and started this instance again.
    shut: Mutex<BTreeSet<ResourceId>>,
    /// Who comes in by a secret.
    doors: Lately<Sha256, Door>,
    /// What people may do, for what is only looked at.
    rights: Lately<PersonId, Rights>,
}

/// Somebody's role, and what they manage.
type Rights = (Role, Arc<BTreeSet<ResourceId>>);

impl Shared {
    /// What somebody may do, or who comes in, was changed here: whoever asks here sees it at once, others when they hear it.
    fn rights_changed(&self) {
        self.forget_rights();
        if let Some(doorbell) = &self.doorbell {
            doorbell.ring(RIGHTS_CHANGED);
        }
    }

    fn forget_rights(&self) {
        self.doors.forget();
        self.rights.forget();
    }

    /// What somebody may do, as it was read lately; nothing if there is no such person.
    async fn rights_of(&self, id: PersonId) -> Loaded<Option<Rights>> {
        let read = async {
            let whose = || args![self.part, vec![id.0]];
            let [roles, managed] = self.readers.all([(sql::ROLES, whose()), (sql::MANAGED, whose())]).await?;
            let Some(role) = roles.first() else { return Ok(None) };
            let over = managed.iter().map(|row| Ok(doors::managed(row)?.1)).collect::<Loaded<_>>()?;
            Ok(Some((crate::codec::role_named(role.try_get(1)?)?, Arc::new(over))))
        };
        self.rights.get(id, read).await
    }

    fn refuse(&self, says: Option<String>) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = says;
    }

    /// Something is wrong with these: nothing more is decided on them here. The rest goes on.
    fn shut(&self, resources: BTreeSet<ResourceId>, cause: &str, reason: &str) {
        let mut shut = self.shut.lock().unwrap_or_else(PoisonError::into_inner);
        for id in resources {
            tracing::error!(resource = %id, cause, reason, "nothing is decided on a resource until this is started again");
            self.cache.forget(id);
            shut.insert(id);
        }
        metrics::gauge!("slotwise_resources_shut").set(shut.len() as f64);
        let first: Vec<String> = shut.iter().take(3).map(ToString::to_string).collect();
        let (n, first) = (shut.len(), first.join(", "));
        self.health.warn("shut", Some(format!("nothing is decided on {n} resources ({first} …): {cause}")));
    }

    fn shut_now(&self) -> BTreeSet<ResourceId> {
        self.shut.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn loading(&self) -> Loading<'_> {
        Loading::now(self.part, &self.cache, &self.readers, self.time.now())
    }

    /// What was found out while nobody decided anything stops everything too, if it is that the database is another one.
    fn heed(&self, e: &Error) {
        if let Error::OtherCopy(says) = e {
            self.health.stop(e.cause(), says.clone());
        }
    }

    fn status(&self) -> Status {
        match (self.refused(), self.health.status(&*self.time)) {
            (Some(says), Status::Ready) => Status::Stopped(says),
            (_, status) => status,
        }
    }
}

/// The store's clock between two readings of the database's: that, and the time since.
struct Time {
    process: Option<Arc<dyn Clock>>,
    last: Mutex<(Instant, Span)>,
}

/// A reading of the database's clock. It was made at some moment between two readings of the clock that nobody sets: an answer may
/// come late, and a process may stand still before it looks at one.
#[derive(Clone, Copy)]
struct Reading {
    now: Instant,
    asked: Span,
    told: Span,
}

impl Reading {
    /// One that is told now.
    fn told(now: Instant, asked: Span) -> Reading {
        Reading { now, asked, told: SystemClock.since_boot() }
    }

    /// How long it was on its way.
    fn late(&self) -> Span {
        Span(self.told.0.saturating_sub(self.asked.0))
    }
}

impl Time {
    /// The database's clock says so.
    fn reads(&self, reading: Reading) -> Instant {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = last.0.plus(Span(reading.told.0.saturating_sub(last.1.0))).since(reading.now);
        // Answers take a while to come, each its own: what was shown as now is not taken back for that.
        if !(0..=READING_LATE_MAX.0.max(reading.late().0)).contains(&ahead.0) {
            *last = (reading.now, reading.told);
        }
        reading.now
    }
}

impl Clock for Time {
    fn now(&self) -> Instant {
        match &self.process {
            Some(clock) => clock.now(),
            None => {
                let (then, boot) = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
                then.plus(Span(SystemClock.since_boot().0.saturating_sub(boot.0)))
            }
        }
    }

    fn since_boot(&self) -> Span {
        self.process.as_ref().map_or_else(|| SystemClock.since_boot(), |clock| clock.since_boot())
    }
}

/// A store over a database that others may use at the same time.
pub struct Postgres {
    shared: Arc<Shared>,
    jobs: Option<mpsc::Sender<Job>>,
    writers: Vec<JoinHandle<()>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    /// What looks after the record, until it is told to end.
    keeper: Mutex<Option<tokio::task::JoinHandle<()>>>,
    end: Arc<Notify>,
    /// Who this is among the instances.
    instance: Uuid,
    /// Until when this one carries out what falls due, for certain.
    sweeps_until: Mutex<Option<Moment>>,
    /// When it last took away what is kept no longer.
    pruned: Mutex<Option<Moment>>,
}

impl Postgres {
    /// Opens the store of a database, and makes its tables if there are none. `url` is as libpq reads it.
    pub async fn open(url: &str, options: Options) -> Result<Arc<Postgres>, Error> {
        let to = Endpoint::of(url)?;
        let part = options.part;
        let readers = Pool::new(to.clone(), options.readers, READ_WAIT_MAX);
        let at_once = options.writers.max(1);
        let writers = Pool::new(to.clone(), at_once + WRITERS_MORE, WRITE_WAIT_MAX);
        {
            // Whatever fails here closes them, and with them what was begun on them.
            let (mut one, mut other) = (writers.get().await?, writers.get().await?);
            migrate::migrate(&one, &other).await?;
            proof::prove(&one, &other, part).await?;
            one.clean();
            other.clean();
        }
        readers.rows(sql::META_ADD, args![part]).await?;
        readers.rows(sql::ORIGIN_ADD, args![part, Uuid::now_v7()]).await?;
        if !readers.rows(sql::FILLING, args![part]).await?.is_empty() {
            return Err(Error::Unfit("what is brought into this database is not all there yet; run it again".into()));
        }
        let [meta, stamp] = readers.all([(sql::META, args![part]), (sql::STAMP_LAST, args![part])]).await?;
        let meta = meta.first().ok_or_else(|| Error::bug("the part's own row is gone"))?;
        let epoch_began: Option<i64> = meta.try_get(1)?;
        let stamp = stamp.first().map_or(Ok(0), |row| row.try_get(0))?;
        let first = first_reading(&readers).await?;
        let time = Arc::new(Time { process: options.clock, last: Mutex::new((first.now, first.told)) });
        let cache = Arc::new(Cache::new(options.cache_bytes));
        let feed = Arc::new(Feed::new(part, readers.clone(), cache.clone(), time.clone(), stamp));
        let shared = Arc::new(Shared {
            part,
            epoch: load::epoch(meta.try_get(0)?),
            epoch_began: epoch_began.map(Instant),
            health: Health::new(&*time),
            time,
            cache,
            feed,
            readers,
            writers,
            doorbell: options.doorbell.then(Arc::default),
            refused: Mutex::default(),
            checkpoint: Mutex::default(),
            longest: AtomicI64::new(0),
            shut: Mutex::default(),
            doors: Lately::default(),
            rights: Lately::default(),
        });
        let instance = Uuid::now_v7();
        let keeper = options.keep.map(|keep| Keeper::new(instance, keep)).transpose()?;
        let settings = proof::look(&shared).await?;
        if let Some(says) = settings.refused {
            return Err(Error::Unfit(says));
        }
        shared.health.warn("settings", settings.warning);
        let open = to
            .is_open()
            .then(|| "what is sent to the database can be read on the way: say sslmode=require in its URL".to_owned());
        shared.health.warn("encryption", open);
        begin(&shared, options.readers).await?;
        let (jobs, waiting) = mpsc::channel(options.queue.max(1));
        let waiting = Arc::new(Mutex::new(waiting));
        let mut threads = Vec::with_capacity(at_once);
        for _ in 0..at_once {
            let writer = Writer::new(shared.clone(), tokio::runtime::Handle::current());
            let waiting = waiting.clone();
            let thread =
                std::thread::Builder::new().name("slotwise-commits".into()).spawn(move || writer.run(&waiting));
            threads.push(thread.map_err(|e| Error::Unfit(format!("starting a thread that commits: {e}")))?);
        }
        let heard = Arc::new(Heard::default());
        let mut tasks = vec![
            tokio::spawn(proof::watch(Arc::downgrade(&shared))),
            tokio::spawn(follow(Arc::downgrade(&shared), heard.clone())),
        ];
        if let Some(doorbell) = shared.doorbell.clone() {
            tasks.push(tokio::spawn(listen(to, Arc::downgrade(&shared), heard, doorbell)));
        }
        let end = Arc::new(Notify::new());
        let keeper = keeper.map(|keeper| tokio::spawn(keeper.run(Arc::downgrade(&shared), end.clone())));
        Ok(Arc::new(Postgres {
            shared,
            jobs: Some(jobs),
            writers: threads,
            tasks,
            keeper: Mutex::new(keeper),
            end,
            instance,
            sweeps_until: Mutex::default(),
            pruned: Mutex::default(),
        }))
    }

    /// Before an orderly stop, when nothing is committed any more: signs a last checkpoint, if it is this instance that signs them.
    pub async fn finish(&self) {
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut keeper) = keeper else { return };
        self.end.notify_one();
        if tokio::time::timeout(FINISH_WITHIN, &mut keeper).await.is_err() {
            tracing::warn!("no last checkpoint could be made in time");
            keeper.abort();
        }
    }

    /// What its decisions go by: the database's clock, as it was read last, and the time since.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.shared.time.clone()
    }

    /// Looks at the settings of the database now, as is done every 30 seconds.
    pub async fn look_at_settings(&self) {
        proof::take(&self.shared, proof::look(&self.shared).await);
    }

    /// Takes in what other instances have committed and changed until now, without waiting for the doorbell or the next look.
    pub async fn catch_up(&self) -> Result<(), Error> {
        self.shared.forget_rights();
        self.shared.feed.catch_up(true).await.map(drop)
    }
}

/// The clock as it is read at the start: whatever is read later is compared with it, so it is asked again if its answer was slow.
async fn first_reading(readers: &Arc<Pool>) -> Loaded<Reading> {
    let mut best: Option<Reading> = None;
    for _ in 0..FIRST_READINGS {
        let asked = SystemClock.since_boot();
        let clock = readers.rows(sql::CLOCK, args![]).await?;
        let clock = clock.first().ok_or_else(|| Error::bug("the clock did not answer"))?;
        let reading = Reading::told(Instant(clock.try_get(0)?), asked);
        best = Some(best.filter(|best| best.late() <= reading.late()).unwrap_or(reading));
        if reading.late() <= FIRST_READING_LATE_MAX {
            break;
        }
    }
    best.ok_or_else(|| Error::bug("the clock was not asked"))
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.jobs = None;
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
        if let Some(keeper) = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take() {
            keeper.abort();
        }
        self.shared.readers.close();
        self.shared.writers.close();
        // The threads end by themselves when their queue is empty; they may need this very runtime for that, so nobody waits for them.
        self.writers.clear();
    }
}

/// What was heard of others, and whether anything can be.
#[derive(Default)]
struct Heard {
    commits: Mutex<Vec<Uuid>>,
    rung: Notify,
    listening: std::sync::atomic::AtomicBool,
}

/// Commits that others shall hear of. All that wait are told at once, by the connection that listens: nobody waits for it.
#[derive(Default)]
struct Doorbell {
    commits: Mutex<Vec<Uuid>>,
    rung: Notify,
}

impl Doorbell {
    /// It may be lost: whoever listens looks by itself too.
    fn ring(&self, commit: Uuid) {
        let mut commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        if commits.len() < RUNG_MAX {
            commits.push(commit);
        }
        drop(commits);
        self.rung.notify_one();
    }

    fn take(&self) -> Vec<Uuid> {
        std::mem::take(&mut *self.commits.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Everything that can be booked, and how far each record is.
async fn begin(shared: &Arc<Shared>, connections: usize) -> Loaded<()> {
    let heads = shared.readers.rows(sql::HEADS_ALL, args![shared.part]).await?;
    let of_row = |row: &Row| {
        let hash = load::hash_of(row.try_get(2)?)?;
        Ok((ResourceId(row.try_get(0)?), (unsigned(row.try_get(1)?), hash)))
    };
    let heads = heads.iter().map(of_row).collect::<Loaded<Vec<_>>>()?;
    // While some are made of their rows, the database reads the rows of others.
    let some: Vec<BTreeMap<ResourceId, (u64, Hash)>> =
        heads.chunks(BEGIN_AT_ONCE).map(|some| some.iter().copied().collect()).collect();
    let mut loading = futures_util::stream::iter(some)
        .map(|some| {
            let shared = shared.clone();
            tokio::spawn(async move { begin_with(&shared, some).await })
        })
        .buffered(BEGIN_SIDE_BY_SIDE.min(connections).max(1));
    while let Some(loaded) = loading.next().await {
        loaded.map_err(|_| Error::bug("loading what can be booked panicked"))??;
    }
    Ok(())
}

async fn begin_with(shared: &Shared, heads: BTreeMap<ResourceId, (u64, Hash)>) -> Loaded<()> {
    let calendars = loaded(shared, heads.keys().copied().collect(), |e, wrong| {
        // What cannot be read of one resource is no reason to serve none; and of what comes after it is told.
        for (id, (number, hash)) in wrong.iter().filter_map(|id| Some((*id, *heads.get(id)?))) {
            shared.feed.begin_at(id, number, hash);
        }
        shared.shut(wrong, &e.plainly(), &e.to_string());
    });
    shared.feed.begin_with(&calendars.await?);
    Ok(())
}

async fn loaded(
    shared: &Shared,
    wanted: Vec<ResourceId>,
    unread: impl FnMut(Error, BTreeSet<ResourceId>),
) -> Loaded<Vec<Headed>> {
    let mut conn = shared.readers.get().await?;
    // What does not fit into memory is still in the catalogue.
    let none = Cache::new(0);
    let cache = if shared.cache.half_full() { &none } else { &*shared.cache };
    let with = Loading { cache, turn: cache.turn(), ..shared.loading() };
    let calendars = load::readable(&conn, with, Vec::new(), wanted, unread).await?;
    conn.clean();
    Ok(calendars)
}

/// Marks anew what is taken: what a clock that was set thought to be long past has no marks any more.
async fn mark_again(shared: Arc<Shared>) -> Loaded<()> {
    let heads = shared.readers.rows(sql::HEADS_ALL, args![shared.part]).await?;
    let ids: Vec<ResourceId> = load::ids(&heads)?.into_iter().map(ResourceId).collect();
    for some in ids.chunks(BEGIN_AT_ONCE) {
        // What cannot be read is shut already, or will be when it is asked for.
        let calendars =
            loaded(&shared, some.to_vec(), |e, _| tracing::warn!("marking anew what is taken: {e}")).await?;
        shared.feed.mark_again(&calendars);
    }
    Ok(())
}

/// Looks for what others have committed: when the doorbell rings, and by itself.
async fn follow(shared: Weak<Shared>, heard: Arc<Heard>) {
    let (mut far_at, mut reconciled_at, mut rest) = (Moment::now(), Moment::now(), LOOK_SOON);
    loop {
        drop(tokio::time::timeout(rest, heard.rung.notified()).await);
        let Some(shared) = shared.upgrade() else { return };
        let commits = std::mem::take(&mut *heard.commits.lock().unwrap_or_else(PoisonError::into_inner));
        let far = far_at.elapsed() >= LOOK_FAR;
        let looked = async {
            let named = !commits.is_empty();
            if named {
                shared.feed.take_named(commits).await?;
            }
            // However often it rings, what it has not said is looked for.
            let found = if far || !named { shared.feed.catch_up(far).await? } else { 0 };
            Ok::<_, Error>(found + usize::from(named))
        };
        let looked = looked.await;
        if far {
            far_at = Moment::now();
        }
        let listening = heard.listening.load(std::sync::atomic::Ordering::Relaxed);
        let longest = if listening { LOOK_RUNG } else { LOOK_LATE };
        rest = match &looked {
            Ok(0) => (rest * 2).min(longest),
            Ok(_) => LOOK_SOON,
            Err(_) => LOOK_LATE,
        };
        if let Err(e) = looked {
            shared.heed(&e);
            tracing::warn!("looking for what others have committed: {e}");
        }
        if reconciled_at.elapsed() >= RECONCILE_EVERY {
            reconciled_at = Moment::now();
            match shared.feed.reconcile().await {
                Ok((0, 0)) => {}
                Ok((missed, 0)) => tracing::warn!(resources = missed, "changes were found that no look had found"),
                Ok((_, lost)) => {
                    let says = format!("the record of {lost} resources is not what was committed, or ends before it");
                    shared.heed(&Error::OtherCopy(says));
                }
                Err(e) => {
                    shared.heed(&e);
                    tracing::warn!("comparing with the heads of all resources: {e}");
                }
            }
        }
    }
}

/// Hears of commits as they are made. What is lost is found by looking.
async fn listen(to: Endpoint, shared: Weak<Shared>, heard: Arc<Heard>, doorbell: Arc<Doorbell>) {
    loop {
        if let Err(e) = hear(&to, &shared, &heard, &doorbell).await {
            tracing::debug!("listening for commits of others: {e}");
        }
        heard.listening.store(false, std::sync::atomic::Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn hear(to: &Endpoint, shared: &Weak<Shared>, heard: &Heard, doorbell: &Doorbell) -> Loaded<()> {
    let Some(part) = shared.upgrade().map(|shared| shared.part) else { return Ok(()) };
    let (client, mut messages) = to.listened().await?;
    let mut listening = std::pin::pin!(pool::plain(&client, sql::LISTEN).fuse());
    let mut ringing = std::pin::pin!(Fuse::terminated());
    loop {
        tokio::select! {
            said = &mut listening => said?,
            said = &mut ringing => said?,
            () = doorbell.rung.notified(), if ringing.is_terminated() => ringing.set(ring(&client, part, doorbell.take()).fuse()),
            message = messages.next() => match message {
                Some(Ok(AsyncMessage::Notification(rung))) => {
                    // Behind a pool of connections nothing may ever be heard: only then is it relied on for the pace of looking.
                    heard.listening.store(true, std::sync::atomic::Ordering::Relaxed);
                    let mut words = rung.payload().split(' ');
                    if words.next().and_then(|n| n.parse::<i64>().ok()) == Some(part) {
                        let ids = words.filter_map(|id| Uuid::parse_str(id).ok());
                        let (rights, commits): (Vec<Uuid>, Vec<Uuid>) = ids.partition(|id| *id == RIGHTS_CHANGED);
                        if !rights.is_empty() && let Some(shared) = shared.upgrade() {
                            shared.forget_rights();
                        }
                        if !commits.is_empty() {
                            heard.commits.lock().unwrap_or_else(PoisonError::into_inner).extend(commits);
                            heard.rung.notify_one();
                        }
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(e)) => return Err(e.into()),
                None => return Ok(()),
            },
        }
    }
}

/// Tells of commits, if there are any.
async fn ring(client: &tokio_postgres::Client, part: i64, commits: Vec<Uuid>) -> Loaded<()> {
    if commits.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = commits.iter().map(Uuid::to_string).collect();
    let said = format!("{part} {}", ids.join(" "));
    pool::rows(client, sql::RING, &args!["slotwise", said]).await.map(drop)
}

#[async_trait]
impl Store for Postgres {
    async fn recall(&self, key: AttemptKey) -> Result<Option<Recorded>, StoreError> {
        Ok(self.answered(key).await?.map(|attempt| attempt.recorded))
    }

    async fn observe(&self, mut scope: Scope) -> Result<World, StoreError> {
        let mut world = World::empty(self.shared.epoch);
        if scope.roles.len() <= RIGHTS_APART_MAX {
            for id in std::mem::take(&mut scope.roles).iter().copied() {
                if let Some((role, over)) = self.shared.rights_of(id).await? {
                    world.roles.insert(id, role);
                    if role == Role::Manager {
                        world.manages.insert(id, over);
                    }
                }
                world.loaded.roles.insert(id);
            }
        }
        if load::fill_known(self.shared.loading(), &mut world, &scope) {
            return Ok(world);
        }
        let mut conn = self.shared.readers.get().await?;
        load::fill(&conn, self.shared.loading(), &mut world, &scope, None, None).await?;
        conn.clean();
        Ok(world)
    }

    async fn look(&self, scope: Scope) -> Result<World, StoreError> {
        let mut conn = self.shared.readers.get().await?;
        // Whoever has just booked at another instance finds it here.
        load::calendars_now(&conn, self.shared.loading(), scope.resources.iter().copied().collect()).await?;
        let mut world = World::empty(self.shared.epoch);
        load::fill(&conn, self.shared.loading(), &mut world, &scope, None, None).await?;
        conn.clean();
        Ok(world)
    }

    fn commits_at_once(&self) -> usize {
        self.writers.len()
    }

    async fn commit(&self, batch: Vec<Proposal>, settle: Settle) -> Result<Vec<Settled>, CommitError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(says) = self.shared.refused() {
            return Err(CommitError::NothingWritten(says));
        }
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
        let shared = &*self.shared;
        let most = limit(max.saturating_add(1));
        let asked = [
            (sql::HEADS, args![shared.part, vec![resource.0]]),
            (sql::RECORDS, args![shared.part, resource.0, signed(after.number), i64::MAX, most]),
        ];
        let [head, found] = shared.readers.all(asked).await?;
        let nothing = Version::zero(shared.epoch);
        let current = match head.first() {
            Some(row) => version(row)?,
            None => nothing,
        };
        if after.epoch != shared.epoch || after > current.max(nothing) {
            return Ok(Streamed::Resync);
        }
        let mut records: Vec<Record> = found.iter().map(load::record).collect::<Loaded<_>>()?;
        let more = records.len() > max;
        records.truncate(max);
        Ok(Streamed::Records(records, more))
    }

    async fn outbox(&self, after: Cursor, max: usize) -> Result<(Vec<Record>, Cursor), StoreError> {
        self.shared.feed.after(&after, max)
    }

    async fn head(&self) -> Result<Cursor, StoreError> {
        Ok(self.shared.feed.head())
    }

    async fn due(&self, until: Option<Instant>, max: usize) -> Result<Vec<(Instant, ResourceId)>, StoreError> {
        if !self.take_sweep().await? {
            return Ok(Vec::new());
        }
        let shared = &*self.shared;
        let until = until.unwrap_or_else(|| shared.time.now());
        // What is shut here cannot be carried out here.
        let shut = shared.shut_now();
        let most = limit(max.saturating_add(shut.len()));
        let found = shared.readers.rows(sql::DUE, args![shared.part, until.0, most]).await?;
        let due = found.iter().map(|row| Ok((Instant(row.try_get(1)?), ResourceId(row.try_get(0)?))));
        let mut due = due.collect::<Loaded<Vec<_>>>()?;
        due.retain(|(_, id)| !shut.contains(id));
        due.truncate(max);
        Ok(due)
    }

    async fn sweeps(&self) -> Result<bool, StoreError> {
        Ok(self.take_sweep().await?)
    }

    fn restored_at(&self) -> Option<Instant> {
        self.shared.epoch_began
    }

    fn status(&self) -> Status {
        self.shared.status()
    }

    fn warnings(&self) -> Vec<String> {
        self.shared.health.warnings()
    }

    fn checkpoint(&self) -> Option<Checkpoint> {
        self.shared.checkpoint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn doorbell(&self) -> Option<Arc<Notify>> {
        Some(self.shared.feed.bell.clone())
    }

    fn accept_clock(&self) {
        // By the clock as it was, calendars and marks have forgotten what was long past then, and may not be now.
        self.shared.cache.clear();
        self.shared.health.accept(&*self.shared.time, || {});
        let shared = self.shared.clone();
        tokio::spawn(async move {
            if let Err(e) = mark_again(shared).await {
                tracing::warn!("marking anew what is taken: {e}");
            }
        });
    }
}

impl Postgres {
    /// Whether it is this instance that carries out what falls due: one of them does, and another within two seconds of its end. Who
    /// decides nothing leaves it to others; and where something is shut here, they come first, because they may have it open.
    async fn take_sweep(&self) -> Loaded<bool> {
        let shared = &*self.shared;
        if shared.status() != Status::Ready {
            self.sweeps_for(None);
            return Ok(false);
        }
        let first = shared.shut_now().is_empty();
        let until = *self.sweeps_until.lock().unwrap_or_else(PoisonError::into_inner);
        if first && until.is_some_and(|until| until > Moment::now()) {
            return Ok(true);
        }
        let asked_at = Moment::now();
        let conn = &mut shared.readers.get().await?;
        let take = async || -> Loaded<bool> {
            pool::rows(conn, sql::SWEEPER_ADD, &args![shared.part, self.instance]).await?;
            let sweep = if first { sql::SWEEP } else { sql::SWEEP_ONCE };
            Ok(!pool::rows(conn, sweep, &args![shared.part, self.instance]).await?.is_empty())
        };
        let taken = take().await;
        if taken.is_ok() {
            conn.clean();
        }
        let taken = taken?;
        self.sweeps_for((taken && first).then(|| asked_at + Duration::from_secs(1)));
        if taken {
            self.prune_now_and_then().await?;
        }
        Ok(taken)
    }

    fn sweeps_for(&self, until: Option<Moment>) {
        *self.sweeps_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// Takes away what is kept no longer than keys are: answers' places, commit ids, holds that have ended. Whoever sweeps does it,
    /// a little at a time. A clock that is ahead takes away no more than the last decision allows.
    async fn prune_now_and_then(&self) -> Loaded<()> {
        {
            let mut pruned = self.pruned.lock().unwrap_or_else(PoisonError::into_inner);
            if pruned.is_some_and(|at| at.elapsed() < PRUNE_EVERY) {
                return Ok(());
            }
            *pruned = Some(Moment::now());
        }
        let shared = &*self.shared;
        let before = shared.time.now().min(Instant(shared.feed.stamp())).minus(round::KEY_KEPT);
        // The first id of the millisecond after: what is exactly as old as that is old too.
        let millis = u64::try_from(before.0.div_euclid(1_000) + 1).unwrap_or(0);
        let first = uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid();
        for sql in [sql::OLD_KEYS, sql::OLD_COMMIT_IDS, sql::OLD_HOLDS] {
            shared.readers.rows(sql, args![shared.part, first, PRUNED_AT_ONCE]).await?;
        }
        Ok(())
    }

    /// The attempt with a key, whole.
    async fn answered(&self, key: AttemptKey) -> Loaded<Option<Attempt>> {
        let shared = &*self.shared;
        let found = shared.readers.rows(sql::ANSWER, args![shared.part, key.key, key.actor]).await?;
        let Some(row) = found.first() else { return Ok(None) };
        let commit = load::commit(row, 0, 1, 2)?;
        let entry = commit.entries.iter().find(|entry| entry.recorded.key == key);
        let entry = entry.ok_or_else(|| Error::bug(format!("the answer to {} is not where it should be", key.key)))?;
        Ok(Some(attempt_of(entry)))
    }

    /// The commits that changed a booking, in order, with what people said in them.
    async fn commits_of(&self, id: BookingId) -> Loaded<Vec<(crate::commit::Commit, crate::codec::Said)>> {
        let shared = &*self.shared;
        let found = shared.readers.rows(sql::COMMITS_OF, args![shared.part, id.0]).await?;
        found.iter().map(|row| Ok((load::commit(row, 1, 3, 4)?, said_of(row, 5)?))).collect()
    }
}

fn said_of(row: &Row, at: usize) -> Loaded<crate::codec::Said> {
    let said: Option<&[u8]> = row.try_get(at)?;
    Ok(said.map(crate::codec::decode_said).transpose()?.unwrap_or_default())
}

fn attempt_of(entry: &crate::commit::Entry) -> Attempt {
    Attempt {
        recorded: (*entry.recorded).clone(),
        command: entry.command.to_string(),
        records: entry.records.iter().map(|record| entry.record(record)).collect(),
    }
}

/// A row of resource, epoch, number.
fn version(row: &Row) -> Loaded<Version> {
    Ok(Version { epoch: load::epoch(row.try_get(1)?), number: unsigned(row.try_get(2)?) })
}

#[async_trait]
impl Views for Postgres {
    fn catalogue(&self) -> &RwLock<Catalogue> {
        self.shared.feed.catalogue()
    }

    async fn calendars(&self, ids: Vec<ResourceId>) -> Result<Vec<Arc<Calendar>>, StoreError> {
        if ids.len() > SHOWN_NOW_MAX {
            let known: Vec<_> = ids.iter().map(|id| self.shared.cache.get(*id)).collect();
            if known.iter().all(Option::is_some) {
                return Ok(known.into_iter().flatten().map(|of| of.calendar).collect());
            }
        }
        let mut conn = self.shared.readers.get().await?;
        let loaded = match ids.len() {
            0..=SHOWN_NOW_MAX => load::calendars_now(&conn, self.shared.loading(), ids.clone()).await?,
            _ => load::calendars_seen(&conn, self.shared.loading(), ids.clone()).await?,
        };
        conn.clean();
        let loaded: BTreeMap<ResourceId, Arc<Calendar>> =
            loaded.into_iter().map(|of| (of.calendar.resource.id, of.calendar)).collect();
        Ok(ids.iter().filter_map(|id| loaded.get(id).cloned()).collect())
    }

    async fn booking(&self, id: BookingId) -> Result<Option<Arc<Booking>>, StoreError> {
        let found = self.shared.readers.rows(sql::BOOKINGS_BY_ID, args![self.shared.part, vec![id.0]]).await?;
        Ok(found.first().map(load::booking).transpose()?.map(Arc::new))
    }

    async fn bookings(&self, filter: BookingFilter) -> Result<Vec<Arc<Booking>>, StoreError> {
        let BookingFilter { owner, resource, from, to, state, series, after, max } = filter;
        let mut values = args![
            self.shared.part,
            owner.map(|id| id.0),
            state,
            series.map(|id| id.0),
            from.map(|t| t.0),
            to.map(|t| t.0),
            after.map(|(start, _)| start.0),
            after.map(|(_, id)| id.0),
            limit(max),
        ];
        let sql = match resource {
            Some(id) => {
                values.push(pool::arg(id.0));
                sql::BOOKINGS_OF_RESOURCE
            }
            None => sql::BOOKINGS,
        };
        let found = self.shared.readers.rows(sql, values).await?;
        Ok(found.iter().map(|row| Ok(Arc::new(load::booking(row)?))).collect::<Loaded<_>>()?)
    }

    async fn history(&self, id: BookingId, max: usize) -> Result<Vec<Record>, StoreError> {
        let commits = self.commits_of(id).await?;
        let records = commits.iter().flat_map(|(commit, _)| commit.records());
        let of_it = records.filter(|(_, r)| r.changes.iter().any(|change| change.booking() == Some(id)));
        Ok(of_it.map(|(entry, record)| entry.record(record)).take(max).collect())
    }

    async fn attempt(&self, key: AttemptKey) -> Result<Option<Attempt>, StoreError> {
        Ok(self.answered(key).await?)
    }

    async fn attempts(&self, filter: AttemptFilter) -> Result<AttemptsPage, StoreError> {
        Ok(self.attempts_page(&filter).await?)
    }

    async fn records(&self, resource: ResourceId, after: u64, upto: u64) -> Result<Vec<Record>, StoreError> {
        let values = args![self.shared.part, resource.0, signed(after), signed(upto), i64::MAX];
        let found = self.shared.readers.rows(sql::RECORDS, values).await?;
        Ok(found.iter().map(load::record).collect::<Loaded<_>>()?)
    }

    async fn booking_as_of(
        &self,
        id: BookingId,
        resource: ResourceId,
        number: u64,
    ) -> Result<Option<Arc<Booking>>, StoreError> {
        let mut booking: Option<Booking> = None;
        for (commit, said) in self.commits_of(id).await? {
            for (place, entry) in commit.entries.iter().enumerate() {
                if entry.changes().all(|change| change.booking() != Some(id)) {
                    continue;
                }
                if entry.records.iter().any(|r| r.resource == resource && r.version.number > number) {
                    return Ok(booking.map(Arc::new));
                }
                let details = said.iter().find(|(n, of, _)| (*n as usize, *of) == (place, id));
                let details = details.map(|(.., details)| details.clone());
                let (by, at) = (entry.actor(), entry.recorded.decision.decided_at);
                booking = Booking::after(booking.as_ref(), id, entry.changes(), details, by, at);
            }
        }
        Ok(booking.map(Arc::new))
    }

    async fn holds_of(&self, holder: PersonId) -> Result<Vec<Hold>, StoreError> {
        let found = self.shared.readers.rows(sql::CLAIMS_LIVE, args![self.shared.part, vec![holder.0]]).await?;
        let mut holds = Vec::new();
        for row in &found {
            let (_, change) = load::claim(row)?;
            holds.extend(load::hold_of(&change).map(|(hold, _)| hold));
        }
        holds.sort_by_key(|hold| hold.id);
        Ok(holds)
    }

    async fn notices_of(&self, person: PersonId, before: NoticeId, max: usize) -> Result<Vec<Noted>, StoreError> {
        let values = args![self.shared.part, person.0, signed(before.commit), i64::from(before.place), limit(max)];
        let found = self.shared.readers.rows(sql::NOTICES_OF, values).await?;
        Ok(found.iter().map(noted).collect::<Loaded<_>>()?)
    }

    async fn notices_after(&self, after: NoticeId, max: usize) -> Result<Vec<Noted>, StoreError> {
        let values = args![self.shared.part, signed(after.commit), i64::from(after.place), limit(max)];
        let found = self.shared.readers.rows(sql::NOTICES_AFTER, values).await?;
        Ok(found.iter().map(noted).collect::<Loaded<_>>()?)
    }

    async fn entries_of(&self, owner: PersonId, max: usize) -> Result<Vec<(WaitEntry, Option<EntryEnd>)>, StoreError> {
        let found =
            self.shared.readers.rows(sql::CLAIMS_OF, args![self.shared.part, owner.0, ENTRY, limit(max)]).await?;
        let mut entries = Vec::new();
        for row in &found {
            entries.extend(load::entry_listed(&load::claim(row)?.1));
        }
        Ok(entries)
    }
}

/// A row that begins with person, stamp, place, news, booking, resource, instant, dates.
fn noted(row: &Row) -> Loaded<Noted> {
    let name: &str = row.try_get(3)?;
    let news = News::named(name).ok_or_else(|| crate::codec::Malformed(format!("{name} is no news")))?;
    let notice = Notice { to: PersonId(row.try_get(0)?), news, booking: BookingId(row.try_get(4)?) };
    let place: i64 = row.try_get(2)?;
    let id = NoticeId { commit: unsigned(row.try_get(1)?), place: u32::try_from(place).unwrap_or(u32::MAX) };
    let (resource, at, dates) = (ResourceId(row.try_get(5)?), Instant(row.try_get(6)?), row.try_get::<_, i64>(7)?);
    Ok(Noted { id, notice, resource, at, dates: u32::try_from(dates).unwrap_or(u32::MAX) })
}

/// Commits read at once for a page of attempts.
const PAGE_COMMITS: usize = 64;
/// A decision may be so much later than its commit's stamp, or earlier, where clocks were set.
const CLOCK_SLACK: Span = Span::seconds(60);

impl Postgres {
    /// Attempts that a filter takes, the latest first. A place is the commit's stamp, and where in it.
    async fn attempts_page(&self, filter: &AttemptFilter) -> Loaded<AttemptsPage> {
        let shared = &*self.shared;
        let (mut stamp, mut end) = match &filter.before {
            Some(before) => place_of(before),
            None => (i64::MAX, usize::MAX),
        };
        if let Some(to) = filter.to.map(|to| to.plus(CLOCK_SLACK).0)
            && to < stamp
        {
            (stamp, end) = (to, usize::MAX);
        }
        let first = filter.from.map_or(i64::MIN, |from| from.minus(CLOCK_SLACK).0);
        let (mut attempts, mut looked) = (Vec::new(), 0);
        loop {
            let values = args![shared.part, stamp, limit(PAGE_COMMITS)];
            let found = shared.readers.rows(sql::JOURNAL_BEFORE, values).await?;
            // Commits of one stamp are one list.
            let mut by_stamp: BTreeMap<i64, Vec<crate::commit::Commit>> = BTreeMap::new();
            for row in &found {
                by_stamp.entry(row.try_get(2)?).or_default().push(load::commit(row, 1, 3, 4)?);
            }
            for (at, commits) in by_stamp.into_iter().rev() {
                if at < first {
                    return Ok(AttemptsPage { attempts, next: None });
                }
                // They were read with the last id first.
                let entries: Vec<_> = commits.iter().rev().flat_map(|commit| &commit.entries).collect();
                let mut place = if at == stamp { end.min(entries.len()) } else { entries.len() };
                while place > 0 {
                    if attempts.len() >= filter.max || looked >= filter.look_max {
                        return Ok(AttemptsPage { attempts, next: Some(cursor_at(at, place)) });
                    }
                    place -= 1;
                    looked += 1;
                    let Some(entry) = entries.get(place) else { continue };
                    if filter.takes(&entry.recorded, || entry.changes_by_resource()) {
                        attempts.push(attempt_of(entry));
                    }
                }
                (stamp, end) = (at - 1, usize::MAX);
            }
            if found.len() < PAGE_COMMITS {
                return Ok(AttemptsPage { attempts, next: None });
            }
        }
    }
}

/// No commit has so many attempts.
const PLACE_BITS: u32 = 13;
/// 1 January 2020: what a cursor counts from, so that it fits.
const CURSOR_FROM: i64 = 1_577_836_800_000_000;

fn cursor_at(stamp: i64, place: usize) -> Cursor {
    let place = place.min((1 << PLACE_BITS) - 1) as u64;
    Cursor((stamp - CURSOR_FROM).max(0).unsigned_abs() << PLACE_BITS | place)
}

fn place_of(Cursor(cursor): &Cursor) -> (i64, usize) {
    let stamp = signed(cursor >> PLACE_BITS).saturating_add(CURSOR_FROM);
    (stamp, (cursor & ((1 << PLACE_BITS) - 1)) as usize)
}
