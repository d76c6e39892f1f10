//! The server as a process: started on a free port, stopped, paused, killed. It never outlives the test that started it.
//! Its log goes to a file in its home and is shown when a test fails.

use super::database::Database;
use super::http::{self, Ask};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_slotwise");
/// How long a start may take before the test gives up; what it should take is asserted where it matters.
const START_WITHIN: Duration = Duration::from_secs(30);

/// The folder of a server, which outlives its processes.
pub struct Home {
    dir: TempDir,
    /// Where its data is, if not in its folder.
    database: Option<Arc<Database>>,
    /// What its servers run with besides flags.
    pub env: Vec<(&'static str, PathBuf)>,
}

impl Home {
    /// A new one; over a database of its own, if the surroundings say `SLOTWISE_TESTS_ON=postgres`.
    pub fn new() -> Home {
        let on_postgres = std::env::var("SLOTWISE_TESTS_ON").is_ok_and(|on| on == "postgres");
        Home::over(on_postgres.then(|| Database::start(&[])).flatten().map(Arc::new))
    }

    /// One over a database, that others may be over too.
    pub fn over(database: Option<Arc<Database>>) -> Home {
        Home { dir: tempfile::Builder::new().prefix("slotwise-").tempdir().unwrap(), database, env: Vec::new() }
    }

    /// Whether there is a folder that commands of folders can be run on.
    pub fn is_folder(&self) -> bool {
        self.database.is_none()
    }

    /// Says to a command where the data is.
    pub fn place(&self, command: &mut Command) {
        match &self.database {
            Some(database) => command.env("SLOTWISE_STORE", database.url()),
            None => command.arg("--data").arg(self.data()),
        };
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn log(&self) -> PathBuf {
        self.file("log")
    }

    /// Makes somebody new and returns their API key.
    pub fn key_create(&self, name: &str, role: &str) -> String {
        let mut made = slotwise(&["key", "create", "--person", name, "--role", role]);
        self.place(&mut made);
        let made = made.output().unwrap();
        assert!(made.status.success(), "key create: {}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    }
}

/// The binary, with nothing of the surroundings' configuration.
pub fn slotwise(args: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    for name in std::env::vars_os().map(|(n, _)| n).filter(|n| n.to_string_lossy().starts_with("SLOTWISE_")) {
        command.env_remove(name);
    }
    command.args(args).stdin(Stdio::null());
    command
}

/// A running server.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    log: PathBuf,
    /// What it says on standard output.
    said: Mutex<mpsc::Receiver<String>>,
}

impl Server {
    /// Starts and waits until it says where it listens.
    pub fn start(home: &Home, flags: &[&str]) -> Server {
        Server::try_start(home, flags).unwrap_or_else(|why| panic!("the server did not start: {why}"))
    }

    pub fn try_start(home: &Home, flags: &[&str]) -> Result<Server, String> {
        let mut child = Server::spawn(home, flags);
        let stdout = child.stdout.take().unwrap();
        let (tell, told) = mpsc::channel();
        // Reads on after the first line, so that the server never writes into a full pipe.
        thread::spawn(move || BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|l| tell.send(l)));
        // The guard first: whatever happens from here, the child ends.
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Server { child, address, log: home.log(), said: Mutex::new(told) };
        let line = server.next_line().map_err(|e| format!("{e}\n{}", server.log_end()))?;
        let address = line
            .strip_prefix("Slotwise is on ")
            .and_then(|url| Some(url.split_once("://")?.1))
            .ok_or_else(|| format!("it said {line:?}"))?;
        server.address = address.parse().map_err(|e| format!("{address}: {e}"))?;
        Ok(server)
    }

    /// The next line it says on standard output.
    pub fn next_line(&self) -> Result<String, mpsc::RecvTimeoutError> {
        self.said.lock().unwrap().recv_timeout(START_WITHIN)
    }

    /// Only starts; its standard output is a pipe.
    pub fn spawn(home: &Home, flags: &[&str]) -> Child {
        let log = File::options().create(true).append(true).open(home.log()).unwrap();
        let mut command = slotwise(&["serve", "--port", "0"]);
        home.place(&mut command);
        command.envs(home.env.iter().map(|(name, value)| (name, value)));
        command.args(flags).stdout(Stdio::piped()).stderr(log);
        command.spawn().unwrap()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until it may take bookings; panics if that takes too long.
    pub fn ready_within(&self, limit: Duration) {
        let since = Instant::now();
        while !http::send(self.address, &Ask::get("/readyz")).is_ok_and(|r| r.status == 200) {
            assert!(since.elapsed() < limit, "not ready within {limit:?}\n{}", self.log_end());
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// How many files it may open from now on, sockets included; what is open stays so.
    pub fn files_max(&self, max: u64) {
        // It has the hard limit that we have.
        let limit = Rlimit { current: Some(max), ..rustix::process::getrlimit(Resource::Nofile) };
        rustix::process::prlimit(Some(self.pid()), Resource::Nofile, limit).unwrap();
    }

    /// Memory that it has, in KiB.
    pub fn memory_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Its whole log, once this is in it.
    pub fn log_with(&self, text: &str) -> String {
        let since = Instant::now();
        loop {
            let log = fs::read_to_string(&self.log).unwrap();
            if log.contains(text) {
                return log;
            }
            assert!(since.elapsed() < Duration::from_secs(10), "{text:?} is never logged\n{}", self.log_end());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// SIGKILL, now.
    pub fn kill_now(&self) {
        self.signal(Signal::KILL);
    }

    /// SIGKILL: nothing of it runs any more when this returns.
    pub fn end(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the process to end by itself; `None` if it does not.
    pub fn ended_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            if since.elapsed() > limit {
                return None;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The end of its log.
    pub fn log_end(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
        if thread::panicking() {
            eprintln!("--- the server's log ends so:\n{}", self.log_end());
        }
    }
}
