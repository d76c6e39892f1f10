//! A part of a database filled from elsewhere: from a data directory, or from the lines of an export. Commits keep their bytes, so
//! their hashes; what follows from them is made by the fold that verifies them on the way. It never fills what is in use.
//!
//! Commits are put in page by page, each page in a transaction of its own, and everything else in one at the end. Whoever was cut
//! short begins again and goes on after the commits that are there. Until all of it is there and was verified, no server opens it.

use super::error::{Error, Result};
use super::load::{hash_of, signed, unsigned};
use super::made::{self, Cell};
use super::pool::{Args, Endpoint, arg, args, connect, plain, rows};
use super::still;
use super::verify::{examine, put_records, rows_of};
use super::{doors, migrate, people, sql};
use crate::codec;
use crate::commit::{Lying, Place};
use crate::embedded::backup::BackupError;
use crate::embedded::export::{Folder, Source, encoded};
use crate::embedded::folded::Folded;
use crate::embedded::import::Lines;
use crate::embedded::journal::Meta;
use crate::embedded::verify::{Findings, Fold, PAGE};
use crate::embedded::{self, Exported, Progress, Verified, Wanted, open};
use crate::record::Hash;
use crate::text::{AccountText, EndText, FORMAT_OF_SEVERAL, FactsText, Hex, Line, PersonText, PlanText};
use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};
use slotwise_domain::{Epoch, PersonId};
use slotwise_engine::{Listed, PersonCard, Scopes};
use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;
use tokio::runtime::Runtime;
use tokio_postgres::Client;
use uuid::Uuid;

/// Bytes of commits put in at once.
const CHUNK_BYTES: usize = 8 << 20;
/// Rows put in at once.
const ROWS: usize = 2_000;

type Read<T> = std::result::Result<T, BackupError>;

/// What was brought in, and what verifying it has found: nothing.
#[derive(Clone, Debug)]
pub struct Brought {
    /// What there was.
    pub exported: Exported,
    /// What there is.
    pub verified: Verified,
    /// Commits that were there already, from before it was cut short.
    pub found: u64,
}

/// Brings all that a data directory holds into an empty part of a database: commits, people, keys, what people have read, letters
/// still to be sent. No server may be running on the directory. `progress` is told commits done, of so many.
pub fn migrate_folder(data: &Path, url: &str, part: i64, progress: Progress) -> Read<Brought> {
    let _lock = open::lock(data)?;
    // Brings people's file to this program's format; a journal has had one only.
    drop(embedded::People::open(data)?);
    let folder = Folder::open(data)?;
    let (meta, _) = folder.ends();
    let mut filling = Filling::begin(url, part, meta, None)?;
    let mut exported = Exported::default();
    folder.lying(progress, &mut |page| {
        for lying in page {
            exported.attempts += filling.commit(lying.clone())?;
            exported.commits += 1;
        }
        Ok(())
    })?;
    let found = filling.found;
    filling.end(|filling| {
        let tables = PeopleTables::of(folder.people_file())?;
        tables.copy(filling)
    })?;
    folder.people(&mut |_| {
        exported.people += 1;
        Ok(())
    })?;
    folder.keys(&mut |_| {
        exported.keys += 1;
        Ok(())
    })?;
    Ok(Brought { exported, verified: verified(url, part)?, found })
}

