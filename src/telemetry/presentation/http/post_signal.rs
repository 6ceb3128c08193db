//! `POST /v1/metrics`, `/v1/logs`, `/v1/traces`: reads the body under the budget, has it received, and answers as OTLP asks.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Response};

use crate::platform::http::{content_length, drain, read_body};
use crate::shared::Signal;
use crate::telemetry::application::{IngestReceipt, SentAs, SeriesLookup};
use crate::telemetry::presentation::otlp::answer::{Encoding, Refusal, exported, refused};
use crate::telemetry::presentation::otlp::content::{content_of, encoding_of};
use crate::telemetry::presentation::otlp::receive::{Failure, Received, Receiver, Sender};

/// So much of a body that is refused unread is read all the same, so that its connection can be used again.
const DRAINED_BYTES_MAX: usize = 1 << 20;

pub(super) async fn handle<C: SeriesLookup + 'static>(
    receiver: Arc<Receiver<C>>,
    signal: Signal,
    request: Request<Body>,
) -> Response<Body> {
    let encoding = answer_encoding(request.headers());
    if request.method() != Method::POST {
        drain(request.into_body(), DRAINED_BYTES_MAX).await;
        return refused(encoding, Refusal::Method, "use POST");
    }
    let tenant = match receiver.permit(request.headers(), request.extensions()) {
        Ok(tenant) => tenant,
        Err(failure) => {
            receiver.counters.request_refused(signal, failure.name());
            drain(request.into_body(), DRAINED_BYTES_MAX).await;
            return refused(encoding, failure.refusal(), &failure.to_string());
        }
    };
    let sent_as = match encoding {
        Encoding::Protobuf => SentAs::HttpProtobuf,
        Encoding::Json => SentAs::HttpJson,
    };
    let sender = Sender { tenant, signal, sent_as };
    match receive(&receiver, &sender, request).await {
        Ok(receipt) => exported(encoding, &receipt),
        Err(failure) => {
            let (refusal, message) = (failure.refusal(), failure.to_string());
            receiver.refused(&sender, refusal, failure.name(), &message);
            refused(encoding, refusal, &message)
        }
    }
}

async fn receive<C: SeriesLookup + 'static>(
    receiver: &Receiver<C>,
    sender: &Sender,
    request: Request<Body>,
) -> Result<IngestReceipt, Failure> {
    let packing = match content_of(request.headers()) {
        Ok(content) => content.packing,
        Err(refusal) => {
            drain(request.into_body(), DRAINED_BYTES_MAX).await;
            return Err(refusal.into());
        }
    };
    let stated = content_length(request.headers());
    let bytes_max = receiver.limits.content.body.bytes_max;
    let (body, share) = read_body(request.into_body(), stated, bytes_max, &receiver.budget).await?;
    receiver.receive(sender, Received { packing, body, share }).await
}

/// A request that names our encoding gets its answer in it, all others in JSON, which everybody can read.
pub(super) fn answer_encoding(headers: &HeaderMap) -> Encoding {
    encoding_of(headers).unwrap_or(Encoding::Json)
}
