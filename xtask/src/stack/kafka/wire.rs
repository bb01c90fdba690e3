//! Just enough of Kafka's protocol to create topics: a JVM for its own command line takes seconds per call, and
//! a client library would make xtask wait for a C compiler.
//!
//! <https://kafka.apache.org/protocol#The_Messages_CreateTopics>, version 4.

use std::io::{Read, Write};

use anyhow::{Context, Result, bail};

use crate::net;
use topology::Topic;

const CREATE_TOPICS: i16 = 19;
const VERSION: i16 = 4;
const NONE: i16 = 0;
const TOPIC_ALREADY_EXISTS: i16 = 36;
const TIMEOUT_MS: i32 = 10_000;
/// Far above any answer to our one request.
const ANSWER_LIMIT: usize = 1 << 20;

/// Creates the topics that are not there.
pub(crate) fn create_topics(port: u16, topics: &[Topic]) -> Result<()> {
    let mut stream = net::connect(port)?;
    stream.set_read_timeout(Some(std::time::Duration::from_secs(15)))?;
    let body = request(topics)?;
    stream.write_all(&i32::try_from(body.len())?.to_be_bytes())?;
    stream.write_all(&body)?;

    let mut size = [0; 4];
    stream.read_exact(&mut size).context("the broker closed the connection")?;
    let size = usize::try_from(i32::from_be_bytes(size))?;
    if size > ANSWER_LIMIT {
        bail!("the broker announced an answer of {size} bytes");
    }
    let mut answer = vec![0; size];
    stream.read_exact(&mut answer)?;
    check(&answer)
}

fn request(topics: &[Topic]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    out.extend(CREATE_TOPICS.to_be_bytes());
    out.extend(VERSION.to_be_bytes());
    out.extend(1_i32.to_be_bytes()); // correlation id
    string(&mut out, "guildhall-xtask")?;
    length(&mut out, topics.len())?;
    for topic in topics {
        string(&mut out, &topic.name)?;
        out.extend(i32::try_from(topic.partitions)?.to_be_bytes());
        out.extend(1_i16.to_be_bytes()); // replicas
        length(&mut out, 0)?; // assignments: the broker's choice
        length(&mut out, 1)?;
        string(&mut out, "retention.ms")?;
        string(&mut out, &(u64::from(topic.retention_days) * 24 * 60 * 60 * 1000).to_string())?;
    }
    out.extend(TIMEOUT_MS.to_be_bytes());
    out.push(0); // do it, not only validate it
    Ok(out)
}

fn check(mut answer: &[u8]) -> Result<()> {
    let answer = &mut answer;
    let _correlation = take::<4>(answer)?;
    let _throttle_ms = take::<4>(answer)?;
    for _ in 0..i32::from_be_bytes(take(answer)?) {
        let name = read_string(answer)?.unwrap_or_default();
        let code = i16::from_be_bytes(take(answer)?);
        let message = read_string(answer)?;
        if !matches!(code, NONE | TOPIC_ALREADY_EXISTS) {
            bail!("topic {name}: {} (error {code})", message.unwrap_or_default());
        }
    }
    Ok(())
}

fn string(out: &mut Vec<u8>, text: &str) -> Result<()> {
    out.extend(i16::try_from(text.len())?.to_be_bytes());
    out.extend(text.as_bytes());
    Ok(())
}

fn length(out: &mut Vec<u8>, items: usize) -> Result<()> {
    out.extend(i32::try_from(items)?.to_be_bytes());
    Ok(())
}

fn take<const N: usize>(from: &mut &[u8]) -> Result<[u8; N]> {
    let (head, rest) = from.split_first_chunk::<N>().context("the broker's answer is cut short")?;
    *from = rest;
    Ok(*head)
}

fn read_string(from: &mut &[u8]) -> Result<Option<String>> {
    let Ok(size) = usize::try_from(i16::from_be_bytes(take(from)?)) else { return Ok(None) };
    let (text, rest) = from.split_at_checked(size).context("the broker's answer is cut short")?;
    *from = rest;
    Ok(Some(String::from_utf8_lossy(text).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: i16) -> Vec<u8> {
        let mut out = vec![0; 8];
        length(&mut out, 1).unwrap();
        string(&mut out, "topic").unwrap();
        out.extend(code.to_be_bytes());
        string(&mut out, "why").unwrap();
        out
    }

    #[test]
    fn a_topic_that_exists_is_as_good_as_a_new_one() {
        check(&answer(NONE)).unwrap();
        check(&answer(TOPIC_ALREADY_EXISTS)).unwrap();
    }

    #[test]
    fn a_refused_topic_is_named_with_the_brokers_reason() {
        let error = check(&answer(37)).unwrap_err().to_string();
        assert_eq!(error, "topic topic: why (error 37)");
    }

    #[test]
    fn a_cut_answer_is_an_error() {
        assert!(check(&answer(NONE)[..10]).is_err());
    }
}
