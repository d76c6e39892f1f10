//! Many seeds, one after another on each core, until so much was asked: each found wrong is named by the line that repeats it.
//! It stops at the first that is wrong, and draws no seed by chance.

use crate::tally::Tally;
use crate::world::{Report, is_run_twice, run};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What many seeds came to.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    /// How many.
    pub seeds: u64,
    /// How many of them were run twice, and did the same.
    pub twice: u64,
    /// How many times something was sent.
    pub operations: u64,
    /// How long the worlds lasted, by their own time.
    pub lasted: Duration,
    /// What came about.
    pub tally: Tally,
    /// The first that is wrong, if one is.
    pub wrong: Option<Report>,
}

/// Runs seeds from the first on, as `each` does, until so many operations were sent, or one is wrong. `tell` hears how far it is after each.
pub fn many(first: u64, operations: u64, threads: usize, each: fn(u64) -> Report, tell: impl Fn(&Sum) + Sync) -> Sum {
    let (next, stop) = (AtomicU64::new(first), AtomicBool::new(false));
    let sum = Mutex::new(Sum::default());
    let worker = || {
        while !stop.load(Ordering::Relaxed) {
            let report = each(next.fetch_add(1, Ordering::Relaxed));
            let mut sum = sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            sum.seeds += 1;
            sum.twice += u64::from(is_run_twice(report.seed));
            sum.operations += report.operations;
            sum.lasted += report.lasted;
            sum.tally.add(&report.tally);
            if report.wrong.is_some() && sum.wrong.as_ref().is_none_or(|other| report.seed < other.seed) {
                sum.wrong = Some(report);
            }
            tell(&sum);
            if sum.wrong.is_some() || sum.operations >= operations {
                stop.store(true, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        (0..threads.max(1)).for_each(|_| drop(scope.spawn(worker)));
    });
    sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// One seed; one in a hundred a second time, in which it must do the same.
pub fn one(seed: u64) -> Report {
    let mut report = run(seed);
    if is_run_twice(seed) && report.wrong.is_none() && run(seed).trace != report.trace {
        report.wrong = Some("run a second time it does something else".into());
    }
    report
}
