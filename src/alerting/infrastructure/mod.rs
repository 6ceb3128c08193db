//! Adapters: rule files, annotation templates, Slack, the state database, and the tasks that drive the use cases.

pub(super) mod annotations;
#[allow(dead_code, reason = "users come with delivery")]
pub(super) mod channels;
pub(super) mod fields;
pub(super) mod rule_files;
pub(super) mod rule_reader;
pub(super) mod slack;
pub(super) mod slack_message;
#[allow(dead_code, reason = "users come with delivery")]
pub(super) mod state;
pub(super) mod tasks;
