//! All that a store holds, read in order while servers may be writing to it: people, then commit by commit, as values or as lines of
//! JSON; of a data directory here, of a database beside its store. Every hash is made again on the way. It changes nothing it reads.

use super::backup::{BackupError, Progress, Result, chained, ends, timestamp};
use super::connect::{Use, connect};
use super::error::{Error, OpenError};
use super::journal::{Head, Meta};
use super::load::{self, PART, bookings_where};
use super::migrate::{PEOPLE, STATE};
use super::open::{RESTORING, look_at_log};
use super::rows::Rows;
use super::{FILE, audit, doors, follow, journal, people};
use crate::codec::{self, Malformed, Said};
use crate::commit::{Commit, Lying, Place};
use crate::text::{CommitText, EndText, FORMAT, FORMAT_OF_SEVERAL, HeaderText, Hex, KeyText, Line, PersonText, When};
use rusqlite::Connection;
use slotwise_domain::{AttemptKey, Booking, Epoch, Facts, Instant, PartId, PersonId, ResourceId, Role, Version};
use slotwise_engine::round::{KEY_AHEAD, KEY_KEPT, key_time};
use slotwise_engine::{Account, Attempt, AttemptFilter, Listed, PersonCard, Plan, Record, Scopes};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

/// Attempts read at once.
const PAGE: usize = 4_096;
/// Bookings kept in memory until they are written together.
const KEPT: usize = 16_384;
/// Pages kept in memory while reading, in bytes.
const CACHE_BYTES: usize = 4 << 20;

/// All that a store holds, up to where its journal ended when this was opened.
pub struct Reading {
    source: Box<dyn Source>,
}

/// Where it is read from.
pub(crate) trait Source {
    /// What errors call it.
    fn name(&self) -> &Path;
    /// Whose journal, and where it ends; where several write, over the commits of all.
    fn ends(&self) -> (Meta, Head);
    /// Whether several write.
    fn several(&self) -> bool;
    /// Everybody by id, suspended people too.
    fn people(&self, each: &mut dyn FnMut(Everything) -> Result<()>) -> Result<()>;
    /// Every API key.
    fn keys(&self, each: &mut dyn FnMut(KeyText) -> Result<()>) -> Result<()>;
    /// Every commit in order, as it lies, every hash made again.
    fn lying(&self, progress: Progress, each: &mut dyn FnMut(&[Lying]) -> Result<()>) -> Result<()>;
    /// Attempts that a filter takes, the latest first.
    fn attempts(&self, filter: &AttemptFilter) -> Result<Vec<Attempt>>;
    /// All records of these resources up to these versions, each in order.
    fn records(&self, upto: &[(ResourceId, Version)]) -> Result<BTreeMap<ResourceId, Vec<Record>>>;
}

/// A data directory.
pub(crate) struct Folder {
    journal: (Connection, PathBuf),
    people: (Connection, PathBuf),
    meta: Meta,
    head: Head,
}

/// Somebody, and all that is known of them.
pub struct Everything {
    /// Who.
    pub listed: Listed,
    /// Whether they are nobody for now.
    pub suspended: bool,
    /// What is known of them, and its version.
    pub facts: Option<(Facts, u64)>,
    /// The sections they mean to take, and its version; nothing and 0 if they never kept any.
    pub plan: (Plan, u64),
    /// How they sign in.
    pub account: Option<Account>,
    /// What they manage.
    pub manages: BTreeSet<ResourceId>,
}

/// The format of people's file since which it is known where to write to them.
const ADDRESSES_SINCE: u32 = 2;
/// The format since which there are facts.
const FACTS_SINCE: u32 = 3;
/// The format since which plans are kept.
const PLANS_SINCE: u32 = 4;
/// The format of the people's file that has accounts and scopes.
const DOORS_SINCE: u32 = 6;

/// What an export holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Somebody each.
    pub people: u64,
    /// Hashes of API keys.
    pub keys: u64,
    /// Durable writes.
    pub commits: u64,
    /// Decided attempts.
    pub attempts: u64,
}

impl Reading {
    /// Opens a data directory for reading. A server may be running on it.
    pub fn open(data: &Path) -> Result<Reading> {
        Ok(Reading::of(Folder::open(data)?))
    }

    pub(crate) fn of(source: impl Source + 'static) -> Reading {
        Reading { source: Box::new(source) }
    }

