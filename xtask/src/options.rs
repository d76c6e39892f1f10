//! The command line: one small reader for all commands, and their help.
//! It never touches the disk or the network.

use std::path::PathBuf;

use crate::hostile;

/// What a person asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Task {
    /// Say what there is.
    Help,
    /// Look at the machine only.
    Doctor,
    /// Build the web app.
    Web {
        /// Leave it alone when nothing it is made of has changed.
        if_changed: bool,
    },
    /// Serve the demonstration.
    Demo(DemoWish),
    /// Run all tests.
    Test {
        /// Leave out the release build and the browser tests.
        quick: bool,
    },
    /// Write the API document and the types made from it.
    Openapi,
    /// Run the benchmarks with these arguments.
    Bench(Vec<String>),
    /// Run simulated worlds with these arguments.
    Sim(Vec<String>),
    /// See whether every planted bug is found.
    Planted,
    /// Install what the benchmarks measure beside us.
    InstallPeers,
    /// Count the instructions of fixed workloads.
    Counts {
        /// Write them down as what is expected from now on.
        refresh: bool,
    },
    /// Change the rules in many small ways, with these arguments, and see that a test notices each.
    Mutants(Vec<String>),
    /// Give every parser so many inputs.
    Fuzz {
        /// For each of them.
        executions: u64,
    },
    /// Hold the API to its document.
    Api {
        /// For so long.
        seconds: u64,
    },
}

/// How the demonstration should run.
#[derive(Debug, PartialEq, Eq)]
pub struct DemoWish {
    /// Where the data lives and stays; a temporary folder if absent.
    pub data: Option<PathBuf>,
    /// The port on 127.0.0.1.
    pub port: u16,
}

/// The port of the demonstration unless a person names another.
pub const DEMO_PORT: u16 = 8080;

/// What `cargo xtask --help` says.
pub const HELP: &str = "\
cargo xtask COMMAND

  demo [--data DIR] [--port N]   build everything, import the real schedule, serve it on http://127.0.0.1:8080
                                 and say what to click; Ctrl-C removes the data unless --data keeps it in DIR
  test [--quick]                 run all tests and bring what they need; --quick leaves out the release build
                                 and the browser tests, and says so
  web [--if-changed]             build the web app into web/dist, which the binary embeds
  doctor                         look whether this machine has what the other commands need
  openapi                        write crates/server/openapi.json and the web app's types made from it
  bench [ARGS]                   build for release and run the benchmarks with ARGS; --install-peers alone installs
                                 what they measure beside us: Redis and PostgreSQL
  counts [--refresh]             count the instructions of fixed workloads and compare them with bench/counts.json;
                                 --refresh writes that file
  sim [--ops N] [--from SEED]    run simulated worlds until so many operations were sent, a million if it is not said; --seed SEED
                                 runs one alone, which does what it did
  planted                        build with each known kind of bug in it, and see that the tests find it
  mutants [ARGS]                 change the rules in many small ways, one at a time, and see that a test notices; hours for
                                 all of them, --file settle.rs takes one file; ARGS are those of cargo-mutants
  fuzz [N]                       give every parser N inputs (1,000,000 without N), made of its corpus by chance
  api [SECONDS]                  ask the whole API with Schemathesis for so long (150): nothing but what its document
                                 says may come back
  help                           this text

As root on Debian demo, test, web and doctor install what is missing and say so; otherwise they print the line to paste.";

