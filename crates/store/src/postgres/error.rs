//! What goes wrong with the database, and what each of it means for a change: one table, in one place.
//! Nothing is tried again here.

use crate::codec::Malformed;
use slotwise_domain::{Broken, ResourceId};
use slotwise_engine::StoreError;
use std::collections::BTreeSet;
use tokio_postgres::error::SqlState;

/// Of a database that took over from another without all of it.
const LOST: &str = "the database has lost what was told as decided: it is another copy, behind the one before";

/// What goes wrong between the database and the caller.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database, or the way to it.
    #[error("{}", said(.0))]
    Sql(#[from] tokio_postgres::Error),
    /// All connections are in use, or none could be made in time.
    #[error("no connection to the database was to be had in time")]
    NoConnection,
    /// The database did not answer in time; nothing was to be committed yet.
    #[error("the database did not answer in time")]
    Late,
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
    /// A row that must be held is held by somebody else.
    #[error("somebody else holds a row that this needs")]
    NotHad,
    /// What was read is not what this program writes.
    #[error("{0}")]
    Malformed(#[from] Malformed),
    /// An invariant did not hold after folding.
    #[error("{0}")]
    Broken(Broken),
    /// Something is not as it must be with these resources.
    #[error("{1}")]
    Wrong(BTreeSet<ResourceId>, String),
    /// What this process knows to be committed is not there.
    #[error("{0}")]
    OtherCopy(String),
    /// The database does not keep what the store rests on, or is of another format.
    #[error("{0}")]
    Unfit(String),
    /// The rows are not what this process holds in memory, or a bug of ours.
    #[error("{0}")]
    Bug(String),
}

pub(super) type Result<T> = std::result::Result<T, Error>;

/// What an error means for a change that was not yet being committed, or whose commit it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    /// Nothing was written, and it may be sent again.
    Conflict,
    /// Nothing was written; the database does not take it now.
    Refused,
    /// If a commit was in flight, it may be durable.
    Lost,
    /// Nothing was written, and this must be looked at before anything else is.
    Bug,
}

impl Error {
    pub(super) fn bug(says: impl Into<String>) -> Error {
        Error::Bug(says.into())
    }

    /// Of one resource whose record does not lead from what is known here to what is there.
    pub(super) fn other_copy(resource: ResourceId) -> Error {
        Error::OtherCopy(format!("the record of {resource} is not the one that was committed"))
    }

    /// Of one resource.
    pub(super) fn wrong(resource: ResourceId, says: impl Into<String>) -> Error {
        Error::Wrong([resource].into(), says.into())
    }

    /// What a CHECK refused is wrong with the resource in its row, or with all that the commit was to change if it names none.
    pub(super) fn of_commit(self, changes: impl FnOnce() -> BTreeSet<ResourceId>) -> Error {
        let Error::Sql(sql) = &self else { return self };
        if sql.code() != Some(&SqlState::CHECK_VIOLATION) {
            return self;
        }
        // "Failing row contains (part, resource, …"
        let detail = sql.as_db_error().filter(|db| db.table() == Some("resource_head")).and_then(|db| db.detail());
        let named = detail.and_then(|says| says.split(['(', ',']).find_map(|word| word.trim().parse().ok()));
        Error::Wrong(named.map_or_else(changes, |id| [ResourceId(id)].into()), self.to_string())
    }

    /// The resources on which nothing is decided any more until somebody has looked; none, if it cannot be said of which it is.
    pub(super) fn shuts(&self) -> BTreeSet<ResourceId> {
        match self {
            Error::Broken(broken) => [broken.resource].into(),
            Error::Wrong(resources, _) => resources.clone(),
            Error::Sql(_)
            | Error::NoConnection
            | Error::Late
            | Error::Closed
            | Error::NotHad
            | Error::Malformed(_)
            | Error::OtherCopy(_)
            | Error::Unfit(_)
            | Error::Bug(_) => BTreeSet::new(),
        }
    }

