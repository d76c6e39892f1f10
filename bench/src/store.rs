//! The store and the engine in our own process: a folder filled with bookings of years, and proposals by the thousand.
//! All goes through the commit port; no file of the store's is written by hand.

use crate::ground::say;
use crate::slots::Dice;
use anyhow::{Context, bail, ensure};
use slotwise_domain::{
    Action, Actor, AttemptKey, BookingId, Command, Details, Fingerprint, Instant, Interval, Kind, Line, PartId,
    PersonId, Policy, Proposal, ResourceId, ResourceSpec, Role, Span, Zone, settle,
};
use slotwise_engine::{Accounts, Clock, Directory, Ids, PersonCard, Settled, Store};
use slotwise_store::{Embedded, Options, Postgres, SystemClock, postgres};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use uuid::Uuid;

/// How long ago the bookings of a filled folder begin.
const YEARS_AGO: Span = Span::days(730);
/// Within what time from tomorrow on those lie that are still to come.
const AHEAD: Span = Span::days(180);
const SLOT: Span = Span::minutes(30);
/// Attempts of one commit while filling.
const COMMIT: usize = 1_000;
/// People who own the bookings.
const PEOPLE: usize = 1_000;

/// What a folder is filled with.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Exclusive rooms.
    pub resources: usize,
    /// Bookings whose time has passed.
    pub past: u64,
    /// Bookings still to come, within 180 days.
    pub coming: u64,
}

/// A filled folder.
pub struct Filled {
    /// An API key of an admin.
    pub secret: String,
    /// The rooms.
    pub rooms: Vec<Uuid>,
    /// How long it took.
    pub seconds: f64,
}

/// Fills a fresh folder. The past is booked by a clock that stood in it, so that every record and key is of its time.
pub async fn fill(data: &Path, plan: Plan) -> anyhow::Result<Filled> {
    let began = std::time::Instant::now();
    let now = SystemClock.now();
    let clock = Arc::new(Hands::at(now.minus(YEARS_AGO)));
    let store = Embedded::open(data, Options { clock: clock.clone(), ..Options::default() })
        .with_context(|| format!("opening {}", data.display()))?;
    let filled = fill_store(&*store, &clock, plan).await?;
    Ok(Filled { seconds: began.elapsed().as_secs_f64(), ..filled })
}

/// The same into a database that has nothing in it.
pub async fn fill_database(url: &str, plan: Plan) -> anyhow::Result<Filled> {
    let clock = Arc::new(Hands::at(SystemClock.now().minus(YEARS_AGO)));
    let options = postgres::Options { clock: Some(clock.clone()), doorbell: false, ..postgres::Options::default() };
    let store = Postgres::open(url, options).await.context("opening a database")?;
    fill_store(&*store, &clock, plan).await
}

async fn fill_store<S: Store + Directory + Accounts>(
    store: &S,
    clock: &Arc<Hands>,
    plan: Plan,
) -> anyhow::Result<Filled> {
    let began = std::time::Instant::now();
    let now = SystemClock.now();
    let secret = format!("bench-{}", Uuid::new_v4().simple());
    let admin = person(store, "Bench", Role::Admin).await?;
    store.put_key(slotwise_server::secret_hash(&secret), admin, "bench".into()).await?;
    let mut owners = Vec::with_capacity(PEOPLE);
    for n in 0..PEOPLE.min(plan.resources) {
        owners.push(person(store, &format!("Person {n:04}"), Role::Member).await?);
    }
    let mut maker = Maker { clock: clock.clone(), dice: Dice::new() };
    let mut rooms = Vec::with_capacity(plan.resources);
    let all: Vec<usize> = (0..plan.resources).collect();
    for some in all.chunks(COMMIT) {
        let mut batch = Vec::with_capacity(some.len());
        for n in some {
            let id = ResourceId(maker.fresh());
            rooms.push(id);
            batch.push(maker.proposal(admin, Action::CreateResource { resource: id, spec: Box::new(room(*n)) }));
        }
        commit(store, batch).await?;
    }
    let first = clock.now().plus(Span::days(1));
    let until = now.minus(Span::days(1));
    lay(store, clock, &mut maker, &rooms, &owners, plan.past, first, until, |start| start.minus(Span::hours(1)))
        .await?;
    let first = now.plus(Span::days(1));
    lay(store, clock, &mut maker, &rooms, &owners, plan.coming, first, first.plus(AHEAD), |_| now).await?;
    let rooms = rooms.into_iter().map(|id| id.0).collect();
    Ok(Filled { secret, rooms, seconds: began.elapsed().as_secs_f64() })
}

