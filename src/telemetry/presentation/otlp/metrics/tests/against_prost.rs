//! Random requests, seen by the walker and by prost, which decodes the same bytes the slow way.

use opentelemetry_proto::tonic::common::v1::{ArrayValue, InstrumentationScope};
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics,
    Sum, metric::Data, number_data_point::Value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::prelude::*;

use super::*;
use crate::shared::NumberRow;

/// One point of the request as both sides see it.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    metric: String,
    service: String,
    attributes: BTreeMap<String, String>,
    time: i64,
    start: i64,
    value: Result<i128, u64>,
    flags: u32,
}

fn value_of(row: &NumberRow) -> Result<i128, u64> {
    #[expect(clippy::cast_possible_truncation, reason = "integers only")]
    if row.integer { Ok(row.value as i128 + i128::from(row.integer_rest)) } else { Err(row.value.to_bits()) }
}

fn seen_by_us(decoded: &DecodedMetrics) -> Vec<Seen> {
    let series: BTreeMap<u64, &SeriesIdentity> =
        decoded.new_series.iter().map(|new| (new.identity.id.0, &new.identity)).collect();
    decoded
        .columns
        .runs()
        .flat_map(|run| run.rows.clone().map(move |at| (run.metric.to_owned(), at)))
        .map(|(metric, at)| {
            let row = decoded.columns.numbers.row(at).unwrap();
            let identity = series[&row.series.0];
            assert_eq!(*identity.metric, *metric);
            Seen {
                metric,
                service: identity.resource.service.to_string(),
                attributes: identity
                    .attributes
                    .iter()
                    .map(|a| (a.key.to_string(), a.value.to_string()))
                    .collect(),
                time: row.time.nanos(),
                start: row.start.nanos(),
                value: value_of(&row),
                flags: row.flags,
            }
        })
        .collect()
}

fn text_of(value: &KeyValue) -> String {
    match value.value.as_ref().and_then(|any| any.value.as_ref()) {
        Some(Any::StringValue(text)) => text.clone(),
        Some(Any::IntValue(number)) => number.to_string(),
        Some(Any::BoolValue(flag)) => flag.to_string(),
        Some(Any::ArrayValue(array)) => {
            let items: Vec<String> = array.values.iter().map(|_| "null".to_owned()).collect();
            format!("[{}]", items.join(","))
        }
        None => String::new(),
        other => panic!("not generated: {other:?}"),
    }
}

fn attributes_of(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    attributes.iter().filter(|a| !a.key.is_empty()).map(|a| (a.key.clone(), text_of(a))).collect()
}

/// The same rules, written over prost's message tree.
fn seen_by_prost(request: &ExportMetricsServiceRequest) -> (Vec<Seen>, u64) {
    let (mut seen, mut rejected) = (Vec::new(), 0);
    for resource in &request.resource_metrics {
        let attributes = resource.resource.as_ref().map(|r| attributes_of(&r.attributes)).unwrap_or_default();
        let service = attributes.get("service.name").cloned().unwrap_or_default();
        for metric in resource.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
            let (points, monotonic, valid) = match &metric.data {
                Some(Data::Gauge(gauge)) => (&gauge.data_points, false, true),
                Some(Data::Sum(sum)) => {
                    (&sum.data_points, sum.is_monotonic, (1..=2).contains(&sum.aggregation_temporality))
                }
                Some(Data::Histogram(histogram)) => {
                    rejected += histogram.data_points.len() as u64;
                    continue;
                }
                _ => continue,
            };
            for point in points {
                match point_by_prost(metric, &service, point, monotonic) {
                    Some(point) if valid && !metric.name.is_empty() => seen.push(point),
                    _ => rejected += 1,
                }
            }
        }
    }
    (seen, rejected)
}

fn point_by_prost(metric: &Metric, service: &str, point: &NumberDataPoint, monotonic: bool) -> Option<Seen> {
    let ended = point.flags & 1 == 1;
    let value = match (ended, point.value) {
        (true, _) => Err(f64::NAN.to_bits()),
        (false, Some(Value::AsInt(value))) if !(monotonic && value < 0) => Ok(i128::from(value)),
        (false, Some(Value::AsDouble(value))) if !(monotonic && value < 0.0) => Err(value.to_bits()),
        _ => return None,
    };
    let in_time = |nanos: u64| i64::try_from(nanos).ok().filter(|time| *time <= Timestamp::LATEST.nanos());
    let time = in_time(point.time_unix_nano).filter(|time| *time != 0)?;
    let start = in_time(point.start_time_unix_nano).filter(|start| *start <= time).unwrap_or(0);
    let attributes = attributes_of(&point.attributes);
    Some(Seen {
        metric: metric.name.clone(),
        service: service.to_owned(),
        attributes,
        time,
        start,
        value,
        flags: point.flags,
    })
}

