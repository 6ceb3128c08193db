//! Defaults, and what is said of wrong values.

use crate::querying::presentation::parameters::RANGE_DEFAULT;
use crate::shared::{LabelFilter, TimeRange};

use super::*;

const NOW: Timestamp = Timestamp::from_nanos(1_795_000_000_000_000_000);
const BOUNDS: QueryBounds = QueryBounds { points_max: 11_000, series_max: 10_000 };

fn parse(pairs: &[(&str, &str)]) -> Result<TimeSeriesQuery, Problem> {
    let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Parameters::new(pairs).time_series(TenantId::unnamed(), BOUNDS, NOW, None).map(|(query, _)| query)
}

fn detail(pairs: &[(&str, &str)]) -> String {
    let mut all = vec![("metricName", "m")];
    all.extend(pairs);
    parse(&all).unwrap_err().detail().to_owned()
}

#[test]
fn defaults_are_the_average_of_the_last_hour_in_steps_of_five_minutes() {
    let query = parse(&[("metricName", "a/b")]).unwrap();
    assert_eq!(query.aggregation, Aggregation::Avg);
    assert_eq!((&*query.buckets.metric, query.ranking.limit), ("a/b", 50));
    assert_eq!(query.buckets.interval, Interval::parse("5m").unwrap());
    assert_eq!(query.buckets.times().len(), 13);
    assert_eq!(query.buckets.range, query.buckets.range.aligned_to(query.buckets.interval));
}

#[test]
fn a_moving_range_stays_the_same_question_within_a_step() {
    let at = |now: Timestamp| {
        let pairs =
            vec![("metricName".to_owned(), "m".to_owned()), ("start".to_owned(), "now-15m".to_owned())];
        Parameters::new(pairs).time_series(TenantId::unnamed(), BOUNDS, now, None).unwrap().0.buckets
    };
    assert_eq!(at(NOW), at(NOW.plus(std::time::Duration::from_secs(10))));
}

#[test]
fn an_end_alone_means_the_hour_before_it() {
    let query = parse(&[("metricName", "m"), ("endTime", "1700000000")]).unwrap();
    let end = Timestamp::from_nanos(1_700_000_000_000_000_000);
    assert_eq!(query.buckets.range, TimeRange::new(end.minus(RANGE_DEFAULT), end).unwrap());
}

#[test]
fn services_and_attributes_become_terms_of_the_filter() {
    let query = parse(&[
        ("metricName", "m"),
        ("serviceName", "a"),
        ("serviceName", "b"),
        ("attr[http.route]", "/x"),
        ("filter", "z exists"),
    ]);
    let expected = r#"z exists and service.name in ("a", "b") and http.route = "/x""#;
    assert_eq!(query.unwrap().buckets.filter, LabelFilter::parse(expected).unwrap());
}

#[test]
fn wrong_values_name_the_parameter_and_what_is_allowed() {
    for (pairs, expected) in [
        (vec![("metricname", "x")], "unknown parameter"),
        (vec![("interval", "0s")], "an interval is at least 1ms and at most 366d"),
        (vec![("interval", "1ms")], "the range has more than 11000 buckets: use a longer interval"),
        (vec![("interval", "1m"), ("step", "1m")], "given more than once"),
        (vec![("start", "soon")], "not a moment"),
        (vec![("start", "now"), ("end", "now-1h")], "must be after startTime"),
        (vec![("aggregation", "mean")], "unknown aggregation"),
        (vec![("filter", "a = x")], "expected a text in double quotes at position 4"),
        (vec![("groupBy", "a,a")], "a label to group by is named twice"),
        (vec![("limit", "0")], "expected a whole number from 1 to 10000"),
        (vec![("cache", "no")], "unknown value"),
        (vec![("fill", "0")], "unknown value"),
        (vec![("fill", "zero")], "no points do not mean 0 of avg: use null, previous or none"),
        (vec![("quantile", "1.1")], "expected a number from 0 to 1"),
        (
            vec![("quantile", "0.5"), ("aggregation", "avg")],
            "only without aggregation, or with aggregation=quantile",
        ),
        (vec![("orderBy", "-biggest")], "unknown order; a minus in front means the highest first"),
        (vec![("cursor", "x")], "not a cursor of an answer's `next`"),
        (vec![("maxDataPoints", "10")], "only with interval=auto"),
    ] {
        assert_eq!(detail(&pairs), expected, "{pairs:?}");
    }
    assert_eq!(parse(&[("metricName", "")]).unwrap_err().detail(), "empty");
}

#[test]
fn an_interval_that_is_left_to_the_server_follows_from_the_range_and_from_how_often_is_sent() {
    let auto = |points: &str, range: &str, sampled: Option<u64>| {
        let pairs = [("metricName", "m"), ("interval", "auto"), ("maxDataPoints", points), ("start", range)];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let sampled = sampled.map(Duration::from_secs);
        let (query, from) =
            Parameters::new(pairs).time_series(TenantId::unnamed(), BOUNDS, NOW, sampled).unwrap();
        (query.buckets.interval.duration().as_secs(), from)
    };
    assert_eq!(auto("300", "now-1h", None), (15, IntervalFrom::DataPoints));
    assert_eq!(auto("300", "now-1h", Some(60)), (60, IntervalFrom::Samples));
    assert_eq!(auto("300", "now-1h", Some(10)), (15, IntervalFrom::DataPoints));
    assert_eq!(auto("100", "now-30d", Some(10)), (43_200, IntervalFrom::DataPoints));
}

#[test]
fn every_quantile_has_its_name() {
    let of = |pairs: &[(&str, &str)]| {
        let mut all = vec![("metricName", "m")];
        all.extend(pairs);
        parse(&all).unwrap().aggregation.name()
    };
    assert_eq!(of(&[("quantile", "0.999")]), "quantile=0.999");
    assert_eq!(of(&[("quantile", "0.99"), ("aggregation", "quantile")]), "p99");
    assert_eq!(of(&[("aggregation", "p50")]), "p50");
}
