//! `POST /v1/metrics`: reads the body under the budget, decodes it on a decode thread, and answers as OTLP asks.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, Response};

use crate::platform::cpu_pool::PoolError;
use crate::platform::http::{BodyError, BudgetShare, content_length, read_body};
use crate::shared::TenantId;
use crate::telemetry::application::{IngestMetricsCommand, IngestMetricsError, IngestReceipt, SeriesLookup};
use crate::telemetry::domain::AcceptanceWindow;
use crate::telemetry::presentation::otlp::answer::{Encoding, PROTOBUF, Refusal, exported, refused};
use crate::telemetry::presentation::otlp::content::{
    HeaderRefusal, Packing, UnpackError, gunzip, packing_of,
};
use crate::telemetry::presentation::otlp::metrics::keys::KeySeed;
use crate::telemetry::presentation::otlp::metrics::{DecodedMetrics, MetricsIntake, SERIES_BYTES, walk};
use crate::telemetry::presentation::otlp::wire::WireError;

use super::{DecodeState, OtlpHttp, RequestLimits};

/// Largest buffer that a decode thread keeps from one request to the next.
const KEPT_BUFFER_BYTES_MAX: usize = 4 << 20;

/// The smallest point that is accepted has 20 bytes on the wire (time and value), and 43 in columns.
const COLUMN_BYTES_PER_WIRE_BYTE_MAX: usize = 3;

pub(super) async fn handle<C: SeriesLookup + 'static>(
    State(otlp): State<Arc<OtlpHttp<C>>>,
    request: Request<Body>,
) -> Response<Body> {
    let encoding = answer_encoding(request.headers());
    if request.method() != Method::POST {
        return refused(encoding, Refusal::Method, "send metrics with POST");
    }
    match ingest(&otlp, request).await {
        Ok(receipt) => exported(&receipt),
        Err(failure) => {
            otlp.counters.request_refused(failure.name());
            refused(encoding, failure.refusal(), &failure.to_string())
        }
    }
}

async fn ingest<C: SeriesLookup + 'static>(
    otlp: &OtlpHttp<C>,
    request: Request<Body>,
) -> Result<IngestReceipt, Failure> {
    let packing = packing_of(request.headers())?;
    let stated = content_length(request.headers());
    let (body, share) =
        read_body(request.into_body(), stated, otlp.limits.body.bytes_max, &otlp.budget).await?;
    let window =
        AcceptanceWindow::around(otlp.clock.now(), otlp.limits.accept_past, otlp.limits.accept_future);
    let task = Decode { packing, tenant: otlp.tenant.clone(), window, seed: otlp.seed, limits: otlp.limits };
    let (decoded, memory) = otlp.decode.run(move |state| task.run(&body, share, state)).await??;
    let DecodedMetrics { columns, new_series, findings } = decoded;
    Ok(otlp
        .ingest
        .handle(IngestMetricsCommand { columns, new_series, findings, memory: Box::new(memory) })
        .await?)
}

/// One body's way through a decode thread.
struct Decode {
    packing: Packing,
    tenant: TenantId,
    window: AcceptanceWindow,
    seed: KeySeed,
    limits: RequestLimits,
}

impl Decode {
    fn run<C: SeriesLookup>(
        self,
        body: &[u8],
        mut share: BudgetShare,
        state: &mut DecodeState<C>,
    ) -> Result<(DecodedMetrics, BudgetShare), Failure> {
        let decoded = self.decode(body, &mut share, state);
        if state.unpacked.capacity() > KEPT_BUFFER_BYTES_MAX {
            state.unpacked = Vec::new();
        }
        let decoded = decoded?;
        let texts: usize = decoded.new_series.iter().map(|new| new.identity.text_bytes()).sum();
        let series = decoded.new_series.len() * SERIES_BYTES;
        settle(&mut share, decoded.columns.bytes() + texts + series)?;
        Ok((decoded, share))
    }

