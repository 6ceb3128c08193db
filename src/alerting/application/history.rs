//! What happened to the groups of rules, as it is remembered and listed.

use super::ledger::LedgerFuture;
use crate::alerting::domain::label_set::LabelSet;
use crate::alerting::domain::transition::Transition;
use crate::shared::{TenantId, Timestamp};

/// One transition of one group.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEntry {
    pub tenant: TenantId,
    pub rule_id: Box<str>,
    pub at: Timestamp,
    /// `pending`, `firing`, `severity`, `recovering`, `resolved` or `inactive`.
    pub kind: Box<str>,
    /// `INFO`, `WARN`, `ERROR` or `CRITICAL`.
    pub severity: Box<str>,
    pub labels: LabelSet,
    /// Absent where the data stopped.
    pub value: Option<f64>,
    /// `avg 0.93 > 0.8 for 2m`
    pub reason: Box<str>,
}

impl From<&Transition> for HistoryEntry {
    fn from(transition: &Transition) -> Self {
        Self {
            tenant: transition.group.tenant.clone(),
            rule_id: transition.rule().id.as_str().into(),
            at: transition.at,
            kind: transition.kind().into(),
            severity: transition.severity().name().into(),
            labels: transition.labels(),
            value: transition.value(),
            reason: transition.reason().into(),
        }
    }
}

/// Port: history as it is remembered.
pub trait HistoryStore: Send + Sync {
    /// What happened before a moment, the latest first.
    fn history(
        &self,
        tenant: TenantId,
        rule_id: Box<str>,
        before: Timestamp,
        limit: usize,
    ) -> LedgerFuture<'_, Vec<HistoryEntry>>;
}
