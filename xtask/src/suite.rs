//! `cargo xtask test`: every test there is, in the order in which a mistake is found soonest.
//! It never repeats a test that failed, and a part that is missing is a failure.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::console;
use crate::data;
use crate::doctor::{self, Purpose};
use crate::errands;
use crate::hostile;
use crate::process;
use crate::server::{self, Server};
use crate::steps::Steps;
use crate::stop::{Doing, Stop};
use crate::tools::Tools;
use crate::tree::{self, Scratch};
use crate::web;

/// Files of the binary's tests that run over PostgreSQL as well.
const OVER_POSTGRES: &str = "keys|leases|waitlist|views|notices";
/// Tests among all others that try databases which only somebody's surroundings can name, and by which variable. They pass without.
const ELSEWHERE: [(&str, &str); 2] = [
    ("every case on a named database", "SLOTWISE_TESTS_URL"),
    ("named databases that take over", "SLOTWISE_FAILOVER_URL"),
];
/// Browser tests that measure how long something takes, so that nothing runs beside them.
const ALONE: [&str; 2] = ["timeline.test.mjs", "weight.test.mjs"];
/// Files of browser tests that run at the same time: each has its own rooms and hours, and people where it counts what they are told.
const AT_ONCE: usize = 2;
/// Lines of the server's log that are shown when a browser test fails.
const LOG_LINES: usize = 40;

/// Runs all tests, closes with their summaries and the time each step took.
pub fn test(quick: bool) -> Result<(), Stop> {
    console::say(if quick { "Slotwise: the tests, without the browser's" } else { "Slotwise: all tests" });
    let mut steps = Steps::begin();
    let result = row(&mut steps, quick);
    if !matches!(result, Err(Stop::Interrupted)) {
        steps.close();
        fs::create_dir_all(tree::artefacts()).doing("making the folder artefacts")?;
        fs::write(tree::artefacts().join("minutes.md"), steps.page()).doing("writing minutes.md")?;
    }
    if result.is_ok() {
        console::say(if quick {
            "All that ran has passed; the browser tests did not run."
        } else {
            "All tests passed."
        });
    }
    result
}

fn row(steps: &mut Steps, quick: bool) -> Result<(), Stop> {
    let tools = steps.step("doctor", |_| doctor::examine(&Purpose::Test))?;
    steps.step("format", |_| check(&tools, "cargo fmt --all --check"))?;
    steps.step("clippy", |_| check(&tools, "cargo clippy --workspace --all-targets -- -D warnings"))?;
    steps.step("clippy with traces", |_| {
        check(&tools, "cargo clippy --package slotwise-cli --features otlp -- -D warnings")
    })?;
    steps.step("web build", |_| web::build(&tools, true))?;
    steps.step("web lint", |_| npm(&tools, "lint", &mut Vec::new()))?;
    steps.step("web tests", |summary| npm(&tools, "test", summary))?;
    if quick {
        steps.leave_out("release build", "--quick");
        steps.leave_out("counts", "--quick");
    } else {
        steps.step("release build", |_| errands::build_released(&tools))?;
        steps.step("counts", |_| errands::count(false))?;
    }
    steps.step("rust tests", |summary| rust_tests(&tools, summary))?;
    for (name, variable) in ELSEWHERE {
        if std::env::var_os(variable).is_none() {
            steps.leave_out(name, &format!("{variable} names none"));
        }
    }
    if quick {
        steps.leave_out("rust tests over PostgreSQL", "--quick");
        steps.leave_out("api", "--quick");
    } else {
        steps.step("rust tests over PostgreSQL", |summary| over_postgres(&tools, summary))?;
        steps.step("api", |summary| hostile::ask_api(hostile::API_SECONDS, summary))?;
    }
    // After whatever runs the binary of the tests: this leaves one with bugs in its place.
    steps.step("planted bugs", |_| errands::planted(&tools))?;
    steps.step("doc tests", |summary| cargo(&tools, &["test", "--doc", "--workspace"], summary))?;
    if quick {
        steps.leave_out("browser tests", "--quick");
        return Ok(());
    }
    steps.step("browser tests", |summary| browser_tests(&tools, summary))
}

fn check(tools: &Tools, line: &str) -> Result<(), Stop> {
    console::heading(line);
    let mut cargo = tools.cargo();
    cargo.args(line.split(' ').skip(1));
    process::run(&mut cargo, line)
}

fn npm(tools: &Tools, script: &str, summary: &mut Vec<String>) -> Result<(), Stop> {
    console::heading(&format!("web: npm run {script}"));
    let what = format!("npm run {script}");
    keeping(tools.npm().args(["run", script]), &what, summary)
}

fn rust_tests(tools: &Tools, summary: &mut Vec<String>) -> Result<(), Stop> {
    if !tools.nextest {
        return cargo(tools, &["test", "--workspace", "--all-targets"], summary);
    }
    let profile = if std::env::var_os("CI").is_some() { "ci" } else { "default" };
    cargo(tools, &["nextest", "run", "--workspace", "--profile", profile], summary)
}

