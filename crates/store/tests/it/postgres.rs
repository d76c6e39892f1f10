//! The PostgreSQL store stands the suite of every store, on a real server: each case in a part of its own.
//! What only this store promises, of several instances and lost connections, is told after it.

use crate::cutter::{Cut, Cutter};
use crate::database::Database;
use crate::hop::Hop;
use crate::support::{HOUR, START, Site, id, outcome, person, room};
use slotwise_domain::{Action, FailureCode, Outcome, PersonId, Proposal, ResourceId, Role, Scope, settle};
use slotwise_engine::conformance::{Harness, run_all};
use slotwise_engine::{BookingFilter, Clock, CommitError, Cursor, Directory, Made, Settled, Store, Views};
use slotwise_store::Postgres;
use slotwise_store::embedded::Wanted;
use slotwise_store::postgres::{Options, examine};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant as Moment};
use tokio::runtime::Handle;

/// Most of a case is waiting for the server.
const CASES_AT_ONCE: usize = 3;

/// From within a test's own threads, where nothing may wait.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| Handle::current().block_on(future))
}

pub fn open(url: &str, part: i64, clock: Arc<dyn Clock>, cache_bytes: usize) -> Arc<Postgres> {
    let options = Options { part, clock: Some(clock), cache_bytes, readers: 3, keep: None, ..Options::default() };
    now(Postgres::open(url, options)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_on_postgres() {
    let Some(database) = Database::start(&[]) else { return };
    every_case_on(&database.url(), 1).await;
}

/// The same on whatever database somebody names: Citus, or what else speaks its language. Its parts are new there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_on_a_named_database() {
    let Ok(url) = std::env::var("SLOTWISE_TESTS_URL") else {
        return eprintln!("LEFT OUT: SLOTWISE_TESTS_URL names no database to run every case on");
    };
    every_case_on(&url, new_part()).await;
}

/// A part that nobody has used before.
pub fn new_part() -> i64 {
    slotwise_store::SystemClock.now().0
}

async fn every_case_on(url: &str, first: i64) {
    let mut part = first;
    run_all(CASES_AT_ONCE, |clock| {
        let store = open(url, part, clock.clone(), 64 << 20);
        part += 1;
        Harness {
            store: store.clone(),
            views: store.clone(),
            directory: store.clone(),
            accounts: store,
            clock,
            watches_clock: true,
            shuts_resources: true,
        }
    })
    .await;
    whole(url, first..part);
}

/// Verifying folds what every case has left behind, and finds nothing.
fn whole(url: &str, parts: Range<i64>) {
    let (url, many) = (url.to_owned(), parts.end - parts.start);
    let looked = std::thread::spawn(move || {
        let (mut commits, mut rows) = (0, 0);
        for part in parts {
            let verified = examine(&url, part, Wanted::default()).unwrap();
            let found: String = verified.findings.iter().map(|f| format!("{f}\n")).collect();
            assert_eq!(found, "", "part {part}");
            (commits, rows) = (commits + verified.commits, rows + verified.rows);
        }
        (commits, rows)
    });
    let (commits, rows) = looked.join().unwrap();
    println!("{many} parts with {commits} commits and {rows} rows are as they were written");
    assert!(commits > 100 && rows > 1_000, "{commits} {rows}");
}

/// Every second time one of them remembers nothing: each calendar is made of its snapshot and its record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_on_either_of_two_instances() {
    let Some(database) = Database::start(&[]) else { return };
    let mut part = 0;
    run_all(CASES_AT_ONCE, |clock| {
        part += 1;
        let cache_bytes = if part % 2 == 0 { 0 } else { 64 << 20 };
        let one = open(&database.url(), part, clock.clone(), cache_bytes);
        let other = open(&database.url(), part, clock.clone(), 64 << 20);
        let store = Hop::over(one, other, part.unsigned_abs() * 0x9e37_79b9);
        Harness {
            store: store.clone(),
            views: store.clone(),
            directory: store.clone(),
            accounts: store,
            clock,
            watches_clock: true,
            shuts_resources: true,
        }
    })
    .await;
    whole(&database.url(), 1..part + 1);
}

// Several instances

/// An instance over a database, with its own way to say what is sent.
pub struct Instance {
    pub store: Arc<Postgres>,
    pub site: Arc<Site>,
}

