//! Turns written values into typed ones, one key at a time, and keeps the mistakes.
//!
//! After a mistake a placeholder stands in, so that the rest is checked too; [`Reader::finish`] then gives no settings.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::keys::{KEYS, NamedSections};
use super::written::{Entries, Entry, Source, Written};
use super::{ByteSize, ConfigError, ConfigErrors, Settings};
use crate::platform::tls::Trust;
use crate::shared::duration_text;

/// Most tables of one list.
const ITEMS_MAX: usize = 10_000;

/// What is allowed instead.
pub(super) type Allowed = String;

pub(super) struct Reader {
    entries: Entries,
    errors: Vec<ConfigError>,
}

impl Reader {
    pub(super) fn new(entries: Entries, errors: Vec<ConfigError>) -> Self {
        Self { entries, errors }
    }

    pub(super) fn finish(self, settings: Settings) -> Result<Settings, ConfigErrors> {
        if self.errors.is_empty() { Ok(settings) } else { Err(ConfigErrors::new(self.errors)) }
    }

    /// Names of those sections of which at least one key was written.
    pub(super) fn names(&self, named: &NamedSections) -> BTreeSet<String> {
        let name = |path: &String| {
            let (section, rest) = path.split_once('.')?;
            let (name, _) = rest.rsplit_once('.')?;
            (section == named.section).then(|| name.to_owned())
        };
        self.entries.keys().filter_map(name).collect()
    }

    pub(super) fn is_written(&self, path: &str) -> bool {
        self.entries.contains_key(path)
    }

    /// Whether some key below this place was written.
    pub(super) fn is_any_written(&self, place: &str) -> bool {
        self.below(&format!("{place}.")).next().is_some()
    }

    /// How many tables the list at this place has, up to the last one with a key.
    pub(super) fn items(&self, place: &str) -> usize {
        let place = format!("{place}.");
        let index = |rest: &str| rest.split('.').next()?.parse::<usize>().ok();
        self.below(&place).filter_map(index).max().map_or(0, |last| last.saturating_add(1).min(ITEMS_MAX))
    }

