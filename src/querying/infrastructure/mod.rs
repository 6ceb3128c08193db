//! How questions reach the store: SELECTs with bound parameters, behind a cache that knows when data changed.

pub mod cache;
pub mod clickhouse_reader;
pub mod filter_sql;
pub mod generations;
mod json_rows;
mod log_reader;
mod search_sql;
mod trace_reader;

pub use cache::{CacheCounters, CachedReader};
pub use clickhouse_reader::{ClickHouseReader, ReaderLimits};
pub use generations::Generations;
