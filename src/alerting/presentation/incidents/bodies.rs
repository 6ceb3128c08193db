//! What is told of incidents, and asked for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alerting::domain::incident::{Entry, Incident, IncidentState};
use crate::alerting::presentation::words::{Labels, labels, milliseconds};

#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct IncidentsBody {
    /// The newest first.
    pub incidents: Vec<IncidentBody>,
}

/// One open episode of an alert. Times are milliseconds since the epoch.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IncidentBody {
    id: String,
    rule_id: String,
    rule_name: String,
    /// `open`, `acknowledged` or `resolved`.
    state: &'static str,
    /// The worst that it had.
    severity: &'static str,
    labels: Labels,
    opened_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assignee: Option<String>,
    timeline: Vec<EntryBody>,
}

/// Something that happened.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct EntryBody {
    at: i64,
    /// `opened`, `reopened`, `severity`, `acknowledged`, `assigned` or `resolved`.
    what: &'static str,
    text: String,
}

/// Who takes care of an incident.
#[derive(Debug, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AcknowledgeBody {
    pub by: String,
    #[serde(default)]
    pub note: String,
}

/// Who is to take care of an incident.
#[derive(Debug, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AssignBody {
    pub to: String,
}

/// Who says that an incident is over, and why.
#[derive(Debug, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResolveBody {
    pub by: String,
    pub reason: String,
}

impl From<Incident> for IncidentBody {
    fn from(incident: Incident) -> Self {
        let entry = |entry: Entry| EntryBody {
            at: milliseconds(entry.at),
            what: entry.what.name(),
            text: entry.text.into(),
        };
        let (resolved_at, acknowledged_by) = match &incident.state {
            IncidentState::Open => (None, None),
            IncidentState::Acknowledged { by, .. } => (None, Some(by.to_string())),
            IncidentState::Resolved { at } | IncidentState::Dismissed { at } => {
                (Some(milliseconds(*at)), None)
            }
        };
        Self {
            id: incident.id.0.into(),
            rule_id: incident.rule_id.into(),
            rule_name: incident.rule_name.into(),
            state: incident.state.name(),
            severity: incident.severity.name(),
            labels: labels(&incident.labels),
            opened_at: milliseconds(incident.opened_at),
            resolved_at,
            acknowledged_by,
            assignee: incident.assignee.map(Into::into),
            timeline: incident.timeline.into_iter().map(entry).collect(),
        }
    }
}
