//! An alert as JSON, for every table whose rows hold one. The tenant stands in a column of the row.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::alerting::application::ledger::LedgerError;
use crate::alerting::domain::alert::{Alert, AlertKey, Finding, IncidentId, Phase};
use crate::alerting::domain::label_set::{Fingerprint, LabelSet};
use crate::shared::{TenantId, Timestamp};

/// Why the body of a row is not what this program wrote.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the body of row {row} is not the JSON that it should be")]
    Json { row: String, source: serde_json::Error },
    #[error("row {row} has a wrong {what}")]
    Value { row: String, what: &'static str },
}

impl From<BodyError> for LedgerError {
    fn from(error: BodyError) -> Self {
        Self::Unreadable(error.into())
    }
}

/// Labels or annotations, by name.
pub type LabelsBody = BTreeMap<String, String>;

pub fn labels_body(labels: &LabelSet) -> LabelsBody {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// [`Alert`]; times in nanoseconds since 1970.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AlertBody {
    /// 16 hexadecimal digits.
    key: String,
    labels: LabelsBody,
    annotations: LabelsBody,
    starts_at: i64,
    phase: PhaseBody,
    updated_at: i64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    generator_url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    finding: Option<FindingBody>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    channels: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PhaseBody {
    Firing { expires: Option<i64> },
    Resolved { at: i64 },
}

/// Numbers are texts, since JSON has neither infinity nor NaN.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct FindingBody {
    rule_id: String,
    rule_name: String,
    incident: String,
    expression: String,
    threshold: String,
    value: Option<String>,
    peak: String,
    reason: String,
}

impl From<&Alert> for AlertBody {
    fn from(alert: &Alert) -> Self {
        Self {
            key: alert.key.0.to_string(),
            labels: labels_body(&alert.labels),
            annotations: labels_body(&alert.annotations),
            starts_at: alert.starts_at.nanos(),
            phase: match alert.phase {
                Phase::Firing { expires } => PhaseBody::Firing { expires: expires.map(Timestamp::nanos) },
                Phase::Resolved { at } => PhaseBody::Resolved { at: at.nanos() },
            },
            updated_at: alert.updated_at.nanos(),
            generator_url: alert.generator_url.to_string(),
            finding: alert.finding.as_ref().map(FindingBody::from),
            channels: alert.channels.iter().map(ToString::to_string).collect(),
        }
    }
}

impl AlertBody {
    /// Gives what is wrong if it was not written by [`AlertBody::from`].
    pub fn into_alert(self, tenant: TenantId) -> Result<Alert, &'static str> {
        Ok(Alert {
            tenant,
            key: AlertKey(Fingerprint(u64::from_str_radix(&self.key, 16).map_err(|_| "alert key")?)),
            labels: self.labels.into_iter().collect(),
            annotations: self.annotations.into_iter().collect(),
            starts_at: Timestamp::from_nanos(self.starts_at),
            phase: match self.phase {
                PhaseBody::Firing { expires } => {
                    Phase::Firing { expires: expires.map(Timestamp::from_nanos) }
                }
                PhaseBody::Resolved { at } => Phase::Resolved { at: Timestamp::from_nanos(at) },
            },
            updated_at: Timestamp::from_nanos(self.updated_at),
            generator_url: self.generator_url.into(),
            finding: self.finding.map(FindingBody::into_finding).transpose()?,
            channels: self.channels.into_iter().map(Into::into).collect(),
        })
    }
}

impl From<&Finding> for FindingBody {
    fn from(finding: &Finding) -> Self {
        Self {
            rule_id: finding.rule_id.to_string(),
            rule_name: finding.rule_name.to_string(),
            incident: finding.incident.0.to_string(),
            expression: finding.expression.to_string(),
            threshold: finding.threshold.to_string(),
            value: finding.value.map(|value| value.to_string()),
            peak: finding.peak.to_string(),
            reason: finding.reason.to_string(),
        }
    }
}

impl FindingBody {
    fn into_finding(self) -> Result<Finding, &'static str> {
        let number = |text: String| text.parse::<f64>().map_err(|_| "number");
        Ok(Finding {
            rule_id: self.rule_id.into(),
            rule_name: self.rule_name.into(),
            incident: IncidentId(self.incident.into()),
            expression: self.expression.into(),
            threshold: self.threshold.into(),
            value: self.value.map(number).transpose()?,
            peak: number(self.peak)?,
            reason: self.reason.into(),
        })
    }
}
