//! Arrow record batches from the Arrow stream bytes that the engine writes.

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_schema::ArrowError;
use bytes::Bytes;

use super::{StoreError, StoreErrorKind};

/// The format's name in ClickHouse.
pub(super) const FORMAT: &str = "ArrowStream";

/// The batches of a whole stream; they lie in its memory and keep it.
pub(super) fn decode(bytes: Bytes) -> Result<Vec<RecordBatch>, StoreError> {
    let mut rest = Buffer::from(bytes);
    batches(&mut rest).map_err(|error| StoreError::new(StoreErrorKind::Answer, error.to_string()))
}

fn batches(rest: &mut Buffer) -> Result<Vec<RecordBatch>, ArrowError> {
    let (mut decoder, mut batches) = (StreamDecoder::new(), Vec::new());
    while !rest.is_empty() {
        batches.extend(decoder.decode(rest)?);
    }
    decoder.finish()?;
    Ok(batches)
}
