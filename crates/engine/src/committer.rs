//! Group commit: proposals that wait together are committed together, each with its own verdict.
//! As many commits at a time as the store takes, no two of them on the same rows; one try per proposal; it never retries.

use crate::attempt::{Limits, lock};
use crate::meter::Meter;
use crate::port::{Clock, CommitError, Settled, Store};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use slotwise_domain::{Failure, FailureCode, Instant as Time, Proposal, Span, World, settle};
use std::collections::{HashSet, VecDeque};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

/// Beside a commit under way another is begun for so many proposals together, or for fewer when the first of them has waited so long:
/// what a commit costs whatever it holds is shared by those who are in it. Where nothing is under way nobody waits for others.
const BESIDE_ENOUGH: usize = 16;
const BESIDE_WAIT_MAX: Duration = Duration::from_millis(2);

/// The queue in front of the store.
pub struct Committer {
    /// When each commit under way was begun: it may have read its clock then, and nobody sees yet what it decides.
    under_way: Arc<Mutex<Vec<(u64, Time)>>>,
    /// Bounded by `waiting`: by proposals, not by groups of them.
    queue: mpsc::UnboundedSender<Queued>,
    waiting: Arc<AtomicUsize>,
    waiting_max: usize,
    wide: bool,
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
    /// The rows that it will want, as far as they are known; asked for only where several commits may be under way.
    pub wants: Wants,
    /// Called once with the durable answers, or that it is busy; must be quick and not wait.
    pub told: Box<dyn FnOnce(Answers) + Send>,
}

/// Resources, and persons about whom a rule asks. Two groups that want the same are never in two commits at the same time.
#[derive(Clone, Debug, Default)]
pub struct Wants(Arc<[Uuid]>);

impl Wants {
    /// What was looked at to decide: settling looks at the same, nearly always.
    pub fn of(world: &World) -> Wants {
        let resources = world.loaded.resources.iter().chain(world.calendars.keys()).map(|id| id.0);
        let persons = world.loaded.people.iter().chain(&world.loaded.counted).map(|id| id.0);
        Wants(resources.chain(persons).collect())
    }
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
    wants: Wants,
}

impl Committer {
    /// Starts what commits, run as `spawn` says; it ends when the committer is dropped and the queue is empty.
    pub fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        limits: Limits,
        meter: Arc<Meter>,
        spawn: Spawn,
    ) -> Committer {
        let (queue, groups) = mpsc::unbounded_channel();
        let doorbell = Arc::new(Notify::new());
        let waiting = Arc::new(AtomicUsize::new(0));
        let under_way: Arc<Mutex<Vec<(u64, Time)>>> = Arc::default();
        let at_once = store.commits_at_once().max(1);
        let run = Run {
            at_once,
            store,
            clock,
            under_way: under_way.clone(),
            batch_max: limits.batch_max,
            wait_max: limits.queue_wait_max,
            waiting: waiting.clone(),
            doorbell: doorbell.clone(),
            meter,
        };
        spawn(Box::pin(run.run(groups)));
        Committer { under_way, queue, waiting, waiting_max: limits.queue_max, wide: at_once > 1, doorbell }
    }

    /// Whether the store takes several commits at a time.
    pub fn is_wide(&self) -> bool {
        self.wide
    }

    /// The last instant of which all is visible that was decided until then: `now`, or just before the commits under way.
    pub fn seen_until(&self, now: Time) -> Time {
        lock(&self.under_way).iter().fold(now, |until, (_, begun)| until.min(begun.minus(Span(1))))
    }

    /// Puts a group into the queue. It is told at once if there is no room.
    pub fn hand_in(&self, group: Group, place: &Place) {
        let n = group.proposals.len();
        let room = |waiting: usize| Some(waiting + n).filter(|waiting| *waiting <= self.waiting_max);
        if self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, room).is_err() {
            return group.busy();
        }
        let wants = group.wants.clone();
        *lock(&place.0) = Some(group);
        let queued = Queued { place: place.clone(), proposals: n, at: Instant::now(), wants };
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
    /// The clock of decisions, as far as it is known here.
    clock: Arc<dyn Clock>,
    under_way: Arc<Mutex<Vec<(u64, Time)>>>,
    /// Commits that may be under way at the same time.
    at_once: usize,
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

/// A commit under way, and what it wants.
struct Commit<'r> {
    ends: BoxFuture<'r, Ended>,
    wants: Vec<Wants>,
}

/// What shares the next commit.
#[derive(Default)]
struct Batch {
    proposals: Vec<Proposal>,
    tells: Vec<(Group, usize)>,
    wants: Vec<Wants>,
}

/// Groups that wait, and what is wanted by commits under way and by those that wait for them: who wants any of it waits as well, so
/// that nobody is overtaken for ever.
#[derive(Default)]
struct Backlog {
    groups: VecDeque<Queued>,
    /// So many of the first were passed over, because what they want is wanted already.
    passed: usize,
    wanted: HashSet<Uuid>,
}

