//! Every key there is, with its default: the list that unknown keys, `config.toml` and the JSON Schema are held against.

use super::routing;
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
    absent("store.library"),
    key("store.readers", "4"),
    key("store.writers", "4"),
    key("store.engine_memory_max", "4GiB"),
    key("store.retention_metrics", "30d"),
    key("store.retention_logs", "14d"),
    key("store.retention_traces", "14d"),
    absent("store.url"),
    absent("store.urls"),
    absent("store.user"),
    absent("store.password"),
    absent("store.password_file"),
    absent("store.ca_file"),
    key("store.database", "telemetryflow"),
    absent("store.cluster"),
    key("store.quorum", "one"),
    absent("store.sql.listen"),
    key("store.sql.statements_max", "8"),
    key("store.sql.body_bytes_max", "256MiB"),
    key("store.sql.answer_bytes_max", "256MiB"),
    absent("journal.path"),
    key("journal.bytes_max", "10GiB"),
    absent("dead_letters.path"),
    key("dead_letters.bytes_max", "1GiB"),
    absent("state.path"),
    absent("state.url"),
    absent("state.password"),
    absent("state.password_file"),
    absent("state.ca_file"),
    absent("nodes.address"),
    absent("nodes.secret"),
    absent("nodes.secret_file"),
    absent("nodes.ca_file"),
    key("ingest.durability", "journal"),
    key("ingest.body_bytes_max", "64MiB"),
    key("ingest.body_ratio_max", "200"),
    key("ingest.budget_bytes", "512MiB"),
    key("ingest.decode_threads", "0"),
    key("ingest.batch_rows_max", "500000"),
    key("ingest.batch_bytes_max", "64MiB"),
    key("ingest.batch_age_max", "200ms"),
    key("ingest.resent_window", "10m"),
    key("ingest.accept_past", "7d"),
    key("ingest.accept_future", "10m"),
    key("ingest.series_max_per_tenant", "5000000"),
    key("ingest.series_idle_max", "2d"),
    key("ingest.attributes_max", "128"),
    key("ingest.attribute_key_bytes_max", "256B"),
    key("ingest.attribute_value_bytes_max", "64KiB"),
    key("ingest.log_body_bytes_max", "1MiB"),
    key("ingest.cors_origins", ""),
    key("limits.requests_per_second", "0"),
    key("limits.items_per_second", "0"),
    key("limits.bytes_per_second", "0B"),
    key("rollups.mode", "hourly"),
    key("rollups.delay", "5m"),
    key("rollups.retention", "396d"),
    key("query.timeout", "30s"),
    key("query.memory_bytes_max", "2GiB"),
    key("query.rows_max", "1000000000"),
    key("query.points_max", "11000"),
    key("query.series_max", "10000"),
    key("query.concurrency_max", "8"),
    key("query.concurrency_max_per_tenant", "4"),
    key("query.cache_bytes", "256MiB"),
    absent("redis.url"),
    absent("redis.password"),
    absent("redis.password_file"),
    absent("redis.ca_file"),
    key("redis.prefix", "telemetryflow:"),
    key("redis.cache_bytes", "256MiB"),
    key("stream.clients_max", "64"),
    key("stream.clients_max_per_tenant", "16"),
    key("stream.client_bytes_max", "4MiB"),
    absent("alerting.rules"),
    key("alerting.allowed_lateness", "30s"),
    key("alerting.instances_max", "1000"),
    key("alerting.external_url", ""),
    key("alerting.own_rules", "true"),
    key("alerting.own_channels", ""),
    key("alerting.own_tenant", "default"),
    key("alerting.runbook_base", ""),
    key("outgoing.allow", ""),
    key("log.format", "text"),
    key("log.level", "info"),
    absent("telemetry.otlp"),
    absent("telemetry.key"),
    key("telemetry.metrics_interval", "15s"),
    key("telemetry.traces_per_thousand", "10"),
    key("shutdown.deadline", "25s"),
];

/// A section that holds sections, each with a name of the operator's choice: `[channels.NAME]`.
#[derive(Debug)]
pub(super) struct NamedSections {
    pub(super) section: &'static str,
    /// What one of them may hold.
    pub(super) keys: &'static [&'static str],
}

/// Notification channels.
pub(super) const CHANNELS: NamedSections = NamedSections {
    section: "channels",
    keys: &[
        "kind",
        "send_resolved",
        "url",
        "secret",
        "routing_key",
        "smtp",
        "tls",
        "ca_file",
        "user",
        "password",
        "from",
        "to",
    ],
};

/// API keys.
pub(super) const API_KEYS: NamedSections =
    NamedSections { section: "keys", keys: &["hash", "tenant", "role", "expires"] };

/// Users of the SQL listener.
pub(super) const SQL_USERS: NamedSections = NamedSections { section: "sql_users", keys: &["hash", "access"] };

pub(super) const NAMED: [NamedSections; 3] = [API_KEYS, SQL_USERS, CHANNELS];

/// The sections that are held by a section of this name; absent if it holds keys.
pub(super) fn named(section: &str) -> Option<&'static NamedSections> {
    const { &NAMED }.iter().find(|named| named.section == section)
}

/// The key as `KEYS` has it, or one of a named section.
pub(super) fn is_known(path: &str) -> bool {
    KEYS.iter().any(|key| key.path == path) || is_named_key(path) || routing::is_known(path)
}

/// Whether this is a section within a section: `store.sql`.
pub(super) fn is_inner_section(path: &str) -> bool {
    KEYS.iter().any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

fn is_named_key(path: &str) -> bool {
    let mut parts = path.splitn(3, '.');
    let named = parts.next().and_then(named);
    let has_name = parts.next().is_some_and(|name| !name.is_empty());
    has_name && named.zip(parts.next()).is_some_and(|(named, key)| named.keys.contains(&key))
}

/// Whether a table of this name may stand in the file.
pub(super) fn is_section(name: &str) -> bool {
    sections().any(|section| section == name)
}

fn sections() -> impl Iterator<Item = &'static str> {
    KEYS.iter()
        .filter_map(|key| key.path.split_once('.').map(|(section, _)| section))
        .chain(NAMED.map(|named| named.section))
}

/// The known key that an unknown one was probably meant to be: near as a whole, or of the same name elsewhere.
pub(super) fn nearest_key(path: &str) -> Option<String> {
    if let Some(near) = routing::nearest_key(path) {
        return Some(near);
    }
    if let Some((held_by, rest)) =
        path.split_once('.').and_then(|(section, rest)| Some((named(section)?, rest)))
        && let Some((name, key)) = rest.split_once('.')
    {
        let near = nearest(key, held_by.keys.iter().copied());
        return near.map(|near| format!("{}.{name}.{near}", held_by.section));
    }
    let (section, name) = path.rsplit_once('.').unwrap_or(("", path));
    let paths = || KEYS.iter().map(|key| key.path);
    let name_of = |path: &'static str| path.rsplit('.').next().unwrap_or(path);
    let of_section =
        paths().filter(|path| path.rsplit_once('.').is_some_and(|(held_by, _)| held_by == section));
    let in_section = nearest(name, of_section.map(name_of)).map(|near| format!("{section}.{near}"));
    in_section
        .or_else(|| paths().find(|path| name_of(path) == name).map(str::to_owned))
        .or_else(|| nearest(path, paths()).map(str::to_owned))
}

/// The known section that an unknown one was probably meant to be.
pub(super) fn nearest_section(name: &str) -> Option<String> {
    nearest(name, sections()).map(|near| format!("[{near}]"))
}
