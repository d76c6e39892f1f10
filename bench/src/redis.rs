//! Redis with a script that checks an exclusive room for overlap, reserves it and records the answer under the attempt's key.
//! Every write is synced before its answer (`appendfsync always`); the client speaks the protocol by hand, as ours does.

use crate::child::{self, Program};
use crate::gauge;
use crate::ground::Ground;
use crate::load::{self, WARM_UP, micros};
use crate::results::Reading;
use crate::slots::Dice;
use anyhow::{Context, bail, ensure};
use hdrhistogram::Histogram;
use rustix::process::Signal;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use uuid::Uuid;

/// Clients at once.
const CLIENTS: usize = 50;
const ROOMS: u32 = 10_000;
/// Half an hour, on any minute within 180 days, as ours.
const SLOT_MINUTES: u32 = 30;
const MINUTES: u32 = 180 * 24 * 60;

/// KEYS: the room's sorted set of reservations by start, the attempt. ARGV: start, end. 1 is reserved, 0 taken.
/// Reservations of a room never overlap, so the last that starts before our end is the only one that can be in the way.
const SCRIPT: &str = "\
local last = redis.call('ZREVRANGEBYSCORE', KEYS[1], '(' .. ARGV[2], '-inf', 'LIMIT', 0, 1)[1]
local free = 1
if last and tonumber(string.match(last, '%d+$')) > tonumber(ARGV[1]) then free = 0 end
if free == 1 then redis.call('ZADD', KEYS[1], ARGV[1], ARGV[1] .. ':' .. ARGV[2]) end
redis.call('SET', KEYS[2], free)
return free";

/// A running Redis with the script loaded.
pub struct Redis {
    program: Program,
    address: SocketAddr,
    script: String,
}

