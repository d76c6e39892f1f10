//! Group commit: proposals that wait together are committed together, each with its own verdict.
//! One commit at a time, one try per proposal; it never retries.

use crate::attempt::Limits;
use crate::meter::Meter;
use crate::port::{CommitError, Settled, Store};
use futures_util::FutureExt;
use slotwise_domain::{Failure, FailureCode, Proposal, settle};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

/// The queue in front of the store.
pub struct Committer {
    queue: mpsc::Sender<Job>,
    wait_max: Duration,
    doorbell: Arc<Notify>,
}

struct Job {
    proposal: Proposal,
    queued_at: Instant,
    /// Set by whoever is first: the commit that takes it, or its patience that ends.
    taken: Arc<AtomicBool>,
    tell: oneshot::Sender<Result<Settled, CommitError>>,
}

impl Committer {
    /// Starts the task that commits; it ends when the committer is dropped and the queue is empty.
    pub fn start(store: Arc<dyn Store>, limits: Limits, meter: Arc<Meter>) -> Committer {
        let (queue, jobs) = mpsc::channel(limits.queue_max);
        let doorbell = Arc::new(Notify::new());
        tokio::spawn(run(store, limits, jobs, doorbell.clone(), meter));
        Committer { queue, wait_max: limits.queue_wait_max, doorbell }
    }

    /// Waits for the durable answer. A full queue is FAILED `busy` at once, a commit that does not begin in time as soon as that is so.
    pub async fn commit(&self, proposal: Proposal) -> Result<Settled, CommitError> {
        let (tell, mut told) = oneshot::channel();
        let taken = Arc::new(AtomicBool::new(false));
        let job = Job { proposal, queued_at: Instant::now(), taken: taken.clone(), tell };
        let busy = || Ok(Settled::Failed(Failure::of(FailureCode::Busy)));
        if self.queue.try_send(job).is_err() {
            return busy();
        }
        let told = match tokio::time::timeout(self.wait_max, &mut told).await {
            Ok(told) => told,
            Err(_) if !taken.swap(true, Ordering::AcqRel) => return busy(),
            // What is in a commit is waited for: it may be durable.
            Err(_) => told.await,
        };
        told.unwrap_or_else(|_| Err(CommitError::Unknown("the committer is gone".into())))
    }

    /// Proposals in the queue.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Rung after each commit.
    pub fn doorbell(&self) -> Arc<Notify> {
        self.doorbell.clone()
    }
}

async fn run(
    store: Arc<dyn Store>,
    limits: Limits,
    mut jobs: mpsc::Receiver<Job>,
    doorbell: Arc<Notify>,
    meter: Arc<Meter>,
) {
    let mut waiting = Vec::new();
    while jobs.recv_many(&mut waiting, limits.batch_max).await > 0 {
        let mut batch = Vec::with_capacity(waiting.len());
        let mut tells = Vec::with_capacity(waiting.len());
        for job in waiting.drain(..) {
            metrics::histogram!("slotwise_queue_wait_seconds").record(job.queued_at.elapsed().as_secs_f64());
            if job.taken.swap(true, Ordering::AcqRel) {
                continue;
            }
            batch.push(job.proposal);
            tells.push(job.tell);
        }
        if batch.is_empty() {
            continue;
        }
        let expected = tells.len();
        meter.committed(expected);
        // A store that panics says nothing of whether its commit is durable, and must not end those that come after it.
        let commit = AssertUnwindSafe(store.commit(batch, settle)).catch_unwind().await;
        let commit = commit.unwrap_or_else(|_| Err(CommitError::Unknown("the store panicked; this is a bug".into())));
        match commit {
            Ok(settled) if settled.len() == expected => {
                doorbell.notify_waiters();
                for (tell, settled) in tells.into_iter().zip(settled) {
                    // Whoever stopped waiting asks by key.
                    drop(tell.send(Ok(settled)));
                }
            }
            Ok(settled) => {
                tracing::error!("the store answered {} of {expected} proposals; none of them is told", settled.len());
                fail(tells, &CommitError::Unknown("the store answered too few proposals".into()));
            }
            Err(e) => {
                tracing::error!("a commit of {expected} proposals: {e}");
                fail(tells, &e);
            }
        }
    }
}

fn fail(tells: Vec<oneshot::Sender<Result<Settled, CommitError>>>, e: &CommitError) {
    for tell in tells {
        drop(tell.send(Err(e.clone())));
    }
}
