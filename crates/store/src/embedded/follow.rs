//! Follows the journal: one thread brings its commits into the tables that queries read, many at once, in order.
//! Nobody is answered from here, and nothing is decided: what it has not done yet is in memory, and what it did can be made again.

use super::checkpoint::{checkpoint, watch_log};
use super::connect::{Use, connect, use_log};
use super::erase::erase_rows;
use super::error::{Error, OpenError, Result};
use super::journal::{self, Head, Meta};
use super::load;
use super::mend::Mend;
use super::rows::{self, Mark, Rows};
use super::tail::Tail;
use super::with_suffix;
use crate::commit::Commit;
use crate::health::Health;
use crate::record;
use rusqlite::{Connection, TransactionBehavior, params};
use slotwise_domain::{BookingId, Instant, Span};
use slotwise_engine::Clock;
use slotwise_engine::round::KEY_KEPT;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant as Moment};

/// The tables' file in the data directory.
pub(super) const FILE: &str = "views.sqlite";
/// `SLOV`
const APPLICATION_ID: u32 = 0x534c_4f56;
/// Raised whenever the tables or what is in them change; they are made anew then.
const FORMAT: u32 = 9;
const SCHEMA: &str = include_str!("../../migrations/views/schema.sql");

/// How much it stands back behind all that somebody waits for, as `nice` counts: a third of their share where the processors do
/// not suffice. The writer waits for it when it is too far behind.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;
/// It works so long, then rests: a processor it keeps for a third of a second is one that everybody else waits for, for as long.
const AT_ONCE: Duration = Duration::from_millis(1);
/// It rests so many times longer than it has worked.
const RESTS: u32 = 2;
/// SQLite's own steps between two looks whether it has worked long enough: about a tenth of [`AT_ONCE`].
const STEPS: i32 = 1_000;
/// How long what is durable may wait before it is brought into the tables unasked.
const LAZY: Duration = Duration::from_secs(2);
/// Attempts brought in at once.
const BATCH_MAX: usize = 32_768;
/// From so many attempts behind on, it does not wait.
const ENOUGH: u64 = 16_384;
/// From so many on, it does not rest.
const FAR_BEHIND: u64 = 2 * ENOUGH;
/// So many attempts may be behind; the writer waits beyond it.
const BEHIND_MAX: u64 = 200_000;
/// Rows are made anew between two batches; none takes so long.
const MEND_WITHIN: Duration = Duration::from_secs(60);
/// From so many pages on the tables' own log is copied.
const CHECKPOINT_PAGES: u32 = 8_000;
/// Rows of a kind that are taken away at once, so that nothing waits for it.
const PRUNE_MAX: usize = 2_000;
/// How often it is looked whether there is any, by the store's clock.
const PRUNE_EVERY: Span = Span::seconds(60);

/// The follower's other end.
pub(super) struct Follower {
    tail: Arc<Tail>,
    health: Arc<Health>,
    bell: Option<SyncSender<()>>,
    /// Somebody waits until the tables have this commit.
    wanted: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
    failed: Arc<AtomicBool>,
    mends: mpsc::SyncSender<Asked>,
}

/// What is to be done to the tables between two batches; and where it is said whether that was done.
struct Asked {
    work: Work,
    done: SyncSender<Result<bool>>,
}

enum Work {
    /// Rows to make anew.
    Mend(Mend),
    /// All tables, at the next start.
    Condemn,
    /// What people wrote in these bookings is to be forgotten.
    Erase(Vec<BookingId>),
}

impl Follower {
    /// Starts after the tables' mark.
    pub fn start(
        tables: Tables,
        tail: Arc<Tail>,
        health: Arc<Health>,
        clock: Arc<dyn Clock>,
        decided: Instant,
    ) -> std::io::Result<Follower> {
        let (bell, rung) = mpsc::sync_channel(1);
        let failed = Arc::new(AtomicBool::new(false));
        let Tables { db, mark, pages } = tables;
        let (tail_of_run, health_of_run, failed_of_run) = (tail.clone(), health.clone(), failed.clone());
        let (mends, asked) = mpsc::sync_channel(1);
        let wanted = Arc::new(AtomicU64::new(0));
        let run = Run {
            db,
            pages,
            mark,
            tail: tail_of_run,
            health: health_of_run,
            failed: failed_of_run,
            wanted: wanted.clone(),
            asked,
            clock,
            decided: Some(decided),
            prune_at: Instant::MIN,
            pruned: Moment::now(),
            erased: false,
        };
        let thread = std::thread::Builder::new().name("slotwise-views".into()).spawn(move || run.run(&rung))?;
        Ok(Follower { tail, health, bell: Some(bell), wanted, thread: Some(thread), failed, mends })
    }

