//! A backup as a new data directory, in an epoch of its own: nothing from before it can be mistaken for something after it.
//! It writes over nothing, and what it has not finished no program opens.
//!
//! A marker lies in the directory from before the first byte until after the last one is on the disk. Whoever finds it refuses to
//! open the directory; the next restore begins anew.

use super::backup::{BackupError, BackupFile, Manifest, Result, check_backup, hashed, same_file, sync_file};
use super::connect::{Use, connect};
use super::open::{RESTORING, lock, sync, with_suffix};
use super::{FILE, follow, people};
use slotwise_domain::{Epoch, Instant};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// From which backup.
    pub manifest: Manifest,
    /// The epoch it is in now.
    pub epoch: Epoch,
    /// Unknown keys that were made before this are not carried out.
    pub epoch_began: Instant,
}

/// Makes a data directory of a backup, at `now`. `progress` is as in [`super::backup`].
pub fn restore(from: &Path, data: &Path, now: Instant, progress: super::Progress) -> Result<Restored> {
    let manifest = check_backup(from, progress)?;
    let unfinished = begin(data)?;
    for file in &manifest.files {
        copy(from, data, file)?;
    }
    let (epoch, epoch_began) = begin_epoch(&data.join(FILE), &manifest, now)?;
    read_no_further(&data.join(people::FILE), &manifest)?;
    for file in &manifest.files {
        sync_file(&data.join(&file.name))?;
    }
    unfinished.finish()?;
    Ok(Restored { manifest, epoch, epoch_began })
}

/// A data directory that is being made. No program opens it meanwhile.
pub(super) struct Unfinished {
    data: PathBuf,
    _lock: File,
}

/// Begins to make a data directory, or begins anew where somebody was cut short.
pub(super) fn begin(data: &Path) -> Result<Unfinished> {
    fs::create_dir_all(data).map_err(BackupError::io("making", data))?;
    let unfinished = Unfinished { data: data.into(), _lock: lock(data)? };
    let marker = data.join(RESTORING);
    if !marker.exists() {
        nothing_of_ours(data)?;
        File::create(&marker).and_then(|file| file.sync_all()).map_err(BackupError::io("writing", &marker))?;
        sync(data)?;
    }
    Ok(unfinished)
}

impl Unfinished {
    /// All of it is on the disk: it may be opened.
    pub fn finish(self) -> Result<()> {
        sync(&self.data)?;
        let marker = self.data.join(RESTORING);
        fs::remove_file(&marker).map_err(BackupError::io("removing", &marker))?;
        Ok(sync(&self.data)?)
    }

    /// Nothing of ours is left in it.
    pub fn give_up(self) -> Result<()> {
        Unfinished::clear(&self.data)?;
        self.finish()
    }

    /// Removes what somebody who was cut short has left.
    pub fn clear(data: &Path) -> Result<()> {
        for name in [FILE, people::FILE, follow::FILE] {
            remove(&data.join(name))?;
        }
        Ok(())
    }
}

/// Removes a database and what lies beside it.
fn remove(path: &Path) -> Result<()> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let old = with_suffix(path, suffix);
        match fs::remove_file(&old) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(BackupError::io("removing", &old)(e)),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn nothing_of_ours(data: &Path) -> Result<()> {
    for name in [FILE, people::FILE, follow::FILE] {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let path = with_suffix(&data.join(name), suffix);
            if path.symlink_metadata().is_ok() {
                let name = format!("{name}{suffix}");
                return Err(BackupError::NotEmpty { path: data.into(), name });
            }
        }
    }
    Ok(())
}

/// Copies a file, after whatever an unfinished restore has left of it.
fn copy(from: &Path, data: &Path, file: &BackupFile) -> Result<()> {
    let (source, target) = (from.join(&file.name), data.join(&file.name));
    remove(&target)?;
    let mut copy = File::create_new(&target).map_err(BackupError::io("writing", &target))?;
    let found = hashed(&source, &mut copy)?;
    same_file(&source, file, &found)
}

/// Raises the epoch above every one that was ever told: the same backup may have been restored before, and what was told then is
/// not in it. So it is the time in seconds, unless that is not above the last one.
fn begin_epoch(path: &Path, manifest: &Manifest, now: Instant) -> Result<(Epoch, Instant)> {
    const SECOND: i64 = 1_000_000;
    let seconds = u32::try_from(now.0 / SECOND).unwrap_or(0);
    let epoch = Epoch(seconds.max(manifest.journal.epoch.saturating_add(1)));
    // Keys are dated to the millisecond: one of the same millisecond may be from before.
    let began = Instant(now.0.saturating_add(999) / 1_000 * 1_000);
    let writing = || BackupError::sql("writing", path);
    let db = connect(path, Use::Write, 1 << 20).map_err(writing())?;
    let rows = db.execute("UPDATE meta SET epoch = ?1, epoch_began = ?2", [i64::from(epoch.0), began.0]);
    if rows.map_err(writing())? != 1 {
        return Err(BackupError::damaged(path, "the journal has no row of its own"));
    }
    db.close().map_err(|(_, e)| writing()(e))?;
    Ok((epoch, began))
}

/// Notices of commits that are not in the backup were told to nobody: their places will be those of others. The people are copied
/// after the journal, so what they have read and what was posted to them may be ahead of it.
fn read_no_further(path: &Path, manifest: &Manifest) -> Result<()> {
    let writing = || BackupError::sql("writing", path);
    let db = connect(path, Use::Write, 1 << 20).map_err(writing())?;
    let head = i64::try_from(manifest.journal.number).unwrap_or(i64::MAX);
    for table in ["notice_read", "posted"] {
        let exists = db.table_exists(None, table).map_err(writing())?;
        if exists {
            let all = i64::from(u32::MAX);
            let sql = format!("UPDATE {table} SET commit_number = ?1, place = ?2 WHERE commit_number > ?1");
            db.execute(&sql, [head, all]).map_err(writing())?;
        }
    }
    if db.table_exists(None, "letter").map_err(writing())? {
        db.execute("DELETE FROM letter WHERE commit_number > ?1", [head]).map_err(writing())?;
    }
    db.close().map_err(|(_, e)| writing()(e))
}
