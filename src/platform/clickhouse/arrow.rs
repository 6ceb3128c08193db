//! Arrow record batches from the Arrow stream bytes that the engine writes.

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;

use super::{StoreError, StoreErrorKind};

/// The format's name in ClickHouse.
pub(super) const FORMAT: &str = "ArrowStream";

pub(super) fn decode(bytes: &[u8]) -> Result<Vec<RecordBatch>, StoreError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    StreamReader::try_new(bytes, None)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| StoreError::new(StoreErrorKind::Answer, error.to_string()))
}
