//! A module's README from its files: what it says of itself, its inputs and its outputs.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// A `variable` or `output` block: its name and its attributes as they are written.
struct Block {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Block {
    fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == attribute).map(|(_, value)| value.as_str())
    }
}

/// The README's text, and what is wrong with what it is made of.
pub(super) fn render(folder: &Path) -> Result<(String, Vec<String>)> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let read = |file: &str| {
        let path = folder.join(file);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let main = read("main.tf")?;
    let inputs = blocks("variable", &read("variables.tf")?);
    let outputs = blocks("output", &read("outputs.tf")?);
    let mut faults = Vec::new();
    let about = about(&main);
    if about.is_empty() {
        faults
            .push(format!("{name}/main.tf: does not begin with a comment that says what the module is for"));
    }
    for input in &inputs {
        for needed in ["description", "type"] {
            if input.get(needed).is_none() {
                faults.push(format!("{name}/variables.tf: {} has no {needed}", input.name));
            }
        }
    }
    for output in outputs.iter().filter(|output| output.get("description").is_none()) {
        faults.push(format!("{name}/outputs.tf: {} has no description", output.name));
    }
    let mut text = format!("# {name}\n\n{about}\n");
    if !inputs.is_empty() {
        text += "\n## Inputs\n\n| name | what | type | default |\n|---|---|---|---|\n";
        for input in &inputs {
            let default = input.get("default").map_or_else(|| "required".to_owned(), code);
            let kind = input.get("type").map(code).unwrap_or_default();
            text += &format!("| `{}` | {} | {kind} | {default} |\n", input.name, prose(input));
        }
    }
    if !outputs.is_empty() {
        text += "\n## Outputs\n\n| name | what |\n|---|---|\n";
        for output in &outputs {
            text += &format!("| `{}` | {} |\n", output.name, prose(output));
        }
    }
    text += "\nWritten by `cargo xtask terraform --update` from main.tf, variables.tf and outputs.tf.\n";
    Ok((text, faults))
}

/// The comment that a file begins with, without its marks.
fn about(main: &str) -> String {
    let lines = main.lines().take_while(|line| line.starts_with('#'));
    let lines: Vec<&str> = lines.map(|line| line.trim_start_matches('#').trim_start()).collect();
    lines.join("\n")
}

/// The blocks of a kind. What is here is formatted (a check of its own), so that a block ends at a brace in the first
/// column and its attributes begin in the third.
fn blocks(kind: &str, text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix(kind).and_then(|rest| rest.trim().strip_prefix('"')) {
            let name = name.split('"').next().unwrap_or_default().to_owned();
            blocks.push(Block { name, attributes: Vec::new() });
            inside = true;
        } else if line == "}" {
            inside = false;
        } else if inside
            && !line.is_empty()
            && let Some(block) = blocks.last_mut()
        {
            let begins = line.starts_with("  ") && !line.starts_with("   ") && !line.starts_with("  }");
            let split = line.split_once(" = ").or_else(|| line.split_once(" {"));
            match split.filter(|_| begins && !line.trim_start().starts_with([']', ')', '#'])) {
                Some((name, value)) => {
                    block.attributes.push((name.trim().to_owned(), value.trim().to_owned()));
                }
                None => {
                    if let Some((_, value)) = block.attributes.last_mut() {
                        *value += "\n";
                        *value += line.trim();
                    }
                }
            }
        }
    }
    blocks
}

/// A block's description as text of a table.
fn prose(block: &Block) -> String {
    let raw = block.get("description").unwrap_or_default();
    let text = match raw.strip_prefix("<<-EOT") {
        Some(lines) => lines.trim().trim_end_matches("EOT").trim().replace('\n', " "),
        None => raw.trim_matches('"').replace("\\\"", "\""),
    };
    text.replace('|', "\\|")
}

/// An expression on one line, as code.
fn code(expression: &str) -> String {
    let mut line = String::new();
    for (number, part) in expression.lines().map(str::trim).filter(|part| !part.is_empty()).enumerate() {
        if number > 0 {
            line += if line.ends_with('{')
                || part.starts_with(['}', ']', ')'])
                || line.ends_with([',', '(', '['])
            {
                " "
            } else {
                ", "
            };
        }
        line += part;
    }
    while line.contains("  ") {
        line = line.replace("  ", " ");
    }
    format!("`{}`", line.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VARIABLES: &str = "variable \"queues\" {\n  description = <<-EOT\n    Queues by name:\n    `a` or `b`.\n  EOT\n  \
        type = map(object({\n    seconds = number\n    days    = optional(number, 14)\n  }))\n  default = {}\n\n  validation {\n    \
        condition     = true\n    error_message = \"x\"\n  }\n}\n\nvariable \"bare\" {\n}\n";

    #[test]
    fn a_block_has_its_attributes_over_many_lines() {
        let blocks = blocks("variable", VARIABLES);
        assert_eq!(blocks.len(), 2);
        assert_eq!(prose(&blocks[0]), "Queues by name: `a` or `b`.");
        let kind = blocks[0].get("type").map(code);
        assert_eq!(kind.as_deref(), Some("`map(object({ seconds = number, days = optional(number, 14) }))`"));
        assert_eq!(blocks[0].get("default"), Some("{}"));
        assert!(blocks[1].get("type").is_none());
    }

    #[test]
    fn a_file_says_what_it_is_for_in_its_first_comment() {
        assert_eq!(about("# One\n# two.\n\nlocals {}\n# three"), "One\ntwo.");
        assert_eq!(about("locals {}"), "");
    }
}
