//! Values as they were written, and where.

use std::collections::BTreeMap;
use std::fmt;

/// What was written, by key (`query.timeout`).
pub(super) type Entries = BTreeMap<String, Entry>;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) value: Written,
    pub(super) source: Source,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Written {
    /// A quoted text in the file.
    Text(String),
    /// A whole number in the file.
    Number(String),
    List(Vec<String>),
    /// From the environment or a default: it is whatever the key wants.
    Bare(String),
    /// What no key takes: a float, a date, true, a table in a list.
    Foreign(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    File { path: String, line: usize },
    Environment { variable: String },
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Environment { variable } => f.write_str(variable),
            Self::Default => f.write_str("default"),
        }
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Number(text) | Self::Bare(text) | Self::Foreign(text) => f.write_str(text),
            Self::List(items) => write!(f, "[{}]", items.join(", ")),
        }
    }
}
