//! The state database: what the program has to remember beside telemetry, in one SQLite file or in PostgreSQL, by the same statements.
//!
//! One process owns it. Written through one connection, so that transactions of this process never wait for each other's
//! locks, and read through others. A transaction that was committed is on the disk (SQLite: write-ahead log, synchronous FULL;
//! PostgreSQL: as its server is set up).

mod connection;
mod error;
mod migrations;
mod options;
mod pools;
mod postgres;
mod sqlite;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
mod transaction;

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use sqlx::Executor;

/// What statements answer, whichever database it is.
pub use sqlx_core::any::AnyRow as StateRow;

pub use connection::Connection;
pub use error::{StateError, StateOpenError};
pub use migrations::Migration;
pub use options::{StateOptions, StateTarget};
pub use postgres::{Owner, Postgres, PostgresAddress, PostgresAddressError, StateDirectory};
pub use transaction::{Reading, Tx};

use pools::Pools;
use postgres::{Candidate, Tenure};

const PING: &str = include_str!("../../../schemas/state/platform/ping.sql");

/// Opened, of this program's schema, and this process's own. Clones share it.
#[derive(Clone)]
pub struct StateDatabase {
    pools: Pools,
    ownership: Arc<Ownership>,
    target: StateTarget,
}

/// What says that nobody else writes.
enum Ownership {
    /// Lasts as long as the file is open.
    Lock(File),
    Term(Box<Tenure>),
}

impl fmt::Debug for Ownership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lock(file) => file.fmt(f),
            Self::Term(tenure) => tenure.fmt(f),
        }
    }
}

impl StateDatabase {
    /// Takes the database, or makes it where it is a file, and brings its schema to the last of `migrations`.
    /// [`StateOpenError::InUse`] while another process has it.
    pub async fn open(
        target: &StateTarget,
        migrations: &[Migration],
        options: StateOptions,
    ) -> Result<Self, StateOpenError> {
        let (pools, ownership) = match target {
            StateTarget::File(path) => open_file(path, migrations, &options).await?,
            StateTarget::Postgres(postgres) => open_postgres(postgres, migrations, &options).await?,
        };
        Ok(Self { pools, ownership: Arc::new(ownership), target: target.clone() })
    }

    /// A transaction that may write. It waits for the one before it; without [`Tx::commit`] nothing of it stays.
    /// [`StateError::TakenOver`] once another process owns the database.
    pub async fn begin(&self) -> Result<Tx, StateError> {
        let mut tx = Tx::begin(self.pools.writer().await?, self.pools.begin()).await?;
        if let Ownership::Term(tenure) = &*self.ownership {
            tenure.fence(&mut tx).await?;
        }
        Ok(tx)
    }

    /// A connection that reads: each statement sees what was committed before it.
    pub async fn read(&self) -> Result<Reading, StateError> {
        Ok(Reading(self.pools.reader().await?))
    }

    /// Whether this process still owns it; to be asked about once a second, and at once when a write failed. Where the session that
    /// held the lock was lost, it takes the lock again, unless another process had it since.
    ///
    /// [`StateError::TakenOver`] is for ever: what this process knows of the database is out of date, and it can write nothing
    /// any more. [`StateError::Unavailable`] passes: nobody is known to have followed.
    pub async fn keep(&self) -> Result<(), StateError> {
        match &*self.ownership {
            Ownership::Lock(_) => Ok(()),
            Ownership::Term(tenure) => tenure.keep().await,
        }
    }

    /// Whether it answers.
    pub async fn ping(&self) -> Result<(), StateError> {
        self.read().await?.execute(PING).await?;
        Ok(())
    }

    /// Waits for what is being written, closes the connections and lets others have it. A process that ends without it loses nothing.
    pub async fn close(&self) {
        self.pools.close().await;
        if let Ownership::Term(tenure) = &*self.ownership {
            tenure.end().await;
        }
    }

    /// Which sort of database it is, in a word.
    pub const fn kind(&self) -> &'static str {
        self.target.kind()
    }
}

impl fmt::Debug for StateDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateDatabase")
            .field("target", &self.target)
            .field("ownership", &self.ownership)
            .finish_non_exhaustive()
    }
}

async fn open_file(
    path: &Path,
    migrations: &[Migration],
    options: &StateOptions,
) -> Result<(Pools, Ownership), StateOpenError> {
    let lock = sqlite::locked(path)?;
    let writer = sqlite::writer(path, options).await.map_err(|source| StateOpenError::Unusable { source })?;
    let pools = Pools::Sqlite { writer, readers: sqlite::readers(path, options) };
    migrations::migrate(&pools, migrations).await?;
    Ok((pools, Ownership::Lock(lock)))
}

async fn open_postgres(
    postgres: &Postgres,
    migrations: &[Migration],
    options: &StateOptions,
) -> Result<(Pools, Ownership), StateOpenError> {
    let unusable = |source| StateOpenError::Unusable { source };
    let writer = postgres.writer(options).map_err(unusable)?;
    let candidate = Candidate::lock(&writer, options).await?;
    let pools =
        Pools::Postgres { writer: writer.clone(), readers: postgres.readers(options).map_err(unusable)? };
    migrations::migrate(&pools, migrations).await?;
    let tenure = candidate.begin(writer, &options.address).await?;
    Ok((pools, Ownership::Term(Box::new(tenure))))
}