    fn decode<C: SeriesLookup>(
        self,
        body: &[u8],
        share: &mut BudgetShare,
        state: &mut DecodeState<C>,
    ) -> Result<DecodedMetrics, Failure> {
        let DecodeState { catalogue, unpacked } = state;
        let message = match self.packing {
            Packing::Plain => body,
            Packing::Gzip => {
                gunzip(body, unpacked, self.limits.body, |step| share.grow(step).is_ok())?;
                unpacked.as_slice()
            }
        };
        // Room for what the points become while the message is still held.
        share.grow(message.len() * COLUMN_BYTES_PER_WIRE_BYTE_MAX).map_err(|_| Failure::Exhausted)?;
        let text_max = self.limits.body.bytes_max;
        let mut intake = MetricsIntake::new(self.tenant, self.window, self.seed, text_max, catalogue);
        walk(message, &mut intake)?;
        Ok(intake.finish())
    }
}

/// From now on the points are held, no longer the body.
fn settle(share: &mut BudgetShare, points_bytes: usize) -> Result<(), Failure> {
    match points_bytes.checked_sub(share.bytes()) {
        Some(missing) => share.grow(missing).map_err(|_| Failure::Exhausted),
        None => {
            share.shrink_to(points_bytes);
            Ok(())
        }
    }
}

/// A request that names our encoding gets its answer in it, all others in JSON, which everybody can read.
pub(super) fn answer_encoding(headers: &HeaderMap) -> Encoding {
    let content_type = headers.get(axum::http::header::CONTENT_TYPE).map(|value| value.as_bytes());
    let is_protobuf = content_type
        .and_then(|value| value.get(..PROTOBUF.len()))
        .is_some_and(|media| media.eq_ignore_ascii_case(PROTOBUF.as_bytes()));
    if is_protobuf { Encoding::Protobuf } else { Encoding::Json }
}

/// Why a request was refused as a whole.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Header(#[from] HeaderRefusal),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    #[error("the body is not a valid ExportMetricsServiceRequest: {0}")]
    Undecodable(#[from] WireError),
    #[error("the server holds as much as it may, try again")]
    Exhausted,
    #[error(transparent)]
    Pool(#[from] PoolError),
    #[error(transparent)]
    Ingest(#[from] IngestMetricsError),
}

impl Failure {
    const fn refusal(&self) -> Refusal {
        match self {
            Self::Header(_) => Refusal::Unsupported,
            Self::Body(BodyError::TooLarge { .. })
            | Self::Unpack(UnpackError::TooLarge | UnpackError::Ratio) => Refusal::TooLarge,
            Self::Body(BodyError::Disconnected)
            | Self::Unpack(UnpackError::Malformed)
            | Self::Undecodable(_) => Refusal::Malformed,
            Self::Body(BodyError::Exhausted(_))
            | Self::Unpack(UnpackError::Exhausted)
            | Self::Exhausted
            | Self::Pool(PoolError::Busy)
            | Self::Ingest(_) => Refusal::Busy,
            Self::Pool(PoolError::Lost) => Refusal::Internal,
        }
    }

    /// Stable name, for counters.
    const fn name(&self) -> &'static str {
        match self {
            Self::Header(HeaderRefusal::Type) => "content_type",
            Self::Header(HeaderRefusal::Encoding) => "content_encoding",
            Self::Body(BodyError::TooLarge { .. }) | Self::Unpack(UnpackError::TooLarge) => "body_too_large",
            Self::Unpack(UnpackError::Ratio) => "compression_ratio",
            Self::Body(BodyError::Disconnected) => "disconnected",
            Self::Unpack(UnpackError::Malformed) => "compression_malformed",
            Self::Undecodable(_) => "undecodable",
            Self::Body(BodyError::Exhausted(_)) | Self::Unpack(UnpackError::Exhausted) | Self::Exhausted => {
                "budget_exhausted"
            }
            Self::Pool(PoolError::Busy) => "decoders_busy",
            Self::Pool(PoolError::Lost) => "decoder_lost",
            Self::Ingest(IngestMetricsError::Overloaded) => "queue_full",
            Self::Ingest(IngestMetricsError::ShuttingDown) => "shutting_down",
            Self::Ingest(IngestMetricsError::NotStored) => "not_stored",
        }
    }
}
