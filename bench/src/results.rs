//! What was measured, as it is kept: values of each round by name, goals by ratio, the machine and its load beside them.
//! It measures nothing and quotes no figure without its machine.

use crate::gauge;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// All experiments, each as it was measured last.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Results {
    /// By their names, `e1`, `overload`, `peers`.
    pub experiments: BTreeMap<String, Experiment>,
}

/// One experiment of one run.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Experiment {
    /// What it is.
    pub title: String,
    /// When, in UTC.
    pub date: String,
    /// On what.
    pub machine: String,
    /// Load averages before.
    pub load_before: String,
    /// Load averages after.
    pub load_after: String,
    /// Seconds of each window.
    pub seconds: u64,
    /// Rounds.
    pub rounds: u32,
    /// What was measured.
    pub rows: Vec<Row>,
    /// What it should be.
    pub goals: Vec<Goal>,
    /// What a reader must know, such as a part that did not run.
    pub notes: Vec<String>,
}

/// Whose figure it is.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// Slotwise's.
    #[default]
    Ours,
    /// A peer's, or the machine's, of the same run.
    Peer,
    /// A figure of another machine, scaled; it was not run.
    Scaled,
}

/// One thing that was measured, round by round.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Row {
    /// What.
    pub name: String,
    /// Of the values, such as `a second` or `ms`.
    pub unit: String,
    /// Whose.
    pub whose: Whose,
    /// One each round.
    pub values: Vec<f64>,
    /// Other figures by name, one each round. A name ends with its unit.
    pub details: BTreeMap<String, Vec<f64>>,
    /// Answers by outcome, all rounds together.
    pub outcomes: BTreeMap<String, u64>,
}

/// What should be reached.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Goal {
    /// Of what.
    pub what: String,
    /// What was measured.
    pub measured: f64,
    /// Its unit: `×`, `ms`.
    pub unit: String,
    /// What it should be.
    pub goal: f64,
    /// Whether more is better.
    pub at_least: bool,
}

impl Goal {
    /// Whether it was reached.
    pub fn reached(&self) -> bool {
        if self.at_least { self.measured >= self.goal } else { self.measured <= self.goal }
    }
}

impl Row {
    /// The median over the rounds.
    pub fn median(&self) -> f64 {
        median(&self.values)
    }

    /// The median of a detail over the rounds; `None` if it was not measured.
    pub fn detail(&self, name: &str) -> Option<f64> {
        self.details.get(name).map(|values| median(values))
    }

    /// All answers.
    pub fn answers(&self) -> u64 {
        self.outcomes.values().sum()
    }
}

/// What one round says of a row.
#[derive(Default)]
pub struct Reading {
    /// The value.
    pub value: f64,
    /// Other figures.
    pub details: BTreeMap<String, f64>,
    /// Answers by outcome.
    pub outcomes: BTreeMap<String, u64>,
}

impl Reading {
    /// Of a value alone.
    pub fn of(value: f64) -> Reading {
        Reading { value, ..Reading::default() }
    }

    /// With another figure.
    pub fn with(mut self, name: &str, value: f64) -> Reading {
        self.details.insert(name.to_owned(), value);
        self
    }
}

impl Experiment {
    /// One that begins now.
    pub fn begin(title: &str, seconds: u64, rounds: u32) -> Experiment {
        Experiment {
            title: title.to_owned(),
            date: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M").to_string(),
            machine: gauge::machine(),
            load_before: gauge::load_average(),
            seconds,
            rounds,
            ..Experiment::default()
        }
    }

    /// Adds what one round says of a row.
    pub fn add(&mut self, whose: Whose, name: &str, unit: &str, reading: Reading) {
        let row = match self.rows.iter_mut().position(|row| row.name == name) {
            Some(at) => self.rows.get_mut(at),
            None => {
                self.rows.push(Row { name: name.into(), unit: unit.into(), whose, ..Row::default() });
                self.rows.last_mut()
            }
        };
        let Some(row) = row else { return };
        row.values.push(reading.value);
        for (name, value) in reading.details {
            row.details.entry(name).or_default().push(value);
        }
        for (outcome, n) in reading.outcomes {
            *row.outcomes.entry(outcome).or_default() += n;
        }
    }

    /// A row, if it was measured.
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// The same run with these rows only, under another title.
    pub fn part(&self, title: &str, names: &[&str]) -> Experiment {
        let rows = names.iter().filter_map(|name| self.row(name)).cloned().collect();
        Experiment { title: title.into(), rows, goals: Vec::new(), ..self.clone() }
    }

    /// A goal for the ratio of two rows' medians, if both were measured.
    pub fn ratio_at_least(&mut self, row: &str, of: &str, goal: f64) {
        let (Some(row), Some(of)) = (self.row(row), self.row(of)) else { return };
        let (what, measured) = (format!("{} : {}", row.name, of.name), row.median() / of.median());
        self.goals.push(Goal { what, measured, unit: "×".into(), goal, at_least: true });
    }

    /// A goal for a figure.
    pub fn at_most(&mut self, what: &str, measured: f64, unit: &str, goal: f64) {
        self.goals.push(Goal { what: what.into(), measured, unit: unit.into(), goal, at_least: false });
    }

    /// A goal for a detail of a row, in microseconds, told in milliseconds.
    pub fn ms_at_most(&mut self, row: &str, detail: &str, goal_ms: f64) {
        let Some(us) = self.row(row).and_then(|row| row.detail(detail)) else { return };
        let what = format!("{row}: {}", detail.trim_end_matches("_us"));
        self.at_most(&what, us / 1e3, "ms", goal_ms);
    }

    /// Says something a reader must know.
    pub fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }
}

/// Where results are kept, beside this crate.
pub fn file() -> PathBuf {
    folder().join("results").join("latest.json")
}

/// This crate.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

impl Results {
    /// Reads a file; nothing measured yet is no error.
    pub fn read(file: &Path) -> anyhow::Result<Results> {
        match std::fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| format!("reading {}", file.display())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Results::default()),
            Err(e) => Err(e).with_context(|| format!("reading {}", file.display())),
        }
    }

    /// Keeps one experiment in place of the last of its name, and leaves the others.
    pub fn keep(name: &str, mut experiment: Experiment) -> anyhow::Result<Experiment> {
        experiment.load_after = gauge::load_average();
        let file = file();
        let mut all = Results::read(&file)?;
        all.experiments.insert(name.into(), experiment.clone());
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).context("making the folder for results")?;
        }
        let text = serde_json::to_string_pretty(&all)?;
        std::fs::write(&file, text + "\n").with_context(|| format!("writing {}", file.display()))?;
        Ok(experiment)
    }
}

/// The middle one; of two the mean; 0 of none.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
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
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn rounds_gather_in_one_row_and_goals_are_ratios_of_medians() {
        let mut all = Experiment::begin("a test", 1, 3);
        for round in [10.0, 1000.0, 30.0] {
            all.add(Whose::Ours, "ours", "a second", Reading::of(round).with("p99_us", round * 100.0));
            all.add(Whose::Peer, "theirs", "a second", Reading::of(60.0));
        }
        all.ratio_at_least("ours", "theirs", 0.5);
        all.ratio_at_least("ours", "not measured", 0.5);
        all.ms_at_most("ours", "p99_us", 2.0);
        let told: Vec<_> = all.goals.iter().map(|goal| (goal.measured, goal.reached())).collect();
        assert_eq!(told, [(0.5, true), (3.0, false)]);
        assert_eq!(all.part("less", &["theirs"]).rows.len(), 1);
    }
}
