//! A million operations in worlds where everything goes wrong, and every seed that ever failed.
//! What it never meets makes it fail as much as what is wrong.

use slotwise_sim::many::one;
use slotwise_sim::{Sum, many, run};

/// Operations of an ordinary run.
const OPERATIONS: u64 = 1_000_000;
/// Seeds that were wrong once.
const WRONG_ONCE: &[u64] = &[415, 3463, 10_401, 11_454, 21_736, 22_050, 23_326, 25_064, 25_960];

fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, |n| n.get())
}

fn right(sum: &Sum) {
    if let Some(report) = &sum.wrong {
        panic!("{}\n\nrepeat it with: {}", report.wrong.as_deref().unwrap_or_default(), report.repeat());
    }
}

#[test]
fn a_million_operations_are_told_as_they_are() {
    let sum = many(1, OPERATIONS, threads(), one, |_| {});
    right(&sum);
    println!("{} operations of {} seeds, {} of them run twice: {:?}", sum.operations, sum.seeds, sum.twice, sum.tally);
    assert!(sum.operations >= OPERATIONS && sum.twice > 0, "only {} operations were sent", sum.operations);
    let never = sum.tally.never();
    assert!(never.is_empty(), "a run that never meets {never:?} proves nothing about it");
}

#[test]
fn what_was_wrong_once_is_right() {
    for seed in WRONG_ONCE {
        let report = one(*seed);
        assert_eq!(report.wrong, None, "repeat it with: {}", report.repeat());
    }
}

#[test]
fn a_seed_does_what_it_did() {
    for seed in [100, 200, 300, 400, 500] {
        let (one, other) = (run(seed), run(seed));
        assert!(one.operations > 0 && one.wrong.is_none());
        assert_eq!((one.trace, one.tally, one.lasted), (other.trace, other.tally, other.lasted), "seed {seed}");
        assert_ne!(one.trace, run(seed + 100).trace, "another seed does something else");
    }
}
