//! `slotwise-bench`: starts the built server and its peers, measures them side by side, and prints tables.
//! It never talks to anything but 127.0.0.1, and it leaves no process and no data behind.

mod attempts;
mod bare;
mod batches;
mod child;
mod counts;
mod disk;
mod gauge;
mod ground;
mod growth;
mod http;
mod instances;
mod load;
mod peers;
mod plot;
mod postgres;
mod push;
mod redis;
mod report;
mod results;
mod search;
mod server;
mod slots;
mod socket;
mod stampede;
mod store;
mod workloads;

use anyhow::Context;
use attempts::Which;
use clap::{Parser, Subcommand};
use ground::{Ground, Wish};
// The server has the same one in the place of malloc; a baseline with a slower one would flatter it.
use mimalloc as _;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Measures Slotwise beside a bare server, the disk, Redis and PostgreSQL, in interleaved rounds.
#[derive(Parser)]
#[command(name = "slotwise-bench", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Seconds of each measured window; one more before it warms up.
    #[arg(long, global = true, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=120))]
    seconds: u64,
    /// Interleaved rounds; medians are taken over them.
    #[arg(long, global = true, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=50))]
    rounds: u32,
    /// Resources that are made before measuring.
    #[arg(long, global = true, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    resources: u32,
    /// The share of stored bookings, connections and sockets that E6 to E10 and the burst ask for.
    #[arg(long, global = true, default_value_t = 1.0, value_parser = read_scale)]
    scale: f64,
    /// Leave Redis and PostgreSQL out.
    #[arg(long, global = true)]
    no_peers: bool,
    /// Another build of the server, to compare with.
    #[arg(long, global = true, value_name = "FILE")]
    server: Option<PathBuf>,
    /// One more word for `slotwise serve`; may be repeated.
    #[arg(long, global = true, value_name = "WORD", allow_hyphen_values = true)]
    serve: Vec<OsString>,
}

#[derive(Subcommand, Clone, PartialEq)]
enum Command {
    /// Throughput over many resources, 64 and 256 connections.
    E1,
    /// Throughput on one hot resource with room for all, 64 connections.
    E2,
    /// Throughput on one sold-out resource, 64 connections.
    E3,
    /// Many attempts in one commit: in process, and over HTTP in one request.
    E4,
    /// Latency: one client, one after the other; and many at half of the peak.
    E5,
    /// A stampede: 10,000 connections, 100 seats, one instant.
    E6,
    /// Push: 1,000 sockets hear of 1,000 changes a second; 10,000 idle sockets.
    E7,
    /// Search over 10,000 resources and a million bookings.
    E8,
    /// Start, memory and disk with ten million bookings.
    E9,
    /// E1 to E5 with 100,000 and with a million stored bookings.
    E10,
    /// A burst of four times the peak.
    Overload,
    /// Two servers over one PostgreSQL beside plain pgbench on it; push across them; what a slower way costs.
    Instances,
    /// A start over a PostgreSQL database with a million bookings.
    InstancesStart,
    /// The disk, bare axum, Redis and PostgreSQL for themselves.
    Peers,
    /// All of them (the default).
    All,
    /// Writes the tables and charts of this crate's README from the results.
    Report {
        /// Other results than those of the last run.
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
    /// Makes a data folder with bookings, through the store's commit port.
    Seed {
        /// The folder; it must not exist.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Bookings whose time has passed.
        #[arg(long, default_value_t = 0)]
        past: u64,
        /// Bookings within the next 180 days.
        #[arg(long, default_value_t = 100_000)]
        coming: u64,
    },
    /// Counts instructions of fixed workloads under valgrind and compares them with bench/counts.json.
    Counts {
        /// Write what was counted as what is expected from now on.
        #[arg(long)]
        refresh: bool,
    },
    /// One workload for the counting; started by this program for itself.
    #[command(hide = true)]
    Workload {
        /// Which.
        name: String,
        /// How many times.
        times: u64,
    },
    /// The bare server; started by this program for itself.
    #[command(hide = true)]
    Bare,
    /// Becomes another program that ends when this program's parent ends.
    #[command(hide = true)]
    Become {
        /// The program and its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        words: Vec<OsString>,
    },
}

fn read_scale(text: &str) -> Result<f64, String> {
    let scale = text.parse().ok().filter(|scale: &f64| (0.000_1..=10.0).contains(scale));
    scale.ok_or_else(|| format!("'{text}' is no number from 0.0001 to 10"))
}

fn main() -> ExitCode {
    match perform(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            // Nobody may be reading any more; the exit code says it too.
            drop(writeln!(std::io::stderr(), "slotwise-bench: {e:#}"));
            ExitCode::FAILURE
        }
    }
}

