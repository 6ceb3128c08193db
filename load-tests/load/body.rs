//! An encoded request whose times, values and series are changed in place, so that sending costs next to nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, ensure};
use prost::Message;

use crate::arguments::{Arguments, as_u64};
use crate::workload::{self, Shape};

/// The time from one delta point to the next.
const DELTA_NANOS: u64 = 1_000_000_000;
/// Series that began during the run have the highest bit set, so they are never mistaken for the lasting ones.
const CHURNED: u64 = 1 << 63;

/// When a body is sent, as far as its content goes.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub now_nanos: u64,
    pub run_start_nanos: u64,
}

/// Where in the encoded bytes the parts that differ are.
#[derive(Debug)]
struct Places {
    times: Vec<usize>,
    delta_starts: Vec<usize>,
    cumulative_starts: Vec<usize>,
    values: Vec<(usize, Shape)>,
    pods: Vec<usize>,
    service: usize,
}

/// One sender's copy of the body.
#[derive(Debug, Clone)]
pub struct Body {
    bytes: Vec<u8>,
    places: Arc<Places>,
    bodies: u64,
    services: u64,
    churned_points: usize,
    churned_series: Arc<AtomicU64>,
    random: fastrand::Rng,
}

impl Body {
    pub fn new(arguments: &Arguments) -> Result<Self> {
        let (points, metrics) = (arguments.points_per_body, arguments.metrics);
        let bytes = workload::request(points, metrics).encode_to_vec();
        let places = Places::find(&bytes, points, metrics)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let churned_points = (points as f64 * arguments.churn).round() as usize;
        Ok(Self {
            bytes,
            places: Arc::new(places),
            bodies: arguments.bodies(),
            services: arguments.services,
            churned_points,
            churned_series: Arc::new(AtomicU64::new(CHURNED)),
            random: fastrand::Rng::with_seed(1),
        })
    }

    pub fn points(&self) -> usize {
        self.places.times.len()
    }

    /// How many different bodies there are before they repeat.
    pub fn bodies(&self) -> u64 {
        self.bodies
    }

    /// The bytes of the request with this number, at this moment.
    pub fn fill(&mut self, number: u64, moment: Moment) -> &[u8] {
        let body = number % self.bodies;
        self.fill_times(moment);
        self.fill_values(moment.now_nanos.saturating_sub(moment.run_start_nanos) / 1_000_000);
        self.fill_series(body);
        let service = format!("{:04}", body % self.services);
        put(&mut self.bytes, self.places.service, service.as_bytes());
        &self.bytes
    }

    fn fill_times(&mut self, moment: Moment) {
        let mut all = |places: &[usize], time: u64| {
            for at in places {
                put(&mut self.bytes, *at, &time.to_le_bytes());
            }
        };
        all(&self.places.times, moment.now_nanos);
        all(&self.places.delta_starts, moment.now_nanos.saturating_sub(DELTA_NANOS));
        all(&self.places.cumulative_starts, moment.run_start_nanos);
    }

    /// Cumulative values grow with time, so a body that overtakes another is no reset.
    fn fill_values(&mut self, elapsed_ms: u64) {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of one run are far below 2^52")]
        let elapsed = elapsed_ms as f64;
        for (at, shape) in &self.places.values {
            let bits = match shape {
                Shape::GaugeDouble => (self.random.f64() * 100.0).to_bits(),
                Shape::DeltaDouble => self.random.f64().to_bits(),
                Shape::GaugeInt => self.random.u64(0..1_000_000),
                Shape::DeltaInt => self.random.u64(0..100),
                Shape::CumulativeInt => elapsed_ms,
                Shape::CumulativeDouble => (elapsed * 0.25).to_bits(),
            };
            put(&mut self.bytes, *at, &bits.to_le_bytes());
        }
    }

    fn fill_series(&mut self, body: u64) {
        let first = body * as_u64(self.points());
        let churned_points = as_u64(self.churned_points);
        let fresh = self.churned_series.fetch_add(churned_points, Ordering::Relaxed);
        for (number, at) in (0_u64..).zip(&self.places.pods) {
            let series = if number < churned_points { fresh + number } else { first + number };
            put(&mut self.bytes, *at, &hex(series));
        }
    }
}

impl Places {
    fn find(bytes: &[u8], points: usize, metrics: usize) -> Result<Self> {
        let of_number = |number: u64| positions(bytes, &number.to_le_bytes());
        let shapes = (0..points).map(|point| Shape::of_metric(workload::metric_of(point, points, metrics)));
        let services = positions(bytes, workload::SERVICE.as_bytes());
        let places = Self {
            times: of_number(workload::TIME),
            delta_starts: of_number(workload::DELTA_START),
            cumulative_starts: of_number(workload::CUMULATIVE_START),
            values: of_number(workload::VALUE).into_iter().zip(shapes).collect(),
            pods: positions(bytes, workload::POD.as_bytes()),
            service: services.first().copied().unwrap_or_default(),
        };
        let complete =
            [places.times.len(), places.values.len(), places.pods.len()].iter().all(|n| *n == points);
        ensure!(complete && services.len() == 1, "a placeholder of the body is not unique");
        Ok(places)
    }
}

fn positions(bytes: &[u8], needle: &[u8]) -> Vec<usize> {
    let windows = bytes.windows(needle.len()).enumerate();
    windows.filter(|(_, window)| *window == needle).map(|(at, _)| at).collect()
}

fn put(bytes: &mut [u8], at: usize, part: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + part.len()) {
        place.copy_from_slice(part);
    }
}

/// Sixteen digits, highest first: all nibbles at once, since this is most of what a body costs.
fn hex(number: u64) -> [u8; 16] {
    let mut nibbles = u128::from(number);
    nibbles = (nibbles | (nibbles << 32)) & 0x0000_0000_FFFF_FFFF_0000_0000_FFFF_FFFF;
    nibbles = (nibbles | (nibbles << 16)) & 0x0000_FFFF_0000_FFFF_0000_FFFF_0000_FFFF;
    nibbles = (nibbles | (nibbles << 8)) & 0x00FF_00FF_00FF_00FF_00FF_00FF_00FF_00FF;
    nibbles = (nibbles | (nibbles << 4)) & 0x0F0F_0F0F_0F0F_0F0F_0F0F_0F0F_0F0F_0F0F;
    // One in each byte whose nibble is a letter: ten and above carry into the fifth bit.
    let letters = ((nibbles + u128::from_ne_bytes([6; 16])) >> 4) & u128::from_ne_bytes([1; 16]);
    let digits = nibbles + u128::from_ne_bytes([b'0'; 16]) + letters * u128::from(b'a' - b'0' - 10);
    digits.to_be_bytes()
}

#[cfg(test)]
mod tests;
