//! One HTTP/2 connection (prior knowledge, RFC 9113) from its preface to its end: frames by hyper, deadlines and the end by us.
//!
//! What stalls within a stream costs that stream; what stalls the connection costs the connection.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tower::ServiceExt;

use super::streams::Streams;
use super::watched_io::WatchedIo;
use super::watched_stream::{TimedRequestBody, WatchedStreamAnswer};
use super::{CloseReason, ConnectionLimits, PeerAddress};
use crate::platform::lifecycle::Lifecycle;

type Hyper = http2::Connection<TokioIo<WatchedIo<Streams>>, Requests, StreamTasks>;

/// Serves requests until the connection ends, and says why it did.
pub(super) async fn serve_http2(
    stream: TcpStream,
    router: Router,
    limits: &Arc<ConnectionLimits>,
    lifecycle: &Lifecycle,
) -> CloseReason {
    // Answers are small and whole: waiting for more to send along (Nagle) only delays them. Failure changes nothing else.
    let _ = stream.set_nodelay(true);
    // Absent if the client has gone already.
    let peer = stream.peer_addr().ok().map(|address| PeerAddress(address.ip()));
    let streams = Streams::connected(Instant::now());
    let io = TokioIo::new(WatchedIo { stream, activity: streams.clone() });
    let requests = Requests { router, peer, streams: streams.clone(), limits: Arc::clone(limits) };
    let mut connection = Connection {
        hyper: builder(limits, lifecycle).serve_connection(io, requests),
        timer: Box::pin(sleep_until(Instant::now() + limits.head_time_max)),
        streams,
        limits,
        farewell: None,
        drained_by: None,
    };
    let stop = lifecycle.stop_token();
    let mut stopped = std::pin::pin!(stop.cancelled());
    poll_fn(|cx| connection.poll(cx, stopped.as_mut())).await
}

fn builder(limits: &ConnectionLimits, lifecycle: &Lifecycle) -> http2::Builder<StreamTasks> {
    let own = &limits.http2;
    let mut builder = http2::Builder::new(StreamTasks(lifecycle.clone()));
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(own.streams_max)
        .max_header_list_size(u32::try_from(limits.head_bytes_max).unwrap_or(u32::MAX))
        .initial_stream_window_size(own.stream_window_bytes)
        .initial_connection_window_size(own.connection_window_bytes)
        .max_send_buf_size(own.answer_buffer_bytes as usize)
        .max_pending_accept_reset_streams(own.unseen_resets_max)
        .max_local_error_reset_streams(own.error_resets_max)
        .keep_alive_interval(own.ping_interval)
        .keep_alive_timeout(own.ping_time_max);
    builder
}

/// hyper's connection under our deadlines.
struct Connection<'a> {
    hyper: Hyper,
    streams: Streams,
    limits: &'a ConnectionLimits,
    /// Fires at the deadline or earlier: deadlines mostly move away, and the timer follows only when it fires.
    timer: Pin<Box<Sleep>>,
    /// When the client was asked to leave (GOAWAY), and what it is counted as once it has.
    farewell: Option<(Instant, CloseReason)>,
    /// Set once the server stops.
    drained_by: Option<Instant>,
}

impl Connection<'_> {
    /// hyper goes first, so that a request which has already arrived counts as in flight when the server stops.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stopped: Pin<&mut impl Future<Output = ()>>,
    ) -> Poll<CloseReason> {
        if let Poll::Ready(result) = Pin::new(&mut self.hyper).poll(cx) {
            return Poll::Ready(self.reason(result));
        }
        if self.drained_by.is_none() && stopped.poll(cx).is_ready() {
            if self.streams.is_unused() {
                return Poll::Ready(CloseReason::stopped);
            }
            self.drained_by = Some(Instant::now() + self.limits.drain_time_max);
            let reason = if self.streams.is_idle() { CloseReason::stopped } else { CloseReason::finished };
            if let Poll::Ready(reason) = self.say_farewell(reason, cx) {
                return Poll::Ready(reason);
            }
        }
        self.poll_deadline(cx)
    }

    /// Asks the client to send no more requests. What it has sent is answered; then the connection ends by itself.
    fn say_farewell(&mut self, reason: CloseReason, cx: &mut Context<'_>) -> Poll<CloseReason> {
        self.farewell.get_or_insert((Instant::now(), reason));
        Pin::new(&mut self.hyper).graceful_shutdown();
        Pin::new(&mut self.hyper).poll(cx).map(|result| self.reason(result))
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<CloseReason> {
        while let Some((deadline, reason)) = self.deadline(cx) {
            if self.timer.is_elapsed() || self.timer.deadline() > deadline {
                self.timer.as_mut().reset(deadline);
            }
            ready!(self.timer.as_mut().poll(cx));
            if deadline > Instant::now() {
                continue;
            }
            match (reason, self.farewell) {
                (CloseReason::head_timeout | CloseReason::idle_timeout, None) => {
                    if let Poll::Ready(reason) = self.say_farewell(reason, cx) {
                        return Poll::Ready(reason);
                    }
                }
                (CloseReason::stopped, Some((_, reason))) => return Poll::Ready(reason),
                _ => return Poll::Ready(reason),
            }
        }
        Poll::Pending
    }

    fn deadline(&self, cx: &Context<'_>) -> Option<(Instant, CloseReason)> {
        let drained = self.drained_by.map(|at| (at, CloseReason::drain_timeout));
        let asked = self.farewell.map(|(at, _)| at);
        let own = self.streams.deadline(self.limits, asked, cx.waker());
        own.into_iter().chain(drained).min_by_key(|(at, _)| *at)
    }

    fn reason(&self, result: hyper::Result<()>) -> CloseReason {
        match result {
            Ok(()) => self.farewell.map_or(CloseReason::finished, |(_, reason)| reason),
            Err(error) if error.is_timeout() => CloseReason::ping_timeout,
            Err(error) if is_io(&error) => CloseReason::disconnected,
            Err(_) => CloseReason::malformed,
        }
    }
}

fn is_io(error: &hyper::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<io::Error>())
}

/// Streams run as tasks that the stop waits for.
#[derive(Debug, Clone)]
struct StreamTasks(Lifecycle);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for StreamTasks {
    fn execute(&self, stream: F) {
        self.0.spawn_transient(stream);
    }
}

/// Hands hyper's requests to the router.
struct Requests {
    router: Router,
    peer: Option<PeerAddress>,
    streams: Streams,
    limits: Arc<ConnectionLimits>,
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<WatchedStreamAnswer<Body>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (router, stream) = (self.router.clone(), self.streams.begin());
        let mut request =
            request.map(|body| Body::new(TimedRequestBody::new(body, self.streams.clone(), &self.limits)));
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
        }
        Box::pin(async move {
            let answer = router.oneshot(request).await?;
            Ok(answer.map(|body| WatchedStreamAnswer { body, stream }))
        })
    }
}
