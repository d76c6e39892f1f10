//! Who people are: names, roles, facts and API keys, in a file of their own that can be erased.
//! It knows nothing of bookings, and no secret: of a key only its hash is kept.

use super::connect::{Use, connect, use_log};
use super::doors::manages;
use super::error::{Cells, Error, OpenError, Result};
use super::load::{PART, max_rows, signed};
use super::migrate::PEOPLE;
use super::open::make_dir;
use crate::codec;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, ffi, params, params_from_iter};
use slotwise_domain::{Facts, PersonId, ResourceId, Role};
use slotwise_engine::catalogue::words_of;
use slotwise_engine::{Door, FactsPut, Listed, PersonCard, PersonRow, Plan, PlanPut, RowPut, Secret, StoreError};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Moment};
use uuid::Uuid;

/// The file's name in the data directory.
pub(super) const FILE: &str = "people.sqlite";
const CACHE_BYTES: usize = 4 << 20;
/// People and keys kept in memory, each; beyond it they are forgotten together.
const CACHED_MAX: usize = 100_000;
/// How old what is known of people may be where nothing is decided.
const STALE_MAX: Duration = Duration::from_millis(250);

/// The directory of people. It needs no lock: a running server sees what another process writes here.
pub struct People {
    path: PathBuf,
    db: Mutex<Connection>,
    known: Mutex<Known>,
    /// A write failed, and what it left in the log is still there.
    broken_off: AtomicBool,
}

#[derive(Default)]
pub(super) struct Known {
    data_version: i64,
    checked: Option<Moment>,
    cards: HashMap<PersonId, Option<PersonCard>>,
    pub(super) doors: HashMap<[u8; 32], Option<Door>>,
}

impl People {
    /// Opens the directory's file in a data directory, and makes it if there is none.
    pub fn open(dir: &Path) -> std::result::Result<People, OpenError> {
        make_dir(dir)?;
        let path = dir.join(FILE);
        let failed = || OpenError::sql(format!("opening {}", path.display()));
        let mut db = connect(&path, Use::Write, CACHE_BYTES).map_err(failed())?;
        PEOPLE.check(&db, &path)?;
        use_log(&db).map_err(failed())?;
        // Written rarely and by more than one process: SQLite's own checkpoints suffice.
        db.pragma_update(None, "wal_autocheckpoint", 200).map_err(failed())?;
        PEOPLE.migrate(&mut db, &path)?;
        put_words_of_all(&mut db).map_err(failed())?;
        // What a process that was broken off has left there is no damage once the log begins anew. Others may be reading: then later.
        begin_log_anew(&db).map_err(failed())?;
        Ok(People { path, db: Mutex::new(db), known: Mutex::default(), broken_off: AtomicBool::new(false) })
    }

    /// One person; `None` if there is none or they are suspended.
    pub fn person(&self, id: PersonId) -> std::result::Result<Option<PersonCard>, StoreError> {
        if let Some(card) = self.remembered(id) {
            return Ok(card);
        }
        let db = self.db();
        self.freshen(&db)?;
        Ok(self.read_person(&db, id)?)
    }

    /// Everybody, by name, at most `max`.
    pub fn people(&self, max: usize) -> std::result::Result<Vec<PersonCard>, StoreError> {
        const PEOPLE: &str = "
            SELECT id, name, title, role FROM person
            WHERE part_id = ?1 AND suspended = 0 ORDER BY name, id LIMIT ?2";
        let read = |db: &Connection| -> Result<Vec<PersonCard>> {
            let mut select = db.prepare_cached(PEOPLE)?;
            let mut rows = select.query(params![PART, max_rows(max)])?;
            let mut people = Vec::new();
            while let Some(row) = rows.next()? {
                people.push(card(row)?);
            }
            Ok(people)
        };
        Ok(read(&self.db())?)
    }

    /// Makes a person, or changes name, title and role of the one with this id.
    pub fn put_person(&self, person: &PersonCard) -> std::result::Result<(), StoreError> {
        self.change(|db| put_card(db, person))
    }

    /// People by name whose names and titles have words that begin like all of these; after a name and id, at most `max`.
    pub fn find(
        &self,
        words: &[String],
        suspended: bool,
        after: Option<&(String, PersonId)>,
        max: usize,
    ) -> std::result::Result<Vec<Listed>, StoreError> {
        Ok(find(&self.db(), words, suspended, after, max)?)
    }

