//! Looks whether this machine has what a task needs, one line per part, before anything long begins.
//! It never lets a missing part pass: it is installed, or the task ends here with the line to paste.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;

use crate::console;
use crate::install::{self, Remedy};
use crate::interrupt;
use crate::options::DEMO_PORT;
use crate::process;
use crate::stop::{Doing, Stop};
use crate::tools::{self, NodeFound, Tools, Version};
use crate::tree;

/// Open files that the server and the tests with many connections need.
const OPEN_FILES: u64 = 4096;
/// What we raise the limit to where we may.
const OPEN_FILES_GENEROUS: u64 = 65_536;
/// Debian 13 brings Node 20.19.
const LAST_DEBIAN_WITH_OLD_NODE: u32 = 12;
/// Node comes in two strides on a system whose own is too old: the package first, then one of our own.
const ROUNDS: usize = 3;

/// What the machine is wanted for.
#[derive(Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Building the web app.
    Web,
    /// Building everything and serving it on this port.
    Demo {
        /// The port on 127.0.0.1.
        port: u16,
    },
    /// Running all tests.
    Test,
    /// Counting instructions.
    Counts,
    /// Measuring what stands beside us.
    Peers,
    /// All of it but the peers.
    Everything,
}

/// Checks everything the purpose needs, mends what may be mended, and returns where the tools are.
pub fn examine(purpose: &Purpose) -> Result<Tools, Stop> {
    console::heading("doctor: what this machine has");
    let mut tools = Tools::default();
    let mut open = checks(purpose);
    for _ in 0..ROUNDS {
        let lacking = look(&open, purpose, &mut tools);
        interrupt::check()?;
        if lacking.is_empty() {
            return Ok(tools);
        }
        let remedies = remedies_for(&lacking);
        let mendable = remedies.iter().all(|remedy| !matches!(remedy, Remedy::Person(_)));
        if !mendable || !install::allowed() {
            return Err(tell(&remedies));
        }
        install::apply(&remedies)?;
        open = lacking.into_iter().map(|(check, _)| check).collect();
    }
    let lacking = look(&open, purpose, &mut tools);
    if lacking.is_empty() {
        return Ok(tools);
    }
    Err(tell(&remedies_for(&lacking)))
}

fn remedies_for(lacking: &[(Check, Lack)]) -> Vec<Remedy> {
    lacking.iter().flat_map(|(_, lack)| lack.remedies.clone()).collect()
}

/// One thing to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Rustc,
    Compiler,
    Formatter,
    Clippy,
    Nextest,
    Node,
    Chromium,
    Port,
    OpenFiles,
    Valgrind,
    Redis,
    Postgres,
    Python,
}

/// What is missing and what would help.
#[derive(Debug)]
struct Lack {
    why: String,
    remedies: Vec<Remedy>,
}

fn checks(purpose: &Purpose) -> Vec<Check> {
    use Check::{
        Chromium, Clippy, Compiler, Formatter, Nextest, Node, OpenFiles, Port, Postgres, Python, Redis, Rustc, Valgrind,
    };
    match purpose {
        Purpose::Web => vec![Node],
        Purpose::Counts => vec![Rustc, Compiler, Valgrind],
        Purpose::Peers => vec![Redis, Postgres],
        Purpose::Demo { .. } => vec![Rustc, Compiler, Node, Port, OpenFiles],
        Purpose::Test | Purpose::Everything => {
            vec![
                Rustc, Compiler, Formatter, Clippy, Nextest, Node, Chromium, Port, OpenFiles, Valgrind, Postgres,
                Python,
            ]
        }
    }
}

fn look(open: &[Check], purpose: &Purpose, tools: &mut Tools) -> Vec<(Check, Lack)> {
    let mut lacking = Vec::new();
    for check in open {
        let found = match check {
            Check::Rustc => rustc(),
            Check::Compiler => compiler(),
            Check::Formatter => component("fmt", "rustfmt"),
            Check::Clippy => component("clippy", "clippy"),
            Check::Nextest => nextest(tools),
            Check::Node => node(tools),
            Check::Chromium => chromium(tools),
            Check::Port => port(purpose),
            Check::OpenFiles => open_files(),
            Check::Valgrind => valgrind(),
            Check::Redis => redis(),
            Check::Postgres => postgres(),
            Check::Python => python(),
        };
        match found {
            Ok(line) => console::tick(&line),
            Err(lack) => {
                console::cross(&lack.why);
                lacking.push((*check, lack));
            }
        }
    }
    lacking
}

fn tell(remedies: &[Remedy]) -> Stop {
    let again = remedies.iter().any(|remedy| !matches!(remedy, Remedy::Person(_)));
    console::say(&format!("\nPaste this line{}:\n", if again { ", then run the command again" } else { "" }));
    console::say(&format!("    {}\n", install::line_to_paste(remedies)));
    Stop::failed("something is missing on this machine (marked ✗ above)")
}

