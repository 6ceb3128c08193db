//! The built-in rules, over the server itself: `src/alerting/own_rules.yaml`, fitted to the configuration and read as any rule file.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value};

use super::rule_files::{RuleFileError, parse, read_rules};
use crate::alerting::domain::rule::AlertRule;
use crate::shared::TenantId;

const RULES: &str = include_str!("../own_rules.yaml");
/// As problems call it.
const PATH: &str = "src/alerting/own_rules.yaml";
/// It fires all the time, so it is for those who asked for it.
const WATCHDOG: &str = "telemetryflow-watchdog";
const RUNBOOK: &str = "runbook_url";

/// What is configured of the built-in rules.
#[derive(Debug, Clone)]
pub struct OwnRuleOptions {
    pub tenant: TenantId,
    /// Those that are told; none: the routes decide.
    pub channels: Vec<String>,
    /// What stands before `docs/runbooks/NAME.md`; not part of a template.
    pub runbook_base: String,
}

/// The rules, each with what is written. The watchdog is off unless there is a channel.
pub fn own_rules(
    options: &OwnRuleOptions,
    known_channels: &BTreeSet<String>,
) -> Result<Vec<(AlertRule, Value)>, RuleFileError> {
    let mut tree = parse(RULES).unwrap_or_default();
    let groups = tree.get_mut("groups").and_then(Value::as_array_mut).into_iter().flatten();
    let rules = groups.filter_map(|group| group.get_mut("rules")?.as_array_mut()).flatten();
    for rule in rules.filter_map(Value::as_object_mut) {
        fit(rule, options);
    }
    read_rules(&tree, Path::new(PATH), known_channels)
}

fn fit(rule: &mut Map<String, Value>, options: &OwnRuleOptions) {
    rule.insert("tenant".to_owned(), options.tenant.as_str().into());
    if !options.channels.is_empty() {
        rule.insert("channels".to_owned(), options.channels.clone().into());
    } else if rule.get("id").and_then(Value::as_str) == Some(WATCHDOG) {
        rule.insert("enabled".to_owned(), false.into());
    }
    let runbook = rule.get_mut("annotations").and_then(|annotations| annotations.get_mut(RUNBOOK));
    if let Some(Value::String(path)) = runbook
        && !options.runbook_base.is_empty()
    {
        *path = format!("{}/{path}", options.runbook_base.trim_end_matches('/'));
    }
}

#[cfg(test)]
mod tests;
