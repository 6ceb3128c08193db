//! What is folded again says what a fold of everything says.

use std::time::Duration;

use proptest::prelude::*;

use super::super::super::panes::Pane;
use super::super::super::point_table::PointTable;
use super::super::super::series_groups::SeriesGroups;
use super::*;
use crate::querying::domain::{GroupBy, Meaning};
use crate::shared::{
    Interval, LabelFilter, MetricColumns, MetricKind, NumberColumns, NumberRow, SeriesId, TenantId,
    Timestamp, WatchId,
};

/// Series and second.
type Sent = (u64, u32);

fn at(second: u32) -> Timestamp {
    Timestamp::EPOCH.plus(Duration::from_secs(u64::from(second)))
}

fn columns(batch: &[Sent]) -> MetricColumns {
    let mut columns = NumberColumns::new(TenantId::unnamed());
    columns.begin_run("m", MetricKind::Gauge);
    for (series, second) in batch {
        columns.push(NumberRow {
            series: SeriesId(*series),
            watch: WatchId::NONE,
            time: at(*second),
            start: at(1),
            // Falls now and then, as a counter that begins anew.
            value: f64::from(second % 97),
            integer_rest: 0,
            integer: false,
            flags: 0,
        });
    }
    columns.finish();
    columns.into()
}

fn query(end: u32, interval: &str) -> BucketQuery {
    BucketQuery {
        tenant: TenantId::unnamed(),
        metric: "m".into(),
        range: TimeRange::new(at(100), at(end)).unwrap(),
        interval: Interval::parse(interval).unwrap(),
        filter: LabelFilter::default(),
        group_by: GroupBy::default(),
    }
}

fn by_labels(groups: &[GroupSeries]) -> Vec<GroupSeries> {
    let mut groups = groups.to_vec();
    groups.sort_by(|one, other| one.labels.cmp(&other.labels));
    groups
}

/// NaN stands for nothing in buckets without a value, and is not equal to itself.
fn shown(groups: &[GroupSeries]) -> String {
    format!("{:?}", by_labels(groups))
}

proptest! {
    /// Scenario: batches come whose points are new, late or sent again; after each the newest buckets are asked for, up to an end that moves.
    /// Guarantees: they are what all points say, however much was kept.
    #[test]
    fn kept_buckets_and_those_folded_again_are_those_of_all_points(
        batches in prop::collection::vec(prop::collection::vec((0_u64..3, 0_u32..600), 1..8), 1..12),
        ends in prop::collection::vec(500_u32..620, 12),
        interval in prop::sample::select(vec!["1s", "10s", "1m", "5m"]),
        meaning in prop::sample::select(vec![Meaning::Own, Meaning::Cumulative]),
    ) {
        let labels = |label: &str| vec![Box::from(label)];
        let groups = SeriesGroups::of_groups(&[(labels("a"), &[0, 2]), (labels("b"), &[1])], meaning);
        let pane = Pane::new(PointTable::Numbers, at(50), 1 << 20);
        let read_at = Generations::default().now();
        let mut kept: Option<Tail> = None;
        for (batch, end) in batches.iter().zip(ends) {
            let columns = columns(batch);
            for run in columns.runs() {
                pane.take(&columns, &run);
            }
            let query = query(end, interval);
            let before = kept.as_ref().map(|kept| kept.seen);
            let folded = pane.fold(&query, before, &groups, 10_000).unwrap();
            let renewed = Tail::renewed(&query, kept.as_ref(), folded, read_at);
            let all = pane.fold(&query, None, &groups, 10_000).unwrap();
            prop_assert_eq!(shown(&renewed.groups), shown(&all.groups));
            kept = Some(renewed);
        }
    }
}

/// Scenario: a minute of new points after ten minutes of others.
/// Guarantees: only the buckets from the new points on are folded.
#[test]
fn what_did_not_change_is_not_folded_again() {
    let groups = SeriesGroups::of_groups(&[(vec!["a".into()], &[0])], Meaning::Own);
    let pane = Pane::new(PointTable::Numbers, at(50), 1 << 20);
    let take = |batch: &[Sent]| {
        let columns = columns(batch);
        columns.runs().for_each(|run| pane.take(&columns, &run));
    };
    take(&(100..500).map(|second| (0, second)).collect::<Vec<_>>());
    let query = query(600, "10s");
    let first = pane.fold(&query, None, &groups, 1_000).unwrap();
    assert_eq!(first.from, at(100));
    let again = pane.fold(&query, Some(first.seen), &groups, 1_000).unwrap();
    assert_eq!((again.from, again.groups.len()), (at(600), 0), "nothing came");
    take(&[(0, 507), (0, 512)]);
    let again = pane.fold(&query, Some(first.seen), &groups, 1_000).unwrap();
    assert_eq!(again.from, at(500));
    assert_eq!(again.groups.iter().map(|group| group.buckets.len()).sum::<usize>(), 2);
}
