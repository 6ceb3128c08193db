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
    let body = asked.body.as_deref().unwrap_or_default();
    let what = format!("{} asked for {} {body}", own.mark, asked.path_and_query);
    let expected = [200, 400, 404, 422];
    assert!(expected.contains(&answer.status), "{} after {what}: {}", answer.status, answer.text());
    let text = answer.text();
    let is_problem = answer.header("content-type") == Some("application/problem+json");
    assert_eq!(is_problem, answer.status != 200, "{what}: {text}");
    let is_asked_for = other.marks().iter().any(|mark| asked.holds(mark));
    let is_csv = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/csv"));
    let rest = match (is_asked_for, is_csv) {
        (false, _) => text.clone(),
        // The first line has the names of the labels that were asked for.
        (true, true) => text.split_once("\r\n").expect("a first line").1.to_owned(),
        (true, false) => without_echo(answer.json(), other).to_string(),
    };
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

/// Takes out what may repeat the request, where it does: what a problem says of a field, the label that was asked for, the names that
/// queries and formulas were given, and labels to group by that no series of the asker's has.
fn without_echo(mut json: Value, other: &Side) -> Value {
    if let Some(fields) = json.as_object_mut() {
        for name in ["field", "detail", "label"] {
            fields.remove(name);
        }
        for result in fields.get_mut("results").and_then(Value::as_array_mut).into_iter().flatten() {
            result.as_object_mut().and_then(|result| result.remove("name"));
        }
    }
    without_empty_labels(&mut json, other);
    json
}

fn without_empty_labels(json: &mut Value, other: &Side) {
    match json {
        Value::Array(values) => values.iter_mut().for_each(|value| without_empty_labels(value, other)),
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                if let (true, Some(labels)) = (["labels", "metric"].contains(&&**name), value.as_object_mut())
                {
                    labels.retain(|label, value| !(label.contains(other.mark) && *value == ""));
                }
                without_empty_labels(value, other);
            }
        }
        _ => {}
    }
}
