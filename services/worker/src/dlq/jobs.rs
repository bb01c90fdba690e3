//! Jobs in a dead-letter queue of SQS.

use std::io::Write;

use queue::{DeadLetter, DeadLetters, Sqs};
use serde_json::json;

use super::{Command, Error, List, Redrive, Show, print};

const NOT_A_QUEUE: Error = Error::Usage("--id, --key, --all and discard are for --service and --topic");

pub(super) async fn run(sqs: Sqs, command: Command, out: &mut impl Write) -> Result<(), Error> {
    let (place, letters, all) = match command {
        Command::List(List { place, key: None }) => {
            let letters = DeadLetters::new(sqs, place.queue()?).list().await?;
            (place, letters, false)
        }
        Command::Show(Show { place, job, id: None }) => {
            let letters = DeadLetters::new(sqs, place.queue()?);
            let letters = match job {
                Some(job) => letters.show(job).await?,
                None => letters.list().await?,
            };
            (place, letters, true)
        }
        Command::Redrive(Redrive { place, job, id, key: None, all: false }) if id.is_empty() => {
            let queue = place.queue()?;
            let count = DeadLetters::new(sqs, queue).redrive(job).await?;
            writeln!(out, "{count} sent back to {queue}")?;
            return Ok(());
        }
        Command::List(_) | Command::Show(_) | Command::Redrive(_) | Command::Discard(_) => {
            return Err(NOT_A_QUEUE);
        }
    };
    if place.json {
        for letter in &letters {
            writeln!(out, "{}", json(letter))?;
        }
        return Ok(());
    }
    for letter in &letters {
        if all {
            writeln!(out, "message {}\nsent    {}", letter.message_id, print::at(letter.sent_at))?;
            for (name, value) in &letter.attributes {
                writeln!(out, "{name}: {value}")?;
            }
            writeln!(out, "{}\n", letter.body)?;
        }
    }
    if !all {
        let rows: Vec<_> = letters.iter().map(row).collect();
        print::table(out, ["SENT", "JOB", "KIND", "TENANT"], &rows)?;
    }
    writeln!(out, "{} in {}", letters.len(), queue::dead_letter_queue(place.queue()?))?;
    Ok(())
}

fn row(letter: &DeadLetter) -> [String; 4] {
    let job = letter.job.as_ref();
    [
        print::at(letter.sent_at),
        job.map_or("-".to_owned(), |job| job.job_id.to_string()),
        job.map_or("not a job".to_owned(), |job| job.kind.clone()),
        job.map_or("-".to_owned(), |job| job.tenant.to_string()),
    ]
}

fn json(letter: &DeadLetter) -> serde_json::Value {
    let attributes: serde_json::Map<_, _> =
        letter.attributes.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({
        "message_id": letter.message_id,
        "sent_at": print::at(letter.sent_at),
        "job_id": letter.job.as_ref().map(|job| job.job_id.to_string()),
        "tenant": letter.job.as_ref().map(|job| job.tenant.to_string()),
        "kind": letter.job.as_ref().map(|job| job.kind.clone()),
        "attributes": attributes,
        "body": letter.body,
    })
}

impl super::Place {
    fn queue(&self) -> Result<&str, Error> {
        self.queue.as_deref().ok_or(NOT_A_QUEUE)
    }
}
