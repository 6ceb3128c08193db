//! The state database as a file of SQLite: its lock, and how its connections are set up.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::options::READERS_MAX;
use super::{StateOpenError, StateOptions};

/// The folder is there, and the file is nobody else's as long as the lock is open, whatever happens to the process.
pub(super) fn locked(path: &Path) -> Result<File, StateOpenError> {
    let folder = |source| StateOpenError::Folder { source };
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent).map_err(folder)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = File::options().create(true).truncate(false).write(true).open(&name).map_err(folder)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StateOpenError::InUse),
        Err(TryLockError::Error(source)) => Err(StateOpenError::Folder { source }),
    }
}

/// One connection, which stays open.
pub(super) async fn writer(path: &Path, options: &StateOptions) -> Result<SqlitePool, sqlx::Error> {
    let connect = connect(path, options).create_if_missing(true);
    pool(1, options).connect_with(connect).await
}

pub(super) fn readers(path: &Path, options: &StateOptions) -> SqlitePool {
    let connect = connect(path, options).read_only(true);
    pool(READERS_MAX, options).connect_lazy_with(connect)
}

fn pool(connections: u32, options: &StateOptions) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(options.turn_timeout)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

fn connect(path: &Path, options: &StateOptions) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(options.busy_timeout)
        .foreign_keys(true)
}
