//! What came of a run, for people and for programs: lines for a terminal, JSON, and one page that needs nothing else.
//! It judges nothing and leaves out nothing that was found.

mod page;

use crate::history::{Call, History, Number, Us};
use crate::oracle::Violation;
use crate::play::Played;
use anyhow::Context;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Histories that are kept as files: the first round of each scenario, and each that something was found in, so many in all.
const HISTORIES_MAX: usize = 200;
/// Rounds that are drawn.
const DRAWN_MAX: usize = 100;

/// How long answers took, in microseconds.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct Latency {
    /// How it ended.
    pub told: String,
    /// How many.
    pub count: usize,
    /// Half took no longer.
    pub p50_us: Us,
    /// 99 of 100 took no longer.
    pub p99_us: Us,
    /// None took longer.
    pub max_us: Us,
}

/// How long answers took, by how they ended.
pub fn latencies(history: &History) -> Vec<Latency> {
    let mut by: BTreeMap<String, Vec<Us>> = BTreeMap::new();
    for call in history.calls.iter().filter(|c| !c.after) {
        if let (Some(answered), Some(answer)) = (call.answered, &call.answer) {
            let told = format!("{} {}", call.what.word(), answer.short());
            by.entry(told).or_default().push(answered - call.sent);
        }
    }
    let of = |(told, mut all): (String, Vec<Us>)| {
        all.sort_unstable();
        // The smallest that so many do not exceed.
        let at = |of_100: usize| all.get((all.len() * of_100).div_ceil(100).saturating_sub(1)).copied().unwrap_or(0);
        Latency { told, count: all.len(), p50_us: at(50), p99_us: at(99), max_us: at(100) }
    };
    by.into_iter().map(of).collect()
}

/// A round in JSON.
#[derive(Serialize)]
struct RoundLine {
    scenario: String,
    round: u32,
    seed: u64,
    seconds: f64,
    requests: usize,
    events: usize,
    tally: BTreeMap<String, u64>,
    latencies: Vec<Latency>,
    violations: Vec<Value>,
    left_out: Vec<String>,
    compared: BTreeMap<&'static str, u64>,
    history: Option<String>,
}

/// Collects rounds as they come, and writes files.
pub struct Report {
    out: Option<PathBuf>,
    server: String,
    run: String,
    rounds: Vec<RoundLine>,
    drawn: Vec<String>,
    seen: BTreeMap<String, u32>,
    violated: usize,
    kept: usize,
}

impl Report {
    /// Into a folder, which is made; none writes no files.
    pub fn new(out: Option<&Path>) -> anyhow::Result<Report> {
        if let Some(out) = out {
            fs::create_dir_all(out).with_context(|| format!("making {}", out.display()))?;
        }
        Ok(Report {
            out: out.map(Path::to_owned),
            server: String::new(),
            run: String::new(),
            rounds: Vec::new(),
            drawn: Vec::new(),
            seen: BTreeMap::new(),
            violated: 0,
            kept: 0,
        })
    }

    /// Takes a round in and returns the lines for a terminal.
    pub fn add(&mut self, played: &Played) -> anyhow::Result<String> {
        let history = &played.history;
        let about = &history.about;
        (self.server, self.run) = (about.server.clone(), about.run.clone());
        let bad = !played.judgement.violations.is_empty();
        self.violated += usize::from(bad);
        let first = *self.seen.entry(about.scenario.clone()).and_modify(|n| *n += 1).or_insert(1) == 1;
        let mut file = None;
        if let Some(out) = self.out.as_deref().filter(|_| (first || bad) && self.kept < HISTORIES_MAX) {
            self.kept += 1;
            let name = format!("history-{}-{}.jsonl", about.scenario.replace(' ', "-"), about.round);
            let path = out.join(&name);
            let mut to = BufWriter::new(File::create(&path).with_context(|| format!("making {}", path.display()))?);
            history.write(&mut to)?;
            to.flush()?;
            file = Some(name);
        }
        if (first || bad) && self.drawn.len() < DRAWN_MAX {
            self.drawn.push(page::round(played, file.as_deref()));
        }
        let text = lines(played);
        self.rounds.push(RoundLine {
            scenario: about.scenario.clone(),
            round: about.round,
            seed: about.seed,
            seconds: played.took.as_secs_f64(),
            requests: history.calls.len() + history.views.len(),
            events: history.heard.iter().filter(|h| !h.record).count(),
            tally: played.judgement.tally.clone(),
            latencies: latencies(history),
            violations: played.judgement.violations.iter().map(|v| with_records(v, history)).collect(),
            left_out: played.judgement.left_out.clone(),
            compared: played.judgement.compared.clone(),
            history: file,
        });
        Ok(text)
    }

    /// Whether nothing was found.
    pub fn sound(&self) -> bool {
        self.violated == 0
    }

