//! One seed from its beginning to its end: the world is made, half of it goes wrong, then nothing does, and all of it is judged.
//! It keeps nothing: what a seed finds is in its report.

use crate::chance::Chance;
use crate::clients::{Client, Cluster, Known, again};
use crate::clock::{Began, SimClock, SimIds};
use crate::database::{Database, lock};
use crate::history::{History, Sent, wrong_events};
use crate::link::Link;
use crate::model::Model;
use crate::setting::{Faults, Kind, Setting};
use crate::tally::Tally;
use futures_util::future::join_all;
use slotwise_domain::{
    Action, BookingId, Details, Failure, FailureCode, Interval, Line, Outcome, PersonId, Policy, ResourceId,
    ResourceSpec, Role, Span, Version, Zone,
};
use slotwise_engine::committer::as_a_task;
use slotwise_engine::outbox::Outbox;
use slotwise_engine::{Answer, Clock, Engine, Ids, Limits, NoAnswer, Record, Streamed, deadlines};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::sleep;

/// After the last fault everybody has so long to find themselves again: five seconds, and as long as what had begun may take.
const SETTLE: Duration = Duration::from_secs(25);

/// What became of a seed.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which.
    pub seed: u64,
    /// How many times something was sent.
    pub operations: u64,
    /// How long the world lasted, by its own time.
    pub lasted: Duration,
    /// What came about.
    pub tally: Tally,
    /// Of all that was decided and told, in order: the same for the same seed.
    pub trace: u64,
    /// What is wrong, if something is.
    pub wrong: Option<String>,
}

impl Report {
    /// By what it was found, if something is wrong: the first word of what it says.
    pub fn found_by(&self) -> Option<&str> {
        self.wrong.as_deref().and_then(|wrong| wrong.split_once(':')).map(|(by, _)| by)
    }

    /// The line that repeats it.
    pub fn repeat(&self) -> String {
        format!("cargo xtask sim --seed {}", self.seed)
    }
}

/// Runs one seed; every other one is rich. A panic anywhere in it is something wrong with it.
pub fn run(seed: u64) -> Report {
    run_as(seed, seed.is_multiple_of(2))
}

/// Runs one seed with bookings, holds and waiting alone, whichever it is.
pub fn plain(seed: u64) -> Report {
    run_as(seed, false)
}

fn run_as(seed: u64, rich: bool) -> Report {
    let began = catch_unwind(AssertUnwindSafe(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        match runtime {
            // Made within it: its clock is the runtime's, which stands still.
            Ok(runtime) => runtime.block_on(async { World::new(seed, rich).live().await }),
            Err(e) => Report::failed(seed, format!("no runtime: {e}")),
        }
    }));
    began.unwrap_or_else(|panic| {
        let says = panic.downcast_ref::<String>().cloned();
        let says = says.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        Report::failed(seed, format!("a panic: {}", says.unwrap_or_default()))
    })
}

impl Report {
    fn failed(seed: u64, wrong: String) -> Report {
        let (operations, lasted, trace) = (0, Duration::ZERO, 0);
        Report { seed, operations, lasted, tally: Tally::default(), trace, wrong: Some(wrong) }
    }
}

struct World {
    seed: u64,
    chance: Chance,
    setting: Setting,
    began: Began,
    faults: Arc<Mutex<Faults>>,
    tally: Arc<Mutex<Tally>>,
    database: Arc<Database>,
    cluster: Arc<Cluster>,
    known: Arc<Mutex<Known>>,
    history: Arc<Mutex<History>>,
    ids: Arc<SimIds>,
    admin: PersonId,
    people: Vec<PersonId>,
    /// What the reader of events of each instance was told, in its own order, over all its lives.
    events: Arc<Mutex<BTreeMap<usize, Vec<Record>>>>,
}

/// An instance while it is up.
struct Up {
    link: Arc<Link>,
    tasks: Vec<AbortHandle>,
}