    /// The epoch the store is in.
    pub fn epoch(&self) -> Epoch {
        self.source.ends().0.epoch
    }

    /// Everybody by id, and whether they are suspended.
    pub fn people(&self, mut each: impl FnMut(Everything) -> Result<()>) -> Result<()> {
        self.source.people(&mut each)
    }

    /// Every commit in order, its bookings not folded, with its place and what people said in it. Refuses bytes that would not be
    /// written the same again.
    fn commits(
        &self,
        progress: Progress,
        mut each: impl FnMut(Option<Place>, Commit, Said) -> Result<()>,
    ) -> Result<()> {
        let path = self.source.name();
        self.source.lying(progress, &mut |lying| {
            for lies in lying {
                let damaged = |e: Malformed| BackupError::damaged(path, format!("commit {}: {e}", lies.number));
                let (commit, _) = codec::decode_commit(lies.number, lies.hash, &lies.body).map_err(damaged)?;
                if encoded(&commit).map_err(damaged)? != lies.body {
                    let says = "this program would write it otherwise, so an import of it could not be checked";
                    return Err(damaged(Malformed(says.into())));
                }
                let said = lies.said.as_deref().map(codec::decode_said).transpose().map_err(damaged)?;
                each(lies.place, commit, said.unwrap_or_default())?;
            }
            Ok(())
        })
    }

    /// Every commit in order, with its bookings as they are after each attempt; and all bookings, as they are in the end.
    pub fn folded(&self, progress: Progress, mut each: impl FnMut(&Commit) -> Result<()>) -> Result<Bookings> {
        let (mut tables, mark) = follow::nameless(&self.source.ends().0).map_err(OpenError::from)?;
        // Bookings are found by their ids and sorted once, in the end: an index costs more than the rows it is of.
        follow::without_indexes(&tables).map_err(OpenError::from)?;
        // One transaction: nothing of it is wanted if it is not all there.
        let tx = tables.transaction().map_err(OpenError::sql("beginning a temporary file"))?;
        // Attempts are told as they come, and by no table: all of them are too old for it.
        let mut rows = Rows::begin(&tx, mark, Instant::MAX);
        let (mut kept, mut position) = (0, 0);
        self.commits(progress, |_, mut commit, said| {
            let before = |id| match rows.made(id) {
                Some(booking) => Ok::<_, Error>(Some(booking.clone())),
                None => Ok(load::booking(&tx, id)?.map(Arc::new)),
            };
            let folded = commit.fold_bookings(&said, before);
            let number = commit.number;
            folded.map_err(|e| BackupError::damaged(self.source.name(), format!("commit {number}: {e}")))?;
            // The tables made here count the commits of all writers.
            position += 1;
            commit.number = position;
            rows.commit(&commit).map_err(OpenError::from)?;
            kept += commit.entries.iter().map(|entry| entry.bookings.len()).sum::<usize>();
            if kept >= KEPT {
                let next = rows.next();
                std::mem::replace(&mut rows, next).finish().map_err(OpenError::from)?;
                kept = 0;
            }
            each(&commit)
        })?;
        rows.finish().map_err(OpenError::from)?;
        tx.commit().map_err(OpenError::sql("ending a temporary file"))?;
        Ok(Bookings { tables })
    }

    /// The attempts with a key: one, unless several people have used the same.
    pub fn attempts(&self, key: Uuid, actor: Option<Uuid>) -> Result<Vec<Attempt>> {
        let made_at = key_time(AttemptKey { part: PartId::DEFAULT, actor: Uuid::nil(), key });
        // Whatever a key is dated, it is carried out from a day before that to as long after as keys are taken.
        let filter = AttemptFilter {
            key: Some(key),
            actor,
            from: Some(made_at.minus(KEY_AHEAD)),
            to: Some(made_at.plus(KEY_KEPT)),
            max: 100,
            look_max: usize::MAX,
            ..AttemptFilter::default()
        };
        self.source.attempts(&filter)
    }

    /// All records of these resources up to these versions, each in order.
    pub fn records(&self, upto: &[(ResourceId, Version)]) -> Result<BTreeMap<ResourceId, Vec<Record>>> {
        self.source.records(upto)
    }