/// Reads the arguments that follow `cargo xtask`; the error says what was not understood.
pub fn read(arguments: impl Iterator<Item = String>) -> Result<Task, String> {
    let mut arguments = arguments.peekable();
    let Some(command) = arguments.next() else { return Ok(Task::Help) };
    if command != "bench" && arguments.peek().is_some_and(|next| next == "--help" || next == "-h") {
        return Ok(Task::Help);
    }
    let task = match command.as_str() {
        "help" | "--help" | "-h" => Task::Help,
        "doctor" => Task::Doctor,
        "web" => Task::Web { if_changed: flag(&mut arguments, "--if-changed") },
        "test" => Task::Test { quick: flag(&mut arguments, "--quick") },
        "demo" => Task::Demo(read_demo(&mut arguments)?),
        "openapi" => Task::Openapi,
        "bench" if flag(&mut arguments, "--install-peers") => Task::InstallPeers,
        "bench" => Task::Bench(arguments.by_ref().collect()),
        "sim" => Task::Sim(arguments.by_ref().collect()),
        "planted" => Task::Planted,
        "mutants" => return Ok(Task::Mutants(arguments.collect())),
        "counts" => Task::Counts { refresh: flag(&mut arguments, "--refresh") },
        "fuzz" => Task::Fuzz { executions: number(&mut arguments, hostile::EXECUTIONS)? },
        "api" => Task::Api { seconds: number(&mut arguments, hostile::API_SECONDS)? },
        unknown => return Err(format!("there is no command '{unknown}'")),
    };
    match arguments.next() {
        Some(extra) => Err(format!("'{command}' does not know '{extra}'")),
        None => Ok(task),
    }
}

fn read_demo(arguments: &mut impl Iterator<Item = String>) -> Result<DemoWish, String> {
    let mut wish = DemoWish { data: None, port: DEMO_PORT };
    while let Some(argument) = arguments.next() {
        let (name, inline) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (argument.as_str(), None),
        };
        if name != "--data" && name != "--port" {
            return Err(format!("'demo' does not know '{name}'"));
        }
        let value = inline.or_else(|| arguments.next()).filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| format!("{name} needs a value"))?;
        if name == "--data" {
            wish.data = Some(PathBuf::from(value));
        } else {
            let port = value.parse().ok().filter(|port| *port != 0);
            wish.port = port.ok_or_else(|| format!("--port: '{value}' is no port (1 to 65535)"))?;
        }
    }
    Ok(wish)
}

/// A number above nought, if one follows.
fn number(arguments: &mut impl Iterator<Item = String>, otherwise: u64) -> Result<u64, String> {
    let Some(text) = arguments.next() else { return Ok(otherwise) };
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("'{text}' is no number above 0"))
}

fn flag(arguments: &mut std::iter::Peekable<impl Iterator<Item = String>>, name: &str) -> bool {
    arguments.next_if(|next| next == name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Result<Task, &str>) {
        let found = read(line.split_whitespace().map(str::to_owned));
        assert_eq!(found, expected.map_err(str::to_owned), "{line}");
    }

    #[test]
    fn command_lines() {
        let demo = |data: Option<&str>, port| Ok(Task::Demo(DemoWish { data: data.map(PathBuf::from), port }));
        check("", Ok(Task::Help));
        check("demo --help", Ok(Task::Help));
        check("demo", demo(None, 8080));
        check("demo --data kept --port 9000", demo(Some("kept"), 9000));
        check("demo --port=9000", demo(None, 9000));
        check("demo --port 0", Err("--port: '0' is no port (1 to 65535)"));
        check("demo --data", Err("--data needs a value"));
        check("demo --fast", Err("'demo' does not know '--fast'"));
        check("test", Ok(Task::Test { quick: false }));
        check("test --quick", Ok(Task::Test { quick: true }));
        check("test --quick again", Err("'test' does not know 'again'"));
        check("web --if-changed", Ok(Task::Web { if_changed: true }));
        check("bench --help", Ok(Task::Bench(vec!["--help".into()])));
        check("bench --install-peers", Ok(Task::InstallPeers));
        check("bench --install-peers e1", Err("'bench' does not know 'e1'"));
        check("counts --refresh", Ok(Task::Counts { refresh: true }));
        check("fuzz", Ok(Task::Fuzz { executions: 1_000_000 }));
        check("fuzz 5000", Ok(Task::Fuzz { executions: 5_000 }));
        check("fuzz much", Err("'much' is no number above 0"));
        check("api 0", Err("'0' is no number above 0"));
        check("api 60 more", Err("'api' does not know 'more'"));
        check("deploy", Err("there is no command 'deploy'"));
    }
}
