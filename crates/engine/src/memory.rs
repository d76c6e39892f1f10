//! The reference store: everything in maps behind one lock, nothing durable. Tests compare the others with it.
//! It is written to be obviously right, not to be fast.

use crate::attempt::lock;
use crate::catalogue::{self, Catalogue};
use crate::doors::{
    Account, AccountOf, AccountPatch, AccountPut, Accounts, Deed, Door, RolePut, Secret, SecretKind, Sha256, Which,
};
use crate::port::{
    Attempt, AttemptFilter, AttemptsPage, BookingFilter, Clock, CommitError, Cursor, Directory, Erased, FactsPut,
    Listed, Noted, NoticeId, PersonCard, PersonRow, Plan, PlanPut, Record, Recorded, RowPut, Settled, Status, Store,
    StoreError, Streamed, Views,
};
use crate::round::{self, Judged, KeyAge};
use async_trait::async_trait;
use slotwise_domain::{
    AttemptKey, Booking, BookingId, Counted, EntryEnd, Epoch, Facts, Hold, Instant, Person, PersonId, Proposal,
    ResourceId, Role, Scope, Settle, Version, WaitEntry, World,
};
use slotwise_domain::{Calendar, Details, OwnOverlap};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, RwLock};
use uuid::Uuid;

/// A store that forgets everything when it is dropped.
pub struct Memory {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    catalogue: RwLock<Catalogue>,
}

struct State {
    world: World,
    attempts: BTreeMap<AttemptKey, Recorded>,
    /// All of them, in the order in which they were decided.
    decided: Vec<Attempt>,
    records: Vec<Record>,
    notices: Vec<Noted>,
    /// How many commits there were.
    commits: u64,
    /// Bookings after each change, with the versions it made.
    revisions: Vec<(Versions, Arc<Booking>)>,
    people: BTreeMap<PersonId, PersonCard>,
    known: BTreeMap<PersonId, Known>,
    doors: Doors,
    stopped: Option<String>,
}

#[derive(Default)]
struct Doors {
    secrets: BTreeMap<Sha256, Secret>,
    accounts: BTreeMap<PersonId, Account>,
    manages: BTreeMap<PersonId, BTreeSet<ResourceId>>,
    suspended: BTreeSet<PersonId>,
    deeds: BTreeMap<Uuid, Deed>,
}

/// What is known of a person besides who they are.
#[derive(Clone, Default)]
struct Known {
    external_id: Option<String>,
    email: Option<String>,
    facts: Facts,
    version: u64,
    plan: (Plan, u64),
}

type Versions = Vec<(ResourceId, Version)>;

impl Memory {
    /// An empty store.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Memory> {
        let state = State {
            world: World::empty(Epoch(1)),
            attempts: BTreeMap::new(),
            decided: Vec::new(),
            revisions: Vec::new(),
            records: Vec::new(),
            notices: Vec::new(),
            commits: 0,
            people: BTreeMap::new(),
            known: BTreeMap::new(),
            doors: Doors::default(),
            stopped: None,
        };
        Arc::new(Memory { clock, state: Mutex::new(state), catalogue: RwLock::default() })
    }
}

impl State {
    fn listed(&self, card: &PersonCard) -> Listed {
        let known = self.known.get(&card.id).cloned().unwrap_or_default();
        Listed { card: card.clone(), external_id: known.external_id, email: known.email }
    }

