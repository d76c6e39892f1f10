//! Folds a journal again from its beginning, and compares: every hash, every version, every rule that the record can show at every
//! commit, the tables made from it, and signed checkpoints. It trusts nothing it reads, and repairs nothing.
//!
//! Memory holds what is still to come. What is over is folded into tables of its own, in a temporary file that nobody else sees,
//! and these are what the tables of the data directory are compared with, row by row. No transaction on the journal is open for
//! longer than one page of commits, and none on the tables but while they are compared: a server may go on beside it.

use super::connect::{Use, connect};
use super::error::{Error, is_damage};
use super::journal::{self, Meta};
use super::load::{self, PART, signed};
use super::migrate::STATE;
use super::rows::Mark;
use super::signed::{self, Signed};
use super::{FILE, compare, follow, people, wal, with_suffix};
use crate::codec;
use crate::commit::{Commit, Entry, EntryRecord, Lying, Place};
use crate::record::{self, Hash, Header};
use rusqlite::{Connection, params};
use slotwise_domain::course;
use slotwise_domain::{
    AttemptKey, Became, Booking, BookingId, BookingState, Calendar, Change, Changes, DateSaid, EntryEnd, EntryId,
    Epoch, HoldEnd, Instant, Interval, Outcome, OwnOverlap, PersonId, ResourceId, SeriesId, Subject, Version, World,
    invariants,
};
use slotwise_engine::Checkpoint;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

/// What else to look at, and whom to tell how far it is.
#[derive(Default)]
pub struct Wanted<'a> {
    /// A file with signed checkpoints, one a line; that of the data directory if left out.
    pub checkpoints: Option<PathBuf>,
    /// The key they must be signed with.
    pub public_key: Option<[u8; 32]>,
    /// The time now, if what is kept for a while only may be forgotten by it; the last commit's if left out.
    pub now: Option<Instant>,
    /// Commits done, of how many.
    pub progress: Option<&'a mut dyn FnMut(u64, u64)>,
}

/// What was read, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Versions, in the chains of their resources.
    pub records: u64,
    /// Attempts.
    pub attempts: u64,
    /// Commits, in the chain of their writer.
    pub commits: u64,
    /// Resources.
    pub resources: u64,
    /// Rows of the tables for queries that were compared with the fold.
    pub rows: u64,
    /// A server has the directory open.
    pub running: bool,
    /// What signed checkpoints say; none if there is none.
    pub checkpoints: Option<Checked>,
    /// What is wrong, at most [`FINDINGS_MAX`]; nothing if all is as it was written.
    pub findings: Vec<Finding>,
    /// There would be more.
    pub more: bool,
}

/// What signed checkpoints say of the end of a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Those that hold.
    pub held: u64,
    /// The latest of them: up to its commit nothing was cut off.
    pub latest: Option<Checkpoint>,
    /// The key was given, and not taken from the checkpoints themselves.
    pub key_given: bool,
}

/// Something that is not as it was written, or must never be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// In which commit.
    pub commit: Option<u64>,
    /// Of which writer, where there are several.
    pub writer: Option<Uuid>,
    /// Of which resource.
    pub resource: Option<ResourceId>,
    /// At which version.
    pub version: Option<Version>,
    /// What is wrong.
    pub says: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.commit, self.writer) {
            (Some(commit), Some(writer)) => write!(f, "commit {commit} of writer {writer}: ")?,
            (Some(commit), None) => write!(f, "commit {commit}: ")?,
            (None, _) => {}
        }
        match (self.resource, self.version) {
            (Some(resource), Some(version)) => write!(f, "resource {resource} at {version}: ")?,
            (Some(resource), None) => write!(f, "resource {resource}: ")?,
            (None, _) => {}
        }
        f.write_str(&self.says)
    }
}

/// Why a journal does not hold.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Something was changed, taken away or put in; the first of what was found.
    #[error("{0}")]
    Broken(String),
    /// It could not be read.
    #[error(transparent)]
    Unreadable(#[from] Error),
}

/// Findings that are told; one edit in the middle may spoil all that follows.
pub const FINDINGS_MAX: usize = 100;
/// So many commits are folded before what has ended is forgotten.
const FORGET_EVERY: u64 = 10_000;
/// Attempts read at once.
pub(crate) const PAGE: usize = 4_096;
/// Where several write: which commit is which of all, beside the tables that are made here.
const PLACES: &str =
    "CREATE TABLE place (number INTEGER NOT NULL PRIMARY KEY, stamp INTEGER NOT NULL, id BLOB NOT NULL) STRICT";
/// Of so many of the last checkpoints the heads of all resources are compared too; of the others the hash of the commit.
const HEADS_OF: usize = 100;
/// Where several write, what is of a person is in order only after so long: their rows bear no stamp.
const SETTLES_WITHIN_US: i64 = 15_000_000;

/// Whether a data directory is as it was written, all of it; nothing else is looked at.
pub fn verify(dir: &Path) -> Result<Verified, VerifyError> {
    let verified = examine(dir, Wanted::default())?;
    match verified.findings.first() {
        Some(finding) => Err(VerifyError::Broken(finding.to_string())),
        None => Ok(verified),
    }
}

