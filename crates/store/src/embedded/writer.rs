//! The one thread that writes: a batch of proposals in, one durable commit, their answers out.
//! It has no rule of its own, never writes after a failure, and shows nobody what no COMMIT has returned for.

use super::cache::{self, Cache, Entry};
use super::checkpoint::Checkpointer;
use super::error::{Error, Result};
use super::health::Health;
use super::load::{self, Meta, Source};
use super::people::Roles;
use super::write::{Head, Place, Rows};
use rusqlite::Connection;
use slotwise_domain::{
    AttemptKey, Calendar, Changes, Failure, FailureCode, Instant, Person, PersonId, Proposal, ResourceId, Role, Settle,
    World,
};
use slotwise_engine::round::{Judged, KeyAge, assert_sound, judge, key_age};
use slotwise_engine::{Clock, CommitError, Made, Recorded, Settled};
use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant as Moment;
use tokio::sync::{mpsc, oneshot, watch};

/// A batch, and where its answers go.
pub(super) struct Job {
    pub batch: Vec<Proposal>,
    pub settle: Settle,
    pub reply: oneshot::Sender<Reply>,
}

pub(super) type Reply = std::result::Result<Vec<Settled>, CommitError>;

pub(super) struct Writer {
    pub db: Connection,
    pub roles: Roles,
    pub cache: Arc<Cache>,
    pub clock: Arc<dyn Clock>,
    pub health: Arc<Health>,
    pub meta: Meta,
    /// Where the outbox ends: set before anybody is answered.
    pub head: Arc<AtomicU64>,
    /// The same for whoever waits, after the answers.
    pub committed: watch::Sender<u64>,
    pub checkpointer: Checkpointer,
    pub phase: Phase,
}

/// How far a commit has come, for whoever finds it broken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing can be durable.
    Before,
    /// It may be.
    Committing,
}

/// A commit that did not happen, or may have; and what it means for the writer.
struct Ended {
    error: CommitError,
    stop: Option<String>,
}

/// A proposal with its verdict, waiting for its rows.
struct Decided {
    /// Its place in the batch.
    n: usize,
    recorded: Box<Recorded>,
    changes: Changes,
    made: Option<Made>,
}

