//! Puts buckets of several parts of a range together, and takes the buckets of a part out.

use std::sync::Arc;

use crate::querying::domain::{BucketQuery, Group, GroupSeries, GroupSlice};
use crate::shared::TimeRange;

/// Indices of the buckets that a range touches.
pub fn indices(query: &BucketQuery, range: TimeRange) -> std::ops::Range<i64> {
    let width = query.interval.nanos();
    range.start().nanos().div_euclid(width)..(range.end().nanos() - 1).div_euclid(width) + 1
}

/// Groups of several parts as groups of the whole. Buckets are not copied.
#[derive(Debug, Default)]
pub struct Merged {
    slices: Vec<GroupSlice>,
}

impl Merged {
    /// Parts come in order of time. The last bucket of one and the first of the next may be the same.
    pub fn add(&mut self, groups: &Arc<[GroupSeries]>, within: &std::ops::Range<i64>) {
        self.slices.extend(GroupSlice::of_all(groups, within));
    }

    /// In order of their labels.
    pub fn finish(mut self) -> Vec<Group> {
        // Slices of the same group stay in order of time.
        self.slices.sort_by(|one, next| one.labels().cmp(next.labels()));
        let mut groups: Vec<Group> = Vec::new();
        for slice in self.slices {
            match groups.last_mut().filter(|last| last.labels() == slice.labels()) {
                Some(last) => last.push(slice),
                None => groups.push(slice.into()),
            }
        }
        groups
    }

    /// To be kept together.
    pub fn finish_copied(self) -> Arc<[GroupSeries]> {
        self.finish().iter().map(Group::to_series).collect()
    }
}

/// The part of some groups that lies within a range.
pub fn part(groups: &Arc<[GroupSeries]>, within: &std::ops::Range<i64>) -> Arc<[GroupSeries]> {
    let mut part = Merged::default();
    part.add(groups, within);
    part.finish_copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::querying::domain::Bucket;

    fn group(label: &str, indices: &[i64]) -> GroupSeries {
        let bucket = |index: &i64| Bucket { points: 1, ..Bucket::empty(*index) };
        GroupSeries { labels: vec![label.into()], buckets: indices.iter().map(bucket).collect() }
    }

    fn shown<'a>(
        labels: &[Box<str>],
        buckets: impl Iterator<Item = &'a Bucket>,
    ) -> (String, Vec<(i64, u64)>) {
        (labels[0].to_string(), buckets.map(|bucket| (bucket.index, bucket.points)).collect())
    }

    #[test]
    fn parts_follow_one_another_and_share_a_bucket_at_most() {
        let merged = || {
            let mut merged = Merged::default();
            merged.add(&[group("b", &[1, 2, 3]), group("a", &[0, 1])].into(), &(1..4));
            merged.add(&[group("b", &[3, 4]), group("c", &[4, 9])].into(), &(3..5));
            merged.add(&[group("b", &[4])].into(), &(4..5));
            merged.add(&[group("b", &[4, 5])].into(), &(4..6));
            merged
        };
        let expected = [
            ("a".to_owned(), vec![(1, 1)]),
            ("b".to_owned(), vec![(1, 1), (2, 1), (3, 2), (4, 3), (5, 1)]),
            ("c".to_owned(), vec![(4, 1)]),
        ];
        let groups = merged().finish();
        let groups: Vec<_> = groups.iter().map(|group| shown(group.labels(), group.buckets())).collect();
        assert_eq!(groups, expected);
        let copied = merged().finish_copied();
        let copied: Vec<_> = copied.iter().map(|group| shown(&group.labels, group.buckets.iter())).collect();
        assert_eq!(copied, expected);
    }
}
