//! An answer block by block, as Arrow arrays in the library's memory: it is not written out as bytes to be read again, which takes
//! as long as the query where it has millions of rows.

use std::ptr;

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi_and_data_type};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{Array, RecordBatch, StructArray};
use arrow_schema::DataType;

use super::{Bound, Connection, EngineRefusal, EngineResult};
use crate::platform::clickhouse::Parameter;

impl Connection {
    /// Runs one SELECT with bound parameters. What the engine read for it is not known.
    pub fn query_blocks(
        &mut self,
        sql: &str,
        parameters: &[Parameter],
    ) -> Result<Vec<RecordBatch>, EngineRefusal> {
        let bound = Bound::of(parameters);
        // SAFETY: every pointer is valid for the length that goes with it, for the time of the call; options may be null.
        let handle = unsafe {
            (self.engine.blocks)(
                self.handle(),
                sql.as_ptr().cast(),
                sql.len(),
                ptr::null(),
                bound.names.as_ptr(),
                bound.name_lengths.as_ptr(),
                bound.values.as_ptr(),
                bound.value_lengths.as_ptr(),
                parameters.len(),
            )
        };
        let result = EngineResult::of(&self.engine, handle)?;
        let mut blocks = Blocks { connection: self, result, data_type: None };
        let mut batches = Vec::new();
        while let Some(batch) = blocks.next()? {
            batches.push(batch);
        }
        Ok(batches)
    }
}

/// A query that runs; on every way out it is cancelled, if it has not ended, before its result is destroyed.
struct Blocks<'a> {
    connection: &'a mut Connection,
    result: EngineResult,
    /// The same for all blocks of an answer.
    data_type: Option<DataType>,
}

impl Blocks<'_> {
    /// Absent behind the last one.
    fn next(&mut self) -> Result<Option<RecordBatch>, EngineRefusal> {
        let broken = |what: &str| EngineRefusal(format!("the engine broke its answer off: {what}"));
        let mut block = FFI_ArrowArrayStream::empty();
        // SAFETY: connection and result are open; the library fills `block`, which is ours to release from then on.
        let state = unsafe {
            (self.connection.engine.next_block)(self.connection.handle(), self.result.handle, &raw mut block)
        };
        if state != 0 {
            return Err(self.result.refusal().unwrap_or_else(|| broken("no reason is known")));
        }
        let (Some(get_next), Some(get_schema)) = (block.get_next(), block.get_schema()) else {
            return Ok(None);
        };
        let mut array = FFI_ArrowArray::empty();
        // SAFETY: the stream is open, and `array` is empty.
        if unsafe { get_next(&raw mut block, &raw mut array) } != 0 {
            return Err(broken("a block cannot be taken"));
        }
        if array.is_released() {
            return Ok(None);
        }
        let data_type = match &self.data_type {
            Some(data_type) => data_type.clone(),
            None => {
                let mut schema = FFI_ArrowSchema::empty();
                // SAFETY: the stream is open, and `schema` is empty.
                if unsafe { get_schema(&raw mut block, &raw mut schema) } != 0 {
                    return Err(broken("it has no schema"));
                }
                let data_type = DataType::try_from(&schema).map_err(|error| broken(&error.to_string()))?;
                self.data_type.insert(data_type).clone()
            }
        };
        // SAFETY: the library exports arrays of the type that its schema says; they own their memory.
        let data = unsafe { from_ffi_and_data_type(array, data_type) }
            .map_err(|error| broken(&error.to_string()))?;
        // A text of the engine's may be any bytes.
        data.validate_full().map_err(|error| broken(&error.to_string()))?;
        let rows = StructArray::from(data);
        if rows.null_count() > 0 {
            return Err(broken("a row is absent"));
        }
        Ok(Some(RecordBatch::from(rows)))
    }
}

impl Drop for Blocks<'_> {
    fn drop(&mut self) {
        // SAFETY: connection and result are valid; where the query has ended this does nothing.
        unsafe { (self.connection.engine.cancel_blocks)(self.connection.handle(), self.result.handle) };
    }
}
