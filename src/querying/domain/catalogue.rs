//! The catalogue: which metrics a tenant has.

use crate::shared::{TenantId, Timestamp};

/// A page of the catalogue, by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CatalogueQuery {
    pub tenant: TenantId,
    /// Part of the name, in any case; empty for all.
    pub search: Box<str>,
    /// Only metrics of this service; empty for all.
    pub service: Box<str>,
    /// Names after this one; empty for the first page.
    pub after: Box<str>,
    pub limit: usize,
}

/// One metric, by its newest series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricSummary {
    pub name: Box<str>,
    pub kind: Box<str>,
    pub temporality: Box<str>,
    pub monotonic: bool,
    pub unit: Box<str>,
    pub description: Box<str>,
    /// At most 100, sorted.
    pub services: Vec<Box<str>>,
    pub series_count: u64,
    pub last_seen: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CataloguePage {
    pub metrics: Vec<MetricSummary>,
    /// Whether there are more after the last one.
    pub more: bool,
    pub rows_read: u64,
}

impl CataloguePage {
    /// What the page holds in memory, for the cache.
    pub fn bytes(&self) -> usize {
        let texts = |metric: &MetricSummary| {
            metric.name.len()
                + metric.description.len()
                + metric.services.iter().map(|s| s.len() + 16).sum::<usize>()
        };
        self.metrics.iter().map(|metric| size_of::<MetricSummary>() + texts(metric)).sum::<usize>()
            + size_of::<Self>()
    }
}
