//! `StateDirectory`: who owns a database of PostgreSQL, asked by somebody who does not.

use std::fmt;

use sqlx::Error;

use super::{Lines, Postgres};
use crate::platform::state::{StateError, StateOptions};

const SELECT_OWNER: &str = include_str!("../../../../schemas/state/owner/select_owner.sql");
/// PostgreSQL's code for a table that is not there (postgresql.org/docs/current/errcodes-appendix.html).
const UNDEFINED_TABLE: &str = "42P01";

/// The process that writes the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Counts the owners there were, this one included.
    pub term: i64,
    /// How it is reached, as it says; empty if it is alone.
    pub address: String,
}

/// Asks a database who owns it, whether it is there at the moment or not. Cheap to clone.
#[derive(Clone)]
pub struct StateDirectory {
    readers: Lines,
}

impl StateDirectory {
    /// Connects when it is first asked. The error is one of the address.
    pub fn new(postgres: &Postgres, options: &StateOptions) -> Result<Self, StateError> {
        Ok(Self { readers: postgres.readers(options)? })
    }

    /// Nothing while nobody holds the database's lock. A server that is away is an error at once, one that does not answer
    /// is one within `answer_timeout`, or `connect_timeout`.
    ///
    /// Between a new owner's lock and the beginning of its term this is still the one before it, which can write nothing then
    /// or soon cannot.
    pub async fn owner(&self) -> Result<Option<Owner>, StateError> {
        let mut reading = self.readers.acquire().await?;
        let row: Result<Option<(i64, String)>, Error> =
            sqlx::query_as(SELECT_OWNER).fetch_optional(&mut reading).await;
        match row {
            Ok(row) => Ok(row.map(|(term, address)| Owner { term, address })),
            Err(Error::Database(error)) if error.code().as_deref() == Some(UNDEFINED_TABLE) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl fmt::Debug for StateDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateDirectory").finish_non_exhaustive()
    }
}