    /// What is known of a person, and its version; `None` if there is no such person, suspended ones included.
    pub fn facts(&self, id: PersonId) -> std::result::Result<Option<(Facts, u64)>, StoreError> {
        let db = self.db();
        Ok(match exists(&db, id)? {
            true => Some(facts(&db, id)?.unwrap_or_default()),
            false => None,
        })
    }

    /// The same without its version, for those of whom something is known.
    pub(super) fn facts_for_rules(&self, id: PersonId) -> std::result::Result<Option<Arc<Facts>>, StoreError> {
        Ok(facts(&self.db(), id)?.map(|(facts, _)| Arc::new(facts)))
    }

    /// Puts facts in the place of those of a version.
    pub fn put_facts(&self, id: PersonId, version: u64, new: &Facts) -> std::result::Result<FactsPut, StoreError> {
        self.change(|db| {
            if !exists(db, id)? {
                return Ok(FactsPut::NoPerson);
            }
            let (theirs, at) = facts(db, id)?.unwrap_or_default();
            if at != version {
                return Ok(FactsPut::Moved(theirs, at));
            }
            put_facts(db, id, new, version + 1)?;
            Ok(FactsPut::Put(version + 1))
        })
    }

    /// What a person means to register for, and its version.
    pub fn plan(&self, id: PersonId) -> std::result::Result<(Plan, u64), StoreError> {
        Ok(plan(&self.db(), id)?)
    }

    /// Puts a plan in the place of that of a version.
    pub fn put_plan(&self, id: PersonId, version: u64, new: &Plan) -> std::result::Result<PlanPut, StoreError> {
        self.change(|db| {
            if !exists(db, id)? {
                return Ok(PlanPut::NoPerson);
            }
            let (theirs, at) = plan(db, id)?;
            if at != version {
                return Ok(PlanPut::Moved(theirs, at));
            }
            put_plan(db, id, new, version + 1)?;
            Ok(PlanPut::Put(version + 1))
        })
    }

    /// Makes and changes people, all or none; none at all if `dry_run`. One result for each, in their order.
    pub fn put_all(&self, people: &[PersonRow], dry_run: bool) -> std::result::Result<Vec<RowPut>, StoreError> {
        self.change_if(|db| {
            let put = people.iter().map(|row| put_row(db, row)).collect::<Result<Vec<_>>>()?;
            let keep = !dry_run && !put.contains(&RowPut::ExternalIdTaken);
            Ok((put, keep))
        })
    }

    /// Suspends a person, or lets them in again: while suspended they are nobody, and their keys speak for nobody.
    pub fn suspend(&self, id: PersonId, suspended: bool) -> std::result::Result<(), StoreError> {
        self.write("UPDATE person SET suspended = ?3 WHERE part_id = ?1 AND id = ?2", params![PART, id.0, suspended])
    }

    /// Makes an API key for a person that allows all they may do.
    pub fn put_key(&self, secret_sha256: [u8; 32], id: PersonId, label: &str) -> std::result::Result<(), StoreError> {
        self.put_secret(&Secret::key(secret_sha256, id, label.to_owned()))
    }

    /// Whether there is such a person, suspended or not.
    pub(super) fn exists(&self, id: PersonId) -> std::result::Result<bool, StoreError> {
        const THERE: &str = "SELECT count(*) FROM person WHERE part_id = ?1 AND id = ?2";
        let read = |db: &Connection| -> Result<bool> {
            Ok(db.query_row(THERE, params![PART, id.0], |row| row.get::<_, i64>(0))? > 0)
        };
        Ok(read(&self.db())?)
    }

