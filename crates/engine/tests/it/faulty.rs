//! A store whose commits wait at a gate and end as they are told to, and that counts every try.
//! It judges nothing: behind it stands the reference store.

use async_trait::async_trait;
use slotwise_domain::{AttemptKey, Instant, Proposal, ResourceId, Scope, Settle, Version, World};
use slotwise_engine::memory::Memory;
use slotwise_engine::{CommitError, Cursor, Record, Recorded, Settled, Status, Store, StoreError, Streamed};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

/// How the next commits end.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    None,
    /// Written, and nobody can say so.
    UnknownWritten,
    /// Not written, and nobody can say so.
    UnknownLost,
    NothingWritten,
    /// Written, and at the gate once more before anybody is told.
    ToldLate,
    /// Answers are missing.
    TooFew,
}

pub struct Faulty {
    inner: Arc<Memory>,
    pub gate: Semaphore,
    /// Commits that came to the gate.
    pub came: Semaphore,
    pub fault: Mutex<Fault>,
    /// Commits that it takes at a time.
    at_once: usize,
    /// Nothing can be observed.
    pub blind: Mutex<bool>,
    pub tries: Mutex<BTreeMap<AttemptKey, usize>>,
}

impl Faulty {
    /// With its gate open.
    pub fn over(inner: Arc<Memory>) -> Arc<Faulty> {
        Faulty::wide(inner, 1)
    }

    /// The same for several commits at a time.
    pub fn wide(inner: Arc<Memory>, at_once: usize) -> Arc<Faulty> {
        Arc::new(Faulty {
            inner,
            at_once,
            gate: Semaphore::new(Semaphore::MAX_PERMITS >> 1),
            came: Semaphore::new(0),
            fault: Mutex::new(Fault::None),
            blind: Mutex::new(false),
            tries: Mutex::default(),
        })
    }

    /// Nobody passes any more; who came before is forgotten.
    pub fn close(&self) {
        self.came.forget_permits(usize::MAX);
        self.gate.forget_permits(usize::MAX);
    }

    pub fn open(&self) {
        self.gate.add_permits(Semaphore::MAX_PERMITS >> 1);
    }

    pub fn ends_in(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    /// Waits until a commit stands at the gate that was not seen there before.
    pub async fn somebody_came(&self) {
        self.came.acquire().await.unwrap().forget();
    }

    pub fn tries_of(&self, key: AttemptKey) -> usize {
        self.tries.lock().unwrap().get(&key).copied().unwrap_or(0)
    }
}

#[async_trait]
impl Store for Faulty {
    fn commits_at_once(&self) -> usize {
        self.at_once
    }

    async fn commit(&self, batch: Vec<Proposal>, settle: Settle) -> Result<Vec<Settled>, CommitError> {
        for proposal in &batch {
            *self.tries.lock().unwrap().entry(proposal.key).or_default() += 1;
        }
        self.came.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        let fault = *self.fault.lock().unwrap();
        match fault {
            Fault::None => self.inner.commit(batch, settle).await,
            Fault::UnknownWritten => {
                self.inner.commit(batch, settle).await?;
                Err(CommitError::Unknown("the line went dead".into()))
            }
            Fault::UnknownLost => Err(CommitError::Unknown("the line went dead".into())),
            Fault::NothingWritten => Err(CommitError::NothingWritten("the disk is full".into())),
            Fault::ToldLate => {
                let settled = self.inner.commit(batch, settle).await;
                self.came.add_permits(1);
                self.gate.acquire().await.unwrap().forget();
                settled
            }
            Fault::TooFew => Ok(self.inner.commit(batch, settle).await?.into_iter().skip(1).collect()),
        }
    }

    async fn observe(&self, scope: Scope) -> Result<World, StoreError> {
        if *self.blind.lock().unwrap() {
            return Err(StoreError("nothing can be read".into()));
        }
        self.inner.observe(scope).await
    }

    async fn recall(&self, key: AttemptKey) -> Result<Option<Recorded>, StoreError> {
        self.inner.recall(key).await
    }

    async fn stream(&self, resource: ResourceId, after: Version, max: usize) -> Result<Streamed, StoreError> {
        self.inner.stream(resource, after, max).await
    }

    async fn outbox(&self, after: Cursor, max: usize) -> Result<(Vec<Record>, Cursor), StoreError> {
        self.inner.outbox(after, max).await
    }

    async fn head(&self) -> Result<Cursor, StoreError> {
        self.inner.head().await
    }

    async fn due(&self, until: Option<Instant>, max: usize) -> Result<Vec<(Instant, ResourceId)>, StoreError> {
        self.inner.due(until, max).await
    }

    fn restored_at(&self) -> Option<Instant> {
        self.inner.restored_at()
    }

    fn status(&self) -> Status {
        self.inner.status()
    }

    fn accept_clock(&self) {
        self.inner.accept_clock();
    }
}
