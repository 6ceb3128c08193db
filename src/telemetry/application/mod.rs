//! What telemetry can be asked to do, one file per use case, and the ports that it needs for it.

pub mod counters;
pub mod crowding;
pub mod ingest;
pub mod ledger;
pub mod payload;
pub mod pending;
pub mod ports;
pub mod rejections;
pub mod resent;
pub mod rollups;
pub mod tally;

pub use counters::IngestCounters;
pub use crowding::Crowding;
pub use ingest::{Durability, Ingest, IngestCommand, IngestError, IngestReceipt, Submitted};
pub use ledger::Ledger;
pub use payload::{Accepted, AcceptedMetrics, BodyCompression, Payload, ReceivedBody, SERIES_BYTES};
pub use pending::{AdmittedMemory, MemoryHold, Pending};
pub use ports::{
    Admission, JournaledBody, NewSeries, Replay, SeriesEntry, SeriesLimitReached, SeriesLookup, Sink,
    SinkRefusal, Standing, WireKey,
};
pub use rejections::{RejectionEntry, RejectionLog, SentAs};
pub use resent::{BodyHash, ResentWindow};
pub use tally::Tally;
