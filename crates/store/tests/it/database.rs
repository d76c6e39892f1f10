//! A PostgreSQL server of one test's own: its folder, its port, its processes; all of it is gone when it is dropped.
//! It never touches a server that somebody else runs.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// PostgreSQL's server refuses to run as root; then it runs as nobody.
const NOBODY: u32 = 65_534;
/// Says that these tests may be left out on this machine.
const LEFT_OUT: &str = "SLOTWISE_WITHOUT_POSTGRES";
const STARTS_WITHIN: Duration = Duration::from_secs(30);

pub struct Database {
    dir: TempDir,
    bin: PathBuf,
    port: u16,
    settings: Vec<String>,
    server: Child,
}

impl Database {
    /// Starts one; `None` if whoever runs the tests has said that they may be left out here.
    ///
    /// # Panics
    /// If there is no server to start, and nobody said that it may be so.
    pub fn start(settings: &[&str]) -> Option<Database> {
        let Some(bin) = newest_bin() else {
            assert!(
                std::env::var_os(LEFT_OUT).is_some(),
                "PostgreSQL's server is not installed under /usr/lib/postgresql: install it (apt-get install postgresql), \
                 or set {LEFT_OUT}=1 to leave these tests out"
            );
            eprintln!("LEFT OUT: PostgreSQL's server is not installed, and {LEFT_OUT} is set");
            return None;
        };
        // In memory, where the machine has that: an fsync is made and costs nothing. No test cuts the machine's power.
        let memory = Path::new("/dev/shm");
        let within = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let dir = tempfile::Builder::new().prefix("slotwise-pg").tempdir_in(within).unwrap();
        give_away(dir.path());
        make_cluster(&bin, &dir.path().join("data"));
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let settings: Vec<String> = settings.iter().map(|s| (*s).to_owned()).collect();
        let server = run(&bin, dir.path(), port, &settings);
        Some(Database { dir, bin, port, settings, server })
    }

    /// Where clients find it.
    pub fn url(&self) -> String {
        self.url_at(self.port)
    }

    /// The same through another port of this machine.
    pub fn url_at(&self, port: u16) -> String {
        format!("postgres://slotwise@127.0.0.1:{port}/postgres")
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// All that the server has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    /// Ends it at once, as `pg_ctl stop -m immediate` does.
    pub fn stop_at_once(&mut self) {
        drop(Command::new("kill").args(["-QUIT", &self.server.id().to_string()]).status());
        self.server.wait().unwrap();
    }

    /// All its processes stand still, or go on.
    pub fn stands_still(&self, still: bool) {
        let first = self.server.id();
        let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // After the name in brackets: the state, then the parent.
            let parent: u32 = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            (pid == first || parent == first).then(|| pid.to_string())
        });
        let signal = if still { "-STOP" } else { "-CONT" };
        drop(Command::new("kill").arg(signal).args(pids).status());
    }

    /// A copy that follows it, on a port of its own.
    pub fn standby(&self) -> Database {
        let dir = tempfile::Builder::new().prefix("slotwise-pg").tempdir_in(self.dir.path().parent().unwrap()).unwrap();
        give_away(dir.path());
        let copied = as_server(Command::new(self.bin.join("pg_basebackup")))
            .args([
                "--host=127.0.0.1",
                "--username=slotwise",
                "--no-sync",
                "--checkpoint=fast",
                "--write-recovery-conf",
            ])
            .arg(format!("--port={}", self.port))
            .arg("-D")
            .arg(dir.path().join("data"))
            .output()
            .unwrap();
        assert!(copied.status.success(), "pg_basebackup: {}", String::from_utf8_lossy(&copied.stderr));
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let server = run(&self.bin, dir.path(), port, &self.settings);
        Database { dir, bin: self.bin.clone(), port, settings: self.settings.clone(), server }
    }

    /// Kills it as a power cut would, without any warning to its processes.
    pub fn kill(&mut self) {
        // The server's processes end by themselves when the first of them is gone.
        self.server.kill().unwrap();
        self.server.wait().unwrap();
        let lock = self.dir.path().join("data/postmaster.pid");
        drop(fs::remove_file(lock));
        std::thread::sleep(Duration::from_millis(300));
    }

    /// Starts it again after a kill.
    pub fn restart(&mut self) {
        self.server = run(&self.bin, self.dir.path(), self.port, &self.settings);
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let quit = Command::new("kill").args(["-QUIT", &self.server.id().to_string()]).status();
        if quit.is_err() {
            drop(self.server.kill());
        }
        drop(self.server.wait());
    }
}

