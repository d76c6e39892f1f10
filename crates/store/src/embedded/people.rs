//! Who people are: names, roles and API keys, in a file of their own that can be erased.
//! It knows nothing of bookings, and no secret: of a key only its hash is kept.

use super::connect::{Use, connect, use_log};
use super::error::{Cells, OpenError, Result};
use super::load::{PART, max_rows};
use super::migrate::PEOPLE;
use super::open::make_dir;
use crate::codec;
use rusqlite::{Connection, Row, params};
use slotwise_domain::{PersonId, Role};
use slotwise_engine::{PersonCard, StoreError};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Moment};

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
}

#[derive(Default)]
struct Known {
    data_version: i64,
    checked: Option<Moment>,
    cards: HashMap<PersonId, Option<PersonCard>>,
    keys: HashMap<[u8; 32], PersonId>,
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
        Ok(People { path, db: Mutex::new(db), known: Mutex::default() })
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

    /// Who an API key speaks for, by the SHA-256 of its secret.
    pub fn by_key(&self, secret_sha256: [u8; 32]) -> std::result::Result<Option<PersonCard>, StoreError> {
        if let Some(card) = self.remembered_by_key(&secret_sha256) {
            return Ok(card);
        }
        const KEY: &str = "SELECT person FROM api_key WHERE part_id = ?1 AND secret_sha256 = ?2";
        let read = |db: &Connection| -> Result<Option<PersonId>> {
            let mut select = db.prepare_cached(KEY)?;
            let mut rows = select.query(params![PART, secret_sha256])?;
            Ok(rows.next()?.map(|row| row.get(0)).transpose()?.map(PersonId))
        };
        // The connection is held until what was read is remembered: nobody's write can come between.
        let db = self.db();
        self.freshen(&db)?;
        let Some(id) = read(&db)? else { return Ok(None) };
        self.remember(|known| {
            known.keys.insert(secret_sha256, id);
        });
        Ok(self.read_person(&db, id)?)
    }

    /// Makes a person, or changes name, title and role of the one with this id.
    pub fn put_person(&self, person: &PersonCard) -> std::result::Result<(), StoreError> {
        const PUT: &str = "
            INSERT INTO person (part_id, id, name, title, role) VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (part_id, id) DO UPDATE SET name = excluded.name, title = excluded.title, role = excluded.role";
        self.write(PUT, params![PART, person.id.0, person.name, person.title, codec::role_name(person.role)])
    }

    /// Suspends a person, or lets them in again: while suspended they are nobody, and their keys speak for nobody.
    pub fn suspend(&self, id: PersonId, suspended: bool) -> std::result::Result<(), StoreError> {
        self.write("UPDATE person SET suspended = ?3 WHERE part_id = ?1 AND id = ?2", params![PART, id.0, suspended])
    }

    /// Makes an API key for a person.
    pub fn put_key(&self, secret_sha256: [u8; 32], id: PersonId, label: &str) -> std::result::Result<(), StoreError> {
        const PUT: &str = "INSERT INTO api_key (part_id, secret_sha256, person, label) VALUES (?1, ?2, ?3, ?4)";
        self.write(PUT, params![PART, secret_sha256, id.0, label])
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
            let keys = tx.execute("DELETE FROM api_key WHERE part_id = ?1 AND person = ?2", params![PART, id.0])?;
            for table in ["letter", "notice_read", "address"] {
                tx.execute(&format!("DELETE FROM {table} WHERE part_id = ?1 AND person = ?2"), params![PART, id.0])?;
            }
            tx.execute("DELETE FROM person WHERE part_id = ?1 AND id = ?2", params![PART, id.0])?;
            tx.commit()?;
            // Others may be reading: then the log is emptied by a later one.
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            Ok(keys as u64)
        };
        let removed = remove(&self.db());
        *self.known() = Known::default();
        Ok(removed?)
    }

    /// What is known of a person without asking the file, if that is recent enough.
    pub(super) fn remembered(&self, id: PersonId) -> Option<Option<PersonCard>> {
        let known = self.known();
        known.recent().then(|| known.cards.get(&id).cloned()).flatten()
    }

    /// The same by API key.
    pub(super) fn remembered_by_key(&self, secret_sha256: &[u8; 32]) -> Option<Option<PersonCard>> {
        let known = self.known();
        known.recent().then(|| known.cards.get(known.keys.get(secret_sha256)?).cloned()).flatten()
    }

    /// A reader of roles for the writer, on a connection of its own.
    pub(super) fn roles(&self) -> rusqlite::Result<Roles> {
        Ok(Roles { db: connect(&self.path, Use::Read, CACHE_BYTES)?, data_version: 0, known: HashMap::new() })
    }

    fn read_person(&self, db: &Connection, id: PersonId) -> Result<Option<PersonCard>> {
        let card = person(db, id)?;
        self.remember(|known| {
            known.cards.insert(id, card.clone());
        });
        Ok(card)
    }

    fn write(&self, sql: &str, params: impl rusqlite::Params) -> std::result::Result<(), StoreError> {
        let written = self.db().execute(sql, params);
        *self.known() = Known::default();
        match written.map_err(|e| StoreError(format!("writing {}: {e}", self.path.display())))? {
            1 => Ok(()),
            _ => Err(StoreError("there is no such person".into())),
        }
    }

    /// Forgets what is known if another connection has written since. What is read after this is at least as new.
    fn freshen(&self, db: &Connection) -> std::result::Result<(), StoreError> {
        let begun = Moment::now();
        let now = data_version(db)?;
        let mut known = self.known();
        if known.data_version != now {
            *known = Known { data_version: now, ..Known::default() };
        }
        known.checked = Some(begun);
        Ok(())
    }

    fn remember(&self, put: impl FnOnce(&mut Known)) {
        let mut known = self.known();
        if known.cards.len().max(known.keys.len()) >= CACHED_MAX {
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

/// What people may do at the instant of a decision.
pub(super) struct Roles {
    db: Connection,
    data_version: i64,
    known: HashMap<PersonId, Option<Role>>,
}

impl Roles {
    /// Forgets what is known if anybody has written since the last commit.
    pub fn freshen(&mut self) -> Result<()> {
        let now = data_version(&self.db)?;
        if self.data_version != now || self.known.len() >= CACHED_MAX {
            self.known.clear();
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
}

fn data_version(db: &Connection) -> Result<i64> {
    Ok(db.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
}

fn person(db: &Connection, id: PersonId) -> Result<Option<PersonCard>> {
    const PERSON: &str = "SELECT id, name, title, role FROM person WHERE part_id = ?1 AND id = ?2 AND suspended = 0";
    let mut select = db.prepare_cached(PERSON)?;
    let mut rows = select.query(params![PART, id.0])?;
    rows.next()?.map(card).transpose()
}

fn card(row: &Row) -> Result<PersonCard> {
    let id = PersonId(row.get(0)?);
    let cells = Cells { table: "person", key: &id, row };
    Ok(PersonCard { id, name: cells.get(1)?, title: cells.get(2)?, role: cells.decode(3, codec::role_named)? })
}
