//! What a process does to its disk, call by call, and the disks that a power cut could leave of it at any moment.
//! It knows files and bytes, and nothing of what they mean; the process under test does not know of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use tempfile::TempDir;

/// A folder under watch: its data, what was told by whoever worked on it, and the library that stands before the system.
pub struct Watched {
    dir: TempDir,
    library: PathBuf,
}

impl Watched {
    /// In memory, where there is such a folder: thousands of images are written. `None` where nothing can be watched, which is said.
    pub fn new() -> Option<Watched> {
        let dir = scratch();
        let library = dir.path().join("disk.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/disk.c");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).args(["-ldl", "-lpthread"]);
        if !cfg!(target_os = "linux") || !cc.status().is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED, AND NOTHING OF IT TESTED: watching a disk needs Linux and a C compiler called cc");
            return None;
        }
        fs::create_dir(dir.path().join("data")).unwrap();
        Some(Watched { dir, library })
    }

    fn file(&self, name: &str) -> PathBuf {
        // The system tells paths without links in them.
        fs::canonicalize(self.dir.path()).unwrap().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.file("data")
    }

    /// Puts a folder as it was in the place of the data, and forgets what was told.
    pub fn begin_with(&self, files: &Files) {
        fs::remove_dir_all(self.data()).unwrap();
        write(files, &self.data());
        for name in ["told", "fired"] {
            drop(fs::remove_file(self.file(name)));
        }
    }

    /// Runs a test of this binary as a process of its own, on the watched folder.
    pub fn run(&self, test: &str, env: &[(&str, String)], watch: &Watch) -> ExitStatus {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args([test, "--exact", "--ignored", "--test-threads=1"]).stdin(Stdio::null()).stdout(Stdio::null());
        child.stderr(fs::File::options().create(true).append(true).open(self.file("log")).unwrap());
        child.env("LD_PRELOAD", &self.library).env("DISK_ROOT", self.data()).env("DISK_TOLD", self.file("told"));
        match watch {
            Watch::Record => child.env("DISK_TRACE", self.file("trace")),
            Watch::Fail { operations, nth, errno, times, short } => child
                .env("DISK_FAIL", format!("{operations} {nth} {errno} {times} {}", i32::from(*short)))
                .env("DISK_FIRED", self.file("fired")),
        };
        child.envs(env.iter().map(|(name, value)| (name, value))).status().unwrap()
    }

    /// Whether a call was failed since the beginning.
    pub fn fired(&self) -> bool {
        self.file("fired").exists()
    }

    pub fn told(&self) -> String {
        fs::read_to_string(self.file("told")).unwrap_or_default()
    }

    /// What the processes wrote to standard error.
    pub fn log(&self) -> String {
        let log = fs::read_to_string(self.file("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// All calls so far, in order.
    pub fn trace(&self) -> Vec<Call> {
        let bytes = fs::read(self.file("trace")).unwrap();
        let (data, told) = (self.data(), self.file("told"));
        let mut rest = &bytes[..];
        let mut take = |n: usize| {
            let (taken, left) = rest.split_at_checked(n)?;
            rest = left;
            Some(taken)
        };
        let mut calls = Vec::new();
        while let Some(&[operation]) = take(1) {
            let number = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
            let (path, length) = (number(take(4).unwrap()) as usize, number(take(4).unwrap()) as usize);
            let at = number(take(8).unwrap());
            let path = PathBuf::from(String::from_utf8(take(path).unwrap().to_vec()).unwrap());
            let bytes = take(length).unwrap().to_vec();
            let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
            calls.push(match operation {
                b'W' if path == told => Call::Told(String::from_utf8(bytes).unwrap()),
                _ if path == told => continue,
                b'S' if path == data => Call::SyncFolder,
                b'W' => Call::Write(name(&path), at as usize, bytes),
                b'T' => Call::Cut(name(&path), at as usize),
                b'S' => Call::Sync(name(&path)),
                b'C' => Call::Create(name(&path)),
                b'U' => Call::Remove(name(&path)),
                b'R' => Call::Rename(name(&path), name(Path::new(std::str::from_utf8(&bytes).unwrap()))),
                other => panic!("an operation {other}"),
            });
        }
        calls
    }
}

/// What is done while a process runs.
pub enum Watch {
    /// All calls are written down.
    Record,
    /// The n-th of these operations fails, and those after it, so many times; a short write first does a half.
    Fail { operations: &'static str, nth: u32, errno: i32, times: u32, short: bool },
}

/// A folder's files by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Files of a folder that was left alone.
pub fn read(dir: &Path) -> Files {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let named = |path: PathBuf| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap());
    entries.map(named).filter(|(name, _)| !name.ends_with("-shm")).collect()
}

pub fn write(files: &Files, dir: &Path) {
    fs::create_dir_all(dir).unwrap();
    files.iter().for_each(|(name, bytes)| fs::write(dir.join(name), bytes).unwrap());
}

/// A folder in memory if there is one, else where temporary files are.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let in_memory = memory.is_dir().then(|| tempfile::tempdir_in(memory).ok()).flatten();
    in_memory.unwrap_or_else(|| tempfile::tempdir().unwrap())
}

/// What was done to the files of one folder.
pub enum Call {
    Write(String, usize, Vec<u8>),
    Cut(String, usize),
    Sync(String),
    Create(String),
    Remove(String),
    Rename(String, String),
    SyncFolder,
    /// Not on the disk: somebody was told this.
    Told(String),
}

/// What a power cut does to what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Nothing: only the process was killed.
    Kept,
    /// All of it is lost.
    Lost,
    /// Of each file a part from the beginning is there, the last write of it up to a multiple of so many bytes.
    Torn(usize),
    /// Of each file some pieces of so many bytes are there and others are not, in no order.
    Scattered(usize),
}

