//! Writes an `AnyValue` as text (otlp.md, "Attributes"): plain at the top, JSON within arrays and maps, cut where it gets too
//! long.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::telemetry::domain::{Findings, Rejection, Warning};

use super::attributes::{AttributesError, DEPTH_MAX, key_and_value};
use super::wire::Reader;

/// What became of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    Whole,
    Cut,
}

/// What was written of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Field number in `AnyValue`; 0 for the empty value.
    pub kind: u8,
    pub extent: Extent,
}

/// Appends the text form of an `AnyValue` to `text`, at most `bytes_max` of it. A value that is refused may leave a part of
/// itself behind.
#[inline]
pub fn append_value(
    any_value: &[u8],
    bytes_max: usize,
    text: &mut String,
    findings: &mut Findings,
) -> Result<Written, AttributesError> {
    if let Some(bytes) = one_text(any_value) {
        return Ok(Written { kind: 1, extent: append_text(bytes, bytes_max, text, findings) });
    }
    append_any_value(any_value, bytes_max, text, findings)
}

#[inline(never)]
fn append_any_value(
    any_value: &[u8],
    bytes_max: usize,
    text: &mut String,
    findings: &mut Findings,
) -> Result<Written, AttributesError> {
    let end_max = text.len().saturating_add(bytes_max);
    let mut writer = Writer { text, end_max, bytes_max, findings, extent: Extent::Whole };
    let kind = writer.value(any_value, Place::Top)?;
    if writer.text.len() > end_max {
        writer.extent = Extent::Cut;
        cut_at(writer.text, end_max);
    }
    Ok(Written { kind, extent: writer.extent })
}

/// As [`append_value`] for a column, by way of `scratch` where it is more than one text.
#[inline]
pub fn append_value_to_column(
    any_value: &[u8],
    bytes_max: usize,
    column: &mut Vec<u8>,
    scratch: &mut String,
    findings: &mut Findings,
) -> Result<Written, AttributesError> {
    if let Some(bytes) = one_text(any_value) {
        return Ok(Written { kind: 1, extent: append_to_column(bytes, bytes_max, column, findings) });
    }
    scratch.clear();
    let written = append_any_value(any_value, bytes_max, scratch, findings)?;
    column.extend_from_slice(scratch.as_bytes());
    Ok(written)
}

/// As [`append_text`] for a column. Most texts are ASCII, which is seen sixteen bytes at a time.
#[inline]
pub fn append_to_column(
    bytes: &[u8],
    bytes_max: usize,
    column: &mut Vec<u8>,
    findings: &mut Findings,
) -> Extent {
    if bytes.len() <= bytes_max && (bytes.is_ascii() || std::str::from_utf8(bytes).is_ok()) {
        column.extend_from_slice(bytes);
        return Extent::Whole;
    }
    let mut text = String::new();
    let extent = append_cut(bytes, bytes_max, &mut text, findings);
    column.extend_from_slice(text.as_bytes());
    extent
}

/// What most values are: one text, of less than 16 KiB.
#[inline]
fn one_text(any_value: &[u8]) -> Option<&[u8]> {
    let (length, bytes) = match any_value {
        [0x0a, length @ ..0x80, bytes @ ..] => (usize::from(*length), bytes),
        [0x0a, low, high @ ..0x80, bytes @ ..] => (usize::from(low & 0x7f) | usize::from(*high) << 7, bytes),
        _ => return None,
    };
    (bytes.len() == length).then_some(bytes)
}

/// Appends bytes as text, at most `bytes_max` of them: what is beyond is not even looked at. Bytes that are not UTF-8 are
/// replaced: one bad value must not cost its neighbours.
#[inline]
pub fn append_text(bytes: &[u8], bytes_max: usize, text: &mut String, findings: &mut Findings) -> Extent {
    if bytes.len() > bytes_max {
        return append_cut(bytes, bytes_max, text, findings);
    }
    match std::str::from_utf8(bytes) {
        Ok(valid) => {
            text.push_str(valid);
            Extent::Whole
        }
        Err(_) => append_cut(bytes, bytes_max, text, findings),
    }
}

