//! `Tx` and `Reading`: what statements of the program run on, with and without the right to write.

use std::ops::{Deref, DerefMut};

use sqlx::Executor;

use super::StateError;
use super::connection::Connection;

/// A transaction that may write.
///
/// Not sqlx's: that one loses count where SQLite itself rolls back (a full disk), and its connection is of no use after it.
/// Here a connection whose transaction was not committed is closed, which rolls back, and the next one opens another.
#[derive(Debug)]
pub struct Tx(Connection, Ending);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Open,
    Committed,
}

impl Tx {
    /// `begin` is the statement that begins it.
    pub(super) async fn begin(connection: Connection, begin: &'static str) -> Result<Self, sqlx::Error> {
        let mut tx = Self(connection, Ending::Open);
        tx.execute(begin).await?;
        Ok(tx)
    }

    /// From here on it stays, whatever happens.
    pub async fn commit(self) -> Result<(), StateError> {
        Ok(self.end().await?)
    }

    pub(super) async fn end(mut self) -> Result<(), sqlx::Error> {
        self.0.execute("COMMIT").await?;
        self.1 = Ending::Committed;
        Ok(())
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if self.1 == Ending::Open {
            self.0.give_up();
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
pub struct Reading(pub(super) Connection);

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