impl Instance {
    pub fn over(url: &str, site: &Arc<Site>) -> Instance {
        Instance { store: open(url, 1, site.clock.clone(), 64 << 20), site: site.clone() }
    }

    pub async fn one(&self, proposal: Proposal) -> Settled {
        self.store.commit(vec![proposal], settle).await.unwrap().remove(0)
    }

    pub async fn room(&self) -> ResourceId {
        let resource = ResourceId(id(self.site.clock.now()));
        let spec = Box::new(room("Room").checked().unwrap());
        let settled = self.one(self.site.by(self.site.admin, Action::CreateResource { resource, spec })).await;
        assert_eq!(outcome(&settled), "ACCEPTED");
        resource
    }

    pub async fn person(&self, who: PersonId, role: Role) {
        self.store.put_person(person(who, "Ada", role)).await.unwrap();
    }

    pub async fn version(&self, resource: ResourceId) -> u64 {
        self.store.catch_up().await.unwrap();
        let scope = Scope { resources: [resource].into(), ..Scope::default() };
        self.store.observe(scope).await.unwrap().calendars[&resource].version.number
    }
}

pub fn site() -> Arc<Site> {
    Arc::new(Site::new())
}

pub async fn asked(url: &str, sql: &str) -> String {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    let serving = tokio::spawn(connection);
    let rows = client.simple_query(sql).await.unwrap();
    drop(client);
    drop(serving.await);
    let row = rows.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
        _ => None,
    });
    row.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_instances_start_on_an_empty_database() {
    let Some(database) = Database::start(&[]) else { return };
    let site = site();
    let opening = (0..6).map(|_| {
        let (url, clock) = (database.url(), site.clock.clone());
        let options = Options { part: 1, clock: Some(clock), readers: 2, ..Options::default() };
        tokio::spawn(async move { Postgres::open(&url, options).await })
    });
    let mut stores = Vec::new();
    for opening in opening.collect::<Vec<_>>() {
        stores.push(opening.await.unwrap().unwrap());
    }
    stores[0].put_person(person(site.admin, "Ada", Role::Admin)).await.unwrap();
    for store in &stores {
        assert_eq!(store.people(9).await.unwrap().len(), 1);
    }
}

/// Bundles of two rooms in opposite orders, from two instances, as fast as they go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bundles_in_opposite_orders_from_two_instances() {
    let Some(database) = Database::start(&[]) else { return };
    let site = site();
    let instances = [Instance::over(&database.url(), &site), Instance::over(&database.url(), &site)];
    instances[0].person(site.admin, Role::Admin).await;
    let mut rooms = Vec::new();
    for _ in 0..4 {
        rooms.push(instances[0].room().await);
    }
    let begun = START.plus(HOUR).plus(HOUR);
    let mut sending = Vec::new();
    for (n, instance) in instances.iter().enumerate() {
        for wave in 0..40_i64 {
            let (from, hour) = (if n == 0 { wave } else { 39 - wave }, wave % 10);
            let (one, other) = (rooms[from as usize % 4], rooms[(from as usize + 1) % 4]);
            let at = begun.plus(slotwise_domain::Span::hours(hour));
            let lines = if n == 0 { [(one, at), (other, at)] } else { [(other, at), (one, at)] };
            let proposal = site.by(site.admin, site.booking(site.admin, &lines, None));
            let store = instance.store.clone();
            sending.push(tokio::spawn(async move { store.commit(vec![proposal], settle).await.unwrap().remove(0) }));
        }
    }
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    let mut booked = Vec::new();
    for settled in sending {
        let settled = settled.await.unwrap();
        *told.entry(outcome(&settled)).or_default() += 1;
        if let Settled::Decided(recorded, Some(Made::Booking(booking))) = settled {
            assert_eq!(recorded.decision.outcome, Outcome::Booked);
            booked.push(booking);
        }
    }
    println!("{told:?}");
    let definite = ["BOOKED", "REJECTED full", "FAILED conflict"];
    assert!(told.keys().all(|what| definite.contains(&what.as_str())), "{told:?}");
    assert!(booked.len() >= 10, "{told:?}");
    for (n, one) in booked.iter().enumerate() {
        for other in &booked[n + 1..] {
            let meet = |a: &slotwise_domain::Slot| {
                other.slots.iter().any(|b| a.resource == b.resource && a.occupied.meets(b.occupied))
            };
            assert!(!one.slots.iter().any(meet), "twice: {one:?} and {other:?}");
        }
    }
    let deadlocks = asked(&database.url(), "SELECT sum(deadlocks) FROM pg_stat_database").await;
    assert_eq!(deadlocks, "0");
    // Both know all of it, in order, without a gap.
    for instance in &instances {
        instance.store.catch_up().await.unwrap();
        let (records, _) = instance.store.outbox(Cursor(0), usize::MAX >> 1).await.unwrap();
        let mut last: BTreeMap<ResourceId, u64> = BTreeMap::new();
        for record in records {
            let known = last.entry(record.resource).or_insert(record.version.number - 1);
            assert_eq!(record.version.number, *known + 1);
            *known += 1;
        }
        for id in &rooms {
            assert_eq!(last[id], instance.version(*id).await);
        }
    }
}

