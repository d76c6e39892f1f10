//! Group commit: proposals that wait together are committed together, each with its own verdict.
//! One commit at a time, one try per proposal; it never retries.

use crate::attempt::Limits;
use crate::meter::Meter;
use crate::port::{CommitError, Settled, Store};
use futures_util::FutureExt;
use slotwise_domain::{Failure, FailureCode, Proposal, settle};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

/// The queue in front of the store.
pub struct Committer {
    /// Bounded by `waiting`: by proposals, not by groups of them.
    queue: mpsc::UnboundedSender<Group>,
    waiting: Arc<AtomicUsize>,
    waiting_max: usize,
    wait_max: Duration,
    doorbell: Arc<Notify>,
}

type Answers = Vec<Result<Settled, CommitError>>;

/// Proposals that were handed in together. They share a commit.
struct Group {
    proposals: Vec<Proposal>,
    queued_at: Instant,
    /// Set by whoever is first: the commit that takes it, or its patience that ends.
    taken: Arc<AtomicBool>,
    tell: oneshot::Sender<Answers>,
}

impl Committer {
    /// Starts the task that commits; it ends when the committer is dropped and the queue is empty.
    pub fn start(store: Arc<dyn Store>, limits: Limits, meter: Arc<Meter>) -> Committer {
        let (queue, groups) = mpsc::unbounded_channel();
        let doorbell = Arc::new(Notify::new());
        let waiting = Arc::new(AtomicUsize::new(0));
        let run =
            Run { store, batch_max: limits.batch_max, waiting: waiting.clone(), doorbell: doorbell.clone(), meter };
        tokio::spawn(run.run(groups));
        Committer { queue, waiting, waiting_max: limits.queue_max, wait_max: limits.queue_wait_max, doorbell }
    }

    /// Waits for the durable answers, one for each, in order. Where the queue has no room they are FAILED `busy` at once; if their
    /// commit does not begin in time, as soon as that is so.
    pub async fn commit(&self, proposals: Vec<Proposal>) -> Answers {
        let n = proposals.len();
        let busy = || vec![Ok(Settled::Failed(Failure::of(FailureCode::Busy))); n];
        let room = |waiting: usize| Some(waiting + n).filter(|waiting| *waiting <= self.waiting_max);
        if self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, room).is_err() {
            return busy();
        }
        let (tell, mut told) = oneshot::channel();
        let taken = Arc::new(AtomicBool::new(false));
        let gone = || vec![Err(CommitError::Unknown("the committer is gone".into())); n];
        if self.queue.send(Group { proposals, queued_at: Instant::now(), taken: taken.clone(), tell }).is_err() {
            return gone();
        }
        let told = match tokio::time::timeout(self.wait_max, &mut told).await {
            Ok(told) => told,
            Err(_) if !taken.swap(true, Ordering::AcqRel) => return busy(),
            // What is in a commit is waited for: it may be durable.
            Err(_) => told.await,
        };
        told.unwrap_or_else(|_| gone())
    }

    /// Proposals in the queue.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Rung after each commit.
    pub fn doorbell(&self) -> Arc<Notify> {
        self.doorbell.clone()
    }
}

struct Run {
    store: Arc<dyn Store>,
    /// Another group joins a commit while it has fewer proposals.
    batch_max: usize,
    waiting: Arc<AtomicUsize>,
    doorbell: Arc<Notify>,
    meter: Arc<Meter>,
}

impl Run {
    async fn run(self, mut groups: mpsc::UnboundedReceiver<Group>) {
        while let Some(first) = groups.recv().await {
            let (mut batch, mut tells) = (Vec::new(), Vec::new());
            let mut next = Some(first);
            while let Some(Group { mut proposals, queued_at, taken, tell }) = next.take() {
                metrics::histogram!("slotwise_queue_wait_seconds").record(queued_at.elapsed().as_secs_f64());
                self.waiting.fetch_sub(proposals.len(), Ordering::AcqRel);
                if !taken.swap(true, Ordering::AcqRel) {
                    tells.push((tell, proposals.len()));
                    batch.append(&mut proposals);
                }
                if batch.len() < self.batch_max {
                    next = groups.try_recv().ok();
                }
            }
            if !batch.is_empty() {
                self.commit(batch, tells).await;
            }
        }
    }

    async fn commit(&self, batch: Vec<Proposal>, tells: Vec<(oneshot::Sender<Answers>, usize)>) {
        let expected = batch.len();
        self.meter.committed(expected);
        // A store that panics says nothing of whether its commit is durable, and must not end those that come after it.
        let commit = AssertUnwindSafe(self.store.commit(batch, settle)).catch_unwind().await;
        let commit = commit.unwrap_or_else(|_| Err(CommitError::Unknown("the store panicked; this is a bug".into())));
        match commit {
            Ok(settled) if settled.len() == expected => {
                self.doorbell.notify_waiters();
                let mut settled = settled.into_iter().map(Ok);
                for (tell, n) in tells {
                    // Whoever stopped waiting asks by key.
                    drop(tell.send(settled.by_ref().take(n).collect()));
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

fn fail(tells: Vec<(oneshot::Sender<Answers>, usize)>, e: &CommitError) {
    for (tell, n) in tells {
        drop(tell.send(vec![Err(e.clone()); n]));
    }
}
