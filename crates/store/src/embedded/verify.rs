//! Recomputes the chains of a store from its rows, and compares.
//! It trusts no hash it reads, and repairs nothing.

use super::FILE;
use super::connect::{Use, connect};
use super::error::Error;
use super::load::PART;
use crate::record::{self, CommitHash, Hash, Header};
use rusqlite::{Connection, params};
use slotwise_domain::{AttemptKey, Epoch, Fingerprint, Instant, PartId, ResourceId, Version};
use std::collections::HashMap;
use std::path::Path;
use uuid::Uuid;

/// What was found to be as it was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Records, in the chains of their resources.
    pub records: u64,
    /// Attempts, in the chain of their writer.
    pub attempts: u64,
    /// Commits in that chain.
    pub commits: u64,
}

/// Why a chain does not hold.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Something was changed, taken away or put in.
    #[error("{0}")]
    Broken(String),
    /// It could not be read.
    #[error(transparent)]
    Unreadable(#[from] Error),
}

impl From<rusqlite::Error> for VerifyError {
    fn from(e: rusqlite::Error) -> VerifyError {
        VerifyError::Unreadable(e.into())
    }
}

/// Verifies the chains of a data directory: each resource's, up to the head in its row, and the writer's, up to its last commit.
/// A tail that was cut off together with its heads is not seen here.
pub fn verify_chains(dir: &Path) -> Result<Verified, VerifyError> {
    let mut db = connect(&dir.join(FILE), Use::Read, 16 << 20)?;
    let db = db.transaction()?;
    let records = verify_records(&db)?;
    let (commits, attempts) = verify_attempts(&db)?;
    Ok(Verified { records, attempts, commits })
}

fn broken<T>(says: String) -> Result<T, VerifyError> {
    Err(VerifyError::Broken(says))
}

fn verify_records(db: &Connection) -> Result<u64, VerifyError> {
    const RECORDS: &str = "
        SELECT position, resource, epoch, number, decided_at, attempt, actor, body, hash, previous FROM record
        WHERE part_id = ?1 ORDER BY position";
    const HEADS: &str = "SELECT resource, epoch, number, hash, position FROM resource_version WHERE part_id = ?1";
    let mut heads: HashMap<ResourceId, (Version, Hash, u64)> = HashMap::new();
    let mut position = 0;
    let mut select = db.prepare(RECORDS)?;
    let mut rows = select.query([PART])?;
    while let Some(row) = rows.next()? {
        position += 1;
        let resource = ResourceId(row.get(1)?);
        let version = Version { epoch: Epoch(row.get(2)?), number: row.get(3)? };
        let header =
            Header { resource, version, decided_at: Instant(row.get(4)?), attempt: row.get(5)?, actor: row.get(6)? };
        let nothing = (Version::zero(version.epoch), record::genesis(resource), 0);
        let (before, previous, at) = heads.get(&resource).copied().unwrap_or(nothing);
        let placed = (row.get::<_, u64>(0)?, row.get::<_, u64>(9)?);
        if placed != (position, at) || version.number != before.number + 1 || version.epoch < before.epoch {
            return broken(format!("record {position}: {resource} goes from {before} to {version}"));
        }
        let hash = record::chain(&previous, &header, row.get_ref(7)?.as_str().unwrap_or_default());
        if hash != row.get::<_, Hash>(8)? {
            return broken(format!(
                "record {position}: {resource} at {version} is not what was written, or what is before it"
            ));
        }
        heads.insert(resource, (version, hash, position));
    }
    let mut select = db.prepare(HEADS)?;
    let mut rows = select.query([PART])?;
    while let Some(row) = rows.next()? {
        let resource = ResourceId(row.get(0)?);
        let version = Version { epoch: Epoch(row.get(1)?), number: row.get(2)? };
        let stored = (version, row.get::<_, Hash>(3)?, row.get::<_, u64>(4)?);
        if heads.remove(&resource) != Some(stored) {
            return broken(format!("{resource} is said to be at {version}, and its record ends elsewhere"));
        }
    }
    match heads.keys().next() {
        Some(resource) => broken(format!("{resource} has a record and no version")),
        None => Ok(position),
    }
}

fn verify_attempts(db: &Connection) -> Result<(u64, u64), VerifyError> {
    const COMMITS: &str =
        "SELECT writer, number, at, attempts, hash FROM commit_log WHERE part_id = ?1 ORDER BY writer, number";
    const ATTEMPTS: &str = "
        SELECT commit_number, place, key, actor, fingerprint, command, decision FROM attempt
        WHERE part_id = ?1 ORDER BY commit_number, place";
    let mut select = db.prepare(ATTEMPTS)?;
    let mut attempts = select.query(params![PART])?;
    let mut next = attempts.next()?;
    let mut select = db.prepare(COMMITS)?;
    let mut commits = select.query([PART])?;
    let (mut number, mut total, mut previous) = (0, 0, None);
    while let Some(commit) = commits.next()? {
        number += 1;
        let writer: Uuid = commit.get(0)?;
        let before = previous.unwrap_or_else(|| record::attempts_genesis(writer));
        let mut hash = CommitHash::after(&before, writer, number, Instant(commit.get(2)?));
        let mut count = 0;
        while let Some(row) = next
            && row.get::<_, u64>(0)? == number
        {
            if row.get::<_, u64>(1)? != count {
                return broken(format!("commit {number} has no attempt at place {count}"));
            }
            let key = AttemptKey { part: PartId(PART), key: row.get(2)?, actor: row.get(3)? };
            let (command, decision) = (row.get_ref(5)?, row.get_ref(6)?);
            let (command, decision) = (command.as_str().unwrap_or_default(), decision.as_str().unwrap_or_default());
            hash.attempt(key, &Fingerprint(row.get(4)?), command, decision);
            count += 1;
            next = attempts.next()?;
        }
        let hash = hash.finish();
        if commit.get::<_, u64>(1)? != number || commit.get::<_, u64>(3)? != count || commit.get::<_, Hash>(4)? != hash
        {
            return broken(format!("commit {number} is not what was written, or what is before it"));
        }
        (total, previous) = (total + count, Some(hash));
    }
    match next {
        Some(row) => broken(format!("an attempt names commit {}, and there is none", row.get::<_, u64>(0)?)),
        None => Ok((number, total)),
    }
}
