//! E4: many attempts in one commit: in process through the store and through the engine, and over HTTP in one request.
//! Each attempt has its own key, its own check and its own recorded answer, whatever the size of its company.

use crate::child::Server;
use crate::ground::{Ground, rest, say};
use crate::http::Connection;
use crate::load::WARM_UP;
use crate::peers::{self, Peers};
use crate::results::{Experiment, Reading, Results, Whose};
use crate::server::Slotwise;
use crate::slots::{Batch, Dice, Slots};
use crate::store::{self, FreshIds, Maker, Plan};
use crate::{attempts, gauge};
use anyhow::{Context, ensure};
use slotwise_domain::{PersonId, ResourceId, Role, settle};
use slotwise_engine::{Answer, Engine, Limits, Request, Store};
use slotwise_store::{Embedded, Options, SystemClock};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Attempts of one commit.
pub const SIZES: [usize; 3] = [100, 1_000, 8_000];
/// TigerBeetle's batches of the same sizes, and what share of its rate is to be reached.
const BESIDE: [(usize, &str, f64); 3] = [
    (100, peers::TIGERBEETLE_100.name, 1.0),
    (1_000, peers::TIGERBEETLE_1000.name, 1.0),
    (8_000, peers::TIGERBEETLE_8000.name, 1.0),
];

/// The row of a store's commits of a size.
pub fn store_row(size: usize) -> String {
    format!("store, in process, {size} a commit")
}

/// Measures E4.
pub async fn run(ground: &Ground) -> anyhow::Result<()> {
    let wish = &ground.wish;
    let mut e4 = Experiment::begin("E4: many attempts in one commit", wish.window.as_secs(), wish.rounds);
    let bare =
        Server::start("the bare server", &ground.own, &["bare".as_ref()], &ground.scratch.path().join("bare.log"))?;
    let data = ground.scratch.folder("batches")?;
    let filled = store::fill(&data, Plan { resources: wish.resources as usize, past: 0, coming: 0 }).await?;
    let rooms: Vec<ResourceId> = filled.rooms.iter().copied().map(ResourceId).collect();
    let slotwise = ground.build.start(&ground.scratch.folder("batches-http")?, wish.resources).await?;
    let endpoint = takes_batches(&slotwise).await?;
    if !endpoint {
        let note = "this build of the server has no POST /api/attempts that takes many; the rows over HTTP are missing";
        say(&format!("!!! {note}"));
        e4.note(note);
    }
    let wants = attempts::Wants::of(&slotwise)?;
    for _ in ground.rounds() {
        attempts::look_at_disk(ground, &mut e4).await?;
        let case = attempts::Case::Bare(64);
        let reading = attempts::closed(ground, &bare, &wants, case).await?;
        e4.add(Whose::Peer, &case.name(), "a second", reading);
        for size in SIZES {
            rest().await;
            add(&mut e4, &store_row(size), in_store(&data, &rooms, size, wish.window).await?);
            rest().await;
            add(&mut e4, &format!("engine, in process, {size} at once"), in_engine(&data, &rooms, size, wish.window)?);
            if endpoint {
                rest().await;
                let reading = over_http(&slotwise, size, wish.window).await?;
                add(&mut e4, &format!("POST /api/attempts, {size} in one request"), reading);
            }
        }
        Peers::none().round(ground, &mut e4).await?;
    }
    let scaled = [peers::TIGERBEETLE_100, peers::TIGERBEETLE_1000, peers::TIGERBEETLE_8000];
    let scaled = peers::scaled(&e4, &scaled);
    e4.rows.extend(scaled);
    for (size, tigerbeetle, share) in BESIDE {
        e4.ratio_at_least(&store_row(size), tigerbeetle, share);
        e4.ratio_at_least(&format!("POST /api/attempts, {size} in one request"), tigerbeetle, share);
    }
    e4.note(
        "one client, which makes the next batch while it waits for the answer to the last; its CPU is in the table",
    );
    Results::keep("e4", e4)?;
    slotwise.server.end()?;
    bare.end()
}

fn add(into: &mut Experiment, name: &str, reading: Reading) {
    say(&format!("{name}: {:.0}/s", reading.value));
    into.add(Whose::Ours, name, "a second", reading);
}

