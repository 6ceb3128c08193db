//! The TOML file: values with their lines, and every key that is not known.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ConfigError;
use super::keys::{
    NamedSections, is_inner_section, is_known, is_section, named, nearest_key, nearest_section,
};
use super::routing::{self, Nested};
use super::written::{Entries, Entry, Source, Written};

/// Larger files are refused: nobody writes one, and it is read into memory.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Adds what stands in the file to `entries`, and what is wrong with it to `errors`.
pub(super) fn read(path: &Path, entries: &mut Entries, errors: &mut Vec<ConfigError>) {
    let name = path.display().to_string();
    let text = match read_text(path) {
        Ok(text) => text,
        Err(reason) => {
            errors.push(ConfigError::Unreadable { path: name, reason });
            return;
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let (table, faults) = DeTable::parse_recoverable(text);
    let mut file = File { name, text, entries, errors };
    for fault in &faults {
        let line = file.line(fault.span().map_or(0, |span| span.start));
        let message = fault.message().replace('\n', ", ");
        file.errors.push(ConfigError::Syntax { path: file.name.clone(), line, message });
    }
    // What the parser made of a broken text would only give misleading errors.
    if faults.is_empty() {
        file.sections(table.get_ref());
    }
}

fn read_text(path: &Path) -> Result<String, String> {
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if metadata.len() > FILE_BYTES_MAX {
        return Err(format!("it is larger than {FILE_BYTES_MAX} bytes"));
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = valid.iter().filter(|b| **b == b'\n').count() + 1;
        format!("it is not UTF-8 (line {line})")
    })
}

struct File<'a> {
    name: String,
    text: &'a str,
    entries: &'a mut Entries,
    errors: &'a mut Vec<ConfigError>,
}

impl File<'_> {
    fn sections(&mut self, root: &DeTable<'_>) {
        for (section, value) in root {
            let at = section.span().start;
            let section: &str = section.get_ref();
            match value.get_ref() {
                DeValue::Table(table) if is_section(section) => match named(section) {
                    Some(named) => self.named_sections(named, table),
                    None => self.keys(section, table),
                },
                DeValue::Table(_) => self.unknown(at, &format!("[{section}]"), nearest_section(section)),
                _ => self.unknown(at, section, nearest_key(section)),
            }
        }
    }

    fn named_sections(&mut self, named: &NamedSections, tables: &DeTable<'_>) {
        let section = named.section;
        for (name, value) in tables {
            let path = format!("{section}.{}", name.get_ref());
            match value.get_ref() {
                DeValue::Table(table) => self.keys(&path, table),
                _ => self.unknown(name.span().start, &path, Some(format!("[{section}.NAME]"))),
            }
        }
    }

    fn keys(&mut self, section: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let path = format!("{section}.{}", name.get_ref());
            let at = name.span().start;
            if let DeValue::Table(inner) = value.get_ref()
                && is_inner_section(&path)
            {
                self.keys(&path, inner);
            } else if let Some(nested) = routing::nested(&path) {
                self.nested(nested, &path, at, value);
            } else if is_known(&path) {
                let source = self.source(at);
                self.entries.insert(path, Entry { value: written(value, self.text), source });
            } else {
                self.unknown(at, &path, nearest_key(&path));
            }
        }
    }

    /// A table of routing, or a list of them; each has its place in the paths of its keys.
    fn nested(&mut self, nested: Nested, path: &str, at: usize, value: &Spanned<DeValue<'_>>) {
        match (nested, value.get_ref()) {
            (Nested::Table, DeValue::Table(table)) => self.keys(path, table),
            (Nested::Tables, DeValue::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    match item.get_ref() {
                        DeValue::Table(table) => self.keys(&format!("{path}.{index}"), table),
                        _ => self.unknown(at, path, Some(routing::list_header(path))),
                    }
                }
            }
            (Nested::Table, _) => self.unknown(at, path, Some(format!("[{path}]"))),
            (Nested::Tables, _) => self.unknown(at, path, Some(routing::list_header(path))),
        }
    }

    fn unknown(&mut self, at: usize, key: &str, near: Option<String>) {
        self.errors.push(ConfigError::unknown(&self.source(at), key, near));
    }

    fn source(&self, at: usize) -> Source {
        Source::File { path: self.name.clone(), line: self.line(at) }
    }

    fn line(&self, at: usize) -> usize {
        self.text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
    }
}

fn written(value: &Spanned<DeValue<'_>>, text: &str) -> Written {
    let foreign = || Written::Foreign(text.get(value.span()).unwrap_or_default().to_owned());
    match value.get_ref() {
        DeValue::String(text) => Written::Text(text.clone().into_owned()),
        DeValue::Integer(number) if number.radix() == 10 => Written::Number(number.as_str().to_owned()),
        DeValue::Array(items) => {
            let texts: Option<Vec<String>> =
                items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect();
            texts.map_or_else(foreign, Written::List)
        }
        _ => foreign(),
    }
}
