//! Random histograms: what their processes observe and what happens to them, as points and as OTLP.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Histogram, HistogramDataPoint, Metric,
    exponential_histogram_data_point::Buckets, metric::Data,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::observed::{Counts, Exponential, Observed, Shape};
use super::oracle::{Labels, Point};
use super::support::otlp::{CUMULATIVE, DELTA, MINUTE, metric, text};

const HOUR: u64 = 60 * MINUTE;
/// Values are told by sixteenths of a power of two, and lie in the middle between two of them: within a bucket of every
/// scale up to 4.
const SIXTEENTHS: i32 = 16;
const SCALE_MAX: i32 = 4;
/// What a flood observes: more buckets of the highest scale than are kept.
const FLOOD: std::ops::Range<i32> = -180..180;

const BOUNDS: [&[f64]; 5] =
    [&[0.5, 1.0, 2.0, 4.0, 8.0], &[0.5, 2.0, 8.0], &[1.0, 3.0, 8.0, 30.0], &[-4.0, 0.0, 1.0, 2.0], &[]];
/// Ends of buckets at every scale from -2 on.
const THRESHOLDS: [f64; 3] = [0.0, 0.0625, 1.0];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Explicit,
    Exponential,
}

/// How a process counts.
#[derive(Debug, Clone, Copy)]
struct Resolution {
    bounds: &'static [f64],
    scale: i32,
    threshold: f64,
}

/// A series, and where its points come from.
#[derive(Debug, Clone)]
pub struct Series {
    host: &'static str,
    zone: Option<&'static str>,
    /// When it says it began: unknown, or so long before the first point.
    began: Option<u64>,
    resolution: Resolution,
    points: Vec<Draft>,
}

/// A point before the series is put in order of time.
#[derive(Debug, Clone)]
struct Draft {
    offset_ms: u64,
    event: u8,
    batch: usize,
    seen: Vec<(i8, i32)>,
    /// From this point on, if that is what happens.
    resolution: Resolution,
}

fn resolution() -> impl Strategy<Value = Resolution> {
    (select(BOUNDS.to_vec()), -2..=SCALE_MAX, select(THRESHOLDS.to_vec()))
        .prop_map(|(bounds, scale, threshold)| Resolution { bounds, scale, threshold })
}

pub fn series() -> impl Strategy<Value = Series> {
    let signs = select(vec![1_i8, 1, 1, 0, -1]);
    let seen = vec((signs, -90..90_i32), 0..8);
    let draft = (0..3 * HOUR / 1_000_000, 0..24_u8, 0..3_usize, seen, resolution());
    let draft = draft.prop_map(|(offset_ms, event, batch, seen, resolution)| Draft {
        offset_ms,
        event,
        batch,
        seen,
        resolution,
    });
    let zones = select(vec![None, Some("x"), Some("y")]);
    (select(vec!["a", "b", "c"]), zones, proptest::option::of(1..HOUR), resolution(), vec(draft, 1..30))
        .prop_map(|(host, zone, began, resolution, points)| Series { host, zone, began, resolution, points })
}

impl Series {
    pub fn labels(&self, number: usize) -> Labels {
        let mut labels = Labels::from([
            ("host", self.host.into()),
            ("service.name", "shop".into()),
            ("n", number.to_string()),
        ]);
        labels.extend(self.zone.map(|zone| ("zone", zone.to_owned())));
        labels
    }
}

/// How often a value was seen, by its sign and its place.
type Seen = BTreeMap<(i8, i32), u64>;

fn value((sign, place): (i8, i32)) -> f64 {
    f64::from(sign) * 2_f64.powf((f64::from(place) + 0.5) / f64::from(SIXTEENTHS))
}

fn note(seen: &mut Seen, values: impl IntoIterator<Item = (i8, i32)>) {
    values.into_iter().for_each(|value| *seen.entry(value).or_default() += 1);
}

fn shape(kind: Kind, seen: &Seen, resolution: Resolution) -> Shape {
    match kind {
        Kind::Explicit => {
            let bounds = resolution.bounds.to_vec();
            let mut counts = vec![0; bounds.len() + 1];
            for (key, count) in seen {
                counts[bounds.iter().filter(|bound| **bound < value(*key)).count()] += count;
            }
            Shape::Explicit { bounds, counts }
        }
        Kind::Exponential => {
            let Resolution { scale, threshold, .. } = resolution;
            let mut own = Exponential { scale, threshold, ..Exponential::default() };
            for (key, count) in seen {
                let index = key.1 >> (SCALE_MAX - scale);
                match key.0 {
                    _ if value(*key).abs() <= threshold => own.zero += count,
                    1 => *own.positive.entry(index).or_default() += count,
                    _ => *own.negative.entry(index).or_default() += count,
                }
            }
            Shape::Exponential(own)
        }
    }
}

/// Sums are told in quarters, so that they can be added up exactly in any order.
fn observed(kind: Kind, seen: &Seen, resolution: Resolution) -> Observed {
    let sum =
        seen.iter().map(|((sign, place), count)| f64::from(*sign) * f64::from(*place) / 4.0 * *count as f64);
    Observed { count: seen.values().sum(), sum: Some(sum.sum()), shape: shape(kind, seen, resolution) }
}

