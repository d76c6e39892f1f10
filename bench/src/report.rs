//! The results as tables and charts, for the terminal and for this crate's README.
//! It changes nothing of the README but what stands between its marks, and quotes no figure without the machine and its load.

use crate::plot::{self, figure};
use crate::results::{self, Experiment, Goal, Results, Row, Whose};
use anyhow::{Context, ensure};
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::path::Path;

/// Experiments in the order in which they are told.
pub const ORDER: [&str; 14] =
    ["e1", "e2", "e3", "e4", "e5", "overload", "e6", "e7", "e8", "e9", "e10", "instances", "instances_start", "peers"];
/// Details that have a column of their own.
const COLUMNS: [(&str, &str); 6] = [
    ("p50_us", "p50, ms"),
    ("p99_us", "p99, ms"),
    ("max_us", "longest, ms"),
    ("server_cpu_us", "server, CPU µs each"),
    ("generator_cpu_us", "generator, CPU µs each"),
    ("attempts_per_commit", "attempts a commit"),
];
/// Details worth a line below the table.
const WORTH_TELLING: [&str; 17] = [
    "held_ms",
    "booked_share",
    "database_mib",
    "server_cores",
    "generator_cores",
    "memory_mib",
    "disk_kib",
    "late_p99_us",
    "due_per_s",
    "sent_share",
    "shed_share",
    "over_after_ms",
    "opening_ms",
    "changes_per_s",
    "events_per_s",
    "before_the_answer_share",
    "per_s",
];

/// Prints these experiments as they were kept last.
pub fn print(names: &[&str]) -> anyhow::Result<()> {
    let all = Results::read(&results::file())?;
    let mut page = String::new();
    for name in names {
        if let Some(experiment) = all.experiments.get(*name) {
            tell(&mut page, name, experiment, false)?;
        }
    }
    std::io::stdout().write_all(page.as_bytes()).context("printing the tables")
}

/// Writes the tables into the README and the charts beside it, from a file of results.
pub fn write(file: &Path) -> anyhow::Result<()> {
    let all = Results::read(file)?;
    ensure!(!all.experiments.is_empty(), "{} holds no results; measure first: cargo xtask bench", file.display());
    let plots = results::folder().join("plots");
    std::fs::create_dir_all(&plots).context("making the folder for charts")?;
    let readme = results::folder().join("README.md");
    let mut text = std::fs::read_to_string(&readme).context("reading README.md")?;
    for name in ORDER {
        let mut page = String::new();
        match all.experiments.get(name) {
            Some(experiment) => {
                tell(&mut page, name, experiment, true)?;
                for (n, (unit, rows)) in charts(experiment).into_iter().enumerate() {
                    let file = plots.join(chart_name(name, n));
                    let svg = plot::bars(&experiment.title, unit, &rows)?;
                    std::fs::write(&file, svg).with_context(|| format!("writing {}", file.display()))?;
                }
            }
            None => page.push_str("Not measured yet.\n"),
        }
        text = between_marks(&text, name, &page)?;
    }
    std::fs::write(&readme, text).context("writing README.md")
}

