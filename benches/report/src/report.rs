//! The rows of one bench, round by round, and what becomes of them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::table::{markdown, number};
use crate::{Bound, Goal, Spread, ratio};

/// What a row is compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The raw tool on the same servers.
    Limit,
    /// Somebody else's work on the same task.
    Peer,
    /// Ours.
    Ours,
}

impl Role {
    fn text(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Peer => "peer",
            Self::Ours => "ours",
        }
    }
}

/// What one round measured; `None` where a figure does not apply.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// Units a second.
    pub throughput: Option<f64>,
    /// CPU of the process under test for each unit.
    pub cpu_us_per_unit: Option<f64>,
    /// CPU of the servers beside it for each unit.
    pub servers_cpu_us_per_unit: Option<f64>,
    /// The most memory that was resident.
    pub rss_mib: Option<f64>,
    /// Latency.
    pub p50_ms: Option<f64>,
    /// Latency.
    pub p95_ms: Option<f64>,
    /// Latency.
    pub p99_ms: Option<f64>,
}

type Figure = fn(&Sample) -> Option<f64>;

impl Sample {
    /// CPU of the process under test and of the servers together, for each unit.
    #[must_use]
    pub fn whole_cpu(&self) -> Option<f64> {
        Some(self.cpu_us_per_unit? + self.servers_cpu_us_per_unit?)
    }
}

const FIGURES: [(&str, Figure); 7] = [
    ("CPU µs", |sample| sample.cpu_us_per_unit),
    ("servers' CPU µs", |sample| sample.servers_cpu_us_per_unit),
    ("per second", |sample| sample.throughput),
    ("MiB", |sample| sample.rss_mib),
    ("p50 ms", |sample| sample.p50_ms),
    ("p95 ms", |sample| sample.p95_ms),
    ("p99 ms", |sample| sample.p99_ms),
];

struct Row {
    section: String,
    name: String,
    role: Role,
    unit: &'static str,
    samples: Vec<Sample>,
    fault: Option<String>,
}

impl Row {
    fn spread(&self, figure: Figure) -> Option<Spread> {
        if self.fault.is_some() {
            return None;
        }
        Spread::of(self.samples.iter().filter_map(figure))
    }
}

/// Everything one run of a bench found out.
pub struct Report {
    path: String,
    rounds: usize,
    rows: Vec<Row>,
    goals: Vec<Goal>,
    notes: Vec<String>,
}

impl Report {
    /// Of the bench `path`.
    #[must_use]
    pub fn new(path: impl Into<String>, rounds: usize) -> Self {
        Self { path: path.into(), rounds, rows: Vec::new(), goals: Vec::new(), notes: Vec::new() }
    }

    /// Adds a round to the row of this section and name. A round whose check failed takes the row's figures away.
    pub fn add(&mut self, section: &str, name: &str, role: Role, unit: &'static str, round: Result<Sample>) {
        let known = self.rows.iter().position(|row| row.section == section && row.name == name);
        let place = known.unwrap_or_else(|| {
            let (section, name) = (section.to_owned(), name.to_owned());
            self.rows.push(Row { section, name, role, unit, samples: Vec::new(), fault: None });
            self.rows.len() - 1
        });
        let row = &mut self.rows[place];
        match round {
            Ok(sample) => {
                let figures: Vec<String> = FIGURES
                    .iter()
                    .filter_map(|(name, figure)| {
                        figure(&sample).map(|value| format!("{name} {}", number(value)))
                    })
                    .collect();
                crate::progress(&format!("{section}: {name}: {}", figures.join(", ")));
                row.samples.push(sample);
            }
            Err(error) => {
                crate::progress(&format!("{section}: {name}: NO FIGURE: {error:#}"));
                row.fault = Some(format!("{error:#}"));
            }
        }
    }

    /// The median of a figure over the rounds of a row so far; `None` after a failed check.
    #[must_use]
    pub fn median(&self, section: &str, name: &str, figure: Figure) -> Option<f64> {
        let row = self.rows.iter().find(|row| row.section == section && row.name == name)?;
        row.spread(figure).map(|spread| spread.median)
    }

    /// Whether anything was measured in this section.
    #[must_use]
    pub fn has(&self, section: &str) -> bool {
        self.rows.iter().any(|row| row.section == section)
    }

    /// Adds a sentence below the tables for each other row of a section: `name`'s rate as a share of a limit's, its rate and its `cost` as
    /// multiples of a peer's.
    pub fn compare(&mut self, section: &str, name: &str, cost: Figure) {
        let others: Vec<_> = self
            .rows
            .iter()
            .filter(|row| row.section == section && row.role != Role::Ours)
            .map(|row| (row.name.clone(), row.role))
            .collect();
        for (other, role) in others {
            let against =
                |figure| ratio(self.median(section, name, figure), self.median(section, &other, figure));
            let Some(rate) = against(|sample| sample.throughput) else { continue };
            let sentence = match (role, against(cost)) {
                (Role::Peer, Some(cost)) => {
                    format!("{section}: {name} has {rate:.2} × the rate of {other} at {cost:.2} × its CPU.")
                }
                _ => format!("{section}: {name} has {:.0} % of the rate of {other}.", rate * 100.0),
            };
            self.notes.push(sentence);
        }
    }

