//! Brings what the doctor missed, as root on Debian; elsewhere it only knows the line to paste.
//! It never asks, never uses sudo by itself and never changes anything but packages and our target folder.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use crate::console;
use crate::process;
use crate::stop::Stop;
use crate::tools::own_node_packages;

/// What would mend a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Debian packages.
    Packages(&'static [&'static str]),
    /// A command that needs no rights.
    Command(String),
    /// Only a person can do or decide this; the line says what to paste.
    Person(String),
}

/// The remedy that puts a Node of our own below the target folder.
pub fn own_node() -> Remedy {
    let packages = own_node_packages();
    // npm runs a package's own scripts only for packages that name a system; those for Linux need none.
    Remedy::Command(format!("npm install --prefix target/node --no-save --no-audit --no-fund {packages}"))
}

/// May we install things here?
pub fn allowed() -> bool {
    is_debian() && is_root() && process::ask(Command::new("apt-get").arg("--version")).is_some()
}

/// Is this Debian, or a system made from it?
pub fn is_debian() -> bool {
    Path::new("/etc/debian_version").exists()
}

/// Debian's release number, where it is Debian itself.
pub fn debian_release() -> Option<u32> {
    let text = fs::read_to_string("/etc/debian_version").ok()?;
    text.trim().split('.').next()?.parse().ok()
}

/// What a person must put before a command that needs rights.
pub fn sudo() -> &'static str {
    if is_root() { "" } else { "sudo " }
}

/// Installs; whether it helped is for the doctor to see.
pub fn apply(remedies: &[Remedy]) -> Result<(), Stop> {
    let packages = packages_of(remedies);
    if !packages.is_empty() {
        console::say(&format!("  + root on Debian: installing {}", packages.join(" ")));
        process::run(apt().args(["update", "-qq"]), "apt-get update")?;
        let mut install = apt();
        install.args(["install", "--yes", "-qq", "--no-install-recommends"]).args(&packages);
        process::run(&mut install, "apt-get install")?;
    }
    for remedy in remedies {
        if let Remedy::Command(line) = remedy {
            console::say(&format!("  + {line}"));
            let mut shell = Command::new("sh");
            shell.args(["-c", line]).current_dir(crate::tree::root());
            process::run(&mut shell, line)?;
        }
    }
    Ok(())
}

/// The one line that a person can paste.
pub fn line_to_paste(remedies: &[Remedy]) -> String {
    let mut parts = Vec::new();
    let packages = packages_of(remedies);
    if !packages.is_empty() {
        let sudo = sudo();
        parts.push(format!("{sudo}apt-get update && {sudo}apt-get install --yes {}", packages.join(" ")));
    }
    for remedy in remedies {
        match remedy {
            Remedy::Packages(_) => {}
            Remedy::Command(line) | Remedy::Person(line) => parts.push(line.clone()),
        }
    }
    parts.join(" && ")
}

fn packages_of(remedies: &[Remedy]) -> Vec<&'static str> {
    let mut packages = Vec::new();
    for remedy in remedies {
        if let Remedy::Packages(names) = remedy {
            packages.extend(names.iter().copied().filter(|name| !packages.contains(name)).collect::<Vec<_>>());
        }
    }
    packages
}

fn apt() -> Command {
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    apt
}

/// Only asked where there is a /proc; elsewhere nobody counts as root.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_missing_makes_one_line() {
        let remedies = [
            Remedy::Packages(&["build-essential"]),
            Remedy::Packages(&["nodejs", "npm"]),
            Remedy::Command("npm install this".into()),
            Remedy::Person("rustup update stable".into()),
        ];
        let line = line_to_paste(&remedies);
        assert!(line.contains("apt-get install --yes build-essential nodejs npm && npm install this && rustup update"));
        assert!(!line.contains('\n'));
    }
}
