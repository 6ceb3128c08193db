//! What proves that an acknowledged item is stored exactly once: a load in which every item can be told from every other,
//! clients that send the same bytes again until they are acknowledged, and the comparison of what they sent with the tables.

#![allow(dead_code, unused_imports, reason = "each test file uses its own part")]
#![allow(clippy::expect_used, clippy::panic, reason = "a test ends where something unexpected happens")]

mod call;
pub mod clients;
pub mod ledger;
mod post;
pub mod reconcile;
pub mod requests;
mod sender;

pub use clients::{Clients, Sent};
pub use reconcile::{Comparison, compare};
pub use requests::{Numbers, Request};
pub use sender::{Listeners, Outcome, Sender};

/// When the server answers, and with it how much of the promise holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Before anything is stored: what a crash takes was acknowledged.
    Memory,
    /// After the insert.
    Store,
    /// After the journal has it. Copies are recognised, and the server's own ledger is exact.
    Journal,
}

impl Durability {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Store => "store",
            Self::Journal => "journal",
        }
    }

    /// Configuration for it, with batches so small that many of them are under way when something happens.
    pub fn configuration(self) -> String {
        format!(
            "[ingest]\ndurability = \"{}\"\nresent_window = \"10m\"\nbatch_age_max = \"20ms\"",
            self.name()
        )
    }
}

/// What the program promises by default.
pub const DURABILITY: Durability = Durability::Journal;
