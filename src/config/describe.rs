//! The configuration in force, as text for `check-config`: TOML, without secrets.

mod places;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;

use super::routing;
use super::{
    AfterMatch, ApiKey, ByteSize, Channel, ChannelKind, Durability, EmailChannel, Expiry, KeyRole, Library,
    LogFormat, OwnRules, Reach, RollupMode, RouteSection, Rules, SendResolved, Settings, SqlAccess, SqlUser,
    StoreKind, TimeIntervals, WebhookSigning,
};
use crate::platform::outgoing::{MailLogin, MailTls};
use crate::shared::duration_text;

/// In the place of secrets.
const HIDDEN: &str = "(hidden)";

/// One `key = value` per line under its section. Reads back as a configuration, but for the secrets.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last_section = String::new();
        for (path, value) in self.lines() {
            let (section, key) = path.rsplit_once('.').unwrap_or(("", &path));
            if section != last_section {
                let line_end = if last_section.is_empty() { "" } else { "\n" };
                writeln!(f, "{line_end}{}", routing::header(section))?;
                section.clone_into(&mut last_section);
            }
            writeln!(f, "{key} = {value}")?;
        }
        Ok(())
    }
}

impl Settings {
    /// The keys that have another value there, or none. Secrets look all alike.
    pub fn keys_that_differ(&self, other: &Self) -> BTreeSet<String> {
        let (own, others): (BTreeSet<_>, BTreeSet<_>) =
            (self.lines().into_iter().collect(), other.lines().into_iter().collect());
        own.symmetric_difference(&others).map(|(path, _)| path.clone()).collect()
    }

    /// Every key with its value as TOML; keys without a default only if they have a value.
    pub(super) fn lines(&self) -> Vec<(String, String)> {
        let mut lines = Lines(Vec::new());
        self.listen_and_store(&mut lines);
        self.ingest_lines(&mut lines);
        self.limits_query_and_alerting(&mut lines);
        for (id, key) in &self.keys {
            lines.api_key(id, key);
        }
        for (name, user) in &self.sql_users {
            lines.sql_user(name, user);
        }
        for (name, channel) in &self.channels {
            lines.channel(name, channel);
        }
        lines.list("outgoing.allow", &self.outgoing.allow);
        lines.text(
            "log.format",
            match self.log.format {
                LogFormat::Text => "text",
                LogFormat::Json => "json",
            },
        );
        lines.text("log.level", &self.log.level);
        let telemetry = &self.telemetry;
        if let Some(otlp) = &telemetry.otlp {
            lines.text("telemetry.otlp", otlp);
        }
        lines.secret("telemetry.key", telemetry.key.as_ref());
        lines.duration("telemetry.metrics_interval", telemetry.metrics_interval);
        lines.bare("telemetry.traces_per_thousand", telemetry.traces_per_thousand);
        lines.duration("shutdown.deadline", self.shutdown.deadline);
        lines.0
    }

    fn listen_and_store(&self, lines: &mut Lines) {
        lines.text("listen.otlp_grpc", self.listen.otlp_grpc);
        lines.text("listen.otlp_http", self.listen.otlp_http);
        lines.text("listen.api", self.listen.api);
        let store = &self.store;
        lines.text(
            "store.kind",
            match &store.kind {
                StoreKind::Embedded => "embedded",
                StoreKind::Network(_) => "network",
                StoreKind::Null => "null",
            },
        );
        lines.path("store.path", &store.path);
        if let Library::At(path) = &store.library {
            lines.path("store.library", path);
        }
        lines.bare("store.readers", store.readers);
        lines.bare("store.writers", store.writers);
        lines.bytes("store.engine_memory_max", store.engine_memory_max);
        lines.duration("store.retention_metrics", store.retention_metrics);
        lines.duration("store.retention_logs", store.retention_logs);
        lines.duration("store.retention_traces", store.retention_traces);
        if let StoreKind::Network(network) = &store.kind {
            lines.network(network);
        }
        let sql = &store.sql;
        if let Some(listen) = sql.listen {
            lines.text("store.sql.listen", listen);
        }
        lines.bare("store.sql.statements_max", sql.statements_max);
        lines.bytes("store.sql.body_bytes_max", sql.body_bytes_max);
        lines.bytes("store.sql.answer_bytes_max", sql.answer_bytes_max);
    }

