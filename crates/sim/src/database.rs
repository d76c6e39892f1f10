//! The store that everybody shares: one log of commits on a disk that forgets, tears and fills up, and what is true by it.
//! It knows no rule: it judges by what it is handed, and folds what follows.

use crate::chance::Chance;
use crate::clock::{Began, Moment, SimClock};
use crate::setting::{Faults, Kind};
use crate::tally::Tally;
use slotwise_domain::{
    AttemptKey, Booking, BookingId, Calendar, Change, Changes, Command, Counted, Epoch, Failure, FailureCode, Instant,
    Person, PersonId, Proposal, ResourceId, Role, Scope, Settle, Version, World, planted,
};
use slotwise_engine::round::{self, Judged, KeyAge};
use slotwise_engine::{Clock, CommitError, Cursor, Made, Record, Recorded, Settled, Streamed};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::sleep;

/// No panic can happen while one of our locks is held, so a poisoned one is as good as any.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One decision in the log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What was asked.
    pub command: Command,
    /// By which key, and what was decided.
    pub recorded: Arc<Recorded>,
    /// What became true.
    pub changes: Changes,
    /// The resources that changed, as they are after it.
    pub after: Vec<Arc<Calendar>>,
    /// When it came to be so, by no clock of the world.
    pub at: Moment,
}

/// The store.
pub struct Database {
    /// Its clock, the only one that decides.
    pub clock: Arc<SimClock>,
    /// What goes wrong, now.
    pub faults: Arc<Mutex<Faults>>,
    /// What came about.
    pub tally: Arc<Mutex<Tally>>,
    /// Rung after each commit.
    pub bell: Arc<Notify>,
    kind: Kind,
    began: Began,
    roles: BTreeMap<PersonId, Role>,
    /// One commit at a time: whoever has this has all rows.
    rows: tokio::sync::Mutex<()>,
    inner: Mutex<Inner>,
}

struct Inner {
    chance: Chance,
    truth: Truth,
    log: Vec<Entry>,
    records: Vec<Record>,
    /// Of commits that are, and of those that can never be.
    commits: BTreeSet<u64>,
    tombstones: BTreeSet<u64>,
    /// Written, and not known to be on the disk.
    unsynced: Option<(u64, Vec<Entry>)>,
    /// Raised by a crash: whatever was under way before it is over.
    lives: u64,
    stopped: Option<String>,
    broken: Vec<String>,
    /// How often each key came to a commit.
    tries: BTreeMap<AttemptKey, usize>,
    /// Answers of keys whose effect is true, and which are not written: only where that is planted.
    later: Vec<Arc<Recorded>>,
}

#[derive(Clone)]
struct Truth {
    world: World,
    attempts: BTreeMap<AttemptKey, Arc<Recorded>>,
}

impl Truth {
    fn empty(people: &BTreeMap<PersonId, Role>) -> Truth {
        let mut world = World::empty(Epoch(1));
        // Whoever is known is kept up to date by the fold.
        world.people = people.keys().map(|id| (*id, Person::default())).collect();
        world.counted = people.keys().map(|id| (*id, Counted::default())).collect();
        Truth { world, attempts: BTreeMap::new() }
    }

    fn fold(&mut self, entry: &Entry) -> Vec<(ResourceId, Version)> {
        self.attempts.insert(entry.recorded.key, entry.recorded.clone());
        self.world.apply(&entry.changes, entry.recorded.decision.decided_at)
    }

