//! The state database: what the program has to remember beside telemetry, in one SQLite file.
//!
//! Written through one connection, so that transactions of this process never wait for each other's locks, and read through
//! others. A transaction that was committed is on the disk (write-ahead log, synchronous FULL).

mod error;
mod migrations;
mod options;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};

use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqlitePool;
use sqlx::{Executor, Sqlite};

pub use error::{StateError, StateOpenError};
pub use migrations::Migration;
pub use options::StateOptions;

const PING: &str = include_str!("../../../schemas/state/platform/ping.sql");

/// What statements run on: functions over tables take `&mut Connection`, in a transaction or not.
pub type Connection = sqlx::SqliteConnection;

/// Opened, of this program's schema, and nobody else's. Clones share it.
#[derive(Clone)]
pub struct StateDatabase {
    writer: SqlitePool,
    readers: SqlitePool,
    lock: std::sync::Arc<File>,
    path: PathBuf,
}

impl StateDatabase {
    /// Opens the file, or makes it with its folder, and brings its schema to the last of `migrations`.
    pub async fn open(
        path: &Path,
        migrations: &[Migration],
        options: StateOptions,
    ) -> Result<Self, StateOpenError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(|source| StateOpenError::Folder { source })?;
        }
        let lock = std::sync::Arc::new(locked(path)?);
        let writer = options.writer(path).await.map_err(|source| StateOpenError::Unusable { source })?;
        migrations::migrate(&writer, migrations).await?;
        let readers = options.readers(path);
        Ok(Self { writer, readers, lock, path: path.to_owned() })
    }

    /// A transaction that may write. It waits for the one before it; without [`Tx::commit`] nothing of it stays.
    pub async fn begin(&self) -> Result<Tx, StateError> {
        let mut tx = Tx(self.writer.acquire().await?, Ending::Open);
        // It is known at the beginning whether it may write, not in the middle.
        tx.execute("BEGIN IMMEDIATE").await?;
        Ok(tx)
    }

    /// A connection that reads: each statement sees what was committed before it.
    pub async fn read(&self) -> Result<Reading, StateError> {
        Ok(Reading(self.readers.acquire().await?))
    }

    /// Whether it answers.
    pub async fn ping(&self) -> Result<(), StateError> {
        self.read().await?.execute(PING).await?;
        Ok(())
    }

    /// Waits for what is being written, and closes the file. A process that ends without it loses nothing.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// One process per database: the lock lasts as long as the file is open, whatever happens to the process.
fn locked(path: &Path) -> Result<File, StateOpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let folder = |source| StateOpenError::Folder { source };
    let file = File::options().create(true).truncate(false).write(true).open(&name).map_err(folder)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StateOpenError::InUse),
        Err(TryLockError::Error(source)) => Err(StateOpenError::Folder { source }),
    }
}

impl fmt::Debug for StateDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateDatabase").field("path", &self.path).field("lock", &self.lock).finish()
    }
}

/// A transaction that may write.
///
/// Not sqlx's: that one loses count where SQLite itself rolls back (a full disk), and its connection is of no use after it.
/// Here a connection whose transaction was not committed is closed, which rolls back, and the next one opens another.
#[derive(Debug)]
pub struct Tx(PoolConnection<Sqlite>, Ending);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Open,
    Committed,
}

impl Tx {
    /// From here on it stays, whatever happens.
    pub async fn commit(mut self) -> Result<(), StateError> {
        self.0.execute("COMMIT").await?;
        self.1 = Ending::Committed;
        Ok(())
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if self.1 == Ending::Open {
            self.0.close_on_drop();
        }
    }
}

impl Deref for Tx {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

/// A connection that only reads.
#[derive(Debug)]
pub struct Reading(PoolConnection<Sqlite>);

impl Deref for Reading {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Reading {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}
