//! `slotwise export`: everything as lines of JSON, or tables for spreadsheets as CSV, beside a running server.
//! It has its name when it is whole and on the disk, or it is not there. It changes nothing it reads.

use crate::backup::{bar, say, shown, told};
use crate::config::LogConfig;
use crate::keys::{Kept, PlaceArgs};
use crate::logs;
use crate::tables;
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use slotwise_engine::Clock;
use slotwise_store::embedded::{Exported, import};
use slotwise_store::{SystemClock, postgres};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter};
use std::path::{Path, PathBuf};

/// `slotwise export`.
#[derive(Args)]
pub struct ExportArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Where to: a new file, or - for standard output; with --format csv a new folder.
    #[arg(long, value_name = "FILE|DIR")]
    to: PathBuf,
    /// jsonl is everything; csv is tables for spreadsheets.
    #[arg(long, default_value = "jsonl")]
    format: Form,
}

/// What an export is written as.
#[derive(Clone, Copy, ValueEnum)]
enum Form {
    Jsonl,
    Csv,
}

/// `slotwise import jsonl`.
#[derive(Args)]
pub struct JsonlArgs {
    /// What `slotwise export` wrote; - for standard input.
    file: PathBuf,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Runs `slotwise export`.
pub fn run(args: &ExportArgs) -> anyhow::Result<()> {
    let _logs = logs::begin(&LogConfig { filter: Some("warn".into()), ..LogConfig::default() })?;
    let now = SystemClock.now();
    let reading = args.place.reading()?;
    let (from, to) = (args.place.kept()?, args.to.display());
    match args.format {
        Form::Jsonl if args.to == Path::new("-") => {
            let bar = bar();
            let mut out = BufWriter::new(io::stdout().lock());
            reading.export(&mut out, Path::new("standard output"), now, &mut shown(&bar)).map_err(told)?;
            bar.finish_and_clear();
            Ok(())
        }
        Form::Jsonl => {
            let bar = bar();
            let unnamed = Unnamed::new(&args.to)?;
            let file = File::create(&unnamed.path).with_context(|| format!("making {}", unnamed.path.display()))?;
            let mut out = BufWriter::with_capacity(1 << 20, file);
            let exported = reading.export(&mut out, &args.to, now, &mut shown(&bar)).map_err(told)?;
            out.get_ref().sync_all().with_context(|| format!("syncing {to}"))?;
            unnamed.name(&args.to)?;
            bar.finish_and_clear();
            say(&format!("{from} is exported to {to}: {}", described(&exported)))
        }
        Form::Csv if args.to == Path::new("-") => bail!("--to: tables are several files, so CSV needs a folder"),
        Form::Csv => {
            let bar = bar();
            let unnamed = Unnamed::new(&args.to)?;
            fs::create_dir(&unnamed.path).with_context(|| format!("making {}", unnamed.path.display()))?;
            let written = tables::write(&reading, &unnamed.path, now, &mut shown(&bar))?;
            unnamed.name(&args.to)?;
            bar.finish_and_clear();
            say(&format!("{from} is exported to {to}: {written}"))
        }
    }
}

/// Runs `slotwise import jsonl`.
pub fn run_import(args: &JsonlArgs) -> anyhow::Result<()> {
    let _logs = logs::begin(&LogConfig { filter: Some("warn".into()), ..LogConfig::default() })?;
    let bar = bar();
    let (mut input, name): (Box<dyn BufRead>, &Path) = match args.file == Path::new("-") {
        true => (Box::new(io::stdin().lock()), Path::new("standard input")),
        false => {
            let file = File::open(&args.file).with_context(|| format!("opening {}", args.file.display()))?;
            (Box::new(BufReader::with_capacity(1 << 20, file)), &args.file)
        }
    };
    let kept = args.place.kept()?;
    let imported = match kept {
        Kept::Folder(data) => import(&mut input, name, data, &mut shown(&bar)).map_err(told)?,
        Kept::Database(url) => {
            postgres::import(&mut input, name, url, postgres::PART, &mut shown(&bar)).map_err(told)?.exported
        }
    };
    bar.finish_and_clear();
    say(&format!("{} is imported into {kept} and verified: {}", args.file.display(), described(&imported)))
}

/// What there was.
pub fn described(exported: &Exported) -> String {
    let Exported { people, keys, commits, attempts } = exported;
    format!("{people} people, {keys} keys, {attempts} attempts in {commits} commits")
}

/// A file or folder beside the name it will have. Removed if it never gets there.
struct Unnamed {
    path: PathBuf,
}

impl Unnamed {
    fn new(to: &Path) -> anyhow::Result<Unnamed> {
        if to.symlink_metadata().is_ok() {
            bail!("{} exists already; an export is never written over anything", to.display());
        }
        let mut path = to.as_os_str().to_owned();
        path.push(".partial");
        let unnamed = Unnamed { path: path.into() };
        unnamed.remove().with_context(|| format!("removing {}", unnamed.path.display()))?;
        Ok(unnamed)
    }

    fn name(&self, to: &Path) -> anyhow::Result<()> {
        fs::rename(&self.path, to).with_context(|| format!("naming {}", to.display()))?;
        let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let synced = File::open(parent).and_then(|dir| dir.sync_all());
        synced.with_context(|| format!("syncing {}", parent.display()))
    }

    fn remove(&self) -> io::Result<()> {
        match self.path.symlink_metadata() {
            Ok(m) if m.is_dir() => fs::remove_dir_all(&self.path),
            Ok(_) => fs::remove_file(&self.path),
            Err(_) => Ok(()),
        }
    }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        if let Err(e) = self.remove() {
            tracing::warn!(path = %self.path.display(), error = %e, "what was begun of an export could not be removed");
        }
    }
}