/// One of them carries out what falls due, and when it is gone the other does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_instances_sweeps() {
    let Some(database) = Database::start(&[]) else { return };
    let site = site();
    let (one, other) = (Instance::over(&database.url(), &site), Instance::over(&database.url(), &site));
    for _ in 0..5 {
        assert!(one.store.sweeps().await.unwrap());
        assert!(!other.store.sweeps().await.unwrap());
    }
    drop(one);
    let begun = Moment::now();
    while !other.store.sweeps().await.unwrap() {
        assert!(begun.elapsed() < Duration::from_secs(5), "nobody sweeps any more");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Who cannot carry out what falls due lets another do it: at once where some of it is shut, within two seconds where nothing is decided.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_decides_nothing_does_not_sweep() {
    let Some(database) = Database::start(&[]) else { return };
    // Clocks of their own, of which one is set.
    let (theirs, ours) = (site(), site());
    let (one, other) = (Instance::over(&database.url(), &theirs), Instance::over(&database.url(), &ours));
    one.person(theirs.admin, Role::Admin).await;
    let room = one.room().await;
    assert_eq!(outcome(&one.one(theirs.hold(theirs.admin, room, START.plus(HOUR))).await), "ACCEPTED");
    let late = Some(START.plus(HOUR));
    let takes_over = async |from: &Instance, to: &Instance| {
        let begun = Moment::now();
        while !to.store.sweeps().await.unwrap() {
            from.store.due(late, 9).await.unwrap();
            from.store.sweeps().await.unwrap();
            assert!(begun.elapsed() < Duration::from_secs(4), "nobody sweeps any more");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(to.store.sweeps().await.unwrap() && to.store.due(late, 9).await.unwrap().len() == 1);
    };
    assert!(one.store.sweeps().await.unwrap() && !other.store.sweeps().await.unwrap());
    // Something of it is shut: others come first, and if there is nobody it carries out the rest.
    let blind = |world: &slotwise_domain::World, proposal: &Proposal, now: slotwise_domain::Instant| {
        let mut wide = world.clone();
        for calendar in wide.calendars.values_mut() {
            Arc::make_mut(&mut Arc::make_mut(calendar).resource).spec.capacity = None;
        }
        settle(&wide, proposal, now)
    };
    assert!(one.store.commit(vec![theirs.book(theirs.admin, room, START.plus(HOUR))], blind).await.is_err());
    assert!(one.store.sweeps().await.unwrap());
    assert_eq!(one.store.due(late, 9).await.unwrap(), [], "what is shut here is nothing to be carried out here");
    takes_over(&one, &other).await;
    assert!(!one.store.sweeps().await.unwrap());

    // Nothing is decided at all.
    let again = Instance::over(&database.url(), &theirs);
    ours.clock.jump(slotwise_domain::Span::seconds(9));
    drop(one);
    takes_over(&other, &again).await;
    assert!(!other.store.sweeps().await.unwrap() && other.store.due(late, 9).await.unwrap().is_empty());
}

/// How long it takes until another instance can tell what one has committed, in milliseconds: the middle, and the worst of fifty.
async fn heard_after(url: &str, doorbell: bool) -> (u128, u128) {
    let site = site();
    let options = |n: usize| Options {
        part: 10 + i64::from(doorbell),
        clock: Some(site.clock.clone()),
        readers: 2 + n,
        doorbell,
        ..Options::default()
    };
    let (one, other) = (Postgres::open(url, options(0)).await.unwrap(), Postgres::open(url, options(1)).await.unwrap());
    let one = Instance { store: one, site: site.clone() };
    one.person(site.admin, Role::Admin).await;
    let room = one.room().await;
    let mut took = Vec::new();
    for n in 0..50 {
        let head = other.head().await.unwrap();
        let at = START.plus(slotwise_domain::Span::hours(2 + n));
        let bell = other.doorbell().unwrap();
        let begun = Moment::now();
        assert_eq!(outcome(&one.one(site.book(site.admin, room, at)).await), "BOOKED");
        let committed = begun.elapsed();
        loop {
            let rung = bell.notified();
            let (records, _) = other.outbox(head.clone(), 9).await.unwrap();
            if records.iter().any(|r| r.version.number == n as u64 + 2) {
                break;
            }
            drop(tokio::time::timeout(Duration::from_millis(5), rung).await);
            assert!(begun.elapsed() < Duration::from_secs(20), "never heard");
        }
        took.push((begun.elapsed() - committed).as_millis());
        tokio::time::sleep(Duration::from_millis(n as u64 * 7 % 50)).await;
    }
    took.sort_unstable();
    (took[25], took[49])
}

/// The bounds are wide: this machine may be busy with other tests. What is measured is printed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_hear_of_it_with_and_without_a_doorbell() {
    let Some(database) = Database::start(&[]) else { return };
    let (middle, worst) = heard_after(&database.url(), true).await;
    println!("with a doorbell: {middle} ms in the middle, {worst} ms at worst");
    assert!(middle < 100 && worst < 1_500, "{middle} {worst}");
    let (middle, worst) = heard_after(&database.url(), false).await;
    println!("without one: {middle} ms in the middle, {worst} ms at worst");
    assert!(middle < 400 && worst < 2_500, "{middle} {worst}");
}

// What the database sees

/// The law of the order, read back from what the server was sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_is_sent_in_order() {
    let Some(database) = Database::start(&["log_statement=all", "log_line_prefix=%p "]) else { return };
    let site = site();
    let instance = Instance::over(&database.url(), &site);
    instance.person(site.admin, Role::Admin).await;
    let room = instance.room().await;
    let hold = site.hold(site.admin, room, START.plus(HOUR));
    let before = database.log().len();
    assert_eq!(outcome(&instance.one(hold).await), "ACCEPTED");
    let log = database.log().split_off(before);
    let commit: Vec<&str> = log.lines().collect();
    let begins = commit.iter().position(|l| l.contains("INSERT INTO commit_id")).unwrap();
    let process = commit[begins].split(' ').next().unwrap();
    let of_it: String = commit.iter().filter(|l| l.starts_with(process)).map(|l| format!("{l}\n")).collect();
    let order = [
        "BEGIN ISOLATION LEVEL READ COMMITTED",
        "INSERT INTO commit_id",
        "SELECT resource, epoch, number, stamp, hash, room FROM resource_head",
        "clock_timestamp()",
        "INSERT INTO attempt",
        "SELECT person FROM person_rule",
        "SELECT id, role FROM person",
        "INSERT INTO journal",
        "INSERT INTO record",
        "INSERT INTO resource_head",
        "UPDATE commit_id SET expected",
        "COMMIT",
    ];
    let mut at = 0;
    for step in order {
        let found = of_it[at..].find(step);
        at += found.unwrap_or_else(|| panic!("{step} is not after the step before it:\n{of_it}"));
    }
}

