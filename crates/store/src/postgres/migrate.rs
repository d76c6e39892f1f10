//! The schema, made and extended statement by statement. Several instances may start at once: one works, the others wait at a row.
//! What was applied is never changed; a later format than this program's is refused.

use super::error::{Error, Result};
use super::load::unsigned;
use super::pool::{args, plain, rows};
use super::sql;
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio_postgres::Client;

/// Each file in order.
const FILES: &[&str] = &[
    include_str!("../../migrations/postgres/0001_begin.sql"),
    include_str!("../../migrations/postgres/0002_operations.sql"),
    include_str!("../../migrations/postgres/0003_doors.sql"),
];
/// How often making the table of migrations may meet another who makes it at the same moment.
const TURNS_MAX: usize = 20;

/// The statements of all files, numbered from 1.
pub fn statements() -> Vec<&'static str> {
    let of_file = |file: &'static str| file.split(";\n").map(str::trim).filter(|sql| !without_comments(sql).is_empty());
    FILES.iter().copied().flat_map(of_file).collect()
}

/// A statement without the lines that say why.
pub fn without_comments(sql: &str) -> String {
    let lines = sql.lines().map(|line| line.split("--").next().unwrap_or_default().trim_end());
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Brings the schema to this program's, if it is not there yet. `lock` must be closed if this fails: a transaction may be open on it.
pub(super) async fn migrate(lock: &Client, work: &Client) -> Result<()> {
    let all: Vec<String> = statements().into_iter().map(without_comments).collect();
    match done(work, &all).await {
        Ok(done) if done == all.len() => return Ok(()),
        Ok(_) => {}
        Err(e) if e.no_table() => make_table(work).await?,
        Err(e) => return Err(e),
    }
    // By everybody who finds something to do: who made the table may not have come as far yet, and a row that is not there keeps nobody out.
    rows(work, sql::MIGRATION_LOCK_ADD, &args![]).await?;
    // Held until this ends, whatever way; whoever comes meanwhile waits here.
    plain(lock, sql::BEGIN).await?;
    rows(lock, sql::MIGRATION_LOCK, &args![]).await?;
    let done = done(work, &all).await?;
    for (n, statement) in all.iter().enumerate().skip(done) {
        // Each may be carried out again, should this be cut short before it is marked as done.
        plain(work, statement).await?;
        rows(work, sql::MIGRATION_DONE, &args![n as i64 + 1, checksum(statement)]).await?;
    }
    if done < all.len() {
        tracing::info!(from = done, to = all.len(), "the schema was extended");
    }
    plain(lock, sql::COMMIT).await
}

/// Refuses a schema that is not this program's, and changes nothing.
pub(super) async fn check(client: &Client) -> Result<()> {
    let all: Vec<String> = statements().into_iter().map(without_comments).collect();
    match done(client, &all).await {
        Ok(done) if done == all.len() => Ok(()),
        Ok(done) => Err(Error::Unfit(format!(
            "the database has format {done}, and this version's is {}: start a server of this version on it once",
            all.len()
        ))),
        Err(e) if e.no_table() => Err(Error::Unfit("there is no Slotwise store in this database".into())),
        Err(e) => Err(e),
    }
}

/// Two who make a table at the same moment: one of them is told that it, its type or its key is there already.
async fn make_table(client: &Client) -> Result<()> {
    let mut met = Ok(());
    for _ in 0..TURNS_MAX {
        met = plain(client, sql::MIGRATIONS).await;
        match &met {
            Ok(()) => break,
            Err(e) if e.made_already() => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(_) => break,
        }
    }
    met
}

/// How many are done; they must be the first of ours.
async fn done(client: &Client, all: &[String]) -> Result<usize> {
    let found = rows(client, sql::MIGRATIONS_DONE, &args![]).await?;
    if found.len() > all.len() {
        let says = format!(
            "the database has format {}, and this version knows formats up to {}; use a later version of Slotwise",
            found.len(),
            all.len()
        );
        return Err(Error::Unfit(says));
    }
    for (row, (n, statement)) in found.iter().zip(all.iter().enumerate()) {
        let (number, sum): (i64, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
        if unsigned(number) != n as u64 + 1 || sum != checksum(statement) {
            return Err(Error::Unfit(format!(
                "the database was made by another migration {number} than this program's"
            )));
        }
    }
    Ok(found.len())
}

fn checksum(statement: &str) -> Vec<u8> {
    Sha256::digest(statement.as_bytes()).to_vec()
}
