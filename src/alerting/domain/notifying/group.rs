//! `Group`: alerts that one channel is told of together, and what it was told last.
//!
//! A flush looks at the group and says whether there is news: an alert that fires and was not told of, or one that was told of and
//! is over. What is silenced, inhibited or muted is passed over, and looked at again. Without news what still fires is told again when
//! `repeat_interval` is over. An alert that was never told of is never told to be over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::muting::Muting;
use super::route::Timing;
use crate::alerting::domain::alert::{Alert, AlertKey, Phase};
use crate::alerting::domain::label_set::{Fingerprint, LabelSet};
use crate::shared::{TenantId, Timestamp};

/// How often a group without an interval is looked at while alerts of it are silenced or inhibited.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// Identifies a group within its tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId {
    pub channel: Box<str>,
    pub key: Box<str>,
}

/// What is remembered of a group: what its channel was told last.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupMemo {
    pub tenant: TenantId,
    pub id: GroupId,
    pub labels: LabelSet,
    pub told: Told,
}

/// What a channel was told last of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub at: Timestamp,
    /// The alerts that fired, with their labels' fingerprint: other labels (another severity) are news.
    pub firing: BTreeMap<AlertKey, Fingerprint>,
}

#[derive(Debug)]
pub struct Group {
    pub labels: LabelSet,
    timing: Timing,
    muting: Arc<Muting>,
    /// As they concern this group: one that has gone to another group is over here.
    members: BTreeMap<AlertKey, Arc<Alert>>,
    told: Option<Told>,
    next_flush: Timestamp,
}

/// What a flush found out.
#[derive(Debug, Default)]
pub struct Flushed {
    /// What is to be told, all of it: firing alerts first.
    pub news: Option<Vec<Alert>>,
    /// Whether [`Group::told`] is another one than before.
    pub memo_changed: bool,
}

/// How an alert is to be taken at a flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hearing {
    Told,
    /// Told once, and not repeated: somebody has acknowledged its incident.
    Once,
    /// Silenced, inhibited, or in a group that is muted.
    Hushed,
}

impl Group {
    pub fn new(labels: LabelSet, timing: Timing, now: Timestamp) -> Self {
        let next_flush = now.plus(timing.group_wait);
        let muting = Arc::default();
        Self { labels, timing, muting, members: BTreeMap::new(), told: None, next_flush }
    }

    /// As it was before a restart.
    pub fn remembered(memo: GroupMemo, now: Timestamp) -> Self {
        let timing = Timing::DEFAULT;
        let next_flush = memo.told.at.plus(timing.group_interval).max(now);
        let told = Some(memo.told);
        let muting = Arc::default();
        Self { labels: memo.labels, timing, muting, members: BTreeMap::new(), told, next_flush }
    }

    /// The route of a remembered group may say other times by now.
    pub fn set_timing(&mut self, timing: Timing, now: Timestamp) {
        if self.timing != timing {
            self.timing = timing;
            let earliest = self.told.as_ref().map_or(now, |told| told.at.plus(timing.group_interval));
            self.next_flush = earliest.max(now);
        }
    }

    pub fn set_muting(&mut self, muting: Arc<Muting>) {
        self.muting = muting;
    }

    pub fn muting(&self) -> &Muting {
        &self.muting
    }

    /// One that is over, and that nobody was told of, is not kept.
    pub fn put(&mut self, alert: Arc<Alert>, now: Timestamp) {
        let was_told = self.told.as_ref().is_some_and(|told| told.firing.contains_key(&alert.key));
        if !was_told && !alert.is_firing(now) {
            self.members.remove(&alert.key);
            return;
        }
        if self.timing.group_interval.is_zero() && self.timing.group_wait.is_zero() {
            self.next_flush = now;
        }
        self.members.insert(alert.key, alert);
    }

    /// The alert belongs elsewhere from now on: for who was told of it here it is over.
    pub fn leave(&mut self, key: AlertKey, now: Timestamp) {
        let was_told = self.told.as_ref().is_some_and(|told| told.firing.contains_key(&key));
        let Some(alert) = self.members.remove(&key).filter(|_| was_told) else { return };
        let alert = match alert.is_firing(now) {
            true => {
                Arc::new(Alert { phase: Phase::Resolved { at: now }, updated_at: now, ..(*alert).clone() })
            }
            false => alert,
        };
        self.put(alert, now);
    }

