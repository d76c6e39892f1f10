//! P1 to P4: two servers over one PostgreSQL, beside plain pgbench on the same PostgreSQL in the same rounds; and a start over a
//! database that is full. It judges nothing but what the goals say.

use crate::attempts::{Case, Wants, window};
use crate::child::Server;
use crate::ground::{Ground, rest, say};
use crate::load::Pace;
use crate::peers::{POSTGRES_HOT, POSTGRES_SPREAD};
use crate::postgres::Postgres;
use crate::results::{Experiment, Goal, Reading, Results, Row, Whose};
use crate::server::Place;
use crate::{gauge, peers, push, store};
use anyhow::Context;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Resources that are listened to, by as many sockets, and changes a second, for P3.
const HEARD: usize = 100;
const CHANGES_PER_SECOND: f64 = 100.0;
/// A slower way, each direction: a millisecond there and back.
const SLOWER_BY: Duration = Duration::from_micros(500);
/// Bookings of the start.
const STORED: u64 = 1_000_000;

const FEW: &str = "two servers, all resources, 256 connections";
const MANY: &str = "two servers, all resources, 2,000 connections";
const HOT: &str = "two servers, one hot resource, 256 connections";
const PUSHED: &str = "from the answer of one server to the event of the other";
const ALONE: &str = "one client, one server";
const ALONE_FAR: &str = "one client, one server, 1 ms further from the database";
const START: &str = "start over a full database";

fn installed(ground: &Ground) -> anyhow::Result<Postgres> {
    Postgres::start(ground)?.with_context(|| format!("PostgreSQL is not installed; to have it: {}", peers::INSTALL))
}

/// Measures P1 to P4.
pub async fn run(ground: &Ground) -> anyhow::Result<()> {
    let wish = &ground.wish;
    let title = "Two servers over one PostgreSQL, beside pgbench on it";
    let mut all = Experiment::begin(title, wish.window.as_secs(), wish.rounds);
    let postgres = installed(ground)?;
    let url = postgres.database("house")?;
    let log = |name: &str| ground.scratch.path().join(format!("{name}.log"));
    let mut slotwise = ground.build.start_on(&url, &log("one"), wish.resources).await?;
    let (other, _) = ground.build.serve_on(&url, &log("other"))?;
    let (slow, _) = ground.build.serve_on(&slow_way(postgres.socket(), "house")?, &log("slow"))?;
    let listener = ground.build.key_in(Place::Database(&url), "Listener", "member")?;
    let wants = Wants::of(&slotwise)?;
    // From here on they are asked for by those who listen only.
    slotwise.rooms.truncate(HEARD);
    for round in ground.rounds() {
        say(&format!("round {round} of {}", wish.rounds));
        for (name, hot, clients) in [(POSTGRES_SPREAD, false, 32), (POSTGRES_HOT, true, 64)] {
            rest().await;
            let reading = postgres.window(wish.window, hot, clients)?;
            say(&format!("{name}: {:.0}/s", reading.value));
            all.add(Whose::Peer, name, "a second", reading);
        }
        for (name, case, connections) in
            [(FEW, Case::Spread(256), 256), (MANY, Case::Spread(2_000), 2_000), (HOT, Case::Hot(256), 256)]
        {
            let servers = [&slotwise.server, &other];
            let reading = on_both(ground, servers, &wants, case, connections).await?;
            say(&format!("{name}: {:.0}/s", reading.value));
            all.add(Whose::Ours, name, "a second", reading);
        }
        for (name, server) in [(ALONE, &slotwise.server), (ALONE_FAR, &slow)] {
            let reading = on_one(ground, server, &wants, Case::Spread(1), 1).await?;
            all.add(Whose::Ours, name, "a second", reading);
        }
        rest().await;
        let reading =
            push::changes(&slotwise, other.address, &listener, HEARD, CHANGES_PER_SECOND, wish.window).await?;
        all.add(Whose::Ours, PUSHED, "ms, p99", reading);
    }
    goals(&mut all);
    Results::keep("instances", all)?;
    for server in [slow, other, slotwise.server] {
        server.end()?;
    }
    postgres.end()
}

fn goals(all: &mut Experiment) {
    all.ratio_at_least(FEW, POSTGRES_SPREAD, 1.0);
    all.ratio_at_least(MANY, POSTGRES_SPREAD, 1.5);
    all.ratio_at_least(HOT, POSTGRES_HOT, 30.0);
    if let Some(share) = all.row(HOT).and_then(|row| row.detail("booked_share")) {
        let what = format!("{HOT}: answers that are BOOKED");
        all.goals.push(Goal { what, measured: share, unit: "of all".into(), goal: 0.8, at_least: true });
    }
    all.ms_at_most(PUSHED, "p99_us", 100.0);
    let p50 = |name: &str| all.row(name).and_then(|row| row.detail("p50_us"));
    if let (Some(near), Some(far)) = (p50(ALONE), p50(ALONE_FAR)) {
        let trips = (far - near) / (SLOWER_BY.as_micros() as f64 * 2.0);
        all.at_most("round trips of an attempt: what 1 ms more each costs one client, at p50", trips, "", 3.0);
    }
    all.note("Each server is one process with its defaults: four commits at a time. pgbench, the servers and the generator share the machine.");
}

