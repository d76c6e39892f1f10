//! Commits, each on a thread of its own: a batch of proposals in, one transaction for all whose rows are had, their answers out.
//! It has no rule of its own, never waits for a resource's row, and never tries twice; what it does not know it does not tell.
//!
//! The order in a transaction, always: commit id → resource rows, sorted → clock → keys, sorted → rows of persons → writes → COMMIT.
//! Two round trips: everything up to what is judged on; the writes with the COMMIT. Between them one more where a calendar is not in
//! memory as it is, or judging asks for more.

use super::cache::{Headed, trimmed};
use super::error::{Error, Means, Result};
use super::load::{self, Asking, Found, Head, Held, Loading, fill, signed};
use super::pool::{Args, Conn, Sent, all, args, plain, rows};
use super::write::{self, Chained, Statements};
use super::{RESTORED, Reading, Shared, sql};
use crate::clock::SystemClock;
use crate::codec;
use crate::commit::Commit;
use crate::record::{self, Hash};
use slotwise_domain::{
    AttemptKey, Change, Changes, Failure, FailureCode, Instant, PersonId, Proposal, ResourceId, Scope, Settle, World,
};
use slotwise_engine::round::{Judged, KeyAge, assert_sound, judge, key_age};
use slotwise_engine::{Clock, CommitError, Made, Recorded, Settled};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant as Moment};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::{Client, Row};
use uuid::Uuid;

/// How long a proposal waits for rows that somebody else holds; then it is FAILED.
const ROW_WAIT_MAX: Duration = Duration::from_millis(100);
/// Between two looks whether they are free.
const ROW_LOOK_EVERY: Duration = Duration::from_millis(2);
/// How long a commit may take before its outcome is asked for, and how much longer for each proposal in it.
const COMMIT_WITHIN: Duration = Duration::from_secs(4);
const COMMIT_EACH: Duration = Duration::from_millis(2);
/// The database is told so much more: it ends what we have given up.
const STATEMENT_MORE: Duration = Duration::from_secs(1);
/// How long it is asked for before there is no outcome yet.
const RESOLVE_WITHIN: Duration = Duration::from_secs(2);
/// No commit lives longer; and how often it is looked whether some still do.
const UNDER_WAY_MAX: Duration = Duration::from_secs(15);
const UNDER_WAY_LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long a key that somebody else is putting in is waited for, in milliseconds; and where that was waited for already.
const LOCK_MS: &str = "100";
const LOCK_AGAIN_MS: &str = "5";

/// A batch, and where its answers go.
pub(super) struct Job {
    pub batch: Vec<Proposal>,
    pub settle: Settle,
    pub reply: oneshot::Sender<Reply>,
}

pub(super) type Reply = std::result::Result<Vec<Settled>, CommitError>;

/// Where this writer's chain of commits ends. Each thread has its own: nobody waits for another's commit to know the hash before.
struct Chain {
    writer: Uuid,
    number: u64,
    hash: Hash,
    /// The last stamp.
    stamp: i64,
}

impl Chain {
    fn new(stamp: i64) -> Chain {
        let writer = Uuid::now_v7();
        Chain { writer, number: 0, hash: record::commits_genesis(writer), stamp }
    }
}

/// The bytes of a commit's records, in their order.
type Bodies = Vec<Vec<u8>>;

pub(super) struct Writer {
    shared: Arc<Shared>,
    rt: Handle,
    chain: Chain,
}

/// How one transaction ended for those who were in it.
enum Ended {
    /// With answers; these are without one because somebody else holds a row of theirs.
    Answered(Vec<usize>),
    /// Nothing was written: these are FAILED with this code.
    Failed(FailureCode, Error),
    /// It may be durable.
    Unknown(String),
}

/// A proposal with its verdict, waiting for its rows.
pub(super) struct Decided {
    /// Its place in the batch.
    pub n: usize,
    pub recorded: Arc<Recorded>,
    pub changes: Changes,
    made: Option<Made>,
}

impl Writer {
    pub fn new(shared: Arc<Shared>, rt: Handle) -> Writer {
        let chain = Chain::new(shared.feed.stamp());
        Writer { shared, rt, chain }
    }

    /// Serves batches until nobody can send any more.
    pub fn run(mut self, jobs: &Mutex<mpsc::Receiver<Job>>) {
        // One of the threads waits for a batch, the others for their turn to wait.
        let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        while let Some(job) = next() {
            let begun = Moment::now();
            let size = job.batch.len();
            let reply = catch_unwind(AssertUnwindSafe(|| self.serve(&job.batch, job.settle)));
            let reply = reply.unwrap_or_else(|_| {
                let says = "the writer panicked; this is a bug".to_owned();
                self.shared.health.stop(says.clone(), says.clone());
                // It may have been while a commit was in flight.
                Err(CommitError::Unknown(says))
            });
            if reply.is_ok() {
                metrics::histogram!("slotwise_store_commit_seconds").record(begun.elapsed());
                metrics::histogram!("slotwise_batch_size").record(size as f64);
            }
            // Whoever asked may have gone; what is decided is decided.
            drop(job.reply.send(reply));
        }
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.rt.block_on(future)
    }

