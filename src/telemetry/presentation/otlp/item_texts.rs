//! `ItemTexts`: writes the attributes and texts of log records and spans straight into columns: checked, capped, and charged
//! before memory is taken.

use crate::shared::{Dictionary, MapColumn, Occurrence, TextColumn, WordColumn};
use crate::telemetry::domain::{Findings, Rejection, Warning};

use super::any_value::{Extent, Written, append_text, append_to_column, append_value_to_column};
use super::attributes::{AttributeLimits, AttributesError, key_and_value, short_text};
use super::fields::Repeated;
use super::meter::{Meter, MeterError};
use super::walk_error::WalkError;
use super::wire::WireError;

/// Longest name of a span, an event or a scope, severity text or version, in bytes.
pub const NAME_BYTES_MAX: usize = 1_024;
/// Strings and vectors double when they grow.
const GROWTH: usize = 2;

/// Why an item is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemError {
    /// The whole request ends.
    Walk(WalkError),
    /// This item is not acceptable.
    Rejected(Rejection),
}

impl From<WireError> for ItemError {
    fn from(error: WireError) -> Self {
        Self::Walk(error.into())
    }
}

impl From<MeterError> for ItemError {
    fn from(error: MeterError) -> Self {
        Self::Walk(error.into())
    }
}

impl From<Rejection> for ItemError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<AttributesError> for ItemError {
    fn from(error: AttributesError) -> Self {
        match error {
            AttributesError::Wire(error) => error.into(),
            AttributesError::Rejected(rejection) => rejection.into(),
        }
    }
}

/// What the texts of a request have in common: the limits, what was found, and the memory.
#[derive(Debug)]
pub struct ItemTexts<'m, 's> {
    pub findings: Findings,
    limits: AttributeLimits,
    meter: &'m mut Meter<'s>,
    /// Of the value that is written just now; at most as long as it may be.
    scratch: String,
}

impl<'m, 's> ItemTexts<'m, 's> {
    pub fn new(findings: Findings, limits: AttributeLimits, meter: &'m mut Meter<'s>) -> Self {
        Self { findings, limits, meter, scratch: String::new() }
    }

    /// Charges what is held apart from the columns.
    pub fn hold(&mut self, bytes: usize) -> Result<(), MeterError> {
        self.meter.take(bytes)
    }

    /// Charges what a column grows by.
    #[inline]
    pub fn charge(&mut self, bytes: usize) -> Result<(), MeterError> {
        self.meter.take(bytes.saturating_mul(GROWTH))
    }

    /// Writes attributes into the open row of `map` and tells how many were dropped: those beyond the limit, and those without
    /// a key.
    pub fn attributes(&mut self, attributes: Repeated<'_>, map: &mut MapColumn) -> Result<u32, ItemError> {
        let mut dropped = 0;
        let mut some_twice = false;
        attributes.for_each(|key_value| {
            match self.attribute(key_value, map)? {
                Taken::First => {}
                Taken::Again => some_twice = true,
                Taken::Dropped => dropped += 1,
            }
            Ok::<(), ItemError>(())
        })?;
        if some_twice {
            self.findings.warn(Warning::AttributeKeyTwice);
        }
        Ok(dropped)
    }

    #[inline]
    fn attribute(&mut self, key_value: &[u8], map: &mut MapColumn) -> Result<Taken, ItemError> {
        let (key, value) = key_and_value(key_value)?;
        let known = map.find(key);
        if known.is_none() && key.is_empty() {
            self.findings.warn(Warning::AttributeKeyEmpty);
            return Ok(Taken::Dropped);
        }
        if map.open_row_len() >= self.limits.count_max && self.falls_to_the_limit(key, known, map) {
            self.findings.warn(Warning::AttributesTooMany);
            return Ok(Taken::Dropped);
        }
        let code = match known {
            Some(code) => code,
            None => self.new_key(key, map)?,
        };
        let bytes_max = self.limits.value_bytes_max;
        let charged = value.len().min(bytes_max);
        self.charge(MapColumn::ENTRY_BYTES + charged)?;
        let occurrence = map.begin_entry(code);
        let written = self.append_charged(value, bytes_max, map.value(), charged)?;
        map.close_entry();
        if written.extent == Extent::Cut {
            self.findings.warn(Warning::AttributeCut);
        }
        Ok(match occurrence {
            Occurrence::First => Taken::First,
            Occurrence::Again => Taken::Again,
        })
    }

