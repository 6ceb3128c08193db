//! `Decode`: one body's way through a decode thread: unpacked, walked and checked, charged to its share of the budget.

use crate::platform::http::BudgetShare;
use crate::shared::{Signal, TenantId, Timestamp};
use crate::telemetry::application::{AcceptedMetrics, Payload, SeriesLookup};
use crate::telemetry::domain::Findings;

use super::answer::Encoding;
use super::attributes::AttributeLimits;
use super::content::{UnpackLimits, unpack};
use super::form::Form;
use super::json::JsonReader;
use super::logs::{self, DecodedLogs, LogsIntake};
use super::meter::{Meter, MeterError};
use super::metrics::keys::KeySeed;
use super::metrics::{self, DecodedMetrics, MetricsIntake, OverLimit};
use super::receive::Failure;
use super::traces::{self, DecodedTraces, TracesIntake};
use super::walk_error::WalkError;

/// Largest buffer that a decode thread keeps from one request to the next.
const KEPT_BUFFER_BYTES_MAX: usize = 4 << 20;

/// What a decode thread keeps from request to request.
#[derive(Debug)]
pub struct DecodeState<C> {
    catalogue: C,
    unpacked: Vec<u8>,
    json: JsonReader,
}

impl<C> DecodeState<C> {
    pub fn new(catalogue: C) -> Self {
        Self { catalogue, unpacked: Vec::new(), json: JsonReader::default() }
    }

    /// A large request does not leave its buffers behind.
    fn shrink(&mut self) {
        if self.unpacked.capacity() > KEPT_BUFFER_BYTES_MAX {
            self.unpacked = Vec::new();
        }
        self.json.shrink(KEPT_BUFFER_BYTES_MAX);
    }
}

/// What a body came to.
#[derive(Debug)]
pub struct Decoded {
    pub payload: Payload,
    pub findings: Findings,
    /// What was decided about points, to be kept in the form.
    pub over_limit: OverLimit,
}

/// Bounds on what one request may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentLimits {
    /// Of the body as sent, and of the body unpacked.
    pub body: UnpackLimits,
    pub attributes: AttributeLimits,
    /// Of a log record's body as text.
    pub log_body_bytes_max: usize,
}

/// What there is to know of a body.
#[derive(Debug)]
pub struct Decode {
    pub tenant: TenantId,
    pub signal: Signal,
    pub received_at: Timestamp,
    pub seed: KeySeed,
    pub form: Form,
}

impl Decode {
    /// The share comes back as large as what the items will hold. They hold that much when their block is built; until then
    /// it covers the body and the journal's copy of it.
    pub fn run<C: SeriesLookup>(
        self,
        body: &[u8],
        share: &mut BudgetShare,
        state: &mut DecodeState<C>,
    ) -> Result<Decoded, Failure> {
        let decoded = self.decode(body, &mut Meter::new(share), state)?;
        settle(share, decoded.payload.held_bytes().max(2 * body.len()))?;
        Ok(decoded)
    }

    /// Leaves no large buffers behind.
    pub fn decode<C: SeriesLookup>(
        self,
        body: &[u8],
        meter: &mut Meter<'_>,
        state: &mut DecodeState<C>,
    ) -> Result<Decoded, Failure> {
        let decoded = self.unpack_and_walk(body, meter, state);
        state.shrink();
        decoded
    }

    fn unpack_and_walk<C: SeriesLookup>(
        self,
        body: &[u8],
        meter: &mut Meter<'_>,
        state: &mut DecodeState<C>,
    ) -> Result<Decoded, Failure> {
        let DecodeState { catalogue, unpacked, json } = state;
        let Form { packing, encoding, limits, .. } = &self.form;
        let body = unpack(*packing, body, unpacked, limits.body, |bytes| meter.take(bytes))?;
        let message = match encoding {
            Encoding::Protobuf => body,
            Encoding::Json => json.transcode(self.signal, body, meter)?,
        };
        Ok(match self.signal {
            Signal::Metrics => self.metrics(message, catalogue, meter)?,
            Signal::Logs => self.logs(message, meter)?,
            Signal::Traces => self.traces(message, meter)?,
        })
    }

    fn metrics<C: SeriesLookup>(
        self,
        message: &[u8],
        catalogue: &mut C,
        meter: &mut Meter<'_>,
    ) -> Result<Decoded, WalkError> {
        let Self { tenant, seed, form: Form { window, limits, over_limit, .. }, .. } = self;
        let intake = MetricsIntake::new(tenant, window, seed, meter, catalogue);
        let mut intake = intake.with_attribute_limits(limits.attributes).with_over_limit(over_limit);
        metrics::walk(message, &mut intake)?;
        let DecodedMetrics { columns, new_series, findings, over_limit } = intake.finish();
        let metrics = Box::new(AcceptedMetrics { columns, new_series });
        Ok(Decoded { payload: Payload::Metrics(metrics), findings, over_limit })
    }

    fn logs(self, message: &[u8], meter: &mut Meter<'_>) -> Result<Decoded, WalkError> {
        let Self { tenant, received_at, form: Form { window, limits, .. }, .. } = self;
        let bodies = limits.log_body_bytes_max;
        let mut intake = LogsIntake::new(tenant, received_at, window, limits.attributes, bodies, meter);
        logs::walk(message, &mut intake)?;
        let DecodedLogs { columns, findings } = intake.finish();
        let payload = Payload::Logs(Box::new(columns));
        Ok(Decoded { payload, findings, over_limit: OverLimit::default() })
    }

    fn traces(self, message: &[u8], meter: &mut Meter<'_>) -> Result<Decoded, WalkError> {
        let Self { tenant, form: Form { window, limits, .. }, .. } = self;
        let mut intake = TracesIntake::new(tenant, window, limits.attributes, meter);
        traces::walk(message, &mut intake)?;
        let DecodedTraces { columns, findings } = intake.finish();
        let payload = Payload::Spans(Box::new(columns));
        Ok(Decoded { payload, findings, over_limit: OverLimit::default() })
    }
}

fn settle(share: &mut BudgetShare, bytes: usize) -> Result<(), MeterError> {
    match bytes.checked_sub(share.bytes()) {
        Some(missing) => Meter::new(share).take(missing),
        None => {
            share.shrink_to(bytes);
            Ok(())
        }
    }
}
