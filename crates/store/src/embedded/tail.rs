//! The end of the journal in memory: what the query tables do not have yet, the last commits for whoever tells them, and all live
//! holds. Whoever looks here first and in the tables afterwards never looks behind what was told.
//!
//! Why that is so. The writer puts a commit in after its COMMIT returned and before anybody is answered. The follower takes it out
//! after its own COMMIT returned. So what is not here is in the tables, for every read that begins after the look.

use crate::commit::Commit;
use slotwise_domain::{
    AttemptKey, Booking, BookingId, Change, EndedEntry, EndedHold, EntryId, Epoch, Hold, HoldId, Instant, OwnOverlap,
    PersonId, ResourceId, Slot, WaitEntry,
};
use slotwise_engine::Recorded;
use slotwise_engine::round::key_time;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::watch;

/// Commits kept after they are in the tables, for readers of the outbox.
const KEPT_COMMITS: usize = 256;
/// Attempts of such commits.
const KEPT_ATTEMPTS: usize = 16_384;

pub(super) struct Tail {
    /// The last commit that is in the tables.
    applied: watch::Sender<u64>,
    /// The last commit that is durable.
    head: AtomicU64,
    /// No key that is in the tables was made later.
    latest_key: AtomicI64,
    /// Attempts that are not in the tables.
    behind: AtomicU64,
    inner: RwLock<Inner>,
}

struct Inner {
    /// Without a gap, up to the head.
    commits: VecDeque<Arc<Commit>>,
    /// Attempts of commits that are in the tables.
    kept: usize,
    attempts: HashMap<AttemptKey, (u64, u32)>,
    bookings: HashMap<BookingId, (u64, Arc<Booking>)>,
    ended: HashMap<HoldId, (u64, EndedHold)>,
    entries: HashMap<EntryId, (u64, (WaitEntry, Option<EndedEntry>))>,
    /// What matters to rules about a person, in order: two at once, quotas, and where they wait.
    ruled: HashMap<PersonId, Vec<(u64, Change)>>,
    live: Live,
    waits: Waits,
}

/// When resources must be looked at again.
#[derive(Default)]
struct Waits {
    by_resource: HashMap<ResourceId, Instant>,
    by_time: BTreeSet<(Instant, ResourceId)>,
}

/// Holds that no change has ended.
struct Live {
    epoch: Epoch,
    by_id: HashMap<HoldId, Hold>,
    by_expiry: BTreeSet<(Instant, ResourceId, HoldId)>,
    by_holder: HashMap<PersonId, BTreeSet<HoldId>>,
}

impl Tail {
    /// What follows the tables, which are at `applied` and know these live holds, and these times to look at those who wait.
    pub fn new(
        epoch: Epoch,
        applied: u64,
        latest_key: Instant,
        live: Vec<Hold>,
        waits: Vec<(ResourceId, Instant)>,
    ) -> Tail {
        let mut inner = Inner::new(epoch);
        for (resource, at) in waits {
            inner.waits.put(resource, Some(at));
        }
        for hold in live {
            inner.live.put(hold);
        }
        Tail {
            applied: watch::Sender::new(applied),
            head: AtomicU64::new(applied),
            latest_key: AtomicI64::new(latest_key.0),
            behind: AtomicU64::new(0),
            inner: RwLock::new(inner),
        }
    }

    /// The last commit that is durable.
    pub fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    /// The last commit that is in the tables.
    pub fn applied(&self) -> u64 {
        *self.applied.borrow()
    }

    /// Changes whenever the tables have caught up by some commits.
    pub fn watch_applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    /// Attempts that are not in the tables.
    pub fn behind(&self) -> u64 {
        self.behind.load(Ordering::Relaxed)
    }