    /// Has it catch up now, without a rest: somebody waits.
    fn hurry(&self) {
        self.wanted.fetch_max(self.tail.head(), Ordering::AcqRel);
        self.ring();
    }

    /// Has it begin now instead of in a while.
    fn ring(&self) {
        if let Some(bell) = &self.bell {
            match bell.try_send(()) {
                // Full: it was rung already.
                Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
            }
        }
    }

    /// Waits until the tables have what is durable now. If they cannot follow, what they have must do: the server is not ready
    /// then and says so.
    pub async fn caught_up(&self) {
        let (head, mut applied) = (self.tail.head(), self.tail.watch_applied());
        while *applied.borrow_and_update() < head && !self.failed.load(Ordering::Acquire) {
            self.hurry();
            drop(tokio::time::timeout(LAZY, applied.changed()).await);
        }
    }

    /// For the writer, before a commit: waits while the tables are too far behind.
    pub fn keep_near(&self) {
        if self.tail.behind() >= ENOUGH {
            self.ring();
        }
        while self.tail.behind() >= BEHIND_MAX && self.health.stopped().is_none() {
            self.hurry();
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Has rows made anew between two batches. Says whether they were: not if their resource has changed since.
    pub fn mend(&self, mend: Mend) -> Result<bool> {
        self.ask(Work::Mend(mend))
    }

    /// Has what people wrote in bookings forgotten, and says whether there was anything. The journal must have forgotten it before.
    pub fn erase(&self, ids: Vec<BookingId>) -> Result<bool> {
        self.ask(Work::Erase(ids))
    }

    /// Has the next start make all tables anew: they are of no known format from now on.
    pub fn condemn(&self) -> Result<()> {
        self.ask(Work::Condemn).map(drop)
    }

    fn ask(&self, work: Work) -> Result<bool> {
        let (done, said) = mpsc::sync_channel(1);
        let gone = || Error::bug("the thread that follows the journal has ended");
        self.mends.send(Asked { work, done }).map_err(|_| gone())?;
        self.hurry();
        said.recv_timeout(MEND_WITHIN).map_err(|_| gone())?
    }

    /// Brings in what is left, and ends.
    pub fn finish(&mut self) {
        self.wanted.store(u64::MAX, Ordering::Release);
        drop(self.bell.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that follows the journal panicked; this is a bug");
        }
    }
}

/// The tables, opened.
pub(super) struct Tables {
    pub db: Connection,
    pub mark: Mark,
    /// Pages in their log.
    pages: Arc<AtomicU32>,
}

struct Run {
    db: Connection,
    pages: Arc<AtomicU32>,
    mark: Mark,
    tail: Arc<Tail>,
    health: Arc<Health>,
    failed: Arc<AtomicBool>,
    wanted: Arc<AtomicU64>,
    asked: Receiver<Asked>,
    clock: Arc<dyn Clock>,
    /// When the last commit before the start was decided, until there is another.
    decided: Option<Instant>,
    /// When it is looked again for what is kept no longer.
    prune_at: Instant,
    pruned: Moment,
    /// Words were forgotten since the start.
    erased: bool,
}

impl Run {
    fn run(mut self, rung: &Receiver<()>) {
        stand_back();
        if let Err(e) = self.rest_between_steps() {
            tracing::warn!(error = %e, "the thread that follows the journal works without a rest");
        }
        let mut open = true;
        while open {
            open = !matches!(rung.recv_timeout(LAZY), Err(RecvTimeoutError::Disconnected));
            while let commits = self.tail.after_applied(BATCH_MAX)
                && !commits.is_empty()
            {
                let begun = Moment::now();
                if let Err(e) = self.apply(&commits) {
                    self.failed.store(true, Ordering::Release);
                    let cause = format!("{}, while the tables for queries were written", e.plainly());
                    self.health.stop(cause, format!("the tables for queries cannot follow the journal: {e}"));
                    return;
                }
                self.tail.forget(&commits);
                metrics::histogram!("slotwise_store_view_seconds").record(begun.elapsed());
                metrics::gauge!("slotwise_store_view_behind").set(self.tail.behind() as f64);
                // Under load that never ends nobody would ever be idle.
                if self.pruned.elapsed() >= LAZY {
                    self.prune_some();
                }
            }
            self.prune_some();
            while let Ok(Asked { work, done }) = self.asked.try_recv() {
                // Whoever asked may have given up.
                let carried_out = match work {
                    Work::Mend(mend) => mend.carry_out(&mut self.db),
                    Work::Condemn => condemn(&self.db).map(|()| true),
                    Work::Erase(ids) => {
                        self.erased = true;
                        erase_rows(&mut self.db, &ids)
                    }
                };
                drop(done.send(carried_out));
            }
        }
        let copied = match self.erased {
            // What was forgotten is in the log too, until it is emptied.
            true => self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())),
            false => checkpoint(&self.db).map(drop),
        };
        if let Err(e) = copied {
            tracing::warn!(error = %e, "the tables' log could not be copied at the end; the next start reads it");
        }
    }

