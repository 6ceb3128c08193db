//! Scenario: what the write path does in its corners: the store refuses requests, which people then have replayed or dropped; the
//! journal fills up; more waits than memory holds; the same folder is used under one durability after the other; requests
//! with rejected items are sent again.
//! Guarantees: whatever was acknowledged is stored once or set aside, the ledger says so to the item, every sender is told what
//! became of its request, and nothing needs a restart.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends where something unexpected happens"
)]

mod exactly_once;
mod support;

#[path = "write_path/backlog.rs"]
mod backlog;
#[path = "write_path/dead_letters.rs"]
mod dead_letters;
#[path = "write_path/durabilities.rs"]
mod durabilities;
#[path = "write_path/journal_full.rs"]
mod journal_full;
#[path = "write_path/rejections.rs"]
mod rejections;
