//! Which state database, and how long its statements wait.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::Postgres;

/// Connections that read at once.
pub(super) const READERS_MAX: u32 = 4;

/// Where the state is kept.
#[derive(Debug, Clone)]
pub enum StateTarget {
    /// In a file of SQLite, which is made with its folder.
    File(PathBuf),
    /// In a database of PostgreSQL, which is there and empty, or was made by this program.
    Postgres(Postgres),
}

impl StateTarget {
    /// Which sort it is, in a word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }
}

/// As the configuration has it, without secrets.
impl fmt::Display for StateTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "[state] path = {}", path.display()),
            Self::Postgres(postgres) => write!(f, "[state] url = {}", postgres.address),
        }
    }
}

/// How long a statement waits before it fails, and as whom.
#[derive(Debug, Clone)]
pub struct StateOptions {
    /// For a lock that somebody else holds (a backup, a person at `sqlite3` or `psql`).
    pub busy_timeout: Duration,
    /// For a connection of this process that others use.
    pub turn_timeout: Duration,
    /// For PostgreSQL to take a connection.
    pub connect_timeout: Duration,
    /// For PostgreSQL to answer a statement.
    pub answer_timeout: Duration,
    /// How other processes reach this one, written for them; empty if it is alone. PostgreSQL only.
    pub address: String,
    /// When PostgreSQL was started less than so long ago, the owner of before, if it is another one with an address, goes first: it may
    /// have told what it could not write.
    pub former_first: Duration,
}

impl Default for StateOptions {
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(5),
            turn_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(10),
            address: String::new(),
            former_first: Duration::from_secs(5),
        }
    }
}