    /// Adds a sentence below the tables.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Adds a goal.
    pub fn goal(&mut self, name: impl Into<String>, bound: Bound, measured: Option<f64>) {
        self.goals.push(Goal { name: name.into(), bound, measured });
    }

    /// Prints tables and goals and writes `<path>.json` and `<path>.md`.
    ///
    /// # Errors
    /// When a file cannot be written, or a check failed: the tables are then there all the same.
    pub fn finish(self, out: &Path) -> Result<()> {
        let text = self.markdown();
        println!("\n{text}");
        fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
        let file = out.join(format!("{}.json", self.path));
        fs::write(&file, serde_json::to_vec_pretty(&self.json())?)
            .with_context(|| format!("cannot write {}", file.display()))?;
        fs::write(out.join(format!("{}.md", self.path)), &text)?;
        println!("written to {} and .md", file.display());
        let faults = self.rows.iter().filter(|row| row.fault.is_some()).count();
        anyhow::ensure!(faults == 0, "{faults} rows have no figures, because a check of theirs failed");
        Ok(())
    }

    fn markdown(&self) -> String {
        let mut text = format!("{}; {} rounds, median (min–max)\n", machine(), self.rounds);
        let mut sections: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !sections.contains(&row.section.as_str()) {
                sections.push(&row.section);
            }
        }
        for section in sections {
            let rows: Vec<&Row> = self.rows.iter().filter(|row| row.section == section).collect();
            text += &format!("\n**{section}**, per {}\n\n{}", rows[0].unit, section_table(&rows));
        }
        let goals: Vec<Vec<String>> = self
            .goals
            .iter()
            .map(|goal| {
                let measured = goal.measured.map_or("–".to_owned(), number);
                vec![
                    goal.name.clone(),
                    goal.text(),
                    measured,
                    if goal.met() { "met" } else { "MISSED" }.to_owned(),
                ]
            })
            .collect();
        if !goals.is_empty() {
            text += &format!("\n**Goals**\n\n{}", markdown(&["goal", "must be", "measured", ""], &goals));
        }
        if !self.notes.is_empty() {
            text += &format!("\n{}\n", self.notes.join("\n"));
        }
        text
    }

    fn json(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                let median = |figure: Figure| row.spread(figure).map(|spread| spread.median);
                let all = |figure: Figure| {
                    row.spread(figure).map(|spread| json!({ "min": spread.min, "median": spread.median, "max": spread.max }))
                };
                json!({
                    "section": row.section,
                    "name": row.name,
                    "role": row.role.text(),
                    "throughput": median(|sample| sample.throughput),
                    "unit": row.unit,
                    "cpu_us_per_unit": median(|sample| sample.cpu_us_per_unit),
                    "servers_cpu_us_per_unit": median(|sample| sample.servers_cpu_us_per_unit),
                    "rss_mib": median(|sample| sample.rss_mib),
                    "p50_ms": median(|sample| sample.p50_ms),
                    "p95_ms": median(|sample| sample.p95_ms),
                    "p99_ms": median(|sample| sample.p99_ms),
                    "spread": { "throughput": all(|sample| sample.throughput), "cpu_us_per_unit": all(|sample| sample.cpu_us_per_unit) },
                    "rounds": row.samples.len(),
                    "fault": row.fault,
                })
            })
            .collect();
        let goals: Vec<Value> = self.goals.iter().map(Goal::json).collect();
        json!({ "path": self.path, "machine": machine(), "rounds": self.rounds, "rows": rows, "goals": goals })
    }
}

fn section_table(rows: &[&Row]) -> String {
    let used: Vec<&(&str, Figure)> =
        FIGURES.iter().filter(|(_, figure)| rows.iter().any(|row| row.spread(*figure).is_some())).collect();
    let mut head = vec!["", "role"];
    head.extend(used.iter().map(|(name, _)| *name));
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let mut cells = vec![row.name.clone(), row.role.text().to_owned()];
            cells.extend(used.iter().map(|(_, figure)| match row.spread(*figure) {
                Some(spread) if row.samples.len() > 1 => {
                    format!("{} ({}–{})", number(spread.median), number(spread.min), number(spread.max))
                }
                Some(spread) => number(spread.median),
                None => "–".to_owned(),
            }));
            cells
        })
        .collect();
    let mut text = markdown(&head, &cells);
    for row in rows {
        if let Some(fault) = &row.fault {
            text += &format!("\n{}: check failed: {fault}\n", row.name);
        }
    }
    text
}

/// What it ran on, in words.
fn machine() -> String {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory: f64 = read("/proc/meminfo")
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<f64>().ok())
        .unwrap_or(0.0);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{cores} cores, {model}, {:.0} GiB, Linux {}", memory / 1024.0 / 1024.0, kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_check_takes_the_figures_away() {
        let mut report = Report::new("outbox", 2);
        let sample = Sample { throughput: Some(5.0), ..Sample::default() };
        report.add("drain", "ours", Role::Ours, "event", Ok(sample));
        assert_eq!(report.median("drain", "ours", |sample| sample.throughput), Some(5.0));

        report.add("drain", "ours", Role::Ours, "event", Err(anyhow::anyhow!("2 lost")));
        assert_eq!(report.median("drain", "ours", |sample| sample.throughput), None);
        assert!(report.markdown().contains("check failed: 2 lost"), "{}", report.markdown());
        assert_eq!(report.json()["rows"][0]["throughput"], Value::Null);
    }
}
