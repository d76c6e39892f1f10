//! The generator: many connections, closed loop for throughput, open loop for latency from the intended start.
//! It never leaves a slow answer out: in the open loop a request that starts late is late from its intended start.

use crate::gauge::{self, Snapshot};
use crate::http::{Answer, Connection};
use crate::results::Reading;
use crate::slots::{Booking, Slots};
use anyhow::{Context, bail};
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Before each window.
pub const WARM_UP: Duration = Duration::from_secs(1);
/// Requests of a burst that may be due at once: a few milliseconds of our own scheduling, and no queue.
const SLACK: usize = 256;
/// How long the last answers of a window may take.
const LAST_WITHIN: Duration = Duration::from_secs(40);

/// When requests are sent.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// As soon as the answer to the one before is there.
    Closed,
    /// So many a second, evenly, whatever becomes of them.
    Open { per_second: f64 },
}

/// What is sent where.
pub struct Load {
    /// The server.
    pub address: SocketAddr,
    /// Its process.
    pub pid: u32,
    /// What is asked for.
    pub slots: Arc<Slots>,
    /// How many connections.
    pub connections: usize,
    /// When.
    pub pace: Pace,
    /// For how long it is measured.
    pub window: Duration,
}

/// What was answered within the window.
pub struct Tally {
    /// How many.
    pub answered: u64,
    /// By outcome and code.
    pub outcomes: BTreeMap<String, u64>,
    /// From the start (closed) or the intended start (open) to the answer, in microseconds.
    pub latency: Histogram<u64>,
    /// From the intended start to the start, in microseconds; nothing in the closed loop.
    pub lateness: Histogram<u64>,
    /// Of the bodies of all answers.
    pub body_bytes: u64,
}

impl Tally {
    /// Of nothing.
    pub fn new() -> anyhow::Result<Tally> {
        Ok(Tally {
            answered: 0,
            outcomes: BTreeMap::new(),
            latency: Histogram::new(3)?,
            lateness: Histogram::new(3)?,
            body_bytes: 0,
        })
    }
}

/// One measured window.
pub struct Sample {
    /// What was answered.
    pub tally: Tally,
    /// How things stood when it began.
    pub before: Snapshot,
    /// How things stood when it ended.
    pub after: Snapshot,
}

impl Sample {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.tally.answered as f64 / self.seconds()
    }

    /// How long it was.
    pub fn seconds(&self) -> f64 {
        self.after.at.duration_since(self.before.at).as_secs_f64()
    }
}

/// The instants of one window.
#[derive(Clone, Copy)]
struct Window {
    began: Instant,
    from: Instant,
    until: Instant,
}

impl Sample {
    /// What the sample says of its row: the rate, and what it took.
    pub fn reading(&self) -> Reading {
        let answers = self.tally.answered.max(1) as f64;
        let (server, generator) =
            (self.after.server_cpu - self.before.server_cpu, self.after.generator_cpu - self.before.generator_cpu);
        let mut reading = Reading::of(self.rate())
            .with("server_cpu_us", server * 1e6 / answers)
            .with("generator_cpu_us", generator * 1e6 / answers)
            .with("server_cores", server / self.seconds())
            .with("generator_cores", generator / self.seconds())
            .with("memory_mib", self.after.memory_kib as f64 / 1024.0)
            .with("body_bytes", self.tally.body_bytes as f64 / answers)
            .with("disk_kib", self.after.disk_bytes.saturating_sub(self.before.disk_bytes) as f64 / 1024.0 / answers)
            .with("late_p99_us", self.tally.lateness.value_at_quantile(0.99) as f64);
        put_latency(&mut reading, &self.tally.latency);
        for (name, after) in &self.after.threads {
            let us = (after - self.before.threads.get(name).copied().unwrap_or(0.0)) * 1e6 / answers;
            if us >= 0.05 {
                reading.details.insert(format!("thread {name}_us"), us);
            }
        }
        if let Some(after) = self.after.histograms.get("slotwise_batch_size") {
            let sizes = after.since(self.before.histograms.get("slotwise_batch_size"));
            if sizes.count > 0.0 {
                reading.details.insert("attempts_per_commit".into(), sizes.mean());
            }
        }
        reading.outcomes.clone_from(&self.tally.outcomes);
        reading
    }
}

/// The usual quantiles of latencies in microseconds.
pub fn put_latency(reading: &mut Reading, latency: &Histogram<u64>) {
    for (name, share) in [("p50_us", 0.5), ("p90_us", 0.9), ("p99_us", 0.99)] {
        reading.details.insert(name.into(), latency.value_at_quantile(share) as f64);
    }
    reading.details.insert("max_us".into(), latency.max() as f64);
}

