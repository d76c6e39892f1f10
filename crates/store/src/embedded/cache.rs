//! Calendars in memory, as they are on disk: bounded by bytes, shared by the writer and all readers.
//! It never holds what no COMMIT has returned for.
//!
//! Why what is in here is true. Only the writer changes calendars, and it publishes every one it changed after its COMMIT returned
//! and before its next. The tables follow behind; so an entry stays here at least until they have its last record, and what is
//! not here is in the tables as it is, for every read that begins after the look. A reader may share what it loaded only if the
//! tables it read had all that was ever published in the shard; then it loaded the truth, and whatever is published later
//! replaces it. So when the writer begins a commit, every entry is the truth, and it may judge on them. A reader may see an entry
//! that is one commit behind, and what is observed may be.

use crate::record::Hash;
use slotwise_domain::{Calendar, Instant, ResourceId, UseId};
use std::collections::hash_map::Entry as Place;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// A calendar with the head of its chain.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub calendar: Arc<Calendar>,
    pub hash: Hash,
    /// The commit of its last record.
    pub commit: u64,
}

pub(super) struct Cache {
    /// The last commit that is in the tables.
    applied: watch::Receiver<u64>,
    shards: Vec<Mutex<Shard>>,
    /// What all shards keep, and may keep, in bytes.
    bytes: AtomicUsize,
    bytes_max: usize,
    /// The shard that is to let something go next.
    hand: AtomicUsize,
    /// How often all was let go.
    era: AtomicU64,
}

#[derive(Default)]
struct Shard {
    /// The last commit that was published here.
    latest: u64,
    entries: HashMap<ResourceId, Kept>,
    /// Every entry once. The first is the next to go, unless it was used since it was last first.
    queue: VecDeque<ResourceId>,
}

struct Kept {
    entry: Entry,
    weight: usize,
    used: bool,
}

const SHARDS: usize = 64;

impl Cache {
    pub fn new(bytes_max: usize, applied: watch::Receiver<u64>) -> Cache {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Cache {
            applied,
            shards,
            bytes: AtomicUsize::new(0),
            bytes_max,
            hand: AtomicUsize::new(0),
            era: AtomicU64::new(0),
        }
    }

    pub fn get(&self, id: ResourceId) -> Option<Entry> {
        let mut shard = self.shard(id);
        let kept = shard.entries.get_mut(&id)?;
        kept.used = true;
        Some(kept.entry.clone())
    }

    /// For whoever loads something: to be asked before it is known from when on.
    pub fn era(&self) -> u64 {
        self.era.load(Ordering::Acquire)
    }

    /// Shares what was loaded in an era from tables that had all commits up to `mark`, if nothing later was published and the era
    /// has not ended.
    pub fn insert(&self, id: ResourceId, entry: Entry, mark: u64, era: u64) {
        let mut shard = self.shard(id);
        if shard.latest <= mark && self.era() == era {
            let (more, less) = shard.put(id, entry);
            drop(shard);
            self.weigh(id, more, less);
        }
    }

    /// For the writer alone: what its COMMIT made true.
    pub fn publish(&self, id: ResourceId, entry: Entry) {
        let mut shard = self.shard(id);
        shard.latest = shard.latest.max(entry.commit);
        let (more, less) = shard.put(id, entry);
        drop(shard);
        self.weigh(id, more, less);
    }

    /// Lets one entry go that is not what the record makes it, if it is in the tables and nobody has published a later one.
    pub fn forget(&self, id: ResourceId, commit: u64) {
        let applied = *self.applied.borrow();
        let mut shard = self.shard(id);
        if commit <= applied && shard.entries.get(&id).is_some_and(|kept| kept.entry.commit == commit) {
            let gone = shard.entries.remove(&id).map_or(0, |kept| kept.weight);
            shard.queue.retain(|queued| *queued != id);
            drop(shard);
            self.bytes.fetch_sub(gone, Ordering::Relaxed);
        }
    }