    /// Writes `report.json` and `report.html` and returns the last lines for a terminal.
    pub fn close(self, took: Duration) -> anyhow::Result<String> {
        let rounds = self.rounds.len();
        let requests: usize = self.rounds.iter().map(|r| r.requests).sum();
        let held = match self.violated {
            0 => "every invariant held".to_owned(),
            n => format!("INVARIANTS WERE VIOLATED in {n}"),
        };
        let mut said = format!("{rounds} rounds, {requests} requests, {:.1} s: {held}\n", took.as_secs_f64());
        let Some(out) = self.out else { return Ok(said) };
        let whole = json!({ "server": self.server, "run": self.run, "seconds": took.as_secs_f64(), "violated": self.violated, "rounds": self.rounds });
        let write = |name: &str, text: &str| {
            let path = out.join(name);
            fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
        };
        write("report.json", &(serde_json::to_string_pretty(&whole)? + "\n"))?;
        write("report.html", &page::whole(&self.server, &self.run, &said, &self.drawn))?;
        writeln!(said, "{} has report.html, report.json and the histories", out.display())?;
        Ok(said)
    }
}

fn with_records(violation: &Violation, history: &History) -> Value {
    let records: Vec<String> = violation.witness.iter().map(|n| record(history, *n)).collect();
    json!({ "invariant": violation.invariant, "title": violation.title, "says": violation.says,
        "witness": violation.witness, "records": records })
}

fn lines(played: &Played) -> String {
    let about = &played.history.about;
    let mark = if played.judgement.violations.is_empty() { "ok  " } else { "BAD " };
    let tally: Vec<String> = played.judgement.tally.iter().map(|(told, n)| format!("{n} {told}")).collect();
    let mut text = format!(
        "{mark} {} (round {}, seed {}, {:.1} s): {}\n",
        about.scenario,
        about.round,
        about.seed,
        played.took.as_secs_f64(),
        tally.join(", ")
    );
    for violation in &played.judgement.violations {
        text.push_str(&format!("     {} {}: {}\n", violation.invariant, violation.title, violation.says));
        for n in &violation.witness {
            text.push_str(&format!("       {}\n", record(&played.history, *n)));
        }
    }
    text
}

/// A record in a line.
fn record(history: &History, n: Number) -> String {
    if let Some(c) = history.calls.iter().find(|c| c.n == n) {
        return call(history, c);
    }
    if let Some(v) = history.views.iter().find(|v| v.n == n) {
        let left = v.remaining.map(|left| format!(", {left} left")).unwrap_or_default();
        let badge = v.badge.as_deref().map(|badge| format!(", {badge}")).unwrap_or_default();
        let name = history.name_of(v.resource);
        return format!(
            "#{n} {} {} saw {name} in the {}: version {}{left}{badge}",
            ms(v.answered),
            v.actor,
            v.place,
            v.version
        );
    }
    if let Some(h) = history.heard.iter().find(|h| h.n == n) {
        let version = h.version.map(|v| format!(" version {v}")).unwrap_or_default();
        let part = h.part.map(|(part, parts)| format!(" part {part} of {parts}")).unwrap_or_default();
        return format!("#{n} {} {} heard {}{version}{part}", ms(h.at), h.actor, h.event);
    }
    if let Some(s) = history.subscribed.iter().find(|s| s.n == n) {
        return format!("#{n} {} listens to {} from version {}", s.actor, history.name_of(s.resource), s.version);
    }
    if let Some(e) = history.ends.iter().find(|e| e.n == n) {
        let standing = e.bookings.iter().filter(|b| b.stands()).count();
        let waiting = e.entries.iter().filter(|x| x.state == "waiting").count();
        let capacity = e.capacity.map_or_else(|| "no end of".to_owned(), |c| c.to_string());
        let name = history.name_of(e.resource);
        return format!(
            "#{n} at the end {name} is at version {}: {capacity} units, {standing} bookings stand, {waiting} wait",
            e.version
        );
    }
    format!("#{n}")
}

fn call(history: &History, c: &Call) -> String {
    let takes: Vec<String> = c
        .takes
        .iter()
        .map(|t| {
            let begins = c.takes.first().map_or(0, |f| f.start);
            let minutes = (t.end - t.start) / 60_000_000;
            let later = (t.start - begins) / 60_000_000;
            let at = if later == 0 { String::new() } else { format!(" {later} min later") };
            format!("{} of {} for {minutes} min from {}{at}", t.units, history.name_of(t.resource), clock(t.start))
        })
        .collect();
    let what = if takes.is_empty() { String::new() } else { format!(" {}", takes.join(" and ")) };
    let to = match (c.resource, c.to, c.if_match) {
        (Some(r), Some(to), Some(named)) => format!(" of {} to {to} from policy version {named}", history.name_of(r)),
        (Some(r), None, Some(named)) => format!(" of {} from policy version {named}", history.name_of(r)),
        (_, _, _) => String::new(),
    };
    let versions = c.answer.iter().flat_map(|a| &a.versions).map(|(_, v)| format!(" version {v}")).collect::<String>();
    let again = if c.after { " once more" } else { "" };
    let key = c.key.simple().to_string();
    // The end of a UUIDv7 is chance: enough to tell keys apart.
    let key = key.get(26..).unwrap_or_default();
    let until = c.answered.map_or_else(|| "…".to_owned(), ms);
    format!(
        "#{} {} to {until} {} asked{again} to {}{what}{to} (key …{key}): {}{versions}",
        c.n,
        ms(c.sent),
        c.actor,
        c.what.word(),
        c.told()
    )
}

fn clock(us: i64) -> String {
    jiff::Timestamp::from_microsecond(us).map(|t| t.strftime("%H:%M:%S").to_string()).unwrap_or_default()
}

fn ms(us: Us) -> String {
    format!("{}.{:03} ms", us / 1_000, us % 1_000)
}
