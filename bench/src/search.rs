//! E8: search over ten thousand resources and a million bookings, and the alternatives that a refusal links to.
//! Both are asked over HTTP, as the app asks them.

use crate::ground::{Ground, rest, say};
use crate::http::{Connection, get};
use crate::load::{self, WARM_UP, micros};
use crate::results::{Experiment, Reading, Results, Whose};
use crate::server::Slotwise;
use crate::slots::{Booking, Dice, Slots};
use crate::store::{self, Plan};
use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use std::time::{Duration, Instant};

const BOOKINGS: u64 = 1_000_000;
const SEARCH_ROW: &str = "search, a page of 20";
const ALTERNATIVES_ROW: &str = "alternatives of a refusal, as it links to them";

/// Measures E8.
pub async fn run(ground: &Ground) -> anyhow::Result<()> {
    let wish = &ground.wish;
    let bookings = ground.scaled(BOOKINGS);
    let title = format!("E8: search over {} resources and {bookings} bookings", wish.resources);
    let mut e8 = Experiment::begin(&title, wish.window.as_secs(), wish.rounds);
    let data = ground.scratch.folder("search")?;
    let filled = store::fill(&data, Plan { resources: wish.resources as usize, past: 0, coming: bookings }).await?;
    say(&format!("filled with {bookings} bookings in {:.0} s", filled.seconds));
    let slotwise = ground.build.open(&data, filled.secret, filled.rooms).await?;
    let alternatives = alternatives(&slotwise).await?;
    if alternatives.is_none() {
        e8.note("a refusal of this build links to no alternatives; that row is missing");
    }
    for _ in ground.rounds() {
        rest().await;
        let reading = ask(&slotwise, wish.window, random_search).await?;
        say(&format!(
            "search: p99 {:.2} ms, {:.0} a second",
            reading.value,
            reading.details.get("per_s").unwrap_or(&0.0)
        ));
        e8.add(Whose::Ours, SEARCH_ROW, "ms, p99", reading);
        if let Some(path) = &alternatives {
            rest().await;
            let reading = ask(&slotwise, wish.window, |_, _| path.clone()).await?;
            say(&format!("alternatives: p99 {:.2} ms", reading.value));
            e8.add(Whose::Ours, ALTERNATIVES_ROW, "ms, p99", reading);
        }
    }
    e8.ms_at_most(SEARCH_ROW, "p99_us", 5.0);
    e8.ms_at_most(ALTERNATIVES_ROW, "p99_us", 5.0);
    e8.note("one client, one question after the other");
    Results::keep("e8", e8)?;
    slotwise.server.end()
}

/// Half an hour on any minute of the coming half year, anywhere.
fn random_search(dice: &mut Dice, tomorrow: jiff::Timestamp) -> String {
    let start = tomorrow + Duration::from_secs(u64::from(dice.below(180 * 24 * 60)) * 60);
    let end = start + Duration::from_secs(30 * 60);
    format!("/api/search?start={start}&end={end}&limit=20&people={}", 1 + dice.below(40))
}

async fn ask(
    slotwise: &Slotwise,
    window: Duration,
    question: impl Fn(&mut Dice, jiff::Timestamp) -> String,
) -> anyhow::Result<Reading> {
    let mut connection = Connection::open(slotwise.server.address).await?;
    let mut dice = Dice::new();
    let now = jiff::Timestamp::now();
    let tomorrow = jiff::Timestamp::from_second(now.as_second() / 60 * 60 + 24 * 60 * 60)?;
    let began = Instant::now();
    let (from, until) = (began + WARM_UP, began + WARM_UP + window);
    let (mut latency, mut bytes) = (Histogram::<u64>::new(3)?, 0);
    loop {
        let request = get(&question(&mut dice, tomorrow), Some(&slotwise.secret));
        let sent = Instant::now();
        let answer = connection.ask(request.as_bytes()).await?;
        let done = Instant::now();
        ensure!(answer.status == 200, "search answers {}: {}", answer.status, String::from_utf8_lossy(answer.body));
        let items = answer.body.windows(7).any(|w| w == b"\"items\"");
        ensure!(items, "search finds no items: {}", String::from_utf8_lossy(answer.body));
        bytes += answer.body.len();
        if done >= until && !latency.is_empty() {
            break;
        }
        if sent >= from {
            latency.record(micros(done - sent))?;
        }
    }
    let mut reading = Reading::of(latency.value_at_quantile(0.99) as f64 / 1e3)
        .with("per_s", latency.len() as f64 / window.as_secs_f64())
        .with("body_bytes", bytes as f64 / latency.len().max(1) as f64);
    load::put_latency(&mut reading, &latency);
    Ok(reading)
}

/// Where a refusal says that something else can be had.
async fn alternatives(slotwise: &Slotwise) -> anyhow::Result<Option<String>> {
    let mut connection = Connection::open(slotwise.server.address).await?;
    let mut booking = Booking::new(Slots::one(slotwise.sold_out, &slotwise.secret)?);
    let answer = connection.ask(booking.next()).await?;
    let refused: serde_json::Value = serde_json::from_slice(answer.body).context("reading a refusal")?;
    ensure!(answer.status == 409, "what is sold out was not refused: {refused}");
    Ok(refused.get("alternatives").and_then(|link| link.as_str()).map(str::to_owned))
}
