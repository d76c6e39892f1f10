//! Brings a database to this program's format, one numbered script after the other, each once.
//! A newer format, another program's file and a script that is not the one applied are refused; nothing is ever undone.

use super::error::OpenError;
use rusqlite::{Connection, TransactionBehavior, params};
use sha2::{Digest, Sha256};
use std::path::Path;

/// A script and its place.
pub(super) struct Migration {
    pub number: u32,
    pub name: &'static str,
    pub sql: &'static str,
}

/// The format of one kind of file.
pub(super) struct Format {
    /// Says whose file it is: `PRAGMA application_id`.
    pub application_id: u32,
    pub migrations: &'static [Migration],
}

/// `SLOT`
pub(super) const STATE: Format = Format {
    application_id: 0x534c_4f54,
    migrations: &[Migration {
        number: 1,
        name: "begin",
        sql: include_str!("../../migrations/embedded/0001_begin.sql"),
    }],
};

/// `SLOP`
pub(super) const PEOPLE: Format = Format {
    application_id: 0x534c_4f50,
    migrations: &[
        Migration { number: 1, name: "begin", sql: include_str!("../../migrations/people/0001_begin.sql") },
        Migration { number: 2, name: "post", sql: include_str!("../../migrations/people/0002_post.sql") },
        Migration { number: 3, name: "facts", sql: include_str!("../../migrations/people/0003_facts.sql") },
        Migration { number: 4, name: "plan", sql: include_str!("../../migrations/people/0004_plan.sql") },
        Migration { number: 5, name: "dates", sql: include_str!("../../migrations/people/0005_dates.sql") },
        Migration { number: 6, name: "doors", sql: include_str!("../../migrations/people/0006_doors.sql") },
    ],
};

impl Format {
    fn newest(&self) -> u32 {
        self.migrations.last().map_or(0, |m| m.number)
    }

    /// Refuses what cannot be opened, and changes nothing.
    pub fn check(&self, db: &Connection, path: &Path) -> Result<(), OpenError> {
        let pragma = |name: &str| {
            let read = db.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
            read.map_err(OpenError::sql(format!("reading {name} of {}", path.display())))
        };
        let tables: u32 = db
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(OpenError::sql(format!("reading {}", path.display())))?;
        let (id, found) = (pragma("application_id")?, pragma("user_version")?);
        if tables > 0 && id != self.application_id {
            let says = format!("its application id is {id:#x}");
            return Err(OpenError::NotOurs { path: path.into(), says });
        }
        match found > self.newest() {
            true => Err(OpenError::Newer { path: path.into(), found, known: self.newest() }),
            false => Ok(()),
        }
    }

    /// Applies what is missing. Each script is one transaction together with its number.
    pub fn migrate(&self, db: &mut Connection, path: &Path) -> Result<(), OpenError> {
        self.check(db, path)?;
        let failed = || OpenError::sql(format!("migrating {}", path.display()));
        for migration in self.migrations {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed())?;
            tx.execute_batch(APPLIED).map_err(failed())?;
            let applied = tx.prepare("SELECT sha256 FROM migration WHERE number = ?1").and_then(|mut select| {
                let mut rows = select.query([migration.number])?;
                rows.next()?.map(|row| row.get::<_, [u8; 32]>(0)).transpose()
            });
            let checksum: [u8; 32] = Sha256::digest(migration.sql).into();
            match applied.map_err(failed())? {
                Some(sum) if sum == checksum => continue,
                Some(_) => return Err(OpenError::OtherMigration { path: path.into(), number: migration.number }),
                None => {}
            }
            tx.execute_batch(migration.sql).map_err(failed())?;
            tx.execute(
                "INSERT INTO migration (number, name, sha256) VALUES (?1, ?2, ?3)",
                params![migration.number, migration.name, checksum],
            )
            .map_err(failed())?;
            tx.pragma_update(None, "application_id", self.application_id).map_err(failed())?;
            tx.pragma_update(None, "user_version", migration.number).map_err(failed())?;
            tx.commit().map_err(failed())?;
        }
        Ok(())
    }
}

const APPLIED: &str = "
CREATE TABLE IF NOT EXISTS migration (
    number INTEGER NOT NULL PRIMARY KEY,
    name   TEXT    NOT NULL,
    sha256 BLOB    NOT NULL
) STRICT";