/// Lays so many bookings evenly into a stretch of time, over all rooms, none upon another.
#[expect(clippy::too_many_arguments, reason = "one loop, used twice in one function; a struct would only rename them")]
async fn lay(
    store: &impl Store,
    clock: &Hands,
    maker: &mut Maker,
    rooms: &[ResourceId],
    owners: &[PersonId],
    count: u64,
    first: Instant,
    until: Instant,
    asked_at: impl Fn(Instant) -> Instant,
) -> anyhow::Result<()> {
    let in_row = rooms.len() as u64;
    let rows = count.div_ceil(in_row).max(1);
    let gap = Span(until.since(first).0 / i64::try_from(rows)?);
    let slack = gap.0 - SLOT.0;
    ensure!(slack > 0, "{count} bookings of half an hour do not fit into {} rooms", rooms.len());
    let mut batch = Vec::with_capacity(COMMIT);
    let mut told = std::time::Instant::now();
    for n in 0..count {
        let (row, column) = (i64::try_from(n / in_row)?, usize::try_from(n % in_row)?);
        let row_starts = Instant(first.0 + row * gap.0);
        if column == 0 {
            commit_all(store, &mut batch).await?;
            clock.set(asked_at(row_starts));
        }
        let (Some(room), Some(owner)) = (rooms.get(column), owners.get(maker.dice.below(owners.len() as u32) as usize))
        else {
            bail!("no rooms, or nobody to own bookings");
        };
        let minutes_of_slack = u32::try_from(slack / 60_000_000)?.max(1);
        let start = row_starts.plus(Span::minutes(i64::from(maker.dice.below(minutes_of_slack))));
        batch.push(maker.book(*owner, *room, start)?);
        if batch.len() == COMMIT {
            commit_all(store, &mut batch).await?;
            if told.elapsed().as_secs() >= 15 {
                told = std::time::Instant::now();
                say(&format!("filling: {n} of {count} bookings"));
            }
        }
    }
    commit_all(store, &mut batch).await
}

async fn commit_all(store: &impl Store, batch: &mut Vec<Proposal>) -> anyhow::Result<()> {
    if batch.is_empty() {
        return Ok(());
    }
    commit(store, std::mem::take(batch)).await
}

/// Commits, and accepts no refusal.
async fn commit(store: &impl Store, batch: Vec<Proposal>) -> anyhow::Result<()> {
    let settled = store.commit(batch, settle).await?;
    match settled.iter().find(|settled| !accepted(settled)) {
        None => Ok(()),
        Some(refused) => bail!("filling: {refused:?}"),
    }
}

/// Whether it was decided, and not refused.
pub fn accepted(settled: &Settled) -> bool {
    matches!(settled, Settled::Decided(recorded, _) if !matches!(recorded.decision.outcome, slotwise_domain::Outcome::Rejected(_)))
}

/// Somebody new.
pub async fn person(store: &impl Directory, name: &str, role: Role) -> anyhow::Result<PersonId> {
    let id = PersonId(Uuid::now_v7());
    store.put_person(PersonCard { id, name: name.into(), title: String::new(), role }).await?;
    Ok(id)
}

/// An exclusive room.
pub fn room(n: usize) -> ResourceSpec {
    ResourceSpec {
        kind: Kind::Room,
        name: format!("Room {n:05}"),
        building: Some(format!("Building {:02}", n % 40)),
        seats: Some(4 + u32::try_from(n % 60).unwrap_or_default()),
        equipment: if n.is_multiple_of(3) { vec!["projector".into()] } else { Vec::new() },
        zone: Zone::utc(),
        capacity: Some(1),
        interval: None,
        policy: Policy::default(),
        group: None,
        linked: Vec::new(),
        course: None,
    }
}

