//! The table `transitions`: what happened to the groups of rules.

use serde::{Deserialize, Serialize};

use super::alert_body::{BodyError, LabelsBody, labels_body};
use crate::alerting::application::history::HistoryEntry;
use crate::alerting::application::ledger::LedgerError;
use crate::platform::state::{Connection, StateError};
use crate::shared::{TenantId, Timestamp};

const INSERT: &str = include_str!("../../../../schemas/state/transitions/insert_transition.sql");
const SELECT_LATEST: &str = include_str!("../../../../schemas/state/transitions/select_latest.sql");
const FORGET_OLD: &str = include_str!("../../../../schemas/state/transitions/forget_old_transitions.sql");

/// What a row holds beside its columns.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    kind: String,
    severity: String,
    labels: LabelsBody,
    value: Option<f64>,
    reason: String,
}

pub async fn insert(tx: &mut Connection, entry: &HistoryEntry) -> Result<(), LedgerError> {
    let body = Body {
        kind: entry.kind.to_string(),
        severity: entry.severity.to_string(),
        labels: labels_body(&entry.labels),
        value: entry.value,
        reason: entry.reason.to_string(),
    };
    let row = || format!("{} at {}", entry.rule_id, entry.at.nanos());
    let body = serde_json::to_string(&body).map_err(|source| BodyError::Json { row: row(), source })?;
    let query = sqlx::query(INSERT).bind(entry.tenant.as_str()).bind(&*entry.rule_id);
    query.bind(entry.at.nanos()).bind(body).execute(tx).await.map_err(StateError::from)?;
    Ok(())
}

/// Those before a moment, the latest first.
pub async fn latest(
    connection: &mut Connection,
    tenant: &TenantId,
    rule_id: &str,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<HistoryEntry>, LedgerError> {
    let query = sqlx::query_as(SELECT_LATEST).bind(tenant.as_str()).bind(rule_id).bind(before.nanos());
    let query = query.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows: Vec<(i64, String)> = query.fetch_all(connection).await.map_err(StateError::from)?;
    let read = |(at, body): (i64, String)| {
        let row = || format!("{rule_id} at {at}");
        let body: Body =
            serde_json::from_str(&body).map_err(|source| BodyError::Json { row: row(), source })?;
        Ok(HistoryEntry {
            tenant: tenant.clone(),
            rule_id: rule_id.into(),
            at: Timestamp::from_nanos(at),
            kind: body.kind.into(),
            severity: body.severity.into(),
            labels: body.labels.into_iter().collect(),
            value: body.value,
            reason: body.reason.into(),
        })
    };
    rows.into_iter().map(read).collect()
}

pub async fn forget_old(tx: &mut Connection, before: Timestamp) -> Result<(), LedgerError> {
    sqlx::query(FORGET_OLD).bind(before.nanos()).execute(tx).await.map_err(StateError::from)?;
    Ok(())
}
