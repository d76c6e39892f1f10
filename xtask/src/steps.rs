//! A row of named steps: each timed, the row ends at the first that fails, a table closes it.
//! It never goes on after a failure and never leaves a step out without saying so.

use std::time::{Duration, Instant};

use crate::console;
use crate::stop::Stop;

/// What has been done so far.
#[derive(Debug)]
pub struct Steps {
    started: Instant,
    done: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: &'static str,
    mark: Mark,
    took: Duration,
    summary: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Mark {
    Passed,
    Failed,
    LeftOut,
}

impl Steps {
    /// The row begins.
    pub fn begin() -> Steps {
        Steps { started: Instant::now(), done: Vec::new() }
    }

    /// Does one step; what it returns beside its value are the lines worth seeing again at the end.
    pub fn step<T>(
        &mut self,
        name: &'static str,
        work: impl FnOnce(&mut Vec<String>) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let started = Instant::now();
        let mut summary = Vec::new();
        let result = work(&mut summary);
        let mark = if result.is_ok() { Mark::Passed } else { Mark::Failed };
        self.done.push(Step { name, mark, took: started.elapsed(), summary });
        result.map_err(|stop| match stop {
            Stop::Failed(reason) => Stop::Failed(format!("step '{name}': {reason}")),
            Stop::Interrupted => Stop::Interrupted,
        })
    }

    /// Notes that a step is not done, and why that was asked for.
    pub fn leave_out(&mut self, name: &'static str, why: &str) {
        let summary = vec![format!("left out: {why}")];
        self.done.push(Step { name, mark: Mark::LeftOut, took: Duration::ZERO, summary });
    }

    /// The tests' own summary lines, then the table.
    pub fn close(&self) {
        if self.done.iter().any(|step| !step.summary.is_empty()) {
            console::heading("what the tests said");
        }
        for step in &self.done {
            for line in &step.summary {
                console::say(&format!("  {:<14} {line}", step.name));
            }
        }
        console::heading("steps and seconds");
        for step in &self.done {
            let line = format!("{:<14} {:>8.1}", step.name, step.took.as_secs_f64());
            match step.mark {
                Mark::Passed => console::tick(&line),
                Mark::Failed => console::cross(&format!("{line}   failed")),
                Mark::LeftOut => console::say(&format!("  - {:<14} left out", step.name)),
            }
        }
        console::say(&format!("    {:<14} {:>8.1}\n", "together", self.started.elapsed().as_secs_f64()));
    }

    /// The same table as rows of a page: what docs tell of minutes is copied from a run.
    pub fn page(&self) -> String {
        let row = |step: &Step| match step.mark {
            Mark::Passed => format!("| {} | {:.0} |\n", step.name, step.took.as_secs_f64()),
            Mark::Failed => format!("| {} | {:.0}, failed |\n", step.name, step.took.as_secs_f64()),
            Mark::LeftOut => format!("| {} | left out |\n", step.name),
        };
        let rows: String = self.done.iter().map(row).collect();
        let together = self.started.elapsed().as_secs_f64();
        format!("| step | seconds |\n|---|---|\n{rows}| together | {together:.0} |\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_step_is_named_and_marked() {
        let mut steps = Steps::begin();
        steps.step("first", |_| Ok(())).expect("it passes");
        let failed = steps.step("second", |summary| {
            summary.push("1 failed".into());
            Err::<(), _>(Stop::failed("no"))
        });
        assert!(matches!(failed, Err(Stop::Failed(reason)) if reason == "step 'second': no"));
        assert_eq!(steps.done.iter().map(|step| &step.mark).collect::<Vec<_>>(), [&Mark::Passed, &Mark::Failed]);
        assert_eq!(steps.done[1].summary, ["1 failed"]);
        assert_eq!(
            steps.page(),
            "| step | seconds |\n|---|---|\n| first | 0 |\n| second | 0, failed |\n| together | 0 |\n"
        );
    }
}
