//! Routes and inhibition as a configuration of Alertmanager would have them, so that `amtool config routes` understands them.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::alerting::domain::notifying::dispatcher::NotificationPlan;
use crate::alerting::domain::notifying::matcher::Matcher;
use crate::alerting::domain::notifying::muting::Muting;
use crate::alerting::domain::notifying::route::{AfterMatch, GroupBy, Route};
use crate::alerting::domain::notifying::time_interval::{IntervalWords, TimeIntervals};
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
    write_time_intervals(text, plan)?;
    writeln!(text, "receivers:")?;
    for name in receivers.iter().map(|name| &**name).chain(plan.root.is_none().then_some(NOBODY)) {
        writeln!(text, "- name: {}", quoted(name))?;
    }
    Ok(())
}

/// Those that routes name.
fn write_time_intervals(text: &mut String, plan: &NotificationPlan) -> Result<(), std::fmt::Error> {
    let routes = plan.root.iter().flat_map(Route::all);
    let named = routes.flat_map(|route| route.muting().mute.iter().chain(&route.muting().active));
    let named: BTreeMap<&str, &TimeIntervals> = named.map(|one| (&*one.name, &**one)).collect();
    if !named.is_empty() {
        writeln!(text, "time_intervals:")?;
    }
    for intervals in named.into_values() {
        writeln!(text, "- name: {}", quoted(&intervals.name))?;
        writeln!(text, "  time_intervals:")?;
        for interval in &intervals.intervals {
            write_interval(text, interval.words())?;
        }
    }
    Ok(())
}

fn write_interval(text: &mut String, words: &IntervalWords) -> Result<(), std::fmt::Error> {
    let time =
        |[start, end]: &[String; 2]| format!("{{start_time: {}, end_time: {}}}", quoted(start), quoted(end));
    let times: Vec<String> = words.times.iter().map(time).collect();
    writeln!(text, "  - location: {}", quoted(words.location.as_deref().unwrap_or("UTC")))?;
    if !times.is_empty() {
        writeln!(text, "    times: [{}]", times.join(", "))?;
    }
    for (name, texts) in [
        ("weekdays", &words.weekdays),
        ("days_of_month", &words.days_of_month),
        ("months", &words.months),
        ("years", &words.years),
    ] {
        if !texts.is_empty() {
            writeln!(text, "    {name}: {}", list(texts.iter().cloned()))?;
        }
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
    let Muting { mute, active } = &**route.muting();
    for (name, intervals) in [("mute_time_intervals", mute), ("active_time_intervals", active)] {
        if !intervals.is_empty() {
            let names = intervals.iter().map(|one| one.name.to_string());
            writeln!(text, "{indent}{name}: {}", list(names))?;
        }
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
    use crate::alerting::domain::notifying::fixtures::{by_cluster, daily, plan, route};
    use crate::alerting::domain::notifying::route::RouteWords;

    #[test]
    fn it_is_yaml_that_alertmanager_reads() {
        let page = RouteWords {
            after_match: AfterMatch::Continue,
            muting: Muting {
                mute: vec![daily("night", "22:00", "24:00")],
                active: vec![daily("day", "06:00", "22:00")],
            },
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
    mute_time_intervals: ["night"]
    active_time_intervals: ["day"]
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
time_intervals:
- name: "day"
  time_intervals:
  - location: "UTC"
    times: [{start_time: "06:00", end_time: "22:00"}]
- name: "night"
  time_intervals:
  - location: "UTC"
    times: [{start_time: "22:00", end_time: "24:00"}]
receivers:
- name: "all"
- name: "page"
"#;
        assert_eq!(text, expected);
        assert!(config_text(&NotificationPlan::default(), &[]).contains("- name: \"nobody\""));
    }
}