    /// Removes a person with their keys, in one transaction, and says how many keys. What is freed is overwritten, the log included.
    pub(super) fn erase(&self, id: PersonId) -> std::result::Result<u64, StoreError> {
        let remove = |db: &Connection| -> Result<u64> {
            db.pragma_update(None, "secure_delete", true)?;
            let tx = db.unchecked_transaction()?;
            let keys = tx.execute(
                "DELETE FROM secret WHERE part_id = ?1 AND person = ?2 AND kind = 'key'",
                params![PART, id.0],
            )?;
            // What was done stays, by their id; what was said of it may name them.
            tx.execute(
                "UPDATE deed SET detail = '', address = '' WHERE part_id = ?1 AND ?2 IN (by, person)",
                params![PART, id.0],
            )?;
            for table in [
                "secret",
                "account",
                "manages",
                "letter",
                "notice_read",
                "address",
                "plan",
                "person_facts",
                "person_word",
            ] {
                tx.execute(&format!("DELETE FROM {table} WHERE part_id = ?1 AND person = ?2"), params![PART, id.0])?;
            }
            tx.execute("DELETE FROM person WHERE part_id = ?1 AND id = ?2", params![PART, id.0])?;
            tx.commit()?;
            // Others may be reading: then the log is emptied by a later one.
            begin_log_anew(db)?;
            Ok(keys as u64)
        };
        let db = self.db();
        let removed = self.carried_out(self.after_a_failure(&db).and_then(|()| remove(&db)));
        drop(db);
        *self.known() = Known::default();
        Ok(removed?)
    }

    /// What is known of a person without asking the file, if that is recent enough.
    pub(super) fn remembered(&self, id: PersonId) -> Option<Option<PersonCard>> {
        let known = self.known();
        known.recent().then(|| known.cards.get(&id).cloned()).flatten()
    }

    /// The same of whom a secret lets in.
    pub(super) fn remembered_door(&self, sha256: &[u8; 32]) -> Option<Option<Door>> {
        let known = self.known();
        known.recent().then(|| known.doors.get(sha256).cloned()).flatten()
    }

    /// A reader of roles for the writer, on a connection of its own.
    pub(super) fn roles(&self) -> rusqlite::Result<Roles> {
        let db = connect(&self.path, Use::Read, CACHE_BYTES)?;
        Ok(Roles { db, data_version: 0, known: HashMap::new(), facts: HashMap::new(), manages: HashMap::new() })
    }

    fn read_person(&self, db: &Connection, id: PersonId) -> Result<Option<PersonCard>> {
        let card = person(db, id)?;
        self.remember(|known| {
            known.cards.insert(id, card.clone());
        });
        Ok(card)
    }

    fn write(&self, sql: &str, params: impl rusqlite::Params) -> std::result::Result<(), StoreError> {
        let db = self.db();
        let written = self.carried_out(self.after_a_failure(&db).and_then(|()| Ok(db.execute(sql, params)?)));
        drop(db);
        *self.known() = Known::default();
        match written.map_err(|e| StoreError(format!("writing {}: {e}", self.path.display())))? {
            1 => Ok(()),
            _ => Err(StoreError("there is no such person".into())),
        }
    }

    /// Carries a change out in one transaction.
    pub(super) fn change<T>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T>,
    ) -> std::result::Result<T, StoreError> {
        self.change_if(|db| Ok((change(db)?, true)))
    }

    /// The same, and undoes it again if it says so.
    fn change_if<T>(
        &self,
        change: impl FnOnce(&Connection) -> Result<(T, bool)>,
    ) -> std::result::Result<T, StoreError> {
        let mut db = self.db();
        let ready = self.after_a_failure(&db);
        let carry_out = || -> Result<T> {
            ready?;
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let (done, keep) = change(&tx)?;
            if keep {
                tx.commit()?;
            }
            Ok(done)
        };
        let done = self.carried_out(carry_out());
        *self.known() = Known::default();
        done.map_err(|e| StoreError(format!("writing {}: {e}", self.path.display())))
    }

    /// Frames of a write that failed stay in the log, of the same round as those after them: written over in part, they would look
    /// like damage to the next start. So nothing is written before the log begins anew.
    pub(super) fn after_a_failure(&self, db: &Connection) -> Result<()> {
        if !self.broken_off.load(Ordering::Acquire) {
            return Ok(());
        }
        match begin_log_anew(db)? {
            true => self.broken_off.store(false, Ordering::Release),
            false => return Err(Error::Sql(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None))),
        }
        Ok(())
    }

    pub(super) fn carried_out<T>(&self, written: Result<T>) -> Result<T> {
        if written.as_ref().is_err_and(Error::stops) {
            self.broken_off.store(true, Ordering::Release);
        }
        written
    }

    /// Forgets what is known if another connection has written since. What is read after this is at least as new.
    pub(super) fn freshen(&self, db: &Connection) -> std::result::Result<(), StoreError> {
        let begun = Moment::now();
        let now = data_version(db)?;
        let mut known = self.known();
        if known.data_version != now {
            *known = Known { data_version: now, ..Known::default() };
        }
        known.checked = Some(begun);
        Ok(())
    }

    pub(super) fn remember(&self, put: impl FnOnce(&mut Known)) {
        let mut known = self.known();
        if known.cards.len().max(known.doors.len()) >= CACHED_MAX {
            *known = Known { data_version: known.data_version, checked: known.checked, ..Known::default() };
        }
        put(&mut known);
    }

    pub(super) fn db(&self) -> MutexGuard<'_, Connection> {
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn recent(&self) -> bool {
        self.checked.is_some_and(|checked| checked.elapsed() < STALE_MAX)
    }
}