    /// For the writer, after its COMMIT.
    pub fn push(&self, commit: &Arc<Commit>) {
        let mut inner = self.write();
        for (place, entry) in commit.entries.iter().enumerate() {
            inner.attempts.insert(entry.recorded.key, (commit.number, place as u32));
            for (resource, change) in entry.changes_by_resource() {
                inner.change(commit.number, resource, change);
            }
            for booking in &entry.bookings {
                inner.bookings.insert(booking.id, (commit.number, booking.clone()));
            }
        }
        inner.commits.push_back(commit.clone());
        self.behind.fetch_add(commit.entries.len() as u64, Ordering::Relaxed);
        drop(inner);
        self.head.store(commit.number, Ordering::Release);
    }

    /// For the follower: commits after those in the tables, in order, until they hold so many attempts.
    pub fn after_applied(&self, attempts_max: usize) -> Vec<Arc<Commit>> {
        let (inner, applied) = (self.read(), self.applied());
        let mut attempts = 0;
        let following = inner.commits.iter().skip_while(|commit| commit.number <= applied);
        let within = following.take_while(|commit| {
            let room = attempts < attempts_max;
            attempts += commit.entries.len();
            room
        });
        within.cloned().collect()
    }

    /// For the follower, after its COMMIT: these are in the tables.
    pub fn forget(&self, commits: &[Arc<Commit>]) {
        let Some(last) = commits.last() else { return };
        let keys = commits.iter().flat_map(|c| &c.entries).map(|e| key_time(e.recorded.key).0);
        let latest = keys.max().unwrap_or(i64::MIN);
        // Before they leave memory: a key that is younger than this is in memory or nowhere.
        self.latest_key.fetch_max(latest, Ordering::AcqRel);
        self.applied.send_replace(last.number);
        // One at a time, and freed after: everybody looks here first and must not wait for all of them.
        for commit in commits {
            let gone = self.write().let_go(commit, last.number);
            self.behind.fetch_sub(commit.entries.len() as u64, Ordering::Relaxed);
            drop(gone);
        }
    }

    /// A commit, if it is still in memory.
    pub fn commit(&self, number: u64) -> Option<Arc<Commit>> {
        let inner = self.read();
        let first = inner.commits.front()?.number;
        let place = number.checked_sub(first)?;
        inner.commits.get(usize::try_from(place).ok()?).cloned()
    }

    /// What is known of a key.
    pub fn recorded(&self, key: AttemptKey) -> Known<Recorded> {
        let found = {
            let inner = self.read();
            inner.attempts.get(&key).and_then(|(number, place)| {
                let first = inner.commits.front()?.number;
                let commit = inner.commits.get(usize::try_from(number - first).ok()?)?;
                Some(Recorded::clone(&commit.entries.get(*place as usize)?.recorded))
            })
        };
        match found {
            Some(recorded) => Known::Is(recorded),
            None if key_time(key).0 > self.latest_key.load(Ordering::Acquire) => Known::Nowhere,
            None => Known::AskTables,
        }
    }

    /// A booking that changed lately.
    pub fn booking(&self, id: BookingId) -> Option<Arc<Booking>> {
        self.read().bookings.get(&id).map(|(_, booking)| booking.clone())
    }

    /// A hold that is live, or ended lately.
    pub fn hold(&self, id: HoldId) -> Option<(Hold, Option<EndedHold>)> {
        let inner = self.read();
        let live = inner.live.by_id.get(&id).map(|hold| (*hold, None));
        live.or_else(|| inner.ended.get(&id).map(|(_, ended)| (ended.hold, Some(*ended))))
    }

    /// A waitlist entry that changed lately.
    pub fn entry(&self, id: EntryId) -> Option<(WaitEntry, Option<EndedEntry>)> {
        self.read().entries.get(&id).map(|(_, entry)| *entry)
    }

    /// Live holds of a person, by id.
    pub fn holds_of(&self, holder: PersonId) -> Vec<Hold> {
        let inner = self.read();
        let ids = inner.live.by_holder.get(&holder).into_iter().flatten();
        ids.filter_map(|id| inner.live.by_id.get(id).copied()).collect()
    }