    fn serve(&mut self, batch: &[Proposal], settle: Settle) -> Reply {
        let mut answers: Vec<Option<Settled>> = batch.iter().map(|_| None).collect();
        let mut pending: Vec<usize> = (0..batch.len()).collect();
        let begun = Moment::now();
        let shut = self.shared.shut_now();
        if !shut.is_empty() {
            let (closed, open) = pending.into_iter().partition::<Vec<usize>, _>(|n| {
                batch.get(*n).is_some_and(|proposal| named(proposal).any(|id| shut.contains(&id)))
            });
            fail(&mut answers, &closed, FailureCode::StoreUnavailable);
            pending = open;
        }
        while !pending.is_empty() {
            if let Some(reason) = self.shared.health.stopped() {
                return Err(CommitError::NothingWritten(format!("the store has stopped: {reason}")));
            }
            match self.transaction(batch, &pending, settle, &mut answers) {
                Ended::Answered(waiting) => pending = waiting,
                Ended::Failed(code, e) => {
                    tracing::warn!(error = %e, code = code.name(), "a commit failed");
                    if e.stops() {
                        let cause = e.cause();
                        match e.shuts() {
                            resources if resources.is_empty() => self.shared.health.stop(cause, e.to_string()),
                            resources => self.shared.shut(resources, &cause, &e.to_string()),
                        }
                    }
                    let none_yet = answers.iter().all(Option::is_none);
                    if none_yet && code == FailureCode::StoreUnavailable {
                        return Err(CommitError::NothingWritten(e.to_string()));
                    }
                    fail(&mut answers, &pending, code);
                    pending.clear();
                }
                // Those of an earlier transaction have their answers under their keys.
                Ended::Unknown(says) => return Err(CommitError::Unknown(says)),
            }
            if !pending.is_empty() {
                if begun.elapsed() >= ROW_WAIT_MAX {
                    metrics::counter!("slotwise_rows_not_had_total").increment(pending.len() as u64);
                    fail(&mut answers, &pending, FailureCode::Conflict);
                    pending.clear();
                } else {
                    self.wait_for_rows(batch, &pending, begun);
                }
            }
        }
        let settled: Vec<Settled> = answers.into_iter().flatten().collect();
        match settled.len() == batch.len() {
            true => Ok(settled),
            false => Err(CommitError::Unknown("a proposal was left without an answer; this is a bug".into())),
        }
    }

