//! Rows that the store wrote as JSON arrays.

use serde::de::DeserializeOwned;

use crate::platform::clickhouse::rows::Columns;
use crate::platform::clickhouse::{Rows, StoreError, StoreErrorKind};

pub fn decoded<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::new(StoreErrorKind::Answer, error.to_string()))
}

/// All rows of a column of such texts.
pub fn decoded_column<T: DeserializeOwned>(rows: &Rows, name: &str) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::new();
    for batch in &rows.batches {
        for text in Columns(batch).texts(name)?.iter().flatten() {
            found.push(decoded(text)?);
        }
    }
    Ok(found)
}
