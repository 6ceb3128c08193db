//! `SecondLevel`: whole chunks in Redis, so that a node that has begun anew, or another one, need not ask the store for them.
//!
//! An entry says up to which place of the nodes' messages the store had been read. Whoever takes it holds that against what has
//! changed since, as if it had read it then itself. What does not fit or makes no sense is no entry, and is removed.

mod entry;
mod keeper;

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::sync::mpsc;

use self::entry::{Entry, EntryKey};
use self::keeper::Keeper;
use super::generations::Generation;
use super::shared_changes::SharedChanges;
use crate::platform::redis::exchange::Position;
use crate::platform::redis::{Caller, RedisClient};
use crate::querying::domain::{BucketQuery, GroupSeries};

/// Entries that one question asks for; further chunks are read from the store.
const ASKED_MAX: usize = 32;
/// Entries that wait to be kept; further ones are not.
const WAITING_MAX: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    outcome: &'static str,
}

/// What became of entries.
#[derive(Debug, Clone, Default)]
pub struct SecondLevelCounters {
    entries: Family<Labels, Counter>,
}

impl SecondLevelCounters {
    pub fn register(registry: &mut Registry) -> Self {
        let own = Self::default();
        let registry = registry.sub_registry_with_prefix("query_cache");
        registry.register(
            "shared",
            "Chunks of answers in Redis, by what became of them",
            own.entries.clone(),
        );
        own
    }

    fn count(&self, outcome: &'static str) {
        self.entries.get_or_create(&Labels { outcome }).inc();
    }
}

/// What is to be done with an entry, where nobody waits for it.
enum Order {
    Keep { key: String, bytes: Vec<u8> },
    Remove { key: String },
}

pub struct SecondLevel {
    client: RedisClient,
    changes: Arc<SharedChanges>,
    orders: mpsc::Sender<Order>,
    counters: SecondLevelCounters,
}

impl std::fmt::Debug for SecondLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecondLevel").field("client", &self.client).finish_non_exhaustive()
    }
}

/// Buckets of a whole chunk, and when this node could have read them.
#[derive(Debug)]
pub struct Taken {
    pub read_at: Generation,
    pub groups: Arc<[GroupSeries]>,
}

impl SecondLevel {
    /// With the one who writes: at most so many bytes are in Redis at once.
    pub fn new(
        client: RedisClient,
        changes: Arc<SharedChanges>,
        bytes_max: u64,
        counters: SecondLevelCounters,
    ) -> (Self, Keeper) {
        let (orders, waiting) = mpsc::channel(WAITING_MAX);
        let keeper = Keeper::new(client.clone(), waiting, bytes_max, counters.clone());
        (Self { client, changes, orders, counters }, keeper)
    }

    /// To be taken before the store is read.
    pub fn place(&self) -> Option<Position> {
        self.changes.place()
    }

    /// What there is of whole chunks, in their order; waits for it no longer than an operation may take. The caller decides
    /// whether it is true still.
    pub async fn take(&self, chunks: &[&BucketQuery]) -> Vec<Option<Taken>> {
        let chunks = chunks.get(..ASKED_MAX).unwrap_or(chunks);
        let keys: Vec<EntryKey> = chunks.iter().map(|chunk| EntryKey::new(chunk)).collect();
        let names: Vec<String> = keys.iter().map(|key| self.client.key(&key.name())).collect();
        let Ok(values) = self.client.get(&names, Caller::Request).await else { return Vec::new() };
        let found = values.into_iter().zip(keys.iter().zip(names));
        found.map(|(value, (key, name))| self.checked(&value?, key, name)).collect()
    }

    fn checked(&self, bytes: &[u8], key: &EntryKey, name: String) -> Option<Taken> {
        let Some(entry) = Entry::decode(bytes, key) else {
            self.counters.count("garbled");
            let _ = self.orders.try_send(Order::Remove { key: name });
            return None;
        };
        let Some(read_at) = self.changes.generation_at(entry.place) else {
            self.counters.count("unknown");
            return None;
        };
        Some(Taken { read_at, groups: entry.groups.into() })
    }

    /// Says whether what was taken was true still.
    pub fn judged(&self, is_true: bool) {
        self.counters.count(if is_true { "hit" } else { "stale" });
    }

    /// Keeps a whole chunk, unless too many wait already.
    pub fn keep(&self, chunk: &BucketQuery, groups: &[GroupSeries], place: Position) {
        let key = EntryKey::new(chunk);
        let Some(bytes) = Entry::encode(&key, groups, place) else { return self.counters.count("unfit") };
        let order = Order::Keep { key: self.client.key(&key.name()), bytes };
        if self.orders.try_send(order).is_err() {
            self.counters.count("crowded");
        }
    }
}
