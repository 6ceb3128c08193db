//! HTTP/2: requests, limits, deadlines and the stop, over real sockets with hyper's client; what a client should not do,
//! frame by frame.
#![allow(clippy::disallowed_methods, reason = "a task ends with its test")]

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::http::Request;
use http_body_util::BodyExt;
use hyper::body::Frame;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::*;
use crate::platform::http::Http2Limits;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

async fn start_http2(limits: ConnectionLimits) -> Server {
    start_speaking(Protocol::Http2, limits).await
}

/// A client whose connection is driven in the background; it ends when the client or the server closes it.
async fn client(server: &Server, builder: Builder<TokioExecutor>) -> SendRequest<Body> {
    let io = TokioIo::new(server.connect().await);
    let (client, connection) = builder.handshake(io).await.unwrap();
    server.lifecycle.spawn_transient(async move { _ = connection.await });
    client
}

fn builder() -> Builder<TokioExecutor> {
    Builder::new(TokioExecutor::new())
}

fn get_request(path: &str) -> Request<Body> {
    let uri = format!("http://server{path}");
    Request::get(uri).body(Body::empty()).unwrap()
}

fn post_request(path: &str, body: Body) -> Request<Body> {
    Request::post(format!("http://server{path}")).body(body).unwrap()
}

/// Three bytes of a body whose rest never comes.
struct Stalled(Option<Bytes>);

impl hyper::body::Body for Stalled {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.take().map_or(Poll::Pending, |bytes| Poll::Ready(Some(Ok(Frame::data(bytes)))))
    }
}

/// Status and body; `Err` if the stream was reset or the connection closed.
async fn ask(client: &mut SendRequest<Body>, request: Request<Body>) -> Result<(u16, String), hyper::Error> {
    let asked = async {
        client.ready().await?;
        let answer = client.send_request(request).await?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await?.to_bytes();
        Ok((status, String::from_utf8(body.to_vec()).unwrap()))
    };
    timeout(PATIENCE, asked).await.expect("no answer")
}

async fn hi(client: &mut SendRequest<Body>) -> String {
    ask(client, get_request("/hi")).await.unwrap().1
}

async fn asked_to_leave(client: &SendRequest<Body>) {
    let left = async {
        while !client.is_closed() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, left).await.expect("the client is not asked to leave");
}

/// A frame (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn settings(pairs: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> = pairs
        .iter()
        .flat_map(|(key, value)| [&key.to_be_bytes()[..], &value.to_be_bytes()].concat())
        .collect();
    frame(4, 0, 0, &payload)
}

/// The headers of `GET path`, from the static table and as literals (RFC 7541).
fn get_headers(path: &str) -> Vec<u8> {
    let length = u8::try_from(path.len()).unwrap();
    [&[0x82, 0x86, 0x04, length], path.as_bytes(), &[0x01, 1, b'x']].concat()
}

#[tokio::test]
async fn a_thousand_requests_share_a_connection() {
    let server = start_http2(patient()).await;
    let mut client = client(&server, builder()).await;
    for _ in 0..500 {
        assert_eq!(hi(&mut client).await, "hi");
        let measured = ask(&mut client, post_request("/measure", vec![0; 100_000].into())).await;
        assert_eq!(measured.unwrap(), (200, "100000".to_owned()));
    }
    assert_eq!((server.metrics.accepted(), server.metrics.open()), (1, 1));
    drop(client);
    server.closes(CloseReason::finished).await;
}

#[tokio::test]
async fn handlers_know_who_is_at_the_other_end() {
    let server = start_http2(patient()).await;
    let mut client = client(&server, builder()).await;
    assert_eq!(ask(&mut client, get_request("/peer")).await.unwrap(), (200, "127.0.0.1".to_owned()));
}

/// *Scenario*: a handler is at work while 200 others come and go on the same connection, 100 of them at a time.
/// *Guarantees*: nobody waits for anybody.
#[tokio::test]
async fn streams_do_not_wait_for_each_other() {
    let server = start_http2(patient()).await;
    let mut client = client(&server, builder()).await;
    let gated = tokio::spawn({
        let mut client = client.clone();
        async move { ask(&mut client, get_request("/gate")).await.unwrap() }
    });
    server.entered.notified().await;
    for _ in 0..2 {
        let many: Vec<_> = (0..100)
            .map(|_| {
                let mut client = client.clone();
                tokio::spawn(
                    async move { ask(&mut client, post_request("/measure", vec![0; 9].into())).await },
                )
            })
            .collect();
        for one in many {
            assert_eq!(one.await.unwrap().unwrap(), (200, "9".to_owned()));
        }
    }
    assert!(!gated.is_finished());
    server.gate.notify_one();
    assert_eq!(gated.await.unwrap(), (200, "open".to_owned()));
    assert_eq!(hi(&mut client).await, "hi");
}

