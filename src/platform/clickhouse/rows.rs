//! Reads the columns of an answer by name, and says so if they are not what the statement promises.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int16Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{
    Array, ArrowPrimitiveType, BooleanArray, FixedSizeBinaryArray, Float64Array, Int16Array, Int64Array,
    ListArray, MapArray, PrimitiveArray, RecordBatch, StringArray, UInt32Array, UInt64Array,
};

use super::{StoreError, StoreErrorKind};

/// The columns of one batch of rows.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a>(pub &'a RecordBatch);

impl<'a> Columns<'a> {
    fn column(self, name: &str) -> Result<&'a dyn Array, StoreError> {
        self.0.column_by_name(name).map(AsRef::as_ref).ok_or_else(|| unexpected(name))
    }

    /// Whether the statement asked for it.
    pub fn has(self, name: &str) -> bool {
        self.0.column_by_name(name).is_some()
    }

    pub fn texts(self, name: &str) -> Result<&'a StringArray, StoreError> {
        self.column(name)?.as_string_opt::<i32>().ok_or_else(|| unexpected(name))
    }

    pub fn numbers<T: ArrowPrimitiveType>(self, name: &str) -> Result<&'a PrimitiveArray<T>, StoreError> {
        self.column(name)?.as_primitive_opt::<T>().ok_or_else(|| unexpected(name))
    }

    pub fn doubles(self, name: &str) -> Result<&'a Float64Array, StoreError> {
        self.numbers::<Float64Type>(name)
    }

    pub fn counts(self, name: &str) -> Result<&'a UInt64Array, StoreError> {
        self.numbers::<UInt64Type>(name)
    }

    pub fn integers(self, name: &str) -> Result<&'a Int64Array, StoreError> {
        self.numbers::<Int64Type>(name)
    }

    pub fn short_integers(self, name: &str) -> Result<&'a Int16Array, StoreError> {
        self.numbers::<Int16Type>(name)
    }

    pub fn short_counts(self, name: &str) -> Result<&'a UInt32Array, StoreError> {
        self.numbers::<UInt32Type>(name)
    }

    /// Texts of one length, as ids are.
    pub fn binaries(self, name: &str) -> Result<&'a FixedSizeBinaryArray, StoreError> {
        self.column(name)?.as_fixed_size_binary_opt().ok_or_else(|| unexpected(name))
    }

    /// Maps of texts to texts.
    pub fn maps(self, name: &str) -> Result<TextMaps<'a>, StoreError> {
        self.column(name)?.as_map_opt().and_then(TextMaps::of).ok_or_else(|| unexpected(name))
    }

    /// Maps of texts to texts within the lists of a column, one after the other.
    pub fn maps_of_items(self, name: &str) -> Result<TextMaps<'a>, StoreError> {
        TextMaps::of(self.items(name)?).ok_or_else(|| unexpected(name))
    }

    pub fn flags(self, name: &str) -> Result<&'a BooleanArray, StoreError> {
        self.column(name)?.as_boolean_opt().ok_or_else(|| unexpected(name))
    }

    /// What is in the lists of a column, one after the other.
    pub fn items<A: Array + 'static>(self, name: &str) -> Result<&'a A, StoreError> {
        self.lists(name)?.values().as_any().downcast_ref::<A>().ok_or_else(|| unexpected(name))
    }

    pub fn lists(self, name: &str) -> Result<&'a ListArray, StoreError> {
        self.column(name)?.as_list_opt::<i32>().ok_or_else(|| unexpected(name))
    }
}

/// Maps of texts to texts.
#[derive(Debug, Clone, Copy)]
pub struct TextMaps<'a> {
    offsets: &'a [i32],
    keys: &'a StringArray,
    values: &'a StringArray,
}

impl<'a> TextMaps<'a> {
    fn of(maps: &'a MapArray) -> Option<Self> {
        let (keys, values) = (maps.keys().as_string_opt()?, maps.values().as_string_opt()?);
        Some(Self { offsets: maps.value_offsets(), keys, values })
    }

    pub fn row(self, at: usize) -> impl Iterator<Item = (&'a str, &'a str)> {
        within(self.offsets, at).map(move |at| (self.keys.value(at), self.values.value(at)))
    }
}

/// Where the items of a list or map lie.
pub fn within(offsets: &[i32], at: usize) -> Range<usize> {
    let place = |at: usize| offsets.get(at).and_then(|offset| usize::try_from(*offset).ok());
    place(at).zip(place(at + 1)).map_or(0..0, |(from, to)| from..to)
}

fn unexpected(name: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Answer, format!("column {name} is missing or of another type"))
}