fn rustc() -> Result<String, Lack> {
    let wanted = rust_version();
    let found = process::ask(Command::new("rustc").arg("--version")).and_then(|text| Version::find(&text));
    match (found, wanted) {
        (Some(found), Ok(wanted)) if found >= wanted => Ok(format!("rustc {found} (at least {wanted})")),
        (found, Ok(wanted)) => Err(Lack {
            why: format!(
                "rustc {}, but {wanted} is needed",
                found.map_or("not found".into(), |found| found.to_string())
            ),
            remedies: vec![Remedy::Person("rustup update stable".into())],
        }),
        (_, Err(why)) => Err(Lack { why, remedies: vec![Remedy::Person("git checkout -- Cargo.toml".into())] }),
    }
}

/// The `rust-version` that the workspace asks for.
fn rust_version() -> Result<Version, String> {
    let manifest = fs::read_to_string(tree::root().join("Cargo.toml")).doing("reading Cargo.toml");
    let manifest = manifest.map_err(|stop| format!("{stop:?}"))?;
    let line = manifest.lines().find_map(|line| line.trim().strip_prefix("rust-version"));
    line.and_then(Version::find).ok_or_else(|| "Cargo.toml names no rust-version".into())
}

fn compiler() -> Result<String, Lack> {
    match process::ask(Command::new("cc").arg("--version")) {
        Some(version) => Ok(format!("C compiler: {version}")),
        None => Err(lack("no C compiler (cc); the bundled database is compiled from C", &["build-essential"])),
    }
}

fn component(subcommand: &str, name: &str) -> Result<String, Lack> {
    match process::ask(Tools::default().cargo().args([subcommand, "--version"])) {
        Some(version) => Ok(version),
        None => Err(Lack {
            why: format!("cargo {subcommand} is not installed"),
            remedies: vec![Remedy::Command(format!("rustup component add {name}"))],
        }),
    }
}

/// The one part that has a stand-in: cargo's own runner runs the same tests, only slower.
fn nextest(tools: &mut Tools) -> Result<String, Lack> {
    match process::ask(Tools::default().cargo().args(["nextest", "--version"])) {
        Some(version) => {
            tools.nextest = true;
            Ok(version)
        }
        None => {
            Ok("cargo-nextest is not installed: `cargo test` runs the same tests, without nextest's time limits".into())
        }
    }
}

fn node(tools: &mut Tools) -> Result<String, Lack> {
    let own = Tools { node_folder: Some(tools::own_node_folder()), ..Tools::default() };
    let on_path = tools::look_for_node(&Tools::default());
    if let NodeFound::Good { node, npm } = on_path {
        tools.node_folder = None;
        return Ok(format!("Node {node}, npm {npm}"));
    }
    if let NodeFound::Good { node, npm } = tools::look_for_node(&own) {
        tools.node_folder = own.node_folder;
        return Ok(format!("Node {node}, npm {npm} (our own, in target/node)"));
    }
    Err(match on_path {
        NodeFound::TooOld(node) => Lack {
            why: match install::debian_release() {
                Some(LAST_DEBIAN_WITH_OLD_NODE) if node.major == 18 => {
                    format!("Node {node} is Debian 12's own and too old: 20.19, 22.12 or newer is needed")
                }
                _ => format!("Node {node} is too old (or odd): 20.19, 22.12 or newer is needed"),
            },
            remedies: vec![install::own_node()],
        },
        NodeFound::NoNpm(node) => lack(&format!("Node {node}, but no npm"), &["npm"]),
        NodeFound::Nothing if install::is_debian() => {
            let mut lack = lack("no Node and npm (20.19 or newer)", &["nodejs", "npm"]);
            if install::debian_release().is_some_and(|release| release <= LAST_DEBIAN_WITH_OLD_NODE) {
                lack.why = format!("{}; Debian 12's own is 18, which only serves to bring a newer one", lack.why);
                lack.remedies.push(install::own_node());
            }
            lack
        }
        NodeFound::Nothing | NodeFound::Good { .. } => Lack {
            why: "no Node and npm (20.19 or newer)".into(),
            remedies: vec![Remedy::Person("echo 'install Node 22 with npm by this system’s own means'".into())],
        },
    })
}

fn chromium(tools: &mut Tools) -> Result<String, Lack> {
    let named = std::env::var_os("SLOTWISE_CHROMIUM").map(PathBuf::from);
    let usual = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"].map(PathBuf::from);
    for candidate in named.into_iter().chain(usual) {
        if let Some(version) = process::ask(Command::new(&candidate).arg("--version")) {
            tools.chromium = find_on_path(&candidate);
            return Ok(version);
        }
    }
    Err(lack("no Chromium for the browser tests", &["chromium"]))
}

