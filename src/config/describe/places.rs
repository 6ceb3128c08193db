//! What is shown of where things are kept: a store elsewhere, and the state database.

use super::{HIDDEN, Lines};
use crate::config::{Network, Nodes, Redis};
use crate::platform::clickhouse::deployment::Quorum;
use crate::platform::clickhouse::network::Trust;
use crate::platform::state::StateTarget;

impl Lines {
    pub(super) fn state(&mut self, target: &StateTarget) {
        match target {
            StateTarget::File(path) => self.path("state.path", path),
            StateTarget::Postgres(postgres) => {
                self.text("state.url", &postgres.address);
                self.secret("state.password", postgres.password.as_ref());
                if let Some(path) = &postgres.ca_file {
                    self.path("state.ca_file", path);
                }
            }
        }
    }

    pub(super) fn nodes(&mut self, nodes: &Nodes) {
        let Nodes::Several(nodes) = nodes else { return };
        self.text("nodes.address", &nodes.address);
        self.text("nodes.secret", HIDDEN);
        if let Trust::File(path) = &nodes.trust {
            self.path("nodes.ca_file", path);
        }
    }

    pub(super) fn redis(&mut self, redis: &Redis) {
        if let Some(server) = &redis.server {
            self.text("redis.url", &server.address);
            self.secret("redis.password", server.password.as_ref());
            if let Some(file) = &server.ca_file {
                self.path("redis.ca_file", file);
            }
        }
        self.text("redis.prefix", &redis.prefix);
        self.bytes("redis.cache_bytes", redis.cache_bytes);
    }

    pub(super) fn network(&mut self, network: &Network) {
        self.list("store.urls", &network.endpoints);
        if let Some(user) = &network.user {
            self.text("store.user", user);
        }
        self.secret("store.password", network.password.as_ref());
        if let Trust::File(path) = &network.trust {
            self.path("store.ca_file", path);
        }
        self.text("store.database", network.database.as_str());
        if let Some(cluster) = &network.cluster {
            self.text("store.cluster", cluster.as_str());
        }
        match network.quorum {
            Quorum::One => self.text("store.quorum", "one"),
            Quorum::Majority => self.text("store.quorum", "majority"),
            Quorum::Of(replicas) => self.bare("store.quorum", replicas),
        }
    }
}
