//! Signed checkpoints: what the record was at an instant, in a line that anybody may keep. A thread of its own makes them from the
//! tables, so the writer never waits for one; and one that cannot be written stops nothing, but is said.
//!
//! Whoever can write the data directory can also sign with the key that lies in it: what a checkpoint proves, it proves where it is
//! kept elsewhere.

use super::connect::{Use, connect};
use super::error::{Error, OpenError, Result};
use super::journal::{self, Meta};
use super::open::sync;
use super::tail::Tail;
use super::verify::heads_of;
use crate::health::Health;
use crate::record::Hash;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use slotwise_domain::{Epoch, Instant, ResourceId, Version};
use slotwise_engine::{Checkpoint, Clock, StoreError};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant as Moment};
use uuid::Uuid;

/// Checkpoints in the data directory, one a line.
pub(super) const FILE: &str = "checkpoints.jsonl";
/// The key they are signed with, if no other is given.
const KEY_FILE: &str = "checkpoint.key";
const KEY_FILE_UNFINISHED: &str = "checkpoint.key.new";
/// From so many new commits on, one is made before its time.
pub(crate) const MANY: u64 = 10_000;
/// But never more often than this.
pub(crate) const SOONEST: Duration = Duration::from_secs(10);
/// How often it is looked whether one is due.
const TICK: Duration = Duration::from_secs(1);
const FORMAT: u32 = 1;

/// How signed checkpoints are made.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    /// The file with the key; made in the data directory if left out.
    pub key: Option<PathBuf>,
    /// A second file that they are appended to, best on another machine's disk.
    pub copy: Option<PathBuf>,
    /// While anything is committed, one is made after so long.
    pub every: Duration,
}

impl Default for Checkpoints {
    fn default() -> Checkpoints {
        Checkpoints { key: None, copy: None, every: Duration::from_secs(600) }
    }
}

/// Whether a checkpoint is what somebody signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    /// With this key, and as it is.
    Holds,
    /// Not as it is.
    Forged,
    /// With another key.
    Foreign,
}

/// Whether a checkpoint was signed with a key.
pub(crate) fn holds(checkpoint: &Checkpoint, key: &Hash) -> Signed {
    let signature = Signature::from_bytes(&checkpoint.signature);
    let by = |key: &Hash| {
        let key = VerifyingKey::from_bytes(key);
        key.is_ok_and(|key| key.verify_strict(&message(checkpoint), &signature).is_ok())
    };
    match (by(key), checkpoint.public_key == *key) {
        (true, _) => Signed::Holds,
        (false, true) => Signed::Forged,
        (false, false) if by(&checkpoint.public_key) => Signed::Foreign,
        (false, false) => Signed::Forged,
    }
}

/// Signs a checkpoint.
pub(crate) fn sign(key: &SigningKey, checkpoint: &mut Checkpoint) {
    checkpoint.signature = key.sign(&message(checkpoint)).to_bytes();
}

/// What is signed: lines of text, so that any other program can check it too.
fn message(c: &Checkpoint) -> Vec<u8> {
    let (hash, heads) = (hex(&c.hash), hex(&c.heads));
    let Checkpoint { made_at, writer, epoch, commit, .. } = c;
    format!("slotwise checkpoint {FORMAT}\n{made_at}\n{writer}\n{}\n{commit}\n{hash}\n{heads}\n", epoch.0).into_bytes()
}

/// The sum over the heads of resources, in the order of their ids.
#[derive(Default)]
pub(crate) struct Heads(Sha256);

impl Heads {
    pub fn add(&mut self, resource: ResourceId, version: Version, hash: Hash) {
        self.0.update(resource.0.as_bytes());
        self.0.update(version.epoch.0.to_be_bytes());
        self.0.update(version.number.to_be_bytes());
        self.0.update(hash);
    }

    pub fn sum(self) -> Hash {
        self.0.finalize().into()
    }
}

/// The sum over heads that are all in memory, in the order of their ids.
pub(crate) fn heads(all: impl Iterator<Item = (ResourceId, Version, Hash)>) -> Hash {
    let mut sum = Heads::default();
    all.for_each(|(resource, version, hash)| sum.add(resource, version, hash));
    sum.sum()
}

// As lines

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    format: u32,
    made_at: String,
    writer: Uuid,
    epoch: u32,
    commit: u64,
    hash: String,
    heads: String,
    signature: String,
    public_key: String,
}

/// A checkpoint as a line of JSON, with its end.
pub fn checkpoint_line(c: &Checkpoint) -> String {
    let line = Line {
        format: FORMAT,
        made_at: c.made_at.to_string(),
        writer: c.writer,
        epoch: c.epoch.0,
        commit: c.commit,
        hash: hex(&c.hash),
        heads: hex(&c.heads),
        signature: hex(&c.signature),
        public_key: hex(&c.public_key),
    };
    serde_json::to_string(&line).unwrap_or_default() + "\n"
}