    /// In the middle of a batch it rests, while nobody waits for the tables and they are not far behind. Nobody else writes them, and
    /// readers do not mind a transaction that is open.
    fn rest_between_steps(&mut self) -> rusqlite::Result<()> {
        let (tail, wanted, mut rested) = (self.tail.clone(), self.wanted.clone(), Moment::now());
        let rest = move || {
            let worked = rested.elapsed();
            if worked < AT_ONCE {
                return false;
            }
            if tail.applied() >= wanted.load(Ordering::Acquire) && tail.behind() < FAR_BEHIND {
                // It may not have worked at all since: it slept for want of commits.
                std::thread::sleep(worked.min(2 * AT_ONCE) * RESTS);
            }
            rested = Moment::now();
            false
        };
        self.db.progress_handler(STEPS, Some(rest))
    }

    /// Takes away some of what is kept no longer. The journal has it all, so what fails here is tried again later.
    fn prune_some(&mut self) {
        let now = self.health.unset(&*self.clock);
        if now < self.prune_at || self.health.stopped().is_some() {
            return;
        }
        self.pruned = Moment::now();
        let before = self.kept_since();
        match rows::prune(&mut self.db, before, PRUNE_MAX) {
            // There is more: the next turn goes on.
            Ok(rows) if rows >= PRUNE_MAX => {}
            Ok(_) => self.prune_at = now.plus(PRUNE_EVERY),
            Err(e) => {
                self.prune_at = now.plus(PRUNE_EVERY);
                tracing::warn!(error = %e, "what is kept no longer could not be taken out of the tables");
            }
        }
    }

    /// Answers from before it are kept no longer. Until something is decided, a clock that was wrong at the start already is not
    /// believed: the answers would be gone, and when it is put right, what was told once would be done again.
    fn kept_since(&self) -> Instant {
        let now = self.health.unset(&*self.clock);
        self.decided.map_or(now, |decided| now.min(decided)).minus(KEY_KEPT)
    }

    fn apply(&mut self, commits: &[Arc<Commit>]) -> Result<()> {
        self.decided = None;
        let since = self.kept_since();
        self.mark = apply(&mut self.db, self.mark, commits.iter().map(|c| &**c), since)?;
        copy_long_log(&self.db, &self.pages)
    }
}

/// Brings commits in after the mark, in one transaction; says how far the tables are then. Keys from before `since` are kept no
/// longer, and not put in.
pub(super) fn apply<'a>(
    db: &mut Connection,
    mark: Mark,
    commits: impl Iterator<Item = &'a Commit>,
    since: Instant,
) -> Result<Mark> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut rows = Rows::begin(&tx, mark, since);
    for commit in commits {
        rows.commit(commit)?;
    }
    let mark = rows.finish()?;
    tx.commit()?;
    Ok(mark)
}

/// Lets whoever is answered now go first. If the system does not, it only takes longer.
fn stand_back() {
    // Elsewhere it would mean the whole process.
    #[cfg(target_os = "linux")]
    if let Err(e) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(error = %e, "the thread that follows the journal has no lower priority");
    }
}

fn condemn(db: &Connection) -> Result<()> {
    // Of no format that is known: the mark itself moves on with what is still brought in.
    Ok(db.pragma_update(None, "user_version", 0)?)
}

fn copy_long_log(db: &Connection, pages: &AtomicU32) -> Result<()> {
    if pages.load(Ordering::Relaxed) >= CHECKPOINT_PAGES {
        checkpoint(db)?;
    }
    Ok(())
}

// Opening

