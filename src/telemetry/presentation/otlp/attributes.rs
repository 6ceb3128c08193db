//! Decodes OTLP attributes to text (otlp.md, "Attributes"): sorted by key, each key once, sizes capped.

use xxhash_rust::xxh3::xxh3_64;

use crate::shared::Attribute;
use crate::telemetry::domain::{Findings, Rejection, Warning};

use super::any_value::{Extent, append_text, append_value};
use super::wire::{Reader, WireError};

/// Most attributes of one point, scope or resource (the SDKs' default limit).
pub const ATTRIBUTES_MAX: usize = 128;
/// So many times as many attributes as may stay are gathered before the others are dropped: a body has room for millions.
const GATHERED_TIMES: usize = 8;
/// ... or so many bytes of text. With what may stay after that, this is what reading attributes takes at most before anybody is
/// charged for them, on each decode thread: 9.2 MiB with the default limits.
const GATHERED_BYTES_MAX: usize = 1 << 20;
/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 256;
/// Longest value in text form, in bytes.
pub const VALUE_BYTES_MAX: usize = 64 * 1_024;
/// Deepest nesting of arrays and maps.
pub const DEPTH_MAX: usize = 64;

/// Bounds on the attributes of one item, scope or resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttributeLimits {
    pub count_max: usize,
    pub key_bytes_max: usize,
    pub value_bytes_max: usize,
}

impl Default for AttributeLimits {
    fn default() -> Self {
        Self { count_max: ATTRIBUTES_MAX, key_bytes_max: KEY_BYTES_MAX, value_bytes_max: VALUE_BYTES_MAX }
    }
}

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
    /// Hash of the `KeyValue` as it was sent.
    sent: u64,
}

/// Attributes of one item, scope or resource.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Sorted by key, each key once.
    pub kept: Vec<TypedAttribute>,
    /// How many were dropped because there are too many, or because they have no key.
    pub dropped: u32,
    /// Tells apart what reads alike because it was cut or dropped; 0 if nothing was. The order in which attributes were sent
    /// does not matter.
    pub lost: u64,
}

/// Collects attributes in the order of the wire; [`Self::finish`] gives them sorted.
#[derive(Debug, Default)]
pub struct AttributeReader {
    limits: AttributeLimits,
    found: Vec<TypedAttribute>,
    /// Text of what was gathered since the last time that something was dropped.
    gathered_bytes: usize,
    some_twice: bool,
    too_many: bool,
    dropped: u32,
    lost: u64,
}

impl AttributeReader {
    pub fn new(limits: AttributeLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Reads one `KeyValue` message.
    pub fn read(&mut self, key_value: &[u8], findings: &mut Findings) -> Result<(), AttributesError> {
        let sent = xxh3_64(key_value);
        let (key, value) = key_and_value(key_value)?;
        let mut text = String::new();
        let written = append_value(value, self.limits.value_bytes_max, &mut text, findings)?;
        if key.is_empty() {
            findings.warn(Warning::AttributeKeyEmpty);
            self.dropped = self.dropped.saturating_add(1);
            return Ok(());
        }
        let was_cut = written.extent == Extent::Cut || key.len() > self.limits.key_bytes_max;
        let key = short_text(key, self.limits.key_bytes_max, findings);
        // Where bytes were no text, others may read the same now.
        if was_cut || [&key, &text].into_iter().any(|text| text.contains(char::REPLACEMENT_CHARACTER)) {
            self.lose(sent);
        }
        if written.extent == Extent::Cut {
            findings.warn(Warning::AttributeCut);
        }
        let attribute = Attribute { key: key.into(), value: text.into() };
        self.gathered_bytes += attribute.text_bytes();
        self.found.push(TypedAttribute { attribute, value_kind: written.kind, sent });
        if self.found.len() >= GATHERED_TIMES * self.limits.count_max
            || self.gathered_bytes > GATHERED_BYTES_MAX
        {
            self.settle();
        }
        Ok(())
    }

    /// Of the same key the last one counts; of too many keys the first stay.
    pub fn finish(mut self, findings: &mut Findings) -> Attributes {
        self.settle();
        if self.some_twice {
            findings.warn(Warning::AttributeKeyTwice);
        }
        if self.too_many {
            findings.warn(Warning::AttributesTooMany);
        }
        Attributes { kept: self.found, dropped: self.dropped, lost: self.lost }
    }

    fn lose(&mut self, sent: u64) {
        // Never back to 0, which says that nothing was lost.
        self.lost = self.lost.wrapping_add(sent).max(1);
    }

    /// The one attribute by which everybody looks for their data does not fall to the limit.
    fn keep_service_name(&mut self) {
        let service = self.found.iter().position(|typed| &*typed.attribute.key == "service.name");
        let last = self.limits.count_max.saturating_sub(1);
        if let Some(at) = service.filter(|at| *at > last) {
            self.found.swap(at, last);
        }
    }

    /// Drops what cannot be in the result, whatever comes after it.
    fn settle(&mut self) {
        self.gathered_bytes = 0;
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
        let dropped = self.found.len().saturating_sub(self.limits.count_max);
        self.dropped = self.dropped.saturating_add(u32::try_from(dropped).unwrap_or(u32::MAX));
        self.too_many |= dropped > 0;
        self.keep_service_name();
        for at in self.limits.count_max..self.found.len() {
            if let Some(sent) = self.found.get(at).map(|typed| typed.sent) {
                self.lose(sent);
            }
        }
        self.found.truncate(self.limits.count_max);
        self.found.sort_by(|a, b| a.attribute.key.cmp(&b.attribute.key));
    }
}

/// `KeyValue`: key 1, value 2 (an `AnyValue`). Mostly both are there once, in this order, and short.
#[inline]
pub fn key_and_value(key_value: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
    if let [0x0a, key_bytes @ ..0x80, rest @ ..] = key_value
        && let Some((key, value)) = rest.split_at_checked(usize::from(*key_bytes))
        && let [0x12, value_bytes @ ..0x80, value @ ..] = value
        && value.len() == usize::from(*value_bytes)
    {
        return Ok((key, value));
    }
    any_key_and_value(key_value)
}

#[inline(never)]
fn any_key_and_value(key_value: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
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

/// A text of at most `bytes_max` bytes, cut at a character boundary.
pub fn short_text(bytes: &[u8], bytes_max: usize, findings: &mut Findings) -> String {
    let mut text = String::new();
    if append_text(bytes, bytes_max, &mut text, findings) == Extent::Cut {
        findings.warn(Warning::AttributeCut);
    }
    text
}

#[cfg(test)]
mod tests;
