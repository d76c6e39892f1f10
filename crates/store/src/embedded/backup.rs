//! A whole copy of a data directory, taken while a server writes to it: the journal commit by commit, each hash made again on the way,
//! and the people. A backup has its name when it is complete and on the disk, or it is not there. It changes nothing it copies.
//!
//! The journal is read in short reads, in order, up to where it ended when the backup began. Its rows are only ever added, so that
//! is one state; and no read is open for long, so the writer's log never grows because of it.

use super::connect::{Use, connect};
use super::error::{Error, OpenError};
use super::journal::{self, Head, Meta};
use super::migrate::{PEOPLE, STATE};
use super::open::{RESTORING, look_at_log, make_dir, sync};
use super::{FILE, follow, people};
use crate::commit::Lying;
use crate::record::{self, Hash};
use rusqlite::{Connection, OpenFlags, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use slotwise_domain::Instant;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// What makes a directory a backup.
pub(super) const MANIFEST: &str = "backup.json";
/// Raised when an older program could not restore it.
const FORMAT: u32 = 1;
/// A manifest is shorter.
const MANIFEST_BYTES_MAX: u64 = 64 << 10;
/// Read at once, and written before it is brought to the disk: what is waiting to be written there holds up nobody's commit for long.
const CHUNK_BYTES: usize = 8 << 20;
/// Pages of the copy that are kept in memory, in bytes.
const CACHE_BYTES: usize = 4 << 20;

/// What a backup says of itself, in `backup.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Of this form.
    pub format: u32,
    /// When it was begun: all that was answered before is in it.
    #[serde(with = "as_text")]
    pub made_at: jiff::Timestamp,
    /// The program that made it.
    pub made_by: String,
    /// Whose journal, and where it ends.
    pub journal: JournalEnd,
    /// Its files.
    pub files: Vec<BackupFile>,
}

/// Where the journal of a backup ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalEnd {
    /// Whose chain of commits it is.
    pub writer: Uuid,
    /// The epoch it was in.
    pub epoch: u32,
    /// The last commit; 0 if there is none.
    pub number: u64,
    /// Its hash, over all commits, in hexadecimal.
    pub hash: String,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupFile {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(t: &jiff::Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(t)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<jiff::Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

/// Why there is no backup, or none that can be used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is something by that name.
    #[error("{0} exists already; a backup is never written over anything")]
    Exists(PathBuf),
    /// Another process is making the same one.
    #[error("another process is writing {0}")]
    Busy(PathBuf),
    /// There is no store there.
    #[error("there is no Slotwise store in {0}")]
    NoStore(PathBuf),
    /// It is not what was written.
    #[error("{path} is damaged: {says}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How it shows.
        says: String,
    },
    /// The directory is in use.
    #[error(
        "{path} is not empty: it holds {name}. What is restored or imported makes a new data directory and never writes over one"
    )]
    NotEmpty {
        /// The directory.
        path: PathBuf,
        /// What was found there.
        name: String,
    },
    /// It is a database, and that refused.
    #[error("{0}")]
    Database(String),
    /// Whoever asked for it changed their mind.
    #[error("stopped before it was done; nothing is left of it")]
    Stopped,
    /// A file, a directory or the database refused.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl BackupError {
    pub(super) fn io(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> BackupError {
        let doing = format!("{doing} {}", path.display());
        move |e| OpenError::io(doing)(e).into()
    }

    pub(super) fn sql(doing: &str, path: &Path) -> impl FnOnce(rusqlite::Error) -> BackupError {
        let doing = format!("{doing} {}", path.display());
        move |e| OpenError::sql(doing)(e).into()
    }

    pub(crate) fn damaged(path: &Path, says: impl Into<String>) -> BackupError {
        BackupError::Damaged { path: path.into(), says: says.into() }
    }
}

pub(super) type Result<T> = std::result::Result<T, BackupError>;

/// How far it is: commits done, of so many. Breaking off leaves nothing behind.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64) -> ControlFlow<()>;