    pub fn holds(&self, key: AlertKey) -> bool {
        self.members.contains_key(&key)
    }

    pub fn members(&self) -> impl Iterator<Item = &Arc<Alert>> {
        self.members.values()
    }

    pub const fn told(&self) -> Option<&Told> {
        self.told.as_ref()
    }

    pub const fn next_flush(&self) -> Timestamp {
        self.next_flush
    }

    /// Nothing is in it, and nobody waits for word of it.
    pub fn is_over(&self, now: Timestamp) -> bool {
        let quiet = self
            .told
            .as_ref()
            .is_none_or(|told| told.firing.is_empty() && told.at.plus(self.timing.group_interval) <= now);
        self.members.is_empty() && quiet
    }

    pub fn flush(&mut self, now: Timestamp, hearing: impl Fn(&Alert) -> Hearing) -> Flushed {
        let told_firing = self.told.as_ref().map(|told| told.firing.clone()).unwrap_or_default();
        // What fired before a restart and is not known any more.
        let mut known: BTreeMap<_, _> = told_firing.clone();
        known.retain(|key, _| self.members.contains_key(key));
        let mut seen = Seen::default();
        self.members.retain(|key, alert| {
            let was_told = known.contains_key(key);
            let fires = alert.is_firing(now);
            match (hearing(alert), fires) {
                (Hearing::Hushed, _) => seen.hushed = true,
                (hearing, true) => {
                    seen.is_new |= known.get(key) != Some(&alert.labels.fingerprint());
                    seen.unacknowledged |= hearing == Hearing::Told;
                    seen.firing.push(Arc::clone(alert));
                }
                (_, false) if was_told => seen.over.push(Arc::clone(alert)),
                (_, false) => {}
            }
            fires || was_told
        });
        let repeat = self.told.as_ref().is_some_and(|told| told.at.plus(self.timing.repeat_interval) <= now);
        let tells = seen.is_new || !seen.over.is_empty() || (repeat && seen.unacknowledged);
        let memo_changed = tells || known.len() != told_firing.len();
        for alert in &seen.over {
            self.members.remove(&alert.key);
            known.remove(&alert.key);
        }
        if tells {
            known.extend(seen.firing.iter().map(|alert| (alert.key, alert.labels.fingerprint())));
            self.told = Some(Told { at: now, firing: known });
        } else if let Some(told) = &mut self.told {
            told.firing = known;
        }
        self.next_flush = self.after(now, seen.hushed);
        Flushed { news: tells.then(|| seen.alerts()), memo_changed }
    }

    fn after(&self, now: Timestamp, any_hushed: bool) -> Timestamp {
        if !self.timing.group_interval.is_zero() {
            return now.plus(self.timing.group_interval);
        }
        if any_hushed {
            return now.plus(LOOK_INTERVAL);
        }
        let repeat = self.told.as_ref().map_or(now, |told| told.at).plus(self.timing.repeat_interval);
        let expires = self.members.values().filter_map(|alert| alert.ends_at()).min();
        expires.map_or(repeat, |at| at.min(repeat)).max(now.plus(LOOK_INTERVAL))
    }
}

#[derive(Default)]
struct Seen {
    firing: Vec<Arc<Alert>>,
    /// Was told of, and is not any more.
    over: Vec<Arc<Alert>>,
    is_new: bool,
    unacknowledged: bool,
    hushed: bool,
}

impl Seen {
    /// The oldest first.
    fn alerts(mut self) -> Vec<Alert> {
        for alerts in [&mut self.firing, &mut self.over] {
            alerts.sort_by_key(|alert| (alert.starts_at, alert.key));
        }
        let over = self.over.iter().map(|alert| match alert.phase {
            Phase::Firing { expires: Some(at) } => {
                Alert { phase: Phase::Resolved { at }, ..(**alert).clone() }
            }
            Phase::Firing { expires: None } | Phase::Resolved { .. } => (**alert).clone(),
        });
        self.firing.iter().map(|alert| (**alert).clone()).chain(over).collect()
    }
}