    fn put_row(&mut self, row: PersonRow) -> RowPut {
        let called = |(id, known): (&PersonId, &Known)| (known.external_id == row.external_id).then_some(*id);
        let by_external = row.external_id.as_ref().and_then(|_| self.known.iter().find_map(called));
        let id = row.id.or(by_external).unwrap_or(row.fresh);
        if by_external.is_some_and(|other| other != id) {
            return RowPut::ExternalIdTaken;
        }
        let (card, known) = (self.people.get(&id).cloned(), self.known.get(&id).cloned().unwrap_or_default());
        let was = |f: fn(&PersonCard) -> String| card.as_ref().map(f).unwrap_or_default();
        let role = row.role.or(card.as_ref().map(|c| c.role)).unwrap_or(Role::Member);
        let after =
            PersonCard { id, name: row.name, title: row.title.unwrap_or_else(|| was(|c| c.title.clone())), role };
        let mut known_after = known.clone();
        known_after.external_id = row.external_id.or(known_after.external_id);
        known_after.email = row.email.or(known_after.email);
        if let Some(tags) = row.tags.filter(|tags| *tags != known.facts.tags) {
            known_after.facts.tags = tags;
            known_after.version += 1;
        }
        let same = card.as_ref() == Some(&after)
            && (known.version, known.external_id, known.email)
                == (known_after.version, known_after.external_id.clone(), known_after.email.clone());
        self.people.insert(id, after);
        self.known.insert(id, known_after);
        match (card.is_some(), same) {
            (false, _) => RowPut::Made(id),
            (true, true) => RowPut::Same(id),
            (true, false) => RowPut::Changed(id),
        }
    }

    /// Somebody who is not suspended.
    fn card(&self, id: PersonId) -> Option<PersonCard> {
        self.people.get(&id).filter(|_| !self.doors.suspended.contains(&id)).cloned()
    }

    fn only_admin(&self, id: PersonId) -> bool {
        let mut admins = self.people.keys().filter_map(|id| self.card(*id)).filter(|card| card.role == Role::Admin);
        self.card(id).is_some_and(|card| card.role == Role::Admin) && admins.all(|card| card.id == id)
    }

    /// The part of what is true that a scope asks for.
    fn load(&self, into: &mut World, scope: &Scope) {
        for id in &scope.bookings {
            into.bookings.extend(self.world.bookings.get(id).map(|b| (*id, b.clone())));
        }
        for id in &scope.holds {
            into.holds.extend(self.world.holds.get(id).map(|h| (*id, *h)));
        }
        for id in &scope.entries {
            into.entries.extend(self.world.entries.get(id).map(|e| (*id, *e)));
        }
        let touched = into.touched(scope).into_owned();
        for id in &touched {
            into.calendars.extend(self.world.calendars.get(id).map(|c| (*id, c.clone())));
        }
        self.look_at_people(into, &self.world, scope);
    }

    /// Of a world that holds all there is, only people and roles are still to be looked up: as they are in it.
    fn load_of_all(&self, all: &mut World, scope: &Scope) {
        let as_it_is = all.clone();
        self.look_at_people(all, &as_it_is, scope);
    }

    fn look_at_people(&self, into: &mut World, from: &World, scope: &Scope) {
        into.loaded.extend(scope);
        let touched = into.touched(scope).into_owned();
        into.loaded.resources.extend(&touched);
        for id in &scope.people {
            into.people.insert(*id, person(from, *id));
        }
        for id in &scope.roles {
            let Some(person) = self.people.get(id).filter(|_| !self.doors.suspended.contains(id)) else { continue };
            into.roles.insert(*id, person.role);
            if person.role == Role::Manager {
                let managed = self.doors.manages.get(id).cloned().unwrap_or_default();
                into.manages.insert(*id, Arc::new(managed));
            }
        }
        for id in &scope.counted {
            let theirs = from.bookings.values().filter(|b| b.owner == *id);
            into.counted.insert(*id, Counted::of(theirs.map(|b| &**b)));
        }
        for id in &scope.facts {
            into.facts.extend(self.known.get(id).map(|known| (*id, Arc::new(known.facts.clone()))));
        }
        for id in &scope.members {
            let within = |c: &&Arc<Calendar>| c.resource.spec.group.as_ref().is_some_and(|g| g.id == *id);
            into.members.insert(*id, from.calendars.values().filter(within).map(|c| c.resource.id).collect());
        }
    }
}