/// Looks at all of a data directory, and says what is wrong with it. An error is a directory that could not be read.
pub fn examine(dir: &Path, mut wanted: Wanted) -> Result<Verified, Error> {
    let path = dir.join(FILE);
    if !path.is_file() {
        return Err(Error::bug(format!("{} is no data directory: it has no {FILE}", dir.display())));
    }
    let mut findings = Findings::default();
    let running = running(dir)?;
    if !running && damaged_log(dir, &mut findings)? {
        return Ok(findings.verified(Verified::default()));
    }
    let db = connect(&path, Use::Read, 16 << 20)?;
    let meta = match journal::meta(&db) {
        Ok(Some(meta)) => meta,
        Ok(None) => return Err(Error::bug(format!("{} has no row of its own", path.display()))),
        Err(e) => return damage(e, &mut findings).map(|()| findings.verified(Verified::default())),
    };
    whole_files(dir, &mut findings)?;
    let checkpoints = checkpoints(dir, &wanted, &meta, &mut findings)?;
    let mut fold = Fold::new(meta, running, findings, checkpoints)?;

    // The tables first: what they have is in the journal by then, so an end of it that is missing shows.
    let tables = dir.join(follow::FILE);
    let tables = if tables.is_file() { Some(connect(&tables, Use::Read, 16 << 20)?) } else { None };
    if let Some(tables) = &tables {
        if let Ok(Some(mark)) = load::mark(tables) {
            fold.read(&db, mark.number, &mut wanted)?;
        }
        // They hold still from here until they are compared.
        let snapshot = tables.unchecked_transaction()?;
        let compared = fold.tables(&db, &snapshot, &mut wanted);
        if let Err(e) = compared {
            damage(e, &mut fold.findings)?;
        }
    }
    fold.read(&db, u64::MAX, &mut wanted)?;
    fold.end()
}

/// Whether a server has the directory open.
fn running(dir: &Path) -> Result<bool, Error> {
    let Ok(file) = File::open(dir.join(super::open::LOCK)) else { return Ok(false) };
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(e)) => Err(Error::bug(format!("looking at the lock of {}: {e}", dir.display()))),
    }
}

/// SQLite would pass over whatever follows a damaged frame without a word.
fn damaged_log(dir: &Path, findings: &mut Findings) -> Result<bool, Error> {
    let mut damaged = false;
    for name in [FILE, people::FILE] {
        let path = with_suffix(&dir.join(name), "-wal");
        let log = wal::inspect(&path).map_err(|e| Error::bug(format!("reading {}: {e}", path.display())))?;
        if let wal::Log::Damaged { offset, says } = log {
            findings
                .put(Finding { says: format!("{name}-wal is damaged at byte {offset}: {says}"), ..Finding::default() });
            damaged = true;
        }
    }
    Ok(damaged)
}

/// The files as SQLite sees them: their pages, and that nothing was added to their tables.
fn whole_files(dir: &Path, findings: &mut Findings) -> Result<(), Error> {
    for name in [FILE, people::FILE, follow::FILE] {
        let path = dir.join(name);
        if !path.is_file() {
            continue;
        }
        let db = connect(&path, Use::Read, 16 << 20)?;
        let checked = db.prepare("PRAGMA integrity_check(10)").and_then(|mut check| {
            let rows = check.query_map([], |row| row.get::<_, String>(0))?;
            rows.collect::<rusqlite::Result<Vec<String>>>()
        });
        match checked {
            Ok(says) => says.iter().filter(|says| *says != "ok").for_each(|says| {
                findings.put(Finding { says: format!("{name}: {says}"), ..Finding::default() });
            }),
            Err(e) if is_damage(&e) => findings.put(Finding { says: format!("{name}: {e}"), ..Finding::default() }),
            Err(e) => return Err(e.into()),
        }
    }
    let mut ours = Connection::open_in_memory()?;
    STATE.migrate(&mut ours, Path::new(FILE)).map_err(|e| Error::bug(e.to_string()))?;
    let theirs = connect(&dir.join(FILE), Use::Read, 1 << 20)?;
    if let Err(e) = compare::schemas(&ours, &theirs, FILE, findings) {
        damage(e, findings)?;
    }
    Ok(())
}

/// A damaged file is a finding; one that cannot be read is an error.
pub(crate) fn damage(e: Error, findings: &mut Findings) -> Result<(), Error> {
    let damaged = match &e {
        Error::Sql(sql) => is_damage(sql),
        Error::Row { .. } | Error::Damaged(_) | Error::Malformed(_) | Error::Broken(_) => true,
        Error::Bug(_) => false,
    };
    match damaged {
        true => {
            findings.put(Finding { says: e.to_string(), ..Finding::default() });
            Ok(())
        }
        false => Err(e),
    }
}

/// Checkpoints of a directory that are signed as they must be; the others are findings.
fn checkpoints(
    dir: &Path,
    wanted: &Wanted,
    meta: &Meta,
    findings: &mut Findings,
) -> Result<Option<Checkpoints>, Error> {
    let path = wanted.checkpoints.clone().unwrap_or_else(|| dir.join(signed::FILE));
    if wanted.checkpoints.is_none() && !path.is_file() {
        return Ok(None);
    }
    let lines = signed::read(&path).map_err(|e| Error::Bug(e.0))?;
    let mut checkpoints = Checkpoints::of(lines, &path.display(), wanted.public_key, findings);
    checkpoints.only(meta.writer, &path.display(), findings);
    Ok(Some(checkpoints))
}

/// What is still to be compared, by whose commits it counts.
pub(crate) struct Checkpoints {
    due: BTreeMap<Uuid, Due>,
    checked: Checked,
}

#[derive(Default)]
struct Due {
    /// By commit.
    all: Vec<Checkpoint>,
    next: usize,
}

