//! `terraform/COSTS.md`: what an environment costs a month, as its own configuration works it out.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, Result};
use serde_json::Value;

use super::plan::State;

const FILE: &str = "terraform/COSTS.md";

/// Environments are worked out side by side, and share the file.
static WRITING: Mutex<()> = Mutex::new(());

/// Compares the environment's section of the file with what its state says, or writes it.
pub(super) fn faults(root: &Path, environment: &str, state: &State, write: bool) -> Result<Vec<String>> {
    let section = render(environment, state.output("costs"));
    let _one = WRITING.lock();
    let path = root.join(FILE);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {FILE}"))?;
    let Some((before, old, after)) = split(&text, environment) else {
        return Ok(vec![format!("{FILE}: has no section `## {environment}`")]);
    };
    if old == section {
        return Ok(Vec::new());
    }
    if write {
        fs::write(&path, format!("{before}{section}{after}"))
            .with_context(|| format!("cannot write {FILE}"))?;
        return Ok(Vec::new());
    }
    Ok(vec![format!("{FILE}: {environment} costs something else now; cargo xtask terraform envs --costs")])
}

/// What stands before a section, the section, and what stands behind.
fn split<'a>(text: &'a str, environment: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let from = text.find(&format!("## {environment}\n"))?;
    let to = text[from + 3..].find("\n## ").map_or(text.len(), |at| from + 3 + at + 1);
    Some((&text[..from], &text[from..to], &text[to..]))
}

/// A table of lines by number of people, the environment's own first.
fn render(environment: &str, costs: &Value) -> String {
    let number = |path: String| costs.pointer(&path).and_then(Value::as_i64).unwrap_or_default();
    let mut columns: Vec<(&str, i64)> = costs
        .as_object()
        .into_iter()
        .flatten()
        .map(|(people, _)| (people.as_str(), number(format!("/{people}/users"))))
        .collect();
    columns.sort_by_key(|(people, users)| (people.parse::<i64>().is_ok(), *users));
    let head = |(people, users): &(&str, i64)| match people.parse::<i64>() {
        Ok(users) => format!(" for {users} people |"),
        Err(_) => format!(" {people} ({users} people) |"),
    };
    let mut text = format!("## {environment}\n\n| USD a month |");
    text.extend(columns.iter().map(head));
    text += "\n|---|";
    text += &"---:|".repeat(columns.len());
    let first = columns.first().map_or("", |(people, _)| people);
    for line in costs.pointer(&format!("/{first}/lines")).and_then(Value::as_object).into_iter().flatten() {
        text += &format!("\n| {} |", line.0);
        // A name in a path: `~` and `/` are written as numbers there.
        let key = line.0.replace('~', "~0").replace('/', "~1");
        text.extend(
            columns.iter().map(|(people, _)| format!(" {} |", number(format!("/{people}/lines/{key}")))),
        );
    }
    text += "\n| **total** |";
    text.extend(columns.iter().map(|(people, _)| format!(" **{}** |", number(format!("/{people}/total")))));
    text + "\n\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_section_has_a_column_per_number_of_people_and_is_found_again() {
        let costs = json!({"100000": {"users": 100_000, "lines": {"Nodes": 3}, "total": 3},
            "10000": {"users": 10_000, "lines": {"Nodes": 2}, "total": 2}, "as it is": {"users": 5, "lines": {"Nodes": 1}, "total": 1}});
        let section = render("dev", &costs);
        assert!(
            section.contains("| USD a month | as it is (5 people) | for 10000 people | for 100000 people |"),
            "{section}"
        );
        assert!(
            section.contains("| Nodes | 1 | 2 | 3 |")
                && section.contains("| **total** | **1** | **2** | **3** |")
        );
        let text = format!("# Costs\n\n{section}## prod\n\nx\n");
        assert_eq!(split(&text, "dev"), Some(("# Costs\n\n", section.as_str(), "## prod\n\nx\n")));
        assert_eq!(split(&text, "prod").map(|parts| parts.1), Some("## prod\n\nx\n"));
        assert_eq!(split(&text, "staging"), None);
    }
}