impl World {
    fn new(seed: u64, rich: bool) -> World {
        let mut chance = Chance::new(seed);
        let setting = Setting::of(seed, rich, &mut chance);
        let began = Began::now(setting.begin);
        // Clients have clocks of their own; theirs is right.
        let ids = SimIds::new(SimClock::new(began, Span::ZERO), chance.fork());
        let people: Vec<PersonId> = (0..=setting.people).map(|_| PersonId(ids.fresh())).collect();
        let admin = people.first().copied().unwrap_or(PersonId(ids.fresh()));
        let role = |id: &PersonId| (*id, if *id == admin { Role::Admin } else { Role::Member });
        let roles: BTreeMap<PersonId, Role> = people.iter().map(role).collect();
        let (faults, tally) = (Arc::default(), Arc::default());
        let clock = SimClock::new(began, Span::ZERO);
        let database =
            Database::new(setting.kind, began, clock, roles, Arc::clone(&faults), Arc::clone(&tally), chance.fork());
        World {
            seed,
            chance,
            setting,
            began,
            faults,
            tally,
            database,
            cluster: Arc::default(),
            known: Arc::default(),
            history: Arc::default(),
            ids,
            admin,
            people,
            events: Arc::default(),
        }
    }

    async fn live(mut self) -> Report {
        let mut instances: Vec<Option<Up>> = Vec::new();
        for n in 0..self.setting.instances {
            lock(&self.cluster.0).push(None);
            instances.push(Some(self.start(n).await));
        }
        let Ok(zone) = Zone::named(self.setting.clocks.zone) else { return self.report(Some("no such zone".into())) };
        for room in self.setting.rooms.clone() {
            let resource = ResourceId(self.ids.fresh());
            let mut admin = self.client(self.admin);
            let made = admin.request(Action::CreateResource {
                resource,
                spec: Box::new(spec(room.capacity, room.policy.clone(), zone.clone())),
            });
            match admin.send(made).await {
                Some(Answer::Decided(..)) => lock(&self.known).rooms.push((resource, room)),
                other => return self.report(Some(format!("a resource could not be made: {other:?}"))),
            }
        }
        // The first half, in which everything goes wrong.
        *lock(&self.faults) = self.setting.faults.clone();
        let clients = self.clients();
        let mut trouble = Trouble { chance: self.chance.fork(), world: &mut self, instances };
        trouble.until(clients).await;
        instances = trouble.instances;
        // From here nothing goes wrong any more.
        *lock(&self.faults) = Faults::default();
        if self.database.stopped().is_some() || self.setting.kind == Kind::Embedded {
            self.crash(&mut instances, 0);
        }
        for (n, up) in instances.iter_mut().enumerate() {
            if up.is_none() {
                *up = Some(self.start(n).await);
            }
        }
        sleep(SETTLE).await;
        let mut wrong = self.ask_again().await;
        let calm = lock(&self.history).0.len();
        let second: Vec<_> = self.clients();
        for done in join_all(second).await {
            if let Err(e) = done {
                wrong = wrong.or(Some(format!("a client panicked: {e}")));
            }
        }
        sleep(Duration::from_secs(3)).await;
        wrong = wrong.or_else(|| self.went_wrong_in_calm(calm));
        if wrong.is_none() {
            wrong = self.somebody_new().await;
        }
        // What was wrong first comes first: what follows from it only looks like something else.
        let broken = self.database.broken().into_iter().next();
        wrong = broken.or(wrong).or_else(|| self.judge());
        self.report(wrong)
    }

    fn client(&mut self, who: PersonId) -> Client {
        Client {
            who,
            admin: who == self.admin,
            chance: self.chance.fork(),
            ids: self.ids.clone(),
            cluster: self.cluster.clone(),
            faults: self.faults.clone(),
            known: self.known.clone(),
            history: self.history.clone(),
            began: self.began,
            database: self.database.clone(),
            rich: self.setting.rich.then_some(self.setting.clocks),
        }
    }