fn person(world: &World, id: PersonId) -> Person {
    let mut person = Person::default();
    for calendar in world.calendars.values() {
        let held = calendar.holds.values().filter(|h| h.holder == id);
        person.holds.extend(held.map(|h| (h.id, h.expires_at)));
        let waiting = calendar.waiting.values().chain(calendar.watching.values()).filter(|e| e.owner == id);
        person.waiting.extend(waiting.map(|e| (e.id, e.resource)));
    }
    for booking in world.bookings.values().filter(|b| b.owner == id && b.state.takes_units()) {
        for (n, slot) in booking.slots.iter().enumerate().filter(|(_, s)| s.own_overlap == OwnOverlap::Refuse) {
            person.exclusive.insert((booking.id, slot.resource, n as u16), slot.interval);
        }
    }
    person
}

#[async_trait]
impl Store for Memory {
    async fn recall(&self, key: AttemptKey) -> Result<Option<Recorded>, StoreError> {
        Ok(lock(&self.state).attempts.get(&key).cloned())
    }

    async fn observe(&self, scope: Scope) -> Result<World, StoreError> {
        let state = lock(&self.state);
        let mut world = World::empty(state.world.epoch);
        state.load(&mut world, &scope);
        Ok(world)
    }

    async fn commit(&self, batch: Vec<Proposal>, settle: Settle) -> Result<Vec<Settled>, CommitError> {
        let mut state = lock(&self.state);
        if let Some(why) = &state.stopped {
            return Err(CommitError::NothingWritten(why.clone()));
        }
        let clock = self.clock.now();
        // A copy of all there is: what is accepted is folded into it, and it takes the place of what was, or is dropped.
        let mut world = state.world.clone();
        let mut attempts: BTreeMap<AttemptKey, Recorded> = BTreeMap::new();
        let (mut accepted, mut decided) = (Vec::new(), Vec::new());
        let mut settled = Vec::with_capacity(batch.len());
        for proposal in batch {
            let known = attempts.get(&proposal.key).or_else(|| state.attempts.get(&proposal.key));
            if let Some(recorded) = known {
                let same = recorded.fingerprint == proposal.fingerprint;
                settled.push(if same { Settled::Replayed(Arc::new(recorded.clone())) } else { Settled::KeyReused });
                continue;
            }
            match round::key_age(proposal.key, clock, None) {
                KeyAge::Fresh => {}
                KeyAge::Expired => {
                    settled.push(Settled::KeyExpired);
                    continue;
                }
                KeyAge::BeforeRestore => {
                    settled.push(Settled::EpochChanged);
                    continue;
                }
            }
            let load = |world: &mut World, scope: &Scope| -> Result<(), Infallible> {
                state.load_of_all(world, scope);
                Ok(())
            };
            let Ok(judged) = round::judge(&mut world, &proposal, settle, clock, load);
            match judged {
                Judged::Decided(recorded, changes, made) => {
                    attempts.insert(proposal.key, (*recorded).clone());
                    let made_versions = recorded.decision.decided.clone();
                    accepted.push((proposal, made_versions, changes, recorded.decision.decided_at));
                    decided.push((*recorded).clone());
                    settled.push(Settled::Decided(recorded, made));
                }
                Judged::Failed(failure) => settled.push(Settled::Failed(failure)),
            }
        }
        if let Err(broken) = round::assert_sound(&world, accepted.iter().map(|(_, _, changes, at)| (changes, *at))) {
            state.stopped = Some(broken.to_string());
            return Err(CommitError::NothingWritten(broken.to_string()));
        }
        // From here it is all written.
        let records = accepted.iter().flat_map(|(_, _, changes, _)| &changes.records);
        let records = records.map(|(id, record)| (*id, &record[..]));
        catalogue::write(&self.catalogue).fold(&world.calendars, records);
        state.commits += 1;
        let (commit, mut place) = (state.commits, 0);
        for ((proposal, versions, changes, decided_at), recorded) in accepted.into_iter().zip(decided) {
            let (attempt, actor) = (proposal.key.key, proposal.command.actor);
            let told = changes.records.iter().flat_map(|(id, record)| record.iter().map(|change| (*id, change)));
            state.notices.extend(Noted::by(told, &changes.bookings, actor, decided_at, commit, &mut place));
            let revisions = changes.bookings.into_iter().map(|booking| (versions.clone(), booking));
            state.revisions.extend(revisions);
            let records = versions.into_iter().zip(changes.records);
            let records = records.map(|((resource, version), (_, changes))| Record {
                resource,
                version,
                decided_at,
                attempt,
                actor,
                changes,
            });
            let records: Vec<Record> = records.collect();
            state.records.extend(records.iter().cloned());
            state.decided.push(Attempt { recorded, command: proposal.command.name().into(), records });
        }
        (world.loaded, world.people, world.roles) = Default::default();
        (world.members, world.counted, world.facts) = Default::default();
        state.world = world;
        state.attempts.append(&mut attempts);
        Ok(settled)
    }

