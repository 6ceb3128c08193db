//! Reads the columns of an answer by name, and says so if they are not what the statement promises.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int16Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{
    Array, BooleanArray, Float64Array, Int16Array, Int64Array, ListArray, RecordBatch, StringArray,
    UInt32Array, UInt64Array,
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

    pub fn doubles(self, name: &str) -> Result<&'a Float64Array, StoreError> {
        self.column(name)?.as_primitive_opt::<Float64Type>().ok_or_else(|| unexpected(name))
    }

    pub fn counts(self, name: &str) -> Result<&'a UInt64Array, StoreError> {
        self.column(name)?.as_primitive_opt::<UInt64Type>().ok_or_else(|| unexpected(name))
    }

    pub fn integers(self, name: &str) -> Result<&'a Int64Array, StoreError> {
        self.column(name)?.as_primitive_opt::<Int64Type>().ok_or_else(|| unexpected(name))
    }

    pub fn short_integers(self, name: &str) -> Result<&'a Int16Array, StoreError> {
        self.column(name)?.as_primitive_opt::<Int16Type>().ok_or_else(|| unexpected(name))
    }

    pub fn short_counts(self, name: &str) -> Result<&'a UInt32Array, StoreError> {
        self.column(name)?.as_primitive_opt::<UInt32Type>().ok_or_else(|| unexpected(name))
    }

    pub fn flags(self, name: &str) -> Result<&'a BooleanArray, StoreError> {
        self.column(name)?.as_boolean_opt().ok_or_else(|| unexpected(name))
    }

    pub fn lists(self, name: &str) -> Result<&'a ListArray, StoreError> {
        self.column(name)?.as_list_opt::<i32>().ok_or_else(|| unexpected(name))
    }
}

fn unexpected(name: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Answer, format!("column {name} is missing or of another type"))
}
