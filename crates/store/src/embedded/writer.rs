//! The one thread that writes: a batch of proposals in, one durable commit, their answers out.
//! It has no rule of its own, never writes after a failure, and shows nobody what no COMMIT has returned for.

use super::cache::{self, Cache, Entry};
use super::checkpoint::Checkpointer;
use super::erase::{self, Words};
use super::error::{Error, Result, plainly};
use super::follow::Follower;
use super::journal::{self, Head, Meta};
use super::load::{self, Source};
use super::lookup::Lookup;
use super::people::Roles;
use super::tail::Tail;
use crate::codec;
use crate::commit::{Commit, Entry as Attempt, EntryRecord};
use crate::health::Health;
use crate::record::{self, Hash, Header};
use rusqlite::Connection;
use slotwise_domain::{
    AttemptKey, Booking, BookingId, Calendar, Change, Changes, Counted, EndedEntry, EndedHold, EntryId, Facts, Failure,
    FailureCode, Hold, HoldId, Instant, Members, Person, PersonId, Proposal, ResourceId, Role, Set, Settle, Version,
    WaitEntry, World,
};
use slotwise_engine::catalogue::{self, Catalogue};
use slotwise_engine::round::{Judged, KeyAge, assert_sound, judge, key_age};
use slotwise_engine::{Clock, CommitError, Made, Recorded, Settled};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, RwLock};
use std::time::Instant as Moment;
use tokio::sync::{mpsc, oneshot, watch};

/// A batch, and where its answers go.
pub(super) struct Job {
    pub batch: Vec<Proposal>,
    pub settle: Settle,
    /// What people wrote and is to be forgotten, before the batch.
    pub words: Words,
    pub reply: oneshot::Sender<Reply>,
}

pub(super) type Reply = std::result::Result<Vec<Settled>, CommitError>;

pub(super) struct Writer {
    /// The journal, for writing.
    pub db: Connection,
    /// The tables, for reading what is not in memory.
    pub tables: Connection,
    pub roles: Roles,
    pub cache: Arc<Cache>,
    pub tail: Arc<Tail>,
    pub follower: Arc<Follower>,
    pub catalogue: Arc<RwLock<Catalogue>>,
    pub clock: Arc<dyn Clock>,
    pub health: Arc<Health>,
    pub meta: Meta,
    /// Where the journal ends.
    pub head: Head,
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
    /// The cause for whoever asks, and the reason for the log.
    stop: Option<(String, String)>,
}

/// A proposal with its verdict, waiting for its rows.
struct Decided {
    /// Its place in the batch.
    n: usize,
    recorded: Arc<Recorded>,
    changes: Changes,
    made: Option<Made>,
}