/// The tables of a journal, with all that is in it. Makes them anew if they are not this journal's, or cannot follow it.
pub(super) fn open(
    dir: &Path,
    journal: &Connection,
    meta: &Meta,
    head: &Head,
    cache_bytes: usize,
    now: Instant,
) -> std::result::Result<Tables, OpenError> {
    let since = now.minus(KEY_KEPT);
    let path = dir.join(FILE);
    let failed = || OpenError::sql(format!("opening {}", path.display()));
    match catch_up(&path, journal, meta, head, cache_bytes, since) {
        Ok(opened) => return Ok(opened),
        Err(Error::Sql(e)) if cannot_be_mended(&e) => return Err(failed()(e)),
        // From a journal that is damaged nothing can be made.
        Err(e @ Error::Damaged(_)) => return Err(e.into()),
        Err(e) => tracing::warn!(error = %e, "the tables for queries are made anew from the journal"),
    }
    for suffix in ["", "-wal", "-shm"] {
        match std::fs::remove_file(with_suffix(&path, suffix)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(OpenError::io(format!("removing {}", path.display()))(e));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(catch_up(&path, journal, meta, head, cache_bytes, since)?)
}

/// A disk that is full or sick is not mended by writing it all again.
fn cannot_be_mended(e: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, DiskFull, OutOfMemory, PermissionDenied, ReadOnly, SystemIoFailure};
    matches!(
        e.sqlite_error_code(),
        Some(DiskFull | ReadOnly | SystemIoFailure | OutOfMemory | PermissionDenied | CannotOpen)
    )
}

fn catch_up(
    path: &Path,
    journal: &Connection,
    meta: &Meta,
    head: &Head,
    cache_bytes: usize,
    since: Instant,
) -> Result<Tables> {
    let mut db = connect(path, Use::Write, cache_bytes)?;
    use_log(&db)?;
    // What is lost here in a power cut is in the journal.
    db.pragma_update(None, "synchronous", "NORMAL")?;
    let pages = watch_log(&mut db)?;
    let mut mark = begin(&mut db, meta)?;
    let theirs = match mark.number {
        0 => Some(record::commits_genesis(meta.writer)),
        number => journal::hash(journal, number)?,
    };
    if theirs != Some(mark.hash) {
        return Err(Error::bug("the tables follow another journal"));
    }
    let begun = Moment::now();
    let behind = head.number - mark.number;
    let mut told = Moment::now();
    while mark.number < head.number {
        let mut commits = Vec::new();
        let mut known = std::collections::HashMap::new();
        for (mut commit, said) in journal::commits_after(journal, mark.number, BATCH_MAX)? {
            commit.fold_bookings(&said, |id| match known.get(&id) {
                Some(booking) => Ok::<_, Error>(Some(Arc::clone(booking))),
                None => Ok(load::booking(&db, id)?.map(Arc::new)),
            })?;
            known.extend(commit.entries.iter().flat_map(|e| &e.bookings).map(|b| (b.id, b.clone())));
            commits.push(commit);
        }
        if commits.is_empty() {
            return Err(Error::bug(format!("the journal ends before commit {}", head.number)));
        }
        mark = apply(&mut db, mark, commits.iter(), since)?;
        copy_long_log(&db, &pages)?;
        if told.elapsed() > Duration::from_secs(2) {
            tracing::info!(commit = mark.number, of = head.number, "bringing the journal into the tables for queries");
            told = Moment::now();
        }
    }
    if behind > 0 {
        tracing::info!(commits = behind, took = ?begun.elapsed(), "the tables for queries have caught up with the journal");
    }
    Ok(Tables { db, mark, pages })
}

/// Tables that nobody else sees, in a file of the system's temporary directory that has no name and is gone when it is closed.
pub(super) fn nameless(meta: &Meta) -> Result<(Connection, Mark)> {
    let mut tables = Connection::open("")?;
    tables.pragma_update(None, "journal_mode", "OFF")?;
    tables.pragma_update(None, "synchronous", "OFF")?;
    tables.pragma_update(None, "cache_size", -65_536)?;
    tables.set_prepared_statement_cache_capacity(128);
    let mark = begin(&mut tables, meta)?;
    Ok((tables, mark))
}

/// Takes every index away, for tables that are only looked into by their keys.
pub(super) fn without_indexes(tables: &Connection) -> Result<()> {
    const INDEXES: &str = "SELECT 'DROP INDEX ' || name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
    let drops: Vec<String> =
        tables.prepare(INDEXES)?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(drops.iter().try_for_each(|drop| tables.execute_batch(drop))?)
}

/// The mark of tables of this format; makes them if there are none.
pub(super) fn begin(db: &mut Connection, meta: &Meta) -> Result<Mark> {
    let tables: u32 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 {
        let id: u32 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let format: u32 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
        return match load::mark(db) {
            Ok(Some(mark)) if (id, format) == (APPLICATION_ID, FORMAT) => Ok(mark),
            Ok(_) => Err(Error::bug(format!("they have format {format}, and this version's is {FORMAT}"))),
            Err(e) => Err(e),
        };
    }
    let mark = Mark { number: 0, hash: record::commits_genesis(meta.writer), longest: slotwise_domain::Span::ZERO };
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(SCHEMA)?;
    tx.execute(
        "INSERT INTO mark (part_id, number, hash, longest) VALUES (?1, 0, ?2, 0)",
        params![load::PART, mark.hash],
    )?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", FORMAT)?;
    tx.commit()?;
    Ok(mark)
}
