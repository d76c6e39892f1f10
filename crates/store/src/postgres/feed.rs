//! What was committed by any instance, in version order per resource, for whoever tells it; and with it the catalogue and the
//! calendars in memory. It reads what is durable and decides nothing.
//!
//! Why nothing is missed. A resource's versions have no gap, and whoever commits one holds its row; so whatever is told of a version
//! is preceded by all before it, and a gap is read from the record at once. Commits of others are found by their stamp, with an
//! overlap, because one may become visible after a later one; and now and then by the heads of all resources, whatever their
//! stamps say. A doorbell only makes it sooner.

use super::cache::{Cache, Headed};
use super::error::{Error, Result};
use super::load::{self, Head, Loading, Written, hash_of, unsigned};
use super::pool::{Pool, args};
use super::{Time, sql};
use crate::codec;
use crate::commit::Commit;
use crate::record::{Hash, genesis};
use slotwise_domain::{Calendar, ResourceId};
use slotwise_engine::catalogue::{self, Catalogue};
use slotwise_engine::{Clock, Cursor, Record, StoreError};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tokio::sync::Notify;
use uuid::Uuid;

/// Records in memory for whoever tells them. Whoever is further behind is told from here on, and finds by the versions what it missed.
const KEPT_MAX: usize = 65_536;
/// How far back, in microseconds, commits are looked for that became visible late: longer than a transaction may last.
const OVERLAP_US: i64 = 15_000_000;
/// How far back most looks go.
const SHORT_US: i64 = 1_000_000;
/// Commits read at once.
const AT_ONCE: usize = 200;

pub(super) struct Feed {
    part: i64,
    pool: Arc<Pool>,
    cache: Arc<Cache>,
    time: Arc<Time>,
    catalogue: RwLock<Catalogue>,
    told: Mutex<Told>,
    /// Rung whenever there is more to tell.
    pub bell: Arc<Notify>,
    /// Held while commits of others are read, so that two readers do not read them both.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Told {
    /// The last version of each resource that is in the log, or was there before it began; and its hash, as what was told makes it.
    versions: HashMap<ResourceId, (u64, Hash)>,
    log: VecDeque<Record>,
    /// The place of the first record in the log.
    first: u64,
    /// Commits that were taken in, by stamp.
    seen: BTreeSet<(i64, Uuid)>,
    /// Commits of this instance that are being sent, or taken in by [`Feed::push`].
    ours: BTreeSet<Uuid>,
    /// The last stamp seen.
    stamp: i64,
}

/// What hashes versions have, where that is known from elsewhere than from the records that lead to them.
type Hashes = HashMap<(ResourceId, u64), Hash>;

impl Feed {
    pub fn new(part: i64, pool: Arc<Pool>, cache: Arc<Cache>, time: Arc<Time>, stamp: i64) -> Feed {
        let told = Mutex::new(Told { stamp, ..Told::default() });
        let (catalogue, bell) = (RwLock::default(), Arc::default());
        Feed { part, pool, cache, time, catalogue, told, bell, reading: tokio::sync::Mutex::default() }
    }

    pub const fn catalogue(&self) -> &RwLock<Catalogue> {
        &self.catalogue
    }

