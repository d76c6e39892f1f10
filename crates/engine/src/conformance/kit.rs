//! What cases are told with: people, an engine, short words for commands, and the audit after each.
//! No expectation of a case stands here.

use super::{Harness, START, TestClock, TestIds};
use crate::attempt::{Answer, Engine, Ids, Limits, NoAnswer, Request, lock};
use crate::doors::Accounts;
use crate::port::{
    BookingFilter, Clock, Cursor, Directory, Made, PersonCard, Record, Recorded, Settled, Store, Streamed, Views,
};
use futures_util::future::join_all;
use slotwise_domain::{
    Action, Actor, AttemptKey, Booking, BookingId, BookingRef, Calendar, Change, Command, Details, Fingerprint, Hold,
    HoldId, HoldRef, Instant, Interval, Kind, Line, Outcome, PartId, PersonId, Policy, Proposal, Rejection, ResourceId,
    ResourceSpec, Role, Scope, Span, Version, Zone, settle,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use uuid::Uuid;

/// An engine over the store of one case, and four people.
pub(super) struct Bench {
    pub store: Arc<dyn Store>,
    pub views: Arc<dyn Views>,
    pub directory: Arc<dyn Directory>,
    pub accounts: Arc<dyn Accounts>,
    pub clock: Arc<TestClock>,
    pub watches_clock: bool,
    pub shuts_resources: bool,
    pub ids: Arc<TestIds>,
    pub engine: Arc<Engine>,
    /// Where the outbox began.
    pub origin: Cursor,
    /// What was told as decided.
    pub told: Mutex<Vec<Recorded>>,
    /// An admin.
    pub ada: PersonId,
    pub ben: PersonId,
    pub cyd: PersonId,
}

/// So many minutes after midnight of the day after [`START`].
pub(super) fn minute(n: i64) -> Instant {
    START.plus(Span::hours(16)).plus(Span::minutes(n))
}

/// From one hour of the day after [`START`] to another.
pub(super) fn hours(from: i64, to: i64) -> Interval {
    Interval::new(minute(from * 60), minute(to * 60)).unwrap()
}

pub(super) fn room(name: &str, capacity: u32) -> ResourceSpec {
    ResourceSpec {
        kind: Kind::Room,
        name: name.into(),
        building: None,
        seats: None,
        equipment: Vec::new(),
        zone: Zone::utc(),
        capacity: Some(capacity),
        interval: None,
        policy: Policy::default(),
        group: None,
        linked: Vec::new(),
        course: None,
    }
}

pub(super) fn with_policy(capacity: u32, policy: Policy) -> ResourceSpec {
    ResourceSpec { policy, ..room("Ruled", capacity) }
}

pub(super) fn named(hold: &Hold) -> HoldRef {
    HoldRef { id: hold.id, token: hold.token }
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Rejected(r) => r.code.name().into(),
        Outcome::Booked | Outcome::Accepted => outcome.name().into(),
    }
}

/// An answer in a word or two: `BOOKED`, `full`, `again BOOKED`, `FAILED busy`, `KeyReused`.
pub(super) fn told(answer: &Answer) -> String {
    match answer {
        Answer::Decided(recorded, _) => outcome(&recorded.decision.outcome),
        Answer::Replayed(recorded) => format!("again {}", outcome(&recorded.decision.outcome)),
        Answer::Failed(failure) => format!("FAILED {}", failure.code.name()),
        Answer::None(no) => format!("{no:?}"),
    }
}

/// The same of a verdict.
pub(super) fn said(settled: Settled) -> String {
    told(&match settled {
        Settled::Decided(recorded, made) => Answer::Decided(recorded, made),
        Settled::Replayed(recorded) => Answer::Replayed(recorded),
        Settled::KeyReused => Answer::None(NoAnswer::KeyReused),
        Settled::KeyExpired => Answer::None(NoAnswer::KeyExpired),
        Settled::EpochChanged => Answer::None(NoAnswer::EpochChanged),
        Settled::Failed(failure) => Answer::Failed(failure),
    })
}

pub(super) fn sorted(answers: &[Answer]) -> Vec<String> {
    let mut told: Vec<String> = answers.iter().map(told).collect();
    told.sort();
    told
}

/// How many were told this.
pub(super) fn count(answers: &[Answer], what: &str) -> usize {
    answers.iter().filter(|a| told(a) == what).count()
}

pub(super) fn recorded(answer: &Answer) -> &Recorded {
    match answer {
        Answer::Decided(recorded, _) | Answer::Replayed(recorded) => recorded,
        Answer::Failed(_) | Answer::None(_) => panic!("nothing is recorded: {answer:?}"),
    }
}

