//! Two instances over one database as one store: whatever is asked is asked of either, as chance has it.
//! It waits for nothing but that the other has looked for what was committed.

use async_trait::async_trait;
use slotwise_domain::{
    AttemptKey, Booking, BookingId, Calendar, EntryEnd, Facts, Hold, Instant, PersonId, Proposal, ResourceId, Role,
    Scope, Settle, Version, WaitEntry, World,
};
use slotwise_engine::doors::{
    Account, AccountOf, AccountPatch, AccountPut, Accounts, Deed, Door, RolePut, Secret, SecretKind, Sha256, Which,
};
use slotwise_engine::{
    Attempt, AttemptFilter, AttemptsPage, BookingFilter, Catalogue, CommitError, Cursor, Directory, Erased, FactsPut,
    Listed, Noted, NoticeId, PersonCard, PersonRow, Plan, PlanPut, Record, Recorded, RowPut, Settled, Status, Store,
    StoreError, Streamed, Views,
};
use slotwise_store::Postgres;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use uuid::Uuid;

pub struct Hop {
    pub one: Arc<Postgres>,
    pub other: Arc<Postgres>,
    turn: AtomicU64,
}

impl Hop {
    pub fn over(one: Arc<Postgres>, other: Arc<Postgres>, seed: u64) -> Arc<Hop> {
        Arc::new(Hop { one, other, turn: AtomicU64::new(seed | 1) })
    }

    fn either(&self) -> (&Arc<Postgres>, &Arc<Postgres>) {
        let mut x = self.turn.load(Ordering::Relaxed);
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.turn.store(x, Ordering::Relaxed);
        if x >> 40 & 1 == 0 { (&self.one, &self.other) } else { (&self.other, &self.one) }
    }
}

#[async_trait]
impl Store for Hop {
    async fn recall(&self, key: AttemptKey) -> Result<Option<Recorded>, StoreError> {
        self.either().0.recall(key).await
    }

    async fn observe(&self, scope: Scope) -> Result<World, StoreError> {
        self.either().0.observe(scope).await
    }

    async fn commit(&self, batch: Vec<Proposal>, settle: Settle) -> Result<Vec<Settled>, CommitError> {
        let (here, there) = self.either();
        let settled = here.commit(batch.clone(), settle).await;
        if matches!(settled, Err(CommitError::NothingWritten(_))) {
            // Each instance finds for itself what is broken, as soon as it is asked.
            assert!(matches!(there.commit(batch, settle).await, Err(CommitError::NothingWritten(_))));
        }
        there.catch_up().await.unwrap();
        settled
    }

    async fn look(&self, scope: Scope) -> Result<World, StoreError> {
        self.either().0.look(scope).await
    }

    async fn stream(&self, resource: ResourceId, after: Version, max: usize) -> Result<Streamed, StoreError> {
        self.either().0.stream(resource, after, max).await
    }

    // A place in the outbox is a place in the memory of one.
    async fn outbox(&self, after: Cursor, max: usize) -> Result<(Vec<Record>, Cursor), StoreError> {
        self.one.outbox(after, max).await
    }

    async fn head(&self) -> Result<Cursor, StoreError> {
        self.one.head().await
    }

    // One of them carries out what falls due; the other is told of nothing.
    async fn due(&self, until: Option<Instant>, max: usize) -> Result<Vec<(Instant, ResourceId)>, StoreError> {
        let (here, there) = self.either();
        let due = here.due(until, max).await?;
        if due.is_empty() { there.due(until, max).await } else { Ok(due) }
    }

    fn restored_at(&self) -> Option<Instant> {
        self.one.restored_at()
    }

    fn status(&self) -> Status {
        match self.one.status() {
            Status::Ready => self.other.status(),
            status => status,
        }
    }

    fn warnings(&self) -> Vec<String> {
        [self.one.warnings(), self.other.warnings()].concat()
    }

    fn accept_clock(&self) {
        self.one.accept_clock();
        self.other.accept_clock();
    }
}

#[async_trait]
impl Views for Hop {
    fn catalogue(&self) -> &RwLock<Catalogue> {
        self.either().0.catalogue()
    }

    async fn calendars(&self, ids: Vec<ResourceId>) -> Result<Vec<Arc<Calendar>>, StoreError> {
        self.either().0.calendars(ids).await
    }

    async fn booking(&self, id: BookingId) -> Result<Option<Arc<Booking>>, StoreError> {
        self.either().0.booking(id).await
    }

    async fn bookings(&self, filter: BookingFilter) -> Result<Vec<Arc<Booking>>, StoreError> {
        self.either().0.bookings(filter).await
    }

    async fn history(&self, id: BookingId, max: usize) -> Result<Vec<Record>, StoreError> {
        self.either().0.history(id, max).await
    }

    async fn attempt(&self, key: AttemptKey) -> Result<Option<Attempt>, StoreError> {
        self.either().0.attempt(key).await
    }

    async fn attempts(&self, filter: AttemptFilter) -> Result<AttemptsPage, StoreError> {
        self.either().0.attempts(filter).await
    }

    async fn records(&self, resource: ResourceId, after: u64, upto: u64) -> Result<Vec<Record>, StoreError> {
        self.either().0.records(resource, after, upto).await
    }

    async fn booking_as_of(
        &self,
        id: BookingId,
        resource: ResourceId,
        number: u64,
    ) -> Result<Option<Arc<Booking>>, StoreError> {
        self.either().0.booking_as_of(id, resource, number).await
    }

    async fn holds_of(&self, holder: PersonId) -> Result<Vec<Hold>, StoreError> {
        self.either().0.holds_of(holder).await
    }