/// Backs a data directory up into a new directory `to`, begun at `now`. A server may be running on it, in this process or another.
pub fn backup(data: &Path, to: &Path, with_views: bool, now: Instant, progress: Progress) -> Result<Manifest> {
    if data.join(RESTORING).exists() {
        return Err(OpenError::Restoring(data.into()).into());
    }
    let (journal, people, views) = (data.join(FILE), data.join(people::FILE), data.join(follow::FILE));
    for file in [&journal, &people] {
        if !file.is_file() {
            return Err(BackupError::NoStore(data.into()));
        }
        look_at_log(file)?;
    }
    let partial = Partial::begin(to)?;
    let mut files = Vec::new();
    // The tables first: they follow the journal, so they are never ahead of one that is read after them.
    if with_views && views.is_file() {
        copy_database(&views, &partial.path.join(follow::FILE))?;
        files.push(described(&partial.path, follow::FILE)?);
    }
    let end = copy_journal(&journal, &partial.path.join(FILE), progress)?;
    files.push(described(&partial.path, FILE)?);
    // And people last: whoever is in the journal was among them before.
    PEOPLE.check(&connect(&people, Use::Read, CACHE_BYTES).map_err(BackupError::sql("opening", &people))?, &people)?;
    copy_database(&people, &partial.path.join(people::FILE))?;
    files.push(described(&partial.path, people::FILE)?);

    let made_by = format!("slotwise {}", env!("CARGO_PKG_VERSION"));
    let manifest = Manifest { format: FORMAT, made_at: timestamp(now), made_by, journal: end, files };
    write_manifest(&partial.path.join(MANIFEST), &manifest)?;
    partial.finish(to)?;
    Ok(manifest)
}

/// Reads a backup's manifest. Says nothing of its files.
pub fn read_manifest(backup: &Path) -> Result<Manifest> {
    let path = backup.join(MANIFEST);
    let file = File::open(&path).map_err(BackupError::io("reading", &path))?;
    let mut text = String::new();
    file.take(MANIFEST_BYTES_MAX).read_to_string(&mut text).map_err(BackupError::io("reading", &path))?;
    let manifest: Manifest =
        serde_json::from_str(&text).map_err(|e| BackupError::damaged(&path, format!("it is no manifest: {e}")))?;
    if manifest.format > FORMAT {
        return Err(OpenError::Newer { path, found: manifest.format, known: FORMAT }.into());
    }
    // Names come from a file: only ours are joined to a path.
    let known = |f: &&BackupFile| [FILE, people::FILE, follow::FILE].contains(&f.name.as_str());
    if let Some(file) = manifest.files.iter().find(|f| !known(f)) {
        return Err(BackupError::damaged(&path, format!("it names {:?}, which is no file of a backup", file.name)));
    }
    match [FILE, people::FILE].iter().find(|name| manifest.files.iter().all(|f| f.name != **name)) {
        Some(name) => Err(BackupError::damaged(&path, format!("it does not name {name}"))),
        None => Ok(manifest),
    }
}

/// Whether a backup is what was written: its files, the chain of all its commits, and that it ends where the manifest says.
pub fn check_backup(backup: &Path, progress: Progress) -> Result<Manifest> {
    let manifest = read_manifest(backup)?;
    for file in &manifest.files {
        let path = backup.join(&file.name);
        let found = hashed(&path, &mut io::sink())?;
        same_file(&path, file, &found)?;
    }
    check_journal(&backup.join(FILE), &manifest, progress)?;
    Ok(manifest)
}

/// Whether a journal's commits chain from the first to where the manifest says it ends.
pub(super) fn check_journal(path: &Path, manifest: &Manifest, progress: Progress) -> Result<()> {
    let db = open_unchanging(path)?;
    let (meta, head) = ends(&db, path)?;
    let found = JournalEnd::of(&meta, &head);
    if found != manifest.journal {
        let says = format!("it ends at commit {} and the manifest says {}", found.number, manifest.journal.number);
        return Err(BackupError::damaged(path, says));
    }
    chained(&db, path, &meta, &head, progress, |_| Ok(()))
}

impl JournalEnd {
    fn of(meta: &Meta, head: &Head) -> JournalEnd {
        JournalEnd { writer: meta.writer, epoch: meta.epoch.0, number: head.number, hash: hex(&head.hash) }
    }
}

pub(super) fn same_file(path: &Path, said: &BackupFile, found: &BackupFile) -> Result<()> {
    match (said.bytes == found.bytes, said.sha256 == found.sha256) {
        (true, true) => Ok(()),
        (true, false) => Err(BackupError::damaged(path, "its bytes are not those that were written")),
        (false, _) => Err(BackupError::damaged(path, format!("it has {} bytes and had {}", found.bytes, said.bytes))),
    }
}

