//! The generator: many connections, closed loop for throughput, open loop for latency from the intended start.
//! It never leaves a slow answer out: in the open loop a request that starts late is late from its intended start.

use crate::gauge::{self, Snapshot};
use crate::http::{Answer, Connection};
use crate::slots::{Booking, Slots};
use anyhow::{Context, bail};
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Before each window.
pub const WARM_UP: Duration = Duration::from_secs(1);
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

/// Warms up, measures for the window, waits for the last answers.
pub async fn run(load: &Load) -> anyhow::Result<Sample> {
    let mut connections = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        connections.push((Connection::open(load.address).await?, Booking::new(load.slots.clone())));
    }
    let began = Instant::now();
    let window = Window { began, from: began + WARM_UP, until: began + WARM_UP + load.window };
    let tally = Arc::new(Mutex::new(Tally {
        answered: 0,
        outcomes: BTreeMap::new(),
        latency: Histogram::new(3)?,
        lateness: Histogram::new(3)?,
        body_bytes: 0,
    }));
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
        let answer = connection.ask(booking.next()).await?;
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
        let answer = connection.ask(booking.next()).await?;
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

fn count(tally: &Mutex<Tally>, answer: &Answer<'_>, took: Duration, late: Option<Duration>) -> anyhow::Result<()> {
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

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The text behind a name in a body, up to the next quotation mark.
fn field<'a>(body: &'a [u8], name: &[u8]) -> Option<&'a str> {
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
