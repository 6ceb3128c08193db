//! Counts requests and how long they took: by listener, route, method and status.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds of the buckets, in seconds: from an answer out of the cache to the longest query.
const BOUNDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    listener: &'static str,
    /// The pattern of the route: what clients write would be a label value for each of them.
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfListener {
    listener: &'static str,
}

#[derive(Debug, Clone, Copy)]
struct NewHistogram;

impl MetricConstructor<Histogram> for NewHistogram {
    fn new_metric(&self) -> Histogram {
        Histogram::new(BOUNDS)
    }
}

/// The requests of all listeners. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RequestMetrics {
    durations: Family<Labels, Histogram, NewHistogram>,
    in_flight: Family<OfListener, Gauge>,
}

impl RequestMetrics {
    /// Registers `http_request_duration_seconds` and `http_requests_in_flight`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics =
            Self { durations: Family::new_with_constructor(NewHistogram), in_flight: Family::default() };
        registry.register_with_unit(
            "http_request_duration",
            "From the head of a request to the head of its answer",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        registry.register(
            "http_requests_in_flight",
            "Requests whose answer has not begun",
            metrics.in_flight.clone(),
        );
        metrics
    }

    /// Those of one listener, by its name in the configuration (`otlp_http`, `api`).
    pub fn listener(&self, listener: &'static str) -> RequestObserver {
        let in_flight = self.in_flight.get_or_create_owned(&OfListener { listener });
        RequestObserver { listener, durations: self.durations.clone(), in_flight }
    }
}

/// Observes the requests of one listener. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RequestObserver {
    listener: &'static str,
    durations: Family<Labels, Histogram, NewHistogram>,
    in_flight: Gauge,
}

impl RequestObserver {
    pub(super) fn begins(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    pub(super) fn ended(&self, route: &str, method: &Method, status: StatusCode, took: Duration) {
        let labels = Labels {
            listener: self.listener,
            route: route.to_owned(),
            method: method_name(method),
            status: status.as_u16(),
        };
        self.durations.get_or_create(&labels).observe(took.as_secs_f64());
    }
}

/// A request in flight, until it is dropped: also when its client leaves.
#[derive(Debug)]
pub(super) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Methods have any name that a client likes.
fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_and_methods_of_clients_fancy_are_one() {
        let mut registry = Registry::default();
        let observer = RequestMetrics::register(&mut registry).listener("api");
        let in_flight = observer.begins();
        for method in ["GET", "BREW", "WHEN"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            observer.ended("/a/{id}", &method, StatusCode::OK, Duration::from_millis(3));
        }
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            r#"http_request_duration_seconds_count{listener="api",route="/a/{id}",method="GET",status="200"} 1"#,
            r#"http_request_duration_seconds_count{listener="api",route="/a/{id}",method="other",status="200"} 2"#,
            r#"http_request_duration_seconds_bucket{le="0.0025",listener="api",route="/a/{id}",method="GET",status="200"} 0"#,
            r#"http_request_duration_seconds_bucket{le="0.005",listener="api",route="/a/{id}",method="GET",status="200"} 1"#,
            r#"http_requests_in_flight{listener="api"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        drop(in_flight);
        assert_eq!(observer.in_flight.get(), 0);
    }
}