/// Copies all of a file, and says what was copied.
pub(super) fn hashed(path: &Path, to: &mut dyn Write) -> Result<BackupFile> {
    let reading = || BackupError::io("reading", path);
    let mut file = File::open(path).map_err(reading())?;
    let (mut sum, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 20]);
    loop {
        let n = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(reading()(e)),
        };
        let read = buffer.get(..n).unwrap_or_default();
        sum.update(read);
        to.write_all(read).map_err(BackupError::io("copying", path))?;
        bytes += n as u64;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(BackupFile { name, bytes, sha256: hex(&sum.finalize().into()) })
}

fn described(dir: &Path, name: &str) -> Result<BackupFile> {
    let path = dir.join(name);
    sync_file(&path)?;
    hashed(&path, &mut io::sink())
}

pub(super) fn sync_file(path: &Path) -> Result<()> {
    File::open(path).and_then(|file| file.sync_all()).map_err(BackupError::io("syncing", path))
}

fn write_manifest(path: &Path, manifest: &Manifest) -> Result<()> {
    let text = serde_json::to_string_pretty(manifest).map_err(|e| BackupError::damaged(path, e.to_string()))?;
    fs::write(path, text + "\n").map_err(BackupError::io("writing", path))?;
    sync_file(path)
}

// The journal

fn copy_journal(from: &Path, to: &Path, progress: Progress) -> Result<JournalEnd> {
    let db = connect(from, Use::Read, CACHE_BYTES).map_err(BackupError::sql("opening", from))?;
    STATE.check(&db, from)?;
    let (meta, head) = ends(&db, from)?;
    let copy = new_journal(to, &meta)?;
    let file = File::open(to).map_err(BackupError::io("opening", to))?;
    chained(&db, from, &meta, &head, progress, |commits| add(&copy, &file, to, commits))?;
    copy.close().map_err(|(_, e)| BackupError::sql("writing", to)(e))?;
    drop(file);
    Ok(JournalEnd::of(&meta, &head))
}

/// An empty journal that takes commits as they lie in another one.
pub(super) fn new_journal(to: &Path, meta: &Meta) -> Result<Connection> {
    let writing = || BackupError::sql("writing", to);
    let mut copy = connect(to, Use::Write, CACHE_BYTES).map_err(writing())?;
    // Until it has its name it is nothing, so it needs no journal of its own; it is brought to the disk in pieces as it grows.
    copy.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(())).map_err(writing())?;
    copy.pragma_update(None, "synchronous", "OFF").map_err(writing())?;
    STATE.migrate(&mut copy, to)?;
    journal::begin(&copy, meta.writer, meta.epoch).map_err(OpenError::from)?;
    copy.execute("UPDATE meta SET epoch_began = ?1", [meta.epoch_began.map(|t| t.0)]).map_err(writing())?;
    Ok(copy)
}

/// Adds commits to such a journal, and brings them to the disk. `file` is its file.
pub(super) fn add(copy: &Connection, file: &File, to: &Path, commits: &[Lying]) -> Result<()> {
    const INSERT: &str = "INSERT INTO journal (number, hash, body, said) VALUES (?1, ?2, ?3, ?4)";
    let writing = || BackupError::sql("writing", to);
    let tx = copy.unchecked_transaction().map_err(writing())?;
    let mut insert = tx.prepare_cached(INSERT).map_err(writing())?;
    for Lying { number, hash, body, said, .. } in commits {
        insert.execute(params![super::load::signed(*number), hash, body, said]).map_err(writing())?;
    }
    drop(insert);
    tx.commit().map_err(writing())?;
    file.sync_data().map_err(BackupError::io("syncing", to))
}

/// Whose journal it is, and where it ends.
pub(super) fn ends(db: &Connection, path: &Path) -> Result<(Meta, Head)> {
    let unreadable = |e: Error| BackupError::damaged(path, e.to_string());
    let meta = journal::meta(db).map_err(unreadable)?;
    let meta = meta.ok_or_else(|| BackupError::damaged(path, "the journal has no row of its own"))?;
    Ok((meta, journal::head(db, meta.writer).map_err(unreadable)?))
}

