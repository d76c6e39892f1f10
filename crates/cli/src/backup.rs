//! `slotwise backup` and `slotwise restore`: a whole copy of a data directory, and a new one of it.
//! What a copy is and when it is whole is the store's to say.

use crate::config::{LogConfig, Secret};
use crate::logs;
use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use slotwise_engine::Clock;
use slotwise_store::embedded::{BackupError, Manifest, backup, check_backup, restore};
use slotwise_store::{SystemClock, postgres};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// `slotwise backup`.
#[derive(Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["to", "check"])))]
pub struct BackupArgs {
    /// The folder that holds everything. A server may be running on it.
    #[arg(long, env = "SLOTWISE_DATA", value_name = "DIR", required_unless_present = "check")]
    data: Option<PathBuf>,
    /// Make a backup: a new folder of this name.
    #[arg(long, value_name = "TARGET")]
    to: Option<PathBuf>,
    /// Copy the tables for queries too: larger, and a restored server starts sooner.
    #[arg(long, requires = "to")]
    with_views: bool,
    /// Check a backup: its files, every commit's hash, and that it ends where it says.
    #[arg(long, value_name = "TARGET")]
    check: Option<PathBuf>,
}

/// `slotwise restore`.
#[derive(Args)]
pub struct RestoreArgs {
    /// The backup of a folder.
    #[arg(long, value_name = "BACKUP", required_unless_present = "store")]
    from: Option<PathBuf>,
    /// The new data folder.
    #[arg(long, env = "SLOTWISE_DATA", value_name = "NEWDIR", required_unless_present = "store")]
    data: Option<PathBuf>,
    /// A PostgreSQL database that its own tools have restored: begins a new epoch in it.
    #[arg(long, value_name = "URL", conflicts_with = "from")]
    store: Option<Secret>,
}

/// Runs `slotwise backup`.
pub fn run(args: BackupArgs) -> anyhow::Result<()> {
    let _logs = logs::begin(&LogConfig { filter: Some("warn".into()), ..LogConfig::default() })?;
    let bar = bar();
    let mut progress = shown(&bar);
    if let Some(path) = args.check {
        let manifest = check_backup(&path, &mut progress).map_err(told)?;
        bar.finish_and_clear();
        return say(&format!("{} is whole: {}", path.display(), described(&manifest)));
    }
    let (data, to) = args.data.zip(args.to).context("say what to back up and where: --data DIR --to TARGET")?;
    let manifest = backup(&data, &to, args.with_views, SystemClock.now(), &mut progress).map_err(told)?;
    bar.finish_and_clear();
    say(&format!("{} is backed up in {}: {}", data.display(), to.display(), described(&manifest)))
}

/// Runs `slotwise restore`.
pub fn restore_run(args: &RestoreArgs) -> anyhow::Result<()> {
    let _logs = logs::begin(&LogConfig { filter: Some("warn".into()), ..LogConfig::default() })?;
    if let Some(Secret(url)) = &args.store {
        let postgres::Begun { epoch, before, commits, holds, .. } = postgres::begin_epoch(url, postgres::PART)?;
        return say(&format!(
            "The database has {commits} commits and is in epoch {}, after {}. Its {holds} live holds are void. \
             What was booked after the backup is not in it.",
            epoch.0, before.0
        ));
    }
    let (from, data) = args.from.as_ref().zip(args.data.as_ref()).context("say --from BACKUP and --data NEWDIR")?;
    let bar = bar();
    let restored = restore(from, data, SystemClock.now(), &mut shown(&bar)).map_err(told)?;
    bar.finish_and_clear();
    say(&format!(
        "{} is restored in {}: {}, now in epoch {}. What was booked after the backup is not in it.",
        from.display(),
        data.display(),
        described(&restored.manifest),
        restored.epoch.0
    ))
}

/// In its own words, which name the path and what the system said; told once.
pub fn told(e: BackupError) -> anyhow::Error {
    anyhow::Error::msg(e.to_string())
}

fn described(manifest: &Manifest) -> String {
    let bytes: u64 = manifest.files.iter().map(|f| f.bytes).sum();
    let (number, hash) = (manifest.journal.number, manifest.journal.hash.get(..16).unwrap_or_default());
    format!("{number} commits, the last {hash}…, of {}, {bytes} bytes", manifest.made_at)
}

/// Shows how far it is, and breaks nothing off.
pub fn shown(bar: &ProgressBar) -> impl FnMut(u64, u64) -> ControlFlow<()> {
    |done, of| {
        bar.set_length(of);
        bar.set_position(done);
        ControlFlow::Continue(())
    }
}

/// On a terminal only.
pub fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_message("commits");
    match ProgressStyle::with_template("{msg:>9} {bar:30} {pos}/{len}  {per_sec}  {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// To standard output.
pub fn say(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
