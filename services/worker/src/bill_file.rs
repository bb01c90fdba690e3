//! Bills as a document has them: CSV, or a JSON object in each line. Read as a stream, of which a few lines are in memory at a time.

mod amount;

use std::io::{self, BufRead, BufReader, Read};

use proto::common::v1::Money;
use proto::payment::v1::{
    BillLine, BillRunFailure, BillRunFault, BillRunFormat, CreateBillRequest, StagedLine,
};
use serde::Deserialize;

/// Bytes of a line.
const MOST_BYTES: usize = 64 * 1024;
/// Lines read; one more than a run may have, which says that there are too many.
const MOST_LINES: usize = 100_001;
/// Columns that a file need not have.
const OPTIONAL: [&str; 2] = ["email", "locale"];
const COLUMNS: [&str; 10] = [
    "reference",
    "payer",
    "payer_name",
    "due_on",
    "description",
    "fund",
    "quantity",
    "unit_price",
    "currency",
    "tax_rate",
];

/// A line of a file.
#[derive(Debug, PartialEq)]
pub struct Line {
    /// Its bill, or what cannot be read of it.
    pub staged: StagedLine,
    /// How to reach its payer, whom the office knows and who may never have signed in.
    pub contact: Option<Contact>,
}

/// How to reach whom the office knows. Personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Contact {
    /// `person:<reference>`.
    pub person: String,
    /// E-mail address.
    pub email: String,
    /// BCP 47 language tag; empty where it is not known.
    pub locale: String,
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contact([REDACTED])")
    }
}

/// Why reading ended before the end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is not what it should be.
    #[error("the file cannot be read: {}", .0.as_str_name())]
    File(BillRunFailure),
    /// It could not be fetched.
    #[error("the file cannot be fetched")]
    Io(#[from] io::Error),
}

/// Reads a file, and hands each of its lines to `take` until that says no.
///
/// # Errors
/// What is wrong with the file as a whole, and what the reader says.
pub fn read(file: impl Read, format: BillRunFormat, take: impl FnMut(Line) -> bool) -> Result<(), Error> {
    match format {
        BillRunFormat::Csv => read_csv(file, take),
        BillRunFormat::JsonLines => read_json(file, take),
        BillRunFormat::Unspecified => Err(Error::File(BillRunFailure::Document)),
    }
}

fn read_csv(file: impl Read, mut take: impl FnMut(Line) -> bool) -> Result<(), Error> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    let heading = reader.headers().map_err(csv_error)?.clone();
    let mut names: Vec<&str> = heading.iter().map(str::trim).collect();
    let position = |name: &str| names.iter().position(|column| *column == name);
    let positions = COLUMNS.map(position);
    let [email, locale] = OPTIONAL.map(position);
    names.retain(|name| !OPTIONAL.contains(name));
    names.sort_unstable();
    let mut wanted = COLUMNS;
    wanted.sort_unstable();
    if heading.iter().all(str::is_empty) {
        return Err(Error::File(BillRunFailure::Empty));
    }
    if names != wanted {
        return Err(Error::File(BillRunFailure::Columns));
    }
    let mut record = csv::StringRecord::new();
    let mut lines = 0;
    while lines < MOST_LINES && reader.read_record(&mut record).map_err(csv_error)? {
        if record.as_slice().len() > MOST_BYTES {
            return Err(Error::File(BillRunFailure::TooLarge));
        }
        lines += 1;
        let line = if record.len() == heading.len() {
            let text =
                |at: Option<usize>| at.and_then(|at| record.get(at)).unwrap_or_default().trim().to_owned();
            let (email, locale) = (text(email), text(locale));
            let [
                reference,
                payer,
                payer_name,
                due_on,
                description,
                fund,
                quantity,
                unit_price,
                currency,
                tax_rate,
            ] = positions.map(text);
            let lines = vec![Item { description, fund, quantity, unit_price, tax_rate }];
            Bill { reference, payer, payer_name, due_on, currency, lines, email, locale }.read("")
        } else {
            broken("line", format!("must have {} columns", heading.len()))
        };
        if !take(line) {
            break;
        }
    }
    Ok(())
}

fn csv_error(error: csv::Error) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => Error::Io(error),
        csv::ErrorKind::Utf8 { .. } => Error::File(BillRunFailure::Encoding),
        _ => Error::File(BillRunFailure::Columns),
    }
}