/// The checkpoint of a line.
pub(crate) fn checkpoint(line: &str) -> std::result::Result<Checkpoint, String> {
    let line: Line = serde_json::from_str(line).map_err(|e| format!("it is no checkpoint: {e}"))?;
    if line.format != FORMAT {
        return Err(format!("it has format {}, and this version knows format {FORMAT}", line.format));
    }
    let no_bytes = |name: &str| format!("{name} is not what it must be in hexadecimal digits");
    let made_at: jiff::Timestamp = line.made_at.parse().map_err(|_| "made_at is no instant".to_owned())?;
    Ok(Checkpoint {
        made_at: Instant::from(made_at),
        writer: line.writer,
        epoch: Epoch(line.epoch),
        commit: line.commit,
        hash: unhex(&line.hash).ok_or_else(|| no_bytes("hash"))?,
        heads: unhex(&line.heads).ok_or_else(|| no_bytes("heads"))?,
        signature: unhex(&line.signature).ok_or_else(|| no_bytes("signature"))?,
        public_key: unhex(&line.public_key).ok_or_else(|| no_bytes("public_key"))?,
    })
}

/// The lines of a file with checkpoints, each with its number. A line that was broken off, as by a kill, says nothing.
#[expect(clippy::type_complexity, reason = "a line is a checkpoint or what is wrong with it")]
pub(crate) fn read(
    path: &Path,
) -> std::result::Result<Vec<(usize, std::result::Result<Checkpoint, String>)>, StoreError> {
    let text = fs::read_to_string(path).map_err(|e| StoreError(format!("reading {}: {e}", path.display())))?;
    let whole = text.lines().enumerate().filter(|(_, line)| line.trim_end().ends_with('}'));
    Ok(whole.map(|(n, line)| (n + 1, checkpoint(line))).collect())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes from their hexadecimal digits: exactly so many.
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let text = text.as_bytes();
    let digit = |n: usize| text.get(n).and_then(|c| char::from(*c).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let mut bytes = [0; N];
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = digit(2 * n)? << 4 | digit(2 * n + 1)?;
    }
    (text.len() == 2 * N).then_some(bytes)
}

// Making them

/// The thread's other end.
pub(super) struct Signer {
    latest: Arc<Mutex<Option<Checkpoint>>>,
    bell: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Signer {
    /// Reads the key, or makes it, and begins after the last checkpoint that the directory has.
    pub fn start(
        dir: &Path,
        wanted: &Checkpoints,
        (journal, tables): (PathBuf, PathBuf),
        meta: Meta,
        tail: Arc<Tail>,
        health: Arc<Health>,
        clock: Arc<dyn Clock>,
    ) -> std::result::Result<Signer, OpenError> {
        let key = match &wanted.key {
            Some(path) => read_key(path)?,
            None => own_key(dir)?,
        };
        let file = dir.join(FILE);
        let before = if file.is_file() { read(&file).map_err(|e| OpenError::Row(e.0))? } else { Vec::new() };
        let latest = before.into_iter().filter_map(|(_, line)| line.ok()).rfind(|c| c.writer == meta.writer);
        let last = latest.as_ref().filter(|c| c.epoch == meta.epoch).map_or(0, |c| c.commit);
        if last > tail.head() {
            let (ends, last) = (tail.head(), last);
            tracing::error!(
                ends,
                last,
                "the journal ends before the last checkpoint of its own folder: answers that were told are missing"
            );
            let says = format!(
                "The record ends at commit {ends}, and commit {last} was in it: its end is missing. Restore a backup."
            );
            health.warn("record", Some(says));
        }
        let last = last.min(tail.head());
        let latest = Arc::new(Mutex::new(latest));
        let files = [Some(file), wanted.copy.clone()].into_iter().flatten().collect();
        let (bell, rung) = mpsc::channel();
        let every = wanted.every;
        let (shared, begun) = (latest.clone(), Moment::now());
        let run = Run { key, files, journal, tables, meta, tail, health, clock, latest: shared, last, begun, every };
        let thread = std::thread::Builder::new().name("slotwise-signer".into()).spawn(move || run.run(&rung));
        let thread = thread.map_err(OpenError::io("starting the thread that signs checkpoints"))?;
        Ok(Signer { latest, bell: Some(bell), thread: Some(thread) })
    }

    /// The last one that was made.
    pub fn latest(&self) -> Option<Checkpoint> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes the last one, of all there is, and ends.
    pub fn finish(&mut self) {
        drop(self.bell.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that signs checkpoints panicked; this is a bug");
        }
    }
}

struct Run {
    key: SigningKey,
    files: Vec<PathBuf>,
    journal: PathBuf,
    tables: PathBuf,
    meta: Meta,
    tail: Arc<Tail>,
    health: Arc<Health>,
    clock: Arc<dyn Clock>,
    latest: Arc<Mutex<Option<Checkpoint>>>,
    /// Its commit.
    last: u64,
    begun: Moment,
    every: Duration,
}

impl Run {
    fn run(mut self, rung: &Receiver<()>) {
        loop {
            let ending = !matches!(rung.recv_timeout(TICK), Err(RecvTimeoutError::Timeout));
            let (new, since) = (self.tail.applied().saturating_sub(self.last), self.begun.elapsed());
            let due = new > 0 && (ending || since >= self.every || (new >= MANY && since >= SOONEST));
            // After a failure nothing is written any more, this neither.
            if due && self.health.stopped().is_none() {
                self.begun = Moment::now();
                let says = match self.sign() {
                    Ok(()) => None,
                    Err(e) => {
                        tracing::error!(error = %e, "no checkpoint could be made; what is booked is not touched by that");
                        Some("No signed checkpoint could be written; the log says why.".to_owned())
                    }
                };
                self.health.warn("checkpoints", says);
            }
            if ending {
                return;
            }
        }
    }

