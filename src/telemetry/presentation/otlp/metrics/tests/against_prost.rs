//! Random requests, seen by the walker and by prost, which decodes the same bytes the slow way.

use proptest::prelude::*;

use super::every_kind::{
    SeenExemplar, SeenMetric, SeenNumber, SeenOrigin, SeenPoint, SeenPopulation, SeenValue, Texts,
    any_request, expected,
};
use super::*;
use crate::shared::columns::PointColumns;
use crate::shared::{Attribute, MetricKind, NumberRow, Population, Temporality};

/// The rows of a request, with all that is known of their series.
struct Rows<'a> {
    decoded: &'a DecodedMetrics,
    series: BTreeMap<u64, &'a SeriesIdentity>,
}

fn texts(attributes: &[Attribute]) -> Texts {
    attributes.iter().map(|attribute| (attribute.key.to_string(), attribute.value.to_string())).collect()
}

fn number(value: f64, rest: i16, integer: bool) -> SeenNumber {
    if !integer {
        return SeenNumber::Double(value.to_bits());
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is an integer")]
    let exact = value as i128 + i128::from(rest);
    SeenNumber::Integer(i64::try_from(exact).unwrap())
}

fn population(of: &Population) -> SeenPopulation {
    let bits = |value: Option<f64>| value.map(f64::to_bits);
    SeenPopulation { count: of.count, sum: bits(of.sum), min: bits(of.min), max: bits(of.max) }
}

impl Rows<'_> {
    fn point(&self, series: u64, time: i64, start: i64, flags: u32, value: SeenValue) -> SeenPoint {
        let identity = self.series[&series];
        SeenPoint {
            metric: metric(identity),
            attributes: texts(&identity.attributes),
            time: time.cast_unsigned(),
            start: start.cast_unsigned(),
            flags,
            value,
            exemplars: Vec::new(),
        }
    }

    fn numbers(&self) -> Vec<SeenPoint> {
        let rows = (0..).map_while(|at| self.decoded.columns.numbers.row(at));
        rows.map(|row: NumberRow| {
            let value = SeenValue::Number(number(row.value, row.integer_rest, row.integer));
            self.point(row.series.0, row.time.nanos(), row.start.nanos(), row.flags, value)
        })
        .collect()
    }

    fn distributions(&self, points: &PointColumns, value: impl Fn(usize) -> SeenValue) -> Vec<SeenPoint> {
        let rows = (0..).map_while(|at| points.row(at).map(|row| (at, row)));
        rows.map(|(at, row)| {
            self.point(row.series.0, row.time.nanos(), row.start.nanos(), row.flags, value(at))
        })
        .collect()
    }

    fn histograms(&self) -> Vec<SeenPoint> {
        let columns = &self.decoded.columns.histograms;
        self.distributions(columns.points(), |at| SeenValue::Histogram {
            population: population(&columns.populations()[at]),
            bucket_counts: columns.bucket_counts().get(at).unwrap().to_vec(),
            bounds: columns.bounds().get(at).unwrap().iter().map(|bound| bound.to_bits()).collect(),
        })
    }

    fn exponential_histograms(&self) -> Vec<SeenPoint> {
        let columns = &self.decoded.columns.exponential_histograms;
        self.distributions(columns.points(), |at| {
            let shape = columns.shapes()[at];
            SeenValue::ExponentialHistogram {
                population: population(&columns.populations()[at]),
                scale: shape.scale,
                zero_count: shape.zero_count,
                zero_threshold: shape.zero_threshold.to_bits(),
                positive: (shape.positive_offset, columns.positive_counts().get(at).unwrap().to_vec()),
                negative: (shape.negative_offset, columns.negative_counts().get(at).unwrap().to_vec()),
            }
        })
    }

    fn summaries(&self) -> Vec<SeenPoint> {
        let columns = &self.decoded.columns.summaries;
        self.distributions(columns.points(), |at| SeenValue::Summary {
            count: columns.counts()[at],
            sum: columns.sums()[at].to_bits(),
            quantiles: columns
                .quantiles()
                .get(at)
                .unwrap()
                .iter()
                .map(|q| (q.quantile.to_bits(), q.value.to_bits()))
                .collect(),
        })
    }

    /// Series and time of each point that has some, in order.
    fn exemplars(&self) -> Vec<(u64, u64, Vec<SeenExemplar>)> {
        let columns = &self.decoded.columns.exemplars;
        let mut start = 0;
        let rows = columns.series().iter().zip(columns.times()).zip(columns.ends());
        rows.map(|((series, time), end)| {
            let exemplars = (start..*end).map(|at| seen_exemplar(columns, at)).collect();
            start = *end;
            (series.0, time.cast_unsigned(), exemplars)
        })
        .collect()
    }
}

