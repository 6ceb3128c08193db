//! What a node sees of what other nodes' rules look at.

use super::*;
use crate::alerting::domain::fixtures::{rule_with, series};
use crate::shared::{MetricColumns, MetricKind, NumberColumns, NumberRow, Timestamp};

fn interest(group_by: &[&str]) -> Interest {
    Interest::of([&Arc::new(rule_with("r", "max > 1", group_by))])
}

fn lookout() -> Lookout {
    Lookout::beginning_at(WatchEpoch::after(7), Counter::default())
}

fn event(rows: &[(u64, WatchId)]) -> DomainEvent {
    let mut columns = NumberColumns::new(TenantId::unnamed());
    columns.begin_run("m", MetricKind::Gauge);
    for (series, watch) in rows {
        columns.push(NumberRow {
            series: SeriesId(*series),
            watch: *watch,
            time: Timestamp::from_nanos(9),
            start: Timestamp::EPOCH,
            value: 4.0,
            integer_rest: 0,
            integer: false,
            flags: 0,
        });
    }
    columns.finish();
    DomainEvent::MetricsIngested(Arc::new(MetricsIngested { columns: vec![MetricColumns::from(columns)] }))
}

#[test]
fn nothing_is_looked_at_before_it_is_known_what_the_rules_look_at() {
    let lookout = lookout();
    assert!(!lookout.watch(&series(&[])).is_some());
    let before = lookout.epoch();
    lookout.replace(interest(&[]));
    assert_eq!(lookout.epoch().since(before), 1, "every series is asked for again");
    assert!(lookout.watch(&series(&[])).is_some());
}

#[test]
fn points_are_seen_with_the_labels_that_the_rules_ask_for_by_then() {
    let lookout = lookout();
    lookout.replace(interest(&[]));
    let watch = lookout.watch(&series(&[("host", "a")]));
    let seen = lookout.sight(&event(&[(1, watch), (2, watch), (1, WatchId::none(lookout.epoch()))]));
    assert_eq!(
        (seen.points.len(), seen.series.len()),
        (1, 1),
        "of a series that was never asked for nothing is known"
    );
    assert!(seen.series[0].attributes.is_empty());
    lookout.replace(interest(&["host"]));
    let seen = lookout.sight(&event(&[(1, watch)]));
    assert_eq!(&*seen.series[0].attributes[0].value, "a");
}

#[test]
fn series_that_do_not_come_any_more_are_forgotten() {
    let lookout = lookout();
    lookout.replace(interest(&[]));
    let watch = lookout.watch(&series(&[]));
    lookout.replace(interest(&[]));
    assert_eq!(lookout.sight(&event(&[(1, watch)])).points.len(), 1, "it may be on its way");
    lookout.replace(interest(&[]));
    assert!(lookout.sight(&event(&[(1, watch)])).is_empty());
}
