//! A gRPC client that sends exactly the bytes that it is given, over hyper's HTTP/2.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Frame;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::{Code, Status};
use tonic_types::StatusExt;

pub const EXPORT_METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
pub const GRPC: (&str, &str) = ("content-type", "application/grpc");

/// Nothing that is waited for takes longer, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// One connection; its clones share it.
#[derive(Debug, Clone)]
pub struct GrpcConnection {
    requests: SendRequest<Body>,
}

/// One answer, read to its end.
#[derive(Debug)]
pub struct GrpcAnswer {
    pub http: StatusCode,
    pub headers: HeaderMap,
    /// With the frames around it.
    pub body: Vec<u8>,
    pub trailers: HeaderMap,
}

impl GrpcAnswer {
    /// From the trailers, or from the headers where there are no others.
    pub fn status(&self) -> Status {
        let status = Status::from_header_map(&self.trailers).or(Status::from_header_map(&self.headers));
        status.unwrap_or_else(|| panic!("no status: {self:?}"))
    }

    pub fn code(&self) -> Code {
        self.status().code()
    }

    /// When the client is asked to come back.
    pub fn retry_delay(&self) -> Option<Duration> {
        self.status().get_details_retry_info()?.retry_delay
    }
}

impl GrpcConnection {
    pub async fn open(address: SocketAddr) -> Self {
        Self::try_open(address).await.expect("a connection")
    }

    /// Absent if nobody listens.
    pub async fn try_open(address: SocketAddr) -> Option<Self> {
        let io = TokioIo::new(TcpStream::connect(address).await.ok()?);
        let (requests, connection) = handshake(TokioExecutor::new(), io).await.ok()?;
        #[expect(clippy::disallowed_methods, reason = "it ends with its test")]
        tokio::spawn(connection);
        Some(Self { requests })
    }

    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> GrpcAnswer {
        self.try_ask(method, path, headers, body).await.expect("an answer")
    }

    /// Fails if the stream is reset or the connection closed.
    pub async fn try_ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> hyper::Result<GrpcAnswer> {
        let mut request = Request::builder().method(method).uri(format!("http://server{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).expect("a request");
        let mut requests = self.requests.clone();
        let answered = async {
            requests.ready().await?;
            let (head, body) = requests.send_request(request).await?.into_parts();
            let body = body.collect().await?;
            let trailers = body.trailers().cloned().unwrap_or_default();
            let body = body.to_bytes().to_vec();
            Ok(GrpcAnswer { http: head.status, headers: head.headers, body, trailers })
        };
        timeout(PATIENCE, answered).await.expect("an answer in time")
    }

    /// Sends one body, framed by the test, to `Export` of metrics.
    pub async fn export(&self, headers: &[(&str, &str)], body: Vec<u8>) -> GrpcAnswer {
        self.ask(Method::POST, EXPORT_METRICS, &[&[GRPC][..], headers].concat(), body).await
    }
}

/// A message in its frame.
pub fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a short message");
    [&[flag][..], &length.to_be_bytes(), message].concat()
}

/// A body that never ends: its bytes, and then nothing.
#[derive(Debug)]
pub struct Stalled(pub Option<Bytes>);

impl hyper::body::Body for Stalled {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.take().map_or(Poll::Pending, |bytes| Poll::Ready(Some(Ok(Frame::data(bytes)))))
    }
}