    async fn stream(&self, resource: ResourceId, after: Version, max: usize) -> Result<Streamed, StoreError> {
        let state = lock(&self.state);
        let nothing = Version::zero(state.world.epoch);
        let known = state.world.calendars.get(&resource).map_or(nothing, |c| c.version);
        if known < after || known.epoch != after.epoch {
            return Ok(Streamed::Resync);
        }
        let mut records = state.records.iter().filter(|r| r.resource == resource && r.version > after).cloned();
        let page: Vec<Record> = records.by_ref().take(max).collect();
        Ok(Streamed::Records(page, records.next().is_some()))
    }

    async fn outbox(&self, after: Cursor, max: usize) -> Result<(Vec<Record>, Cursor), StoreError> {
        let state = lock(&self.state);
        let records: Vec<Record> = state.records.iter().skip(after.0 as usize).take(max).cloned().collect();
        let cursor = Cursor(after.0 + records.len() as u64);
        Ok((records, cursor))
    }

    async fn head(&self) -> Result<Cursor, StoreError> {
        Ok(Cursor(lock(&self.state).records.len() as u64))
    }

    async fn due(&self, until: Option<Instant>, max: usize) -> Result<Vec<(Instant, ResourceId)>, StoreError> {
        let until = until.unwrap_or_else(|| self.clock.now());
        let state = lock(&self.state);
        let holds = state.world.calendars.values().flat_map(|c| c.holds.values());
        let mut first: BTreeMap<ResourceId, Instant> = BTreeMap::new();
        for hold in holds.filter(|h| h.expired(until)) {
            let at = first.entry(hold.resource).or_insert(hold.expires_at);
            *at = (*at).min(hold.expires_at);
        }
        for (id, calendar) in &state.world.calendars {
            if let Some(due) = calendar.wait_due.filter(|due| *due <= until) {
                let at = first.entry(*id).or_insert(due);
                *at = (*at).min(due);
            }
        }
        let mut due: Vec<_> = first.into_iter().map(|(resource, at)| (at, resource)).collect();
        due.sort();
        due.truncate(max);
        Ok(due)
    }

    fn restored_at(&self) -> Option<Instant> {
        None
    }

    fn status(&self) -> Status {
        match &lock(&self.state).stopped {
            Some(why) => Status::Stopped(why.clone()),
            None => Status::Ready,
        }
    }

    fn accept_clock(&self) {}
}

#[async_trait]
impl Views for Memory {
    fn catalogue(&self) -> &RwLock<Catalogue> {
        &self.catalogue
    }

    async fn calendars(&self, ids: Vec<ResourceId>) -> Result<Vec<Arc<Calendar>>, StoreError> {
        let state = lock(&self.state);
        Ok(ids.iter().filter_map(|id| state.world.calendars.get(id).cloned()).collect())
    }

    async fn booking(&self, id: BookingId) -> Result<Option<Arc<Booking>>, StoreError> {
        Ok(lock(&self.state).world.bookings.get(&id).cloned())
    }

