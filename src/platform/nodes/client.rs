//! `NodeClient`: asks another node over HTTP, on its own behalf or on that of somebody who asked here.

use std::fmt;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;

use super::{FORWARDED, NodeAddress, NodeSecret};
use crate::platform::tls::{TlsError, Trust, connector};

/// Until the answer begins.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// Until a report is answered: what does not come by then is sent again.
const POST_TIME_MAX: Duration = Duration::from_secs(5);
/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(30);

/// What concerns one connection, and not what is sent over it (RFC 9110, section 7.6.1).
const OF_CONNECTIONS: [HeaderName; 8] =
    [CONNECTION, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
const KEEP_ALIVE: &str = "keep-alive";

/// Why another node does not answer. Names no addresses.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    #[error("it cannot be reached")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    #[error("it does not answer in time")]
    TimedOut,
    #[error("its answer is too large, or breaks off")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("it cannot be asked for that")]
    Unaskable(#[from] axum::http::Error),
}

/// Asks other nodes. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct NodeClient {
    http: Client<HttpsConnector<HttpConnector>, Body>,
    secret: NodeSecret,
}

impl NodeClient {
    pub fn new(secret: NodeSecret, trust: &Trust) -> Result<Self, TlsError> {
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_idle_timeout(IDLE).pool_timer(TokioTimer::new());
        Ok(Self { http: builder.build(connector(trust)?), secret })
    }

    /// Posts a message of this node, and reads the answer, of at most `bytes_max`.
    pub async fn post(
        &self,
        node: &NodeAddress,
        path: &'static str,
        media_type: &'static str,
        body: Bytes,
        bytes_max: usize,
    ) -> Result<(StatusCode, Vec<u8>), NodeError> {
        let mut request =
            Request::builder().method(Method::POST).uri(node.at(PathAndQuery::from_static(path))?);
        request = request.header(CONTENT_TYPE, media_type);
        if let Some(credential) = self.secret.header() {
            request = request.header(AUTHORIZATION, credential);
        }
        let request = request.body(Body::from(body))?;
        let answered = async {
            let answer = self.http.request(request).await.map_err(NodeError::Unreachable)?;
            let status = answer.status();
            let body =
                Limited::new(answer.into_body(), bytes_max).collect().await.map_err(NodeError::Broken)?;
            Ok((status, body.to_bytes().to_vec()))
        };
        timeout(POST_TIME_MAX, answered).await.map_err(|_| NodeError::TimedOut)?
    }

    /// Has another node answer a request that came to this one. Its credentials go along.
    pub async fn forward(
        &self,
        node: &NodeAddress,
        request: Request<Body>,
    ) -> Result<Response<Body>, NodeError> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let mut forwarded = Request::builder().method(parts.method).uri(node.at(path)?).body(body)?;
        *forwarded.headers_mut() = of_message(parts.headers);
        forwarded.headers_mut().insert(FORWARDED, HeaderValue::from_static("1"));
        let answer = timeout(ANSWER_TIME_MAX, self.http.request(forwarded));
        let answer = answer.await.map_err(|_| NodeError::TimedOut)?.map_err(NodeError::Unreachable)?;
        let (mut parts, body) = answer.into_parts();
        parts.headers = of_message(parts.headers);
        Ok(Response::from_parts(parts, Body::new(body)))
    }
}

/// Headers without those of the connection, also those that it names itself.
fn of_message(mut headers: HeaderMap) -> HeaderMap {
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(|name| name.trim().to_ascii_lowercase()))
        .collect();
    for name in OF_CONNECTIONS.iter().map(HeaderName::as_str).chain([KEEP_ALIVE]) {
        headers.remove(name);
    }
    for name in named {
        headers.remove(name.as_str());
    }
    headers
}

impl fmt::Debug for NodeClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeClient").finish_non_exhaustive()
    }
}
