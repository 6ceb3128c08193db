//! Scenario: clients send bodies that no SDK would, on every signal, encoding, packing and transport.
//! Guarantees: each gets the answer it should, which can be read; the next good request succeeds; and the process holds no more
//! than `[ingest] budget_bytes` allows, however little was sent.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something is missing"
)]
#![allow(clippy::disallowed_methods, reason = "a task ends with its test")]

mod support;

#[path = "bad_bodies/at_once.rs"]
mod at_once;
#[path = "bad_bodies/json.rs"]
mod json;
#[path = "bad_bodies/messages.rs"]
mod messages;
#[path = "bad_bodies/packed.rs"]
mod packed;
#[path = "bad_bodies/parts.rs"]
mod parts;
#[path = "bad_bodies/rows.rs"]
mod rows;
#[path = "bad_bodies/watched.rs"]
mod watched;
#[path = "bad_bodies/wire.rs"]
mod wire;
