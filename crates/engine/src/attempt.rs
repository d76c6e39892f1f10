//! One attempt: its key claimed, observed, proposed, persisted, answered. Every change of bookings comes through here.
//! It never retries, and it does not stop because a client went away: nobody who waits for an execution carries it.

use crate::committer::{self, Answers, Committer, Group, Place, Spawn, Wants};
use crate::meter::{Class, Meter};
use crate::port::{Clock, CommitError, Made, Recorded, Settled, Status, Store, StoreError};
use crate::pressure::Pressure;
use crate::round::{self, KeyAge};
use slotwise_domain::{
    Actor, AttemptKey, Code, Command, Decision, Failure, FailureCode, Fingerprint, Instant, Outcome, PartId, Proposal,
    Rejection, Scope, Verdict, World, decide,
};
use std::collections::{HashMap, HashSet, VecDeque};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use uuid::Uuid;

/// So many commands of a group are judged before others have their turn on the thread.
const TURN: usize = 128;
/// What an execution that had its answer before, and one without an outcome, are called beside the outcomes.
const REPLAYED: &str = "REPLAYED";
const NONE: &str = "NONE";
/// How often proposing may ask to see more.
const ROUNDS_MAX: usize = 3;

/// The bounds of an engine.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Executions at once; beyond it FAILED `busy`, before anything is read.
    pub running_max: usize,
    /// How long whoever comes now may be expected to take; beyond it FAILED `busy`, before anything is read.
    pub expected_wait_max: Duration,
    /// Proposals that may wait for a commit; beyond it FAILED `busy`.
    pub queue_max: usize,
    /// Proposals of one commit.
    pub batch_max: usize,
    /// How long a proposal may wait for its commit to begin; beyond it FAILED `busy`.
    pub queue_wait_max: Duration,
    /// How long a handler waits for the answer; beyond it there is no outcome yet.
    pub answer_wait_max: Duration,
    /// Failures remembered for `last_failure`.
    pub failures_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        // Whoever is not turned away at once is told something definite, or that there is no outcome yet, within five seconds.
        Limits {
            running_max: 16_384,
            expected_wait_max: Duration::from_secs(1),
            queue_max: 16_384,
            batch_max: 1_024,
            queue_wait_max: Duration::from_secs(4),
            answer_wait_max: Duration::from_secs(5),
            failures_max: 10_000,
        }
    }
}

/// Where new ids come from.
pub trait Ids: Send + Sync + 'static {
    /// A UUIDv7 that was never used.
    fn fresh(&self) -> Uuid;
}

/// What somebody sends.
#[derive(Clone, Debug)]
pub struct Request {
    /// The client's key.
    pub key: Uuid,
    /// What was asked, hashed.
    pub fingerprint: Fingerprint,
    /// What is asked.
    pub command: Command,
}

/// What an execution ends in.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A durable decision, and what it is about as it is after it.
    Decided(Arc<Recorded>, Option<Made>),
    /// The decision this key was given before.
    Replayed(Arc<Recorded>),
    /// This execution changed nothing; the same key may be sent again.
    Failed(Failure),
    /// Not to be had.
    None(NoAnswer),
}

/// Why there is no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// The commit may be durable or not; `GET /api/attempts/{key}` answers later.
    NotYet,
    /// The same key is being executed right now.
    InProgress,
    /// The key was used for something else.
    KeyReused,
    /// The key is older than keys are kept, and unknown.
    KeyExpired,
    /// The key was made before a restore, and is unknown.
    EpochChanged,
}

impl NoAnswer {
    /// What it is called in answers and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            NoAnswer::NotYet => "no_outcome_yet",
            NoAnswer::InProgress => "in_progress",
            NoAnswer::KeyReused => "key_reused",
            NoAnswer::KeyExpired => "key_expired",
            NoAnswer::EpochChanged => "epoch_changed",
        }
    }
}

