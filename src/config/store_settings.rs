//! What code reads of `[store]`, `[store.sql]` and `[sql_users.NAME]`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::ByteSize;
use crate::platform::clickhouse::deployment::{Quorum, Word};
use crate::platform::clickhouse::network::{Endpoint, Trust};

/// Where telemetry is kept.
#[derive(Debug, Clone)]
pub struct Store {
    pub kind: StoreKind,
    /// The embedded engine's directory.
    pub path: PathBuf,
    pub library: Library,
    /// Connections that read, 1 to 64.
    pub readers: usize,
    /// Connections that write, 1 to 16.
    pub writers: usize,
    /// Memory of the embedded engine, 256 MiB to 1 TiB.
    pub engine_memory_max: ByteSize,
    /// How long points, log records and spans are kept, each 1 day to 10 years (of 365 days).
    pub retention_metrics: Duration,
    pub retention_logs: Duration,
    pub retention_traces: Duration,
    pub sql: SqlListener,
}

/// ClickHouse's HTTP interface to the embedded engine.
#[derive(Debug, Clone)]
pub struct SqlListener {
    /// Absent: nobody can ask. Loopback unless there are users.
    pub listen: Option<SocketAddr>,
    /// Statements that read at once, and as many that write, 1 to 64.
    pub statements_max: usize,
    /// One body, 1 MiB to 1 GiB.
    pub body_bytes_max: ByteSize,
    /// One answer, 1 MiB to 4 GiB.
    pub answer_bytes_max: ByteSize,
}

/// Who may ask the SQL listener. The password itself is not kept.
#[derive(Debug, Clone)]
pub struct SqlUser {
    /// SHA-256 of the password.
    pub hash: [u8; 32],
    pub access: SqlAccess,
}

/// What a user of the SQL listener may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlAccess {
    Read,
    /// Also change tables.
    Write,
}

/// What stands behind the write path.
#[derive(Debug, Clone)]
pub enum StoreKind {
    Embedded,
    /// A ClickHouse server, or several.
    Network(Network),
    /// Accepts and forgets: to measure everything but the store.
    Null,
}

/// How to reach ClickHouse servers, and where the tables are there.
#[derive(Debug, Clone)]
pub struct Network {
    /// At least one.
    pub endpoints: Vec<Endpoint>,
    pub user: Option<String>,
    pub password: Option<SecretString>,
    pub trust: Trust,
    pub database: Word,
    pub cluster: Option<Word>,
    pub quorum: Quorum,
}

/// Where the engine's library is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Library {
    At(PathBuf),
    /// Not configured: [`LIBRARY_VARIABLE`](super::LIBRARY_VARIABLE), then the usual places.
    Search,
}
