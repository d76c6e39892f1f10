//! Every bug that the real server can have turns `slotwise race` red, by the invariant that is said of it in the documents, within a minute.
//! It runs in a build of its own: `cargo xtask planted`. What no ordinary build has is no part of it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long each may take until it is found, its server's start included.
const WITHIN: Duration = Duration::from_secs(60);
/// The kit plays by chance too; what it missed it may play again, on a server of the same bug, so often.
const PLAYS: u32 = 3;

/// A row of the document that says by which race and which invariant a bug of the real server is found.
#[derive(Clone, Debug)]
struct Planted {
    bug: String,
    scenario: String,
    invariant: String,
}

fn documented() -> Vec<Planted> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/planted-bugs.md");
    let text = fs::read_to_string(file).expect("docs/reference/planted-bugs.md");
    let planted = text.lines().filter_map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (scenario, invariant) = cells.get(6)?.strip_prefix("race `")?.split_once("`, ")?;
        Some(Planted { bug: (*cells.get(2)?).into(), scenario: scenario.into(), invariant: invariant.into() })
    });
    planted.collect()
}

/// A server with a bug, or with none, that ends with whoever started it.
struct Server {
    child: Child,
    url: String,
    key: String,
    home: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The binary, with nothing of the surroundings' configuration.
fn slotwise(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slotwise"));
    for name in std::env::vars_os().map(|(n, _)| n).filter(|n| n.to_string_lossy().starts_with("SLOTWISE_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

fn serve(bug: &str) -> Server {
    let home = tempfile::Builder::new().prefix("slotwise-").tempdir().unwrap();
    let data = home.path().join("data");
    let made =
        slotwise(&["key", "create", "--person", "Root", "--role", "admin", "--data"]).arg(&data).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let key = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let mut serve = slotwise(&["serve", "--port", "0", "--rate-limit=off", "--rate-limit-admin=off"]);
    serve.args(["--rate-limit-address=off", "--data"]).arg(&data).env("SLOTWISE_PLANTED", bug);
    let log = fs::File::create(home.path().join("log")).unwrap();
    let mut child = serve.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    let mut server = Server { child, url: String::new(), key, home };
    let line = BufReader::new(stdout).lines().next().unwrap().unwrap();
    server.url = line.strip_prefix("Slotwise is on ").unwrap_or_else(|| panic!("it said {line:?}")).to_owned();
    server
}

/// The exit code of the kit, what it said, and the invariants that it found broken.
fn race(server: &Server, scenarios: &[&str], seed: u32) -> (Option<i32>, String, Vec<String>) {
    let out = server.home.path().join("race");
    let mut race = slotwise(&["race", &server.url, "--keep", "--seed", &seed.to_string(), "--out"]);
    race.arg(&out).env("SLOTWISE_API_KEY", &server.key);
    scenarios.iter().for_each(|name| drop(race.args(["--scenario", name])));
    let done = race.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    (done.status.code(), said, broken(&out.join("report.json")))
}

fn broken(report: &Path) -> Vec<String> {
    let report: serde_json::Value =
        fs::read(report).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let rounds = report["rounds"].as_array().cloned().unwrap_or_default();
    let all = rounds.iter().flat_map(|round| round["violations"].as_array().cloned().unwrap_or_default());
    let mut named: Vec<String> = all.filter_map(|v| v["invariant"].as_str().map(str::to_owned)).collect();
    named.sort();
    named.dedup();
    named
}

#[test]
fn every_bug_of_a_server_turns_the_kit_red() {
    let all = documented();
    assert!(all.len() >= 10, "the document says so of {} bugs", all.len());
    let mut scenarios: Vec<&str> = all.iter().map(|planted| planted.scenario.as_str()).collect();
    scenarios.sort_unstable();
    scenarios.dedup();
    let control = serve("");
    let (code, said, _) = race(&control, &scenarios, 1);
    assert_eq!(code, Some(0), "without any bug: {said}");
    drop(control);
    // Two at a time: a race waits more than it works.
    let (next, missed) = (Mutex::new(all.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(planted) = next.lock().unwrap().next() else { return };
                    if let Err(why) = found(planted) {
                        missed.lock().unwrap().push(why);
                    }
                }
            });
        }
    });
    let missed = missed.into_inner().unwrap();
    assert!(missed.is_empty(), "not found:\n{}", missed.join("\n"));
}

fn found(planted: &Planted) -> Result<(), String> {
    let Planted { bug, scenario, invariant } = planted;
    let began = Instant::now();
    let mut last = String::new();
    for seed in 1..=PLAYS {
        let (code, said, broken) = race(&serve(bug), &[scenario], seed);
        let took = began.elapsed();
        if code == Some(1) && broken.contains(invariant) && took < WITHIN {
            println!("{bug:32} found by {scenario}, {}, {:.1} s", broken.join(" "), took.as_secs_f64());
            return Ok(());
        }
        last = format!("{bug} by {scenario}: {code:?} in {took:?}, {broken:?}, not {invariant}\n{said}");
    }
    Err(last)
}
