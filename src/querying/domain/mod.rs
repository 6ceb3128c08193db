//! What can be asked of metrics, and how answers are computed from buckets.

pub mod aggregation;
pub mod catalogue;
pub mod time_series;

pub use aggregation::{Aggregation, NotComputable, Number};
pub use catalogue::{CataloguePage, CatalogueQuery, MetricSummary};
pub use time_series::{
    Bucket, BucketQuery, GroupBy, GroupSeries, MetricBuckets, MetricDescription, Partial, Points,
};
