//! `Entries`: answers that are given again as long as nothing has changed, and are bounded by bytes. Identical questions
//! are asked once.

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use moka::future::Cache;

use crate::querying::application::ReadError;

use super::super::generations::{Generation, Generations};

/// What an entry costs beside its answer: key, node, policy.
const OVERHEAD: usize = 512;

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

pub struct Entries<K, T> {
    cache: Cache<K, Entry<T>>,
}

impl<K, T> std::fmt::Debug for Entries<K, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entries")
    }
}

/// Whether an answer was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Kept,
    Read,
}

impl<K, T> Entries<K, T>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    T: Send + Sync + 'static,
{
    pub fn new(bytes_max: u64, bytes: fn(&T) -> usize) -> Self {
        let weigher = move |_: &K, entry: &Entry<T>| {
            let answer = entry.result.as_ref().map_or(0, |answer| bytes(answer));
            u32::try_from(answer + OVERHEAD).unwrap_or(u32::MAX)
        };
        Self { cache: Cache::builder().max_capacity(bytes_max).weigher(weigher).build() }
    }

    /// An answer that is at least as new as this call, unless nothing has changed since an older one was read.
    pub async fn answer<F>(
        &self,
        key: &K,
        generations: &Generations,
        changed: impl Fn(Generation) -> bool + Send + Sync,
        read: impl Fn() -> F + Send + Sync,
    ) -> Result<(Arc<T>, Found), ReadError>
    where
        F: Future<Output = Result<Arc<T>, ReadError>> + Send,
    {
        let asked_at = generations.now();
        let ran = AtomicBool::new(false);
        loop {
            let load = async {
                ran.store(true, Ordering::Relaxed);
                let read_at = generations.now();
                Entry { read_at, result: read().await }
            };
            let true_still = |entry: &Entry<T>| entry.read_at >= asked_at || !changed(entry.read_at);
            let outdated = |entry: &Entry<T>| entry.result.is_err() || !true_still(entry);
            let entry = self.cache.entry_by_ref(key).or_insert_with_if(load, outdated).await.into_value();
            if entry.result.is_err() {
                self.cache.invalidate(key).await;
            }
            // A query that was on its way already may have begun before what this caller must see.
            if true_still(&entry) {
                let found = if ran.into_inner() { Found::Read } else { Found::Kept };
                return entry.result.map(|answer| (answer, found));
            }
        }
    }

    pub async fn forget(&self, key: &K) {
        self.cache.invalidate(key).await;
    }
}