impl Backlog {
    /// What of it is to be looked at again, now that these commits are under way.
    fn look_again<'c>(&mut self, under_way: impl Iterator<Item = &'c Commit<'c>>) {
        self.passed = 0;
        self.wanted.clear();
        self.wanted.extend(under_way.flat_map(|commit| &commit.wants).flat_map(|wants| wants.0.iter().copied()));
    }

    /// When a commit beside others is begun for those that were not passed over; nothing if there are none.
    fn due_at(&self) -> Option<Instant> {
        let mut waiting = self.groups.iter().skip(self.passed);
        let first = waiting.next()?;
        let mut proposals = first.proposals;
        let enough = proposals >= BESIDE_ENOUGH
            || waiting.any(|queued| {
                proposals += queued.proposals;
                proposals >= BESIDE_ENOUGH
            });
        Some(if enough { first.at } else { first.at + BESIDE_WAIT_MAX })
    }

    /// The next group that need not wait for a commit under way.
    fn next(&mut self) -> Option<Queued> {
        while let Some(queued) = self.groups.get(self.passed) {
            if queued.wants.0.iter().all(|id| !self.wanted.contains(id)) {
                return self.groups.remove(self.passed);
            }
            self.wanted.extend(queued.wants.0.iter().copied());
            self.passed += 1;
        }
        None
    }
}

impl Run {
    async fn run(self, mut groups: mpsc::UnboundedReceiver<Queued>) {
        let (mut backlog, mut under_way) = (Backlog::default(), Vec::<Commit<'_>>::new());
        // What the last commit said. It is told while the next is being written, if there is one: the store does not wait for it.
        let mut ended = Ended::new();
        let mut open = true;
        loop {
            while let Ok(queued) = groups.try_recv() {
                backlog.groups.push_back(queued);
            }
            while under_way.is_empty()
                || under_way.len() < self.at_once && backlog.due_at().is_some_and(|at| at <= Instant::now())
            {
                let batch = self.gather(&mut backlog);
                if batch.proposals.is_empty() {
                    break;
                }
                if self.at_once > 1 {
                    backlog.wanted.extend(batch.wants.iter().flat_map(|wants| wants.0.iter().copied()));
                }
                let (proposals, tells) = (batch.proposals, batch.tells);
                let mut ends: BoxFuture<'_, Ended> = Box::pin(self.commit(proposals, tells));
                // In this order: it is begun, then those before are told, then it is waited for.
                match ends.as_mut().now_or_never() {
                    Some(mut at_once) => {
                        ended.append(&mut at_once);
                        backlog.look_again(under_way.iter());
                    }
                    None => under_way.push(Commit { ends, wants: batch.wants }),
                }
            }
            ended.drain(..).for_each(|(group, answers)| group.end(answers));
            let room = under_way.len() < self.at_once;
            if under_way.is_empty() && !open {
                return;
            }
            let due_at = backlog.due_at().filter(|_| room);
            tokio::select! {
                biased;
                (place, mut said) = first_of(&mut under_way), if !under_way.is_empty() => {
                    under_way.swap_remove(place);
                    ended.append(&mut said);
                    backlog.look_again(under_way.iter());
                }
                () = sleep_until(due_at.unwrap_or_else(Instant::now)), if due_at.is_some() => {}
                queued = groups.recv(), if room && open => match queued {
                    Some(queued) => backlog.groups.push_back(queued),
                    None => open = false,
                },
            }
        }
    }

    /// What shares the next commit, and whom it is for.
    fn gather(&self, backlog: &mut Backlog) -> Batch {
        let mut batch = Batch::default();
        while batch.proposals.len() < self.batch_max
            && let Some(Queued { place, proposals, at, wants }) = backlog.next()
        {
            let waited = at.elapsed();
            metrics::histogram!("slotwise_queue_wait_seconds").record(waited.as_secs_f64());
            self.waiting.fetch_sub(proposals, Ordering::AcqRel);
            match place.take() {
                // Whoever asked has gone, or would have given it up by now.
                Some(group) if waited > self.wait_max => group.busy(),
                Some(mut group) => {
                    batch.proposals.append(&mut group.proposals);
                    batch.tells.push((group, proposals));
                    if self.at_once > 1 {
                        batch.wants.push(wants);
                    }
                }
                None => {}
            }
        }
        batch
    }

    async fn commit(&self, batch: Vec<Proposal>, tells: Vec<(Group, usize)>) -> Ended {
        let expected = batch.len();
        self.meter.committed(expected);
        let number = self.begins();
        let again = slotwise_domain::planted!(HiddenRetry).then(|| batch.clone());
        let mut commit = self.once(batch).await;
        if let (Some(again), true) = (again, matches!(commit, Err(CommitError::NothingWritten(_)))) {
            commit = self.once(again).await;
        }
        lock(&self.under_way).retain(|(n, _)| *n != number);
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

    /// From now on a commit may read its clock.
    fn begins(&self) -> u64 {
        let mut under_way = lock(&self.under_way);
        // Looked at under the lock: whoever looks at what is under way has read their clock before, or sees this one.
        let begun = self.clock.now();
        let number = under_way.iter().map(|(n, _)| n + 1).max().unwrap_or(0);
        under_way.push((number, begun));
        number
    }
}

/// The first commit that ends, and its place.
async fn first_of(under_way: &mut [Commit<'_>]) -> (usize, Ended) {
    poll_fn(|cx| {
        for (place, commit) in under_way.iter_mut().enumerate() {
            if let Poll::Ready(ended) = commit.ends.as_mut().poll(cx) {
                return Poll::Ready((place, ended));
            }
        }
        Poll::Pending
    })
    .await
}