/// Brings into an empty part of a database what `slotwise export` wrote, of a folder or of a database. `name` is what errors call it.
pub fn import(lines: &mut dyn BufRead, name: &Path, url: &str, part: i64, progress: Progress) -> Read<Brought> {
    let mut lines = Lines::of(lines, name);
    let header = lines.header()?;
    let several = header.slotwise_export == FORMAT_OF_SEVERAL;
    let meta = Meta {
        writer: header.writer,
        epoch: Epoch(header.epoch),
        epoch_began: header.epoch_began.map(|began| began.0),
    };
    let mut filling = Filling::begin(url, part, meta, several.then_some(header.writer))?;
    let mut exported = Exported::default();
    let mut last: Hash = [0; 32];
    let end = loop {
        match lines.next()? {
            Line::Person(person) => {
                filling.person(*person).map_err(|e| lines.wrong(e))?;
                exported.people += 1;
            }
            Line::Key(key) => {
                let scopes = i64::from(key.scopes.unwrap_or(Scopes::ALL.0));
                let values = args![part, key.secret_sha256.0.to_vec(), key.person, key.label, scopes, key.until];
                filling.put(sql::KEY_FILL, values).map_err(|e| lines.wrong(format!("a key of {}: {e}", key.person)))?;
                exported.keys += 1;
            }
            Line::Commit(text) => {
                let place = text.place();
                if place.is_some() != several {
                    return Err(lines.wrong("place: is there in an export of a database, and in no other"));
                }
                let (commit, said) = text.commit().map_err(|e| lines.wrong(e))?;
                let wrong = |e: codec::Malformed| lines.wrong(format!("commit {}: {e}", commit.number));
                let body = encoded(&commit).map_err(wrong)?;
                let said = if said.is_empty() { None } else { Some(codec::encode_said(&said).map_err(wrong)?) };
                let (number, hash) = (commit.number, commit.hash);
                last = hash;
                exported.commits += 1;
                let lying = Lying { place, number, hash, body, said };
                exported.attempts += filling.commit(lying).map_err(|e| lines.wrong(e))?;
                if exported.commits.is_multiple_of(256) && progress(exported.commits, header.number).is_break() {
                    return Err(BackupError::Stopped);
                }
            }
            Line::End(end) => break end,
        }
    };
    let Exported { people, keys, commits, attempts } = exported;
    let hash = if several { filling.fold.hash } else { last };
    lines.end(&header, &end, &EndText { people, keys, commits, attempts, hash: Hex(hash) })?;
    let found = filling.found;
    filling.end(|_| Ok(()))?;
    Ok(Brought { exported, verified: verified(url, part)?, found })
}

/// Looks at all that is there now, as anybody would; and lets servers open it.
fn verified(url: &str, part: i64) -> Read<Verified> {
    let verified = examine(url, part, Wanted::default())?;
    if let Some(finding) = verified.findings.first() {
        return Err(BackupError::damaged(Path::new("the database"), finding.to_string()));
    }
    let runtime = still::runtime()?;
    runtime.block_on(async {
        let client = connect(&Endpoint::of(url)?.named(still::NAME)).await?;
        rows(&client, sql::FILLING_GONE, &args![part]).await
    })?;
    Ok(verified)
}

/// A part while it is filled.
struct Filling {
    runtime: Runtime,
    /// Holds the row that says that it is being filled; what is put in at the end is put in by it.
    lock: Client,
    client: Client,
    part: i64,
    /// Whose commits are brought in, where one wrote them.
    from: Uuid,
    fold: Fold,
    /// Commits that were there, and where they end.
    found: u64,
    ends: Option<(Uuid, Hash)>,
    /// All of it was there.
    whole: bool,
    stamp: i64,
    commits: Vec<Lying>,
    records: Vec<Vec<Cell>>,
    bytes: usize,
    attempts: usize,
}