#[cold]
fn append_cut(bytes: &[u8], bytes_max: usize, text: &mut String, findings: &mut Findings) -> Extent {
    let end_max = text.len().saturating_add(bytes_max);
    let lossy = String::from_utf8_lossy(cut_bytes(bytes, bytes_max));
    if matches!(lossy, std::borrow::Cow::Owned(_)) {
        findings.warn(Warning::TextNotUtf8);
    }
    text.push_str(&lossy);
    if bytes.len() > bytes_max || text.len() > end_max {
        cut_at(text, end_max);
        return Extent::Cut;
    }
    Extent::Whole
}

fn cut_at(text: &mut String, end_max: usize) {
    text.truncate(text.floor_char_boundary(end_max));
}

/// Not within a character: one has at most three bytes after its first.
pub fn cut_bytes(bytes: &[u8], bytes_max: usize) -> &[u8] {
    let is_start = |at: &usize| bytes.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
    let end = (bytes_max.saturating_sub(3)..=bytes_max).rev().find(is_start).unwrap_or(bytes_max);
    bytes.get(..end).unwrap_or(bytes)
}

/// Where a value stands decides how it is written.
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

struct Writer<'t> {
    text: &'t mut String,
    /// The text is cut here, so nothing is begun beyond it.
    end_max: usize,
    /// Of one text within.
    bytes_max: usize,
    findings: &'t mut Findings,
    extent: Extent,
}

impl Writer<'_> {
    /// Gives the kind of the value (its field number). Of several members the last one counts.
    fn value(&mut self, any_value: &[u8], place: Place) -> Result<u8, AttributesError> {
        let mut last = None;
        let mut fields = Reader::new(any_value);
        while let Some(field) = fields.next_field()? {
            if (1..=7).contains(&field.0) {
                last = Some(field);
            }
        }
        let Some((number, value)) = last else {
            if matches!(place, Place::Nested { .. }) {
                self.text.push_str("null");
            }
            return Ok(0);
        };
        match number {
            1 => self.bytes_as_text(value.bytes()?, place),
            2 => self.text.push_str(if value.varint()? != 0 { "true" } else { "false" }),
            3 => self.text.push_str(itoa::Buffer::new().format(value.varint()?.cast_signed())),
            4 => self.double(f64::from_bits(value.fixed64()?), place),
            5 => self.array(value.bytes()?, place.inner()?)?,
            6 => self.map(value.bytes()?, place.inner()?)?,
            _ => self.base64(value.bytes()?, place),
        }
        Ok(u8::try_from(number).unwrap_or_default())
    }

    #[inline]
    fn bytes_as_text(&mut self, bytes: &[u8], place: Place) {
        match place {
            Place::Top => {
                if append_text(bytes, self.bytes_max, self.text, self.findings) == Extent::Cut {
                    self.extent = Extent::Cut;
                }
            }
            Place::Nested { .. } => self.json_text(bytes),
        }
    }

    fn json_text(&mut self, bytes: &[u8]) {
        let lossy = String::from_utf8_lossy(cut_bytes(bytes, self.bytes_max));
        if matches!(lossy, std::borrow::Cow::Owned(_)) {
            self.findings.warn(Warning::TextNotUtf8);
        }
        if bytes.len() > self.bytes_max {
            self.extent = Extent::Cut;
        }
        push_json(&lossy, self.text);
    }

    fn double(&mut self, value: f64, place: Place) {
        let special = if value.is_nan() {
            "NaN"
        } else if value == f64::INFINITY {
            "Infinity"
        } else if value == f64::NEG_INFINITY {
            "-Infinity"
        } else {
            // Shortest text that reads back as the same number.
            let plain = value == 0.0 || (1e-7..1e21).contains(&value.abs());
            let _ = if plain { write!(self.text, "{value}") } else { write!(self.text, "{value:e}") };
            return;
        };
        self.bytes_as_text(special.as_bytes(), place);
    }

    /// Three bytes become four characters, and none of them needs an escape.
    fn base64(&mut self, bytes: &[u8], place: Place) {
        let quote = if matches!(place, Place::Nested { .. }) { "\"" } else { "" };
        self.text.push_str(quote);
        BASE64.encode_string(bytes.get(..self.bytes_max).unwrap_or(bytes), self.text);
        self.text.push_str(quote);
    }

    fn array(&mut self, array: &[u8], place: Place) -> Result<(), AttributesError> {
        self.items(array, ['[', ']'], |writer, value| writer.value(value, place).map(drop))
    }

    fn map(&mut self, map: &[u8], place: Place) -> Result<(), AttributesError> {
        self.items(map, ['{', '}'], |writer, entry| {
            let (key, value) = key_and_value(entry)?;
            writer.json_text(key);
            writer.text.push(':');
            writer.value(value, place).map(drop)
        })
    }

    /// The `values` of an `ArrayValue` or a `KeyValueList`, both field 1. Ends where the text will be cut off: a number of
    /// twelve bytes may become three hundred.
    fn items(
        &mut self,
        message: &[u8],
        [open, close]: [char; 2],
        mut write: impl FnMut(&mut Self, &[u8]) -> Result<(), AttributesError>,
    ) -> Result<(), AttributesError> {
        self.text.push(open);
        let mut first = true;
        let mut fields = Reader::new(message);
        while let Some((number, value)) = fields.next_field()? {
            if number == 1 && self.text.len() <= self.end_max {
                if !std::mem::take(&mut first) {
                    self.text.push(',');
                }
                write(self, value.bytes()?)?;
            }
        }
        self.text.push(close);
        Ok(())
    }
}

