//! A data directory made of an export's lines: the same people, and the same commits with the same hashes, or none of it.
//! What the lines say is written as bytes again, and must hash to the same chain; at the end everything is folded and verified.
//!
//! Commits that several writers made hash to the chains of these; then they become one chain in the order of their places, of a store
//! with a name of its own. What resources, attempts and people say, and the chains of resources, stay as they were.

use super::backup::{BackupError, Progress, Result, add, new_journal, sync_file};
use super::connect::{Use, connect};
use super::error::OpenError;
use super::export::{Exported, encoded};
use super::journal::{Head, Meta};
use super::load::PART;
use super::migrate::PEOPLE;
use super::open::RESTORING;
use super::people::{put_email, put_facts, put_plan};
use super::restore::{self, Unfinished};
use super::verify::verify;
use super::{FILE, doors, people};
use crate::codec;
use crate::commit::{Commit, Lying, Place};
use crate::record::{self, Hash};
use crate::text::{
    AccountText, EndText, FORMAT_OF_SEVERAL, FactsText, HeaderText, Hex, KeyText, Line, PersonText, PlanText,
};
use rusqlite::{Connection, params};
use serde::Deserialize;
use slotwise_domain::{Epoch, Instant, PersonId, ResourceId};
use slotwise_engine::{Scopes, Secret};
use std::collections::HashMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{BufRead, Read};
use std::ops::ControlFlow;
use std::path::Path;
use uuid::Uuid;

/// A line is shorter: one is a commit, and a commit is bounded by what is decided in one.
const LINE_BYTES_MAX: u64 = 256 << 20;
/// Commits of so many bytes are written at once.
const CHUNK_BYTES: usize = 8 << 20;
const CACHE_BYTES: usize = 4 << 20;

/// What is asked of a first line before the rest of it.
#[derive(Deserialize)]
struct Form {
    slotwise_export: u32,
}

/// Makes a data directory of what [`super::Reading::export`] wrote. `name` is what errors call `lines`. Of what is refused nothing is left.
pub fn import(lines: &mut dyn BufRead, name: &Path, data: &Path, progress: Progress) -> Result<Exported> {
    let mut lines = Lines::of(lines, name);
    let header = lines.header()?;
    let unfinished = restore::begin(data)?;
    match fill(&mut lines, &header, data, progress) {
        Ok(exported) => {
            unfinished.finish()?;
            Ok(exported)
        }
        Err(e) => {
            unfinished.give_up()?;
            Err(e)
        }
    }
}

fn fill(lines: &mut Lines, header: &HeaderText, data: &Path, progress: Progress) -> Result<Exported> {
    Unfinished::clear(data)?;
    let mut filling = Filling::begin(header, data)?;
    let end = loop {
        match lines.next()? {
            Line::Person(person) => filling.person(*person).map_err(|says| lines.wrong(says))?,
            Line::Key(key) => filling.key(key).map_err(|says| lines.wrong(says))?,
            Line::Commit(text) => {
                let place = text.place();
                let (commit, said) = text.commit().map_err(|e| lines.wrong(e))?;
                filling.exported.attempts += commit.entries.len() as u64;
                let lying = filling.commit(place, commit, &said).map_err(|says| lines.wrong(says))?;
                let number = lying.number;
                filling.add(lying, data)?;
                if number.is_multiple_of(256) && progress(number, header.number).is_break() {
                    return Err(BackupError::Stopped);
                }
            }
            Line::End(end) => break end,
        }
    };
    let Exported { people, keys, commits, attempts } = filling.exported;
    let hash = filling.several.as_ref().map_or(filling.head.hash, |several| several.sum);
    let found = EndText { people, keys, commits, attempts, hash: Hex(hash) };
    lines.end(header, &end, &found)?;
    let exported = filling.finish(data)?;
    if progress(header.number, header.number) == ControlFlow::Break(()) {
        return Err(BackupError::Stopped);
    }
    verify(data).map_err(|e| BackupError::damaged(lines.name, e.to_string()))?;
    Ok(exported)
}

/// A directory while it is filled.
struct Filling {
    journal: Connection,
    file: File,
    people: Connection,
    waiting: Vec<Lying>,
    waiting_bytes: usize,
    head: Head,
    /// Where several wrote what is brought in.
    several: Option<Several>,
    exported: Exported,
}

/// Chains of several writers, while they become one.
struct Several {
    /// Where each ends.
    chains: HashMap<Uuid, (u64, Hash)>,
    /// Over the hashes of all commits, in the order of their places.
    sum: Hash,
    last: Option<(i64, Uuid)>,
    /// The commit here of each resource's last record.
    previous: HashMap<ResourceId, u64>,
}

impl Several {
    fn of(name: Uuid) -> Several {
        let (chains, previous) = Default::default();
        Several { chains, sum: record::commits_genesis(name), last: None, previous }
    }

