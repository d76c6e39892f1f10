//! Commits of one instance at the same time: what waits for what, and for how long; and what is seen meanwhile.
//! Each on a real server whose rows somebody else holds, or whose COMMIT takes its time.

use crate::database::Database;
use crate::postgres::{Instance, asked, site};
use crate::proxy::{late_way, slow_way};
use crate::support::{HOUR, START, id, outcome, person};
use slotwise_domain::{
    Action, Actor, Command, Fingerprint, PersonId, Proposal, ResourceId, Role, Scope, Span, World, settle,
};
use slotwise_engine::as_of::{Moment, as_of};
use slotwise_engine::doors::Accounts;
use slotwise_engine::{Answer, Clock, Directory, Engine, Ids, Limits, Made, Request, Settled, Store};
use slotwise_store::postgres::Options;
use slotwise_store::{Postgres, SystemClock};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

async fn connected(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Until it is so; what it is not is said after five seconds.
async fn soon(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is().await {
        assert!(begun.elapsed() < Duration::from_secs(5), "not within five seconds: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Somebody else holds a resource's row: nobody else waits for that, and whoever wants it waits 100 ms and is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_not_had_costs_its_own_proposal_a_hundred_milliseconds() {
    let Some(database) = Database::start(&[]) else { return };
    let site = site();
    let instance = Instance::over(&database.url(), &site);
    instance.person(site.admin, Role::Admin).await;
    let (held, free) = (instance.room().await, instance.room().await);
    let other = connected(&database.url()).await;
    let hold = format!("BEGIN; SELECT 1 FROM resource_head WHERE resource = '{}' FOR UPDATE", held.0);
    other.batch_execute(&hold).await.unwrap();
    let begun = Instant::now();
    let waiting = {
        let (store, proposal) = (instance.store.clone(), site.book(site.admin, held, START.plus(HOUR)));
        tokio::spawn(async move { store.commit(vec![proposal], settle).await.unwrap().remove(0) })
    };
    for n in 0..5 {
        assert_eq!(outcome(&instance.one(site.book(site.admin, free, START.plus(Span::hours(2 + n)))).await), "BOOKED");
    }
    assert_eq!(outcome(&waiting.await.unwrap()), "FAILED conflict");
    let took = begun.elapsed();
    assert!((Duration::from_millis(100)..Duration::from_secs(5)).contains(&took), "{took:?}");

    // In one commit with it, the neighbour is not spoiled; and as soon as the row is free, it is had.
    let batch =
        vec![site.book(site.admin, free, START.plus(Span::hours(20))), site.book(site.admin, held, START.plus(HOUR))];
    let both: Vec<String> = instance.store.commit(batch, settle).await.unwrap().iter().map(outcome).collect();
    assert_eq!(both, ["BOOKED", "FAILED conflict"]);
    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(outcome(&instance.one(site.book(site.admin, held, START.plus(HOUR))).await), "BOOKED");
    let deadlocks = asked(&database.url(), "SELECT sum(deadlocks) FROM pg_stat_database").await;
    assert_eq!(deadlocks, "0");
}

struct ByTheClock;

impl Ids for ByTheClock {
    fn fresh(&self) -> Uuid {
        Uuid::now_v7()
    }
}

fn request(who: PersonId, action: Action) -> Request {
    let command = Command { actor: Actor::Person(who), action, seen: None, reason: None };
    Request { key: Uuid::now_v7(), fingerprint: Fingerprint([7; 32]), command }
}

/// An engine over a store that goes by the database's clock, with an admin.
async fn engine(url: &str, admin: PersonId) -> (Arc<Engine>, Arc<Postgres>) {
    let store = Postgres::open(url, Options { keep: None, ..Options::default() }).await.unwrap();
    store.put_person(person(admin, "Ada", Role::Admin)).await.unwrap();
    let engine = Engine::start(store.clone(), store.clock(), Arc::new(ByTheClock), Limits::default());
    (engine, store)
}

async fn make_room(engine: &Arc<Engine>, admin: PersonId) -> ResourceId {
    let resource = ResourceId(engine.fresh_id());
    let spec = Box::new(crate::support::room("Room").checked().unwrap());
    let answer = engine.execute(request(admin, Action::CreateResource { resource, spec })).await;
    assert!(matches!(answer, Answer::Decided(..)), "{answer:?}");
    resource
}

/// Several commits are under way on other resources, one on each; and what a screen says it shows as of an instant is what the record
/// tells of that instant, though something was being decided meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_being_decided_is_not_behind_what_is_shown() {
    let Some(database) = Database::start(&[]) else { return };
    let site = site();
    let (engine, store) = engine(&database.url(), site.admin).await;
    let rooms = [make_room(&engine, site.admin).await, make_room(&engine, site.admin).await];
    let tomorrow = engine.now().plus(Span::days(1));
    let book = |room: ResourceId, hours: i64| {
        let action = site.booking(site.admin, &[(room, tomorrow.plus(Span::hours(hours)))], None);
        let (engine, request) = (engine.clone(), request(site.admin, action));
        tokio::spawn(async move { engine.execute(request).await })
    };
    // The first booking also says how long the longest is.
    assert!(matches!(book(rooms[0], 9).await.unwrap(), Answer::Decided(..)));
    let other = connected(&database.url()).await;
    // From now on a COMMIT waits for a standby that never comes: it is decided, and nobody sees it.
    let wait = async |names: &str| {
        other.batch_execute(&format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'")).await.unwrap();
        other.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    };
    other.batch_execute("CREATE TABLE waits (n bigint)").await.unwrap();
    wait("nobody").await;
    // The server takes a moment to know it: somebody else's commits are the first to wait.
    let stop = Arc::new(AtomicBool::new(false));
    let (before, stopped) = (connected(&database.url()).await, stop.clone());
    let before = tokio::spawn(async move {
        while !stopped.load(Ordering::Relaxed) {
            before.batch_execute("INSERT INTO waits VALUES (1)").await.unwrap();
        }
    });
    let stuck = async || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        asked(&database.url(), sql).await.parse::<usize>().unwrap()
    };
    soon("the setting counts", async || stuck().await == 1).await;
    stop.store(true, Ordering::Relaxed);
    let mut first = Vec::new();
    for (n, room) in rooms.into_iter().enumerate() {
        first.push(book(room, 1));
        soon("one more commit is under way", async || stuck().await == n + 2).await;
    }
    // Whoever wants what is under way waits for it, and joins the next.
    let second = [book(rooms[0], 2), book(rooms[0], 3)];
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((stuck().await, engine.waiting()), (3, 2));

    let seen_until = engine.seen_until();
    let scope = Scope { resources: rooms.into(), ..Scope::default() };
    let seen = engine.look(scope).await.unwrap();
    let pictures: Vec<_> = rooms.iter().map(|id| (seen_until.max(seen.calendars[id].decided_at), *id)).collect();
    assert!(seen_until < engine.now());
    wait("").await;
    for answer in first.into_iter().chain(second) {
        let answer = answer.await.unwrap();
        let Answer::Decided(recorded, _) = &answer else { panic!("{answer:?}") };
        assert_eq!(recorded.decision.outcome.name(), "BOOKED");
    }
    for (at, id) in pictures {
        let then = as_of(&*store, id, Moment { version: None, at: Some(at) }).await.unwrap().unwrap();
        assert_eq!(then.calendar.version, seen.calendars[&id].version, "as it was shown at {at}");
    }
    assert!(engine.seen_until() >= seen_until.plus(Span(1)));
    before.await.unwrap();
    assert_eq!(stuck().await, 0);
}

/// A commit is two round trips: with a way that takes its time, that is the time it takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_is_two_round_trips() {
    let Some(database) = Database::start(&[]) else { return };
    let each_way = Duration::from_millis(75);
    let site = site();
    let near = Instance::over(&database.url(), &site);
    near.person(site.admin, Role::Admin).await;
    let room = near.room().await;
    drop(near);
    let far = Instance::over(&database.url_at(slow_way(database.port(), each_way)), &site);
    let mut best = Duration::MAX;
    for n in 0..6 {
        let begun = Instant::now();
        assert_eq!(outcome(&far.one(site.book(site.admin, room, START.plus(Span::hours(1 + n)))).await), "BOOKED");
        best = best.min(begun.elapsed());
    }
    println!("{best:?} at best, where a round trip takes {:?}", each_way * 2);
    assert!((each_way * 4..each_way * 6).contains(&best), "{best:?}");
    // And what is looked at before it, and who asks, is known from a moment ago.
    let scope = site.book(site.admin, room, START).command.scope();
    assert!(!scope.roles.is_empty() && !scope.resources.is_empty());
    let mut best = Duration::MAX;
    for _ in 0..6 {
        let begun = Instant::now();
        let world = far.store.observe(scope.clone()).await.unwrap();
        best = best.min(begun.elapsed());
        assert_eq!(world.roles[&site.admin], Role::Admin);
        assert!(scope.minus(&world.loaded).is_empty() && world.calendars.contains_key(&room));
    }
    assert!(best < each_way, "{best:?}");
}

/// What somebody may do, and whom a key lets in, is known from a moment ago: a change by another instance is seen when it is heard of, or
/// a quarter of a second later; a commit reads it for itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_that_another_instance_takes_away_are_gone_in_a_moment() {
    let Some(database) = Database::start(&[]) else { return };
    for doorbell in [true, false] {
        let options = Options { part: 2 + i64::from(doorbell), doorbell, keep: None, ..Options::default() };
        let (mut stores, url) = (Vec::new(), database.url());
        for _ in 0..2 {
            stores.push(Postgres::open(&url, options.clone()).await.unwrap());
        }
        let (here, there) = (&stores[0], &stores[1]);
        let (boss, who, key) = (PersonId(Uuid::now_v7()), PersonId(Uuid::now_v7()), [7; 32]);
        here.put_person(person(boss, "Ada", Role::Admin)).await.unwrap();
        here.put_person(person(who, "Ben", Role::Admin)).await.unwrap();
        here.put_key(key, who, "Key".into()).await.unwrap();
        let scope = Scope { roles: [who].into(), ..Scope::default() };
        let role = async |store: &Postgres| store.observe(scope.clone()).await.unwrap().roles.get(&who).copied();
        let door = async |store: &Postgres| store.door(key, store.clock().now()).await.unwrap().map(|d| d.card.role);
        for store in [here, there] {
            assert_eq!((role(store).await, door(store).await), (Some(Role::Admin), Some(Role::Admin)));
        }
        here.put_role(who, Role::Member, BTreeSet::new()).await.unwrap();
        assert_eq!((role(here).await, door(here).await), (Some(Role::Member), Some(Role::Member)), "here at once");
        soon("there too", async || (role(there).await, door(there).await) == (Some(Role::Member), Some(Role::Member)))
            .await;
        there.put_suspended(who, true).await.unwrap();
        assert_eq!((role(there).await, door(there).await), (None, None));
        soon("here too", async || (role(here).await, door(here).await) == (None, None)).await;
    }
}

