//! The servers as children of ours: started, found by the address they say, ended.
//! None of them outlives us: neither an error, nor a panic, nor Ctrl-C, nor a kill leaves one behind.

use anyhow::{Context, bail};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to say where it is, and to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server.
pub struct Server {
    child: Child,
    name: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
    log: PathBuf,
}

impl Server {
    /// Starts it and waits until it says ` is on http://ADDRESS`. Must be called on the main thread, which lives longest.
    pub fn start(name: &'static str, program: &Path, arguments: &[&OsStr], log: &Path) -> anyhow::Result<Server> {
        let own = std::env::current_exe().context("finding our own program")?;
        let log_file = File::create(log).with_context(|| format!("making {}", log.display()))?;
        let mut command = Command::new(own);
        command.arg("become").arg("--").arg(program).args(arguments);
        // In a group of its own, so that a Ctrl-C reaches us only and we end it in order.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log_file).process_group(0);
        let mut child = Ending(Some(command.spawn().with_context(|| format!("starting {name}"))?));
        let stdout = child.0.as_mut().and_then(|c| c.stdout.take()).context("the child has no output")?;
        let said = first_line(stdout)?;
        let address = said.rsplit_once("http://").and_then(|(_, address)| address.trim().parse().ok());
        let Some(address) = address else {
            bail!("{name} did not start; it said {said:?}, and its log ends with:\n{}", end_of(log));
        };
        let child = child.0.take().context("the child is gone")?;
        Ok(Server { child, name, address, log: log.into() })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end and waits; one that does not end in order is an error.
    pub fn end(mut self) -> anyhow::Result<()> {
        if let Some(pid) = rustix::process::Pid::from_raw(self.child.id().cast_signed()) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).context("asking a server to end")?;
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

impl Drop for Server {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}

/// A child that is not yet a server.
struct Ending(Option<Child>);

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            kill(child);
        }
    }
}

fn kill(child: &mut Child) {
    // It may have ended already, and then there is nothing to end.
    if matches!(child.try_wait(), Ok(None)) && child.kill().is_ok() {
        drop(child.wait());
    }
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
    if let Err(e) = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)) {
        return anyhow::Error::from(e).context("asking to end with the parent");
    }
    match words {
        [program, arguments @ ..] => anyhow::Error::from(Command::new(program).args(arguments).exec())
            .context(format!("becoming {}", program.display())),
        [] => anyhow::anyhow!("become what?"),
    }
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
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next run.
        drop(std::fs::remove_dir_all(&self.path));
    }
}