impl Checkpoints {
    /// Of lines of a file or a table of this name. Those that are not signed as they must be are findings.
    pub fn of(
        lines: Vec<(usize, Result<Checkpoint, String>)>,
        name: &dyn fmt::Display,
        public_key: Option<[u8; 32]>,
        findings: &mut Findings,
    ) -> Checkpoints {
        let mut key = public_key;
        let mut due: BTreeMap<Uuid, Due> = BTreeMap::new();
        for (line, read) in lines {
            let broken = match read {
                Ok(checkpoint) => {
                    let expected = *key.get_or_insert(checkpoint.public_key);
                    match signed::holds(&checkpoint, &expected) {
                        Signed::Holds => {
                            due.entry(checkpoint.writer).or_default().all.push(checkpoint);
                            continue;
                        }
                        Signed::Forged => "is not what was signed: it is forged or was changed",
                        Signed::Foreign => "is signed with another key",
                    }
                }
                Err(says) => {
                    findings.put(Finding { says: format!("{name} line {line}: {says}"), ..Finding::default() });
                    continue;
                }
            };
            findings.put(Finding {
                says: format!("the checkpoint in line {line} of {name} {broken}"),
                ..Finding::default()
            });
        }
        due.values_mut().for_each(|due| due.all.sort_by_key(|c| (c.commit, c.made_at)));
        Checkpoints { due, checked: Checked { key_given: public_key.is_some(), ..Checked::default() } }
    }

    /// Those of other journals are findings.
    fn only(&mut self, writer: Uuid, name: &dyn fmt::Display, findings: &mut Findings) {
        let others = self.due.extract_if(.., |of, _| *of != writer);
        for made_at in others.flat_map(|(_, due)| due.all).map(|c| c.made_at) {
            let says = format!("the checkpoint of {made_at} in {name} is of another journal");
            findings.put(Finding { says, ..Finding::default() });
        }
    }
}

/// What is wrong so far.
#[derive(Default)]
pub(crate) struct Findings {
    found: Vec<Finding>,
    more: bool,
}

impl Findings {
    pub fn first(&self) -> Option<&Finding> {
        self.found.first()
    }

    pub fn put(&mut self, finding: Finding) {
        match self.found.len() < FINDINGS_MAX {
            true => self.found.push(finding),
            false => self.more = true,
        }
    }

    pub fn verified(self, verified: Verified) -> Verified {
        Verified { findings: self.found, more: self.more, ..verified }
    }
}

/// Where the chain of one of several writers ends.
struct Chain {
    number: u64,
    hash: Hash,
    stamp: i64,
}

/// What is true after the commits read so far.
pub(crate) struct Fold {
    pub meta: Meta,
    /// Over all commits so far: of the last one; where several write, over their hashes in order.
    pub hash: Hash,
    pub world: World,
    heads: BTreeMap<ResourceId, (Version, Hash, u64)>,
    /// Where several write, their chains.
    chains: HashMap<Uuid, Chain>,
    /// Whose commit is looked at, where several write.
    writer: Option<Uuid>,
    /// People who seem to have two at once, since a commit and a stamp.
    suspects: BTreeMap<PersonId, (u64, Option<Uuid>, i64)>,
    /// What was folded, in tables of its own.
    pub tables: Connection,
    mark: Mark,
    /// Commits that are not in these tables yet, with what they are about.
    page: Vec<Commit>,
    bookings: HashMap<BookingId, Arc<Booking>>,
    keys: HashSet<AttemptKey>,
    /// Nothing that ended before it is in memory.
    forgotten: Instant,
    pub latest: Instant,
    /// What follows something that cannot be read cannot be folded; its hashes are still looked at.
    pub folds: bool,
    checkpoints: Option<Checkpoints>,
    pub findings: Findings,
    pub verified: Verified,
}

impl Fold {
    pub fn new(meta: Meta, running: bool, findings: Findings, checkpoints: Option<Checkpoints>) -> Result<Fold, Error> {
        let (tables, mark) = follow::nameless(&meta)?;

        Ok(Fold {
            meta,
            hash: record::commits_genesis(meta.writer),
            world: World::empty(Epoch(1)),
            heads: BTreeMap::new(),
            chains: HashMap::new(),
            writer: None,
            suspects: BTreeMap::new(),
            tables,
            mark,
            page: Vec::new(),
            bookings: HashMap::new(),
            keys: HashSet::new(),
            forgotten: Instant::MIN,
            latest: Instant::MIN,
            folds: true,
            checkpoints,
            findings,
            verified: Verified { running, ..Verified::default() },
        })
    }

    /// Of a journal that several write.
    pub fn of_several(meta: Meta, findings: Findings, checkpoints: Option<Checkpoints>) -> Result<Fold, Error> {
        let fold = Fold::new(meta, false, findings, checkpoints)?;
        fold.tables.execute_batch(PLACES)?;
        Ok(fold)
    }

    /// Reads on, up to a commit or to where the journal ends.
    fn read(&mut self, db: &Connection, to: u64, wanted: &mut Wanted) -> Result<(), Error> {
        const PART_OF: &str =
            "SELECT number, hash, body, said FROM journal WHERE number > ?1 AND number <= ?2 ORDER BY number";
        let mut select = db.prepare(PART_OF)?;
        loop {
            let last: u64 = db.query_row("SELECT coalesce(max(number), 0) FROM journal", [], |row| row.get(0))?;
            let (before, mut attempts) = (self.verified.commits, 0);
            let mut rows = select.query(params![signed(before), signed(to)])?;
            loop {
                let row = match rows.next() {
                    Ok(row) => row,
                    Err(e) if is_damage(&e) => {
                        // What is not read cannot be compared with what was made of it.
                        let says = format!("what follows it in {FILE} cannot be read: {e}");
                        if self.findings.found.iter().all(|finding| finding.says != says) {
                            self.cannot_fold(self.verified.commits, says);
                        }
                        return Ok(());
                    }
                    Err(e) => return Err(e.into()),
                };
                let Some(row) = row.filter(|_| attempts < PAGE) else { break };
                let (number, hash) = (row.get(0)?, row.get::<_, Hash>(1).unwrap_or_default());
                let body = row.get_ref(2)?.as_blob().unwrap_or_default();
                let said = row.get_ref(3)?.as_blob().unwrap_or_default();
                attempts += self.commit(None, number, hash, body, said)?.max(1);
            }
            drop(rows);
            self.flush()?;
            if let Some(progress) = &mut wanted.progress {
                progress(self.verified.commits, last.min(to).max(self.verified.commits));
            }
            if self.verified.commits == before {
                return Ok(());
            }
        }
    }

