//! E7: a thousand sockets on a hundred resources hear of a thousand changes a second; ten thousand sockets that hear of nothing.
//! The sockets are another person's than the bookings, so they hear only what they subscribed.

use crate::gauge;
use crate::ground::{Ground, rest, say};
use crate::http::Connection;
use crate::load::{self, micros};
use crate::results::{Experiment, Reading, Results, Whose};
use crate::server::Slotwise;
use crate::slots::{Booking, Slots};
use crate::socket::Socket;
use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use uuid::Uuid;

const IDLE: u64 = 10_000;
const SOCKETS: u64 = 1_000;
const RESOURCES: usize = 100;
const CHANGES_PER_SECOND: u64 = 1_000;
/// Connections that make the changes.
const WRITERS: usize = 64;
/// Sockets that are being opened at once.
const OPENING: usize = 64;
/// How long the last event may take after the last answer.
const LAST_WITHIN: Duration = Duration::from_secs(5);

const IDLE_ROW: &str = "idle sockets";
const PUSH_ROW: &str = "from the HTTP answer to the event";

/// Measures E7.
pub async fn run(ground: &Ground) -> anyhow::Result<()> {
    let wish = &ground.wish;
    let (idle, sockets) = (usize::try_from(ground.scaled(IDLE))?, usize::try_from(ground.scaled(SOCKETS))?);
    let title = format!("E7: {sockets} sockets on {RESOURCES} resources; {idle} idle sockets");
    let mut e7 = Experiment::begin(&title, wish.window.as_secs(), wish.rounds);
    let folder = ground.scratch.folder("push")?;
    let slotwise = ground.build.start(&folder, u32::try_from(RESOURCES)?).await?;
    let listener = ground.build.key(&folder.join("data"), "Listener", "member")?;
    rest().await;
    e7.add(Whose::Ours, IDLE_ROW, "KiB a socket", idle_sockets(&slotwise, &listener, idle).await?);
    for _ in ground.rounds() {
        rest().await;
        let per_second = ground.scaled(CHANGES_PER_SECOND) as f64;
        let reading = changes(&slotwise, slotwise.server.address, &listener, sockets, per_second, wish.window).await?;
        say(&format!(
            "push: {:.0} events/s, from answer to event p50 {:.0} µs, p99 {:.0} µs",
            reading.details.get("events_per_s").unwrap_or(&0.0),
            reading.details.get("p50_us").unwrap_or(&0.0),
            reading.details.get("p99_us").unwrap_or(&0.0),
        ));
        e7.add(Whose::Ours, PUSH_ROW, "ms, p99", reading);
    }
    if let Some(kib) = e7.row(IDLE_ROW).map(crate::results::Row::median) {
        e7.at_most("memory of an idle socket", kib, "KiB", 20.0);
    }
    e7.ms_at_most(PUSH_ROW, "p99_us", 20.0);
    e7.note("An event that came before its HTTP answer counts as 0. Their share is told.");
    Results::keep("e7", e7)?;
    slotwise.server.end()
}

/// What a socket that does nothing costs the server.
async fn idle_sockets(slotwise: &Slotwise, secret: &str, count: usize) -> anyhow::Result<Reading> {
    let pid = slotwise.server.pid();
    let before = gauge::memory_kib(pid);
    let opening = Instant::now();
    let sockets = open(slotwise.server.address, secret, count).await?;
    let opened_in = opening.elapsed();
    // Each answers the heartbeat, or the server would let it go.
    let mut tasks = JoinSet::new();
    for mut socket in sockets {
        tasks.spawn(async move { socket.event().await });
    }
    rest().await;
    let after = gauge::memory_kib(pid);
    ensure!(tasks.try_join_next().is_none(), "an idle socket heard something, or was let go");
    say(&format!("{count} idle sockets: {before} KiB before, {after} after"));
    let kib = after.saturating_sub(before) as f64 / count as f64;
    Ok(Reading::of(kib).with("opening_ms", opened_in.as_secs_f64() * 1e3).with("memory_mib", after as f64 / 1024.0))
}

async fn open(address: SocketAddr, secret: &str, count: usize) -> anyhow::Result<Vec<Socket>> {
    let mut sockets = Vec::with_capacity(count);
    let mut opening: JoinSet<anyhow::Result<Socket>> = JoinSet::new();
    for n in 0..count {
        if opening.len() >= OPENING {
            sockets.push(opening.join_next().await.context("nothing is being opened")???);
        }
        let secret = secret.to_owned();
        opening.spawn(async move { Socket::open(address, &secret, n).await });
    }
    while let Some(socket) = opening.join_next().await {
        sockets.push(socket??);
    }
    Ok(sockets)
}

