//! The metrics that are sent: one request with placeholders where bodies differ, as an SDK would shape it.
//!
//! About 212 bytes and five attributes per point; gauges and sums, delta and cumulative, of integers and doubles.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

// Placeholders: bytes that occur nowhere else in a body, each as long as what takes its place. Times have nineteen decimal
// digits, like those of this century.
pub const TIME: u64 = 0x71E2_D3C4_B5A6_9788;
pub const DELTA_START: u64 = 0x71E2_D3C4_B5A6_9789;
pub const CUMULATIVE_START: u64 = 0x71E2_D3C4_B5A6_978A;
pub const VALUE: u64 = 0x71E2_D3C4_B5A6_978B;
pub const POD: &str = "<pod: 16 bytes.>";
pub const SERVICE: &str = "<4#>";

/// What a metric's points are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    GaugeDouble,
    CumulativeInt,
    DeltaInt,
    GaugeInt,
    CumulativeDouble,
    DeltaDouble,
}

impl Shape {
    const ALL: [Self; 6] = [
        Self::GaugeDouble,
        Self::CumulativeInt,
        Self::DeltaInt,
        Self::GaugeInt,
        Self::CumulativeDouble,
        Self::DeltaDouble,
    ];

    /// The shape of the metric with this number; they take turns.
    pub fn of_metric(number: usize) -> Self {
        Self::ALL.into_iter().cycle().nth(number % Self::ALL.len()).unwrap_or(Self::GaugeDouble)
    }

    fn start(self) -> u64 {
        match self {
            Self::GaugeDouble | Self::GaugeInt => 0,
            Self::DeltaInt | Self::DeltaDouble => DELTA_START,
            Self::CumulativeInt | Self::CumulativeDouble => CUMULATIVE_START,
        }
    }

    fn placeholder(self) -> number_data_point::Value {
        match self {
            Self::GaugeDouble | Self::CumulativeDouble | Self::DeltaDouble => {
                number_data_point::Value::AsDouble(f64::from_bits(VALUE))
            }
            Self::GaugeInt | Self::CumulativeInt | Self::DeltaInt => {
                number_data_point::Value::AsInt(VALUE.cast_signed())
            }
        }
    }

    fn data(self, data_points: Vec<NumberDataPoint>) -> metric::Data {
        let sum = |temporality: AggregationTemporality, data_points| {
            metric::Data::Sum(Sum {
                data_points,
                aggregation_temporality: temporality.into(),
                is_monotonic: true,
            })
        };
        match self {
            Self::GaugeDouble | Self::GaugeInt => metric::Data::Gauge(Gauge { data_points }),
            Self::DeltaInt | Self::DeltaDouble => sum(AggregationTemporality::Delta, data_points),
            Self::CumulativeInt | Self::CumulativeDouble => {
                sum(AggregationTemporality::Cumulative, data_points)
            }
        }
    }
}

/// Which metric the point with this number belongs to, when points are dealt out evenly and in order.
pub fn metric_of(point: usize, points: usize, metrics: usize) -> usize {
    point * metrics / points.max(1)
}

/// The request with its placeholders.
pub fn request(points: usize, metrics: usize) -> ExportMetricsServiceRequest {
    let mut list: Vec<Vec<NumberDataPoint>> = vec![Vec::new(); metrics];
    for number in 0..points {
        let metric = metric_of(number, points, metrics);
        if let Some(its_points) = list.get_mut(metric) {
            its_points.push(point(number, Shape::of_metric(metric)));
        }
    }
    let metrics = list.into_iter().enumerate().map(|(number, points)| metric_with(number, points)).collect();
    let scope = InstrumentationScope {
        name: "load-test.instrumentation".to_owned(),
        version: "1.0.0".to_owned(),
        ..Default::default()
    };
    let scope_metrics = ScopeMetrics { scope: Some(scope), metrics, ..Default::default() };
    let resource_metrics = ResourceMetrics {
        resource: Some(resource()),
        scope_metrics: vec![scope_metrics],
        ..Default::default()
    };
    ExportMetricsServiceRequest { resource_metrics: vec![resource_metrics] }
}

fn resource() -> Resource {
    let attributes = vec![
        text("service.name", &format!("service-{SERVICE}")),
        text("service.namespace", "load-test"),
        text("deployment.environment.name", "test"),
        text("telemetry.sdk.language", "rust"),
    ];
    Resource { attributes, ..Default::default() }
}

fn metric_with(number: usize, points: Vec<NumberDataPoint>) -> Metric {
    Metric {
        name: format!("load.test.metric.{number:04}"),
        description: "One of the load generator's metrics".to_owned(),
        unit: "By".to_owned(),
        data: Some(Shape::of_metric(number).data(points)),
        ..Default::default()
    }
}

/// The pod makes the series unique; the other attributes repeat, as they do in life.
fn point(number: usize, shape: Shape) -> NumberDataPoint {
    let methods = ["GET", "POST", "PUT", "DELETE", "PATCH"];
    let routes = [
        "/api/v1/orders/{order_id}/items",
        "/api/v1/carts/{cart_id}/content",
        "/api/v1/users/{user_id}/address",
        "/api/v1/stock/{item_id}/levels",
    ];
    let statuses = [200, 201, 204, 404, 500];
    let attributes = vec![
        text("http.request.method", pick(&methods, number)),
        text("http.route", pick(&routes, number / 5)),
        integer("http.response.status_code", statuses.into_iter().cycle().nth(number % 5).unwrap_or(200)),
        text("k8s.pod.name", POD),
        text("cloud.zone", pick(&["europe-north-1a", "europe-north-1b", "europe-north-1c"], number)),
    ];
    NumberDataPoint {
        attributes,
        start_time_unix_nano: shape.start(),
        time_unix_nano: TIME,
        value: Some(shape.placeholder()),
        ..Default::default()
    }
}

/// The choices in turn.
pub fn pick<'a>(choices: &[&'a str], number: usize) -> &'a str {
    choices.get(number % choices.len().max(1)).copied().unwrap_or_default()
}

/// An attribute that is a string.
pub fn text(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) }),
        ..Default::default()
    }
}

/// An attribute that is an integer.
pub fn integer(key: &str, value: i64) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(any_value::Value::IntValue(value)) }),
        ..Default::default()
    }
}
