//! The core against a model so naive that it is obviously right: per resource an array of minutes, added up from nothing
//! for every question. It shares no code with the judgement; only the commands and the answers are the domain's.
//!
//! A case is one command judged. `SLOTWISE_CASES=100000000` runs longer, `SLOTWISE_SEED=7` runs one sequence alone.

mod model;
mod run;
mod steps;

use run::Run;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub use steps::Dice;
use steps::{STEPS, Setting, Step, setting, step};

/// Commands judged in an ordinary run.
const CASES: u64 = 1_000_000;

/// What an ordinary run must have met at least once: codes, rules, changes, and what follows from several steps together.
#[rustfmt::skip]
const REACHED: &[&str] = &[
    // Verdicts.
    "accepted", "invalid", "not_allowed", "not_eligible", "closed", "outside_hours", "too_early", "blocked", "past_cutoff", "quota_exceeded", "own_overlap",
    "hold_expired", "hold_superseded", "held_by_other", "full", "insufficient", "waitlist_first", "version_stale", "others would go",
    "no way",
    // Rules.
    "admin_only", "approval", "begun",
    "book_by", "change_by", "cancel_by", "eligibility", "capacity", "check_in", "holder", "linked", "one_interval", "owner", "owner_of_both", "quota",
    "renewals", "same_booking", "state", "to", "units", "units_free", "waiting", "waitlist_off",
    // Changes.
    "BlockAdded", "BlockRemoved",
    "BookingApproved", "BookingCancelled", "BookingCheckedIn", "BookingDisplaced", "BookingHandedOver", "BookingMade", "BookingMoved",
    "BookingNoShow", "BookingOverrode", "BookingRequested", "CapacitySet", "HoldGranted", "HoldRenewed", "OverCommitLowered",
    "RequestApproved", "ResourceEdited", "ServiceSet", "WaitDue", "WaitJoined", "hold expired", "hold released", "hold consumed",
    "hold given up", "hold voided", "wait promoted", "wait left", "wait lapsed",
    // What follows.
    "a cancel gave back", "a displacement gave back", "a late cancel counts", "a no-show counts", "a lower allowance",
    "a higher allowance", "over the quota", "bundle booked", "bundle displaced", "linked together", "cancelled late", "capacity set",
    "over-committed", "newest displaced", "named displaced", "moved", "moved over others", "swapped", "reopened", "waits", "promoted",
    "blocked but for somebody", "booked while it runs", "too many credits", "dropped late", "exchanged late", "Reasoned",
    "a series", "a series without some dates", "a series refused", "a date elsewhere",
    "dates given up", "dates moved",
];

/// Runs a sequence to its end, tidied; how many commands were judged, and what was said.
fn run(set: &Setting, steps: &[Step]) -> (u64, BTreeMap<&'static str, u64>) {
    let mut run = Run::new(set);
    let mut judged = 0;
    for step in steps {
        judged += u64::from(run.step(step));
    }
    // What has come free since the last step is somebody's turn.
    run.turns();
    for calendar in run.world.calendars.values() {
        assert!(calendar.holds.values().all(|h| !h.expired(run.now())), "a sweep leaves nothing that expired");
    }
    run.usage();
    (judged, run.tally)
}

fn sequence(seed: u64) -> (Setting, Vec<Step>) {
    let mut dice = Dice(seed);
    let set = setting(&mut dice);
    let steps = (0..STEPS).map(|_| step(&mut dice, &set)).collect();
    (set, steps)
}

/// Whether the sequence goes wrong, and how.
fn fails(set: &Setting, steps: &[Step]) -> Option<String> {
    let outcome = std::panic::catch_unwind(|| run(set, steps));
    outcome.err().map(|e| match (e.downcast_ref::<String>(), e.downcast_ref::<&str>()) {
        (Some(says), _) => says.clone(),
        (None, Some(says)) => (*says).into(),
        (None, None) => "?".into(),
    })
}

/// Leaves out whatever can be left out.
fn shrunk(set: &Setting, mut steps: Vec<Step>) -> Vec<Step> {
    for round in 0..4 {
        let mut piece = steps.len() >> round.min(2);
        while piece > 0 {
            let mut at = 0;
            while at < steps.len() {
                let mut fewer = steps.clone();
                fewer.drain(at..(at + piece).min(fewer.len()));
                if fails(set, &fewer).is_some() {
                    steps = fewer;
                } else {
                    at += piece;
                }
            }
            piece /= 2;
        }
    }
    steps
}

#[test]
fn a_million_commands_are_judged_as_by_minutes() {
    let number = |name| std::env::var(name).ok().map(|n: String| n.parse::<u64>().unwrap());
    let (cases, one) = (number("SLOTWISE_CASES").unwrap_or(CASES), number("SLOTWISE_SEED"));
    let (next, judged, stop) = (AtomicU64::new(one.unwrap_or(1)), AtomicU64::new(0), AtomicBool::new(false));
    let (failed, tallies) = (Mutex::new(None::<u64>), Mutex::new(BTreeMap::<&str, u64>::new()));
    // A sequence that goes wrong is run again, shrunk, with the lid off; until then it is quiet.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().name() != Some("oracle") {
            hook(info);
        }
    }));
    let worker = || {
        while !stop.load(Ordering::Relaxed) && judged.load(Ordering::Relaxed) < cases {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let (set, steps) = sequence(seed);
            match std::panic::catch_unwind(|| run(&set, &steps)) {
                Ok((n, tally)) => {
                    judged.fetch_add(n, Ordering::Relaxed);
                    let mut tallies = tallies.lock().unwrap();
                    tally.into_iter().for_each(|(name, n)| *tallies.entry(name).or_default() += n);
                }
                Err(_) => {
                    stop.store(true, Ordering::Relaxed);
                    failed.lock().unwrap().get_or_insert(seed);
                }
            }
            if one.is_some() {
                break;
            }
        }
    };
    let shrink = |seed: u64| {
        let (set, steps) = sequence(seed);
        let steps = shrunk(&set, steps);
        let says = fails(&set, &steps).unwrap_or_default();
        let rows: String = steps.iter().map(|s| format!("  {s:?}\n")).collect();
        format!(
            "{says}\non {set:#?}\nafter\n{rows}replay: SLOTWISE_SEED={seed} cargo test -p slotwise-domain --test it oracle"
        )
    };
    let report = std::thread::scope(|scope| {
        let threads = if one.is_some() { 1 } else { std::thread::available_parallelism().map_or(2, |n| n.get()) };
        let named = || std::thread::Builder::new().name("oracle".into());
        let workers: Vec<_> = (0..threads).map(|_| named().spawn_scoped(scope, worker).unwrap()).collect();
        workers.into_iter().for_each(|w| w.join().unwrap());
        let seed = *failed.lock().unwrap();
        seed.map(|seed| named().spawn_scoped(scope, move || shrink(seed)).unwrap().join().unwrap())
    });
    drop(std::panic::take_hook());
    if let Some(report) = report {
        panic!("{report}");
    }
    let judged = judged.load(Ordering::Relaxed);
    println!("{judged} commands judged: {:?}", tallies.lock().unwrap());
    if one.is_none() {
        assert!(judged >= cases, "only {judged} commands were judged");
        let tallies = tallies.lock().unwrap();
        let never: Vec<&&str> = REACHED.iter().filter(|what| !tallies.contains_key(**what)).collect();
        assert!(never.is_empty(), "a run that never meets {never:?} proves nothing about it");
    }
}