pub(super) fn rejection(answer: &Answer) -> Rejection {
    match &recorded(answer).decision.outcome {
        Outcome::Rejected(r) => r.clone(),
        Outcome::Booked | Outcome::Accepted => panic!("not refused: {answer:?}"),
    }
}

/// The versions by which a decision was made.
pub(super) fn decided(answer: &Answer) -> Vec<(ResourceId, u64)> {
    recorded(answer).decision.decided.iter().map(|(id, v)| (*id, v.number)).collect()
}

/// Both show the same, as far as decisions after `past` need it.
pub(super) fn assert_same(one: &Calendar, other: &Calendar, past: Instant) {
    let (mut one, mut other) = (one.clone(), other.clone());
    one.forget_before(past);
    other.forget_before(past);
    assert_eq!(one.resource, other.resource);
    assert_eq!((one.version, one.decided_at), (other.version, other.decided_at));
    assert_eq!(one.levels, other.levels);
    assert_eq!(one.uses, other.uses);
    assert_eq!(one.holds, other.holds);
    assert_eq!(one.blocks, other.blocks);
    assert_eq!(one.waiting, other.waiting);
    assert_eq!(one.watching, other.watching);
    assert_eq!(one.wait_due, other.wait_due);
}

impl Bench {
    pub async fn over(harness: Harness) -> Bench {
        let Harness { store, views, directory, accounts, clock, watches_clock, shuts_resources } = harness;
        let ids = TestIds::of(clock.clone());
        let engine = Engine::start(store.clone(), clock.clone(), ids.clone(), Limits::default());
        let origin = store.head().await.unwrap();
        let [ada, ben, cyd] = [0, 1, 2].map(|_| PersonId(ids.fresh()));
        let bench = Bench {
            store,
            views,
            directory,
            accounts,
            clock,
            watches_clock,
            shuts_resources,
            ids,
            engine,
            origin,
            told: Mutex::default(),
            ada,
            ben,
            cyd,
        };
        bench.put_person(ada, "Ada", Role::Admin).await;
        bench.put_person(ben, "Ben", Role::Member).await;
        bench.put_person(cyd, "Cyd", Role::Member).await;
        bench
    }

    pub async fn put_person(&self, id: PersonId, name: &str, role: Role) {
        let card = PersonCard { id, name: name.into(), title: "Teacher".into(), role };
        self.directory.put_person(card).await.unwrap();
    }

    pub async fn member(&self, name: &str) -> PersonId {
        let id = PersonId(self.ids.fresh());
        self.put_person(id, name, Role::Member).await;
        id
    }

    /// Another engine over the same store, as after a restart or on another machine.
    pub fn another_engine(&self, clock: Arc<dyn Clock>) -> Arc<Engine> {
        Engine::start(self.store.clone(), clock, self.ids.clone(), Limits::default())
    }

    // Asking

    pub fn request(&self, who: PersonId, action: Action) -> Request {
        let reason = self.must_say_why(who, &action).then(|| "It is so.".to_owned());
        let command = Command { actor: Actor::Person(who), action, seen: None, reason };
        Request { key: self.ids.fresh(), fingerprint: Fingerprint([7; 32]), command }
    }

    /// Whether it is acted upon what is somebody else's, which is not the matter of most cases.
    fn must_say_why(&self, who: PersonId, action: &Action) -> bool {
        match action {
            Action::Approve { .. } | Action::SetClass { .. } | Action::RemoveBlock { .. } => true,
            Action::Book { owner, .. } | Action::JoinWaitlist { owner, .. } => *owner != who,
            Action::BookSeries(asked) => asked.owner != who,
            Action::EditResource { patch, .. } => patch.capacity.is_some(),
            Action::Move { .. }
            | Action::Swap { .. }
            | Action::EditBooking { .. }
            | Action::EditSeries { .. }
            | Action::ReleaseNoShow { .. }
            | Action::LeaveWaitlist { .. } => who == self.ada,
            _ => false,
        }
    }

    /// The same, also of what falls due by itself.
    pub fn proposed(&self, actor: Actor, action: Action) -> Proposal {
        let mut proposal = self.proposal(actor.person().unwrap_or(self.ada), action);
        proposal.key.actor = actor.uuid();
        proposal.command.actor = actor;
        proposal
    }

    pub fn proposal(&self, who: PersonId, action: Action) -> Proposal {
        let Request { key, fingerprint, command } = self.request(who, action);
        let key = AttemptKey { part: PartId::DEFAULT, actor: who.0, key };
        Proposal { key, fingerprint, command, observed: Vec::new(), hint: None }
    }

    pub async fn send(&self, who: PersonId, action: Action) -> Answer {
        self.again(&self.request(who, action)).await
    }

