//! What code reads: every value present, within its bounds and in its own type.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;

use super::{
    ByteSize, Inhibit, Nodes, OwnAlerts, Redis, RouteSection, SqlUser, Store, Telemetry, TimeIntervals,
};
use crate::platform::outgoing::{MailAddress, MailServer, SecretUrl, SigningSecret};
use crate::platform::state::StateTarget;
use crate::shared::{TenantId, Timestamp};

/// The whole configuration. Made only by [`Settings::load`].
#[derive(Debug, Clone)]
pub struct Settings {
    pub listen: Listen,
    pub store: Store,
    pub journal: Journal,
    pub dead_letters: DeadLetters,
    pub state: State,
    pub nodes: Nodes,
    pub ingest: Ingest,
    pub limits: Limits,
    pub rollups: Rollups,
    pub query: Query,
    pub redis: Redis,
    pub stream: Stream,
    pub alerting: Alerting,
    /// API keys by id: 1 to 64 characters out of `a-z`, `0-9`, `_` and `-`. Without any the server is open.
    pub keys: BTreeMap<String, ApiKey>,
    /// Users of the SQL listener by name: 1 to 64 characters out of `a-z`, `0-9`, `_` and `-`.
    pub sql_users: BTreeMap<String, SqlUser>,
    /// By name: 1 to 64 characters out of `a-z`, `0-9`, `_` and `-`.
    pub channels: BTreeMap<String, Channel>,
    pub outgoing: Outgoing,
    pub log: Log,
    pub telemetry: Telemetry,
    pub shutdown: Shutdown,
}

/// Where the server listens. The three differ, unless their ports are 0.
#[derive(Debug, Clone)]
pub struct Listen {
    pub otlp_grpc: SocketAddr,
    pub otlp_http: SocketAddr,
    pub api: SocketAddr,
}

/// Where requests are kept until they are stored.
#[derive(Debug, Clone)]
pub struct Journal {
    /// Its directory; `journal` in the store's unless configured.
    pub path: PathBuf,
    /// What it may take of the disk, 16 MiB to 1 TiB.
    pub bytes_max: ByteSize,
}

/// Where requests are kept that the store refuses for good.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    /// Its directory; `dead-letters` in the store's unless configured.
    pub path: PathBuf,
    /// What they may take of the disk, 1 MiB to 1 TiB.
    pub bytes_max: ByteSize,
}

/// Where the state of alerts and what is yet to be sent are kept.
#[derive(Debug, Clone)]
pub struct State {
    /// A file, `state.db` in the store's directory unless configured; or PostgreSQL.
    pub target: StateTarget,
}

/// What may come in, and how it is gathered.
#[derive(Debug, Clone)]
pub struct Ingest {
    pub durability: Durability,
    /// One body, received and again after decompression, 1 KiB to 100 MiB; never above `budget_bytes`.
    pub body_bytes_max: ByteSize,
    /// How many times larger decompression may make a body, 2 to 10,000.
    pub body_ratio_max: u64,
    /// All bodies in flight together, 1 MiB to 1 TiB.
    pub budget_bytes: ByteSize,
    /// 1 to 256.
    pub decode_threads: usize,
    /// 1 to 1,000,000.
    pub batch_rows_max: usize,
    /// 64 KiB to 1 GiB.
    pub batch_bytes_max: ByteSize,
    /// 1 ms to 1 min.
    pub batch_age_max: Duration,
    /// How long a body is remembered, 0 to 1 day; zero: not at all.
    pub resent_window: Duration,
    pub accept_past: Reach,
    pub accept_future: Reach,
    /// 1 to 1,000,000,000.
    pub series_max_per_tenant: usize,
    /// After so long without a point a series is forgotten, 1 min to 365 days.
    pub series_idle_max: Duration,
    /// Of one item, scope or resource, 1 to 10,000.
    pub attributes_max: usize,
    /// 16 B to 4 KiB.
    pub attribute_key_bytes_max: ByteSize,
    /// In text form, 64 B to 16 MiB.
    pub attribute_value_bytes_max: ByteSize,
    /// In text form, 64 B to 64 MiB.
    pub log_body_bytes_max: ByteSize,
    /// Web origins whose pages may send, or `*`.
    pub cors_origins: Vec<String>,
}

/// What an answer 200 says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It is in the journal.
    Journal,
    /// It is in the store.
    Store,
    /// It was decoded; a crash loses what is not stored yet.
    Memory,
}

/// How far from now an item's time may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Unlimited,
    Within(Duration),
}

/// What one tenant may send per second, with bursts of two seconds' worth; zero is no limit.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Up to 1,000,000,000.
    pub requests_per_second: u64,
    /// Points, log records and spans together, up to 1,000,000,000.
    pub items_per_second: u64,
    /// Bodies as received, up to 1 TiB.
    pub bytes_per_second: ByteSize,
}