/// As JSON wants it (RFC 8259, section 7): quoted, and nothing escaped that need not be.
fn push_json(value: &str, text: &mut String) {
    text.push('"');
    let mut plain_from = 0;
    for (at, byte) in value.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0c => "\\f",
            0x00..0x20 => "",
            _ => continue,
        };
        text.push_str(value.get(plain_from..at).unwrap_or_default());
        if escape.is_empty() {
            let _ = write!(text, "\\u{byte:04x}");
        } else {
            text.push_str(escape);
        }
        plain_from = at + 1;
    }
    text.push_str(value.get(plain_from..).unwrap_or_default());
    text.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shared::Signal;

    #[test]
    fn a_value_is_cut_where_it_stands_not_where_the_column_begins() {
        let mut text = "before".to_owned();
        let mut findings = Findings::new(Signal::Logs);
        let value = [&[0x0a, 6][..], "aüüx".as_bytes()].concat();
        let written = append_value(&value, 4, &mut text, &mut findings).unwrap();
        assert_eq!((text.as_str(), written), ("beforeaü", Written { kind: 1, extent: Extent::Cut }));
    }

    #[test]
    fn text_that_is_not_utf8_grows_no_further_than_allowed() {
        let mut text = String::new();
        let mut findings = Findings::new(Signal::Logs);
        assert_eq!(append_text(b"\xff\xff\xff", 6, &mut text, &mut findings), Extent::Cut);
        assert_eq!(text, "\u{fffd}\u{fffd}");
        assert!(findings.warnings().eq([(Warning::TextNotUtf8, 1)]));
    }

    proptest! {
        /// Guarantees: the same JSON as the library's.
        #[test]
        fn texts_are_escaped_as_the_library_does(value in "(\\PC|[\\x00-\\x20\"\\\\]){0,40}") {
            let mut text = String::new();
            push_json(&value, &mut text);
            prop_assert_eq!(text, serde_json::Value::from(value).to_string());
        }
    }
}
