//! `TenantAlerts`: the alerts, groups and silences of one tenant, and how they are held against each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::dispatcher::{
    Decisions, DispatchChanges, NotificationPlan, Placement, SilencingError, TooManyAlerts,
};
use super::group::{Group, GroupId, GroupMemo, Hearing};
use super::inhibition::Sources;
use super::posted::RESOLVE_TIMEOUT;
use super::silence::{Replacement, Silence, SilenceId, SilenceState, SilenceTerms};
use crate::alerting::domain::alert::{Alert, AlertKey, IncidentId, Phase};
use crate::alerting::domain::label_set::LabelSet;
use crate::alerting::domain::notification::{ALERTS_PER_NOTIFICATION_MAX, Notification, NotificationId};
use crate::shared::{TenantId, Timestamp};

/// Most alerts of one tenant; so a notification has room for all alerts of a group.
pub const ALERTS_MAX: usize = ALERTS_PER_NOTIFICATION_MAX;
/// Most groups of one tenant; further alerts share one group per route.
pub const GROUPS_MAX: usize = 10_000;
/// Most silences of one tenant, with those that expired lately.
pub const SILENCES_MAX: usize = 1_000;
/// Most incidents of one tenant that are acknowledged at a time; the first is forgotten, and so repeated.
const ACKNOWLEDGED_MAX: usize = 10_000;
/// How often what is over is looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub struct TenantAlerts {
    alerts: BTreeMap<AlertKey, Known>,
    groups: BTreeMap<GroupId, Group>,
    due: BTreeSet<(Timestamp, GroupId)>,
    silences: BTreeMap<SilenceId, Silence>,
    sources: Sources,
    acknowledged: BTreeSet<IncidentId>,
    next_sweep: Timestamp,
}

#[derive(Debug)]
struct Known {
    alert: Arc<Alert>,
    groups: Vec<GroupId>,
    /// Groups that it has left, and that have yet to be told so.
    left: Vec<GroupId>,
}

/// An alert, and why it is not told of, if it is not.
#[derive(Debug)]
pub struct AlertView<'a> {
    pub alert: &'a Alert,
    pub silenced_by: Vec<&'a SilenceId>,
    pub inhibited_by: Option<AlertKey>,
    /// The channels of its groups, each once.
    pub channels: BTreeSet<&'a str>,
}

#[derive(Debug)]
pub struct GroupView<'a> {
    pub id: &'a GroupId,
    pub labels: &'a LabelSet,
    pub alerts: Vec<AlertView<'a>>,
    /// The time intervals by which its route is silent now.
    pub muted_by: Vec<&'a str>,
}

impl TenantAlerts {
    pub fn take(
        &mut self,
        plan: &NotificationPlan,
        mut alert: Alert,
        now: Timestamp,
        changes: &mut DispatchChanges,
    ) -> Result<(), TooManyAlerts> {
        let fires = alert.is_firing(now);
        match self.alerts.get(&alert.key) {
            None if !fires => return Ok(()),
            None if self.alerts.len() >= ALERTS_MAX => return Err(TooManyAlerts),
            None => {}
            Some(known) => {
                let before = &known.alert;
                // A rule says itself what becomes of its alert.
                if before.finding.is_some() && alert.finding.is_none() && before.is_firing(now) {
                    return Ok(());
                }
                // One that goes on began when it first began.
                if alert.finding.is_none() && before.is_firing(now) {
                    alert.starts_at = alert.starts_at.min(before.starts_at);
                }
            }
        }
        let alert = Arc::new(alert);
        if self.alerts.get(&alert.key).is_none_or(|known| differs(&known.alert, &alert)) {
            changes.alerts.insert((alert.tenant.clone(), alert.key), Some(Arc::clone(&alert)));
        }
        self.place(plan, alert, now);
        Ok(())
    }