impl Writer {
    /// Serves batches until nobody can send any more.
    pub fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.blocking_recv() {
            let reply = self.serve(&job.batch, job.settle);
            let told = reply.is_ok();
            // Whoever asked may have gone; what is decided is decided.
            drop(job.reply.send(reply));
            if told {
                self.committed.send_if_modified(|position| {
                    let behind = *position != self.meta.place.position;
                    *position = self.meta.place.position;
                    behind
                });
                self.checkpoint();
            }
        }
        self.checkpointer.finish(&self.db, &self.health);
    }

    fn serve(&mut self, batch: &[Proposal], settle: Settle) -> Reply {
        if let Some(reason) = self.health.stopped() {
            return Err(CommitError::NothingWritten(format!("the store has stopped: {reason}")));
        }
        let begun = Moment::now();
        self.phase = Phase::Before;
        let ended = match catch_unwind(AssertUnwindSafe(|| self.commit(batch, settle))) {
            Ok(Ok(settled)) => {
                metrics::histogram!("slotwise_store_commit_seconds").record(begun.elapsed());
                metrics::histogram!("slotwise_batch_size").record(batch.len() as f64);
                return Ok(settled);
            }
            Ok(Err(ended)) => ended,
            Err(_) => {
                let says = "the writer panicked; this is a bug".to_owned();
                let error = match self.phase {
                    Phase::Before => CommitError::NothingWritten(says.clone()),
                    Phase::Committing => CommitError::Unknown(says.clone()),
                };
                Ended { error, stop: Some(says) }
            }
        };
        if self.phase == Phase::Before
            && !self.db.is_autocommit()
            && let Err(e) = self.db.execute_batch("ROLLBACK")
        {
            self.health.stop(format!("a transaction could not be rolled back: {e}"));
        }
        match ended.stop {
            Some(reason) => self.health.stop(reason),
            None => tracing::warn!(error = %ended.error, "a commit failed"),
        }
        Err(ended.error)
    }

    fn commit(&mut self, batch: &[Proposal], settle: Settle) -> std::result::Result<Vec<Settled>, Ended> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        metrics::counter!("slotwise_commit_tries_total").increment(batch.len() as u64);
        self.run_sql("BEGIN IMMEDIATE").map_err(|e| nothing_written(e.into()))?;
        let judged = self.judge(batch, settle).map_err(nothing_written)?;
        let Judgement { mut settled, decided, mut heads, world, now, since } = judged;
        if decided.is_empty() {
            self.run_sql("ROLLBACK").map_err(|e| nothing_written(e.into()))?;
            return Ok(settled.into_iter().flatten().collect());
        }
        let place = self.write(batch, &decided, &mut heads, now).map_err(nothing_written)?;
        self.phase = Phase::Committing;
        self.run_sql("COMMIT").map_err(|e| Ended {
            error: CommitError::Unknown(e.to_string()),
            stop: Some(format!("a COMMIT failed, and it is not known whether it is durable: {e}")),
        })?;
        self.meta.place = place;
        self.head.store(place.position, Ordering::Release);
        self.publish(world, &heads, since);
        for Decided { n, recorded, made, .. } in decided {
            if let Some(answer) = settled.get_mut(n) {
                *answer = Some(Settled::Decided(*recorded, made));
            }
        }
        Ok(settled.into_iter().flatten().collect())
    }

    fn run_sql(&self, sql: &str) -> rusqlite::Result<usize> {
        self.db.prepare_cached(sql)?.execute([])
    }

    /// Loads what the batch is judged on, reads the clock once, and judges.
    fn judge(&mut self, batch: &[Proposal], settle: Settle) -> Result<Judgement> {
        self.roles.freshen()?;
        let since = self.clock.now().minus(Calendar::LOOKBACK);
        let mut settled: Vec<Option<Settled>> = Vec::with_capacity(batch.len());
        for proposal in batch {
            settled.push(load::recorded(&self.db, proposal.key)?.map(|recorded| replay(recorded, proposal)));
        }
        let mut world = World::empty(self.meta.epoch);
        let mut heads = HashMap::with_capacity(batch.len());
        let mut rows =
            Loader { db: &self.db, cache: &self.cache, roles: &mut self.roles, heads: &mut heads, since, folded: &[] };
        for (proposal, _) in batch.iter().zip(&settled).filter(|(_, answer)| answer.is_none()) {
            let scope = proposal.command.scope();
            let missing = scope.minus(&world.loaded);
            load::fill(&mut world, &missing, &scope.resources, &mut rows)?;
        }

        let now = self.clock.now();
        let clock_jumped = self.health.clock_jumped(now, self.clock.since_boot());
        let mut decided: Vec<Decided> = Vec::with_capacity(batch.len());
        let mut earlier: HashMap<AttemptKey, usize> = HashMap::with_capacity(batch.len());
        for (n, proposal) in batch.iter().enumerate() {
            if settled.get(n).is_none_or(Option::is_some) {
                continue;
            }
            let before = earlier.get(&proposal.key).and_then(|place| decided.get(*place));
            let answer = match before {
                Some(before) => replay(Recorded::clone(&before.recorded), proposal),
                None if clock_jumped => Settled::Failed(Failure::of(FailureCode::StoreUnavailable)),
                None => match key_age(proposal.key, now, self.meta.epoch_began) {
                    KeyAge::Expired => Settled::KeyExpired,
                    KeyAge::BeforeRestore => Settled::EpochChanged,
                    KeyAge::Fresh => {
                        let (db, cache, roles) = (&self.db, &*self.cache, &mut self.roles);
                        let mut rows = Loader { db, cache, roles, heads: &mut heads, since, folded: &decided };
                        let judged = judge(&mut world, proposal, settle, now, |world, scope| {
                            load::fill(world, scope, &BTreeSet::new(), &mut rows)
                        })?;
                        match judged {
                            Judged::Failed(failure) => Settled::Failed(failure),
                            Judged::Decided(recorded, changes, made) => {
                                earlier.insert(proposal.key, decided.len());
                                decided.push(Decided { n, recorded, changes, made });
                                continue;
                            }
                        }
                    }
                },
            };
            if let Some(place) = settled.get_mut(n) {
                *place = Some(answer);
            }
        }
        assert_sound(&world, decided.iter().map(|d| (&d.changes, d.recorded.decision.decided_at)))
            .map_err(Error::Broken)?;
        let answered = settled.iter().flatten().count();
        match answered + decided.len() == batch.len() {
            true => Ok(Judgement { settled, decided, heads, world, now, since }),
            false => Err(Error::bug("a proposal was left without an answer")),
        }
    }

    fn write(
        &self,
        batch: &[Proposal],
        decided: &[Decided],
        heads: &mut HashMap<ResourceId, Head>,
        now: Instant,
    ) -> Result<Place> {
        let mut rows = Rows::begin(&self.db, heads, self.meta.place, now)?;
        for Decided { n, recorded, changes, .. } in decided {
            let proposal = batch.get(*n).ok_or_else(|| Error::bug("a decision without its proposal"))?;
            rows.decided(proposal, recorded, changes)?;
        }
        rows.finish()
    }

    /// Shows every calendar that this commit changed, as it is now.
    fn publish(&self, mut world: World, heads: &HashMap<ResourceId, Head>, since: Instant) {
        for (id, head) in heads.iter().filter(|(_, head)| head.stored != Some(head.version)) {
            if let Some(calendar) = world.calendars.remove(id) {
                let Head { hash, position, .. } = *head;
                self.cache.publish(*id, Entry { calendar: cache::trimmed(calendar, since), hash, position });
            }
        }
        metrics::gauge!("slotwise_calendar_cache_bytes").set(self.cache.bytes() as f64);
    }

    fn checkpoint(&mut self) {
        if let Err(e) = self.checkpointer.after_commit(&self.db) {
            self.health.stop(format!("the log could not be brought into the database: {e}"));
        }
    }
}

