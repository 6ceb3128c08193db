//! Nodes: servers over one store that know of each other. One owns what only one may do; the others ask it.

mod address;
mod client;
mod secret;
#[cfg(test)]
mod tests;

pub use address::{NodeAddress, NodeAddressError};
pub use client::{NodeClient, NodeError};
pub use secret::{NODE_SECRET_BYTES_MIN, NodeSecret, NodeSecretError};

use tokio::sync::watch;

/// Says that a request comes from another node, which is not to be asked for it again.
pub const FORWARDED: &str = "x-telemetryflow-forwarded";

/// Where the owner is, as far as this node knows; absent while nobody is known to be.
pub type OwnerWatch = watch::Receiver<Option<NodeAddress>>;
