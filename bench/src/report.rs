//! Medians over the rounds, ratios within the run, and where the time went, as a page for people and as JSON.
//! It quotes no figure without the machine and its load.

use crate::gauge::Buckets;
use crate::load::Sample;
use crate::measure::Wish;
use anyhow::Context;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::path::Path;

/// What one window measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// The bare server with so many connections.
    Bare(usize),
    /// E1: bookings spread over all resources, with so many connections.
    Spread(usize),
    /// E2: bookings on the hot resource, with so many connections.
    Hot(usize),
    /// The bare server, one client after the other.
    BareAlone,
    /// E5: one client, one after the other.
    Alone,
    /// E5: the open loop at half of the peak.
    HalfOfPeak,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Case::Bare(n) => write!(f, "bare axum, {n} connections"),
            Case::Spread(n) => write!(f, "E1 spread, {n} connections"),
            Case::Hot(n) => write!(f, "E2 one hot resource, {n} connections"),
            Case::BareAlone => f.write_str("bare axum, one client"),
            Case::Alone => f.write_str("E5 one client"),
            Case::HalfOfPeak => f.write_str("E5 open loop at half of peak"),
        }
    }
}

const CASES: [Case; 8] = [
    Case::Bare(64),
    Case::Spread(64),
    Case::Hot(64),
    Case::Bare(256),
    Case::Spread(256),
    Case::BareAlone,
    Case::Alone,
    Case::HalfOfPeak,
];

/// One measurement.
pub enum Measured {
    /// A look at the disk: microseconds of each sync.
    Disk(Histogram<u64>),
    /// A window of requests.
    Window(Case, Box<Sample>),
}

/// A whole run.
pub struct Run {
    /// What was wished for.
    pub wish: Wish,
    /// The machine.
    pub machine: String,
    /// Its load before.
    pub load_before: String,
    /// Its load after.
    pub load_after: String,
    /// Size of the data at the end.
    pub data_bytes: u64,
    /// All measurements, in order.
    pub measured: Vec<Measured>,
}

/// Medians of one case over its rounds.
#[derive(Serialize)]
struct Row {
    case: String,
    rounds: usize,
    /// Answers a second.
    rate: f64,
    rate_lowest: f64,
    rate_highest: f64,
    /// Medians over the rounds, in microseconds.
    p50_us: f64,
    p90_us: f64,
    p99_us: f64,
    max_us: f64,
    /// Of the generator: how late requests were sent after their intended start.
    late_p99_us: f64,
    server_cpu_us_per_answer: f64,
    generator_cpu_us_per_answer: f64,
    server_cores: f64,
    generator_cores: f64,
    server_memory_mib: f64,
    body_bytes: f64,
    disk_kib_per_answer: f64,
    outcomes: BTreeMap<String, u64>,
    /// CPU of the server's threads in microseconds an answer, by name.
    threads_us_per_answer: BTreeMap<String, f64>,
    histograms: BTreeMap<String, Spread>,
}

/// A histogram of the server's, over all rounds.
#[derive(Serialize)]
struct Spread {
    count: f64,
    mean: f64,
    /// How many were at most so much.
    at_most: Vec<(Option<f64>, f64)>,
}

#[derive(Serialize)]
struct Whole<'a> {
    date: String,
    machine: &'a str,
    load_before: &'a str,
    load_after: &'a str,
    seconds: u64,
    rounds: u32,
    resources: u32,
    data_bytes: u64,
    bookings: u64,
    disk_sync_p50_us: f64,
    disk_syncs_per_second: f64,
    rows: Vec<Row>,
}

/// The highest median rate of bookings spread over all resources.
pub fn peak(measured: &[Measured]) -> f64 {
    [64, 256]
        .map(|n| median(samples(measured, Case::Spread(n)).iter().map(|s| s.rate())))
        .into_iter()
        .fold(0.0, f64::max)
}

