//! Why the state database cannot be opened, or not be used.

use std::io;

/// Why a statement or a transaction failed.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Locked, full or away: trying again may help.
    #[error("the state database cannot be used now")]
    Unavailable(#[source] sqlx::Error),
    /// What is in it cannot be understood, or the file is damaged.
    #[error("the state database holds something that cannot be read")]
    Unreadable(#[source] sqlx::Error),
    /// For ever: what this process knows of it may be out of date.
    #[error("another process has taken the state database over")]
    TakenOver,
}

/// What a damaged database says. SQLite (sqlite.org/rescode.html): a damaged file, and one of another program. PostgreSQL
/// (postgresql.org/docs/current/errcodes-appendix.html): damaged data or index, and tables or columns that are not there.
const DAMAGED: [&str; 6] = ["11", "26", "XX001", "XX002", "42P01", "42703"];

impl From<sqlx::Error> for StateError {
    fn from(error: sqlx::Error) -> Self {
        let damaged = match &error {
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::Decode(_) => true,
            sqlx::Error::Database(error) => error.code().is_some_and(|code| DAMAGED.contains(&&*code)),
            _ => false,
        };
        if damaged { Self::Unreadable(error) } else { Self::Unavailable(error) }
    }
}

/// Why there is no state database. Each stops the start.
#[derive(Debug, thiserror::Error)]
pub enum StateOpenError {
    #[error("the folder of the state database cannot be used")]
    Folder { source: io::Error },
    #[error("another process uses this state database: stop it, or set [state] path or url to another one")]
    InUse,
    #[error("the state database cannot be opened")]
    Unusable { source: sqlx::Error },
    #[error("the state database keeps text as {found}: make it with the encoding UTF8")]
    Encoding { found: String },
    #[error(
        "the state database was written by a newer version (schema {found}, this program knows {known}): use that version or another [state] path or url"
    )]
    Newer { found: i64, known: i64 },
    #[error("step {number} of the state database's schema is {found}, not {known}: it is another program's")]
    Foreign { number: i64, found: String, known: &'static str },
    #[error("step {number} ({name}) of the state database's schema failed")]
    Step { number: i64, name: &'static str, source: sqlx::Error },
}

/// PostgreSQL that starts, stops, or has too many connections.
const NOT_YET: [&str; 4] = ["57P03", "57P01", "57P02", "53300"];

impl StateOpenError {
    /// Whether it may be there a little later.
    pub fn is_away(&self) -> bool {
        match self {
            // Not a file with certificates that is missing.
            Self::Unusable { source: sqlx::Error::Io(error) } => {
                !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied)
            }
            Self::Unusable { source: sqlx::Error::Database(error) } => {
                error.code().is_some_and(|code| NOT_YET.contains(&&*code))
            }
            _ => false,
        }
    }
}
