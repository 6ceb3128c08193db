//! For tests: a state database of either sort, in a place of its own.

use std::any::Any;
use std::path::PathBuf;

use sqlx::{Connection as _, Executor, PgConnection, SqliteConnection};
use tempfile::TempDir;

use super::{Postgres, PostgresAddress, StateTarget};

#[path = "../../../tests/support/postgres.rs"]
pub mod postgres_server;

pub use postgres_server::{PASSWORD, PostgresServer};

/// Where a state database may be made.
#[derive(Debug)]
pub enum Place {
    File(TempDir),
    Server(PostgresServer),
}

impl Place {
    pub fn file() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    pub fn server() -> Self {
        Self::Server(PostgresServer::start())
    }

    /// One of each sort, after one another.
    pub fn both() -> impl Iterator<Item = Self> {
        [Self::file, Self::server].into_iter().map(|make| make())
    }

    pub fn target(&self) -> StateTarget {
        match self {
            Self::File(_) => StateTarget::File(self.path()),
            Self::Server(server) => StateTarget::Postgres(reached(&server.url())),
        }
    }

    /// Of the file, which is in a folder that is not there yet.
    pub fn path(&self) -> PathBuf {
        let Self::File(folder) = self else { panic!("not a file") };
        folder.path().join("deep/state.db")
    }

    /// Somebody else locks a table, until what is given back is dropped.
    pub async fn lock_table(&self, table: &str) -> Box<dyn Any> {
        match self {
            Self::File(_) => {
                let url = format!("sqlite://{}", self.path().display());
                let mut other = SqliteConnection::connect(&url).await.unwrap();
                other.execute("BEGIN IMMEDIATE").await.unwrap();
                Box::new(other)
            }
            Self::Server(server) => {
                let mut other = PgConnection::connect(&server.url()).await.unwrap();
                other.execute(&*format!("BEGIN; LOCK TABLE {table}")).await.unwrap();
                Box::new(other)
            }
        }
    }
}

/// The database at an address, with the password in it.
pub fn reached(url: &str) -> Postgres {
    let (address, password) = PostgresAddress::parse(url).unwrap();
    Postgres { address, password, ca_file: None }
}
