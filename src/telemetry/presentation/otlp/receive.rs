//! `Receiver`: one request's way from its body to its receipt, whatever transport brought it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{Extensions, HeaderMap};
use bytes::Bytes;

use crate::platform::cpu_pool::{CpuPool, PoolError};
use crate::platform::http::{BodyError, BudgetShare, ByteBudget};
use crate::shared::{Clock, Signal, TenantId, Timestamp};
use crate::telemetry::application::{
    Ingest, IngestCounters, IngestError, IngestReceipt, RejectionEntry, RejectionLog, SentAs, SeriesLookup,
};
use crate::telemetry::domain::AcceptanceWindow;
use crate::tenancy::{Access, AccessError, Action, Denial, RateExceeded, RateOf, Rates, permitted};

use super::answer::{Encoding, Refusal};
use super::content::{HeaderRefusal, Packing, UnpackError};
use super::decode::{ContentLimits, Decode, DecodeState};
use super::form::Form;
use super::job::Job;
use super::json::JsonError;
use super::meter::MeterError;
use super::metrics::OverLimit;
use super::metrics::keys::KeySeed;
use super::walk_error::WalkError;
use super::wire::WireError;

/// Bounds on one request.
#[derive(Debug, Clone, Copy)]
pub struct RequestLimits {
    pub content: ContentLimits,
    pub metrics: Reach,
    pub logs: Reach,
    pub traces: Reach,
}

/// How far from now the times of a signal's items may lie; `None`: without limit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reach {
    pub past: Option<Duration>,
    pub future: Option<Duration>,
}

impl RequestLimits {
    const fn reach(&self, signal: Signal) -> Reach {
        match signal {
            Signal::Metrics => self.metrics,
            Signal::Logs => self.logs,
            Signal::Traces => self.traces,
        }
    }
}

/// What every ingest route works with.
pub struct Receiver<C> {
    pub ingest: Ingest,
    pub decode: CpuPool<DecodeState<C>>,
    pub budget: ByteBudget,
    pub limits: RequestLimits,
    pub seed: KeySeed,
    /// Of the hashes by which bodies are recognised that are sent again.
    pub hash_seed: u64,
    pub access: Access,
    pub rates: Arc<Rates>,
    pub counters: IngestCounters,
    pub rejections: Arc<RejectionLog>,
    pub clock: Arc<dyn Clock>,
}

impl<C> std::fmt::Debug for Receiver<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Whose items of which signal a request brings, and how.
#[derive(Debug, Clone)]
pub struct Sender {
    pub tenant: TenantId,
    pub signal: Signal,
    pub sent_as: SentAs,
}

/// A body, and what its transport said of it.
#[derive(Debug)]
pub struct Received {
    pub packing: Packing,
    pub body: Bytes,
    /// Covers the body.
    pub share: BudgetShare,
}

/// A plain body of so many bytes is decoded and packed in less time (some 20 us) than it takes to wake a decode thread and
/// to be woken by it.
const SMALL_BODY_BYTES_MAX: usize = 16 << 10;

impl<C: SeriesLookup + 'static> Receiver<C> {
    /// Whose data a request brings, and that this tenant may send one more: only the credential decides. Refused early where it
    /// has no chance, before anything is read of the body.
    pub fn permit(&self, headers: &HeaderMap, extensions: &Extensions) -> Result<TenantId, Failure> {
        let tenant = permitted(&self.access, headers, extensions, Action::Send)?.tenant;
        self.rates.admit(&tenant, RateOf::Requests, 1, Instant::now())?;
        self.ingest.admit(&tenant)?;
        Ok(tenant)
    }

    /// Decodes, on a decode thread unless that is next to nothing, then admits, stores and acknowledges.
    pub async fn receive(&self, sender: &Sender, received: Received) -> Result<IngestReceipt, Failure> {
        let Sender { tenant, sent_as, .. } = sender;
        self.rates.admit(tenant, RateOf::Bytes, received.body.len() as u64, Instant::now())?;
        let received_at = self.clock.now();
        let job = Job {
            decode: self.decode_of(sender, received.packing, received_at),
            hash_seed: self.hash_seed,
            rates: Arc::clone(&self.rates),
            ingest: self.ingest.clone(),
        };
        let is_small = received.packing == Packing::Plain && received.body.len() <= SMALL_BODY_BYTES_MAX;
        let submitted = if is_small {
            self.decode.run_here(|state| job.run(received, state))??
        } else {
            self.decode.run(move |state| job.run(received, state)).await??
        };
        let receipt = submitted.acknowledged().await?;
        let entry = RejectionEntry::partial(received_at, tenant.clone(), *sent_as, &receipt.findings);
        entry.into_iter().for_each(|entry| self.rejections.record(entry));
        Ok(receipt)
    }

    fn decode_of(&self, sender: &Sender, packing: Packing, received_at: Timestamp) -> Decode {
        let Reach { past, future } = self.limits.reach(sender.signal);
        let encoding = match sender.sent_as {
            SentAs::HttpJson => Encoding::Json,
            SentAs::HttpProtobuf | SentAs::Grpc => Encoding::Protobuf,
        };
        let form = Form {
            encoding,
            packing,
            window: AcceptanceWindow::around(received_at, past, future),
            limits: self.limits.content,
            over_limit: OverLimit::default(),
        };
        let (tenant, signal) = (sender.tenant.clone(), sender.signal);
        Decode { tenant, signal, received_at, seed: self.seed, form }
    }

    /// Counts a request that was refused as a whole, and notes it for its tenant where the same request will always be
    /// refused.
    pub fn refused(&self, sender: &Sender, refusal: Refusal, reason: &'static str, message: &str) {
        self.counters.request_refused(sender.signal, reason);
        if matches!(refusal, Refusal::Malformed | Refusal::TooLarge | Refusal::Unsupported) {
            let Sender { tenant, signal, sent_as } = sender.clone();
            let now = self.clock.now();
            self.rejections.record(RejectionEntry::refused(now, tenant, signal, sent_as, reason, message));
        }
    }
}