    async fn notices_of(&self, person: PersonId, before: NoticeId, max: usize) -> Result<Vec<Noted>, StoreError> {
        self.either().0.notices_of(person, before, max).await
    }

    async fn notices_after(&self, after: NoticeId, max: usize) -> Result<Vec<Noted>, StoreError> {
        self.either().0.notices_after(after, max).await
    }

    async fn entries_of(&self, owner: PersonId, max: usize) -> Result<Vec<(WaitEntry, Option<EntryEnd>)>, StoreError> {
        self.either().0.entries_of(owner, max).await
    }
}

#[async_trait]
impl Directory for Hop {
    async fn person(&self, id: PersonId) -> Result<Option<PersonCard>, StoreError> {
        self.either().0.person(id).await
    }

    async fn people(&self, max: usize) -> Result<Vec<PersonCard>, StoreError> {
        self.either().0.people(max).await
    }

    async fn put_person(&self, person: PersonCard) -> Result<(), StoreError> {
        let (here, there) = self.either();
        let said = here.put_person(person).await;
        there.catch_up().await.unwrap();
        said
    }

    async fn find_people(
        &self,
        words: Vec<String>,
        suspended: bool,
        after: Option<(String, PersonId)>,
        max: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        self.either().0.find_people(words, suspended, after, max).await
    }

    async fn facts(&self, id: PersonId) -> Result<Option<(Facts, u64)>, StoreError> {
        self.either().0.facts(id).await
    }

    async fn put_facts(&self, id: PersonId, version: u64, facts: Facts) -> Result<FactsPut, StoreError> {
        self.either().0.put_facts(id, version, facts).await
    }

    async fn plan(&self, id: PersonId) -> Result<(Plan, u64), StoreError> {
        self.either().0.plan(id).await
    }

    async fn put_plan(&self, id: PersonId, version: u64, plan: Plan) -> Result<PlanPut, StoreError> {
        self.either().0.put_plan(id, version, plan).await
    }

    async fn put_people(&self, people: Vec<PersonRow>, dry_run: bool) -> Result<Vec<RowPut>, StoreError> {
        let (here, there) = self.either();
        let said = here.put_people(people, dry_run).await;
        there.catch_up().await.unwrap();
        said
    }

    async fn erase(&self, id: PersonId) -> Result<Option<Erased>, StoreError> {
        let (here, there) = self.either();
        let said = here.erase(id).await;
        there.catch_up().await.unwrap();
        said
    }
}

#[async_trait]
impl Accounts for Hop {
    async fn doors(&self, secrets: Vec<Sha256>, now: Instant) -> Result<Vec<Option<Door>>, StoreError> {
        self.either().0.doors(secrets, now).await
    }

    async fn account(&self, of: AccountOf) -> Result<Option<Account>, StoreError> {
        self.either().0.account(of).await
    }

    async fn put_account(&self, person: PersonId, patch: AccountPatch) -> Result<AccountPut, StoreError> {
        self.either().0.put_account(person, patch).await
    }

    async fn put_secret(&self, secret: Secret) -> Result<(), StoreError> {
        self.either().0.put_secret(secret).await
    }

    async fn take_secret(&self, sha256: Sha256, kind: SecretKind, now: Instant) -> Result<Option<Secret>, StoreError> {
        let (here, there) = self.either();
        let said = here.take_secret(sha256, kind, now).await;
        there.catch_up().await.unwrap();
        said
    }

    async fn secret(&self, sha256: Sha256, kind: SecretKind, now: Instant) -> Result<Option<Secret>, StoreError> {
        self.either().0.secret(sha256, kind, now).await
    }

    async fn secrets_of(&self, person: PersonId, kind: SecretKind) -> Result<Vec<Secret>, StoreError> {
        self.either().0.secrets_of(person, kind).await
    }

    async fn invitations(&self, now: Instant, max: usize) -> Result<Vec<Secret>, StoreError> {
        self.either().0.invitations(now, max).await
    }

    async fn end_secrets(&self, person: PersonId, kinds: Vec<SecretKind>, which: Which) -> Result<u64, StoreError> {
        let (here, there) = self.either();
        let said = here.end_secrets(person, kinds, which).await;
        there.catch_up().await.unwrap();
        said
    }

    async fn seen(&self, sha256: Sha256, now: Instant) -> Result<(), StoreError> {
        self.either().0.seen(sha256, now).await
    }

    async fn forget_secrets(&self, now: Instant) -> Result<u64, StoreError> {
        self.either().0.forget_secrets(now).await
    }

    async fn manages(&self, person: PersonId) -> Result<BTreeSet<ResourceId>, StoreError> {
        self.either().0.manages(person).await
    }

    async fn put_role(&self, person: PersonId, role: Role, over: BTreeSet<ResourceId>) -> Result<RolePut, StoreError> {
        let (here, there) = self.either();
        let said = here.put_role(person, role, over).await;
        there.catch_up().await.unwrap();
        said
    }

    async fn put_suspended(&self, person: PersonId, suspended: bool) -> Result<RolePut, StoreError> {
        let (here, there) = self.either();
        let said = here.put_suspended(person, suspended).await;
        there.catch_up().await.unwrap();
        said
    }

    async fn has_admin(&self) -> Result<bool, StoreError> {
        self.either().0.has_admin().await
    }

    async fn note(&self, deed: Deed) -> Result<(), StoreError> {
        self.either().0.note(deed).await
    }

    async fn deeds(&self, before: Option<Uuid>, max: usize) -> Result<Vec<Deed>, StoreError> {
        self.either().0.deeds(before, max).await
    }
}