impl Writer {
    /// Serves batches until nobody can send any more.
    pub fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.blocking_recv() {
            let reply = self.erase(&job.words).and_then(|()| self.serve(&job.batch, job.settle));
            let told = reply.is_ok();
            // Whoever asked may have gone; what is decided is decided.
            drop(job.reply.send(reply));
            if told {
                self.committed.send_if_modified(|number| {
                    let behind = *number != self.head.number;
                    *number = self.head.number;
                    behind
                });
                self.checkpoint();
            }
        }
        self.checkpointer.finish(&self.db, &self.health);
    }

    fn erase(&mut self, words: &Words) -> std::result::Result<(), CommitError> {
        if words.is_empty() {
            return Ok(());
        }
        if let Some(reason) = self.health.stopped() {
            return Err(CommitError::NothingWritten(format!("the store has stopped: {reason}")));
        }
        erase::erase_words(&mut self.db, words).map_err(|e| {
            let cause = format!("{}, while the journal was written", e.plainly());
            self.health.stop(cause, format!("what a person wrote could not be erased: {e}"));
            CommitError::NothingWritten(e.to_string())
        })
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
                Ended { error, stop: Some((says.clone(), says)) }
            }
        };
        if self.phase == Phase::Before
            && !self.db.is_autocommit()
            && let Err(e) = self.db.execute_batch("ROLLBACK")
        {
            let cause = format!("{}, while the journal was written", plainly(&e));
            self.health.stop(cause, format!("a transaction could not be rolled back: {e}"));
        }
        match ended.stop {
            Some((cause, reason)) => self.health.stop(cause, reason),
            None => tracing::warn!(error = %ended.error, "a commit failed"),
        }
        Err(ended.error)
    }

    fn commit(&mut self, batch: &[Proposal], settle: Settle) -> std::result::Result<Vec<Settled>, Ended> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.follower.keep_near();
        metrics::counter!("slotwise_commit_tries_total").increment(batch.len() as u64);
        let judged = self.judge(batch, settle).map_err(nothing_written)?;
        let Judgement { mut settled, mut decided, mut heads, world, now, since } = judged;
        if decided.is_empty() {
            return Ok(all(settled));
        }
        let commit = self.write(batch, &mut decided, &mut heads, now).map_err(nothing_written)?;
        self.phase = Phase::Committing;
        self.run_sql("COMMIT").map_err(|e| Ended {
            error: CommitError::Unknown(e.to_string()),
            stop: Some((
                format!("{}, while the journal was written", plainly(&e)),
                format!("a COMMIT failed, and it is not known whether it is durable: {e}"),
            )),
        })?;
        self.head = Head { number: commit.number, hash: commit.hash };
        let records = commit.records().map(|(_, record)| (record.resource, &record.changes[..]));
        catalogue::write(&self.catalogue).fold(&world.calendars, records);
        self.tail.push(&Arc::new(commit));
        self.publish(world, &heads, since);
        for Decided { n, recorded, made, .. } in decided {
            if let Some(answer) = settled.get_mut(n) {
                *answer = Some(Settled::Decided(recorded, made));
            }
        }
        Ok(all(settled))
    }

    fn run_sql(&self, sql: &str) -> rusqlite::Result<usize> {
        self.db.prepare_cached(sql)?.execute([])
    }

    /// Loads what the batch is judged on, reads the clock once, and judges.
    fn judge(&mut self, batch: &[Proposal], settle: Settle) -> Result<Judgement> {
        self.roles.freshen()?;
        let era = self.cache.era();
        let since = self.health.unset(&*self.clock).minus(Calendar::LOOKBACK);
        let (tables, catalogue) = (&self.tables, &*self.catalogue);
        let lookup = Lookup { tables, tail: &self.tail, cache: &self.cache, catalogue, since, era };
        let mut settled: Vec<Option<Settled>> = Vec::with_capacity(batch.len());
        for proposal in batch {
            settled.push(lookup.recorded(proposal.key, &self.db)?.map(|recorded| replay(Arc::new(recorded), proposal)));
        }
        let mut world = World::empty(self.meta.epoch);
        let mut heads = HashMap::with_capacity(batch.len());
        let mut source = Loader { lookup, roles: &mut self.roles, heads: &mut heads, folded: &[] };
        for (proposal, _) in batch.iter().zip(&settled).filter(|(_, answer)| answer.is_none()) {
            let scope = proposal.command.scope();
            if !scope.within(&world.loaded) {
                let missing = scope.minus(&world.loaded);
                load::fill(&mut world, &missing, &scope.resources, &mut source)?;
            }
        }

        let now = self.clock.now();
        // What was loaded before a clock was put back may lack something.
        let clock_jumped = self.health.clock_jumped(now, self.clock.since_boot()) || self.cache.era() != era;
        let mut decided: Vec<Decided> = Vec::with_capacity(batch.len());
        let mut earlier: HashMap<AttemptKey, usize> = HashMap::with_capacity(batch.len());
        for (n, proposal) in batch.iter().enumerate() {
            if settled.get(n).is_none_or(Option::is_some) {
                continue;
            }
            let before = earlier.get(&proposal.key).and_then(|place| decided.get(*place));
            let answer = match before {
                Some(before) => replay(before.recorded.clone(), proposal),
                None if clock_jumped => Settled::Failed(Failure::of(FailureCode::StoreUnavailable)),
                None => match key_age(proposal.key, now, self.meta.epoch_began) {
                    KeyAge::Expired => Settled::KeyExpired,
                    KeyAge::BeforeRestore => Settled::EpochChanged,
                    KeyAge::Fresh => {
                        let mut source = Loader { lookup, roles: &mut self.roles, heads: &mut heads, folded: &decided };
                        let judged = judge(&mut world, proposal, settle, now, |world, scope| {
                            load::fill(world, scope, &Set::default(), &mut source)
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

    /// Chains what was decided and adds it to the journal, up to its COMMIT.
    fn write(
        &self,
        batch: &[Proposal],
        decided: &mut [Decided],
        heads: &mut HashMap<ResourceId, ChainHead>,
        now: Instant,
    ) -> Result<Commit> {
        let number = self.head.number + 1;
        let (mut attempts, mut bodies) = (Vec::with_capacity(decided.len()), Vec::with_capacity(decided.len()));
        for Decided { n, recorded, changes, .. } in decided {
            let proposal = batch.get(*n).ok_or_else(|| Error::bug("a decision without its proposal"))?;
            let Changes { records, bookings, dates: _ } = std::mem::take(changes);
            whole(&records, &bookings)?;
            let made = &recorded.decision.decided;
            if !records.is_empty() && made.len() != records.len() {
                return Err(Error::bug("a decision names other versions than it made"));
            }
            let mut chained = Vec::with_capacity(records.len());
            for ((resource, changes), (_, version)) in records.into_iter().zip(made) {
                let (key, decided_at) = (recorded.key, recorded.decision.decided_at);
                let nothing = || ChainHead::before_all(resource, version.epoch);
                let head = heads.entry(resource).or_insert_with(nothing);
                if *version != head.version.next_in(version.epoch) {
                    return Err(Error::bug(format!("{resource} is at {} and a decision made {version}", head.version)));
                }
                let body = codec::encode_changes(resource, &changes)?;
                let (attempt, actor) = (key.key, key.actor);
                let header = Header { resource, version: *version, decided_at, attempt, actor };
                let hash = record::chain(&head.hash, &header, &body);
                chained.push(EntryRecord { resource, version: *version, previous: head.commit, hash, changes });
                *head = ChainHead { version: *version, hash, commit: number, changed: true };
                bodies.push(body);
            }
            let command = Cow::Borrowed(proposal.command.name());
            attempts.push(Attempt { recorded: recorded.clone(), command, records: chained, bookings });
        }
        self.run_sql("BEGIN IMMEDIATE")?;
        journal::append(&self.db, &self.head, self.meta.epoch, now, attempts, &bodies)
    }

    /// Shows every calendar that this commit changed, as it is now.
    fn publish(&self, mut world: World, heads: &HashMap<ResourceId, ChainHead>, since: Instant) {
        for (id, head) in heads.iter().filter(|(_, head)| head.changed) {
            if let Some(calendar) = world.calendars.remove(id) {
                let ChainHead { hash, commit, .. } = *head;
                self.cache.publish(*id, Entry { calendar: cache::trimmed(calendar, since), hash, commit });
            }
        }
        metrics::gauge!("slotwise_calendar_cache_bytes").set(self.cache.bytes() as f64);
    }

    fn checkpoint(&mut self) {
        if let Err(e) = self.checkpointer.after_commit(&self.db) {
            let cause = format!("{}, while the journal was written", plainly(&e));
            self.health.stop(cause, format!("the log could not be brought into the database: {e}"));
        }
    }
}

/// What was judged of a batch.
struct Judgement {
    /// Answers that need no rows; the others are decided.
    settled: Vec<Option<Settled>>,
    decided: Vec<Decided>,
    heads: HashMap<ResourceId, ChainHead>,
    world: World,
    /// The one reading of the clock.
    now: Instant,
    since: Instant,
}

/// The answers, each of which is there by now.
fn all(settled: Vec<Option<Settled>>) -> Vec<Settled> {
    let mut answers = Vec::with_capacity(settled.len());
    answers.extend(settled.into_iter().flatten());
    answers
}

/// The answer for a key that is known already.
fn replay(recorded: Arc<Recorded>, proposal: &Proposal) -> Settled {
    match recorded.fingerprint == proposal.fingerprint {
        true => Settled::Replayed(recorded),
        false => Settled::KeyReused,
    }
}

fn nothing_written(e: Error) -> Ended {
    let says = e.to_string();
    let cause = format!("{}, while a batch was decided and written", e.plainly());
    Ended { stop: e.stops().then(|| (cause, says.clone())), error: CommitError::NothingWritten(says) }
}

/// Where a resource's chain ends, within a commit.
#[derive(Clone, Copy, Debug)]
struct ChainHead {
    version: Version,
    hash: Hash,
    /// The commit of its last record; 0 if it has none.
    commit: u64,
    /// By this commit.
    changed: bool,
}

impl ChainHead {
    fn before_all(resource: ResourceId, epoch: slotwise_domain::Epoch) -> ChainHead {
        ChainHead { version: Version::zero(epoch), hash: record::genesis(resource), commit: 0, changed: false }
    }
}

/// What is in the journal must fold: every booking that changes is there as it is after it, and only a new one is made.
fn whole(records: &[(ResourceId, Vec<Change>)], bookings: &[Arc<Booking>]) -> Result<()> {
    let is_made = |c: &&Change| matches!(c, Change::BookingMade { .. } | Change::BookingRequested { .. });
    let changes = || records.iter().flat_map(|(_, changes)| changes);
    let made: BTreeSet<BookingId> = changes().filter(is_made).filter_map(Change::booking).collect();
    for change in changes() {
        let Some(id) = change.booking() else { continue };
        let Some(booking) = bookings.iter().find(|b| b.id == id) else {
            return Err(Error::bug(format!("{id} changes without its booking")));
        };
        // What is said of a new one beside its making, and what becomes of it at once, is all of its first revision.
        if made.contains(&id) != (booking.revision == 1) {
            return Err(Error::bug(format!("{id} is at revision {} after {change:?}", booking.revision)));
        }
    }
    Ok(())
}

/// What the writer's world is filled from.
struct Loader<'a> {
    lookup: Lookup<'a>,
    roles: &'a mut Roles,
    heads: &'a mut HashMap<ResourceId, ChainHead>,
    /// What this commit has decided so far: true in the world, and nowhere else yet.
    folded: &'a [Decided],
}

impl Source for Loader<'_> {
    fn calendar(&mut self, id: ResourceId) -> Result<Option<Arc<Calendar>>> {
        let Some(entry) = self.lookup.calendar(id)? else { return Ok(None) };
        let Entry { hash, commit, .. } = entry;
        self.heads.insert(id, ChainHead { version: entry.calendar.version, hash, commit, changed: false });
        Ok(Some(entry.calendar))
    }

    fn role(&mut self, id: PersonId) -> Result<Option<Role>> {
        self.roles.role(id)
    }

    fn manages(&mut self, id: PersonId) -> Result<Arc<BTreeSet<ResourceId>>> {
        self.roles.manages(id)
    }

    fn person(&mut self, id: PersonId) -> Result<Person> {
        let mut person = self.lookup.person(id)?;
        for change in self.folded.iter().flat_map(|d| &d.changes.records).flat_map(|(_, record)| record) {
            person.apply(id, change);
        }
        Ok(person)
    }

    fn counted(&mut self, id: PersonId) -> Result<Counted> {
        let mut counted = self.lookup.counted(id)?;
        for change in self.folded.iter().flat_map(|d| &d.changes.records).flat_map(|(_, record)| record) {
            counted.apply(id, change);
        }
        Ok(counted)
    }

    fn facts(&mut self, id: PersonId) -> Result<Option<Arc<Facts>>> {
        self.roles.facts(id)
    }

    fn members(&mut self, group: ResourceId) -> Members {
        self.lookup.members(group)
    }

    fn booking(&mut self, id: BookingId) -> Result<Option<Arc<Booking>>> {
        self.lookup.booking(id)
    }

    fn hold(&mut self, id: HoldId) -> Result<Option<(Hold, Option<EndedHold>)>> {
        self.lookup.hold(id)
    }

    fn entry(&mut self, id: EntryId) -> Result<Option<(WaitEntry, Option<EndedEntry>)>> {
        self.lookup.entry(id)
    }
}
