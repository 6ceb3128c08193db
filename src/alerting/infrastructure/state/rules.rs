//! The table `rules`: rules that were made over the API.

use super::alert_body::BodyError;
use crate::alerting::application::ledger::LedgerError;
use crate::alerting::application::rule_store::StoredRule;
use crate::alerting::domain::rule_words::RuleId;
use crate::platform::state::{Connection, StateError};
use crate::shared::{TenantId, Timestamp};

const PUT: &str = include_str!("../../../../schemas/state/rules/put_rule.sql");
const DELETE: &str = include_str!("../../../../schemas/state/rules/delete_rule.sql");
const SELECT: &str = include_str!("../../../../schemas/state/rules/select_rules.sql");

pub async fn put(tx: &mut Connection, rule: &StoredRule) -> Result<(), LedgerError> {
    let query = sqlx::query(PUT).bind(rule.tenant.as_str()).bind(rule.id.as_str());
    let query = query.bind(rule.version.cast_signed()).bind(rule.changed_at.nanos()).bind(&*rule.body);
    query.execute(tx).await.map_err(StateError::from)?;
    Ok(())
}

pub async fn delete(tx: &mut Connection, tenant: &TenantId, id: &RuleId) -> Result<(), LedgerError> {
    let query = sqlx::query(DELETE).bind(tenant.as_str()).bind(id.as_str());
    query.execute(tx).await.map_err(StateError::from)?;
    Ok(())
}

pub async fn all(connection: &mut Connection) -> Result<Vec<StoredRule>, LedgerError> {
    let rows: Vec<Row> = sqlx::query_as(SELECT).fetch_all(connection).await.map_err(StateError::from)?;
    rows.into_iter().map(read).collect()
}

/// `tenant, id, version, changed_at, body`.
type Row = (String, String, i64, i64, String);

fn read((tenant, id, version, changed_at, body): Row) -> Result<StoredRule, LedgerError> {
    let wrong = |what| BodyError::Value { row: format!("{tenant} {id}"), what };
    Ok(StoredRule {
        tenant: TenantId::parse(&tenant).map_err(|_| wrong("tenant"))?,
        id: RuleId::remembered(&id).map_err(|_| wrong("id"))?,
        version: version.cast_unsigned(),
        changed_at: Timestamp::from_nanos(changed_at),
        body: body.into(),
    })
}