    /// Sends it, and says in a word what came of it.
    pub async fn says(&self, who: PersonId, action: Action) -> String {
        told(&self.send(who, action).await)
    }

    pub async fn again(&self, request: &Request) -> Answer {
        let answer = self.engine.execute(request.clone()).await;
        self.remember(&answer);
        answer
    }

    fn remember(&self, answer: &Answer) {
        if let Answer::Decided(recorded, _) = answer {
            lock(&self.told).push(Recorded::clone(recorded));
        }
    }

    /// Sends all at the same time, each from a task of its own.
    pub async fn at_once(&self, requests: Vec<Request>) -> Vec<Answer> {
        let tasks = requests.into_iter().map(|request| {
            let engine = self.engine.clone();
            tokio::spawn(async move { engine.execute(request).await })
        });
        let answers: Vec<Answer> = join_all(tasks).await.into_iter().map(Result::unwrap).collect();
        answers.iter().for_each(|answer| self.remember(answer));
        answers
    }

    /// One commit of these, past the engine.
    pub async fn commit(&self, batch: Vec<Proposal>) -> Vec<String> {
        self.store.commit(batch, settle).await.unwrap().into_iter().map(said).collect()
    }

    // Words for commands

    pub fn booking(&self, owner: PersonId, lines: &[(ResourceId, Interval, u32)], hold: Option<&Hold>) -> Action {
        let line = |(resource, interval, units): &(_, _, _)| Line {
            resource: *resource,
            interval: Some(*interval),
            units: *units,
        };
        Action::Book {
            booking: BookingId(self.ids.fresh()),
            owner,
            lines: lines.iter().map(line).collect(),
            details: Details { title: Some("Algebra".into()), ..Details::default() },
            hold: hold.map(named),
        }
    }

    pub fn book(&self, owner: PersonId, resource: ResourceId, interval: Interval) -> Action {
        self.booking(owner, &[(resource, interval, 1)], None)
    }

    pub fn confirm(&self, hold: &Hold) -> Action {
        self.booking(hold.holder, &[(hold.resource, hold.interval, hold.units)], Some(hold))
    }

    pub fn hold(&self, resource: ResourceId, interval: Interval) -> Action {
        let line = Line { resource, interval: Some(interval), units: 1 };
        Action::Hold { hold: HoldId(self.ids.fresh()), line }
    }

    /// A move of a booking as it is, whatever its revision.
    pub fn relocate(&self, booking: BookingId, lines: &[(ResourceId, Interval, u32)]) -> Action {
        let Action::Book { lines: to, .. } = self.booking(self.ben, lines, None) else { unreachable!("it books") };
        Action::Move { booking: BookingRef { id: booking, revision: None }, to }
    }

    pub fn swap(&self, one: BookingId, other: BookingId) -> Action {
        let [one, other] = [one, other].map(|id| BookingRef { id, revision: None });
        Action::Swap { one, other }
    }

    // What must succeed

    pub async fn resource(&self, spec: ResourceSpec) -> ResourceId {
        let resource = ResourceId(self.ids.fresh());
        let spec = Box::new(spec.checked().unwrap());
        let answer = self.send(self.ada, Action::CreateResource { resource, spec }).await;
        assert_eq!(told(&answer), "ACCEPTED");
        assert!(matches!(answer, Answer::Decided(_, Some(Made::Resource(made))) if made.resource.id == resource));
        resource
    }

    pub async fn room(&self, capacity: u32) -> ResourceId {
        self.resource(room("Room", capacity)).await
    }

    pub async fn booked(&self, who: PersonId, resource: ResourceId, interval: Interval) -> Arc<Booking> {
        match self.send(who, self.book(who, resource, interval)).await {
            Answer::Decided(recorded, Some(Made::Booking(booking))) => {
                assert_ne!(outcome(&recorded.decision.outcome), "REJECTED");
                booking
            }
            other => panic!("not booked: {other:?}"),
        }
    }

    pub async fn held(&self, who: PersonId, resource: ResourceId, interval: Interval) -> Hold {
        match self.send(who, self.hold(resource, interval)).await {
            Answer::Decided(_, Some(Made::Hold(hold, None))) => hold,
            other => panic!("not held: {other:?}"),
        }
    }

    // Looking

    pub async fn calendar(&self, id: ResourceId) -> Arc<Calendar> {
        let scope = Scope { resources: [id].into(), ..Scope::default() };
        self.store.observe(scope).await.unwrap().calendars.remove(&id).unwrap()
    }

    pub async fn version(&self, id: ResourceId) -> u64 {
        self.calendar(id).await.version.number
    }