/// The order of events of another instance is right though commits are made side by side, and a report reads all the while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_reads_for_long_hides_nothing() {
    let Some(database) = Database::start(&[]) else { return };
    let site = site();
    let (one, other) = (Instance::over(&database.url(), &site), Instance::over(&database.url(), &site));
    one.person(site.admin, Role::Admin).await;
    let mut rooms = Vec::new();
    for _ in 0..4 {
        rooms.push(one.room().await);
    }
    other.store.catch_up().await.unwrap();
    let report = connected(&database.url()).await;
    report.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM record").await.unwrap();
    let head = other.store.head().await.unwrap();
    let sending: Vec<_> = (0..120)
        .map(|n| {
            let (store, room) = (one.store.clone(), rooms[n % 4]);
            let proposal = site.book(site.admin, room, START.plus(Span::hours(1 + n as i64)));
            tokio::spawn(async move { store.commit(vec![proposal], settle).await.unwrap().remove(0) })
        })
        .collect();
    let mut booked = 0;
    for settled in sending {
        booked += usize::from(outcome(&settled.await.unwrap()) == "BOOKED");
    }
    assert!(booked >= 60, "{booked} of 120, all of them side by side");
    let mut told: BTreeMap<ResourceId, u64> = BTreeMap::new();
    let (mut cursor, mut count) = (head, 0);
    soon("all is heard", async || {
        let (records, next) = other.store.outbox(cursor.clone(), 1_000).await.unwrap();
        for record in records {
            let last = told.entry(record.resource).or_insert(1);
            assert_eq!(record.version.number, *last + 1, "in order, without a gap");
            *last += 1;
            count += 1;
        }
        cursor = next;
        count == booked
    })
    .await;
    report.batch_execute("COMMIT").await.unwrap();
}

