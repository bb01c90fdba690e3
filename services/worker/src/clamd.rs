//! The virus scanner: clamd's `PING` and `INSTREAM` over TCP.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long clamd may take to accept a connection, and to answer `PING`.
const HELLO: Duration = Duration::from_secs(2);
/// How long clamd may take to accept the next bytes.
const WRITE: Duration = Duration::from_secs(20);
/// How long clamd may take to say what it thinks of the whole. Above its own `MaxScanTime`, of a minute or two.
const VERDICT: Duration = Duration::from_secs(150);
/// clamd answers with one line.
const MAX_ANSWER: u64 = 4_096;
/// Larger chunks are sent in parts: clamd's `StreamMaxLength` counts a chunk before it reads it.
const MAX_CHUNK: usize = 256 * 1024;

/// Where clamd is.
#[derive(Clone, Debug)]
pub struct Clamd {
    addr: String,
}

/// What clamd thinks of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing found, and all of it looked at.
    Clean,
    /// Something found.
    Infected {
        /// Name of the signature.
        signature: String,
    },
    /// It cannot look at all of it: larger than its limits, or encrypted.
    Unscannable {
        /// What clamd says.
        because: String,
    },
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody accepts connections.
    #[error("clamd at {addr} does not accept connections")]
    Connect {
        /// Where it should be.
        addr: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The connection ended in the middle.
    #[error("clamd broke off")]
    Broken(#[source] std::io::Error),
    /// It is there, and does not come to an end.
    #[error("clamd took too long to {0}")]
    Slow(&'static str),
    /// It answered something else than a verdict: it is starting, out of memory, or not clamd.
    #[error("clamd answered {0:?}")]
    Answer(String),
}

impl Clamd {
    /// A clamd at `host:port`. Connects to nothing yet.
    pub fn new(addr: impl Into<String>) -> Self {
        Self { addr: addr.into() }
    }

    /// Whether it is there and has loaded its signatures.
    ///
    /// # Errors
    /// When it does not answer `PONG` within two seconds.
    pub async fn ping(&self) -> Result<(), Error> {
        let mut stream = self.connect().await?;
        let answer = timeout(HELLO, async {
            stream.write_all(b"zPING\0").await.map_err(Error::Broken)?;
            answer(&mut stream).await
        });
        match answer.await.map_err(|_| Error::Slow("answer PING"))??.as_str() {
            "PONG" => Ok(()),
            other => Err(Error::Answer(other.to_owned())),
        }
    }

    /// Starts a scan: send the bytes, then ask for the verdict.
    ///
    /// # Errors
    /// When it does not accept the connection within two seconds.
    pub async fn begin(&self) -> Result<Scan, Error> {
        let mut stream = self.connect().await?;
        stream.write_all(b"zINSTREAM\0").await.map_err(Error::Broken)?;
        Ok(Scan { stream, closed: None })
    }

    /// What it thinks of a few bytes.
    ///
    /// # Errors
    /// Those of [`Clamd::begin`], [`Scan::send`] and [`Scan::verdict`].
    pub async fn scan(&self, bytes: &[u8]) -> Result<Verdict, Error> {
        let mut scan = self.begin().await?;
        scan.send(bytes).await?;
        scan.verdict().await
    }

    async fn connect(&self) -> Result<TcpStream, Error> {
        let refused = |source| Error::Connect { addr: self.addr.clone(), source };
        let connected = timeout(HELLO, TcpStream::connect(&self.addr)).await;
        let stream = connected.map_err(|elapsed| refused(elapsed.into()))?.map_err(refused)?;
        stream.set_nodelay(true).map_err(Error::Broken)?;
        Ok(stream)
    }
}

/// A scan under way.
#[derive(Debug)]
pub struct Scan {
    stream: TcpStream,
    /// clamd has stopped reading, as it does at its size limit: it has said why, or is gone.
    closed: Option<std::io::Error>,
}

impl Scan {
    /// Sends the next bytes. Returns whether clamd wants more.
    ///
    /// # Errors
    /// When clamd takes longer than 20 s to accept them.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        for chunk in bytes.chunks(MAX_CHUNK) {
            if self.closed.is_some() {
                return Ok(false);
            }
            // A chunk is its length in four bytes, most significant first, and its bytes.
            let length = u32::try_from(chunk.len()).unwrap_or_default().to_be_bytes();
            let written = timeout(WRITE, async {
                self.stream.write_all(&length).await?;
                self.stream.write_all(chunk).await
            });
            if let Err(error) = written.await.map_err(|_| Error::Slow("accept bytes"))? {
                self.closed = Some(error);
            }
        }
        Ok(self.closed.is_none())
    }

    /// Ends the stream and waits for the verdict.
    ///
    /// # Errors
    /// When clamd breaks off, takes too long, or answers something else.
    pub async fn verdict(mut self) -> Result<Verdict, Error> {
        if self.closed.is_none()
            && let Err(error) = self.stream.write_all(&[0; 4]).await
        {
            self.closed = Some(error);
        }
        let answered = timeout(VERDICT, answer(&mut self.stream)).await.map_err(|_| Error::Slow("scan"))?;
        match (answered, self.closed) {
            (Ok(answer), _) if !answer.is_empty() => parse(&answer),
            (_, Some(closed)) => Err(Error::Broken(closed)),
            (Ok(_), None) => Err(Error::Broken(std::io::ErrorKind::UnexpectedEof.into())),
            (Err(error), None) => Err(error),
        }
    }
}