fn seen_exemplar(columns: &crate::shared::columns::ExemplarColumns, at: usize) -> SeenExemplar {
    let exemplar = columns.exemplars()[at];
    SeenExemplar {
        time: exemplar.time.nanos().cast_unsigned(),
        value: number(exemplar.value, exemplar.integer_rest, exemplar.integer),
        trace: exemplar.trace.map(|id| id.to_string()).unwrap_or_default(),
        span: exemplar.span.map(|id| id.to_string()).unwrap_or_default(),
        attributes: texts(columns.attributes().get(at).unwrap()),
    }
}

fn metric(identity: &SeriesIdentity) -> SeenMetric {
    let (resource, scope) = (&identity.resource, &identity.scope);
    SeenMetric {
        name: identity.metric.to_string(),
        kind: identity.kind.name().to_owned(),
        temporality: match identity.kind.temporality() {
            None => 0,
            Some(Temporality::Delta) => 1,
            Some(Temporality::Cumulative) => 2,
        },
        monotonic: matches!(identity.kind, MetricKind::Sum { monotonic: true, .. }),
        unit: identity.unit.to_string(),
        description: identity.description.to_string(),
        metadata: texts(&identity.metadata),
        service: resource.service.to_string(),
        resource: SeenOrigin {
            attributes: texts(&resource.attributes),
            dropped: resource.dropped_attributes,
            schema_url: resource.schema_url.to_string(),
        },
        scope_name: scope.name.to_string(),
        scope_version: scope.version.to_string(),
        scope: SeenOrigin {
            attributes: texts(&scope.attributes),
            dropped: scope.dropped_attributes,
            schema_url: scope.schema_url.to_string(),
        },
    }
}

/// Each metric gets a name of its own, so that what describes a series does not depend on who brought it first. And it goes
/// through prost's bytes, which leave out a -0.0.
fn as_sent(mut request: ExportMetricsServiceRequest) -> ExportMetricsServiceRequest {
    let scopes = request.resource_metrics.iter_mut().flat_map(|resource| &mut resource.scope_metrics);
    let metrics = scopes.flat_map(|scope| &mut scope.metrics).filter(|metric| !metric.name.is_empty());
    for (number, metric) in metrics.enumerate() {
        metric.name = format!("{}.{number}", metric.name);
    }
    ExportMetricsServiceRequest::decode(&*request.encode_to_vec()).unwrap()
}

/// The name of a series, the time of its point, and the exemplars.
type Exemplified = (String, u64, Vec<SeenExemplar>);