/// What judging should never let through, the rows do not take either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_refuse_what_was_judged_wrongly() {
    let Some(database) = Database::start(&[]) else { return };
    let site = site();
    let instance = Instance::over(&database.url(), &site);
    instance.person(site.admin, Role::Admin).await;
    let spec = slotwise_domain::ResourceSpec {
        kind: slotwise_domain::Kind::Session,
        interval: Some(crate::support::hour(START.plus(HOUR))),
        capacity: Some(2),
        ..room("Yoga")
    };
    let session = ResourceId(id(site.clock.now()));
    let make = Action::CreateResource { resource: session, spec: Box::new(spec.checked().unwrap()) };
    assert_eq!(outcome(&instance.one(site.by(site.admin, make)).await), "ACCEPTED");
    let book = || {
        let line = slotwise_domain::Line { resource: session, interval: None, units: 1 };
        let Action::Book { booking, owner, details, hold, .. } = site.booking(site.admin, &[], None) else {
            unreachable!("it books")
        };
        site.by(site.admin, Action::Book { booking, owner, lines: vec![line], details, hold })
    };
    assert_eq!(outcome(&instance.one(book()).await), "BOOKED");
    let counter = asked(&database.url(), "SELECT taken || ' of ' || room FROM resource_head").await;
    assert_eq!(counter, "1 of 2");
    let (client, connection) = tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    for wrong in ["UPDATE resource_head SET taken = 3", "UPDATE resource_head SET base = number"] {
        assert!(client.simple_query(wrong).await.is_err(), "{wrong}");
    }
    // Somebody has put in the version that comes next: the commit that would make it again is refused whole.
    let forged =
        "INSERT INTO record SELECT part_id, resource, number + 1, epoch, commit_id, decided_at, attempt, actor, changes
                  FROM record ORDER BY number DESC LIMIT 1";
    client.simple_query(forged).await.unwrap();
    let proposal = book();
    let key = proposal.key;
    assert_eq!(outcome(&instance.one(proposal).await), "FAILED conflict");
    assert_eq!(instance.store.recall(key).await.unwrap(), None);
    assert_eq!(asked(&database.url(), "SELECT number FROM resource_head").await, "2");
}