/// Commits one batch after the other through the store's port.
pub async fn in_store(data: &Path, rooms: &[ResourceId], size: usize, window: Duration) -> anyhow::Result<Reading> {
    let store = Embedded::open(data, Options::default()).context("opening the store")?;
    let owner = store::person(&*store, "Bench", Role::Admin).await?;
    let mut maker = Maker { clock: Arc::new(SystemClock), dice: Dice::new() };
    let batch = |maker: &mut Maker| -> anyhow::Result<Vec<_>> {
        (0..size).map(|_| maker.book_somewhere(owner, rooms)).collect()
    };
    let began = Instant::now();
    let (from, until) = (began + WARM_UP, began + WARM_UP + window);
    let (mut answered, mut booked, mut first, mut last) = (0_u64, 0_u64, None, began);
    let mut took = hdrhistogram::Histogram::<u64>::new(3)?;
    let mut cpu = gauge::threads(std::process::id());
    let mut next = batch(&mut maker)?;
    // A slow batch may take longer than the window; one at least is measured.
    while last < until || answered == 0 {
        let sent = Instant::now();
        if sent >= from && first.is_none() {
            (first, cpu) = (Some(sent), gauge::threads(std::process::id()));
        }
        let committing = tokio::spawn({
            let store = store.clone();
            async move { store.commit(next, settle).await }
        });
        // The writer has the batch before we make the next.
        tokio::task::yield_now().await;
        next = batch(&mut maker)?;
        let settled = committing.await.context("a commit panicked")??;
        ensure!(settled.len() == size, "the store answered {} of {size}", settled.len());
        last = Instant::now();
        if first.is_some() {
            answered += settled.len() as u64;
            booked += settled.iter().filter(|settled| store::accepted(settled)).count() as u64;
            took.record(crate::load::micros(last - sent))?;
        }
    }
    let seconds = last.duration_since(first.context("nothing was measured")?).as_secs_f64();
    let mut reading = Reading::of(answered as f64 / seconds).with("p50_us", took.value_at_quantile(0.5) as f64);
    reading.details.insert("p99_us".into(), took.value_at_quantile(0.99) as f64);
    put_threads(&mut reading, &cpu, answered);
    reading.outcomes = [("BOOKED".into(), booked), ("REJECTED".into(), answered - booked)].into();
    Ok(reading)
}

/// Keeps so many executions of the engine going at once, on a runtime like the server's.
fn in_engine(data: &Path, rooms: &[ResourceId], size: usize, window: Duration) -> anyhow::Result<Reading> {
    let (data, rooms) = (data.to_path_buf(), Arc::new(rooms.to_vec()));
    let measured = std::thread::spawn(move || -> anyhow::Result<Reading> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let store = Embedded::open(&data, Options::default()).context("opening the store")?;
            let owner = store::person(&*store, "Bench", Role::Admin).await?;
            let limits = Limits { queue_max: size * 2, batch_max: size, ..Limits::default() };
            let engine = Engine::start(store, Arc::new(SystemClock), Arc::new(FreshIds), limits);
            let began = Instant::now();
            let (from, until) = (began + WARM_UP, began + WARM_UP + window);
            let mut clients = JoinSet::new();
            for _ in 0..size {
                clients.spawn(client(engine.clone(), owner, rooms.clone(), from, until));
            }
            tokio::time::sleep_until(from.into()).await;
            let cpu = gauge::threads(std::process::id());
            tokio::time::sleep_until(until.into()).await;
            let mut reading = Reading::default();
            put_threads(&mut reading, &cpu, 1);
            let (mut answered, mut booked) = (0, 0);
            while let Some(done) = clients.join_next().await {
                let (of, were) = done??;
                answered += of;
                booked += were;
            }
            for used in reading.details.values_mut() {
                *used /= (answered as f64).max(1.0);
            }
            reading.value = answered as f64 / window.as_secs_f64();
            reading.outcomes = [("BOOKED".into(), booked), ("REJECTED".into(), answered - booked)].into();
            Ok(reading)
        })
    });
    measured.join().map_err(|_| anyhow::anyhow!("the engine's thread panicked"))?
}

async fn client(
    engine: Arc<Engine>,
    owner: PersonId,
    rooms: Arc<Vec<ResourceId>>,
    from: Instant,
    until: Instant,
) -> anyhow::Result<(u64, u64)> {
    let mut maker = Maker { clock: Arc::new(SystemClock), dice: Dice::new() };
    let (mut answered, mut booked) = (0, 0);
    loop {
        let proposal = maker.book_somewhere(owner, &rooms)?;
        let (key, fingerprint, command) = (proposal.key.key, proposal.fingerprint, proposal.command);
        let answer = engine.execute(Request { key, fingerprint, command }).await;
        let now = Instant::now();
        let Answer::Decided(recorded, _) = answer else { anyhow::bail!("the engine answers {answer:?}") };
        if now >= until {
            return Ok((answered, booked));
        }
        if now >= from {
            answered += 1;
            booked += u64::from(!matches!(recorded.decision.outcome, slotwise_domain::Outcome::Rejected(_)));
        }
    }
}

