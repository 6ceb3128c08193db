//! What telemetry can be asked to do, one file per use case, and the ports that it needs for it.

pub mod counters;
pub mod ingest_metrics;
pub mod ports;

pub use counters::IngestCounters;
pub use ingest_metrics::{
    AcceptedMetrics, Durability, IngestMetrics, IngestMetricsCommand, IngestMetricsError, IngestReceipt,
    MemoryHold, StoredSignal,
};
pub use ports::{
    MetricsSink, NewSeries, SeriesCatalogue, SeriesEntry, SeriesLimitReached, SeriesLookup, SinkRefusal,
    WireKey,
};
