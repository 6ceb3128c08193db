//! Stands in front of a server, for HTTP and gRPC on one port: turns away the first requests to each path, passes on the
//! rest, and counts them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use tokio::net::TcpListener;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::exporters::Target;
use super::support::grpc::GrpcConnection;
use super::support::http::{Connection, request};

/// Refuses for the moment: 503 with Retry-After, or UNAVAILABLE with RetryInfo.
#[derive(Debug)]
pub struct Front {
    pub address: SocketAddr,
    state: Arc<Line>,
}

#[derive(Debug)]
struct Line {
    target: Target,
    /// How many requests to each path are turned away.
    refused: usize,
    requests: Mutex<HashMap<String, usize>>,
}

impl Front {
    /// Serves until the runtime ends.
    pub async fn before(target: Target, refused: usize) -> Self {
        let state = Arc::new(Line { target, refused, requests: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let service = Router::new().fallback(pass).with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { address, state }
    }

    /// To all paths.
    pub fn requests(&self) -> usize {
        self.state.requests.lock().expect("the counts").values().sum()
    }
}

impl Line {
    fn turns_away(&self, path: &str) -> bool {
        let mut requests = self.requests.lock().expect("the counts");
        let count = requests.entry(path.to_owned()).or_default();
        *count += 1;
        *count <= self.refused
    }
}

async fn pass(State(line): State<Arc<Line>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.expect("a whole body").to_bytes();
    let path = head.uri.path();
    let is_grpc = head.headers.get("content-type").is_some_and(|kind| kind == "application/grpc");
    match (is_grpc, line.turns_away(path)) {
        (true, true) => {
            let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(1)));
            Status::with_error_details(Code::Unavailable, "busy", details).into_http()
        }
        (true, false) => pass_grpc(line.target.grpc, path, &head.headers, body).await,
        (false, true) => {
            let answer =
                Response::builder().status(StatusCode::SERVICE_UNAVAILABLE).header("retry-after", "0");
            answer.body(Body::empty()).expect("an answer")
        }
        (false, false) => pass_http(line.target.http, path.to_owned(), &head.headers, body).await,
    }
}

fn kept<'a>(headers: &'a HeaderMap, names: &[&'static str]) -> Vec<(&'static str, &'a str)> {
    let value = |name: &'static str| Some((name, headers.get(name)?.to_str().ok()?));
    names.iter().filter_map(|name| value(name)).collect()
}

async fn pass_grpc(to: SocketAddr, path: &str, headers: &HeaderMap, body: Bytes) -> Response<Body> {
    let headers = kept(headers, &["content-type", "grpc-encoding", "te"]);
    let connection = GrpcConnection::open(to).await;
    let answer = connection.ask(axum::http::Method::POST, path, &headers, body).await;
    let trailers = async move { Some(Ok(answer.trailers)) };
    let mut response = Response::new(Body::new(Full::new(Bytes::from(answer.body)).with_trailers(trailers)));
    *response.headers_mut() = answer.headers;
    response
}

async fn pass_http(to: SocketAddr, path: String, headers: &HeaderMap, body: Bytes) -> Response<Body> {
    let headers = kept(headers, &["content-type", "content-encoding"]);
    let bytes = request("POST", &path, &headers, &body);
    let asked = tokio::task::spawn_blocking(move || Connection::open(to).ask(&bytes));
    let answer = asked.await.expect("an answer");
    let kind = answer.header("content-type").unwrap_or_default().to_owned();
    let response = Response::builder().status(answer.status).header("content-type", kind);
    response.body(Body::from(answer.body)).expect("an answer")
}