    async fn bookings(&self, filter: BookingFilter) -> Result<Vec<Arc<Booking>>, StoreError> {
        let state = lock(&self.state);
        let wanted = |b: &&Arc<Booking>| {
            filter.owner.is_none_or(|owner| b.owner == owner)
                && filter.resource.is_none_or(|r| b.slots.iter().any(|s| s.resource == r))
                && filter.from.is_none_or(|from| b.end() > from)
                && filter.to.is_none_or(|to| b.start() < to)
                && filter.state.as_deref().is_none_or(|s| s == b.state.name())
                && filter.series.is_none_or(|id| b.occurrence.as_ref().is_some_and(|o| o.series.id == id))
                && filter.after.is_none_or(|after| (b.start(), b.id) > after)
        };
        let mut found: Vec<_> = state.world.bookings.values().filter(wanted).cloned().collect();
        found.sort_by_key(|b| (b.start(), b.id));
        found.truncate(filter.max);
        Ok(found)
    }

    async fn history(&self, id: BookingId, max: usize) -> Result<Vec<Record>, StoreError> {
        let state = lock(&self.state);
        let about = |r: &&Record| r.changes.iter().any(|c| c.booking() == Some(id));
        Ok(state.records.iter().filter(about).take(max).cloned().collect())
    }

    async fn attempt(&self, key: AttemptKey) -> Result<Option<Attempt>, StoreError> {
        Ok(lock(&self.state).decided.iter().find(|attempt| attempt.recorded.key == key).cloned())
    }

    async fn attempts(&self, filter: AttemptFilter) -> Result<AttemptsPage, StoreError> {
        let state = lock(&self.state);
        let end = filter.before.as_ref().map_or(state.decided.len(), |before| before.0 as usize);
        let (mut attempts, mut reached) = (Vec::new(), end.min(state.decided.len()));
        let first = reached.saturating_sub(filter.look_max.max(1));
        while reached > first && attempts.len() < filter.max {
            reached -= 1;
            let attempt = &state.decided[reached];
            let changes = || attempt.records.iter().flat_map(|r| r.changes.iter().map(|change| (r.resource, change)));
            if filter.takes(&attempt.recorded, changes) {
                attempts.push(attempt.clone());
            }
        }
        Ok(AttemptsPage { attempts, next: (reached > 0).then_some(Cursor(reached as u64)) })
    }

    async fn records(&self, resource: ResourceId, after: u64, upto: u64) -> Result<Vec<Record>, StoreError> {
        let state = lock(&self.state);
        let within = |r: &&Record| r.resource == resource && r.version.number > after && r.version.number <= upto;
        Ok(state.records.iter().filter(within).cloned().collect())
    }

    async fn booking_as_of(
        &self,
        id: BookingId,
        resource: ResourceId,
        number: u64,
    ) -> Result<Option<Arc<Booking>>, StoreError> {
        let state = lock(&self.state);
        let later = |versions: &Versions| versions.iter().any(|(of, v)| *of == resource && v.number > number);
        let of_it = state.revisions.iter().filter(|(_, booking)| booking.id == id);
        Ok(of_it.take_while(|(versions, _)| !later(versions)).last().map(|(_, booking)| booking.clone()))
    }

    async fn holds_of(&self, holder: PersonId) -> Result<Vec<Hold>, StoreError> {
        let state = lock(&self.state);
        let holds = state.world.calendars.values().flat_map(|c| c.holds.values());
        Ok(holds.filter(|h| h.holder == holder).copied().collect())
    }

    async fn notices_of(&self, person: PersonId, before: NoticeId, max: usize) -> Result<Vec<Noted>, StoreError> {
        let state = lock(&self.state);
        let theirs = state.notices.iter().rev().filter(|n| n.notice.to == person && n.id < before);
        Ok(theirs.take(max).copied().collect())
    }

    async fn notices_after(&self, after: NoticeId, max: usize) -> Result<Vec<Noted>, StoreError> {
        let state = lock(&self.state);
        Ok(state.notices.iter().filter(|n| n.id > after).take(max).copied().collect())
    }

    async fn entries_of(&self, owner: PersonId, max: usize) -> Result<Vec<(WaitEntry, Option<EntryEnd>)>, StoreError> {
        let state = lock(&self.state);
        let all = state.world.entries.iter().filter_map(|(id, (resource, ended))| match ended {
            Some(ended) => Some((ended.entry, Some(ended.end))),
            None => Some((*state.world.calendars.get(resource)?.entry(*id)?, None)),
        });
        let mut found: Vec<_> = all.filter(|(entry, _)| entry.owner == owner).collect();
        found.sort_by_key(|(entry, _)| std::cmp::Reverse((entry.joined_at, entry.id)));
        found.truncate(max);
        Ok(found)
    }
}