// Connections that are lost

/// The connection that commits is cut before and after every request of a commit: what is told is what is true.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_cut_anywhere_is_told_as_it_is() {
    let Some(database) = Database::start(&[]) else { return };
    let cutter = Cutter::before(database.port());
    let site = site();
    let near = Instance::over(&database.url(), &site);
    let far = Instance::over(&database.url_at(cutter.port), &site);
    near.person(site.admin, Role::Admin).await;
    let room = near.room().await;
    let mut at = START.plus(HOUR);
    let (mut durable, mut nothing, mut last, mut cuts, mut met) = (0, 0, 0, 0, 0);
    // So many times at each place, or as often as there is time for.
    let wished: usize = std::env::var("SLOTWISE_CUTS").map_or(500, |n| n.parse().unwrap());
    let bounded = std::env::var_os("SLOTWISE_CUTS").is_none();
    let begun = Moment::now();
    let mut rounds = 0;
    while rounds < wished && !(bounded && rounds > 0 && begun.elapsed() > Duration::from_secs(45)) {
        rounds += 1;
        for n in 1..40 {
            let mut reached = false;
            for cut in [Cut::Before(n), Cut::After(n)] {
                at = at.plus(HOUR);
                far.store.catch_up().await.unwrap();
                let before = near.version(room).await;
                let proposal = site.book(site.admin, room, at);
                let key = proposal.key;
                cutter.cut(cut);
                let told = far.store.commit(vec![proposal], settle).await;
                reached |= cutter.has_cut();
                cuts += usize::from(cutter.has_cut());
                cutter.open();
                let recorded = near.store.recall(key).await.unwrap();
                let risen = near.version(room).await - before;
                match told {
                    // The session that was cut before has not let go of the row yet: refused, and nothing is written.
                    Ok(settled) if matches!(&settled[..], [Settled::Failed(failure)] if failure.code == FailureCode::Conflict) =>
                    {
                        assert_eq!((recorded, risen), (None, 0), "{cut:?}");
                        met += 1;
                    }
                    Ok(settled) => {
                        let [Settled::Decided(told, _)] = &settled[..] else { panic!("{cut:?}: {settled:?}") };
                        assert_eq!((recorded.as_ref(), risen), (Some(&**told), 1), "{cut:?}");
                        durable += usize::from(cutter.has_cut());
                    }
                    Err(CommitError::NothingWritten(_)) => {
                        assert_eq!((recorded, risen), (None, 0), "{cut:?}");
                        nothing += 1;
                    }
                    Err(CommitError::Unknown(e)) => panic!("{cut:?}: it could have been resolved: {e}"),
                }
            }
            if !reached {
                break;
            }
            last = n;
        }
    }
    let open = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";
    assert_eq!(asked(&database.url(), open).await, "0");
    println!("{cuts} cuts, before and after each of {last} messages, {rounds} times");
    println!("{nothing} times nothing was written, {durable} times it was durable all the same");
    assert!((12..39).contains(&last) && nothing >= 12 && durable >= 1, "{last} {nothing} {durable}");
    assert!(met * 20 < cuts, "{met} of {cuts} met the session before");
}

