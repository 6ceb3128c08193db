//! Columns of text: dictionaries for what repeats, maps for attributes.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{MapBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow_schema::ArrowError;

use crate::shared::Attribute;

/// A dictionary column for `LowCardinality(String)`, filled run by run.
#[derive(Debug)]
pub(super) struct Texts<'a> {
    known: HashMap<&'a str, i32, ahash::RandomState>,
    values: Vec<&'a str>,
    rows: Vec<i32>,
}

impl<'a> Texts<'a> {
    pub(super) fn with_rows(rows: usize) -> Self {
        Self { known: HashMap::default(), values: Vec::new(), rows: Vec::with_capacity(rows) }
    }

    pub(super) fn push(&mut self, text: &'a str, rows: usize) {
        let next = i32::try_from(self.values.len()).unwrap_or(i32::MAX);
        let code = *self.known.entry(text).or_insert(next);
        if code == next {
            self.values.push(text);
        }
        self.rows.resize(self.rows.len() + rows, code);
    }

    pub(super) fn finish(self) -> Result<ArrayRef, ArrowError> {
        let values = Arc::new(StringArray::from(self.values));
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(Int32Array::from(self.rows), values)?))
    }
}

/// A column of `Map(LowCardinality(String), String)`.
pub(super) fn maps<'a>(rows: impl Iterator<Item = &'a [Attribute]> + Clone) -> Result<ArrayRef, ArrowError> {
    // Counted first: what many series share is spelled out for each of them, and must not double when it grows.
    let (mut count, mut entries, mut keys, mut values) = (0, 0, 0, 0);
    for attributes in rows.clone() {
        count += 1;
        entries += attributes.len();
        keys += attributes.iter().map(|attribute| attribute.key.len()).sum::<usize>();
        values += attributes.iter().map(|attribute| attribute.value.len()).sum::<usize>();
    }
    let keys = StringBuilder::with_capacity(entries, keys);
    let values = StringBuilder::with_capacity(entries, values);
    let mut maps = MapBuilder::with_capacity(None, keys, values, count);
    for attributes in rows {
        for attribute in attributes {
            maps.keys().append_value(&attribute.key);
            maps.values().append_value(&attribute.value);
        }
        maps.append(true)?;
    }
    Ok(Arc::new(maps.finish()))
}
