//! Databases that end, stand still, take over from each other, or change their minds, under a store that goes on.
//! What is told is compared with what is there afterwards.

use crate::database::Database;
use crate::postgres::{Instance, asked, new_part, site};
use crate::support::{START, Site, outcome};
use slotwise_domain::{AttemptKey, Role, Span, settle};
use slotwise_engine::{CommitError, Directory, Recorded, Settled, Status, Store};
use slotwise_store::Postgres;
use slotwise_store::postgres::Options;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What became of each attempt as it was told.
#[derive(Default)]
struct Told {
    decided: Vec<Arc<Recorded>>,
    failed: Vec<AttemptKey>,
    none: Vec<AttemptKey>,
}

fn note(told: &Mutex<Told>, key: AttemptKey, said: Result<Vec<Settled>, CommitError>) {
    let mut told = told.lock().unwrap();
    match said.map(|mut settled| settled.remove(0)) {
        Ok(Settled::Decided(recorded, _)) => told.decided.push(recorded),
        Ok(Settled::Failed(_)) | Err(CommitError::NothingWritten(_)) => told.failed.push(key),
        Err(CommitError::Unknown(_)) => told.none.push(key),
        other => panic!("{other:?}"),
    }
}

/// Books one slot after the other from several tasks until it is told to stop.
async fn book_on(instance: &Instance, tasks: usize, until: impl Future<Output = ()>) -> Told {
    let told = Arc::new(Mutex::new(Told::default()));
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mut rooms = Vec::new();
    for _ in 0..tasks {
        rooms.push(instance.room().await);
    }
    let booking: Vec<_> = rooms
        .into_iter()
        .map(|room| {
            let (store, site, told, stop) = (instance.store.clone(), instance.site.clone(), told.clone(), stop.clone());
            tokio::spawn(async move {
                for n in 0.. {
                    if stop.load(std::sync::atomic::Ordering::Relaxed) {
                        return;
                    }
                    let proposal = site.book(site.admin, room, START.plus(Span::hours(1 + n)));
                    let key = proposal.key;
                    let said = store.commit(vec![proposal], settle).await;
                    note(&told, key, said);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
        })
        .collect();
    until.await;
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for task in booking {
        task.await.unwrap();
    }
    Arc::into_inner(told).unwrap().into_inner().unwrap()
}

/// Whatever was told is there, whatever was refused is not, and the rest is one of both.
async fn is_as_told(url: &str, site: &Arc<Site>, told: &Told) {
    is_there_as_told(&Instance::over(url, site), told).await;
    let torn = "SELECT count(*) FROM booking b WHERE NOT EXISTS (SELECT 1 FROM journal j WHERE j.id = b.commit_id)";
    assert_eq!(asked(url, torn).await, "0");
    let idle = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";
    assert_eq!(asked(url, idle).await, "0");
}

async fn is_there_as_told(fresh: &Instance, told: &Told) {
    for recorded in &told.decided {
        let found = fresh.store.recall(recorded.key).await.unwrap();
        assert_eq!(found.as_ref(), Some(&**recorded), "told and not there");
    }
    for key in &told.failed {
        assert_eq!(fresh.store.recall(*key).await.unwrap(), None, "refused and there");
    }
}

/// How long it takes until the instance books again.
async fn books_again(instance: &Instance, within: Duration) -> Duration {
    let begun = Instant::now();
    let site = &instance.site;
    let mut said = String::new();
    while begun.elapsed() < within {
        let room = slotwise_domain::ResourceId(crate::support::id(START));
        let spec = Box::new(crate::support::room("Room").checked().unwrap());
        let make = slotwise_domain::Action::CreateResource { resource: room, spec };
        said = match instance.store.commit(vec![site.by(site.admin, make)], settle).await {
            Ok(settled) => outcome(&settled[0]),
            Err(e) => e.to_string(),
        };
        if said == "ACCEPTED" {
            return begun.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not book again within {within:?}: {said}");
}

/// The database is ended at once and started again, three times, in the middle of bookings.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_restarts_is_found_again() {
    let Some(mut database) = Database::start(&[]) else { return };
    let site = site();
    let instance = Instance::over(&database.url(), &site);
    instance.person(site.admin, Role::Admin).await;
    for _ in 0..3 {
        let told = book_on(&instance, 4, async {
            tokio::time::sleep(Duration::from_millis(400)).await;
            tokio::task::block_in_place(|| database.stop_at_once());
            tokio::time::sleep(Duration::from_millis(300)).await;
            tokio::task::block_in_place(|| database.restart());
            tokio::time::sleep(Duration::from_millis(400)).await;
        })
        .await;
        println!(
            "{} decided, {} failed, {} without an outcome",
            told.decided.len(),
            told.failed.len(),
            told.none.len()
        );
        assert!(told.decided.len() > 8 && !told.failed.is_empty());
        is_as_told(&database.url(), &site, &told).await;
    }
}

/// The database stands still for a while: everybody is told something within the time that is theirs, and it goes on by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_stands_still_keeps_nobody_for_ever() {
    let Some(database) = Database::start(&[]) else { return };
    let site = site();
    let instance = Instance::over(&database.url(), &site);
    instance.person(site.admin, Role::Admin).await;
    let seconds: u64 = std::env::var("SLOTWISE_STALL_S").map_or(9, |n| n.parse().unwrap());
    let longest = Arc::new(Mutex::new(Duration::ZERO));
    let told = book_on(&instance, 4, async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        tokio::task::block_in_place(|| database.stands_still(true));
        let (store, room) = (instance.store.clone(), slotwise_domain::ResourceId(crate::support::id(START)));
        let scope = crate::support::scope_of(room);
        let begun = Instant::now();
        // A commit is given up, and asked about; a read has no answer.
        let commit = store.commit(vec![site.book(site.admin, room, START.plus(Span::hours(1)))], settle);
        drop(tokio::time::timeout(Duration::from_secs(seconds), commit).await);
        *longest.lock().unwrap() = begun.elapsed();
        drop(tokio::time::timeout(Duration::from_millis(10), store.look(scope)).await);
        tokio::time::sleep(Duration::from_secs(seconds).saturating_sub(begun.elapsed())).await;
        tokio::task::block_in_place(|| database.stands_still(false));
    })
    .await;
    println!(
        "{} decided, {} failed, {} without an outcome; the longest commit took {:?}",
        told.decided.len(),
        told.failed.len(),
        told.none.len(),
        longest.lock().unwrap()
    );
    let took = books_again(&instance, Duration::from_secs(5)).await;
    let connections = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'slotwise'";
    let many: usize = asked(&database.url(), connections).await.parse().unwrap();
    println!("books again after {took:?}, with {many} connections");
    assert!(many <= 16, "everybody came at once: {many}");
    is_as_told(&database.url(), &site, &told).await;
}

/// Two connections that read and two hundred who want them: each is told something, and nobody waits for each other for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_at_two_connections() {
    let Some(database) = Database::start(&[]) else { return };
    let site = site();
    let options = Options { clock: Some(site.clock.clone()), readers: 2, writers: 1, ..Options::default() };
    let store = Postgres::open(&database.url(), options).await.unwrap();
    let instance = Instance { store: store.clone(), site: site.clone() };
    instance.person(site.admin, Role::Admin).await;
    // A rule about persons, so that a commit asks for rows that are not there yet.
    let resource = slotwise_domain::ResourceId(crate::support::id(START));
    let spec = Box::new(crate::support::exclusive("Course").checked().unwrap());
    let make = slotwise_domain::Action::CreateResource { resource, spec };
    assert_eq!(outcome(&instance.one(site.by(site.admin, make)).await), "ACCEPTED");
    let mut people = Vec::new();
    for _ in 0..40 {
        let id = slotwise_domain::PersonId(crate::support::id(START));
        store.put_person(crate::support::person(id, "Ben", Role::Member)).await.unwrap();
        people.push(id);
    }
    let begun = Instant::now();
    let asking: Vec<_> = (0..200_usize)
        .map(|n| {
            let (store, who) = (store.clone(), people[n % 40]);
            let proposal = site.book(who, resource, START.plus(Span::hours(1 + n as i64 / 5)));
            tokio::spawn(async move {
                let seen = store.look(crate::support::scope_of(resource)).await;
                (seen.is_ok(), store.commit(vec![proposal], settle).await.unwrap().remove(0))
            })
        })
        .collect();
    let mut booked = 0;
    for asked in asking {
        let (_, settled) = asked.await.unwrap();
        let said = outcome(&settled);
        assert!(
            ["BOOKED", "REJECTED own_overlap", "REJECTED full", "FAILED conflict"].contains(&said.as_str()),
            "{said}"
        );
        booked += usize::from(said == "BOOKED");
    }
    println!("{booked} of 200 booked, in {:?}", begun.elapsed());
    assert!(booked >= 100 && begun.elapsed() < Duration::from_secs(60));
    assert!(store.look(crate::support::scope_of(resource)).await.is_ok());
}

/// The primary is lost and its synchronous standby takes over, by the same URL: nothing that was told is lost, nothing that was
/// refused appears, and the service is back within five seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_synchronous_standby_takes_over() {
    let Some(mut primary) = Database::start(&[]) else { return };
    let standby = tokio::task::block_in_place(|| primary.standby());
    asked(&primary.url(), "ALTER SYSTEM SET synchronous_standby_names = '*'").await;
    asked(&primary.url(), "SELECT pg_reload_conf()").await;
    let begun = Instant::now();
    while asked(&primary.url(), "SELECT sync_state FROM pg_stat_replication").await != "sync" {
        assert!(begun.elapsed() < Duration::from_secs(10), "the standby does not follow");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (one, other) = (primary.port(), standby.port());
    let url = format!("postgres://slotwise@127.0.0.1:{one},127.0.0.1:{other}/postgres?target_session_attrs=read-write");
    let site = site();
    let instance = Instance::over(&url, &site);
    instance.person(site.admin, Role::Admin).await;
    let mut back = Duration::ZERO;
    let told = book_on(&instance, 4, async {
        tokio::time::sleep(Duration::from_millis(800)).await;
        let lost = Instant::now();
        tokio::task::block_in_place(|| primary.kill());
        assert_eq!(asked(&standby.url(), "SELECT pg_promote()").await, "t");
        books_again(&instance, Duration::from_secs(10)).await;
        back = lost.elapsed();
        tokio::time::sleep(Duration::from_millis(400)).await;
    })
    .await;
    println!(
        "{} decided, {} failed, {} without an outcome; back after {back:?}",
        told.decided.len(),
        told.failed.len(),
        told.none.len()
    );
    assert!(told.decided.len() > 20 && back < Duration::from_secs(5), "{back:?}");
    is_as_told(&standby.url(), &site, &told).await;
    assert_eq!(instance.store.status(), Status::Ready);
}

/// A standby that nobody waits for is warned of; and when it takes over without what was told, nothing more is decided on it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_is_behind_is_found_out() {
    let Some(mut primary) = Database::start(&[]) else { return };
    let site = site();
    let before = Instance::over(&primary.url(), &site);
    before.person(site.admin, Role::Admin).await;
    let room = before.room().await;
    drop(before);
    let standby = tokio::task::block_in_place(|| primary.standby());
    let (one, other) = (primary.port(), standby.port());
    let url = format!("postgres://slotwise@127.0.0.1:{one},127.0.0.1:{other}/postgres?target_session_attrs=read-write");
    let instance = Instance::over(&url, &site);
    let warned = instance.store.warnings();
    assert!(warned.iter().any(|says| says.contains("standby")), "{warned:?}");
    // From now on it gets nothing; what is booked is told all the same.
    asked(&standby.url(), "ALTER SYSTEM SET primary_conninfo = ''").await;
    asked(&standby.url(), "SELECT pg_reload_conf()").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(outcome(&instance.one(site.book(site.admin, room, START.plus(Span::hours(1)))).await), "BOOKED");
    tokio::task::block_in_place(|| primary.kill());
    assert_eq!(asked(&standby.url(), "SELECT pg_promote()").await, "t");
    let begun = Instant::now();
    while !matches!(instance.store.status(), Status::Stopped(_)) {
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody has found out");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let Status::Stopped(says) = instance.store.status() else { unreachable!("it has stopped") };
    assert!(says.contains("lost what was told"), "{says}");
}

/// The standby that takes over lacks a booking that was told, and others book on it before those who knew that booking look at it again:
/// its record goes on, and is as long as theirs or longer. Whoever knew it decides nothing on that, and says why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_went_on_without_what_was_told_is_found_out() {
    let Some(mut primary) = Database::start(&[]) else { return };
    let site = site();
    let before = Instance::over(&primary.url(), &site);
    before.person(site.admin, Role::Admin).await;
    let mut rooms = Vec::new();
    for _ in 0..4 {
        rooms.push(before.room().await);
    }
    drop(before);
    let standby = tokio::task::block_in_place(|| primary.standby());
    let (one, other) = (primary.port(), standby.port());
    let url = format!("postgres://slotwise@127.0.0.1:{one},127.0.0.1:{other}/postgres?target_session_attrs=read-write");
    let knowing: Vec<Instance> = rooms.iter().map(|_| Instance::over(&url, &site)).collect();
    asked(&standby.url(), "ALTER SYSTEM SET primary_conninfo = ''").await;
    asked(&standby.url(), "SELECT pg_reload_conf()").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let at = |hour| START.plus(Span::hours(hour));
    for (instance, room) in knowing.iter().zip(&rooms) {
        assert_eq!(outcome(&instance.one(site.book(site.admin, *room, at(1))).await), "BOOKED");
    }
    for (instance, room) in knowing.iter().zip(&rooms) {
        assert_eq!(instance.version(*room).await, 2);
    }
    tokio::task::block_in_place(|| primary.kill());
    assert_eq!(asked(&standby.url(), "SELECT pg_promote()").await, "t");
    // Who knows nothing of that goes on: on one room not at all, on others by one version, and by two.
    let fresh = Instance::over(&standby.url(), &site);
    for (room, hours) in [(rooms[1], 2..3), (rooms[2], 2..4), (rooms[3], 2..3)] {
        for hour in hours {
            assert_eq!(outcome(&fresh.one(site.book(site.admin, room, at(hour))).await), "BOOKED");
        }
    }
    let stopped = |instance: &Instance| match instance.store.status() {
        Status::Stopped(says) => says.contains("lost what was told"),
        _ => false,
    };
    for n in 0..3 {
        let begun = Instant::now();
        while !stopped(&knowing[n]) {
            let said = knowing[n].store.commit(vec![site.book(site.admin, rooms[n], at(2))], settle).await;
            // Its connections are of the database that was lost.
            let nothing = match &said {
                Err(CommitError::NothingWritten(_)) => true,
                Ok(settled) => outcome(&settled[0]).starts_with("FAILED"),
                Err(CommitError::Unknown(_)) => false,
            };
            assert!(nothing, "room {n}: decided on what it does not know: {said:?}");
            assert!(begun.elapsed() < Duration::from_secs(5), "room {n}: {:?}", knowing[n].store.status());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    // And who decides nothing finds out too.
    let begun = Instant::now();
    while !stopped(&knowing[3]) {
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody has found out");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(fresh.store.status(), Status::Ready);
}

/// Whatever takes over from whatever, while somebody kills servers or asks Patroni for a switchover by hand: bookings go on for as long
/// as was said, and what was told is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_database_that_takes_over_by_itself() {
    let Ok(url) = std::env::var("SLOTWISE_FAILOVER_URL") else {
        return eprintln!("LEFT OUT: SLOTWISE_FAILOVER_URL names no databases that take over from each other");
    };
    let seconds = std::env::var("SLOTWISE_FAILOVER_S").map_or(60, |n| n.parse().unwrap());
    let site = site();
    let options = Options { part: new_part(), clock: Some(site.clock.clone()), keep: None, ..Options::default() };
    let instance = Instance { store: Postgres::open(&url, options.clone()).await.unwrap(), site: site.clone() };
    instance.person(site.admin, Role::Admin).await;
    let mut gaps = Vec::new();
    let told = book_on(&instance, 4, async {
        let begun = Instant::now();
        let mut took = Duration::ZERO;
        while begun.elapsed() < Duration::from_secs(seconds) {
            took = books_again(&instance, Duration::from_secs(120)).await;
            if took > Duration::from_millis(500) {
                println!("after {:?}: nothing was booked for {took:?}", begun.elapsed());
                gaps.push(took);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(took < Duration::from_secs(5), "it has not come back");
    })
    .await;
    println!(
        "{} decided, {} failed, {} without an outcome; gaps {gaps:?}",
        told.decided.len(),
        told.failed.len(),
        told.none.len()
    );
    drop(instance);
    let fresh = Instance { store: Postgres::open(&url, options).await.unwrap(), site: site.clone() };
    is_there_as_told(&fresh, &told).await;
    assert!(told.decided.len() > 100);
}

/// Somebody turns off under a running server what it rests on: nothing is decided until it is on again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_change_are_noticed() {
    let Some(database) = Database::start(&[]) else { return };
    let site = site();
    let instance = Instance::over(&database.url(), &site);
    instance.person(site.admin, Role::Admin).await;
    let room = instance.room().await;
    for (value, says) in [("off", Some("synchronous_commit is off")), ("on", None)] {
        asked(&database.url(), &format!("ALTER SYSTEM SET synchronous_commit = {value}")).await;
        asked(&database.url(), "SELECT pg_reload_conf()").await;
        let begun = Instant::now();
        loop {
            instance.store.look_at_settings().await;
            let now = instance.store.status();
            match (says, &now) {
                (Some(says), Status::Stopped(why)) if why.contains(says) => break,
                (None, Status::Ready) => break,
                _ => assert!(begun.elapsed() < Duration::from_secs(5), "{now:?}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let said = instance.store.commit(vec![site.book(site.admin, room, START.plus(Span::hours(1)))], settle).await;
        assert_eq!(said.is_ok(), says.is_none(), "{said:?}");
    }
}

/// A pool of connections in between, which gives each transaction another connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_pool_of_connections() {
    let Some(database) = Database::start(&[]) else { return };
    let named = std::env::var("SLOTWISE_PGBOUNCER").unwrap_or_else(|_| "/usr/sbin/pgbouncer".into());
    if !std::path::Path::new(&named).exists() {
        return eprintln!("LEFT OUT: there is no {named}; install pgbouncer or name it in SLOTWISE_PGBOUNCER");
    }
    let dir = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let settings = format!(
        "[databases]\npostgres = host=127.0.0.1 port={} dbname=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
         listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 6\n\
         max_client_conn = 200\nignore_startup_parameters = extra_float_digits,application_name\n",
        database.port()
    );
    let settings = settings.replace("dbname=postgres", "dbname=postgres user=slotwise");
    std::fs::write(dir.path().join("pgbouncer.ini"), settings).unwrap();
    let log = std::fs::File::create(dir.path().join("log")).unwrap();
    let mut command = Command::new(&named);
    command.arg(dir.path().join("pgbouncer.ini")).stderr(log);
    let mut pooler = crate::database::as_server(command).spawn().unwrap();
    let ended = std::panic::AssertUnwindSafe(async {
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = std::fs::read_to_string(dir.path().join("log")).unwrap_or_default();
            assert!(begun.elapsed() < Duration::from_secs(10), "it does not start: {log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let site = site();
        let url = database.url_at(port);
        let options = |part| Options { part, clock: Some(site.clock.clone()), doorbell: false, ..Options::default() };
        let mut stores = Vec::new();
        for _ in 0..2 {
            let store = Postgres::open(&url, options(1)).await.unwrap();
            stores.push(Instance { store, site: site.clone() });
        }
        stores[0].person(site.admin, Role::Admin).await;
        let room = stores[0].room().await;
        let sending: Vec<_> = (0..200)
            .map(|n| {
                let store = stores[n % 2].store.clone();
                let proposal = site.book(site.admin, room, START.plus(Span::hours(1 + n as i64 / 2)));
                tokio::spawn(async move { store.commit(vec![proposal], settle).await.unwrap().remove(0) })
            })
            .collect();
        let mut told = std::collections::BTreeMap::<String, usize>::new();
        for settled in sending {
            *told.entry(outcome(&settled.await.unwrap())).or_default() += 1;
        }
        println!("{told:?}");
        assert_eq!(stores[1].version(room).await as usize, 1 + told["BOOKED"]);
        assert!(told["BOOKED"] <= 100 && told["BOOKED"] >= 20, "{told:?}");
    });
    let ended = futures_util::FutureExt::catch_unwind(ended).await;
    drop(pooler.kill());
    drop(pooler.wait());
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}
