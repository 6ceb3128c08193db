//! ClickHouse's HTTP interface to the embedded engine, as its clients use it and as somebody would who wants more than is meant.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

#[path = "support/mod.rs"]
mod support;

#[path = "sql_listener/asking.rs"]
mod asking;
#[path = "sql_listener/attacks.rs"]
mod attacks;
#[path = "sql_listener/clients.rs"]
mod clients;
#[path = "sql_listener/door.rs"]
mod door;
#[path = "sql_listener/ending.rs"]
mod ending;
#[path = "sql_listener/scene.rs"]
mod scene;