/// Those tests of the real binary that ask least of a folder, over a database each.
fn over_postgres(tools: &Tools, summary: &mut Vec<String>) -> Result<(), Stop> {
    if !tools.nextest {
        console::note("left out: these are chosen by cargo-nextest, which is not installed");
        return Ok(());
    }
    let filter = format!("package(slotwise-cli) and test(/^({OVER_POSTGRES})::/)");
    let what = format!("SLOTWISE_TESTS_ON=postgres cargo nextest run --workspace -E '{filter}'");
    console::heading(&what);
    let mut cargo = tools.cargo();
    // Of the whole workspace, as the tests before: a package by itself is built with other features, and so all over again.
    cargo.args(["nextest", "run", "--workspace", "-E", &filter]).env("SLOTWISE_TESTS_ON", "postgres");
    keeping(&mut cargo, &what, summary)
}

fn cargo(tools: &Tools, arguments: &[&str], summary: &mut Vec<String>) -> Result<(), Stop> {
    let what = format!("cargo {}", arguments.join(" "));
    console::heading(&what);
    keeping(tools.cargo().args(arguments), &what, summary)
}

/// The browser tests, against the release build with the real schedule.
fn browser_tests(tools: &Tools, summary: &mut Vec<String>) -> Result<(), Stop> {
    console::heading("browser tests: node --test web/e2e");
    let alone = |file: &PathBuf| ALONE.iter().any(|name| file.ends_with(name));
    let (alone, together): (Vec<PathBuf>, Vec<PathBuf>) = browser_test_files()?.into_iter().partition(alone);
    let artefacts = tree::artefacts();
    fs::create_dir_all(&artefacts).doing("making the folder artefacts")?;
    let data = Scratch::new("e2e")?;
    data::fill(data.path())?;
    let log = artefacts.join("server.log");
    let mut server = Server::start(data.path(), server::free_port()?, Some(&log))?;
    let result = server.wait_until_ready().and_then(|_| {
        for (files, at_once) in [(&together, AT_ONCE), (&alone, 1)] {
            let mut node = tools.node();
            node.args(["--test", "--test-reporter=spec", "--test-timeout=300000"]);
            node.arg(format!("--test-concurrency={at_once}")).args(files);
            node.env("SLOTWISE_URL", server.url());
            // What is no demo is started by its own test.
            node.env("SLOTWISE_BINARY", tree::binary()?);
            if let Some(chromium) = &tools.chromium {
                node.env("SLOTWISE_CHROMIUM", chromium);
            }
            keeping(&mut node, "node --test web/e2e", summary)?;
        }
        Ok(())
    });
    let result = result.and_then(|()| server.stop());
    if matches!(result, Err(Stop::Failed(_))) {
        show_end_of(&log);
    }
    result
}

/// Every `*.test.mjs` (or .js) below web/e2e. Newer versions of Node take no folder, so we name the files.
fn browser_test_files() -> Result<Vec<PathBuf>, Stop> {
    let mut files = Vec::new();
    collect_tests(&tree::web().join("e2e"), &mut files)?;
    if files.is_empty() {
        return Err(Stop::failed("there is no *.test.mjs below web/e2e"));
    }
    files.sort();
    Ok(files)
}

fn collect_tests(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Stop> {
    let reading = format!("reading {}", folder.display());
    for entry in fs::read_dir(folder).doing(&reading)? {
        let path = entry.doing(&reading)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            collect_tests(&path, files)?;
        } else if name.ends_with(".test.mjs") || name.ends_with(".test.js") {
            files.push(path);
        }
    }
    Ok(())
}

fn keeping(command: &mut Command, what: &str, summary: &mut Vec<String>) -> Result<(), Stop> {
    match process::run_keeping(command, what, is_summary) {
        Ok(lines) => {
            summary.extend(lines);
            Ok(())
        }
        Err((stop, lines)) => {
            summary.extend(lines);
            Err(stop)
        }
    }
}

/// Is this one of the lines in which a test runner sums up? nextest, cargo test, vitest, node --test.
fn is_summary(line: &str) -> bool {
    // nextest shows what a failed test said, indented; that is not the sum.
    let of_cargo = line.starts_with("test result:") && !line.contains(" 0 passed; 0 failed;");
    let line = line.trim();
    let counts =
        |rest: Option<&str>| rest.is_some_and(|rest| rest.trim_start().starts_with(|c: char| c.is_ascii_digit()));
    line.starts_with("Summary [")
        || of_cargo
        || counts(line.strip_prefix("Test Files "))
        || counts(line.strip_prefix("Tests "))
        || ["ℹ tests ", "ℹ pass ", "ℹ fail ", "ℹ skipped ", "ℹ cancelled "].iter().any(|word| line.starts_with(word))
}

fn show_end_of(log: &Path) {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    console::note(&format!("the end of the server's log ({}):", log.display()));
    for line in &lines[lines.len().saturating_sub(LOG_LINES)..] {
        console::note(line);
    }
}

#[cfg(test)]
mod tests {
    use super::is_summary;

    #[test]
    fn summaries_of_the_four_runners() {
        for line in [
            "     Summary [   0.005s] 12 tests run: 12 passed, 0 skipped",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            " Test Files  4 passed (4)",
            "      Tests  31 passed (31)",
            "ℹ pass 7",
            "ℹ fail 0",
        ] {
            assert!(is_summary(line), "{line}");
        }
        for line in [
            "Tests are fine",
            "test a::b ... ok",
            "ℹ duration_ms 12",
            "   Doc-tests slotwise_domain",
            "    test result: FAILED. 1",
        ] {
            assert!(!is_summary(line), "{line}");
        }
    }
}
