//! E1, E2, E3, E5 and the burst: one attempt in each request, beside bare axum, the disk and the peers, in interleaved rounds.
//! It judges nothing but what the goals say.

use crate::child::Server;
use crate::ground::{Ground, rest, say};
use crate::load::{self, Burst, Load, Pace};
use crate::peers::Peers;
use crate::results::{Experiment, Reading, Results, Row, Whose};
use crate::server::Slotwise;
use crate::slots::Slots;
use crate::{disk, peers};
use anyhow::Context;
use std::sync::Arc;

/// Connections of the open loop.
const CROWD: usize = 256;
/// Connections of the burst: more than any such machine answers within the second that an attempt may be expected to wait, and fewer
/// than the usual 20,000 descriptors.
const BURST_CROWD: u64 = 18_000;
/// How many times the peak the burst is.
const BURST: f64 = 4.0;

/// Which of them.
#[derive(Clone, Copy, Default)]
pub struct Which {
    /// Throughput over many resources.
    pub e1: bool,
    /// Throughput on one with room for all.
    pub e2: bool,
    /// Throughput on one that is sold out.
    pub e3: bool,
    /// Latency of one client, and at half of the peak.
    pub e5: bool,
    /// Four times too much.
    pub overload: bool,
    /// The peers for themselves.
    pub peers: bool,
}

impl Which {
    /// Whether there is anything to do.
    pub fn any(self) -> bool {
        !self.names().is_empty()
    }

    /// Under which names results are kept.
    pub fn names(self) -> Vec<&'static str> {
        let all = [
            ("e1", self.e1),
            ("e2", self.e2),
            ("e3", self.e3),
            ("e5", self.e5),
            ("overload", self.overload),
            ("peers", self.peers),
        ];
        all.into_iter().filter(|(_, wanted)| *wanted).map(|(name, _)| name).collect()
    }
}

/// What is asked for, of whom.
#[derive(Clone, Copy)]
pub enum Case {
    /// The bare server with so many connections.
    Bare(usize),
    /// Bookings spread over all resources.
    Spread(usize),
    /// Bookings on the hot resource.
    Hot(usize),
    /// Bookings on the sold-out resource.
    SoldOut(usize),
}

impl Case {
    /// As it is called in results.
    pub fn name(self) -> String {
        match self {
            Case::Bare(1) => "bare axum, one client".into(),
            Case::Bare(n) => format!("bare axum, {n} connections"),
            Case::Spread(1) => "one client".into(),
            Case::Spread(n) => format!("all resources, {n} connections"),
            Case::Hot(n) => format!("one hot resource, {n} connections"),
            Case::SoldOut(n) => format!("one sold-out resource, {n} connections"),
        }
    }
}

/// What requests of a server are made of.
pub struct Wants {
    many: Arc<Slots>,
    hot: Arc<Slots>,
    sold_out: Arc<Slots>,
}

impl Wants {
    /// Of this server.
    pub fn of(slotwise: &Slotwise) -> anyhow::Result<Wants> {
        Ok(Wants {
            many: Slots::new(&slotwise.rooms, &slotwise.secret)?,
            hot: Slots::new(&[slotwise.hot], &slotwise.secret)?,
            sold_out: Slots::one(slotwise.sold_out, &slotwise.secret)?,
        })
    }

    fn slots(&self, case: Case) -> &Arc<Slots> {
        match case {
            Case::Bare(_) | Case::Spread(_) => &self.many,
            Case::Hot(_) => &self.hot,
            Case::SoldOut(_) => &self.sold_out,
        }
    }
}

/// Measures one window.
pub async fn window(
    ground: &Ground,
    server: &Server,
    wants: &Wants,
    case: Case,
    pace: Pace,
    connections: usize,
) -> anyhow::Result<Reading> {
    rest().await;
    let load = Load {
        address: server.address,
        pid: server.pid(),
        slots: wants.slots(case).clone(),
        connections,
        pace,
        window: ground.wish.window,
    };
    let sample = load::run(&load).await.with_context(|| format!("measuring {}", case.name()))?;
    Ok(sample.reading())
}

/// One window in a closed loop.
pub async fn closed(ground: &Ground, server: &Server, wants: &Wants, case: Case) -> anyhow::Result<Reading> {
    let (Case::Bare(n) | Case::Spread(n) | Case::Hot(n) | Case::SoldOut(n)) = case;
    let reading = window(ground, server, wants, case, Pace::Closed, n).await?;
    let detail = |name| reading.details.get(name).copied().unwrap_or_default();
    say(&format!(
        "{}: {:.0}/s, p50 {:.0} µs, p99 {:.0} µs",
        case.name(),
        reading.value,
        detail("p50_us"),
        detail("p99_us")
    ));
    Ok(reading)
}

