//! Random requests with metrics of every kind, good and bad, and what the rules say of them, written over prost's message
//! tree: the oracle of the walker and of the store. It knows no type of the program, so that both kinds of tests can use it.
#![allow(dead_code, reason = "each test uses its part")]

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, SummaryDataPoint,
    exemplar, metric::Data, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

#[path = "every_kind/requests.rs"]
mod requests;
pub use requests::any_request;

pub type Texts = BTreeMap<String, String>;

/// One accepted point with all that was sent of it and around it. Doubles are told by their bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPoint {
    pub metric: SeenMetric,
    pub attributes: Texts,
    pub time: u64,
    pub start: u64,
    pub flags: u32,
    pub value: SeenValue,
    pub exemplars: Vec<SeenExemplar>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenMetric {
    pub name: String,
    pub kind: String,
    /// As in OTLP; 0 for kinds that have none.
    pub temporality: i32,
    pub monotonic: bool,
    pub unit: String,
    pub description: String,
    pub metadata: Texts,
    pub service: String,
    pub resource: SeenOrigin,
    pub scope_name: String,
    pub scope_version: String,
    pub scope: SeenOrigin,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SeenOrigin {
    pub attributes: Texts,
    pub dropped: u32,
    pub schema_url: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenNumber {
    Integer(i64),
    Double(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SeenPopulation {
    pub count: u64,
    pub sum: Option<u64>,
    pub min: Option<u64>,
    pub max: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeenValue {
    Number(SeenNumber),
    Histogram {
        population: SeenPopulation,
        bucket_counts: Vec<u64>,
        bounds: Vec<u64>,
    },
    ExponentialHistogram {
        population: SeenPopulation,
        scale: i32,
        zero_count: u64,
        zero_threshold: u64,
        positive: (i32, Vec<u64>),
        negative: (i32, Vec<u64>),
    },
    Summary {
        count: u64,
        sum: u64,
        quantiles: Vec<(u64, u64)>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenExemplar {
    pub time: u64,
    pub value: SeenNumber,
    /// Hexadecimal; empty if there is none.
    pub trace: String,
    pub span: String,
    pub attributes: Texts,
}

/// The accepted points in the order in which they were sent, and how many are rejected.
pub fn expected(request: &ExportMetricsServiceRequest) -> (Vec<SeenPoint>, u64) {
    let (mut seen, mut rejected) = (Vec::new(), 0);
    for resource in &request.resource_metrics {
        for scope in &resource.scope_metrics {
            for metric in &scope.metrics {
                let own = resource.resource.clone().unwrap_or_default();
                let around = Around {
                    resource: resource_origin(&own, &resource.schema_url),
                    scope: scope.scope.clone().unwrap_or_default(),
                    scope_schema_url: scope.schema_url.clone(),
                };
                points_of(metric, &around, &mut seen, &mut rejected);
            }
        }
    }
    (seen, rejected)
}

struct Around {
    resource: SeenOrigin,
    scope: InstrumentationScope,
    scope_schema_url: String,
}

fn resource_origin(resource: &Resource, schema_url: &str) -> SeenOrigin {
    SeenOrigin {
        attributes: texts(&resource.attributes),
        dropped: resource.dropped_attributes_count + without_key(&resource.attributes),
        schema_url: schema_url.to_owned(),
    }
}

/// Attributes that cannot be kept.
fn without_key(attributes: &[KeyValue]) -> u32 {
    u32::try_from(attributes.iter().filter(|attribute| attribute.key.is_empty()).count()).expect("a few")
}

fn points_of(metric: &Metric, around: &Around, seen: &mut Vec<SeenPoint>, rejected: &mut u64) {
    let (kind, temporality, monotonic, points) = match &metric.data {
        None => return,
        Some(Data::Gauge(gauge)) => ("gauge", 0, false, each(&gauge.data_points, |p| number(p, false))),
        Some(Data::Sum(sum)) => {
            let monotonic = sum.is_monotonic;
            ("sum", sum.aggregation_temporality, monotonic, each(&sum.data_points, |p| number(p, monotonic)))
        }
        Some(Data::Histogram(histogram)) => (
            "histogram",
            histogram.aggregation_temporality,
            false,
            each(&histogram.data_points, histogram_point),
        ),
        Some(Data::ExponentialHistogram(histogram)) => (
            "exponential_histogram",
            histogram.aggregation_temporality,
            false,
            each(&histogram.data_points, exponential_point),
        ),
        Some(Data::Summary(summary)) => ("summary", 0, false, each(&summary.data_points, summary_point)),
    };
    let needs_temporality = !["gauge", "summary"].contains(&kind);
    let is_valid = !metric.name.is_empty() && (!needs_temporality || (1..=2).contains(&temporality));
    let scope = &around.scope;
    let metric = SeenMetric {
        name: metric.name.clone(),
        kind: kind.to_owned(),
        temporality,
        monotonic,
        unit: metric.unit.clone(),
        description: metric.description.clone(),
        metadata: texts(&metric.metadata),
        service: around.resource.attributes.get("service.name").cloned().unwrap_or_default(),
        resource: around.resource.clone(),
        scope_name: scope.name.clone(),
        scope_version: scope.version.clone(),
        scope: SeenOrigin {
            attributes: texts(&scope.attributes),
            dropped: scope.dropped_attributes_count + without_key(&scope.attributes),
            schema_url: around.scope_schema_url.clone(),
        },
    };
    for point in points {
        match point.filter(|_| is_valid) {
            Some((frame, value)) => seen.push(SeenPoint {
                metric: metric.clone(),
                attributes: frame.attributes,
                time: frame.time,
                start: frame.start,
                flags: frame.flags,
                value,
                exemplars: frame.exemplars,
            }),
            None => *rejected += 1,
        }
    }
}

type Judged = Option<(Frame, SeenValue)>;

fn each<P>(points: &[P], judge: impl Fn(&P) -> Judged) -> Vec<Judged> {
    points.iter().map(judge).collect()
}

struct Frame {
    attributes: Texts,
    time: u64,
    start: u64,
    flags: u32,
    exemplars: Vec<SeenExemplar>,
}

/// 2100-01-01, in nanoseconds since the epoch.
const LATEST: u64 = 4_102_444_800_000_000_000;

fn frame(
    time: u64,
    start: u64,
    flags: u32,
    attributes: &[KeyValue],
    exemplars: &[Exemplar],
) -> Option<Frame> {
    (1..=LATEST).contains(&time).then(|| Frame {
        attributes: texts(attributes),
        time,
        start: if start <= time { start } else { 0 },
        flags,
        exemplars: exemplars.iter().filter_map(seen_exemplar).collect(),
    })
}

fn number(point: &NumberDataPoint, monotonic: bool) -> Judged {
    let value = match point.value {
        _ if point.flags & 1 == 1 => SeenNumber::Double(f64::NAN.to_bits()),
        Some(number_data_point::Value::AsInt(value)) if !(monotonic && value < 0) => {
            SeenNumber::Integer(value)
        }
        Some(number_data_point::Value::AsDouble(value)) if !(monotonic && value < 0.0) => {
            SeenNumber::Double(value.to_bits())
        }
        _ => return None,
    };
    let (time, start) = (point.time_unix_nano, point.start_time_unix_nano);
    let frame = frame(time, start, point.flags, &point.attributes, &point.exemplars)?;
    Some((frame, SeenValue::Number(value)))
}

fn population(count: u64, sum: Option<f64>, min: Option<f64>, max: Option<f64>) -> SeenPopulation {
    let bits = |value: Option<f64>| value.map(f64::to_bits);
    SeenPopulation { count, sum: bits(sum), min: bits(min), max: bits(max) }
}

fn total<'a>(counts: impl IntoIterator<Item = &'a u64>) -> u128 {
    counts.into_iter().map(|count| u128::from(*count)).sum()
}

fn histogram_point(point: &HistogramDataPoint) -> Judged {
    let (counts, bounds) = (&point.bucket_counts, &point.explicit_bounds);
    let ended = point.flags & 1 == 1;
    let fits = counts.len() == bounds.len() + 1
        && bounds.iter().all(|bound| !bound.is_nan())
        && bounds.windows(2).all(|pair| pair[0] < pair[1])
        && total(counts) == u128::from(point.count);
    let without_buckets = counts.is_empty() && bounds.is_empty();
    if !(ended || fits || without_buckets) {
        return None;
    }
    let (time, start) = (point.time_unix_nano, point.start_time_unix_nano);
    let frame = frame(time, start, point.flags, &point.attributes, &point.exemplars)?;
    let mut value = SeenValue::Histogram {
        population: population(point.count, point.sum, point.min, point.max),
        bucket_counts: counts.clone(),
        bounds: bounds.iter().map(|bound| bound.to_bits()).collect(),
    };
    if ended {
        let population = SeenPopulation::default();
        value = SeenValue::Histogram { population, bucket_counts: Vec::new(), bounds: Vec::new() };
    }
    Some((frame, value))
}

fn exponential_point(point: &ExponentialHistogramDataPoint) -> Judged {
    let side = |buckets: &Option<Buckets>| {
        buckets.as_ref().map(|b| (b.offset, b.bucket_counts.clone())).unwrap_or_default()
    };
    let (positive, negative) = (side(&point.positive), side(&point.negative));
    let within = |(offset, counts): &(i32, Vec<u64>)| {
        i64::from(*offset) + i64::try_from(counts.len()).expect("few") <= i64::from(i32::MAX)
    };
    let all = positive.1.iter().chain(&negative.1).chain([&point.zero_count]);
    let ended = point.flags & 1 == 1;
    let fits = (-11..=52).contains(&point.scale)
        && within(&positive)
        && within(&negative)
        && total(all) == u128::from(point.count);
    if !ended && !fits {
        return None;
    }
    let (time, start) = (point.time_unix_nano, point.start_time_unix_nano);
    let frame = frame(time, start, point.flags, &point.attributes, &point.exemplars)?;
    let mut value = SeenValue::ExponentialHistogram {
        population: population(point.count, point.sum, point.min, point.max),
        scale: point.scale,
        zero_count: point.zero_count,
        zero_threshold: point.zero_threshold.to_bits(),
        positive: positive.clone(),
        negative: negative.clone(),
    };
    if ended {
        value = SeenValue::ExponentialHistogram {
            population: SeenPopulation::default(),
            scale: 0,
            zero_count: 0,
            zero_threshold: 0,
            positive: Default::default(),
            negative: Default::default(),
        };
    }
    Some((frame, value))
}

fn summary_point(point: &SummaryDataPoint) -> Judged {
    let ended = point.flags & 1 == 1;
    let quantiles: Vec<(f64, f64)> = point.quantile_values.iter().map(|at| (at.quantile, at.value)).collect();
    if !ended && !quantiles.iter().all(|(quantile, _)| *quantile >= 0.0 && *quantile <= 1.0) {
        return None;
    }
    let (time, start) = (point.time_unix_nano, point.start_time_unix_nano);
    let frame = frame(time, start, point.flags, &point.attributes, &[])?;
    let quantiles = quantiles.iter().map(|(quantile, value)| (quantile.to_bits(), value.to_bits())).collect();
    let mut value = SeenValue::Summary { count: point.count, sum: point.sum.to_bits(), quantiles };
    if ended {
        value = SeenValue::Summary { count: 0, sum: 0, quantiles: Vec::new() };
    }
    Some((frame, value))
}

fn seen_exemplar(sent: &Exemplar) -> Option<SeenExemplar> {
    let value = match sent.value? {
        exemplar::Value::AsInt(value) => SeenNumber::Integer(value),
        exemplar::Value::AsDouble(value) => SeenNumber::Double(value.to_bits()),
    };
    let id = |bytes: &[u8], length| match bytes {
        _ if bytes.len() != length || bytes.iter().all(|byte| *byte == 0) => String::new(),
        bytes => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    (sent.time_unix_nano <= LATEST).then(|| SeenExemplar {
        time: sent.time_unix_nano,
        value,
        trace: id(&sent.trace_id, 16),
        span: id(&sent.span_id, 8),
        attributes: texts(&sent.filtered_attributes),
    })
}

/// Attributes as texts: the last of each key, none with an empty key.
pub fn texts(attributes: &[KeyValue]) -> Texts {
    let named = attributes.iter().filter(|attribute| !attribute.key.is_empty());
    named.map(|attribute| (attribute.key.clone(), text(attribute))).collect()
}

fn text(attribute: &KeyValue) -> String {
    match attribute.value.as_ref().and_then(|any| any.value.as_ref()) {
        Some(Any::StringValue(text)) => text.clone(),
        Some(Any::IntValue(number)) => number.to_string(),
        Some(Any::BoolValue(flag)) => flag.to_string(),
        Some(Any::ArrayValue(array)) => format!("[{}]", vec!["null"; array.values.len()].join(",")),
        None => String::new(),
        other => panic!("not generated: {other:?}"),
    }
}