pub const CUTS: [Cut; 6] =
    [Cut::Kept, Cut::Lost, Cut::Torn(512), Cut::Torn(4_096), Cut::Scattered(512), Cut::Scattered(4_096)];

#[derive(Clone, Default)]
struct Content {
    durable: Vec<u8>,
    pending: Vec<Pending>,
}

#[derive(Clone)]
enum Pending {
    Write(usize, Vec<u8>),
    Cut(usize),
}

/// A disk with what is durable on it, and what is not yet: bytes of files, and names of the folder.
#[derive(Default)]
pub struct Disk {
    contents: Vec<Content>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    renamed: Vec<BTreeMap<String, usize>>,
}

impl Disk {
    /// Carries out one call.
    pub fn apply(&mut self, call: &Call) {
        match call {
            Call::Write(name, at, bytes) => self.change(name, Pending::Write(*at, bytes.clone())),
            Call::Cut(name, length) => self.change(name, Pending::Cut(*length)),
            Call::Sync(name) => {
                if let Some(content) = self.content(name) {
                    let pending = std::mem::take(&mut content.pending);
                    pending.iter().for_each(|p| p.carry_out(&mut content.durable));
                }
            }
            Call::Create(name) => {
                self.contents.push(Content::default());
                self.names.insert(name.clone(), self.contents.len() - 1);
                self.renamed.push(self.names.clone());
            }
            Call::Remove(name) => {
                self.names.remove(name);
                self.renamed.push(self.names.clone());
            }
            Call::Rename(from, to) => {
                if let Some(content) = self.names.remove(from) {
                    self.names.insert(to.clone(), content);
                }
                self.renamed.push(self.names.clone());
            }
            Call::SyncFolder => {
                self.durable_names = self.names.clone();
                self.renamed.clear();
            }
            Call::Told(_) => {}
        }
    }

    fn content(&mut self, name: &str) -> Option<&mut Content> {
        self.names.get(name).and_then(|n| self.contents.get_mut(*n))
    }

    fn change(&mut self, name: &str, pending: Pending) {
        if let Some(content) = self.content(name) {
            content.pending.push(pending);
        }
    }

