//! Environment variables: `TELEMETRYFLOW__SECTION__KEY` stands above the file's `[section] key`.

use super::ConfigError;
use super::keys::{NAMED, is_known, nearest_key};
use super::written::{Entries, Entry, Source, Written};

/// Variables that begin so are configuration, in any case; an unknown one is a mistake.
const PREFIX: &str = "TELEMETRYFLOW__";

/// Where the engine's library is, if `store.library` does not say. A single underscore: not a key.
pub const LIBRARY_VARIABLE: &str = "TELEMETRYFLOW_LIBCHDB";

/// Adds the variables to `entries`, replacing what stood there, and unknown ones to `errors`.
pub(super) fn read(
    env: impl Iterator<Item = (String, String)>,
    entries: &mut Entries,
    errors: &mut Vec<ConfigError>,
) {
    for (variable, value) in env {
        let Some(key) = key_of(&variable) else { continue };
        let source = Source::Environment { variable };
        if is_known(&key) {
            entries.insert(key, Entry { value: Written::Bare(value), source });
        } else {
            errors.push(ConfigError::unknown(
                &source,
                &key,
                nearest_key(&key).map(|near| variable_of(&near)),
            ));
        }
    }
}

/// The key that a variable sets; absent if it is not for us. The name of a channel or of an API
/// key may hold underscores, even two.
fn key_of(variable: &str) -> Option<String> {
    let (prefix, rest) = variable.split_at_checked(PREFIX.len())?;
    if !prefix.eq_ignore_ascii_case(PREFIX) {
        return None;
    }
    let rest = rest.to_ascii_lowercase();
    let named = NAMED.iter().find_map(|named| {
        let (name, key) = rest.strip_prefix(named.section)?.strip_prefix("__")?.rsplit_once("__")?;
        Some(format!("{}.{name}.{key}", named.section))
    });
    Some(named.unwrap_or_else(|| {
        // A section within a section has two separators.
        let inner = rest.replacen("__", ".", 2);
        if is_known(&inner) { inner } else { rest.replacen("__", ".", 1) }
    }))
}

fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_ascii_uppercase())
}