/// How points of metrics are rolled up.
#[derive(Debug, Clone)]
pub struct Rollups {
    pub mode: RollupMode,
    /// How long after its end an hour is rolled up, 0 to 1 hour.
    pub delay: Duration,
    /// How long rollups are kept, 1 day to 10 years (of 365 days).
    pub retention: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RollupMode {
    /// Each hour when it has ended, and again when late points came.
    Hourly,
    Off,
}

/// What one query may take.
#[derive(Debug, Clone)]
pub struct Query {
    /// 1 ms to 10 min.
    pub timeout: Duration,
    /// 1 MiB to 1 TiB.
    pub memory_bytes_max: ByteSize,
    /// Rows scanned, 1 to 10^15.
    pub rows_max: u64,
    /// Points returned per series, 1 to 100,000.
    pub points_max: usize,
    /// Series returned, 1 to 1,000,000.
    pub series_max: usize,
    /// Queries at once, 1 to 1,024.
    pub concurrency_max: usize,
    /// Of one tenant, 1 to 1,024.
    pub concurrency_max_per_tenant: usize,
    /// Memory of the cache, 0 to 1 TiB.
    pub cache_bytes: ByteSize,
}

/// Who may listen to what happens now: 1 to 1,024 clients in all and of one tenant.
#[derive(Debug, Clone)]
pub struct Stream {
    pub clients_max: usize,
    pub clients_max_per_tenant: usize,
    /// What may wait for one client, 16 KiB to 64 MiB.
    pub client_bytes_max: ByteSize,
}

/// Alert rules and their evaluation.
#[derive(Debug, Clone)]
pub struct Alerting {
    pub rules: Rules,
    /// How long after its end a window waits for late points, 0 to 1 h.
    pub allowed_lateness: Duration,
    /// Groups that one rule may watch, 1 to 1,000,000.
    pub instances_max: usize,
    /// Where people reach the server from outside; may be empty.
    pub external_url: String,
    pub own: OwnAlerts,
    /// Absent: nobody is told of alerts whose rule names no channels.
    pub route: Option<RouteSection>,
    pub inhibit: Vec<Inhibit>,
    pub time_intervals: Vec<TimeIntervals>,
}

/// Where the alert rules are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rules {
    None,
    /// A file, or a folder of files.
    At(PathBuf),
}

/// Who may send and read. The secret itself is not kept.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// Whose data its bearers send and read.
    pub tenant: TenantId,
    pub role: KeyRole,
    pub expires: Expiry,
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRole {
    /// To send.
    Ingest,
    /// To query.
    Read,
    /// Both, and to operate the server.
    Admin,
}

/// Until when a key is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    Never,
    /// From then on it is wrong.
    At(Timestamp),
}

/// Where alerts are sent.
#[derive(Debug, Clone)]
pub struct Channel {
    pub kind: ChannelKind,
    pub send_resolved: SendResolved,
}

/// How a channel is spoken to. Whoever knows the address of a webhook can send in our name, so it is a secret.
#[derive(Debug, Clone)]
pub enum ChannelKind {
    /// An incoming webhook.
    Slack {
        url: SecretUrl,
    },
    /// Anything that takes Alertmanager's webhooks.
    Webhook {
        url: SecretUrl,
        signing: WebhookSigning,
    },
    /// Events API v2.
    PagerDuty {
        url: SecretUrl,
        routing_key: SecretString,
    },
    Email(EmailChannel),
}

impl ChannelKind {
    /// The name in the configuration.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Slack { .. } => "slack",
            Self::Webhook { .. } => "webhook",
            Self::PagerDuty { .. } => "pagerduty",
            Self::Email(_) => "email",
        }
    }
}

/// Whether a channel is told that something is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendResolved {
    Yes,
    No,
}

/// Whether receivers of a webhook can tell that a message is ours.
#[derive(Debug, Clone)]
pub enum WebhookSigning {
    Off,
    With(SigningSecret),
}

/// Mail over SMTP.
#[derive(Debug, Clone)]
pub struct EmailChannel {
    pub server: MailServer,
    /// Where its authorities come from beside the system's.
    pub ca_file: Option<PathBuf>,
    pub from: MailAddress,
    /// At least one.
    pub to: Vec<MailAddress>,
}

/// Whom the server may call.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Private networks that channels may reach all the same.
    pub allow: Vec<IpNet>,
}

/// The server's own log.
#[derive(Debug, Clone)]
pub struct Log {
    pub format: LogFormat,
    /// A valid filter of `tracing_subscriber::EnvFilter`.
    pub level: String,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// How the server stops.
#[derive(Debug, Clone)]
pub struct Shutdown {
    /// From the signal to the exit, 1 s to 5 min.
    pub deadline: Duration,
}
