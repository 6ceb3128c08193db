//! The accept loop: takes connections, refuses those beyond the limit, survives what `accept` fails with, stops in order.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

use super::connection::serve_connection;
use super::http2_connection::serve_http2;
use super::{ConnectionLimits, ListenerMetrics};
use crate::platform::lifecycle::Lifecycle;

/// How long the loop rests after `accept` failed: descriptors and memory come back by themselves, and it would spin.
const ACCEPT_ERROR_PAUSE: Duration = Duration::from_millis(100);

/// Failures of `accept` are logged at most so often.
const ACCEPT_ERROR_LOG_INTERVAL: Duration = Duration::from_secs(1);

/// What a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 and 1.0.
    Http1,
    /// HTTP/2 in clear text, known beforehand (RFC 9113, section 3.3): what gRPC clients speak.
    Http2,
}

/// Serves `router` on `listener` until `lifecycle` stops, and ends when its last connection has.
///
/// On stop it listens no more; idle connections are closed at once (HTTP/2: asked to leave); requests in flight are answered
/// with `Connection: close` (GOAWAY) and waited for, up to [`ConnectionLimits::drain_time_max`].
pub async fn serve(
    listener: TcpListener,
    router: Router,
    protocol: Protocol,
    limits: ConnectionLimits,
    metrics: ListenerMetrics,
    lifecycle: Lifecycle,
) {
    accept_from(listener, router, protocol, limits, metrics, lifecycle).await;
}

/// Where connections come from; a port, so that its failures can be tested.
trait Incoming: Send {
    fn next(&mut self) -> impl Future<Output = io::Result<TcpStream>> + Send;
}

impl Incoming for TcpListener {
    async fn next(&mut self) -> io::Result<TcpStream> {
        self.accept().await.map(|(stream, _)| stream)
    }
}

async fn accept_from(
    mut incoming: impl Incoming,
    router: Router,
    protocol: Protocol,
    limits: ConnectionLimits,
    metrics: ListenerMetrics,
    lifecycle: Lifecycle,
) {
    let listener = Listener {
        slots: Arc::new(Semaphore::new(limits.connections_max.min(Semaphore::MAX_PERMITS))),
        connections: TaskTracker::new(),
        router,
        protocol,
        limits: Arc::new(limits),
        metrics,
        lifecycle,
    };
    let stop = listener.lifecycle.stop_token();
    stop.run_until_cancelled(listener.accept(&mut incoming)).await;
    drop(incoming);
    listener.connections.close();
    listener.connections.wait().await;
}

struct Listener {
    slots: Arc<Semaphore>,
    connections: TaskTracker,
    router: Router,
    protocol: Protocol,
    limits: Arc<ConnectionLimits>,
    metrics: ListenerMetrics,
    lifecycle: Lifecycle,
}

impl Listener {
    async fn accept(&self, incoming: &mut impl Incoming) {
        let mut log = AcceptErrorLog::default();
        loop {
            match incoming.next().await {
                Ok(stream) => self.start(stream),
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    self.metrics.on_accept_error();
                    log.write(&error, self.metrics.listener(), Instant::now());
                    sleep(ACCEPT_ERROR_PAUSE).await;
                }
            }
        }
    }

    /// Runs the connection in a task of its own, or closes it at once if there are too many.
    fn start(&self, stream: TcpStream) {
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            self.metrics.on_refused();
            return;
        };
        let open = self.metrics.on_accepted();
        let (router, protocol) = (self.router.clone(), self.protocol);
        let (limits, lifecycle) = (Arc::clone(&self.limits), self.lifecycle.clone());
        self.lifecycle.spawn_transient(self.connections.track_future(async move {
            let _slot = slot;
            open.closes(match protocol {
                Protocol::Http1 => serve_connection(stream, router, &limits, lifecycle.stop_token()).await,
                Protocol::Http2 => serve_http2(stream, router, &limits, &lifecycle).await,
            });
        }));
    }
}

/// The client was gone before we took its connection: no reason to rest.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Writes the first failure of each interval, with the number of those it passed over.
#[derive(Debug, Default)]
struct AcceptErrorLog {
    last: Option<Instant>,
    unwritten: u64,
}

impl AcceptErrorLog {
    fn write(&mut self, error: &io::Error, listener: &'static str, now: Instant) {
        if self.last.is_some_and(|last| now.duration_since(last) < ACCEPT_ERROR_LOG_INTERVAL) {
            self.unwritten += 1;
            return;
        }
        tracing::warn!(%error, listener, unwritten = self.unwritten, "cannot accept connections; trying again");
        *self = Self { last: Some(now), unwritten: 0 };
    }
}

#[cfg(test)]
mod tests;
