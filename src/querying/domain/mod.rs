//! What can be asked of metrics, log records and spans, and how answers are computed from buckets.

pub mod aggregation;
pub mod catalogue;
pub mod log_histogram;
pub mod log_search;
pub mod span_order;
pub mod stretches;
pub mod time_series;
pub mod trace_search;

pub use aggregation::{Aggregation, NotComputable, Number};
pub use catalogue::{CataloguePage, CatalogueQuery, MetricSummary};
pub use log_histogram::{LogCount, LogHistogram, LogHistogramQuery};
pub use log_search::{AttributeTest, LogContextQuery, LogCursor, LogFilter, LogQuery, Severity};
pub use span_order::{SpanPlace, span_order};
pub use stretches::{Stretches, TimeOrder};
pub use time_series::{
    Bucket, BucketQuery, GroupBy, GroupSeries, MetricBuckets, MetricDescription, Partial, Points,
};
pub use trace_search::{
    RatesOf, RatesQuery, ServiceMapQuery, SpanFilter, SpanStatus, TraceCursor, TraceQuery,
};
