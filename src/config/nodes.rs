//! Reads `[nodes]`: whether several servers share a store and a state database, and how they reach each other.

use super::password;
use super::reader::{Reader, text_of};
use super::{State, Store, StoreKind};
use crate::platform::nodes::{NODE_SECRET_BYTES_MIN, NodeAddress, NodeSecret};
use crate::platform::state::StateTarget;
use crate::platform::tls::Trust;

/// Whether there are other servers.
#[derive(Debug, Clone)]
pub enum Nodes {
    Alone,
    Several(NodeSettings),
}

/// One server of several.
#[derive(Debug, Clone)]
pub struct NodeSettings {
    /// How the others reach its API.
    pub address: NodeAddress,
    /// What they know each other by.
    pub secret: NodeSecret,
    /// Whose word is taken for who another node is, where addresses begin with `https`.
    pub trust: Trust,
}

const KEYS: [&str; 4] = ["nodes.address", "nodes.secret", "nodes.secret_file", "nodes.ca_file"];
const ADDRESS: &str = "nodes.address";

pub(super) fn read(reader: &mut Reader, store: &Store, state: &State) -> Nodes {
    if !KEYS.iter().any(|key| reader.is_written(key)) {
        return Nodes::Alone;
    }
    let address = reader.read(ADDRESS, None, |written| {
        let address = text_of(written).map(NodeAddress::parse);
        match address {
            Some(Ok(address)) => Ok(Some(address)),
            Some(Err(error)) => Err(format!("allowed: {error}")),
            None => Err("allowed: the address at which the other nodes reach this one's API".to_owned()),
        }
    });
    if !reader.is_written(ADDRESS) {
        reader.refuse(ADDRESS, "needed: the address at which the other nodes reach this one's API");
    }
    let secret = secret(reader);
    let trust = reader.trust("nodes.ca_file");
    if !matches!(store.kind, StoreKind::Network(_)) {
        reader.refuse(ADDRESS, "allowed: with [store] url, a store that all nodes share");
    }
    if !matches!(state.target, StateTarget::Postgres(_)) {
        reader.refuse(ADDRESS, "allowed: with [state] url, a state database that all nodes share");
    }
    match (address, secret) {
        (Some(address), Some(secret)) => Nodes::Several(NodeSettings { address, secret, trust }),
        // What is wrong was said.
        _ => Nodes::Alone,
    }
}

fn secret(reader: &mut Reader) -> Option<NodeSecret> {
    use secrecy::ExposeSecret;

    const SECRET: &str = "nodes.secret";
    let written = password::read(reader, "nodes", "secret");
    let secret = written.as_ref().and_then(|text| NodeSecret::parse(text.expose_secret()).ok());
    if secret.is_none() {
        reader.refuse(
            SECRET,
            &format!("needed: at least {NODE_SECRET_BYTES_MIN} visible characters, the same on every node"),
        );
    }
    secret
}