/// Makes proposals, each with a key of its clock's time.
pub struct Maker {
    /// By whose time.
    pub clock: Arc<dyn Clock>,
    /// Where slots and ids come from.
    pub dice: Dice,
}

impl Maker {
    /// A UUIDv7 of the clock's time.
    pub fn fresh(&mut self) -> Uuid {
        let mut random = [0; 10];
        let (high, low) = random.split_at_mut(8);
        high.copy_from_slice(&self.dice.roll().to_le_bytes());
        low.copy_from_slice(&self.dice.roll().to_le_bytes()[..2]);
        let millis = u64::try_from(self.clock.now().0 / 1_000).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// Half an hour of a room.
    pub fn book(&mut self, owner: PersonId, room: ResourceId, start: Instant) -> anyhow::Result<Proposal> {
        let interval = Interval::new(start, start.plus(SLOT))?;
        let action = Action::Book {
            booking: BookingId(self.fresh()),
            owner,
            lines: vec![Line { resource: room, interval: Some(interval), units: 1 }],
            details: Details::default(),
            hold: None,
        };
        Ok(self.proposal(owner, action))
    }

    /// A random half hour of a random room, within 180 days from tomorrow on.
    pub fn book_somewhere(&mut self, owner: PersonId, rooms: &[ResourceId]) -> anyhow::Result<Proposal> {
        let room = rooms.get(self.dice.below(u32::try_from(rooms.len())?) as usize).context("no rooms")?;
        let minute = self.dice.below(180 * 24 * 60);
        self.book(owner, *room, self.clock.now().plus(Span::days(1)).plus(Span::minutes(i64::from(minute))))
    }

    /// An attempt of its own.
    pub fn proposal(&mut self, who: PersonId, action: Action) -> Proposal {
        let key = AttemptKey { part: PartId::DEFAULT, actor: who.0, key: self.fresh() };
        let mut fingerprint = [0; 32];
        fingerprint[..16].copy_from_slice(key.key.as_bytes());
        let command = Command { actor: Actor::Person(who), action, seen: None, reason: None };
        Proposal { key, fingerprint: Fingerprint(fingerprint), command, observed: Vec::new(), hint: None }
    }
}

/// A clock whose hands we set. Both of its times move together, so that nobody takes it for a wall clock that was set.
pub struct Hands {
    began: i64,
    now: AtomicI64,
}

impl Hands {
    /// One that shows this.
    pub fn at(instant: Instant) -> Hands {
        Hands { began: instant.0, now: AtomicI64::new(instant.0) }
    }

    /// Moves them.
    pub fn set(&self, instant: Instant) {
        self.now.store(instant.0, Ordering::Release);
    }
}

impl Clock for Hands {
    fn now(&self) -> Instant {
        Instant(self.now.load(Ordering::Acquire))
    }

    fn since_boot(&self) -> Span {
        Span(self.now.load(Ordering::Acquire) - self.began)
    }
}

/// Fresh UUIDv7.
pub struct FreshIds;

impl Ids for FreshIds {
    fn fresh(&self) -> Uuid {
        Uuid::now_v7()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slotwise_engine::{BookingFilter, Views};

    #[tokio::test]
    async fn a_folder_is_filled_with_what_was_planned() {
        let folder = tempfile::tempdir().unwrap();
        let filled = fill(folder.path(), Plan { resources: 7, past: 50, coming: 15 }).await.unwrap();
        assert_eq!(filled.rooms.len(), 7);
        let store = Embedded::open(folder.path(), Options::default()).unwrap();
        let now = SystemClock.now();
        let all = store.bookings(BookingFilter { max: 1_000, ..BookingFilter::default() }).await.unwrap();
        let coming = all.iter().filter(|booking| booking.start() > now).count();
        assert_eq!((all.len(), coming), (65, 15));
        let key = store.door(slotwise_server::secret_hash(&filled.secret), slotwise_domain::Instant(0)).await.unwrap();
        assert_eq!(key.unwrap().card.role, Role::Admin);
    }
}
