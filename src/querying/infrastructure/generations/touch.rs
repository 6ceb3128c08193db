//! `Touch`: that points of a metric became visible, in a few bytes, as nodes tell it each other.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::shared::time::NANOS_PER_HOUR;
use crate::shared::{MetricKind, MetricRun, MetricsIngested, Temporality, TenantId, Timestamp};

/// A tenant, hashed: the same on every node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TenantKey(u64);

/// Tenant and metric, hashed: the same on every node. That two meet costs a query, never a stale answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MetricKey(u64);

impl TenantKey {
    pub fn new(tenant: &TenantId) -> Self {
        Self(xxh3_64(tenant.as_str().as_bytes()))
    }
}

impl MetricKey {
    pub fn new(tenant: &TenantId, metric: &str) -> Self {
        Self::of(TenantKey::new(tenant), metric)
    }

    fn of(tenant: TenantKey, metric: &str) -> Self {
        Self(xxh3_64_with_seed(metric.as_bytes(), tenant.0))
    }
}

/// Points of a metric between two times, both included, became visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touch {
    pub tenant: TenantKey,
    pub metric: MetricKey,
    pub kind: MetricKind,
    pub first: Timestamp,
    pub last: Timestamp,
}

/// Touches of the same key are told as one: that costs no slot of five minutes more than an hour's.
pub type TouchKey = (MetricKey, MetricKind, i64, i64);

impl Touch {
    /// Bytes of a touch.
    pub const BYTES: usize = 33;

    /// One for each metric of each request of a batch.
    pub fn of_batch(ingested: &MetricsIngested) -> impl Iterator<Item = Self> {
        ingested.columns.iter().flat_map(|columns| {
            let tenant = TenantKey::new(columns.tenant());
            columns.runs().map(move |run| Self::of_run(tenant, &run))
        })
    }

    fn of_run(tenant: TenantKey, run: &MetricRun<'_>) -> Self {
        let metric = MetricKey::of(tenant, run.metric);
        Self { tenant, metric, kind: run.kind, first: run.first_time, last: run.last_time }
    }

    pub fn key(&self) -> TouchKey {
        let hour = |time: Timestamp| time.nanos().div_euclid(NANOS_PER_HOUR);
        (self.metric, self.kind, hour(self.first), hour(self.last))
    }

    /// Takes in another one of the same key.
    pub fn merge(&mut self, other: &Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }

    /// Tenant, metric, first and last time, each in 8 bytes, little-endian; and the kind.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.tenant.0.to_le_bytes());
        bytes.extend(self.metric.0.to_le_bytes());
        bytes.extend(self.first.nanos().to_le_bytes());
        bytes.extend(self.last.nanos().to_le_bytes());
        bytes.push(code(self.kind));
    }

    /// Absent if the bytes are not of a touch.
    pub fn decode(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let (numbers, rest) = bytes.as_chunks::<8>();
        let [tenant, metric, first, last] = numbers else { return None };
        let [kind] = rest else { return None };
        let time = |bytes: &[u8; 8]| {
            let nanos = i64::from_le_bytes(*bytes);
            (0..=Timestamp::LATEST.nanos()).contains(&nanos).then(|| Timestamp::from_nanos(nanos))
        };
        let (first, last) = (time(first)?, time(last)?);
        (first <= last).then_some(Self {
            tenant: TenantKey(u64::from_le_bytes(*tenant)),
            metric: MetricKey(u64::from_le_bytes(*metric)),
            kind: kind_of(*kind)?,
            first,
            last,
        })
    }
}

const TEMPORALITIES: [Temporality; 2] = [Temporality::Delta, Temporality::Cumulative];

/// Every kind there is; its place is its code.
fn kinds() -> impl Iterator<Item = MetricKind> {
    let sum = |monotonic| TEMPORALITIES.map(|temporality| MetricKind::Sum { temporality, monotonic });
    [MetricKind::Gauge, MetricKind::Summary]
        .into_iter()
        .chain(sum(false))
        .chain(sum(true))
        .chain(TEMPORALITIES.map(|temporality| MetricKind::Histogram { temporality }))
        .chain(TEMPORALITIES.map(|temporality| MetricKind::ExponentialHistogram { temporality }))
}

fn code(kind: MetricKind) -> u8 {
    (0..).zip(kinds()).find(|(_, known)| *known == kind).map_or(u8::MAX, |(code, _)| code)
}

fn kind_of(code: u8) -> Option<MetricKind> {
    kinds().nth(code.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touches_of_every_kind_read_back_and_hold_no_nonsense() {
        let tenant = TenantId::unnamed();
        assert_eq!(kinds().count(), 10);
        for kind in kinds() {
            let (first, last) = (Timestamp::from_nanos(5), Timestamp::LATEST);
            let (tenant_key, metric) = (TenantKey::new(&tenant), MetricKey::new(&tenant, "m"));
            let touch = Touch { tenant: tenant_key, metric, kind, first, last };
            let mut bytes = Vec::new();
            touch.encode(&mut bytes);
            let mut bytes: [u8; Touch::BYTES] = bytes.try_into().unwrap();
            assert_eq!(Touch::decode(&bytes), Some(touch));
            bytes[31] = 0x7f;
            assert_eq!(Touch::decode(&bytes), None, "after the end of time");
            bytes[31] = 0xff;
            assert_eq!(Touch::decode(&bytes), None, "it ends before it begins");
        }
        assert_eq!(Touch::decode(&[u8::MAX; Touch::BYTES]), None);
    }

    #[test]
    fn metrics_of_the_same_name_differ_by_tenant() {
        let [a, b] = ["a", "b"].map(|name| TenantId::parse(name).unwrap());
        assert_ne!(MetricKey::new(&a, "m"), MetricKey::new(&b, "m"));
        assert_ne!(MetricKey::new(&a, "m"), MetricKey::new(&a, "n"));
    }
}
