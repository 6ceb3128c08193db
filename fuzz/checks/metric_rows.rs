//! The rows of metric points, kind by kind, against what the rules say of prost's message tree.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, Metric, metric::Data};
use telemetryflow::shared::columns::PointColumns;
use telemetryflow::shared::{NumberRow, Population, SeriesIdentity};
use telemetryflow::telemetry::stages::DecodedMetrics;

#[path = "../../tests/support/every_kind.rs"]
#[allow(unused_imports, reason = "the requests come from the fuzzer")]
mod every_kind;

use every_kind::{SeenExemplar, SeenNumber, SeenPoint, SeenPopulation, SeenValue, expected};

/// Longest name and unit of a metric; the oracle knows no limit.
const NAME_BYTES_MAX: usize = 1_024;
const UNIT_BYTES_MAX: usize = 256;

/// Attributes are left out: prost cannot nest them deep enough to cost a point.
pub fn assert_same(request: ExportMetricsServiceRequest, decoded: &DecodedMetrics) {
    let (seen, rejected) = expected(&without_attributes(request));
    assert_eq!(decoded.findings.rejected_items(), rejected);
    assert_eq!(decoded.columns.len(), seen.len());
    let series = decoded.new_series.iter().map(|new| (new.identity.id.0, &new.identity)).collect();
    let rows = Rows { decoded, series };
    let of = |kinds: &[&str]| seen.iter().filter(|point| kinds.contains(&&*point.metric.kind)).collect();
    rows.assert_numbers(of(&["gauge", "sum"]));
    rows.assert_histograms(of(&["histogram"]));
    rows.assert_exponential_histograms(of(&["exponential_histogram"]));
    rows.assert_summaries(of(&["summary"]));
    rows.assert_exemplars(&seen);
}

fn without_attributes(mut request: ExportMetricsServiceRequest) -> ExportMetricsServiceRequest {
    for resource in &mut request.resource_metrics {
        resource.resource = None;
        for scope in &mut resource.scope_metrics {
            scope.scope = None;
            scope.metrics.iter_mut().for_each(strip);
        }
    }
    request
}

fn strip(metric: &mut Metric) {
    metric.metadata.clear();
    if metric.name.len() > NAME_BYTES_MAX || metric.unit.len() > UNIT_BYTES_MAX {
        // As bad, and known to the oracle.
        metric.name.clear();
    }
    let bare =
        |exemplars: &mut Vec<Exemplar>| exemplars.iter_mut().for_each(|e| e.filtered_attributes.clear());
    macro_rules! strip_points {
        ($points:expr $(, $exemplars:ident)?) => {
            for point in &mut $points {
                point.attributes.clear();
                $(bare(&mut point.$exemplars);)?
            }
        };
    }
    match &mut metric.data {
        None => {}
        Some(Data::Gauge(gauge)) => strip_points!(gauge.data_points, exemplars),
        Some(Data::Sum(sum)) => strip_points!(sum.data_points, exemplars),
        Some(Data::Histogram(histogram)) => strip_points!(histogram.data_points, exemplars),
        Some(Data::ExponentialHistogram(histogram)) => strip_points!(histogram.data_points, exemplars),
        Some(Data::Summary(summary)) => strip_points!(summary.data_points),
    }
}

fn number(value: f64, rest: i16, integer: bool) -> SeenNumber {
    if !integer {
        return SeenNumber::Double(value.to_bits());
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is an integer")]
    let exact = value as i128 + i128::from(rest);
    SeenNumber::Integer(i64::try_from(exact).expect("integers have 64 bits"))
}

fn population(of: &Population) -> SeenPopulation {
    let bits = |value: Option<f64>| value.map(f64::to_bits);
    SeenPopulation { count: of.count, sum: bits(of.sum), min: bits(of.min), max: bits(of.max) }
}

/// The rows of a request, with what is known of their series.
struct Rows<'a> {
    decoded: &'a DecodedMetrics,
    series: BTreeMap<u64, &'a SeriesIdentity>,
}

