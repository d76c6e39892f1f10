//! Short commands for people who work on Slotwise: the API document, the benchmarks, the instruction counts.
//! They never write a file that a failed command has half produced.

use std::fs;
use std::process::Command;

use crate::console;
use crate::process;
use crate::stop::{Doing, Stop};
use crate::tools::Tools;
use crate::tree;
use crate::{doctor, web};

/// Writes crates/server/openapi.json and the web app's types made from it.
pub fn openapi() -> Result<(), Stop> {
    console::say("Slotwise: the API document");
    let tools = doctor::examine(&doctor::Purpose::Web)?;
    console::heading("cargo run --package slotwise-cli -- openapi");
    let mut cargo = tools.cargo();
    cargo.args(["run", "--package", "slotwise-cli", "--", "openapi"]);
    let document = process::output(&mut cargo, "slotwise openapi")?;
    let file = tree::root().join("crates/server/openapi.json");
    if fs::read(&file).is_ok_and(|old| old == document) {
        console::tick("crates/server/openapi.json is up to date");
    } else {
        fs::write(&file, document).doing("writing crates/server/openapi.json")?;
        console::tick("crates/server/openapi.json is written");
    }
    console::heading("web: npm run api");
    web::install(&tools)?;
    process::run_quiet(tools.npm().args(["run", "api"]), "npm run api")
}

/// Builds for release and runs the benchmarks; every argument is theirs.
pub fn bench(arguments: &[String]) -> Result<(), Stop> {
    console::say("Slotwise: the benchmarks");
    build_released(&Tools::default())?;
    process::run(Command::new(tree::released("slotwise-bench")?).args(arguments), "slotwise-bench")
}

/// Builds the server and the benchmarks for release, both at once: one after the other, each with the features of its own libraries,
/// all that they share would be compiled twice.
pub fn build_released(tools: &Tools) -> Result<(), Stop> {
    console::heading("cargo build --release --package slotwise-cli --package slotwise-bench");
    let mut build = tools.cargo();
    build.args(["build", "--release", "--package", "slotwise-cli", "--package", "slotwise-bench"]);
    process::run(&mut build, "cargo build --release")
}

/// Runs simulated worlds; every argument is theirs. As fast as what is released, with the checks of an ordinary build: whatever overflows
/// is found too.
pub fn sim(arguments: &[String]) -> Result<(), Stop> {
    let mut run = Tools::default().cargo();
    run.args(["run", "--quiet", "--profile", "worlds", "--package", "slotwise-sim", "--"]).args(arguments);
    process::run(&mut run, "slotwise-sim")
}

/// Builds with planted bugs, in which one after another is switched on, and sees that each is found: in simulated worlds, and those that
/// a server can have by `slotwise race` on it.
pub fn planted(tools: &Tools) -> Result<(), Stop> {
    // Of the workspace: so what others wrote is had as the tests have it already.
    const LINE: &str =
        "cargo test --workspace --features slotwise-sim/planted,slotwise-cli/planted --test planted -- --nocapture";
    console::heading(LINE);
    let mut test = tools.cargo();
    test.args(LINE.split(' ').skip(1));
    process::run(&mut test, "planted bugs")
}

/// The cargo-mutants that changes the rules.
const MUTANTS: &str = "27.1.0";
/// Commands that the oracle judges for each: with fewer it never meets all that it must meet.
const MUTANT_CASES: &str = "50000";

/// Changes the rules in small ways, one after the other, and has their own tests look; every argument is cargo-mutants'. What no
/// test noticed is in `artefacts/mutants.out/missed.txt`.
pub fn mutants(arguments: &[String]) -> Result<(), Stop> {
    console::say("Slotwise: mutants of the rules");
    let tools = Tools::default();
    let folder = tree::target().join("mutants");
    let program = folder.join("bin").join("cargo-mutants");
    if process::ask(Command::new(&program).args(["mutants", "--version"])).is_none_or(|is| !is.contains(MUTANTS)) {
        console::heading(&format!("cargo install cargo-mutants --version {MUTANTS}"));
        let mut install = tools.cargo();
        install.args(["install", "cargo-mutants", "--locked", "--version", MUTANTS, "--root"]).arg(&folder);
        process::run(&mut install, "cargo install cargo-mutants")?;
    }
    let artefacts = tree::artefacts();
    fs::create_dir_all(&artefacts).doing("making the folder artefacts")?;
    let mut run = Command::new(program);
    run.current_dir(tree::root())
        .env("SLOTWISE_CASES", MUTANT_CASES)
        .args(["mutants", "--package", "slotwise-domain", "--output"])
        .arg(artefacts);
    process::run(run.args(arguments), "cargo-mutants")
}

/// Counts instructions of fixed workloads and compares them with what is committed.
pub fn counts(refresh: bool) -> Result<(), Stop> {
    console::say("Slotwise: instruction counts");
    let tools = doctor::examine(&doctor::Purpose::Counts)?;
    build_released(&tools)?;
    count(refresh)
}

/// The same on a machine that was looked at before, with what was built.
pub fn count(refresh: bool) -> Result<(), Stop> {
    console::heading("slotwise-bench counts");
    let mut run = Command::new(tree::released("slotwise-bench")?);
    run.arg("counts");
    if refresh {
        run.arg("--refresh");
    }
    process::run(&mut run, "slotwise-bench counts")
}
