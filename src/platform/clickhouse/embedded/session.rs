//! `Session`: a connection of its own for one statement of a user's, with its settings, closed behind it.
//!
//! So nothing of one statement is left for the next: no database, no parameter, no memory of what failed.

use std::borrow::Cow;

use bytes::Bytes;

use super::super::{CancelToken, Parameter, StoreError, StoreErrorKind};
use super::ffi::{Connection, EngineAnswer, EngineRefusal};
use super::{EmbeddedStore, refused};

/// Lasts for one statement.
#[derive(Debug)]
pub struct Session<'a> {
    connection: Connection,
    store: &'a EmbeddedStore,
}

/// What the engine answered, in the format that was asked for.
#[derive(Debug, Default)]
pub struct Reply {
    /// In the engine's own memory.
    pub bytes: Bytes,
    /// From tables.
    pub rows_read: u64,
    pub bytes_read: u64,
    /// In the answer.
    pub rows: u64,
    pub rows_written: u64,
}

impl EmbeddedStore {
    /// Opens a connection on which these settings hold from the beginning. `database` is a plain word; names of settings are the
    /// caller's own, and values hold no zero byte.
    pub fn session(
        &self,
        database: &str,
        settings: &[(Cow<'static, str>, String)],
    ) -> Result<Session<'_>, StoreError> {
        let given = settings.iter().map(|(name, value)| format!("--{name}={value}"));
        let arguments: Vec<String> = self.arguments.iter().cloned().chain(given).collect();
        let connection = Connection::open(&self.engine, &arguments).map_err(|error| {
            tracing::debug!(%error, "a connection cannot be opened");
            StoreError::new(
                StoreErrorKind::Value,
                "Code: 36. DB::Exception: A setting has a wrong value. (BAD_ARGUMENTS)",
            )
        })?;
        let mut session = Session { connection, store: self };
        session.connection.query(&format!("USE `{database}`"), "Null", &[]).map_err(refused)?;
        Ok(session)
    }
}

impl Session<'_> {
    /// Runs one statement, unless nobody waits for it any more.
    pub fn query(
        &mut self,
        text: &str,
        format: &str,
        parameters: &[Parameter],
        cancel: &CancelToken,
    ) -> Result<Reply, StoreError> {
        self.run(text, cancel, |connection, marked| connection.query(marked, format, parameters))
    }

    /// Runs `INSERT INTO table (columns)` with rows that are sent along. Parts of them follow each other.
    pub fn insert(
        &mut self,
        head: &str,
        format: &str,
        rows: &[&[u8]],
        cancel: &CancelToken,
    ) -> Result<Reply, StoreError> {
        self.run(head, cancel, |connection, marked| connection.insert_rows(marked, format, rows))
    }

    fn run(
        &mut self,
        text: &str,
        cancel: &CancelToken,
        work: impl FnOnce(&mut Connection, &str) -> Result<EngineAnswer, EngineRefusal>,
    ) -> Result<Reply, StoreError> {
        if cancel.is_cancelled() {
            return Err(StoreError::new(StoreErrorKind::Cancelled, "before it began"));
        }
        let answer =
            self.store.canceller.watch(cancel, |mark| work(&mut self.connection, &[mark, text].concat()));
        let EngineAnswer { bytes, rows_read, bytes_read, rows, rows_written } = answer.map_err(refused)?;
        Ok(Reply { bytes, rows_read, bytes_read, rows, rows_written })
    }
}
