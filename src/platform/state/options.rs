//! How the state database's connections are set up.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

/// Connections that read at once.
const READERS_MAX: u32 = 4;

/// How long a statement waits before it fails.
#[derive(Debug, Clone, Copy)]
pub struct StateOptions {
    /// For a lock that somebody else holds on the file (a backup, a person at `sqlite3`).
    pub busy_timeout: Duration,
    /// For a connection of this process that others use.
    pub turn_timeout: Duration,
}

impl Default for StateOptions {
    fn default() -> Self {
        Self { busy_timeout: Duration::from_secs(5), turn_timeout: Duration::from_secs(10) }
    }
}

impl StateOptions {
    /// One connection, which stays open.
    pub(super) async fn writer(self, path: &Path) -> Result<SqlitePool, sqlx::Error> {
        let connect = self.connect(path).create_if_missing(true);
        self.pool(1).connect_with(connect).await
    }

    pub(super) fn readers(self, path: &Path) -> SqlitePool {
        let connect = self.connect(path).read_only(true);
        self.pool(READERS_MAX).connect_lazy_with(connect)
    }

    fn pool(self, connections: u32) -> SqlitePoolOptions {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(self.turn_timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
    }

    fn connect(self, path: &Path) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(self.busy_timeout)
            .foreign_keys(true)
    }
}