fn perform(cli: Cli) -> anyhow::Result<()> {
    let wish = Wish {
        window: Duration::from_secs(cli.seconds),
        rounds: cli.rounds,
        resources: cli.resources,
        scale: cli.scale,
        peers: !cli.no_peers,
        server: cli.server,
        words: cli.serve,
    };
    match cli.command.unwrap_or(Command::All) {
        Command::Bare => bare::run(),
        Command::Become { words } => Err(child::become_program(&words)),
        Command::Report { from } => report::write(&from.unwrap_or_else(results::file)),
        Command::Counts { refresh } => counts::run(refresh),
        Command::Workload { name, times } => workloads::run(&name, times),
        Command::Seed { data, past, coming } => {
            anyhow::ensure!(!data.exists(), "{} exists already", data.display());
            let plan = store::Plan { resources: wish.resources as usize, past, coming };
            let filled = on_this_thread(store::fill(&data, plan))?;
            let mut out = std::io::stdout();
            writeln!(out, "{} in {:.1} s; an admin's key: {}", data.display(), filled.seconds, filled.secret)?;
            Ok(())
        }
        measured => on_this_thread(measure(wish, measured)),
    }
}

/// What a command measures, in groups that share their rounds.
async fn measure(wish: Wish, command: Command) -> anyhow::Result<()> {
    let ground = Ground::new(wish)?;
    let all = command == Command::All;
    let wanted = |one: Command| all || command == one;
    let which = Which {
        e1: wanted(Command::E1),
        e2: wanted(Command::E2),
        e3: wanted(Command::E3),
        e5: wanted(Command::E5),
        overload: wanted(Command::Overload),
        peers: wanted(Command::Peers),
    };
    let mut told = Vec::new();
    if which.any() {
        attempts::run(&ground, which).await.context("E1, E2, E3, E5, the burst or the peers")?;
        told.extend(which.names());
    }
    if wanted(Command::E4) {
        batches::run(&ground).await.context("E4")?;
        told.push("e4");
    }
    if wanted(Command::E6) {
        stampede::run(&ground).await.context("E6")?;
        told.push("e6");
    }
    if wanted(Command::E7) {
        push::run(&ground).await.context("E7")?;
        told.push("e7");
    }
    if wanted(Command::E8) {
        search::run(&ground).await.context("E8")?;
        told.push("e8");
    }
    if wanted(Command::E9) {
        growth::e9(&ground).await.context("E9")?;
        told.push("e9");
    }
    if wanted(Command::E10) {
        growth::e10(&ground).await.context("E10")?;
        told.push("e10");
    }
    if wanted(Command::Instances) {
        instances::run(&ground).await.context("two servers over PostgreSQL")?;
        told.push("instances");
    }
    if wanted(Command::InstancesStart) {
        instances::start(&ground).await.context("a start over PostgreSQL")?;
        told.push("instances_start");
    }
    report::print(&told)
}

/// One thread sends all requests, so that the rest of the machine is the server's.
fn on_this_thread<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let asked = stop_asked()?;
        tokio::select! {
            done = Box::pin(work) => done,
            () = asked => Err(anyhow::anyhow!("stopped on request; everything that was started has ended")),
        }
    })
}

/// Resolves when somebody asks us to stop.
fn stop_asked() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).context("listening for a wish to stop");
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}
