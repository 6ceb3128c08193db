//! Port: rules that were made over the API, as they are remembered.

use super::ledger::LedgerFuture;
use crate::alerting::domain::rule_words::RuleId;
use crate::shared::{TenantId, Timestamp};

/// A rule as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRule {
    pub tenant: TenantId,
    pub id: RuleId,
    /// 1 for the first, one more with each change.
    pub version: u64,
    pub changed_at: Timestamp,
    /// JSON, in the form of a rule file.
    pub body: Box<str>,
}

/// Where rules are remembered.
pub trait RuleStore: Send + Sync {
    fn rules(&self) -> LedgerFuture<'_, Vec<StoredRule>>;

    fn put_rule(&self, rule: StoredRule) -> LedgerFuture<'_, ()>;

    fn delete_rule(&self, tenant: TenantId, id: RuleId) -> LedgerFuture<'_, ()>;
}