    /// Writes all of it as lines of JSON, begun at `now`. `out` should have a buffer; `name` is what errors call it.
    pub fn export(&self, out: &mut dyn Write, name: &Path, now: Instant, progress: Progress) -> Result<Exported> {
        let (meta, head) = self.source.ends();
        let header = HeaderText {
            slotwise_export: if self.source.several() { FORMAT_OF_SEVERAL } else { FORMAT },
            made_at: When(Instant::from(timestamp(now))),
            made_by: format!("slotwise {}", env!("CARGO_PKG_VERSION")),
            writer: meta.writer,
            epoch: meta.epoch.0,
            epoch_began: meta.epoch_began.map(When),
            number: head.number,
            hash: Hex(head.hash),
        };
        let mut lines = Lines { out, name };
        let mut exported = Exported::default();
        lines.line(&header)?;
        self.people(|everything| {
            exported.people += 1;
            lines.line(&Line::Person(Box::new(PersonText::of(everything))))
        })?;
        self.source.keys(&mut |key| {
            exported.keys += 1;
            lines.line(&Line::Key(key))
        })?;
        self.commits(progress, |place, commit, said| {
            exported.commits += 1;
            exported.attempts += commit.entries.len() as u64;
            lines.line(&Line::Commit(CommitText::of(place, &commit, &said)))
        })?;
        let Exported { people, keys, commits, attempts } = exported;
        lines.line(&Line::End(EndText { people, keys, commits, attempts, hash: Hex(head.hash) }))?;
        lines.out.flush().map_err(BackupError::io("writing", name))?;
        Ok(exported)
    }
}

impl Folder {
    pub fn open(data: &Path) -> Result<Folder> {
        if data.join(RESTORING).exists() {
            return Err(OpenError::Restoring(data.into()).into());
        }
        let (journal, people) = (data.join(FILE), data.join(people::FILE));
        for file in [&journal, &people] {
            if !file.is_file() {
                return Err(BackupError::NoStore(data.into()));
            }
            look_at_log(file)?;
        }
        let open = |path: &Path| connect(path, Use::Read, CACHE_BYTES).map_err(BackupError::sql("opening", path));
        let db = open(&journal)?;
        STATE.check(&db, &journal)?;
        let (meta, head) = ends(&db, &journal)?;
        // People after the journal's end is known: whoever is in it was among them before.
        let people_db = open(&people)?;
        PEOPLE.check(&people_db, &people)?;
        Ok(Folder { journal: (db, journal), people: (people_db, people), meta, head })
    }

    /// The file with people in it.
    pub const fn people_file(&self) -> &Connection {
        &self.people.0
    }
}

impl Source for Folder {
    fn name(&self) -> &Path {
        &self.journal.1
    }

    fn ends(&self) -> (Meta, Head) {
        (self.meta, self.head)
    }

    fn several(&self) -> bool {
        false
    }

