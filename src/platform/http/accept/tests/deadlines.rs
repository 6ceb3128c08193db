//! Every deadline, over real sockets: what stalls is closed for its reason, what works is not.

use super::*;

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
async fn lingering_has_an_end() {
    let server = start(ConnectionLimits { linger_time_max: SHORT, ..patient() }).await;
    let mut client = server.send("POST /refuse HTTP/1.1\r\ncontent-length: 100\r\n\r\na").await;
    assert!(rest(&mut client).await.starts_with("HTTP/1.1 413"));
    server.closes(CloseReason::finished).await;
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
