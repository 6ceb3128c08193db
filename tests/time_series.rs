//! Scenario: random points (gauges, delta sums, counters that restart, gaps, late arrivals, points sent twice) and random queries over them.
//! Guarantees: each answer is what a plain calculation of the documented rules gives; a cached answer is the uncached one
//! after every further batch; the same query twice is a hit that reads nothing; no answer is older than the last 200.
//!
//! The seed is printed; `TELEMETRYFLOW_TEST_SEED` repeats it.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]
#![allow(clippy::print_stderr, reason = "the seed is for whoever reads a failure")]
#![allow(clippy::cast_precision_loss, reason = "the numbers are small")]

#[path = "time_series/oracle.rs"]
mod oracle;
mod support;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry_proto::tonic::metrics::v1::NumberDataPoint;
use oracle::{Answered, Filter, Kind, Labels, Point, Query, expected};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;
use support::Server;
use support::otlp::{
    CUMULATIVE, DELTA, MINUTE, SECOND, assert_taken, body, double, gap, gauge, int, labelled, now, started,
    sum,
};
use support::server::folder;

const AT_ONCE: &str = "[ingest]\nbatch_age_max = \"1ms\"";
const CASES: u32 = 24;
const HOUR: u64 = 60 * MINUTE;
const AGGREGATIONS: [&str; 8] = ["avg", "sum", "min", "max", "count", "last", "rate", "increase"];
const GROUP_LABELS: [&str; 4] = ["host", "zone", "service.name", "nothing"];

/// A series, and where its points come from.
#[derive(Debug, Clone)]
struct Series {
    host: &'static str,
    zone: Option<&'static str>,
    /// When the counter says it began: unknown, or so long before the first point.
    began: Option<u64>,
    points: Vec<Draft>,
}

/// A point before the series is put in order of time.
#[derive(Debug, Clone, Copy)]
struct Draft {
    offset_ms: u64,
    quarters: i32,
    event: u8,
    batch: usize,
}

fn series() -> impl Strategy<Value = Series> {
    let draft = (0..3 * HOUR / 1_000_000, -4_000..4_000_i32, 0..16_u8, 0..3_usize);
    let draft =
        draft.prop_map(|(offset_ms, quarters, event, batch)| Draft { offset_ms, quarters, event, batch });
    let zones = vec![None, Some("x"), Some("y")];
    (select(vec!["a", "b", "c"]), select(zones), proptest::option::of(1..HOUR), vec(draft, 1..50))
        .prop_map(|(host, zone, began, points)| Series { host, zone, began, points })
}

fn query() -> impl Strategy<Value = Query> {
    use Filter::{Attribute, Equals, EqualsNothing, Exists, In, Matches, Missing, None, NotEquals, Service};
    let filters =
        vec![None, None, Equals, NotEquals, Matches, In, Exists, Missing, EqualsNothing, Attribute, Service];
    let intervals = vec![7, 10, 30, 60, 300, 420, 1_800, 3_600];
    (
        0..3 * HOUR,
        MINUTE..4 * HOUR,
        select(intervals),
        select(AGGREGATIONS.to_vec()),
        subsequence(GROUP_LABELS.to_vec(), 0..=3),
        select(filters),
    )
        .prop_map(|(start, length, seconds, aggregation, group_by, filter)| Query {
            start,
            length,
            interval: seconds * SECOND,
            aggregation,
            group_by,
            filter,
        })
}