/// One of PostgreSQL's own tools, such as `psql`.
///
/// # Panics
/// If they are not installed; whoever has a [`Database`] has them.
pub fn tool(name: &str) -> Command {
    as_server(Command::new(newest_bin().unwrap().join(name)))
}

fn newest_bin() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let dirs = versions.filter_map(|entry| Some(entry.ok()?.path()));
    let newest = dirs.filter(|dir| dir.join("bin/postgres").exists()).max_by_key(version)?;
    Some(newest.join("bin"))
}

/// A copy of the first one that was ever made here: making one takes a second of a processor, and a copy next to nothing.
fn make_cluster(bin: &Path, data: &Path) {
    let version = bin.parent().unwrap().file_name().unwrap().to_string_lossy();
    let first = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("postgres-{version}"));
    if first.is_dir() {
        return copy(&first, data, is_root());
    }
    let made = as_server(Command::new(bin.join("initdb")))
        .args(["--no-sync", "--auth=trust", "--username=slotwise", "--encoding=UTF8", "--locale=C", "-D"])
        .arg(data)
        .output()
        .unwrap();
    assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
    let unnamed = first.with_extension(data.parent().unwrap().file_name().unwrap());
    copy(data, &unnamed, false);
    // Whoever was faster has made the same.
    if fs::rename(&unnamed, &first).is_err() {
        fs::remove_dir_all(&unnamed).unwrap();
    }
}

fn copy(from: &Path, to: &Path, gives_away: bool) {
    fs::DirBuilder::new().mode(0o700).create(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to, gives_away),
            false => drop(fs::copy(entry.path(), &to).unwrap()),
        }
        if gives_away {
            give_away(&to);
        }
    }
    if gives_away {
        give_away(to);
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0)
}

fn give_away(dir: &Path) {
    if is_root() {
        chown(dir, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

pub fn as_server(mut command: Command) -> Command {
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.current_dir("/").env_remove("PGDATA").env("LC_ALL", "C");
    command
}

fn run(bin: &Path, dir: &Path, port: u16, settings: &[String]) -> Child {
    let log = File::options().create(true).append(true).open(dir.join("log")).unwrap();
    let mut command = as_server(Command::new(bin.join("postgres")));
    command.arg("-D").arg(dir.join("data"));
    let own = [format!("port={port}"), "listen_addresses=127.0.0.1".into(), "unix_socket_directories=".into()];
    // What is shared lies in its folder, so that a killed one leaves nothing behind.
    let more = ["max_connections=300", "autovacuum=off", "dynamic_shared_memory_type=mmap"];
    let own = own.into_iter().chain(more.map(str::to_owned));
    for setting in own.chain(settings.iter().cloned()) {
        command.arg("-c").arg(setting);
    }
    let mut server = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    let begun = Instant::now();
    let ready = || {
        let asked = as_server(Command::new(bin.join("pg_isready")))
            .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
            .status();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() && asked.is_ok_and(|status| status.success())
    };
    while !ready() {
        let ended = server.try_wait().unwrap();
        let log = || fs::read_to_string(dir.join("log")).unwrap_or_default();
        assert!(ended.is_none() && begun.elapsed() < STARTS_WITHIN, "PostgreSQL did not start: {}", log());
        std::thread::sleep(Duration::from_millis(20));
    }
    server
}