/// How an attempt stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// It is being executed here.
    pub running: bool,
    /// Its recorded decision.
    pub recorded: Option<Recorded>,
    /// How an execution of it failed last, if one did on this instance and is still remembered.
    pub last_failure: Option<(FailureCode, Instant)>,
    /// Why its answer may be lost, if nothing is known of it: sending it would be answered so.
    pub lost: Option<NoAnswer>,
}

/// Takes attempts to their outcomes.
pub struct Engine {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    limits: Limits,
    committer: Committer,
    pressure: Pressure,
    meter: Arc<Meter>,
    running: Mutex<HashMap<AttemptKey, Fingerprint>>,
    failures: Mutex<Failures>,
    under_way: metrics::Gauge,
    tallies: Mutex<Vec<Tally>>,
    tasks: TaskTracker,
}

/// The metrics of executions that ended so. They are looked up once: to name them costs more than to count.
struct Tally {
    command: &'static str,
    outcome: &'static str,
    code: &'static str,
    seconds: metrics::Histogram,
    ended: metrics::Counter,
}

impl Tally {
    fn of(command: &'static str, outcome: &'static str, code: &'static str) -> Tally {
        let ended = match outcome {
            REPLAYED => metrics::counter!("slotwise_replays_total", "command" => command),
            NONE => metrics::counter!("slotwise_no_outcome_total", "why" => code),
            outcome => {
                metrics::counter!("slotwise_attempts_total", "command" => command, "outcome" => outcome, "code" => code)
            }
        };
        let seconds = metrics::histogram!("slotwise_attempt_seconds", "command" => command);
        Tally { command, outcome, code, seconds, ended }
    }
}

impl Engine {
    /// An engine over a store; must be called within a Tokio runtime.
    pub fn start(store: Arc<dyn Store>, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>, limits: Limits) -> Arc<Engine> {
        Engine::start_with(store, clock, ids, limits, committer::on_a_thread)
    }

    /// The same, with what commits run as `spawn` says.
    pub fn start_with(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        limits: Limits,
        spawn: Spawn,
    ) -> Arc<Engine> {
        let meter = Arc::new(Meter::new(clock.clone()));
        let committer = Committer::start(store.clone(), clock.clone(), limits, meter.clone(), spawn);
        let (pressure, failures) = (Pressure::new(limits.batch_max), Mutex::new(Failures::default()));
        let (running, tallies) = (Mutex::new(HashMap::new()), Mutex::new(Vec::new()));
        let under_way = metrics::gauge!("slotwise_attempts_running");
        let tasks = TaskTracker::new();
        Arc::new(Engine {
            store,
            clock,
            ids,
            limits,
            committer,
            pressure,
            meter,
            running,
            failures,
            under_way,
            tallies,
            tasks,
        })
    }

    /// Takes one request to its answer. The execution goes on if the caller stops waiting.
    pub async fn execute(self: &Arc<Engine>, request: Request) -> Answer {
        self.execute_all(vec![request]).await.pop().unwrap_or(Answer::None(NoAnswer::NotYet))
    }

