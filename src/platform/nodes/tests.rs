//! Addresses, secrets, and what one node says to another.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::routing::any;
use tokio::net::TcpListener;

use super::*;
use crate::platform::tls::Trust;

const SECRET: &str = "a-secret-of-several-nodes";

#[test]
fn an_address_has_a_scheme_and_a_host_and_nothing_behind_it() {
    for text in ["http://10.0.0.5:8080", "https://node-1.example", "http://[::1]:9/"] {
        let address = NodeAddress::parse(text).unwrap();
        assert_eq!(address.to_string(), text.trim_end_matches('/'));
    }
    for text in ["", "10.0.0.5:8080", "ftp://a", "http://", "http://a/b", "http://a?b", "http://u:p@a", "/x"]
    {
        assert_eq!(NodeAddress::parse(text), Err(NodeAddressError), "{text}");
    }
}

#[test]
fn a_secret_is_shown_by_its_bearer_alone_and_by_no_text_about_it() {
    let secret = NodeSecret::parse(SECRET).unwrap();
    let shown = |values: &[&str]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        secret.is_shown_by(&headers)
    };
    let right = format!("Bearer {SECRET}");
    assert!(shown(&[&right]));
    assert!(!shown(&[]));
    assert!(!shown(&[&right, &right]));
    assert!(!shown(&["Bearer a-secret-of-several-node"]));
    assert!(!format!("{secret:?}").contains(SECRET));
    assert!(NodeSecret::parse("short").is_err());
    assert!(NodeSecret::parse("sixteen characters").is_err());
}

async fn echo(request: Request) -> (StatusCode, HeaderMap, String) {
    let (parts, body) = request.into_parts();
    let mut headers = parts.headers.clone();
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONNECTION, "keep-alive, x-hop".parse().unwrap());
    headers.insert("x-hop", "1".parse().unwrap());
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let text = format!("{} {} {}", parts.method, parts.uri, String::from_utf8(body.to_vec()).unwrap());
    (StatusCode::IM_A_TEAPOT, headers, text)
}

async fn node() -> NodeAddress {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(any(echo))).await.unwrap() });
    NodeAddress::parse(&format!("http://{address}")).unwrap()
}

fn client() -> NodeClient {
    NodeClient::new(NodeSecret::parse(SECRET).unwrap(), &Trust::System).unwrap()
}

#[tokio::test]
async fn a_request_is_forwarded_whole_but_for_what_concerns_its_connection() {
    let request = Request::builder()
        .method(Method::PUT)
        .uri("/api/v2/alert-rules/a?b=c%20d")
        .header(AUTHORIZATION, "Bearer of.a-caller")
        .header(CONNECTION, "close, X-Private")
        .header("x-private", "1")
        .body(Body::from("a rule"))
        .unwrap();
    let answer = client().forward(&node().await, request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::IM_A_TEAPOT);
    let headers = answer.headers().clone();
    assert_eq!(headers[AUTHORIZATION], "Bearer of.a-caller");
    assert_eq!(headers[FORWARDED], "1");
    assert!(!headers.contains_key("x-private") && !headers.contains_key("x-hop"));
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    assert_eq!(body, "PUT /api/v2/alert-rules/a?b=c%20d a rule");
}

#[tokio::test]
async fn a_message_shows_the_secret_and_an_answer_has_a_limit() {
    let (node, client) = (node().await, client());
    let (status, body) =
        client.post(&node, "/internal", "text/plain", Bytes::from_static(b"x"), 1_000).await.unwrap();
    assert_eq!((status, &*body), (StatusCode::IM_A_TEAPOT, &b"POST /internal x"[..]));
    let error = client.post(&node, "/internal", "text/plain", vec![b'x'; 100].into(), 10).await.unwrap_err();
    assert!(matches!(error, NodeError::Broken(_)), "{error:?}");
}

#[tokio::test]
async fn a_node_that_is_gone_cannot_be_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = NodeAddress::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let error = client().post(&address, "/internal", "text/plain", Bytes::new(), 10).await.unwrap_err();
    assert!(matches!(error, NodeError::Unreachable(_)), "{error:?}");
}
