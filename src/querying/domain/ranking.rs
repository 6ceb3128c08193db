//! From buckets to an answer: which groups are shown, in which order, and what stands in their gaps.

use std::cmp::Ordering;

use super::{Aggregation, BucketQuery, Group, HeatMap, MetricBuckets, MetricDescription, Number};

/// What stands where a group has no points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fill {
    /// Nothing.
    #[default]
    Null,
    /// 0, for aggregations of which no points mean 0.
    Zero,
    /// The value before; nothing before the first one.
    Previous,
    /// Steps in which no shown group has a value are left out.
    Omit,
}

impl Fill {
    pub const NAMED: &'static [(&'static str, Self)] =
        &[("null", Self::Null), ("zero", Self::Zero), ("previous", Self::Previous), ("none", Self::Omit)];
}

/// By what groups are ranked: over their values in the range, NaN aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderBy {
    Max,
    Min,
    Avg,
    Sum,
    Last,
    /// By their labels.
    Name,
}

impl OrderBy {
    pub const NAMED: &'static [(&'static str, Self)] = &[
        ("max", Self::Max),
        ("min", Self::Min),
        ("avg", Self::Avg),
        ("sum", Self::Sum),
        ("last", Self::Last),
        ("name", Self::Name),
    ];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    pub by: OrderBy,
    pub descending: bool,
}

/// Which groups are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranking {
    pub order: Order,
    /// How many of the first are left out: those of the pages before.
    pub skip: usize,
    pub limit: usize,
}

/// One group's values, one per bucket of the range.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    pub labels: Vec<Box<str>>,
    pub values: Values,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    Numbers(Vec<Option<Number>>),
    HeatMap(HeatMap),
}

/// A group, by what it is ranked, and its values by step where they are needed again.
struct Ranked<'a> {
    key: Option<f64>,
    group: &'a Group,
    values: Option<Vec<Option<Number>>>,
}

impl BucketQuery {
    /// The values of one aggregation for the groups of a ranking. Groups are ranked before their gaps are filled in, so that
    /// those which are left out cost nothing.
    pub fn ranked(
        &self,
        buckets: &MetricBuckets,
        aggregation: Aggregation,
        ranking: Ranking,
        fill: Fill,
    ) -> Vec<Points> {
        let metric = &buckets.description;
        // A heat map has no values: the busiest group is first.
        let ranked_by = if aggregation == Aggregation::Histogram { Aggregation::Count } else { aggregation };
        // Where all are shown their values are needed twice, and quantiles take long.
        let keeps_values = buckets.groups.len() <= ranking.limit && ranked_by == aggregation;
        let rank = |group| {
            let values = self.values(metric, group, ranked_by);
            let numbers = values.iter().flatten().map(|value| value.as_double());
            let key = ranking.order.by.over(numbers.filter(|value| !value.is_nan()));
            Ranked { key, group, values: keeps_values.then_some(values) }
        };
        let mut ranked: Vec<Ranked<'_>> = buckets.groups.iter().map(rank).collect();
        ranked.sort_by(|left, right| ranking.order.compare(left, right));
        let shown = ranked.into_iter().skip(ranking.skip).take(ranking.limit);
        shown.map(|ranked| self.points(metric, ranked, aggregation, fill)).collect()
    }

    /// The first step's index, and how many steps there are.
    fn steps(&self) -> (i64, usize) {
        let first = self.interval.floor(self.range.start()).nanos().div_euclid(self.interval.nanos());
        (first, usize::try_from(self.range.buckets(self.interval)).unwrap_or_default())
    }

    /// Of each step.
    fn values(
        &self,
        metric: &MetricDescription,
        group: &Group,
        aggregation: Aggregation,
    ) -> Vec<Option<Number>> {
        let ((first, steps), width) = (self.steps(), self.interval.duration());
        let mut values = vec![None; steps];
        for bucket in group.buckets() {
            let at = usize::try_from(bucket.index - first).ok();
            if let Some(value) = at.and_then(|at| values.get_mut(at)) {
                *value = aggregation.of(metric, bucket, width);
            }
        }
        values
    }

    fn points(
        &self,
        metric: &MetricDescription,
        Ranked { group, values, .. }: Ranked<'_>,
        aggregation: Aggregation,
        fill: Fill,
    ) -> Points {
        let values = if aggregation == Aggregation::Histogram {
            let (first, steps) = self.steps();
            Values::HeatMap(HeatMap::new(group.buckets(), first, steps))
        } else {
            let mut values = values.unwrap_or_else(|| self.values(metric, group, aggregation));
            fill.into_gaps(&mut values);
            Values::Numbers(values)
        };
        Points { labels: group.labels().to_vec(), values }
    }
}

impl Fill {
    fn into_gaps(self, values: &mut [Option<Number>]) {
        let mut filler = match self {
            Self::Null | Self::Omit => return,
            Self::Zero => Some(Number::Double(0.0)),
            Self::Previous => None,
        };
        for value in values {
            match (*value, self) {
                (Some(_), Self::Previous) => filler = *value,
                (None, _) => *value = filler,
                _ => {}
            }
        }
    }
}