/// When what was heard and answered, by attempt.
#[derive(Default)]
struct Seen {
    answered: HashMap<Uuid, Instant>,
    heard: Vec<(Uuid, Instant)>,
}

/// Changes at one server, heard at the one that listens there: from each answer to its event.
pub async fn changes(
    slotwise: &Slotwise,
    listen_at: SocketAddr,
    secret: &str,
    count: usize,
    per_second: f64,
    window: Duration,
) -> anyhow::Result<Reading> {
    let sockets = open(listen_at, secret, count).await?;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut listeners = JoinSet::new();
    for (n, mut socket) in sockets.into_iter().enumerate() {
        let resource = *slotwise.rooms.get(n % slotwise.rooms.len()).context("no rooms")?;
        socket.subscribe(&[resource]).await?;
        listeners.spawn(listen(socket, seen.clone()));
    }
    let slots = Slots::new(&slotwise.rooms, &slotwise.secret)?;
    let began = Instant::now();
    let until = began + window;
    let mut writers = JoinSet::new();
    let gap = Duration::from_secs_f64(WRITERS as f64 / per_second);
    for n in 0..WRITERS {
        let connection = Connection::open(slotwise.server.address).await?;
        let first = began + gap.mul_f64(n as f64 / WRITERS as f64);
        writers.spawn(writer(connection, Booking::new(slots.clone()), seen.clone(), first, gap, until));
    }
    let mut made = 0_u64;
    while let Some(done) = writers.join_next().await {
        made += done??;
    }
    let listening = count as u64 / slotwise.rooms.len() as u64;
    let expected = if listening == 0 { None } else { Some(made * listening) };
    let waiting = Instant::now();
    loop {
        if let Some(ended) = listeners.try_join_next() {
            return Err(ended?.context("a listening socket ended"));
        }
        let heard = seen.lock().unwrap_or_else(PoisonError::into_inner).heard.len() as u64;
        if expected.is_some_and(|expected| heard >= expected) || waiting.elapsed() > LAST_WITHIN {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let taken = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    let (mut latency, mut early) = (Histogram::<u64>::new(3)?, 0_u64);
    for (attempt, heard) in &taken.heard {
        let Some(answered) = taken.answered.get(attempt) else { continue };
        early += u64::from(heard < answered);
        latency.record(micros(heard.saturating_duration_since(*answered)))?;
    }
    ensure!(!latency.is_empty(), "no socket heard of any change");
    if count.is_multiple_of(slotwise.rooms.len()) {
        ensure!(
            latency.len() == made * listening,
            "{} events were heard, {} were due",
            latency.len(),
            made * listening
        );
    }
    let mut reading = Reading::of(latency.value_at_quantile(0.99) as f64 / 1e3)
        .with("changes_per_s", made as f64 / window.as_secs_f64())
        .with("events_per_s", latency.len() as f64 / window.as_secs_f64())
        .with("before_the_answer_share", early as f64 / latency.len() as f64);
    load::put_latency(&mut reading, &latency);
    Ok(reading)
}

/// Notes every event until the socket ends.
async fn listen(mut socket: Socket, seen: Arc<Mutex<Seen>>) -> anyhow::Error {
    loop {
        let event = match socket.event().await {
            Ok(event) => event,
            Err(e) => return e,
        };
        let now = Instant::now();
        let attempt = load::field(event.as_bytes(), b"\"attempt\":\"").and_then(|id| id.parse().ok());
        let Some(attempt) = attempt else { return anyhow::anyhow!("an event without an attempt: {event}") };
        seen.lock().unwrap_or_else(PoisonError::into_inner).heard.push((attempt, now));
    }
}

/// Books at its instants; how many changes it made.
async fn writer(
    mut connection: Connection,
    mut booking: Booking,
    seen: Arc<Mutex<Seen>>,
    first: Instant,
    gap: Duration,
    until: Instant,
) -> anyhow::Result<u64> {
    let (mut due, mut made) = (first, 0);
    while due < until {
        tokio::time::sleep_until(due.into()).await;
        due += gap;
        let status = connection.ask(booking.next()).await?.status;
        let now = Instant::now();
        // A refusal changes nothing, and nobody hears of it.
        if status == 201 {
            let key = booking.key().context("a request without a key")?;
            seen.lock().unwrap_or_else(PoisonError::into_inner).answered.insert(key, now);
            made += 1;
        }
    }
    Ok(made)
}