#[tokio::test]
async fn a_body_that_is_refused_costs_only_its_stream() {
    let server = start_http2(patient()).await;
    let mut client = client(&server, builder()).await;
    for path in ["/measure", "/refuse"] {
        let (status, _) = ask(&mut client, post_request(path, vec![0; 20_000_000].into())).await.unwrap();
        assert_eq!(status, 413, "{path}");
        assert_eq!(hi(&mut client).await, "hi");
    }
    assert_eq!((server.metrics.accepted(), server.metrics.open()), (1, 1));
}

#[tokio::test]
async fn a_panic_costs_neither_the_connection_nor_the_server_on_http2() {
    let server = start_http2(patient()).await;
    let mut client = client(&server, builder()).await;
    assert_eq!(ask(&mut client, get_request("/panic")).await.unwrap().0, 500);
    assert_eq!(hi(&mut client).await, "hi");
}

#[tokio::test]
async fn header_lists_over_the_limit_are_answered_431() {
    let server = start_http2(patient()).await;
    let mut client = client(&server, builder()).await;
    let mut request = get_request("/hi");
    request.headers_mut().insert("x", "y".repeat(17 * 1024).parse().unwrap());
    assert_eq!(ask(&mut client, request).await.unwrap().0, 431);
    assert_eq!(hi(&mut client).await, "hi");
}

#[tokio::test]
async fn silence_before_and_after_the_preface_is_closed() {
    let limits = ConnectionLimits { head_time_max: SHORT, linger_time_max: SHORT, ..patient() };
    let server = start_http2(limits).await;
    let greeted = [PREFACE, &settings(&[])].concat();
    let half_a_request = [&greeted[..], &frame(1, 0, 1, &get_headers("/hi"))[..12]].concat();
    for bytes in [&b""[..], &PREFACE[..10], PREFACE, &greeted, &half_a_request] {
        let mut client = server.connect().await;
        client.write_all(bytes).await.unwrap();
        until_closed(&mut client).await;
    }
    server.closes_so_many(CloseReason::head_timeout, 5).await;
}

/// Reads until the server closes; a reset counts as closed.
async fn until_closed(client: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = timeout(PATIENCE, client.read_to_end(&mut bytes)).await.expect("the server does not close");
    bytes
}

#[tokio::test]
async fn pings_do_not_keep_an_unused_connection() {
    let limits = ConnectionLimits { head_time_max: SHORT, linger_time_max: SHORT, ..patient() };
    let server = start_http2(limits).await;
    let mut client = server.connect().await;
    client.write_all(&[PREFACE, &settings(&[])].concat()).await.unwrap();
    let pinging = async {
        while client.write_all(&frame(6, 0, 0, &[0; 8])).await.is_ok() {
            sleep(SHORT / 10).await;
        }
    };
    timeout(PATIENCE, pinging).await.expect("the server listens for ever");
    server.closes(CloseReason::head_timeout).await;
}

#[tokio::test]
async fn a_client_that_connects_early_and_asks_nothing_is_asked_to_leave() {
    let limits = ConnectionLimits { head_time_max: SHORT, linger_time_max: PATIENCE * 2, ..patient() };
    let server = start_http2(limits).await;
    let early = client(&server, builder()).await;
    asked_to_leave(&early).await;
    server.closes(CloseReason::head_timeout).await;
}

#[tokio::test]
async fn an_idle_client_is_asked_to_leave_and_one_that_does_not_answer_is_closed() {
    let limits = ConnectionLimits { idle_time_max: SHORT, linger_time_max: SHORT, ..patient() };
    let server = start_http2(limits).await;
    let mut polite = client(&server, builder()).await;
    assert_eq!(hi(&mut polite).await, "hi");
    asked_to_leave(&polite).await;
    server.closes(CloseReason::idle_timeout).await;

    let mut silent = server.connect().await;
    let request = frame(1, 0x5, 1, &get_headers("/hi"));
    silent.write_all(&[PREFACE, &settings(&[]), &request].concat()).await.unwrap();
    let said = until_closed(&mut silent).await;
    assert!(said.windows(5).any(|bytes| bytes[..2] == [8, 7] && bytes[2] == 0), "no GOAWAY");
    server.closes_so_many(CloseReason::idle_timeout, 2).await;
}

#[tokio::test]
async fn a_body_that_stalls_or_trickles_costs_its_stream_and_no_other() {
    for limits in [
        ConnectionLimits { body_stall_max: SHORT, ..patient() },
        ConnectionLimits { body_time_max: SHORT, ..patient() },
    ] {
        let server = start_http2(limits).await;
        let mut client = client(&server, builder()).await;
        let body = Body::new(Stalled(Some(Bytes::from_static(b"abc"))));
        let stalled = ask(&mut client, post_request("/measure", body)).await;
        assert_eq!(stalled.unwrap().0, 400);
        assert_eq!(hi(&mut client).await, "hi");
        assert_eq!(server.metrics.open(), 1);
    }
}