impl Filling {
    /// Begins to fill an empty part, or goes on where somebody was cut short. `name` is what the store is called in checkpoints, if it
    /// has been called that already.
    fn begin(url: &str, part: i64, meta: Meta, name: Option<Uuid>) -> Result<Filling> {
        let runtime = still::runtime()?;
        let to = Endpoint::of(url)?.named(still::NAME);
        let (lock, client) = runtime.block_on(async {
            let (lock, client) = (connect(&to).await?, connect(&to).await?);
            migrate::migrate(&lock, &client).await?;
            Ok::<_, Error>((lock, client))
        })?;
        let (found, ends, whole, own) = runtime.block_on(async {
            let own = args![part];
            if rows(&client, sql::FILLING, &own).await?.is_empty() {
                let commits = rows(&client, sql::COMMITS_ANY, &own).await?;
                if !(commits.is_empty() && rows(&client, sql::PEOPLE_ANY, &own).await?.is_empty()) {
                    let says = "the database is not empty: what is brought in makes a new store and never writes over one";
                    return Err(Error::Unfit(says.into()));
                }
                if !rows(&client, sql::SERVERS, &args![]).await?.is_empty() {
                    return Err(Error::Unfit("a server has the database open; stop it first".into()));
                }
            }
            rows(&client, sql::META_ADD, &args![part]).await?;
            rows(&client, sql::FILLING_ADD, &args![part, meta.writer]).await?;
            plain(&lock, sql::BEGIN).await?;
            let held = rows(&lock, sql::FILLING_HELD, &args![part]).await?;
            let busy = || Error::Unfit("another process is bringing something into this database".into());
            let held = held.first().ok_or_else(busy)?;
            if held.try_get::<_, Uuid>(0)? != meta.writer {
                let says = "what was begun to be brought into this database is another store: drop the database and make a new one";
                return Err(Error::Unfit(says.into()));
            }
            match name {
                Some(name) => rows(&client, sql::ORIGIN_PUT, &args![part, name]).await?,
                None => rows(&client, sql::ORIGIN_ADD, &args![part, Uuid::now_v7()]).await?,
            };
            let own = still::meta(&client, part).await?;
            let count = rows(&client, sql::COMMITS_COUNTED, &args![part]).await?;
            let count: i64 = count.first().map_or(Ok(0), |row| row.try_get(0))?;
            let ends = match rows(&client, sql::COMMIT_LAST, &args![part]).await?.first() {
                Some(row) => Some((row.try_get(0)?, hash_of(&row.try_get::<_, Vec<u8>>(1)?)?)),
                None => None,
            };
            Ok((unsigned(count), ends, held.try_get(1)?, own))
        })?;
        let from = meta.writer;
        let meta = Meta { writer: own.writer, ..meta };
        Ok(Filling {
            runtime,
            lock,
            client,
            part,
            from,
            fold: Fold::of_several(meta, Findings::default(), None)?,
            found,
            ends,
            whole,
            stamp: i64::MIN,
            commits: Vec::new(),
            records: Vec::new(),
            bytes: 0,
            attempts: 0,
        })
    }

    fn put(&self, sql: &'static str, args: Args) -> Result<()> {
        self.runtime.block_on(rows(&self.client, sql, &args)).map(drop)
    }

    fn person(&self, person: PersonText) -> std::result::Result<(), String> {
        let PersonText { id, name, title, role, suspended, external_id, email, facts, plan, account, manages } = person;
        let of = |e: &dyn std::fmt::Display| format!("person {id}: {e}");
        let role = codec::role_named(&role).map_err(|e| of(&format!("role: {e}")))?;
        let facts = facts.map(FactsText::facts);
        if let Some((facts, _)) = &facts {
            facts.check().map_err(|(field, says)| of(&format!("facts: {field} {says}")))?;
        }
        let listed = Listed { card: PersonCard { id: PersonId(id), name, title, role }, external_id, email };
        let put = async {
            people::fill(&self.client, self.part, listed, suspended, facts, plan.map(PlanText::plan)).await?;
            doors::fill(&self.client, self.part, PersonId(id), account.map(AccountText::patch), manages).await
        };
        self.runtime.block_on(put).map_err(|e| of(&e))
    }

    /// The next commit: folded, and put in if it is not there. Returns how many attempts it has.
    fn commit(&mut self, mut lying: Lying) -> Read<u64> {
        let place = match lying.place {
            Some(place) => place,
            None => self.place_of(&lying)?,
        };
        lying.place = Some(place);
        self.stamp = place.stamp;
        let attempts = self.fold.lying(&lying).map_err(Error::from)?;
        if let Some(finding) = self.fold.findings.first() {
            let says = format!("{finding}. Look at all of it with `slotwise verify`");
            return Err(BackupError::damaged(Path::new("what is brought in"), says));
        }
        let number = self.fold.verified.commits;
        if number == self.found && self.ends != Some((place.id, lying.hash)) {
            let says = format!("commit {number} in the database is another one: drop the database and make a new one");
            return Err(BackupError::Database(says));
        }
        if self.whole && number > self.found {
            let says = format!("the database has all of it up to commit {}, and it has gone on since", self.found);
            return Err(BackupError::Database(says));
        }
        self.attempts += attempts;
        if number > self.found {
            let (commit, bodies) = codec::decode_commit(lying.number, lying.hash, &lying.body).map_err(Error::from)?;
            self.records.extend(rows_of(&commit, &lying, &bodies).map(|(_, row)| row));
            self.bytes += lying.body.len() + lying.said.as_ref().map_or(0, Vec::len);
            self.commits.push(lying);
        }
        if self.attempts >= PAGE || self.bytes >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(attempts as u64)
    }

