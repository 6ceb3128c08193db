//! Decodes OTLP attributes to text (otlp.md, "Attributes"): sorted by key, each key once, sizes capped.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::shared::Attribute;
use crate::telemetry::domain::{Findings, Rejection, Warning};

use super::wire::{Reader, WireError};

/// Most attributes of one point, scope or resource (the SDKs' default limit).
pub const ATTRIBUTES_MAX: usize = 128;
/// So many attributes are gathered before those that cannot stay are dropped: a body has room for millions.
const GATHERED_MAX: usize = 8 * ATTRIBUTES_MAX;
/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 256;
/// Longest value in text form, in bytes.
pub const VALUE_BYTES_MAX: usize = 64 * 1_024;
/// Deepest nesting of arrays and maps.
pub const DEPTH_MAX: usize = 64;

/// Why attributes cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributesError {
    /// The whole message is unreadable.
    Wire(WireError),
    /// This item is not acceptable.
    Rejected(Rejection),
}

impl From<WireError> for AttributesError {
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}

/// An attribute with the kind of its value: `1` and `"1"` tell two series apart, though both read `1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TypedAttribute {
    pub attribute: Attribute,
    /// Field number in `AnyValue`; 0 for the empty value.
    pub value_kind: u8,
}

/// Collects attributes in the order of the wire; [`Self::finish`] gives them sorted.
#[derive(Debug, Default)]
pub struct AttributeReader {
    found: Vec<TypedAttribute>,
    some_twice: bool,
    dropped: u32,
}

impl AttributeReader {
    /// Reads one `KeyValue` message.
    pub fn read(&mut self, key_value: &[u8], findings: &mut Findings) -> Result<(), AttributesError> {
        let (key, value) = key_and_value(key_value)?;
        let mut text = String::new();
        let value_kind = write_value(value, &mut text, Place::Top, findings)?;
        if key.is_empty() {
            findings.warn(Warning::AttributeKeyEmpty);
            return Ok(());
        }
        let key = short_text(key, KEY_BYTES_MAX, findings);
        if text.len() > VALUE_BYTES_MAX {
            findings.warn(Warning::AttributeCut);
        }
        let value = cut(text, VALUE_BYTES_MAX);
        self.found.push(TypedAttribute {
            attribute: Attribute { key: key.into(), value: value.into() },
            value_kind,
        });
        if self.found.len() >= GATHERED_MAX {
            self.settle();
        }
        Ok(())
    }

    /// Sorted by key; of the same key the last one counts; of too many keys the first stay.
    pub fn finish(self, findings: &mut Findings) -> Vec<TypedAttribute> {
        self.finish_counted(findings).0
    }

    /// As [`Self::finish`], with the number of attributes that were dropped because there are too many.
    pub fn finish_counted(mut self, findings: &mut Findings) -> (Vec<TypedAttribute>, u32) {
        self.settle();
        if self.some_twice {
            findings.warn(Warning::AttributeKeyTwice);
        }
        if self.dropped > 0 {
            findings.warn(Warning::AttributesTooMany);
        }
        (self.found, self.dropped)
    }

    /// The one attribute by which everybody looks for their data does not fall to the limit.
    fn keep_service_name(&mut self) {
        let service = self.found.iter().position(|typed| &*typed.attribute.key == "service.name");
        if let Some(at) = service.filter(|at| *at >= ATTRIBUTES_MAX) {
            self.found.swap(at, ATTRIBUTES_MAX - 1);
        }
    }