/// Warms up, measures for the window, waits for the last answers.
pub async fn run(load: &Load) -> anyhow::Result<Sample> {
    let mut connections = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        connections.push((Connection::open(load.address).await?, Booking::new(load.slots.clone())));
    }
    let began = Instant::now();
    let window = Window { began, from: began + WARM_UP, until: began + WARM_UP + load.window };
    let tally = Arc::new(Mutex::new(Tally::new()?));
    let mut tasks = JoinSet::new();
    match load.pace {
        Pace::Closed => {
            for (connection, booking) in connections {
                tasks.spawn(closed(connection, booking, tally.clone(), window));
            }
        }
        Pace::Open { per_second } => {
            let due = Arc::new(tokio::sync::Mutex::new(pacer(per_second, window)));
            for (connection, booking) in connections {
                tasks.spawn(open(connection, booking, tally.clone(), window, due.clone()));
            }
        }
    }
    let watched = async {
        tokio::time::sleep_until(window.from.into()).await;
        let before = Snapshot::of(load.pid, gauge::scrape(load.address).await?);
        tokio::time::sleep_until(window.until.into()).await;
        let after = Snapshot::of(load.pid, gauge::scrape(load.address).await?);
        anyhow::Ok((before, after))
    };
    let all = async {
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        anyhow::Ok(())
    };
    let bound = WARM_UP + load.window + LAST_WITHIN;
    let ((before, after), ()) = tokio::time::timeout(bound, async { tokio::try_join!(watched, all) })
        .await
        .context("the last answers did not come in time")??;
    let tally = Arc::into_inner(tally).context("somebody still counts")?.into_inner();
    Ok(Sample { tally: tally.unwrap_or_else(PoisonError::into_inner), before, after })
}

async fn closed(
    mut connection: Connection,
    mut booking: Booking,
    tally: Arc<Mutex<Tally>>,
    window: Window,
) -> anyhow::Result<()> {
    let mut sent = Instant::now();
    while sent < window.until {
        let answer = connection.ask_unbounded(booking.next()).await?;
        let done = Instant::now();
        if done >= window.from && done < window.until {
            count(&tally, &answer, done - sent, None)?;
        }
        sent = done;
    }
    Ok(())
}

async fn open(
    mut connection: Connection,
    mut booking: Booking,
    tally: Arc<Mutex<Tally>>,
    window: Window,
    due: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<Instant>>>,
) -> anyhow::Result<()> {
    loop {
        let next = due.lock().await.recv().await;
        let Some(intended) = next else { return Ok(()) };
        let sent = Instant::now();
        let answer = connection.ask_unbounded(booking.next()).await?;
        if intended >= window.from {
            let late = sent.saturating_duration_since(intended);
            count(&tally, &answer, intended.elapsed(), Some(late))?;
        }
    }
}

/// A thread that says when each request is due. Tokio's own timers know whole milliseconds only.
fn pacer(per_second: f64, window: Window) -> mpsc::UnboundedReceiver<Instant> {
    let (tell, told) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let gap = Duration::from_secs_f64(1.0 / per_second.max(1.0));
        let mut due = window.began;
        while due < window.until {
            let now = Instant::now();
            if due > now {
                std::thread::sleep(due - now);
            }
            if tell.send(due).is_err() {
                return;
            }
            due += gap;
        }
    });
    told
}

/// A burst: so many a second for so long over a crowd of connections, and then nothing.
pub struct Burst {
    /// The server.
    pub address: SocketAddr,
    /// What is asked for.
    pub slots: Arc<Slots>,
    /// How many connections; what is due while all of them wait is not sent, and counted.
    pub connections: usize,
    /// How many a second.
    pub per_second: f64,
    /// For how long.
    pub lasts: Duration,
}

/// What became of a burst.
pub struct Burnt {
    /// What was answered; latencies are those of decided requests.
    pub tally: Tally,
    /// Due while every connection waited.
    pub unsent: u64,
    /// Sent.
    pub sent: u64,
    /// Told to come again: 429, or 503.
    pub shed: u64,
    /// From the end of the burst to the last answer.
    pub over_after: Duration,
}