/// What was judged of a batch.
struct Judgement {
    /// Answers that need no rows; the others are decided.
    settled: Vec<Option<Settled>>,
    decided: Vec<Decided>,
    heads: HashMap<ResourceId, Head>,
    world: World,
    /// The one reading of the clock.
    now: Instant,
    since: Instant,
}

/// The answer for a key that is known already.
fn replay(recorded: Recorded, proposal: &Proposal) -> Settled {
    match recorded.fingerprint == proposal.fingerprint {
        true => Settled::Replayed(recorded),
        false => Settled::KeyReused,
    }
}

fn nothing_written(e: Error) -> Ended {
    let says = e.to_string();
    Ended { stop: e.stops().then(|| says.clone()), error: CommitError::NothingWritten(says) }
}

/// What the writer's world is filled from, within its transaction.
struct Loader<'a> {
    db: &'a Connection,
    cache: &'a Cache,
    roles: &'a mut Roles,
    heads: &'a mut HashMap<ResourceId, Head>,
    since: Instant,
    /// What this commit has decided so far: true in the world, and not yet in the rows.
    folded: &'a [Decided],
}

impl Source for Loader<'_> {
    fn calendar(&mut self, id: ResourceId) -> Result<Option<Arc<Calendar>>> {
        // The cache equals the committed rows here; see its file for why.
        let entry = match self.cache.get(id) {
            Some(entry) => entry,
            None => {
                let Some(entry) = load::calendar(self.db, id, self.since)? else { return Ok(None) };
                self.cache.publish(id, entry.clone());
                entry
            }
        };
        let Calendar { version, decided_at, .. } = *entry.calendar;
        self.heads.insert(
            id,
            Head { stored: Some(version), version, decided_at, hash: entry.hash, position: entry.position },
        );
        Ok(Some(cache::trimmed(entry.calendar, self.since)))
    }

    fn role(&mut self, id: PersonId) -> Result<Option<Role>> {
        self.roles.role(id)
    }

    fn person(&mut self, id: PersonId) -> Result<Person> {
        let mut person = load::person(self.db, id, self.since)?;
        for change in self.folded.iter().flat_map(|d| &d.changes.records).flat_map(|(_, record)| record) {
            person.apply(id, change);
        }
        Ok(person)
    }

    fn rows(&self) -> &Connection {
        self.db
    }
}