fn ends(seen: &Seen) -> Option<(f64, f64)> {
    let values = || seen.keys().map(|key| value(*key));
    values().reduce(f64::min).zip(values().reduce(f64::max))
}

/// Puts a series in order of time and lets it run. Of points with the same time the last one counts.
pub fn points(kind: Kind, cumulative: bool, number: usize, series: &Series, base: u64) -> Vec<Point> {
    let mut drafts = series.points.clone();
    drafts.sort_by_key(|draft| draft.offset_ms);
    let (mut all, mut resolution) = (Seen::new(), series.resolution);
    let (mut start, mut before) = (0, base);
    let mut points = Vec::new();
    for (place, draft) in (0_u64..).zip(drafts) {
        let time = base + draft.offset_ms * 1_000_000 + place * 1_000 + number as u64;
        if place == 0 {
            start = series.began.map_or(0, |ago| time - ago);
        }
        let mut clear = |began: u64| {
            start = began;
            all.clear();
        };
        match draft.event {
            // The process restarted: a new start after the point before.
            0 => clear(before + (time - before) / 2),
            // It restarted and does not say so.
            1 => all.clear(),
            // The true start is unknown.
            2 => clear(time),
            3 | 4 => resolution = draft.resolution,
            5 if !cumulative || all.is_empty() => note(&mut all, FLOOD.map(|place| (1, place))),
            _ => {}
        }
        if !cumulative && draft.event != 5 {
            all.clear();
        }
        note(&mut all, draft.seen.iter().copied());
        let mut observed = observed(kind, &all, resolution);
        match draft.event {
            6 => observed.sum = None,
            7 if kind == Kind::Explicit => observed.shape = Shape::Unknown,
            _ => {}
        }
        let ends = (draft.event % 2 == 0).then(|| ends(&all)).flatten();
        let (series, batch) = (number, draft.batch);
        if draft.event == 8 {
            // Sent before with other values, in the same request or in the one before.
            let other = Observed { count: 3, sum: Some(1.0), shape: Shape::Unknown };
            let shape = shape(kind, &Seen::from([((1, 7), 3)]), resolution);
            let observed = Some(Observed { shape, ..other });
            points.push(Point {
                series,
                batch: batch.saturating_sub(1),
                time,
                start: 0,
                ends: None,
                observed,
            });
        }
        let observed = (draft.event != 9).then_some(observed);
        points.push(Point { series, batch, time, start, ends, observed });
        before = time;
    }
    points
}

/// As one metric.
pub fn wire(kind: Kind, cumulative: bool, name: &str, points: &[Point], labels: &[Labels]) -> Metric {
    let aggregation_temporality = if cumulative { CUMULATIVE } else { DELTA };
    let data = match kind {
        Kind::Explicit => Data::Histogram(Histogram {
            data_points: points.iter().map(|point| explicit(point, &labels[point.series])).collect(),
            aggregation_temporality,
        }),
        Kind::Exponential => Data::ExponentialHistogram(ExponentialHistogram {
            data_points: points.iter().map(|point| exponential(point, &labels[point.series])).collect(),
            aggregation_temporality,
        }),
    };
    metric(name, data)
}

fn explicit(point: &Point, labels: &Labels) -> HistogramDataPoint {
    let mut wire = HistogramDataPoint {
        time_unix_nano: point.time,
        start_time_unix_nano: point.start,
        min: point.ends.map(|(low, _)| low),
        max: point.ends.map(|(_, high)| high),
        attributes: labels
            .iter()
            .filter(|(name, _)| **name != "service.name")
            .map(|(k, v)| text(k, v))
            .collect(),
        ..HistogramDataPoint::default()
    };
    let Some(observed) = &point.observed else {
        return HistogramDataPoint { flags: 1, min: None, max: None, ..wire };
    };
    (wire.count, wire.sum) = (observed.count, observed.sum);
    if let Shape::Explicit { bounds, counts } = &observed.shape {
        (wire.explicit_bounds, wire.bucket_counts) = (bounds.clone(), counts.clone());
    }
    wire
}

fn exponential(point: &Point, labels: &Labels) -> ExponentialHistogramDataPoint {
    let mut wire = ExponentialHistogramDataPoint {
        time_unix_nano: point.time,
        start_time_unix_nano: point.start,
        min: point.ends.map(|(low, _)| low),
        max: point.ends.map(|(_, high)| high),
        attributes: labels
            .iter()
            .filter(|(name, _)| **name != "service.name")
            .map(|(k, v)| text(k, v))
            .collect(),
        ..ExponentialHistogramDataPoint::default()
    };
    let Some(observed) = &point.observed else {
        return ExponentialHistogramDataPoint { flags: 1, min: None, max: None, ..wire };
    };
    (wire.count, wire.sum) = (observed.count, observed.sum);
    if let Shape::Exponential(own) = &observed.shape {
        (wire.scale, wire.zero_count, wire.zero_threshold) = (own.scale, own.zero, own.threshold);
        (wire.positive, wire.negative) = (buckets(&own.positive), buckets(&own.negative));
    }
    wire
}

fn buckets(counts: &Counts) -> Option<Buckets> {
    let (first, last) = counts.keys().min().zip(counts.keys().max())?;
    let bucket_counts = (*first..=*last).map(|index| counts.get(&index).copied().unwrap_or_default());
    Some(Buckets { offset: *first, bucket_counts: bucket_counts.collect() })
}