    /// Loads a scope. What the commit under way has decided so far is true of the people in it too.
    fn load(&self, roles: &BTreeMap<PersonId, Role>, into: &mut World, scope: &Scope, earlier: &[Entry]) {
        let all = &self.world;
        for id in &scope.bookings {
            into.bookings.extend(all.bookings.get(id).map(|b| (*id, b.clone())));
        }
        for id in &scope.holds {
            into.holds.extend(all.holds.get(id).map(|h| (*id, *h)));
        }
        for id in &scope.entries {
            into.entries.extend(all.entries.get(id).map(|e| (*id, *e)));
        }
        let touched = into.touched(scope).into_owned();
        for id in touched.iter().filter(|id| !into.loaded.resources.contains(id)) {
            into.calendars.extend(all.calendars.get(id).map(|c| (*id, c.clone())));
        }
        into.loaded.extend(scope);
        into.loaded.resources.extend(&touched);
        for id in &scope.people {
            let mut person = all.people.get(id).cloned().unwrap_or_default();
            changes_of(earlier).for_each(|change| person.apply(*id, change));
            into.people.insert(*id, person);
        }
        for id in &scope.counted {
            let mut counted = all.counted.get(id).cloned().unwrap_or_default();
            changes_of(earlier).for_each(|change| counted.apply(*id, change));
            into.counted.insert(*id, counted);
        }
        for id in &scope.roles {
            into.roles.extend(roles.get(id).map(|role| (*id, *role)));
        }
        for id in &scope.members {
            into.members.insert(*id, Default::default());
        }
    }
}

fn changes_of(entries: &[Entry]) -> impl Iterator<Item = &Change> {
    entries.iter().flat_map(|entry| &entry.changes.records).flat_map(|(_, changes)| changes)
}

/// The records of one decision.
fn records_of(entry: &Entry) -> Vec<Record> {
    let decision = &entry.recorded.decision;
    let records = decision.decided.iter().zip(&entry.changes.records);
    let record = |((resource, version), (_, changes)): (&(ResourceId, Version), &(ResourceId, Vec<Change>))| Record {
        resource: *resource,
        version: *version,
        decided_at: decision.decided_at,
        attempt: entry.recorded.key.key,
        actor: entry.command.actor,
        changes: changes.clone(),
    };
    records.map(record).collect()
}

impl Database {
    /// An empty one that knows these people.
    pub fn new(
        kind: Kind,
        began: Began,
        clock: Arc<SimClock>,
        roles: BTreeMap<PersonId, Role>,
        faults: Arc<Mutex<Faults>>,
        tally: Arc<Mutex<Tally>>,
        chance: Chance,
    ) -> Arc<Database> {
        let inner = Inner {
            chance,
            truth: Truth::empty(&roles),
            log: Vec::new(),
            records: Vec::new(),
            commits: BTreeSet::new(),
            tombstones: BTreeSet::new(),
            unsynced: None,
            lives: 0,
            stopped: None,
            broken: Vec::new(),
            tries: BTreeMap::new(),
            later: Vec::new(),
        };
        let (rows, inner, bell) = (tokio::sync::Mutex::new(()), Mutex::new(inner), Arc::new(Notify::new()));
        Arc::new(Database { clock, faults, tally, bell, kind, began, roles, rows, inner })
    }

    /// One transaction under a name of its own. What it says of itself may get lost on the way; what is done is done.
    pub async fn commit(&self, id: u64, batch: Vec<Proposal>, settle: Settle) -> Result<Vec<Settled>, CommitError> {
        let lives = lock(&self.inner).lives;
        let early = self.clock.now();
        let rows = self.rows.lock().await;
        let faults = lock(&self.faults).clone();
        let (stall, sync) = {
            let mut inner = lock(&self.inner);
            let stalls = inner.chance.within(faults.stalls);
            let stall = if stalls { inner.chance.time(faults.stall) } else { Default::default() };
            (stall, inner.chance.time(std::time::Duration::from_millis(3)))
        };
        if !stall.is_zero() {
            self.count("a commit stalled");
            sleep(stall).await;
        }
        let (settled, clashed) = {
            let mut inner = lock(&self.inner);
            if inner.lives != lives {
                return Err(CommitError::Unknown("the connection is gone".into()));
            }
            if let Some(why) = &inner.stopped {
                return Err(CommitError::NothingWritten(why.clone()));
            }
            let clashed = inner.commits.contains(&id) || inner.tombstones.contains(&id);
            // Who has all rows reads the clock, and not before.
            let held_at = self.clock.now();
            let clock = if planted!(ClockBeforeRows) { early } else { held_at };
            let (settled, entries) = self.judge(&mut inner, batch, settle, &faults, clock)?;
            if let Some(entry) = entries.iter().find(|e| e.recorded.decision.decided_at < held_at) {
                let says = format!("clock: the rows were held at {held_at}, and it was decided before that: {entry:?}");
                inner.broken.push(says);
            }
            if self.kind == Kind::Embedded && inner.chance.within(faults.full_disk) {
                inner.stopped = Some("no space left on the device".into());
                self.count("the disk was full");
                return Err(CommitError::NothingWritten("no space left on the device".into()));
            }
            if !clashed {
                inner.unsynced = Some((id, entries));
                if planted!(ToldBeforeCommit) {
                    self.bell.notify_waiters();
                }
            }
            (settled, clashed)
        };
        if clashed {
            let twice = lock(&self.inner).commits.contains(&id);
            self.count(if twice { "a commit came twice" } else { "a commit came after its tombstone" });
            return Err(CommitError::NothingWritten("there is such a commit already".into()));
        }
        sleep(sync).await;
        self.synced(lives, &faults)?;
        drop(rows);
        if planted!(KeyInSecondTransaction) {
            sleep(std::time::Duration::from_millis(2)).await;
            let mut inner = lock(&self.inner);
            let later = std::mem::take(&mut inner.later);
            inner.truth.attempts.extend(later.into_iter().map(|recorded| (recorded.key, recorded)));
        }
        Ok(settled)
    }

