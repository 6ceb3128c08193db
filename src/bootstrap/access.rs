//! Who may come in and how fast: the configured API keys and rates, and a word where there are none and should be.

use std::net::SocketAddr;
use std::sync::Arc;

use prometheus_client::registry::Registry;

use crate::config::{ApiKey as ConfiguredKey, Expiry, KeyRole, Settings};
use crate::shared::Clock;
use crate::tenancy::{Access, AccessCounters, ApiKey, KeyId, Rate, RateLimits, Role, SecretHash};

/// Open where no keys are configured.
pub fn build_access(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    registry: &mut Registry,
) -> anyhow::Result<Access> {
    if settings.keys.is_empty() {
        return Ok(Access::open());
    }
    Ok(Access::with_keys(api_keys(settings)?, Arc::clone(clock), AccessCounters::register(registry)))
}

pub fn api_keys(settings: &Settings) -> anyhow::Result<Vec<ApiKey>> {
    settings.keys.iter().map(|(id, key)| api_key(id, key)).collect()
}

/// The same for every tenant.
pub fn rate_limits(settings: &Settings) -> RateLimits {
    let limits = &settings.limits;
    RateLimits {
        requests: Rate::per_second(limits.requests_per_second),
        bytes: Rate::per_second(limits.bytes_per_second.bytes()),
        items: Rate::per_second(limits.items_per_second),
    }
}

fn api_key(id: &str, key: &ConfiguredKey) -> anyhow::Result<ApiKey> {
    Ok(ApiKey {
        id: KeyId::parse(id)?,
        hash: SecretHash::new(key.hash),
        tenant: key.tenant.clone(),
        role: match key.role {
            KeyRole::Ingest => Role::Ingest,
            KeyRole::Read => Role::Read,
            KeyRole::Admin => Role::Admin,
        },
        expires: match key.expires {
            Expiry::Never => None,
            Expiry::At(at) => Some(at),
        },
    })
}

/// Says where others than this machine can come in without a key.
pub fn warn_if_open(settings: &Settings, key: &str, address: SocketAddr) {
    if settings.keys.is_empty() && !address.ip().to_canonical().is_loopback() {
        tracing::warn!(
            %address,
            key,
            "anyone who reaches this address can send and read everything: no API keys are configured ([keys.NAME])"
        );
    }
}
