//! One HTTP/1.1 connection that posts bodies and reads what became of their items.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::arguments::{Arguments, Compression, Encoding, Signal};
use crate::json;

const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Why a request has no accepted items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    Connect,
    Exchange,
    NoAnswer,
    UnreadableAnswer,
    Status(u16),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect => write!(f, "could not connect"),
            Self::Exchange => write!(f, "connection broke"),
            Self::NoAnswer => write!(f, "no answer within {} s", ANSWER_WITHIN.as_secs()),
            Self::UnreadableAnswer => write!(f, "unreadable answer"),
            Self::Status(code) => write!(f, "status {code}"),
        }
    }
}

/// Reconnects when it has to.
#[derive(Debug)]
pub struct Client {
    target: SocketAddr,
    signal: Signal,
    encoding: Encoding,
    compression: Compression,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    sender: SendRequest<Full<Bytes>>,
    /// Drives the connection; ends with it.
    _driver: JoinSet<()>,
}

impl Client {
    pub fn new(arguments: &Arguments) -> Self {
        let Arguments { target, signal, encoding, compression, .. } = *arguments;
        Self { target, signal, encoding, compression, open: None }
    }

    /// Posts a body; the answer is the number of items that were rejected.
    pub async fn post(&mut self, body: Bytes) -> Result<u64, Failure> {
        let mut open = match self.open.take() {
            Some(open) if open.sender.is_ready() => open,
            _ => connect(self.target).await.map_err(|_| Failure::Connect)?,
        };
        let (status, answer) = timeout(ANSWER_WITHIN, exchange(&mut open.sender, self.request(body)))
            .await
            .map_err(|_| Failure::NoAnswer)?
            .map_err(|_| Failure::Exchange)?;
        self.open = Some(open);
        if status != StatusCode::OK {
            return Err(Failure::Status(status.as_u16()));
        }
        self.rejected(&answer).ok_or(Failure::UnreadableAnswer)
    }

    fn request(&self, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = hyper::Method::POST;
        *request.uri_mut() = hyper::Uri::from_static(match self.signal {
            Signal::Metrics => "/v1/metrics",
            Signal::Logs => "/v1/logs",
            Signal::Traces => "/v1/traces",
        });
        let headers = request.headers_mut();
        if let Ok(host) = self.target.to_string().parse() {
            headers.insert(HOST, host);
        }
        let content_type = match self.encoding {
            Encoding::Protobuf => "application/x-protobuf",
            Encoding::Json => "application/json",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let packing = match self.compression {
            Compression::None => None,
            Compression::Gzip => Some("gzip"),
            Compression::Zstd => Some("zstd"),
        };
        if let Some(packing) = packing {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(packing));
        }
        request
    }

    /// The answers of all signals have the same fields in protobuf, and only differ in names.
    fn rejected(&self, answer: &[u8]) -> Option<u64> {
        if self.encoding == Encoding::Json {
            return json::rejected(answer);
        }
        let response = ExportMetricsServiceResponse::decode(answer).ok()?;
        let rejected = response.partial_success.map_or(0, |partial| partial.rejected_data_points);
        u64::try_from(rejected).ok()
    }
}

async fn connect(target: SocketAddr) -> anyhow::Result<Open> {
    let stream = timeout(ANSWER_WITHIN, TcpStream::connect(target)).await??;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        // How the connection ended is told to the request that was under way.
        let _ = connection.await;
    });
    sender.ready().await?;
    Ok(Open { sender, _driver: driver })
}

async fn exchange(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> hyper::Result<(StatusCode, Bytes)> {
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let answer = response.into_body().collect().await?.to_bytes();
    Ok((status, answer))
}
