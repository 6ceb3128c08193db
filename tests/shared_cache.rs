//! Several servers over one store, with one Redis: what one has cached is true although another one writes, whatever becomes
//! of Redis.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends where something unexpected happens"
)]
#![allow(clippy::print_stderr, reason = "the seed and the times are for whoever reads them")]

mod support;

#[path = "shared_cache/faults.rs"]
mod faults;
#[path = "shared_cache/limits.rs"]
mod limits;
#[path = "shared_cache/link.rs"]
mod link;
#[path = "shared_cache/nodes.rs"]
mod nodes;
#[path = "shared_cache/second.rs"]
mod second;
#[path = "shared_cache/truth.rs"]
mod truth;
