//! What can be asked of metrics, log records and spans, and how answers are computed from buckets.

pub mod aggregation;
pub mod catalogue;
pub mod log_search;
pub mod stretches;
pub mod time_series;

pub use aggregation::{Aggregation, NotComputable, Number};
pub use catalogue::{CataloguePage, CatalogueQuery, MetricSummary};
pub use log_search::{AttributeTest, LogCursor, LogFilter, LogQuery, Severity};
pub use stretches::{Stretches, TimeOrder};
pub use time_series::{
    Bucket, BucketQuery, GroupBy, GroupSeries, MetricBuckets, MetricDescription, Partial, Points,
};