    /// Goes on with the chain of the commit's writer, if it is what was written.
    fn follow(&mut self, place: Place, commit: &Commit, body: &[u8]) -> std::result::Result<(), String> {
        let Place { writer, stamp, id } = place;
        let (number, hash) = self.chains.get(&writer).copied().unwrap_or((0, record::commits_genesis(writer)));
        follows(number, &hash, commit, body).map_err(|says| format!("{says} of writer {writer}"))?;
        if self.last.is_some_and(|last| last >= (stamp, id)) {
            return Err(format!("place: commit {} of writer {writer} is not after the line before it", commit.number));
        }
        self.last = Some((stamp, id));
        self.chains.insert(writer, (commit.number, commit.hash));
        self.sum = record::chain_all(&self.sum, &commit.hash);
        Ok(())
    }

    /// The commit as the only writer would have made it, but for its hash.
    fn join(&mut self, commit: &mut Commit, number: u64) {
        commit.number = number;
        for record in commit.entries.iter_mut().flat_map(|entry| &mut entry.records) {
            record.previous = self.previous.insert(record.resource, number).unwrap_or(0);
        }
    }
}

/// Whether a commit is the next of a chain, and hashes to what it says.
fn follows(last: u64, before: &Hash, commit: &Commit, body: &[u8]) -> std::result::Result<(), String> {
    let (number, said) = (commit.number, Hex(commit.hash));
    if number != last + 1 {
        return Err(format!("commit {number} follows commit {last}"));
    }
    match record::chain_commit(before, number, body) {
        found if found == commit.hash => Ok(()),
        found => Err(format!("commit {number} is not what was written: it hashes to {}, and says {said}", Hex(found))),
    }
}

impl Filling {
    fn begin(header: &HeaderText, data: &Path) -> Result<Filling> {
        let (path, people_path) = (data.join(FILE), data.join(people::FILE));
        let several = (header.slotwise_export == FORMAT_OF_SEVERAL).then(|| Several::of(header.writer));
        // Its chain is another one, so no checkpoint of theirs speaks for it.
        let writer = if several.is_some() { Uuid::now_v7() } else { header.writer };
        let meta = Meta { writer, epoch: Epoch(header.epoch), epoch_began: header.epoch_began.map(|began| began.0) };
        let journal = new_journal(&path, &meta)?;
        let file = File::open(&path).map_err(BackupError::io("opening", &path))?;
        let writing = || BackupError::sql("writing", &people_path);
        let mut people = connect(&people_path, Use::Write, CACHE_BYTES).map_err(writing())?;
        PEOPLE.migrate(&mut people, &people_path)?;
        people.execute_batch("BEGIN").map_err(writing())?;
        let head = Head { number: 0, hash: record::commits_genesis(writer) };
        let (waiting, exported) = (Vec::new(), Exported::default());
        Ok(Filling { journal, file, people, waiting, waiting_bytes: 0, head, several, exported })
    }

    fn person(&mut self, person: PersonText) -> std::result::Result<(), String> {
        const PUT: &str = "INSERT INTO person (part_id, id, name, title, role, suspended, external_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let role = codec::role_name(codec::role_named(&person.role).map_err(|e| format!("role: {e}"))?);
        let PersonText { id, name, title, suspended, external_id, email, facts, plan, account, manages, .. } = person;
        let put = self.people.prepare_cached(PUT).and_then(|mut put| {
            put.execute(params![PART, id, name, title, role, suspended, external_id])?;
            email.map_or(Ok(()), |email| put_email(&self.people, PersonId(id), &email))
        });
        put.map_err(|e| format!("person {id}: {e}"))?;
        let of_theirs = doors::put_of_person(&self.people, PersonId(id), account.map(AccountText::patch), &manages);
        of_theirs.map_err(|e| format!("person {id}: {e}"))?;
        if let Some((facts, version)) = facts.map(FactsText::facts) {
            facts.check().map_err(|(field, says)| format!("person {id}: facts: {field} {says}"))?;
            put_facts(&self.people, PersonId(id), &facts, version).map_err(|e| format!("person {id}: {e}"))?;
        }
        if let Some((plan, version)) = plan.map(PlanText::plan) {
            put_plan(&self.people, PersonId(id), &plan, version).map_err(|e| format!("person {id}: {e}"))?;
        }
        self.exported.people += 1;
        Ok(())
    }

    fn key(&mut self, key: KeyText) -> std::result::Result<(), String> {
        let KeyText { secret_sha256, person, label, scopes, until } = key;
        let all = Secret::key(secret_sha256.0, PersonId(person), label);
        let key = Secret { scopes: scopes.map_or(Scopes::ALL, Scopes), until: until.map(Instant), ..all };
        doors::put_secret(&self.people, &key).map_err(|e| format!("a key of {person}: {e}"))?;
        self.exported.keys += 1;
        Ok(())
    }