    fn place(&mut self, plan: &NotificationPlan, alert: Arc<Alert>, now: Timestamp) {
        let key = alert.key;
        let before = self.alerts.remove(&key);
        if let Some(known) = &before {
            self.sources.remove(&plan.inhibitions, key, &known.alert.labels);
        }
        let mut groups = Vec::new();
        for placement in plan.placements(&alert) {
            groups.push(self.join(placement, &alert, now));
        }
        let earlier = before.into_iter().flat_map(|known| known.groups.into_iter().chain(known.left));
        let mut left: Vec<GroupId> = earlier.filter(|id| !groups.contains(id)).collect();
        left.retain(|id| {
            self.with_group(id, |group| group.leave(key, now));
            self.groups.get(id).is_some_and(|group| group.holds(key))
        });
        if alert.is_firing(now) {
            self.sources.add(&plan.inhibitions, key, &alert.labels);
        }
        self.alerts.insert(key, Known { alert, groups, left });
    }

    fn join(&mut self, placement: Placement, alert: &Arc<Alert>, now: Timestamp) -> GroupId {
        let Placement { id, labels, timing, muting, shared } = placement;
        let is_full = !self.groups.contains_key(&id) && self.groups.len() >= GROUPS_MAX;
        let (id, labels) = match shared.filter(|_| is_full) {
            Some(shared) => (shared, LabelSet::default()),
            None => (id, labels),
        };
        self.groups.entry(id.clone()).or_insert_with(|| Group::new(labels, timing, now));
        self.with_group(&id, |group| {
            group.set_timing(timing, now);
            group.set_muting(muting);
            group.put(Arc::clone(alert), now);
        });
        id
    }

    /// Changes a group, and when it is due.
    fn with_group(&mut self, id: &GroupId, change: impl FnOnce(&mut Group)) {
        let Some(group) = self.groups.get_mut(id) else { return };
        self.due.remove(&(group.next_flush(), id.clone()));
        change(group);
        self.due.insert((group.next_flush(), id.clone()));
    }