/// Prints the page and writes it and the JSON to `results/` of this crate.
pub fn tell(run: &Run) -> anyhow::Result<()> {
    let disks: Vec<&Histogram<u64>> = run.measured.iter().filter_map(disk).collect();
    let rows: Vec<Row> = CASES.iter().filter_map(|case| row(*case, &samples(&run.measured, *case))).collect();
    let whole = Whole {
        date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
        machine: &run.machine,
        load_before: &run.load_before,
        load_after: &run.load_after,
        seconds: run.wish.window.as_secs(),
        rounds: run.wish.rounds,
        resources: run.wish.resources,
        data_bytes: run.data_bytes,
        bookings: rows.iter().filter(|r| !r.case.starts_with("bare")).filter_map(|r| r.outcomes.get("BOOKED")).sum(),
        disk_sync_p50_us: median(disks.iter().map(|d| d.value_at_quantile(0.5) as f64)),
        disk_syncs_per_second: median(disks.iter().map(|d| 1e6 / d.mean())),
        rows,
    };
    let page = page(&whole)?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    std::fs::create_dir_all(&folder).context("making the folder for results")?;
    std::fs::write(folder.join("latest.md"), &page).context("writing latest.md")?;
    std::fs::write(folder.join("latest.json"), serde_json::to_string_pretty(&whole)?).context("writing latest.json")?;
    std::io::stdout().write_all(page.as_bytes()).context("printing the page")
}

fn disk(measured: &Measured) -> Option<&Histogram<u64>> {
    match measured {
        Measured::Disk(times) => Some(times),
        Measured::Window(..) => None,
    }
}

fn samples(measured: &[Measured], wanted: Case) -> Vec<&Sample> {
    let of = |m: &'_ Measured| match m {
        Measured::Window(case, _) => *case == wanted,
        Measured::Disk(_) => false,
    };
    let windows = measured.iter().filter(|m| of(m));
    windows
        .filter_map(|m| match m {
            Measured::Window(_, sample) => Some(&**sample),
            Measured::Disk(_) => None,
        })
        .collect()
}

fn row(case: Case, samples: &[&Sample]) -> Option<Row> {
    if samples.is_empty() {
        return None;
    }
    let over = |of: &dyn Fn(&Sample) -> f64| median(samples.iter().map(|s| of(s)));
    let at = |share: f64| over(&|s| s.tally.latency.value_at_quantile(share) as f64);
    let per_answer = |seconds: f64, s: &Sample| seconds * 1e6 / (s.tally.answered.max(1) as f64);
    let server = |s: &Sample| s.after.server_cpu - s.before.server_cpu;
    let generator = |s: &Sample| s.after.generator_cpu - s.before.generator_cpu;
    let mut outcomes = BTreeMap::new();
    let mut histograms: BTreeMap<String, Buckets> = BTreeMap::new();
    let mut threads: BTreeMap<String, f64> = BTreeMap::new();
    for sample in samples {
        for (outcome, n) in &sample.tally.outcomes {
            *outcomes.entry(outcome.clone()).or_default() += n;
        }
        for (name, after) in &sample.after.histograms {
            let within = after.since(sample.before.histograms.get(name));
            histograms.entry(name.clone()).or_default().add(&within);
        }
        for (name, after) in &sample.after.threads {
            let used = after - sample.before.threads.get(name).copied().unwrap_or(0.0);
            *threads.entry(name.clone()).or_default() += used;
        }
    }
    let answered = samples.iter().map(|s| s.tally.answered).sum::<u64>().max(1) as f64;
    let known = |bound: f64| bound.is_finite().then_some(bound);
    let spread = |b: Buckets| Spread {
        count: b.count,
        mean: b.mean(),
        at_most: b.at_most.iter().map(|(bound, n)| (known(*bound), *n)).collect(),
    };
    Some(Row {
        case: case.to_string(),
        rounds: samples.len(),
        rate: over(&Sample::rate),
        rate_lowest: samples.iter().map(|s| s.rate()).fold(f64::INFINITY, f64::min),
        rate_highest: samples.iter().map(|s| s.rate()).fold(0.0, f64::max),
        p50_us: at(0.5),
        p90_us: at(0.9),
        p99_us: at(0.99),
        max_us: over(&|s| s.tally.latency.max() as f64),
        late_p99_us: over(&|s| s.tally.lateness.value_at_quantile(0.99) as f64),
        server_cpu_us_per_answer: over(&|s| per_answer(server(s), s)),
        generator_cpu_us_per_answer: over(&|s| per_answer(generator(s), s)),
        server_cores: over(&|s| server(s) / s.seconds()),
        generator_cores: over(&|s| generator(s) / s.seconds()),
        server_memory_mib: samples.iter().map(|s| s.after.memory_kib as f64 / 1024.0).fold(0.0, f64::max),
        body_bytes: over(&|s| s.tally.body_bytes as f64 / (s.tally.answered.max(1) as f64)),
        disk_kib_per_answer: over(&|s| {
            let written = s.after.disk_bytes.saturating_sub(s.before.disk_bytes);
            written as f64 / 1024.0 / (s.tally.answered.max(1) as f64)
        }),
        outcomes,
        threads_us_per_answer: threads
            .into_iter()
            .map(|(name, seconds)| (name, seconds * 1e6 / answered))
            .filter(|(_, us)| *us >= 0.05)
            .collect(),
        histograms: histograms.into_iter().filter(|(_, b)| b.count > 0.0).map(|(name, b)| (name, spread(b))).collect(),
    })
}

