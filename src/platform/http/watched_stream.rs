//! A request's body and an answer's body on HTTP/2: the first gives up on a client that stalls, the second notes one that does
//! not read.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::ConnectionLimits;
use super::streams::{OpenStream, Streams};

/// The client took too long to send a body. Its stream is given up; others on the connection go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body did not come in time")]
pub(super) struct BodyTimedOut;

/// A request's body that is awaited as long as on HTTP/1: see [`ConnectionLimits::body_stall_max`] and `body_time_max`.
pub(super) struct TimedRequestBody<B> {
    body: B,
    streams: Streams,
    stall_max: Duration,
    time_max: Duration,
    /// Since a handler first waited for a byte.
    began: Option<Instant>,
    /// Waits for a byte since then; absent while the handler is busy with what it has.
    waits: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<B> TimedRequestBody<B> {
    pub(super) fn new(body: B, streams: Streams, limits: &ConnectionLimits) -> Self {
        Self {
            body,
            streams,
            stall_max: limits.body_stall_max,
            time_max: limits.body_time_max,
            began: None,
            waits: None,
            timer: None,
        }
    }

    /// Any byte on the connection wins time up to `time_max`: a frame is handed over whole, and a slow line takes long for one.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        let began = *self.began.get_or_insert(now);
        let waits = *self.waits.get_or_insert(now);
        loop {
            let alive = self.streams.last_read().max(waits);
            let deadline = (alive + self.stall_max).min(began + self.time_max);
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if timer.deadline() > deadline || timer.is_elapsed() {
                timer.as_mut().reset(deadline);
            }
            ready!(timer.as_mut().poll(cx));
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
        }
    }
}

impl<B> fmt::Debug for TimedRequestBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimedRequestBody").field("began", &self.began).finish_non_exhaustive()
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin> Body for TimedRequestBody<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(frame) => {
                self.waits = None;
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => {
                ready!(self.poll_deadline(cx));
                Poll::Ready(Some(Err(BodyTimedOut.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body: the stream is open until it is dropped.
#[derive(Debug)]
pub(super) struct WatchedStreamAnswer<B> {
    pub(super) body: B,
    pub(super) stream: OpenStream,
}

impl<B: Body + Unpin> Body for WatchedStreamAnswer<B> {
    type Data = B::Data;
    type Error = B::Error;

    /// hyper asks for the next part when the last one is on its way; in between, it waits for the client.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.stream.answer_taken();
        let result = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(result, Poll::Ready(Some(Ok(_)))) {
            self.stream.answer_waits(Instant::now());
        }
        result
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
