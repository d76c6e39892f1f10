//! Running other programs: waiting for them, passing on a wish to stop, saying that something still happens.
//! It never gives a child our standard input and never leaves a child behind.

use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::console;
use crate::interrupt;
use crate::stop::{Doing, Stop};

/// How long a child may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(20);
/// How long we wait for the last lines of a child that has ended.
const PATIENCE: Duration = Duration::from_secs(3);
/// After this much silence we say that we are still at it.
const SILENCE: Duration = Duration::from_secs(15);

/// Runs a program that talks for itself; a failure names it.
pub fn run(command: &mut Command, what: &str) -> Result<(), Stop> {
    let mut child = spawn(command.stdin(Stdio::null()), what)?;
    // A program's own progress display would be garbled by our lines, and there is one only on a terminal.
    let chatty = std::io::stderr().is_terminal();
    let started = Instant::now();
    let status = wait(&mut child, || (!chatty).then(|| started.elapsed()), what)?;
    judge(status, what)
}

/// Runs a program that works in silence, and says every few seconds that it still does.
pub fn run_quiet(command: &mut Command, what: &str) -> Result<(), Stop> {
    let mut child = spawn(command.stdin(Stdio::null()), what)?;
    let started = Instant::now();
    let status = wait(&mut child, || Some(started.elapsed()), what)?;
    judge(status, what)
}

/// Runs a program, shows its lines as they come and returns those that `keep` picks.
pub fn run_keeping(
    command: &mut Command,
    what: &str,
    keep: fn(&str) -> bool,
) -> Result<Vec<String>, (Stop, Vec<String>)> {
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(piped, what).map_err(|stop| (stop, Vec::new()))?;
    let clock = Arc::new(Clock::new());
    let kept = Arc::new(Mutex::new(Vec::new()));
    let out = child.stdout.take().map(|stream| show_lines(stream, Arc::clone(&clock), Arc::clone(&kept), keep));
    let err = child.stderr.take().map(|stream| show_lines(stream, Arc::clone(&clock), Arc::clone(&kept), keep));
    let status = wait(&mut child, || Some(clock.silence()), what);
    wait_for_readers(&[out, err], what);
    let kept = kept.lock().map(|mut kept| std::mem::take(&mut *kept)).unwrap_or_default();
    match status.and_then(|status| judge(status, what)) {
        Ok(()) => Ok(kept),
        Err(stop) => Err((stop, kept)),
    }
}

/// Runs a program for its standard output; its complaints stay visible.
pub fn output(command: &mut Command, what: &str) -> Result<Vec<u8>, Stop> {
    let mut child = spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()), what)?;
    let reader = child.stdout.take().map(|mut stream| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).map(|_| bytes)
        })
    });
    let started = Instant::now();
    let status = wait(&mut child, || (!std::io::stderr().is_terminal()).then(|| started.elapsed()), what)?;
    judge(status, what)?;
    match reader.map(JoinHandle::join) {
        Some(Ok(read)) => read.doing(&format!("reading what {what} says")),
        _ => Err(Stop::failed(format!("reading what {what} says"))),
    }
}

/// The first line a program answers with, or nothing if there is no such program or it fails.
pub fn ask(command: &mut Command) -> Option<String> {
    let answer = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&answer.stdout);
    answer.status.success().then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}

/// Starts a program.
pub fn spawn(command: &mut Command, what: &str) -> Result<Child, Stop> {
    command.spawn().doing(&format!("starting {what} ({})", command.get_program().to_string_lossy()))
}

/// Sends a signal to one process of ours; the shell does it, because it is everywhere.
pub fn signal(child: &Child, name: &str) {
    let order = format!("kill -{name} {}", child.id());
    if ask(Command::new("sh").args(["-c", &order])).is_none() {
        // It has ended by itself in between.
    }
}