#[async_trait]
impl Directory for Memory {
    async fn person(&self, id: PersonId) -> Result<Option<PersonCard>, StoreError> {
        Ok(lock(&self.state).card(id))
    }

    async fn people(&self, max: usize) -> Result<Vec<PersonCard>, StoreError> {
        let mut people: Vec<_> = lock(&self.state).people.values().cloned().collect();
        people.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        people.truncate(max);
        Ok(people)
    }

    async fn put_person(&self, person: PersonCard) -> Result<(), StoreError> {
        lock(&self.state).people.insert(person.id, person);
        Ok(())
    }

    async fn find_people(
        &self,
        words: Vec<String>,
        suspended: bool,
        after: Option<(String, PersonId)>,
        max: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        let asked: Vec<String> = words.iter().flat_map(|text| catalogue::words_of(text)).collect();
        let state = lock(&self.state);
        let wanted = |card: &&PersonCard| {
            let known = catalogue::words_of(&format!("{} {}", card.name, card.title));
            asked.iter().all(|word| known.iter().any(|k| k.starts_with(word)))
                && state.doors.suspended.contains(&card.id) == suspended
                && after.as_ref().is_none_or(|(name, id)| (&card.name, card.id) > (name, *id))
        };
        let mut found: Vec<Listed> = state.people.values().filter(wanted).map(|card| state.listed(card)).collect();
        found.sort_by(|a, b| (&a.card.name, a.card.id).cmp(&(&b.card.name, b.card.id)));
        found.truncate(max);
        Ok(found)
    }

    async fn facts(&self, id: PersonId) -> Result<Option<(Facts, u64)>, StoreError> {
        let state = lock(&self.state);
        let known = state.known.get(&id).cloned().unwrap_or_default();
        Ok(state.people.contains_key(&id).then_some((known.facts, known.version)))
    }

    async fn put_facts(&self, id: PersonId, version: u64, facts: Facts) -> Result<FactsPut, StoreError> {
        let mut state = lock(&self.state);
        if !state.people.contains_key(&id) {
            return Ok(FactsPut::NoPerson);
        }
        let known = state.known.entry(id).or_default();
        if known.version != version {
            return Ok(FactsPut::Moved(known.facts.clone(), known.version));
        }
        (known.facts, known.version) = (facts, version + 1);
        Ok(FactsPut::Put(known.version))
    }

    async fn plan(&self, id: PersonId) -> Result<(Plan, u64), StoreError> {
        Ok(lock(&self.state).known.get(&id).map(|known| known.plan.clone()).unwrap_or_default())
    }

    async fn put_plan(&self, id: PersonId, version: u64, plan: Plan) -> Result<PlanPut, StoreError> {
        let mut state = lock(&self.state);
        if !state.people.contains_key(&id) {
            return Ok(PlanPut::NoPerson);
        }
        let known = &mut state.known.entry(id).or_default().plan;
        if known.1 != version {
            return Ok(PlanPut::Moved(known.0.clone(), known.1));
        }
        *known = (plan, version + 1);
        Ok(PlanPut::Put(version + 1))
    }

    async fn put_people(&self, people: Vec<PersonRow>, dry_run: bool) -> Result<Vec<RowPut>, StoreError> {
        let mut state = lock(&self.state);
        let before = (state.people.clone(), state.known.clone());
        let put: Vec<RowPut> = people.into_iter().map(|row| state.put_row(row)).collect();
        if dry_run || put.contains(&RowPut::ExternalIdTaken) {
            (state.people, state.known) = before;
        }
        Ok(put)
    }