/// What people may do, and what is known of them, at the instant of a decision.
pub(super) struct Roles {
    db: Connection,
    data_version: i64,
    known: HashMap<PersonId, Option<Role>>,
    facts: HashMap<PersonId, Option<Arc<Facts>>>,
    manages: HashMap<PersonId, Arc<BTreeSet<ResourceId>>>,
}

impl Roles {
    /// Forgets what is known if anybody has written since the last commit.
    pub fn freshen(&mut self) -> Result<()> {
        let now = data_version(&self.db)?;
        if self.data_version != now || self.known.len().max(self.facts.len()) >= CACHED_MAX {
            self.known.clear();
            self.facts.clear();
            self.manages.clear();
            self.data_version = now;
        }
        Ok(())
    }

    pub fn role(&mut self, id: PersonId) -> Result<Option<Role>> {
        if let Some(role) = self.known.get(&id) {
            return Ok(*role);
        }
        let role = person(&self.db, id)?.map(|card| card.role);
        self.known.insert(id, role);
        Ok(role)
    }

    pub fn manages(&mut self, id: PersonId) -> Result<Arc<BTreeSet<ResourceId>>> {
        if let Some(manages) = self.manages.get(&id) {
            return Ok(manages.clone());
        }
        let read = Arc::new(manages(&self.db, id)?);
        self.manages.insert(id, read.clone());
        Ok(read)
    }

    pub fn facts(&mut self, id: PersonId) -> Result<Option<Arc<Facts>>> {
        if let Some(facts) = self.facts.get(&id) {
            return Ok(facts.clone());
        }
        let read = facts(&self.db, id)?.map(|(facts, _)| Arc::new(facts));
        self.facts.insert(id, read.clone());
        Ok(read)
    }
}

/// Copies the log into the file and empties it; not while others read.
fn begin_log_anew(db: &Connection) -> rusqlite::Result<bool> {
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0)).map(|busy| busy == 0)
}

