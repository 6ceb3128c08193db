//! `Tails`: the newest buckets as they were folded out of a pane last, so that the next time only those are folded that
//! changed since.

use std::sync::Arc;

use moka::future::Cache;

use crate::querying::domain::{BucketQuery, GroupSeries};
use crate::shared::TimeRange;

use super::super::generations::{Generation, Generations};
use super::super::panes::{Refolded, Seen};
use super::flights::whatever_the_range;
use super::merge::{Merged, indices};

/// What an entry costs beside its buckets: key, node, policy.
const OVERHEAD: usize = 512;

/// Buckets of a query's newest part.
#[derive(Debug)]
pub struct Tail {
    pub seen: Seen,
    read_at: Generation,
    pub groups: Arc<[GroupSeries]>,
}

impl Tail {
    /// `kept` with what was folded again after it.
    pub fn renewed(
        query: &BucketQuery,
        kept: Option<&Self>,
        refolded: Refolded,
        read_at: Generation,
    ) -> Self {
        let Refolded { seen, from, groups } = refolded;
        let unchanged = kept.zip(TimeRange::new(query.range.start(), from));
        let groups = match unchanged {
            None => groups.into(),
            Some((kept, range)) if groups.is_empty() && range == kept.seen.range => Arc::clone(&kept.groups),
            Some((kept, range)) => {
                let mut merged = Merged::default();
                merged.add(&kept.groups, &indices(query, range));
                merged.add(&groups.into(), &indices(query, query.range));
                merged.finish_copied()
            }
        };
        Self { seen, read_at, groups }
    }
}

/// Tails by query, bounded by bytes.
#[derive(Debug)]
pub struct Tails {
    cache: Cache<BucketQuery, Arc<Tail>>,
    generations: Arc<Generations>,
}

impl Tails {
    pub fn new(bytes_max: u64, generations: Arc<Generations>) -> Self {
        let weigher = |_: &BucketQuery, tail: &Arc<Tail>| {
            let groups = tail.groups.iter().map(GroupSeries::bytes).sum::<usize>();
            u32::try_from(groups + OVERHEAD).unwrap_or(u32::MAX)
        };
        Self { cache: Cache::builder().max_capacity(bytes_max).weigher(weigher).build(), generations }
    }

    /// What was put last of the query, whatever its range; absent if the metric came with another kind since.
    pub async fn get(&self, query: &BucketQuery) -> Option<Arc<Tail>> {
        let kept = self.cache.get(&whatever_the_range(query)).await?;
        let changed = self.generations.kind_changed(&query.tenant, &query.metric, kept.read_at);
        (!changed).then_some(kept)
    }

    pub async fn put(&self, query: &BucketQuery, tail: Arc<Tail>) {
        self.cache.insert(whatever_the_range(query), tail).await;
    }
}

#[cfg(test)]
mod tests;