    fn people(&self, each: &mut dyn FnMut(Everything) -> Result<()>) -> Result<()> {
        let (db, path) = &self.people;
        let reading = || BackupError::sql("reading", path);
        let format = db.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0)).map_err(reading())?;
        // Some are not there in a folder that no later program has opened.
        let has_facts = format >= FACTS_SINCE;
        let external_id = if has_facts { "external_id" } else { "NULL" };
        let email = if format >= ADDRESSES_SINCE { people::EMAIL } else { "NULL" };
        let everybody = format!(
            "SELECT id, name, title, role, suspended, {external_id}, {email} FROM person WHERE part_id = ?1 ORDER BY id"
        );
        let mut select = db.prepare(&everybody).map_err(reading())?;
        let mut rows = select.query([PART]).map_err(reading())?;
        while let Some(row) = rows.next().map_err(reading())? {
            let read = || -> rusqlite::Result<(Listed, String, bool)> {
                let (id, name, title) = (PersonId(row.get(0)?), row.get(1)?, row.get(2)?);
                let card = PersonCard { id, name, title, role: Role::Member };
                Ok((Listed { card, external_id: row.get(5)?, email: row.get(6)? }, row.get(3)?, row.get(4)?))
            };
            let damaged = |e: String| BackupError::damaged(path, e);
            let (mut listed, role, suspended) = read().map_err(reading())?;
            listed.card.role = codec::role_named(&role).map_err(|e| damaged(e.to_string()))?;
            let facts = match has_facts {
                true => people::facts(db, listed.card.id).map_err(|e| damaged(e.to_string()))?,
                false => None,
            };
            let plan = match format >= PLANS_SINCE {
                true => people::plan(db, listed.card.id).map_err(|e| damaged(e.to_string()))?,
                false => Default::default(),
            };
            let (account, manages) = match format >= DOORS_SINCE {
                true => doors::of_person(db, listed.card.id).map_err(|e| damaged(e.to_string()))?,
                false => (None, BTreeSet::new()),
            };
            each(Everything { listed, suspended, facts, plan, account, manages })?;
        }
        Ok(())
    }

    fn keys(&self, each: &mut dyn FnMut(KeyText) -> Result<()>) -> Result<()> {
        const OLD: &str =
            "SELECT secret_sha256, person, label, 15, NULL FROM api_key WHERE part_id = ?1 ORDER BY secret_sha256";
        const KEYS: &str = "SELECT sha256, person, label, scopes, until FROM secret WHERE part_id = ?1 AND kind = 'key' ORDER BY sha256";
        let (db, path) = &self.people;
        let reading = || BackupError::sql("reading", path);
        let format = db.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0)).map_err(reading())?;
        let mut select = db.prepare(if format >= DOORS_SINCE { KEYS } else { OLD }).map_err(reading())?;
        let mut rows = select.query([PART]).map_err(reading())?;
        while let Some(row) = rows.next().map_err(reading())? {
            let read = || -> rusqlite::Result<(_, Uuid, String, u8, _)> {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            };
            let (secret_sha256, person, label, scopes, until) = read().map_err(reading())?;
            let scopes = Some(scopes).filter(|scopes| *scopes != Scopes::ALL.0);
            each(KeyText { secret_sha256: Hex(secret_sha256), person, label, scopes, until })?;
        }
        Ok(())
    }

    fn lying(&self, progress: Progress, each: &mut dyn FnMut(&[Lying]) -> Result<()>) -> Result<()> {
        let (db, path) = &self.journal;
        chained(db, path, &self.meta, &self.head, progress, each)
    }

    fn attempts(&self, filter: &AttemptFilter) -> Result<Vec<Attempt>> {
        let (db, path) = &self.journal;
        let found = audit::attempts(db, filter).map_err(|e| BackupError::damaged(path, e.to_string()))?;
        Ok(found.attempts)
    }

    fn records(&self, upto: &[(ResourceId, Version)]) -> Result<BTreeMap<ResourceId, Vec<Record>>> {
        let (db, path) = &self.journal;
        let damaged = |e: Error| BackupError::damaged(path, e.to_string());
        let mut records: BTreeMap<ResourceId, Vec<Record>> = BTreeMap::new();
        let mut number = 0;
        while number < self.head.number {
            for (commit, _) in journal::commits_after(db, number, PAGE).map_err(damaged)? {
                number = commit.number;
                for (entry, record) in commit.records() {
                    if upto.iter().any(|(id, version)| *id == record.resource && record.version <= *version) {
                        records.entry(record.resource).or_default().push(entry.record(record));
                    }
                }
            }
        }
        Ok(records)
    }
}

/// All bookings, in a temporary file that goes when this goes.
pub struct Bookings {
    tables: Connection,
}

impl Bookings {
    /// One after the other, by start and id. Returns how many there are.
    pub fn each(&self, mut each: impl FnMut(&Booking) -> Result<()>) -> Result<u64> {
        let reading = || OpenError::sql("reading a temporary file");
        let select = bookings_where!("WHERE b.part_id = ?1 ORDER BY b.start_at, b.id");
        let mut select = self.tables.prepare(select).map_err(reading())?;
        let mut rows = select.query([PART]).map_err(reading())?;
        let mut count = 0;
        while let Some(row) = rows.next().map_err(reading())? {
            each(&load::booking_of(&self.tables, row).map_err(OpenError::from)?)?;
            count += 1;
        }
        Ok(count)
    }
}

/// A commit's bytes, made from its values.
pub(crate) fn encoded(commit: &Commit) -> std::result::Result<Vec<u8>, Malformed> {
    let changes = commit.records().map(|(_, r)| codec::encode_changes(r.resource, &r.changes));
    codec::encode_commit(commit, &changes.collect::<std::result::Result<Vec<_>, _>>()?)
}

struct Lines<'a> {
    out: &'a mut dyn Write,
    name: &'a Path,
}

impl Lines<'_> {
    fn line(&mut self, value: &impl serde::Serialize) -> Result<()> {
        let written = serde_json::to_writer(&mut *self.out, value).map_err(io::Error::from);
        let written = written.and_then(|()| self.out.write_all(b"\n"));
        written.map_err(BackupError::io("writing", self.name))
    }
}
