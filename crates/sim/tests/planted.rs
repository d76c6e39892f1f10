//! Every bug that is planted is found, by what must find it, within a minute; and what is said of it in the documents is so.
//! It runs in a build of its own: `cargo xtask planted`.

use slotwise_domain::planted::{Bug, plant};
use slotwise_sim::world::plain;
use slotwise_sim::{Report, many, run};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Operations within which each must be found.
const OPERATIONS: u64 = 400_000;
/// And how long that may take.
const WITHIN: Duration = Duration::from_secs(60);

/// The rows of the document: the name, and by what it is found.
fn documented() -> BTreeMap<String, String> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/planted-bugs.md");
    let text = std::fs::read_to_string(file).expect("docs/reference/planted-bugs.md");
    let cells = text.lines().map(|row| row.split('|').map(|cell| cell.trim().replace('`', "")).collect::<Vec<_>>());
    // The rows of bugs begin with their numbers.
    let bugs = cells.filter(|cells| cells.get(1).is_some_and(|number| number.parse::<u8>().is_ok()));
    bugs.filter_map(|cells| Some((cells.get(2)?.clone(), cells.get(4)?.clone()))).collect()
}

#[test]
fn every_planted_bug_is_found() {
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get());
    plant(None);
    let control = many(1, 20_000, threads, plain, |_| {});
    assert!(control.wrong.is_none(), "without any: {:?}", control.wrong);
    let (documented, mut found, mut missed) = (documented(), BTreeMap::new(), Vec::new());
    for bug in Bug::ALL {
        plant(Some(bug));
        let began = Instant::now();
        // The seeds that found them here; all others are met at once.
        let (first, world): (u64, fn(u64) -> Report) = match bug {
            Bug::OfferGoesOnAsTurn => (573, plain),
            Bug::KeptForNobody => (21_736, run),
            _ => (1, plain),
        };
        let sum = many(first, OPERATIONS, threads, world, |_| {});
        plant(None);
        let (name, took) = (bug.name().trim_start_matches("planted: "), began.elapsed());
        match sum.wrong {
            Some(report) if took < WITHIN => {
                let by = report.found_by().unwrap_or("nothing").to_owned();
                println!("{name:32} found by {by:10} after {} operations, {:.1} s", sum.operations, took.as_secs_f64());
                found.insert(name.to_owned(), by);
            }
            other => missed.push(format!("{name} in {} operations, {took:?}: {}", sum.operations, other.is_some())),
        }
    }
    assert!(missed.is_empty(), "not found: {missed:#?}");
    assert_eq!(found, documented, "what is found by what, and what docs/reference/planted-bugs.md says");
}

#[test]
fn this_build_has_them() {
    let own = std::fs::read(std::env::current_exe().expect("its own path")).expect("its own bytes");
    let has = |name: &str| own.windows(name.len()).any(|piece| piece == name.as_bytes());
    assert!(Bug::ALL.iter().all(|bug| has(bug.name())), "what no other build has is looked for by these words");
}
