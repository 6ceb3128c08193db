//! Puts buckets of several parts of a range together, and takes the buckets of a part out.

use std::collections::BTreeMap;

use crate::querying::domain::{Bucket, BucketQuery, GroupSeries};
use crate::shared::TimeRange;

/// Indices of the buckets that a range touches.
pub fn indices(query: &BucketQuery, range: TimeRange) -> std::ops::Range<i64> {
    let width = query.interval.nanos();
    range.start().nanos().div_euclid(width)..(range.end().nanos() - 1).div_euclid(width) + 1
}

/// Groups of several parts as groups of the whole.
#[derive(Debug, Default)]
pub struct Merged {
    groups: BTreeMap<Vec<Box<str>>, Vec<Bucket>>,
}

impl Merged {
    /// Parts come in order of time. The last bucket of one and the first of the next may be the same.
    pub fn add(&mut self, groups: &[GroupSeries], within: &std::ops::Range<i64>) {
        for group in groups {
            let wanted = within_indices(&group.buckets, within);
            if wanted.is_empty() {
                continue;
            }
            match self.groups.get_mut(&group.labels) {
                Some(buckets) => append(buckets, wanted),
                None => _ = self.groups.insert(group.labels.clone(), wanted.to_vec()),
            }
        }
    }

    pub fn finish(self) -> Vec<GroupSeries> {
        self.groups.into_iter().map(|(labels, buckets)| GroupSeries { labels, buckets }).collect()
    }
}

fn append(buckets: &mut Vec<Bucket>, further: &[Bucket]) {
    let mut further = further;
    if let (Some(last), Some((first, rest))) = (buckets.last_mut(), further.split_first())
        && last.index == first.index
    {
        last.merge(first);
        further = rest;
    }
    buckets.extend_from_slice(further);
}

/// Buckets are in order of their indices.
fn within_indices<'a>(buckets: &'a [Bucket], within: &std::ops::Range<i64>) -> &'a [Bucket] {
    let from = buckets.partition_point(|bucket| bucket.index < within.start);
    let to = buckets.partition_point(|bucket| bucket.index < within.end);
    buckets.get(from..to).unwrap_or_default()
}

/// The part of some groups that lies within a range.
pub fn part(groups: &[GroupSeries], within: &std::ops::Range<i64>) -> Vec<GroupSeries> {
    let mut part = Merged::default();
    part.add(groups, within);
    part.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(label: &str, indices: &[i64]) -> GroupSeries {
        let bucket = |index: &i64| Bucket { points: 1, ..Bucket::empty(*index) };
        GroupSeries { labels: vec![label.into()], buckets: indices.iter().map(bucket).collect() }
    }

    #[test]
    fn parts_follow_one_another_and_share_a_bucket_at_most() {
        let mut merged = Merged::default();
        merged.add(&[group("b", &[1, 2, 3]), group("a", &[0, 1])], &(1..4));
        merged.add(&[group("b", &[3, 4]), group("c", &[4, 9])], &(3..5));
        let shown = |group: &GroupSeries| {
            let buckets = group.buckets.iter().map(|bucket| (bucket.index, bucket.points));
            (group.labels[0].to_string(), buckets.collect::<Vec<_>>())
        };
        let groups: Vec<_> = merged.finish().iter().map(shown).collect();
        let expected = [
            ("a".to_owned(), vec![(1, 1)]),
            ("b".to_owned(), vec![(1, 1), (2, 1), (3, 2), (4, 1)]),
            ("c".to_owned(), vec![(4, 1)]),
        ];
        assert_eq!(groups, expected);
    }
}
