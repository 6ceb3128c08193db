//! Alerting over HTTP.

pub(super) mod alertmanager;
