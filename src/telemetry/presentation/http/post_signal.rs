//! `POST /v1/metrics`, `/v1/logs`, `/v1/traces`: reads the body under the budget, has it received, and answers as OTLP asks.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Response};

use crate::platform::http::{content_length, read_body};
use crate::shared::{Signal, TenantId};
use crate::telemetry::application::{IngestReceipt, SeriesLookup};
use crate::telemetry::presentation::otlp::answer::{Encoding, PROTOBUF, Refusal, exported, refused};
use crate::telemetry::presentation::otlp::content::{Content, HeaderRefusal, content_of};
use crate::telemetry::presentation::otlp::receive::{Failure, Received, Receiver};

pub(super) async fn handle<C: SeriesLookup + 'static>(
    receiver: Arc<Receiver<C>>,
    signal: Signal,
    request: Request<Body>,
) -> Response<Body> {
    let encoding = answer_encoding(request.headers());
    if request.method() != Method::POST {
        return refused(encoding, Refusal::Method, "use POST");
    }
    match receive(&receiver, signal, request).await {
        Ok(receipt) => exported(encoding, &receipt),
        Err(failure) => {
            receiver.counters.request_refused(signal, failure.name());
            refused(encoding, failure.refusal(), &failure.to_string())
        }
    }
}

async fn receive<C: SeriesLookup + 'static>(
    receiver: &Receiver<C>,
    signal: Signal,
    request: Request<Body>,
) -> Result<IngestReceipt, Failure> {
    let Content { encoding: encoding @ Encoding::Protobuf, packing } = content_of(request.headers())? else {
        return Err(Failure::Header(HeaderRefusal::Type));
    };
    let stated = content_length(request.headers());
    let bytes_max = receiver.limits.body.bytes_max;
    let (body, share) = read_body(request.into_body(), stated, bytes_max, &receiver.budget).await?;
    let tenant = TenantId::unnamed();
    receiver.receive(Received { tenant, signal, encoding, packing, body, share }).await
}

/// A request that names our encoding gets its answer in it, all others in JSON, which everybody can read.
pub(super) fn answer_encoding(headers: &HeaderMap) -> Encoding {
    let content_type = headers.get(axum::http::header::CONTENT_TYPE).map(|value| value.as_bytes());
    let is_protobuf = content_type
        .and_then(|value| value.get(..PROTOBUF.len()))
        .is_some_and(|media| media.eq_ignore_ascii_case(PROTOBUF.as_bytes()));
    if is_protobuf { Encoding::Protobuf } else { Encoding::Json }
}