    /// Ends the era: lets everything go that is in the tables. It may lack what is not over by the clock as it is now.
    pub fn forget_all(&self) {
        self.era.fetch_add(1, Ordering::AcqRel);
        let applied = *self.applied.borrow();
        for shard in &self.shards {
            let mut shard = lock(shard);
            let Shard { entries, queue, .. } = &mut *shard;
            let mut gone = 0;
            entries.retain(|_, kept| {
                let stays = kept.entry.commit > applied;
                gone += if stays { 0 } else { kept.weight };
                stays
            });
            queue.retain(|id| entries.contains_key(id));
            drop(shard);
            self.bytes.fetch_sub(gone, Ordering::Relaxed);
        }
    }

    /// About how many bytes are kept.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Counts, and lets go until it fits: of any shard, but never the entry just put, however large it is. A resource that is in
    /// use must not be loaded anew by everybody who looks at it.
    fn weigh(&self, kept: ResourceId, more: usize, less: usize) {
        self.bytes.fetch_add(more, Ordering::Relaxed);
        self.bytes.fetch_sub(less, Ordering::Relaxed);
        // Each turn lets one entry go, clears its mark, or finds a shard empty: so many turns are enough for one entry to go.
        let applied = *self.applied.borrow();
        for _ in 0..SHARDS * 4 {
            if self.bytes() <= self.bytes_max {
                return;
            }
            let hand = self.hand.fetch_add(1, Ordering::Relaxed) % SHARDS;
            let gone = self.shards.get(hand).map_or(0, |shard| lock(shard).let_one_go(kept, applied));
            self.bytes.fetch_sub(gone, Ordering::Relaxed);
        }
    }

    fn shard(&self, id: ResourceId) -> MutexGuard<'_, Shard> {
        let bits = id.0.as_u128();
        let mixed = ((bits ^ (bits >> 64)) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // The modulus keeps the index in range.
        lock(&self.shards[(mixed >> 32) as usize % SHARDS])
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shard {
    /// Returns what it weighs, and what it replaced weighed.
    fn put(&mut self, id: ResourceId, entry: Entry) -> (usize, usize) {
        let weight = entry.calendar.weight();
        match self.entries.entry(id) {
            Place::Occupied(mut kept) => {
                let before = kept.insert(Kept { entry, weight, used: true });
                (weight, before.weight)
            }
            Place::Vacant(place) => {
                place.insert(Kept { entry, weight, used: false });
                self.queue.push_back(id);
                (weight, 0)
            }
        }
    }

    /// Lets the first entry go if it was not used since it was last first, and is in the tables. Returns what it weighed.
    fn let_one_go(&mut self, but: ResourceId, applied: u64) -> usize {
        let Some(first) = self.queue.pop_front() else { return 0 };
        match self.entries.get_mut(&first) {
            Some(kept) if kept.used || first == but || kept.entry.commit > applied => {
                kept.used = false;
                self.queue.push_back(first);
                0
            }
            Some(kept) => {
                let weight = kept.weight;
                self.entries.remove(&first);
                weight
            }
            None => 0,
        }
    }
}

/// Without what ended before the instant, if there seems to be any. What was taken first is looked at: it ends first, mostly.
pub(super) fn trimmed(mut calendar: Arc<Calendar>, since: Instant) -> Arc<Calendar> {
    let first = calendar.uses.values().take(4);
    if first.into_iter().any(|u| u.occupied.end() <= since && matches!(u.id, UseId::Booking(..))) {
        Arc::make_mut(&mut calendar).forget_before(since);
    }
    calendar
}

/// Without anything that ended before the instant.
pub(super) fn trimmed_exactly(calendar: &Arc<Calendar>, since: Instant) -> Calendar {
    let mut calendar = Calendar::clone(calendar);
    calendar.forget_before(since);
    calendar
}
