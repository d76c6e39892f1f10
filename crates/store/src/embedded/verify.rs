//! Folds a journal again from its beginning, and compares: every hash, every version, every invariant at every commit, and the heads
//! that the tables have. It trusts nothing it reads, and repairs nothing.

use super::FILE;
use super::connect::{Use, connect};
use super::error::Error;
use super::load::{self, PART};
use super::{follow, journal};
use crate::codec::{self, Malformed};
use crate::commit::Commit;
use crate::record::{self, Hash, Header};
use rusqlite::Connection;
use slotwise_domain::{Booking, BookingId, Calendar, Changes, Epoch, Instant, ResourceId, Version, World, invariants};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

/// What was found to be as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Versions, in the chains of their resources.
    pub records: u64,
    /// Attempts.
    pub attempts: u64,
    /// Commits, in the chain of their writer.
    pub commits: u64,
}

/// Why a journal does not hold.
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

impl From<Malformed> for VerifyError {
    fn from(e: Malformed) -> VerifyError {
        VerifyError::Broken(e.to_string())
    }
}

/// So many commits are folded before what has ended is forgotten: memory holds what is still to come, and not all there ever was.
const FORGET_EVERY: u64 = 10_000;

/// Verifies a data directory that no server has open. A tail that was cut off is not seen here.
pub fn verify(dir: &Path) -> Result<Verified, VerifyError> {
    let db = connect(&dir.join(FILE), Use::Read, 16 << 20)?;
    let db = db.unchecked_transaction()?;
    let Some(meta) = journal::meta(&db)? else { return broken("the journal has no row of its own") };
    let mut fold = Fold::new(record::commits_genesis(meta.writer), meta.epoch);
    let mut select = db.prepare("SELECT number, hash, body, said FROM journal ORDER BY number")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let hash = row.get(1)?;
        let body = row.get_ref(2)?.as_blob().unwrap_or_default();
        let said = row.get_ref(3)?.as_blob().unwrap_or_default();
        fold.commit(row.get(0)?, hash, body, said)?;
    }
    tables_follow(&dir.join(follow::FILE), &db, &fold)?;
    Ok(fold.verified)
}

fn broken<T>(says: impl Into<String>) -> Result<T, VerifyError> {
    Err(VerifyError::Broken(says.into()))
}

/// What is true after the commits read so far.
struct Fold {
    hash: Hash,
    epoch: Epoch,
    world: World,
    heads: BTreeMap<ResourceId, (Version, Hash, u64)>,
    bookings: HashMap<BookingId, Arc<Booking>>,
    verified: Verified,
}

impl Fold {
    fn new(genesis: Hash, newest: Epoch) -> Fold {
        Fold {
            hash: genesis,
            epoch: newest,
            world: World::empty(Epoch(1)),
            heads: BTreeMap::new(),
            bookings: HashMap::new(),
            verified: Verified::default(),
        }
    }

    fn commit(&mut self, number: u64, hash: Hash, body: &[u8], said: &[u8]) -> Result<(), VerifyError> {
        if number != self.verified.commits + 1 {
            return broken(format!("commit {number} follows commit {}", self.verified.commits));
        }
        if record::chain_commit(&self.hash, number, body) != hash {
            return broken(format!("commit {number} is not what was written, or what is before it"));
        }
        let (mut commit, bodies) = codec::decode_commit(number, hash, body)?;
        if commit.epoch < self.world.epoch || commit.epoch > self.epoch {
            return broken(format!("commit {number} is of epoch {}", commit.epoch.0));
        }
        self.world.epoch = commit.epoch;
        let said = if said.is_empty() { Vec::new() } else { codec::decode_said(said)? };
        let bookings = &self.bookings;
        commit.fold_bookings(&said, |id| Ok::<_, Malformed>(bookings.get(&id).cloned()))?;
        self.chains(&commit, &bodies)?;
        self.fold(&commit)?;
        (self.hash, self.verified.commits) = (hash, number);
        self.verified.attempts += commit.entries.len() as u64;
        if number.is_multiple_of(FORGET_EVERY) {
            self.forget_before(commit.at.minus(Calendar::LOOKBACK));
        }
        Ok(())
    }

