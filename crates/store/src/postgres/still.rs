//! A database as it was at one instant, for whoever reads all of it: one transaction that only reads, so that nothing moves under it
//! and nobody waits for it. It writes nothing, and makes no table.

use super::error::{Error, Result};
use super::load::{epoch, hash_of, unsigned};
use super::pool::{Args, Endpoint, args, connect, plain, rows};
use super::{migrate, sql};
use crate::commit::{Lying, Place};
use crate::embedded::journal::{Head, Meta};
use crate::record::{self, Hash};
use slotwise_domain::Instant;
use slotwise_engine::Checkpoint;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

/// Commits read at once.
const COMMITS: i64 = 64;
/// Hashes read at once.
const HASHES: i64 = 10_000;
/// What the database's own tools call a connection that looks at all of it.
pub(super) const NAME: &str = "slotwise-looking";

/// The database, holding still.
pub(super) struct Still {
    runtime: Runtime,
    client: Client,
    pub part: i64,
    pub meta: Meta,
    /// Another program has it open.
    pub running: bool,
}

/// A runtime for whoever waits for a database without one.
pub(super) fn runtime() -> Result<Runtime> {
    let made = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    made.map_err(|e| Error::Unfit(format!("starting a thread: {e}")))
}

impl Still {
    /// Opens a part of a database as it is now.
    pub fn open(url: &str, part: i64) -> Result<Still> {
        let runtime = runtime()?;
        let (client, meta, running) = runtime.block_on(async {
            let client = connect(&Endpoint::of(url)?.named(NAME)).await?;
            migrate::check(&client).await?;
            let running = !rows(&client, sql::SERVERS, &args![]).await?.is_empty();
            plain(&client, sql::STILL).await?;
            let meta = meta(&client, part).await?;
            Ok::<_, Error>((client, meta, running))
        })?;
        Ok(Still { runtime, client, part, meta, running })
    }

    /// What a statement finds.
    pub fn rows(&self, sql: &'static str, args: Args) -> Result<Vec<Row>> {
        self.runtime.block_on(rows(&self.client, sql, &args))
    }

    /// Commits after a place, in order; none at the end.
    pub fn commits_after(&self, after: Option<&Place>) -> Result<Vec<Lying>> {
        let (stamp, id) = after.map_or((i64::MIN, Uuid::nil()), |place| (place.stamp, place.id));
        let found = self.rows(sql::ALL_COMMITS, args![self.part, stamp, id, COMMITS])?;
        found.iter().map(lying).collect()
    }

    /// How many commits there are, and the hash over all of theirs in order.
    pub fn head(&self) -> Result<Head> {
        let mut sum = Sum::begin(&self.meta);
        while self.runtime.block_on(sum.go_on(&self.client, self.part, None))? {}
        Ok(Head { number: sum.number, hash: sum.hash })
    }

    /// How many commits there are.
    pub fn commits(&self) -> Result<u64> {
        let found = self.rows(sql::COMMITS_COUNTED, args![self.part])?;
        Ok(found.first().map_or(Ok(0), |row| row.try_get(0)).map(unsigned)?)
    }

    /// The checkpoints that are kept in it, as lines.
    pub fn checkpoints(&self) -> Result<Vec<(usize, std::result::Result<Checkpoint, String>)>> {
        let found = self.rows(sql::CHECKPOINTS, args![self.part])?;
        let line = |(n, row): (usize, &Row)| Ok((n + 1, crate::embedded::signed::checkpoint(row.try_get(0)?)));
        found.iter().enumerate().map(line).collect()
    }
}

/// Whose the part is, and in which epoch.
pub(super) async fn meta(client: &Client, part: i64) -> Result<Meta> {
    let found = rows(client, sql::META, &args![part]).await?;
    let none = || Error::Unfit(format!("there is no Slotwise store in part {part} of this database"));
    let meta = found.first().ok_or_else(none)?;
    let origin = rows(client, sql::ORIGIN, &args![part]).await?;
    let writer = origin.first().map_or(Ok(Uuid::nil()), |row| row.try_get(0))?;
    Ok(Meta { writer, epoch: epoch(meta.try_get(0)?), epoch_began: meta.try_get::<_, Option<i64>>(1)?.map(Instant) })
}

/// A row of id, writer, number, stamp, hash, body, words.
fn lying(row: &Row) -> Result<Lying> {
    let place = Place { writer: row.try_get(1)?, stamp: row.try_get(3)?, id: row.try_get(0)? };
    let hash: Vec<u8> = row.try_get(4)?;
    Ok(Lying {
        place: Some(place),
        number: unsigned(row.try_get(2)?),
        // One of another length is not what was written; the chain says so.
        hash: hash_of(&hash).unwrap_or_default(),
        body: row.try_get(5)?,
        said: row.try_get(6)?,
    })
}

/// The hash over all commits in order, as far as it has been made.
#[derive(Clone, Debug)]
pub(super) struct Sum {
    pub number: u64,
    pub hash: Hash,
    pub stamp: i64,
    pub id: Uuid,
}

impl Sum {
    pub fn begin(meta: &Meta) -> Sum {
        Sum { number: 0, hash: record::commits_genesis(meta.writer), stamp: i64::MIN, id: Uuid::nil() }
    }

    /// Takes in some of the commits after it, stamped before an instant if one is said. Says whether there may be more.
    pub async fn go_on(&mut self, client: &Client, part: i64, before: Option<i64>) -> Result<bool> {
        let before = before.unwrap_or(i64::MAX);
        let found = rows(client, sql::HASHES, &args![part, self.stamp, self.id, before, HASHES]).await?;
        for row in &found {
            let hash: Vec<u8> = row.try_get(2)?;
            self.hash = record::chain_all(&self.hash, &hash_of(&hash)?);
            (self.stamp, self.id, self.number) = (row.try_get(0)?, row.try_get(1)?, self.number + 1);
        }
        Ok(found.len() as i64 == HASHES)
    }
}
