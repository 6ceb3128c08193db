//! What alerting means, without I/O, async or clock: rules, windows of points, states, transitions.

pub(super) mod aggregation;
pub(super) mod alert;
pub(super) mod condition;
pub(super) mod counters;
pub(super) mod evaluator;
pub(super) mod external_url;
pub(super) mod incident;
pub(super) mod instance;
pub(super) mod interest;
pub(super) mod label_set;
pub(super) mod notification;
pub(super) mod notifying;
pub(super) mod number_text;
pub(super) mod panes;
pub(super) mod record;
pub(super) mod rule;
pub(super) mod rule_words;
pub(super) mod state;
pub(super) mod thresholds;
pub(super) mod transition;
pub(super) mod watched_points;
pub(super) mod watchlist;
pub(super) mod window;

#[cfg(test)]
pub(super) mod fixtures;
#[cfg(test)]
pub(super) mod notification_fixtures;
