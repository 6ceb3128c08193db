//! How telemetry reaches the store: the journal's records, the series catalogue, batches, blocks and inserts.

pub mod backlog;
pub mod batch_rows;
pub mod batcher;
pub mod block_columns;
pub mod block_origins;
pub mod blocks;
pub mod body_columns;
pub mod catalogue;
pub mod checkpoint;
pub mod closing;
pub mod dead_letters;
pub mod entry;
pub mod in_transit;
pub mod inserter;
pub mod insertion;
pub mod journal_report;
pub mod journaling;
pub mod keeper;
pub mod letter_replay;
pub mod loading;
pub mod log_blocks;
pub mod parts_pressure;
pub mod poison;
pub mod presence;
pub mod record_header;
pub mod refusals;
pub mod restore;
pub mod rollup_store;
pub mod schema;
pub mod span_blocks;
pub mod stall;
pub mod write_path;

pub use catalogue::{Catalogue, CatalogueLimits, CatalogueReader};
pub use parts_pressure::{PartsMetrics, PartsPressure};
pub use write_path::{JournalParts, LeftOver, WritePath, WritePathOptions, WritePathParts};
