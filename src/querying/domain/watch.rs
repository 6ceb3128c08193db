//! `Watch`: what a listener wants to hear of as it happens.

use crate::shared::TenantId;

use super::LogFilter;

/// Of one tenant. Empty: nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    pub tenant: TenantId,
    /// How many items of each signal were stored.
    pub ingest: bool,
    pub alerts: bool,
    /// Names of metrics whose points are wanted.
    pub metrics: Vec<Box<str>>,
    /// Log records that pass it are wanted.
    pub logs: Option<LogFilter>,
}

impl Watch {
    pub const fn nothing(tenant: TenantId) -> Self {
        Self { tenant, ingest: false, alerts: false, metrics: Vec::new(), logs: None }
    }

    pub fn wants_metric(&self, name: &str) -> bool {
        self.metrics.iter().any(|wanted| **wanted == *name)
    }
}