    fn loading(&self) -> Loading<'_> {
        let now = Loading::now(self.part, &self.cache, &self.pool, self.time.now());
        Loading { since: slotwise_domain::Instant::MIN, ..now }
    }

    /// Takes in resources as they are at the start; nothing of them is told.
    pub fn begin_with(&self, calendars: &[Headed]) {
        let mut catalogue = catalogue::write(&self.catalogue);
        let mut told = self.told();
        for Headed { calendar, hash } in calendars {
            catalogue.put(calendar.resource.clone());
            mark(&mut catalogue, calendar);
            told.versions.insert(calendar.resource.id, (calendar.version.number, *hash));
        }
    }

    /// Begins to tell of a resource where its record ends, though it cannot be read.
    pub fn begin_at(&self, id: ResourceId, number: u64, hash: Hash) {
        self.told().versions.insert(id, (number, hash));
    }

    /// Marks what is taken, where marks may be missing.
    pub fn mark_again(&self, calendars: &[Headed]) {
        let mut catalogue = catalogue::write(&self.catalogue);
        calendars.iter().for_each(|of| mark(&mut catalogue, &of.calendar));
    }

    /// A resource whose row, which is held, is not as far as what was told, or is of another record.
    pub fn other_copy(&self, heads: &HashMap<ResourceId, Head>) -> Option<ResourceId> {
        let told = self.told();
        let differs = |(id, head): &(&ResourceId, &Head)| {
            let (known, hash) = told.versions.get(*id).copied().unwrap_or((0, [0; 32]));
            known > head.version.number || known == head.version.number && hash != head.hash
        };
        heads.iter().find(differs).map(|(id, _)| *id)
    }

    /// This commit is about to be sent: whoever finds it before it is pushed leaves it alone.
    pub fn is_ours(&self, id: Uuid) {
        self.told().ours.insert(id);
    }

    /// It will not be pushed: nothing was written, or nobody knows yet.
    pub fn is_not_ours(&self, id: Uuid) {
        self.told().ours.remove(&id);
    }

    /// Takes in what this instance has committed, before anybody is answered. What does not follow is left to [`Feed::heal`]; it says
    /// of which resources.
    pub fn push(
        &self,
        commit: &Commit,
        bodies: &[Vec<u8>],
        id: Uuid,
        stamp: i64,
        calendars: &BTreeMap<ResourceId, Arc<Calendar>>,
    ) -> Result<BTreeSet<ResourceId>> {
        let changes = commit.records().map(|(_, record)| (record.resource, &record.changes[..]));
        catalogue::write(&self.catalogue).fold(calendars, changes);
        let records = Written::all(commit, bodies.iter().map(Vec::as_slice));
        let mut told = self.told();
        let gaps = told.append(records, &hashes_of(commit));
        if gaps.as_ref().is_ok_and(BTreeSet::is_empty) {
            told.saw(stamp, id);
        }
        told.ours.remove(&id);
        drop(told);
        self.bell.notify_waiters();
        gaps
    }

    /// Takes in what lies between what was told of these resources and a commit of this instance that has not followed it.
    pub async fn heal(&self, resources: &BTreeSet<ResourceId>, commit: &Commit, id: Uuid, stamp: i64) -> Result<()> {
        let _one = self.reading.lock().await;
        let after: Vec<(ResourceId, u64)> = {
            let told = self.told();
            resources.iter().map(|id| (*id, told.known(*id))).collect()
        };
        metrics::counter!("slotwise_outbox_gaps_healed_total").increment(after.len() as u64);
        self.take_records(self.records_after(after).await?, &hashes_of(commit)).await?;
        self.told().saw(stamp, id);
        Ok(())
    }

    /// What follows these versions. What cannot be read of one is no reason to tell nothing of the others.
    async fn records_after(&self, mut after: Vec<(ResourceId, u64)>) -> Result<Vec<Written>> {
        let mut conn = self.pool.get().await?;
        let records = loop {
            match load::records_after(&conn, self.part, &after).await {
                Ok(records) => break records,
                Err(e) => {
                    let (wrong, known) = (e.shuts(), after.len());
                    after.retain(|(id, _)| !wrong.contains(id));
                    if after.len() == known {
                        return Err(e);
                    }
                    tracing::warn!(error = %e, "what cannot be read of a resource is not told");
                }
            }
        };
        conn.clean();
        Ok(records.into_values().flatten().collect())
    }

    /// Takes in what others have committed: what is new by its stamp; `far` also what became visible late.
    pub async fn catch_up(&self, far: bool) -> Result<usize> {
        let since = self.told().stamp - if far { OVERLAP_US } else { SHORT_US };
        // What was named by a doorbell need not wait for this to be read.
        let found = self.pool.rows(sql::JOURNAL_SINCE, args![self.part, since]).await?;
        let _one = self.reading.lock().await;
        let mut new = Vec::new();
        {
            let told = self.told();
            for row in &found {
                let (id, stamp): (Uuid, i64) = (row.try_get(0)?, row.try_get(1)?);
                if !told.seen.contains(&(stamp, id)) && !told.ours.contains(&id) {
                    new.push(id);
                }
            }
        }
        for ids in new.chunks(AT_ONCE) {
            self.take_commits(ids.to_vec()).await?;
        }
        Ok(new.len())
    }

    /// Takes in commits that a doorbell named.
    pub async fn take_named(&self, ids: Vec<Uuid>) -> Result<()> {
        let _one = self.reading.lock().await;
        let known: BTreeSet<Uuid> = {
            let told = self.told();
            told.seen.iter().rev().take(4 * AT_ONCE).map(|(_, id)| *id).chain(told.ours.iter().copied()).collect()
        };
        let new: Vec<Uuid> = ids.into_iter().filter(|id| !known.contains(id)).collect();
        if new.is_empty() {
            return Ok(());
        }
        self.take_commits(new).await
    }

    async fn take_commits(&self, ids: Vec<Uuid>) -> Result<()> {
        let found = self.pool.rows(sql::JOURNAL_BY_ID, args![self.part, ids]).await?;
        let (mut commits, mut seen) = (Vec::with_capacity(found.len()), Vec::with_capacity(found.len()));
        for row in &found {
            let (id, stamp): (Uuid, i64) = (row.try_get(0)?, row.try_get(2)?);
            seen.push((stamp, id));
            match commit_with(row) {
                Ok((commit, records)) => commits.push((stamp, id, hashes_of(&commit), records)),
                // What follows on its resources shows that it is missing.
                Err(e) => tracing::error!(commit = %id, error = %e, "a commit cannot be read, and is not told"),
            }
        }
        commits.sort_by_key(|(stamp, id, ..)| (*stamp, *id));
        let (mut records, mut hashes) = (Vec::new(), Hashes::new());
        for (.., theirs, of_it) in commits {
            records.extend(of_it);
            hashes.extend(theirs);
        }
        self.take_records(records, &hashes).await?;
        let mut told = self.told();
        for (stamp, id) in seen {
            told.saw(stamp, id);
        }
        Ok(())
    }

    /// Compares the versions of all resources with what was told: finds whatever was missed, and says of how many resources; and of
    /// how many the database has not got any more what was told. Where it has lost something, nothing is taken in.
    pub async fn reconcile(&self) -> Result<(usize, usize)> {
        // Before the heads are read: none of these can be newer than they are.
        let before = self.told().versions.clone();
        let heads = self.pool.rows(sql::HEADS_ALL, args![self.part]).await?;
        let _one = self.reading.lock().await;
        let (mut missed, mut there, mut hashes) = (Vec::new(), 0, Hashes::new());
        {
            let told = self.told();
            for row in &heads {
                let (id, number) = (ResourceId(row.try_get(0)?), unsigned(row.try_get(1)?));
                let hash = hash_of(row.try_get(2)?)?;
                let is_there = |(known, theirs): &(u64, Hash)| *known < number || (*known, theirs) == (number, &hash);
                there += usize::from(before.get(&id).is_some_and(is_there));
                if told.known(id) < number {
                    missed.push((id, told.known(id)));
                    hashes.insert((id, number), hash);
                }
            }
        }
        let lost = before.len() - there.min(before.len());
        if lost > 0 {
            return Ok((0, lost));
        }
        for some in missed.chunks(AT_ONCE) {
            self.take_records(self.records_after(some.to_vec()).await?, &hashes).await?;
        }
        Ok((missed.len(), 0))
    }

    /// Appends records of others, with what lies before them, to the log, the catalogue and the calendars.
    async fn take_records(&self, mut records: Vec<Written>, hashes: &Hashes) -> Result<()> {
        let touched: BTreeSet<ResourceId> = records.iter().map(|r| r.record.resource).collect();
        let after: Vec<(ResourceId, u64)> = {
            let told = self.told();
            let gap = |id: &ResourceId| {
                let known = told.known(*id);
                let versions = records.iter().filter(|r| r.record.resource == *id).map(|r| r.record.version.number);
                let first = versions.filter(|number| *number > known).min()?;
                (first > known + 1).then_some((*id, known))
            };
            touched.iter().filter_map(gap).collect()
        };
        if !after.is_empty() {
            metrics::counter!("slotwise_outbox_gaps_healed_total").increment(after.len() as u64);
            records.extend(self.records_after(after).await?);
        }
        records.sort_by_key(|r| (r.record.decided_at, r.record.resource, r.record.version));
        let mut known: HashSet<(ResourceId, u64)> = HashSet::with_capacity(records.len());
        records.retain(|r| known.insert((r.record.resource, r.record.version.number)));
        let mut by_resource: HashMap<ResourceId, Vec<&Written>> = HashMap::new();
        records.iter().for_each(|r| by_resource.entry(r.record.resource).or_default().push(r));
        // Calendars that are in memory go on from there, without asking if these records follow them; the others are loaded, for the
        // marks on the catalogue.
        let with = self.loading();
        let (mut calendars, mut behind, mut missing) = (Vec::with_capacity(touched.len()), Vec::new(), Vec::new());
        for id in touched {
            match self.cache.get(id) {
                Some(of) => match load::followed(with, of.clone(), by_resource.remove(&id).unwrap_or_default()) {
                    Ok(of) => calendars.push(of),
                    Err(_) => behind.push(of),
                },
                None => missing.push(id),
            }
        }
        if !(behind.is_empty() && missing.is_empty()) {
            let mut conn = self.pool.get().await?;
            let unread =
                |e: Error, _| tracing::warn!(error = %e, "what cannot be read of a resource is told, and not shown");
            calendars.extend(load::readable(&conn, with, behind, missing, unread).await?);
            conn.clean();
        }
        let changes = records.iter().map(|r| (r.record.resource, &r.record.changes[..]));
        {
            let mut catalogue = catalogue::write(&self.catalogue);
            // A commit of our own may have come in between: marks are made of what is latest.
            let latest = |calendar: Arc<Calendar>| match self.cache.get(calendar.resource.id) {
                Some(later) if later.calendar.version > calendar.version => later.calendar,
                _ => calendar,
            };
            let calendars: BTreeMap<ResourceId, Arc<Calendar>> =
                calendars.into_iter().map(|of| latest(of.calendar)).map(|c| (c.resource.id, c)).collect();
            catalogue.fold(&calendars, changes);
        }
        let gaps = self.told().append(records, hashes)?;
        if !gaps.is_empty() {
            tracing::warn!(resources = gaps.len(), "records that do not follow are left to the next look");
        }
        self.bell.notify_waiters();
        Ok(())
    }

    // For whoever tells it

    pub fn head(&self) -> Cursor {
        let told = self.told();
        Cursor(told.first + told.log.len() as u64)
    }

    pub fn after(&self, after: &Cursor, max: usize) -> std::result::Result<(Vec<Record>, Cursor), StoreError> {
        let told = self.told();
        let begin = after.0.max(told.first);
        if begin > after.0 {
            metrics::counter!("slotwise_outbox_left_out_total").increment(begin - after.0);
            tracing::error!(records = begin - after.0, "a reader of the outbox was too slow and is told from later on");
        }
        let skip = usize::try_from(begin - told.first).unwrap_or(usize::MAX);
        let records: Vec<Record> = told.log.iter().skip(skip).take(max).cloned().collect();
        let end = begin + records.len() as u64;
        Ok((records, Cursor(end)))
    }

    /// The last stamp seen.
    pub fn stamp(&self) -> i64 {
        self.told().stamp
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Marks what takes a resource's time.
fn mark(catalogue: &mut Catalogue, calendar: &Calendar) {
    let taken = calendar.uses.values().map(|u| u.occupied);
    let closed = calendar.blocks.values().map(|block| block.interval);
    let waiting = calendar.waiting.values().map(|entry| entry.interval);
    taken.chain(closed).chain(waiting).for_each(|interval| catalogue.mark(calendar.resource.id, interval));
}

/// A commit with its records, from a row of the journal.
fn commit_with(row: &tokio_postgres::Row) -> Result<(Commit, Vec<Written>)> {
    let hash = hash_of(row.try_get(3)?)?;
    let (commit, bodies) = codec::decode_commit(unsigned(row.try_get(1)?), hash, row.try_get(4)?)?;
    let records = Written::all(&commit, bodies);
    Ok((commit, records))
}

/// What a commit says of the versions it made.
fn hashes_of(commit: &Commit) -> Hashes {
    commit.records().map(|(_, record)| ((record.resource, record.version.number), record.hash)).collect()
}

impl Told {
    fn known(&self, id: ResourceId) -> u64 {
        self.versions.get(&id).map_or(0, |(number, _)| *number)
    }

    /// Appends what follows, and says of which resources something did not. What does not lead to a hash that it must lead to follows
    /// something else than what was told.
    fn append(&mut self, mut records: Vec<Written>, hashes: &Hashes) -> Result<BTreeSet<ResourceId>> {
        let (mut gaps, mut other) = (BTreeSet::new(), None);
        // Whatever the order they come in, each resource's are told in theirs. Most are in order already.
        let mut waiting = true;
        while waiting && !records.is_empty() {
            waiting = false;
            let mut rest = Vec::new();
            for written in records {
                let (id, number) = (written.record.resource, written.record.version.number);
                let (known, before) = self.versions.get(&id).copied().unwrap_or_else(|| (0, genesis(id)));
                if number > known + 1 {
                    rest.push(written);
                    continue;
                }
                let hash = if number == known { before } else { written.after(&before) };
                if number >= known && hashes.get(&(id, number)).is_some_and(|theirs| *theirs != hash) {
                    other = Some(id);
                }
                if number == known + 1 {
                    self.versions.insert(id, (number, hash));
                    self.log.push_back(written.record);
                    waiting = true;
                }
            }
            records = rest;
        }
        gaps.extend(records.into_iter().map(|r| r.record.resource));
        while self.log.len() > KEPT_MAX {
            self.log.pop_front();
            self.first += 1;
        }
        match other {
            Some(id) => Err(Error::other_copy(id)),
            None => Ok(gaps),
        }
    }

    fn saw(&mut self, stamp: i64, id: Uuid) {
        self.seen.insert((stamp, id));
        self.stamp = self.stamp.max(stamp);
        let old = self.stamp - OVERLAP_US;
        while self.seen.first().is_some_and(|(stamp, _)| *stamp < old) {
            self.seen.pop_first();
        }
    }
}