/// The database ends sessions while bookings are made, at whatever moment: what is told is what is true.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_the_database_ends_is_told_as_it_is() {
    let Some(database) = Database::start(&[]) else { return };
    let site = site();
    let instance = Instance::over(&database.url(), &site);
    instance.person(site.admin, Role::Admin).await;
    let room = instance.room().await;
    // What commits is ended, and nothing else: so whoever is asked about it afterwards can answer.
    let ending = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND (state = 'active' OR state LIKE 'idle in transaction%')
          AND query !~ 'pg_stat_activity|LISTEN' AND backend_type = 'client backend'";
    let (client, connection) = tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let (mut ended, mut lost) = (0, 0);
    let (mut durable, mut nothing) = (0, 0);
    for n in 0..150_i64 {
        let proposal = site.book(site.admin, room, START.plus(slotwise_domain::Span::hours(2 + n)));
        let (key, store) = (proposal.key, instance.store.clone());
        let sending = tokio::spawn(async move { store.commit(vec![proposal], settle).await });
        tokio::time::sleep(Duration::from_micros(n.unsigned_abs() * 97 % 4_000)).await;
        ended += client.query_one(ending, &[]).await.unwrap().get::<_, i64>(0);
        let told = sending.await.unwrap();
        let recorded = loop {
            match instance.store.recall(key).await {
                Ok(recorded) => break recorded,
                // A reader may have been ended in its turn.
                Err(_) => lost += 1,
            }
            assert!(lost < 1_000, "nothing can be read any more");
        };
        match told.as_deref() {
            Ok([Settled::Decided(told, _)]) => {
                assert_eq!(recorded.as_ref(), Some(&**told));
                durable += 1;
            }
            Ok([Settled::Failed(_)]) | Err(CommitError::NothingWritten(_)) => {
                assert_eq!(recorded, None);
                nothing += 1;
            }
            other => panic!("it could have been resolved: {other:?}"),
        }
    }
    println!("{ended} sessions ended: {durable} bookings are there, of {nothing} nothing was written");
    assert!(ended >= 10 && durable >= 10 && nothing >= 1, "{ended} {durable} {nothing}");
}

/// Where nobody can be asked, there is no outcome yet; the record answers when it can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_resolved_has_no_outcome_yet() {
    let Some(database) = Database::start(&[]) else { return };
    let cutter = Cutter::before(database.port());
    let site = site();
    let near = Instance::over(&database.url(), &site);
    near.person(site.admin, Role::Admin).await;
    let room = near.room().await;
    let far = Instance::over(&database.url_at(cutter.port), &site);
    // Where the COMMIT is: where nothing is cut any more, one before.
    let mut commits_at = 0;
    for n in 12..40 {
        far.store.catch_up().await.unwrap();
        cutter.cut(Cut::Before(n));
        drop(
            far.store
                .commit(
                    vec![site.book(site.admin, room, START.plus(slotwise_domain::Span::hours(100 + n as i64)))],
                    settle,
                )
                .await,
        );
        if !cutter.has_cut() {
            commits_at = n - 1;
            break;
        }
    }
    assert!(commits_at > 0);
    cutter.open();
    far.store.catch_up().await.unwrap();
    let proposal = site.book(site.admin, room, START.plus(HOUR));
    let key = proposal.key;
    cutter.closes_with_the_cut();
    cutter.cut(Cut::After(commits_at));
    let told = far.store.commit(vec![proposal.clone()], settle).await;
    assert!(matches!(told, Err(CommitError::Unknown(_))), "{told:?}");
    // The database may still be at it: nobody who is cut off can know.
    let begun = Moment::now();
    let recorded = loop {
        match near.store.recall(key).await.unwrap() {
            Some(recorded) => break recorded,
            None => assert!(begun.elapsed() < Duration::from_secs(5), "it was sent and is not there"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(recorded.decision.outcome, Outcome::Booked);
    cutter.open();
    // The same key asks again, and is told what was decided.
    let again = far.store.commit(vec![proposal], settle).await.unwrap().remove(0);
    assert_eq!(outcome(&again), "again BOOKED");
}

/// Whoever goes away in the middle leaves no transaction open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_leaves_a_transaction_open() {
    let Some(database) = Database::start(&[]) else { return };
    let site = site();
    let instance = Instance::over(&database.url(), &site);
    instance.person(site.admin, Role::Admin).await;
    let room = instance.room().await;
    for n in 0..120_u64 {
        let at = START.plus(slotwise_domain::Span::hours(2 + n as i64));
        let (store, proposal) = (instance.store.clone(), site.book(site.admin, room, at));
        let card = person(PersonId(id(site.clock.now())), "Ben", Role::Member);
        let going = tokio::spawn(async move {
            match n % 3 {
                0 => drop(store.commit(vec![proposal], settle).await),
                1 => drop(store.put_person(card).await),
                _ => drop(store.bookings(BookingFilter { max: 9, ..BookingFilter::default() }).await),
            }
        });
        tokio::time::sleep(Duration::from_micros(n * 61 % 2_500)).await;
        going.abort();
    }
    // A commit that goes on by itself may still be under way.
    let mut idle = String::new();
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let open = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";
        idle = asked(&database.url(), open).await;
        if idle == "0" {
            break;
        }
    }
    assert_eq!(idle, "0");
    assert_eq!(outcome(&instance.one(site.book(site.admin, room, START.plus(HOUR))).await), "BOOKED");
    let torn = "SELECT count(*) FROM booking b WHERE NOT EXISTS (SELECT 1 FROM journal j WHERE j.id = b.commit_id)";
    assert_eq!(asked(&database.url(), torn).await, "0");
}

