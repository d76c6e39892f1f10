//! `cargo xtask sim`: so many operations, or one seed alone.
//! It says what it found, and the line that repeats what is wrong.

use slotwise_sim::many::one;
use slotwise_sim::tally::SOMETIMES;
use slotwise_sim::{Report, many};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a long run says how far it is.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// So many operations must have met everything once.
const ENOUGH: u64 = 1_000_000;

const HELP: &str = "slotwise-sim [--ops N] [--from SEED] | --seed SEED";

fn main() -> ExitCode {
    let (mut operations, mut first, mut only) = (1_000_000, 1, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let number = arguments.next().and_then(|n| n.replace('_', "").parse::<u64>().ok());
        match (name.as_str(), number) {
            ("--ops", Some(n)) => operations = n,
            ("--from", Some(n)) => first = n,
            ("--seed", Some(n)) => only = Some(n),
            (_, _) => {
                eprintln!("{HELP}");
                return ExitCode::from(2);
            }
        }
    }
    if let Some(seed) = only {
        let report = one(seed);
        println!(
            "seed {seed}: {} operations in {:?} of its time, trace {:x}",
            report.operations, report.lasted, report.trace
        );
        return ended(report.wrong.is_some().then_some(&report));
    }
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    // How long it took by a real clock, for whoever waited.
    let began = Instant::now();
    let told = Mutex::new(began);
    let sum = many(first, operations, threads, one, |sum| {
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.elapsed() >= TELL_EVERY {
            *told = Instant::now();
            eprintln!(
                "{} of {operations} operations, {} seeds, {:.0} s",
                sum.operations,
                sum.seeds,
                began.elapsed().as_secs_f64()
            );
        }
    });
    println!(
        "{} operations of {} seeds ({} of them run twice), {:.1} simulated hours, in {:.1} s",
        sum.operations,
        sum.seeds,
        sum.twice,
        sum.lasted.as_secs_f64() / 3_600.0,
        began.elapsed().as_secs_f64()
    );
    for what in SOMETIMES {
        println!("{:>12}  {what}", sum.tally.0.get(what).copied().unwrap_or(0));
    }
    let never = sum.tally.never();
    if sum.wrong.is_none() && operations >= ENOUGH && !never.is_empty() {
        println!("a run that never meets {never:?} proves nothing about it");
        return ExitCode::FAILURE;
    }
    ended(sum.wrong.as_ref())
}

fn ended(wrong: Option<&Report>) -> ExitCode {
    match wrong {
        None => ExitCode::SUCCESS,
        Some(report) => {
            println!("{}\n\nrepeat it with: {}", report.wrong.as_deref().unwrap_or_default(), report.repeat());
            ExitCode::FAILURE
        }
    }
}
