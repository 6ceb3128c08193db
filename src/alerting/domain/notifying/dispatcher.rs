//! `Dispatcher`: alerts come in, notifications come out when their time has come. Pure: time is handed in, and what has to be
//! remembered is handed out as [`DispatchChanges`].
//!
//! Alerts whose rule names channels are told there at once and alone; others take the routes of the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::group::{GroupId, GroupMemo};
use super::inhibition::Inhibition;
use super::muting::Muting;
use super::route::{Route, Timing};
use super::silence::{Silence, SilenceError, SilenceId, SilenceTerms};
use super::tenant_alerts::{AlertView, GroupView, TenantAlerts};
use crate::alerting::domain::alert::{Alert, AlertKey, IncidentId, SEVERITY_LABEL};
use crate::alerting::domain::external_url::ExternalUrl;
use crate::alerting::domain::label_set::LabelSet;
use crate::alerting::domain::notification::{Notification, NotificationId};
use crate::shared::{TenantId, Timestamp};

/// What the configuration says of who is told what.
#[derive(Debug, Default)]
pub struct NotificationPlan {
    /// Absent: nobody is told of alerts whose rule names no channels.
    pub root: Option<Route>,
    pub inhibitions: Vec<Inhibition>,
    /// What links begin with.
    pub external_url: ExternalUrl,
}

/// A group that an alert belongs to.
#[derive(Debug)]
pub struct Placement {
    pub id: GroupId,
    pub labels: LabelSet,
    pub timing: Timing,
    pub muting: Arc<Muting>,
    /// The group instead, if there are too many: that of all alerts of the route.
    pub shared: Option<GroupId>,
}

/// What is to be sent, and to be remembered.
#[derive(Debug, Clone, Default)]
pub struct Decisions {
    pub notifications: Vec<Notification>,
    pub changes: DispatchChanges,
}

/// What changed of what is remembered; absent values are to be forgotten.
#[derive(Debug, Clone, Default)]
pub struct DispatchChanges {
    pub alerts: BTreeMap<(TenantId, AlertKey), Option<Arc<Alert>>>,
    pub groups: BTreeMap<(TenantId, GroupId), Option<GroupMemo>>,
    pub silences: BTreeMap<(TenantId, SilenceId), Option<Silence>>,
}

/// What was remembered, to go on with.
#[derive(Debug, Clone, Default)]
pub struct Remembered {
    pub alerts: Vec<Alert>,
    pub groups: Vec<GroupMemo>,
    pub silences: Vec<Silence>,
}

/// An alert that has no room: nobody is told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many alerts fire already")]
pub struct TooManyAlerts;

/// Why a silence could not be set or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SilencingError {
    #[error(transparent)]
    Terms(#[from] SilenceError),
    #[error("there is no such silence")]
    Unknown,
    #[error("there are too many silences")]
    TooMany,
}

#[derive(Debug)]
pub struct Dispatcher {
    plan: NotificationPlan,
    tenants: BTreeMap<TenantId, TenantAlerts>,
}

impl NotificationPlan {
    /// Where an alert belongs. Each group stands once.
    pub fn placements(&self, alert: &Alert) -> Vec<Placement> {
        let mut found: BTreeMap<GroupId, Placement> = BTreeMap::new();
        for placement in self.direct(alert).chain(self.routed(alert)) {
            found.entry(placement.id.clone()).or_insert(placement);
        }
        found.into_values().collect()
    }

    fn direct(&self, alert: &Alert) -> impl Iterator<Item = Placement> {
        let key = format!("alert/{}", alert.key.0);
        let mut labels = alert.labels.clone();
        labels.remove(SEVERITY_LABEL);
        alert.channels.iter().map(move |channel| Placement {
            id: GroupId { channel: channel.clone(), key: key.as_str().into() },
            labels: labels.clone(),
            timing: Timing::AT_ONCE,
            muting: Arc::default(),
            shared: None,
        })
    }

    fn routed(&self, alert: &Alert) -> impl Iterator<Item = Placement> {
        let root = self.root.iter().filter(|_| alert.channels.is_empty());
        root.flat_map(|root| root.taken_by(&alert.labels)).map(|route| {
            let id = |key: String| GroupId { channel: route.receiver().into(), key: key.into() };
            let labels = route.group_labels(&alert.labels);
            Placement {
                id: id(route.group_key(&labels)),
                shared: Some(id(route.group_key(&LabelSet::default()))),
                labels,
                timing: route.timing(),
                muting: Arc::clone(route.muting()),
            }
        })
    }
}

impl Dispatcher {
    pub const fn new(plan: NotificationPlan) -> Self {
        Self { plan, tenants: BTreeMap::new() }
    }

