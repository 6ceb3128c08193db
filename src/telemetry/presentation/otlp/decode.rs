//! `Decode`: one body's way through a decode thread: unpacked, walked and checked, charged to its share of the budget.

use crate::platform::http::BudgetShare;
use crate::shared::{Signal, TenantId, Timestamp};
use crate::telemetry::application::{AcceptedMetrics, Payload, SeriesLookup};
use crate::telemetry::domain::{AcceptanceWindow, Findings};

use super::answer::Encoding;
use super::attributes::AttributeLimits;
use super::content::{Packing, UnpackLimits, unpack};
use super::json::JsonReader;
use super::logs::{self, DecodedLogs, LogsIntake};
use super::meter::{Meter, MeterError};
use super::metrics::keys::KeySeed;
use super::metrics::{self, DecodedMetrics, MetricsIntake};
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
}

/// Bounds on what one request may hold.
#[derive(Debug, Clone, Copy)]
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
    pub encoding: Encoding,
    pub packing: Packing,
    pub received_at: Timestamp,
    pub window: AcceptanceWindow,
    pub seed: KeySeed,
    pub limits: ContentLimits,
}

impl Decode {
    /// The share comes back as large as what the items hold.
    pub fn run<C: SeriesLookup>(
        self,
        body: &[u8],
        mut share: BudgetShare,
        state: &mut DecodeState<C>,
    ) -> Result<(Decoded, BudgetShare), Failure> {
        let decoded = self.decode(body, &mut share, state);
        state.shrink();
        let decoded = decoded?;
        settle(&mut share, decoded.payload.held_bytes())?;
        Ok((decoded, share))
    }

    fn decode<C: SeriesLookup>(
        self,
        body: &[u8],
        share: &mut BudgetShare,
        state: &mut DecodeState<C>,
    ) -> Result<Decoded, Failure> {
        let DecodeState { catalogue, unpacked, json } = state;
        let mut meter = Meter::new(share);
        let body = unpack(self.packing, body, unpacked, self.limits.body, |bytes| meter.take(bytes))?;
        let message = match self.encoding {
            Encoding::Protobuf => body,
            Encoding::Json => json.transcode(self.signal, body, &mut meter)?,
        };
        Ok(match self.signal {
            Signal::Metrics => self.metrics(message, catalogue, &mut meter)?,
            Signal::Logs => self.logs(message, &mut meter)?,
            Signal::Traces => self.traces(message, &mut meter)?,
        })
    }

    fn metrics<C: SeriesLookup>(
        self,
        message: &[u8],
        catalogue: &mut C,
        meter: &mut Meter<'_>,
    ) -> Result<Decoded, WalkError> {
        let Self { tenant, window, seed, limits, .. } = self;
        let intake = MetricsIntake::new(tenant, window, seed, meter, catalogue);
        let mut intake = intake.with_attribute_limits(limits.attributes);
        metrics::walk(message, &mut intake)?;
        let DecodedMetrics { columns, new_series, findings } = intake.finish();
        let metrics = Box::new(AcceptedMetrics { columns, new_series });
        Ok(Decoded { payload: Payload::Metrics(metrics), findings })
    }

    fn logs(self, message: &[u8], meter: &mut Meter<'_>) -> Result<Decoded, WalkError> {
        let Self { tenant, received_at, window, limits, .. } = self;
        let bodies = limits.log_body_bytes_max;
        let mut intake = LogsIntake::new(tenant, received_at, window, limits.attributes, bodies, meter);
        logs::walk(message, &mut intake)?;
        let DecodedLogs { columns, findings } = intake.finish();
        Ok(Decoded { payload: Payload::Logs(Box::new(columns)), findings })
    }

    fn traces(self, message: &[u8], meter: &mut Meter<'_>) -> Result<Decoded, WalkError> {
        let Self { tenant, window, limits, .. } = self;
        let mut intake = TracesIntake::new(tenant, window, limits.attributes, meter);
        traces::walk(message, &mut intake)?;
        let DecodedTraces { columns, findings } = intake.finish();
        Ok(Decoded { payload: Payload::Spans(Box::new(columns)), findings })
    }
}

/// From now on the items are held, no longer the body.
fn settle(share: &mut BudgetShare, items_bytes: usize) -> Result<(), MeterError> {
    match items_bytes.checked_sub(share.bytes()) {
        Some(missing) => Meter::new(share).take(missing),
        None => {
            share.shrink_to(items_bytes);
            Ok(())
        }
    }
}
