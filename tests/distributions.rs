//! Scenario: random points of explicit and exponential histograms, delta and cumulative (other bounds, scales and widths of zero,
//! restarts, gaps, late arrivals, points sent twice, more buckets than are kept) and random queries over them.
//! Guarantees: each answer is what a plain calculation of the documented rules gives; a cached answer is the uncached one
//! after every further batch; the same query twice is a hit that reads nothing.
//!
//! The seed is printed; `TELEMETRYFLOW_TEST_SEED` repeats it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends where something is missing"
)]
#![allow(clippy::print_stderr, reason = "the seed is for whoever reads a failure")]
#![allow(clippy::cast_precision_loss, reason = "the numbers are small")]

#[path = "distributions/drafts.rs"]
mod drafts;
#[path = "distributions/observed.rs"]
mod observed;
#[path = "distributions/oracle.rs"]
mod oracle;
mod support;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use drafts::Kind;
use observed::Shape;
use oracle::{Answered, Labels, Point, Query, Values, expected};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;
use support::Server;
use support::otlp::{MINUTE, SECOND, assert_taken, body, now};
use support::server::folder;

const AT_ONCE: &str = "[ingest]\nbatch_age_max = \"1ms\"";
const CASES: u32 = 10;
const HOUR: u64 = 60 * MINUTE;
const AGGREGATIONS: [&str; 14] = [
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "rate",
    "increase",
    "p50",
    "p99",
    "quantile&quantile=0",
    "quantile&quantile=0.333",
    "quantile&quantile=1",
    "histogram",
    "histogram",
];
const GROUP_LABELS: [&str; 4] = ["host", "zone", "service.name", "nothing"];

fn query() -> impl Strategy<Value = Query> {
    (
        0..3 * HOUR,
        MINUTE..4 * HOUR,
        select(vec![10, 60, 300, 420, 1_800, 3_600]),
        select(AGGREGATIONS.to_vec()),
        subsequence(GROUP_LABELS.to_vec(), 0..=3),
        select(vec![None, None, Some("a")]),
    )
        .prop_map(|(start, length, seconds, aggregation, group_by, only)| Query {
            start,
            length,
            interval: seconds * SECOND,
            aggregation,
            group_by,
            only,
        })
}

fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        _ => value.as_f64().expect("a number"),
    }
}

fn array(value: &Value) -> &[Value] {
    value.as_array().expect("an array")
}

fn values(series: &Value) -> Values {
    if series["cells"].is_null() {
        let value = |value: &Value| (!value.is_null()).then(|| number(value));
        return Values::Numbers(array(&series["values"]).iter().map(value).collect());
    }
    let counts = |row: &Value| array(row).iter().map(|count| count.as_u64().expect("a count")).collect();
    Values::HeatMap {
        cells: array(&series["cells"]).iter().map(|cell| (number(&cell[0]), number(&cell[1]))).collect(),
        counts: array(&series["counts"]).iter().map(|row| (!row.is_null()).then(|| counts(row))).collect(),
    }
}

fn answered(answer: &Value, group_by: &[&str]) -> Answered {
    let labels = |series: &Value| {
        group_by.iter().map(|name| series["labels"][name].as_str().expect("a label").to_owned()).collect()
    };
    array(&answer["series"]).iter().map(|series| (labels(series), values(series))).collect()
}

fn is_near(found: f64, expected: f64) -> bool {
    found == expected || (found - expected).abs() <= 1e-9 * expected.abs()
}

fn assert_near(found: &Values, expected: &Values, what: &str) {
    match (found, expected) {
        (Values::Numbers(found), Values::Numbers(expected)) => {
            assert_eq!(found.len(), expected.len(), "buckets of {what}");
            for (at, pair) in found.iter().zip(expected).enumerate() {
                let near = match pair {
                    (Some(found), Some(expected)) => is_near(*found, *expected),
                    (found, expected) => found == expected,
                };
                assert!(near, "bucket {at}: {:?} instead of {:?} in {what}", pair.0, pair.1);
            }
        }
        (
            Values::HeatMap { cells, counts },
            Values::HeatMap { cells: expected_cells, counts: expected_counts },
        ) => {
            let near = |((low, high), (expected_low, expected_high)): (&(f64, f64), &(f64, f64))| {
                is_near(*low, *expected_low) && is_near(*high, *expected_high)
            };
            let all_near = cells.len() == expected_cells.len() && cells.iter().zip(expected_cells).all(near);
            assert!(all_near, "{cells:?} instead of {expected_cells:?} in {what}");
            assert_eq!(counts.len(), expected_counts.len(), "buckets of {what}");
            for (at, pair) in counts.iter().zip(expected_counts).enumerate() {
                assert_eq!(pair.0, pair.1, "bucket {at} over {cells:?} in {what}");
            }
        }
        _ => panic!("{found:?} instead of {expected:?} in {what}"),
    }
}

