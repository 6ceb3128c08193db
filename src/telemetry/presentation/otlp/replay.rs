//! `OtlpReplay`: reads a body again that the journal kept, into the items that were acknowledged.

use std::fmt;

use crate::telemetry::application::{JournaledBody, Payload, Replay, SeriesLookup};

use super::decode::{Decode, DecodeState};
use super::form::Form;
use super::meter::Meter;
use super::metrics::keys::KeySeed;

/// One thread's. The catalogue must have no limit on series: that was decided when the request came.
pub struct OtlpReplay<C> {
    state: DecodeState<C>,
    seed: KeySeed,
}

impl<C> OtlpReplay<C> {
    pub fn new(catalogue: C, seed: KeySeed) -> Self {
        Self { state: DecodeState::new(catalogue), seed }
    }
}

impl<C> fmt::Debug for OtlpReplay<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpReplay").finish_non_exhaustive()
    }
}

impl<C: SeriesLookup + Send> Replay for OtlpReplay<C> {
    fn replay(&mut self, body: &JournaledBody<'_>) -> Option<Payload> {
        let form = Form::decode(body.form)?;
        let decode = Decode {
            tenant: body.tenant.clone(),
            signal: body.signal,
            received_at: body.received_at,
            seed: self.seed,
            form,
        };
        let decoded = decode.decode(body.bytes, &mut Meter::unlimited(), &mut self.state);
        let decoded = decoded
            .inspect_err(|error| tracing::error!(%error, "a request in the journal cannot be read again"));
        decoded.ok().map(|decoded| decoded.payload)
    }
}
