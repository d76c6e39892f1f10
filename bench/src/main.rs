//! `slotwise-bench`: starts the built server and its baselines, measures them side by side, and prints a table.
//! It never talks to anything but 127.0.0.1, and it leaves no process and no data behind.

mod bare;
mod child;
mod disk;
mod gauge;
mod http;
mod load;
mod measure;
mod report;
mod server;
mod slots;

use anyhow::Context;
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

// The server has the same one; a baseline with a slower one would flatter it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures Slotwise over HTTP, beside a bare server and the disk, in interleaved rounds.
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
    #[arg(long, global = true, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    resources: u32,
    /// Another build of the server, to compare with.
    #[arg(long, global = true, value_name = "FILE")]
    server: Option<PathBuf>,
}

#[derive(Subcommand, Clone, PartialEq, Eq)]
enum Command {
    /// Throughput over many resources, 64 and 256 connections.
    E1,
    /// Throughput on one hot resource with room for all, 64 connections.
    E2,
    /// Latency: one client, one after the other; and many at half of the peak.
    E5,
    /// All of them (the default).
    All,
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
    let wish = measure::Wish {
        window: Duration::from_secs(cli.seconds),
        rounds: cli.rounds,
        resources: cli.resources,
        server: cli.server,
        e1: matches!(cli.command, None | Some(Command::All | Command::E1)),
        e2: matches!(cli.command, None | Some(Command::All | Command::E2)),
        e5: matches!(cli.command, None | Some(Command::All | Command::E5)),
    };
    match cli.command {
        Some(Command::Bare) => bare::run(),
        Some(Command::Become { words }) => Err(child::become_program(&words)),
        None | Some(Command::All | Command::E1 | Command::E2 | Command::E5) => generate(wish),
    }
}

/// One thread sends all requests, so that the rest of the machine is the server's.
fn generate(wish: measure::Wish) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let asked = stop_asked()?;
        tokio::select! {
            done = Box::pin(measure::run(wish)) => done,
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