    pub fn flush(
        &mut self,
        tenant: &TenantId,
        plan: &NotificationPlan,
        now: Timestamp,
        next_id: &mut dyn FnMut(Timestamp) -> NotificationId,
        decisions: &mut Decisions,
    ) {
        while let Some((at, id)) = self.due.first().cloned().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, id.clone()));
            let Some(mut group) = self.groups.remove(&id) else { continue };
            let is_muted = group.muting().is_muted(now);
            let flushed = group.flush(now, |alert| match is_muted {
                true => Hearing::Hushed,
                false => self.hearing(plan, alert, now),
            });
            let place = (tenant.clone(), id.clone());
            if let Some(alerts) = flushed.news {
                decisions.notifications.push(Notification {
                    id: next_id(now),
                    tenant: tenant.clone(),
                    channel: id.channel.clone(),
                    group_key: id.key.clone(),
                    group_labels: group.labels.clone(),
                    alerts,
                    truncated: 0,
                    at: now,
                });
            }
            if group.is_over(now) {
                if group.told().is_some() {
                    decisions.changes.groups.insert(place, None);
                }
                continue;
            }
            if let Some(told) = group.told().filter(|_| flushed.memo_changed) {
                let (labels, told) = (group.labels.clone(), told.clone());
                let memo = GroupMemo { tenant: tenant.clone(), id: id.clone(), labels, told };
                decisions.changes.groups.insert(place, Some(memo));
            }
            self.due.insert((group.next_flush(), id.clone()));
            self.groups.insert(id, group);
        }
        if self.next_sweep <= now {
            self.next_sweep = now.plus(SWEEP_INTERVAL);
            self.sweep(tenant, plan, now, &mut decisions.changes);
        }
    }

    fn hearing(&self, plan: &NotificationPlan, alert: &Alert, now: Timestamp) -> Hearing {
        let silenced = self.silences.values().any(|silence| silence.covers(&alert.labels, now));
        if silenced || self.inhibitor(plan, alert, now).is_some() {
            return Hearing::Hushed;
        }
        let incident = alert.finding.as_ref().map(|finding| &finding.incident);
        match incident.is_some_and(|incident| self.acknowledged.contains(incident)) {
            true => Hearing::Once,
            false => Hearing::Told,
        }
    }

    fn inhibitor(&self, plan: &NotificationPlan, alert: &Alert, now: Timestamp) -> Option<AlertKey> {
        let fires = |key| {
            let source = &self.alerts.get(&key)?.alert;
            source.is_firing(now).then_some(&source.labels)
        };
        self.sources.inhibitor(&plan.inhibitions, &alert.labels, fires)
    }

    /// Forgets alerts that are over and that no group needs any more, and silences that are history.
    fn sweep(
        &mut self,
        tenant: &TenantId,
        plan: &NotificationPlan,
        now: Timestamp,
        changes: &mut DispatchChanges,
    ) {
        let (groups, sources) = (&self.groups, &mut self.sources);
        self.alerts.retain(|key, known| {
            let needed = |id| groups.get(id).is_some_and(|group: &Group| group.holds(*key));
            let keep = known.alert.is_firing(now) || known.groups.iter().chain(&known.left).any(needed);
            if !keep {
                sources.remove(&plan.inhibitions, *key, &known.alert.labels);
                changes.alerts.insert((tenant.clone(), *key), None);
            }
            keep
        });
        self.silences.retain(|id, silence| {
            let history = silence.is_history(now);
            if history {
                changes.silences.insert((tenant.clone(), id.clone()), None);
            }
            !history
        });
        let of = |known: &Known| known.alert.finding.as_ref().map(|finding| finding.incident.clone());
        let incidents: BTreeSet<IncidentId> = self.alerts.values().filter_map(of).collect();
        self.acknowledged.retain(|incident| incidents.contains(incident));
    }

    pub fn is_empty(&self) -> bool {
        self.alerts.is_empty()
            && self.groups.is_empty()
            && self.silences.is_empty()
            && self.acknowledged.is_empty()
    }

    pub fn remember_group(&mut self, memo: GroupMemo, now: Timestamp) {
        let id = memo.id.clone();
        self.groups.insert(id.clone(), Group::remembered(memo, now));
        self.with_group(&id, |_| {});
    }

    pub fn remember_silence(&mut self, silence: Silence) {
        self.silences.insert(silence.id.clone(), silence);
    }

    /// Where routes have changed meanwhile, groups that were told of it hear that it is over for them.
    pub fn remember_alert(&mut self, plan: &NotificationPlan, mut alert: Alert, now: Timestamp) {
        if let Phase::Firing { expires: Some(expires) } = &mut alert.phase {
            *expires = (*expires).max(now.plus(RESOLVE_TIMEOUT));
        }
        let (key, alert) = (alert.key, Arc::new(alert));
        let told = |group: &Group| group.told().is_some_and(|told| told.firing.contains_key(&key));
        let told_of: Vec<GroupId> =
            self.groups.iter().filter(|(_, group)| told(group)).map(|(id, _)| id.clone()).collect();
        self.place(plan, Arc::clone(&alert), now);
        for id in told_of {
            self.with_group(&id, |group| {
                if !group.holds(key) {
                    group.put(Arc::clone(&alert), now);
                    group.leave(key, now);
                }
            });
            let known = self.alerts.get_mut(&key);
            known.into_iter().filter(|known| !known.groups.contains(&id)).for_each(|known| {
                known.left.push(id.clone());
            });
        }
    }

    /// Alerts of rules that fire and of which `is_known` does not know, as over.
    pub fn orphans(&self, now: Timestamp, is_known: impl Fn(AlertKey) -> bool) -> Vec<Alert> {
        let fires = |known: &&Known| known.alert.finding.is_some() && known.alert.is_firing(now);
        let orphans = self.alerts.values().filter(fires).filter(|known| !is_known(known.alert.key));
        let over = Phase::Resolved { at: now };
        orphans.map(|known| Alert { phase: over, updated_at: now, ..(*known.alert).clone() }).collect()
    }

    pub fn put_silence(
        &mut self,
        tenant: &TenantId,
        old: Option<&SilenceId>,
        terms: SilenceTerms,
        new_id: SilenceId,
        now: Timestamp,
        changes: &mut DispatchChanges,
    ) -> Result<SilenceId, SilencingError> {
        if let Some(old) = old {
            let before = self.silences.get(old).cloned().ok_or(SilencingError::Unknown)?;
            match before.replaced(terms.clone(), now) {
                Replacement::Changed(silence) => return Ok(self.keep(tenant, silence, changes)),
                Replacement::New { old } => drop(self.keep(tenant, old, changes)),
            }
        }
        if self.silences.len() >= SILENCES_MAX {
            return Err(SilencingError::TooMany);
        }
        let (tenant_id, terms) = (tenant.clone(), terms.starting_from(now));
        let silence = Silence { id: new_id, tenant: tenant_id, terms, updated_at: now };
        Ok(self.keep(tenant, silence, changes))
    }

    fn keep(&mut self, tenant: &TenantId, silence: Silence, changes: &mut DispatchChanges) -> SilenceId {
        let id = silence.id.clone();
        changes.silences.insert((tenant.clone(), id.clone()), Some(silence.clone()));
        self.silences.insert(id.clone(), silence);
        id
    }

    pub fn expire_silence(
        &mut self,
        tenant: &TenantId,
        id: &SilenceId,
        now: Timestamp,
        changes: &mut DispatchChanges,
    ) -> Result<(), SilencingError> {
        let silence = self.silences.get(id).cloned().ok_or(SilencingError::Unknown)?;
        if silence.state(now) != SilenceState::Expired {
            self.keep(tenant, silence.expired(now), changes);
        }
        Ok(())
    }

    pub fn silences(&self) -> impl Iterator<Item = &Silence> {
        self.silences.values()
    }

    pub fn acknowledge(&mut self, incident: IncidentId) {
        if self.acknowledged.len() >= ACKNOWLEDGED_MAX {
            self.acknowledged.pop_first();
        }
        self.acknowledged.insert(incident);
    }

    pub fn unacknowledge(&mut self, incident: &IncidentId) {
        self.acknowledged.remove(incident);
    }

    pub fn alert(&self, key: AlertKey) -> Option<&Alert> {
        self.alerts.get(&key).map(|known| &*known.alert)
    }

    pub fn views(&self, plan: &NotificationPlan, now: Timestamp) -> Vec<AlertView<'_>> {
        let fires = |known: &&Known| known.alert.is_firing(now);
        self.alerts.values().filter(fires).map(|known| self.view(plan, known, now)).collect()
    }

    fn view<'a>(&'a self, plan: &NotificationPlan, known: &'a Known, now: Timestamp) -> AlertView<'a> {
        let alert = &*known.alert;
        let covering = self.silences.values().filter(|silence| silence.covers(&alert.labels, now));
        AlertView {
            alert,
            silenced_by: covering.map(|silence| &silence.id).collect(),
            inhibited_by: self.inhibitor(plan, alert, now),
            channels: known.groups.iter().map(|id| &*id.channel).collect(),
        }
    }

    pub fn group_views(&self, plan: &NotificationPlan, now: Timestamp) -> Vec<GroupView<'_>> {
        let views = self.groups.iter().map(|(id, group)| {
            let firing = group.members().filter(|alert| alert.is_firing(now));
            let known = firing.filter_map(|alert| self.alerts.get(&alert.key));
            let alerts = known.map(|known| self.view(plan, known, now)).collect();
            GroupView { id, labels: &group.labels, alerts, muted_by: group.muting().muted_by(now) }
        });
        views.filter(|view| !view.alerts.is_empty()).collect()
    }
}

/// Whether an alert has changed by more than that it was heard of again.
fn differs(before: &Alert, after: &Alert) -> bool {
    let fires = |alert: &Alert| matches!(alert.phase, Phase::Firing { .. });
    before.labels != after.labels
        || before.annotations != after.annotations
        || before.channels != after.channels
        || before.starts_at != after.starts_at
        || before.finding.as_ref().map(|f| &f.incident) != after.finding.as_ref().map(|f| &f.incident)
        || fires(before) != fires(after)
}