    /// The commit's bytes, if they are those that were written.
    fn commit(
        &mut self,
        place: Option<Place>,
        mut commit: Commit,
        said: &codec::Said,
    ) -> std::result::Result<Lying, String> {
        let bytes = |commit: &Commit| encoded(commit).map_err(|e| format!("commit {}: {e}", commit.number));
        let mut body = bytes(&commit)?;
        match (&mut self.several, place) {
            (None, None) => follows(self.head.number, &self.head.hash, &commit, &body)?,
            (Some(several), Some(place)) => {
                several.follow(place, &commit, &body)?;
                several.join(&mut commit, self.head.number + 1);
                body = bytes(&commit)?;
                commit.hash = record::chain_commit(&self.head.hash, commit.number, &body);
            }
            (None, Some(_)) | (Some(_), None) => {
                return Err("place: is there in an export of a database, and in no other".into());
            }
        }
        let (number, hash) = (commit.number, commit.hash);
        let said = match said.is_empty() {
            true => None,
            false => Some(codec::encode_said(said).map_err(|e| format!("commit {number}: {e}"))?),
        };
        self.head = Head { number, hash };
        self.exported.commits += 1;
        Ok(Lying { place: None, number, hash, body, said })
    }

    fn add(&mut self, lying: Lying, data: &Path) -> Result<()> {
        self.waiting_bytes += lying.body.len() + lying.said.as_ref().map_or(0, Vec::len);
        self.waiting.push(lying);
        if self.waiting_bytes < CHUNK_BYTES { Ok(()) } else { self.flush(data) }
    }

    fn flush(&mut self, data: &Path) -> Result<()> {
        add(&self.journal, &self.file, &data.join(FILE), &self.waiting)?;
        self.waiting.clear();
        self.waiting_bytes = 0;
        Ok(())
    }

    fn finish(mut self, data: &Path) -> Result<Exported> {
        self.flush(data)?;
        let (journal, people) = (data.join(FILE), data.join(people::FILE));
        self.people.execute_batch("COMMIT").map_err(BackupError::sql("writing", &people))?;
        self.people.close().map_err(|(_, e)| BackupError::sql("writing", &people)(e))?;
        self.journal.close().map_err(|(_, e)| BackupError::sql("writing", &journal)(e))?;
        sync_file(&people)?;
        sync_file(&journal)?;
        debug_assert!(data.join(RESTORING).exists(), "it is marked until everything is on the disk");
        Ok(self.exported)
    }
}

/// Lines, counted from 1.
pub(crate) struct Lines<'a> {
    lines: &'a mut dyn BufRead,
    pub name: &'a Path,
    number: u64,
    text: Vec<u8>,
}

impl<'a> Lines<'a> {
    pub fn of(lines: &'a mut dyn BufRead, name: &'a Path) -> Lines<'a> {
        Lines { lines, name, number: 0, text: Vec::new() }
    }

    pub fn wrong(&self, says: impl Display) -> BackupError {
        BackupError::damaged(self.name, format!("line {}: {says}", self.number))
    }

    /// Reads a line; false after the last one.
    fn read(&mut self) -> Result<bool> {
        self.text.clear();
        self.number += 1;
        let mut bounded = (&mut *self.lines).take(LINE_BYTES_MAX);
        let read = bounded.read_until(b'\n', &mut self.text).map_err(BackupError::io("reading", self.name))?;
        match self.text.pop_if(|last| *last == b'\n') {
            Some(_) => Ok(true),
            None if read == 0 => Ok(false),
            None if read as u64 == LINE_BYTES_MAX => Err(self.wrong(format_args!("it is over {LINE_BYTES_MAX} bytes"))),
            None => Err(self.wrong("the file is cut off in the middle of it")),
        }
    }

    /// The first line, if it is of a form that is known.
    pub fn header(&mut self) -> Result<HeaderText> {
        if !self.read()? {
            return Err(self.wrong("the file is empty"));
        }
        let form: Form = serde_json::from_slice(&self.text)
            .map_err(|e| self.wrong(format_args!("it is not the first line of an export: {e}")))?;
        if form.slotwise_export > FORMAT_OF_SEVERAL {
            let (path, found, known) = (self.name.into(), form.slotwise_export, FORMAT_OF_SEVERAL);
            return Err(OpenError::Newer { path, found, known }.into());
        }
        if form.slotwise_export == 0 {
            return Err(self.wrong("slotwise_export: there is no format 0"));
        }
        serde_json::from_slice(&self.text).map_err(|e| self.wrong(e))
    }

    pub fn next(&mut self) -> Result<Line> {
        if !self.read()? {
            return Err(self.wrong("the file is cut off: an export ends with a line `end`, and there is none"));
        }
        serde_json::from_slice(&self.text).map_err(|e| self.wrong(e))
    }

    /// Whether what was read is what the first and the last line say, and nothing follows.
    pub fn end(&mut self, header: &HeaderText, end: &EndText, found: &EndText) -> Result<()> {
        if end != found || (header.number, &header.hash) != (found.commits, &found.hash) {
            let EndText { people, keys, commits, attempts, hash } = found;
            return Err(self.wrong(format_args!(
                "there were {people} people, {keys} keys, {commits} commits with {attempts} attempts, and the last hash is {hash}; \
                 the first and the last line say otherwise"
            )));
        }
        self.nothing_more()
    }

    fn nothing_more(&mut self) -> Result<()> {
        match self.read()? {
            true => Err(self.wrong("something follows the last line")),
            false => Ok(()),
        }
    }
}
