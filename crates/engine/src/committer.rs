//! Group commit: proposals that wait together are committed together, each with its own verdict.
//! One commit at a time, one try per proposal; it never retries.

use crate::attempt::{Limits, lock};
use crate::meter::Meter;
use crate::port::{CommitError, Settled, Store};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join};
use slotwise_domain::{Failure, FailureCode, Proposal, settle};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

/// The queue in front of the store.
pub struct Committer {
    /// Bounded by `waiting`: by proposals, not by groups of them.
    queue: mpsc::UnboundedSender<Queued>,
    waiting: Arc<AtomicUsize>,
    waiting_max: usize,
    doorbell: Arc<Notify>,
}

/// What runs that which commits.
pub type Spawn = fn(BoxFuture<'static, ()>);

/// On a thread of its own: whoever waits for a commit must not wait for all that the other threads have to do, least when they have
/// too much. It ends with the runtime, if not before.
pub fn on_a_thread(run: BoxFuture<'static, ()>) {
    let runtime = Handle::current();
    let (mut alive, shut_down) = oneshot::channel::<()>();
    // It goes with all tasks when the runtime ends, and takes the thread with it, whoever may still hold an engine then.
    tokio::spawn(async move { alive.closed().await });
    tokio::task::spawn_blocking(move || {
        runtime.block_on(async {
            tokio::select! {
                () = run => {}
                _ = shut_down => {}
            }
        });
    });
}

/// As a task among all others: for a world of one thread, in which everything happens in one order.
pub fn as_a_task(run: BoxFuture<'static, ()>) {
    tokio::spawn(run);
}

/// What is said of the proposals of a group: one for each, in order.
pub type Answers = Vec<Result<Settled, CommitError>>;

/// Proposals that are handed in together. They share a commit.
pub struct Group {
    /// In their order.
    pub proposals: Vec<Proposal>,
    /// Called once with the durable answers, or that it is busy; must be quick and not wait.
    pub told: Box<dyn FnOnce(Answers) + Send>,
}

impl Group {
    fn end(self, answers: Answers) {
        // Whoever comes next must not suffer for it.
        if catch_unwind(AssertUnwindSafe(|| (self.told)(answers))).is_err() {
            tracing::error!("telling an answer panicked; this is a bug");
        }
    }

    fn busy(self) {
        let busy = vec![Ok(Settled::Failed(Failure::of(FailureCode::Busy))); self.proposals.len()];
        self.end(busy);
    }
}

/// A place in the queue: empty before the group is in it, and after a commit has taken it.
#[derive(Clone, Default)]
pub struct Place(Arc<Mutex<Option<Group>>>);

impl Place {
    /// Waits no longer: unless a commit has taken it the group is FAILED `busy` now. What is in a commit may be durable.
    pub fn give_up(&self) {
        if let Some(group) = self.take() {
            group.busy();
        }
    }

    fn take(&self) -> Option<Group> {
        lock(&self.0).take()
    }
}

struct Queued {
    place: Place,
    proposals: usize,
    at: Instant,
}

impl Committer {
    /// Starts what commits, run as `spawn` says; it ends when the committer is dropped and the queue is empty.
    pub fn start(store: Arc<dyn Store>, limits: Limits, meter: Arc<Meter>, spawn: Spawn) -> Committer {
        let (queue, groups) = mpsc::unbounded_channel();
        let doorbell = Arc::new(Notify::new());
        let waiting = Arc::new(AtomicUsize::new(0));
        let run = Run {
            store,
            batch_max: limits.batch_max,
            wait_max: limits.queue_wait_max,
            waiting: waiting.clone(),
            doorbell: doorbell.clone(),
            meter,
        };
        spawn(Box::pin(run.run(groups)));
        Committer { queue, waiting, waiting_max: limits.queue_max, doorbell }
    }

    /// Puts a group into the queue. It is told at once if there is no room.
    pub fn hand_in(&self, group: Group, place: &Place) {
        let n = group.proposals.len();
        let room = |waiting: usize| Some(waiting + n).filter(|waiting| *waiting <= self.waiting_max);
        if self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, room).is_err() {
            return group.busy();
        }
        *lock(&place.0) = Some(group);
        let queued = Queued { place: place.clone(), proposals: n, at: Instant::now() };
        if let Err(mpsc::error::SendError(queued)) = self.queue.send(queued)
            && let Some(group) = queued.place.take()
        {
            group.end(vec![Err(CommitError::NothingWritten("the committer is gone".into())); n]);
        }
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
    /// How long a group may wait until it is taken.
    wait_max: Duration,
    waiting: Arc<AtomicUsize>,
    doorbell: Arc<Notify>,
    meter: Arc<Meter>,
}

/// Groups with what their commit said of them.
type Ended = Vec<(Group, Answers)>;

impl Run {
    async fn run(self, mut groups: mpsc::UnboundedReceiver<Queued>) {
        // What the last commit said. It is told while the next is being written, if there is one: the store does not wait for it.
        let mut ended = Ended::new();
        loop {
            let first = match ended.is_empty() {
                true => match groups.recv().await {
                    Some(first) => Some(first),
                    None => return,
                },
                false => groups.try_recv().ok(),
            };
            let (batch, tells) = self.gather(first, &mut groups);
            let tell = async { ended.into_iter().for_each(|(group, answers)| group.end(answers)) };
            ended = match batch.is_empty() {
                true => {
                    tell.await;
                    Ended::new()
                }
                // In this order: it is begun, then they are told, then it is waited for.
                false => join(self.commit(batch, tells), tell).await.0,
            };
        }
    }

    /// What shares the next commit, and whom it is for.
    fn gather(
        &self,
        first: Option<Queued>,
        groups: &mut mpsc::UnboundedReceiver<Queued>,
    ) -> (Vec<Proposal>, Vec<(Group, usize)>) {
        let (mut batch, mut tells) = (Vec::new(), Vec::new());
        let mut next = first;
        while let Some(Queued { place, proposals, at }) = next.take() {
            let waited = at.elapsed();
            metrics::histogram!("slotwise_queue_wait_seconds").record(waited.as_secs_f64());
            self.waiting.fetch_sub(proposals, Ordering::AcqRel);
            match place.take() {
                // Whoever asked has gone, or would have given it up by now.
                Some(group) if waited > self.wait_max => group.busy(),
                Some(mut group) => {
                    batch.append(&mut group.proposals);
                    tells.push((group, proposals));
                }
                None => {}
            }
            if batch.len() < self.batch_max {
                next = groups.try_recv().ok();
            }
        }
        (batch, tells)
    }

    async fn commit(&self, batch: Vec<Proposal>, tells: Vec<(Group, usize)>) -> Ended {
        let expected = batch.len();
        self.meter.committed(expected);
        let again = slotwise_domain::planted!(HiddenRetry).then(|| batch.clone());
        let mut commit = self.once(batch).await;
        if let (Some(again), true) = (again, matches!(commit, Err(CommitError::NothingWritten(_)))) {
            commit = self.once(again).await;
        }
        let failed = match commit {
            Ok(settled) if settled.len() == expected => {
                self.doorbell.notify_waiters();
                let mut settled = settled.into_iter().map(Ok);
                return tells.into_iter().map(|(group, n)| (group, settled.by_ref().take(n).collect())).collect();
            }
            Ok(settled) => {
                tracing::error!("the store answered {} of {expected} proposals; none of them is told", settled.len());
                CommitError::Unknown("the store answered too few proposals".into())
            }
            Err(e) => {
                tracing::error!("a commit of {expected} proposals: {e}");
                e
            }
        };
        tells.into_iter().map(|(group, n)| (group, vec![Err(failed.clone()); n])).collect()
    }
    /// A store that panics says nothing of whether its commit is durable, and must not end those that come after it.
    async fn once(&self, batch: Vec<Proposal>) -> Result<Vec<Settled>, CommitError> {
        let commit = AssertUnwindSafe(self.store.commit(batch, settle)).catch_unwind().await;
        commit.unwrap_or_else(|_| Err(CommitError::Unknown("the store panicked; this is a bug".into())))
    }
}
