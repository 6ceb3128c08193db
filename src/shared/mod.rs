//! Words that every context speaks: tenants, series, labels, time, and the events by which contexts hear of each other.
//!
//! No I/O and no async in here, and nothing that only one context needs.

pub mod body_parts;
pub mod causes;
pub mod columns;
pub mod distribution;
pub mod duration_text;
pub mod events;
#[cfg(test)]
pub mod fixtures;
pub mod ids;
pub mod label_filter;
pub mod log_columns;
pub mod map_column;
pub mod nearest;
pub mod origins;
pub mod past;
pub mod rollups;
pub mod series;
pub mod signal;
pub mod span_columns;
pub mod tenant;
pub mod text_columns;
pub mod time;

pub use body_parts::{BodyWord, body_words, joined_body, split_body};
pub use causes::causes;
pub use columns::{
    Exemplar, ExponentialShape, MetricColumns, MetricRun, NumberColumns, NumberRow, PointColumns, PointRow,
    Population, ValueAtQuantile,
};
pub use events::{
    AggregatedMetrics, AggregationCompleted, AlertTransition, DomainEvent, LogsIngested, MetricsIngested,
    SpansIngested,
};
pub use ids::{SpanId, TraceId};
pub use label_filter::{FilterError, LabelFilter};
pub use log_columns::{BodyType, LogColumns, LogRow};
pub use map_column::{MapColumn, Occurrence};
pub use origins::{OriginColumns, ResourceColumns, ScopeColumns};
pub use past::{PastPoint, PastRecord, PastSeries, PastValue, RecordLabels, RecordQuery, RecordSource};
pub use rollups::{NoRollups, RollupCoverage};
pub use series::{
    Attribute, MetricKind, Resource, Scope, SeriesId, SeriesIdentity, SeriesWatch, Temporality, WatchEpoch,
    WatchId,
};
pub use signal::Signal;
pub use span_columns::{EventColumns, LinkColumns, SpanColumns, SpanRow};
pub use tenant::TenantId;
pub use text_columns::{Dictionary, TextColumn, WordColumn};
pub use time::{Clock, Interval, TimeRange, Timestamp};
