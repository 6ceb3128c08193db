//! Scenario: points of gauges, counters and sums lie in the store over several hours, with restarts, gaps, pauses and points that were
//! sent again; hours are rolled up, points come late or are replaced, and the process starts again, also after it had no time.
//! Guarantees: the rows of both tables are what a plain calculation makes of the points, bit by bit; doing it again changes nothing;
//! no hour is covered whose rows do not say what had been announced.
//!
//! The seed is printed; `TELEMETRYFLOW_TEST_SEED` repeats it.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]
#![allow(clippy::panic, reason = "a test ends where something unexpected happens")]
#![allow(clippy::print_stderr, reason = "the seed is for whoever reads a failure")]

#[path = "rollups/oracle.rs"]
mod oracle;
#[path = "rollups/scene.rs"]
mod scene;

use std::hash::{BuildHasher, Hasher, RandomState};

use oracle::{Kind, Point, rolled_up};
use telemetryflow::shared::{AggregatedMetrics, TenantId};

use scene::{FIRST, HOURS, MINUTE, Scene, TENANTS};

/// A small generator, so that a seed says all.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let given = std::env::var("TELEMETRYFLOW_TEST_SEED").ok();
        let any = || RandomState::new().build_hasher().finish();
        let seed = given.map_or_else(any, |text| text.parse().expect("a number"));
        eprintln!("TELEMETRYFLOW_TEST_SEED={seed}");
        Self(seed)
    }

    /// Below `end` (splitmix64).
    fn below(&mut self, end: u16) -> i32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        i32::try_from((z ^ (z >> 31)) % u64::from(end)).expect("a small number")
    }

    fn one_of(&mut self, choices: &[i64]) -> i64 {
        let count = u16::try_from(choices.len()).expect("a few");
        choices[usize::try_from(self.below(count)).expect("an index")]
    }
}

/// Steps of a minute, a quarter of an hour, and longer; times that hit edges of buckets.
fn points(random: &mut Random, kind: Kind) -> Vec<Point> {
    let (mut at, end) = (FIRST + i64::from(random.below(120)) * MINUTE / 2, FIRST + HOURS * 60 * MINUTE);
    let (mut value, mut start) = (random.below(1_000), 0);
    let mut points = Vec::new();
    while at < end {
        if random.below(12) == 0 {
            // A restart, whose start is not told, or is the point itself, or lies before, maybe far before.
            value = random.below(50);
            start = random.one_of(&[0, at, at - MINUTE, at - 40 * MINUTE, at - 90 * MINUTE]);
        }
        let integer_rest = i16::from(random.below(5) == 0);
        points.push(Point { at, start, value: value.into(), integer_rest, gap: random.below(15) == 0 });
        value += if kind == Kind::Counter { random.below(9) } else { random.below(9) - 4 };
        let steps = [MINUTE, MINUTE, 5 * MINUTE, 15 * MINUTE, 15 * MINUTE + 1, 60 * MINUTE, 61 * MINUTE];
        at += random.one_of(&steps);
    }
    points
}

