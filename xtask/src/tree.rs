//! Where things lie in this repository, and small helpers for folders of our own.
//! It never removes anything outside the target folder.

use std::fs;
use std::path::{Path, PathBuf};

use crate::stop::{Doing, Stop};

/// The repository's root.
pub fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let xtask = manifest.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    xtask.parent().map(Path::to_path_buf).unwrap_or(xtask)
}

/// The folder of the web app's sources.
pub fn web() -> PathBuf {
    root().join("web")
}

/// Our own corner of the target folder.
pub fn target() -> PathBuf {
    root().join("target")
}

/// Where the browser tests leave what a person may want to look at.
pub fn artefacts() -> PathBuf {
    root().join("artefacts")
}

/// The timetable that ships with the repository.
pub fn schedule() -> PathBuf {
    root().join("demo-data").join("ucsd_schedule_FA25.tsv.gz")
}

/// The binary `slotwise` as built for release.
pub fn binary() -> Result<PathBuf, Stop> {
    released("slotwise")
}

/// A binary as built for release: beside ours, wherever cargo was told to build.
pub fn released(name: &str) -> Result<PathBuf, Stop> {
    let own = std::env::current_exe().doing("finding the folder cargo builds into")?;
    let built = own.parent().and_then(Path::parent);
    let built = built.ok_or_else(|| Stop::failed("xtask runs from an unexpected place"))?;
    Ok(built.join("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
}

/// The binary `slotwise` as built for the tests: it lies beside this program, which is built in the same way.
pub fn built_for_tests() -> Result<PathBuf, Stop> {
    let own = std::env::current_exe().doing("finding the folder cargo builds into")?;
    Ok(own.with_file_name(format!("slotwise{}", std::env::consts::EXE_SUFFIX)))
}

/// A folder that goes when this value goes.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// An empty folder `target/NAME-PID`; what ended runs left under that name is removed first.
    pub fn new(name: &str) -> Result<Scratch, Stop> {
        sweep(name);
        let path = target().join(format!("{name}-{}", std::process::id()));
        remove(&path)?;
        fs::create_dir_all(&path).doing("making a temporary folder")?;
        Ok(Scratch { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(Stop::Failed(reason)) = remove(&self.path) {
            crate::console::failure(&reason);
        }
    }
}

/// Removes a folder and what is in it; one that is not there is fine.
pub fn remove(path: &Path) -> Result<(), Stop> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Stop::failed(format!("removing {}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

/// Copies a folder and what is in it.
pub fn copy(from: &Path, to: &Path) -> Result<(), Stop> {
    fs::create_dir_all(to).doing(&format!("making {}", to.display()))?;
    for entry in fs::read_dir(from).doing(&format!("reading {}", from.display()))? {
        let entry = entry.doing(&format!("reading {}", from.display()))?;
        let goal = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &goal)?;
        } else {
            fs::copy(entry.path(), &goal).doing(&format!("copying to {}", goal.display()))?;
        }
    }
    Ok(())
}

/// Is there anything in this folder?
pub fn has_content(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some())
}

/// Removes `target/NAME-PID` of runs that were killed. Only where the system can tell which runs still live.
fn sweep(name: &str) {
    let Ok(entries) = fs::read_dir(target()) else { return };
    for entry in entries.flatten() {
        let file_name = entry.file_name();
        let pid = file_name.to_str().and_then(|text| text.strip_prefix(name)?.strip_prefix('-')?.parse::<u32>().ok());
        let ended =
            pid.is_some_and(|pid| Path::new("/proc/self").exists() && !Path::new(&format!("/proc/{pid}")).exists());
        if ended && remove(&entry.path()).is_err() {
            // It can wait for the next run.
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scratch_folder_is_copied_and_goes() {
        let kept;
        {
            let scratch = Scratch::new("xtask-unit").expect("a scratch folder");
            kept = scratch.path().to_path_buf();
            assert!(!has_content(&kept));
            fs::create_dir_all(kept.join("from/deep")).expect("a folder");
            fs::write(kept.join("from/deep/file"), "x").expect("a file");
            copy(&kept.join("from"), &kept.join("to")).expect("a copy");
            assert_eq!(fs::read_to_string(kept.join("to/deep/file")).expect("the copy"), "x");
        }
        assert!(!kept.exists());
    }
}
