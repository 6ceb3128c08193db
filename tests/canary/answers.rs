//! Whether an answer holds anything of the other tenant.

use std::collections::BTreeMap;

use serde_json::Value;

use super::questions::Asked;
use super::scene::Side;
use super::support::Answer;

/// What was asked of a route, and what came of it.
#[derive(Debug, Default, Clone, Copy)]
pub struct Count {
    pub asked: u64,
    /// Answers 200.
    pub answered: u64,
    /// Answers that hold a mark of whoever asked.
    pub own: u64,
}

/// By route.
pub type Counts = BTreeMap<&'static str, Count>;

/// Looks at an answer; a stream's refusals and events are looked at as text alone.
#[track_caller]
pub fn look_at(answer: &Answer, asked: &Asked, own: &Side, other: &Side) -> Count {
    let what = format!("{} asked for {}", own.mark, asked.path_and_query);
    let expected = [200, 400, 404, 422];
    assert!(expected.contains(&answer.status), "{} after {what}: {}", answer.status, answer.text());
    let text = answer.text();
    let is_problem = answer.header("content-type") == Some("application/problem+json");
    assert_eq!(is_problem, answer.status != 200, "{what}: {text}");
    let json = answer.json();
    let is_asked_for = other.marks().iter().any(|mark| asked.path_and_query.contains(mark));
    let rest = if is_asked_for { without_echo(json, other).to_string() } else { text.clone() };
    assert_nothing_of(other, &rest, &what);
    Count { asked: 1, answered: u64::from(answer.status == 200), own: u64::from(has_mark(own, &text)) }
}

pub fn has_mark(of: &Side, text: &str) -> bool {
    of.marks().iter().any(|mark| text.contains(mark))
}

#[track_caller]
pub fn assert_nothing_of(other: &Side, text: &str, what: &str) {
    assert!(!has_mark(other, text), "{what} was told of {}: {text}", other.mark);
}

/// Takes out what may repeat the request, where it does: what a problem says of a field, the label or the metric that was asked for,
/// and labels to group by that no series of the asker's has.
fn without_echo(mut json: Value, other: &Side) -> Value {
    let Some(fields) = json.as_object_mut() else { return json };
    for name in ["field", "detail", "label"] {
        fields.remove(name);
    }
    for series in fields.get_mut("series").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(labels) = series.get_mut("labels").and_then(Value::as_object_mut) {
            labels.retain(|name, value| !(name.contains(other.mark) && *value == ""));
        }
    }
    json
}