    /// What is found after the power was cut now. `below` gives numbers by chance.
    pub fn after(&self, cut: Cut, below: &mut impl FnMut(usize) -> usize) -> Files {
        let names = match cut {
            Cut::Kept => &self.names,
            Cut::Lost => &self.durable_names,
            Cut::Torn(_) | Cut::Scattered(_) => match below(self.renamed.len() + 1) {
                0 => &self.durable_names,
                n => &self.renamed[n - 1],
            },
        };
        let content = |n: usize, below: &mut dyn FnMut(usize) -> usize| {
            let Content { durable, pending } = &self.contents[n];
            let mut bytes = durable.clone();
            match cut {
                Cut::Kept => pending.iter().for_each(|p| p.carry_out(&mut bytes)),
                Cut::Lost => {}
                Cut::Torn(piece) => {
                    let whole = below(pending.len() + 1);
                    pending.iter().take(whole).for_each(|p| p.carry_out(&mut bytes));
                    if let Some(Pending::Write(at, written)) = pending.get(whole) {
                        let pieces = pieces(*at, written.len(), piece);
                        let end = pieces.get(below(pieces.len())).map_or(0, |(from, _)| *from);
                        Pending::Write(*at, written[..end].to_vec()).carry_out(&mut bytes);
                    }
                }
                Cut::Scattered(piece) => {
                    for p in pending {
                        match p {
                            Pending::Cut(_) if below(2) == 0 => p.carry_out(&mut bytes),
                            Pending::Cut(_) => {}
                            Pending::Write(at, written) => {
                                for (from, to) in pieces(*at, written.len(), piece) {
                                    if below(2) == 0 {
                                        Pending::Write(at + from, written[from..to].to_vec()).carry_out(&mut bytes);
                                    }
                                }
                            }
                        }
                    }
                }
            }
            bytes
        };
        names.iter().map(|(name, n)| (name.clone(), content(*n, below))).collect()
    }
}

/// A write as parts that lie within one piece of the disk each, counted from its beginning.
fn pieces(at: usize, length: usize, piece: usize) -> Vec<(usize, usize)> {
    let mut parts = Vec::new();
    let mut from = 0;
    while from < length {
        let to = length.min(((at + from) / piece + 1) * piece - at);
        parts.push((from, to));
        from = to;
    }
    parts
}

impl Pending {
    fn carry_out(&self, bytes: &mut Vec<u8>) {
        match self {
            Pending::Cut(length) => bytes.resize(*length, 0),
            Pending::Write(_, written) if written.is_empty() => {}
            Pending::Write(at, written) => {
                let end = at + written.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*at..end].copy_from_slice(written);
            }
        }
    }
}

#[test]
fn a_disk_forgets_what_was_not_synced() {
    let file = |bytes: &[u8]| Files::from([("a".to_owned(), bytes.to_vec())]);
    let mut disk = Disk::default();
    let mut never = |_| 0;
    for call in [Call::Create("a".into()), Call::Write("a".into(), 0, b"one".to_vec()), Call::Sync("a".into())] {
        disk.apply(&call);
    }
    assert_eq!(disk.after(Cut::Lost, &mut never), Files::new(), "its name was not synced");
    disk.apply(&Call::SyncFolder);
    disk.apply(&Call::Write("a".into(), 2, b"xyz".to_vec()));
    assert_eq!(disk.after(Cut::Lost, &mut never), file(b"one"));
    assert_eq!(disk.after(Cut::Kept, &mut never), file(b"onxyz"));
    assert_eq!(disk.after(Cut::Scattered(4), &mut |n| n - 1), file(b"one"));
    // Of the pieces up to byte 4 and from there on, the second alone arrived.
    let mut turn = 0;
    let mut second = |_| {
        turn += 1;
        usize::from(turn == 2)
    };
    assert_eq!(disk.after(Cut::Scattered(4), &mut second), file(b"one\0z"));
    assert_eq!(pieces(510, 5, 512), [(0, 2), (2, 5)]);
    disk.apply(&Call::Rename("a".into(), "b".into()));
    disk.apply(&Call::Cut("b".into(), 1));
    assert_eq!(disk.after(Cut::Kept, &mut never), Files::from([("b".to_owned(), b"o".to_vec())]));
    assert_eq!(disk.after(Cut::Lost, &mut never), file(b"one"));
}