    /// Everybody asks, each on their own.
    fn clients(&mut self) -> Vec<tokio::task::JoinHandle<()>> {
        let setting = Arc::new(self.setting.clone());
        let people = self.people.clone();
        let each = people.into_iter().map(|who| {
            let (mut client, setting) = (self.client(who), setting.clone());
            tokio::spawn(async move { client.ask(&setting).await })
        });
        each.collect()
    }

    /// An instance comes up: what fell due while it was away is fired, then it serves, and reads what became true.
    async fn start(&mut self, n: usize) -> Up {
        let link = Link::new(self.database.clone(), self.setting.kind, self.chance.fork());
        let clock = SimClock::new(self.began, self.setting.wrong_by.get(n).copied().unwrap_or(Span::ZERO));
        let ids = SimIds::new(clock.clone(), self.chance.fork());
        let (queue_max, batch_max) = (self.setting.queue_max, self.setting.batch_max);
        let limits = Limits { queue_max, batch_max, ..Limits::default() };
        let engine = Engine::start_with(link.clone(), clock, ids, limits, as_a_task);
        let deadlines = tokio::spawn(deadlines::run(engine.clone())).abort_handle();
        let (events, reader, tally) = (self.events.clone(), engine.clone(), self.tally.clone());
        let database = self.database.clone();
        let events = tokio::spawn(async move {
            let mut outbox = loop {
                match Outbox::from_now(&reader).await {
                    Ok(outbox) => break outbox,
                    Err(_) => sleep(Duration::from_millis(50)).await,
                }
            };
            lock(&tally).count("an event reader began anew");
            let missed = missed(&database, lock(&events).entry(n).or_default());
            if !missed.is_empty() {
                lock(&tally).count("an event reader caught up");
            }
            let caught_up: BTreeMap<ResourceId, Version> = missed.iter().map(|r| (r.resource, r.version)).collect();
            lock(&events).entry(n).or_default().extend(missed);
            loop {
                let records = outbox.next().await.into_iter();
                // What became true while it caught up comes once more.
                let new = records.filter(|r| caught_up.get(&r.resource).is_none_or(|upto| *upto < r.version));
                lock(&events).entry(n).or_default().extend(new);
            }
        });
        if let Some(place) = lock(&self.cluster.0).get_mut(n) {
            *place = Some((engine, link.clone()));
        }
        Up { link, tasks: vec![deadlines, events.abort_handle()] }
    }

    /// An instance dies in the middle of everything; over a disk of its own, so does the store.
    fn crash(&self, instances: &mut [Option<Up>], n: usize) {
        if let Some(place) = lock(&self.cluster.0).get_mut(n) {
            *place = None;
        }
        if let Some(up) = instances.get_mut(n).and_then(Option::take) {
            up.link.die();
            up.tasks.iter().for_each(AbortHandle::abort);
            lock(&self.tally).count("crash of an instance");
        }
        if self.setting.kind == Kind::Embedded {
            self.database.crash();
            lock(&self.tally).count("crash of the store");
        }
    }

    /// Whatever nobody was told of is asked for again, with its key: there is an answer now, at once.
    async fn ask_again(&mut self) -> Option<String> {
        let mut open: BTreeMap<_, Sent> = BTreeMap::new();
        for sent in &lock(&self.history).0 {
            match &sent.told {
                Some((_, Answer::Decided(..) | Answer::Replayed(_) | Answer::None(NoAnswer::KeyReused))) => {
                    open.remove(&sent.key);
                }
                Some(_) | None => drop(open.insert(sent.key, sent.clone())),
            }
        }
        for sent in open.values() {
            let who = PersonId(sent.key.actor);
            let answer = self.client(who).send(again(sent)).await;
            match answer {
                Some(
                    Answer::Decided(..)
                    | Answer::Replayed(_)
                    | Answer::None(NoAnswer::KeyReused)
                    | Answer::Failed(Failure { code: FailureCode::VersionStale, .. }),
                ) => {}
                other => return Some(format!("calm: long after the last fault {sent:?} is answered {other:?}")),
            }
        }
        None
    }