/// The same times, with other values; some become gaps, some were gaps.
fn again(random: &mut Random, points: &[Point]) -> Vec<Point> {
    let chosen = points.iter().filter(|_| random.below(4) == 0).copied().collect::<Vec<_>>();
    let other = |point: Point, value: i32, gap: i32| Point { value: value.into(), gap: gap == 0, ..point };
    chosen.into_iter().map(|point| other(point, random.below(500), random.below(3))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rollups_are_what_a_plain_calculation_makes_of_the_points() {
    let mut random = Random::new();
    let mut scene = Scene::open();
    for (number, kind) in
        [Kind::Counter, Kind::Counter, Kind::Level, Kind::Delta, Kind::Level].iter().enumerate()
    {
        let (metric, tenant) = (format!("m'{}\\", number / 2), TENANTS[number % 2]);
        for series in 0..4 {
            let all = points(&mut random, *kind);
            let repeated = again(&mut random, &all);
            let key = scene.series(tenant, &metric, series, *kind);
            scene.insert(&key, &all);
            scene.insert(&key, &repeated);
        }
    }

    let first = scene.start().await;
    assert!(first.uncovered("m'0\\"), "nothing is known yet");
    assert!(first.work().await > 0);
    scene.assert_rolled_up("at first");
    assert!(!first.uncovered("m'0\\"));

    let second = scene.start().await;
    assert_eq!(second.work().await, 0, "what was done is known after a start");
    scene.execute("OPTIMIZE TABLE telemetryflow.metric_samples FINAL");
    let third = scene.start().await;
    assert_eq!(third.work().await, 0, "merges are nothing new");
    scene.forget_what_was_done();
    let fourth = scene.start().await;
    assert!(fourth.work().await > 0);
    scene.assert_rolled_up("again");

    late_points_are_found_again(&mut random, &mut scene).await;
    late_points_before_a_crash_are_found_again(&mut random, &mut scene).await;
}

async fn late_points_are_found_again(random: &mut Random, scene: &mut Scene) {
    let running = scene.start().await;
    assert_eq!(running.work().await, 0);
    let key = scene.keys()[0].clone();
    for late in [points(random, Kind::Counter), again(random, &scene.points(&key))] {
        scene.insert(&key, &late);
        running.announce(&key, &late);
        assert!(running.uncovered(&key.metric), "what is late makes its hours stale");
        assert!(!running.uncovered("another"));
        assert_eq!(running.work().await, 0, "more may come");
        scene.clock.plus_minutes(6);
        let mut heard = running.heard_work().await;
        // Meanwhile another hour may have ended.
        heard.retain(|event| event.metrics != AggregatedMetrics::All);
        let of_it = AggregatedMetrics::These(vec![(
            TenantId::parse(&key.tenant).expect("a tenant"),
            key.metric.as_str().into(),
        )]);
        assert!(!heard.is_empty() && heard.iter().all(|event| event.metrics == of_it), "{heard:?}");
        assert!(!running.uncovered(&key.metric));
        scene.assert_rolled_up("after late points");
    }
}

async fn late_points_before_a_crash_are_found_again(random: &mut Random, scene: &mut Scene) {
    let key = scene.keys()[1].clone();
    let late = points(random, Kind::Counter);
    scene.insert(&key, &late);
    // Nobody heard of them before the process was gone.
    let running = scene.start().await;
    assert!(running.uncovered(&key.metric));
    assert!(running.work().await > 0);
    assert!(!running.uncovered(&key.metric));
    scene.assert_rolled_up("after a crash");
    assert_eq!(scene.start().await.work().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metric_that_is_cut_into_shares_has_the_same_rows() {
    let mut random = Random::new();
    let mut scene = Scene::open();
    for series in 0..20 {
        let key = scene.series(TENANTS[0], "big", series, Kind::Counter);
        let all = points(&mut random, Kind::Counter);
        scene.insert(&key, &all);
    }
    scene.calculate_in_pieces("big").await;
    scene.assert_rolled_up("in pieces");
}

#[test]
fn the_oracle_knows_increases_resets_and_pauses() {
    let point = |minute: i64, start: i64, value: f64| Point {
        at: FIRST + minute * MINUTE,
        start: if start == 0 { 0 } else { FIRST + start * MINUTE },
        value,
        integer_rest: 0,
        gap: false,
    };
    let counter = [
        point(1, 0, 10.0),  // first, its start is not known
        point(2, 0, 15.0),  // 5
        point(3, 0, 4.0),   // fell: 4
        point(30, 0, 9.0),  // after a pause of 27 minutes: unknown by five minutes, 5 by the hour
        point(31, 31, 2.0), // restarted with an unknown start: 0
        point(32, 31, 3.0), // 1
    ];
    let totals = |step: i64, look_back: i64| -> Vec<(u64, u64, f64)> {
        let rows = rolled_up(Kind::Counter, &counter, step * MINUTE, look_back * MINUTE);
        rows.iter().map(|row| (row.points, row.valued, row.total())).collect()
    };
    assert_eq!(totals(5, 15), [(3, 2, 9.0), (3, 2, 1.0)]);
    assert_eq!(totals(60, 60), [(6, 5, 15.0)]);
}