/// The database's clock is five minutes ahead of this machine's: nothing goes by this machine's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_database_s_clock_decides() {
    let Some(database) = Database::start(&[]) else { return };
    let ahead = "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql
            AS $$ SELECT pg_catalog.clock_timestamp() + interval '5 minutes' $$;
        ALTER DATABASE postgres SET search_path = public, pg_catalog";
    connected(&database.url()).await.batch_execute(ahead).await.unwrap();
    let site = site();
    let (engine, store) = engine(&database.url(), site.admin).await;
    let room = make_room(&engine, site.admin).await;
    let minutes = |at: slotwise_domain::Instant| at.since(Clock::now(&SystemClock)).0 as f64 / 60e6;
    assert!((4.9..5.1).contains(&minutes(engine.now())), "{}", minutes(engine.now()));
    let hold = slotwise_domain::HoldId(id(engine.now()));
    let line = crate::support::line(room, engine.now().plus(Span::days(1)));
    let answer = engine.execute(request(site.admin, Action::Hold { hold, line })).await;
    let Answer::Decided(recorded, _) = answer else { panic!("{answer:?}") };
    assert!((4.9..5.1).contains(&minutes(recorded.decision.decided_at)));
    assert!(store.warnings().iter().any(|says| says.contains("clocks")), "{:?}", store.warnings());
    assert_eq!(store.status(), slotwise_engine::Status::Ready);
    // It falls due by the same clock.
    let due = store.due(Some(engine.now().plus(Span::seconds(31))), 9).await.unwrap();
    assert_eq!(due.len(), 1);
    assert!(due[0].0.since(recorded.decision.decided_at) == Span::seconds(30));
}

