//! `slotwise race`: plays scenarios over a running server by its address, or judges a history again, and says what was found.
//! Nothing of the server is called here; the exit code is 0 if every invariant held, 1 if not, 2 if it could not be played.

use anyhow::{Context, bail};
use clap::Args;
use slotwise_race::history::History;
use slotwise_race::oracle::judge;
use slotwise_race::report::Report;
use slotwise_race::scenario::Scenario;
use slotwise_race::{Options, Played, play};
use std::fs::{self, File};
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// `slotwise race`.
#[derive(Args)]
pub struct RaceArgs {
    /// The server, such as http://127.0.0.1:8080.
    #[arg(required_unless_present = "instead")]
    url: Option<String>,
    /// What to play: a name from --list, or a file. Left out: everything that comes with it.
    #[arg(long, value_name = "NAME or FILE")]
    scenario: Vec<String>,
    /// An admin's API key: people and resources are made with it.
    #[arg(long, env = "SLOTWISE_API_KEY", hide_env_values = true, value_name = "KEY")]
    key: Option<String>,
    /// Write report.html, report.json and histories into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Play each so often, on top of the rounds it has.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,
    /// What chance begins with; that of another run is in its report.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Leave the people and resources that were made in use.
    #[arg(long)]
    keep: bool,
    /// Name what comes with it.
    #[arg(long, group = "instead", conflicts_with = "url")]
    list: bool,
    /// Print a scenario's file, to begin one's own with.
    #[arg(long, group = "instead", conflicts_with = "url", value_name = "NAME")]
    show: Option<String>,
    /// Judge a history once more, without a server.
    #[arg(long, group = "instead", conflicts_with = "url", value_name = "FILE")]
    judge: Option<PathBuf>,
}

/// Runs `slotwise race`.
pub fn run(args: &RaceArgs) -> ExitCode {
    match done(args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(e) => {
            // Nobody may be reading any more; the exit code says it too.
            drop(writeln!(std::io::stderr(), "slotwise: {e:#}"));
            ExitCode::from(2)
        }
    }
}

fn done(args: &RaceArgs) -> anyhow::Result<bool> {
    if args.list {
        return list().map(|()| true);
    }
    if let Some(name) = &args.show {
        let text = Scenario::text_of(name)
            .with_context(|| format!("{name:?} does not come with it; --list says what does"))?;
        return crate::print(text).map(|()| true);
    }
    if let Some(file) = &args.judge {
        return judge_again(file);
    }
    let url = args.url.clone().context("say which server")?;
    let secret = args.key.clone().context("give an admin's API key in SLOTWISE_API_KEY, or with --key")?;
    let scenarios = match args.scenario.is_empty() {
        true => Scenario::built_in()?,
        false => args.scenario.iter().map(|named| read(named)).collect::<anyhow::Result<Vec<_>>>()?,
    };
    let chance = u64::from(uuid::Uuid::new_v4().as_fields().0);
    let tell = |line: &str| drop(writeln!(std::io::stderr(), "{line}"));
    let options = Options {
        url,
        secret,
        scenarios,
        repeat: args.repeat,
        seed: args.seed.unwrap_or(chance),
        keep: args.keep,
        tell: Arc::new(tell),
    };
    let mut report = Report::new(args.out.as_deref())?;
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let over = runtime.block_on(play(&options, |played| crate::print(&report.add(&played)?)));
    let sound = report.sound();
    match over {
        Ok(()) => {}
        // A server that fails after it was found wrong is wrong all the same.
        Err(e) if !sound => drop(writeln!(std::io::stderr(), "slotwise: the rest could not be played: {e:#}")),
        Err(e) => return Err(e),
    }
    crate::print(&report.close(began.elapsed())?)?;
    Ok(sound)
}

fn list() -> anyhow::Result<()> {
    for scenario in Scenario::built_in()? {
        crate::print(&format!("{:<26} {}\n", scenario.name, scenario.says))?;
    }
    Ok(())
}

fn read(named: &str) -> anyhow::Result<Scenario> {
    if let Some(known) = Scenario::named(named) {
        return known;
    }
    let path = Path::new(named);
    if !path.exists() {
        bail!("{named:?} is neither a scenario of --list nor a file");
    }
    let text = fs::read_to_string(path).with_context(|| format!("reading {named}"))?;
    Scenario::read(&text).with_context(|| named.to_owned())
}

fn judge_again(file: &Path) -> anyhow::Result<bool> {
    let open = File::open(file).with_context(|| format!("opening {}", file.display()))?;
    let history = History::read(BufReader::new(open)).with_context(|| format!("reading {}", file.display()))?;
    let scenario = Scenario::named(&history.about.scenario).transpose()?;
    let judgement = judge(&history, scenario.as_ref());
    let scenario = match scenario {
        Some(scenario) => scenario,
        // Without its file only what must always hold is judged.
        None => Scenario::nameless(&history.about.scenario),
    };
    let sound = judgement.violations.is_empty();
    let played = Played { scenario, history, judgement, took: Duration::ZERO };
    crate::print(&Report::new(None)?.add(&played)?)?;
    Ok(sound)
}
