//! `Lines`: connections to PostgreSQL that are used again.
//!
//! Not sqlx's pool: that one tries for as long as somebody waits, and then says that time is up. Here a server that is away is an error at
//! once, with its cause, since alerts are told before what is to be written waits for it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection as _, Error, PgConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::platform::state::StateOptions;
use crate::platform::state::connection::{AnswerTimeout, Connection};

/// For saying goodbye.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(1);

/// Up to a number of connections, made when they are needed. Clones share them.
#[derive(Clone)]
pub struct Lines {
    connect: Arc<PgConnectOptions>,
    turn_timeout: Duration,
    connect_timeout: Duration,
    limit: AnswerTimeout,
    most: u32,
    turns: Arc<Semaphore>,
    home: Home,
}

/// Where connections wait for whom they are used by next.
pub type Home = Arc<Mutex<Vec<PgConnection>>>;

impl Lines {
    pub(super) fn new(connect: PgConnectOptions, most: u32, options: &StateOptions) -> Self {
        Self {
            connect: Arc::new(connect),
            turn_timeout: options.turn_timeout,
            connect_timeout: options.connect_timeout,
            limit: super::answer_timeout(options),
            most,
            turns: Arc::new(Semaphore::new(most as usize)),
            home: Arc::default(),
        }
    }

    /// Waits for its turn, and takes one that lives, or makes one.
    pub async fn acquire(&self) -> Result<Connection, Error> {
        let turn = timeout(self.turn_timeout, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| Error::PoolTimedOut)?.map_err(|_| Error::PoolClosed)?;
        loop {
            let Some(mut idle) = self.next_idle() else { break };
            // The server may have been started again.
            if let Ok(Ok(())) = timeout(self.limit.0, idle.ping()).await {
                return Ok(self.lend(idle, turn));
            }
        }
        Ok(self.lend(self.connected().await?, turn))
    }

    /// One that stays with whoever asked, and takes no turn.
    pub async fn session(&self) -> Result<Connection, Error> {
        Ok(Connection::session(self.connected().await?, self.limit))
    }

    async fn connected(&self) -> Result<PgConnection, Error> {
        let made = timeout(self.connect_timeout, self.connect.connect()).await;
        made.unwrap_or_else(|_| Err(Error::Io(std::io::ErrorKind::TimedOut.into())))
    }

    fn next_idle(&self) -> Option<PgConnection> {
        self.home.lock().pop()
    }

    fn lend(&self, line: PgConnection, turn: OwnedSemaphorePermit) -> Connection {
        Connection::postgres(line, Arc::clone(&self.home), turn, self.limit)
    }

    /// Waits for those that are used, a turn at most, and closes all.
    pub async fn close(&self) {
        _ = timeout(self.turn_timeout, self.turns.acquire_many(self.most)).await;
        self.turns.close();
        while let Some(idle) = self.next_idle() {
            _ = timeout(CLOSE_TIME_MAX, idle.close()).await;
        }
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("turns", &self.turns.available_permits()).finish_non_exhaustive()
    }
}
