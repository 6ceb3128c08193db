//! `Decode`: one body's way through a decode thread: unpacked, walked and checked, charged to its share of the budget.

use crate::platform::http::BudgetShare;
use crate::shared::{Signal, TenantId, Timestamp};
use crate::telemetry::application::{AcceptedMetrics, Payload, SeriesLookup};
use crate::telemetry::domain::{AcceptanceWindow, Findings};

use super::answer::Encoding;
use super::content::{Packing, UnpackLimits, unpack};
use super::json::JsonReader;
use super::meter::{Meter, MeterError};
use super::metrics::keys::KeySeed;
use super::metrics::{DecodedMetrics, MetricsIntake, walk};
use super::receive::Failure;

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
    pub limits: UnpackLimits,
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
        settle(&mut share, decoded.payload.bytes())?;
        Ok((decoded, share))
    }

    fn decode<C: SeriesLookup>(
        self,
        body: &[u8],
        share: &mut BudgetShare,
        state: &mut DecodeState<C>,
    ) -> Result<Decoded, Failure> {
        let DecodeState { catalogue, unpacked, json } = state;
        let body = unpack(self.packing, body, unpacked, self.limits, |step| share.grow(step).is_ok())?;
        let mut meter = Meter::new(share);
        let message = match self.encoding {
            Encoding::Protobuf => body,
            Encoding::Json => json.transcode(self.signal, body, &mut meter)?,
        };
        let mut intake = MetricsIntake::new(self.tenant, self.window, self.seed, &mut meter, catalogue);
        walk(message, &mut intake)?;
        let DecodedMetrics { columns, new_series, findings } = intake.finish();
        Ok(Decoded { payload: Payload::Metrics(AcceptedMetrics { columns, new_series }), findings })
    }
}

/// From now on the items are held, no longer the body.
fn settle(share: &mut BudgetShare, items_bytes: usize) -> Result<(), MeterError> {
    match items_bytes.checked_sub(share.bytes()) {
        Some(missing) => share.grow(missing).map_err(|_| MeterError::Exhausted),
        None => {
            share.shrink_to(items_bytes);
            Ok(())
        }
    }
}