    /// The one attribute by which everybody looks for their data does not, nor does a new value of one that is there.
    #[cold]
    fn falls_to_the_limit(&self, key: &[u8], known: Option<u32>, map: &MapColumn) -> bool {
        let is_there = match known {
            Some(code) => map.open_row_has(code),
            None => false,
        };
        !is_there && key != b"service.name"
    }

    #[cold]
    fn new_key(&mut self, key: &[u8], map: &mut MapColumn) -> Result<u32, MeterError> {
        self.charge(Dictionary::WORD_BYTES + key.len().min(self.limits.key_bytes_max))?;
        let key = short_text(key, self.limits.key_bytes_max, &mut self.findings);
        Ok(map.learn(&key))
    }

    /// Appends the text form of an `AnyValue`, at most `bytes_max` of it.
    #[inline]
    pub fn value(
        &mut self,
        any_value: &[u8],
        bytes_max: usize,
        text: &mut Vec<u8>,
    ) -> Result<Written, ItemError> {
        let charged = any_value.len().min(bytes_max);
        self.charge(charged)?;
        self.append_charged(any_value, bytes_max, text, charged)
    }

    #[inline]
    fn append_charged(
        &mut self,
        any_value: &[u8],
        bytes_max: usize,
        text: &mut Vec<u8>,
        charged: usize,
    ) -> Result<Written, ItemError> {
        let before = text.len();
        let Self { findings, scratch, .. } = self;
        let written = append_value_to_column(any_value, bytes_max, text, scratch, findings)?;
        self.charge_excess(text.len() - before, charged)?;
        Ok(written)
    }

    /// Numbers, escapes and replaced bytes are longer as text. That is known only afterwards, but bounded for each value.
    #[inline]
    fn charge_excess(&mut self, written: usize, charged: usize) -> Result<(), MeterError> {
        match written.checked_sub(charged) {
            None | Some(0) => Ok(()),
            Some(excess) => self.charge(excess),
        }
    }

    /// Appends a text to the open row of a column.
    #[inline]
    pub fn text(&mut self, bytes: &[u8], column: &mut TextColumn) -> Result<(), MeterError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let bytes_max = self.limits.value_bytes_max;
        let charged = bytes.len().min(bytes_max);
        self.charge(charged)?;
        let before = column.open().len();
        let extent = append_to_column(bytes, bytes_max, column.open(), &mut self.findings);
        self.charge_excess(column.open().len() - before, charged)?;
        if extent == Extent::Cut {
            self.findings.warn(Warning::TextCut);
        }
        Ok(())
    }

    /// The code of a name in a column of names.
    #[inline]
    pub fn word(&mut self, bytes: &[u8], column: &mut WordColumn) -> Result<u32, MeterError> {
        match column.find(bytes) {
            Some(code) => Ok(code),
            None => self.new_word(bytes, column),
        }
    }

    #[cold]
    fn new_word(&mut self, bytes: &[u8], column: &mut WordColumn) -> Result<u32, MeterError> {
        self.charge(Dictionary::WORD_BYTES + bytes.len().min(NAME_BYTES_MAX))?;
        let mut word = String::new();
        if append_text(bytes, NAME_BYTES_MAX, &mut word, &mut self.findings) == Extent::Cut {
            self.findings.warn(Warning::TextCut);
        }
        Ok(column.learn(&word))
    }
}

/// What became of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    First,
    /// In the place of one with the same key.
    Again,
    Dropped,
}