    pub async fn state_of(&self, id: BookingId) -> &'static str {
        self.views.booking(id).await.unwrap().unwrap().state.name()
    }

    /// The whole record of a resource.
    pub async fn stream(&self, id: ResourceId) -> Vec<Record> {
        let zero = Version::zero(self.calendar(id).await.version.epoch);
        match self.store.stream(id, zero, usize::MAX >> 1).await.unwrap() {
            Streamed::Records(records, false) => records,
            other => panic!("not the whole record: {other:?}"),
        }
    }

    pub async fn last(&self, id: ResourceId) -> Record {
        self.stream(id).await.pop().unwrap()
    }

    pub async fn recall(&self, who: PersonId, key: Uuid) -> Option<Recorded> {
        self.store.recall(AttemptKey { part: PartId::DEFAULT, actor: who.0, key }).await.unwrap()
    }

    /// Everything that was committed, read in pages.
    pub async fn outbox(&self, page_max: usize) -> Vec<Record> {
        let (mut cursor, mut records) = (self.origin.clone(), Vec::new());
        loop {
            let (page, next) = self.store.outbox(cursor.clone(), page_max).await.unwrap();
            assert!(page.len() <= page_max);
            if page.is_empty() {
                assert_eq!(cursor, self.store.head().await.unwrap(), "the outbox ends at its head");
                return records;
            }
            assert!(next > cursor, "the cursor moves on");
            records.extend(page);
            cursor = next;
        }
    }

    /// What was told is recorded, each record has its attempt, and what is shown is the fold of the record.
    pub async fn audit(&self) {
        let told = std::mem::take(&mut *lock(&self.told));
        for told in told {
            assert_eq!(self.store.recall(told.key).await.unwrap().as_ref(), Some(&told));
        }
        let mut folded: BTreeMap<ResourceId, Calendar> = BTreeMap::new();
        let mut states: BTreeMap<BookingId, &str> = BTreeMap::new();
        for record in self.outbox(64).await {
            let Record { resource: id, version, decided_at, .. } = record;
            assert!(!record.changes.is_empty(), "a record without a change: {record:?}");
            if let Change::ResourceCreated(resource) = &record.changes[0] {
                let empty = Calendar::empty(resource.clone(), Version::zero(version.epoch), decided_at);
                assert!(folded.insert(id, empty).is_none(), "made twice: {id}");
            }
            let calendar = folded.get_mut(&id).unwrap();
            assert_eq!(version, calendar.version.next_in(version.epoch), "a gap in the record of {id}");
            assert!(decided_at >= calendar.decided_at, "time went back on {id}");
            for change in &record.changes {
                calendar.apply(change);
                match change {
                    Change::BookingMade { booking, pending: true, .. } => states.insert(*booking, "pending"),
                    Change::BookingMade { booking, .. } | Change::BookingApproved { booking, .. } => {
                        states.insert(*booking, "confirmed")
                    }
                    Change::BookingRequested { booking, .. } => states.insert(*booking, "pending"),
                    Change::RequestApproved { booking, .. } => states.insert(*booking, "confirmed"),
                    Change::BookingCheckedIn { booking, .. } => states.insert(*booking, "checked_in"),
                    Change::BookingNoShow { booking, .. } => states.insert(*booking, "no_show"),
                    Change::BookingDisplaced { booking, .. } => states.insert(*booking, "displaced"),
                    Change::BookingCancelled { booking, .. } => states.insert(*booking, "cancelled"),
                    _ => None,
                };
            }
            (calendar.version, calendar.decided_at) = (version, decided_at);
            let key = AttemptKey { part: PartId::DEFAULT, actor: record.actor.uuid(), key: record.attempt };
            let attempt = self.store.recall(key).await.unwrap().unwrap();
            assert!(attempt.decision.decided.contains(&(id, version)), "{record:?} is not what {attempt:?} made");
        }
        let past = self.clock.now().minus(Calendar::LOOKBACK);
        for (id, folded) in folded {
            let seen = self.calendar(id).await;
            assert_same(&seen, &folded, past);
            // From its last decision on: before it there may have been more units than there are now.
            let fullest = seen.fullest_from(seen.decided_at);
            let beyond = u64::from(seen.over_commit);
            assert!(seen.resource.spec.capacity.is_none_or(|capacity| fullest <= u64::from(capacity) + beyond));
        }
        let filter = BookingFilter { max: 10_000, ..BookingFilter::default() };
        let shown = self.views.bookings(filter).await.unwrap();
        let shown: BTreeMap<BookingId, &str> = shown.iter().map(|b| (b.id, b.state.name())).collect();
        assert_eq!(shown, states, "bookings as shown, and as recorded");
    }
}
