//! Ending answers that would never end by themselves.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use crate::Shutdown;

/// Passes `body` on until the service is asked to stop, then ends it, with `trailers` where there are any.
pub(crate) fn end_on_request(body: Body, trailers: Option<HeaderMap>, shutdown: &Shutdown) -> Body {
    let token = shutdown.token();
    Body::new(EndOn { body: Some(body), trailers, asked: Box::pin(token.cancelled_owned()) })
}

struct EndOn<F> {
    /// `None` once ended.
    body: Option<Body>,
    trailers: Option<HeaderMap>,
    asked: Pin<Box<F>>,
}

impl<F: Future<Output = ()>> HttpBody for EndOn<F> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        // What is ready goes out first.
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        if this.asked.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        this.body = None;
        Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
