//! How questions reach the store: SELECTs with bound parameters, behind a cache that knows when data changed.

mod body_search;
mod bucket_reader;
mod bucket_source;
pub mod cache;
pub mod clickhouse_reader;
mod explorer;
pub mod filter_sql;
pub mod generations;
mod json_rows;
mod log_reader;
mod pane_reader;
mod panes;
mod past_records;
mod past_series;
mod point_table;
mod query_counters;
mod runs;
mod search_sql;
mod second_level;
mod series_groups;
mod shared_changes;
mod span_rows;
mod stored_points;
mod trace_reader;
mod turns;

pub use cache::{CacheCounters, CachedReader, pane_bytes};
pub use clickhouse_reader::{ClickHouseReader, ReaderLimits};
pub use generations::Generations;
pub use panes::Panes;
pub use point_table::PointTable;
pub use query_counters::QueryCounters;
pub use runs::{Runs, SeriesRows};
pub use second_level::{SecondLevel, SecondLevelCounters};
pub use shared_changes::SharedChanges;
pub use stored_points::{Row, StoredPoint};