/// Puts a series in order of time and lets its counter run. Of points with the same time the last one counts.
fn points(kind: Kind, number: usize, series: &Series, base: u64) -> Vec<Point> {
    let mut drafts = series.points.clone();
    drafts.sort_by_key(|draft| draft.offset_ms);
    let mut counter = 0.0;
    let mut start = 0;
    let mut before = base;
    let mut points = Vec::new();
    for (place, draft) in (0_u64..).zip(drafts) {
        let time = base + draft.offset_ms * 1_000_000 + place * 1_000 + number as u64;
        let step = f64::from(draft.quarters) / 4.0;
        if place == 0 {
            start = series.began.map_or(0, |ago| time - ago);
        }
        match draft.event {
            // The process restarted: a new start after the point before.
            0 => (start, counter) = (before + (time - before) / 2, 0.0),
            // It restarted and does not say so.
            1 => counter = 0.0,
            // The true start is unknown.
            2 => (start, counter) = (time, 0.0),
            _ => {}
        }
        counter += step.abs();
        let value = match (draft.event, kind) {
            (3, _) => None,
            (_, Kind::Counter) => Some(counter),
            (_, Kind::Gauge | Kind::Delta) => Some(step),
        };
        if draft.event == 4 {
            // Sent before with another value, in the same request or in the one before.
            let (batch, value) = (draft.batch.saturating_sub(1), Some(f64::from(draft.quarters).abs()));
            points.push(Point { series: number, batch, time, start: 0, value });
        }
        points.push(Point { series: number, batch: draft.batch, time, start, value });
        before = time;
    }
    points
}

fn answered(answer: &Value, group_by: &[&str]) -> Answered {
    let series = answer["series"].as_array().expect("series");
    let labels = |series: &Value| {
        group_by.iter().map(|name| series["labels"][name].as_str().expect("a label").to_owned()).collect()
    };
    let values = |series: &Value| {
        series["values"]
            .as_array()
            .expect("values")
            .iter()
            .map(|value| (!value.is_null()).then(|| value.as_f64().expect("a number")))
            .collect()
    };
    series.iter().map(|series| (labels(series), values(series))).collect()
}

fn assert_near(found: &Answered, expected: &Answered, what: &str) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "groups of {what}");
    for (key, expected) in expected {
        assert_eq!(found[key].len(), expected.len(), "buckets of {key:?} in {what}");
        for (at, (found, expected)) in found[key].iter().zip(expected).enumerate() {
            let near = match (found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() <= 1e-9 * expected.abs(),
                (found, expected) => found.is_none() && expected.is_none(),
            };
            assert!(near, "{key:?}, bucket {at}: {found:?} instead of {expected:?} in {what}");
        }
    }
}

/// What a series says of a time is what it said last.
fn store(stored: &mut Vec<Point>, new: Vec<Point>) {
    for point in new {
        stored.retain(|before| (before.series, before.time) != (point.series, point.time));
        stored.push(point);
    }
}

/// One metric's life: its batches one after the other, and all queries after each.
struct Life<'a> {
    server: &'a Server,
    name: String,
    kind: Kind,
    labels: Vec<Labels>,
    base: u64,
}

impl Life<'_> {
    fn send(&self, points: &[Point]) {
        let wire = |point: &Point| -> NumberDataPoint {
            let labels: Vec<(&str, &str)> = self.labels[point.series]
                .iter()
                .filter(|(name, _)| **name != "service.name")
                .map(|(k, v)| (*k, v.as_str()))
                .collect();
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
            let point_of = |value: f64| {
                if value.fract() == 0.0 { int(point.time, value as i64) } else { double(point.time, value) }
            };
            started(point.start, labelled(point.value.map_or_else(|| gap(point.time), point_of), &labels))
        };
        let wire = points.iter().map(wire).collect();
        let metric = match self.kind {
            Kind::Gauge => gauge(&self.name, wire),
            Kind::Delta => sum(&self.name, DELTA, false, wire),
            Kind::Counter => sum(&self.name, CUMULATIVE, true, wire),
        };
        assert_taken(&self.server.post_metrics(&body(vec![metric]), &[]));
    }

    fn check(&self, stored: &[Point], query: &Query) {
        let start = self.base - 20 * MINUTE + query.start;
        let path = format!(
            "/api/v2/metrics?metricName={}&start={start}&end={}&interval={}s&aggregation={}&groupBy={}&limit=1000{}",
            self.name,
            start + query.length,
            query.interval / SECOND,
            query.aggregation,
            query.group_by.join(","),
            query.filter.parameter(),
        );
        let first = self.server.get(&path);
        if self.kind == Kind::Gauge && ["rate", "increase"].contains(&query.aggregation) {
            assert_eq!(first.status, 422, "{path}: {}", first.text());
            return;
        }
        assert_eq!(first.status, 200, "{path}: {}", first.text());
        let first = first.json();
        let expected = expected(self.kind, stored, &self.labels, query, start);
        assert_near(&answered(&first, &query.group_by), &expected, &path);
        assert_eq!(first["times"][0], start / query.interval * query.interval / 1_000_000);

        let uncached = self.server.get(&format!("{path}&cache=bypass")).json();
        assert_eq!(uncached["cache"], "bypass");
        assert_eq!((&first["times"], &first["series"]), (&uncached["times"], &uncached["series"]), "{path}");

        let misses = || self.server.measured("telemetryflow_query_cache_misses_total", &[]);
        let before = misses();
        let again = self.server.get(&path).json();
        assert_eq!((&again["cache"], &again["rowsRead"]), (&Value::from("hit"), &Value::from(0)), "{path}");
        assert_eq!(again["series"], first["series"], "{path}");
        assert_eq!(misses(), before, "a hit is no miss");
    }
}

