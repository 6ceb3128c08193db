//! Hashes what identifies a series while the walker goes by: resource, then scope, then metric, then attributes.

use xxhash_rust::xxh3::{Xxh3, xxh3_128_with_seed};

use crate::shared::TenantId;
use crate::telemetry::application::WireKey;
use crate::telemetry::domain::{DeclaredKind, DeclaredTemporality};

use super::super::wire::{Reader, WireError};
use super::points::AttributeBytes;
use super::walker::MetricHeader;

/// Seed of this process, so that nobody outside can compute keys that collide.
#[derive(Debug, Clone, Copy)]
pub struct KeySeed(pub u64);

/// The hash of everything around the point that is walked just now.
#[derive(Debug, Clone, Copy)]
pub struct KeyChain {
    tenant: u128,
    resource: u128,
    scope: u128,
    metric: u128,
}

impl KeyChain {
    pub fn new(seed: KeySeed, tenant: &TenantId) -> Self {
        let tenant = xxh3_128_with_seed(tenant.as_str().as_bytes(), seed.0);
        Self { tenant, resource: tenant, scope: tenant, metric: tenant }
    }

    pub fn resource(&mut self, resource: &[u8]) {
        self.resource = chain(self.tenant, resource);
    }

    pub fn scope(&mut self, scope: &[u8]) {
        self.scope = chain(self.resource, scope);
    }

    /// Name, unit and kind belong to the identity; the description does not.
    pub fn metric(&mut self, header: &MetricHeader<'_>) {
        let mut hash = Xxh3::with_seed(low(self.scope));
        hash.update(&self.scope.to_le_bytes());
        hash.update(&header.name.len().to_le_bytes());
        hash.update(header.name);
        hash.update(header.unit);
        hash.update(&[kind_code(header.kind)]);
        self.metric = hash.digest128();
    }

    #[inline]
    pub fn point(&self, attributes: AttributeBytes<'_>) -> Result<WireKey, WireError> {
        match attributes {
            AttributeBytes::Run { fields, .. } => Ok(WireKey(chain(self.metric, fields))),
            AttributeBytes::Scattered { point, number } => self.scattered(point, number),
        }
    }

    #[cold]
    fn scattered(&self, point: &[u8], attributes: u32) -> Result<WireKey, WireError> {
        let mut hash = Xxh3::with_seed(!low(self.metric));
        let mut fields = Reader::new(point);
        while let Some((number, value)) = fields.next_field()? {
            if number == attributes {
                let attribute = value.bytes()?;
                hash.update(&attribute.len().to_le_bytes());
                hash.update(attribute);
            }
        }
        Ok(WireKey(hash.digest128() ^ self.metric.rotate_left(1)))
    }
}

/// Half of the outer hash seeds the inner one, and all of it is mixed into the result, so that 128 bits count throughout.
#[inline]
fn chain(outer: u128, bytes: &[u8]) -> u128 {
    xxh3_128_with_seed(bytes, low(outer)) ^ outer.rotate_left(64)
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
fn low(hash: u128) -> u64 {
    hash as u64
}

fn kind_code(kind: DeclaredKind) -> u8 {
    let code = |temporality| match temporality {
        DeclaredTemporality::Delta => 2,
        DeclaredTemporality::Cumulative => 4,
        DeclaredTemporality::Other => 6,
    };
    match kind {
        DeclaredKind::Gauge => 1,
        DeclaredKind::Sum { temporality, monotonic } => code(temporality) + u8::from(monotonic),
        DeclaredKind::Histogram { temporality } => 8 + code(temporality),
        DeclaredKind::ExponentialHistogram { temporality } => 16 + code(temporality),
        DeclaredKind::Summary => 24,
    }
}