fn page(whole: &Whole<'_>) -> Result<String, fmt::Error> {
    let mut out = String::new();
    writeln!(out, "# Measured on {}\n", whole.date)?;
    writeln!(
        out,
        "{}; load average {} before, {} after (1, 5, 15 minutes; the benchmark's own load included after).",
        whole.machine, whole.load_before, whole.load_after
    )?;
    writeln!(
        out,
        "Medians of {} interleaved rounds of {} s, {} resources. Server and generator share the processors.",
        whole.rounds, whole.seconds, whole.resources
    )?;
    writeln!(
        out,
        "The disk: 4 KiB appended and synced, p50 {:.0} µs, {:.0} a second. Data at the end: {:.0} MiB, {} bookings measured.\n",
        whole.disk_sync_p50_us,
        whole.disk_syncs_per_second,
        whole.data_bytes as f64 / f64::from(1 << 20),
        whole.bookings
    )?;
    goals(&mut out, whole)?;
    writeln!(
        out,
        "| | answers/s | lowest–highest | p50 µs | p90 µs | p99 µs | max µs | server µs CPU | generator µs CPU | server cores | memory MiB |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|---|---|")?;
    for r in &whole.rows {
        writeln!(
            out,
            "| {} | {:.0} | {:.0}–{:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} | {:.1} | {:.2} | {:.0} |",
            r.case,
            r.rate,
            r.rate_lowest,
            r.rate_highest,
            r.p50_us,
            r.p90_us,
            r.p99_us,
            r.max_us,
            r.server_cpu_us_per_answer,
            r.generator_cpu_us_per_answer,
            r.server_cores,
            r.server_memory_mib
        )?;
    }
    writeln!(
        out,
        "\nCPU is per answer. In the open loop times are from the intended start; requests were sent late by (p99): {:.0} µs.\n",
        whole.rows.iter().map(|r| r.late_p99_us).fold(0.0, f64::max)
    )?;
    inside(&mut out, whole)?;
    Ok(out)
}

