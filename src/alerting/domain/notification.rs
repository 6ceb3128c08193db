//! `Notification`: what one channel is to be told at once, about one group of alerts.

use super::alert::Alert;
use super::label_set::LabelSet;
use crate::shared::{TenantId, Timestamp};

/// Most alerts that one notification names; the rest is counted.
pub const ALERTS_PER_NOTIFICATION_MAX: usize = 100;

/// Identifies a notification for ever, whatever happens to the process: receivers can tell a repeated one by it (a UUID, version 7).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NotificationId(pub Box<str>);

/// Alerts that are told together. A newer notification of the same tenant, channel and group replaces an older one that is unsent.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    pub id: NotificationId,
    pub tenant: TenantId,
    /// The channel's name in the configuration.
    pub channel: Box<str>,
    /// Which alerts belong together: the route and the values of its labels.
    pub group_key: Box<str>,
    /// The labels by which they were put together.
    pub group_labels: LabelSet,
    /// Firing ones first; at least one, at most [`ALERTS_PER_NOTIFICATION_MAX`].
    pub alerts: Vec<Alert>,
    /// How many alerts of the group are not in `alerts`.
    pub truncated: usize,
    pub at: Timestamp,
}

impl Notification {
    /// Whether any alert fires still; otherwise all is over.
    pub fn is_firing(&self) -> bool {
        self.alerts.iter().any(|alert| alert.is_firing(self.at))
    }

    pub fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().filter(|alert| alert.is_firing(self.at))
    }

    pub fn resolved(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().filter(|alert| !alert.is_firing(self.at))
    }

    /// The labels that all alerts have alike.
    pub fn common_labels(&self) -> LabelSet {
        common(self.alerts.iter().map(|alert| &alert.labels))
    }

    pub fn common_annotations(&self) -> LabelSet {
        common(self.alerts.iter().map(|alert| &alert.annotations))
    }
}

fn common<'a>(mut sets: impl Iterator<Item = &'a LabelSet> + Clone) -> LabelSet {
    let Some(first) = sets.next() else { return LabelSet::default() };
    first.iter().filter(|(name, value)| sets.clone().all(|set| set.get(name) == Some(*value))).collect()
}