/// An answer that comes late says what the clock was when it was read: nobody has set it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_comes_late_is_no_clock_that_jumped() {
    let Some(database) = Database::start(&[]) else { return };
    let late = Arc::new(AtomicU64::new(0));
    let url = database.url_at(late_way(database.port(), late.clone()));
    let store = Postgres::open(&url, Options { keep: None, ..Options::default() }).await.unwrap();
    let site = site();
    store.put_person(person(site.admin, "Ada", Role::Admin)).await.unwrap();
    late.store(6_500, Ordering::Relaxed);
    store.look_at_settings().await;
    late.store(0, Ordering::Relaxed);
    assert_eq!(store.status(), slotwise_engine::Status::Ready);
    assert_eq!(store.warnings(), Vec::<String>::new());
    store.look_at_settings().await;
    assert_eq!(store.status(), slotwise_engine::Status::Ready);
    drop(store);

    // In the first flight of a commit of many, what follows the reading takes its time.
    let (engine, store) = engine(&database.url(), site.admin).await;
    let hall = ResourceId(engine.fresh_id());
    let spec = slotwise_domain::ResourceSpec { capacity: None, ..crate::support::room("Hall") };
    let make = Action::CreateResource { resource: hall, spec: Box::new(spec.checked().unwrap()) };
    assert!(matches!(engine.execute(request(site.admin, make)).await, Answer::Decided(..)));
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(5.5); RETURN NULL; END $$;
        CREATE TRIGGER slow BEFORE INSERT ON attempt FOR EACH STATEMENT EXECUTE FUNCTION slow()";
    connected(&database.url()).await.batch_execute(slow).await.unwrap();
    let day = store.clock().now().plus(Span::days(1));
    let batch: Vec<Proposal> = (0..2_000)
        .map(|n| {
            let mut proposal = site.book(site.admin, hall, day.plus(Span::hours(n % 20)));
            proposal.key.key = Uuid::now_v7();
            proposal
        })
        .collect();
    let settled = store.commit(batch, settle).await.unwrap();
    let booked = settled.iter().filter(|settled| outcome(settled) == "BOOKED").count();
    assert_eq!((booked, store.status()), (2_000, slotwise_engine::Status::Ready));
}

