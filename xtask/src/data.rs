//! The data of the demonstration: the real schedule, imported once and copied for every run, and a small made-up world around now.
//! It never changes a folder that already holds data.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use crate::console;
use crate::process;
use crate::stop::{Doing, Stop};
use crate::tree;

/// Fills the folder with the imported schedule, unless something is in it already.
pub fn fill(folder: &Path) -> Result<(), Stop> {
    if tree::has_content(folder) {
        console::note(&format!("{} already holds data: it is used as it is", folder.display()));
        return Ok(());
    }
    let prepared = prepare()?;
    tree::copy(&prepared, folder).inspect_err(|_| {
        if tree::remove(folder).is_err() {
            console::failure(&format!("{} holds half a copy: remove it", folder.display()));
        }
    })
}

/// Adds the small made-up world; what is there of it is left. Its registration windows and classes are near the present, so it is
/// made anew for each folder.
pub fn add_world(folder: &Path) -> Result<(), Stop> {
    let mut world = Command::new(tree::binary()?);
    world.args(["import", "demo-world", "--data"]).arg(folder);
    process::run(world.current_dir(tree::root()), "slotwise import demo-world")
}

/// A folder with the freshly imported schedule, made once for a binary, a schedule and a week.
fn prepare() -> Result<PathBuf, Stop> {
    let cache = tree::target().join("demo-cache");
    let prepared = cache.join(key()?);
    if prepared.exists() {
        console::note("the imported schedule of the last run is used again");
        return Ok(prepared);
    }
    let partial = tree::Scratch::new("demo-import")?;
    let mut import = Command::new(tree::binary()?);
    import.args(["import", "ucsd-schedule"]).arg(tree::schedule()).arg("--data").arg(partial.path());
    process::run(import.current_dir(tree::root()), "slotwise import")?;
    fs::create_dir_all(&cache).doing("making the folder for prepared data")?;
    let kept = fs::rename(partial.path(), &prepared);
    if !prepared.exists() {
        // Otherwise another run was faster, and its import is as good as ours.
        kept.doing("keeping the imported schedule")?;
    }
    remove_others(&cache, &prepared)?;
    Ok(prepared)
}

/// Imports of older binaries and weeks go, once the new one is there.
fn remove_others(cache: &Path, prepared: &Path) -> Result<(), Stop> {
    for entry in fs::read_dir(cache).doing("looking at prepared data")? {
        let path = entry.doing("looking at prepared data")?.path();
        if path != prepared {
            tree::remove(&path)?;
        }
    }
    Ok(())
}

/// What the import depends on: the binary, the schedule, and the Monday the term is shifted to.
fn key() -> Result<String, Stop> {
    let mut hasher = DefaultHasher::new();
    let binary = fs::metadata(tree::binary()?).doing("looking at the built binary")?;
    let changed = binary.modified().doing("looking at the built binary")?;
    (binary.len(), changed).hash(&mut hasher);
    fs::read(tree::schedule()).doing("reading the schedule in demo-data")?.hash(&mut hasher);
    next_monday(today()).hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}

/// Days since 1970-01-01, UTC.
#[expect(clippy::disallowed_methods, reason = "the schedule is imported relative to today; nothing is decided by it")]
fn today() -> u64 {
    let now = std::time::SystemTime::now();
    now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400)
}

/// The first Monday after a day. 1970-01-01 was a Thursday.
fn next_monday(day: u64) -> u64 {
    day + 7 - (day + 3) % 7
}

#[cfg(test)]
mod tests {
    use super::next_monday;

    #[test]
    fn the_monday_after() {
        // Day 4 was Monday 1970-01-05.
        for (day, expected) in [(0, 4), (3, 4), (4, 11), (5, 11), (10, 11), (11, 18)] {
            assert_eq!(next_monday(day), expected, "day {day}");
        }
    }
}
