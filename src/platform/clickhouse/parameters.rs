//! Values for `{name:Type}` placeholders in the text form that ClickHouse reads. This is how text from outside reaches
//! the store: as data, never as part of a statement.

use std::borrow::Cow;
use std::fmt::Display;

use super::Parameter;

/// For `{name:String}`.
pub fn text(name: impl Into<Cow<'static, str>>, value: &str) -> Parameter {
    (name.into(), escaped(value))
}

/// For `{name:Array(String)}`.
pub fn texts<T: AsRef<str>>(name: impl Into<Cow<'static, str>>, values: &[T]) -> Parameter {
    let quoted: Vec<String> = values.iter().map(|value| format!("'{}'", escaped(value.as_ref()))).collect();
    (name.into(), format!("[{}]", quoted.join(",")))
}

/// For `{name:Int64}`, `{name:UInt64}` and `{name:Float64}`.
pub fn number(name: impl Into<Cow<'static, str>>, value: impl Display) -> Parameter {
    (name.into(), value.to_string())
}

/// For `{name:Array(Int64)}`.
pub fn numbers(name: impl Into<Cow<'static, str>>, values: &[i64]) -> Parameter {
    let texts: Vec<String> = values.iter().map(i64::to_string).collect();
    (name.into(), format!("[{}]", texts.join(",")))
}

/// For `{name:Array(UInt64)}`.
pub fn counts(name: impl Into<Cow<'static, str>>, values: &[u64]) -> Parameter {
    let texts: Vec<String> = values.iter().map(u64::to_string).collect();
    (name.into(), format!("[{}]", texts.join(",")))
}

/// Backslash escapes as in ClickHouse's TabSeparated format.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\'' => text.push_str("\\'"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\0' => text.push_str("\\0"),
            other => text.push(other),
        }
    }
    text
}
