//! `Notification`: what one channel is to be told at once, about one group of alerts.

use std::collections::BTreeSet;

use super::alert::{Alert, AlertKey};
use super::label_set::LabelSet;
use crate::shared::{TenantId, Timestamp};

/// Most alerts that one notification holds: as many as a tenant may have. Only what is carried over from notifications that were never
/// sent ([`Notification::instead_of`]) can go beyond it, and is counted then.
pub const ALERTS_PER_NOTIFICATION_MAX: usize = 10_000;

/// Identifies a notification for ever, whatever happens to the process: receivers can tell a repeated one by it (a UUID, version 7).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NotificationId(pub Box<str>);

/// Alerts that are told together. A newer notification of the same tenant, channel and group replaces an older one that is unsent, and
/// tells of the endings that were in it.
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
    /// How many alerts that are over are not in `alerts`, for want of room.
    pub truncated: usize,
    pub at: Timestamp,
}

impl Notification {
    /// Takes the place of `older`, which was not sent: what is over by it is told by this one. What fired by it fires by this one, too,
    /// or is over, or is not to be told now.
    pub fn instead_of(&mut self, older: &Self) {
        let told: BTreeSet<AlertKey> = self.alerts.iter().map(|alert| alert.key).collect();
        let endings: Vec<Alert> =
            older.resolved().filter(|alert| !told.contains(&alert.key)).cloned().collect();
        let room = ALERTS_PER_NOTIFICATION_MAX.saturating_sub(self.alerts.len());
        self.truncated += older.truncated + endings.len().saturating_sub(room);
        self.alerts.extend(endings.into_iter().take(room));
    }

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

#[cfg(test)]
mod tests {
    use super::super::notification_fixtures::{alert, notification, resolved};
    use super::*;

    #[test]
    fn what_takes_the_place_of_an_unsent_one_tells_of_its_endings() {
        let mut older = resolved("1", "hook", "cpu", 10);
        older.alerts.extend([alert("fires still"), alert("fires no more")]);
        older.alerts.extend(resolved("1", "hook", "again", 10).alerts);
        older.truncated = 2;
        let mut newer = notification("2", "hook", "fires still", 20);
        newer.alerts.extend([alert("again")]);
        newer.alerts.extend(resolved("2", "hook", "fires no more", 20).alerts);
        newer.instead_of(&older);
        let names =
            |alerts: Vec<&Alert>| alerts.iter().map(|alert| alert.name().to_owned()).collect::<Vec<_>>();
        assert_eq!(names(newer.firing().collect()), ["fires still", "again"]);
        assert_eq!(names(newer.resolved().collect()), ["fires no more", "cpu"]);
        assert_eq!(newer.truncated, 2);
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let mut newer = notification("2", "hook", "cpu", 20);
        newer.alerts = vec![alert("cpu"); ALERTS_PER_NOTIFICATION_MAX - 1];
        let mut older = resolved("1", "hook", "a", 10);
        older.alerts.extend(resolved("1", "hook", "b", 10).alerts);
        newer.instead_of(&older);
        assert_eq!((newer.alerts.len(), newer.truncated), (ALERTS_PER_NOTIFICATION_MAX, 1));
    }
}
