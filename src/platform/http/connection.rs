//! One HTTP/1.1 connection from its first byte to its last: messages by hyper, deadlines and the end by us.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::activity::{Activity, LastBody};
use super::watched_io::{WatchedAnswerBody, WatchedIo, WatchedRequestBody};
use super::{CloseReason, ConnectionLimits, PeerAddress};

/// Bytes thrown away at a time while lingering.
const LINGER_STEP_BYTES: usize = 64 * 1024;

type Hyper = http1::Connection<TokioIo<WatchedIo<Activity>>, Requests>;

/// Serves requests until the connection ends, and says why it did.
pub(super) async fn serve_connection(
    stream: TcpStream,
    router: Router,
    limits: &ConnectionLimits,
    stop: CancellationToken,
) -> CloseReason {
    // Answers are small and whole: waiting for more to send along (Nagle) only delays them. Failure changes nothing else.
    let _ = stream.set_nodelay(true);
    // Absent if the client has gone already.
    let peer = stream.peer_addr().ok().map(|address| PeerAddress(address.ip()));
    let activity = Activity::connected(Instant::now());
    let mut connection = Connection {
        hyper: http1::Builder::new()
            .header_read_timeout(None)
            .max_header_size(limits.head_bytes_max)
            .serve_connection(
                TokioIo::new(WatchedIo { stream, activity: activity.clone() }),
                Requests { router, peer, activity: activity.clone() },
            ),
        timer: Box::pin(sleep_until(Instant::now() + limits.head_time_max)),
        drained_by: None,
        activity,
        limits,
    };
    let end = {
        let mut stopped = std::pin::pin!(stop.cancelled());
        poll_fn(|cx| connection.poll(cx, stopped.as_mut())).await
    };
    connection.close(end).await
}

/// hyper's connection under our deadlines.
struct Connection<'a> {
    hyper: Hyper,
    activity: Activity,
    limits: &'a ConnectionLimits,
    /// Fires at the deadline or earlier: deadlines mostly move away, and the timer follows only when it fires.
    timer: Pin<Box<Sleep>>,
    /// Set once the server stops.
    drained_by: Option<Instant>,
}

enum End {
    Hyper(hyper::Result<()>),
    Cut(CloseReason),
}

impl Connection<'_> {
    /// hyper goes first, so that a request which has already arrived counts as in flight when the server stops.
    fn poll(&mut self, cx: &mut Context<'_>, stopped: Pin<&mut impl Future<Output = ()>>) -> Poll<End> {
        if let Poll::Ready(result) = self.hyper.poll_without_shutdown(cx) {
            return Poll::Ready(End::Hyper(result));
        }
        if self.drained_by.is_none() && stopped.poll(cx).is_ready() {
            if self.activity.is_idle() {
                return Poll::Ready(End::Cut(CloseReason::stopped));
            }
            self.drained_by = Some(Instant::now() + self.limits.drain_time_max);
            Pin::new(&mut self.hyper).graceful_shutdown();
            if let Poll::Ready(result) = self.hyper.poll_without_shutdown(cx) {
                return Poll::Ready(End::Hyper(result));
            }
        }
        self.poll_deadline(cx).map(End::Cut)
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<CloseReason> {
        while let Some((deadline, reason)) = self.deadline() {
            if self.timer.is_elapsed() || self.timer.deadline() > deadline {
                self.timer.as_mut().reset(deadline);
            }
            ready!(self.timer.as_mut().poll(cx));
            if deadline <= Instant::now() {
                return Poll::Ready(reason);
            }
        }
        Poll::Pending
    }

    fn deadline(&self) -> Option<(Instant, CloseReason)> {
        let drained = self.drained_by.map(|at| (at, CloseReason::drain_timeout));
        self.activity.deadline(self.limits).into_iter().chain(drained).min_by_key(|(at, _)| *at)
    }

    async fn close(self, end: End) -> CloseReason {
        let io = self.hyper.into_parts().io.into_inner();
        match end {
            End::Hyper(Ok(())) => match self.activity.last_body() {
                LastBody::Read => CloseReason::finished,
                LastBody::Unread => {
                    linger(io.stream, self.limits).await;
                    CloseReason::finished
                }
                LastBody::Broken => {
                    linger(io.stream, self.limits).await;
                    CloseReason::disconnected
                }
            },
            End::Hyper(Err(error)) if error.is_parse() => {
                linger(io.stream, self.limits).await;
                CloseReason::malformed
            }
            End::Hyper(Err(_)) => CloseReason::disconnected,
            End::Cut(reason) => {
                if reason == CloseReason::answer_unread {
                    // Otherwise the kernel would keep the answer, and try to send it, for minutes.
                    let _ = io.stream.set_zero_linger();
                }
                reason
            }
        }
    }
}

/// Ends our side, then reads what the client still sends and throws it away, until it ends its side or a limit is reached.
async fn linger(mut stream: TcpStream, limits: &ConnectionLimits) {
    let read_away = async {
        stream.shutdown().await?;
        let mut scrap = vec![0; LINGER_STEP_BYTES];
        let mut left = limits.linger_bytes_max;
        while left > 0 {
            match stream.read(&mut scrap).await? {
                0 => break,
                bytes => left = left.saturating_sub(bytes),
            }
        }
        std::io::Result::Ok(())
    };
    // Whatever ends it, the connection is over.
    let _ = timeout(limits.linger_time_max, read_away).await;
}

/// Hands hyper's requests to the router.
struct Requests {
    router: Router,
    peer: Option<PeerAddress>,
    activity: Activity,
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<WatchedAnswerBody<Body>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (router, activity) = (self.router.clone(), self.activity.clone());
        activity.request_began();
        let mut request = request.map(|body| Body::new(WatchedRequestBody::new(body, activity.clone())));
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
        }
        Box::pin(async move {
            let answer = router.oneshot(request).await?;
            Ok(answer.map(|body| WatchedAnswerBody { body, activity }))
        })
    }
}