fn read_json(file: impl Read, mut take: impl FnMut(Line) -> bool) -> Result<(), Error> {
    let mut reader = BufReader::new(file);
    let (mut bytes, mut lines) = (Vec::new(), 0);
    while lines < MOST_LINES {
        bytes.clear();
        let limit = MOST_BYTES as u64 + 1;
        if reader.by_ref().take(limit).read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        if bytes.len() > MOST_BYTES {
            return Err(Error::File(BillRunFailure::TooLarge));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| Error::File(BillRunFailure::Encoding))?;
        let text = if lines == 0 { text.trim_start_matches('\u{feff}') } else { text };
        // An empty line at the end is how files end; elsewhere it is no bill.
        if text.trim().is_empty() && reader.fill_buf()?.is_empty() {
            break;
        }
        lines += 1;
        let line = match serde_json::from_str::<Bill>(text) {
            Ok(bill) => bill.read("lines"),
            // What serde says may quote the line.
            Err(error) => broken(
                "line",
                format!("must be a JSON object of a bill, and is not at column {}", error.column()),
            ),
        };
        if !take(line) {
            break;
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bill {
    reference: String,
    payer: String,
    payer_name: String,
    due_on: String,
    currency: String,
    lines: Vec<Item>,
    #[serde(default)]
    email: String,
    #[serde(default)]
    locale: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    description: String,
    fund: String,
    #[serde(deserialize_with = "text_or_number")]
    quantity: String,
    unit_price: String,
    #[serde(default)]
    tax_rate: String,
}

fn text_or_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Number(i64),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::Text(text) => text,
        Either::Number(number) => number.to_string(),
    })
}

impl Bill {
    /// The bill to write, or what cannot be read of it. `lines` is how a field of a line is called: by its number, or as a column.
    fn read(self, lines: &str) -> Line {
        let mut faults = Vec::new();
        let contact = self.contact(&mut faults);
        let currency = &self.currency;
        let bill_lines = (0..).zip(&self.lines).map(|(number, line)| {
            let mut fault = |name: &str, rule: String| {
                let field =
                    if lines.is_empty() { name.to_owned() } else { format!("{lines}[{number}].{name}") };
                faults.push(BillRunFault { line: 0, field, rule });
            };
            let quantity = line.quantity.parse().unwrap_or_else(|_| {
                fault("quantity", "must be a whole number".to_owned());
                0
            });
            let minor_units = amount::minor_units(&line.unit_price, currency).unwrap_or_else(|rule| {
                fault("unit_price", rule);
                0
            });
            let tax_rate_bp = amount::basis_points(&line.tax_rate).unwrap_or_else(|rule| {
                fault("tax_rate", rule);
                0
            });
            BillLine {
                description: line.description.clone(),
                fund: line.fund.clone(),
                quantity,
                unit_price: Some(Money { minor_units, currency: currency.clone() }),
                tax_rate_bp,
                tax: None,
            }
        });
        let bill_lines: Vec<_> = bill_lines.collect();
        let bill = CreateBillRequest {
            reference: self.reference,
            payer: self.payer,
            payer_name: self.payer_name,
            lines: bill_lines,
            due_on: self.due_on,
            issue: true,
        };
        Line { staged: StagedLine { bill: Some(bill), faults }, contact }
    }

    /// How to reach the payer, where that is said.
    fn contact(&self, faults: &mut Vec<BillRunFault>) -> Option<Contact> {
        let mut fault = |field: &str, rule: &str| {
            faults.push(BillRunFault { line: 0, field: field.to_owned(), rule: rule.to_owned() });
        };
        let (email, locale) = (&self.email, &self.locale);
        if email.is_empty() && locale.is_empty() {
            return None;
        }
        // Who signs in says for themselves how to reach them.
        if !self.payer.starts_with("person:") {
            fault("email", "must be empty, and the locale too, where the payer is not `person:<reference>`");
        }
        if email.parse::<lettre::Address>().is_err() {
            fault("email", "must be an e-mail address");
        }
        let part =
            |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        let is_tag = locale.len() <= 35 && locale.split('-').all(part);
        if !(locale.is_empty() || is_tag) {
            fault("locale", "must be a BCP 47 language tag");
        }
        Some(Contact { person: self.payer.clone(), email: email.clone(), locale: locale.clone() })
    }
}

fn broken(field: &str, rule: String) -> Line {
    let faults = vec![BillRunFault { line: 0, field: field.to_owned(), rule }];
    Line { staged: StagedLine { bill: None, faults }, contact: None }
}

#[cfg(test)]
mod tests;