    /// Takes many requests to their answers, in their order: each is an attempt of its own, with its own key and outcome. A key that
    /// comes again among them is answered as if it were sent while the first was being carried out.
    pub async fn execute_all(self: &Arc<Engine>, requests: Vec<Request>) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(requests.len());
        let (mut group, mut claims) = (Vec::with_capacity(requests.len()), Vec::with_capacity(requests.len()));
        let (mut places, mut running) = (Vec::with_capacity(requests.len()), Vec::new());
        // Once for all of them: those that came with it are not in anybody's way. What we ask for ourselves, such as that holds end and
        // those who wait have their turn, is little, and is what makes room.
        let too_much = requests.iter().any(|request| request.command.actor != Actor::System) && self.is_full();
        for request in requests {
            let key = AttemptKey { part: PartId::DEFAULT, actor: request.command.actor.uuid(), key: request.key };
            answers.push(match self.claim(key, request.fingerprint, too_much) {
                Ok(claim) => {
                    places.push(answers.len());
                    claims.push(claim);
                    group.push((key, request));
                    Answer::None(NoAnswer::NotYet)
                }
                Err(Unclaimed::Running) => {
                    running.push((answers.len(), key, request.fingerprint));
                    Answer::None(NoAnswer::InProgress)
                }
                Err(Unclaimed::Reused) => Answer::None(NoAnswer::KeyReused),
                Err(Unclaimed::Full) => Answer::Failed(Failure::of(FailureCode::Busy)),
            });
        }
        if !running.is_empty() {
            let own: HashSet<AttemptKey> = group.iter().map(|(key, _)| *key).collect();
            running.retain(|(_, key, _)| !own.contains(key));
        }
        if let Some((first, Request { command, .. })) = group.first() {
            let span = tracing::debug_span!("attempt", command = command.name(), key = %first.key, of = group.len());
            let told = self.carry_out(group, claims).instrument(span).await;
            for (place, answer) in places.into_iter().zip(told.into_iter().flatten()) {
                if let Some(waiting) = answers.get_mut(place) {
                    *waiting = answer;
                }
            }
        }
        for (place, key, fingerprint) in running {
            if let (Some(waiting), Some(answer)) = (answers.get_mut(place), self.ran(key, fingerprint).await) {
                *waiting = answer;
            }
        }
        answers
    }

    /// What a running execution of a key has come to, if that is durable already: its claim is given back a moment later, and nobody
    /// who has seen the record must be told that it is still being carried out.
    async fn ran(&self, key: AttemptKey, fingerprint: Fingerprint) -> Option<Answer> {
        let recorded = self.store.recall(key).await.ok()??;
        Some(match recorded.fingerprint == fingerprint {
            true => Answer::Replayed(Arc::new(recorded)),
            false => Answer::None(NoAnswer::KeyReused),
        })
    }

    /// Takes claimed requests to their answers; `None` if that takes longer than anybody waits. Whoever stops waiting stops nothing.
    async fn carry_out(
        self: &Arc<Engine>,
        group: Vec<(AttemptKey, Request)>,
        claims: Vec<Claim>,
    ) -> Option<Vec<Answer>> {
        // Many take longer than one, and are waited for a little longer each.
        let longer = Duration::from_millis(group.len() as u64 - 1);
        let (tell, mut told) = oneshot::channel();
        let place = Place::default();
        let mut execution = Box::pin(self.clone().hand_in(group, claims, place.clone(), tell).in_current_span());
        // Nearly always all that is observed is in memory, and it comes into the queue without a task of its own.
        if poll_fn(|cx| Poll::Ready(execution.as_mut().poll(cx))).await.is_pending() {
            self.tasks.spawn(execution);
        }
        let waiting = async {
            let wait_max = self.limits.answer_wait_max + longer;
            let patience = (self.limits.queue_wait_max + longer).min(wait_max);
            match timeout(patience, &mut told).await {
                Ok(told) => told.ok(),
                Err(_) if patience < wait_max => {
                    place.give_up();
                    timeout(wait_max - patience, told).await.ok()?.ok()
                }
                Err(_) => None,
            }
        };
        waiting.instrument(tracing::debug_span!("persist")).await
    }

    /// Observes, proposes, and puts the proposals into the queue, from where they are told.
    async fn hand_in(
        self: Arc<Engine>,
        group: Vec<(AttemptKey, Request)>,
        claims: Vec<Claim>,
        place: Place,
        tell: oneshot::Sender<Vec<Answer>>,
    ) {
        let (began, running) = (tokio::time::Instant::now(), self.tasks.token());
        let named: Vec<_> = group.iter().map(|(key, request)| (*key, request.command.name())).collect();
        let proposed = self.propose(group.iter().map(|(_, request)| &request.command)).await;
        let engine = self.clone();
        let conclude = move |told: Vec<Answer>| {
            for (((key, command), claim), answer) in named.iter().zip(&claims).zip(&told) {
                engine.pressure.ended(claim.before, began.elapsed());
                engine.count(key, command, answer, began.elapsed());
            }
            drop(claims);
            // Nobody may be waiting any more; the decisions stand all the same.
            drop(tell.send(told));
            drop(running);
        };
        let (world, hints) = match proposed {
            Ok(proposed) => proposed,
            Err(e) => {
                tracing::warn!(attempts = group.len(), "observing for attempts: {e}");
                return conclude(vec![Answer::Failed(Failure::of(FailureCode::StoreUnavailable)); group.len()]);
            }
        };
        if slotwise_domain::planted!(RefusedFromCache)
            && let [(key, request)] = &group[..]
            && let [Some(code)] = hints[..]
        {
            let decision = Decision {
                outcome: Outcome::Rejected(Rejection::of(code)),
                subject: None,
                decided_at: self.clock.now(),
                seen: None,
                observed: Vec::new(),
                decided: world.versions(&request.command.scope()),
                policies: Vec::new(),
                dates: Vec::new(),
                asked: request.command.asked(),
            };
            let recorded = Recorded { key: *key, fingerprint: request.fingerprint, decision };
            return conclude(vec![Answer::Decided(Arc::new(recorded), None)]);
        }
        let proposals = group.into_iter().zip(hints).map(|((key, Request { fingerprint, command, .. }), hint)| {
            let observed = world.versions(&command.scope());
            Proposal { key, fingerprint, command, observed, hint }
        });
        let told = Box::new(|settled: Answers| conclude(settled.into_iter().map(answer).collect()));
        let proposals = proposals.collect();
        let wants = if self.committer.is_wide() { Wants::of(&world) } else { Wants::default() };
        self.committer.hand_in(Group { proposals, wants, told }, &place);
    }

    /// What the command would be judged against now, without any exclusivity. Also what screens are made from.
    pub async fn observe(&self, command: &Command) -> Result<World, StoreError> {
        Ok(self.propose(std::iter::once(command)).await?.0)
    }

    /// The same for many, with what deciding on it refuses each with: a hint, since only what settle says is told.
    async fn propose<'c>(
        &self,
        commands: impl Iterator<Item = &'c Command> + Clone + Send,
    ) -> Result<(World, Vec<Option<Code>>), StoreError> {
        let mut scope = Scope::default();
        commands.clone().for_each(|command| scope.extend(&command.scope()));
        let mut rounds = 0;
        loop {
            let observing = self.store.observe(scope.clone());
            let world = observing.instrument(tracing::debug_span!("observe")).await?;
            let (mut hints, mut needed) = (Vec::new(), Scope::default());
            for (n, command) in commands.clone().enumerate() {
                hints.push(match self.hinted(&world, command) {
                    Some(Verdict::Rejected(rejection, _)) => Some(rejection.code),
                    Some(Verdict::Needs(more)) => {
                        needed.extend(&more);
                        None
                    }
                    Some(Verdict::Accepted(..) | Verdict::Moved(_)) | None => None,
                });
                if n % TURN == TURN - 1 {
                    tokio::task::yield_now().await;
                }
            }
            rounds += 1;
            if needed.is_empty() || rounds > ROUNDS_MAX {
                return Ok((world, hints));
            }
            scope.extend(&needed);
        }
    }

    /// What is said of a command now. Nothing, if that panics: its own commit will say so, and its neighbours go on.
    fn hinted(&self, world: &World, command: &Command) -> Option<Verdict> {
        let decide = || decide(world, command, self.clock.now());
        tracing::debug_span!("propose").in_scope(|| catch_unwind(AssertUnwindSafe(decide)).ok())
    }

    /// What is true of a scope, for screens.
    pub async fn look(&self, scope: Scope) -> Result<World, StoreError> {
        self.store.look(scope).await
    }

    /// What would be said of a command now, which is not carried out: for whoever wants to see first who is displaced by it.
    /// `None` if it needs to see more than may be looked at.
    pub async fn preview(&self, command: &Command) -> Result<(Option<Verdict>, Instant), StoreError> {
        let mut scope = command.scope();
        for _ in 0..World::ROUNDS_MAX {
            let world = self.store.observe(scope.clone()).await?;
            let now = world.decided_at(&scope, self.clock.now());
            match decide(&world, command, now) {
                Verdict::Needs(more) => scope.extend(&more),
                verdict => return Ok((Some(verdict), now)),
            }
        }
        Ok((None, self.clock.now()))
    }

    /// How an attempt of an actor stands.
    pub async fn standing(&self, actor: Uuid, key: Uuid) -> Result<Standing, StoreError> {
        let key = AttemptKey { part: PartId::DEFAULT, actor, key };
        // In this order: what stops running in between is found recorded.
        let running = lock(&self.running).contains_key(&key);
        let last_failure = lock(&self.failures).of(&key);
        let recorded = self.store.recall(key).await?;
        let lost = match round::key_age(key, self.clock.now(), self.store.restored_at()) {
            _ if running || recorded.is_some() => None,
            KeyAge::Fresh => None,
            KeyAge::Expired => Some(NoAnswer::KeyExpired),
            KeyAge::BeforeRestore => Some(NoAnswer::EpochChanged),
        };
        Ok(Standing { running, recorded, last_failure, lost })
    }

    /// Whether an attempt would be turned away now, so that whoever sends one need not be read first.
    pub fn is_full(&self) -> bool {
        let running = lock(&self.running).len();
        running >= self.limits.running_max || self.pressure.wait(running) > self.limits.expected_wait_max
    }

    /// The store, for reading back and for its status.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The clock.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// As of when a screen may say that it shows a resource: whatever was decided here until then is in what is read after asking.
    /// That is now, or the instant before the commits under way were begun.
    pub fn seen_until(&self) -> Instant {
        self.committer.seen_until(self.clock.now())
    }

    /// A new id.
    pub fn fresh_id(&self) -> Uuid {
        self.ids.fresh()
    }

    /// Whether attempts may be sent.
    pub fn status(&self) -> Status {
        self.store.status()
    }

    /// The last two minutes.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Proposals that wait for a commit, of at most [`Limits::queue_max`].
    pub fn waiting(&self) -> usize {
        self.committer.waiting()
    }

    /// Executions under way.
    pub fn running(&self) -> usize {
        lock(&self.running).len()
    }

    /// The bounds it was started with.
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// Rung after each commit.
    pub fn doorbell(&self) -> Arc<Notify> {
        self.committer.doorbell()
    }

    /// Waits for what is running; new executions are still taken, so close the door first.
    pub async fn drain(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }

    fn claim(
        self: &Arc<Engine>,
        key: AttemptKey,
        fingerprint: Fingerprint,
        too_much: bool,
    ) -> Result<Claim, Unclaimed> {
        let mut running = lock(&self.running);
        match running.get(&key) {
            Some(other) if *other == fingerprint => Err(Unclaimed::Running),
            Some(_) => Err(Unclaimed::Reused),
            None if too_much || running.len() >= self.limits.running_max => {
                metrics::counter!("slotwise_shed_total").increment(1);
                Err(Unclaimed::Full)
            }
            None => {
                let before = running.len();
                running.insert(key, fingerprint);
                self.under_way.increment(1.0);
                Ok(Claim { engine: self.clone(), key, before })
            }
        }
    }

    fn count(&self, key: &AttemptKey, command: &'static str, answer: &Answer, took: Duration) {
        let (outcome, code, class) = match answer {
            Answer::Decided(recorded, _) => {
                let outcome = &recorded.decision.outcome;
                count_holds(command, outcome);
                for date in &recorded.decision.dates {
                    metrics::counter!("slotwise_series_dates_total", "became" => date.became.name()).increment(1);
                }
                let class = match outcome {
                    Outcome::Booked | Outcome::Accepted => Class::Accepted,
                    Outcome::Rejected(_) => Class::Rejected,
                };
                (outcome.name(), round::outcome_code(outcome), class)
            }
            Answer::Replayed(_) => (REPLAYED, "", Class::Other),
            Answer::Failed(failure) => {
                let code = failure.code;
                lock(&self.failures).remember(*key, code, self.clock.now(), self.limits.failures_max);
                ("FAILED", code.name(), Class::Failed)
            }
            Answer::None(no) => (NONE, no.code(), Class::Other),
        };
        self.tally(command, outcome, code, took);
        let decided = match answer {
            Answer::Decided(recorded, _) => recorded.decision.decided.as_slice(),
            Answer::Replayed(_) | Answer::Failed(_) | Answer::None(_) => &[],
        };
        self.meter.ended(class, outcome, code, took, decided.iter().map(|(id, _)| *id));
    }

    fn tally(&self, command: &'static str, outcome: &'static str, code: &'static str, took: Duration) {
        let mut tallies = lock(&self.tallies);
        let known = tallies.iter().position(|t| t.command == command && t.outcome == outcome && t.code == code);
        let place = known.unwrap_or_else(|| {
            tallies.push(Tally::of(command, outcome, code));
            tallies.len() - 1
        });
        if let Some(tally) = tallies.get(place) {
            tally.seconds.record(took.as_secs_f64());
            tally.ended.increment(1);
        }
    }
}

