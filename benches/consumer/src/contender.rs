//! Who takes part.

use anyhow::Result;

use crate::run::Program;

/// What a contender is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Limit,
    Peer,
    Ours,
}

/// A program with its name in the table.
#[derive(Clone, Debug)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) program: Program,
    /// Events of a run; all are in the topic, slower ones stop earlier.
    pub(crate) events: u64,
}

/// Everybody, in the order of a first turn.
pub(crate) fn all(events: usize) -> Result<Vec<Contender>> {
    let me = std::env::current_exe()?;
    let own = |arguments: &[&str]| Program {
        file: me.clone(),
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
    };
    let count = events.to_string();
    let (go, python) = (bench_report::peer("franz-go")?, bench_report::peer("confluent-kafka")?);
    let go = Program { file: go.join("franz-go"), arguments: Vec::new() };
    let script = python.join("main.py").to_string_lossy().into_owned();
    let python = Program { file: python.join("venv/bin/python"), arguments: vec![script] };
    let whole = u64::try_from(events)?;
    let contender = |name, kind, program, events| Contender { name, kind, program, events };
    Ok(vec![
        contender("batch insert, no Kafka", Kind::Limit, own(&["limit", "insert", &count]), whole),
        contender("COPY, no Kafka", Kind::Limit, own(&["limit", "copy", &count]), whole),
        contender("franz-go + pgx", Kind::Peer, go, whole),
        contender("confluent-kafka + psycopg", Kind::Peer, python, whole),
        contender("consumer, on_batch", Kind::Ours, own(&["ours", "on-batch"]), whole),
        contender("consumer, on", Kind::Ours, own(&["ours", "on"]), whole / 4),
    ])
}
