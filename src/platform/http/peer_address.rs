//! `PeerAddress`: who is at the other end of a request's connection. A proxy, if there is one.

use std::net::IpAddr;

/// Found in the extensions of every request that came over a listener of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);