async fn answer(stream: &mut TcpStream) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let mut limited = stream.take(MAX_ANSWER);
    let mut buffer = [0; 512];
    // Up to the zero byte, or to the end where clamd closes without one.
    while !bytes.contains(&0) {
        match limited.read(&mut buffer).await.map_err(Error::Broken)? {
            0 => break,
            n => bytes.extend_from_slice(&buffer[..n]),
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.trim_matches(|c: char| c == '\0' || c.is_whitespace()).to_owned())
}

/// `stream: OK`, `stream: <name> FOUND`, `INSTREAM size limit exceeded. ERROR`, or another `… ERROR`.
fn parse(answer: &str) -> Result<Verdict, Error> {
    let said = answer.strip_prefix("stream: ").unwrap_or(answer);
    if said == "OK" {
        return Ok(Verdict::Clean);
    }
    if let Some(signature) = said.strip_suffix(" FOUND") {
        // What `AlertExceedsMax` and `AlertEncrypted` find is no virus: it is what clamd has not looked at.
        let unseen = ["Heuristics.Limits.Exceeded", "Heuristics.Encrypted"];
        return Ok(if unseen.iter().any(|prefix| signature.starts_with(prefix)) {
            Verdict::Unscannable { because: signature.to_owned() }
        } else {
            Verdict::Infected { signature: signature.to_owned() }
        });
    }
    if said.contains("size limit exceeded") {
        return Ok(Verdict::Unscannable { because: said.to_owned() });
    }
    Err(Error::Answer(answer.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_of_clamd_is_understood() {
        let unscannable = |because: &str| Verdict::Unscannable { because: because.to_owned() };
        let infected = |signature: &str| Verdict::Infected { signature: signature.to_owned() };
        let table = [
            ("stream: OK", Verdict::Clean),
            ("stream: Eicar-Test-Signature FOUND", infected("Eicar-Test-Signature")),
            ("stream: Win.Test.EICAR_HDB-1 FOUND", infected("Win.Test.EICAR_HDB-1")),
            (
                "stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND",
                unscannable("Heuristics.Limits.Exceeded.MaxFileSize"),
            ),
            ("stream: Heuristics.Encrypted.PDF FOUND", unscannable("Heuristics.Encrypted.PDF")),
            ("INSTREAM size limit exceeded. ERROR", unscannable("INSTREAM size limit exceeded. ERROR")),
        ];
        for (answer, verdict) in table {
            assert_eq!(parse(answer).unwrap(), verdict);
        }
    }

    #[test]
    fn what_is_no_verdict_is_never_taken_for_clean() {
        for answer in [
            "",
            "OK stream:",
            "stream: OK?",
            "PONG",
            "stream: Can't allocate memory ERROR",
            "UNKNOWN COMMAND",
        ] {
            assert!(matches!(parse(answer), Err(Error::Answer(_))), "{answer}");
        }
    }
}