impl Redis {
    /// Starts it on a free port with a folder of its own; `None` if it is not installed.
    pub fn start(ground: &Ground) -> anyhow::Result<Option<Redis>> {
        let Some(file) = child::find("redis-server", &[]) else { return Ok(None) };
        let folder = ground.scratch.folder("redis")?;
        let port = child::free_port()?;
        let port_word = port.to_string();
        let words = ["--port", &port_word, "--bind", "127.0.0.1", "--appendonly", "yes", "--appendfsync", "always"];
        let more = ["--save", "", "--dir"].map(OsStr::new);
        let words: Vec<&OsStr> = words.iter().map(OsStr::new).chain(more).chain([folder.as_os_str()]).collect();
        let mut program = Program::start("redis-server", &file, &words, &ground.scratch.path().join("redis.log"))?;
        // Its log goes to its standard output, which must not fill up.
        let mut output = program.stdout()?;
        std::thread::spawn(move || drop(std::io::copy(&mut output, &mut std::io::sink())));
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let asked = Instant::now();
        let script = loop {
            program.ensure_running()?;
            match load_script(address) {
                Ok(script) => break script,
                Err(e) if asked.elapsed() > Duration::from_secs(20) => {
                    return Err(e).context("waiting for redis-server");
                }
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        Ok(Some(Redis { program, address, script }))
    }

    /// One window in a closed loop, with so many commands at once from each client.
    pub async fn window(&self, window: Duration, pipelined: usize) -> anyhow::Result<Reading> {
        let began = Instant::now();
        let (from, until) = (began + WARM_UP, began + WARM_UP + window);
        let mut tasks = JoinSet::new();
        for _ in 0..CLIENTS {
            let stream = TcpStream::connect(self.address).await.context("connecting to Redis")?;
            stream.set_nodelay(true)?;
            tasks.spawn(client(stream, self.script.clone(), pipelined, from, until));
        }
        tokio::time::sleep_until(from.into()).await;
        let pid = self.program.pid();
        let (cpu, own) = (gauge::cpu_of_tree(pid), gauge::own_cpu());
        tokio::time::sleep_until(until.into()).await;
        let (cpu, own) = (gauge::cpu_of_tree(pid) - cpu, gauge::own_cpu() - own);
        let (mut answered, mut reserved, mut latency) = (0_u64, 0_u64, Histogram::<u64>::new(3)?);
        while let Some(done) = tasks.join_next().await {
            let counted = done??;
            answered += counted.answered;
            reserved += counted.reserved;
            latency.add(&counted.latency)?;
        }
        ensure!(reserved > 0, "Redis reserved nothing");
        let answers = answered.max(1) as f64;
        let mut reading = Reading::of(answered as f64 / window.as_secs_f64())
            .with("server_cpu_us", cpu * 1e6 / answers)
            .with("generator_cpu_us", own * 1e6 / answers);
        load::put_latency(&mut reading, &latency);
        reading.outcomes = [("reserved".into(), reserved), ("taken".into(), answered - reserved)].into();
        Ok(reading)
    }

    /// Ends it.
    pub fn end(self) -> anyhow::Result<()> {
        self.program.end(Signal::TERM)
    }
}

struct Counted {
    answered: u64,
    reserved: u64,
    latency: Histogram<u64>,
}

async fn client(
    mut stream: TcpStream,
    script: String,
    pipelined: usize,
    from: Instant,
    until: Instant,
) -> anyhow::Result<Counted> {
    let mut dice = Dice::new();
    let mut counted = Counted { answered: 0, reserved: 0, latency: Histogram::new(3)? };
    let (mut request, mut answers) = (Vec::new(), vec![0; 16 * 1024]);
    loop {
        request.clear();
        for _ in 0..pipelined {
            let start = dice.below(MINUTES);
            let (room, attempt) = (format!("room:{}", dice.below(ROOMS)), format!("attempt:{}", Uuid::now_v7()));
            let (start, end) = (start.to_string(), (start + SLOT_MINUTES).to_string());
            command(&mut request, &["EVALSHA", &script, "2", &room, &attempt, &start, &end]);
        }
        let sent = Instant::now();
        if sent >= until {
            return Ok(counted);
        }
        stream.write_all(&request).await.context("sending to Redis")?;
        let (mut filled, mut lines) = (0, 0);
        while lines < pipelined {
            let free =
                answers.get_mut(filled..).filter(|free| !free.is_empty()).context("too long an answer of Redis")?;
            let read = stream.read(free).await.context("reading from Redis")?;
            ensure!(read > 0, "Redis closed the connection");
            lines += answers.iter().skip(filled).take(read).filter(|byte| **byte == b'\n').count();
            filled += read;
        }
        let took = sent.elapsed();
        let told = answers.get(..filled).unwrap_or_default();
        for line in told.split(|byte| *byte == b'\n').take(pipelined) {
            match line {
                b":1\r" | b":0\r" if sent < from || sent + took >= until => {}
                b":1\r" => (counted.answered, counted.reserved) = (counted.answered + 1, counted.reserved + 1),
                b":0\r" => counted.answered += 1,
                _ => bail!("Redis answers {:?}", String::from_utf8_lossy(line)),
            }
        }
        if sent >= from && sent + took < until {
            counted.latency.record_n(micros(took), pipelined as u64)?;
        }
    }
}

/// Loads the script; its name.
fn load_script(address: SocketAddr) -> anyhow::Result<String> {
    use std::io::{BufRead, BufReader, Write};
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut request = Vec::new();
    command(&mut request, &["SCRIPT", "LOAD", SCRIPT]);
    stream.write_all(&request)?;
    let mut lines = BufReader::new(stream).lines();
    let length = lines.next().context("no answer")??;
    ensure!(length == "$40", "Redis answers {length:?}");
    Ok(lines.next().context("no name")??)
}

fn command(into: &mut Vec<u8>, words: &[&str]) {
    into.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        into.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::command;

    #[test]
    fn commands_are_framed_by_length() {
        let mut bytes = Vec::new();
        command(&mut bytes, &["SET", "a", ""]);
        assert_eq!(bytes, b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$0\r\n\r\n");
    }
}
