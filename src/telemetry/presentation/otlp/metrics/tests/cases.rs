//! What makes a series, unusual but legal bytes, and rejections that cost nobody else.

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric::Data,
    number_data_point::Value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::*;
use crate::telemetry::domain::Rejection;
use crate::telemetry::presentation::otlp::attributes::VALUE_BYTES_MAX;

fn gauge(name: &str, points: Vec<NumberDataPoint>) -> ExportMetricsServiceRequest {
    let metric = Metric {
        name: name.into(),
        data: Some(Data::Gauge(Gauge { data_points: points })),
        ..Metric::default()
    };
    let scope_metrics = vec![ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() }];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }],
    }
}

fn point(attributes: Vec<KeyValue>) -> NumberDataPoint {
    NumberDataPoint {
        time_unix_nano: NOW,
        value: Some(Value::AsInt(1)),
        attributes,
        ..NumberDataPoint::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    key_value(key, Some(Any::StringValue(value.into())))
}

#[test]
fn the_order_of_attributes_does_not_make_another_series() {
    let decoded = decode(&gauge(
        "m",
        vec![point(vec![text("a", "1"), text("b", "2")]), point(vec![text("b", "2"), text("a", "1")])],
    ));
    assert_eq!(decoded.columns.numbers.series()[0], decoded.columns.numbers.series()[1]);
    assert_ne!(decoded.new_series[0].key, decoded.new_series[1].key);
}

#[test]
fn the_type_of_an_attribute_makes_another_series() {
    let decoded = decode(&gauge(
        "m",
        vec![point(vec![text("a", "1")]), point(vec![key_value("a", Some(Any::IntValue(1)))])],
    ));
    assert_ne!(decoded.columns.numbers.series()[0], decoded.columns.numbers.series()[1]);
}

#[test]
fn the_description_does_not_make_another_series() {
    let mut described = gauge("m", vec![point(Vec::new())]);
    described.resource_metrics[0].scope_metrics[0].metrics[0].description = "words".into();
    let plain = decode(&gauge("m", vec![point(Vec::new())]));
    assert_eq!(plain.columns.numbers.series(), decode(&described).columns.numbers.series());
}

#[test]
fn fields_in_any_order_and_messages_in_pieces_are_understood() {
    let request = gauge("m", vec![point(vec![text("a", "1"), text("b", "2")])]);
    let whole = request.resource_metrics[0].encode_to_vec();
    let resource = |value: &str| {
        let attributes = vec![text("service.name", value)];
        let part = Resource { attributes, ..Resource::default() }.encode_to_vec();
        [vec![0x0a, u8::try_from(part.len()).unwrap()], part].concat()
    };
    // The resource comes after what it holds, and in two pieces.
    let body = [whole, resource("first"), resource("second")].concat();
    let bytes = [vec![0x0a, u8::try_from(body.len()).unwrap()], body].concat();
    let decoded = intake(&bytes, &mut Remembering::default()).unwrap();
    assert_eq!(&*decoded.new_series[0].identity.resource.service, "second");
    assert_eq!(decoded.columns.len(), 1);
}

#[test]
fn attributes_among_other_fields_are_the_same_series() {
    let attribute = |value: KeyValue| {
        let part = value.encode_to_vec();
        [vec![0x3a, u8::try_from(part.len()).unwrap()], part].concat()
    };
    let time = [vec![0x19], NOW.to_le_bytes().to_vec()].concat();
    let value = [vec![0x31], 1_i64.to_le_bytes().to_vec()].concat();
    let scattered = [attribute(text("a", "1")), time, attribute(text("b", "2")), value].concat();
    let mut bytes = scattered;
    for tag in [0x0a, 0x2a, 0x12, 0x12, 0x0a] {
        if tag == 0x12 && bytes[0] == 0x2a {
            bytes = [vec![0x0a, 1, b'm'], bytes].concat();
        }
        bytes = [vec![tag, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    }
    let decoded = intake(&bytes, &mut Remembering::default()).unwrap();
    let plain = decode(&gauge("m", vec![point(vec![text("a", "1"), text("b", "2")])]));
    assert_eq!(decoded.columns.numbers.series(), plain.columns.numbers.series());
}

#[test]
fn a_series_beyond_the_limit_costs_its_own_points_only() {
    #[derive(Debug)]
    struct Full;
    impl SeriesLookup for Full {
        fn begin_request(&mut self) {}
        fn find(&mut self, _: WireKey, _: i64) -> Option<SeriesEntry> {
            None
        }
        fn admit(
            &mut self,
            _: WireKey,
            _: &SeriesIdentity,
            _: i64,
            staged: usize,
        ) -> Result<Admission, SeriesLimitReached> {
            let entry = SeriesEntry { id: crate::shared::SeriesId(1), watch: WatchId::NONE };
            if staged == 0 {
                Ok(Admission { entry, standing: Standing::New })
            } else {
                Err(SeriesLimitReached)
            }
        }
    }
    let request = gauge(
        "m",
        vec![point(vec![text("a", "1")]), point(vec![text("a", "2")]), point(vec![text("a", "1")])],
    );
    let window = AcceptanceWindow::around(Timestamp::EPOCH, None, None);
    let mut full = Full;
    let mut meter = Meter::unlimited();
    let mut intake = MetricsIntake::new(TenantId::unnamed(), window, keys::KeySeed(7), &mut meter, &mut full);
    walk(&request.encode_to_vec(), &mut intake).unwrap();
    let decoded = intake.finish();
    assert_eq!(decoded.columns.len(), 2);
    assert_eq!(decoded.findings.rejections().collect::<Vec<_>>(), vec![(Rejection::SeriesLimit, 1)]);
}

#[test]
fn temporality_beyond_the_known_ones_is_rejected_with_its_points() {
    let mut request = gauge("m", Vec::new());
    request.resource_metrics[0].scope_metrics[0].metrics[0].data = Some(Data::Sum(Sum {
        data_points: vec![point(Vec::new()); 3],
        aggregation_temporality: AggregationTemporality::Unspecified.into(),
        is_monotonic: false,
    }));
    let findings = decode(&request).findings;
    assert_eq!(findings.rejections().collect::<Vec<_>>(), vec![(Rejection::TemporalityUnknown, 3)]);
}

#[test]
fn each_series_gets_the_resource_and_scope_that_stand_around_it() {
    let mut request = gauge("m", vec![point(Vec::new())]);
    let scoped = |name: &str| {
        let mut scope = gauge("m", vec![point(Vec::new())]).resource_metrics[0].scope_metrics[0].clone();
        scope.scope = Some(InstrumentationScope { name: name.into(), ..InstrumentationScope::default() });
        scope
    };
    let resource = |service: &str| ResourceMetrics {
        resource: Some(Resource { attributes: vec![text("service.name", service)], ..Resource::default() }),
        scope_metrics: vec![scoped("x"), scoped("y")],
        ..ResourceMetrics::default()
    };
    request.resource_metrics = vec![resource("a"), resource("b")];
    let decoded = decode(&request);
    let seen: Vec<(&str, &str)> = decoded
        .new_series
        .iter()
        .map(|new| (&*new.identity.resource.service, &*new.identity.scope.name))
        .collect();
    assert_eq!(seen, [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]);
}

/// Of a resource, a scope and a point: what is cut off or dropped is not stored, and yet tells series apart.
#[test]
fn series_that_differ_only_in_what_is_not_kept_stay_apart_in_any_order() {
    let many = |last: &str| {
        let mut attributes: Vec<KeyValue> = (0..140).map(|n| text(&format!("k{n:03}"), "v")).collect();
        attributes.push(text("zone", last));
        attributes
    };
    let mut reversed = many("a");
    reversed.reverse();
    let long = |last: &str| vec![text("long", &("x".repeat(VALUE_BYTES_MAX) + last))];
    let bytes = |byte: u8| vec![key_value("raw", Some(Any::BytesValue(vec![byte; 60_000])))];
    let lists = [many("a"), many("b"), reversed, long("a"), long("b"), bytes(1), bytes(2)];
    let decoded = decode(&gauge("m", lists.into_iter().map(point).collect()));
    let ids = decoded.columns.numbers.series();
    assert_eq!(ids[0], ids[2], "the order does not matter");
    let different: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(different.len(), ids.len() - 1);

    let of_scope = |name: String| {
        let mut request = gauge("m", vec![point(Vec::new())]);
        let scope = InstrumentationScope { name, ..InstrumentationScope::default() };
        request.resource_metrics[0].scope_metrics[0].scope = Some(scope);
        decode(&request).columns.numbers.series()[0]
    };
    assert_ne!(of_scope("s".repeat(2_000) + "1"), of_scope("s".repeat(2_000) + "2"));
}