    /// Goes on where it was. Alerts that others have to repeat get time to do so.
    pub fn restored(plan: NotificationPlan, remembered: Remembered, now: Timestamp) -> Self {
        let mut dispatcher = Self::new(plan);
        for silence in remembered.silences {
            dispatcher.tenant(&silence.tenant.clone()).remember_silence(silence);
        }
        for memo in remembered.groups {
            dispatcher.tenant(&memo.tenant.clone()).remember_group(memo, now);
        }
        for alert in remembered.alerts {
            let (plan, tenants) = (&dispatcher.plan, &mut dispatcher.tenants);
            tenants.entry(alert.tenant.clone()).or_default().remember_alert(plan, alert, now);
        }
        dispatcher
    }

    fn tenant(&mut self, tenant: &TenantId) -> &mut TenantAlerts {
        self.tenants.entry(tenant.clone()).or_default()
    }

    /// An alert is new, goes on, has changed or is over. What is to be told of it comes with [`Self::flush`].
    pub fn take(
        &mut self,
        mut alert: Alert,
        now: Timestamp,
        decisions: &mut Decisions,
    ) -> Result<(), TooManyAlerts> {
        if let Some(rule) = alert.finding.as_ref().and_then(|finding| self.plan.external_url.rule(finding)) {
            alert.generator_url = rule.into();
        }
        let tenant = self.tenants.entry(alert.tenant.clone()).or_default();
        tenant.take(&self.plan, alert, now, &mut decisions.changes)
    }

    /// Tells what is due, and forgets what is over. `next_id` makes an id that no other notification has.
    pub fn flush(
        &mut self,
        now: Timestamp,
        next_id: &mut dyn FnMut(Timestamp) -> NotificationId,
        decisions: &mut Decisions,
    ) {
        for (id, tenant) in &mut self.tenants {
            tenant.flush(id, &self.plan, now, next_id, decisions);
        }
        self.tenants.retain(|_, tenant| !tenant.is_empty());
    }

    /// Rules' alerts that fired before a restart, and that no rule knows any more, are over.
    pub fn settle_rules(
        &mut self,
        known: &BTreeSet<(TenantId, AlertKey)>,
        now: Timestamp,
        decisions: &mut Decisions,
    ) {
        for (id, tenant) in &mut self.tenants {
            let over = tenant.orphans(now, |key| known.contains(&(id.clone(), key)));
            for alert in over {
                // It is known, so there is room.
                let _ = tenant.take(&self.plan, alert, now, &mut decisions.changes);
            }
        }
    }

    /// Sets a silence, or changes one; as Alertmanager does, one that cannot be changed ends, and a new one takes its place.
    pub fn put_silence(
        &mut self,
        tenant: &TenantId,
        old: Option<&SilenceId>,
        terms: SilenceTerms,
        new_id: SilenceId,
        now: Timestamp,
        decisions: &mut Decisions,
    ) -> Result<SilenceId, SilencingError> {
        let terms = terms.asked_at(now)?;
        let silences = self.tenant(tenant);
        silences.put_silence(tenant, old, terms, new_id, now, &mut decisions.changes)
    }

    pub fn expire_silence(
        &mut self,
        tenant: &TenantId,
        id: &SilenceId,
        now: Timestamp,
        decisions: &mut Decisions,
    ) -> Result<(), SilencingError> {
        let silences = self.tenants.get_mut(tenant).ok_or(SilencingError::Unknown)?;
        silences.expire_silence(tenant, id, now, &mut decisions.changes)
    }

    pub fn silences<'a>(&'a self, tenant: &'a TenantId) -> impl Iterator<Item = &'a Silence> {
        self.tenants.get(tenant).into_iter().flat_map(TenantAlerts::silences)
    }

    /// Those that fire now.
    pub fn alerts(&self, tenant: &TenantId, now: Timestamp) -> Vec<AlertView<'_>> {
        self.tenants.get(tenant).map(|tenant| tenant.views(&self.plan, now)).unwrap_or_default()
    }

    /// One that fires now.
    pub fn firing(&self, tenant: &TenantId, key: AlertKey, now: Timestamp) -> Option<&Alert> {
        self.tenants.get(tenant)?.alert(key).filter(|alert| alert.is_firing(now))
    }

    /// Groups with alerts that fire now, by channel and key.
    pub fn groups(&self, tenant: &TenantId, now: Timestamp) -> Vec<GroupView<'_>> {
        self.tenants.get(tenant).map(|tenant| tenant.group_views(&self.plan, now)).unwrap_or_default()
    }

    /// Alerts of the incident are told when they change, but not repeated.
    pub fn acknowledge(&mut self, tenant: &TenantId, incident: IncidentId) {
        self.tenant(tenant).acknowledge(incident);
    }

    pub fn unacknowledge(&mut self, tenant: &TenantId, incident: &IncidentId) {
        self.tenant(tenant).unacknowledge(incident);
    }
}

impl DispatchChanges {
    pub fn is_empty(&self) -> bool {
        self.alerts.is_empty() && self.groups.is_empty() && self.silences.is_empty()
    }

    /// Later changes of the same thing replace earlier ones.
    pub fn absorb(&mut self, later: Self) {
        self.alerts.extend(later.alerts);
        self.groups.extend(later.groups);
        self.silences.extend(later.silences);
    }
}

#[cfg(test)]
mod tests;
