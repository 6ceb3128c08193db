//! Scenario: a server is sent points of hours that have long ended, is stopped, started again, and sent more; another one has rollups
//! switched off.
//! Guarantees: the hours are rolled up without anybody asking, also those that a process before did not come to; the counters tell; what
//! is switched off writes nothing.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use std::time::Duration;

use serde_json::json;
use support::otlp::{CUMULATIVE, MINUTE, assert_taken, body, double, gauge, moment, sum};
use support::server::{folder, rows};
use support::{Server, eventually};
use tempfile::TempDir;

const WITHIN: Duration = Duration::from_secs(60);
const EAGER: &str = "[rollups]\ndelay = \"0s\"";
const ROWS: &str = "SELECT metric, count() AS buckets, sum(points) AS all, sum(total) AS added, argMax(last, time) AS newest \
                    FROM telemetryflow.metric_rollup_1h FINAL WHERE points > 0 GROUP BY metric ORDER BY metric";

/// A whole hour, three hours ago.
fn long_ago() -> u64 {
    let hour = 60 * MINUTE;
    moment() / hour * hour - 3 * hour
}

fn send(server: &Server, minutes: std::ops::Range<u32>) {
    let points = |value: fn(u32) -> f64| {
        minutes.clone().map(move |m| double(long_ago() + u64::from(m) * MINUTE, value(m)))
    };
    let levels = gauge("level", points(|_| 2.0).collect());
    let counter = sum("counter", CUMULATIVE, true, points(f64::from).collect());
    assert_taken(&server.post_metrics(&body(vec![levels, counter]), &[]));
}

/// Until no hour waits, and so many were calculated for late points.
fn rolled_up(server: &Server, hours: u64) {
    eventually("the hours are rolled up", WITHIN, || {
        let late = server.measured("telemetryflow_rollups_hours_total", &["late"]);
        (late >= hours && server.measured("telemetryflow_rollups_hours_waiting", &[]) == 0).then_some(())
    });
}

fn assert_rows(folder: &TempDir, points: u64) {
    let expected = [
        json!({"metric": "counter", "buckets": 2, "all": points, "added": points - 1, "newest": points - 1}),
        json!({"metric": "level", "buckets": 2, "all": points, "added": 2 * points, "newest": 2}),
    ];
    assert_eq!(rows(folder, ROWS), expected);
}

#[test]
fn hours_that_have_ended_are_rolled_up_and_found_again_after_a_start() {
    let folder = folder();
    let server = Server::start(&folder, EAGER);
    send(&server, 0..90);
    rolled_up(&server, 2);
    assert_eq!(server.measured("telemetryflow_rollups_failures_total", &[]), 0);
    assert!(server.stop().status.success());
    assert_rows(&folder, 90);

    // This process is stopped before it may look at what came late.
    let patient = Server::start(&folder, "[rollups]\ndelay = \"1h\"");
    send(&patient, 90..100);
    assert!(patient.stop().status.success());

    let server = Server::start(&folder, EAGER);
    eventually("the hours are found again", WITHIN, || {
        let whole = server.measured("telemetryflow_rollups_hours_total", &["whole"]);
        (whole > 0 && server.measured("telemetryflow_rollups_hours_waiting", &[]) == 0).then_some(())
    });
    assert!(server.stop().status.success());
    assert_rows(&folder, 100);
}

#[test]
fn what_is_switched_off_writes_nothing() {
    let folder = folder();
    let server = Server::start(&folder, "[rollups]\nmode = \"off\"");
    send(&server, 0..90);
    let page = server.get("/metrics").text();
    assert!(!page.contains("telemetryflow_rollups"), "{page}");
    assert!(server.stop().status.success());
    assert_eq!(rows(&folder, ROWS), Vec::<serde_json::Value>::new());
}