    /// Waits until one of the rows that were not had is free, or a proposal's time for that is over. To look costs one statement, and
    /// not a transaction with all that is in it; and it is taken back, because what has held a row is synced before the row is free.
    fn wait_for_rows(&self, batch: &[Proposal], pending: &[usize], begun: Moment) {
        let proposals = pending.iter().filter_map(|n| batch.get(*n));
        let wanted: BTreeSet<ResourceId> = proposals.flat_map(named).collect();
        let wanted: Vec<Uuid> = wanted.into_iter().map(|id| id.0).collect();
        loop {
            std::thread::sleep(ROW_LOOK_EVERY);
            if begun.elapsed() >= ROW_WAIT_MAX {
                return;
            }
            let free = any_free(&self.shared, args![self.shared.part, wanted.clone()]);
            match self.wait(async { tokio::time::timeout(ROW_WAIT_MAX, free).await }) {
                Ok(Ok(false)) if !wanted.is_empty() => {}
                // What is wrong is found out by the transaction.
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// One transaction for all that are still waiting.
    fn transaction(
        &mut self,
        batch: &[Proposal],
        pending: &[usize],
        settle: Settle,
        answers: &mut [Option<Settled>],
    ) -> Ended {
        let shared = self.shared.clone();
        let conn = match self.wait(shared.writers.get()) {
            Ok(conn) => conn,
            Err(e) => return failed(e),
        };
        let held = Moment::now();
        let ended = self.transaction_on(conn, batch, pending, settle, answers);
        metrics::histogram!("slotwise_store_connection_held_seconds").record(held.elapsed());
        ended
    }

    fn transaction_on(
        &mut self,
        mut conn: Conn,
        batch: &[Proposal],
        pending: &[usize],
        settle: Settle,
        answers: &mut [Option<Settled>],
    ) -> Ended {
        let id = id_at(self.shared.time.now());
        let judged = self.judge(&conn, id, batch, pending, settle);
        let (mut judgement, waiting) = match judged {
            Ok(judged) => judged,
            Err(e) => {
                // COMMIT was never sent. If it cannot be said, closing the connection says it.
                if self.wait(rolled_back(&conn)) {
                    conn.clean();
                }
                return failed(e);
            }
        };
        let decided = std::mem::take(&mut judgement.decided);
        if decided.is_empty() {
            if self.wait(rolled_back(&conn)) {
                conn.clean();
            }
            answer(answers, judgement.settled, Vec::new());
            return Ended::Answered(waiting);
        }
        let written = self.write(conn, id, batch, &judgement, decided);
        match written {
            Ok((decided, commit, bodies)) => {
                self.publish(commit, &bodies, id, &mut judgement);
                answer(answers, judgement.settled, decided);
                Ended::Answered(waiting)
            }
            Err(ended) => ended,
        }
    }

    /// Holds the rows, reads the clock and the keys, loads what the rest is judged on, and judges. Says who must wait for rows.
    fn judge(
        &mut self,
        conn: &Conn,
        id: Uuid,
        batch: &[Proposal],
        pending: &[usize],
        settle: Settle,
    ) -> Result<(Judgement, Vec<usize>)> {
        let shared = &*self.shared;
        let part = shared.part;
        let proposals: Vec<(usize, &Proposal)> = pending.iter().filter_map(|n| Some((*n, batch.get(*n)?))).collect();
        let named: BTreeSet<ResourceId> = proposals.iter().flat_map(|(_, p)| named(p)).collect();
        let asked: Vec<Uuid> = named.iter().map(|id| id.0).collect();
        let keys: BTreeSet<(Uuid, Uuid)> = proposals.iter().map(|(_, p)| (p.key.key, p.key.actor)).collect();
        let mut all_of_them = Scope::default();
        proposals.iter().for_each(|(_, p)| all_of_them.extend(&p.command.scope()));
        let within = commit_within(keys.len());
        let begun = self.wait(async {
            // COMMIT was not sent: whoever gives up here has written nothing.
            tokio::time::timeout(within, begin(conn, shared, id, asked, keys, &all_of_them)).await
        });
        let begun = begun.map_err(|_| Error::Late)??;
        let Begun { mut held, others, clock, known, ours, found } = begun;
        let (now, clock_jumped) = match &shared.time.process {
            Some(process) => {
                let now = process.now();
                (now, shared.health.clock_jumped(now, process.since_boot()))
            }
            None => {
                let jumped = shared.health.clock_jumped_between(clock.now, clock.asked, clock.told);
                (shared.time.reads(clock), jumped)
            }
        };

        let mut settled: Vec<(usize, Settled)> = Vec::new();
        let (mut waiting, mut open) = (Vec::new(), Vec::new());
        for (n, proposal) in proposals {
            let key = (proposal.key.key, proposal.key.actor);
            match known.get(&key) {
                Some(recorded) => settled.push((n, replay(recorded.clone(), proposal))),
                // Held by a commit of somebody else that has not ended.
                None if !ours.contains(&key) => waiting.push(n),
                None if named_of(proposal).iter().any(|id| others.contains(id)) => waiting.push(n),
                None => open.push((n, proposal)),
            }
        }

        let mut world = World::empty(shared.epoch);
        let loading = Loading::now(part, &shared.cache, &shared.writers, now);
        // What was read on the way is of all of them; where some must wait, it is read again for the others.
        let found = Some(found).filter(|_| open.len() == pending.len());
        if found.is_none() {
            all_of_them = Scope::default();
            open.iter().for_each(|(_, p)| all_of_them.extend(&p.command.scope()));
        }
        match self.wait(fill(conn, loading, &mut world, &all_of_them, Some(&mut held), found)) {
            Ok(()) => {}
            // One by one, so that only those wait whose rows are not had.
            Err(Error::NotHad) => {
                let mut had = Vec::with_capacity(open.len());
                for (n, proposal) in open {
                    let missing = proposal.command.scope().minus(&world.loaded);
                    match self.wait(fill(conn, loading, &mut world, &missing, Some(&mut held), None)) {
                        Ok(()) => had.push((n, proposal)),
                        Err(Error::NotHad) => waiting.push(n),
                        Err(e) => return Err(e),
                    }
                }
                open = had;
            }
            Err(e) => return Err(e),
        }

        metrics::counter!("slotwise_commit_tries_total").increment((open.len() + settled.len()) as u64);
        let mut decided: Vec<Decided> = Vec::with_capacity(open.len());
        let mut earlier: HashMap<AttemptKey, usize> = HashMap::with_capacity(open.len());
        for (n, proposal) in open {
            let before = earlier.get(&proposal.key).and_then(|place| decided.get(*place));
            let answer = match before {
                Some(before) => replay(before.recorded.clone(), proposal),
                None if clock_jumped => Settled::Failed(Failure::of(FailureCode::StoreUnavailable)),
                None => match key_age(proposal.key, now, shared.epoch_began) {
                    KeyAge::Expired => Settled::KeyExpired,
                    KeyAge::BeforeRestore => Settled::EpochChanged,
                    KeyAge::Fresh => {
                        let folded = &decided;
                        let judged = judge(&mut world, proposal, settle, now, |world, scope| {
                            let people = scope.people.iter().filter(|id| !world.people.contains_key(id));
                            let counted = scope.counted.iter().filter(|id| !world.counted.contains_key(id));
                            let (people, counted): (Vec<_>, Vec<_>) = (people.collect(), counted.collect());
                            self.rt.block_on(fill(conn, loading, world, scope, Some(&mut held), None))?;
                            fold_persons(world, folded, &people, &counted);
                            Ok::<(), Error>(())
                        });
                        match judged {
                            Ok(Judged::Failed(failure)) => Settled::Failed(failure),
                            Ok(Judged::Decided(recorded, changes, made)) => {
                                earlier.insert(proposal.key, decided.len());
                                decided.push(Decided { n, recorded, changes, made });
                                continue;
                            }
                            // A row that only judging asked for.
                            Err(Error::NotHad) => Settled::Failed(Failure::of(FailureCode::Conflict)),
                            Err(e) => return Err(e),
                        }
                    }
                },
            };
            settled.push((n, answer));
        }
        if let Some(id) = shared.feed.other_copy(&held.heads) {
            return Err(Error::other_copy(id));
        }
        assert_sound(&world, decided.iter().map(|d| (&d.changes, d.recorded.decision.decided_at)))
            .map_err(Error::Broken)?;
        // After all that this commit rests on, and after all that anybody could have been told here, also where clocks differ.
        let seen = held.heads.values().map(|head| head.stamp).max().unwrap_or(0).max(shared.feed.stamp());
        let stamp = now.0.max(self.chain.stamp + 1).max(seen + 1);
        let (since, turn) = (loading.since, loading.turn);
        let judgement = Judgement { settled, decided, world, held, now, since, turn, stamp, ours };
        Ok((judgement, waiting))
    }

    /// Writes what was decided, and commits, in one round trip.
    fn write(
        &mut self,
        mut conn: Conn,
        id: Uuid,
        batch: &[Proposal],
        judgement: &Judgement,
        mut decided: Vec<Decided>,
    ) -> std::result::Result<(Vec<Decided>, Commit, Bodies), Ended> {
        let shared = self.shared.clone();
        let rows = self.rows(id, batch, judgement, &mut decided);
        let (statements, commit, bodies) = match rows {
            Ok(rows) => rows,
            Err(e) => {
                if self.wait(rolled_back(&conn)) {
                    conn.clean();
                }
                return Err(failed(e));
            }
        };
        if let Err(e) = self.wait(lengthen(&shared, &commit)) {
            if self.wait(rolled_back(&conn)) {
                conn.clean();
            }
            return Err(failed(e));
        }
        shared.feed.is_ours(id);
        let sent = self.wait(async {
            tokio::time::timeout(commit_within(decided.len()), send_and_commit(&conn, &statements)).await
        });
        let unknown = match sent {
            Ok(Sending::Committed) => {
                conn.clean();
                None
            }
            // A statement before the COMMIT failed, so the COMMIT has rolled back.
            Ok(Sending::Refused(e)) => {
                if !conn.is_closed() {
                    conn.clean();
                }
                shared.feed.is_not_ours(id);
                let changes = || commit.records().map(|(_, record)| record.resource).collect();
                return Err(failed(e.of_commit(changes)));
            }
            Ok(Sending::Unknown(e)) => Some(e.to_string()),
            Err(_) => Some("the database did not answer in time".to_owned()),
        };
        if let Some(says) = unknown {
            conn.dirty();
            // Whoever asks what became of it needs a connection, and this one's place may be the last.
            drop(conn);
            tracing::warn!(commit = %id, "it is not known whether a commit is durable: {says}");
            match self.wait(resolve(&shared, id)) {
                Resolved::Durable => {
                    metrics::counter!("slotwise_unknown_commits_total", "resolved" => "durable").increment(1);
                }
                Resolved::Nothing => {
                    metrics::counter!("slotwise_unknown_commits_total", "resolved" => "nothing").increment(1);
                    shared.feed.is_not_ours(id);
                    // The number was never used.
                    return Err(Ended::Failed(FailureCode::StoreUnavailable, Error::NoConnection));
                }
                Resolved::NotYet => {
                    metrics::counter!("slotwise_unknown_commits_total", "resolved" => "not_yet").increment(1);
                    // Whether it is part of the chain is not known: another begins.
                    self.chain = Chain::new(judgement.stamp);
                    shared.feed.is_not_ours(id);
                    self.rt.spawn(resolve_later(shared, id));
                    return Err(Ended::Unknown(says));
                }
            }
        }
        self.chain.number = commit.number;
        self.chain.hash = commit.hash;
        self.chain.stamp = judgement.stamp;
        Ok((decided, commit, bodies))
    }

    /// Chains what was decided, and makes the statements that write it.
    fn rows(
        &self,
        id: Uuid,
        batch: &[Proposal],
        judgement: &Judgement,
        decided: &mut [Decided],
    ) -> Result<(Statements, Commit, Bodies)> {
        let shared = &*self.shared;
        let after = (self.chain.number, self.chain.hash);
        let chained = write::chain(decided, batch, judgement, after, shared.epoch)?;
        let used: BTreeSet<(Uuid, Uuid)> = decided.iter().map(|d| (d.recorded.key.key, d.recorded.key.actor)).collect();
        let (keys, actors): (Vec<Uuid>, Vec<Uuid>) = judgement.ours.difference(&used).copied().unzip();
        let mut statements = Vec::new();
        if !keys.is_empty() {
            statements.push((sql::KEYS_UNUSED, args![shared.part, id, keys, actors]));
        }
        let Chained { commit, body, bodies } = chained;
        let said = commit.said();
        let said = if said.is_empty() { None } else { Some(codec::encode_said(&said)?) };
        let (writer, number) = (self.chain.writer, signed(commit.number));
        let hash = commit.hash.to_vec();
        statements.push((sql::JOURNAL_ADD, args![shared.part, id, writer, number, judgement.stamp, hash, body, said]));
        write::rows(&mut statements, shared.part, id, judgement, &commit, bodies.clone())?;
        Ok((statements, commit, bodies))
    }

    /// Shows everybody here what the commit made true.
    fn publish(&self, commit: Commit, bodies: &[Vec<u8>], id: Uuid, judgement: &mut Judgement) {
        let shared = &*self.shared;
        let (stamp, since, turn) = (judgement.stamp, judgement.since, judgement.turn);
        // The last of each.
        let changed: BTreeMap<ResourceId, Hash> = commit.records().map(|(_, r)| (r.resource, r.hash)).collect();
        for (id, hash) in changed {
            if let Some(calendar) = judgement.world.calendars.get_mut(&id) {
                *calendar = trimmed(calendar.clone(), since);
                shared.cache.put(Headed { calendar: calendar.clone(), hash }, turn);
            }
        }
        match shared.feed.push(&commit, bodies, id, stamp, &judgement.world.calendars) {
            Err(e) => shared.heed(&e),
            Ok(gaps) if gaps.is_empty() => {}
            // What comes between was committed elsewhere, or by another thread that has not said so yet.
            Ok(gaps) => {
                let shared = self.shared.clone();
                self.rt.spawn(async move {
                    if let Err(e) = shared.feed.heal(&gaps, &commit, id, stamp).await {
                        shared.heed(&e);
                        tracing::debug!("reading what lies between: {e}");
                    }
                });
            }
        }
        if let Some(doorbell) = &shared.doorbell {
            doorbell.ring(id);
        }
    }
}

/// What was judged of a batch.
pub(super) struct Judgement {
    /// Answers that need no rows; the others are decided.
    pub settled: Vec<(usize, Settled)>,
    pub decided: Vec<Decided>,
    pub world: World,
    pub held: Held,
    /// The one reading of the clock.
    pub now: Instant,
    pub since: Instant,
    /// What the cache was when this was loaded.
    pub turn: u64,
    pub stamp: i64,
    /// Keys that this commit has put in.
    ours: BTreeSet<(Uuid, Uuid)>,
}

impl Judgement {
    /// Where a resource's record ends before this commit.
    pub fn head(&self, id: ResourceId) -> Option<&Head> {
        self.held.heads.get(&id)
    }
}

/// A commit's id, dated by the store's clock: ids are taken away by their age, and this machine's clock may show any other.
fn id_at(now: Instant) -> Uuid {
    let millis = u64::try_from(now.0.div_euclid(1_000)).unwrap_or(0);
    let [_, _, _, _, _, _, random @ ..] = Uuid::new_v4().into_bytes();
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// How long a commit of so many may take.
fn commit_within(proposals: usize) -> Duration {
    COMMIT_WITHIN + COMMIT_EACH * u32::try_from(proposals).unwrap_or(u32::MAX)
}

/// The bounds of a transaction with so many keys, as the database is told them.
fn bounds(lock_ms: &'static str, keys: usize) -> Args {
    let statement = commit_within(keys) + STATEMENT_MORE;
    args![lock_ms, statement.as_millis().to_string()]
}

fn failed(e: Error) -> Ended {
    let code = match e.means() {
        Means::Conflict => FailureCode::Conflict,
        Means::Refused | Means::Lost | Means::Bug => FailureCode::StoreUnavailable,
    };
    Ended::Failed(code, e)
}

fn fail(answers: &mut [Option<Settled>], pending: &[usize], code: FailureCode) {
    for n in pending {
        if let Some(answer) = answers.get_mut(*n) {
            *answer = Some(Settled::Failed(Failure::of(code)));
        }
    }
}

fn answer(answers: &mut [Option<Settled>], settled: Vec<(usize, Settled)>, decided: Vec<Decided>) {
    let decided = decided.into_iter().map(|d| (d.n, Settled::Decided(d.recorded, d.made)));
    for (n, settled) in settled.into_iter().chain(decided) {
        if let Some(answer) = answers.get_mut(n) {
            *answer = Some(settled);
        }
    }
}

/// The answer for a key that is known already.
fn replay(recorded: Arc<Recorded>, proposal: &Proposal) -> Settled {
    match recorded.fingerprint == proposal.fingerprint {
        true => Settled::Replayed(recorded),
        false => Settled::KeyReused,
    }
}

/// The resources that a proposal names, or was seen to touch.
fn named(proposal: &Proposal) -> impl Iterator<Item = ResourceId> + '_ {
    named_of(proposal).into_iter()
}

fn named_of(proposal: &Proposal) -> BTreeSet<ResourceId> {
    let observed = proposal.observed.iter().map(|(id, _)| *id);
    proposal.command.scope().resources.iter().copied().chain(observed).collect()
}

/// What this commit has decided so far is true of persons too, and nowhere else yet.
fn fold_persons(world: &mut World, folded: &[Decided], people: &[&PersonId], counted: &[&PersonId]) {
    let changes = || folded.iter().flat_map(|d| &d.changes.records).flat_map(|(_, record)| record);
    for id in people {
        if let Some(person) = world.people.get_mut(id) {
            changes().for_each(|change| person.apply(**id, change));
        }
    }
    for id in counted {
        if let Some(counted) = world.counted.get_mut(id) {
            changes().for_each(|change| counted.apply(**id, change));
        }
    }
}

// The first round trip

/// What a transaction has begun with.
struct Begun {
    held: Held,
    /// Resources that are there and held by somebody else.
    others: BTreeSet<ResourceId>,
    clock: Reading,
    /// Answers that were recorded before.
    known: HashMap<(Uuid, Uuid), Arc<Recorded>>,
    /// Keys that this transaction has put in.
    ours: BTreeSet<(Uuid, Uuid)>,
    /// What was read of the scope, after the rows of resources and persons were held.
    found: Found,
}

async fn begin(
    conn: &Conn,
    shared: &Shared,
    id: Uuid,
    asked: Vec<Uuid>,
    keys: BTreeSet<(Uuid, Uuid)>,
    scope: &Scope,
) -> Result<Begun> {
    let part = shared.part;
    let (names, actors): (Vec<Uuid>, Vec<Uuid>) = keys.iter().copied().unzip();
    let asked_at = SystemClock.since_boot();
    let began = Sent::now(plain(conn, sql::BEGIN));
    let asking = [
        (sql::BOUNDS, bounds(LOCK_MS, keys.len())),
        (sql::COMMIT_ID, args![part, id, i64::from(shared.epoch.0)]),
        (sql::HEADS_HELD, args![part, asked.clone()]),
        (sql::CLOCK, args![]),
        (sql::SAVEPOINT, args![]),
    ];
    let rest = all(conn, &asking);
    let rest = Sent::now(rest);
    let put = args![part, id, names.clone(), actors];
    let put = Sent::now(rows(conn, sql::KEYS, &put));
    let persons: Vec<Uuid> = scope.people.union(&scope.counted).map(|id| id.0).collect();
    let persons_args = args![part, persons.clone()];
    let persons = (!persons.is_empty()).then(|| Sent::now(rows(conn, sql::PERSONS_HELD, &persons_args)));
    let asking = Asking::of(part, scope);
    let found = asking.send(conn);
    began.await?;
    let [_, in_epoch, got, clock, _] = rest.await?;
    let clock = clock.first().ok_or_else(|| Error::bug("the clock did not answer"))?;
    let clock = Reading::told(Instant(clock.try_get(0)?), asked_at);
    if in_epoch.is_empty() {
        return Err(Error::Unfit(RESTORED.into()));
    }
    let put = put.await;
    let persons = match persons {
        Some(persons) => persons.await,
        None => Ok(Vec::new()),
    };
    let found = found.found(scope).await;
    let mut held = Held { shut: shared.shut_now(), ..Held::default() };
    let (known, blocked, found) = match put {
        Ok(put) => {
            held.persons.extend(load::ids(&persons?)?.into_iter().map(PersonId));
            // One round trip more where a key was had before.
            let known = match put.len() == keys.len() {
                true => Vec::new(),
                false => rows(conn, sql::KEYS_KNOWN, &args![part, names, id]).await?,
            };
            (known, BTreeSet::new(), found?)
        }
        Err(e) if e.lock_not_had() => {
            // All that was sent after it failed with it.
            let (known, blocked) = put_keys_apart(conn, part, id, &keys).await?;
            (known, blocked, asking.send(conn).found(scope).await?)
        }
        Err(e) => return Err(e),
    };
    let known = recorded_of(conn, part, &known, &keys).await?;
    // And one more where a row was not had, or is not there.
    let there = match got.len() == asked.len() {
        true => Vec::new(),
        false => rows(conn, sql::HEADS_THERE, &args![part, asked.clone()]).await?,
    };
    let others = held.take(&asked, &got, &there)?;
    let ours = keys.into_iter().filter(|key| !known.contains_key(key) && !blocked.contains(key)).collect();
    Ok(Begun { held, others, clock, known, ours, found })
}

/// Somebody else is putting in one of the keys and has not ended: finds out which, by halving, so that the others need not wait.
async fn put_keys_apart(
    conn: &Conn,
    part: i64,
    id: Uuid,
    keys: &BTreeSet<(Uuid, Uuid)>,
) -> Result<(Vec<Row>, BTreeSet<(Uuid, Uuid)>)> {
    plain(conn, sql::BACK_TO_SAVEPOINT).await?;
    // Whoever waits here has waited already.
    rows(conn, sql::BOUNDS, &bounds(LOCK_AGAIN_MS, keys.len())).await?;
    let mut blocked = BTreeSet::new();
    let keys: Vec<(Uuid, Uuid)> = keys.iter().copied().collect();
    let mut parts = vec![keys.as_slice()];
    while let Some(some) = parts.pop() {
        plain(conn, sql::SAVEPOINT).await?;
        let (names, actors): (Vec<Uuid>, Vec<Uuid>) = some.iter().copied().unzip();
        match rows(conn, sql::KEYS, &args![part, id, names, actors]).await {
            Ok(_) => {}
            Err(e) if e.lock_not_had() => {
                plain(conn, sql::BACK_TO_SAVEPOINT).await?;
                match some {
                    [one] => drop(blocked.insert(*one)),
                    more => {
                        let (low, high) = more.split_at(more.len() / 2);
                        parts.extend([high, low]);
                    }
                }
            }
            Err(e) => return Err(e),
        }
    }
    rows(conn, sql::BOUNDS, &bounds(LOCK_MS, keys.len())).await?;
    let names: Vec<Uuid> = keys.iter().map(|(key, _)| *key).collect();
    Ok((rows(conn, sql::KEYS_KNOWN, &args![part, names, id]).await?, blocked))
}

/// The answers to keys, from rows of key, actor, commit.
async fn recorded_of(
    conn: &Conn,
    part: i64,
    found: &[Row],
    asked: &BTreeSet<(Uuid, Uuid)>,
) -> Result<HashMap<(Uuid, Uuid), Arc<Recorded>>> {
    let mut known = HashMap::new();
    let mut by_commit: BTreeMap<Uuid, BTreeSet<(Uuid, Uuid)>> = BTreeMap::new();
    for row in found {
        let key: (Uuid, Uuid) = (row.try_get(0)?, row.try_get(1)?);
        // Others may have the same key under their own name.
        if asked.contains(&key) {
            by_commit.entry(row.try_get(2)?).or_default().insert(key);
        }
    }
    if by_commit.is_empty() {
        return Ok(known);
    }
    let ids: Vec<Uuid> = by_commit.keys().copied().collect();
    for row in rows(conn, sql::JOURNAL_BY_ID, &args![part, ids]).await? {
        let mut keys = by_commit.remove(&row.try_get(0)?).unwrap_or_default();
        for entry in load::commit(&row, 1, 3, 4)?.entries {
            let key = (entry.recorded.key.key, entry.recorded.key.actor);
            if keys.remove(&key) {
                known.insert(key, entry.recorded);
            }
        }
        if let Some((key, _)) = keys.first() {
            return Err(Error::bug(format!("the answer to {key} is not where it should be")));
        }
    }
    match by_commit.is_empty() {
        true => Ok(known),
        false => Err(Error::bug("a commit with answers is gone")),
    }
}

/// Says how long the longest booking is, if there was none so long. By another connection: it is a bound that may as well be too
/// large, and a commit that held the part's own row would let all others wait.
async fn lengthen(shared: &Shared, commit: &Commit) -> Result<()> {
    let bookings = commit.entries.iter().flat_map(|entry| &entry.bookings);
    let longest = bookings.map(|b| b.end().since(b.start()).0).max().unwrap_or(0);
    if longest > shared.longest.load(Ordering::Acquire) {
        shared.writers.rows(sql::LONGEST_PUT, args![shared.part, longest]).await?;
        shared.longest.fetch_max(longest, Ordering::AcqRel);
    }
    Ok(())
}

/// Whether any of these rows is free, in one round trip.
async fn any_free(shared: &Shared, wanted: Args) -> Result<bool> {
    let mut conn = shared.writers.get().await?;
    let begun = Sent::now(plain(&conn, sql::BEGIN));
    let free = Sent::now(rows(&conn, sql::HEADS_HELD, &wanted));
    let ended = Sent::now(plain(&conn, sql::ROLLBACK));
    begun.await?;
    let free = free.await;
    ended.await?;
    conn.clean();
    Ok(!free?.is_empty())
}

async fn rolled_back(conn: &Conn) -> bool {
    let done = tokio::time::timeout(RESOLVE_WITHIN, plain(conn, sql::ROLLBACK)).await;
    matches!(done, Ok(Ok(())))
}

// The last round trip

/// What is known of a commit after it was sent.
enum Sending {
    Committed,
    /// Nothing was written.
    Refused(Error),
    /// It may be durable.
    Unknown(Error),
}

/// Sends all statements and the COMMIT at once. If one of them is refused, the transaction is broken, and the COMMIT rolls it back.
async fn send_and_commit(conn: &Conn, statements: &[(&'static str, Args)]) -> Sending {
    let sent: Vec<_> = statements.iter().map(|(sql, args)| Sent::now(rows(conn, sql, args))).collect();
    let commit = Sent::now(plain(conn, sql::COMMIT));
    let mut refused = None;
    for answer in sent {
        if let Err(e) = answer.await {
            // The first says why; the others only that the transaction is broken.
            refused.get_or_insert(e);
        }
    }
    let commit = commit.await;
    match (refused, commit) {
        (None, Ok(())) => Sending::Committed,
        // The server itself refused a statement within the transaction, and then answered the COMMIT, or went down without it.
        (Some(e), _) if e.means() != Means::Lost => Sending::Refused(e),
        (Some(e), Ok(())) => Sending::Refused(e),
        (Some(e), Err(_)) => Sending::Unknown(e),
        (None, Err(e)) if e.means() == Means::Lost || conn.is_closed() => Sending::Unknown(e),
        (None, Err(e)) => Sending::Refused(e),
    }
}

/// What became of a commit that nobody knew of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    /// It is durable.
    Durable,
    /// It is not, and never will be.
    Nothing,
    /// It may still become durable.
    NotYet,
}

/// Puts a tombstone under the commit's id: the key lets it or the commit be, never both.
pub(super) async fn resolve(shared: &Shared, id: Uuid) -> Resolved {
    match tokio::time::timeout(RESOLVE_WITHIN, tombstone(shared, id)).await {
        Ok(Ok(resolved)) => resolved,
        Ok(Err(e)) => {
            tracing::warn!(commit = %id, "asking what became of a commit: {e}");
            Resolved::NotYet
        }
        Err(_) => Resolved::NotYet,
    }
}

async fn tombstone(shared: &Shared, id: Uuid) -> Result<Resolved> {
    let mut conn = shared.writers.get_new().await?;
    match rows(&conn, sql::TOMBSTONE, &args![shared.part, id]).await {
        Ok(_) => {
            conn.clean();
            Ok(Resolved::Nothing)
        }
        Err(e) if e.key_taken() => {
            // A tombstone of ours that was not answered, or the commit.
            let found = rows(&conn, sql::IS_TOMBSTONE, &args![shared.part, id]).await?;
            conn.clean();
            let row = found.first().ok_or_else(|| Error::bug("a commit id is gone"))?;
            Ok(if row.try_get(0)? { Resolved::Nothing } else { Resolved::Durable })
        }
        Err(e) => Err(e),
    }
}

/// Waits until every transaction that was writing when this was called has ended: what it read before is of no effect any more, and
/// what it wrote can be seen.
pub(super) async fn those_under_way_end(client: &Client) -> Result<()> {
    let begun = Moment::now();
    let clock = rows(client, sql::CLOCK, &args![]).await?;
    let now: i64 = clock.first().map_or(Ok(0), |row| row.try_get(0))?;
    loop {
        let writing = rows(client, sql::WRITING_SINCE, &args![]).await?;
        let since: Option<i64> = writing.first().map_or(Ok(None), |row| row.try_get(0))?;
        // Nothing of ours lasts longer than that, whatever else somebody does in this database.
        if since.is_none_or(|since| since > now) || begun.elapsed() >= UNDER_WAY_MAX {
            return Ok(());
        }
        tokio::time::sleep(UNDER_WAY_LOOK_EVERY).await;
    }
}

/// Goes on asking until it is known, and says so: whoever asks by key is answered by the record.
async fn resolve_later(shared: Arc<Shared>, id: Uuid) {
    let mut rest = Duration::from_millis(250);
    loop {
        tokio::time::sleep(rest).await;
        rest = (rest * 2).min(Duration::from_secs(10));
        if shared.readers.is_closed() {
            return;
        }
        let resolved = match resolve(&shared, id).await {
            Resolved::Durable => "durable",
            Resolved::Nothing => "nothing",
            Resolved::NotYet => continue,
        };
        metrics::counter!("slotwise_unknown_commits_total", "resolved" => resolved).increment(1);
        tracing::info!(commit = %id, resolved, "it is known now what became of a commit");
        if let Err(e) = shared.feed.catch_up(true).await {
            shared.heed(&e);
            tracing::warn!("reading what was committed: {e}");
        }
        return;
    }
}

/// What matters of changes for rows about claims: the last of each.
pub(super) fn claims<'c>(
    records: impl Iterator<Item = (ResourceId, &'c [Change])>,
) -> BTreeMap<(Uuid, i64), (ResourceId, &'c Change)> {
    let mut claims = BTreeMap::new();
    for (resource, changes) in records {
        for change in changes {
            if let Some((id, kind, ..)) = load::claim_id(change) {
                claims.insert((id, kind), (resource, change));
            }
        }
    }
    claims
}
