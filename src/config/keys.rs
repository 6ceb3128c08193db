//! Every key there is, with its default: the list that unknown keys, `config.toml` and the JSON Schema are held against.

use crate::shared::nearest::nearest;

/// A key and the text of its default; without one if absence has a meaning of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) path: &'static str,
    pub(super) default: Option<&'static str>,
}

const fn key(path: &'static str, default: &'static str) -> Key {
    Key { path, default: Some(default) }
}

const fn absent(path: &'static str) -> Key {
    Key { path, default: None }
}

/// In the order in which they are shown. Bounds stand where the keys are read (`sections.rs`).
pub(super) const KEYS: &[Key] = &[
    key("listen.otlp_grpc", "127.0.0.1:4317"),
    key("listen.otlp_http", "127.0.0.1:4318"),
    key("listen.api", "127.0.0.1:8080"),
    key("store.kind", "embedded"),
    key("store.path", "./data"),
    absent("store.url"),
    absent("store.library"),
    key("store.readers", "4"),
    key("store.writers", "4"),
    key("store.engine_memory_max", "4GiB"),
    key("store.retention_metrics", "30d"),
    key("store.retention_logs", "14d"),
    key("store.retention_traces", "14d"),
    key("ingest.durability", "store"),
    key("ingest.body_bytes_max", "64MiB"),
    key("ingest.body_ratio_max", "200"),
    key("ingest.budget_bytes", "512MiB"),
    key("ingest.decode_threads", "0"),
    key("ingest.batch_rows_max", "100000"),
    key("ingest.batch_bytes_max", "32MiB"),
    key("ingest.batch_age_max", "100ms"),
    key("ingest.accept_past", "7d"),
    key("ingest.accept_future", "10m"),
    key("ingest.series_max_per_tenant", "5000000"),
    key("ingest.series_idle_max", "2d"),
    key("ingest.attributes_max", "128"),
    key("ingest.attribute_key_bytes_max", "256B"),
    key("ingest.attribute_value_bytes_max", "64KiB"),
    key("ingest.log_body_bytes_max", "1MiB"),
    key("ingest.cors_origins", ""),
    key("query.timeout", "30s"),
    key("query.memory_bytes_max", "2GiB"),
    key("query.rows_max", "1000000000"),
    key("query.points_max", "11000"),
    key("query.series_max", "10000"),
    key("query.concurrency_max", "8"),
    key("query.cache_bytes", "128MiB"),
    absent("alerting.rules"),
    key("alerting.allowed_lateness", "30s"),
    key("alerting.instances_max", "1000"),
    key("outgoing.allow", ""),
    key("log.format", "text"),
    key("log.level", "info"),
    key("shutdown.deadline", "25s"),
];

/// The section of notification channels: `channels.NAME.kind` and `channels.NAME.url`.
pub(super) const CHANNELS: &str = "channels";

/// The keys of one channel.
pub(super) const CHANNEL_KEYS: [&str; 2] = ["kind", "url"];

/// The key as `KEYS` has it, or one of a channel.
pub(super) fn is_known(path: &str) -> bool {
    KEYS.iter().any(|key| key.path == path) || is_channel_key(path)
}

fn is_channel_key(path: &str) -> bool {
    let mut parts = path.splitn(3, '.');
    parts.next() == Some(CHANNELS)
        && parts.next().is_some_and(|name| !name.is_empty())
        && parts.next().is_some_and(|key| CHANNEL_KEYS.contains(&key))
}

/// Whether a table of this name may stand in the file.
pub(super) fn is_section(name: &str) -> bool {
    sections().any(|section| section == name)
}

fn sections() -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter_map(|key| key.path.split_once('.').map(|(section, _)| section)).chain([CHANNELS])
}

/// The known key that an unknown one was probably meant to be: near as a whole, or of the same name elsewhere.
pub(super) fn nearest_key(path: &str) -> Option<String> {
    if let Some((channel, key)) = path.strip_prefix("channels.").and_then(|rest| rest.split_once('.')) {
        return nearest(key, CHANNEL_KEYS).map(|near| format!("channels.{channel}.{near}"));
    }
    let name = path.rsplit('.').next().unwrap_or(path);
    let section = path.split_once('.').map(|(section, _)| section).filter(|section| is_section(section));
    let paths = || KEYS.iter().map(|key| key.path);
    let name_of = |path: &'static str| path.rsplit('.').next().unwrap_or(path);
    let in_section = section.and_then(|section| {
        let names = paths().filter(|path| path.split('.').next() == Some(section)).map(name_of);
        nearest(name, names).map(|near| format!("{section}.{near}"))
    });
    in_section
        .or_else(|| paths().find(|path| name_of(path) == name).map(str::to_owned))
        .or_else(|| nearest(path, paths()).map(str::to_owned))
}

/// The known section that an unknown one was probably meant to be.
pub(super) fn nearest_section(name: &str) -> Option<String> {
    nearest(name, sections()).map(|near| format!("[{near}]"))
}
