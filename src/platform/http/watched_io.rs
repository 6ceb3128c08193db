//! A socket, a request's body and an answer's body that tell the connection's [`Activity`] of their progress.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::activity::Activity;

/// What is told of a socket's progress.
pub(super) trait SocketWatch {
    fn bytes_read(&self, now: Instant);
    fn write_blocked(&self, now: Instant);
    fn bytes_written(&self);
}

/// A socket whose progress is noted.
#[derive(Debug)]
pub(super) struct WatchedIo<W> {
    pub(super) stream: TcpStream,
    pub(super) activity: W,
}

impl<W: SocketWatch> WatchedIo<W> {
    fn note_write<T>(&self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match result {
            Poll::Pending => self.activity.write_blocked(Instant::now()),
            Poll::Ready(_) => self.activity.bytes_written(),
        }
        result
    }
}

impl<W: SocketWatch + Unpin> AsyncRead for WatchedIo<W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.bytes_read(Instant::now());
        }
        result
    }
}

impl<W: SocketWatch + Unpin> AsyncWrite for WatchedIo<W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note_write(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note_write(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A request's body: notes when a handler waits for it, and whether it was read to its end.
#[derive(Debug)]
pub(super) struct WatchedRequestBody<B> {
    body: B,
    activity: Activity,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Ahead,
    Seen,
}

impl<B: Body<Data = Bytes> + Unpin> WatchedRequestBody<B> {
    pub(super) fn new(body: B, activity: Activity) -> Self {
        let mut watched = Self { body, activity, end: End::Ahead };
        watched.look_for_end();
        watched
    }

    fn look_for_end(&mut self) {
        if self.end == End::Ahead && self.body.is_end_stream() {
            self.see_end();
        }
    }

    fn see_end(&mut self) {
        self.end = End::Seen;
        self.activity.body_ended();
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for WatchedRequestBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        // Noted before the wait begins: the connection may run on another thread and must see it when it is woken.
        if self.end == End::Ahead {
            self.activity.body_awaited(Instant::now());
        }
        let result = Pin::new(&mut self.body).poll_frame(cx);
        match &result {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(_))) => {
                self.activity.body_arrived();
                self.look_for_end();
            }
            Poll::Ready(Some(Err(_))) => {
                self.end = End::Seen;
                self.activity.body_broke();
            }
            Poll::Ready(None) => self.see_end(),
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

impl<B> Drop for WatchedRequestBody<B> {
    fn drop(&mut self) {
        if self.end == End::Ahead {
            self.activity.body_abandoned();
        }
    }
}

/// An answer's body: the request is in flight until it is dropped.
#[derive(Debug)]
pub(super) struct WatchedAnswerBody<B> {
    pub(super) body: B,
    pub(super) activity: Activity,
}

impl<B: Body + Unpin> Body for WatchedAnswerBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for WatchedAnswerBody<B> {
    fn drop(&mut self) {
        self.activity.answer_ended(Instant::now());
    }
}
