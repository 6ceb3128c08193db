//! A listener on a real socket for the tests of this folder, and what `accept` fails with.

mod deadlines;
mod http2;
mod requests;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::*;
use crate::platform::http::{
    BodyError, ByteBudget, CloseReason, ConnectionMetrics, PeerAddress, Problem, RequestMetrics, identify,
    read_body,
};

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// The limit under test; the others are [`PATIENCE`].
const SHORT: Duration = Duration::from_millis(250);

const BODY_BYTES_MAX: usize = 1_000_000;

struct Server {
    address: SocketAddr,
    metrics: ListenerMetrics,
    lifecycle: Lifecycle,
    /// A handler of `/gate` has begun; it ends when `gate` is notified.
    entered: Arc<Notify>,
    gate: Arc<Notify>,
}

fn patient() -> ConnectionLimits {
    ConnectionLimits {
        head_time_max: PATIENCE,
        idle_time_max: PATIENCE,
        body_stall_max: PATIENCE,
        body_time_max: PATIENCE,
        write_stall_max: PATIENCE,
        drain_time_max: PATIENCE,
        ..ConnectionLimits::default()
    }
}

async fn measure(body: Body) -> Response {
    match read_body(body, None, BODY_BYTES_MAX, &ByteBudget::new(usize::MAX)).await {
        Ok((bytes, _)) => bytes.len().to_string().into_response(),
        Err(BodyError::TooLarge { .. }) => Problem::body_too_large("too large").into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn start(limits: ConnectionLimits) -> Server {
    start_speaking(Protocol::Http1, limits).await
}

async fn start_speaking(protocol: Protocol, limits: ConnectionLimits) -> Server {
    let (entered, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (entering, opening) = (Arc::clone(&entered), Arc::clone(&gate));
    let observer = RequestMetrics::register(&mut Registry::default()).listener("test");
    let router = Router::new()
        .route("/hi", get(|| async { "hi" }))
        .route("/peer", get(|Extension(peer): Extension<PeerAddress>| async move { peer.0.to_string() }))
        .route("/measure", post(measure))
        .route("/refuse", post(|| async { Problem::body_too_large("refused unread") }))
        .route("/big", get(|| async { Bytes::from(vec![0; 64 << 20]) }))
        .route("/work", get(|| async { sleep(SHORT * 5).await }))
        .route("/panic", get(|| async { panic!("on purpose") as () }))
        .route(
            "/gate",
            get(|| async move {
                entering.notify_one();
                opening.notified().await;
                "open"
            }),
        )
        .layer(axum::middleware::from_fn_with_state(observer, identify));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let metrics = ConnectionMetrics::default().listener("test");
    let lifecycle = Lifecycle::default();
    lifecycle.spawn_transient(serve(listener, router, protocol, limits, metrics.clone(), lifecycle.clone()));
    Server { address, metrics, lifecycle, entered, gate }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn send(&self, text: &str) -> TcpStream {
        let mut client = self.connect().await;
        client.write_all(text.as_bytes()).await.unwrap();
        client
    }

    async fn stop(self) {
        self.lifecycle.stop();
        timeout(PATIENCE, self.lifecycle.wait()).await.unwrap();
    }

    async fn closes(&self, reason: CloseReason) {
        self.closes_so_many(reason, 1).await;
    }

    async fn closes_so_many(&self, reason: CloseReason, connections: u64) {
        let closed = async {
            while self.metrics.closed(reason) < connections {
                sleep(Duration::from_millis(1)).await;
            }
        };
        assert!(timeout(PATIENCE, closed).await.is_ok(), "not closed as {reason:?}: {:?}", self.metrics);
    }
}

/// Everything until the server closes; a reset counts as closed.
async fn rest(client: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, client.read_to_end(&mut bytes)).await.expect("the server does not close");
    if let Err(error) = read {
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
    String::from_utf8(bytes).unwrap()
}

/// One answer with a `Content-Length`, on a connection that stays open.
async fn answer(client: &mut TcpStream) -> String {
    let mut text = String::new();
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() >= length.parse().unwrap() {
                return text;
            }
        }
        let byte = timeout(PATIENCE, client.read_u8()).await.expect("no answer").expect("closed");
        text.push(char::from(byte));
    }
}

/// Fails as often as it is told to, then takes connections.
struct Failing {
    errors: VecDeque<io::ErrorKind>,
    listener: TcpListener,
}

impl Incoming for Failing {
    async fn next(&mut self) -> io::Result<TcpStream> {
        match self.errors.pop_front() {
            Some(kind) => Err(kind.into()),
            None => self.listener.next().await,
        }
    }
}

#[tokio::test]
async fn accepting_goes_on_after_failures_and_counts_those_of_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let errors = [io::ErrorKind::OutOfMemory, io::ErrorKind::ConnectionAborted, io::ErrorKind::Other].into();
    let (metrics, lifecycle) = (ConnectionMetrics::default().listener("test"), Lifecycle::default());
    let router = Router::new().route("/hi", get(|| async { "hi" }));
    let incoming = Failing { errors, listener };
    lifecycle.spawn_transient(accept_from(
        incoming,
        router,
        Protocol::Http1,
        patient(),
        metrics.clone(),
        lifecycle.clone(),
    ));
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET /hi HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(answer(&mut client).await.ends_with("hi"));
    assert_eq!(metrics.accept_errors(), 2);
}

#[test]
fn failures_to_accept_are_logged_once_a_second() {
    let (mut log, start) = (AcceptErrorLog::default(), Instant::now());
    let error = io::Error::from(io::ErrorKind::OutOfMemory);
    for ms in [0, 100, 999] {
        log.write(&error, "test", start + Duration::from_millis(ms));
    }
    assert_eq!((log.last, log.unwritten), (Some(start), 2));
    log.write(&error, "test", start + Duration::from_millis(1_000));
    assert_eq!(log.unwritten, 0);
}
