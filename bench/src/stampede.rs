//! E6: ten thousand connections, opened beforehand, want one of a hundred seats in one instant.
//! Opening them is measured apart, and nothing is sent before all of them stand.

use crate::ground::{Ground, rest, say};
use crate::http::Connection;
use crate::load::{self, Tally, count};
use crate::results::{Experiment, Goal, Reading, Results, Whose};
use crate::server::{self, Slotwise};
use crate::slots::{Booking, Slots};
use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

const CONNECTIONS: u64 = 10_000;
const SEATS: u32 = 100;
/// Connections that are being opened at once.
const OPENING: usize = 256;
/// How long the last answer may take.
const LAST_WITHIN: Duration = Duration::from_secs(60);

const ROW: &str = "stampede";

/// Measures E6.
pub async fn run(ground: &Ground) -> anyhow::Result<()> {
    let wish = &ground.wish;
    let crowd = usize::try_from(ground.scaled(CONNECTIONS))?;
    let title = format!("E6: {crowd} connections, {SEATS} seats, one instant");
    let mut e6 = Experiment::begin(&title, 0, wish.rounds);
    let slotwise = ground.build.start(&ground.scratch.folder("stampede")?, 100).await?;
    for round in ground.rounds() {
        rest().await;
        let reading = once(&slotwise, crowd, round).await?;
        let detail = |name| reading.details.get(name).copied().unwrap_or_default();
        say(&format!(
            "stampede: {:?}, p50 {:.0} ms, p99 {:.0} ms, last {:.0} ms; opening took {:.0} ms",
            reading.outcomes,
            detail("p50_us") / 1e3,
            reading.value,
            detail("max_us") / 1e3,
            detail("opening_ms")
        ));
        e6.add(Whose::Ours, ROW, "ms to the 99th of 100 answers", reading);
    }
    if let Some(row) = e6.row(ROW) {
        let (booked, p99) = (row.detail("booked_least").unwrap_or(0.0), row.median());
        let most = row.detail("booked_most").unwrap_or(0.0);
        let told = row.detail("told_why_share").unwrap_or(0.0);
        let goal = |what: &str, measured, unit: &str, goal, at_least| Goal {
            what: what.into(),
            measured,
            unit: unit.into(),
            goal,
            at_least,
        };
        let seats = f64::from(SEATS);
        e6.goals.push(goal("BOOKED, not fewer", booked, "of 100 seats", seats, true));
        e6.goals.push(goal("BOOKED, not more", most, "of 100 seats", seats, false));
        e6.goals.push(goal("others that are told why", told, "of all others", 1.0, true));
        e6.goals.push(goal("p99 from the instant", p99, "ms", 500.0, false));
    }
    e6.note("Every latency counts from the one instant, so sending ten thousand requests from one thread is in it.");
    Results::keep("e6", e6)?;
    slotwise.server.end()
}

async fn once(slotwise: &Slotwise, crowd: usize, round: u32) -> anyhow::Result<Reading> {
    let seats = server::resource(slotwise, &format!("Stampede {round}"), SEATS).await?;
    let slots = Slots::one(seats, &slotwise.secret)?;
    let opening = Instant::now();
    let mut connections = Vec::with_capacity(crowd);
    let mut tasks = JoinSet::new();
    for n in 0..crowd {
        if tasks.len() >= OPENING {
            connections.push(tasks.join_next().await.context("nothing is being opened")???);
        }
        tasks.spawn(Connection::open_nth(slotwise.server.address, n));
    }
    while let Some(opened) = tasks.join_next().await {
        connections.push(opened??);
    }
    let opened_in = opening.elapsed();
    let tally = Arc::new(Mutex::new(Tally::new()?));
    let (say_go, go) = watch::channel(None::<Instant>);
    let mut runners = JoinSet::new();
    for connection in connections {
        let (go, tally, booking) = (go.clone(), tally.clone(), Booking::new(slots.clone()));
        runners.spawn(runner(connection, booking, go, tally));
    }
    // All of them wait before the instant comes, and a server that has just taken ten thousand connections has taken them in.
    rest().await;
    say_go.send(Some(Instant::now())).context("nobody waits")?;
    let all = async {
        let mut told_why = 0_u64;
        while let Some(done) = runners.join_next().await {
            told_why += u64::from(done??);
        }
        anyhow::Ok(told_why)
    };
    let told_why = tokio::time::timeout(LAST_WITHIN, all).await.context("the last answers did not come in time")??;
    let tally = Arc::into_inner(tally).context("somebody still counts")?.into_inner();
    let tally = tally.unwrap_or_else(PoisonError::into_inner);
    let booked = tally.outcomes.get("BOOKED").copied().unwrap_or(0);
    // What the answers say is compared with what the server has.
    let stands = server::confirmed(slotwise, seats).await?;
    ensure!(stands as u64 == booked, "{booked} were told BOOKED, {stands} bookings stand");
    let latency: &Histogram<u64> = &tally.latency;
    let others = (crowd as u64).saturating_sub(booked).max(1);
    let mut reading = Reading::of(latency.value_at_quantile(0.99) as f64 / 1e3)
        .with("opening_ms", opened_in.as_secs_f64() * 1e3)
        .with("booked_least", booked as f64)
        .with("booked_most", booked as f64)
        .with("told_why_share", told_why as f64 / others as f64);
    load::put_latency(&mut reading, latency);
    reading.outcomes = tally.outcomes;
    Ok(reading)
}

/// Waits for the instant, asks, and says whether it was told why it did not get a seat: a recorded rejection with alternatives.
async fn runner(
    mut connection: Connection,
    mut booking: Booking,
    mut go: watch::Receiver<Option<Instant>>,
    tally: Arc<Mutex<Tally>>,
) -> anyhow::Result<bool> {
    let request = booking.next().to_vec();
    let instant = (*go.wait_for(Option::is_some).await.context("it never began")?).context("no instant")?;
    let answer = connection.ask_unbounded(&request).await?;
    let took = instant.elapsed();
    count(&tally, &answer, took, None)?;
    let said = |name: &[u8]| load::field(answer.body, name);
    Ok(said(b"\"outcome\":\"") == Some("REJECTED")
        && said(b"\"code\":\"").is_some()
        && said(b"\"detail\":\"").is_some()
        && said(b"\"alternatives\":\"").is_some())
}