/// What cannot be read of one resource withholds nothing of others, and hides nothing that was lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_of_one_is_told_of_all_others() {
    let Some(database) = Database::start(&[]) else { return };
    let site = site();
    let reads = Instance::over(&database.url(), &site);
    reads.person(site.admin, Role::Admin).await;
    let (bad, good, gone) = (reads.room().await, reads.room().await, reads.room().await);
    assert_eq!(outcome(&reads.one(site.book(site.admin, bad, START.plus(HOUR))).await), "BOOKED");
    let by = connected(&database.url()).await;
    let bytes = format!(
        "UPDATE snapshot SET changes = 'x' WHERE resource = '{0}'; UPDATE record SET changes = 'x' WHERE resource = '{0}'",
        bad.0
    );
    by.batch_execute(&bytes).await.unwrap();
    let other = Instance::over(&database.url(), &site);
    assert!(other.store.warnings().iter().any(|says| says.contains(&bad.0.to_string())));
    let (mut cursor, mut told) = (other.store.head().await.unwrap(), BTreeSet::new());
    for n in 2..6 {
        for room in [bad, good] {
            assert_eq!(outcome(&reads.one(site.book(site.admin, room, START.plus(Span::hours(n)))).await), "BOOKED");
        }
    }
    soon("all is told", async || {
        let (records, next) = other.store.outbox(cursor.clone(), 99).await.unwrap();
        told.extend(records.into_iter().map(|record| (record.resource, record.version.number)));
        cursor = next;
        told.len() == 8
    })
    .await;
    assert_eq!(told.iter().filter(|(id, _)| *id == bad).map(|(_, n)| *n).collect::<Vec<_>>(), [3, 4, 5, 6]);
    assert!(told.contains(&(good, 5)));
    // A resource that is first heard of, and cannot be read either.
    let next = reads.room().await;
    by.batch_execute(&format!("UPDATE record SET changes = 'x' WHERE resource = '{}'", next.0)).await.unwrap();
    by.batch_execute(&format!("DELETE FROM resource_head WHERE resource = '{}'", gone.0)).await.unwrap();
    let begun = Instant::now();
    while other.store.status() == slotwise_engine::Status::Ready {
        assert!(begun.elapsed() < Duration::from_secs(25), "what was lost is not found");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A snapshot takes the place of another while a calendar is loaded: what is loaded is not the earlier one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_is_replaced_meanwhile_is_not_the_present_one() {
    let Some(database) = Database::start(&[]) else { return };
    let site = site();
    let near = Instance::over(&database.url(), &site);
    near.person(site.admin, Role::Admin).await;
    let room = near.room().await;
    let by = connected(&database.url()).await;
    for n in 0..64 {
        let Settled::Decided(_, Some(Made::Hold(hold, None))) =
            near.one(site.hold(site.admin, room, START.plus(Span::hours(1 + n)))).await
        else {
            panic!("no hold")
        };
        // The last version is the snapshot's.
        if n < 63 {
            let hold = slotwise_domain::HoldRef { id: hold.id, token: hold.token };
            assert_eq!(outcome(&near.one(site.by(site.admin, Action::Release(hold))).await), "ACCEPTED");
        }
        if n == 32 {
            by.batch_execute("CREATE TABLE earlier AS SELECT * FROM snapshot").await.unwrap();
        }
    }
    by.batch_execute("CREATE TABLE later AS SELECT * FROM snapshot").await.unwrap();
    assert_eq!(asked(&database.url(), "SELECT number FROM earlier").await, "64");
    assert_eq!(asked(&database.url(), "SELECT number FROM later").await, "128");
    let put = |from: &str| {
        format!(
            "UPDATE snapshot s SET number = o.number, epoch = o.epoch, decided_at = o.decided_at, changes = o.changes FROM {from} o"
        )
    };
    let far = crate::postgres::open(&database.url(), 1, site.clock.clone(), 0);
    by.batch_execute(&format!("{}; BEGIN; LOCK TABLE record IN ACCESS EXCLUSIVE MODE", put("earlier"))).await.unwrap();
    // Nothing is kept in memory.
    let loading = {
        let (far, scope) = (far.clone(), crate::support::scope_of(room));
        tokio::spawn(async move { far.look(scope).await.unwrap().calendars[&room].version.number })
    };
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    soon("it reads", async || asked(&database.url(), waits).await == "1").await;
    by.batch_execute(&format!("{}; COMMIT", put("later"))).await.unwrap();
    assert_eq!(loading.await.unwrap(), 128);
}

/// Judges as if nothing were ever full, for those who ask for it.
fn blind(world: &World, proposal: &Proposal, now: slotwise_domain::Instant) -> slotwise_domain::Verdict {
    let mut wide = world.clone();
    for calendar in wide.calendars.values_mut() {
        Arc::make_mut(&mut Arc::make_mut(calendar).resource).spec.capacity = None;
    }
    settle(&wide, proposal, now)
}

/// What is broken on one resource stops that resource, at every way to it, and no other; a new start looks again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_broken_stops_where_it_is_broken() {
    let Some(database) = Database::start(&[]) else { return };
    let site = site();
    let instance = Instance::over(&database.url(), &site);
    instance.person(site.admin, Role::Admin).await;
    let (broken, sound) = (instance.room().await, instance.room().await);
    let there = instance.one(site.book(site.admin, broken, START.plus(HOUR))).await;
    let Settled::Decided(_, Some(Made::Booking(booking))) = there else { panic!("{there:?}") };
    let unsound = instance.store.commit(vec![site.book(site.admin, broken, START.plus(HOUR))], blind).await;
    assert!(unsound.is_err());
    for action in [
        site.booking(site.admin, &[(broken, START.plus(Span::hours(9)))], None),
        site.booking(site.admin, &[(sound, START.plus(Span::hours(9))), (broken, START.plus(Span::hours(9)))], None),
        Action::Cancel { booking: booking.id, reason: None },
    ] {
        let said = outcome(&instance.one(site.by(site.admin, action)).await);
        assert!(said == "FAILED store_unavailable" || said == "FAILED conflict", "{said}");
    }
    assert_eq!(outcome(&instance.one(site.book(site.admin, sound, START.plus(HOUR))).await), "BOOKED");

    // Bytes of one resource that are not what was written are its own trouble too.
    let bytes = format!("UPDATE snapshot SET changes = 'x' WHERE resource = '{}'", sound.0);
    connected(&database.url()).await.batch_execute(&bytes).await.unwrap();
    let again = Instance::over(&database.url(), &site);
    assert_eq!(outcome(&again.one(site.book(site.admin, broken, START.plus(Span::hours(3)))).await), "BOOKED");
    let said = outcome(&again.one(site.book(site.admin, sound, START.plus(Span::hours(3)))).await);
    assert_eq!(said, "FAILED store_unavailable");
    assert!(again.store.warnings().iter().any(|says| says.contains(&sound.0.to_string())));
    assert_eq!(outcome(&again.one(site.book(site.admin, broken, START.plus(Span::hours(4)))).await), "BOOKED");
    assert_eq!(again.store.status(), slotwise_engine::Status::Ready);
}