/// The text with what stands between the marks of an experiment replaced.
fn between_marks(text: &str, name: &str, page: &str) -> anyhow::Result<String> {
    let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- end of {name} -->"));
    let (before, rest) = text.split_once(&begin).with_context(|| format!("README.md has no {begin}"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("README.md has no {end}"))?;
    Ok(format!("{before}{begin}\n{page}{end}{after}"))
}

fn chart_name(experiment: &str, n: usize) -> String {
    if n == 0 { format!("{experiment}.svg") } else { format!("{experiment}-{}.svg", n + 1) }
}

/// Rows by unit, where there are at least two to compare.
fn charts(experiment: &Experiment) -> Vec<(&str, Vec<&Row>)> {
    let mut by_unit: Vec<(&str, Vec<&Row>)> = Vec::new();
    for row in &experiment.rows {
        match by_unit.iter_mut().find(|(unit, _)| *unit == row.unit) {
            Some((_, rows)) => rows.push(row),
            None => by_unit.push((&row.unit, vec![row])),
        }
    }
    by_unit.retain(|(_, rows)| rows.len() > 1);
    by_unit
}

fn tell(page: &mut String, name: &str, e: &Experiment, with_charts: bool) -> fmt::Result {
    writeln!(page, "**{}**\n", e.title)?;
    let windows = if e.seconds > 0 { format!(" of {} s", e.seconds) } else { String::new() };
    let rounds = if e.rounds == 1 { "1 round".to_owned() } else { format!("medians of {} rounds", e.rounds) };
    writeln!(
        page,
        "{}, {} UTC, {rounds}{windows}; load averages {} before, {} after.\n",
        e.machine, e.date, e.load_before, e.load_after
    )?;
    let columns: Vec<_> =
        COLUMNS.iter().filter(|(detail, _)| e.rows.iter().any(|r| r.details.contains_key(*detail))).collect();
    write!(page, "| | median | lowest to highest |")?;
    columns.iter().try_for_each(|(_, title)| write!(page, " {title} |"))?;
    writeln!(page, "\n|---|---|---|{}", "---|".repeat(columns.len()))?;
    for row in &e.rows {
        let span = match (row.values.iter().copied().reduce(f64::min), row.values.iter().copied().reduce(f64::max)) {
            (Some(lowest), Some(highest)) if row.values.len() > 1 => {
                format!("{} – {}", figure(lowest), figure(highest))
            }
            _ => String::new(),
        };
        write!(page, "| {} | {} {} | {span} |", row.name, figure(row.median()), row.unit)?;
        for (detail, title) in &columns {
            let scale = if title.ends_with(", ms") { 1e-3 } else { 1.0 };
            match row.detail(detail) {
                Some(value) => write!(page, " {} |", figure(value * scale))?,
                None => write!(page, " |")?,
            }
        }
        writeln!(page)?;
    }
    writeln!(page)?;
    if !e.goals.is_empty() {
        writeln!(page, "| goal | measured | wanted | |\n|---|---|---|---|")?;
        e.goals.iter().try_for_each(|goal| told_goal(page, goal))?;
        writeln!(page)?;
    }
    for row in &e.rows {
        told_below(page, row)?;
    }
    for note in &e.notes {
        writeln!(page, "* {note}")?;
    }
    if with_charts {
        for (n, (unit, _)) in charts(e).into_iter().enumerate() {
            writeln!(page, "\n![{}, {unit}](plots/{})", e.title, chart_name(name, n))?;
        }
    }
    writeln!(page)
}

fn told_goal(page: &mut String, goal: &Goal) -> fmt::Result {
    let (sign, judged) = (if goal.at_least { "≥" } else { "≤" }, if goal.reached() { "reached" } else { "missed" });
    let (measured, wanted, unit) = (figure(goal.measured), figure(goal.goal), &goal.unit);
    writeln!(page, "| {} | {measured} {unit} | {sign} {wanted} {unit} | {judged} |", goal.what)
}

/// What a row has besides: outcomes, threads, and figures without a column.
fn told_below(page: &mut String, row: &Row) -> fmt::Result {
    let mut parts = Vec::new();
    if !row.outcomes.is_empty() && row.whose == Whose::Ours {
        let outcomes = row.outcomes.iter().map(|(name, n)| format!("{} {name}", figure(*n as f64)));
        parts.push(outcomes.collect::<Vec<_>>().join(", "));
    }
    for name in WORTH_TELLING {
        if let Some(value) = row.detail(name).filter(|_| row.whose == Whose::Ours).filter(|value| *value != 0.0) {
            parts.push(format!("{} {}", name.replace('_', " "), figure(value)));
        }
    }
    let threads =
        row.details.keys().filter_map(|name| Some((name.strip_prefix("thread ")?.strip_suffix("_us")?, name)));
    let threads: Vec<String> =
        threads.filter_map(|(thread, name)| Some(format!("{thread} {}", figure(row.detail(name)?)))).collect();
    if !threads.is_empty() && row.whose == Whose::Ours {
        parts.push(format!("CPU µs each by thread: {}", threads.join(", ")));
    }
    if parts.is_empty() { Ok(()) } else { writeln!(page, "* {}: {}", row.name, parts.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Reading;

    #[test]
    fn only_what_stands_between_the_marks_changes() {
        let text = "a\n<!-- e1 -->\nold\n<!-- end of e1 -->\nb\n<!-- e2 -->\n<!-- end of e2 -->\n";
        let new = between_marks(text, "e1", "new\n").unwrap();
        assert_eq!(new, "a\n<!-- e1 -->\nnew\n<!-- end of e1 -->\nb\n<!-- e2 -->\n<!-- end of e2 -->\n");
        assert!(between_marks(text, "e3", "new").is_err());
    }

    #[test]
    fn a_table_has_the_machine_the_goal_and_every_row() {
        let mut e = Experiment::begin("A test", 5, 2);
        for value in [1000.0, 3000.0] {
            e.add(Whose::Ours, "ours", "a second", Reading::of(value).with("p99_us", 1500.0));
        }
        e.add(Whose::Peer, "peer", "a second", Reading::of(8000.0));
        e.ratio_at_least("ours", "peer", 0.5);
        let mut page = String::new();
        tell(&mut page, "e1", &e, true).unwrap();
        for part in [
            &*e.machine,
            "| ours | 2,000 a second | 1,000 – 3,000 | 1.50 |",
            "| ours : peer | 0.250 × | ≥ 0.500 × | missed |",
        ] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
        assert!(page.contains("plots/e1.svg"));
    }

    #[test]
    fn the_readme_has_a_place_for_every_experiment() {
        let mut text = std::fs::read_to_string(results::folder().join("README.md")).unwrap();
        for name in ORDER {
            text = between_marks(&text, name, "").unwrap();
        }
    }
}