fn data_version(db: &Connection) -> Result<i64> {
    Ok(db.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
}

pub(super) fn person(db: &Connection, id: PersonId) -> Result<Option<PersonCard>> {
    const PERSON: &str = "SELECT id, name, title, role FROM person WHERE part_id = ?1 AND id = ?2 AND suspended = 0";
    let mut select = db.prepare_cached(PERSON)?;
    let mut rows = select.query(params![PART, id.0])?;
    rows.next()?.map(card).transpose()
}

pub(super) fn card(row: &Row) -> Result<PersonCard> {
    let id = PersonId(row.get(0)?);
    let cells = Cells { table: "person", key: &id, row };
    Ok(PersonCard { id, name: cells.get(1)?, title: cells.get(2)?, role: cells.decode(3, codec::role_named)? })
}

// Facts

pub(super) fn exists(db: &Connection, id: PersonId) -> Result<bool> {
    let mut select = db.prepare_cached("SELECT 1 FROM person WHERE part_id = ?1 AND id = ?2")?;
    Ok(select.exists(params![PART, id.0])?)
}

/// What is known of a person, and its version, if anything ever was.
pub(super) fn facts(db: &Connection, id: PersonId) -> Result<Option<(Facts, u64)>> {
    const FACTS: &str = "SELECT version, tags, allowances FROM person_facts WHERE part_id = ?1 AND person = ?2";
    let mut select = db.prepare_cached(FACTS)?;
    let mut rows = select.query(params![PART, id.0])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let cells = Cells { table: "person_facts", key: &id, row };
    let tags = cells.decode(1, |text| Ok(serde_json::from_str::<BTreeSet<String>>(text)?))?;
    let allowances = cells.decode(2, |text| Ok(serde_json::from_str::<BTreeMap<Uuid, u32>>(text)?))?;
    let allowances = allowances.into_iter().map(|(of, most)| (ResourceId(of), most)).collect();
    Ok(Some((Facts { tags, allowances }, cells.get(0)?)))
}

/// Puts what is known of a person, at a version.
pub(super) fn put_facts(db: &Connection, id: PersonId, facts: &Facts, version: u64) -> Result<()> {
    const PUT: &str = "
        INSERT INTO person_facts (part_id, person, version, tags, allowances) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (part_id, person) DO UPDATE SET
            version = excluded.version, tags = excluded.tags, allowances = excluded.allowances";
    let json = |e: serde_json::Error| Error::Bug(e.to_string());
    let tags = serde_json::to_string(&facts.tags).map_err(json)?;
    let allowances: BTreeMap<Uuid, u32> = facts.allowances.iter().map(|(of, most)| (of.0, *most)).collect();
    let allowances = serde_json::to_string(&allowances).map_err(json)?;
    db.prepare_cached(PUT)?.execute(params![PART, id.0, signed(version), tags, allowances])?;
    Ok(())
}

/// The plan a person keeps, and its version.
pub(super) fn plan(db: &Connection, id: PersonId) -> Result<(Plan, u64)> {
    let mut select = db.prepare_cached("SELECT version, lines FROM plan WHERE part_id = ?1 AND person = ?2")?;
    let mut rows = select.query(params![PART, id.0])?;
    let Some(row) = rows.next()? else { return Ok((Plan::new(), 0)) };
    let cells = Cells { table: "plan", key: &id, row };
    let lines = cells.decode(1, |text| Ok(serde_json::from_str::<Vec<Vec<Uuid>>>(text)?))?;
    let lines = lines.into_iter().map(|line| line.into_iter().map(ResourceId).collect());
    Ok((lines.collect(), cells.get(0)?))
}

/// Puts a plan in the place of whatever is there.
pub(super) fn put_plan(db: &Connection, id: PersonId, plan: &Plan, version: u64) -> Result<()> {
    const PUT: &str = "
        INSERT INTO plan (part_id, person, version, lines) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (part_id, person) DO UPDATE SET version = excluded.version, lines = excluded.lines";
    let lines: Vec<Vec<Uuid>> = plan.iter().map(|line| line.iter().map(|id| id.0).collect()).collect();
    let lines = serde_json::to_string(&lines).map_err(|e| Error::Bug(e.to_string()))?;
    db.prepare_cached(PUT)?.execute(params![PART, id.0, signed(version), lines])?;
    Ok(())
}

// Lists

/// Where to write to a person.
pub(super) const EMAIL: &str = "(SELECT email FROM address WHERE part_id = person.part_id AND person = person.id)";

fn find(
    db: &Connection,
    texts: &[String],
    suspended: bool,
    after: Option<&(String, PersonId)>,
    max: usize,
) -> Result<Vec<Listed>> {
    let mut sql =
        format!("SELECT id, name, title, role, external_id, {EMAIL} FROM person WHERE part_id = ? AND suspended = ?");
    let mut values: Vec<Value> = vec![PART.into(), suspended.into()];
    for word in texts.iter().flat_map(|text| words_of(text)) {
        sql.push_str(" AND id IN (SELECT person FROM person_word WHERE part_id = ? AND word >= ? AND word < ?)");
        // Nothing sorts after the last character there is.
        let end = format!("{word}{}", char::MAX);
        values.extend([PART.into(), word.into(), end.into()]);
    }
    if let Some((name, id)) = after {
        sql.push_str(" AND (name, id) > (?, ?)");
        values.extend([name.clone().into(), id.0.as_bytes().to_vec().into()]);
    }
    sql.push_str(" ORDER BY name, id LIMIT ?");
    values.push(max_rows(max).into());
    let mut select = db.prepare_cached(&sql)?;
    let mut rows = select.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(Listed { card: card(row)?, external_id: row.get(4)?, email: row.get(5)? });
    }
    Ok(found)
}

fn put_card(db: &Connection, person: &PersonCard) -> Result<()> {
    const PUT: &str = "
        INSERT INTO person (part_id, id, name, title, role, found) VALUES (?1, ?2, ?3, ?4, ?5, 1)
        ON CONFLICT (part_id, id) DO UPDATE SET
            name = excluded.name, title = excluded.title, role = excluded.role, found = 1";
    let PersonCard { id, name, title, role } = person;
    db.prepare_cached(PUT)?.execute(params![PART, id.0, name, title, codec::role_name(*role)])?;
    Ok(put_words(db, *id, name, title)?)
}