fn valgrind() -> Result<String, Lack> {
    let version = process::ask(Command::new("valgrind").arg("--version"));
    version.ok_or_else(|| lack("no valgrind, which counts instructions", &["valgrind"]))
}

/// Debian has the part that makes folders with packages of their own in a package apart.
fn python() -> Result<String, Lack> {
    let asked = process::ask(
        Command::new("python3").args(["-c", "import ensurepip, platform; print(platform.python_version())"]),
    );
    let version = asked.map(|version| format!("Python {version}, for Schemathesis"));
    version.ok_or_else(|| lack("no python3 with venv, for Schemathesis", &["python3", "python3-venv"]))
}

fn redis() -> Result<String, Lack> {
    let version = process::ask(Command::new("redis-server").arg("--version"));
    version.ok_or_else(|| lack("no redis-server", &["redis-server"]))
}

/// Debian keeps the server's programs off the PATH, in a folder of each version; pgbench is on it.
fn postgres() -> Result<String, Lack> {
    let server = std::fs::read_dir("/usr/lib/postgresql")
        .is_ok_and(|mut versions| versions.any(|v| v.is_ok_and(|v| v.path().join("bin/initdb").is_file())));
    let version = process::ask(Command::new("pgbench").arg("--version")).filter(|_| server);
    version.ok_or_else(|| lack("no PostgreSQL with pgbench", &["postgresql", "postgresql-contrib"]))
}

/// The browser tests want a full path.
fn find_on_path(program: &PathBuf) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return Some(program.clone());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn port(purpose: &Purpose) -> Result<String, Lack> {
    let port = match purpose {
        Purpose::Demo { port } => *port,
        Purpose::Everything => DEMO_PORT,
        Purpose::Test | Purpose::Web | Purpose::Counts | Purpose::Peers => {
            return match crate::server::free_port() {
                Ok(_) => Ok("a free port for the browser tests".into()),
                Err(error) => Err(Lack {
                    why: format!("no free port on 127.0.0.1: {error:?}"),
                    remedies: vec![Remedy::Person(format!("{}ip link set lo up", install::sudo()))],
                }),
            };
        }
    };
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(format!("port {port} is free")),
        Err(error) => {
            let other = crate::server::free_port().unwrap_or(port.saturating_add(1));
            Err(Lack {
                why: format!("port {port} cannot be used: {error}"),
                remedies: vec![Remedy::Person(format!("cargo xtask demo --port {other}"))],
            })
        }
    }
}

fn open_files() -> Result<String, Lack> {
    let Some((soft, hard)) = ask_open_files() else {
        return Err(Lack {
            why: "the open-file limit cannot be read".into(),
            remedies: vec![Remedy::Person(format!("ulimit -n {OPEN_FILES}"))],
        });
    };
    if soft >= OPEN_FILES {
        return Ok(format!("{} open files (at least {OPEN_FILES})", limit(soft)));
    }
    // Our children inherit what holds for us. Raising the hard limit is for root alone.
    let hard_wish = if hard < OPEN_FILES { OPEN_FILES_GENEROUS.to_string() } else { String::new() };
    let wish = if hard < OPEN_FILES { OPEN_FILES_GENEROUS } else { hard.min(OPEN_FILES_GENEROUS) };
    let own = std::process::id().to_string();
    let raised = process::ask(Command::new("prlimit").args(["--pid", &own, &format!("--nofile={wish}:{hard_wish}")]));
    match ask_open_files() {
        Some((now, _)) if raised.is_some() && now >= OPEN_FILES => {
            Ok(format!("{} open files (raised from {soft} for this run)", limit(now)))
        }
        _ => Err(Lack {
            why: format!("only {soft} open files are allowed, {OPEN_FILES} are needed"),
            remedies: vec![Remedy::Person(if hard < OPEN_FILES {
                let sudo = install::sudo();
                format!("{sudo}prlimit --pid $$ --nofile={OPEN_FILES_GENEROUS}:{OPEN_FILES_GENEROUS}")
            } else {
                format!("ulimit -n {OPEN_FILES}")
            })],
        }),
    }
}

/// The soft and the hard limit; `u64::MAX` stands for no limit.
fn ask_open_files() -> Option<(u64, u64)> {
    let answer = process::ask(Command::new("sh").args(["-c", "echo $(ulimit -Sn) $(ulimit -Hn)"]))?;
    let mut limits = answer.split_whitespace().map(|word| match word {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    });
    Some((limits.next()??, limits.next()??))
}

fn limit(files: u64) -> String {
    if files == u64::MAX { "unlimited".into() } else { files.to_string() }
}

fn lack(why: &str, packages: &'static [&'static str]) -> Lack {
    Lack { why: why.into(), remedies: vec![Remedy::Packages(packages)] }
}
