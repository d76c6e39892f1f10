//! What was committed by any instance, in version order per resource, for whoever tells it; and with it the catalogue and the
//! calendars in memory. It reads what is durable and decides nothing.
//!
//! Why nothing is missed. A resource's versions have no gap, and whoever commits one holds its row; so whatever is told of a version
//! is preceded by all before it, and a gap is read from the record at once. Commits of others are found by their stamp, with an
//! overlap, because one may become visible after a later one; and now and then by the heads of all resources, whatever their
//! stamps say. A doorbell only makes it sooner.

use super::cache::Cache;
use super::error::Result;
use super::load::{self, Loading, unsigned};
use super::pool::{Pool, args};
use super::sql;
use crate::commit::Commit;
use slotwise_domain::{Calendar, ResourceId};
use slotwise_engine::catalogue::{self, Catalogue};
use slotwise_engine::{Cursor, Record, StoreError};
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
    catalogue: RwLock<Catalogue>,
    told: Mutex<Told>,
    /// Rung whenever there is more to tell.
    pub bell: Arc<Notify>,
    /// Held while commits of others are read, so that two readers do not read them both.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Told {
    /// The last version of each resource that is in the log, or was there before it began.
    versions: HashMap<ResourceId, u64>,
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

impl Feed {
    pub fn new(part: i64, pool: Arc<Pool>, cache: Arc<Cache>, stamp: i64) -> Feed {
        let told = Mutex::new(Told { stamp, ..Told::default() });
        let (catalogue, bell) = (RwLock::default(), Arc::default());
        Feed { part, pool, cache, catalogue, told, bell, reading: tokio::sync::Mutex::default() }
    }

    pub const fn catalogue(&self) -> &RwLock<Catalogue> {
        &self.catalogue
    }

