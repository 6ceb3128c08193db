//! `GroupSeries`: the buckets of a group as they are kept; `Group`: those of an answer, which stay where they are kept.

use std::ops::Range;
use std::sync::Arc;

use super::Bucket;

/// The buckets of one group, in order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupSeries {
    /// Values of the labels of [`GroupBy`](super::GroupBy), in its order.
    pub labels: Vec<Box<str>>,
    pub buckets: Vec<Bucket>,
}

impl GroupSeries {
    /// What it holds in memory.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.buckets.iter().map(Bucket::bytes).sum::<usize>()
            + self.labels.iter().map(|label| label.len() + 16).sum::<usize>()
    }
}

/// Buckets of a group that follow one another, among groups that are kept together.
#[derive(Debug, Clone)]
pub struct GroupSlice {
    kept: Arc<[GroupSeries]>,
    at: usize,
    rows: Range<usize>,
}

impl GroupSlice {
    /// Of each group the buckets with these indices; groups without any are left out.
    pub fn of_all(kept: &Arc<[GroupSeries]>, indices: &Range<i64>) -> impl Iterator<Item = Self> {
        kept.iter().enumerate().filter_map(|(at, group)| {
            let place = |end| group.buckets.partition_point(|bucket| bucket.index < end);
            let rows = place(indices.start)..place(indices.end);
            (!rows.is_empty()).then(|| Self { kept: Arc::clone(kept), at, rows })
        })
    }

    fn own(labels: &[Box<str>], bucket: Bucket) -> Self {
        let group = GroupSeries { labels: labels.to_vec(), buckets: vec![bucket] };
        Self { kept: Arc::new([group]), at: 0, rows: 0..1 }
    }

    pub fn labels(&self) -> &[Box<str>] {
        self.kept.get(self.at).map_or(&[], |group| &group.labels)
    }

    fn buckets(&self) -> &[Bucket] {
        self.kept.get(self.at).and_then(|group| group.buckets.get(self.rows.clone())).unwrap_or_default()
    }
}

/// A group of an answer. It has a bucket at least.
#[derive(Debug, Clone)]
pub struct Group {
    /// In order of time.
    slices: Vec<GroupSlice>,
}

impl From<GroupSlice> for Group {
    fn from(slice: GroupSlice) -> Self {
        Self { slices: vec![slice] }
    }
}

impl Group {
    /// All groups that are kept together, whole.
    pub fn all(kept: &Arc<[GroupSeries]>) -> Vec<Self> {
        GroupSlice::of_all(kept, &(i64::MIN..i64::MAX)).map(Self::from).collect()
    }

    /// Adds what follows. The last bucket of one and the first of the next may be the same.
    pub fn push(&mut self, mut slice: GroupSlice) {
        if let Some(last) = self.slices.last_mut()
            && let Some((before, after)) = last.buckets().last().zip(slice.buckets().first())
            && before.index == after.index
        {
            let mut both = before.clone();
            both.merge(after);
            last.rows.end -= 1;
            slice.rows.start += 1;
            self.slices.pop_if(|last| last.rows.is_empty());
            self.slices.push(GroupSlice::own(slice.labels(), both));
        }
        if !slice.rows.is_empty() {
            self.slices.push(slice);
        }
    }

    pub fn labels(&self) -> &[Box<str>] {
        self.slices.first().map_or(&[], GroupSlice::labels)
    }

    /// In order of time.
    pub fn buckets(&self) -> impl Iterator<Item = &Bucket> + Clone {
        self.slices.iter().flat_map(GroupSlice::buckets)
    }

    /// A copy in one piece.
    pub fn to_series(&self) -> GroupSeries {
        let mut buckets = Vec::with_capacity(self.slices.iter().map(|slice| slice.rows.len()).sum());
        self.slices.iter().for_each(|slice| buckets.extend_from_slice(slice.buckets()));
        GroupSeries { labels: self.labels().to_vec(), buckets }
    }
}
