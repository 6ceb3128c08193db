//! What the black-box tests share: a server process, a plain HTTP client, and builders for OTLP requests.

#![allow(dead_code, unused_imports, reason = "each test file uses its own part")]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something unexpected happens"
)]

pub mod engine;
pub mod events;
pub mod every_way;
pub mod faulty;
pub mod grpc;
pub mod hostile;
pub mod http;
pub mod otlp;
pub mod otlp_json;
pub mod postgres;
pub mod redis;
pub mod server;
pub mod signals;
pub mod tables;
pub mod webhook;

pub use http::{Answer, Connection, encoded};
pub use server::{Server, Stopped, eventually};