/// The points of a kind, without their exemplars, and the exemplars of those that have some.
fn split(seen: &[SeenPoint], kinds: &[&str]) -> (Vec<SeenPoint>, Vec<Exemplified>) {
    let own = seen.iter().filter(|point| kinds.contains(&&*point.metric.kind));
    let bare = own.clone().map(|point| SeenPoint { exemplars: Vec::new(), ..point.clone() }).collect();
    let with = own.filter(|point| !point.exemplars.is_empty());
    let name = |point: &SeenPoint| format!("{} {:?}", point.metric.name, point.attributes);
    (bare, with.map(|point| (name(point), point.time, point.exemplars.clone())).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Guarantees: the same points with the same identities, descriptions and exemplars as prost finds, and the same number
    /// of rejections.
    #[test]
    fn the_walker_sees_what_prost_sees(request in any_request()) {
        let request = as_sent(request);
        let decoded = decode(&request);
        let (seen, rejected) = expected(&request);
        prop_assert_eq!(decoded.findings.rejected_items(), rejected);
        prop_assert_eq!(decoded.columns.len(), seen.len());
        let series = decoded.new_series.iter().map(|new| (new.identity.id.0, &new.identity)).collect();
        let rows = Rows { decoded: &decoded, series };
        let kinds: [(&[&str], Vec<SeenPoint>); 4] = [
            (&["gauge", "sum"], rows.numbers()),
            (&["histogram"], rows.histograms()),
            (&["exponential_histogram"], rows.exponential_histograms()),
            (&["summary"], rows.summaries()),
        ];
        for (kinds, found) in kinds {
            prop_assert_eq!(found, split(&seen, kinds).0);
        }
        let (_, with_exemplars) = split(&seen, &["gauge", "sum", "histogram", "exponential_histogram"]);
        let name = |series: u64| {
            let identity = rows.series[&series];
            format!("{} {:?}", identity.metric, texts(&identity.attributes))
        };
        let found: Vec<_> =
            rows.exemplars().into_iter().map(|(series, time, list)| (name(series), time, list)).collect();
        prop_assert_eq!(found, with_exemplars);
        for run in decoded.columns.runs() {
            prop_assert!(decoded.new_series.iter().any(|new| *new.identity.metric == *run.metric && new.identity.kind == run.kind));
        }
    }

    /// Guarantees: whatever the columns hold was taken from the meter, except for the first few places of each vector.
    #[test]
    fn what_is_held_was_paid_for(request in any_request()) {
        let bytes = request.encode_to_vec();
        let window = AcceptanceWindow::around(Timestamp::EPOCH, None, None);
        let (mut meter, mut catalogue) = (Meter::unlimited(), Remembering::default());
        let tenant = TenantId::unnamed();
        let mut intake = MetricsIntake::new(tenant, window, keys::KeySeed(7), &mut meter, &mut catalogue);
        walk(&bytes, &mut intake).unwrap();
        let decoded = intake.finish();
        let texts: usize = decoded.new_series.iter().map(|new| new.identity.text_bytes()).sum();
        prop_assert!(decoded.columns.bytes() + texts <= meter.used() + 4_096, "{} of {}", decoded.columns.bytes(), meter.used());
    }

    /// Guarantees: a second request finds every series in the catalogue and comes to the same rows.
    #[test]
    fn a_hit_yields_the_same_rows_as_a_miss(request in any_request()) {
        let bytes = request.encode_to_vec();
        let mut catalogue = Remembering::default();
        let first = intake(&bytes, &mut catalogue).unwrap();
        catalogue.learn(&first.new_series);
        let second = intake(&bytes, &mut catalogue).unwrap();
        prop_assert_eq!(format!("{:?}", &first.columns), format!("{:?}", &second.columns));
        prop_assert!(second.new_series.is_empty());
    }

    /// Guarantees: where prost refuses a cut or damaged request, so does the walker or it finds items to reject;
    /// neither panics.
    #[test]
    fn damaged_bytes_never_panic(request in any_request(), cut in any::<prop::sample::Index>(), flip in any::<(prop::sample::Index, u8)>()) {
        let mut bytes = request.encode_to_vec();
        if !bytes.is_empty() {
            let at = flip.0.index(bytes.len());
            bytes[at] ^= flip.1;
            let _ = intake(&bytes, &mut Remembering::default());
            bytes.truncate(cut.index(bytes.len()));
            let _ = intake(&bytes, &mut Remembering::default());
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = intake(&bytes, &mut Remembering::default());
    }
}
