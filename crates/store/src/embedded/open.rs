//! A data directory before anything is read from it: whose it is, whether its log is whole, and that it is on the disk.
//! It decides nothing and repairs nothing.

use super::connect::{Use, connect, use_log};
use super::error::OpenError;
use super::journal;
use super::migrate::STATE;
use super::wal;
use rusqlite::wal::CheckpointMode;
use slotwise_domain::Epoch;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use uuid::Uuid;

pub(super) const LOCK: &str = "lock";
/// Lies in a directory that a restore has not finished.
pub(super) const RESTORING: &str = "restoring";

pub(super) fn make_dir(dir: &Path) -> Result<(), OpenError> {
    if dir.join(RESTORING).exists() {
        return Err(OpenError::Restoring(dir.into()));
    }
    if dir.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(dir).map_err(OpenError::io(format!("making {}", dir.display())))?;
    match dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => sync(parent),
        None => Ok(()),
    }
}

pub(crate) fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join(LOCK);
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(OpenError::io(format!("opening {}", path.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(dir.into())),
        Err(TryLockError::Error(e)) => Err(OpenError::io(format!("locking {}", path.display()))(e)),
    }
}

/// SQLite drops what follows a damaged frame without a word, so it may not open a log that has one.
pub(super) fn look_at_log(database: &Path) -> Result<(), OpenError> {
    let path = with_suffix(database, "-wal");
    let inspect = || wal::inspect(&path).map_err(OpenError::io(format!("reading {}", path.display())));
    let mut log = inspect()?;
    // It may be written to meanwhile, by whoever makes a key, or by a server that is backed up: damage stays, a write passes. A torn
    // end is opened either way, so nothing is waited for there; and where nobody wrote between two looks, it was no write.
    for _ in 0..16 {
        if !matches!(log, wal::Log::Damaged { .. }) {
            break;
        }
        let seen = written(&path);
        std::thread::sleep(Duration::from_millis(5));
        log = inspect()?;
        if written(&path) == seen {
            break;
        }
    }
    let empty = fs::metadata(database).map_or(true, |m| m.len() == 0);
    match log {
        wal::Log::Empty => Ok(()),
        _ if empty => {
            let says = "it is the log of a database that is gone".into();
            Err(OpenError::DamagedLog { path, offset: 0, says })
        }
        wal::Log::Whole { frames } => {
            tracing::info!(path = %path.display(), frames, "the log is whole");
            Ok(())
        }
        wal::Log::Torn { frames, offset } => {
            tracing::warn!(
                path = %path.display(), frames, offset,
                "the log ends within a commit. A process that writes to it, or was killed while writing, leaves this, and nothing is \
                 lost then; damage to the very last commit looks the same and cannot be told apart"
            );
            Ok(())
        }
        wal::Log::Damaged { offset, says } => Err(OpenError::DamagedLog { path, offset, says }),
    }
}

/// What a write to a file changes.
fn written(path: &Path) -> Option<(u64, SystemTime)> {
    let file = fs::metadata(path).ok()?;
    Some((file.len(), file.modified().ok()?))
}

/// Nothing is begun anew where something was: what is made of a file, or speaks of it, is made after it is on the disk.
pub(super) fn not_gone(dir: &Path, gone: &str, besides: &[&str]) -> Result<(), OpenError> {
    let there = |path: &Path| fs::metadata(path).is_ok_and(|m| m.len() > 0);
    let gone = dir.join(gone);
    match besides.iter().map(|name| dir.join(name)).find(|path| there(path)) {
        Some(beside) if !there(&gone) => Err(OpenError::Gone { gone, beside }),
        _ => Ok(()),
    }
}

/// Makes or migrates the database, and brings its log into it, so that all that was told is in the one file and on the disk.
pub(super) fn prepare(path: &Path) -> Result<(), OpenError> {
    let failed = || OpenError::sql(format!("opening {}", path.display()));
    look_at_header(path)?;
    let mut db = connect(path, Use::Write, 64 << 20).map_err(failed())?;
    STATE.check(&db, path)?;
    use_log(&db).map_err(failed())?;
    STATE.migrate(&mut db, path)?;
    if journal::meta(&db)?.is_none() {
        journal::begin(&db, Uuid::now_v7(), Epoch(1))?;
    }
    let (left, _) = db.wal_checkpoint_v2(Some(rusqlite::MAIN_DB), CheckpointMode::TRUNCATE).map_err(failed())?;
    if left > 0 {
        return Err(OpenError::Row(format!("{} is in use by another program", path.display())));
    }
    // No connection is open while the file is opened here: closing it would give SQLite's own locks away.
    db.close().map_err(|(_, e)| failed()(e))?;
    let file = File::open(path).and_then(|file| file.sync_all());
    file.map_err(OpenError::io(format!("syncing {}", path.display())))
}

/// What SQLite would take for an empty or foreign file, told before it writes to it.
fn look_at_header(path: &Path) -> Result<(), OpenError> {
    let mut header = [0; 16];
    let read = match File::open(path) {
        Ok(mut file) if file.metadata().is_ok_and(|m| m.len() > 0) => io::Read::read_exact(&mut file, &mut header),
        Ok(_) => return Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => Err(e),
    };
    match read {
        Ok(()) if &header == b"SQLite format 3\0" => Ok(()),
        // The power was cut while the first page was written: SQLite takes it back by its own journal, and refuses if it cannot.
        Ok(()) if header == [0; 16] && with_suffix(path, "-journal").exists() => Ok(()),
        Ok(()) => Err(OpenError::NotOurs { path: path.into(), says: "it is no SQLite database".into() }),
        Err(e) => Err(OpenError::io(format!("reading {}", path.display()))(e)),
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync(dir: &Path) -> Result<(), OpenError> {
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(OpenError::io(format!("syncing {}", dir.display())))
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
