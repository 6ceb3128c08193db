//! What is wrong with a configuration, as lines that name place, key, value and what is allowed.

use std::fmt;

use super::written::Source;

/// One mistake. Its text is one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: cannot be read: {reason}")]
    Unreadable { path: String, reason: String },
    #[error("{path}:{line}: not valid TOML: {message}")]
    Syntax { path: String, line: usize, message: String },
    #[error("{source_text}: unknown key {key}{}", suggestion(near))]
    UnknownKey { source_text: String, key: String, near: Option<String> },
    #[error("{key} is missing; {allowed}")]
    Missing { key: String, allowed: String },
    #[error("{source_text}: {key} = {value}: {allowed}")]
    Wrong { source_text: String, key: String, value: String, allowed: String },
}

impl ConfigError {
    pub(super) fn unknown(source: &Source, key: &str, near: Option<String>) -> Self {
        Self::UnknownKey { source_text: source.to_string(), key: one_line(key), near }
    }

    pub(super) fn wrong(source: &Source, key: &str, value: &str, allowed: &str) -> Self {
        Self::Wrong {
            source_text: source.to_string(),
            key: key.to_owned(),
            value: one_line(value),
            allowed: allowed.to_owned(),
        }
    }
}

fn suggestion(near: &Option<String>) -> String {
    near.as_ref().map_or_else(String::new, |near| format!("; did you mean {near}?"))
}

/// Longest part of a value that an error repeats, in characters.
const QUOTED_CHARS_MAX: usize = 100;

fn one_line(text: &str) -> String {
    let mut line: String = text.chars().take(QUOTED_CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().count() > QUOTED_CHARS_MAX {
        line.push('…');
    }
    line.replace("\\\"", "\"").replace("\\'", "'")
}

/// All mistakes of a configuration, at least one; shown one per line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    pub(super) fn new(errors: Vec<ConfigError>) -> Self {
        Self(errors)
    }

    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let line_end = if index == 0 { "" } else { "\n" };
            write!(f, "{line_end}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