fn count_holds(command: &str, outcome: &Outcome) {
    let name = match (command, outcome) {
        ("hold", Outcome::Accepted) => "granted",
        ("hold", Outcome::Rejected(r)) if r.code == Code::HeldByOther || r.code == Code::Full => "denied",
        (_, Outcome::Rejected(r)) if r.code == Code::HoldExpired => "expired",
        ("expire_holds", Outcome::Accepted) => "swept",
        _ => return,
    };
    metrics::counter!("slotwise_holds_total", "what" => name).increment(1);
}

fn answer(settled: Result<Settled, CommitError>) -> Answer {
    match settled {
        Ok(Settled::Decided(recorded, made)) => Answer::Decided(recorded, made),
        Ok(Settled::Replayed(recorded)) => Answer::Replayed(recorded),
        Ok(Settled::Failed(failure)) => Answer::Failed(failure),
        Ok(Settled::KeyReused) => Answer::None(NoAnswer::KeyReused),
        Ok(Settled::KeyExpired) => Answer::None(NoAnswer::KeyExpired),
        Ok(Settled::EpochChanged) => Answer::None(NoAnswer::EpochChanged),
        Err(CommitError::Unknown(_)) if slotwise_domain::planted!(UnknownToldFailed) => {
            Answer::Failed(Failure::of(FailureCode::StoreUnavailable))
        }
        Err(CommitError::NothingWritten(_)) => Answer::Failed(Failure::of(FailureCode::StoreUnavailable)),
        Err(CommitError::Unknown(_)) => Answer::None(NoAnswer::NotYet),
    }
}

