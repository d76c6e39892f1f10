//! One instance's way to the store: messages that are late, lost and doubled, and the end of it when the instance dies.
//! It decides nothing; what it does not know of a commit it asks for, and never guesses.

use crate::chance::Chance;
use crate::database::{Database, lock};
use crate::setting::Kind;
use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::{Either, pending, select};
use slotwise_domain::{AttemptKey, Instant, Proposal, ResourceId, Scope, Settle, Version, World};
use slotwise_engine::{Clock, CommitError, Cursor, Record, Recorded, Settled, Status, Store, StoreError, Streamed};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::time::{sleep, timeout};

/// How long a commit is waited for before it is asked what became of it.
const COMMIT_WAIT_MAX: Duration = Duration::from_secs(3);
/// How often it is asked, and how long in between.
const ASK_MAX: u32 = 4;
const ASK_EVERY: Duration = Duration::from_millis(400);

/// The way of one instance to the store, for as long as it lives.
pub struct Link {
    database: Arc<Database>,
    kind: Kind,
    chance: Mutex<Chance>,
    dead: AtomicBool,
    died: Notify,
}

impl Link {
    /// A new one.
    pub fn new(database: Arc<Database>, kind: Kind, chance: Chance) -> Arc<Link> {
        let (dead, died, chance) = (AtomicBool::new(false), Notify::new(), Mutex::new(chance));
        Arc::new(Link { database, kind, chance, dead, died })
    }

    /// The instance dies: whatever it waits for never comes.
    pub fn die(&self) {
        self.dead.store(true, Ordering::Relaxed);
        self.died.notify_waiters();
    }

    /// Comes back when it has died.
    pub async fn dies(&self) {
        let died = self.died.notified();
        tokio::pin!(died);
        // Looked for before it is waited for.
        died.as_mut().enable();
        if !self.dead.load(Ordering::Relaxed) {
            died.await;
        }
    }

    /// As long as it lives; then never.
    async fn alive<T>(&self, of: impl Future<Output = T>) -> T {
        match select(Box::pin(self.dies()), Box::pin(of)).await {
            // What it had in its hands falls from them.
            Either::Left((_, of)) => {
                drop(of);
                pending().await
            }
            Either::Right((t, _)) => t,
        }
    }

    /// How long one message takes; `None` if it never comes.
    fn message(&self) -> Option<Duration> {
        let faults = lock(&self.database.faults);
        let mut chance = lock(&self.chance);
        if self.kind == Kind::Embedded {
            return Some(Duration::ZERO);
        }
        match (chance.within(faults.loss), chance.within(faults.clog)) {
            (true, _) => None,
            (_, true) => Some(chance.time(Duration::from_secs(5))),
            (false, false) => Some(chance.time(faults.delay)),
        }
    }

    /// There and back, with what is read in between: it is old when it comes.
    async fn read<T>(&self, what: impl FnOnce(&Database) -> T) -> Result<T, StoreError> {
        self.alive(async {
            let fails = lock(&self.chance).within(lock(&self.database.faults).read);
            let (there, back) = (self.message(), self.message());
            let (false, Some(there), Some(back)) = (fails, there, back) else {
                return Err(StoreError("the read failed".into()));
            };
            wait(there).await;
            let read = what(&self.database);
            wait(back).await;
            Ok(read)
        })
        .await
    }

    /// The commit goes its way, whoever waits for it. What is said of it comes back, or not.
    fn send(&self, id: u64, batch: Vec<Proposal>, settle: Settle, tell: oneshot::Sender<Answers>) {
        let (Some(there), back) = (self.message(), self.message()) else { return };
        let database = self.database.clone();
        tokio::spawn(async move {
            wait(there).await;
            let said = database.commit(id, batch, settle).await;
            let Some(back) = back else { return };
            wait(back).await;
            // Nobody may be waiting any more.
            drop(tell.send(said));
        });
    }

    async fn commit_over_the_network(&self, batch: Vec<Proposal>, settle: Settle) -> Answers {
        let (id, twice) = {
            let twice = lock(&self.database.faults).twice;
            let mut chance = lock(&self.chance);
            (chance.number(), chance.within(twice))
        };
        let (tell, told) = oneshot::channel();
        self.send(id, batch.clone(), settle, tell);
        if twice {
            // Nobody listens to what is said of the second.
            self.send(id, batch.clone(), settle, oneshot::channel().0);
        }
        match timeout(COMMIT_WAIT_MAX, told).await {
            // Said before anything was sent to the disk; that is proof enough.
            Ok(Ok(Ok(settled))) => return Ok(settled),
            // Whoever is first under a name has it. Only one that came twice can be told that it is there already.
            Ok(Ok(Err(CommitError::NothingWritten(_))))
            | Ok(Ok(Err(CommitError::Unknown(_))))
            | Ok(Err(_))
            | Err(_) => {}
        }
        for _ in 0..ASK_MAX {
            if let (Some(there), Some(back)) = (self.message(), self.message()) {
                wait(there).await;
                let resolved = self.database.resolve(id, &batch).await;
                wait(back).await;
                return resolved;
            }
            sleep(ASK_EVERY).await;
        }
        Err(CommitError::Unknown("it could not be asked what became of it".into()))
    }
}

type Answers = Result<Vec<Settled>, CommitError>;

async fn wait(time: Duration) {
    if !time.is_zero() {
        sleep(time).await;
    }
}

#[async_trait]
impl Store for Link {
    async fn recall(&self, key: AttemptKey) -> Result<Option<Recorded>, StoreError> {
        self.read(|database| database.recall(key).map(|recorded| Recorded::clone(&recorded))).await
    }

    async fn observe(&self, scope: Scope) -> Result<World, StoreError> {
        self.read(|database| database.observe(&scope)).await
    }

    async fn commit(&self, batch: Vec<Proposal>, settle: Settle) -> Result<Vec<Settled>, CommitError> {
        batch.iter().for_each(|proposal| self.database.tried(proposal.key));
        let commit = match self.kind {
            Kind::Embedded => {
                let id = lock(&self.chance).number();
                self.database.commit(id, batch, settle).boxed()
            }
            Kind::Shared => self.commit_over_the_network(batch, settle).boxed(),
        };
        self.alive(commit).await
    }

    async fn stream(&self, resource: ResourceId, after: Version, max: usize) -> Result<Streamed, StoreError> {
        self.read(|database| database.stream(resource, after, max)).await
    }

    async fn outbox(&self, after: Cursor, max: usize) -> Result<(Vec<Record>, Cursor), StoreError> {
        self.read(|database| database.outbox(&after, max)).await
    }

    async fn head(&self) -> Result<Cursor, StoreError> {
        self.read(Database::head).await
    }

    async fn due(&self, until: Option<Instant>, max: usize) -> Result<Vec<(Instant, ResourceId)>, StoreError> {
        self.read(|database| database.due(until.unwrap_or_else(|| database.clock.now()), max)).await
    }

    fn restored_at(&self) -> Option<Instant> {
        None
    }

    fn status(&self) -> Status {
        match self.database.stopped() {
            Some(why) => Status::Stopped(why),
            None => Status::Ready,
        }
    }

    fn doorbell(&self) -> Option<Arc<Notify>> {
        Some(self.database.bell.clone())
    }

    fn accept_clock(&self) {}
}
