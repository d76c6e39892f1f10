//! A store in a directory of its own, a clock that is set by hand, and short words for commands.
//! Nothing here judges; expectations stand in the tests.

use slotwise_domain::{
    Action, Actor, AttemptKey, BlockId, BookingId, Command, Details, Fingerprint, HoldAt, HoldId, HoldRef, Instant,
    Interval, Kind, Line, Outcome, OwnOverlap, PartId, PersonId, Policy, Proposal, ResourceId, ResourceSpec, Role,
    Scope, Span, Zone, settle,
};
use slotwise_engine::{Clock, Directory, Made, PersonCard, Recorded, Settled, Store};
use slotwise_store::{Embedded, Options};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tempfile::TempDir;
use uuid::Uuid;

/// Monday, 5 January 2026, 08:00 UTC.
pub const START: Instant = Instant(1_767_600_000_000_000);
pub const HOUR: Span = Span::hours(1);

/// Stands still until it is moved.
pub struct HandClock {
    wall: AtomicI64,
    boot: AtomicI64,
}

impl HandClock {
    pub fn at(t: Instant) -> Arc<HandClock> {
        Arc::new(HandClock { wall: AtomicI64::new(t.0), boot: AtomicI64::new(1_000_000_000) })
    }

    pub fn advance(&self, by: Span) {
        self.jump(by);
        self.boot.fetch_add(by.0, Ordering::SeqCst);
    }

