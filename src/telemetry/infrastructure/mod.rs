//! How telemetry reaches the store: the series catalogue, batches, blocks and inserts.

pub mod batch_rows;
pub mod batcher;
pub mod block_columns;
pub mod block_origins;
pub mod blocks;
pub mod catalogue;
pub mod inserter;
pub mod log_blocks;
pub mod schema;
pub mod span_blocks;
pub mod stall;
pub mod write_path;

pub use catalogue::{Catalogue, CatalogueLimits, CatalogueReader};
pub use write_path::{WritePath, WritePathOptions};
