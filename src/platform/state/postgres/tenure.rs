//! `Tenure`: the one process that may write a database of PostgreSQL, and until when.
//!
//! Two things say who that is. A session holds an advisory lock: it is gone as soon as the process is, and whoever gets it may begin.
//! The row of `state_owner` counts terms: every transaction that writes looks whether the term is still its own and holds the
//! row until it has ended, so that whoever was followed writes nothing any more, whatever became of its connections.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use std::time::{Duration, Instant};

use sqlx::Error;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::Lines;
use crate::platform::state::connection::Connection;
use crate::platform::state::{StateError, StateOpenError, StateOptions};

const SERVER_ENCODING: &str = include_str!("../../../../schemas/state/platform/server_encoding.sql");
const CREATE: &str = include_str!("../../../../schemas/state/owner/create_state_owner.sql");
const TRY_LOCK: &str = include_str!("../../../../schemas/state/owner/try_lock.sql");
const TAKE: &str = include_str!("../../../../schemas/state/owner/take.sql");
const JUST_STARTED: &str = include_str!("../../../../schemas/state/owner/just_started.sql");
const UNLOCK: &str = include_str!("../../../../schemas/state/owner/unlock.sql");
const FENCE: &str = include_str!("../../../../schemas/state/owner/fence.sql");
const SELECT_TERM: &str = include_str!("../../../../schemas/state/owner/select_term.sql");

/// PostgreSQL needs a moment to see that a process was killed, which may be this one before it was started again.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);
const LOCK_POLL: Duration = Duration::from_millis(50);
/// A session that is silent for so long is taken for lost.
const KEEP_PATIENCE: Duration = Duration::from_secs(3);

/// Holds the lock, and has yet to begin its term: that is when the one before it ends.
pub struct Candidate {
    session: Connection,
}

impl Candidate {
    /// Connects and takes the lock; [`StateOpenError::InUse`] while somebody else has it, or may take it again.
    pub async fn lock(lines: &Lines, options: &StateOptions) -> Result<Self, StateOpenError> {
        let unusable = |source| StateOpenError::Unusable { source };
        let mut session = lines.session().await.map_err(unusable)?;
        let encoding: String =
            sqlx::query_scalar(SERVER_ENCODING).fetch_one(&mut session).await.map_err(unusable)?;
        if encoding != "UTF8" {
            return Err(StateOpenError::Encoding { found: encoding });
        }
        let begun = Instant::now();
        while !try_lock(&mut session).await.map_err(unusable)? {
            if begun.elapsed() > LOCK_PATIENCE {
                return Err(StateOpenError::InUse);
            }
            sleep(LOCK_POLL).await;
        }
        sqlx::query(CREATE).execute(&mut session).await.map_err(unusable)?;
        let within = i64::try_from(options.former_first.as_millis()).unwrap_or(i64::MAX);
        let asked = sqlx::query_scalar(JUST_STARTED).bind(options.address.as_str()).bind(within);
        let owners_before: i64 = asked.fetch_one(&mut session).await.map_err(unusable)?;
        if owners_before > 0 {
            sqlx::query(UNLOCK).execute(&mut session).await.map_err(unusable)?;
            return Err(StateOpenError::InUse);
        }
        Ok(Self { session })
    }

    /// The schema is as it should be: begins the term, on the session that holds the lock.
    pub async fn begin(mut self, lines: Lines, address: &str) -> Result<Tenure, StateOpenError> {
        let unusable = |source| StateOpenError::Unusable { source };
        let term = sqlx::query_scalar(TAKE).bind(address).fetch_one(&mut self.session).await;
        Ok(Tenure {
            lines,
            term: term.map_err(unusable)?,
            session: Mutex::new(Some(self.session)),
            is_over: AtomicBool::new(false),
        })
    }
}

/// A term that was begun.
pub struct Tenure {
    /// For another session.
    lines: Lines,
    term: i64,
    /// What holds the lock; nothing while that is lost.
    session: Mutex<Option<Connection>>,
    /// Once it is, it stays.
    is_over: AtomicBool,
}

impl Tenure {
    /// To be asked at the beginning of a transaction: from here to its end nobody else can begin a term.
    pub async fn fence(&self, tx: &mut Connection) -> Result<(), StateError> {
        self.refuse_if_over()?;
        let own: Option<i64> = sqlx::query_scalar(FENCE).bind(self.term).fetch_optional(tx).await?;
        self.compare(own)
    }

    /// Whether the term goes on. Takes the lock again where its session was lost and nobody else had it since.
    pub async fn keep(&self) -> Result<(), StateError> {
        self.refuse_if_over()?;
        // Held while it asks: two at once would each make a session, and one of them would not get the lock.
        let mut kept = self.session.lock().await;
        if let Some(mut session) = kept.take()
            && let Ok(Ok(term)) = timeout(KEEP_PATIENCE, term_now(&mut session)).await
        {
            *kept = Some(session);
            return self.compare(term);
        }
        let mut session = self.lines.session().await?;
        let is_locked = try_lock(&mut session).await?;
        self.compare(term_now(&mut session).await?)?;
        if !is_locked {
            // By what is left of the lost session, for seconds; or by somebody who will begin a term.
            let held = std::io::Error::new(std::io::ErrorKind::WouldBlock, "another session has the lock");
            return Err(Error::Io(held).into());
        }
        tracing::info!(term = self.term, "holds the lock of the state database again");
        *kept = Some(session);
        Ok(())
    }

    /// Lets go of the lock.
    pub async fn end(&self) {
        self.is_over.store(true, Ordering::Release);
        if let Some(mut session) = self.session.lock().await.take() {
            // Where it does not work, the end of the session does.
            _ = sqlx::query(UNLOCK).execute(&mut session).await;
        }
    }

    fn refuse_if_over(&self) -> Result<(), StateError> {
        if self.is_over.load(Ordering::Acquire) { Err(StateError::TakenOver) } else { Ok(()) }
    }

    fn compare(&self, now: Option<i64>) -> Result<(), StateError> {
        if now == Some(self.term) {
            return Ok(());
        }
        self.is_over.store(true, Ordering::Release);
        Err(StateError::TakenOver)
    }
}

impl fmt::Debug for Tenure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenure")
            .field("term", &self.term)
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}

async fn try_lock(session: &mut Connection) -> Result<bool, Error> {
    sqlx::query_scalar(TRY_LOCK).fetch_one(session).await
}

async fn term_now(session: &mut Connection) -> Result<Option<i64>, Error> {
    sqlx::query_scalar(SELECT_TERM).fetch_optional(session).await
}