    /// In the calm half nothing fails but what the command itself named, and what comes upon itself.
    fn went_wrong_in_calm(&self, from: usize) -> Option<String> {
        // Where few are a crowd, whoever comes second to an instance that was slow last is turned away until somebody came alone.
        let crowded = self.setting.queue_max < 100 || self.setting.batch_max < 2;
        lock(&self.history).0.iter().skip(from).find_map(|sent| match &sent.told {
            Some((_, Answer::Decided(..) | Answer::Replayed(_))) => None,
            Some((_, Answer::None(NoAnswer::KeyReused | NoAnswer::InProgress))) => None,
            Some((_, Answer::Failed(failure))) if failure.code == FailureCode::VersionStale => None,
            Some((_, Answer::Failed(failure))) if failure.code == FailureCode::Busy && crowded => None,
            other => Some(format!("calm: nothing goes wrong any more, and {sent:?} is told {other:?}")),
        })
    }

    /// Somebody who comes now books what is free, at the first try.
    async fn somebody_new(&mut self) -> Option<String> {
        let resource = ResourceId(self.ids.fresh());
        let mut admin = self.client(self.admin);
        let made =
            admin.request(Action::CreateResource { resource, spec: Box::new(spec(1, Policy::default(), Zone::utc())) });
        let made = admin.send(made).await;
        let who = self.people.last().copied()?;
        let mut client = self.client(who);
        let start = self.setting.begin.plus(Span::days(30));
        let line = Line { resource, interval: Interval::new(start, start.plus(Span::hours(1))).ok(), units: 1 };
        let booking = BookingId(self.ids.fresh());
        let book = Action::Book { booking, owner: who, lines: vec![line], details: Details::default(), hold: None };
        let request = client.request(book);
        match client.send(request).await {
            Some(Answer::Decided(recorded, _)) if recorded.decision.outcome == Outcome::Booked => None,
            other => Some(format!("calm: somebody alone is not booked at the first try: {other:?}, after {made:?}")),
        }
    }

    fn judge(&self) -> Option<String> {
        let mut model = Model::new(self.admin);
        let (log, records) = (self.database.log(), self.database.records());
        let mut tally = Tally::default();
        if let Some(wrong) = lock(&self.history).wrong(&log, &mut tally) {
            return Some(format!("history: {wrong}"));
        }
        lock(&self.tally).add(&tally);
        let sent = |key| lock(&self.history).0.iter().filter(|sent| sent.key == key).count();
        let tries = self.database.tries().into_iter().filter(|(key, _)| !key.actor.is_nil());
        if let Some((key, n)) = tries.into_iter().find(|(key, n)| *n > 1 && *n > sent(*key)) {
            return Some(format!("tries: {key:?} was sent {} times, and came to {n} commits", sent(key)));
        }
        for entry in &log {
            if let Err(wrong) = model.take(entry) {
                return Some(format!(
                    "oracle: {wrong}\nby {:?}\ndecided {:#?}\nwith {:?}",
                    entry.command, entry.recorded.decision, entry.changes.records
                ));
            }
        }
        lock(&self.tally).add(&model.tally);
        if let Some(overdue) = model.overdue(self.database.clock.now()) {
            return Some(format!("calm: {overdue}"));
        }
        lock(&self.events)
            .values()
            .find_map(|told| wrong_events(told, &records))
            .map(|wrong| format!("events: {wrong}"))
    }