/// Sends a burst and waits for the last answer.
pub async fn burst(burst: &Burst) -> anyhow::Result<Burnt> {
    let mut connections = Vec::with_capacity(burst.connections);
    for n in 0..burst.connections {
        connections.push((Connection::open_nth(burst.address, n).await?, Booking::new(burst.slots.clone())));
    }
    let began = Instant::now();
    let window = Window { began, from: began, until: began + burst.lasts };
    let tally = Arc::new(Mutex::new(Tally::new()?));
    // Nothing waits in front of the connections: what nobody is free for when it is due is not sent.
    let (tell, told) = mpsc::channel(SLACK);
    let told = Arc::new(tokio::sync::Mutex::new(told));
    let shed = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for (connection, booking) in connections {
        tasks.spawn(one_of_burst(connection, booking, tally.clone(), told.clone(), shed.clone()));
    }
    let (per_second, until) = (burst.per_second, window.until);
    let pacer = std::thread::spawn(move || pace_or_drop(per_second, began, until, &tell));
    let mut last = began;
    let all = async {
        while let Some(done) = tasks.join_next().await {
            last = last.max(done??);
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(burst.lasts + LAST_WITHIN, all).await.context("the last answers did not come in time")??;
    let (sent, unsent) = pacer.join().map_err(|_| anyhow::anyhow!("the pacer panicked"))?;
    let tally = Arc::into_inner(tally).context("somebody still counts")?.into_inner();
    Ok(Burnt {
        tally: tally.unwrap_or_else(PoisonError::into_inner),
        unsent,
        sent,
        shed: shed.load(Ordering::Relaxed),
        over_after: last.saturating_duration_since(until),
    })
}

/// Says when each is due; how many were taken, and how many nobody was free for.
fn pace_or_drop(per_second: f64, began: Instant, until: Instant, tell: &mpsc::Sender<Instant>) -> (u64, u64) {
    let gap = Duration::from_secs_f64(1.0 / per_second.max(1.0));
    let (mut sent, mut unsent, mut due) = (0, 0, began);
    while due < until {
        let now = Instant::now();
        if due > now {
            std::thread::sleep(due - now);
        }
        match tell.try_send(due) {
            Ok(()) => sent += 1,
            Err(_) => unsent += 1,
        }
        due += gap;
    }
    (sent, unsent)
}

/// One connection of a burst; when its last answer came.
async fn one_of_burst(
    mut connection: Connection,
    mut booking: Booking,
    tally: Arc<Mutex<Tally>>,
    due: Arc<tokio::sync::Mutex<mpsc::Receiver<Instant>>>,
    shed: Arc<AtomicU64>,
) -> anyhow::Result<Instant> {
    let mut last = Instant::now();
    loop {
        let next = due.lock().await.recv().await;
        let Some(intended) = next else { return Ok(last) };
        let answer = connection.ask_unbounded(booking.next()).await?;
        last = Instant::now();
        if matches!(answer.status, 429 | 503) {
            shed.fetch_add(1, Ordering::Relaxed);
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            *tally.outcomes.entry(format!("shed {}", answer.status)).or_default() += 1;
        } else {
            count(&tally, &answer, last - intended, None)?;
        }
    }
}

/// Counts an answer that is an outcome; a refusal of the request as such is an error.
pub fn count(tally: &Mutex<Tally>, answer: &Answer<'_>, took: Duration, late: Option<Duration>) -> anyhow::Result<()> {
    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    let outcome = match answer.status {
        200 | 201 => "BOOKED",
        400..500 if field(answer.body, b"\"outcome\":\"").is_none() => {
            bail!("a request was refused as a request: {}", String::from_utf8_lossy(answer.body));
        }
        _ => field(answer.body, b"\"outcome\":\"").unwrap_or("no outcome"),
    };
    let code = if outcome == "BOOKED" { None } else { field(answer.body, b"\"code\":\"") };
    match tally.outcomes.get_mut(outcome) {
        Some(n) if code.is_none() => *n += 1,
        _ => {
            let name = code.map_or(outcome.to_owned(), |code| format!("{outcome} {code}"));
            *tally.outcomes.entry(name).or_default() += 1;
        }
    }
    tally.answered += 1;
    tally.body_bytes += answer.body.len() as u64;
    tally.latency.record(micros(took))?;
    if let Some(late) = late {
        tally.lateness.record(micros(late))?;
    }
    Ok(())
}

/// Whole microseconds.
pub fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The text behind a name in a body, up to the next quotation mark.
pub fn field<'a>(body: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let at = body.windows(name.len()).position(|w| w == name)? + name.len();
    let rest = body.get(at..)?;
    let end = rest.iter().position(|b| *b == b'"')?;
    std::str::from_utf8(rest.get(..end)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_in_a_body() {
        let body = br#"{"outcome":"REJECTED","code":"full"}"#;
        assert_eq!(field(body, b"\"code\":\""), Some("full"));
        assert_eq!(field(body, b"\"other\":\""), None);
    }
}
