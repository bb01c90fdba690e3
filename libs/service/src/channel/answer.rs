//! An answer's body on the caller's side.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Sleep;
use tonic::Status;
use tonic::body::Body;
use tracing::Span;

use super::backend::InFlight;
use super::{call, unavailable};
use crate::layers;

/// Holds the call's place and its span until the answer was read, and ends reading at the deadline.
pub(super) struct Answer {
    pub(super) body: Body,
    pub(super) deadline: Pin<Box<Sleep>>,
    pub(super) _in_flight: InFlight,
    pub(super) span: Span,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let _entered = this.span.enter();
        match Pin::new(&mut this.body).poll_frame(cx) {
            // What a peer has to say stands in its trailers; this is the connection.
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(unavailable(error)))),
            Poll::Ready(frame) => {
                if let Some(Ok(frame)) = &frame
                    && let Some(trailers) = frame.trailers_ref()
                {
                    call::record(&this.span, trailers);
                }
                Poll::Ready(frame)
            }
            Poll::Pending => match this.deadline.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(Some(Err(layers::timed_out().into()))),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