/// Writes to a person there from now on.
pub(super) fn put_email(db: &Connection, id: PersonId, email: &str) -> rusqlite::Result<()> {
    const PUT: &str = "
        INSERT INTO address (part_id, person, email) VALUES (?1, ?2, ?3)
        ON CONFLICT (part_id, person) DO UPDATE SET email = excluded.email";
    db.prepare_cached(PUT)?.execute(params![PART, id.0, email])?;
    Ok(())
}

fn put_words(db: &Connection, id: PersonId, name: &str, title: &str) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM person_word WHERE part_id = ?1 AND person = ?2")?.execute(params![PART, id.0])?;
    let mut put = db.prepare_cached("INSERT INTO person_word (part_id, word, person) VALUES (?1, ?2, ?3)")?;
    for word in [name, title].into_iter().flat_map(words_of).collect::<BTreeSet<_>>() {
        put.execute(params![PART, word, id.0])?;
    }
    Ok(())
}

/// People who came by another way than [`put_card`] are found by their words too.
fn put_words_of_all(db: &mut Connection) -> rusqlite::Result<()> {
    const PAGE: &str = "SELECT id, name, title FROM person WHERE part_id = ?1 AND found = 0 LIMIT 1000";
    loop {
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let page: Vec<(Uuid, String, String)> = tx
            .prepare_cached(PAGE)?
            .query_map([PART], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        if page.is_empty() {
            return Ok(());
        }
        for (id, name, title) in page {
            put_words(&tx, PersonId(id), &name, &title)?;
            tx.execute("UPDATE person SET found = 1 WHERE part_id = ?1 AND id = ?2", params![PART, id])?;
        }
        tx.commit()?;
    }
}

fn put_row(db: &Connection, row: &PersonRow) -> Result<RowPut> {
    const CALLED: &str = "SELECT id FROM person WHERE part_id = ?1 AND external_id = ?2";
    const PUT: &str = "UPDATE person SET external_id = ?3 WHERE part_id = ?1 AND id = ?2";
    let called = match &row.external_id {
        Some(external) => {
            db.prepare_cached(CALLED)?.query_row(params![PART, external], |row| row.get(0)).optional()?.map(PersonId)
        }
        None => None,
    };
    let id = row.id.or(called).unwrap_or(row.fresh);
    if called.is_some_and(|other| other != id) {
        return Ok(RowPut::ExternalIdTaken);
    }
    let before = {
        let sql =
            format!("SELECT id, name, title, role, external_id, {EMAIL} FROM person WHERE part_id = ?1 AND id = ?2");
        let mut select = db.prepare_cached(&sql)?;
        let mut rows = select.query(params![PART, id.0])?;
        let listed = |row: &Row| -> Result<Listed> {
            Ok(Listed { card: card(row)?, external_id: row.get(4)?, email: row.get(5)? })
        };
        rows.next()?.map(listed).transpose()?
    };
    let was = before.as_ref();
    let after = Listed {
        card: PersonCard {
            id,
            name: row.name.clone(),
            title: row.title.clone().or(was.map(|b| b.card.title.clone())).unwrap_or_default(),
            role: row.role.or(was.map(|b| b.card.role)).unwrap_or(Role::Member),
        },
        external_id: row.external_id.clone().or(was.and_then(|b| b.external_id.clone())),
        email: row.email.clone().or(was.and_then(|b| b.email.clone())),
    };
    let (known, version) = facts(db, id)?.unwrap_or_default();
    let tags = row.tags.clone().filter(|tags| *tags != known.tags);
    if before.as_ref() == Some(&after) && tags.is_none() {
        return Ok(RowPut::Same(id));
    }
    put_card(db, &after.card)?;
    db.prepare_cached(PUT)?.execute(params![PART, id.0, after.external_id])?;
    if let Some(email) = &after.email {
        put_email(db, id, email)?;
    }
    if let Some(tags) = tags {
        put_facts(db, id, &Facts { tags, ..known }, version + 1)?;
    }
    Ok(if before.is_some() { RowPut::Changed(id) } else { RowPut::Made(id) })
}