/// What a series says of a time is what it said last. A point has no more buckets than are kept.
fn store(stored: &mut Vec<Point>, new: Vec<Point>) {
    for mut point in new {
        stored.retain(|before| (before.series, before.time) != (point.series, point.time));
        if let Some(observed) = &mut point.observed
            && let Shape::Exponential(own) = &observed.shape
        {
            observed.shape = Shape::Exponential(own.clone().fitted());
        }
        stored.push(point);
    }
}

/// One metric's life: its batches one after the other, and all queries after each.
struct Life<'a> {
    server: &'a Server,
    name: String,
    cumulative: bool,
    labels: Vec<Labels>,
    base: u64,
}

impl Life<'_> {
    fn check(&self, stored: &[Point], query: &Query) {
        let start = self.base - 20 * MINUTE + query.start;
        let path = format!(
            "/api/v2/metrics?metricName={}&start={start}&end={}&interval={}s&aggregation={}&groupBy={}&limit=1000{}",
            self.name,
            start + query.length,
            query.interval / SECOND,
            query.aggregation,
            query.group_by.join(","),
            query.only.map(|host| format!("&attr[host]={host}")).unwrap_or_default(),
        );
        let first = self.server.get(&path);
        assert_eq!(first.status, 200, "{path}: {}", first.text());
        let first = first.json();
        let expected = expected(self.cumulative, stored, &self.labels, query, start);
        let found = answered(&first, &query.group_by);
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "groups of {path}");
        for (key, expected) in &expected {
            assert_near(&found[key], expected, &format!("{key:?} of {path}"));
        }
        assert_eq!(first["times"][0], start / query.interval * query.interval / 1_000_000);

        let uncached = self.server.get(&format!("{path}&cache=bypass")).json();
        assert_eq!(uncached["cache"], "bypass");
        assert_eq!((&first["times"], &first["series"]), (&uncached["times"], &uncached["series"]), "{path}");

        let again = self.server.get(&path).json();
        assert_eq!((&again["cache"], &again["rowsRead"]), (&Value::from("hit"), &Value::from(0)), "{path}");
        assert_eq!(again["series"], first["series"], "{path}");
    }
}

fn seed() -> u64 {
    let given = std::env::var("TELEMETRYFLOW_TEST_SEED").ok();
    given.map_or_else(|| RandomState::new().build_hasher().finish(), |text| text.parse().expect("a number"))
}

#[test]
fn every_answer_about_histograms_is_what_the_rules_say_and_the_cache_never_tells() {
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
    let kinds = select(vec![Kind::Explicit, Kind::Exponential]);
    let cases = (kinds, any::<bool>(), bases, vec(drafts::series(), 1..5), vec(query(), 2..6));
    let outcome = runner.run(&cases, |(kind, cumulative, base, series, queries)| {
        let labels = series.iter().enumerate().map(|(number, series)| series.labels(number)).collect();
        let name = format!("oracle.{}", numbers.fetch_add(1, Ordering::Relaxed));
        let life = Life { server: &server, name, cumulative, labels, base };
        let all: Vec<Point> = series
            .iter()
            .enumerate()
            .flat_map(|(number, series)| drafts::points(kind, cumulative, number, series, base))
            .collect();
        let mut stored = Vec::new();
        for batch in 0..3 {
            let new: Vec<Point> = all.iter().filter(|point| point.batch == batch).cloned().collect();
            if new.is_empty() {
                continue;
            }
            let metric = drafts::wire(kind, cumulative, &life.name, &new, &life.labels);
            assert_taken(&server.post_metrics(&body(vec![metric]), &[]));
            store(&mut stored, new);
            queries.iter().for_each(|query| life.check(&stored, query));
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("seed {seed}: {failure}"));
}