/// Looks at the disk.
pub async fn look_at_disk(ground: &Ground, into: &mut Experiment) -> anyhow::Result<()> {
    rest().await;
    let syncs = disk::look(ground.scratch.path())?;
    for (name, times) in [(peers::DISK_GROWING, &syncs.growing), (peers::DISK_WRITTEN, &syncs.written)] {
        let mut reading = Reading::of(1e6 / times.mean());
        load::put_latency(&mut reading, times);
        into.add(Whose::Peer, name, "a second", reading);
    }
    Ok(())
}

/// Measures what is wished for, and keeps it.
pub async fn run(ground: &Ground, which: Which) -> anyhow::Result<()> {
    let wish = &ground.wish;
    let mut all = Experiment::begin("", wish.window.as_secs(), wish.rounds);
    let bare =
        Server::start("the bare server", &ground.own, &["bare".as_ref()], &ground.scratch.path().join("bare.log"))?;
    say(&format!("load average {}; making {} resources", all.load_before, wish.resources));
    let slotwise = ground.build.start(&ground.scratch.folder("attempts")?, wish.resources).await?;
    say(&format!("slotwise is process {}, the bare server {}", slotwise.server.pid(), bare.pid()));
    let wants = Wants::of(&slotwise)?;
    let peers = if wish.peers && (which.e1 || which.e2 || which.peers) {
        Peers::start(ground, &mut all)?
    } else {
        Peers::none()
    };
    let mut cases = Vec::new();
    if which.e1 || which.e2 || which.e3 || which.peers {
        cases.push(Case::Bare(64));
    }
    if which.e1 || which.e2 {
        cases.push(Case::Spread(64));
    }
    if which.e2 {
        cases.push(Case::Hot(64));
    }
    if which.e3 {
        cases.push(Case::SoldOut(64));
    }
    if which.e1 || which.peers {
        cases.push(Case::Bare(256));
    }
    if which.e1 {
        cases.push(Case::Spread(256));
    }
    for round in ground.rounds().take_while(|_| !cases.is_empty()) {
        say(&format!("round {round} of {}", wish.rounds));
        look_at_disk(ground, &mut all).await?;
        for case in &cases {
            let (server, whose) = match case {
                Case::Bare(_) => (&bare, Whose::Peer),
                Case::Spread(_) | Case::Hot(_) | Case::SoldOut(_) => (&slotwise.server, Whose::Ours),
            };
            let reading = closed(ground, server, &wants, *case).await?;
            all.add(whose, &case.name(), "a second", reading);
        }
        peers.round(ground, &mut all).await?;
    }
    peers.end()?;
    if which.e1 {
        Results::keep("e1", e1(&all))?;
    }
    if which.e2 {
        Results::keep("e2", e2(&all))?;
    }
    if which.e3 {
        Results::keep("e3", e3(&all))?;
    }
    if which.peers {
        Results::keep("peers", peers::table(&all))?;
    }
    if which.e5 || which.overload {
        if all.row(&Case::Spread(CROWD).name()).is_none() {
            let reading = closed(ground, &slotwise.server, &wants, Case::Spread(CROWD)).await?;
            all.add(Whose::Ours, &Case::Spread(CROWD).name(), "a second", reading);
        }
        let peak =
            [64, CROWD].iter().filter_map(|n| all.row(&Case::Spread(*n).name()).map(Row::median)).fold(0.0, f64::max);
        if which.e5 {
            Results::keep("e5", latency(ground, &bare, &slotwise, &wants, peak).await?)?;
        }
        if which.overload {
            Results::keep("overload", overload(ground, &slotwise, &wants, peak).await?)?;
        }
    }
    slotwise.server.end()?;
    bare.end()
}

fn e1(all: &Experiment) -> Experiment {
    let (bare, spread) =
        ([Case::Bare(64).name(), Case::Bare(256).name()], [Case::Spread(64).name(), Case::Spread(256).name()]);
    let source = peers::SOURCE_STACK.name;
    let names =
        [&bare[0], &spread[0], &bare[1], &spread[1], peers::REDIS, peers::REDIS_PIPELINED, peers::POSTGRES_SPREAD];
    let mut e1 = all.part("E1: one attempt a request, spread over all resources", &names);
    e1.rows.extend(peers::scaled(all, &[peers::SOURCE_STACK]));
    e1.ratio_at_least(&spread[0], &bare[0], 0.35);
    e1.ratio_at_least(&spread[1], &bare[1], 0.45);
    e1.ratio_at_least(&spread[0], peers::REDIS, 1.0);
    e1.ratio_at_least(&spread[1], source, 40.0);
    e1
}

fn e2(all: &Experiment) -> Experiment {
    let (spread, hot) = (Case::Spread(64).name(), Case::Hot(64).name());
    let mut e2 = all.part("E2: one hot resource with room for all", &[&spread, &hot, peers::POSTGRES_HOT]);
    e2.ratio_at_least(&hot, &spread, 0.9);
    e2.ratio_at_least(&hot, peers::POSTGRES_HOT, 40.0);
    e2
}

