//! A transition as others hear of it: the alert that people are told of, the event, and how its group stands.

use std::sync::Arc;

use crate::alerting::application::commands::InstanceView;
use crate::alerting::domain::alert::{Alert, Finding, NAME_LABEL, Phase, SEVERITY_LABEL};
use crate::alerting::domain::incident::Incident;
use crate::alerting::domain::label_set::LabelSet;
use crate::alerting::domain::rule_words::Severity;
use crate::alerting::domain::state::{AlertState, Change};
use crate::alerting::domain::transition::Transition;
use crate::alerting::domain::watchlist::Group;
use crate::shared::{AlertTransition, DomainEvent};

/// What people are told of: a transition of an incident, with the rule's annotations in words.
pub(super) fn alert(
    transition: &Transition,
    incident: Incident,
    annotations: Vec<(Box<str>, Box<str>)>,
) -> Alert {
    let (rule, at) = (transition.rule(), transition.at);
    let is_over = incident.is_resolved();
    let mut labels = transition.labels();
    labels.set(NAME_LABEL, rule.name.clone());
    labels.set(SEVERITY_LABEL, transition.severity().name());
    Alert {
        tenant: transition.group.tenant.clone(),
        key: transition.group.alert_key(),
        labels,
        annotations: annotations.into_iter().collect(),
        starts_at: transition.since(),
        // Somebody may have resolved it while its condition holds.
        phase: if is_over { Phase::Resolved { at } } else { Phase::Firing { expires: None } },
        updated_at: at,
        generator_url: "".into(),
        finding: Some(Finding {
            rule_id: rule.id.as_str().into(),
            rule_name: rule.name.clone(),
            incident: incident.id,
            expression: rule.measure.expression().into(),
            threshold: transition.threshold().into(),
            value: transition.value(),
            peak: transition.peak().unwrap_or(f64::NAN),
            reason: transition.reason().into(),
        }),
        channels: rule.channels.clone(),
    }
}

pub(super) fn event(transition: &Transition, alert: &Alert) -> DomainEvent {
    let rule = transition.rule();
    let pairs = |set: &LabelSet| set.iter().map(|(name, value)| (name.into(), value.into())).collect();
    let told = Arc::new(AlertTransition {
        tenant: alert.tenant.clone(),
        rule_id: rule.id.as_str().into(),
        rule_name: rule.name.clone(),
        severity: transition.severity().name(),
        expression: rule.measure.expression().into(),
        threshold: transition.threshold().into(),
        value: transition.value(),
        peak: transition.peak(),
        labels: pairs(&transition.labels()),
        annotations: pairs(&alert.annotations),
        channels: rule.channels.clone(),
        since: transition.since(),
        at: transition.at,
        reason: transition.reason().into(),
    });
    match transition.change {
        Change::Resolved { .. } => DomainEvent::AlertResolved(told),
        _ => DomainEvent::AlertTriggered(told),
    }
}

pub(super) fn view(group: &Group, state: &AlertState) -> InstanceView {
    let (name, since, severity) = match state {
        AlertState::Inactive => ("inactive", None, None),
        AlertState::Pending { since } => ("pending", Some(*since), None),
        AlertState::Firing(episode) => ("firing", Some(episode.since), Some(episode.severity)),
        AlertState::Recovering { episode, .. } => ("recovering", Some(episode.since), Some(episode.severity)),
    };
    InstanceView { labels: group.labels(), state: name, since, severity: severity.map(Severity::name) }
}
