//! What the benchmarks have in common: the load generator's requests, and a catalogue whose clock stands still.
#![allow(dead_code, reason = "each benchmark uses its part")]

use std::sync::Arc;
use std::time::Duration;

use criterion::Criterion;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::{NumberDataPoint, metric, number_data_point};
use prost::Message;
use telemetryflow::shared::{Clock, SeriesIdentity, SeriesWatch, TenantId, Timestamp, WatchEpoch, WatchId};
use telemetryflow::telemetry::KeySeed;
use telemetryflow::telemetry::stages::AcceptanceWindow;
use telemetryflow::telemetry::stages::SeriesLookup;
use telemetryflow::telemetry::stages::{DecodedMetrics, Meter, MetricsIntake, walk};
use telemetryflow::telemetry::{Catalogue, CatalogueLimits};

#[path = "../../load-tests/load/workload.rs"]
pub mod workload;

/// The moment of all points and of the catalogue's clock: 2026-11-18, in nanoseconds since the epoch.
pub const NOW: u64 = 1_795_000_000_000_000_000;
pub const SEED: KeySeed = KeySeed(7);

/// The program's own allocator, since what is measured allocates.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Short enough to be run often; the machine's noise is larger than what longer runs would settle.
pub fn criterion() -> Criterion {
    let criterion = Criterion::default().sample_size(30).warm_up_time(Duration::from_secs(1));
    criterion.measurement_time(Duration::from_secs(3)).configure_from_args()
}

/// A request as the load generator sends it, whose points are the series from `first_series` on.
pub fn body(points: usize, metrics: usize, first_series: u64) -> Vec<u8> {
    let mut request = workload::request(points, metrics);
    for (point, series) in points_of(&mut request).zip(first_series..) {
        settle(point, series);
    }
    let bytes = request.encode_to_vec();
    replaced(bytes, workload::SERVICE.as_bytes(), b"0001")
}

fn points_of(request: &mut ExportMetricsServiceRequest) -> impl Iterator<Item = &mut NumberDataPoint> {
    let scopes = request.resource_metrics.iter_mut().flat_map(|resource| &mut resource.scope_metrics);
    scopes.flat_map(|scope| &mut scope.metrics).flat_map(|metric| match &mut metric.data {
        Some(metric::Data::Gauge(gauge)) => gauge.data_points.iter_mut(),
        Some(metric::Data::Sum(sum)) => sum.data_points.iter_mut(),
        _ => [].iter_mut(),
    })
}

/// Puts something plausible in the place of the placeholders.
fn settle(point: &mut NumberDataPoint, series: u64) {
    point.time_unix_nano = NOW;
    point.start_time_unix_nano = match point.start_time_unix_nano {
        workload::DELTA_START => NOW - 1_000_000_000,
        workload::CUMULATIVE_START => NOW - 3_600_000_000_000,
        other => other,
    };
    let value = u32::try_from(series.wrapping_mul(0x9E37_79B9) % 1_000_000).unwrap_or_default();
    point.value = match point.value {
        Some(number_data_point::Value::AsInt(_)) => Some(number_data_point::Value::AsInt(value.into())),
        _ => Some(number_data_point::Value::AsDouble(f64::from(value) / 7.0)),
    };
    for attribute in &mut point.attributes {
        let value = attribute.value.as_mut().and_then(|value| value.value.as_mut());
        if let Some(Value::StringValue(text)) = value
            && text == workload::POD
        {
            *text = format!("{series:016x}");
        }
    }
}

fn replaced(mut bytes: Vec<u8>, old: &[u8], new: &[u8]) -> Vec<u8> {
    let at = bytes.windows(old.len()).position(|window| window == old);
    if let Some(place) = at.and_then(|at| bytes.get_mut(at..at + new.len())) {
        place.copy_from_slice(new);
    }
    bytes
}

struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_nanos(NOW).unwrap_or(Timestamp::EPOCH)
    }
}

struct NobodyWatches;

impl SeriesWatch for NobodyWatches {
    fn watch(&self, _: &SeriesIdentity) -> WatchId {
        WatchId::NONE
    }

    fn epoch(&self) -> WatchEpoch {
        WatchEpoch::default()
    }
}

pub fn catalogue() -> Arc<Catalogue> {
    let limits = CatalogueLimits { series_max_per_tenant: usize::MAX, idle_max: Duration::from_secs(86_400) };
    Catalogue::new(limits, Arc::new(NobodyWatches), Arc::new(StillClock))
}

/// The whole intake of one body: walk, check, look up, columns.
pub fn take_in(body: &[u8], lookup: &mut impl SeriesLookup) -> DecodedMetrics {
    let window = AcceptanceWindow::around(StillClock.now(), None, None);
    let mut meter = Meter::unlimited();
    let mut intake = MetricsIntake::new(TenantId::unnamed(), window, SEED, &mut meter, lookup);
    walk(body, &mut intake).expect("a request of ours can be read");
    intake.finish()
}

/// The intake of one body, after which its series are known.
pub fn make_known(body: &[u8], catalogue: &Arc<Catalogue>) -> DecodedMetrics {
    let decoded = take_in(body, &mut catalogue.reader());
    catalogue.rows_stored(&decoded.new_series);
    decoded
}
