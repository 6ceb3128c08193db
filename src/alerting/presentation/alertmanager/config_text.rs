//! Routes and inhibition as a configuration of Alertmanager would have them, so that `amtool config routes` understands them.

use std::fmt::Write;

use crate::alerting::domain::notifying::dispatcher::NotificationPlan;
use crate::alerting::domain::notifying::matcher::Matcher;
use crate::alerting::domain::notifying::route::{AfterMatch, GroupBy, Route};
use crate::shared::duration_text;

/// The receiver of a configuration without routes; Alertmanager wants one.
const NOBODY: &str = "nobody";

/// YAML; texts in it are JSON's, which YAML's double-quoted ones contain.
pub fn config_text(plan: &NotificationPlan, receivers: &[Box<str>]) -> String {
    let mut text = String::new();
    // Writing into a text cannot fail.
    let _ = write_config(&mut text, plan, receivers);
    text
}

fn write_config(
    text: &mut String,
    plan: &NotificationPlan,
    receivers: &[Box<str>],
) -> Result<(), std::fmt::Error> {
    writeln!(text, "route:")?;
    match &plan.root {
        Some(root) => write_route(text, root, 1)?,
        None => writeln!(text, "  receiver: {}", quoted(NOBODY))?,
    }
    if !plan.inhibitions.is_empty() {
        writeln!(text, "inhibit_rules:")?;
    }
    for rule in &plan.inhibitions {
        writeln!(text, "- source_matchers: {}", matchers(&rule.source))?;
        writeln!(text, "  target_matchers: {}", matchers(&rule.target))?;
        writeln!(text, "  equal: {}", list(rule.equal.iter().map(ToString::to_string)))?;
    }
    writeln!(text, "receivers:")?;
    for name in receivers.iter().map(|name| &**name).chain(plan.root.is_none().then_some(NOBODY)) {
        writeln!(text, "- name: {}", quoted(name))?;
    }
    Ok(())
}

fn write_route(text: &mut String, route: &Route, depth: usize) -> Result<(), std::fmt::Error> {
    let indent = "  ".repeat(depth);
    let by = match route.group_by() {
        GroupBy::Labels(names) => list(names.iter().map(ToString::to_string)),
        GroupBy::All => list(["...".to_owned()]),
    };
    let timing = route.timing();
    writeln!(text, "{indent}receiver: {}", quoted(route.receiver()))?;
    writeln!(text, "{indent}group_by: {by}")?;
    if !route.matchers().is_empty() {
        writeln!(text, "{indent}matchers: {}", matchers(route.matchers()))?;
    }
    if route.after_match() == AfterMatch::Continue {
        writeln!(text, "{indent}continue: true")?;
    }
    for (name, duration) in [
        ("group_wait", timing.group_wait),
        ("group_interval", timing.group_interval),
        ("repeat_interval", timing.repeat_interval),
    ] {
        writeln!(text, "{indent}{name}: {}", duration_text::format(duration))?;
    }
    if !route.routes().is_empty() {
        writeln!(text, "{indent}routes:")?;
    }
    for inner in route.routes() {
        writeln!(text, "{indent}-")?;
        write_route(text, inner, depth + 1)?;
    }
    Ok(())
}

fn matchers(matchers: &[Matcher]) -> String {
    list(matchers.iter().map(ToString::to_string))
}

fn list(texts: impl IntoIterator<Item = String>) -> String {
    let texts: Vec<String> = texts.into_iter().map(|text| quoted(&text)).collect();
    format!("[{}]", texts.join(", "))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::domain::notifying::fixtures::{by_cluster, plan, route};
    use crate::alerting::domain::notifying::route::RouteWords;

    #[test]
    fn it_is_yaml_that_alertmanager_reads() {
        let page = RouteWords {
            after_match: AfterMatch::Continue,
            ..route("page", "team=\"d\\\"b\",severity=~\"a|b\"", vec![route("all", "x=y", vec![])])
        };
        let text = config_text(
            &plan(&by_cluster(vec![page]), &[("a=b", "c=d", "host")]),
            &["all".into(), "page".into()],
        );
        let expected = r#"route:
  receiver: "all"
  group_by: ["cluster"]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 4h
  routes:
  -
    receiver: "page"
    group_by: ["cluster"]
    matchers: ["team=\"d\\\"b\"", "severity=~\"a|b\""]
    continue: true
    group_wait: 30s
    group_interval: 5m
    repeat_interval: 4h
    routes:
    -
      receiver: "all"
      group_by: ["cluster"]
      matchers: ["x=\"y\""]
      group_wait: 30s
      group_interval: 5m
      repeat_interval: 4h
inhibit_rules:
- source_matchers: ["a=\"b\""]
  target_matchers: ["c=\"d\""]
  equal: ["host"]
receivers:
- name: "all"
- name: "page"
"#;
        assert_eq!(text, expected);
        assert!(config_text(&NotificationPlan::default(), &[]).contains("- name: \"nobody\""));
    }
}
