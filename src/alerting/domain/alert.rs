//! `Alert`: something that is wrong from a moment on, under its labels. Rules raise alerts, and so may others over the API.

use super::label_set::{Fingerprint, LabelSet};
use crate::shared::{TenantId, Timestamp};

/// Labels that every alert of a rule has.
pub const NAME_LABEL: &str = "alertname";
pub const SEVERITY_LABEL: &str = "severity";

/// One alert. The same alert later is the one with the same tenant and key.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    pub tenant: TenantId,
    pub key: AlertKey,
    /// Those of its group and its rule, with [`NAME_LABEL`] and [`SEVERITY_LABEL`].
    pub labels: LabelSet,
    /// Rendered.
    pub annotations: LabelSet,
    /// When the condition began to hold.
    pub starts_at: Timestamp,
    pub phase: Phase,
    pub updated_at: Timestamp,
    /// Where to look at what raised it; empty if nothing is known.
    pub generator_url: Box<str>,
    /// What the rule found; absent for alerts of others.
    pub finding: Option<Finding>,
    /// Channels that are told at once and alone, whatever the routes say.
    pub channels: Vec<Box<str>>,
}

/// Identifies an alert within its tenant: the fingerprint of what does not change while it lasts. An alert of a rule keeps
/// its key when its severity changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AlertKey(pub Fingerprint);

impl AlertKey {
    /// The key of an alert that others raise: all its labels make it.
    pub fn of(labels: &LabelSet) -> Self {
        Self(labels.fingerprint())
    }
}

/// Whether an alert is still wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Until it is said to be over, or until `expires` if whoever raised it has to repeat it.
    Firing {
        expires: Option<Timestamp>,
    },
    Resolved {
        at: Timestamp,
    },
}

/// What a rule measured when its alert last changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    pub rule_id: Box<str>,
    pub rule_name: Box<str>,
    pub incident: IncidentId,
    /// What was measured, as people say it: `avg(http.server.duration) over 5m`.
    pub expression: Box<str>,
    /// The threshold as text: `> 0.8`.
    pub threshold: Box<str>,
    /// The value that decided; absent when the data stopped.
    pub value: Option<f64>,
    /// The value furthest beyond the threshold while it fired.
    pub peak: f64,
    /// Why, in a few words: `avg 0.93 > 0.8 for 2m`.
    pub reason: Box<str>,
}

/// Identifies an incident: a UUID (version 7), made where the incident is opened.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IncidentId(pub Box<str>);

impl Alert {
    /// The name of its rule, else the label by which alerts are named.
    pub fn name(&self) -> &str {
        let of_rule = self.finding.as_ref().map(|finding| &*finding.rule_name);
        of_rule.or_else(|| self.labels.get(NAME_LABEL)).unwrap_or("Alert")
    }

    pub const fn is_firing(&self, now: Timestamp) -> bool {
        match self.phase {
            Phase::Firing { expires: None } => true,
            Phase::Firing { expires: Some(at) } => at.nanos() > now.nanos(),
            Phase::Resolved { .. } => false,
        }
    }

    /// When it ended, or will unless it is repeated; absent while that is open.
    pub const fn ends_at(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Firing { expires } => expires,
            Phase::Resolved { at } => Some(at),
        }
    }
}
