//! What others ask of the evaluator, which one task owns; and the handle by which they do.

use tokio::sync::{mpsc, oneshot};

use super::sighting::Sighting;
use crate::alerting::domain::alert::IncidentId;
use crate::alerting::domain::incident::{Incident, IncidentError};
use crate::alerting::domain::label_set::LabelSet;
use crate::alerting::domain::rule::{RuleKey, RuleSet};
use crate::alerting::domain::state::AlertState;
use crate::shared::{MetricsIngested, TenantId, Timestamp};

/// Requests that wait for the evaluator.
const COMMANDS_MAX: usize = 64;

/// One request.
#[derive(Debug)]
pub enum Command {
    ReplaceRules {
        rules: RuleSet,
        done: oneshot::Sender<()>,
    },
    /// Points of the server about itself, which nobody stores.
    Observe(MetricsIngested),
    /// What another node took in.
    Sighted {
        seen: Sighting,
        done: oneshot::Sender<()>,
    },
    Instances {
        rule: RuleKey,
        tenant: TenantId,
        answer: oneshot::Sender<Vec<InstanceView>>,
    },
    /// In the order of the rules.
    Counts {
        rules: Vec<RuleKey>,
        tenant: TenantId,
        answer: oneshot::Sender<Vec<InstanceCounts>>,
    },
    Incident {
        tenant: TenantId,
        id: IncidentId,
        act: IncidentAct,
        answer: oneshot::Sender<Result<Option<Incident>, IncidentError>>,
    },
}

/// What somebody does about an incident.
#[derive(Debug, Clone)]
pub enum IncidentAct {
    Acknowledge { by: Box<str>, note: Box<str> },
    Assign { to: Box<str> },
    Resolve { by: Box<str>, reason: Box<str> },
}

/// How many groups of a rule fire, and how many would soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InstanceCounts {
    pub firing: usize,
    pub pending: usize,
}

impl InstanceCounts {
    pub fn of<'a>(states: impl Iterator<Item = &'a AlertState>) -> Self {
        let mut counts = Self::default();
        for state in states {
            match state {
                AlertState::Firing(_) | AlertState::Recovering { .. } => counts.firing += 1,
                AlertState::Pending { .. } => counts.pending += 1,
                AlertState::Inactive => {}
            }
        }
        counts
    }

    pub fn of_views(views: &[InstanceView]) -> Self {
        let count = |states: &[&str]| views.iter().filter(|view| states.contains(&view.state)).count();
        Self { firing: count(&["firing", "recovering"]), pending: count(&["pending"]) }
    }
}

/// How a group of a rule stands.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceView {
    pub labels: LabelSet,
    /// `inactive`, `pending`, `firing` or `recovering`.
    pub state: &'static str,
    pub since: Option<Timestamp>,
    pub severity: Option<&'static str>,
}

/// Reaches the evaluator. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EvaluatorHandle {
    commands: mpsc::Sender<Command>,
}

/// The evaluator has stopped: the server is about to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("alerting has stopped")]
pub struct EvaluatorStopped;

impl EvaluatorHandle {
    pub fn new() -> (Self, mpsc::Receiver<Command>) {
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        (Self { commands }, inbox)
    }

    /// Returns when the rules are in force.
    pub async fn replace_rules(&self, rules: RuleSet) -> Result<(), EvaluatorStopped> {
        self.ask(|done| Command::ReplaceRules { rules, done }).await
    }

    /// Takes points, unless so many commands wait that the next ones do as well.
    pub fn observe(&self, measured: MetricsIngested) {
        // What is lost is measured again.
        let _lost = self.commands.try_send(Command::Observe(measured));
    }

    /// Returns when it is evaluated.
    pub async fn sighted(&self, seen: Sighting) -> Result<(), EvaluatorStopped> {
        self.ask(|done| Command::Sighted { seen, done }).await
    }

    pub async fn instances(
        &self,
        rule: RuleKey,
        tenant: TenantId,
    ) -> Result<Vec<InstanceView>, EvaluatorStopped> {
        self.ask(|answer| Command::Instances { rule, tenant, answer }).await
    }

    /// One answer for each rule, all of one moment.
    pub async fn counts(
        &self,
        rules: Vec<RuleKey>,
        tenant: TenantId,
    ) -> Result<Vec<InstanceCounts>, EvaluatorStopped> {
        self.ask(|answer| Command::Counts { rules, tenant, answer }).await
    }

    /// Gives the incident as it is then; absent if it is not open.
    pub async fn incident(
        &self,
        tenant: TenantId,
        id: IncidentId,
        act: IncidentAct,
    ) -> Result<Result<Option<Incident>, IncidentError>, EvaluatorStopped> {
        self.ask(|answer| Command::Incident { tenant, id, act, answer }).await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, EvaluatorStopped> {
        let (answer, answered) = oneshot::channel();
        self.commands.send(command(answer)).await.map_err(|_| EvaluatorStopped)?;
        answered.await.map_err(|_| EvaluatorStopped)
    }
}
