//! `Pools`: the connections of a state database: one that writes, some that read.

use sqlx::sqlite::SqlitePool;

use super::connection::Connection;
use super::postgres::Lines;

#[derive(Clone)]
pub(super) enum Pools {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres { writer: Lines, readers: Lines },
}

impl Pools {
    pub(super) async fn writer(&self) -> Result<Connection, sqlx::Error> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Connection::sqlite(writer.acquire().await?),
            Self::Postgres { writer, .. } => writer.acquire().await?,
        })
    }

    pub(super) async fn reader(&self) -> Result<Connection, sqlx::Error> {
        Ok(match self {
            Self::Sqlite { readers, .. } => Connection::sqlite(readers.acquire().await?),
            Self::Postgres { readers, .. } => readers.acquire().await?,
        })
    }

    /// How a transaction begins that may write.
    pub(super) const fn begin(&self) -> &'static str {
        match self {
            // It is known at the beginning whether it may write, not in the middle.
            Self::Sqlite { .. } => "BEGIN IMMEDIATE",
            Self::Postgres { .. } => "BEGIN",
        }
    }

    /// Waits for what is being written.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
        }
    }
}
