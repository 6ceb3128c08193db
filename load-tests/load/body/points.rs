//! Where in a body of metrics the points' times, values and series are, and what is written there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, ensure};
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;

use super::Moment;
use super::draft::Draft;
use crate::arguments::{Arguments, as_u64};
use crate::workload::{self, Shape};

/// The time from one delta point to the next.
pub const DELTA_NANOS: u64 = 1_000_000_000;
/// Series that began during the run have the highest bit set, so they are never mistaken for the lasting ones.
const CHURNED: u64 = 1 << 63;

/// Where in the encoded bytes the parts that differ are.
#[derive(Debug)]
struct Places {
    times: Vec<usize>,
    delta_starts: Vec<usize>,
    cumulative_starts: Vec<usize>,
    values: Vec<(usize, Shape)>,
    pods: Vec<usize>,
}

#[derive(Debug, Clone)]
pub struct Points {
    places: Arc<Places>,
    churned_points: usize,
    churned_series: Arc<AtomicU64>,
    random: fastrand::Rng,
}

impl Points {
    pub fn find(draft: &Draft, arguments: &Arguments) -> Result<Self> {
        let (points, metrics) = (arguments.items_per_body, arguments.metrics);
        let places = Places::find(draft, points, metrics)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let churned_points = (points as f64 * arguments.churn).round() as usize;
        Ok(Self {
            places: Arc::new(places),
            churned_points,
            churned_series: Arc::new(AtomicU64::new(CHURNED)),
            random: fastrand::Rng::with_seed(arguments.seed),
        })
    }

    /// Body 0 carries the first series.
    pub fn fill(&mut self, draft: &mut Draft, body: u64, moment: Moment) {
        self.fill_times(draft, moment);
        self.fill_values(draft, moment.now_nanos.saturating_sub(moment.run_start_nanos) / 1_000_000);
        self.fill_series(draft, body);
    }

    fn fill_times(&self, draft: &mut Draft, moment: Moment) {
        let mut all = |places: &[usize], time: u64| {
            for at in places {
                draft.put_time(*at, time);
            }
        };
        all(&self.places.times, moment.now_nanos);
        all(&self.places.delta_starts, moment.now_nanos.saturating_sub(DELTA_NANOS));
        all(&self.places.cumulative_starts, moment.run_start_nanos);
    }

    /// Cumulative values grow with time, so a body that overtakes another is no reset.
    fn fill_values(&mut self, draft: &mut Draft, elapsed_ms: u64) {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of one run are far below 2^52")]
        let elapsed = elapsed_ms as f64;
        for (at, shape) in &self.places.values {
            let value = match shape {
                Shape::GaugeDouble => Value::AsDouble(self.random.f64() * 100.0),
                Shape::DeltaDouble => Value::AsDouble(self.random.f64()),
                Shape::GaugeInt => Value::AsInt(self.random.i64(0..1_000_000)),
                Shape::DeltaInt => Value::AsInt(self.random.i64(0..100)),
                Shape::CumulativeInt => Value::AsInt(elapsed_ms.cast_signed()),
                Shape::CumulativeDouble => Value::AsDouble(elapsed * 0.25),
            };
            draft.put_value(*at, value);
        }
    }

    fn fill_series(&self, draft: &mut Draft, body: u64) {
        let first = body * as_u64(self.places.pods.len());
        let churned_points = as_u64(self.churned_points);
        let fresh = self.churned_series.fetch_add(churned_points, Ordering::Relaxed);
        for (number, at) in (0_u64..).zip(&self.places.pods) {
            let series = if number < churned_points { fresh + number } else { first + number };
            draft.put_hex(*at, series);
        }
    }
}

impl Places {
    fn find(draft: &Draft, points: usize, metrics: usize) -> Result<Self> {
        let shapes = (0..points).map(|point| Shape::of_metric(workload::metric_of(point, points, metrics)));
        let places = Self {
            times: draft.times(workload::TIME),
            delta_starts: draft.times(workload::DELTA_START),
            cumulative_starts: draft.times(workload::CUMULATIVE_START),
            values: draft.values(workload::VALUE).into_iter().zip(shapes).collect(),
            pods: draft.texts(workload::POD),
        };
        let complete =
            [places.times.len(), places.values.len(), places.pods.len()].iter().all(|n| *n == points);
        ensure!(complete, "a placeholder of the points is not unique");
        Ok(places)
    }
}