    async fn erase(&self, id: PersonId) -> Result<Option<Erased>, StoreError> {
        let state = &mut *lock(&self.state);
        if state.people.remove(&id).is_none() {
            return Ok(None);
        }
        let doors = &mut state.doors;
        let keys = doors.secrets.values().filter(|s| s.person == Some(id) && s.kind == SecretKind::Key).count() as u64;
        doors.secrets.retain(|_, secret| secret.person != Some(id));
        doors.accounts.remove(&id);
        doors.manages.remove(&id);
        for deed in doors.deeds.values_mut().filter(|deed| [deed.by, deed.person].contains(&Some(id))) {
            (deed.detail, deed.address) = (String::new(), String::new());
        }
        let revisions = state.revisions.iter_mut().map(|(_, booking)| booking);
        let bookings = state.world.bookings.values().filter(|b| b.owner == id).count() as u64;
        for booking in state.world.bookings.values_mut().chain(revisions).filter(|b| b.owner == id) {
            Arc::make_mut(booking).details = Details::default();
        }
        Ok(Some(Erased { bookings, keys }))
    }
}

#[async_trait]
impl Accounts for Memory {
    async fn doors(&self, secrets: Vec<Sha256>, now: Instant) -> Result<Vec<Option<Door>>, StoreError> {
        let state = lock(&self.state);
        let door = |sha256: &Sha256| {
            let secret = state.doors.secrets.get(sha256).filter(|s| s.lives(now))?;
            let card = match secret.kind {
                SecretKind::Session | SecretKind::Key => state.card(secret.person?)?,
                SecretKind::Invitation | SecretKind::Reset | SecretKind::Setup => return None,
            };
            let managed = state.doors.manages.get(&card.id).filter(|_| card.role == Role::Manager);
            Some(Door { manages: managed.cloned().unwrap_or_default(), card, secret: secret.clone() })
        };
        Ok(secrets.iter().map(door).collect())
    }

    async fn account(&self, of: AccountOf) -> Result<Option<Account>, StoreError> {
        let state = lock(&self.state);
        let wanted = |account: &&Account| match &of {
            AccountOf::Person(id) => account.person == *id,
            AccountOf::Login(login) => account.login.as_ref() == Some(login),
            AccountOf::Subject(subject) => account.subject.as_ref() == Some(subject),
        };
        Ok(state.doors.accounts.values().find(wanted).filter(|a| state.card(a.person).is_some()).cloned())
    }

    async fn put_account(&self, person: PersonId, patch: AccountPatch) -> Result<AccountPut, StoreError> {
        let state = &mut *lock(&self.state);
        if !state.people.contains_key(&person) {
            return Ok(AccountPut::NoPerson);
        }
        let taken = state.doors.accounts.values().filter(|a| a.person != person).any(|a| {
            (patch.login.is_some() && a.login == patch.login) || (patch.subject.is_some() && a.subject == patch.subject)
        });
        if taken {
            return Ok(AccountPut::Taken);
        }
        let before = state.doors.accounts.remove(&person).unwrap_or(Account::of(person));
        state.doors.accounts.insert(person, before.patched(patch));
        Ok(AccountPut::Put)
    }

    async fn put_secret(&self, secret: Secret) -> Result<(), StoreError> {
        let state = &mut *lock(&self.state);
        if secret.person.is_some_and(|id| !state.people.contains_key(&id)) {
            return Err(StoreError("there is no such person".into()));
        }
        if state.doors.secrets.contains_key(&secret.sha256) {
            return Err(StoreError("there is such a secret".into()));
        }
        state.doors.secrets.insert(secret.sha256, secret);
        Ok(())
    }

    async fn take_secret(&self, sha256: Sha256, kind: SecretKind, now: Instant) -> Result<Option<Secret>, StoreError> {
        let secrets = &mut lock(&self.state).doors.secrets;
        let found = secrets.get(&sha256).filter(|s| s.kind == kind).is_some();
        Ok(if found { secrets.remove(&sha256).filter(|s| s.lives(now)) } else { None })
    }

    async fn secret(&self, sha256: Sha256, kind: SecretKind, now: Instant) -> Result<Option<Secret>, StoreError> {
        Ok(lock(&self.state).doors.secrets.get(&sha256).filter(|s| s.kind == kind && s.lives(now)).cloned())
    }