    /// The table of SQLSTATEs.
    pub(super) fn means(&self) -> Means {
        let sql = match self {
            Error::Sql(sql) => sql,
            Error::NoConnection | Error::Late | Error::Closed => return Means::Refused,
            Error::NotHad => return Means::Conflict,
            Error::Malformed(_)
            | Error::Broken(_)
            | Error::Wrong(..)
            | Error::OtherCopy(_)
            | Error::Unfit(_)
            | Error::Bug(_) => return Means::Bug,
        };
        let Some(state) = sql.code() else { return Means::Lost };
        match state.code() {
            // Serialization failure, deadlock, a lock not had in time.
            "40001" | "40P01" | "55P03" => Means::Conflict,
            // A commit whose end CockroachDB does not know.
            "40003" => Means::Lost,
            // A key that two had at once; what a CHECK refuses.
            "23505" => Means::Conflict,
            code if code.starts_with("23") => Means::Bug,
            // A statement that took too long or was cancelled, the server going down, the connection.
            code if code.starts_with("57")
                || code.starts_with("08")
                || code.starts_with("58")
                || code.starts_with("XX") =>
            {
                Means::Lost
            }
            // Read-only after a failover, too many connections, a full disk, out of memory.
            code if code.starts_with("25") || code.starts_with("53") || code.starts_with("28") => Means::Refused,
            _ => Means::Bug,
        }
    }

    /// Whether nothing more is decided until somebody has looked: on what [`Error::shuts`] names, or at all.
    pub(super) fn stops(&self) -> bool {
        self.means() == Means::Bug
    }

    /// Why everything is stopped for it.
    pub(super) fn cause(&self) -> String {
        match self {
            Error::OtherCopy(_) | Error::Unfit(_) => self.plainly(),
            _ => format!("{}, while a batch was decided and written", self.plainly()),
        }
    }

    /// For whoever is not to be bothered with the database.
    pub(super) fn plainly(&self) -> String {
        match self {
            Error::Sql(sql) => match sql.code() {
                Some(state) if *state == SqlState::DISK_FULL => "the database's disk is full".into(),
                Some(state) if *state == SqlState::CHECK_VIOLATION => {
                    "the database refused what was judged good".into()
                }
                Some(_) => "the database refused".into(),
                None => "the database cannot be reached".into(),
            },
            Error::NoConnection => "the database has no connection free".into(),
            Error::Late => "the database did not answer in time".into(),
            Error::Closed => "the store is closed".into(),
            Error::NotHad => "somebody else was faster".into(),
            Error::Malformed(_) => "the database holds something that this version did not write".into(),
            Error::Broken(_) => "a check of its own failed; this is a bug".into(),
            Error::OtherCopy(_) => LOST.into(),
            Error::Unfit(says) => says.clone(),
            Error::Wrong(..) | Error::Bug(_) => {
                "what the database holds is not what was judged on; this is a bug".into()
            }
        }
    }

    /// Whether a lock was not had in time.
    pub(super) fn lock_not_had(&self) -> bool {
        matches!(self, Error::Sql(sql) if sql.code() == Some(&SqlState::LOCK_NOT_AVAILABLE))
    }

    /// Whether a table is not there.
    pub(super) fn no_table(&self) -> bool {
        matches!(self, Error::Sql(sql) if sql.code() == Some(&SqlState::UNDEFINED_TABLE))
    }

    /// Whether somebody else makes the same table at this moment, or has made it.
    pub(super) fn made_already(&self) -> bool {
        let made = [SqlState::UNIQUE_VIOLATION, SqlState::DUPLICATE_OBJECT, SqlState::DUPLICATE_TABLE];
        matches!(self, Error::Sql(sql) if sql.code().is_some_and(|code| made.contains(code)))
    }

    /// Whether a key is there already.
    pub(super) fn key_taken(&self) -> bool {
        matches!(self, Error::Sql(sql) if sql.code() == Some(&SqlState::UNIQUE_VIOLATION))
    }
}

/// What the driver says, with what the server said.
fn said(e: &tokio_postgres::Error) -> String {
    match e.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => std::error::Error::source(e).map_or_else(|| e.to_string(), |cause| format!("{e}: {cause}")),
    }
}

/// What goes wrong in the tables that a fold makes for itself.
impl From<crate::embedded::Error> for Error {
    fn from(e: crate::embedded::Error) -> Error {
        Error::Bug(e.to_string())
    }
}

impl From<Error> for StoreError {
    fn from(e: Error) -> StoreError {
        StoreError(e.to_string())
    }
}
