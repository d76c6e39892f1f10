//! The page of scenarios and the page of events hold what they say: every number once, every test that is named, every event that is sent.
//! It looks for names in the sources and runs none of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Scenarios by number, and those that others had.
const NUMBERED: usize = 86;
const OF_OTHERS: usize = 29;
/// Promises of security.
const OF_SECURITY: usize = 14;

fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let xtask = manifest.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    xtask.parent().expect("xtask lies in the repository").to_path_buf()
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All files below a folder that are called so.
fn called(folder: &Path, name: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            called(&path, name, found);
        } else if path.file_name().is_some_and(|of| of == name) {
            found.push(path);
        }
    }
}

/// Whether the text has a test of that name: a function under an attribute that says so, or a table of rows.
fn tests(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let is_it = |line: &str| line.split_once("fn ").is_some_and(|(_, rest)| rest.starts_with(&format!("{name}(")));
    let attributes =
        |n: usize| lines[..n].iter().rev().take_while(|line| line.starts_with('#') || line.starts_with("//"));
    let is_test = |line: &&str| line.starts_with("#[") && line.contains("test");
    lines.iter().enumerate().any(|(n, line)| is_it(line) && attributes(n).any(is_test))
        || text.contains("tables! {") && lines.contains(&format!("{name}: \"").as_str())
}

/// The files of a crate that are called so.
fn files_of(of: &str, file: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        called(&root().join("crates").join(of).join(folder), &format!("{file}.rs"), &mut files);
    }
    files
}

/// Why a test that is named `crate::file::name` is none; nothing if it is one.
fn missing(named: &str) -> Option<String> {
    let Some((of, (file, name))) = named.split_once("::").and_then(|(of, rest)| Some((of, rest.split_once("::")?)))
    else {
        return Some(format!("`{named}` is no crate::file::test"));
    };
    let there = match of {
        "web" => read(format!("web/e2e/{file}.test.mjs")).contains(&format!("test('{name}'")),
        "conformance" => {
            let cases = read("crates/engine/src/conformance.rs");
            let text = read(format!("crates/engine/src/conformance/{file}.rs"));
            let listed = cases.lines().any(|line| line.trim().trim_end_matches(';') == name);
            listed && text.contains(&format!("fn {name}("))
        }
        "domain" | "engine" | "store" | "server" | "cli" | "sim" => {
            files_of(of, file).iter().any(|path| tests(&read(path), name))
        }
        _ => return Some(format!("`{named}`: there is no {of}")),
    };
    (!there).then(|| format!("`{named}` is not there"))
}

/// Rows of all tables: number, what happens, what shows it.
fn rows(page: &str) -> Vec<[&str; 3]> {
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| #"));
    rows.map(|row| {
        let mut cells = row.trim_matches('|').splitn(3, " | ").map(str::trim);
        [(); 3].map(|()| cells.next().unwrap_or_default())
    })
    .collect()
}

#[test]
fn every_scenario_is_told_once_and_its_tests_are_there() {
    let page = read("docs/reference/scenarios.md");
    let rows = rows(&page);
    let numbers: Vec<&str> = rows.iter().map(|[number, ..]| *number).collect();
    let wanted: Vec<String> =
        (1..=NUMBERED).map(|n| n.to_string()).chain((1..=OF_OTHERS).map(|n| format!("R{n}"))).collect();
    assert_eq!(numbers, wanted, "every number once, in order");
    let mut complaints = Vec::new();
    for [number, what, shown] in rows {
        let named: Vec<&str> = shown.split('`').skip(1).step_by(2).filter(|name| name.contains("::")).collect();
        if what.is_empty() || named.is_empty() {
            complaints.push(format!("{number}: nothing shows it"));
        }
        complaints.extend(named.into_iter().filter_map(missing).map(|says| format!("{number}: {says}")));
    }
    assert!(complaints.is_empty(), "\n\n  {}\n", complaints.join("\n  "));
}

