//! What the fuzz targets assert, a module for each: shared with `tests/fuzz_corpus.rs`, which needs no fuzzer.

pub mod deflate;
pub mod grpc;
pub mod gunzip;
pub mod json;
pub mod logs;
pub mod metrics;
pub mod traces;
pub mod zstd;

mod inflate;
mod metric_rows;
mod packed;
mod walked;

/// Panics if something does not hold for an input.
pub type Check = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Check); 8] = [
    ("deflate", deflate::check),
    ("grpc", grpc::check),
    ("gunzip", gunzip::check),
    ("json", json::check),
    ("logs", logs::check),
    ("metrics", metrics::check),
    ("traces", traces::check),
    ("zstd", zstd::check),
];