    /// The disk has it, or says that it has not.
    fn synced(&self, lives: u64, faults: &Faults) -> Result<(), CommitError> {
        let mut inner = lock(&self.inner);
        if inner.lives != lives {
            return Err(CommitError::Unknown("the connection is gone".into()));
        }
        if self.kind == Kind::Embedded && inner.chance.within(faults.sync) {
            inner.stopped = Some("a sync failed".into());
            self.count("a sync failed");
            return Err(CommitError::Unknown("a sync failed".into()));
        }
        self.keep(&mut inner);
        Ok(())
    }

    /// A proposal came to a commit.
    pub fn tried(&self, key: AttemptKey) {
        *lock(&self.inner).tries.entry(key).or_default() += 1;
    }

    /// How often each key came to a commit.
    pub fn tries(&self) -> BTreeMap<AttemptKey, usize> {
        lock(&self.inner).tries.clone()
    }

    fn judge(
        &self,
        inner: &mut Inner,
        batch: Vec<Proposal>,
        settle: Settle,
        faults: &Faults,
        clock: Instant,
    ) -> Result<(Vec<Settled>, Vec<Entry>), CommitError> {
        if batch.len() > 1 {
            self.count("several proposals in one commit");
        }
        let (chance, truth) = (&mut inner.chance, &inner.truth);
        let mut world = World::empty(truth.world.epoch);
        let mut entries: Vec<Entry> = Vec::new();
        let mut settled = Vec::with_capacity(batch.len());
        for proposal in batch {
            let in_this = entries.iter().find(|e| e.recorded.key == proposal.key).map(|e| &e.recorded);
            if let Some(recorded) = in_this.or_else(|| truth.attempts.get(&proposal.key)) {
                let same = recorded.fingerprint == proposal.fingerprint;
                settled.push(if same { Settled::Replayed(recorded.clone()) } else { Settled::KeyReused });
                continue;
            }
            match round::key_age(proposal.key, clock, None) {
                KeyAge::Fresh => {}
                KeyAge::Expired | KeyAge::BeforeRestore => {
                    settled.push(Settled::KeyExpired);
                    continue;
                }
            }
            if self.kind == Kind::Shared && chance.within(faults.busy) {
                settled.push(Settled::Failed(Failure::of(FailureCode::Conflict)));
                continue;
            }
            let load = |world: &mut World, scope: &Scope| -> Result<(), Infallible> {
                truth.load(&self.roles, world, scope, &entries);
                Ok(())
            };
            let Ok(judged) = round::judge(&mut world, &proposal, settle, clock, load);
            settled.push(match judged {
                Judged::Decided(recorded, changes, made) => {
                    let after = changes.records.iter().filter_map(|(id, _)| world.calendars.get(id).cloned()).collect();
                    let (command, at) = (proposal.command, Moment(0));
                    entries.push(Entry { command, recorded: recorded.clone(), changes, after, at });
                    Settled::Decided(recorded, made)
                }
                Judged::Failed(failure) => Settled::Failed(failure),
            });
        }
        let commit = entries.iter().map(|e| (&e.changes, e.recorded.decision.decided_at));
        if let Err(broken) = round::assert_sound(&world, commit) {
            let of = entries.iter().map(|e| (&e.command, &e.recorded.decision, &e.changes)).collect::<Vec<_>>();
            inner.broken.push(format!("assertion: {broken}\nof {of:#?}"));
            inner.stopped = Some(broken.to_string());
            return Err(CommitError::NothingWritten(broken.to_string()));
        }
        Ok((settled, entries))
    }