    /// What rules about a person ask for: their live holds, and what changed lately of a person as the tables know them.
    /// The changes may have been looked up before the tables were: each sets or takes away, so folding one twice does no harm.
    pub fn person(&self, id: PersonId) -> (BTreeMap<HoldId, Instant>, Vec<Change>) {
        let holds = self.holds_of(id).into_iter().map(|hold| (hold.id, hold.expires_at)).collect();
        (holds, self.changes_for_rules(id))
    }

    /// What changed lately of what rules about a person count, in order. Folding one twice does no harm here either.
    pub fn changes_for_rules(&self, id: PersonId) -> Vec<Change> {
        self.read().ruled.get(&id).into_iter().flatten().map(|(_, change)| change.clone()).collect()
    }

    /// Resources with live holds that expire until an instant, or where those who wait must be looked at again, soonest first, each
    /// once.
    pub fn due(&self, until: Instant, max: usize) -> Vec<(Instant, ResourceId)> {
        let inner = self.read();
        let mut holds = inner.live.by_expiry.iter().map(|(at, resource, _)| (*at, *resource)).peekable();
        let mut waits = inner.waits.by_time.iter().copied().peekable();
        let (mut due, mut seen) = (Vec::new(), BTreeSet::new());
        while due.len() < max {
            // Both are in order of time; holds are in order of time and resource too.
            let next = match (holds.peek(), waits.peek()) {
                (Some(hold), Some(wait)) if hold <= wait => holds.next(),
                (Some(_), None) => holds.next(),
                (Some(_) | None, Some(_)) => waits.next(),
                (None, None) => None,
            };
            let Some((at, resource)) = next.filter(|(at, _)| *at <= until) else { break };
            if seen.insert(resource) {
                due.push((at, resource));
            }
        }
        due
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What memory says of a key.
pub(super) enum Known<T> {
    /// This.
    Is(T),
    /// It was never used.
    Nowhere,
    /// Only the tables can tell.
    AskTables,
}

impl Inner {
    fn new(epoch: Epoch) -> Inner {
        Inner {
            commits: VecDeque::new(),
            kept: 0,
            attempts: HashMap::new(),
            bookings: HashMap::new(),
            ended: HashMap::new(),
            entries: HashMap::new(),
            ruled: HashMap::new(),
            live: Live { epoch, by_id: HashMap::new(), by_expiry: BTreeSet::new(), by_holder: HashMap::new() },
            waits: Waits::default(),
        }
    }

    fn change(&mut self, number: u64, resource: ResourceId, change: &Change) {
        if let Some((entry, end)) = change.entry() {
            let ended = end.map(|end| EndedEntry { entry: *entry, end });
            self.entries.insert(entry.id, (number, (*entry, ended)));
        }
        match change {
            Change::WaitJoined(WaitEntry { owner, .. })
            | Change::WaitEnded(EndedEntry { entry: WaitEntry { owner, .. }, .. }) => {
                self.ruled.entry(*owner).or_default().push((number, change.clone()));
            }
            Change::WaitDue(at) => self.waits.put(resource, *at),
            Change::WaitOffered(_) | Change::WaitResumed(_) | Change::WaitMoved(_) => {}
            Change::HoldGranted(hold) | Change::HoldRenewed(hold) => self.live.put(*hold),
            Change::HoldEnded(ended) => {
                self.live.end(ended.hold.id);
                self.ended.insert(ended.hold.id, (number, *ended));
            }
            Change::BookingMade { owner, slots, .. }
            | Change::BookingApproved { owner, slots, .. }
            | Change::BookingRequested { owner, slots, .. }
            | Change::BookingDisplaced { owner, slots, .. }
            | Change::BookingHandedOver { to: owner, slots, .. }
            | Change::BookingCancelled { owner, slots, .. } => {
                if slots.iter().any(|(_, slot)| is_ruled(slot)) {
                    for owner in change.about_before().into_iter().chain([*owner]) {
                        self.ruled.entry(owner).or_default().push((number, change.clone()));
                    }
                }
            }
            Change::BookingMoved { owner, from, to, .. } | Change::BookingNoShow { owner, from, to, .. } => {
                if from.iter().chain(to).any(|(_, slot)| is_ruled(slot)) {
                    self.ruled.entry(*owner).or_default().push((number, change.clone()));
                }
            }
            Change::BookingEdited { .. }
            | Change::RequestApproved { .. }
            | Change::BookingCheckedIn { .. }
            | Change::BookingOverrode { .. }
            | Change::Reasoned { .. }
            | Change::HoldOverrode { .. }
            | Change::CapacitySet { .. }
            | Change::ServiceSet { .. }
            | Change::OverCommitLowered { .. }
            | Change::Reminded { .. }
            | Change::ResourceCreated(_)
            | Change::ResourceEdited(_)
            | Change::BlockAdded { .. }
            | Change::BlockRemoved { .. } => {}
        }
    }

    /// The commit is in the tables, as all are until `applied`. Returns what is kept no longer.
    fn let_go(&mut self, commit: &Commit, applied: u64) -> Vec<Arc<Commit>> {
        self.forget(commit, applied);
        self.kept += commit.entries.len();
        let mut gone = Vec::new();
        while self.commits.front().is_some_and(|first| first.number <= commit.number)
            && (self.commits.len() > KEPT_COMMITS || self.kept > KEPT_ATTEMPTS)
            && let Some(first) = self.commits.pop_front()
        {
            self.kept = self.kept.saturating_sub(first.entries.len());
            gone.push(first);
        }
        gone
    }

    /// Forgets what this commit put in, unless a later one, that is not in the tables, has put in something newer.
    fn forget(&mut self, commit: &Commit, applied: u64) {
        for entry in &commit.entries {
            self.attempts.remove(&entry.recorded.key);
            for change in entry.changes() {
                if let Some(id) = change.booking()
                    && self.bookings.get(&id).is_some_and(|(number, _)| *number <= applied)
                {
                    self.bookings.remove(&id);
                }
                if let Change::HoldEnded(ended) = change {
                    self.ended.remove(&ended.hold.id);
                }
                if let Some((entry, _)) = change.entry()
                    && self.entries.get(&entry.id).is_some_and(|(number, _)| *number <= applied)
                {
                    self.entries.remove(&entry.id);
                }
                for owner in change.about_before().into_iter().chain(change.about()) {
                    let Some(changes) = self.ruled.get_mut(&owner) else { continue };
                    changes.retain(|(number, _)| *number > applied);
                    if changes.is_empty() {
                        self.ruled.remove(&owner);
                    }
                }
            }
        }
    }
}

impl Waits {
    fn put(&mut self, resource: ResourceId, at: Option<Instant>) {
        if let Some(before) = self.by_resource.remove(&resource) {
            self.by_time.remove(&(before, resource));
        }
        if let Some(at) = at {
            self.by_resource.insert(resource, at);
            self.by_time.insert((at, resource));
        }
    }
}

/// Whether a rule about its owner counts it.
fn is_ruled(slot: &Slot) -> bool {
    slot.own_overlap == OwnOverlap::Refuse || slot.quota.is_some()
}

impl Live {
    /// When it is over. One from before a restore is so already.
    fn due_at(&self, hold: &Hold) -> Instant {
        match hold.over(self.epoch, Instant::MIN) {
            Some(_) => Instant::MIN,
            None => hold.expires_at,
        }
    }

    fn put(&mut self, hold: Hold) {
        self.end(hold.id);
        self.by_id.insert(hold.id, hold);
        self.by_expiry.insert((self.due_at(&hold), hold.resource, hold.id));
        self.by_holder.entry(hold.holder).or_default().insert(hold.id);
    }

    fn end(&mut self, id: HoldId) {
        let Some(hold) = self.by_id.remove(&id) else { return };
        self.by_expiry.remove(&(self.due_at(&hold), hold.resource, id));
        if let Some(ids) = self.by_holder.get_mut(&hold.holder) {
            ids.remove(&id);
            if ids.is_empty() {
                self.by_holder.remove(&hold.holder);
            }
        }
    }
}