/// Reads the commits up to a head, in order and in pieces, and makes every hash again.
pub(super) fn chained(
    db: &Connection,
    path: &Path,
    meta: &Meta,
    head: &Head,
    progress: Progress,
    mut each: impl FnMut(&[Lying]) -> Result<()>,
) -> Result<()> {
    let mut at = Head { number: 0, hash: record::commits_genesis(meta.writer) };
    while at.number < head.number {
        if progress(at.number, head.number).is_break() {
            return Err(BackupError::Stopped);
        }
        let commits = piece(db, at.number, head.number).map_err(BackupError::sql("reading", path))?;
        for commit in &commits {
            if commit.number != at.number + 1 {
                let says = format!("commit {} follows commit {}", commit.number, at.number);
                return Err(BackupError::damaged(path, says));
            }
            if record::chain_commit(&at.hash, commit.number, &commit.body) != commit.hash {
                let says = format!("commit {} is not what was written, or what is before it", commit.number);
                return Err(BackupError::damaged(path, says));
            }
            at = Head { number: commit.number, hash: commit.hash };
        }
        if commits.is_empty() {
            return Err(BackupError::damaged(path, format!("it ends before commit {}", head.number)));
        }
        each(&commits)?;
    }
    if at.hash != head.hash {
        return Err(BackupError::damaged(path, format!("commit {} changed while it was read", head.number)));
    }
    match progress(head.number, head.number) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(BackupError::Stopped),
    }
}

/// Commits after a number, as many as are read at once; a read of its own.
fn piece(db: &Connection, after: u64, last: u64) -> rusqlite::Result<Vec<Lying>> {
    let mut select = db.prepare_cached(
        "SELECT number, hash, body, said FROM journal WHERE number > ?1 AND number <= ?2 ORDER BY number",
    )?;
    let mut rows = select.query([super::load::signed(after), super::load::signed(last)])?;
    let (mut commits, mut bytes) = (Vec::new(), 0);
    while bytes < CHUNK_BYTES
        && let Some(row) = rows.next()?
    {
        let (number, hash, body, said) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let commit = Lying { place: None, number, hash, body, said };
        bytes += 64 + commit.body.len() + commit.said.as_ref().map_or(0, Vec::len);
        commits.push(commit);
    }
    Ok(commits)
}

/// Copies a database as it is at one instant. Nobody waits for it; a log in front of it only grows meanwhile.
fn copy_database(from: &Path, to: &Path) -> Result<()> {
    let db = connect(from, Use::Write, CACHE_BYTES).map_err(BackupError::sql("opening", from))?;
    // The copy is no database that anybody reads after a kill: its pages need not stay in memory.
    db.pragma_update(None, "cache_spill", true).map_err(BackupError::sql("opening", from))?;
    let Some(name) = to.to_str() else { return Err(BackupError::damaged(to, "its name is not UTF-8")) };
    db.execute("VACUUM INTO ?1", [name]).map(drop).map_err(BackupError::sql("copying", from))
}

/// Opens a database that nobody writes to, without putting any file beside it.
fn open_unchanging(path: &Path) -> Result<Connection> {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            other => uri.push_str(&format!("%{other:02x}")),
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri, flags).map_err(BackupError::sql("opening", path))
}

pub(super) fn timestamp(t: Instant) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(t.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

fn hex(bytes: &Hash) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

// The directory that becomes it

/// A backup that has no name yet. Its lock says that somebody is at it; one without is what a kill has left.
struct Partial {
    path: PathBuf,
    lock: File,
    done: bool,
}

impl Partial {
    fn begin(to: &Path) -> Result<Partial> {
        if to.symlink_metadata().is_ok() {
            return Err(BackupError::Exists(to.into()));
        }
        let parent = parent(to);
        make_dir(parent)?;
        let mut path = to.as_os_str().to_owned();
        path.push(PARTIAL);
        let path = PathBuf::from(path);
        let making = || BackupError::io("making", &path);
        match fs::create_dir(&path) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(making()(e)),
            Ok(()) | Err(_) => {}
        }
        let lock = claimed(&path)?.ok_or_else(|| BackupError::Busy(path.clone()))?;
        for entry in fs::read_dir(&path).map_err(making())? {
            fs::remove_file(entry.map_err(making())?.path()).map_err(making())?;
        }
        Ok(Partial { path, lock, done: false })
    }

    fn finish(mut self, to: &Path) -> Result<()> {
        sync(&self.path)?;
        fs::rename(&self.path, to).map_err(BackupError::io("naming", to))?;
        self.done = true;
        Ok(sync(parent(to))?)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.done
            && let Err(e) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(path = %self.path.display(), error = %e, "what was begun of a backup could not be removed");
        }
        drop(self.lock.unlock());
    }
}

const PARTIAL: &str = ".partial";

