//! Alerts as JSON: as they are listed, and as others post them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::time_text::{Sent, parse};
use crate::alerting::application::alert_listing::{ListedAlert, ListedGroup};
use crate::alerting::domain::notifying::posted::{PostedAlert, RESOLVE_TIMEOUT};
use crate::alerting::presentation::words::{Labels, labels, time_to_the_millisecond as format};
use crate::shared::Timestamp;

/// An alert that fires.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "GettableAlert")]
pub(super) struct AlertBody {
    labels: Labels,
    annotations: Labels,
    /// The channels that are told of it.
    receivers: Vec<ReceiverBody>,
    /// 16 hexadecimal digits.
    fingerprint: String,
    starts_at: String,
    updated_at: String,
    /// When it will be over unless it is heard of again.
    ends_at: String,
    status: StatusBody,
    #[serde(rename = "generatorURL")]
    generator_url: String,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AlertStatus")]
struct StatusBody {
    /// `active`, or `suppressed` by silences, other alerts or time intervals.
    state: &'static str,
    /// Ids of silences.
    silenced_by: Vec<String>,
    /// Fingerprints of alerts.
    inhibited_by: Vec<String>,
    /// Names of time intervals by which the route is silent now; only where alerts are listed by groups.
    muted_by: Vec<String>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "Receiver")]
pub(super) struct ReceiverBody {
    pub(super) name: String,
}

/// Alerts that a channel is told of together.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "AlertGroup")]
pub(super) struct GroupBody {
    labels: Labels,
    receiver: ReceiverBody,
    alerts: Vec<AlertBody>,
}

/// An alert of somebody else. It is the same one again if all its labels are.
#[derive(Debug, JsonSchema, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PostableAlert")]
pub(super) struct PostedBody {
    labels: Labels,
    #[serde(default)]
    annotations: Labels,
    /// RFC 3339; now, if it is not said.
    #[serde(default)]
    starts_at: String,
    /// RFC 3339; five minutes from now, if it is not said: then it has to be sent again to go on.
    #[serde(default)]
    ends_at: String,
    #[serde(default, rename = "generatorURL")]
    generator_url: String,
}

impl AlertBody {
    pub(super) fn new(listed: &ListedAlert, muted_by: &[Box<str>], now: Timestamp) -> Self {
        let alert = &listed.alert;
        let quiet = !listed.silenced_by.is_empty() || listed.inhibited_by.is_some() || !muted_by.is_empty();
        Self {
            labels: labels(&alert.labels),
            annotations: labels(&alert.annotations),
            receivers: listed.receivers.iter().map(|name| ReceiverBody { name: name.to_string() }).collect(),
            fingerprint: alert.key.0.to_string(),
            starts_at: format(alert.starts_at),
            updated_at: format(alert.updated_at),
            ends_at: format(alert.ends_at().unwrap_or_else(|| now.plus(RESOLVE_TIMEOUT))),
            status: StatusBody {
                state: if quiet { "suppressed" } else { "active" },
                silenced_by: listed.silenced_by.iter().map(|id| id.0.to_string()).collect(),
                inhibited_by: listed.inhibited_by.iter().map(|key| key.0.to_string()).collect(),
                muted_by: muted_by.iter().map(ToString::to_string).collect(),
            },
            generator_url: alert.generator_url.to_string(),
        }
    }
}

impl GroupBody {
    pub(super) fn new(group: &ListedGroup, now: Timestamp) -> Self {
        Self {
            labels: labels(&group.labels),
            receiver: ReceiverBody { name: group.channel.to_string() },
            alerts: group.alerts.iter().map(|alert| AlertBody::new(alert, &group.muted_by, now)).collect(),
        }
    }
}

impl PostedBody {
    /// Gives the name of a time that is none.
    pub(super) fn understood(self) -> Result<PostedAlert, &'static str> {
        let time = |text: &str, name| match parse(text) {
            Some(Sent::At(at)) => Ok(Some(at)),
            Some(Sent::NotSet) => Ok(None),
            None => Err(name),
        };
        Ok(PostedAlert {
            starts_at: time(&self.starts_at, "startsAt")?,
            ends_at: time(&self.ends_at, "endsAt")?,
            labels: self.labels.into_iter().collect(),
            annotations: self.annotations.into_iter().collect(),
            generator_url: self.generator_url.into(),
        })
    }
}