#[tokio::test]
async fn a_client_that_takes_no_bytes_of_its_answer_is_closed() {
    let limits = ConnectionLimits { write_stall_max: SHORT, ..patient() };
    let server = start_http2(limits).await;
    // A window of zero (setting 4): the socket takes bytes, the stream does not.
    let mut client = server.connect().await;
    let request = frame(1, 0x5, 1, &get_headers("/big"));
    client.write_all(&[PREFACE, &settings(&[(4, 0)]), &request].concat()).await.unwrap();
    until_closed(&mut client).await;
    server.closes(CloseReason::answer_unread).await;
}

#[tokio::test]
async fn a_client_that_does_not_answer_pings_is_closed() {
    let http2 = Http2Limits { ping_interval: SHORT, ping_time_max: SHORT, ..Http2Limits::default() };
    let server = start_http2(ConnectionLimits { http2, ..patient() }).await;
    let mut client = server.connect().await;
    client.write_all(&[PREFACE, &settings(&[])].concat()).await.unwrap();
    until_closed(&mut client).await;
    server.closes(CloseReason::ping_timeout).await;
}

#[tokio::test]
async fn floods_of_resets_and_of_headers_without_end_are_cut() {
    let server = start_http2(patient()).await;
    let greeting = [PREFACE, &settings(&[])].concat();
    let resets: Vec<u8> = (0..20_000_u32)
        .flat_map(|n| {
            let stream = 2 * n + 1;
            [frame(1, 0x5, stream, &get_headers("/work")), frame(3, 0, stream, &[0, 0, 0, 8])].concat()
        })
        .collect();
    let continuations =
        [frame(1, 0, 1, &get_headers("/hi")), frame(9, 0, 1, &[0, 1, b'x', 1, b'y']).repeat(20_000)];
    for (cut, flood) in [(1, resets), (2, continuations.concat())] {
        let mut client = server.connect().await;
        // The server may have closed by the time all is written.
        let _ = client.write_all(&[&greeting[..], &flood].concat()).await;
        until_closed(&mut client).await;
        server.closes_so_many(CloseReason::malformed, cut).await;
    }
    let mut other = self::client(&server, builder()).await;
    assert_eq!(hi(&mut other).await, "hi");
}

#[tokio::test]
async fn what_is_not_http2_is_closed_and_counted() {
    let server = start_http2(patient()).await;
    let mut client = server.send("GET /hi HTTP/1.1\r\nhost: server\r\n\r\n").await;
    until_closed(&mut client).await;
    server.closes(CloseReason::malformed).await;
    drop(server.send("PRI * HT").await);
    server.closes(CloseReason::disconnected).await;
}

/// *Scenario*: the server stops with one connection unused, one idle, one with a request in flight.
/// *Guarantees*: the first is closed, the second asked to leave, the third gets its answer; then all is over.
#[tokio::test]
async fn a_stop_asks_clients_to_leave_and_waits_for_streams_in_flight() {
    let server = start_http2(ConnectionLimits { linger_time_max: PATIENCE * 2, ..patient() }).await;
    let mut unused = server.connect().await;
    unused.write_all(&[PREFACE, &settings(&[])].concat()).await.unwrap();
    let mut idle = client(&server, builder()).await;
    hi(&mut idle).await;
    let mut busy = client(&server, builder()).await;
    let gated = tokio::spawn(async move { ask(&mut busy, get_request("/gate")).await });
    server.entered.notified().await;

    server.lifecycle.stop();
    until_closed(&mut unused).await;
    asked_to_leave(&idle).await;
    assert!(!gated.is_finished());

    server.gate.notify_one();
    assert_eq!(gated.await.unwrap().unwrap(), (200, "open".to_owned()));
    server.closes(CloseReason::finished).await;
    server.closes_so_many(CloseReason::stopped, 2).await;
    server.stop().await;
}

#[tokio::test]
async fn a_stream_that_outlives_the_drain_time_is_cut() {
    let server = start_http2(ConnectionLimits { drain_time_max: SHORT, ..patient() }).await;
    let mut busy = client(&server, builder()).await;
    let gated = tokio::spawn(async move { ask(&mut busy, get_request("/gate")).await });
    server.entered.notified().await;
    server.lifecycle.stop();
    assert!(gated.await.unwrap().is_err());
    server.closes(CloseReason::drain_timeout).await;
    // The handler's task ends with its connection.
    server.stop().await;
}
