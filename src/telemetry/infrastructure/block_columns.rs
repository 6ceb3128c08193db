//! Puts the columns of several requests together as Arrow arrays: their dictionaries merged, their texts one after the other.
//!
//! Texts become binary arrays, which the store takes for strings: that they are UTF-8 was seen when they were decoded, and is
//! not checked a second time.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BinaryArray, DictionaryArray, FixedSizeBinaryArray, Int32Array, ListArray, MapArray,
    StringArray, StructArray,
};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, Fields};

use crate::shared::{Dictionary, MapColumn, TextColumn, WordColumn};

/// Where the parts of a variable-length array end. A block whose offsets pass 31 bits is refused when it is finished.
#[derive(Debug)]
struct Offsets {
    ends: Vec<i32>,
    last: usize,
}

impl Offsets {
    fn with_rows(rows: usize) -> Self {
        let mut ends = Vec::with_capacity(rows + 1);
        ends.push(0);
        Self { ends, last: 0 }
    }

    /// Ends that count from what is there now.
    fn extend(&mut self, ends: &[usize]) {
        let base = self.last;
        self.ends.extend(ends.iter().map(|end| i32::try_from(base + end).unwrap_or(i32::MAX)));
        self.last = base + ends.last().copied().unwrap_or_default();
    }

    fn finish(self) -> Result<OffsetBuffer<i32>, ArrowError> {
        if i32::try_from(self.last).is_err() {
            return Err(ArrowError::OffsetOverflowError(self.last));
        }
        Ok(OffsetBuffer::new(ScalarBuffer::from(self.ends)))
    }
}

/// A column of texts.
#[derive(Debug)]
pub struct Texts {
    offsets: Offsets,
    text: Vec<u8>,
}

impl Texts {
    /// All rows of these columns, one column after the other.
    pub fn of<'a>(columns: impl Iterator<Item = &'a TextColumn> + Clone) -> Result<ArrayRef, ArrowError> {
        let mut texts = Self::with_room(
            columns.clone().map(TextColumn::len).sum(),
            columns.clone().map(|column| column.text().len()).sum(),
        );
        columns.for_each(|column| texts.push_all(column));
        Ok(Arc::new(texts.finish()?))
    }

    fn with_room(rows: usize, bytes: usize) -> Self {
        Self { offsets: Offsets::with_rows(rows), text: Vec::with_capacity(bytes) }
    }

    fn push_all(&mut self, column: &TextColumn) {
        self.offsets.extend(column.ends());
        // An open row is no row.
        let end = column.end_of(column.len());
        self.text.extend_from_slice(column.text().get(..end).unwrap_or_default());
    }

    fn finish(self) -> Result<BinaryArray, ArrowError> {
        BinaryArray::try_new(self.offsets.finish()?, Buffer::from_vec(self.text), None)
    }
}

/// A dictionary column for `LowCardinality(String)`.
#[derive(Debug, Default)]
pub struct Words<'a> {
    known: HashMap<&'a str, i32, ahash::RandomState>,
    words: Vec<&'a str>,
    rows: Vec<i32>,
}

impl<'a> Words<'a> {
    pub fn with_rows(rows: usize) -> Self {
        Self { rows: Vec::with_capacity(rows), ..Self::default() }
    }

    /// All rows of these columns, one column after the other.
    pub fn of(columns: impl Iterator<Item = &'a WordColumn>) -> Result<ArrayRef, ArrowError> {
        let mut words = Self::default();
        for column in columns {
            let codes = words.codes_of(column.words());
            words.push_codes(column.codes(), &codes);
        }
        words.finish()
    }

    pub fn code(&mut self, word: &'a str) -> i32 {
        let next = i32::try_from(self.words.len()).unwrap_or(i32::MAX);
        let code = *self.known.entry(word).or_insert(next);
        if code == next {
            self.words.push(word);
        }
        code
    }

    /// By the codes of a request's dictionary, those of the block.
    fn codes_of(&mut self, dictionary: &'a Dictionary) -> Vec<i32> {
        dictionary.words().map(|word| self.code(word)).collect()
    }

    fn push_codes(&mut self, codes: &[u32], translation: &[i32]) {
        let translate = |code: &u32| translation.get(*code as usize).copied().unwrap_or_default();
        self.rows.extend(codes.iter().map(translate));
    }

    pub fn push(&mut self, code: i32, rows: usize) {
        self.rows.resize(self.rows.len() + rows, code);
    }

    /// A row for each of these codes.
    pub fn extend(&mut self, codes: impl Iterator<Item = i32>) {
        self.rows.extend(codes);
    }

