//! `Chunks`: buckets that were read before, by piece.

use std::sync::Arc;

use moka::future::Cache;

use crate::querying::domain::{BucketQuery, GroupSeries, look_back};
use crate::shared::TimeRange;

use super::super::generations::{Generation, Generations};
use super::other_nodes::Given;
use super::pieces::Piece;

/// What an entry costs beside its buckets: key, node, policy.
const OVERHEAD: usize = 512;

/// Buckets of a piece, as of a generation.
#[derive(Debug, Clone)]
pub struct Chunk {
    pub read_at: Generation,
    /// The part of the piece that is there.
    pub covered: TimeRange,
    pub groups: Arc<[GroupSeries]>,
    /// Where other nodes may have it, too.
    pub given: Option<Arc<Given>>,
}

impl Chunk {
    pub const fn new(read_at: Generation, covered: TimeRange, groups: Arc<[GroupSeries]>) -> Self {
        Self { read_at, covered, groups, given: None }
    }
}

/// What is to be done for a piece.
#[derive(Debug)]
pub enum State {
    Ready(Chunk),
    /// It is true as far as it goes.
    Short(Chunk),
    /// This is to be read.
    Missing(TimeRange),
}

/// Chunks by piece, bounded by bytes.
#[derive(Debug)]
pub struct Chunks {
    cache: Cache<BucketQuery, Chunk>,
    generations: Arc<Generations>,
}

impl Chunks {
    pub fn new(bytes_max: u64, generations: Arc<Generations>) -> Self {
        let weigher = |_: &BucketQuery, chunk: &Chunk| {
            let groups = chunk.groups.iter().map(GroupSeries::bytes).sum::<usize>();
            u32::try_from(groups + OVERHEAD).unwrap_or(u32::MAX)
        };
        Self { cache: Cache::builder().max_capacity(bytes_max).weigher(weigher).build(), generations }
    }

    /// As of now.
    pub async fn state(&self, piece: &Piece) -> State {
        self.state_as_of(piece, None).await
    }

    /// For a question that was asked at a generation: what was read since is new enough.
    pub async fn state_since(&self, piece: &Piece, asked_at: Generation) -> State {
        self.state_as_of(piece, Some(asked_at)).await
    }

    async fn state_as_of(&self, piece: &Piece, asked_at: Option<Generation>) -> State {
        let true_still = |chunk: &Chunk| {
            asked_at.is_some_and(|asked_at| chunk.read_at >= asked_at) || self.holds(&piece.key, chunk)
        };
        let Some(chunk) = self.cache.get(&piece.key).await.filter(true_still) else {
            return State::Missing(piece.wanted);
        };
        let (covered, wanted) = (chunk.covered, piece.wanted);
        match (covered.start() <= wanted.start(), wanted.end() <= covered.end()) {
            (true, true) => State::Ready(chunk),
            (true, false) if wanted.start() <= covered.end() => State::Short(chunk),
            _ => State::Missing(hull(covered, wanted)),
        }
    }

    pub async fn put(&self, piece: &Piece, chunk: Chunk) {
        self.cache.insert(piece.key.clone(), chunk).await;
    }

    /// Whether nothing was stored since that would change it. Cumulative series are compared with points before it.
    pub fn holds(&self, key: &BucketQuery, chunk: &Chunk) -> bool {
        let from = chunk.covered.start().minus(look_back(key.interval));
        let range = TimeRange::new(from, chunk.covered.end()).unwrap_or(chunk.covered);
        !self.generations.metric_changed(&key.tenant, &key.metric, range, chunk.read_at)
    }
}

/// The smallest range with both.
pub fn hull(one: TimeRange, other: TimeRange) -> TimeRange {
    TimeRange::new(one.start().min(other.start()), one.end().max(other.end())).unwrap_or(one)
}
