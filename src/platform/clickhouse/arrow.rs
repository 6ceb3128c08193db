//! Between Arrow record batches and the Arrow stream bytes that the engine reads and writes.

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;

use super::{StoreError, StoreErrorKind};

/// The format's name in ClickHouse.
pub(super) const FORMAT: &str = "ArrowStream";

pub fn encode(batch: &RecordBatch) -> Result<Vec<u8>, StoreError> {
    let write = || -> Result<Vec<u8>, ArrowError> {
        let mut writer =
            StreamWriter::try_new(Vec::with_capacity(batch.get_array_memory_size()), &batch.schema())?;
        writer.write(batch)?;
        writer.into_inner()
    };
    write().map_err(|error| StoreError::new(StoreErrorKind::Refused, error.to_string()))
}

pub(super) fn decode(bytes: &[u8]) -> Result<Vec<RecordBatch>, StoreError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    StreamReader::try_new(bytes, None)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| StoreError::new(StoreErrorKind::Answer, error.to_string()))
}