/// Why a key is not executed.
enum Unclaimed {
    /// There is too much to do.
    Full,
    /// It is being executed.
    Running,
    /// It is being executed for something else.
    Reused,
}

/// While it lives, nobody else executes the key.
struct Claim {
    engine: Arc<Engine>,
    key: AttemptKey,
    /// Executions that were under way when this one began.
    before: usize,
}

impl Drop for Claim {
    fn drop(&mut self) {
        lock(&self.engine.running).remove(&self.key);
        self.engine.under_way.decrement(1.0);
    }
}

#[derive(Default)]
struct Failures {
    latest: HashMap<AttemptKey, (FailureCode, Instant)>,
    order: VecDeque<(AttemptKey, Instant)>,
}

impl Failures {
    fn remember(&mut self, key: AttemptKey, code: FailureCode, at: Instant, max: usize) {
        self.latest.insert(key, (code, at));
        self.order.push_back((key, at));
        while self.order.len() > max {
            if let Some((oldest, at)) = self.order.pop_front()
                && self.latest.get(&oldest).is_some_and(|(_, latest)| *latest == at)
            {
                self.latest.remove(&oldest);
            }
        }
    }

    fn of(&self, key: &AttemptKey) -> Option<(FailureCode, Instant)> {
        self.latest.get(key).copied()
    }
}

/// No panic can happen while one of our locks is held, so a poisoned one is as good as any.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
