//! The state database in PostgreSQL: how its connections are set up. Who owns it is in `tenure`.

mod address;
mod directory;
mod lines;
mod tenure;

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::Error;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::StateOptions;
use super::connection::AnswerTimeout;
use super::options::READERS_MAX;

pub use address::{PostgresAddress, PostgresAddressError};
pub use directory::{Owner, StateDirectory};
pub(super) use lines::{Home, Lines};
pub(super) use tenure::{Candidate, Tenure};

/// How much longer than PostgreSQL itself the client waits for the end of a statement.
const GRACE: Duration = Duration::from_secs(2);

/// A database of PostgreSQL, and how to be let in.
#[derive(Debug, Clone)]
pub struct Postgres {
    pub address: PostgresAddress,
    pub password: Option<SecretString>,
    /// Certificates of the authorities that are trusted, in PEM, beside Mozilla's list. With it the server's certificate is checked unless the
    /// address says otherwise.
    pub ca_file: Option<PathBuf>,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Write,
    Read,
}

impl Postgres {
    /// One connection, made when it is needed: transactions wait for each other here, not in the database.
    pub(super) fn writer(&self, options: &StateOptions) -> Result<Lines, Error> {
        Ok(Lines::new(self.connect_options(options, Purpose::Write)?, 1, options))
    }

    pub(super) fn readers(&self, options: &StateOptions) -> Result<Lines, Error> {
        Ok(Lines::new(self.connect_options(options, Purpose::Read)?, READERS_MAX, options))
    }

    fn connect_options(&self, options: &StateOptions, purpose: Purpose) -> Result<PgConnectOptions, Error> {
        let unsaid = if self.ca_file.is_some() { PgSslMode::VerifyFull } else { PgSslMode::Prefer };
        let mut connect = self.address.connect_options(unsaid)?.application_name("telemetryflow");
        if let Some(password) = &self.password {
            connect = connect.password(password.expose_secret());
        }
        if let Some(ca_file) = &self.ca_file {
            connect = connect.ssl_root_cert(ca_file);
        }
        let read_only = if purpose == Purpose::Read { "on" } else { "off" };
        let answer_ms = options.answer_timeout.as_millis().to_string();
        let busy_ms = options.busy_timeout.as_millis().to_string();
        Ok(connect.options([
            ("default_transaction_read_only", read_only),
            ("default_transaction_isolation", "read\\ committed"),
            ("client_min_messages", "warning"),
            ("statement_timeout", &answer_ms),
            ("lock_timeout", &busy_ms),
            // What a process holds that stands still, or whose machine is gone, is let go within a quarter of a minute.
            ("idle_in_transaction_session_timeout", "15000"),
            ("tcp_keepalives_idle", "5"),
            ("tcp_keepalives_interval", "3"),
            ("tcp_keepalives_count", "3"),
            ("tcp_user_timeout", "15000"),
        ]))
    }
}

const fn answer_timeout(options: &StateOptions) -> AnswerTimeout {
    AnswerTimeout(options.answer_timeout.saturating_add(GRACE))
}