prop_compose! {
    fn any_attribute()(key in "[a-c]{0,2}", kind in 0..5, text in "\\PC{0,8}", number in any::<i64>()) -> KeyValue {
        let value = match kind {
            0 => None,
            1 => Some(Any::IntValue(number)),
            2 => Some(Any::BoolValue(number > 0)),
            3 => Some(Any::ArrayValue(ArrayValue { values: vec![AnyValue { value: None }; 2] })),
            _ => Some(Any::StringValue(text)),
        };
        key_value(&key, value)
    }
}

fn any_value() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        Just(None),
        any::<f64>().prop_map(|value| Some(Value::AsDouble(value))),
        any::<i64>().prop_map(|value| Some(Value::AsInt(value))),
        (0_i64..100).prop_map(|value| Some(Value::AsInt(value))),
    ]
}

fn any_time() -> impl Strategy<Value = u64> {
    prop_oneof![3 => NOW..NOW + 1_000, 1 => Just(0), 1 => any::<u64>()]
}

prop_compose! {
    fn any_point()(
        attributes in proptest::collection::vec(any_attribute(), 0..4),
        time in any_time(), start in any_time(), value in any_value(),
        flags in prop_oneof![4 => Just(0), 1 => 0_u32..4],
        exemplars in 0..2_usize,
    ) -> NumberDataPoint {
        NumberDataPoint {
            attributes, start_time_unix_nano: start, time_unix_nano: time, value, flags,
            exemplars: vec![Exemplar { time_unix_nano: 3, ..Exemplar::default() }; exemplars],
        }
    }
}

fn any_data() -> impl Strategy<Value = Option<Data>> {
    let points = || proptest::collection::vec(any_point(), 0..5);
    prop_oneof![
        4 => points().prop_map(|data_points| Some(Data::Gauge(Gauge { data_points }))),
        4 => (points(), 0..4, any::<bool>()).prop_map(|(data_points, aggregation_temporality, is_monotonic)| {
            Some(Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic }))
        }),
        1 => (0..3_usize).prop_map(|points| Some(Data::Histogram(Histogram {
            data_points: vec![HistogramDataPoint::default(); points], aggregation_temporality: 2,
        }))),
        1 => Just(None),
    ]
}

prop_compose! {
    fn any_metric()(name in "[m-o]{0,2}", data in any_data(), unit in "[a-z]{0,2}", description in "\\PC{0,5}") -> Metric {
        Metric { name, unit, description, data, ..Metric::default() }
    }
}

prop_compose! {
    fn any_resource()(
        service in proptest::option::of("[s-u]{0,2}"),
        scopes in proptest::collection::vec(proptest::collection::vec(any_metric(), 0..4), 0..3),
        with_scope in any::<bool>(),
    ) -> ResourceMetrics {
        let attributes = service.map(|s| vec![key_value("service.name", Some(Any::StringValue(s)))]);
        ResourceMetrics {
            resource: attributes.map(|attributes| Resource { attributes, ..Resource::default() }),
            scope_metrics: scopes.into_iter().map(|metrics| ScopeMetrics {
                scope: with_scope.then(|| InstrumentationScope { name: "lib".into(), ..InstrumentationScope::default() }),
                metrics, schema_url: "s".into(),
            }).collect(),
            ..ResourceMetrics::default()
        }
    }
}

fn any_request() -> impl Strategy<Value = ExportMetricsServiceRequest> {
    proptest::collection::vec(any_resource(), 0..3)
        .prop_map(|resource_metrics| ExportMetricsServiceRequest { resource_metrics })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Guarantees: the same points with the same identities as prost finds, and the same number of rejections.
    #[test]
    fn the_walker_sees_what_prost_sees(request in any_request()) {
        let decoded = decode(&request);
        let (seen, rejected) = seen_by_prost(&request);
        // NaN compares by its bits.
        prop_assert_eq!(format!("{:?}", seen_by_us(&decoded)), format!("{seen:?}"));
        prop_assert_eq!(decoded.findings.rejected_items(), rejected);
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
