//! What telemetry can be asked to do, one file per use case, and the ports that it needs for it.

pub mod counters;
pub mod ingest_metrics;
pub mod pending;
pub mod ports;

pub use counters::IngestCounters;
pub use ingest_metrics::{
    AcceptedMetrics, Durability, IngestMetrics, IngestMetricsCommand, IngestMetricsError, IngestReceipt,
};
pub use pending::{MemoryHold, Pending};
pub use ports::{
    Admission, MetricsSink, NewSeries, SeriesEntry, SeriesLimitReached, SeriesLookup, SinkRefusal, Standing,
    WireKey,
};