    fn sign(&mut self) -> Result<()> {
        let tables = connect(&self.tables, Use::Read, 1 << 20)?;
        let journal = connect(&self.journal, Use::Read, 1 << 20)?;
        let Some((mark, heads)) = heads_of(&tables)? else { return Err(Error::bug("the tables have no mark")) };
        if mark.number == 0 {
            return Ok(());
        }
        // What is signed is of the journal; the tables only say where their heads belong.
        let Some((commit, _)) = journal::commit(&journal, mark.number)? else {
            return Err(Error::Damaged(format!("commit {} of the journal is gone", mark.number)));
        };
        if commit.hash != mark.hash {
            return Err(Error::bug(format!("the tables follow another journal at commit {}", mark.number)));
        }
        let mut checkpoint = Checkpoint {
            made_at: self.clock.now(),
            writer: self.meta.writer,
            epoch: self.meta.epoch,
            commit: mark.number,
            hash: commit.hash,
            heads,
            signature: [0; 64],
            public_key: self.key.verifying_key().to_bytes(),
        };
        sign(&self.key, &mut checkpoint);
        let line = checkpoint_line(&checkpoint);
        for path in &self.files {
            append(path, &line).map_err(|e| Error::bug(format!("writing {}: {e}", path.display())))?;
        }
        self.last = checkpoint.commit;
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(checkpoint);
        metrics::counter!("slotwise_checkpoints_signed_total").increment(1);
        Ok(())
    }
}

/// Adds a line; one that was broken off before it is left as it is, on a line of its own.
pub(crate) fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut file = File::options().create(true).read(true).append(true).open(path)?;
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    let begin = if last == [b'\n'] { "" } else { "\n" };
    file.write_all(format!("{begin}{line}").as_bytes())?;
    file.sync_data()
}

// The key

/// Thirty-two bytes as hexadecimal digits in a file.
pub(crate) fn read_key(path: &Path) -> std::result::Result<SigningKey, OpenError> {
    let doing = || format!("reading the key of checkpoints {}", path.display());
    let text = fs::read_to_string(path).map_err(OpenError::io(doing()))?;
    let mode = fs::metadata(path).map_err(OpenError::io(doing()))?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "others may read the key of checkpoints: chmod 600 it");
    }
    let seed = unhex(text.trim());
    let seed = seed.ok_or_else(|| OpenError::Row(format!("{} does not hold 64 hexadecimal digits", path.display())))?;
    Ok(SigningKey::from_bytes(&seed))
}

/// The key in the data directory, made at the first start.
fn own_key(dir: &Path) -> std::result::Result<SigningKey, OpenError> {
    let path = dir.join(KEY_FILE);
    if path.exists() {
        return read_key(&path);
    }
    // Four version 4 UUIDs: 488 bits from the system's randomness, in 256.
    let random = (0..4).fold(Sha256::new(), |sum, _| sum.chain_update(Uuid::new_v4().as_bytes()));
    let seed: Hash = random.finalize().into();
    // Under another name until it is whole: a name may outlive a power cut that its content does not.
    let unfinished = dir.join(KEY_FILE_UNFINISHED);
    let made = File::options().create(true).truncate(true).write(true).mode(0o600).open(&unfinished);
    let made = made.and_then(|mut file| {
        file.write_all((hex(&seed) + "\n").as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)
    });
    made.map_err(OpenError::io(format!("making the key of checkpoints {}", path.display())))?;
    sync(dir)?;
    Ok(SigningKey::from_bytes(&seed))
}