fn seed() -> u64 {
    let given = std::env::var("TELEMETRYFLOW_TEST_SEED").ok();
    given.map_or_else(|| RandomState::new().build_hasher().finish(), |text| text.parse().expect("a number"))
}

#[test]
fn every_answer_is_what_the_rules_say_and_the_cache_never_tells() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let seed = seed();
    eprintln!("TELEMETRYFLOW_TEST_SEED={seed}");
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed.to_le_bytes().repeat(4));
    let config =
        Config { cases: CASES, failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, rng);
    // The night before last, since midnight lies within the points, or just now; nothing of it in the future.
    let day = 24 * HOUR;
    let bases = select(vec![now() / day * day - day - HOUR - HOUR / 2, now() - 3 * HOUR]);
    let numbers = AtomicU64::new(0);
    let kinds = select(vec![Kind::Gauge, Kind::Delta, Kind::Counter, Kind::Counter]);
    let cases = (kinds, bases, vec(series(), 1..5), vec(query(), 2..6));
    let outcome = runner.run(&cases, |(kind, base, series, queries)| {
        let labels = series.iter().enumerate().map(|(number, series)| {
            let mut labels = Labels::from([
                ("host", series.host.into()),
                ("service.name", "shop".into()),
                ("n", number.to_string()),
            ]);
            labels.extend(series.zone.map(|zone| ("zone", zone.to_owned())));
            labels
        });
        let name = format!("oracle.{}", numbers.fetch_add(1, Ordering::Relaxed));
        let life = Life { server: &server, name, kind, labels: labels.collect(), base };
        let all: Vec<Point> = series
            .iter()
            .enumerate()
            .flat_map(|(number, series)| points(kind, number, series, base))
            .collect();
        let mut stored = Vec::new();
        for batch in 0..3 {
            let new: Vec<Point> = all.iter().filter(|point| point.batch == batch).cloned().collect();
            if new.is_empty() {
                continue;
            }
            life.send(&new);
            store(&mut stored, new);
            queries.iter().for_each(|query| life.check(&stored, query));
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("seed {seed}: {failure}"));
}

/// *Scenario*: four clients add late points to one metric and ask for their number after each, at the same time.
/// *Guarantees*: nobody is told of fewer points than had been acknowledged when the question was asked.
#[test]
fn late_points_change_the_very_next_answer() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let base = now() / HOUR * HOUR - 5 * HOUR;
    let path = format!(
        "/api/v2/metrics?metricName=late&start={base}&end={}&interval=1h&aggregation=count",
        base + HOUR
    );
    let acknowledged = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for client in 0..4_u64 {
            let (server, path, acknowledged) = (&server, &path, &acknowledged);
            scope.spawn(move || {
                for round in 0..25 {
                    let time = base + (client * 1_000 + round) * SECOND / 10;
                    let point = labelled(int(time, 1), &[("client", &client.to_string())]);
                    assert_taken(&server.post_metrics(&body(vec![gauge("late", vec![point])]), &[]));
                    let least = acknowledged.fetch_add(1, Ordering::SeqCst) + 1;
                    let answer = server.get(path).json();
                    let counted = answer["series"][0]["values"][0].as_f64().expect("a count");
                    assert!(counted >= least as f64, "{counted} of at least {least}: {answer}");
                }
            });
        }
    });
    let answer = server.get(&path).json();
    assert_eq!(answer["series"][0]["values"], serde_json::json!([100.0]));
}
