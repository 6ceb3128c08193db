//! The table `incidents`: episodes of alerts, and what people did about them.

use serde::{Deserialize, Serialize};

use super::alert_body::{BodyError, LabelsBody, labels_body};
use crate::alerting::application::incidents::IncidentPage;
use crate::alerting::application::ledger::LedgerError;
use crate::alerting::domain::alert::{AlertKey, IncidentId};
use crate::alerting::domain::incident::{Entry, Happening, Incident, IncidentState};
use crate::alerting::domain::label_set::Fingerprint;
use crate::alerting::domain::rule_words::Severity;
use crate::platform::state::{Connection, StateError};
use crate::shared::{TenantId, Timestamp};

const PUT: &str = include_str!("../../../../schemas/state/incidents/put_incident.sql");
const SELECT_RECENT: &str = include_str!("../../../../schemas/state/incidents/select_recent.sql");
const SELECT_PAGE: &str = include_str!("../../../../schemas/state/incidents/select_page.sql");
const SELECT_ONE: &str = include_str!("../../../../schemas/state/incidents/select_one.sql");
const FORGET_OLD: &str = include_str!("../../../../schemas/state/incidents/forget_old.sql");

/// What a row holds beside its columns; times in nanoseconds since 1970.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    rule_name: String,
    /// 16 hexadecimal digits.
    alert: String,
    labels: LabelsBody,
    severity: String,
    #[serde(default)]
    acknowledged: Option<(String, i64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dismissed_at: Option<i64>,
    #[serde(default)]
    assignee: Option<String>,
    timeline: Vec<(i64, String, String)>,
}

pub async fn put(tx: &mut Connection, incident: &Incident) -> Result<(), LedgerError> {
    let Incident { id, tenant, rule_id, state, opened_at, .. } = incident;
    let resolved_at = match state {
        IncidentState::Resolved { at } => Some(at.nanos()),
        // Its condition holds: it is asked for with those that are open.
        IncidentState::Dismissed { .. } | IncidentState::Open | IncidentState::Acknowledged { .. } => None,
    };
    let body = serde_json::to_string(&Body::from(incident));
    let body = body.map_err(|source| BodyError::Json { row: id.0.to_string(), source })?;
    let query = sqlx::query(PUT).bind(&*id.0).bind(tenant.as_str()).bind(&**rule_id).bind(state.name());
    let query = query.bind(opened_at.nanos()).bind(resolved_at).bind(body);
    query.execute(tx).await.map_err(StateError::from)?;
    Ok(())
}

/// Those that are not over, and those that ended at `since` or later.
pub async fn recent(connection: &mut Connection, since: Timestamp) -> Result<Vec<Incident>, LedgerError> {
    let query = sqlx::query_as(SELECT_RECENT).bind(since.nanos());
    let rows: Vec<Row> = query.fetch_all(connection).await.map_err(StateError::from)?;
    rows.into_iter().map(read).collect()
}

pub async fn page(connection: &mut Connection, page: &IncidentPage) -> Result<Vec<Incident>, LedgerError> {
    let query = sqlx::query_as(SELECT_PAGE).bind(page.tenant.as_str()).bind(page.before.nanos());
    let query = query.bind(page.state.unwrap_or_default()).bind(page.rule_id.as_deref().unwrap_or_default());
    let query = query.bind(i64::try_from(page.limit).unwrap_or(i64::MAX));
    let rows: Vec<Row> = query.fetch_all(connection).await.map_err(StateError::from)?;
    rows.into_iter().map(read).collect()
}

pub async fn one(
    connection: &mut Connection,
    tenant: &TenantId,
    id: &IncidentId,
) -> Result<Option<Incident>, LedgerError> {
    let query = sqlx::query_as(SELECT_ONE).bind(tenant.as_str()).bind(&*id.0);
    let row: Option<Row> = query.fetch_optional(connection).await.map_err(StateError::from)?;
    row.map(read).transpose()
}

pub async fn forget_old(tx: &mut Connection, before: Timestamp) -> Result<(), LedgerError> {
    sqlx::query(FORGET_OLD).bind(before.nanos()).execute(tx).await.map_err(StateError::from)?;
    Ok(())
}

/// `id, tenant, rule_id, opened_at, resolved_at, body`.
type Row = (String, String, String, i64, Option<i64>, String);

fn read((id, tenant, rule_id, opened_at, resolved_at, body): Row) -> Result<Incident, LedgerError> {
    let wrong = |what| BodyError::Value { row: id.clone(), what };
    let body: Body =
        serde_json::from_str(&body).map_err(|source| BodyError::Json { row: id.clone(), source })?;
    let time = Timestamp::from_nanos;
    let state = match (resolved_at.or(body.dismissed_at), body.acknowledged) {
        (Some(at), _) if resolved_at.is_none() => IncidentState::Dismissed { at: time(at) },
        (Some(at), _) => IncidentState::Resolved { at: time(at) },
        (None, Some((by, at))) => IncidentState::Acknowledged { by: by.into(), at: time(at) },
        (None, None) => IncidentState::Open,
    };
    let entry = |(at, what, text): (i64, String, String)| {
        let what = Happening::ALL.into_iter().find(|known| known.name() == what)?;
        Some(Entry { at: time(at), what, text: text.into() })
    };
    let timeline: Option<Vec<Entry>> = body.timeline.into_iter().map(entry).collect();
    Ok(Incident {
        tenant: TenantId::parse(&tenant).map_err(|_| wrong("tenant"))?,
        rule_id: rule_id.into(),
        rule_name: body.rule_name.into(),
        alert: AlertKey(Fingerprint(u64::from_str_radix(&body.alert, 16).map_err(|_| wrong("alert key"))?)),
        labels: body.labels.into_iter().collect(),
        severity: Severity::parse(&body.severity).ok_or_else(|| wrong("severity"))?,
        opened_at: time(opened_at),
        state,
        assignee: body.assignee.map(Into::into),
        timeline: timeline.ok_or_else(|| wrong("timeline"))?,
        id: IncidentId(id.into()),
    })
}

impl From<&Incident> for Body {
    fn from(incident: &Incident) -> Self {
        let entry = |entry: &Entry| (entry.at.nanos(), entry.what.name().to_owned(), entry.text.to_string());
        Self {
            rule_name: incident.rule_name.to_string(),
            alert: incident.alert.0.to_string(),
            labels: labels_body(&incident.labels),
            severity: incident.severity.name().to_owned(),
            acknowledged: match &incident.state {
                IncidentState::Acknowledged { by, at } => Some((by.to_string(), at.nanos())),
                _ => None,
            },
            dismissed_at: match incident.state {
                IncidentState::Dismissed { at } => Some(at.nanos()),
                _ => None,
            },
            assignee: incident.assignee.as_ref().map(ToString::to_string),
            timeline: incident.timeline.iter().map(entry).collect(),
        }
    }
}
