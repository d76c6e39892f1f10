//! Connections to the two files: opened one way only, so that none of them is less careful than another.
//! Readers have several, the writer one; nobody shares one at the same time.

use super::error::{Error, Result};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use slotwise_engine::StoreError;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant as Moment};
use tokio::sync::Semaphore;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Writing, and making the file if there is none.
    Write,
    /// Reading only.
    Read,
}

/// Opens a connection. Every sync is real, and no connection checkpoints unasked.
pub(super) fn connect(path: &Path, purpose: Use, cache_bytes: usize) -> rusqlite::Result<Connection> {
    let create = match purpose {
        Use::Write => OpenFlags::SQLITE_OPEN_CREATE,
        Use::Read => OpenFlags::empty(),
    };
    let db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | create,
    )?;
    db.busy_timeout(Duration::from_secs(5))?;
    db.set_prepared_statement_cache_capacity(128);
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update(None, "cell_size_check", true)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "cache_size", -i64::try_from(cache_bytes / 1024).unwrap_or(i64::MAX))?;
    // A page written before its commit, and again in it, would look like damage to whoever reads the log after a kill.
    db.pragma_update(None, "cache_spill", false)?;
    if purpose == Use::Read {
        db.pragma_update(None, "query_only", true)?;
    }
    Ok(db)
}

/// Sets the file to a write-ahead log. Answers come back only when it is.
pub(super) fn use_log(db: &Connection) -> rusqlite::Result<()> {
    let mode: String = db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    match mode.as_str() {
        "wal" => Ok(()),
        _ => Err(rusqlite::Error::InvalidQuery),
    }
}

/// Connections that only read, lent to one query at a time on tokio's blocking threads.
pub(super) struct Readers {
    path: PathBuf,
    cache_bytes: usize,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    /// The first is opened at once, to see that it can be.
    pub fn open(path: &Path, count: usize, cache_bytes: usize) -> rusqlite::Result<Arc<Readers>> {
        let first = connect(path, Use::Read, cache_bytes)?;
        Ok(Arc::new(Readers {
            path: path.into(),
            cache_bytes,
            idle: Mutex::new(vec![first]),
            permits: Arc::new(Semaphore::new(count.max(1))),
        }))
    }

    /// Runs a query in a read transaction of its own.
    pub async fn read<T, F>(self: &Arc<Self>, query: F) -> std::result::Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.read_each(|db| {
            let tx = db.unchecked_transaction()?;
            let read = query(&tx)?;
            tx.commit()?;
            Ok(read)
        })
        .await
    }

    /// Runs queries, each in a read transaction of its own.
    pub async fn read_each<T, F>(self: &Arc<Self>, query: F) -> std::result::Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let begun = Moment::now();
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| StoreError("the store is closed".into()))?;
        let readers = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            readers.read_now(query)
        });
        let read = read.await.map_err(|e| StoreError(format!("a query panicked: {e}")))?;
        metrics::histogram!("slotwise_store_query_seconds").record(begun.elapsed());
        Ok(read?)
    }

    fn read_now<T>(&self, query: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let lent = Lent { db: Some(self.lend()?), readers: self };
        let Some(db) = lent.db.as_ref() else { return Err(Error::bug("a connection was lent twice")) };
        query(db)
    }

    fn lend(&self) -> rusqlite::Result<Connection> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(db) => Ok(db),
            None => connect(&self.path, Use::Read, self.cache_bytes),
        }
    }
}

/// Gives its connection back, also after a panic.
struct Lent<'a> {
    db: Option<Connection>,
    readers: &'a Readers,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(db) = self.db.take() {
            self.readers.idle.lock().unwrap_or_else(PoisonError::into_inner).push(db);
        }
    }
}