    /// Where a commit of the only writer lies among those of several: by its own time, and always at the same place.
    fn place_of(&self, lying: &Lying) -> Result<Place> {
        let writer = self.from;
        let stamp = codec::commit_time(&lying.body)?.0.max(self.stamp.saturating_add(1));
        let sum = Sha256::new().chain_update(writer.as_bytes()).chain_update(lying.number.to_be_bytes()).finalize();
        let mut random = [0; 10];
        random.iter_mut().zip(sum).for_each(|(to, from)| *to = from);
        let millis = u64::try_from(stamp.div_euclid(1_000)).unwrap_or(0);
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        Ok(Place { writer, stamp, id })
    }

    /// Puts in what waits, in one transaction.
    fn flush(&mut self) -> Read<()> {
        self.fold.flush().map_err(Error::from)?;
        let (commits, records) = (std::mem::take(&mut self.commits), std::mem::take(&mut self.records));
        (self.bytes, self.attempts) = (0, 0);
        if commits.is_empty() {
            return Ok(());
        }
        let part = self.part;
        Ok(self.runtime.block_on(async {
            plain(&self.client, sql::BEGIN).await?;
            rows(&self.client, sql::FILL_COMMITS, &commits_as_args(part, commits)).await?;
            for some in records.chunks(ROWS) {
                rows(&self.client, sql::FILL_RECORDS, &put_records(part, some.to_vec())).await?;
            }
            plain(&self.client, sql::COMMIT).await
        })?)
    }

    /// Puts in all that follows from the commits, and what `more` puts in, in one transaction; if it is not there already.
    fn end(mut self, more: impl FnOnce(&Filling) -> Result<()>) -> Read<()> {
        self.flush()?;
        if self.fold.verified.commits < self.found {
            let (there, brought) = (self.found, self.fold.verified.commits);
            let says = format!("the database has {there} commits and what is brought in has {brought}");
            return Err(BackupError::Database(says));
        }
        if self.whole {
            return Ok(());
        }
        let part = self.part;
        let folded = Folded(&self.fold);
        for table in made::TABLES.into_iter().chain([&made::SNAPSHOT]) {
            let mut waiting = Vec::with_capacity(ROWS);
            made::rows_of(&folded, table, |row| {
                waiting.push(row);
                match waiting.len() < ROWS {
                    true => Ok(()),
                    false => self.put_at_the_end(table.put, table.put(part, std::mem::take(&mut waiting))),
                }
            })?;
            if !waiting.is_empty() {
                self.put_at_the_end(table.put, table.put(part, waiting))?;
            }
        }
        let Meta { epoch, epoch_began, .. } = self.fold.meta;
        let longest = *folded.longest().map_err(Error::from)?.end();
        let meta = args![part, i64::from(epoch.0), epoch_began.map(|at| at.0), longest];
        self.put_at_the_end(sql::META_FILL, meta)?;
        more(&self)?;
        self.put_at_the_end(sql::FILLING_WHOLE, args![part])?;
        Ok(self.runtime.block_on(plain(&self.lock, sql::COMMIT))?)
    }

    /// In the last transaction.
    fn put_at_the_end(&self, sql: &str, args: Args) -> Result<()> {
        self.runtime.block_on(rows(&self.lock, sql, &args)).map(drop)
    }
}