    fn ingest_lines(&self, lines: &mut Lines) {
        let ingest = &self.ingest;
        lines.path("journal.path", &self.journal.path);
        lines.bytes("journal.bytes_max", self.journal.bytes_max);
        lines.path("dead_letters.path", &self.dead_letters.path);
        lines.bytes("dead_letters.bytes_max", self.dead_letters.bytes_max);
        lines.state(&self.state.target);
        lines.nodes(&self.nodes);
        lines.text(
            "ingest.durability",
            match ingest.durability {
                Durability::Journal => "journal",
                Durability::Store => "store",
                Durability::Memory => "memory",
            },
        );
        lines.bytes("ingest.body_bytes_max", ingest.body_bytes_max);
        lines.bare("ingest.body_ratio_max", ingest.body_ratio_max);
        lines.bytes("ingest.budget_bytes", ingest.budget_bytes);
        lines.bare("ingest.decode_threads", ingest.decode_threads);
        lines.bare("ingest.batch_rows_max", ingest.batch_rows_max);
        lines.bytes("ingest.batch_bytes_max", ingest.batch_bytes_max);
        lines.duration("ingest.batch_age_max", ingest.batch_age_max);
        lines.duration("ingest.resent_window", ingest.resent_window);
        lines.reach("ingest.accept_past", ingest.accept_past);
        lines.reach("ingest.accept_future", ingest.accept_future);
        lines.bare("ingest.series_max_per_tenant", ingest.series_max_per_tenant);
        lines.duration("ingest.series_idle_max", ingest.series_idle_max);
        lines.bare("ingest.attributes_max", ingest.attributes_max);
        lines.bytes("ingest.attribute_key_bytes_max", ingest.attribute_key_bytes_max);
        lines.bytes("ingest.attribute_value_bytes_max", ingest.attribute_value_bytes_max);
        lines.bytes("ingest.log_body_bytes_max", ingest.log_body_bytes_max);
        lines.list("ingest.cors_origins", &ingest.cors_origins);
    }

    fn limits_query_and_alerting(&self, lines: &mut Lines) {
        let limits = &self.limits;
        lines.bare("limits.requests_per_second", limits.requests_per_second);
        lines.bare("limits.items_per_second", limits.items_per_second);
        lines.bytes("limits.bytes_per_second", limits.bytes_per_second);
        lines.text(
            "rollups.mode",
            match self.rollups.mode {
                RollupMode::Hourly => "hourly",
                RollupMode::Off => "off",
            },
        );
        lines.duration("rollups.delay", self.rollups.delay);
        lines.duration("rollups.retention", self.rollups.retention);
        let query = &self.query;
        lines.duration("query.timeout", query.timeout);
        lines.bytes("query.memory_bytes_max", query.memory_bytes_max);
        lines.bare("query.rows_max", query.rows_max);
        lines.bare("query.points_max", query.points_max);
        lines.bare("query.series_max", query.series_max);
        lines.bare("query.concurrency_max", query.concurrency_max);
        lines.bare("query.concurrency_max_per_tenant", query.concurrency_max_per_tenant);
        lines.bytes("query.cache_bytes", query.cache_bytes);
        lines.redis(&self.redis);
        let stream = &self.stream;
        lines.bare("stream.clients_max", stream.clients_max);
        lines.bare("stream.clients_max_per_tenant", stream.clients_max_per_tenant);
        lines.bytes("stream.client_bytes_max", stream.client_bytes_max);
        if let Rules::At(path) = &self.alerting.rules {
            lines.path("alerting.rules", path);
        }
        lines.duration("alerting.allowed_lateness", self.alerting.allowed_lateness);
        lines.bare("alerting.instances_max", self.alerting.instances_max);
        lines.text("alerting.external_url", &self.alerting.external_url);
        let own = &self.alerting.own;
        lines.bare("alerting.own_rules", own.rules == OwnRules::On);
        lines.texts("alerting.own_channels", &own.channels);
        lines.text("alerting.own_tenant", &own.tenant);
        lines.text("alerting.runbook_base", &own.runbook_base);
        if let Some(root) = &self.alerting.route {
            lines.route(root);
        }
        for intervals in &self.alerting.time_intervals {
            lines.time_intervals(intervals);
        }
        for inhibit in &self.alerting.inhibit {
            let place = &inhibit.place;
            lines.texts(&format!("{place}.source_matchers"), &inhibit.source_matchers);
            lines.texts(&format!("{place}.target_matchers"), &inhibit.target_matchers);
            lines.texts(&format!("{place}.equal"), &inhibit.equal);
        }
    }
}

struct Lines(Vec<(String, String)>);

impl Lines {
    fn bare(&mut self, path: &str, value: impl fmt::Display) {
        self.0.push((path.to_owned(), value.to_string()));
    }

    fn text(&mut self, path: &str, value: impl fmt::Display) {
        self.bare(path, toml::Value::String(value.to_string()));
    }

    fn list(&mut self, path: &str, items: &[impl fmt::Display]) {
        let items: Vec<String> = items.iter().map(|item| format!("\"{item}\"")).collect();
        self.bare(path, format!("[{}]", items.join(", ")));
    }

    fn texts(&mut self, path: &str, texts: &[String]) {
        let texts = texts.iter().map(|text| toml::Value::String(text.clone())).collect();
        self.bare(path, toml::Value::Array(texts));
    }