/// Why a request was refused as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Rate(#[from] RateExceeded),
    #[error(transparent)]
    Header(#[from] HeaderRefusal),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    #[error("the body is not a valid OTLP request: {0}")]
    Undecodable(#[from] WireError),
    #[error("the body is not valid OTLP/JSON: {0}")]
    Json(JsonError),
    #[error(transparent)]
    Meter(#[from] MeterError),
    #[error(transparent)]
    Pool(#[from] PoolError),
    #[error(transparent)]
    Ingest(#[from] IngestError),
}

impl From<JsonError> for Failure {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Meter(error) => Self::Meter(error),
            error => Self::Json(error),
        }
    }
}

impl From<WalkError> for Failure {
    fn from(error: WalkError) -> Self {
        match error {
            WalkError::Wire(error) => Self::Undecodable(error),
            WalkError::Meter(error) => Self::Meter(error),
        }
    }
}

impl Failure {
    /// What kind of answer it is, on every transport.
    pub const fn refusal(&self) -> Refusal {
        match *self {
            Self::Access(AccessError::Denied(Denial::TooManyFailures { retry_after }))
            | Self::Rate(RateExceeded { retry_after, .. }) => Refusal::TooMany { retry_after },
            Self::Access(AccessError::Denied(_)) => Refusal::Unauthenticated,
            Self::Access(AccessError::NotAllowed(_)) => Refusal::Forbidden,
            Self::Header(_) => Refusal::Unsupported,
            Self::Body(BodyError::TooLarge { .. })
            | Self::Unpack(
                UnpackError::TooLarge | UnpackError::Ratio | UnpackError::Meter(MeterError::TooMuch),
            )
            | Self::Meter(MeterError::TooMuch) => Refusal::TooLarge,
            Self::Unpack(UnpackError::Malformed) | Self::Undecodable(_) | Self::Json(_) => Refusal::Malformed,
            Self::Body(BodyError::Disconnected) => Refusal::Incomplete,
            Self::Body(BodyError::Exhausted(_))
            | Self::Unpack(UnpackError::Meter(MeterError::Exhausted))
            | Self::Meter(MeterError::Exhausted)
            | Self::Pool(PoolError::Busy) => Refusal::Busy,
            Self::Ingest(IngestError::OverShare { retry_after }) => Refusal::TooMany { retry_after },
            Self::Pool(PoolError::Lost) | Self::Ingest(IngestError::DeadLettered) => Refusal::Internal,
            Self::Ingest(_) => Refusal::Busy,
        }
    }

    /// Stable name, for counters.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Access(error) => error.name(),
            Self::Rate(exceeded) => exceeded.of.name(),
            Self::Header(HeaderRefusal::Type) => "content_type",
            Self::Header(HeaderRefusal::Encoding) => "content_encoding",
            Self::Body(BodyError::TooLarge { .. }) | Self::Unpack(UnpackError::TooLarge) => "body_too_large",
            Self::Unpack(UnpackError::Ratio) => "compression_ratio",
            Self::Body(BodyError::Disconnected) => "disconnected",
            Self::Unpack(UnpackError::Malformed) => "compression_malformed",
            Self::Undecodable(_) | Self::Json(_) => "undecodable",
            Self::Body(BodyError::Exhausted(_))
            | Self::Unpack(UnpackError::Meter(MeterError::Exhausted))
            | Self::Meter(MeterError::Exhausted) => "budget_exhausted",
            Self::Meter(MeterError::TooMuch) | Self::Unpack(UnpackError::Meter(MeterError::TooMuch)) => {
                "memory_too_much"
            }
            Self::Pool(PoolError::Busy) => "decoders_busy",
            Self::Pool(PoolError::Lost) => "decoder_lost",
            Self::Ingest(IngestError::Overloaded) => "queue_full",
            Self::Ingest(IngestError::JournalFull) => "journal_full",
            Self::Ingest(IngestError::NoSpace) => "journal_no_space",
            Self::Ingest(IngestError::JournalFailed) => "journal_failed",
            Self::Ingest(IngestError::OverShare { .. }) => "journal_share",
            Self::Ingest(IngestError::DeadLettered) => "dead_lettered",
            Self::Ingest(IngestError::ShuttingDown) => "shutting_down",
            Self::Ingest(IngestError::NotStored) => "not_stored",
        }
    }
}