fn commits_as_args(part: i64, commits: Vec<Lying>) -> Args {
    let places = || commits.iter().filter_map(|lying| lying.place);
    let (ids, writers): (Vec<Uuid>, Vec<Uuid>) = places().map(|p| (p.id, p.writer)).unzip();
    let stamps: Vec<i64> = places().map(|p| p.stamp).collect();
    let numbers: Vec<i64> = commits.iter().map(|lying| signed(lying.number)).collect();
    let hashes: Vec<Vec<u8>> = commits.iter().map(|lying| lying.hash.to_vec()).collect();
    let (bodies, said): (Vec<Vec<u8>>, Vec<Option<Vec<u8>>>) = commits.into_iter().map(|l| (l.body, l.said)).unzip();
    args![part, ids, writers, numbers, stamps, hashes, bodies, said]
}

// People

/// All tables of people's file, as they are there: whatever is added to them later is brought along, or refused by its name.
struct PeopleTables<'f> {
    file: &'f rusqlite::Connection,
    /// In the order in which they were made: what refers to another comes after it.
    names: Vec<String>,
}

/// A column of both, and what it holds in the database.
struct Column {
    theirs: String,
    ours: String,
    kind: String,
}

/// Columns of people's file that a database needs not: it finds people by their words at once.
const DERIVED: [&str; 1] = ["found"];

