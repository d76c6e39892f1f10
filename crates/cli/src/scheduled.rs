//! Backups that `slotwise serve` makes by itself, every so often, keeping the newest.
//! One that fails is logged, counted and told by readiness; it stops nothing.

use crate::config::Schedule;
use slotwise_engine::Clock;
use slotwise_store::SystemClock;
use slotwise_store::embedded::{BackupError, Shelf};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant as Moment};

/// Whoever has just started has more urgent things to do.
const FIRST_AFTER: Duration = Duration::from_secs(1);
/// After a failure it is tried again this soon, or at its next time if that is sooner.
const AGAIN_AFTER: Duration = Duration::from_secs(300);

/// A running schedule. It ends when this is dropped; a backup under way is given up and leaves nothing that looks like one.
pub struct Scheduled {
    _running: Sender<()>,
    warning: Arc<Mutex<Option<String>>>,
}

impl Scheduled {
    /// Starts the thread that makes them.
    pub fn start(data: PathBuf, schedule: Schedule) -> std::io::Result<Scheduled> {
        let (running, ended) = channel();
        let warning = Arc::new(Mutex::new(None));
        let run = Run { data, schedule, ended, warning: warning.clone() };
        std::thread::Builder::new().name("slotwise-backup".into()).spawn(move || run.run())?;
        Ok(Scheduled { _running: running, warning })
    }

    /// What operators should look at.
    pub fn warnings(&self) -> impl Fn() -> Vec<String> + Send + Sync + use<> {
        let warning = self.warning.clone();
        move || lock(&warning).iter().cloned().collect()
    }
}

struct Run {
    data: PathBuf,
    schedule: Schedule,
    ended: Receiver<()>,
    warning: Arc<Mutex<Option<String>>>,
}

impl Run {
    fn run(self) {
        let mut wait = FIRST_AFTER;
        while matches!(self.ended.recv_timeout(wait), Err(RecvTimeoutError::Timeout)) {
            let stopped = AtomicBool::new(false);
            let begun = Moment::now();
            wait = match self.turn(&stopped) {
                Ok(wait) => {
                    *lock(&self.warning) = None;
                    wait
                }
                Err(_) if stopped.load(Ordering::Relaxed) => return,
                Err(e) => {
                    tracing::error!(error = %e, to = %self.schedule.to.display(), "a scheduled backup failed");
                    metrics::counter!("slotwise_backups_total", "result" => "failed").increment(1);
                    let at = jiff::Timestamp::from_microsecond(SystemClock.now().0).unwrap_or_default();
                    let says = format!("the scheduled backup of {at:.0} failed; the log says why");
                    *lock(&self.warning) = Some(says);
                    AGAIN_AFTER.min(self.schedule.every)
                }
            };
            // A second at least, so that no two have the same name.
            wait = wait.saturating_sub(begun.elapsed()).max(Duration::from_secs(1));
        }
    }

    /// Makes one if it is time. Returns how long it is until the next from when this began.
    fn turn(&self, stopped: &AtomicBool) -> Result<Duration, BackupError> {
        let Schedule { to, every, keep } = &self.schedule;
        let shelf = Shelf::take(to)?;
        let now = SystemClock.now();
        if let Some(newest) = shelf.newest(&self.data)? {
            let age = u64::try_from(now.0.saturating_sub(newest.as_microsecond())).map(Duration::from_micros);
            // One from the future says that the clock was set: it is not waited for.
            if let Some(left) = age.ok().and_then(|age| every.checked_sub(age)).filter(|left| !left.is_zero()) {
                return Ok(left);
            }
        }
        let begun = Moment::now();
        let (path, manifest) = shelf.add(&self.data, *keep, now, &mut |_, _| {
            if matches!(self.ended.try_recv(), Err(TryRecvError::Disconnected)) {
                stopped.store(true, Ordering::Relaxed);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        let took = begun.elapsed();
        metrics::counter!("slotwise_backups_total", "result" => "made").increment(1);
        metrics::histogram!("slotwise_backup_seconds").record(took);
        metrics::gauge!("slotwise_backup_newest_timestamp_seconds").set(manifest.made_at.as_second() as f64);
        tracing::info!(path = %path.display(), commits = manifest.journal.number, ?took, "backed up");
        Ok(*every)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