    /// The next commit, as it lies.
    pub fn lying(&mut self, lying: &Lying) -> Result<usize, Error> {
        let said = lying.said.as_deref().unwrap_or_default();
        self.commit(lying.place.as_ref(), lying.number, lying.hash, &lying.body, said)
    }

    /// Returns how many attempts it has. Where several write, it has a place among the commits of all.
    fn commit(
        &mut self,
        place: Option<&Place>,
        number: u64,
        hash: Hash,
        body: &[u8],
        said: &[u8],
    ) -> Result<usize, Error> {
        self.writer = place.map(|place| place.writer);
        let (last, before) = match place {
            None => (self.verified.commits, self.hash),
            Some(Place { writer, .. }) => match self.chains.get(writer) {
                Some(chain) => (chain.number, chain.hash),
                None => (0, record::commits_genesis(*writer)),
            },
        };
        if number != last + 1 {
            self.find(number, format!("it follows commit {last}: what was between is gone"));
            self.folds = false;
        }
        if record::chain_commit(&before, number, body) != hash {
            self.cannot_fold(number, "it is not what was written, or what is before it".into());
        }
        // The chain is followed from what is there, so that a second edit shows as well.
        let position = match place {
            None => {
                self.hash = hash;
                number
            }
            Some(place) => self.placed(place, number, hash)?,
        };
        self.verified.commits = position;
        let folded = if self.folds { self.fold_bytes(position, number, hash, body, said) } else { Ok(1) };
        let attempts = match folded {
            Ok(attempts) => attempts,
            Err(e) => {
                damage(e, &mut self.findings)?;
                self.folds = false;
                1
            }
        };
        self.checkpoints(self.meta.writer, position, self.hash);
        if let Some(Place { writer, stamp, .. }) = place {
            self.checkpoints(*writer, number, hash);
            self.look_at_suspects(stamp - SETTLES_WITHIN_US);
        }
        Ok(attempts)
    }

    /// A commit among those of several writers: goes on with its writer's chain, and says which one it is of all.
    fn placed(&mut self, place: &Place, number: u64, hash: Hash) -> Result<u64, Error> {
        let Place { writer, stamp, id } = *place;
        let before = self.chains.insert(writer, Chain { number, hash, stamp });
        if before.is_some_and(|before| before.stamp >= stamp) {
            self.find(number, "its stamp is not after that of the commit before it");
        }
        self.hash = record::chain_all(&self.hash, &hash);
        let position = self.verified.commits + 1;
        let mut put = self.tables.prepare_cached("INSERT INTO place (number, stamp, id) VALUES (?1, ?2, ?3)")?;
        put.execute(params![signed(position), stamp, id])?;
        Ok(position)
    }

    /// Whoever seemed to have two at once before a stamp, and has them still.
    fn look_at_suspects(&mut self, before: i64) {
        let due: Vec<PersonId> =
            self.suspects.iter().filter(|(_, (.., stamp))| *stamp < before).map(|(id, _)| *id).collect();
        for id in due {
            if let (Some((number, writer, _)), Some(says)) = (self.suspects.remove(&id), self.two_at_once(id)) {
                self.findings.put(Finding { commit: Some(number), writer, says, ..Finding::default() });
            }
        }
    }

    fn fold_bytes(&mut self, position: u64, number: u64, hash: Hash, body: &[u8], said: &[u8]) -> Result<usize, Error> {
        let decoded = codec::decode_commit(number, hash, body);
        let said = if said.is_empty() { Ok(Vec::new()) } else { codec::decode_said(said) };
        let ((mut commit, bodies), said) = match (decoded, said) {
            (Ok(decoded), Ok(said)) => (decoded, said),
            (Err(e), _) => return Ok(self.cannot_fold(number, format!("it cannot be read: {e}"))),
            (_, Err(e)) => return Ok(self.cannot_fold(number, format!("what people said in it cannot be read: {e}"))),
        };
        if commit.epoch < self.world.epoch || commit.epoch > self.meta.epoch {
            let (epoch, newest) = (commit.epoch.0, self.meta.epoch.0);
            self.find(
                number,
                format!("it is of epoch {epoch}, after epoch {}, in a journal of epoch {newest}", self.world.epoch.0),
            );
        }
        self.world.epoch = commit.epoch;
        self.latest = self.latest.max(commit.at);
        let (bookings, tables) = (&self.bookings, &self.tables);
        let before = |id| match bookings.get(&id) {
            Some(booking) => Ok::<_, Error>(Some(booking.clone())),
            None => Ok(load::booking(tables, id)?.map(Arc::new)),
        };
        if let Err(e) = commit.fold_bookings(&said, before) {
            return Ok(self.cannot_fold(number, format!("its bookings cannot be folded: {e}")));
        }
        let mut bodies = bodies.into_iter();
        let mut folded: Vec<(Changes, Instant)> = Vec::with_capacity(commit.entries.len());
        for entry in &commit.entries {
            let n = self.findings.found.len();
            self.entry(&commit, entry, &mut bodies, &mut folded)?;
            if self.findings.found.len() > n && !self.folds {
                return Ok(commit.entries.len());
            }
        }
        if let Err(broken) = invariants::check(&self.world, folded.iter().map(|(changes, at)| (changes, *at))) {
            let says = format!("{} does not hold at {}: {}", broken.invariant, broken.at, broken.says);
            let (commit, writer, resource) = (Some(number), self.writer, Some(broken.resource));
            self.findings.put(Finding { commit, writer, resource, version: None, says });
        }
        // Holds that have ended are not asked for again.
        self.world.holds.clear();
        self.world.entries.clear();
        self.world.bookings.clear();
        self.world.loaded = Default::default();
        let attempts = commit.entries.len();
        self.verified.attempts += attempts as u64;
        // The tables made here count the commits of all writers.
        commit.number = position;
        self.page.push(commit);
        if position.is_multiple_of(FORGET_EVERY) {
            self.forget();
        }
        Ok(attempts)
    }