    /// What was written is on the disk, and so it is true.
    fn keep(&self, inner: &mut Inner) {
        let Some((id, entries)) = inner.unsynced.take() else { return };
        inner.commits.insert(id);
        for mut entry in entries {
            entry.at = self.began.moment();
            let versions = inner.truth.fold(&entry);
            let decision = &entry.recorded.decision;
            if !versions.is_empty() && versions != decision.decided {
                inner.broken.push(format!("fold: {versions:?} is made of {entry:?}"));
            }
            inner.records.extend(records_of(&entry));
            if planted!(KeyInSecondTransaction) {
                inner.truth.attempts.remove(&entry.recorded.key);
                inner.later.push(entry.recorded.clone());
            }
            inner.log.push(entry);
        }
        self.bell.notify_waiters();
    }

    /// The machine dies and comes back. Of what was not synced the disk has all, nothing, or a piece that its checksum gives away.
    pub fn crash(&self) {
        let mut inner = lock(&self.inner);
        inner.lives += 1;
        inner.stopped = None;
        if inner.unsynced.is_some() {
            match inner.chance.below(3) {
                0 => {
                    self.count("a commit survived untold");
                    self.keep(&mut inner);
                }
                1 => {
                    self.count("a commit was torn");
                    inner.unsynced = None;
                }
                _ => {
                    self.count("a commit was lost untold");
                    inner.unsynced = None;
                }
            }
        }
        let lost = self.lose_what_was_told(&mut inner);
        // What is true after it is what the log says, folded from nothing.
        let mut again = Truth::empty(&self.roles);
        for entry in &inner.log {
            again.fold(entry);
        }
        let same = again.world.calendars == inner.truth.world.calendars
            && again.world.bookings == inner.truth.world.bookings
            && again.world.holds == inner.truth.world.holds
            && again.world.people == inner.truth.world.people
            && again.attempts == inner.truth.attempts;
        if !same && !lost {
            inner.broken.push("fold: what the log says, from nothing, is not what was true before the crash".into());
        }
        inner.truth = again;
    }

    /// What a disk forgets that was never asked to keep it: only where that is planted.
    fn lose_what_was_told(&self, inner: &mut Inner) -> bool {
        let untold = !std::mem::take(&mut inner.later).is_empty();
        let now = self.began.moment().0;
        let young = |entry: &Entry| now.saturating_sub(entry.at.0) < 200_000;
        let all = inner.log.len();
        let keep = if planted!(FolderNotSynced) && inner.chance.below(4) == 0 {
            0
        } else if planted!(ToldBeforeSync) {
            inner.log.iter().position(young).unwrap_or(all)
        } else {
            all
        };
        let records = inner.log.iter().take(keep).map(|e| e.changes.records.len()).sum();
        inner.log.truncate(keep);
        inner.records.truncate(records);
        untold || keep < all
    }

    /// A tombstone for a commit of which nothing is known: it can never be from then on, or it is, and then so are its answers.
    pub async fn resolve(&self, id: u64, batch: &[Proposal]) -> Result<Vec<Settled>, CommitError> {
        let _rows = self.rows.lock().await;
        let mut inner = lock(&self.inner);
        if !inner.commits.contains(&id) {
            inner.tombstones.insert(id);
            self.count("unknown, and a tombstone proved that it was not");
            return Err(CommitError::NothingWritten("a tombstone proved it".into()));
        }
        let answer = |proposal: &Proposal| match inner.truth.attempts.get(&proposal.key) {
            Some(recorded) if recorded.fingerprint == proposal.fingerprint => {
                self.count("unknown, and it was booked");
                Settled::Decided(recorded.clone(), None)
            }
            Some(_) => Settled::KeyReused,
            None => Settled::Failed(Failure::of(FailureCode::Conflict)),
        };
        Ok(batch.iter().map(answer).collect())
    }

