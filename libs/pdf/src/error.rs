//! Why there is no PDF.

use std::fmt;
use std::path::PathBuf;

/// Why a document was not rendered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A bill needs something that is billed.
    #[error("the bill has no lines")]
    NoLines,
    /// The lines come to more than can be counted.
    #[error("the sum is out of range")]
    Overflow,
    /// Less than nothing is owed, or more than the lines come to.
    #[error("what is outstanding is not between zero and the total")]
    Outstanding,
    /// The template does not take the document, or what it makes is not PDF/A and PDF/UA. Templates are checked when they
    /// are loaded: one that fails now makes a difference by what is in the document.
    #[error("the template cannot be rendered: {}", first(.0))]
    Template(Vec<Fault>),
}

/// Why a renderer was not made.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A folder or file of it cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not what may be there.
    #[error("{} {rule}", path.display())]
    Unexpected {
        /// Which.
        path: PathBuf,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A tenant's template does not render the samples.
    #[error("tenant {tenant} cannot have its templates: {}", all(faults))]
    Refused {
        /// Whose.
        tenant: String,
        /// What is wrong, and where.
        faults: Vec<Fault>,
    },
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The template: a path below the folder of overrides, or the name of one that is built in; empty where the fault is
    /// of the whole document.
    pub file: String,
    /// Its line, counted from 1; 0 where it is of no line.
    pub line: usize,
    /// What is wrong, and what to do about it where that is known.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.as_str(), self.line) {
            ("", _) => f.write_str(&self.message),
            (file, 0) => write!(f, "{file}: {}", self.message),
            (file, line) => write!(f, "{file}:{line}: {}", self.message),
        }
    }
}

fn first(faults: &[Fault]) -> String {
    faults.first().map(Fault::to_string).unwrap_or_default()
}

fn all(faults: &[Fault]) -> String {
    let each: Vec<String> = faults.iter().map(Fault::to_string).collect();
    each.join("; ")
}