    fn entry<'b>(
        &mut self,
        commit: &Commit,
        entry: &Entry,
        bodies: &mut impl Iterator<Item = &'b [u8]>,
        folded: &mut Vec<(Changes, Instant)>,
    ) -> Result<(), Error> {
        let (number, decision) = (commit.number, &entry.recorded.decision);
        let key = entry.recorded.key;
        if !self.keys.insert(key) || load::attempt(&self.tables, key)?.is_some() {
            self.cannot_fold(number, format!("the key {} was decided before", key.key));
            return Ok(());
        }
        if decision.decided_at < commit.at {
            self.find(number, format!("the answer to {} was decided before its commit began", key.key));
        }
        for record in &entry.records {
            self.chain(number, entry, record, bodies.next().unwrap_or_default());
            for change in &record.changes {
                if let Err(says) = self.may_follow(record, change, decision.decided_at)? {
                    self.find_at(number, record, says);
                }
            }
        }
        self.outcome(number, entry)?;
        for id in exclusive_of(entry) {
            self.world.people.entry(id).or_default();
        }
        let records = entry.records.iter().map(|r| (r.resource, r.changes.clone())).collect();
        let changes = Changes { records, ..Changes::default() };
        let versions = self.world.apply(&changes, decision.decided_at);
        let answered = match versions.is_empty() {
            // Nothing changed: it names what it was decided on.
            true => decision.decided.iter().all(|(id, v)| self.world.calendars.get(id).is_none_or(|c| c.version == *v)),
            false => versions == decision.decided,
        };
        if !answered {
            self.find(number, format!("the answer to {} names other versions than it made or saw", key.key));
        }
        for (id, policy) in &decision.policies {
            if let Some(calendar) = self.world.calendars.get(id)
                && calendar.resource.policy_version != *policy
            {
                let says = format!("I25: the answer to {} names policy {policy}, and another was in force", key.key);
                let (commit, writer, resource) = (Some(number), self.writer, Some(*id));
                self.findings.put(Finding { commit, writer, resource, version: None, says });
            }
        }
        for id in exclusive_of(entry) {
            match (self.two_at_once(id), self.writer.and_then(|writer| self.chains.get(&writer))) {
                (Some(says), None) => self.find(number, says),
                // What freed the other may be stamped later than this.
                (Some(_), Some(Chain { stamp, .. })) => {
                    self.suspects.entry(id).or_insert((number, self.writer, *stamp));
                }
                (None, _) => {}
            }
        }
        self.bookings.extend(entry.bookings.iter().map(|b| (b.id, b.clone())));
        folded.push((changes, decision.decided_at));
        Ok(())
    }

    fn chain(&mut self, number: u64, entry: &Entry, record: &EntryRecord, body: &[u8]) {
        let (resource, version) = (record.resource, record.version);
        let nothing = (Version::zero(version.epoch), record::genesis(resource), 0);
        let (before, hash, previous) = self.heads.get(&resource).copied().unwrap_or(nothing);
        // Where several write, a record need not say where the one before it is.
        let leads = record.previous == previous || (self.writer.is_some() && record.previous == 0);
        if version.number != before.number + 1 || version.epoch < before.epoch || !leads {
            self.find_at(number, record, format!("it follows {before}, of commit {previous}"));
        }
        let key = entry.recorded.key;
        let decided_at = entry.recorded.decision.decided_at;
        let header = Header { resource, version, decided_at, attempt: key.key, actor: key.actor };
        if record::chain(&hash, &header, body) != record.hash {
            self.find_at(number, record, "it is not what was written, or what is before it".into());
        }
        self.heads.insert(resource, (version, record.hash, number));
        self.verified.records += 1;
    }

    /// What must be so of a resource or a booking for a change to follow.
    fn may_follow(&self, record: &EntryRecord, change: &Change, at: Instant) -> Result<Result<(), String>, Error> {
        let calendar = self.world.calendars.get(&record.resource);
        if let Some(calendar) = calendar
            && at < calendar.decided_at
        {
            return Ok(Err(format!("it was decided at {at}, before {}", calendar.decided_at)));
        }
        let live = |id| calendar.and_then(|c| c.holds.get(id));
        let waits = |id| calendar.and_then(|c| c.entry(id));
        let state = |id| -> Result<Option<BookingState>, Error> { Ok(self.booking(id)?.map(|b| b.state.clone())) };
        Ok(match change {
            Change::ResourceCreated(_) if calendar.is_some() => Err("it was made before".into()),
            Change::ResourceCreated(_) => Ok(()),
            _ if calendar.is_none() => Err("it was never made".into()),
            Change::HoldGranted(hold) if live(&hold.id).is_some() => {
                Err(format!("hold {} was granted before", hold.id))
            }
            Change::HoldGranted(hold) if hold.token.0 != record.version => {
                Err(format!("I7: the token of hold {} is {}", hold.id, hold.token))
            }
            Change::HoldRenewed(hold) if live(&hold.id).is_none_or(|h| h.token != hold.token || h.expired(at)) => {
                Err(format!("I7: hold {} is renewed and does not live", hold.id))
            }
            Change::HoldEnded(ended) if live(&ended.hold.id) != Some(&ended.hold) => {
                Err(format!("I7: hold {} ends and does not live, or was another", ended.hold.id))
            }
            Change::WaitJoined(entry) if entry.joined != record.version || self.joined_before(entry.id)? => {
                Err(format!("I8: {} joins at {}, or joined before", entry.id, entry.joined))
            }
            Change::WaitOffered(entry) | Change::WaitResumed(entry) | Change::WaitMoved(entry)
                if waits(entry.id).is_none_or(|e| (e.owner, e.joined) != (entry.owner, entry.joined)) =>
            {
                Err(format!("I8: {} changes and does not wait, or is another", entry.id))
            }
            Change::WaitEnded(ended) if waits(ended.entry.id).is_none_or(|e| e.joined != ended.entry.joined) => {
                Err(format!("I8: {} ends and does not wait", ended.entry.id))
            }
            Change::Reminded { booking, owner, .. }
                if self.booking(*booking)?.is_none_or(|b| b.owner != *owner || !b.state.takes_units()) =>
            {
                Err(format!("somebody is reminded of booking {booking}, which is not theirs"))
            }
            Change::BookingMade { booking, .. } | Change::BookingRequested { booking, .. }
                if self.booking(*booking)?.is_some() =>
            {
                Err(format!("booking {booking} was made before"))
            }
            Change::BookingMoved { booking, revision, pending, from, .. } => match self.booking(*booking)? {
                Some(b)
                    if b.revision + 1 == *revision
                        && !b.state.is_final()
                        && b.state.takes_units() != *pending
                        && b.slots_on(record.resource).map(|(n, slot)| (n, *slot)).eq(from.iter().copied()) =>
                {
                    Ok(())
                }
                _ => Err(format!("I17: booking {booking} is moved and did not stand as it says")),
            },
            Change::BookingApproved { booking, .. }
                if state(*booking)? != Some(BookingState::Pending { takes: false }) =>
            {
                Err(format!("booking {booking} is approved and was not pending"))
            }
            Change::RequestApproved { booking, .. }
                if state(*booking)? != Some(BookingState::Pending { takes: true }) =>
            {
                Err(format!("booking {booking} is approved and did not take its units while it waited"))
            }
            Change::BookingCheckedIn { booking, .. } if state(*booking)? != Some(BookingState::Confirmed) => {
                Err(format!("booking {booking} is checked in and was not confirmed"))
            }
            Change::BookingNoShow { booking, from, to, at: ended, .. } => match self.booking(*booking)? {
                Some(b)
                    if b.state == BookingState::Confirmed
                        && *ended == at
                        && b.slots_on(record.resource).map(|(n, slot)| (n, *slot)).eq(from.iter().copied())
                        && to.iter().all(|(_, s)| s.occupied.end() <= at || s.occupied.start() >= at) =>
                {
                    Ok(())
                }
                _ => Err(format!("I17: booking {booking} is a no-show and did not stand as it says")),
            },
            Change::BookingHandedOver { booking, from, pending, .. } => match self.booking(*booking)? {
                Some(b) if b.owner == *from && !b.state.is_final() && b.state.takes_units() != *pending => Ok(()),
                _ => Err(format!("I17: booking {booking} is handed over and was not theirs")),
            },
            Change::BookingDisplaced { booking, was_pending, reason, .. } => match self.booking(*booking)? {
                Some(b)
                    if !b.state.is_final() && b.state.takes_units() != *was_pending && !reason.trim().is_empty() =>
                {
                    Ok(())
                }
                _ => Err(format!("I11: booking {booking} is displaced and did not stand as it says")),
            },
            Change::OverCommitLowered { to } if calendar.is_none_or(|c| c.over_commit <= *to) => {
                Err(format!("I1: {to} more than the capacity may be taken, which is not less than before"))
            }
            Change::BookingCancelled { booking, was_pending, .. } => match state(*booking)? {
                Some(state) if !state.is_final() && state.takes_units() != *was_pending => Ok(()),
                _ => Err(format!("I17: booking {booking} is cancelled and did not stand as it says")),
            },
            _ => Ok(()),
        })
    }

    /// Whether an entry is in what was folded already, waiting or ended.
    fn joined_before(&self, id: EntryId) -> Result<bool, Error> {
        Ok(self.world.entries.contains_key(&id) || load::entry(&self.tables, id)?.is_some())
    }

    /// I3: what was answered is what became true.
    fn outcome(&mut self, number: u64, entry: &Entry) -> Result<(), Error> {
        let decision = &entry.recorded.decision;
        let key = entry.recorded.key.key;
        let made = |id| entry.bookings.iter().any(|b| b.id == id && b.state == BookingState::Confirmed);
        // Who was offered what is let go waits again or lapses, and that must be seen to.
        let let_go = |c: &Change| match c {
            Change::HoldEnded(ended) => ended.end != HoldEnd::Consumed,
            Change::WaitEnded(ended) => ended.end == EntryEnd::Lapsed,
            Change::WaitResumed(_) | Change::WaitDue(_) => true,
            _ => false,
        };
        let wrong = match (&decision.outcome, decision.subject) {
            (Outcome::Booked, Some(Subject::Booking(id))) if made(id) => None,
            (Outcome::Booked, Some(Subject::Series(id)))
                if !entry.bookings.iter().any(|b| b.is_of(id) && b.state.takes_units()) =>
            {
                Some("BOOKED, and it made no booking")
            }
            (Outcome::Booked | Outcome::Accepted, Some(Subject::Series(id))) => of_each_date(entry, id),
            (Outcome::Booked, _) => Some("BOOKED, and it made no booking"),
            (Outcome::Rejected(_), _) if entry.changes().all(let_go) => None,
            (Outcome::Rejected(_), _) => Some("REJECTED, and it changed more than to let a hold go"),
            (Outcome::Accepted, Some(Subject::Booking(id))) => {
                let known = entry.bookings.iter().any(|b| b.id == id) || self.booking(id)?.is_some();
                (!known).then_some("ACCEPTED, of a booking that does not exist")
            }
            (Outcome::Accepted, _) => None,
        };
        if let Some(wrong) = wrong {
            self.find(number, format!("I3: the answer to {key} is {wrong}"));
        }
        Ok(())
    }

    /// I2 for people: bookings of one person on resources that refuse two at once do not meet.
    fn two_at_once(&self, id: PersonId) -> Option<String> {
        let person = self.world.people.get(&id)?;
        let mut taken: Vec<_> = person
            .exclusive
            .iter()
            .map(|((booking, resource, _), interval)| (*interval, *resource, *booking))
            .collect();
        taken.sort_by_key(|(interval, ..)| interval.start());
        let spec = |id: &ResourceId| self.world.calendars.get(id).map(|calendar| &calendar.resource.spec);
        let clash = |(one, on, _): &(Interval, ResourceId, BookingId),
                     (two, other, _): &(Interval, ResourceId, BookingId)| {
            on == other || spec(on).zip(spec(other)).is_none_or(|(on, other)| course::clash((on, *one), (other, *two)))
        };
        let two = taken.iter().enumerate().find_map(|(n, a)| {
            let mut later = taken.iter().skip(n + 1).take_while(|b| a.0.meets(b.0));
            later.find(|b| clash(a, b)).map(|b| (a.2, b.2))
        });
        two.map(|(one, two)| format!("I2: bookings {one} and {two} of one person meet, where that is refused"))
    }

    fn booking(&self, id: BookingId) -> Result<Option<Arc<Booking>>, Error> {
        match self.bookings.get(&id) {
            Some(booking) => Ok(Some(booking.clone())),
            None => Ok(load::booking(&self.tables, id)?.map(Arc::new)),
        }
    }

    /// Brings what was folded into the tables, and reads the bookings back: they are what the fold says.
    pub fn flush(&mut self) -> Result<(), Error> {
        let page = std::mem::take(&mut self.page);
        if self.folds && !page.is_empty() {
            match follow::apply(&mut self.tables, self.mark, page.iter(), Instant::MIN) {
                Ok(mark) => self.mark = mark,
                Err(e @ Error::Bug(_)) => {
                    self.cannot_fold(self.verified.commits, format!("rows cannot follow it: {e}"));
                }
                Err(e) => return Err(e),
            }
        }
        for booking in std::mem::take(&mut self.bookings).values().filter(|_| self.folds) {
            let row = load::booking(&self.tables, booking.id)?;
            if row.as_ref() != Some(&**booking) {
                let says = format!("rows made of booking {} are not the booking; this is a bug", booking.id);
                self.findings.put(Finding { says, ..Finding::default() });
            }
        }
        self.keys.clear();
        Ok(())
    }

    fn forget(&mut self) {
        let t = self.latest.minus(Calendar::LOOKBACK);
        self.forgotten = self.forgotten.max(t);
        for calendar in self.world.calendars.values_mut() {
            Arc::make_mut(calendar).forget_before(t);
        }
        self.world.people.retain(|_, person| {
            person.exclusive.retain(|_, interval| interval.end() > t);
            !person.exclusive.is_empty() || !person.holds.is_empty() || !person.waiting.is_empty()
        });
    }

    /// Compares the tables, which hold still, with those folded here, at the commit that they have.
    fn tables(&mut self, db: &Connection, theirs: &Connection, wanted: &mut Wanted) -> Result<(), Error> {
        let Some(mark) = load::mark(theirs)? else {
            self.findings.put(Finding { says: "the tables for queries have no mark".into(), ..Finding::default() });
            return Ok(());
        };
        self.read(db, mark.number, wanted)?;
        let read = self.verified.commits;
        if mark.number > read {
            let says = format!(
                "the journal ends at commit {read}, and the tables for queries have commit {}: its end was cut off",
                mark.number
            );
            self.findings.put(Finding { commit: Some(read), says, ..Finding::default() });
            return Ok(());
        }
        if mark.hash != self.hash {
            let says = format!("the tables for queries follow another journal at commit {}", mark.number);
            self.findings.put(Finding { commit: Some(mark.number), says, ..Finding::default() });
            return Ok(());
        }
        if self.folds {
            compare::schemas(&self.tables, theirs, follow::FILE, &mut self.findings)?;
            self.verified.rows = compare::tables(
                &self.tables,
                theirs,
                wanted.now.map_or(self.latest, |now| self.latest.max(now)),
                &mut self.findings,
            )?;
        }
        Ok(())
    }

    /// The checkpoints that count by a writer's commits, for the one that was just read.
    fn checkpoints(&mut self, writer: Uuid, number: u64, hash: Hash) {
        let Some(mut checkpoints) = self.checkpoints.take() else { return };
        let own = writer == self.meta.writer;
        let Checkpoints { due, checked } = &mut checkpoints;
        let Some(Due { all, next }) = due.get_mut(&writer) else { return self.checkpoints = Some(checkpoints) };
        let count = all.len();
        while let Some(due) = all.get(*next).filter(|due| due.commit <= number) {
            *next += 1;
            // One of a folder that this store was made of knows nothing of the others who have written since.
            let with_heads = own && self.folds && *next + HEADS_OF > count;
            let heads = || signed::heads(self.heads.iter().map(|(id, (version, hash, _))| (*id, *version, *hash)));
            if due.commit != number || due.hash != hash || (with_heads && due.heads != heads()) {
                let says = format!(
                    "the checkpoint of {} says otherwise: this is not the record that it was made of",
                    due.made_at
                );
                self.findings.put(Finding { commit: Some(due.commit), says, ..Finding::default() });
                continue;
            }
            checked.held += 1;
            if own || checked.latest.as_ref().is_none_or(|latest| latest.writer == writer) {
                checked.latest = Some(due.clone());
            }
        }
        self.checkpoints = Some(checkpoints);
    }

    pub fn end(mut self) -> Result<Verified, Error> {
        let read = self.verified.commits;
        self.look_at_suspects(i64::MAX);
        if let Some(Checkpoints { due, checked }) = self.checkpoints.take() {
            for (writer, Due { all, next }) in due {
                let (Some(_), Some(last)) = (all.get(next), all.last()) else { continue };
                let read = match self.chains.get(&writer) {
                    Some(chain) => chain.number,
                    None if writer == self.meta.writer => read,
                    None => {
                        let says = format!("the checkpoint of {} is of another journal", last.made_at);
                        self.findings.put(Finding { says, ..Finding::default() });
                        continue;
                    }
                };
                let says = format!(
                    "the journal ends at commit {read}, and the checkpoint of {} is of commit {}: its end was cut off",
                    last.made_at, last.commit
                );
                self.findings.put(Finding { commit: Some(read), says, ..Finding::default() });
            }
            self.verified.checkpoints = Some(checked);
        }
        if self.folds {
            self.forget();
            self.calendars()?;
        }
        self.verified.resources = self.heads.len() as u64;
        let findings = std::mem::take(&mut self.findings);
        Ok(findings.verified(std::mem::take(&mut self.verified)))
    }

    /// The calendars that a store would load are those that the record makes.
    fn calendars(&mut self) -> Result<(), Error> {
        for (id, folded) in &self.world.calendars {
            let loaded = load::calendar(&self.tables, *id, self.forgotten)?;
            let same = loaded.as_ref().is_some_and(|loaded| same_calendar(&loaded.calendar, folded));
            if !same {
                let says = "the calendar loaded from rows is not the one that the record makes; this is a bug".into();
                let (resource, version) = (Some(*id), Some(folded.version));
                self.findings.put(Finding { resource, version, says, ..Finding::default() });
            }
        }
        Ok(())
    }

    fn cannot_fold(&mut self, number: u64, says: String) -> usize {
        self.find(number, says);
        self.folds = false;
        1
    }

    fn find(&mut self, number: u64, says: impl Into<String>) {
        let says = says.into();
        self.findings.put(Finding { commit: Some(number), writer: self.writer, says, ..Finding::default() });
    }

    fn find_at(&mut self, number: u64, record: &EntryRecord, says: String) {
        let (resource, version) = (Some(record.resource), Some(record.version));
        self.findings.put(Finding { commit: Some(number), writer: self.writer, resource, version, says });
    }
}