    /// What follows on `prefix` in the paths of all keys that begin with it.
    fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let from = self.entries.range(prefix.to_owned()..).map(|(path, _)| path.as_str());
        from.map_while(move |path| path.strip_prefix(prefix))
    }

    /// Records that a key's value cannot be, for reasons that its type does not show.
    pub(super) fn refuse(&mut self, path: &str, allowed: &str) {
        let entry = self.entry(path);
        self.errors.push(match &entry.source {
            Source::Default if default_of(path).is_none() => {
                ConfigError::Missing { key: path.to_owned(), allowed: allowed.to_owned() }
            }
            source => ConfigError::wrong(source, path, &shown(path, &entry.value), allowed),
        });
    }

    /// Keys that are not allowed here, where they are written.
    pub(super) fn refuse_written(&mut self, paths: &[&str], allowed: &str) {
        for path in paths {
            if self.is_written(path) {
                self.refuse(path, allowed);
            }
        }
    }

    /// Whose certificates are trusted: a key names a file of authorities.
    pub(super) fn trust(&mut self, path: &str) -> Trust {
        if self.is_written(path) { Trust::File(self.text(path).into()) } else { Trust::System }
    }

    /// The value of a key (or its default), as `parse` understands it.
    pub(super) fn read<T>(
        &mut self,
        path: &str,
        placeholder: T,
        parse: impl FnOnce(&Written) -> Result<T, Allowed>,
    ) -> T {
        match parse(&self.entry(path).value) {
            Ok(value) => value,
            Err(allowed) => {
                self.refuse(path, &allowed);
                placeholder
            }
        }
    }

    fn entry(&self, path: &str) -> Entry {
        self.entries.get(path).cloned().unwrap_or_else(|| {
            let default = default_of(path).unwrap_or_default();
            Entry { value: Written::Bare(default.to_owned()), source: Source::Default }
        })
    }

    pub(super) fn text(&mut self, path: &str) -> String {
        self.read(path, String::new(), |written| {
            text_of(written)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
                .ok_or_else(|| "allowed: a text that is not empty".to_owned())
        })
    }

    pub(super) fn address(&mut self, path: &str) -> SocketAddr {
        self.read(path, SocketAddr::from(([0, 0, 0, 0], 0)), |written| {
            text_of(written).and_then(|text| text.parse().ok()).ok_or_else(|| {
                "allowed: an IP address and a port, like 127.0.0.1:4318 or [::1]:4318".to_owned()
            })
        })
    }

    pub(super) fn count(&mut self, path: &str, bounds: RangeInclusive<u64>) -> u64 {
        let allowed = format!("allowed: a whole number from {} to {}", bounds.start(), bounds.end());
        self.read(path, *bounds.start(), |written| {
            let (Written::Number(text) | Written::Bare(text)) = written else { return Err(allowed) };
            text.replace('_', "").parse().ok().filter(|number| bounds.contains(number)).ok_or(allowed)
        })
    }

    /// [`Self::count`] for numbers of things in memory.
    pub(super) fn size(&mut self, path: &str, bounds: RangeInclusive<u32>) -> usize {
        let count = self.count(path, u64::from(*bounds.start())..=u64::from(*bounds.end()));
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    pub(super) fn bytes(&mut self, path: &str, bounds: RangeInclusive<ByteSize>) -> ByteSize {
        let within = format!("allowed: a size from {} to {}", bounds.start(), bounds.end());
        self.read(path, *bounds.start(), |written| {
            let (Written::Text(text) | Written::Number(text) | Written::Bare(text)) = written else {
                return Err(within);
            };
            let size =
                ByteSize::parse(&text.replace('_', "")).map_err(|error| format!("{error}; {within}"))?;
            if bounds.contains(&size) { Ok(size) } else { Err(within) }
        })
    }

    pub(super) fn duration(&mut self, path: &str, bounds: RangeInclusive<Duration>) -> Duration {
        let [start, end] = [bounds.start(), bounds.end()].map(|bound| duration_text::format(*bound));
        let within = format!("allowed: a duration from {start} to {end}");
        self.read(path, *bounds.start(), |written| {
            let (Written::Text(text) | Written::Number(text) | Written::Bare(text)) = written else {
                return Err(within);
            };
            // Zero is zero in every unit.
            let text = if text == "0" { "0s" } else { text };
            let duration = duration_text::parse(text).map_err(|error| format!("{error}; {within}"))?;
            if bounds.contains(&duration) { Ok(duration) } else { Err(within) }
        })
    }

    pub(super) fn choice<T: Copy>(&mut self, path: &str, choices: &[(&str, T)], placeholder: T) -> T {
        self.read(path, placeholder, |written| {
            let text = text_of(written).unwrap_or_default();
            let chosen = choices.iter().find(|(name, _)| *name == text);
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            chosen.map(|(_, choice)| *choice).ok_or_else(|| format!("allowed: {}", names.join(", ")))
        })
    }

    /// A list of texts; in the environment they are separated by commas. Each is parsed on its own.
    pub(super) fn list<T>(&mut self, path: &str, allowed: &str, parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
        self.read(path, Vec::new(), |written| {
            let items: Vec<&str> = match written {
                Written::List(items) => items.iter().map(String::as_str).collect(),
                Written::Bare(text) => {
                    text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect()
                }
                _ => return Err(allowed.to_owned()),
            };
            let explain = |item: &str| format!("\"{item}\" is not right; {allowed}");
            items.into_iter().map(|item| parse(item).ok_or_else(|| explain(item))).collect()
        })
    }
}

fn default_of(path: &str) -> Option<&'static str> {
    KEYS.iter().find(|key| key.path == path).and_then(|key| key.default)
}

pub(super) fn text_of(written: &Written) -> Option<&str> {
    match written {
        Written::Text(text) | Written::Bare(text) => Some(text),
        Written::Number(_) | Written::List(_) | Written::Foreign(_) => None,
    }
}

/// Keys whose values are never shown, beside those of channels and users.
const SECRETS: [&str; 8] = [
    "store.url",
    "store.urls",
    "store.password",
    "state.url",
    "state.password",
    "redis.url",
    "redis.password",
    "nodes.secret",
];

/// The value as errors repeat it; those that are or may hold secrets are not. (In the place of a hash somebody may have
/// written the key.)
fn shown(path: &str, written: &Written) -> String {
    let of_channels = [".url", ".secret", ".routing_key", ".password"];
    let secret = path.starts_with("channels.") && of_channels.iter().any(|key| path.ends_with(key))
        || ["keys.", "sql_users."].iter().any(|section| path.starts_with(section)) && path.ends_with(".hash")
        || SECRETS.contains(&path);
    if secret { "(hidden)".to_owned() } else { written.to_string() }
}
