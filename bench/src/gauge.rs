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
            memory_kib: memory_kib(pid),
            disk_bytes: number(&format!("/proc/{pid}/io"), "write_bytes:"),
            histograms,
        }
    }
}

/// A histogram as `/metrics` tells it, over all its labels: enough for the mean of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Buckets {
    /// Of all values.
    pub sum: f64,
    /// Of all values.
    pub count: f64,
}

impl Buckets {
    /// What came after an earlier look.
    pub fn since(&self, earlier: Option<&Buckets>) -> Buckets {
        let earlier = earlier.copied().unwrap_or_default();
        Buckets { sum: self.sum - earlier.sum, count: self.count - earlier.count }
    }

    /// The mean; 0 of nothing.
    pub fn mean(&self) -> f64 {
        if self.count > 0.0 { self.sum / self.count } else { 0.0 }
    }
}

/// What `/metrics` says now, or nothing if there is no such page.
pub async fn scrape(address: SocketAddr) -> anyhow::Result<BTreeMap<String, Buckets>> {
    let mut connection = Connection::open(address).await?;
    let answer = connection.ask(get("/metrics", None).as_bytes()).await?;
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
        let name = series.split_once('{').map_or(series, |(name, _)| name);
        if let Some(name) = name.strip_suffix("_bucket") {
            all.entry(name.into()).or_default();
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

/// CPU seconds of this process so far.
pub fn own_cpu() -> f64 {
    cpu("/proc/self/stat")
}

/// The same with children that have ended and were waited for.
pub fn own_cpu_with_children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let Some((_, fields)) = stat.rsplit_once(") ") else { return 0.0 };
    fields.split(' ').skip(11).take(4).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / TICKS
}

/// CPU seconds of a process and of all that descend from it, those that have ended included; 0 where there is no such process.
pub fn cpu_of_tree(root: u32) -> f64 {
    let Ok(processes) = std::fs::read_dir("/proc") else { return 0.0 };
    let of = |stat: &str| {
        let (_, fields) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let number = |n: usize| fields.get(n)?.parse::<f64>().ok();
        Some((fields.get(1)?.parse::<u32>().ok()?, number(11)? + number(12)? + number(13)? + number(14)?))
    };
    let pids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let all: BTreeMap<u32, (u32, f64)> =
        pids.filter_map(|pid| Some((pid, of(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?))).collect();
    let descends = |mut pid: u32| {
        // A chain of parents is short; the bound only guards against a table that changed while it was read.
        for _ in 0..32 {
            match all.get(&pid) {
                _ if pid == root => return true,
                Some((parent, _)) => pid = *parent,
                None => return false,
            }
        }
        false
    };
    all.iter().filter(|(pid, _)| descends(**pid)).map(|(_, (_, ticks))| ticks / TICKS).sum()
}

/// Resident memory of a process, in KiB; 0 where there is no such process.
pub fn memory_kib(pid: u32) -> u64 {
    number(&format!("/proc/{pid}/status"), "VmRSS:")
}

/// CPU seconds of a process's threads, by name. Threads of one name count together.
pub fn threads(pid: u32) -> BTreeMap<String, f64> {
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
        assert_eq!((a.count, a.sum, all.len()), (3.0, 7.0, 2));
        assert_eq!(all["b"], Buckets { sum: 1.0, count: 1.0 });
        assert_eq!(a.since(Some(a)).count, 0.0);
    }

    #[test]
    fn cpu_time_is_read_behind_any_name() {
        let stat = "12 (a) b) S 1 2 3 4 5 6 7 8 9 10 30 12 0 0";
        assert_eq!(ticks(stat), Some(42.0));
    }
}
