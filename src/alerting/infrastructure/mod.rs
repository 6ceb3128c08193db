//! Adapters: rule files, annotation templates, Slack, and the tasks that drive the use cases.

pub(super) mod annotations;
pub(super) mod fields;
pub(super) mod rule_files;
pub(super) mod rule_reader;
pub(super) mod slack;
pub(super) mod slack_message;
pub(super) mod tasks;
