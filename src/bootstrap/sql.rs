//! `telemetryflow sql`: one statement that reads, over the tables of a server that is not running, or of a store elsewhere.

use std::io::Write;

use anyhow::{Context, bail};

use crate::config::{Settings, StoreKind};
use crate::platform::clickhouse::embedded::EmbeddedStore;
use crate::platform::clickhouse::network::NetworkStore;

use super::store_parts::{embedded_options, network_options};

/// Writes the answer to standard output in one of ClickHouse's formats.
pub fn run(settings: &Settings, statement: &str, format: &str) -> anyhow::Result<()> {
    let answer = match &settings.store.kind {
        StoreKind::Null => bail!("store kind \"null\" keeps nothing"),
        StoreKind::Network(network) => {
            NetworkStore::new(&network_options(settings, network))?.read_as(statement, format)?
        }
        StoreKind::Embedded => {
            let store = EmbeddedStore::open(&embedded_options(settings)?).context("cannot open the store")?;
            store.read_as(statement, format)?
        }
    };
    std::io::stdout().write_all(&answer).context("cannot write the answer")
}
