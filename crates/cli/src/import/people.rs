//! `slotwise import people`: makes and changes people by a table, all of it or nothing.
//! It writes to people's own file, so a server may be running; bookings are judged by it from then on. It touches no record.

use super::submit::println_out;
use crate::ids::FreshIds;
use anyhow::{Context, bail, ensure};
use clap::Args;
use slotwise_engine::{Ids, RowPut};
use slotwise_server::roster;
use slotwise_store::embedded::People;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

/// Rows of one table.
const ROWS_MAX: usize = 500_000;
/// Bytes of one table.
const BYTES_MAX: u64 = 256 << 20;

/// `slotwise import people`.
#[derive(Args)]
pub struct PeopleArgs {
    /// A CSV file with the columns id, external_id, name, title, email, role and tags, or some of them.
    file: PathBuf,
    /// The folder that holds everything.
    #[arg(long, env = "SLOTWISE_DATA", value_name = "DIR")]
    data: PathBuf,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Imports, and says what was done.
pub fn run(args: &PeopleArgs) -> anyhow::Result<()> {
    let name = args.file.display();
    let mut csv = Vec::new();
    let file = File::open(&args.file).with_context(|| format!("opening {name}"))?;
    file.take(BYTES_MAX + 1).read_to_end(&mut csv).with_context(|| format!("reading {name}"))?;
    ensure!(csv.len() as u64 <= BYTES_MAX, "{name} has more than {} MiB; import it in parts", BYTES_MAX >> 20);
    let read = match roster::read(&csv, ROWS_MAX, || FreshIds.fresh()) {
        Ok(read) => read,
        Err(errors) => {
            let lines: Vec<String> = errors.iter().map(|e| format!("  {e}")).collect();
            bail!("{name}: nothing was done:\n{}", lines.join("\n"));
        }
    };
    let (lines, rows): (Vec<u64>, Vec<_>) = read.into_iter().unzip();
    let put = People::open(&args.data)?.put_all(&rows, args.dry_run)?;
    let taken: Vec<String> = lines
        .iter()
        .zip(&put)
        .filter(|(_, put)| **put == RowPut::ExternalIdTaken)
        .take(roster::ERRORS_MAX)
        .map(|(line, _)| format!("  line {line}, column external_id: is somebody else's"))
        .collect();
    ensure!(taken.is_empty(), "{name}: nothing was done:\n{}", taken.join("\n"));
    let count = |which: fn(&RowPut) -> bool| put.iter().filter(|put| which(put)).count();
    let made = count(|put| matches!(put, RowPut::Made(_)));
    let changed = count(|put| matches!(put, RowPut::Changed(_)));
    let same = count(|put| matches!(put, RowPut::Same(_)));
    let would = if args.dry_run { "nothing was done; it would be: " } else { "" };
    println_out(&format!("{would}{made} made, {changed} changed, {same} as they were"))
}