/// Waits for a child to end after it was asked to, and ends it if it does not.
pub fn wait_for_end(child: &mut Child, what: &str) -> Result<ExitStatus, Stop> {
    let asked = Instant::now();
    let already = interrupt::asked();
    loop {
        if let Some(status) = child.try_wait().doing(&format!("waiting for {what}"))? {
            return Ok(status);
        }
        let impatient = interrupt::asked() > already;
        if impatient || asked.elapsed() > GRACE {
            console::note(&format!("{what} does not end; ending it"));
            child.kill().doing(&format!("ending {what}"))?;
            return child.wait().doing(&format!("waiting for {what}"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits for a child; `silence` tells for how long nothing was seen of it, or that it needs no words from us.
fn wait(child: &mut Child, silence: impl Fn() -> Option<Duration>, what: &str) -> Result<ExitStatus, Stop> {
    let started = Instant::now();
    let mut spoke = Instant::now();
    let mut pause = Duration::from_millis(2);
    loop {
        if let Some(status) = child.try_wait().doing(&format!("waiting for {what}"))? {
            return Ok(status);
        }
        if interrupt::asked() > 0 {
            // A terminal has told the child too; a signal sent to us alone has not.
            std::thread::sleep(Duration::from_millis(300));
            signal(child, "TERM");
            wait_for_end(child, what)?;
            return Err(Stop::Interrupted);
        }
        if silence().is_some_and(|silence| silence > SILENCE) && spoke.elapsed() > SILENCE {
            console::note(&format!("… {what}, {} s", started.elapsed().as_secs()));
            spoke = Instant::now();
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

fn judge(status: ExitStatus, what: &str) -> Result<(), Stop> {
    interrupt::check()?;
    if status.success() { Ok(()) } else { Err(Stop::failed(format!("{what} failed ({status})"))) }
}

/// When a child last spoke, as milliseconds since it started.
struct Clock {
    started: Instant,
    spoke_ms: AtomicU64,
}

impl Clock {
    fn new() -> Clock {
        Clock { started: Instant::now(), spoke_ms: AtomicU64::new(0) }
    }

    fn heard(&self) {
        self.spoke_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    fn silence(&self) -> Duration {
        Duration::from_millis(self.now_ms().saturating_sub(self.spoke_ms.load(Ordering::Relaxed)))
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn show_lines<R: Read + Send + 'static>(
    stream: R,
    clock: Arc<Clock>,
    kept: Arc<Mutex<Vec<String>>>,
    keep: fn(&str) -> bool,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut bytes = Vec::new();
        while stream.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
            clock.heard();
            let line = String::from_utf8_lossy(&bytes);
            let line = line.trim_end_matches(['\n', '\r']);
            console::say(line);
            let plain = console::plain(line);
            if let Ok(mut kept) = kept.lock()
                && keep(&plain)
            {
                kept.push(plain.trim().to_owned());
            }
            bytes.clear();
        }
    })
}

/// Waits for the last lines of a child that has ended. A grandchild that outlived it may hold its output open for ever.
fn wait_for_readers(readers: &[Option<JoinHandle<()>>], what: &str) {
    let ended = Instant::now();
    while readers.iter().flatten().any(|reader| !reader.is_finished()) {
        if ended.elapsed() > PATIENCE {
            console::note(&format!("{what} has ended, but something it started still runs"));
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn picked_lines_of_both_streams_are_returned() {
        let kept =
            run_keeping(&mut shell("echo ok 1; echo noise; echo ok 2 >&2"), "a test", |line| line.starts_with("ok"));
        let mut kept = kept.expect("success");
        kept.sort();
        assert_eq!(kept, ["ok 1", "ok 2"]);
    }

    #[test]
    fn a_failing_child_is_a_failure_that_names_it() {
        let Err((Stop::Failed(reason), kept)) = run_keeping(&mut shell("echo last; exit 3"), "the thing", |_| true)
        else {
            panic!("it should have failed");
        };
        assert!(reason.starts_with("the thing failed"), "{reason}");
        assert_eq!(kept, ["last"]);
    }

    #[test]
    fn a_grandchild_that_holds_the_output_does_not_hold_us() {
        let kept = run_keeping(&mut shell("sleep 5 & echo done"), "a test", |_| true).expect("success");
        assert_eq!(kept, ["done"]);
    }

    #[test]
    fn asking_a_program_that_is_not_there_is_no_answer() {
        assert_eq!(ask(&mut Command::new("no-such-program-here")), None);
        assert_eq!(ask(&mut shell("echo one; echo two")), Some("one".to_owned()));
    }
}
