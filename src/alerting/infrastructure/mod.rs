//! Adapters: rule files, annotation templates, channels, the state database, and the task that drives the rules.

pub(super) mod annotations;
pub(super) mod channels;
pub(super) mod fields;
pub(super) mod filling;
pub(super) mod nodes;
pub(super) mod own_rules;
pub(super) mod own_watch;
pub(super) mod rule_files;
pub(super) mod rule_reader;
pub(super) mod rule_tests;
pub(super) mod state;
pub(super) mod tasks;
pub mod zones;
