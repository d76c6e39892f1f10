//! The journal: one row per durable commit, each chained to the one before it. All else in the directory is made from it.
//! Rows are only ever added.

use super::error::{Cells, Error, Result};
use super::load::{PART, signed};
use crate::codec::{self, Said};
use crate::commit::{Commit, Entry};
use crate::record::{self, Hash};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};
use slotwise_domain::{Epoch, Instant};
use uuid::Uuid;

/// Whose journal this is, and in which epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    pub writer: Uuid,
    pub epoch: Epoch,
    /// None before the first restore.
    pub epoch_began: Option<Instant>,
}

/// Where a journal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The last commit; 0 before the first.
    pub number: u64,
    pub hash: Hash,
}

/// The journal's own row.
pub(super) fn meta(db: &Connection) -> Result<Option<Meta>> {
    const META: &str = "SELECT writer, epoch, epoch_began FROM meta WHERE part_id = ?1";
    let mut select = db.prepare(META)?;
    let mut rows = select.query([PART])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let cells = Cells { table: "meta", key: &PART, row };
    let (writer, epoch) = (cells.get(0)?, Epoch(cells.get(1)?));
    Ok(Some(Meta { writer, epoch, epoch_began: cells.get::<Option<i64>>(2)?.map(Instant) }))
}

/// Makes the journal's own row, once.
pub(super) fn begin(db: &Connection, writer: Uuid, epoch: Epoch) -> Result<()> {
    db.execute("INSERT INTO meta (part_id, writer, epoch) VALUES (?1, ?2, ?3)", params![PART, writer, epoch.0])?;
    Ok(())
}

/// Where it ends.
pub(super) fn head(db: &Connection, writer: Uuid) -> Result<Head> {
    const LAST: &str = "SELECT number, hash FROM journal ORDER BY number DESC LIMIT 1";
    let last = db.query_row(LAST, [], |row| Ok(Head { number: row.get(0)?, hash: row.get(1)? })).optional()?;
    Ok(last.unwrap_or_else(|| Head { number: 0, hash: record::commits_genesis(writer) }))
}

/// Adds what was decided to the journal, within a transaction. `after` is where it ends; `changes` are the encoded changes of all
/// records, in order.
pub(super) fn append(
    db: &Connection,
    after: &Head,
    epoch: Epoch,
    at: Instant,
    entries: Vec<Entry>,
    changes: &[Vec<u8>],
) -> Result<Commit> {
    const APPEND: &str = "INSERT INTO journal (number, hash, body, said) VALUES (?1, ?2, ?3, ?4)";
    let number = after.number + 1;
    let mut commit = Commit { number, epoch, at, hash: after.hash, entries };
    let body = codec::encode_commit(&commit, changes)?;
    commit.hash = record::chain_commit(&after.hash, number, &body);
    let said = commit.said();
    let said = if said.is_empty() { None } else { Some(codec::encode_said(&said)?) };
    db.prepare_cached(APPEND)?.execute(params![signed(number), commit.hash, body, said])?;
    Ok(commit)
}

/// The hash of a commit.
pub(super) fn hash(db: &Connection, number: u64) -> Result<Option<Hash>> {
    Ok(db.query_row("SELECT hash FROM journal WHERE number = ?1", [signed(number)], |row| row.get(0)).optional()?)
}

/// A commit, with what people said in it; its bookings are not folded. What is not what was written, by the chain of hashes, is
/// an error: a page that the disk has damaged is never taken for an answer.
pub(super) fn commit(db: &Connection, number: u64) -> Result<Option<(Commit, Said)>> {
    const COMMIT: &str = "
        SELECT number, hash, body, said, (SELECT hash FROM journal WHERE number = ?1 - 1) FROM journal WHERE number = ?1";
    let mut select = db.prepare_cached(COMMIT)?;
    let mut rows = select.query([signed(number)])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let before = match number {
        1 => beginning(db)?,
        _ => Cells { table: "journal", key: &number, row }.get(4)?,
    };
    commit_of(row, number, &before).map(Some)
}

/// Commits after a number, in order and without a gap, until they hold so many attempts; at least one, if there is one. They are
/// checked against the chain of hashes.
pub(super) fn commits_after(db: &Connection, number: u64, attempts_max: usize) -> Result<Vec<(Commit, Said)>> {
    let mut select =
        db.prepare_cached("SELECT number, hash, body, said FROM journal WHERE number > ?1 ORDER BY number")?;
    let mut rows = select.query([signed(number)])?;
    let (mut commits, mut attempts) = (Vec::new(), 0);
    let mut before = match number {
        0 => beginning(db)?,
        _ => hash(db, number)?.ok_or_else(|| Error::Damaged(format!("commit {number} of the journal is gone")))?,
    };
    let mut next = number + 1;
    while attempts < attempts_max
        && let Some(row) = rows.next()?
    {
        let (commit, said) = commit_of(row, next, &before)?;
        (before, next) = (commit.hash, next + 1);
        attempts += commit.entries.len().max(1);
        commits.push((commit, said));
    }
    Ok(commits)
}

/// What the chain of commits begins with.
fn beginning(db: &Connection) -> Result<Hash> {
    let meta = meta(db)?.ok_or_else(|| Error::Damaged("the journal has no row of its own".into()))?;
    Ok(record::commits_genesis(meta.writer))
}

fn commit_of(row: &Row, number: u64, before: &Hash) -> Result<(Commit, Said)> {
    let cells = Cells { table: "journal", key: &number, row };
    let (found, hash): (u64, Hash) = (cells.get(0)?, cells.get(1)?);
    let body = row.get_ref(2)?.as_blob().unwrap_or_default();
    if found != number || record::chain_commit(before, number, body) != hash {
        let says = format!("commit {number} of the journal is not what was written, or what is before it");
        return Err(Error::Damaged(says));
    }
    let (commit, _) = cells.decode_bytes(2, |bytes| codec::decode_commit(number, hash, bytes))?;
    let said = match row.get_ref(3)? {
        ValueRef::Null => Said::new(),
        _ => cells.decode_bytes(3, codec::decode_said)?,
    };
    Ok((commit, said))
}