/// Whether two calendars say the same of all that is still to come. How long their longest use was does not matter.
pub(crate) fn same_calendar(a: &Calendar, b: &Calendar) -> bool {
    (&a.resource, a.version, a.decided_at) == (&b.resource, b.version, b.decided_at)
        && (&a.uses, &a.levels) == (&b.uses, &b.levels)
        && (&a.holds, &a.blocks, a.over_commit) == (&b.holds, &b.blocks, b.over_commit)
        && (&a.waiting, &a.watching, a.wait_due) == (&b.waiting, &b.watching, b.wait_due)
}

/// I13: what was said of each date of a series is what became true of it, and nothing else did.
fn of_each_date(entry: &Entry, series: SeriesId) -> Option<&'static str> {
    let changed = |said: &&DateSaid| match said.became {
        Became::Booked(_) | Became::Elsewhere(..) | Became::Changed(_) => true,
        Became::Free | Became::Refused(_) | Became::Untouched(_) => false,
    };
    let said = entry.recorded.decision.dates.iter().filter(changed).filter_map(|said| said.became.booking());
    let said: BTreeSet<BookingId> = said.collect();
    let of_it: BTreeSet<BookingId> = entry.bookings.iter().filter(|b| b.is_of(series)).map(|b| b.id).collect();
    let mut others = entry.bookings.iter().filter(|b| !said.contains(&b.id));
    match (said.is_subset(&of_it), others.all(|b| follows(entry, b))) {
        (true, true) => None,
        (false, _) => Some("of a series, and a date that it says changed did not"),
        (true, false) => Some("of a series, and it changed a booking that is none of the dates it says"),
    }
}

