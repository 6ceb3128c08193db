//! `CachedReader`: answers again what nothing has changed since, and runs identical queries once.

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use moka::future::Cache;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use crate::querying::application::{CacheStatus, CacheUse, MetricReader, Read, ReadError};
use crate::querying::domain::{BucketQuery, CataloguePage, CatalogueQuery, MetricBuckets};
use crate::shared::TimeRange;

use super::clickhouse_reader::read_from;
use super::generations::{Generation, Generations};

/// How often a cache answered.
#[derive(Debug, Clone, Default)]
pub struct CacheCounters {
    hits: Counter,
    misses: Counter,
}

impl CacheCounters {
    pub fn register(registry: &mut Registry) -> Self {
        let own = Self::default();
        let registry = registry.sub_registry_with_prefix("query_cache");
        registry.register("hits", "Answers that did not need the store", own.hits.clone());
        registry.register("misses", "Answers that were read from the store", own.misses.clone());
        own
    }
}

/// What was read, and what was visible when the reading began. Failures pass through to those who wait and are not kept.
#[derive(Debug)]
struct Entry<T> {
    read_at: Generation,
    result: Result<Arc<T>, ReadError>,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self { read_at: self.read_at, result: self.result.clone() }
    }
}

/// A cache in front of another reader, bounded by bytes.
#[derive(Debug)]
pub struct CachedReader<R> {
    inner: R,
    generations: Arc<Generations>,
    buckets: Cache<BucketQuery, Entry<MetricBuckets>>,
    catalogue: Cache<CatalogueQuery, Entry<CataloguePage>>,
    counters: CacheCounters,
}

impl<R: MetricReader> CachedReader<R> {
    /// A tenth of `bytes_max` is for the catalogue.
    pub fn new(inner: R, generations: Arc<Generations>, bytes_max: u64, counters: CacheCounters) -> Self {
        Self {
            inner,
            generations,
            buckets: bounded(bytes_max - bytes_max / 10, MetricBuckets::bytes),
            catalogue: bounded(bytes_max / 10, CataloguePage::bytes),
            counters,
        }
    }

    /// Returns an entry that is at least as new as this call, from the cache if nothing has changed since it was read.
    async fn answer<K, T, F>(
        &self,
        cache: &Cache<K, Entry<T>>,
        key: &K,
        changed: impl Fn(Generation) -> bool + Send + Sync,
        read: impl Fn() -> F + Send + Sync,
    ) -> Result<Read<T>, ReadError>
    where
        K: Clone + Eq + Hash + Send + Sync + 'static,
        T: Send + Sync + 'static,
        F: Future<Output = Result<Read<T>, ReadError>> + Send,
    {
        let asked_at = self.generations.now();
        let ran = AtomicBool::new(false);
        loop {
            let load = async {
                ran.store(true, Ordering::Relaxed);
                let read_at = self.generations.now();
                Entry { read_at, result: read().await.map(|read| read.answer) }
            };
            let true_still = |entry: &Entry<T>| entry.read_at >= asked_at || !changed(entry.read_at);
            let outdated = |entry: &Entry<T>| entry.result.is_err() || !true_still(entry);
            let entry = cache.entry_by_ref(key).or_insert_with_if(load, outdated).await.into_value();
            if entry.result.is_err() {
                cache.invalidate(key).await;
            }
            // A query that was on its way already may have begun before what this caller must see.
            if true_still(&entry) {
                let ran = ran.into_inner();
                if ran {
                    self.counters.misses.inc()
                } else {
                    self.counters.hits.inc()
                };
                let cache = if ran { CacheStatus::Miss } else { CacheStatus::Hit };
                return entry.result.map(|answer| Read { answer, cache });
            }
        }
    }
}

fn bounded<K, T>(bytes_max: u64, bytes: fn(&T) -> usize) -> Cache<K, Entry<T>>
where
    K: Eq + Hash + Send + Sync + 'static,
    T: Send + Sync + 'static,
{
    /// What an entry costs beside its answer: key, node, policy.
    const OVERHEAD: usize = 512;
    Cache::builder()
        .max_capacity(bytes_max)
        .weigher(move |_, entry: &Entry<T>| {
            let answer = entry.result.as_ref().map_or(0, |answer| bytes(answer));
            u32::try_from(answer + OVERHEAD).unwrap_or(u32::MAX)
        })
        .build()
}

impl<R: MetricReader> MetricReader for CachedReader<R> {
    async fn buckets(&self, query: &BucketQuery, cache: CacheUse) -> Result<Read<MetricBuckets>, ReadError> {
        if cache == CacheUse::Bypass {
            return self.inner.buckets(query, cache).await;
        }
        // Counters are also read before the range.
        let range = TimeRange::new(read_from(query), query.range.end()).unwrap_or(query.range);
        let changed = |since| self.generations.metric_changed(&query.tenant, &query.metric, range, since);
        self.answer(&self.buckets, query, changed, || self.inner.buckets(query, cache)).await
    }

    async fn catalogue(
        &self,
        query: &CatalogueQuery,
        cache: CacheUse,
    ) -> Result<Read<CataloguePage>, ReadError> {
        if cache == CacheUse::Bypass {
            return self.inner.catalogue(query, cache).await;
        }
        let changed = |since| self.generations.tenant_changed(&query.tenant, since);
        self.answer(&self.catalogue, query, changed, || self.inner.catalogue(query, cache)).await
    }
}

#[cfg(test)]
mod tests;