    /// Each route's own keys come before the routes below it, as TOML wants it.
    fn route(&mut self, route: &RouteSection) {
        let key = |name: &str| format!("{}.{name}", route.place);
        if let Some(receiver) = &route.receiver {
            self.text(&key("receiver"), receiver);
        }
        if route.place != routing::ROOT {
            self.texts(&key("matchers"), &route.matchers);
            self.bare(&key("continue"), route.after_match == AfterMatch::Continue);
            self.texts(&key("mute_time_intervals"), &route.mute_time_intervals);
            self.texts(&key("active_time_intervals"), &route.active_time_intervals);
        }
        if let Some(group_by) = &route.group_by {
            self.texts(&key("group_by"), group_by);
        }
        for (name, duration) in [
            ("group_wait", route.group_wait),
            ("group_interval", route.group_interval),
            ("repeat_interval", route.repeat_interval),
        ] {
            if let Some(duration) = duration {
                self.duration(&key(name), duration);
            }
        }
        for inner in &route.routes {
            self.route(inner);
        }
    }

    fn time_intervals(&mut self, named: &TimeIntervals) {
        self.text(&format!("{}.name", named.place), &named.name);
        for interval in &named.intervals {
            let key = |name: &str| format!("{}.{name}", interval.place);
            self.texts(&key("weekdays"), &interval.weekdays);
            self.texts(&key("days_of_month"), &interval.days_of_month);
            self.texts(&key("months"), &interval.months);
            self.texts(&key("years"), &interval.years);
            if let Some(location) = &interval.location {
                self.text(&key("location"), location);
            }
            for (index, [start, end]) in interval.times.iter().enumerate() {
                self.text(&key(&format!("times.{index}.start_time")), start);
                self.text(&key(&format!("times.{index}.end_time")), end);
            }
        }
    }

    fn path(&mut self, path: &str, value: &Path) {
        self.text(path, value.display());
    }

    fn bytes(&mut self, path: &str, value: ByteSize) {
        self.text(path, value);
    }

    fn duration(&mut self, path: &str, value: Duration) {
        self.text(path, duration_text::format(value));
    }

    fn reach(&mut self, path: &str, value: Reach) {
        match value {
            Reach::Unlimited => self.duration(path, Duration::ZERO),
            Reach::Within(duration) => self.duration(path, duration),
        }
    }

    fn secret(&mut self, path: &str, value: Option<&SecretString>) {
        if value.is_some() {
            self.text(path, HIDDEN);
        }
    }

    fn sql_user(&mut self, name: &str, user: &SqlUser) {
        self.hash(&format!("sql_users.{name}.hash"), &user.hash);
        let access = match user.access {
            SqlAccess::Read => "read",
            SqlAccess::Write => "write",
        };
        self.text(&format!("sql_users.{name}.access"), access);
    }

    fn hash(&mut self, path: &str, hash: &[u8]) {
        let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        self.text(path, format!("sha256:{digits}"));
    }

    fn api_key(&mut self, id: &str, key: &ApiKey) {
        self.hash(&format!("keys.{id}.hash"), &key.hash);
        self.text(&format!("keys.{id}.tenant"), &key.tenant);
        self.text(
            &format!("keys.{id}.role"),
            match key.role {
                KeyRole::Ingest => "ingest",
                KeyRole::Read => "read",
                KeyRole::Admin => "admin",
            },
        );
        if let Expiry::At(at) = key.expires {
            let text = jiff::Timestamp::from_nanosecond(at.nanos().into()).map(|at| at.to_string());
            self.text(&format!("keys.{id}.expires"), text.unwrap_or_default());
        }
    }

    fn channel(&mut self, name: &str, channel: &Channel) {
        let path = |key: &str| format!("channels.{name}.{key}");
        self.text(&path("kind"), channel.kind.name());
        self.bare(&path("send_resolved"), channel.send_resolved == SendResolved::Yes);
        match &channel.kind {
            ChannelKind::Slack { .. } => self.text(&path("url"), HIDDEN),
            ChannelKind::Webhook { signing, .. } => {
                self.text(&path("url"), HIDDEN);
                if let WebhookSigning::With(_) = signing {
                    self.text(&path("secret"), HIDDEN);
                }
            }
            ChannelKind::PagerDuty { .. } => {
                self.text(&path("url"), HIDDEN);
                self.text(&path("routing_key"), HIDDEN);
            }
            ChannelKind::Email(EmailChannel { server, ca_file, from, to }) => {
                self.text(&path("smtp"), format_args!("{}:{}", server.host, server.port));
                self.text(
                    &path("tls"),
                    match server.tls {
                        MailTls::StartTls => "starttls",
                        MailTls::Immediate => "tls",
                        MailTls::Off => "off",
                    },
                );
                if let Some(file) = ca_file {
                    self.path(&path("ca_file"), file);
                }
                if let MailLogin::As { user, .. } = &server.login {
                    self.text(&path("user"), user);
                    self.text(&path("password"), HIDDEN);
                }
                self.text(&path("from"), from);
                let to: Vec<_> = to.iter().map(|address| toml::Value::String(address.to_string())).collect();
                self.bare(&path("to"), toml::Value::Array(to));
            }
        }
    }
}