    /// Drops what cannot be in the result, whatever comes after it.
    fn settle(&mut self) {
        self.found.sort_by(|a, b| a.attribute.key.cmp(&b.attribute.key));
        let before = self.found.len();
        // The sort is stable: the last of equals is the one sent last, and it overwrites the one that is kept.
        self.found.dedup_by(|later, kept| {
            let same = later.attribute.key == kept.attribute.key;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
        self.some_twice |= self.found.len() < before;
        let dropped = self.found.len().saturating_sub(ATTRIBUTES_MAX);
        self.dropped = self.dropped.saturating_add(u32::try_from(dropped).unwrap_or(u32::MAX));
        self.keep_service_name();
        self.found.truncate(ATTRIBUTES_MAX);
        self.found.sort_by(|a, b| a.attribute.key.cmp(&b.attribute.key));
    }
}

/// Where a value stands decides how it is written: plain at the top, JSON within arrays and maps.
#[derive(Debug, Clone, Copy)]
enum Place {
    Top,
    Nested { depth: usize },
}

impl Place {
    fn inner(self) -> Result<Self, AttributesError> {
        match self {
            Self::Top => Ok(Self::Nested { depth: 1 }),
            Self::Nested { depth } if depth < DEPTH_MAX => Ok(Self::Nested { depth: depth + 1 }),
            Self::Nested { .. } => Err(AttributesError::Rejected(Rejection::AttributesTooDeep)),
        }
    }
}

/// Writes an `AnyValue` and tells which kind it is (its field number). Of several members the last one counts.
fn write_value(
    any_value: &[u8],
    text: &mut String,
    place: Place,
    findings: &mut Findings,
) -> Result<u8, AttributesError> {
    let mut last = None;
    let mut fields = Reader::new(any_value);
    while let Some(field) = fields.next_field()? {
        if (1..=7).contains(&field.0) {
            last = Some(field);
        }
    }
    let Some((number, value)) = last else {
        write_empty(text, place);
        return Ok(0);
    };
    match number {
        1 => write_text(&short_text(value.bytes()?, VALUE_BYTES_MAX, findings), text, place),
        2 => text.push_str(if value.varint()? != 0 { "true" } else { "false" }),
        3 => _ = write!(text, "{}", value.varint()?.cast_signed()),
        4 => write_double(f64::from_bits(value.fixed64()?), text, place),
        5 => write_array(value.bytes()?, text, place.inner()?, findings)?,
        6 => write_map(value.bytes()?, text, place.inner()?, findings)?,
        _ => {
            let bytes = value.bytes()?;
            write_text(&BASE64.encode(bytes.get(..VALUE_BYTES_MAX).unwrap_or(bytes)), text, place);
        }
    }
    Ok(u8::try_from(number).unwrap_or_default())
}

fn write_empty(text: &mut String, place: Place) {
    if matches!(place, Place::Nested { .. }) {
        text.push_str("null");
    }
}

fn write_text(value: &str, text: &mut String, place: Place) {
    match place {
        Place::Top => text.push_str(value),
        Place::Nested { .. } => text.push_str(&serde_json::Value::from(value).to_string()),
    }
}

fn write_double(value: f64, text: &mut String, place: Place) {
    let special = if value.is_nan() {
        "NaN"
    } else if value == f64::INFINITY {
        "Infinity"
    } else if value == f64::NEG_INFINITY {
        "-Infinity"
    } else {
        // Shortest text that reads back as the same number.
        let plain = value == 0.0 || (1e-7..1e21).contains(&value.abs());
        let _ = if plain { write!(text, "{value}") } else { write!(text, "{value:e}") };
        return;
    };
    write_text(special, text, place);
}

fn write_array(
    array: &[u8],
    text: &mut String,
    place: Place,
    findings: &mut Findings,
) -> Result<(), AttributesError> {
    write_items(array, text, ['[', ']'], |value, text| write_value(value, text, place, findings).map(drop))
}

fn write_map(
    map: &[u8],
    text: &mut String,
    place: Place,
    findings: &mut Findings,
) -> Result<(), AttributesError> {
    write_items(map, text, ['{', '}'], |entry, text| {
        let (key, value) = key_and_value(entry)?;
        write_text(&short_text(key, VALUE_BYTES_MAX, findings), text, place);
        text.push(':');
        write_value(value, text, place, findings).map(drop)
    })
}

/// The `values` of an `ArrayValue` or a `KeyValueList`, both field 1. Ends where the text will be cut off: a number of twelve
/// bytes may become three hundred.
fn write_items(
    message: &[u8],
    text: &mut String,
    [open, close]: [char; 2],
    mut write: impl FnMut(&[u8], &mut String) -> Result<(), AttributesError>,
) -> Result<(), AttributesError> {
    text.push(open);
    let mut first = true;
    let mut fields = Reader::new(message);
    while let Some((number, value)) = fields.next_field()? {
        if number == 1 && text.len() <= VALUE_BYTES_MAX {
            if !std::mem::take(&mut first) {
                text.push(',');
            }
            write(value.bytes()?, text)?;
        }
    }
    text.push(close);
    Ok(())
}

/// `KeyValue`: key 1, value 2 (an `AnyValue`).
fn key_and_value(key_value: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
    let (mut key, mut value): (&[u8], &[u8]) = (&[], &[]);
    let mut fields = Reader::new(key_value);
    while let Some((number, field)) = fields.next_field()? {
        match number {
            1 => key = field.bytes()?,
            2 => value = field.bytes()?,
            _ => {}
        }
    }
    Ok((key, value))
}

/// Bytes that are not UTF-8 are replaced: one bad value must not cost its neighbours.
pub fn utf8(bytes: &[u8], findings: &mut Findings) -> String {
    let text = String::from_utf8_lossy(bytes);
    if matches!(text, std::borrow::Cow::Owned(_)) {
        findings.warn(Warning::TextNotUtf8);
    }
    text.into_owned()
}

/// A text of at most `bytes_max` bytes, cut at a character boundary. What is beyond is not even looked at.
pub fn short_text(bytes: &[u8], bytes_max: usize, findings: &mut Findings) -> String {
    let text = utf8(cut_bytes(bytes, bytes_max), findings);
    if bytes.len() > bytes_max {
        findings.warn(Warning::AttributeCut);
    }
    cut(text, bytes_max)
}

/// Not within a character: one has at most three bytes after its first.
fn cut_bytes(bytes: &[u8], bytes_max: usize) -> &[u8] {
    let is_start = |at: &usize| bytes.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
    let end = (bytes_max.saturating_sub(3)..=bytes_max).rev().find(is_start).unwrap_or(bytes_max);
    bytes.get(..end).unwrap_or(bytes)
}

fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max));
    }
    text
}

#[cfg(test)]
mod tests;