/// The database is killed while bookings are made; whatever was told is there afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_database_keeps_what_was_told() {
    let Some(mut database) = Database::start(&[]) else { return };
    let site = site();
    let instance = Instance::over(&database.url(), &site);
    instance.person(site.admin, Role::Admin).await;
    let room = instance.room().await;
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let booking = {
        let (store, site, told) = (instance.store.clone(), site.clone(), told.clone());
        tokio::spawn(async move {
            for n in 0..100_000 {
                let at = START.plus(slotwise_domain::Span::hours(2 + n));
                match store.commit(vec![site.book(site.admin, room, at)], settle).await {
                    Ok(settled) => told.lock().unwrap().extend(settled),
                    Err(_) => return,
                }
            }
        })
    };
    while told.lock().unwrap().len() < 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::task::block_in_place(|| database.kill());
    booking.await.unwrap();
    tokio::task::block_in_place(|| database.restart());
    let told = std::mem::take(&mut *told.lock().unwrap());
    let again = Instance::over(&database.url(), &site);
    for settled in &told {
        let Settled::Decided(recorded, _) = settled else { panic!("{settled:?}") };
        assert_eq!(again.store.recall(recorded.key).await.unwrap().as_ref(), Some(&**recorded));
    }
    // The instance that went through it goes on.
    let at = START.plus(HOUR);
    let mut said = String::new();
    for _ in 0..20 {
        match instance.store.commit(vec![site.book(site.admin, room, at)], settle).await {
            Ok(settled) => said = outcome(&settled[0]),
            Err(e) => said = e.to_string(),
        }
        if said == "BOOKED" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(said, "BOOKED");
}

// The proof at the start

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_forgets_is_refused() {
    for (setting, says) in [("fsync=off", "fsync is off"), ("synchronous_commit=off", "synchronous_commit is off")] {
        let Some(database) = Database::start(&[setting]) else { return };
        let refused = Postgres::open(&database.url(), Options::default()).await.err().map(|e| e.to_string());
        assert!(refused.as_ref().is_some_and(|e| e.contains(says)), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_format_is_refused() {
    let Some(database) = Database::start(&[]) else { return };
    drop(Postgres::open(&database.url(), Options::default()).await.unwrap());
    asked(&database.url(), "INSERT INTO migration (number, checksum) VALUES (9999, '')").await;
    let refused = Postgres::open(&database.url(), Options::default()).await.err().map(|e| e.to_string());
    assert!(refused.as_ref().is_some_and(|e| e.contains("later version")), "{refused:?}");
    asked(&database.url(), "UPDATE migration SET checksum = 'other' WHERE number = 3").await;
    asked(&database.url(), "DELETE FROM migration WHERE number = 9999").await;
    let refused = Postgres::open(&database.url(), Options::default()).await.err().map(|e| e.to_string());
    assert!(refused.as_ref().is_some_and(|e| e.contains("another migration")), "{refused:?}");
}
