//! What is told of rules.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::alerting::application::commands::{InstanceCounts, InstanceView};
use crate::alerting::application::history::HistoryEntry;
use crate::alerting::application::rule_book::{Origin, RuleEntry};
use crate::alerting::presentation::words::{Labels, labels, milliseconds};

#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct RulesBody {
    pub rules: Vec<RuleBody>,
}

/// A rule, and how it stands.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuleBody {
    id: String,
    name: String,
    /// `file`: it is changed in its file. `api`: here. `built-in`: one with its id takes its place.
    origin: &'static str,
    /// Counts the changes; of a rule of the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// Milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_at: Option<i64>,
    enabled: bool,
    /// What is measured: `p99(http.server.request.duration) over 5m by (http.route)`.
    expression: String,
    /// Groups that fire, and those that would soon.
    firing: usize,
    pending: usize,
    /// As it was written, in the form of a rule file.
    #[schemars(with = "BTreeMap<String, Value>")]
    rule: Value,
    /// The groups that have data or fire; only where one rule is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    instances: Option<Vec<InstanceBody>>,
}

/// How a group stands.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct InstanceBody {
    labels: Labels,
    /// `inactive`, `pending`, `firing` or `recovering`.
    state: &'static str,
    /// When the condition began to hold; milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<&'static str>,
}

#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct HistoryBody {
    /// The latest first.
    pub transitions: Vec<TransitionBody>,
}

/// Something that happened to a group.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct TransitionBody {
    /// Milliseconds since the epoch.
    at: i64,
    /// `pending`, `firing`, `severity`, `recovering`, `resolved` or `inactive`.
    kind: String,
    severity: String,
    labels: Labels,
    /// Absent where the data stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    reason: String,
}

impl RuleBody {
    pub fn new(entry: &RuleEntry, counts: InstanceCounts) -> Self {
        let (origin, version, changed_at) = match entry.origin {
            Origin::BuiltIn => ("built-in", None, None),
            Origin::File => ("file", None, None),
            Origin::Api { version, changed_at } => ("api", Some(version), Some(milliseconds(changed_at))),
        };
        Self {
            id: entry.rule.id.to_string(),
            name: entry.rule.name.to_string(),
            origin,
            version,
            changed_at,
            enabled: entry.rule.is_enabled(),
            expression: entry.rule.measure.expression(),
            firing: counts.firing,
            pending: counts.pending,
            rule: Value::clone(&entry.body),
            instances: None,
        }
    }

    pub fn with_instances(self, instances: Vec<InstanceView>) -> Self {
        let body = |view: InstanceView| InstanceBody {
            labels: labels(&view.labels),
            state: view.state,
            since: view.since.map(milliseconds),
            severity: view.severity,
        };
        Self { instances: Some(instances.into_iter().map(body).collect()), ..self }
    }
}

impl From<HistoryEntry> for TransitionBody {
    fn from(entry: HistoryEntry) -> Self {
        Self {
            at: milliseconds(entry.at),
            kind: entry.kind.into(),
            severity: entry.severity.into(),
            labels: labels(&entry.labels),
            value: entry.value,
            reason: entry.reason.into(),
        }
    }
}
