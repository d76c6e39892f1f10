//! What goes wrong in a store on SQLite, and which of it ends the writer.
//! Nothing is repaired here.

use crate::codec::Malformed;
use crate::health::Health;
use rusqlite::ErrorCode;
use rusqlite::types::FromSql;
use slotwise_domain::Broken;
use slotwise_engine::StoreError;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("another process has {0} open; stop it first: one data directory belongs to one process")]
    Locked(PathBuf),
    /// A restore or an import into it was cut short.
    #[error("a restore or an import into {0} was not finished; run it again")]
    Restoring(PathBuf),
    /// The log of writes is damaged before its end.
    #[error(
        "{path} is damaged at byte {offset}: {says}. What follows it may hold answers that were told, so nothing was changed. \
         Copy the directory, then restore a backup, or move the log away knowing what it may hold"
    )]
    DamagedLog {
        /// The log.
        path: PathBuf,
        /// Where the first bad frame begins.
        offset: u64,
        /// What is wrong there.
        says: String,
    },
    /// A file that others in the directory were made of, or speak of, is not there.
    #[error(
        "{gone} is gone or empty, and {beside} is still there: what was told would be missing, so nothing was changed. \
         Restore a backup, or begin in an empty directory"
    )]
    Gone {
        /// The file.
        gone: PathBuf,
        /// What shows that it was there.
        beside: PathBuf,
    },
    /// It is some other program's.
    #[error("{path} is not a Slotwise store: {says}")]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// How it shows.
        says: String,
    },
    /// It was written by a later version.
    #[error("{path} has format {found}, and this version knows formats up to {known}; use a later version of Slotwise")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The last one known here.
        known: u32,
    },
    /// A migration that was applied is not the one this program has.
    #[error("{path} was made by another migration {number} than this program's")]
    OtherMigration {
        /// The file.
        path: PathBuf,
        /// Which.
        number: u32,
    },
    /// A file or a directory refused.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// The database refused.
    #[error("{doing}: {source}")]
    Sql {
        /// What was being done.
        doing: String,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A row is not what this program writes.
    #[error("{0}")]
    Row(String),
}

impl OpenError {
    pub(super) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> OpenError {
        let doing = doing.into();
        move |source| OpenError::Io { doing, source }
    }

    pub(super) fn sql(doing: impl Into<String>) -> impl FnOnce(rusqlite::Error) -> OpenError {
        let doing = doing.into();
        move |source| OpenError::Sql { doing, source }
    }
}

impl From<Error> for OpenError {
    fn from(e: Error) -> OpenError {
        match e {
            Error::Damaged(says) => OpenError::Row(format!(
                "{says}. Nothing was changed: copy the directory, look at it with `slotwise verify`, and restore a backup"
            )),
            e => OpenError::Row(e.to_string()),
        }
    }
}

/// What goes wrong between the rows and the caller.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite refused.
    #[error("{0}")]
    Sql(#[from] rusqlite::Error),
    /// A row that this program never writes.
    #[error("{table}.{column} of {key} is impossible: {says}")]
    Row {
        /// The table.
        table: &'static str,
        /// The column.
        column: String,
        /// Whose row.
        key: String,
        /// What is wrong.
        says: String,
    },
    /// The journal is not what was written.
    #[error("{0}")]
    Damaged(String),
    /// A value that cannot be written.
    #[error("cannot be written: {0}")]
    Malformed(#[from] Malformed),
    /// An invariant did not hold after folding.
    #[error("{0}")]
    Broken(Broken),
    /// The rows are not what this process holds in memory, or a bug of ours.
    #[error("{0}")]
    Bug(String),
}

impl Error {
    pub(super) fn bug(says: impl Into<String>) -> Error {
        Error::Bug(says.into())
    }

    /// Whether the writer must stop: after anything but a lock not had, what follows cannot be relied on.
    pub(super) fn stops(&self) -> bool {
        match self {
            Error::Sql(e) => !matches!(
                e.sqlite_error_code(),
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::OperationInterrupted)
            ),
            Error::Row { .. } | Error::Damaged(_) | Error::Malformed(_) | Error::Broken(_) | Error::Bug(_) => true,
        }
    }

    /// Whether what is on the disk is not what was written there.
    pub(super) fn damaged(&self) -> bool {
        match self {
            Error::Sql(e) => is_damage(e),
            Error::Damaged(_) => true,
            Error::Row { .. } | Error::Malformed(_) | Error::Broken(_) | Error::Bug(_) => false,
        }
    }

    /// The cause in words for whoever runs the server, without anything of what is stored.
    pub(super) fn plainly(&self) -> &'static str {
        match self {
            Error::Sql(e) => plainly(e),
            Error::Row { .. } | Error::Damaged(_) => "a file of the data directory is damaged",
            Error::Malformed(_) | Error::Broken(_) | Error::Bug(_) => "a check of its own failed; this is a bug",
        }
    }
}

/// Whether SQLite found a file that is not what it wrote.
pub(super) fn is_damage(e: &rusqlite::Error) -> bool {
    matches!(e.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// The cause in words for whoever runs the server.
pub(super) fn plainly(e: &rusqlite::Error) -> &'static str {
    match e.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full",
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => "the data directory cannot be written",
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => "the disk reported an error",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => "a file of the data directory is damaged",
        _ => "the database refused",
    }
}

impl From<Error> for StoreError {
    fn from(e: Error) -> StoreError {
        StoreError(e.to_string())
    }
}

pub(super) type Result<T> = std::result::Result<T, Error>;

/// A row being read, which can say whose it is.
pub(super) struct Cells<'a> {
    pub table: &'static str,
    pub key: &'a dyn fmt::Display,
    pub row: &'a rusqlite::Row<'a>,
}

impl Cells<'_> {
    pub fn get<T: FromSql>(&self, column: usize) -> Result<T> {
        self.row.get(column).map_err(|e| self.impossible(column, e.to_string()))
    }

    pub fn decode<T>(
        &self,
        column: usize,
        decode: impl FnOnce(&str) -> std::result::Result<T, Malformed>,
    ) -> Result<T> {
        let text = self.row.get_ref(column).ok().and_then(|v| v.as_str().ok());
        let text = text.ok_or_else(|| self.impossible(column, "is no text".into()))?;
        decode(text).map_err(|e| self.impossible(column, e.to_string()))
    }

    pub fn decode_bytes<'s, T>(
        &'s self,
        column: usize,
        decode: impl FnOnce(&'s [u8]) -> std::result::Result<T, Malformed>,
    ) -> Result<T> {
        let bytes = self.row.get_ref(column).ok().and_then(|v| v.as_blob().ok());
        let bytes = bytes.ok_or_else(|| self.impossible(column, "is no blob".into()))?;
        decode(bytes).map_err(|e| self.impossible(column, e.to_string()))
    }

    pub fn impossible(&self, column: usize, says: String) -> Error {
        let column = self.row.as_ref().column_name(column).map_or_else(|_| column.to_string(), str::to_owned);
        Error::Row { table: self.table, column, key: self.key.to_string(), says }
    }
}

impl Health {
    /// Stops if what was read is not what was written.
    pub fn look_at<T>(&self, read: &Result<T>) {
        if let Err(e) = read
            && e.damaged()
            && self.stopped().is_none()
        {
            self.stop(e.plainly(), format!("what was read is not what was written: {e}"));
        }
    }
}
