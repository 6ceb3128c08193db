//! Configuration: what people write (a TOML file, environment variables) is parsed into what code reads ([`Settings`]).
//!
//! Everything is optional, nothing unknown is accepted, all mistakes are reported at once. `config.toml` in the
//! repository documents every key.

mod byte_size;
mod channel_sections;
mod describe;
mod environment;
mod errors;
mod external_url;
mod file;
mod keys;
mod named_sections;
mod network_store;
mod nodes;
mod own_alerts;
mod password;
mod reader;
mod redis_section;
mod routing;
mod sections;
mod settings;
mod source;
mod state_section;
mod store_section;
mod store_settings;
mod telemetry;
mod time_intervals;
mod written;

use std::path::Path;

pub use byte_size::{ByteSize, ByteSizeError};
pub use environment::LIBRARY_VARIABLE;
pub use errors::{ConfigError, ConfigErrors};
pub use nodes::{NodeSettings, Nodes};
pub use own_alerts::{OwnAlerts, OwnRules};
pub use redis_section::{Redis, RedisServer};
pub use routing::{AfterMatch, Inhibit, RouteSection};
pub use settings::{
    Alerting, ApiKey, Channel, ChannelKind, DeadLetters, Durability, EmailChannel, Expiry, Ingest, Journal,
    KeyRole, Limits, Listen, Log, LogFormat, Outgoing, Query, Reach, RollupMode, Rollups, Rules,
    SendResolved, Settings, Shutdown, State, Stream, WebhookSigning,
};
pub use source::SettingsSource;
pub use store_settings::{Library, Network, SqlAccess, SqlListener, SqlUser, Store, StoreKind};
pub use telemetry::Telemetry;
pub use time_intervals::{TimeInterval, TimeIntervals};

use reader::Reader;
use written::Entries;

impl Settings {
    /// Reads the file (none: defaults only), then the environment, which wins. The environment is handed in, as all of
    /// it: variables that do not begin with `TELEMETRYFLOW__` are passed over.
    pub fn load(
        path: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigErrors> {
        let mut errors = Vec::new();
        let mut entries = Entries::new();
        if let Some(path) = path {
            file::read(path, &mut entries, &mut errors);
        }
        environment::read(env, &mut entries, &mut errors);
        let mut reader = Reader::new(entries, errors);
        let settings = sections::read_settings(&mut reader);
        reader.finish(settings)
    }
}

#[cfg(test)]
mod tests;
