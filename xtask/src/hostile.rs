//! What arrives from people who mean no good, or programs that are wrong: fuzzing, and the API held to its own document.
//! It never judges an answer itself: the tests and Schemathesis do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::console;
use crate::process;
use crate::server::{self, Server};
use crate::stop::{Doing, Stop};
use crate::tools::Tools;
use crate::tree::{self, Scratch};

/// Executions of each target of `cargo xtask fuzz`, unless somebody says how many.
pub const EXECUTIONS: u64 = 1_000_000;
/// How long the API is asked within `cargo xtask test`.
pub const API_SECONDS: u64 = 150;
/// Of all requests so many must have made something: else they do not get past the checks of their fields.
const MADE_MIN: usize = 10;
/// What is looked at in each answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
                      response_headers_conformance,unsupported_method";
/// Nobody is limited in how fast they ask.
const UNLIMITED: [&str; 3] = ["--rate-limit=off", "--rate-limit-admin=off", "--rate-limit-address=off"];

/// Gives every parser so many inputs.
pub fn fuzz(executions: u64) -> Result<(), Stop> {
    console::say(&format!("Slotwise: {executions} inputs for every parser"));
    let mut cargo = Tools::default().cargo();
    cargo.args(["test", "--workspace", "--bins", "--test", "it", "--test", "parsers", "fuzz_", "--", "--nocapture"]);
    cargo.env("SLOTWISE_FUZZ_EXECS", executions.to_string());
    process::run(&mut cargo, "the fuzz targets")
}

/// Builds the server and asks its API for so long.
pub fn api(seconds: u64) -> Result<(), Stop> {
    console::say("Slotwise: the API against its document");
    let tools = Tools::default();
    let mut build = tools.cargo();
    // As the tests are built, so that what they have built is used.
    build.args(["test", "--quiet", "--workspace", "--test", "it", "--no-run"]);
    process::run(&mut build, "cargo test --no-run")?;
    ask_api(seconds, &mut Vec::new())
}

/// The same with the server that the tests were built with. Says how much was asked.
pub fn ask_api(seconds: u64, summary: &mut Vec<String>) -> Result<(), Stop> {
    let folder = tree::target().join("schemathesis");
    let schemathesis = installed(&folder)?;
    console::heading("Schemathesis on crates/server/openapi.json");
    let artefacts = tree::artefacts();
    fs::create_dir_all(&artefacts).doing("making the folder artefacts")?;
    let (data, log) = (Scratch::new("api")?, artefacts.join("api-server.log"));
    let binary = tree::built_for_tests()?;
    let mut create = Command::new(&binary);
    create.args(["key", "create", "--person", "Root", "--role", "admin", "--data"]).arg(data.path());
    let key = process::output(&mut create, "slotwise key create")?;
    let key = String::from_utf8_lossy(&key).trim().to_owned();
    let port = server::free_port()?;
    let mut server = Server::start_as(&binary, data.path(), port, &UNLIMITED, Some(&log))?;
    server.wait_until_ready()?;
    let mut run = Command::new(schemathesis);
    // It keeps what it found where it runs.
    run.current_dir(&folder).env("PYTHONPATH", scripts()).env("SCHEMATHESIS_HOOKS", "hooks");
    run.env("PYTHONDONTWRITEBYTECODE", "1");
    run.arg("run").arg(tree::root().join("crates/server/openapi.json"));
    run.args(["--url", &server.url(), "--checks", CHECKS]);
    run.args(["--header", &format!("Authorization: Bearer {key}"), "--max-examples", "20", "--no-shrink"]);
    run.args(["--max-time", &seconds.to_string(), "--request-timeout", "30", "--warnings", "off"]);
    let (done, lines) = match process::run_keeping(&mut run, "Schemathesis", |line| line.contains("generated,")) {
        Ok(lines) => (Ok(()), lines),
        Err((stop, lines)) => (Err(stop), lines),
    };
    summary.extend(lines);
    done?;
    server.stop()?;
    let made = made(&fs::read_to_string(&log).doing("reading the server's log")?);
    summary.push(format!("{made} requests made something"));
    if made < MADE_MIN {
        return Err(Stop::failed(format!("only {made} requests made something, {MADE_MIN} at least must")));
    }
    Ok(())
}

/// Answers of the log that made something.
fn made(log: &str) -> usize {
    log.lines().filter(|line| line.contains("status=201")).count()
}

/// The folder of what is Python's.
fn scripts() -> PathBuf {
    tree::root().join("xtask").join("schemathesis")
}

/// Schemathesis in a folder of its own below target, at the versions that are pinned. Made anew when they change.
fn installed(folder: &Path) -> Result<PathBuf, Stop> {
    let (stamp, pinned) = (folder.join("installed.txt"), scripts().join("requirements.txt"));
    let wanted = fs::read(&pinned).doing("reading requirements.txt")?;
    let program = folder.join("bin").join("schemathesis");
    if fs::read(&stamp).is_ok_and(|there| there == wanted) && program.is_file() {
        return Ok(program);
    }
    console::heading("Schemathesis, at the versions in xtask/schemathesis/requirements.txt");
    tree::remove(folder)?;
    let mut venv = Command::new("python3");
    process::run(venv.args(["-m", "venv"]).arg(folder), "python3 -m venv (Debian: python3-venv)")?;
    install(folder, &pinned)?;
    fs::write(&stamp, wanted).doing("noting what was installed")?;
    Ok(program)
}

fn install(folder: &Path, pinned: &Path) -> Result<(), Stop> {
    let mut pip = Command::new(folder.join("bin").join("pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(pinned);
    // A registry that is slow for a moment is asked again by pip itself.
    pip.args(["--timeout", &Duration::from_secs(60).as_secs().to_string()]);
    process::run_quiet(&mut pip, "pip install")
}

#[cfg(test)]
mod tests {
    use super::made;

    #[test]
    fn what_was_made_is_counted() {
        let log = "INFO request{id=\"1\"}: status=201 ms=2\nINFO status=200\nINFO status=422\nINFO status=201\n";
        assert_eq!(made(log), 2);
    }
}
