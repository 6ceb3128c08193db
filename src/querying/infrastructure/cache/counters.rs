//! How often the cache answered: by request, and by bucket.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use crate::querying::application::CacheStatus;

#[derive(Debug, Clone, Default)]
pub struct CacheCounters {
    hits: Counter,
    misses: Counter,
    bucket_hits: Counter,
    bucket_misses: Counter,
}

impl CacheCounters {
    pub fn register(registry: &mut Registry) -> Self {
        let own = Self::default();
        let registry = registry.sub_registry_with_prefix("query_cache");
        registry.register("hits", "Answers that did not need the store", own.hits.clone());
        registry.register("misses", "Answers that needed the store", own.misses.clone());
        let of = "Steps of time in answers that did not need the store";
        registry.register("bucket_hits", of, own.bucket_hits.clone());
        let of = "Steps of time in answers that needed the store";
        registry.register("bucket_misses", of, own.bucket_misses.clone());
        own
    }

    /// What bypasses the cache says nothing of it.
    pub fn count(&self, status: CacheStatus, buckets_cached: u64, buckets_asked: u64) {
        match status {
            CacheStatus::Bypass => return,
            CacheStatus::Hit => self.hits.inc(),
            CacheStatus::Miss => self.misses.inc(),
        };
        self.bucket_hits.inc_by(buckets_cached);
        self.bucket_misses.inc_by(buckets_asked.saturating_sub(buckets_cached));
    }
}
