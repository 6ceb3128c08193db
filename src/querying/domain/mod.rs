//! What can be asked of metrics, log records and spans, and how answers are computed from buckets.

pub mod aggregation;
pub mod bucket;
pub mod catalogue;
pub mod fold;
pub mod formula;
pub mod formula_series;
pub mod group;
pub mod heat_map;
pub mod log_histogram;
pub mod log_match;
pub mod log_search;
pub mod metric_description;
pub mod points;
pub mod ranking;
pub mod series_questions;
pub mod span_order;
pub mod stretches;
pub mod time_series;
pub mod trace_search;
pub mod watch;

pub use crate::shared::distribution::{Distribution, ExplicitBuckets, ExponentialBuckets, Shape};
pub use aggregation::{Aggregation, NotComputable, Number, Quantile};
pub use bucket::Bucket;
pub use catalogue::{CataloguePage, CatalogueQuery, MetricSummary};
pub use fold::{Fold, NEAR, TooManyBuckets, look_back};
pub use formula::Formula;
pub use formula_series::{FormulaSeries, Operand};
pub use group::{Group, GroupSeries, GroupSlice};
pub use heat_map::HeatMap;
pub use log_histogram::{LogCount, LogHistogram, LogHistogramQuery};
pub use log_match::LogTest;
pub use log_search::{AttributeTest, LogContextQuery, LogCursor, LogFilter, LogQuery, Severity};
pub use metric_description::MetricDescription;
pub use points::{DistributionPoint, Meaning, NumberPoint, Point, RolledPoint};
pub use ranking::{Fill, Order, OrderBy, Points, Ranking, Values};
pub use series_questions::{
    CardinalityQuery, Days, ExemplarPlace, ExemplarsQuery, LabelValuesQuery, LabelsQuery, MetadataQuery,
    SeriesQuery, SeriesSelection, TextPlace,
};
pub use span_order::{SpanPlace, span_order};
pub use stretches::{Stretches, TimeOrder};
pub use time_series::{BucketQuery, GroupBy, MetricBuckets, Partial};
pub use trace_search::{
    RatesOf, RatesQuery, ServiceMapQuery, SpanFilter, SpanStatus, TraceCursor, TraceQuery,
};
pub use watch::Watch;
