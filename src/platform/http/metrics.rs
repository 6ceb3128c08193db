//! Counts connections: open, accepted, refused, and closed by reason.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types, reason = "the names are label values")]
pub enum CloseReason {
    /// Either side said `Connection: close`, or the client closed between requests.
    finished,
    /// The client left within a request or broke its body's framing, or the network failed.
    disconnected,
    /// The request could not be parsed; it was answered 400 or 431.
    malformed,
    head_timeout,
    idle_timeout,
    body_stalled,
    body_timeout,
    answer_unread,
    /// An HTTP/2 client did not answer a ping.
    ping_timeout,
    /// Idle when the server stopped.
    stopped,
    /// Still busy when the time for draining was over.
    drain_timeout,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Listener {
    listener: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Closed {
    listener: &'static str,
    reason: CloseReason,
}

/// The connection metrics of all listeners. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct ConnectionMetrics {
    open: Family<Listener, Gauge>,
    accepted: Family<Listener, Counter>,
    refused: Family<Listener, Counter>,
    accept_errors: Family<Listener, Counter>,
    closed: Family<Closed, Counter>,
}

impl ConnectionMetrics {
    /// Registers `http_connections_*` with the label `listener`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("http_connections_open", "Connections open now", metrics.open.clone());
        registry.register("http_connections_accepted", "Connections accepted", metrics.accepted.clone());
        registry.register(
            "http_connections_refused",
            "Connections closed at once because there were too many",
            metrics.refused.clone(),
        );
        registry.register(
            "http_accept_errors",
            "Failures to accept a connection, such as too many open files",
            metrics.accept_errors.clone(),
        );
        registry.register("http_connections_closed", "Connections ended, by reason", metrics.closed.clone());
        metrics
    }

    /// The metrics of one listener, by its name in the configuration (`otlp_http`, `api`).
    pub fn listener(&self, listener: &'static str) -> ListenerMetrics {
        let label = Listener { listener };
        ListenerMetrics {
            listener,
            open: self.open.get_or_create_owned(&label),
            accepted: self.accepted.get_or_create_owned(&label),
            refused: self.refused.get_or_create_owned(&label),
            accept_errors: self.accept_errors.get_or_create_owned(&label),
            closed: self.closed.clone(),
        }
    }
}

/// The connection metrics of one listener. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ListenerMetrics {
    listener: &'static str,
    open: Gauge,
    accepted: Counter,
    refused: Counter,
    accept_errors: Counter,
    closed: Family<Closed, Counter>,
}

impl ListenerMetrics {
    pub fn listener(&self) -> &'static str {
        self.listener
    }

    /// Connections open now.
    pub fn open(&self) -> i64 {
        self.open.get()
    }

    pub fn accepted(&self) -> u64 {
        self.accepted.get()
    }

    pub fn refused(&self) -> u64 {
        self.refused.get()
    }

    pub fn accept_errors(&self) -> u64 {
        self.accept_errors.get()
    }

    pub fn closed(&self, reason: CloseReason) -> u64 {
        self.counter(reason).get()
    }

    pub(super) fn on_refused(&self) {
        self.refused.inc();
    }

    pub(super) fn on_accept_error(&self) {
        self.accept_errors.inc();
    }

    pub(super) fn on_accepted(&self) -> OpenConnection {
        self.accepted.inc();
        self.open.inc();
        OpenConnection { metrics: self.clone(), reason: CloseReason::disconnected }
    }

    fn counter(&self, reason: CloseReason) -> Counter {
        self.closed.get_or_create_owned(&Closed { listener: self.listener, reason })
    }
}

/// Counts a connection as open until it is dropped, and then by its reason.
#[derive(Debug)]
pub(super) struct OpenConnection {
    metrics: ListenerMetrics,
    reason: CloseReason,
}

impl OpenConnection {
    pub(super) fn closes(mut self, reason: CloseReason) {
        self.reason = reason;
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.metrics.counter(self.reason).inc();
        self.metrics.open.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_labels_are_those_of_the_exposition() {
        let mut registry = Registry::default();
        let metrics = ConnectionMetrics::register(&mut registry).listener("api");
        let open = metrics.on_accepted();
        drop(metrics.on_accepted());
        metrics.on_refused();
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            r#"http_connections_open{listener="api"} 1"#,
            r#"http_connections_accepted_total{listener="api"} 2"#,
            r#"http_connections_refused_total{listener="api"} 1"#,
            r#"http_connections_closed_total{listener="api",reason="disconnected"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        open.closes(CloseReason::idle_timeout);
        assert_eq!((metrics.open(), metrics.closed(CloseReason::idle_timeout)), (0, 1));
    }
}
