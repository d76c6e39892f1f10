//! Keeps the log short without making anybody wait: the bulk is copied by a thread of its own, the rest between two commits.
//! It loses nothing if it never runs; the log only grows.

use super::connect::{Use, connect};
use super::error::plainly;
use super::health::Health;
use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender, TrySendError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant as Moment};

/// The writer's end.
pub(super) struct Checkpointer {
    /// Pages in the log after the last commit.
    pages: Arc<AtomicU32>,
    /// From so many pages on the log is copied.
    enough: u32,
    /// The thread has copied what there was, and the rest is short.
    caught_up: Arc<AtomicBool>,
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A log left alone so long is copied, however short it is.
const IDLE: Duration = Duration::from_secs(1);
/// From so many times `enough` on the writer copies all of it itself.
const TOO_MUCH: u32 = 4;
/// So many pages are copied in no time.
const SHORT: u32 = 64;
/// How often one after the other what was written meanwhile is copied too.
const PASSES_MAX: usize = 4;

impl Checkpointer {
    /// Watches the writer's connection. With `enough` at its greatest, nothing is ever copied before the end.
    pub fn start(db: &mut Connection, path: &Path, enough: u32, health: Arc<Health>) -> rusqlite::Result<Checkpointer> {
        let pages = watch_log(db)?;
        let caught_up = Arc::new(AtomicBool::new(false));
        let (wake, woken) = mpsc::sync_channel::<()>(1);
        let copy = Copy {
            db: connect(path, Use::Write, 1 << 20)?,
            pages: pages.clone(),
            caught_up: caught_up.clone(),
            enough,
            health,
        };
        copy.db.pragma_update(None, "wal_autocheckpoint", 0)?;
        let thread = std::thread::Builder::new().name("slotwise-checkpoint".into()).spawn(move || copy.run(&woken));
        let thread = thread.ok();
        Ok(Checkpointer { pages, enough, caught_up, wake: thread.is_some().then_some(wake), thread })
    }

    /// Called by the writer between two commits.
    pub fn after_commit(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.enough {
            return Ok(());
        }
        let short = self.caught_up.swap(false, Ordering::AcqRel);
        if short || pages >= self.enough.saturating_mul(TOO_MUCH) {
            return checkpoint(db).map(drop);
        }
        match self.wake.as_ref().map(|wake| wake.try_send(())) {
            Some(Ok(()) | Err(TrySendError::Full(()))) => Ok(()),
            Some(Err(TrySendError::Disconnected(()))) | None => checkpoint(db).map(drop),
        }
    }

    /// The orderly end: the database alone holds everything. After a failure nothing is touched any more.
    pub fn finish(&mut self, db: &Connection, health: &Health) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the checkpoint thread panicked; this is a bug");
        }
        if health.stopped().is_none()
            && self.enough < u32::MAX
            && let Err(e) = db.wal_checkpoint_v2(Some(rusqlite::MAIN_DB), CheckpointMode::TRUNCATE)
        {
            tracing::error!(error = %e, "the log could not be brought into the database at the end; the next start does it");
        }
    }
}

struct Copy {
    db: Connection,
    pages: Arc<AtomicU32>,
    caught_up: Arc<AtomicBool>,
    enough: u32,
    health: Arc<Health>,
}

impl Copy {
    fn run(self, woken: &mpsc::Receiver<()>) {
        let mut copied = 0;
        loop {
            match woken.recv_timeout(IDLE) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => {
                    let pages = self.pages.load(Ordering::Relaxed);
                    if pages == copied || self.enough == u32::MAX {
                        continue;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.health.stopped().is_some() {
                return;
            }
            // The writer copies the rest itself and everybody waits for it: so again, until little is written meanwhile.
            let mut whole = false;
            for _ in 0..PASSES_MAX {
                copied = self.pages.load(Ordering::Relaxed);
                match checkpoint(&self.db) {
                    Ok(all) => whole = all,
                    Err(e) => {
                        let cause = format!("{}, while the journal was written", plainly(&e));
                        self.health.stop(cause, format!("the log could not be brought into the database: {e}"));
                        return;
                    }
                }
                if self.pages.load(Ordering::Relaxed).saturating_sub(copied) <= SHORT {
                    break;
                }
            }
            self.caught_up.store(whole, Ordering::Release);
        }
    }
}

/// Counts the pages in a connection's log after each of its commits; nothing is copied unasked any more.
pub(super) fn watch_log(db: &mut Connection) -> rusqlite::Result<Arc<AtomicU32>> {
    let pages = Arc::new(AtomicU32::new(0));
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.wal_hook(Some({
        let pages = pages.clone();
        move |_: &mut rusqlite::hooks::Wal, n: i32| {
            pages.store(u32::try_from(n).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }
    }))?;
    Ok(pages)
}

/// Copies what can be copied without waiting for anybody. Says whether that was all there was when it began.
pub(super) fn checkpoint(db: &Connection) -> rusqlite::Result<bool> {
    let begun = Moment::now();
    let (log, copied) = match db.wal_checkpoint_v2(Some(rusqlite::MAIN_DB), CheckpointMode::PASSIVE) {
        Ok(counts) => counts,
        // Another connection is at it.
        Err(e) if e.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => return Ok(false),
        Err(e) => return Err(e),
    };
    metrics::histogram!("slotwise_store_checkpoint_seconds").record(begun.elapsed());
    Ok(copied == log)
}