    fn report(&self, wrong: Option<String>) -> Report {
        let history = lock(&self.history);
        // One in a hundred is run twice, and only then is the whole of it written down.
        let mut trace = Fnv::default();
        if is_run_twice(self.seed) {
            for sent in &history.0 {
                trace.take(&format!("{sent:?}"));
            }
            for entry in self.database.log() {
                trace.take(&format!("{:?}{:?}{:?}", entry.at, entry.recorded, entry.changes));
            }
        }
        Report {
            seed: self.seed,
            operations: history.0.len() as u64,
            lasted: Duration::from_micros(self.began.moment().0),
            tally: lock(&self.tally).clone(),
            trace: trace.0,
            wrong,
        }
    }
}

/// What a reader has not been told of what it was told of before: read from the record, as whoever comes back does.
fn missed(database: &Database, told: &[Record]) -> Vec<Record> {
    let last: BTreeMap<ResourceId, Version> = told.iter().map(|r| (r.resource, r.version)).collect();
    let since = last.into_iter().map(|(resource, version)| database.stream(resource, version, usize::MAX));
    let records = since.filter_map(|read| if let Streamed::Records(records, _) = read { Some(records) } else { None });
    records.flatten().collect()
}

/// Whether a seed is one of those that are run a second time, to see that they do the same.
pub fn is_run_twice(seed: u64) -> bool {
    seed.is_multiple_of(100)
}

/// What crashes and who sets clocks, while the clients ask.
struct Trouble<'w> {
    chance: Chance,
    world: &'w mut World,
    instances: Vec<Option<Up>>,
}

impl Trouble<'_> {
    async fn until(&mut self, clients: Vec<tokio::task::JoinHandle<()>>) {
        let faults = self.world.setting.faults.clone();
        let all = join_all(clients);
        tokio::pin!(all);
        let mut crash_at = self.next(faults.crash_every);
        let mut clock_at = self.next(faults.clock_every);
        loop {
            // Whoever looks after it looks once a second.
            if tokio::time::timeout(Duration::from_secs(1), &mut all).await.is_ok() {
                return;
            }
            let now = tokio::time::Instant::now();
            for n in 0..self.instances.len() {
                // What is down comes up after a while.
                if self.instances.get(n).is_some_and(Option::is_none) && self.chance.within(200) {
                    let up = self.world.start(n).await;
                    if let Some(place) = self.instances.get_mut(n) {
                        *place = Some(up);
                    }
                }
            }
            if self.world.database.stopped().is_some() && self.chance.within(300) {
                self.world.crash(&mut self.instances, 0);
            }
            if crash_at.is_some_and(|at| now >= at) {
                crash_at = self.next(faults.crash_every);
                let n = self.chance.below(self.instances.len() as u64 + 1) as usize;
                if n < self.instances.len() {
                    self.world.crash(&mut self.instances, n);
                } else if self.world.setting.kind == Kind::Shared {
                    self.world.database.crash();
                    lock(&self.world.tally).count("crash of the store");
                }
            }
            if clock_at.is_some_and(|at| now >= at) {
                clock_at = self.next(faults.clock_every);
                let by = Span::seconds(self.chance.below(60) as i64 - 30);
                lock(&self.world.tally).count(if by < Span::ZERO {
                    "the clock was set back"
                } else {
                    "the clock was set ahead"
                });
                self.world.database.clock.set_by(by);
            }
        }
    }

    fn next(&mut self, every: Duration) -> Option<tokio::time::Instant> {
        (!every.is_zero()).then(|| tokio::time::Instant::now() + self.chance.time(every * 2))
    }
}

fn spec(capacity: u32, policy: Policy, zone: Zone) -> ResourceSpec {
    ResourceSpec {
        kind: slotwise_domain::Kind::Room,
        name: "Room".into(),
        building: None,
        seats: None,
        equipment: Vec::new(),
        zone,
        capacity: Some(capacity),
        interval: None,
        policy,
        group: None,
        linked: Vec::new(),
        course: None,
    }
}

/// FNV-1a over what is written to it.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn take(&mut self, s: &str) {
        for byte in s.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
