//! OTLP answers over HTTP: export responses with partial success, and `google.rpc.Status` for failures, each in the
//! encoding of the request (OTLP specification, "OTLP/HTTP Response").

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;

use crate::platform::http::{BEARER_CHALLENGE, seconds_rounded_up};
use crate::shared::Signal;
use crate::telemetry::application::IngestReceipt;

/// Longest `error_message` of a partial success, in bytes.
const MESSAGE_BYTES_MAX: usize = 4_096;
/// Seconds after which a client may try again when the server is busy.
const RETRY_AFTER_SECONDS: u32 = 1;

/// Says in every good answer what it promises: `journal`, `store` or `memory`.
pub const DURABILITY: HeaderName = HeaderName::from_static("x-telemetryflow-durability");

pub const PROTOBUF: &str = "application/x-protobuf";
pub const JSON: &str = "application/json";

/// How a request is encoded, and therefore its answer. A request that can be read as neither is answered in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    /// The media type, without parameters.
    pub const fn media(self) -> &'static str {
        match self {
            Self::Protobuf => PROTOBUF,
            Self::Json => JSON,
        }
    }
}

/// A failure: `google.rpc.Status` (`google/rpc/status.proto`).
#[derive(Clone, PartialEq, Eq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// Why a request is refused as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The body is not what its headers say.
    Malformed,
    /// The body ended before it was whole: its sender left, was too slow, or broke the framing.
    Incomplete,
    NotFound,
    Method,
    TooLarge,
    Unsupported,
    /// Passing: the client may send the same request again.
    Busy,
    /// It is not known who sends it.
    Unauthenticated,
    /// The sender may not send.
    Forbidden,
    /// The sender has to wait so long.
    TooMany {
        retry_after: Duration,
    },
    Internal,
}

impl Refusal {
    /// HTTP status, and the code in the body (`google/rpc/code.proto`).
    const fn codes(self) -> (StatusCode, i32) {
        match self {
            Self::Malformed | Self::Incomplete => (StatusCode::BAD_REQUEST, 3),
            Self::NotFound => (StatusCode::NOT_FOUND, 5),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, 12),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, 8),
            Self::Unsupported => (StatusCode::UNSUPPORTED_MEDIA_TYPE, 3),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, 14),
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, 16),
            Self::Forbidden => (StatusCode::FORBIDDEN, 7),
            Self::TooMany { .. } => (StatusCode::TOO_MANY_REQUESTS, 8),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, 13),
        }
    }
}

/// What an answer says beside "taken"; absent if there is nothing to say, and then the specification demands that the
/// answer is empty.
struct PartialSuccess {
    rejected: i64,
    message: String,
}

impl PartialSuccess {
    fn of(receipt: &IngestReceipt) -> Option<Self> {
        let rejected = receipt.findings.rejected_items();
        let mut message = receipt.findings.message();
        message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
        (rejected > 0 || !message.is_empty())
            .then(|| Self { rejected: i64::try_from(rejected).unwrap_or(i64::MAX), message })
    }
}

/// An `Export*ServiceResponse` of the request's signal, in protobuf.
pub fn export_response(receipt: &IngestReceipt) -> Vec<u8> {
    let partial = PartialSuccess::of(receipt);
    match receipt.findings.signal() {
        Signal::Metrics => {
            let partial_success = partial.map(|partial| ExportMetricsPartialSuccess {
                rejected_data_points: partial.rejected,
                error_message: partial.message,
            });
            ExportMetricsServiceResponse { partial_success }.encode_to_vec()
        }
        Signal::Logs => {
            let partial_success = partial.map(|partial| ExportLogsPartialSuccess {
                rejected_log_records: partial.rejected,
                error_message: partial.message,
            });
            ExportLogsServiceResponse { partial_success }.encode_to_vec()
        }
        Signal::Traces => {
            let partial_success = partial.map(|partial| ExportTracePartialSuccess {
                rejected_spans: partial.rejected,
                error_message: partial.message,
            });
            ExportTraceServiceResponse { partial_success }.encode_to_vec()
        }
    }
}

/// The same in JSON, where 64-bit integers are strings (OTLP specification, "JSON Protobuf Encoding").
fn export_response_json(receipt: &IngestReceipt) -> Vec<u8> {
    let Some(partial) = PartialSuccess::of(receipt) else { return b"{}".to_vec() };
    let rejected = match receipt.findings.signal() {
        Signal::Metrics => "rejectedDataPoints",
        Signal::Logs => "rejectedLogRecords",
        Signal::Traces => "rejectedSpans",
    };
    let partial =
        serde_json::json!({ rejected: partial.rejected.to_string(), "errorMessage": partial.message });
    serde_json::json!({ "partialSuccess": partial }).to_string().into_bytes()
}

/// The answer to a request that was read: 200, also if items were rejected.
pub fn exported(encoding: Encoding, receipt: &IngestReceipt) -> Response<Body> {
    let body = match encoding {
        Encoding::Protobuf => export_response(receipt),
        Encoding::Json => export_response_json(receipt),
    };
    let mut response = answer(StatusCode::OK, encoding.media(), body);
    response.headers_mut().insert(DURABILITY, HeaderValue::from_static(receipt.durability.name()));
    response
}

/// The answer to a request that was refused.
pub fn refused(encoding: Encoding, refusal: Refusal, message: &str) -> Response<Body> {
    let (status, code) = refusal.codes();
    let body = Status { code, message: message.to_owned() };
    let body = match encoding {
        Encoding::Protobuf => body.encode_to_vec(),
        Encoding::Json => serde_json::json!({ "code": code, "message": message }).to_string().into_bytes(),
    };
    let mut response = answer(status, encoding.media(), body);
    let headers = response.headers_mut();
    match refusal {
        Refusal::Busy => _ = headers.insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS.into()),
        Refusal::TooMany { retry_after } => {
            headers.insert(header::RETRY_AFTER, seconds_rounded_up(retry_after).into());
        }
        Refusal::Unauthenticated => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(BEARER_CHALLENGE));
        }
        // What is still on its way is not read; the connection lingers so that the client gets to read this.
        Refusal::TooLarge => _ = headers.insert(header::CONNECTION, HeaderValue::from_static("close")),
        Refusal::Method => _ = headers.insert(header::ALLOW, HeaderValue::from_static("POST")),
        _ => {}
    }
    response
}

fn answer(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
