//! The stock Socket.IO client and a stock mail server in a Node process, driven by JSON lines.
//! Its packages are installed once, beside the build, from the lock file; nothing is written into the source tree.

use super::world::World;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// No event takes so long unless it never comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A Node process with any number of sockets, each by name.
pub struct Node {
    child: Child,
    stdin: ChildStdin,
    lines: mpsc::Receiver<Value>,
    heard: VecDeque<Value>,
    asked: u64,
}

impl Node {
    pub fn start() -> Node {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
        let mut command = Command::new("node");
        command.arg(source.join("client.cjs")).arg(modules(&source));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node is installed");
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (tell, lines) = mpsc::channel();
        thread::spawn(move || {
            let read = BufReader::new(stdout).lines().map_while(Result::ok);
            read.filter_map(|l| serde_json::from_str(&l).ok()).try_for_each(|l: Value| tell.send(l))
        });
        Node { child, stdin, lines, heard: VecDeque::new(), asked: 0 }
    }

    /// Starts a mail server and returns its URL. Each letter is heard from `$mail`.
    pub fn mail(&mut self) -> String {
        let said = self.call(json!({ "do": "mail" })).unwrap();
        format!("smtp://127.0.0.1:{}", said["port"])
    }

    /// Asks the process for something and waits for its answer; events that come meanwhile are kept.
    #[track_caller]
    pub fn call(&mut self, mut what: Value) -> Result<Value, String> {
        self.asked += 1;
        what["id"] = json!(self.asked);
        writeln!(self.stdin, "{what}").unwrap();
        let since = Instant::now();
        loop {
            let left = (PATIENCE * 2).saturating_sub(since.elapsed());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|e| panic!("no answer to {what}: {e}"));
            if line["re"] != self.asked {
                self.heard.push_back(line);
            } else if let Some(error) = line["error"].as_str() {
                return Err(error.to_owned());
            } else {
                return Ok(line["ok"].clone());
            }
        }
    }

    /// Connects somebody over these transports.
    #[track_caller]
    pub fn connect(&mut self, world: &World, name: &str, who: &str, transports: &[&str]) {
        let hello = json!({ "do": "connect", "name": name, "url": world.server.url(), "token": world.token(who),
            "transports": transports, "upgrade": transports.len() > 1 });
        let said = self.call(hello).unwrap();
        assert_eq!(said["connected"], true, "{said}");
    }

    /// Subscribes one resource, with what it is to be after, and returns what was acknowledged.
    #[track_caller]
    pub fn subscribe(&mut self, name: &str, resource: &str, after: Option<(u64, u64)>) -> Value {
        let mut wanted = json!({ "id": resource });
        if let Some((epoch, version)) = after {
            wanted["after"] = json!({ "epoch": epoch, "version": version });
        }
        let data = json!({ "resources": [wanted] });
        let said = self.call(json!({ "do": "ask", "name": name, "event": "subscribe", "data": data })).unwrap();
        said["subscribed"].get(0).unwrap_or_else(|| panic!("not subscribed: {said}")).clone()
    }

    /// Waits for something that was said, and takes it out of what was heard.
    pub fn wait(&mut self, limit: Duration, is: impl Fn(&Value) -> bool) -> Option<Value> {
        let since = Instant::now();
        loop {
            if let Some(at) = self.heard.iter().position(&is) {
                return self.heard.remove(at);
            }
            let line = self.lines.recv_timeout(limit.saturating_sub(since.elapsed())).ok()?;
            self.heard.push_back(line);
        }
    }

    /// The data of the next such event a socket hears.
    #[track_caller]
    pub fn event(&mut self, name: &str, event: &str) -> Value {
        let heard = self.wait(PATIENCE, |l| l["from"] == name && l["event"] == event);
        heard.unwrap_or_else(|| panic!("{name} never heard {event}; it heard {:?}", self.heard))["data"].clone()
    }

    /// Everything that sockets hear until it has been quiet for a while.
    pub fn rest(&mut self, quiet: Duration) -> Vec<Value> {
        while let Ok(line) = self.lines.recv_timeout(quiet) {
            self.heard.push_back(line);
        }
        self.heard.drain(..).collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Where its packages are: in the source tree if somebody installed it there, else beside the build, installed if it is not yet.
fn modules(source: &Path) -> PathBuf {
    if source.join("node_modules/socket.io-client").exists() && source.join("node_modules/oidc-provider").exists() {
        return source.to_owned();
    }
    static INSTALLED: OnceLock<Mutex<Option<PathBuf>>> = OnceLock::new();
    let mut installed = INSTALLED.get_or_init(Mutex::default).lock().unwrap();
    installed.get_or_insert_with(|| install(source)).clone()
}

fn install(source: &Path) -> PathBuf {
    let lock = fs::read(source.join("package-lock.json")).unwrap();
    // Another lock file is another folder.
    let mark = lock.iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("node-{mark:016x}"));
    if target.exists() {
        return target;
    }
    let fresh = tempfile::Builder::new().prefix("npm-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for name in ["package.json", "package-lock.json", ".npmrc"] {
        fs::copy(source.join(name), fresh.path().join(name)).unwrap();
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(fresh.path()).stdin(Stdio::null());
    let done = npm.output().expect("npm is installed");
    assert!(done.status.success(), "npm ci: {}", String::from_utf8_lossy(&done.stderr));
    // Another test process may have been faster; then its folder is as good.
    if fs::rename(fresh.path(), &target).is_err() {
        assert!(target.exists(), "npm ci was done, and its folder could not be moved");
    }
    target
}