impl<'f> PeopleTables<'f> {
    fn of(file: &'f rusqlite::Connection) -> Result<PeopleTables<'f>> {
        const TABLES: &str = "
            SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('migration') AND name NOT LIKE 'sqlite%'
            ORDER BY rowid";
        let mut select = file.prepare(TABLES).map_err(embedded::Error::from)?;
        let names =
            select.query_map([], |row| row.get(0)).and_then(Iterator::collect).map_err(embedded::Error::from)?;
        Ok(PeopleTables { file, names })
    }

    fn copy(&self, filling: &Filling) -> Result<()> {
        for name in self.names.iter().rev() {
            // Names are those of this program's own schema.
            let sql = format!("DELETE FROM {name} WHERE part_id = $1");
            filling.put_at_the_end(&sql, args![filling.part])?;
        }
        for name in &self.names {
            let columns = self.columns(filling, name)?;
            self.copy_table(filling, name, &columns)?;
        }
        // Of what letters were made already none is made again.
        let posted = filling.runtime.block_on(rows(&filling.lock, sql::POSTED_UNTIL, &args![filling.part]))?;
        if let Some(row) = posted.first() {
            let (stamp, place): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            filling.put_at_the_end(sql::NOTICES_POSTED, args![filling.part, stamp, place])?;
        }
        Ok(())
    }

    /// Which column goes where; one that has no place there is refused, so that nothing is left behind in silence.
    fn columns(&self, filling: &Filling, table: &str) -> Result<Vec<Column>> {
        let found = filling.runtime.block_on(rows(&filling.lock, sql::COLUMNS, &args![table.to_owned()]))?;
        let mut there = BTreeMap::new();
        for row in &found {
            there.insert(row.try_get::<_, String>(0)?, row.try_get::<_, String>(1)?);
        }
        let mut select =
            self.file.prepare("SELECT name FROM pragma_table_info(?1) ORDER BY cid").map_err(embedded::Error::from)?;
        let names: Vec<String> =
            select.query_map([table], |row| row.get(0)).and_then(Iterator::collect).map_err(embedded::Error::from)?;
        let mut columns = Vec::new();
        for theirs in names {
            if theirs == "part_id" || DERIVED.contains(&theirs.as_str()) {
                continue;
            }
            // A folder counts commits; a database stamps them.
            let ours = if theirs == "commit_number" { "stamp".to_owned() } else { theirs.clone() };
            let none = || Error::bug(format!("{table}.{theirs} of the folder has no place in a database"));
            let kind = there.get(&ours).ok_or_else(none)?.clone();
            columns.push(Column { theirs, ours, kind });
        }
        Ok(columns)
    }

    fn copy_table(&self, filling: &Filling, table: &str, columns: &[Column]) -> Result<()> {
        let list = |of: fn(&Column) -> &String| columns.iter().map(of).cloned().collect::<Vec<_>>().join(", ");
        let arrays: Vec<String> = columns.iter().zip(2..).map(|(c, n)| format!("${n}::{}[]", c.kind)).collect();
        let (ours, theirs) = (list(|c| &c.ours), list(|c| &c.theirs));
        let put = format!(
            "INSERT INTO {table} (part_id, {ours}) SELECT $1, {ours} FROM unnest({}) AS f ({ours})",
            arrays.join(", ")
        );
        let failed = |e: rusqlite::Error| Error::from(embedded::Error::from(e));
        let mut select = self.file.prepare(&format!("SELECT {theirs} FROM {table}")).map_err(failed)?;
        let mut found = select.query([]).map_err(failed)?;
        let mut waiting: Vec<Vec<Cell>> = Vec::with_capacity(ROWS);
        loop {
            let row = found.next().map_err(failed)?;
            if row.is_none() || waiting.len() == ROWS {
                if !waiting.is_empty() {
                    filling.put_at_the_end(&put, column_args(filling.part, columns, std::mem::take(&mut waiting)))?;
                }
                if row.is_none() {
                    return Ok(());
                }
            }
            let Some(row) = row else { return Ok(()) };
            let mut cells = Vec::with_capacity(columns.len());
            for (n, column) in columns.iter().enumerate() {
                let wrong = || Error::bug(format!("{table}.{} holds what no {} can be", column.theirs, column.kind));
                let cell = cell(row.get_ref(n).map_err(failed)?, &column.kind).ok_or_else(wrong)?;
                cells.push(match (column.theirs.as_str(), cell) {
                    ("commit_number", Cell::Number(number)) => Cell::Number(filling.stamp_of(unsigned(number))?),
                    (_, cell) => cell,
                });
            }
            waiting.push(cells);
        }
    }
}

impl Filling {
    /// The stamp of a commit of the only writer; before all, of none.
    fn stamp_of(&self, number: u64) -> Result<i64> {
        Ok(Folded(&self.fold).stamp(number).map_err(Error::from)?.unwrap_or(0))
    }
}

/// A cell of a folder as the database holds it.
fn cell(value: ValueRef, kind: &str) -> Option<Cell> {
    Some(match (value, kind) {
        (ValueRef::Null, _) => Cell::Nothing,
        (ValueRef::Integer(n), "bigint") => Cell::Number(n),
        (ValueRef::Integer(n), "boolean") => Cell::Flag(n != 0),
        (ValueRef::Text(text), "text") => Cell::Text(std::str::from_utf8(text).ok()?.to_owned()),
        (ValueRef::Blob(bytes), "uuid") => Cell::Id(Uuid::from_slice(bytes).ok()?),
        (ValueRef::Blob(bytes), "bytea") => Cell::Bytes(bytes.to_vec()),
        (_, _) => return None,
    })
}

fn column_args(part: i64, columns: &[Column], rows: Vec<Vec<Cell>>) -> Args {
    let mut cells: Vec<Vec<Cell>> = columns.iter().map(|_| Vec::with_capacity(rows.len())).collect();
    for row in rows {
        cells.iter_mut().zip(row).for_each(|(column, cell)| column.push(cell));
    }
    let mut args = args![part];
    for (Column { kind, .. }, cells) in columns.iter().zip(cells) {
        let cells = cells.into_iter();
        args.push(match kind.as_str() {
            "bigint" => arg(cells.map(|c| c.number()).collect::<Vec<Option<i64>>>()),
            "boolean" => arg(cells.map(|c| c.flag()).collect::<Vec<Option<bool>>>()),
            "uuid" => arg(cells.map(|c| c.id()).collect::<Vec<Option<Uuid>>>()),
            "bytea" => arg(cells.map(Cell::bytes).collect::<Vec<Option<Vec<u8>>>>()),
            _ => arg(cells.map(Cell::text).collect::<Vec<Option<String>>>()),
        });
    }
    args
}
