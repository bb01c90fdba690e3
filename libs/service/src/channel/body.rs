//! A request body that can be sent again.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

/// What is kept of a body at most; a message of ours is smaller.
const MAX_KEPT: usize = crate::grpc::MAX_MESSAGE_BYTES + 1024;

/// Keeps what was read of a body, so that it can be read once more.
pub(super) struct Kept(Arc<Mutex<Reading>>);

struct Reading {
    body: Body,
    /// What was read so far.
    chunks: Vec<Bytes>,
    begun: bool,
    ended: bool,
    /// More was read than is kept.
    lost: bool,
}

impl Kept {
    pub(super) fn new(body: Body) -> Self {
        let reading = Reading { body, chunks: Vec::new(), begun: false, ended: false, lost: false };
        Self(Arc::new(Mutex::new(reading)))
    }

    /// Whether no byte of it can have been sent. A unary call whose message was not sent has had no effect.
    pub(super) fn is_untouched(&self) -> bool {
        !lock(&self.0).begun
    }

    /// Whether it can be read from its beginning once more.
    pub(super) fn is_whole(&self) -> bool {
        !lock(&self.0).lost
    }

    /// The body from its beginning. One at a time.
    pub(super) fn body(&self) -> Body {
        Body::new(Copy { reading: self.0.clone(), at: 0 })
    }
}

fn lock(reading: &Mutex<Reading>) -> MutexGuard<'_, Reading> {
    reading.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Copy {
    reading: Arc<Mutex<Reading>>,
    /// Chunks given out.
    at: usize,
}

impl HttpBody for Copy {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let mut reading = lock(&this.reading);
        reading.begun = true;
        if let Some(chunk) = reading.chunks.get(this.at) {
            this.at += 1;
            return Poll::Ready(Some(Ok(Frame::data(chunk.clone()))));
        }
        if reading.ended {
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut reading.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => match frame.data_ref() {
                Some(chunk) if reading.keeps(chunk.len()) => {
                    reading.chunks.push(chunk.clone());
                    this.at += 1;
                }
                _ => reading.lost = true,
            },
            Some(Err(_)) => reading.lost = true,
            None => reading.ended = true,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        // A body that has ended before it is read would go out unnoticed, with the head.
        false
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl Reading {
    fn keeps(&self, more: usize) -> bool {
        !self.lost && self.chunks.iter().map(Bytes::len).sum::<usize>() + more <= MAX_KEPT
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    fn kept(chunks: Vec<Bytes>) -> Kept {
        let frames = chunks.into_iter().map(|chunk| Ok::<_, Status>(Frame::data(chunk)));
        Kept::new(Body::new(StreamBody::new(stream::iter(frames))))
    }

    async fn all(body: Body) -> Bytes {
        body.collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn what_was_read_in_part_is_read_again_from_the_beginning() {
        let kept = kept(["one ", "two ", "three"].map(Bytes::from).to_vec());
        drop(kept.body());
        assert!(kept.is_untouched());
        let mut first = kept.body();
        assert_eq!(first.frame().await.unwrap().unwrap().into_data().unwrap(), "one ");
        assert!(!kept.is_untouched());
        drop(first);
        for _ in 0..2 {
            assert!(kept.is_whole());
            assert_eq!(all(kept.body()).await, "one two three");
        }
    }

    #[tokio::test]
    async fn what_is_larger_than_a_message_passes_and_is_not_kept() {
        let chunk = Bytes::from(vec![7; MAX_KEPT / 2 + 1]);
        let kept = kept(vec![chunk.clone(), chunk.clone(), chunk.clone()]);
        assert_eq!(all(kept.body()).await.len(), chunk.len() * 3);
        assert!(!kept.is_whole());
    }
}