    async fn secrets_of(&self, person: PersonId, kind: SecretKind) -> Result<Vec<Secret>, StoreError> {
        let state = lock(&self.state);
        let theirs = state.doors.secrets.values().filter(|s| s.person == Some(person) && s.kind == kind);
        let mut found: Vec<Secret> = theirs.cloned().collect();
        found.sort_by_key(|s| (std::cmp::Reverse(s.made_at), s.sha256));
        Ok(found)
    }

    async fn invitations(&self, now: Instant, max: usize) -> Result<Vec<Secret>, StoreError> {
        let state = lock(&self.state);
        let open = state.doors.secrets.values().filter(|s| s.kind == SecretKind::Invitation && s.lives(now));
        let mut found: Vec<Secret> = open.cloned().collect();
        found.sort_by_key(|s| (std::cmp::Reverse(s.made_at), s.sha256));
        found.truncate(max);
        Ok(found)
    }

    async fn end_secrets(&self, person: PersonId, kinds: Vec<SecretKind>, which: Which) -> Result<u64, StoreError> {
        let secrets = &mut lock(&self.state).doors.secrets;
        let before = secrets.len();
        secrets.retain(|sha256, s| {
            let one_of_them = match which {
                Which::All => true,
                Which::Only(id) => s.id() == id,
                Which::But(but) => *sha256 != but,
            };
            !(s.person == Some(person) && kinds.contains(&s.kind) && one_of_them)
        });
        Ok((before - secrets.len()) as u64)
    }

    async fn seen(&self, sha256: Sha256, now: Instant) -> Result<(), StoreError> {
        if let Some(secret) = lock(&self.state).doors.secrets.get_mut(&sha256) {
            secret.seen_at = Some(now);
        }
        Ok(())
    }

    async fn forget_secrets(&self, now: Instant) -> Result<u64, StoreError> {
        let secrets = &mut lock(&self.state).doors.secrets;
        let before = secrets.len();
        secrets.retain(|_, s| s.lives(now));
        Ok((before - secrets.len()) as u64)
    }

    async fn manages(&self, person: PersonId) -> Result<BTreeSet<ResourceId>, StoreError> {
        Ok(lock(&self.state).doors.manages.get(&person).cloned().unwrap_or_default())
    }

    async fn put_role(&self, person: PersonId, role: Role, over: BTreeSet<ResourceId>) -> Result<RolePut, StoreError> {
        let state = &mut *lock(&self.state);
        if role != Role::Admin && state.only_admin(person) {
            return Ok(RolePut::LastAdmin);
        }
        let Some(card) = state.people.get_mut(&person) else { return Ok(RolePut::NoPerson) };
        card.role = role;
        state.doors.manages.insert(person, over);
        Ok(RolePut::Put)
    }

    async fn put_suspended(&self, person: PersonId, suspended: bool) -> Result<RolePut, StoreError> {
        let state = &mut *lock(&self.state);
        if suspended && state.only_admin(person) {
            return Ok(RolePut::LastAdmin);
        }
        if !state.people.contains_key(&person) {
            return Ok(RolePut::NoPerson);
        }
        match suspended {
            true => state.doors.suspended.insert(person),
            false => state.doors.suspended.remove(&person),
        };
        Ok(RolePut::Put)
    }

    async fn has_admin(&self) -> Result<bool, StoreError> {
        let state = lock(&self.state);
        Ok(state.people.keys().filter_map(|id| state.card(*id)).any(|card| card.role == Role::Admin))
    }

    async fn note(&self, deed: Deed) -> Result<(), StoreError> {
        lock(&self.state).doors.deeds.insert(deed.id, deed);
        Ok(())
    }

    async fn deeds(&self, before: Option<Uuid>, max: usize) -> Result<Vec<Deed>, StoreError> {
        let state = lock(&self.state);
        let all = state.doors.deeds.values().rev().filter(|d| before.is_none_or(|before| d.id < before));
        Ok(all.take(max).cloned().collect())
    }
}
