//! `Export` of the three services: takes the one message of a request, has it received, and answers as OTLP asks.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use tonic::Code;

use crate::platform::http::{content_length, read_body, without_panic};
use crate::shared::Signal;
use crate::telemetry::application::{IngestReceipt, SentAs, SeriesLookup};
use crate::telemetry::presentation::otlp::answer::{DURABILITY, export_response};
use crate::telemetry::presentation::otlp::content::{Packing, packing_of};
use crate::telemetry::presentation::otlp::receive::{Failure, Received, Receiver, Sender};

use super::framing::{AnswerBody, Compression, HEADER_BYTES, unframe};
use super::status::{Refused, lasting};

const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

const ACCEPTED_ENCODINGS: HeaderValue = HeaderValue::from_static("identity,gzip,zstd");

pub(super) async fn handle<C: SeriesLookup + 'static>(
    receiver: Arc<Receiver<C>>,
    signal: Signal,
    request: Request<Body>,
) -> Response<Body> {
    let tenant = match receiver.permit(request.headers(), request.extensions()) {
        Ok(tenant) => tenant,
        Err(failure) => {
            receiver.counters.request_refused(signal, failure.name());
            return answer_refused(failure.into());
        }
    };
    let sender = Sender { tenant, signal, sent_as: SentAs::Grpc };
    let received = without_panic(receive(&receiver, &sender, request)).await.unwrap_or_else(|_| {
        tracing::error!(signal = signal.name(), "a handler panicked");
        Err(Refused::Panicked)
    });
    match received {
        Ok(receipt) => exported(&receipt),
        Err(refused) => {
            receiver.refused(&sender, refused.refusal(), refused.name(), &refused.to_string());
            answer_refused(refused)
        }
    }
}

async fn receive<C: SeriesLookup + 'static>(
    receiver: &Receiver<C>,
    sender: &Sender,
    request: Request<Body>,
) -> Result<IngestReceipt, Refused> {
    let named = packing_of(request.headers(), &GRPC_ENCODING).ok_or(Refused::Encoding)?;
    let stated = content_length(request.headers());
    let bytes_max = receiver.limits.content.body.bytes_max.saturating_add(HEADER_BYTES);
    let (body, share) =
        read_body(request.into_body(), stated, bytes_max, &receiver.budget).await.map_err(Failure::from)?;
    let (compression, body) = unframe(&body)?;
    let packing = match (compression, named) {
        (Compression::Plain, _) => Packing::Plain,
        (Compression::Packed, Packing::Plain) => return Err(Refused::EncodingUnnamed),
        (Compression::Packed, named) => named,
    };
    Ok(receiver.receive(sender, Received { packing, body, share }).await?)
}

/// Answers are a few bytes and not compressed.
fn exported(receipt: &IngestReceipt) -> Response<Body> {
    let trailers = HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from_static("0"))]);
    let mut response = Response::new(Body::new(AnswerBody::new(&export_response(receipt), trailers)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(super::CONTENT_TYPE));
    headers.insert(DURABILITY, HeaderValue::from_static(receipt.durability.name()));
    response
}

fn answer_refused(refused: Refused) -> Response<Body> {
    let mut response = refused.status().into_http::<Body>();
    if refused == Refused::Encoding {
        response.headers_mut().insert(GRPC_ACCEPT_ENCODING, ACCEPTED_ENCODINGS);
    }
    response
}

/// Any other path.
pub(super) async fn unknown_method() -> Response<Body> {
    let names = Signal::ALL.map(super::service_name).join(", ");
    lasting(Code::Unimplemented, &format!("unknown method; there is Export of {names}")).into_http()
}
