//! Who is told of which alert, and when: routes, silences, inhibition and groups, as in Alertmanager.

pub mod dispatcher;
pub mod group;
pub mod inhibition;
pub mod matcher;
pub mod matcher_text;
pub mod muting;
pub mod posted;
pub mod route;
pub mod silence;
pub mod tenant_alerts;
pub mod time_interval;

#[cfg(test)]
pub mod fixtures;
