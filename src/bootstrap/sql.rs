//! `telemetryflow sql`: one statement that reads, over the tables of a server that is not running.

use std::io::Write;

use anyhow::{Context, bail};

use crate::config::{Settings, StoreKind};
use crate::platform::clickhouse::embedded::EmbeddedStore;

use super::store_parts::embedded_options;

/// Writes the answer to standard output in one of ClickHouse's formats.
pub fn run(settings: &Settings, statement: &str, format: &str) -> anyhow::Result<()> {
    match &settings.store.kind {
        StoreKind::Null => bail!("store kind \"null\" keeps nothing"),
        StoreKind::Network(_) => bail!("the store is a server: ask it with a client of ClickHouse"),
        StoreKind::Embedded => {}
    }
    let store = EmbeddedStore::open(&embedded_options(settings)?).context("cannot open the store")?;
    let answer = store.read_as(statement, format)?;
    std::io::stdout().write_all(&answer).context("cannot write the answer")
}