    fn loading(&self) -> Loading<'_> {
        Loading { part: self.part, cache: &self.cache, since: slotwise_domain::Instant::MIN, pool: &self.pool }
    }

    /// Takes in resources as they are at the start; nothing of them is told.
    pub fn begin_with(&self, calendars: &[Arc<Calendar>]) {
        let mut catalogue = catalogue::write(&self.catalogue);
        let mut told = self.told();
        for calendar in calendars {
            let id = calendar.resource.id;
            catalogue.put(calendar.resource.clone());
            for taken in calendar.uses.values().map(|u| u.occupied) {
                catalogue.mark(id, taken);
            }
            for block in calendar.blocks.values() {
                catalogue.mark(id, block.interval);
            }
            for entry in calendar.waiting.values() {
                catalogue.mark(id, entry.interval);
            }
            told.versions.insert(id, calendar.version.number);
        }
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
        id: Uuid,
        stamp: i64,
        calendars: &BTreeMap<ResourceId, Arc<Calendar>>,
    ) -> BTreeSet<ResourceId> {
        let records: Vec<Record> = commit.records().map(|(entry, record)| entry.record(record)).collect();
        let changes = records.iter().map(|r| (r.resource, &r.changes[..]));
        catalogue::write(&self.catalogue).fold(calendars, changes);
        let mut told = self.told();
        let gaps = told.append(records);
        if gaps.is_empty() {
            told.saw(stamp, id);
        }
        told.ours.remove(&id);
        drop(told);
        self.bell.notify_waiters();
        gaps
    }

    /// Takes in what lies between what was told of these resources and a commit of this instance that has not followed it.
    pub async fn heal(&self, resources: &BTreeSet<ResourceId>, id: Uuid, stamp: i64) -> Result<()> {
        let _one = self.reading.lock().await;
        let after: Vec<(ResourceId, u64)> = {
            let told = self.told();
            resources.iter().map(|id| (*id, told.versions.get(id).copied().unwrap_or(0))).collect()
        };
        metrics::counter!("slotwise_outbox_gaps_healed_total").increment(after.len() as u64);
        self.take_records(self.records_after(&after).await?).await?;
        self.told().saw(stamp, id);
        Ok(())
    }

    async fn records_after(&self, after: &[(ResourceId, u64)]) -> Result<Vec<Record>> {
        let mut conn = self.pool.get().await?;
        let records = load::records_after(&conn, self.part, after).await?;
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
        let mut commits = Vec::with_capacity(found.len());
        for row in &found {
            let (id, stamp): (Uuid, i64) = (row.try_get(0)?, row.try_get(2)?);
            commits.push((stamp, id, load::commit(row, 1, 3, 4)?));
        }
        commits.sort_by_key(|(stamp, id, _)| (*stamp, *id));
        let records: Vec<Record> = commits
            .iter()
            .flat_map(|(.., commit)| commit.records().map(|(entry, record)| entry.record(record)))
            .collect();
        self.take_records(records).await?;
        let mut told = self.told();
        for (stamp, id, _) in commits {
            told.saw(stamp, id);
        }
        Ok(())
    }

    /// Compares the versions of all resources with what was told: finds whatever was missed, and says of how many resources; and of
    /// how many the database has not got any more what was told.
    pub async fn reconcile(&self) -> Result<(usize, usize)> {
        // Before the heads are read: none of these can be newer than they are.
        let before = self.told().versions.clone();
        let heads = self.pool.rows(sql::HEADS_ALL, args![self.part]).await?;
        let _one = self.reading.lock().await;
        let (mut missed, mut found) = (Vec::new(), 0);
        {
            let told = self.told();
            for row in &heads {
                let (id, number) = (ResourceId(row.try_get(0)?), unsigned(row.try_get(1)?));
                let known = told.versions.get(&id).copied().unwrap_or(0);
                if known < number {
                    missed.push((id, known));
                }
                found += usize::from(before.get(&id).is_some_and(|known| *known <= number));
            }
        }
        for some in missed.chunks(AT_ONCE) {
            self.take_records(self.records_after(some).await?).await?;
        }
        Ok((missed.len(), before.len() - found.min(before.len())))
    }

    /// Appends records of others, with what lies before them, to the log, the catalogue and the calendars.
    async fn take_records(&self, mut records: Vec<Record>) -> Result<()> {
        let touched: BTreeSet<ResourceId> = records.iter().map(|r| r.resource).collect();
        let after: Vec<(ResourceId, u64)> = {
            let told = self.told();
            let gap = |id: &ResourceId| {
                let known = told.versions.get(id).copied().unwrap_or(0);
                let first = records.iter().filter(|r| r.resource == *id && r.version.number > known);
                let first = first.map(|r| r.version.number).min()?;
                (first > known + 1).then_some((*id, known))
            };
            touched.iter().filter_map(gap).collect()
        };
        if !after.is_empty() {
            metrics::counter!("slotwise_outbox_gaps_healed_total").increment(after.len() as u64);
            records.extend(self.records_after(&after).await?);
        }
        records.sort_by_key(|r| (r.decided_at, r.resource, r.version));
        let mut known: HashSet<(ResourceId, u64)> = HashSet::with_capacity(records.len());
        records.retain(|r| known.insert((r.resource, r.version.number)));
        let mut by_resource: HashMap<ResourceId, Vec<&Record>> = HashMap::new();
        records.iter().for_each(|r| by_resource.entry(r.resource).or_default().push(r));
        // Calendars that are in memory go on from there, without asking if these records follow them; the others are loaded, for the
        // marks on the catalogue.
        let (mut calendars, mut behind, mut missing) = (Vec::with_capacity(touched.len()), Vec::new(), Vec::new());
        for id in touched {
            match self.cache.get(id) {
                Some(calendar) => {
                    match load::followed(self.loading(), calendar.clone(), by_resource.remove(&id).unwrap_or_default())
                    {
                        Ok(calendar) => calendars.push(calendar),
                        Err(_) => behind.push(calendar),
                    }
                }
                None => missing.push(id),
            }
        }
        if !(behind.is_empty() && missing.is_empty()) {
            let mut conn = self.pool.get().await?;
            calendars.extend(load::caught_up(&conn, self.loading(), behind).await?);
            calendars.extend(load::calendars_seen(&conn, self.loading(), missing).await?);
            conn.clean();
        }
        let changes = records.iter().map(|r| (r.resource, &r.changes[..]));
        {
            let mut catalogue = catalogue::write(&self.catalogue);
            // A commit of our own may have come in between: marks are made of what is latest.
            let latest = |calendar: Arc<Calendar>| match self.cache.get(calendar.resource.id) {
                Some(later) if later.version > calendar.version => later,
                _ => calendar,
            };
            let calendars: BTreeMap<ResourceId, Arc<Calendar>> =
                calendars.into_iter().map(latest).map(|calendar| (calendar.resource.id, calendar)).collect();
            catalogue.fold(&calendars, changes);
        }
        let gaps = self.told().append(records);
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

impl Told {
    /// Appends what follows, and says of which resources something did not.
    fn append(&mut self, mut records: Vec<Record>) -> BTreeSet<ResourceId> {
        let mut gaps = BTreeSet::new();
        // Whatever the order they come in, each resource's are told in theirs. Most are in order already.
        let mut waiting = true;
        while waiting && !records.is_empty() {
            waiting = false;
            let mut rest = Vec::new();
            for record in records {
                let known = self.versions.get(&record.resource).copied().unwrap_or(0);
                match record.version.number {
                    number if number <= known => {}
                    number if number == known + 1 => {
                        self.versions.insert(record.resource, number);
                        self.log.push_back(record);
                        waiting = true;
                    }
                    _ => rest.push(record),
                }
            }
            records = rest;
        }
        gaps.extend(records.into_iter().map(|r| r.resource));
        while self.log.len() > KEPT_MAX {
            self.log.pop_front();
            self.first += 1;
        }
        gaps
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