    /// Somebody sets the wall clock.
    pub fn jump(&self, by: Span) {
        self.wall.fetch_add(by.0, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Instant {
        Instant(self.wall.load(Ordering::SeqCst))
    }
    fn since_boot(&self) -> Span {
        Span(self.boot.load(Ordering::SeqCst))
    }
}

/// Ids in order, as UUIDv7 of a clock.
pub fn id(t: Instant) -> Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut random = [0; 10];
    random[2..].copy_from_slice(&NEXT.fetch_add(1, Ordering::SeqCst).to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(t.0 / 1_000).unwrap(), &random).into_uuid()
}

pub struct Site {
    pub dir: TempDir,
    pub clock: Arc<HandClock>,
    pub admin: PersonId,
    pub options: Options,
}

impl Site {
    pub fn new() -> Site {
        let clock = HandClock::at(START);
        let options = Options { clock: clock.clone(), checkpoint_pages: u32::MAX, ..Options::default() };
        Site { dir: tempfile::tempdir().unwrap(), clock, admin: PersonId(Uuid::from_u128(1)), options }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn reopen(&self) -> Arc<Embedded> {
        Embedded::open(self.path(), self.options.clone()).unwrap()
    }

    /// A new store with an admin in it.
    pub async fn open(&self) -> Arc<Embedded> {
        let store = self.reopen();
        store.put_person(person(self.admin, "Ada", Role::Admin)).await.unwrap();
        store
    }

    pub async fn member(&self, store: &Embedded, name: &str) -> PersonId {
        let id = PersonId(id(self.clock.now()));
        store.put_person(person(id, name, Role::Member)).await.unwrap();
        id
    }

    pub fn proposal(&self, actor: Actor, action: Action) -> Proposal {
        let key = AttemptKey { part: PartId::DEFAULT, actor: actor.uuid(), key: id(self.clock.now()) };
        // What an admin does to others needs one.
        let reason =
            matches!(action, Action::Approve { .. } | Action::RemoveBlock { .. }).then(|| "It is free.".to_owned());
        let command = Command { actor, action, seen: None, reason };
        Proposal { key, fingerprint: Fingerprint([7; 32]), command, observed: Vec::new(), hint: None }
    }

    pub fn by(&self, person: PersonId, action: Action) -> Proposal {
        self.proposal(Actor::Person(person), action)
    }

    pub async fn resource(&self, store: &Embedded, spec: ResourceSpec) -> ResourceId {
        let resource = ResourceId(id(self.clock.now()));
        let action = Action::CreateResource { resource, spec: Box::new(spec.checked().unwrap()) };
        let recorded = one(store, self.by(self.admin, action)).await;
        assert_eq!(recorded.decision.outcome, Outcome::Accepted);
        resource
    }

    pub async fn room(&self, store: &Embedded, name: &str) -> ResourceId {
        self.resource(store, room(name)).await
    }

    pub fn book(&self, owner: PersonId, resource: ResourceId, from: Instant) -> Proposal {
        self.by(owner, self.booking(owner, &[(resource, from)], None))
    }

    pub fn booking(&self, owner: PersonId, lines: &[(ResourceId, Instant)], hold: Option<HoldRef>) -> Action {
        let lines = lines.iter().map(|(resource, from)| line(*resource, *from)).collect();
        let details = Details { title: Some("Algebra".into()), people: Some(3), ..Details::default() };
        Action::Book { booking: BookingId(id(self.clock.now())), owner, lines, details, hold }
    }

    pub fn hold(&self, holder: PersonId, resource: ResourceId, from: Instant) -> Proposal {
        let hold = HoldId(id(self.clock.now()));
        self.by(holder, Action::Hold { hold, line: line(resource, from) })
    }

    pub fn block(&self, resource: ResourceId, policy_version: u64, from: Instant) -> Proposal {
        self.by(
            self.admin,
            Action::AddBlock {
                resource,
                policy_version,
                block: BlockId(id(self.clock.now())),
                interval: hour(from),
                reason: "paint".into(),
                over_holds: slotwise_domain::OverHolds::Refuse,
                over_bookings: slotwise_domain::OverBookings::Refuse,
                exceptions: slotwise_domain::Exceptions::default(),
            },
        )
    }
}

pub fn person(id: PersonId, name: &str, role: Role) -> PersonCard {
    PersonCard { id, name: name.into(), title: "Teacher".into(), role }
}

pub fn hour(from: Instant) -> Interval {
    Interval::new(from, from.plus(HOUR)).unwrap()
}

pub fn line(resource: ResourceId, from: Instant) -> Line {
    Line { resource, interval: Some(hour(from)), units: 1 }
}

pub fn room(name: &str) -> ResourceSpec {
    ResourceSpec {
        kind: Kind::Room,
        name: name.into(),
        building: Some("Main".into()),
        seats: Some(12),
        equipment: vec!["projector".into()],
        zone: Zone::named("Europe/Berlin").unwrap(),
        capacity: Some(1),
        interval: None,
        policy: Policy { hold_at: HoldAt::Confirm, ..Policy::default() },
        group: None,
        linked: Vec::new(),
        course: None,
    }
}

/// A thing of which one person may not have two at once.
pub fn exclusive(name: &str) -> ResourceSpec {
    let spec = room(name);
    ResourceSpec {
        capacity: Some(5),
        policy: Policy { own_overlap: OwnOverlap::Refuse, ..spec.policy.clone() },
        ..spec
    }
}

pub async fn commit(store: &Embedded, batch: Vec<Proposal>) -> Vec<Settled> {
    store.commit(batch, settle).await.unwrap()
}

/// Commits one proposal that is decided.
pub async fn one(store: &Embedded, proposal: Proposal) -> Recorded {
    made(store, proposal).await.0
}

pub async fn made(store: &Embedded, proposal: Proposal) -> (Recorded, Option<Made>) {
    match commit(store, vec![proposal]).await.pop() {
        Some(Settled::Decided(recorded, made)) => (Arc::unwrap_or_clone(recorded), made),
        other => panic!("not decided: {other:?}"),
    }
}

pub fn held(made: Option<Made>) -> HoldRef {
    match made {
        Some(Made::Hold(hold, None)) => HoldRef { id: hold.id, token: hold.token },
        other => panic!("no hold: {other:?}"),
    }
}

pub fn outcome(settled: &Settled) -> String {
    match settled {
        Settled::Decided(recorded, _) | Settled::Replayed(recorded) => {
            let replayed = if matches!(settled, Settled::Replayed(_)) { "again " } else { "" };
            match &recorded.decision.outcome {
                Outcome::Rejected(r) => format!("{replayed}REJECTED {}", r.code.name()),
                outcome => format!("{replayed}{}", outcome.name()),
            }
        }
        Settled::KeyReused => "key reused".into(),
        Settled::KeyExpired => "key expired".into(),
        Settled::EpochChanged => "epoch changed".into(),
        Settled::Failed(failure) => format!("FAILED {}", failure.code.name()),
    }
}

pub fn scope_of(resource: ResourceId) -> Scope {
    Scope { resources: [resource].into(), ..Scope::default() }
}

/// Copies the files of a store as they are on the disk now, as a crash would leave them.
pub fn image(from: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    for name in [
        "slotwise.sqlite",
        "slotwise.sqlite-wal",
        "people.sqlite",
        "people.sqlite-wal",
        "views.sqlite",
        "views.sqlite-wal",
    ] {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.path().join(name)).unwrap();
        }
    }
    to
}