fn e3(all: &Experiment) -> Experiment {
    let (bare, sold_out) = (Case::Bare(64).name(), Case::SoldOut(64).name());
    let mut e3 = all.part("E3: one sold-out resource, every answer a recorded REJECTED", &[&bare, &sold_out]);
    e3.ratio_at_least(&sold_out, &bare, 0.4);
    if let Some(row) = e3.row(&sold_out) {
        let rejected: u64 = row.outcomes.iter().filter(|(name, _)| name.starts_with("REJECTED")).map(|(_, n)| n).sum();
        let share = rejected as f64 / row.answers().max(1) as f64;
        e3.goals.push(crate::results::Goal {
            what: "answers that are a recorded REJECTED".into(),
            measured: share,
            unit: "of all".into(),
            goal: 1.0,
            at_least: true,
        });
    }
    e3
}

async fn latency(
    ground: &Ground,
    bare: &Server,
    slotwise: &Slotwise,
    wants: &Wants,
    peak: f64,
) -> anyhow::Result<Experiment> {
    let wish = &ground.wish;
    let mut e5 =
        Experiment::begin("E5: latency of one client, and at half of the peak", wish.window.as_secs(), wish.rounds);
    let half = "open loop at half of the peak";
    for _ in ground.rounds() {
        look_at_disk(ground, &mut e5).await?;
        let reading = closed(ground, bare, wants, Case::Bare(1)).await?;
        e5.add(Whose::Peer, &Case::Bare(1).name(), "a second", reading);
        let reading = closed(ground, &slotwise.server, wants, Case::Spread(1)).await?;
        e5.add(Whose::Ours, &Case::Spread(1).name(), "a second", reading);
        let pace = Pace::Open { per_second: peak / 2.0 };
        let reading = window(ground, &slotwise.server, wants, Case::Spread(CROWD), pace, CROWD).await?;
        say(&format!("{half}: {:.0}/s, p99 {:.0} µs", reading.value, reading.details.get("p99_us").unwrap_or(&0.0)));
        e5.add(Whose::Ours, half, "a second", reading);
    }
    let p50 = |name: &str| e5.row(name).and_then(|row| row.detail("p50_us"));
    if let (Some(alone), Some(sync)) = (p50(&Case::Spread(1).name()), p50(peers::DISK_GROWING)) {
        e5.at_most("one client: p50 : the disk's sync of a growing file", alone / sync, "×", 2.0);
    }
    e5.ms_at_most(&Case::Spread(1).name(), "p99_us", 10.0);
    e5.ms_at_most(half, "p99_us", 10.0);
    Ok(e5)
}

async fn overload(ground: &Ground, slotwise: &Slotwise, wants: &Wants, peak: f64) -> anyhow::Result<Experiment> {
    let wish = &ground.wish;
    let mut overload = Experiment::begin("A burst of four times the peak", wish.window.as_secs(), wish.rounds);
    let name = "burst";
    for _ in ground.rounds() {
        rest().await;
        let burst = Burst {
            address: slotwise.server.address,
            slots: wants.many.clone(),
            connections: usize::try_from(ground.scaled(BURST_CROWD))?,
            per_second: peak * BURST,
            lasts: wish.window,
        };
        let burnt = load::burst(&burst).await.context("measuring a burst")?;
        let due = (burnt.sent + burnt.unsent).max(1) as f64;
        let mut reading = Reading::of(burnt.tally.answered as f64 / wish.window.as_secs_f64())
            .with("due_per_s", burst.per_second)
            .with("sent_share", burnt.sent as f64 / due)
            .with("shed_share", burnt.shed as f64 / burnt.sent.max(1) as f64)
            .with("over_after_ms", burnt.over_after.as_secs_f64() * 1e3);
        load::put_latency(&mut reading, &burnt.tally.latency);
        reading.outcomes.clone_from(&burnt.tally.outcomes);
        say(&format!(
            "burst of {:.0}/s: {} sent, {} not (every connection waited), {} shed, over after {:.0} ms",
            burst.per_second,
            burnt.sent,
            burnt.unsent,
            burnt.shed,
            burnt.over_after.as_secs_f64() * 1e3
        ));
        overload.add(Whose::Ours, name, "decided a second", reading);
    }
    if let Some(over) = overload.row(name).and_then(|row| row.detail("over_after_ms")) {
        overload.at_most("from the end of the burst to the last answer", over, "ms", 5_000.0);
    }
    overload.note(format!(
        "{} connections; what is due while all of them wait for an answer cannot be sent and is counted apart, so that nothing \
         queues in the generator. Latencies are those of decided attempts, from the intended start.",
        ground.scaled(BURST_CROWD)
    ));
    Ok(overload)
}