/// Whether the booking was made for somebody who waited, or given up for what they got.
fn follows(entry: &Entry, booking: &Booking) -> bool {
    entry.changes().any(|change| match change {
        Change::WaitEnded(ended) => ended.made(booking.id) || ended.entry.gives_up == Some(booking.id),
        _ => false,
    })
}

/// Whose bookings take time of resources that refuse two at once, by what an attempt changed.
fn exclusive_of(entry: &Entry) -> BTreeSet<PersonId> {
    let of = |change: &Change| match change {
        Change::BookingMade { owner, slots, pending: false, .. }
        | Change::BookingApproved { owner, slots, .. }
        | Change::BookingRequested { owner, slots, .. }
        | Change::BookingHandedOver { to: owner, slots, pending: false, .. } => {
            slots.iter().any(|(_, s)| s.own_overlap == OwnOverlap::Refuse).then_some(*owner)
        }
        _ => None,
    };
    entry.changes().filter_map(of).collect()
}

/// All heads of a store's resources, for a checkpoint: how far its tables are, and the sum over the heads they have.
pub(super) fn heads_of(tables: &Connection) -> Result<Option<(Mark, Hash)>, Error> {
    const HEADS: &str = "
        SELECT resource, epoch, number, hash FROM resource_head WHERE part_id = ?1 ORDER BY resource";
    let snapshot = tables.unchecked_transaction()?;
    let Some(mark) = load::mark(&snapshot)? else { return Ok(None) };
    let mut select = snapshot.prepare(HEADS)?;
    let mut rows = select.query([PART])?;
    let mut sum = signed::Heads::default();
    while let Some(row) = rows.next()? {
        let version = Version { epoch: Epoch(row.get(1)?), number: row.get(2)? };
        sum.add(ResourceId(row.get(0)?), version, row.get(3)?);
    }
    Ok(Some((mark, sum.sum())))
}