impl Rows<'_> {
    fn assert_point(&self, seen: &SeenPoint, series: u64, times: (i64, i64), flags: u32, value: &SeenValue) {
        let identity = self.series[&series];
        assert_eq!(
            (&*identity.metric, identity.kind.name(), &*identity.unit),
            (&*seen.metric.name, &*seen.metric.kind, &*seen.metric.unit)
        );
        assert_eq!(
            (times.0.cast_unsigned(), times.1.cast_unsigned(), flags),
            (seen.time, seen.start, seen.flags)
        );
        assert_eq!(value, &seen.value);
    }

    fn assert_numbers(&self, seen: Vec<&SeenPoint>) {
        let numbers = &self.decoded.columns.numbers;
        assert_eq!(numbers.len(), seen.len());
        let rows = (0..).map_while(|at| numbers.row(at));
        for (row, seen) in rows.zip(seen) {
            let NumberRow { value, integer_rest, integer, .. } = row;
            let value = SeenValue::Number(number(value, integer_rest, integer));
            let times = (row.time.nanos(), row.start.nanos());
            self.assert_point(seen, row.series.0, times, row.flags, &value);
        }
    }

    fn assert_points(
        &self,
        points: &PointColumns,
        seen: Vec<&SeenPoint>,
        value: impl Fn(usize) -> SeenValue,
    ) {
        assert_eq!(points.len(), seen.len());
        let rows = (0..).map_while(|at| points.row(at).map(|row| (row, value(at))));
        for ((row, value), seen) in rows.zip(seen) {
            let times = (row.time.nanos(), row.start.nanos());
            self.assert_point(seen, row.series.0, times, row.flags, &value);
        }
    }

    fn assert_histograms(&self, seen: Vec<&SeenPoint>) {
        let columns = &self.decoded.columns.histograms;
        self.assert_points(columns.points(), seen, |at| SeenValue::Histogram {
            population: population(&columns.populations()[at]),
            bucket_counts: columns.bucket_counts().get(at).expect("a list").to_vec(),
            bounds: columns.bounds().get(at).expect("a list").iter().map(|bound| bound.to_bits()).collect(),
        });
    }

    fn assert_exponential_histograms(&self, seen: Vec<&SeenPoint>) {
        let columns = &self.decoded.columns.exponential_histograms;
        self.assert_points(columns.points(), seen, |at| {
            let shape = columns.shapes()[at];
            let positive = columns.positive_counts().get(at).expect("a list").to_vec();
            let negative = columns.negative_counts().get(at).expect("a list").to_vec();
            SeenValue::ExponentialHistogram {
                population: population(&columns.populations()[at]),
                scale: shape.scale,
                zero_count: shape.zero_count,
                zero_threshold: shape.zero_threshold.to_bits(),
                positive: (shape.positive_offset, positive),
                negative: (shape.negative_offset, negative),
            }
        });
    }

    fn assert_summaries(&self, seen: Vec<&SeenPoint>) {
        let columns = &self.decoded.columns.summaries;
        self.assert_points(columns.points(), seen, |at| {
            let quantiles = columns.quantiles().get(at).expect("a list").iter();
            SeenValue::Summary {
                count: columns.counts()[at],
                sum: columns.sums()[at].to_bits(),
                quantiles: quantiles.map(|at| (at.quantile.to_bits(), at.value.to_bits())).collect(),
            }
        });
    }

    fn assert_exemplars(&self, seen: &[SeenPoint]) {
        let columns = &self.decoded.columns.exemplars;
        let seen: Vec<&SeenPoint> = seen.iter().filter(|point| !point.exemplars.is_empty()).collect();
        assert_eq!(columns.len(), seen.len());
        let mut start = 0;
        for ((at, end), seen) in columns.ends().iter().enumerate().zip(seen) {
            assert_eq!(columns.times()[at].cast_unsigned(), seen.time);
            assert_eq!(*self.series[&columns.series()[at].0].metric, *seen.metric.name);
            let found: Vec<SeenExemplar> =
                columns.exemplars()[start..*end].iter().map(seen_exemplar).collect();
            assert_eq!(found, seen.exemplars);
            start = *end;
        }
    }
}

fn seen_exemplar(exemplar: &telemetryflow::shared::Exemplar) -> SeenExemplar {
    SeenExemplar {
        time: exemplar.time.nanos().cast_unsigned(),
        value: number(exemplar.value, exemplar.integer_rest, exemplar.integer),
        trace: exemplar.trace.map(|id| id.to_string()).unwrap_or_default(),
        span: exemplar.span.map(|id| id.to_string()).unwrap_or_default(),
        attributes: BTreeMap::new(),
    }
}
