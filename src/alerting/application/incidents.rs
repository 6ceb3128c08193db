//! Incidents: which one a transition belongs to, and those that are remembered.

use std::collections::HashMap;

use super::ledger::LedgerFuture;
use crate::alerting::domain::alert::{AlertKey, IncidentId};
use crate::alerting::domain::incident::{Incident, IncidentState};
use crate::alerting::domain::state::Change;
use crate::alerting::domain::transition::{NO_DATA, Transition};
use crate::shared::{TenantId, Timestamp};

/// Incidents that are open, or may be taken up again.
#[derive(Debug, Default)]
pub struct IncidentBook {
    current: HashMap<(TenantId, AlertKey), Incident>,
}

/// Which incidents are asked for.
#[derive(Debug, Clone)]
pub struct IncidentPage {
    pub tenant: TenantId,
    /// Those that were opened before.
    pub before: Timestamp,
    /// `open`, `acknowledged` or `resolved`; absent for all.
    pub state: Option<&'static str>,
    pub rule_id: Option<Box<str>>,
    pub limit: usize,
}

/// Port: incidents as they are remembered.
pub trait IncidentStore: Send + Sync {
    /// The newest first.
    fn incidents(&self, page: IncidentPage) -> LedgerFuture<'_, Vec<Incident>>;

    fn incident(&self, tenant: TenantId, id: IncidentId) -> LedgerFuture<'_, Option<Incident>>;
}

impl IncidentBook {
    pub fn restored(incidents: Vec<Incident>) -> Self {
        let current =
            incidents.into_iter().map(|incident| ((incident.tenant.clone(), incident.alert), incident));
        Self { current: current.collect() }
    }

    /// The incident of a transition that people are told of, as it is after it.
    pub fn take(
        &mut self,
        transition: &Transition,
        alert: AlertKey,
        new_id: impl FnOnce() -> IncidentId,
    ) -> Incident {
        let key = (transition.group.tenant.clone(), alert);
        let (at, severity, reason) = (transition.at, transition.severity(), transition.reason());
        let known = self.current.remove(&key).filter(|incident| incident.covers(at));
        let incident = match (known, transition.change) {
            (None, _) => {
                let incident = begun(transition, alert, new_id()).opened(&reason);
                if matches!(transition.change, Change::Resolved { .. }) {
                    incident.resolved(at, &reason)
                } else {
                    incident
                }
            }
            (Some(incident), Change::Resolved { .. }) => incident.calmed(at, &reason),
            // Somebody has resolved it, and it has not become worse.
            (Some(incident), Change::Shifted { .. })
                if incident.is_resolved() && severity <= incident.severity =>
            {
                incident
            }
            (Some(incident), _) if incident.is_resolved() => incident.reopened(severity, at, &reason),
            (Some(incident), _) => incident.with_severity(severity, at, &reason),
        };
        self.current.insert(key, incident.clone());
        incident
    }

    pub fn find(&self, tenant: &TenantId, id: &IncidentId) -> Option<&Incident> {
        self.current.values().find(|incident| incident.tenant == *tenant && incident.id == *id)
    }

    /// What somebody did about it.
    pub fn replace(&mut self, incident: Incident) {
        self.current.insert((incident.tenant.clone(), incident.alert), incident);
    }

    pub fn acknowledged(&self) -> impl Iterator<Item = &Incident> {
        self.current.values().filter(|incident| matches!(incident.state, IncidentState::Acknowledged { .. }))
    }

    /// Alerts that were over because nothing came, and since when.
    pub fn fell_silent(&self) -> HashMap<(TenantId, AlertKey), Timestamp> {
        let silent = self.current.iter().filter_map(|(key, incident)| match incident.state {
            IncidentState::Resolved { at } if incident.timeline.last()?.text.as_ref() == NO_DATA => {
                Some((key.clone(), at))
            }
            _ => None,
        });
        silent.collect()
    }

    /// Forgets what cannot be taken up again.
    pub fn forget(&mut self, now: Timestamp) {
        self.current.retain(|_, incident| incident.covers(now));
    }

    pub fn open(&self) -> usize {
        self.current.values().filter(|incident| !incident.is_resolved()).count()
    }
}

fn begun(transition: &Transition, alert: AlertKey, id: IncidentId) -> Incident {
    let rule = transition.rule();
    Incident {
        id,
        tenant: transition.group.tenant.clone(),
        rule_id: rule.id.as_str().into(),
        rule_name: rule.name.clone(),
        alert,
        labels: transition.labels(),
        severity: transition.severity(),
        opened_at: transition.at,
        state: IncidentState::Open,
        assignee: None,
        timeline: Vec::new(),
    }
}
