//! `slotwise migrate`: brings all that a data folder holds into a PostgreSQL database, verified on the way and at the end.
//! It changes nothing in the folder, and fills only an empty database.

use crate::backup::{bar, say, shown, told};
use crate::config::{LogConfig, Secret};
use crate::export::described;
use crate::logs;
use clap::Args;
use slotwise_store::postgres::{self, Brought};
use std::path::PathBuf;

/// `slotwise migrate`.
#[derive(Args)]
pub struct MigrateArgs {
    /// The folder that holds everything; no server may be running on it.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The empty PostgreSQL database.
    #[arg(long, env = "SLOTWISE_STORE", value_name = "URL", hide_env_values = true)]
    to: Secret,
}

/// Runs `slotwise migrate`.
pub fn run(args: &MigrateArgs) -> anyhow::Result<()> {
    let _logs = logs::begin(&LogConfig { filter: Some("warn".into()), ..LogConfig::default() })?;
    let bar = bar();
    let brought = postgres::migrate_folder(&args.from, &args.to.0, postgres::PART, &mut shown(&bar)).map_err(told)?;
    bar.finish_and_clear();
    let Brought { exported, verified, found } = brought;
    let from = args.from.display();
    let before = if found > 0 { format!(" ({found} of them were there already)") } else { String::new() };
    say(&format!(
        "{from} is in the database and verified: {}{before}, {} versions of {} resources, {} rows.\n\
         Serve it with --store. Do not serve {from} again: what is booked there is not in the database.",
        described(&exported),
        verified.records,
        verified.resources,
        verified.rows
    ))
}
