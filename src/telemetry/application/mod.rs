//! What telemetry can be asked to do, one file per use case, and the ports that it needs for it.

pub mod counters;
pub mod ingest;
pub mod payload;
pub mod pending;
pub mod ports;
pub mod rejections;

pub use counters::IngestCounters;
pub use ingest::{Durability, Ingest, IngestCommand, IngestError, IngestReceipt};
pub use payload::{Accepted, AcceptedMetrics, Payload, SERIES_BYTES};
pub use pending::{MemoryHold, Pending};
pub use ports::{
    Admission, NewSeries, SeriesEntry, SeriesLimitReached, SeriesLookup, Sink, SinkRefusal, Standing, WireKey,
};
pub use rejections::{RejectionEntry, RejectionLog, SentAs};
