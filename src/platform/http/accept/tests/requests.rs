//! Requests, good and bad, over real sockets: keep-alive, framing, refused bodies, the connection limit, the stop.

use super::*;

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
async fn handlers_know_who_is_at_the_other_end_of_http1() {
    let server = start(patient()).await;
    let mut client = server.send("GET /peer HTTP/1.1\r\n\r\n").await;
    assert!(answer(&mut client).await.ends_with("127.0.0.1"));
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