    pub fn finish(self) -> Result<ArrayRef, ArrowError> {
        let words = Arc::new(StringArray::from(self.words));
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(Int32Array::from(self.rows), words)?))
    }
}

/// A column for `Map(LowCardinality(String), String)`.
#[derive(Debug)]
pub struct Maps<'a> {
    keys: Words<'a>,
    values: Texts,
    rows: Offsets,
}

impl<'a> Maps<'a> {
    fn with_room(rows: usize, entries: usize, bytes: usize) -> Self {
        Self {
            keys: Words::with_rows(entries),
            values: Texts::with_room(entries, bytes),
            rows: Offsets::with_rows(rows),
        }
    }

    /// All rows of these columns, one column after the other.
    pub fn of(columns: impl Iterator<Item = &'a MapColumn> + Clone) -> Result<ArrayRef, ArrowError> {
        let mut maps = Self::with_room(
            columns.clone().map(MapColumn::len).sum(),
            columns.clone().map(|column| column.codes().len()).sum(),
            columns.clone().map(|column| column.values().text().len()).sum(),
        );
        for column in columns {
            let codes = maps.keys.codes_of(column.keys());
            maps.keys.push_codes(column.codes(), &codes);
            maps.values.push_all(column.values());
            maps.rows.extend(column.row_ends());
        }
        maps.finish()
    }

    pub fn finish(self) -> Result<ArrayRef, ArrowError> {
        let (keys, values) = (self.keys.finish()?, Arc::new(self.values.finish()?) as ArrayRef);
        let fields = Fields::from(vec![
            Field::new("keys", keys.data_type().clone(), false),
            Field::new("values", DataType::Binary, false),
        ]);
        let entries = Field::new("entries", DataType::Struct(fields.clone()), false);
        let pairs = StructArray::try_new(fields, vec![keys, values], None)?;
        Ok(Arc::new(MapArray::try_new(Arc::new(entries), self.rows.finish()?, pairs, None, false)?))
    }
}

/// An array for each row: `ends` of each request count that request's `values`, which are given all together.
pub fn lists<'a>(
    ends: impl Iterator<Item = &'a [usize]> + Clone,
    values: ArrayRef,
) -> Result<ArrayRef, ArrowError> {
    let mut offsets = Offsets::with_rows(ends.clone().map(<[usize]>::len).sum());
    ends.for_each(|ends| offsets.extend(ends));
    let item = Field::new("item", values.data_type().clone(), false);
    Ok(Arc::new(ListArray::try_new(Arc::new(item), offsets.finish()?, values, None)?))
}

/// Ids as they are.
pub fn ids<const BYTES: usize>(
    ids: impl Iterator<Item = [u8; BYTES]>,
    rows: usize,
) -> Result<ArrayRef, ArrowError> {
    let mut bytes = Vec::with_capacity(rows * BYTES);
    ids.for_each(|id| bytes.extend_from_slice(&id));
    let size = i32::try_from(BYTES).unwrap_or(i32::MAX);
    Ok(Arc::new(FixedSizeBinaryArray::try_new(size, Buffer::from_vec(bytes), None)?))
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;

    use super::*;

    fn words(texts: &[&str]) -> WordColumn {
        let mut column = WordColumn::default();
        for text in texts {
            let code = column.learn(text);
            column.push(code);
        }
        column
    }

    #[test]
    fn dictionaries_of_several_requests_become_one() {
        let columns = [words(&["b", "a", "b"]), words(&["a", "c"])];
        let array = Words::of(columns.iter()).unwrap();
        let array = array.as_dictionary::<Int32Type>();
        assert_eq!(array.keys().values(), &[0, 1, 0, 1, 2]);
        let known: Vec<_> = array.values().as_string::<i32>().iter().flatten().collect();
        assert_eq!(known, ["b", "a", "c"]);
    }

    #[test]
    fn an_open_text_is_no_row() {
        let mut columns = [TextColumn::default(), TextColumn::default()];
        columns[0].push("a");
        columns[0].open().extend_from_slice(b"open");
        columns[1].push("bc");
        let array = Texts::of(columns.iter()).unwrap();
        let texts: Vec<_> = array.as_binary::<i32>().iter().flatten().collect();
        assert_eq!(texts, [&b"a"[..], b"bc"]);
    }

    #[test]
    fn a_column_beyond_31_bits_is_refused() {
        let mut offsets = Offsets::with_rows(2);
        offsets.extend(&[i32::MAX as usize]);
        offsets.extend(&[1]);
        assert!(matches!(offsets.finish(), Err(ArrowError::OffsetOverflowError(_))));
    }
}
