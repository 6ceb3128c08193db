//! `Job`: what a decode thread does with one request: reads it, and hands what was accepted to the use case.

use std::sync::Arc;
use std::time::Instant;

use xxhash_rust::xxh3::{Xxh3, xxh3_128_with_seed};

use crate::platform::http::BudgetShare;
use crate::telemetry::application::{
    AdmittedMemory, BodyCompression, BodyHash, Ingest, IngestCommand, ReceivedBody, SeriesLookup, Submitted,
};
use crate::tenancy::{RateOf, Rates};

use super::content::Packing;
use super::decode::{Decode, DecodeState, Decoded};
use super::receive::{Failure, Received};

pub(super) struct Job {
    pub(super) decode: Decode,
    /// Of the hashes by which bodies are recognised that are sent again.
    pub(super) hash_seed: u64,
    pub(super) rates: Arc<Rates>,
    pub(super) ingest: Ingest,
}

impl Job {
    pub(super) fn run<C: SeriesLookup>(
        self,
        received: Received,
        state: &mut DecodeState<C>,
    ) -> Result<Submitted, Failure> {
        let Self { decode, hash_seed, rates, ingest } = self;
        let Received { packing, body: bytes, mut share } = received;
        let (tenant, mut form, received_at) =
            (decode.tenant.clone(), decode.form.clone(), decode.received_at);
        let hash = body_hash(&decode, &bytes, hash_seed);
        let Decoded { payload, findings, over_limit } = decode.run(&bytes, &mut share, state)?;
        let items = payload.items() as u64 + findings.rejected_items();
        rates.admit(&tenant, RateOf::Items, items, Instant::now())?;
        form.over_limit = over_limit;
        let compression = match packing {
            Packing::Plain => BodyCompression::None,
            Packing::Gzip | Packing::Zstd | Packing::Deflate => BodyCompression::Compressed,
        };
        let body = ReceivedBody { form: form.encode(), bytes, compression, hash, received_at };
        let command = IngestCommand { payload, findings, memory: Box::new(share), body };
        Ok(ingest.submit(command)?)
    }
}

impl AdmittedMemory for BudgetShare {
    fn shrink_to(&mut self, bytes: usize) {
        Self::shrink_to(self, bytes);
    }
}

/// The same bytes mean the same only from the same tenant, for the same signal, and read in the same way. What is short is
/// hashed into the seed, because hashing all in one piece is faster than piece by piece.
fn body_hash(decode: &Decode, bytes: &[u8], seed: u64) -> BodyHash {
    let mut hash = Xxh3::with_seed(seed);
    hash.update(decode.tenant.as_str().as_bytes());
    hash.update(&[0, decode.signal as u8, decode.form.encoding as u8, decode.form.packing as u8]);
    let around = hash.digest128();
    #[expect(clippy::cast_possible_truncation, reason = "one half seeds, the other is mixed in")]
    let body = xxh3_128_with_seed(bytes, around as u64);
    BodyHash(body ^ around.rotate_left(64))
}
