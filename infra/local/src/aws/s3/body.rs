//! A request body that ends with an error when its sender pauses too long.

use axum::body::{Body, Bytes, HttpBody};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// How long an upload may pause between two pieces of its body; S3 gives up after about as long.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The body, with its length where the request names it.
#[derive(Debug)]
pub(super) struct ImpatientBody {
    inner: Body,
    idle: Pin<Box<Sleep>>,
}

impl ImpatientBody {
    pub(super) fn new(inner: Body) -> Self {
        Self {
            inner,
            idle: Box::pin(tokio::time::sleep(IDLE_TIMEOUT)),
        }
    }
}

impl HttpBody for ImpatientBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
            self.idle.as_mut().reset(Instant::now() + IDLE_TIMEOUT);
            return Poll::Ready(frame);
        }
        match self.idle.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(axum::Error::new(io::Error::from(io::ErrorKind::TimedOut))))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    // S3 needs the length of a body to accept it.
    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}