async fn on_one(
    ground: &Ground,
    server: &Server,
    wants: &Wants,
    case: Case,
    connections: usize,
) -> anyhow::Result<Reading> {
    let held = "slotwise_store_connection_held_seconds";
    let before = gauge::scrape(server.address).await?;
    let mut reading = window(ground, server, wants, case, Pace::Closed, connections).await?;
    let after = gauge::scrape(server.address).await?;
    if let Some(after) = after.get(held) {
        let held = after.since(before.get(held));
        if held.count > 0.0 {
            reading.details.insert("held_ms".into(), held.mean() * 1e3);
        }
    }
    Ok(reading)
}

/// Half of the connections at each, at the same time: the rates together, the worse of the latencies.
async fn on_both(
    ground: &Ground,
    [one, other]: [&Server; 2],
    wants: &Wants,
    case: Case,
    connections: usize,
) -> anyhow::Result<Reading> {
    let half = connections / 2;
    let (one, other) =
        tokio::try_join!(on_one(ground, one, wants, case, half), on_one(ground, other, wants, case, half))?;
    let mut both = Reading::of(one.value + other.value);
    for (name, value) in one.details {
        let there = other.details.get(&name).copied().unwrap_or(value);
        // Both generators are one process: its share is told once.
        let together = match name.as_str() {
            "server_cores" | "memory_mib" => value + there,
            "held_ms" | "attempts_per_commit" | "disk_kib" | "body_bytes" => f64::midpoint(value, there),
            _ => value.max(there),
        };
        both.details.insert(name, together);
    }
    for (outcome, n) in one.outcomes.into_iter().chain(other.outcomes) {
        *both.outcomes.entry(outcome).or_default() += n;
    }
    let answers: u64 = both.outcomes.values().sum();
    let booked: u64 = both.outcomes.iter().filter(|(name, _)| name.starts_with("BOOKED")).map(|(_, n)| n).sum();
    both.details.insert("booked_share".into(), booked as f64 / answers.max(1) as f64);
    Ok(both)
}

/// How long a server takes to be ready over a database that holds a million bookings, all of them still to come.
pub async fn start(ground: &Ground) -> anyhow::Result<()> {
    let count = ground.scaled(STORED);
    let title =
        format!("Start over a PostgreSQL database with {count} bookings on {} resources", ground.wish.resources);
    let mut e = Experiment::begin(&title, 0, ground.wish.rounds);
    let postgres = installed(ground)?;
    let url = postgres.database("term")?;
    let plan = store::Plan { resources: ground.wish.resources as usize, past: 0, coming: count };
    let filled = store::fill_database(&url, plan).await?;
    say(&format!("{count} bookings stored in {:.0} s", filled.seconds));
    let size = postgres.size_of("term")? / 1_048_576.0;
    for _ in ground.rounds() {
        rest().await;
        let (server, seconds) = ground.build.serve_on(&url, &ground.scratch.path().join("start.log"))?;
        let memory = gauge::memory_kib(server.pid()) as f64 / 1024.0;
        say(&format!("{START}: {seconds:.2} s, {memory:.0} MiB"));
        e.add(Whose::Ours, START, "s", Reading::of(seconds).with("memory_mib", memory).with("database_mib", size));
        server.end()?;
    }
    if let Some(seconds) = e.row(START).map(Row::median) {
        e.at_most("from the start of the process until it says where it listens", seconds, "s", 5.0);
    }
    e.note(format!("Storing them took {:.0} s, through the commit port, up to 1,000 in a commit.", filled.seconds));
    Results::keep("instances_start", e)?;
    postgres.end()
}

/// The URL of a way to the socket of a cluster on which everything is late by [`SLOWER_BY`], each way.
fn slow_way(socket: PathBuf, database: &str) -> anyhow::Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("looking for a free port")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            if let Err(e) = pass_on(client, &socket) {
                say(&format!("the slower way: {e}"));
            }
        }
    });
    Ok(format!("postgres://bench@127.0.0.1:{port}/{database}"))
}

fn pass_on(client: std::net::TcpStream, socket: &Path) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let server = UnixStream::connect(socket)?;
    late(client.try_clone()?, server.try_clone()?);
    late(server, client);
    Ok(())
}

fn late(mut from: impl Read + Send + 'static, mut to: impl Write + Send + 'static) {
    let (put, take) = mpsc::channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        let mut bytes = vec![0; 65_536];
        while let Ok(n @ 1..) = from.read(&mut bytes) {
            let read = bytes.get(..n).unwrap_or_default().to_vec();
            if put.send((Instant::now() + SLOWER_BY, read)).is_err() {
                return;
            }
        }
    });
    std::thread::spawn(move || {
        for (at, bytes) in take {
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            // Whoever has gone takes nothing any more.
            if to.write_all(&bytes).is_err() {
                return;
            }
        }
    });
}
