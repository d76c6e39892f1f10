//! The measures, in interleaved rounds, so that what else the machine does falls on all of them alike.
//! It judges nothing; the report does.

use crate::child::{Scratch, Server};
use crate::load::{self, Load, Pace, Sample};
use crate::report::{self, Case, Measured, Run};
use crate::server::{self, Slotwise};
use crate::slots::Slots;
use crate::{disk, gauge};
use anyhow::{Context, ensure};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Between two measurements, so that one does not pay for the other's clearing up: an idle server copies its log into
/// its database, and the disk has to take it.
const PAUSE: Duration = Duration::from_secs(3);
/// Connections of the open loop.
const CROWD: usize = 256;

/// What is to be measured.
#[derive(Clone)]
pub struct Wish {
    /// The length of a window.
    pub window: Duration,
    /// How many rounds.
    pub rounds: u32,
    /// How many resources.
    pub resources: u32,
    /// The server's program, if not the one beside ours.
    pub server: Option<PathBuf>,
    /// Throughput over many resources.
    pub e1: bool,
    /// Throughput on one.
    pub e2: bool,
    /// Latency.
    pub e5: bool,
}

/// Who is measured, and with what.
struct Bench {
    wish: Wish,
    scratch: Scratch,
    slotwise: Slotwise,
    bare: Server,
    many: Arc<Slots>,
    hot: Arc<Slots>,
    measured: Vec<Measured>,
}

/// Measures everything that is wished for, prints it, and keeps it beside this crate.
pub async fn run(wish: Wish) -> anyhow::Result<()> {
    ensure!(!cfg!(debug_assertions), "a slow generator measures itself; run it with cargo run --release");
    let own = std::env::current_exe().context("finding our own program")?;
    let target = own.parent().and_then(Path::parent).context("our own program is in no target folder")?;
    let binary = server::binary(target, wish.server.as_deref())?;
    let load_before = gauge::load_average();
    say(&format!("load average {load_before}; making {} resources", wish.resources));
    let scratch = Scratch::new(target)?;
    let slotwise = server::start(&binary, scratch.path(), wish.resources).await?;
    let bare = Server::start("the bare server", &own, &["bare".as_ref()], &scratch.path().join("bare.log"))?;
    let many = Slots::new(&slotwise.rooms, &slotwise.secret)?;
    let hot = Slots::new(&[slotwise.hot], &slotwise.secret)?;
    say(&format!("slotwise is process {}, the bare server {}", slotwise.server.pid(), bare.pid()));
    let latency = wish.e5;
    let mut bench = Bench { wish, scratch, slotwise, bare, many, hot, measured: Vec::new() };
    bench.throughput().await?;
    if latency {
        bench.latency().await?;
    }
    let Bench { wish, scratch, slotwise, bare, measured, .. } = bench;
    let data_bytes = folder_bytes(&scratch.path().join("data"));
    slotwise.server.end()?;
    bare.end()?;
    let run =
        Run { wish, machine: gauge::machine(), load_before, load_after: gauge::load_average(), data_bytes, measured };
    report::tell(&run)
}

impl Bench {
    async fn throughput(&mut self) -> anyhow::Result<()> {
        let Wish { e1, e2, rounds, .. } = self.wish;
        for round in 1..=rounds {
            if e1 || e2 {
                self.disk(round).await?;
                self.closed(round, Case::Bare(64)).await?;
                self.closed(round, Case::Spread(64)).await?;
            }
            if e2 {
                self.closed(round, Case::Hot(64)).await?;
            }
            if e1 {
                self.closed(round, Case::Bare(256)).await?;
                self.closed(round, Case::Spread(256)).await?;
            }
        }
        Ok(())
    }

    async fn latency(&mut self) -> anyhow::Result<()> {
        if !self.measured.iter().any(|m| matches!(m, Measured::Window(Case::Spread(_), _))) {
            self.closed(0, Case::Spread(256)).await?;
        }
        let per_second = report::peak(&self.measured) / 2.0;
        for round in 1..=self.wish.rounds {
            self.disk(round).await?;
            self.closed(round, Case::BareAlone).await?;
            self.closed(round, Case::Alone).await?;
            self.window(round, Case::HalfOfPeak, CROWD, Pace::Open { per_second }).await?;
        }
        Ok(())
    }

    async fn disk(&mut self, round: u32) -> anyhow::Result<()> {
        tokio::time::sleep(PAUSE).await;
        let times = disk::look(self.scratch.path())?;
        say(&format!("round {round}: disk, 4 KiB and a sync: p50 {} µs", times.value_at_quantile(0.5)));
        self.measured.push(Measured::Disk(times));
        Ok(())
    }

    async fn closed(&mut self, round: u32, case: Case) -> anyhow::Result<()> {
        let connections = match case {
            Case::Bare(n) | Case::Spread(n) | Case::Hot(n) => n,
            Case::BareAlone | Case::Alone => 1,
            Case::HalfOfPeak => CROWD,
        };
        self.window(round, case, connections, Pace::Closed).await
    }

    async fn window(&mut self, round: u32, case: Case, connections: usize, pace: Pace) -> anyhow::Result<()> {
        tokio::time::sleep(PAUSE).await;
        let (server, slots) = match case {
            Case::Bare(_) | Case::BareAlone => (&self.bare, &self.many),
            Case::Spread(_) | Case::Alone | Case::HalfOfPeak => (&self.slotwise.server, &self.many),
            Case::Hot(_) => (&self.slotwise.server, &self.hot),
        };
        let load = Load {
            address: server.address,
            pid: server.pid(),
            slots: slots.clone(),
            connections,
            pace,
            window: self.wish.window,
        };
        let sample: Sample = load::run(&load).await.with_context(|| format!("measuring {case}"))?;
        let (rate, p50) = (sample.rate(), sample.tally.latency.value_at_quantile(0.5));
        let p99 = sample.tally.latency.value_at_quantile(0.99);
        say(&format!("round {round}: {case}: {rate:.0}/s, p50 {p50} µs, p99 {p99} µs"));
        self.measured.push(Measured::Window(case, Box::new(sample)));
        Ok(())
    }
}

/// The size of the files in a folder.
fn folder_bytes(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}

/// A line for whoever watches; nobody may be watching.
fn say(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}
