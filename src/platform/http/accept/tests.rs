//! The listener over real sockets: every deadline, the connection limit, bad framing, refused bodies, the stop.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::*;
use crate::platform::http::{
    BodyError, ByteBudget, CloseReason, ConnectionMetrics, Problem, identify, read_body,
};

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// The limit under test; the others are [`PATIENCE`].
const SHORT: Duration = Duration::from_millis(60);

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
    let (entered, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (entering, opening) = (Arc::clone(&entered), Arc::clone(&gate));
    let router = Router::new()
        .route("/hi", get(|| async { "hi" }))
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
        .layer(axum::middleware::from_fn(identify));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let metrics = ConnectionMetrics::default().listener("test");
    let lifecycle = Lifecycle::default();
    lifecycle.spawn_transient(serve(listener, router, limits, metrics.clone(), lifecycle.clone()));
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
        let closed = async {
            while self.metrics.closed(reason) == 0 {
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

#[tokio::test]
async fn a_client_that_sends_nothing_is_closed() {
    let server = start(ConnectionLimits { head_time_max: SHORT, ..patient() }).await;
    assert_eq!(rest(&mut server.connect().await).await, "");
    server.closes(CloseReason::head_timeout).await;
    server.stop().await;
}

#[tokio::test]
async fn headers_that_are_not_finished_are_closed_however_steadily_they_come() {
    let server = start(ConnectionLimits { head_time_max: SHORT, ..patient() }).await;
    let mut client = server.send("GET /hi HTTP/1.1\r\nx: ").await;
    let trickle = async {
        while client.write_all(b"a").await.is_ok() {
            sleep(SHORT / 10).await;
        }
    };
    timeout(PATIENCE, trickle).await.expect("the server listens for ever");
    server.closes(CloseReason::head_timeout).await;
}

#[tokio::test]
async fn half_of_a_second_request_has_the_time_of_headers_not_of_idleness() {
    let server = start(ConnectionLimits { head_time_max: SHORT, ..patient() }).await;
    let mut client = server.send("GET /hi HTTP/1.1\r\n\r\n").await;
    answer(&mut client).await;
    client.write_all(b"GET /h").await.unwrap();
    rest(&mut client).await;
    server.closes(CloseReason::head_timeout).await;
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let server = start(ConnectionLimits { idle_time_max: SHORT, ..patient() }).await;
    let mut client = server.send("GET /hi HTTP/1.1\r\n\r\n").await;
    assert!(answer(&mut client).await.ends_with("hi"));
    assert_eq!(rest(&mut client).await, "");
    server.closes(CloseReason::idle_timeout).await;
}

#[tokio::test]
async fn a_body_that_stalls_is_closed() {
    let server = start(ConnectionLimits { body_stall_max: SHORT, ..patient() }).await;
    let mut client = server.send("POST /measure HTTP/1.1\r\ncontent-length: 10\r\n\r\nabc").await;
    assert_eq!(rest(&mut client).await, "");
    server.closes(CloseReason::body_stalled).await;
}

#[tokio::test]
async fn a_body_that_trickles_is_closed_when_its_time_is_over() {
    let server = start(ConnectionLimits { body_time_max: SHORT, ..patient() }).await;
    let mut client = server.send("POST /measure HTTP/1.1\r\ncontent-length: 100000\r\n\r\n").await;
    let trickle = async {
        while client.write_all(b"a").await.is_ok() {
            sleep(SHORT / 10).await;
        }
    };
    timeout(PATIENCE, trickle).await.expect("the server reads for ever");
    server.closes(CloseReason::body_timeout).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_closed() {
    let server = start(ConnectionLimits { write_stall_max: SHORT, ..patient() }).await;
    let _client = server.send("GET /big HTTP/1.1\r\n\r\n").await;
    server.closes(CloseReason::answer_unread).await;
}

#[tokio::test]
async fn a_handler_at_work_is_not_cut() {
    let limits = ConnectionLimits {
        head_time_max: SHORT,
        idle_time_max: SHORT,
        body_stall_max: SHORT,
        body_time_max: SHORT,
        write_stall_max: SHORT,
        ..patient()
    };
    let server = start(limits).await;
    let mut client = server.send("GET /work HTTP/1.1\r\n\r\n").await;
    assert!(answer(&mut client).await.starts_with("HTTP/1.1 200"));
    server.closes(CloseReason::idle_timeout).await;
}

#[tokio::test]
async fn a_thousand_requests_share_a_connection_one_by_one_and_pipelined() {
    let server = start(patient()).await;
    let mut client = server.connect().await;
    for _ in 0..500 {
        client.write_all(b"POST /measure HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc").await.unwrap();
        assert!(answer(&mut client).await.ends_with("\r\n\r\n3"));
    }
    let pipelined = "GET /hi HTTP/1.1\r\n\r\n".repeat(499) + "GET /hi HTTP/1.1\r\nconnection: close\r\n\r\n";
    client.write_all(pipelined.as_bytes()).await.unwrap();
    assert_eq!(rest(&mut client).await.matches("HTTP/1.1 200 OK").count(), 500);
    assert_eq!(server.metrics.accepted(), 1);
    server.closes(CloseReason::finished).await;
}

#[tokio::test]
async fn bad_framing_is_answered_400_and_not_reset() {
    let server = start(patient()).await;
    let garbage = "a".repeat(100_000);
    for head in [
        "content-length: 5\r\ncontent-length: 6",
        "content-length: five",
        "content-length: -1",
        "transfer-encoding: gzip",
        "no colon",
    ] {
        let mut client = server.send(&format!("POST /measure HTTP/1.1\r\n{head}\r\n\r\n{garbage}")).await;
        client.shutdown().await.unwrap();
        let text = rest(&mut client).await;
        assert!(text.starts_with("HTTP/1.1 400"), "{head}: {text}");
    }
}

#[tokio::test]
async fn too_many_or_too_large_headers_are_answered_431_and_not_reset() {
    let server = start(patient()).await;
    let many = "x: y\r\n".repeat(101);
    for headers in
        [format!("x: {}\r\n", "y".repeat(16 * 1024)), many, format!("x: {}", "y".repeat(1_000_000))]
    {
        let mut client = server.send(&format!("GET /hi HTTP/1.1\r\n{headers}\r\n")).await;
        let text = rest(&mut client).await;
        assert!(text.starts_with("HTTP/1.1 431"), "{text}");
    }
    server.closes(CloseReason::malformed).await;
    let hundred = "x: y\r\n".repeat(100);
    let mut client = server.send(&format!("GET /hi HTTP/1.1\r\n{hundred}\r\n")).await;
    assert!(answer(&mut client).await.starts_with("HTTP/1.1 200"));
}

/// *Scenario*: a client sends 100 MB where 1 MB (or nothing) is allowed, and reads only when all is written.
/// *Guarantees*: it reads the 413, and that the connection closes.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_writes_all_before_it_reads_gets_to_read_its_413() {
    let server = start(patient()).await;
    for path in ["/measure", "/refuse"] {
        let address = server.address;
        let text = tokio::task::spawn_blocking(move || {
            use std::io::{Read, Write};
            let mut client = std::net::TcpStream::connect(address).unwrap();
            let bytes = 100_000_000_usize;
            write!(client, "POST {path} HTTP/1.1\r\ncontent-length: {bytes}\r\n\r\n").unwrap();
            let chunk = vec![0_u8; 1_000_000];
            for _ in 0..bytes / chunk.len() {
                client.write_all(&chunk).unwrap();
            }
            client.shutdown(std::net::Shutdown::Write).unwrap();
            let mut text = String::new();
            client.read_to_string(&mut text).unwrap();
            text
        });
        let text = timeout(PATIENCE, text).await.unwrap().unwrap();
        assert!(text.starts_with("HTTP/1.1 413"), "{path}: {text}");
        assert!(text.contains("connection: close"), "{path}: {text}");
    }
    server.stop().await;
}

#[tokio::test]
async fn lingering_has_an_end() {
    let server = start(ConnectionLimits { linger_time_max: SHORT, ..patient() }).await;
    let mut client = server.send("POST /refuse HTTP/1.1\r\ncontent-length: 100\r\n\r\na").await;
    assert!(rest(&mut client).await.starts_with("HTTP/1.1 413"));
    server.closes(CloseReason::finished).await;
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_at_once_and_a_free_place_is_used_again() {
    let server = start(ConnectionLimits { connections_max: 1, ..patient() }).await;
    let mut first = server.send("GET /hi HTTP/1.1\r\n\r\n").await;
    answer(&mut first).await;
    assert_eq!(rest(&mut server.connect().await).await, "");
    assert_eq!((server.metrics.refused(), server.metrics.open()), (1, 1));
    drop(first);
    server.closes(CloseReason::finished).await;
    let again = async {
        loop {
            let mut client = server.send("GET /hi HTTP/1.1\r\nconnection: close\r\n\r\n").await;
            if rest(&mut client).await.ends_with("hi") {
                break;
            }
        }
    };
    timeout(PATIENCE, again).await.expect("the place is not free again");
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_is_counted_and_forgotten() {
    let server = start(patient()).await;
    drop(server.send("POST /measure HTTP/1.1\r\ncontent-length: 10\r\n\r\nabc").await);
    server.closes(CloseReason::disconnected).await;
    assert_eq!(server.metrics.open(), 0);
}

#[tokio::test]
async fn a_panic_costs_neither_the_connection_nor_the_server() {
    let server = start(patient()).await;
    let mut client = server.send("GET /panic HTTP/1.1\r\n\r\n").await;
    assert!(answer(&mut client).await.starts_with("HTTP/1.1 500"));
    client.write_all(b"GET /hi HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(answer(&mut client).await.ends_with("hi"));
}

/// *Scenario*: the server stops with one connection silent, one idle, one with a request in flight.
/// *Guarantees*: the first two close at once, the third gets its answer and is told that it was the last one.
#[tokio::test]
async fn a_stop_closes_idle_connections_and_waits_for_requests_in_flight() {
    let server = start(patient()).await;
    let mut silent = server.connect().await;
    let mut idle = server.send("GET /hi HTTP/1.1\r\n\r\n").await;
    answer(&mut idle).await;
    let mut busy = server.send("GET /gate HTTP/1.1\r\n\r\n").await;
    server.entered.notified().await;

    server.lifecycle.stop();
    assert_eq!((rest(&mut silent).await, rest(&mut idle).await), (String::new(), String::new()));
    assert!(TcpStream::connect(server.address).await.is_err(), "it still listens");
    assert_eq!(server.metrics.open(), 1);

    server.gate.notify_one();
    let text = rest(&mut busy).await;
    assert!(text.starts_with("HTTP/1.1 200") && text.contains("connection: close"), "{text}");
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_outlives_the_drain_time_is_cut() {
    let server = start(ConnectionLimits { drain_time_max: SHORT, ..patient() }).await;
    let mut busy = server.send("GET /gate HTTP/1.1\r\n\r\n").await;
    server.entered.notified().await;
    server.lifecycle.stop();
    assert_eq!(rest(&mut busy).await, "");
    server.closes(CloseReason::drain_timeout).await;
    server.stop().await;
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
    lifecycle.spawn_transient(accept_from(incoming, router, patient(), metrics.clone(), lifecycle.clone()));
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