/// CPU of our own threads in microseconds an answer; in process the generator is one of them.
fn put_threads(reading: &mut Reading, before: &std::collections::BTreeMap<String, f64>, answered: u64) {
    for (name, after) in gauge::threads(std::process::id()) {
        let us = (after - before.get(&name).copied().unwrap_or(0.0)) * 1e6 / answered.max(1) as f64;
        if us >= 0.05 {
            reading.details.insert(format!("thread {name}_us"), us);
        }
    }
}

/// Whether the server takes many attempts in one request. An answer that is neither yes nor "no such place" is an error.
async fn takes_batches(slotwise: &Slotwise) -> anyhow::Result<bool> {
    let mut connection = Connection::open(slotwise.server.address).await?;
    let mut batch = Batch::new(Slots::new(&slotwise.rooms, &slotwise.secret)?);
    let answer = connection.ask(&batch.next(2)).await?;
    match answer.status {
        404 | 405 => Ok(false),
        200 if occurrences(answer.body, b"\"outcome\":\"BOOKED\"") == 2 => Ok(true),
        status => anyhow::bail!("POST /api/attempts answers {status}: {}", String::from_utf8_lossy(answer.body)),
    }
}

/// One client that sends one request after the other.
async fn over_http(slotwise: &Slotwise, size: usize, window: Duration) -> anyhow::Result<Reading> {
    let mut connection = Connection::open(slotwise.server.address).await?;
    let mut batch = Batch::new(Slots::new(&slotwise.rooms, &slotwise.secret)?);
    let pid = slotwise.server.pid();
    let began = Instant::now();
    let (from, until) = (began + WARM_UP, began + WARM_UP + window);
    let (mut booked, mut rejected, mut first, mut last) = (0_u64, 0_u64, None, began);
    let (mut server, mut own) = (gauge::cpu_of_tree(pid), gauge::own_cpu());
    while last < until || booked + rejected == 0 {
        // Made before the clock runs for it; it still costs the machine, which is why our CPU is told.
        let request = batch.next(size);
        let sent = Instant::now();
        if sent >= from && first.is_none() {
            (first, server, own) = (Some(sent), gauge::cpu_of_tree(pid), gauge::own_cpu());
        }
        let answer = connection.ask(&request).await?;
        ensure!(answer.status == 200, "{}: {}", answer.status, String::from_utf8_lossy(answer.body));
        last = Instant::now();
        let of = |outcome: &str| occurrences(answer.body, format!("\"outcome\":\"{outcome}\"").as_bytes());
        let (yes, no) = (of("BOOKED"), of("REJECTED"));
        ensure!(yes + no == size as u64, "{} of {size} were decided", yes + no);
        if first.is_some() {
            booked += yes;
            rejected += no;
        }
    }
    let seconds = last.duration_since(first.context("nothing was measured")?).as_secs_f64();
    let answers = (booked + rejected).max(1) as f64;
    let mut reading = Reading::of(answers / seconds)
        .with("server_cpu_us", (gauge::cpu_of_tree(pid) - server) * 1e6 / answers)
        .with("generator_cpu_us", (gauge::own_cpu() - own) * 1e6 / answers);
    reading.outcomes = [("BOOKED".into(), booked), ("REJECTED".into(), rejected)].into();
    Ok(reading)
}

fn occurrences(body: &[u8], wanted: &[u8]) -> u64 {
    let (mut count, mut at) = (0, 0);
    while let Some(rest) = body.get(at..) {
        let Some(quote) = rest.iter().position(|byte| *byte == b'"') else { break };
        at += quote;
        let here = body.get(at..).is_some_and(|rest| rest.starts_with(wanted));
        count += u64::from(here);
        at += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::occurrences;

    #[test]
    fn occurrences_are_counted() {
        let body = br#"[{"outcome":"BOOKED"},{"outcome":"REJECTED"},{"outcome":"BOOKED"}]"#;
        assert_eq!(occurrences(body, b"\"outcome\":\"BOOKED\""), 2);
        assert_eq!(occurrences(b"", b"x"), 0);
    }
}