    fn chains(&mut self, commit: &Commit, bodies: &[&[u8]]) -> Result<(), VerifyError> {
        for ((entry, record), body) in commit.records().zip(bodies) {
            let (resource, version) = (record.resource, record.version);
            let nothing = (Version::zero(version.epoch), record::genesis(resource), 0);
            let (before, hash, previous) = self.heads.get(&resource).copied().unwrap_or(nothing);
            if version.number != before.number + 1 || version.epoch < before.epoch || record.previous != previous {
                return broken(format!("commit {}: {resource} goes from {before} to {version}", commit.number));
            }
            let key = entry.recorded.key;
            let decided_at = entry.recorded.decision.decided_at;
            let header = Header { resource, version, decided_at, attempt: key.key, actor: key.actor };
            if record::chain(&hash, &header, body) != record.hash {
                let n = commit.number;
                return broken(format!(
                    "commit {n}: {resource} at {version} is not what was written, or what is before it"
                ));
            }
            self.heads.insert(resource, (version, record.hash, commit.number));
            self.verified.records += 1;
        }
        Ok(())
    }

    fn fold(&mut self, commit: &Commit) -> Result<(), VerifyError> {
        let mut folded: Vec<(Changes, Instant)> = Vec::with_capacity(commit.entries.len());
        for entry in &commit.entries {
            let records = entry.records.iter().map(|r| (r.resource, r.changes.clone())).collect();
            let changes = Changes { records, ..Changes::default() };
            let decision = &entry.recorded.decision;
            let versions = self.world.apply(&changes, decision.decided_at);
            if !versions.is_empty() && versions != decision.decided {
                let n = commit.number;
                return broken(format!("commit {n}: the answer to {} names other versions", entry.recorded.key.key));
            }
            self.bookings.extend(entry.bookings.iter().map(|b| (b.id, b.clone())));
            folded.push((changes, decision.decided_at));
        }
        let sound = invariants::check(&self.world, folded.iter().map(|(changes, at)| (changes, *at)));
        // What rules about people ask for is not part of what is compared.
        self.world.holds.clear();
        self.world.loaded = Default::default();
        sound.map_err(|e| VerifyError::Broken(format!("commit {}: {e}", commit.number)))
    }

    fn forget_before(&mut self, t: Instant) {
        for calendar in self.world.calendars.values_mut() {
            Arc::make_mut(calendar).forget_before(t);
        }
        self.bookings.retain(|_, booking| booking.slots.iter().any(|slot| slot.occupied.end() > t));
    }
}

/// The tables may be behind; what they say of a resource they have in full must be what the journal says.
fn tables_follow(path: &Path, journal: &Connection, fold: &Fold) -> Result<(), VerifyError> {
    const HEADS: &str = "SELECT resource, epoch, number, hash, commit_number FROM resource_head WHERE part_id = ?1";
    if !path.exists() {
        return Ok(());
    }
    let db = connect(path, Use::Read, 16 << 20)?;
    let db = db.unchecked_transaction()?;
    let Some(mark) = load::mark(&db)? else { return broken("the tables for queries have no mark") };
    if mark.number > 0 && journal::hash(journal, mark.number)? != Some(mark.hash) {
        return broken(format!("the tables for queries follow another journal at commit {}", mark.number));
    }
    let mut select = db.prepare(HEADS)?;
    let mut rows = select.query([PART])?;
    let mut heads = 0;
    while let Some(row) = rows.next()? {
        let resource = ResourceId(row.get(0)?);
        let version = Version { epoch: Epoch(row.get(1)?), number: row.get(2)? };
        let stored = (version, row.get::<_, Hash>(3)?, row.get::<_, u64>(4)?);
        let behind = fold.heads.get(&resource).is_some_and(|(_, _, commit)| *commit > mark.number);
        if !behind && fold.heads.get(&resource) != Some(&stored) {
            return broken(format!("{resource} is said to be at {version}, and its record ends elsewhere"));
        }
        heads += 1;
    }
    let expected = fold.heads.len();
    match mark.number == fold.verified.commits && heads != expected {
        true => broken(format!("the tables for queries know {heads} resources of {expected}")),
        false => Ok(()),
    }
}