#[test]
fn every_promise_of_security_is_told_once_and_its_tests_are_there() {
    let page = read("docs/reference/security.md");
    let rows = rows(&page);
    let numbers: Vec<&str> = rows.iter().map(|[number, ..]| *number).collect();
    let wanted: Vec<String> = (1..=OF_SECURITY).map(|n| format!("SEC{n}")).collect();
    assert_eq!(numbers, wanted, "every number once, in order");
    let names =
        rows.iter().flat_map(|[.., shown]| shown.split('`').skip(1).step_by(2)).filter(|name| name.contains("::"));
    let complaints: Vec<String> = names.filter_map(missing).collect();
    assert!(complaints.is_empty(), "\n\n  {}\n", complaints.join("\n  "));
}

/// What a run must have met: where each is counted, and by which words.
#[test]
fn what_a_run_must_have_met_is_counted_where_it_is_said() {
    let page = read("docs/reference/planted-bugs.md");
    let (_, table) = page.split_once("## What a run must have met").expect("a part on what must be met");
    let rows: Vec<Vec<&str>> = table.lines().filter(|l| l.contains("::")).map(|l| l.split(" | ").collect()).collect();
    assert!(rows.len() > 20, "rows are found: {rows:?}");
    let mut complaints = Vec::new();
    for row in rows {
        let [.., named, counted] = row[..] else { panic!("{row:?}") };
        let named = named.trim_matches('`');
        complaints.extend(missing(named));
        let (of, file) = named.split_once("::").expect("crate::file::test");
        let file = file.split("::").next().unwrap_or_default();
        let mut text: String = files_of(of, file).iter().map(read).collect();
        if (of, file) == ("sim", "worlds") {
            // What must be met is a list there.
            text = read("crates/sim/src/tally.rs");
        }
        let words: Vec<&str> = counted.trim_matches(['|', ' ']).split('`').skip(1).step_by(2).collect();
        assert!(!words.is_empty(), "{named}: counted as nothing");
        let absent = words.into_iter().filter(|words| !text.contains(words));
        complaints.extend(absent.map(|words| format!("`{named}` does not count {words}")));
    }
    assert!(complaints.is_empty(), "\n\n  {}\n", complaints.join("\n  "));
}

/// The page would be worth nothing if every name were found.
#[test]
fn what_is_not_there_is_missed() {
    for named in [
        "domain::bookings::no_such_table",
        "cli::races::someone",
        "cli::races::only_outcomes",
        "conformance::races::no_such_case",
        "conformance::kit::hours",
        "web::scenarios::no such words",
        "nobody::races::a_test",
        "races",
    ] {
        assert!(missing(named).is_some(), "{named}");
    }
    assert_eq!(missing("domain::holds::ten_live_holds_a_person"), None);
    assert_eq!(missing("engine::attempts::a_full_queue_is_busy_at_once"), None);
}

/// Words that are sent as events begin with what they are about.
fn events(text: &str) -> BTreeSet<&str> {
    const ABOUT: [&str; 7] = ["booking", "hold", "waitlist", "resource", "block", "overCommit", "signed"];
    let words = text.split('"').skip(1).step_by(2);
    let is_event = |word: &&str| {
        let rest = ABOUT.iter().find_map(|about| word.strip_prefix(about));
        rest.is_some_and(|r| r.starts_with(char::is_uppercase) && r.chars().all(char::is_alphabetic))
    };
    words.filter(is_event).collect()
}

#[test]
fn every_event_that_is_sent_is_on_its_page() {
    let (page, source, live) =
        (read("docs/reference/events.md"), read("crates/server/src/events.rs"), read("crates/server/src/realtime.rs"));
    let sent: BTreeSet<&str> = events(&source).union(&events(&live)).copied().collect();
    assert!(sent.len() > 20, "events are found: {sent:?}");
    let (_, table) = page.split_once("\n## Messages\n").expect("a part on messages");
    let rows = table.split("\n## ").next().unwrap_or_default().lines().filter(|line| line.starts_with("| `"));
    let first = rows.filter_map(|row| row.split(" | ").next());
    let told: BTreeSet<&str> = first.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert_eq!(told, sent, "events as told, and as sent");
    let examples = page.lines().filter_map(|line| line.strip_prefix("    ")?.split_once(" {")).map(|(event, _)| event);
    let examples: BTreeSet<&str> = examples.filter(|event| sent.contains(event)).collect();
    assert_eq!(examples, sent, "events with an example, and as sent");
}