/// The goals, with what was reached.
fn goals(out: &mut String, whole: &Whole<'_>) -> fmt::Result {
    let find = |case: Case| whole.rows.iter().find(|r| r.case == case.to_string());
    let mut lines = Vec::new();
    for (n, first, then) in [(64, 0.25, 0.35), (256, 0.35, 0.45)] {
        if let (Some(e1), Some(bare)) = (find(Case::Spread(n)), find(Case::Bare(n))) {
            let ratio = e1.rate / bare.rate;
            lines.push((
                format!("E1, {n} connections: × bare axum"),
                format!("{ratio:.3}"),
                format!("≥ {first}, then ≥ {then}"),
                ratio >= first,
            ));
        }
    }
    if let (Some(e2), Some(e1)) = (find(Case::Hot(64)), find(Case::Spread(64))) {
        let ratio = e2.rate / e1.rate;
        lines.push(("E2, 64 connections: × E1".into(), format!("{ratio:.3}"), "≥ 0.9".into(), ratio >= 0.9));
    }
    if let Some(alone) = find(Case::Alone) {
        let ratio = alone.p50_us / whole.disk_sync_p50_us;
        lines.push(("E5, one client: p50 × the disk's sync".into(), format!("{ratio:.2}"), "≤ 2".into(), ratio <= 2.0));
        lines.push((
            "E5, one client: p99".into(),
            format!("{:.2} ms", alone.p99_us / 1e3),
            "≤ 10 ms".into(),
            alone.p99_us <= 10_000.0,
        ));
    }
    if let Some(half) = find(Case::HalfOfPeak) {
        lines.push((
            format!("E5, {:.0}/s, half of peak: p99", half.rate),
            format!("{:.2} ms", half.p99_us / 1e3),
            "≤ 10 ms".into(),
            half.p99_us <= 10_000.0,
        ));
    }
    writeln!(out, "| | measured | goal | |\n|---|---|---|---|")?;
    for (what, measured, goal, reached) in lines {
        writeln!(out, "| {what} | {measured} | {goal} | {} |", if reached { "reached" } else { "missed" })?;
    }
    writeln!(out)
}

/// What the server says of itself.
fn inside(out: &mut String, whole: &Whole<'_>) -> fmt::Result {
    writeln!(out, "| | outcomes | body bytes | KiB to the disk | CPU µs by thread |\n|---|---|---|---|---|")?;
    for r in &whole.rows {
        let outcomes = r.outcomes.iter().map(|(name, n)| format!("{n} {name}")).collect::<Vec<_>>().join(", ");
        let threads = r.threads_us_per_answer.iter().map(|(name, us)| format!("{name} {us:.1}"));
        let threads = threads.collect::<Vec<_>>().join(", ");
        writeln!(out, "| {} | {outcomes} | {:.0} | {:.1} | {threads} |", r.case, r.body_bytes, r.disk_kib_per_answer)?;
    }
    writeln!(
        out,
        "\nThe server's histograms; the last column says which share was above the bound before and at most so much.\n"
    )?;
    writeln!(out, "| | count | mean | spread |\n|---|---|---|---|")?;
    for r in &whole.rows {
        for (name, h) in &r.histograms {
            let (unit, scale) = if name.ends_with("_seconds") { (" µs", 1e6) } else { ("", 1.0) };
            let shares = shares(h, scale);
            writeln!(out, "| {}: {name} | {:.0} | {:.1}{unit} | {shares} |", r.case, h.count, h.mean * scale)?;
        }
    }
    Ok(())
}

/// `≤ 16: 3 %, ≤ 64: 96 %`, without what is less than half a percent.
fn shares(h: &Spread, scale: f64) -> String {
    let mut before = 0.0;
    let mut text = Vec::new();
    for (bound, n) in &h.at_most {
        let share = (n - before) / h.count.max(1.0) * 100.0;
        before = *n;
        if share >= 0.5 {
            let bound = bound.map_or("> all".to_owned(), |bound| format!("≤ {}", bound * scale));
            text.push(format!("{bound}: {share:.0} %"));
        }
    }
    text.join(", ")
}

/// The middle one; of two the mean; 0 of none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle), values.len() % 2) {
        (None, _) => 0.0,
        (Some(upper), 1) => *upper,
        (Some(upper), _) => values.get(middle.saturating_sub(1)).map_or(*upper, |lower| (lower + upper) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn medians() {
        assert_eq!(median([].into_iter()), 0.0);
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
    }
}
