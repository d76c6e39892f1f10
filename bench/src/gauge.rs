//! What a process used and what the server says of itself: CPU, memory, histograms, before and after a window.
//! It never asks more often than that, so that looking costs nothing.

use crate::http::{Connection, get};
use anyhow::bail;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

/// The kernel's unit of CPU time in `/proc`, per second.
const TICKS: f64 = 100.0;

/// How things stood at an instant.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When.
    pub at: Instant,
    /// CPU seconds of the server so far.
    pub server_cpu: f64,
    /// CPU seconds of the generator so far.
    pub generator_cpu: f64,
    /// CPU seconds of the server's threads so far, by name.
    pub threads: BTreeMap<String, f64>,
    /// Resident memory of the server, in KiB.
    pub memory_kib: u64,
    /// Bytes that the server has given to the disk so far.
    pub disk_bytes: u64,
    /// The server's histograms, by name.
    pub histograms: BTreeMap<String, Buckets>,
}

impl Snapshot {
    /// Looks now.
    pub fn of(pid: u32, histograms: BTreeMap<String, Buckets>) -> Snapshot {
        Snapshot {
            at: Instant::now(),
            server_cpu: cpu(&format!("/proc/{pid}/stat")),
            generator_cpu: cpu("/proc/self/stat"),
            threads: threads(pid),
            memory_kib: number(&format!("/proc/{pid}/status"), "VmRSS:"),
            disk_bytes: number(&format!("/proc/{pid}/io"), "write_bytes:"),
            histograms,
        }
    }
}

/// A cumulative histogram as `/metrics` tells it, over all its labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buckets {
    /// How many were at most so much.
    pub at_most: Vec<(f64, f64)>,
    /// Of all values.
    pub sum: f64,
    /// Of all values.
    pub count: f64,
}

impl Buckets {
    /// What came after an earlier look.
    pub fn since(&self, earlier: Option<&Buckets>) -> Buckets {
        let Some(earlier) = earlier else { return self.clone() };
        let before = |bound: f64| earlier.at_most.iter().find(|(b, _)| *b == bound).map_or(0.0, |(_, n)| *n);
        Buckets {
            at_most: self.at_most.iter().map(|(bound, n)| (*bound, n - before(*bound))).collect(),
            sum: self.sum - earlier.sum,
            count: self.count - earlier.count,
        }
    }

    /// Adds another window's.
    pub fn add(&mut self, other: &Buckets) {
        for (bound, n) in &other.at_most {
            self.put(*bound, *n);
        }
        self.sum += other.sum;
        self.count += other.count;
    }

    /// The mean; 0 of nothing.
    pub fn mean(&self) -> f64 {
        if self.count > 0.0 { self.sum / self.count } else { 0.0 }
    }

    fn put(&mut self, bound: f64, n: f64) {
        match self.at_most.iter_mut().find(|(b, _)| *b == bound) {
            Some((_, sum)) => *sum += n,
            None => self.at_most.push((bound, n)),
        }
    }
}

/// What `/metrics` says now, or nothing if there is no such page.
pub async fn scrape(address: SocketAddr) -> anyhow::Result<BTreeMap<String, Buckets>> {
    let mut connection = Connection::open(address).await?;
    let answer = connection.ask(get("/metrics").as_bytes()).await?;
    match answer.status {
        200 => Ok(parse(std::str::from_utf8(answer.body)?)),
        404 => Ok(BTreeMap::new()),
        status => bail!("/metrics answers {status}"),
    }
}

fn parse(text: &str) -> BTreeMap<String, Buckets> {
    let mut all: BTreeMap<String, Buckets> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((series, value)) = line.rsplit_once(' ') else { continue };
        let Ok(value) = value.parse::<f64>() else { continue };
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        if let Some(name) = name.strip_suffix("_bucket") {
            let bound = labels.split("le=\"").nth(1).and_then(|rest| rest.split('"').next());
            let Some(bound) = bound.and_then(|bound| bound.parse().ok()) else { continue };
            all.entry(name.into()).or_default().put(bound, value);
        } else if let Some(histogram) = name.strip_suffix("_sum").and_then(|name| all.get_mut(name)) {
            histogram.sum += value;
        } else if let Some(histogram) = name.strip_suffix("_count").and_then(|name| all.get_mut(name)) {
            histogram.count += value;
        }
    }
    all
}

/// User and system time in a `stat` file of `/proc`; 0 where there is none.
fn cpu(path: &str) -> f64 {
    std::fs::read_to_string(path).ok().and_then(|stat| ticks(&stat)).unwrap_or(0.0) / TICKS
}

fn ticks(stat: &str) -> Option<f64> {
    // The name stands in parentheses and may hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields.split(' ').skip(11).take(2).map(str::parse::<f64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}

fn threads(pid: u32) -> BTreeMap<String, f64> {
    let mut all = BTreeMap::new();
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return all };
    for task in tasks.flatten() {
        let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else { continue };
        let name = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')).map_or("?", |(name, _)| name);
        *all.entry(name.to_owned()).or_default() += ticks(&stat).unwrap_or(0.0) / TICKS;
    }
    all
}

/// The number behind a name in a file of `/proc`; 0 where there is none.
fn number(path: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The load averages, as the kernel tells them.
pub fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// What the machine is: its processors.
pub fn machine() -> String {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    match model {
        Some((_, model)) => format!("{count} × {model}"),
        None => format!("{count} processors"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_are_read_over_their_labels() {
        let text = "# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 3\na_sum 7\na_count 3\n\
                    b_bucket{x=\"y\",le=\"1\"} 1\nb_bucket{x=\"z\",le=\"1\"} 1\nb_sum{x=\"y\"} 1\nb_count{x=\"y\"} 1\nc 4\n";
        let all = parse(text);
        let a = &all["a"];
        assert_eq!((a.count, a.sum, a.at_most.as_slice()), (3.0, 7.0, [(1.0, 2.0), (f64::INFINITY, 3.0)].as_slice()));
        assert_eq!(all["b"].at_most, [(1.0, 2.0)]);
        assert_eq!(a.since(Some(a)).count, 0.0);
    }

    #[test]
    fn cpu_time_is_read_behind_any_name() {
        let stat = "12 (a) b) S 1 2 3 4 5 6 7 8 9 10 30 12 0 0";
        assert_eq!(ticks(stat), Some(42.0));
    }
}
