//! The programs under test as children of ours: started, found by the address they say, ended.
//! None of them outlives us: neither an error, nor a panic, nor Ctrl-C, nor a kill leaves one behind.

use anyhow::{Context, bail, ensure};
use rustix::process::Signal;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a program may take to say where it is, and to end. Ten million bookings may have to be read first.
const PATIENCE: Duration = Duration::from_secs(300);

/// A running program.
pub struct Program {
    child: Child,
    name: &'static str,
    log: PathBuf,
}

impl Program {
    /// Starts it; what it complains of goes to the log. Must be called on the main thread, which lives longest.
    pub fn start(name: &'static str, program: &Path, words: &[&OsStr], log: &Path) -> anyhow::Result<Program> {
        let own = std::env::current_exe().context("finding our own program")?;
        let log_file = File::create(log).with_context(|| format!("making {}", log.display()))?;
        let mut command = Command::new(own);
        command.arg("become").arg("--").arg(program).args(words);
        // In a group of its own, so that a Ctrl-C reaches us only and we end it in order.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log_file).process_group(0);
        let child = command.spawn().with_context(|| format!("starting {name}"))?;
        Ok(Program { child, name, log: log.into() })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it says on its standard output; for one caller.
    pub fn stdout(&mut self) -> anyhow::Result<ChildStdout> {
        self.child.stdout.take().with_context(|| format!("{} has no output", self.name))
    }

    /// An error if it has ended.
    pub fn ensure_running(&mut self) -> anyhow::Result<()> {
        let ended = self.child.try_wait()?;
        ensure!(ended.is_none(), "{} has ended; its log ends with:\n{}", self.name, end_of(&self.log));
        Ok(())
    }

    /// Asks it to end and waits; one that does not end in order is an error.
    pub fn end(mut self, signal: Signal) -> anyhow::Result<()> {
        if let Some(pid) = rustix::process::Pid::from_raw(self.child.id().cast_signed()) {
            rustix::process::kill_process(pid, signal).with_context(|| format!("asking {} to end", self.name))?;
        }
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            match self.child.try_wait()? {
                // The bare server has nothing to put in order: the signal ends it.
                Some(status) if status.success() || status.code().is_none() => return Ok(()),
                Some(status) => bail!("{} ended with {status}; its log ends with:\n{}", self.name, end_of(&self.log)),
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        bail!("{} did not end within {} s and was killed", self.name, PATIENCE.as_secs())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already, and then there is nothing to end.
        if matches!(self.child.try_wait(), Ok(None)) && self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

/// A program that serves HTTP.
pub struct Server {
    program: Program,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts it and waits until it says ` is on http://ADDRESS`.
    pub fn start(name: &'static str, program: &Path, words: &[&OsStr], log: &Path) -> anyhow::Result<Server> {
        let mut program = Program::start(name, program, words, log)?;
        let said = first_line(program.stdout()?)?;
        let address = said.rsplit_once("http://").and_then(|(_, address)| address.trim().parse().ok());
        let Some(address) = address else {
            bail!("{name} did not start; it said {said:?}, and its log ends with:\n{}", end_of(log));
        };
        Ok(Server { program, address })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// Asks it to end and waits.
    pub fn end(self) -> anyhow::Result<()> {
        self.program.end(Signal::TERM)
    }
}

/// A port of 127.0.0.1 that was free a moment ago, for programs that do not say which one they took.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").context("looking for a free port")?.local_addr()?.port())
}

/// A program's full path, if it is in one of these folders or on the PATH.
pub fn find(program: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = folders.iter().cloned().chain(std::env::split_paths(&path)).map(|folder| folder.join(program));
    candidates.find(|file| file.is_file())
}

fn first_line(stdout: impl std::io::Read + Send + 'static) -> anyhow::Result<String> {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut line = String::new();
        drop(tell.send(reader.read_line(&mut line).map(|_| line)));
        // What else it says is nobody's; but its output must not fill up.
        drop(std::io::copy(&mut reader, &mut std::io::sink()));
    });
    match told.recv_timeout(PATIENCE) {
        Ok(line) => Ok(line?),
        Err(_) => Ok(String::new()),
    }
}

fn end_of(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(10)).copied().collect::<Vec<_>>().join("\n")
}

/// Turns this process into another program, which the kernel ends when our parent ends, however it ends.
pub fn become_program(words: &[OsString]) -> anyhow::Error {
    #[cfg(target_os = "linux")]
    if let Err(e) = rustix::process::set_parent_process_death_signal(Some(Signal::KILL)) {
        return anyhow::Error::from(e).context("asking to end with the parent");
    }
    match words {
        [program, arguments @ ..] => anyhow::Error::from(Command::new(program).args(arguments).exec())
            .context(format!("becoming {}", program.display())),
        [] => anyhow::anyhow!("become what?"),
    }
}

/// Ten thousand sockets need as many open files, here and in the programs we start, which inherit the limit.
pub fn raise_open_files(wanted: u64) -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    if now.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    let maximum = now.maximum.map(|maximum| maximum.max(wanted));
    let within = now.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    // Only root may raise the hard limit; what the hard limit allows, everybody may have.
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })
        .or_else(|_| setrlimit(Resource::Nofile, Rlimit { current: Some(within), maximum: now.maximum }));
    raised.context("raising the limit of open files")
}

/// The folder of one run below the target folder, on the disk that is measured; it goes when this value goes.
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes it, and removes what killed runs have left.
    pub fn new(target: &Path) -> anyhow::Result<Scratch> {
        let all = target.join("bench-data");
        std::fs::create_dir_all(&all).with_context(|| format!("making {}", all.display()))?;
        for left in std::fs::read_dir(&all)?.flatten() {
            let pid = left.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
            let pid = pid.and_then(rustix::process::Pid::from_raw);
            if pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_err()) {
                std::fs::remove_dir_all(left.path()).context("removing what a killed run has left")?;
            }
        }
        let path = all.join(std::process::id().to_string());
        std::fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(Scratch { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder in it, made anew.
    pub fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.path.join(name);
        if path.exists() {
            std::fs::remove_dir_all(&path).with_context(|| format!("removing {}", path.display()))?;
        }
        std::fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next run.
        drop(std::fs::remove_dir_all(&self.path));
    }
}