/// The lock of a directory, unless somebody has it.
fn claimed(dir: &Path) -> Result<Option<File>> {
    let file = File::open(dir).map_err(BackupError::io("opening", dir))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(BackupError::io("locking", dir)(e)),
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

// Many of them in one directory

/// Backups of one store in one directory, each named by its time, the newest kept.
pub struct Shelf {
    dir: PathBuf,
    /// Whoever has it is the only one who makes or removes any.
    _lock: File,
}

impl Shelf {
    /// Takes the directory, and makes it if there is none. Removes what a kill has left of backups that were begun.
    pub fn take(dir: &Path) -> Result<Shelf> {
        make_dir(dir)?;
        let lock = claimed(dir)?.ok_or_else(|| BackupError::Busy(dir.into()))?;
        let shelf = Shelf { dir: dir.into(), _lock: lock };
        for name in shelf.names()?.iter().filter_map(|name| name.strip_suffix(PARTIAL)).filter(|n| time_of(n).is_some())
        {
            let path = dir.join(format!("{name}{PARTIAL}"));
            if claimed(&path)?.is_some() {
                fs::remove_dir_all(&path).map_err(BackupError::io("removing", &path))?;
            }
        }
        Ok(shelf)
    }

    /// When the newest whole backup of a store's journal was made.
    pub fn newest(&self, data: &Path) -> Result<Option<jiff::Timestamp>> {
        let writer = writer_of(data)?;
        Ok(self.whole(writer)?.last().map(|(_, manifest)| manifest.made_at))
    }

    /// Makes another one, then removes the oldest whole ones beyond `keep`. What is not a whole backup of this store is left alone.
    pub fn add(&self, data: &Path, keep: usize, now: Instant, progress: Progress) -> Result<(PathBuf, Manifest)> {
        let to = self.dir.join(timestamp(now).strftime(NAME).to_string());
        let manifest = backup(data, &to, false, now, progress)?;
        let whole = self.whole(manifest.journal.writer)?;
        for (path, _) in whole.iter().take(whole.len().saturating_sub(keep.max(1))).filter(|(path, _)| *path != to) {
            // Without it, it is no backup any more: whoever is cut short here leaves nothing that looks like one.
            let first = path.join(MANIFEST);
            fs::remove_file(&first).map_err(BackupError::io("removing", &first))?;
            fs::remove_dir_all(path).map_err(BackupError::io("removing", path))?;
            tracing::info!(path = %path.display(), "an old backup was removed");
        }
        Ok((to, manifest))
    }

    /// Whole ones of a journal, oldest first, as far as it shows without reading all of them.
    fn whole(&self, writer: Uuid) -> Result<Vec<(PathBuf, Manifest)>> {
        let mut whole = Vec::new();
        for name in self.names()?.into_iter().filter(|name| time_of(name).is_some()) {
            let path = self.dir.join(name);
            match read_manifest(&path) {
                Ok(manifest) if manifest.journal.writer == writer && sizes_match(&path, &manifest) => {
                    whole.push((path, manifest));
                }
                Ok(manifest) if manifest.journal.writer == writer => {
                    tracing::warn!(path = %path.display(), "a backup is not whole any more; it is left alone and not counted");
                }
                Ok(_) => {}
                Err(e) => tracing::warn!(error = %e, "what looks like a backup is none; it is left alone"),
            }
        }
        whole.sort_by_key(|(_, manifest)| manifest.made_at);
        Ok(whole)
    }

    fn names(&self) -> Result<Vec<String>> {
        let reading = || BackupError::io("reading", &self.dir);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(reading())? {
            let entry = entry.map_err(reading())?;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                names.extend(entry.file_name().into_string());
            }
        }
        names.sort();
        Ok(names)
    }
}

/// What the name of a kept backup is made of: its time in UTC.
const NAME: &str = "%Y-%m-%dT%H-%M-%SZ";

fn time_of(name: &str) -> Option<jiff::civil::DateTime> {
    jiff::civil::DateTime::strptime(NAME, name).ok()
}

fn sizes_match(dir: &Path, manifest: &Manifest) -> bool {
    manifest.files.iter().all(|f| fs::metadata(dir.join(&f.name)).is_ok_and(|m| m.len() == f.bytes))
}

fn writer_of(data: &Path) -> Result<Uuid> {
    let path = data.join(FILE);
    let db = connect(&path, Use::Read, CACHE_BYTES).map_err(BackupError::sql("opening", &path))?;
    Ok(ends(&db, &path)?.0.writer)
}
