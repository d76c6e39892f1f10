//! Instructions of fixed workloads, counted by valgrind and compared with what is committed: cost that creeps in shows at once.
//! A count says nothing of caches, disks or other threads' time; it is no measure of speed, only of change.

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::workloads::{self, Workload};

/// How far a count may be from what is committed, as a share of it.
const TOLERANCE: f64 = 0.05;

/// What is committed.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Expected {
    /// The architecture the counts were made on; another one has other instructions.
    architecture: String,
    /// Instructions of one time of each workload.
    instructions: BTreeMap<String, u64>,
}

/// How a count compares.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    Kept,
    More,
    Fewer,
    New,
}

/// Counts all workloads and compares; with `refresh` writes what is expected from now on.
pub fn run(refresh: bool) -> anyhow::Result<()> {
    ensure!(
        !cfg!(debug_assertions),
        "instructions of an unoptimised build say nothing; run it with cargo xtask counts"
    );
    let file = crate::results::folder().join("counts.json");
    let expected: Expected = match std::fs::read(&file) {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| format!("reading {}", file.display()))?,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Expected::default(),
        Err(e) => return Err(e).context("reading counts.json"),
    };
    let mut counted = Expected { architecture: std::env::consts::ARCH.into(), ..Expected::default() };
    for workload in workloads::ALL {
        counted.instructions.insert(workload.name.into(), count(workload)?);
    }
    let same_machine = expected.architecture == counted.architecture;
    let mut out = std::io::stdout();
    writeln!(out, "| instructions of one | counted | expected | |\n|---|---|---|---|")?;
    let (mut more, mut fewer) = (Vec::new(), Vec::new());
    for (name, count) in &counted.instructions {
        let known = expected.instructions.get(name).copied().filter(|_| same_machine);
        let share = known.map(|known| *count as f64 / known.max(1) as f64 - 1.0);
        let told = share.map_or("new".into(), |share| format!("{:+.1} %", share * 100.0));
        writeln!(out, "| {name} | {count} | {} | {told} |", known.map_or(String::new(), |known| known.to_string()))?;
        match standing(share) {
            Standing::More => more.push(name.clone()),
            Standing::Fewer | Standing::New => fewer.push(name.clone()),
            Standing::Kept => {}
        }
    }
    if refresh {
        std::fs::write(&file, serde_json::to_string_pretty(&counted)? + "\n").context("writing counts.json")?;
        writeln!(out, "\nbench/counts.json is written.")?;
        return Ok(());
    }
    if !same_machine {
        writeln!(
            out,
            "\nbench/counts.json is of {:?}, this is {:?}: nothing is compared.",
            expected.architecture, counted.architecture
        )?;
        return Ok(());
    }
    if !fewer.is_empty() {
        writeln!(out, "\nLess than expected, or new: {}. Keep it: cargo xtask counts --refresh", fewer.join(", "))?;
    }
    if !more.is_empty() {
        bail!(
            "more than {:.0} % above what is expected: {}; if that is right, say why in the commit with: cargo xtask counts --refresh",
            TOLERANCE * 100.0,
            more.join(", ")
        );
    }
    Ok(())
}

fn standing(share: Option<f64>) -> Standing {
    match share {
        None => Standing::New,
        Some(share) if share > TOLERANCE => Standing::More,
        Some(share) if share < -TOLERANCE => Standing::Fewer,
        Some(_) => Standing::Kept,
    }
}

/// Instructions of one time: of many times less those of few, so that what is prepared does not count.
fn count(workload: &Workload) -> anyhow::Result<u64> {
    let own = std::env::current_exe().context("finding our own program")?;
    let (few, many) = (workload.times, workload.times * 3);
    let less = instructions(&own, workload.name, few)?;
    let more = instructions(&own, workload.name, many)?;
    let between =
        more.checked_sub(less).with_context(|| format!("{}: {many} times cost less than {few}", workload.name))?;
    Ok(between / (many - few))
}

/// All instructions of a run of a workload.
fn instructions(own: &Path, name: &str, times: u64) -> anyhow::Result<u64> {
    let valgrind = crate::child::find("valgrind", &[]);
    let valgrind: PathBuf =
        valgrind.context("valgrind is not installed; on Debian: sudo apt-get install --yes valgrind")?;
    let mut command = Command::new(valgrind);
    command.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]).arg(own);
    command.args(["workload", name, &times.to_string()]).stdin(Stdio::null());
    let done = command.output().context("running valgrind")?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "{name} failed under valgrind: {said}");
    // ==1234== I   refs:      1,234,567
    read_refs(&said).with_context(|| format!("valgrind says no count: {said}"))
}

fn read_refs(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains("I ") && line.contains("refs:"))?;
    line.rsplit_once("refs:")?.1.trim().replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_as_both_versions_print_them() {
        assert_eq!(read_refs("==1== Cachegrind\n==1== I   refs:      1,234,567\n"), Some(1_234_567));
        assert_eq!(read_refs("==1== I refs:        42"), Some(42));
        assert_eq!(read_refs("==1== nothing"), None);
    }

    #[test]
    fn what_is_far_from_expected_is_told() {
        let told = [Some(0.051), Some(0.05), Some(-0.05), Some(-0.051), None].map(standing);
        assert_eq!(told, [Standing::More, Standing::Kept, Standing::Kept, Standing::Fewer, Standing::New]);
    }

    #[test]
    fn every_workload_has_a_committed_count() {
        let text = std::fs::read_to_string(crate::results::folder().join("counts.json")).unwrap();
        let expected: Expected = serde_json::from_str(&text).unwrap();
        let known: Vec<&str> = expected.instructions.keys().map(String::as_str).collect();
        let mut wanted: Vec<&str> = workloads::ALL.iter().map(|workload| workload.name).collect();
        wanted.sort_unstable();
        assert_eq!(known, wanted);
    }
}
