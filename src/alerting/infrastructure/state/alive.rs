//! The table `alive`: when alerting was last at work.

use crate::alerting::application::ledger::LedgerError;
use crate::platform::state::{Connection, StateError};
use crate::shared::Timestamp;

const PUT: &str = include_str!("../../../../schemas/state/alive/put_alive.sql");
const SELECT: &str = include_str!("../../../../schemas/state/alive/select_alive.sql");

pub async fn put(tx: &mut Connection, at: Timestamp) -> Result<(), LedgerError> {
    sqlx::query(PUT).bind(at.nanos()).execute(tx).await.map_err(StateError::from)?;
    Ok(())
}

/// Absent if it never was.
pub async fn last(connection: &mut Connection) -> Result<Option<Timestamp>, LedgerError> {
    let at: Option<i64> =
        sqlx::query_scalar(SELECT).fetch_optional(connection).await.map_err(StateError::from)?;
    Ok(at.map(Timestamp::from_nanos))
}