    /// What is true of a scope.
    pub fn observe(&self, scope: &Scope) -> World {
        let inner = lock(&self.inner);
        let mut world = World::empty(inner.truth.world.epoch);
        inner.truth.load(&self.roles, &mut world, scope, &[]);
        world
    }

    /// The recorded answer of a key.
    pub fn recall(&self, key: AttemptKey) -> Option<Arc<Recorded>> {
        lock(&self.inner).truth.attempts.get(&key).cloned()
    }

    /// See [`slotwise_engine::Store::stream`].
    pub fn stream(&self, resource: ResourceId, after: Version, max: usize) -> Streamed {
        let inner = lock(&self.inner);
        let known = inner.truth.world.calendars.get(&resource);
        let known = known.map_or(Version::zero(inner.truth.world.epoch), |c| c.version);
        if known < after || known.epoch != after.epoch {
            return Streamed::Resync;
        }
        let mut records = inner.records.iter().filter(|r| r.resource == resource && r.version > after).cloned();
        let page: Vec<Record> = records.by_ref().take(max).collect();
        Streamed::Records(page, records.next().is_some())
    }

    /// See [`slotwise_engine::Store::outbox`].
    pub fn outbox(&self, after: &Cursor, max: usize) -> (Vec<Record>, Cursor) {
        let inner = lock(&self.inner);
        let from = usize::try_from(after.0).unwrap_or(usize::MAX);
        let mut records: Vec<Record> = inner.records.iter().skip(from).take(max).cloned().collect();
        if planted!(ToldBeforeCommit) && from <= inner.records.len() {
            records.extend(inner.unsynced.iter().flat_map(|(_, entries)| entries).flat_map(records_of));
        }
        let cursor = Cursor(after.0 + records.len() as u64);
        (records, cursor)
    }

    /// Where the outbox stands.
    pub fn head(&self) -> Cursor {
        Cursor(lock(&self.inner).records.len() as u64)
    }

    /// See [`slotwise_engine::Store::due`].
    pub fn due(&self, until: Instant, max: usize) -> Vec<(Instant, ResourceId)> {
        let inner = lock(&self.inner);
        let due = inner.truth.world.calendars.iter().filter_map(|(id, calendar)| {
            let holds = calendar.holds.values().map(|h| h.expires_at);
            let first = holds.chain(calendar.wait_due).min()?;
            (first <= until).then_some((first, *id))
        });
        let mut due: Vec<(Instant, ResourceId)> = due.collect();
        due.sort();
        due.truncate(max);
        due
    }

    /// Why it stopped, if it did.
    pub fn stopped(&self) -> Option<String> {
        lock(&self.inner).stopped.clone()
    }

    /// Everything decided, in the order in which it was.
    pub fn log(&self) -> Vec<Entry> {
        lock(&self.inner).log.clone()
    }

    /// All records.
    pub fn records(&self) -> Vec<Record> {
        lock(&self.inner).records.clone()
    }

    /// Calendars as they are.
    pub fn calendars(&self) -> Vec<Arc<Calendar>> {
        lock(&self.inner).truth.world.calendars.values().cloned().collect()
    }

    /// A booking as it is.
    pub fn booking(&self, id: BookingId) -> Option<Arc<Booking>> {
        lock(&self.inner).truth.world.bookings.get(&id).cloned()
    }

    /// What it found wrong itself.
    pub fn broken(&self) -> Vec<String> {
        lock(&self.inner).broken.clone()
    }

    /// What something is now, as an answer tells it.
    pub fn made(&self, subject: slotwise_domain::Subject) -> Option<Made> {
        round::made(&lock(&self.inner).truth.world, subject)
    }

    fn count(&self, what: &'static str) {
        lock(&self.tally).count(what);
    }
}
