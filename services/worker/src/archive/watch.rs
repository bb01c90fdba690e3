//! An [`Inspector`] beside the other readers of a stream.

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Fault, Inspector, Limits};

/// Parts on their way to the inspector; a reader waits when it is behind.
const AHEAD: usize = 4;

/// Inspects on a thread of its own: a few bytes may unpack to very many, which no other task should wait for.
#[derive(Debug)]
pub struct Watch {
    parts: mpsc::Sender<Bytes>,
    verdict: JoinHandle<Result<(), Fault>>,
}

impl Watch {
    /// Before the first byte. It ends by itself when it is dropped.
    #[must_use]
    pub fn start(limits: Limits) -> Self {
        let (parts, mut coming) = mpsc::channel::<Bytes>(AHEAD);
        let verdict = tokio::task::spawn_blocking(move || {
            let mut inspector = Inspector::new(limits);
            while let Some(bytes) = coming.blocking_recv() {
                inspector.push(&bytes)?;
            }
            inspector.finish()
        });
        Self { parts, verdict }
    }

    /// Takes the next bytes.
    pub async fn push(&self, bytes: Bytes) {
        // It hangs up once it has found a fault, and then wants no more.
        let _ = self.parts.send(bytes).await;
    }

    /// After the last byte.
    ///
    /// # Errors
    /// The first [`Fault`].
    pub async fn finish(self) -> Result<(), Fault> {
        drop(self.parts);
        match self.verdict.await {
            Ok(verdict) => verdict,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime ended before it had a thread to spare, and ends this task too.
                Err(_) => std::future::pending().await,
            },
        }
    }
}
