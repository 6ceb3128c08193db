//! Telemetry: receives OpenTelemetry signals, checks them, and brings them into the store. Owns every INSERT.

mod application;
mod domain;
mod infrastructure;
mod presentation;

pub use application::{Durability, Ingest, IngestCounters, RejectionEntry, RejectionLog, SentAs};
pub use infrastructure::batcher::SealLimits;
pub use infrastructure::checkpoint::CheckpointSeen;
pub use infrastructure::dead_letters;
pub use infrastructure::in_transit::InTransit;
pub use infrastructure::journal_report::{JournalReport, OpenBatch, OpenGroup, RecordWords};
pub use infrastructure::{
    Catalogue, CatalogueLimits, CatalogueReader, JournalParts, LeftOver, PartsMetrics, PartsPressure,
    WritePath, WritePathOptions, WritePathParts, schema,
};
pub use presentation::grpc::{RoutesError, router as grpc_router};
pub use presentation::http::{REJECTIONS_PATH, STATS_PATH, Stats, api_router, operations, router};
pub use presentation::otlp::attributes::AttributeLimits;
pub use presentation::otlp::content::UnpackLimits;
pub use presentation::otlp::decode::{ContentLimits, DecodeState};
pub use presentation::otlp::metrics::keys::KeySeed;
pub use presentation::otlp::receive::{Reach, Receiver, RequestLimits};
pub use presentation::otlp::replay::OtlpReplay;

/// Rolling points up by the hour.
pub mod rollups {
    pub use super::application::rollups::{
        CalculateHourlyAggregation, MetricOf, Metrics, RolledUp, RollupCounters, RollupOptions,
        RollupSchedule, Rollups, Share, Task,
    };
    pub use super::domain::Hour;
    pub use super::infrastructure::rollup_store::RollupStore;
}

/// The stages of the write path one by one: for benchmarks, tests of the engine, and fuzzing.
pub mod stages {
    pub use super::application::{NewSeries, SeriesEntry, SeriesLookup, WireKey};
    pub use super::domain::{AcceptanceWindow, Metric};
    pub use super::infrastructure::blocks;
    pub use super::presentation::otlp::json::{JsonError, JsonReader};
    pub use super::presentation::otlp::meter::{Meter, MeterError};
    pub use super::presentation::otlp::metrics::keys::KeyChain;
    pub use super::presentation::otlp::metrics::{
        Around, DecodedMetrics, ExponentialHistogramPoint, HistogramPoint, MetricHeader, MetricsIntake,
        MetricsVisitor, NumberPoint, SummaryPoint, walk,
    };
    pub use super::presentation::otlp::wire::WireError;

    pub use super::domain::{Findings, Log, LogDraft, Rejection, Severity, Span, SpanDraft, Warning};
    pub use super::infrastructure::parts_pressure::{PartsMetrics, PartsPressure};
    pub use super::infrastructure::presence::missing;
    pub use super::infrastructure::{log_blocks, span_blocks};
    pub use super::presentation::otlp::attributes::AttributeLimits;
    pub use super::presentation::otlp::fields::Repeated;
    pub use super::presentation::otlp::logs::{
        BODY_BYTES_MAX, DecodedLogs, LogRecord, LogsIntake, LogsVisitor, walk as walk_logs,
    };
    pub use super::presentation::otlp::origin::OriginBytes;
    pub use super::presentation::otlp::traces::{
        DecodedTraces, SpanEvent, SpanLink, SpanRecord, TracesIntake, TracesVisitor, walk as walk_traces,
    };
    pub use super::presentation::otlp::walk_error::WalkError;

    pub use super::application::{Admission, SeriesLimitReached, Standing};
    pub use super::presentation::grpc::framing::{Compression, FramingError, unframe};
    pub use super::presentation::otlp::content::{Packing, UnpackError, UnpackLimits, unpack};
}
