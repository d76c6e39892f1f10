//! Fingerprints of files, so that a second run does only what has changed.
//! It never trusts file times of sources: a checkout changes those without changing a letter.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::stop::{Doing, Stop};
use crate::tree;

/// A fingerprint of the content of these files and of all files below these folders, without the named entries.
pub fn of_content(paths: &[PathBuf], left_out: &[&str]) -> Result<u64, Stop> {
    let mut hasher = DefaultHasher::new();
    for path in paths {
        add_content(path, left_out, &mut hasher)?;
    }
    Ok(hasher.finish())
}

/// Is this the fingerprint that was kept under `name`?
pub fn unchanged(name: &str, stamp: u64) -> bool {
    fs::read_to_string(file(name)).is_ok_and(|kept| kept == text(stamp))
}

/// Keeps the fingerprint for the next run.
pub fn keep(name: &str, stamp: u64) -> Result<(), Stop> {
    let file = file(name);
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).doing("making the folder for stamps")?;
    }
    fs::write(&file, text(stamp)).doing("keeping a stamp")
}

/// Forgets the fingerprint, so that an interrupted step is done again.
pub fn forget(name: &str) -> Result<(), Stop> {
    match fs::remove_file(file(name)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).doing("forgetting a stamp"),
        _ => Ok(()),
    }
}

fn add_content(path: &Path, left_out: &[&str], hasher: &mut DefaultHasher) -> Result<(), Stop> {
    let reading = format!("reading {}", path.display());
    if !path.is_dir() {
        path.hash(hasher);
        fs::read(path).doing(&reading)?.hash(hasher);
        return Ok(());
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).doing(&reading)? {
        entries.push(entry.doing(&reading)?.path());
    }
    entries.sort();
    for entry in entries {
        let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !left_out.contains(&name) {
            add_content(&entry, left_out, hasher)?;
        }
    }
    Ok(())
}

fn file(name: &str) -> PathBuf {
    tree::target().join("xtask").join(format!("{name}.stamp"))
}

fn text(stamp: u64) -> String {
    format!("{stamp:016x}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stamp_sees_content_and_names_but_not_what_is_left_out() {
        let scratch = tree::Scratch::new("xtask-stamp").expect("a scratch folder");
        let folder = scratch.path().to_path_buf();
        let stamp = || of_content(std::slice::from_ref(&folder), &["dist"]).expect("a stamp");
        fs::write(folder.join("a"), "1").expect("a file");
        let first = stamp();
        assert_eq!(first, stamp());
        fs::write(folder.join("dist"), "built").expect("a file");
        assert_eq!(first, stamp());
        fs::write(folder.join("a"), "2").expect("a file");
        assert_ne!(first, stamp());
    }
}
