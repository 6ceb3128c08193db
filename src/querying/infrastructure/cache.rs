//! `CachedReader`: answers from what was read before and from what has just come in, and asks the store for the rest.
//!
//! A range falls into chunks, which all ranges share, and a tail. Chunks are true until something is stored that changes
//! them; the tail is made of the newest points, which panes keep in memory, and of those only what came since it was asked
//! for last. What chunks lack of late is made of panes, too, so that somebody who looks again and again causes no query.

mod assembly;
mod chunks;
mod counters;
mod entries;
mod explored;
mod flights;
mod merge;
mod other_nodes;
mod pieces;
mod tails;

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use crate::querying::application::{CacheStatus, CacheUse, MetricReader, Read, ReadError};
use crate::querying::domain::{BucketQuery, CataloguePage, CatalogueQuery, MetricBuckets, MetricDescription};
use crate::shared::{Clock, TenantId, Timestamp};

use self::chunks::Chunks;
use self::entries::{Entries, Found};
use self::explored::Explored;
use self::flights::Flights;
use self::tails::Tails;
use super::bucket_source::BucketSource;
use super::generations::{Generation, Generations};
use super::panes::Panes;
use super::second_level::SecondLevel;
use super::series_groups::{GroupsQuery, SeriesGroups};

pub use counters::CacheCounters;

type MetricName = (TenantId, Box<str>);

/// A cache in front of the store, bounded by bytes.
#[derive(Debug)]
pub struct CachedReader<S> {
    source: S,
    generations: Arc<Generations>,
    panes: Option<Arc<Panes>>,
    explored: Explored,
    clock: ClockRef,
    chunks: Chunks,
    second_level: Option<SecondLevel>,
    tails: Tails,
    groups: Entries<GroupsQuery, SeriesGroups>,
    descriptions: Entries<MetricName, MetricDescription>,
    sample_intervals: Entries<MetricName, Option<Duration>>,
    catalogue: Entries<CatalogueQuery, CataloguePage>,
    flights: Flights,
    counters: CacheCounters,
}

struct ClockRef(Arc<dyn Clock>);

impl std::fmt::Debug for ClockRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

/// Of the whole memory of the cache, what panes may take.
pub const fn pane_bytes(bytes_max: u64) -> u64 {
    bytes_max / 2
}

impl<S: BucketSource> CachedReader<S> {
    /// Of `bytes_max`, half is for `panes` ([`pane_bytes`]), a quarter for buckets (the newest of each query among them), and the rest for series and the catalogue.
    /// Panes know what this process ingested: where others write to the same store there can be none, and buckets have their half.
    pub fn new(
        source: S,
        generations: Arc<Generations>,
        panes: Option<Arc<Panes>>,
        clock: Arc<dyn Clock>,
        bytes_max: u64,
        counters: CacheCounters,
    ) -> Self {
        let of_panes = if panes.is_some() { 0 } else { pane_bytes(bytes_max) };
        Self {
            source,
            chunks: Chunks::new(bytes_max * 3 / 16 + of_panes, Arc::clone(&generations)),
            second_level: None,
            tails: Tails::new(bytes_max / 16, Arc::clone(&generations)),
            groups: Entries::new(bytes_max / 8, SeriesGroups::bytes),
            descriptions: Entries::new(bytes_max / 64, MetricDescription::bytes),
            sample_intervals: Entries::new(bytes_max / 64, |_| 0),
            catalogue: Entries::new(bytes_max / 32, CataloguePage::bytes),
            flights: Flights::default(),
            generations,
            panes,
            clock: ClockRef(clock),
            explored: Explored::new(bytes_max / 16),
            counters,
        }
    }

    /// With chunks that other nodes have read, too.
    #[must_use]
    pub fn with_second_level(mut self, second_level: Option<SecondLevel>) -> Self {
        self.second_level = second_level;
        self
    }

    /// What a metric is, and whether that was known already.
    async fn described(&self, query: &BucketQuery) -> Result<(Arc<MetricDescription>, Found), ReadError> {
        let key = (query.tenant.clone(), query.metric.clone());
        let changed = |since| self.generations.kind_changed(&query.tenant, &query.metric, since);
        let read = async || self.source.description(&query.tenant, &query.metric).await.map(Arc::new);
        self.descriptions.answer(&key, &self.generations, changed, read).await
    }

    /// An answer that is kept as a whole until something changed.
    async fn kept<K, T, F>(
        &self,
        entries: &Entries<K, T>,
        key: &K,
        changed: impl Fn(Generation) -> bool + Send + Sync,
        read: impl Fn() -> F + Send + Sync,
    ) -> Result<Read<T>, ReadError>
    where
        K: Clone + Eq + Hash + Send + Sync + 'static,
        T: Send + Sync + 'static,
        F: Future<Output = Result<Arc<T>, ReadError>> + Send,
    {
        let (answer, found) = entries.answer(key, &self.generations, changed, read).await?;
        let cache = status(found == Found::Read);
        self.counters.count(cache, 0, 0);
        Ok(Read { answer, cache })
    }
}

impl<S: BucketSource> MetricReader for CachedReader<S> {
    async fn buckets(&self, query: &BucketQuery, cache: CacheUse) -> Result<Read<MetricBuckets>, ReadError> {
        let (answer, status) = match cache {
            CacheUse::Bypass => (self.read_all(query).await?, CacheStatus::Bypass),
            CacheUse::Auto => self.assemble(query).await?,
        };
        self.counters.count(status, answer.buckets_cached, answer.buckets_asked);
        Ok(Read { answer: Arc::new(answer), cache: status })
    }

    async fn sample_interval(
        &self,
        tenant: &TenantId,
        metric: &str,
        now: Timestamp,
    ) -> Result<Option<Duration>, ReadError> {
        let key = (tenant.clone(), metric.into());
        // How often a metric is sent hardly ever changes; which kind it is of decides where its points are.
        let changed = |since| self.generations.kind_changed(tenant, metric, since);
        let read = async || {
            let description = self.source.description(tenant, metric).await?;
            self.source.sample_interval(tenant, metric, &description, now).await.map(Arc::new)
        };
        let (answer, _) = self.sample_intervals.answer(&key, &self.generations, changed, read).await?;
        Ok(*answer)
    }

    async fn catalogue(
        &self,
        query: &CatalogueQuery,
        cache: CacheUse,
    ) -> Result<Read<CataloguePage>, ReadError> {
        if cache == CacheUse::Bypass {
            return Ok(Read { answer: Arc::new(self.source.page(query).await?), cache: CacheStatus::Bypass });
        }
        let changed = |since| self.generations.tenant_changed(&query.tenant, since);
        self.kept(&self.catalogue, query, changed, async || self.source.page(query).await.map(Arc::new)).await
    }
}

const fn status(asked_store: bool) -> CacheStatus {
    if asked_store { CacheStatus::Miss } else { CacheStatus::Hit }
}

#[cfg(test)]
mod tests;