impl OrderBy {
    /// Absent without values.
    #[expect(clippy::cast_precision_loss, reason = "values of one series")]
    fn over(self, values: impl Iterator<Item = f64>) -> Option<f64> {
        match self {
            Self::Max => values.reduce(f64::max),
            Self::Min => values.reduce(f64::min),
            Self::Sum => values.reduce(|a, b| a + b),
            Self::Last => values.last(),
            Self::Avg => {
                let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
                (count > 0).then(|| sum / count as f64)
            }
            Self::Name => None,
        }
    }
}

impl Order {
    /// Groups without values are last either way; of equal ones the labels decide.
    fn compare(self, left: &Ranked<'_>, right: &Ranked<'_>) -> Ordering {
        let way = |order: Ordering| if self.descending { order.reverse() } else { order };
        let names = || left.group.labels().cmp(right.group.labels());
        match (left.key, right.key) {
            _ if self.by == OrderBy::Name => way(names()),
            (Some(a), Some(b)) => way(a.total_cmp(&b)).then_with(names),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => names(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::querying::domain::{Bucket, GroupBy, GroupSeries};
    use crate::shared::{Interval, LabelFilter, TenantId, TimeRange, Timestamp};

    const MAX: Order = Order { by: OrderBy::Max, descending: true };

    fn query(minutes: i64) -> BucketQuery {
        let end = Timestamp::from_nanos(60_000_000_000 * minutes);
        BucketQuery {
            tenant: TenantId::unnamed(),
            metric: "m".into(),
            range: TimeRange::new(Timestamp::EPOCH, end).unwrap(),
            interval: Interval::parse("1m").unwrap(),
            filter: LabelFilter::default(),
            group_by: GroupBy::default(),
        }
    }

    fn group(label: &str, values: &[(i64, f64)]) -> GroupSeries {
        let bucket = |(index, value): &(i64, f64)| {
            let mut bucket = Bucket { points: 1, ..Bucket::empty(*index) };
            bucket.add(*value, *value, *value);
            bucket
        };
        GroupSeries { labels: vec![label.into()], buckets: values.iter().map(bucket).collect() }
    }

    fn ranked(groups: Vec<GroupSeries>, ranking: Ranking, fill: Fill) -> Vec<(String, Vec<Option<f64>>)> {
        let description = MetricDescription { has_numbers: true, ..Default::default() };
        let groups = Group::all(&groups.into());
        let buckets = MetricBuckets { groups, ..MetricBuckets::nothing(description) };
        let shown = query(4).ranked(&buckets, Aggregation::Max, ranking, fill);
        let text = |points: Points| match points.values {
            Values::Numbers(values) => {
                (points.labels[0].to_string(), values.into_iter().map(|v| v.map(Number::as_double)).collect())
            }
            Values::HeatMap(_) => unreachable!("numbers were asked for"),
        };
        shown.into_iter().map(text).collect()
    }

    #[test]
    fn gaps_are_filled_as_asked() {
        let filled = |fill| {
            let ranking = Ranking { order: MAX, skip: 0, limit: 1 };
            ranked(vec![group("a", &[(1, 5.0), (3, 7.0)])], ranking, fill).remove(0).1
        };
        assert_eq!(filled(Fill::Null), [None, Some(5.0), None, Some(7.0)]);
        assert_eq!(filled(Fill::Omit), filled(Fill::Null));
        assert_eq!(filled(Fill::Zero), [Some(0.0), Some(5.0), Some(0.0), Some(7.0)]);
        assert_eq!(filled(Fill::Previous), [None, Some(5.0), Some(5.0), Some(7.0)]);
    }

    #[test]
    fn groups_come_in_the_order_that_was_asked_for_and_ties_by_name() {
        let names = |by, descending, skip, limit| -> String {
            let groups = vec![
                group("c", &[(0, 1.0), (1, 5.0)]),
                group("b", &[(0, f64::NAN)]),
                group("d", &[(0, 4.0)]),
                group("a", &[(0, 5.0), (1, 1.0)]),
            ];
            let ranking = Ranking { order: Order { by, descending }, skip, limit };
            ranked(groups, ranking, Fill::Null).into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(names(OrderBy::Max, true, 0, 9), "acdb");
        assert_eq!(names(OrderBy::Max, true, 1, 2), "cd");
        assert_eq!(names(OrderBy::Avg, true, 0, 9), "dacb");
        assert_eq!(names(OrderBy::Last, false, 0, 9), "adcb");
        assert_eq!(names(OrderBy::Sum, false, 0, 9), "dacb");
        assert_eq!(names(OrderBy::Min, true, 0, 9), "dacb");
        assert_eq!(names(OrderBy::Name, true, 0, 9), "dcba");
    }
}
