//! The table `notified_alerts`: alerts that fire, and those of which somebody has yet to be told that they are over.

use super::alert_body::{AlertBody, BodyError};
use crate::alerting::application::ledger::LedgerError;
use crate::alerting::domain::alert::{Alert, AlertKey};
use crate::platform::state::{Connection, StateError};
use crate::shared::TenantId;

const PUT: &str = include_str!("../../../../schemas/state/notified_alerts/put_alert.sql");
const FORGET: &str = include_str!("../../../../schemas/state/notified_alerts/forget_alert.sql");
const SELECT: &str = include_str!("../../../../schemas/state/notified_alerts/select_alerts.sql");

/// An alert as it is now; nothing forgets it.
pub async fn put(
    tx: &mut Connection,
    tenant: &TenantId,
    key: AlertKey,
    alert: Option<&Alert>,
) -> Result<(), LedgerError> {
    let key = key.0.to_string();
    let query = match alert {
        None => sqlx::query(FORGET).bind(tenant.as_str()).bind(key),
        Some(alert) => {
            let body = serde_json::to_string(&AlertBody::from(alert))
                .map_err(|source| BodyError::Json { row: key.clone(), source })?;
            sqlx::query(PUT).bind(tenant.as_str()).bind(key).bind(body)
        }
    };
    query.execute(tx).await.map_err(StateError::from)?;
    Ok(())
}

pub async fn all(connection: &mut Connection) -> Result<Vec<Alert>, LedgerError> {
    let rows: Vec<(String, String, String)> =
        sqlx::query_as(SELECT).fetch_all(connection).await.map_err(StateError::from)?;
    rows.into_iter().map(|(tenant, key, body)| Ok(alert(&tenant, key, &body)?)).collect()
}

fn alert(tenant: &str, row: String, body: &str) -> Result<Alert, BodyError> {
    let body: AlertBody = match serde_json::from_str(body) {
        Ok(body) => body,
        Err(source) => return Err(BodyError::Json { row, source }),
    };
    match TenantId::parse(tenant) {
        Ok(tenant) => body.into_alert(tenant).map_err(|what| BodyError::Value { row, what }),
        Err(_) => Err(BodyError::Value { row, what: "tenant" }),
    }
}
