//! The store is another process: the same program with its SQL listener open, asked over HTTP by ClickHouse's official client.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends where something unexpected happens"
)]

mod exactly_once;
mod support;

#[path = "network_store/adapter.rs"]
mod adapter;
#[path = "network_store/between.rs"]
mod between;
#[path = "network_store/elsewhere.rs"]
mod elsewhere;
