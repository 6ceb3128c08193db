//! What goes in: rows in a format of the engine's, and blocks that are lent to it.

use std::ffi::CString;
use std::fmt;

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, to_ffi};
use arrow_array::{Array, RecordBatch, StructArray};

use super::{Connection, EngineAnswer, EngineRefusal, Handle, text_at};

impl Connection {
    /// Lends a block to the engine for the time of `work`: statements of this connection find it as `arrowstream('name')`.
    /// The engine reads the block's own memory. `name` is not in use, and a plain word.
    pub fn with_block<T>(
        &mut self,
        name: &str,
        block: &RecordBatch,
        work: impl FnOnce(&mut Self) -> Result<T, EngineRefusal>,
    ) -> Result<T, EngineRefusal> {
        let refused = |error: &dyn fmt::Display| EngineRefusal(format!("a block cannot be lent: {error}"));
        let name = CString::new(name).map_err(|error| refused(&error))?;
        let data = StructArray::from(block.clone()).into_data();
        let (array, schema) = to_ffi(&data).map_err(|error| refused(&error))?;
        let mut lent = LentBlock { connection: self, name, array, schema };
        // SAFETY: name, schema and array stay where they are until `lent` is dropped, which takes them back first. The engine
        // does not release them.
        let state = unsafe {
            let engine = &lent.connection.engine;
            let (schema, array) = (&raw mut lent.schema, &raw mut lent.array);
            (engine.arrow_scan)(lent.connection.handle(), lent.name.as_ptr(), schema, array)
        };
        if state != 0 {
            return Err(refused(&"the engine does not take it"));
        }
        work(lent.connection)
    }

    /// Runs `INSERT INTO table (columns)` with rows in `format` that are sent along. None of them is stored when this fails, unless
    /// they were more than one block.
    pub fn insert_rows(
        &mut self,
        statement: &str,
        format: &str,
        rows: &[&[u8]],
    ) -> Result<EngineAnswer, EngineRefusal> {
        // SAFETY: every pointer is valid for the length that goes with it, for the time of the call.
        let handle = unsafe {
            (self.engine.stream_insert)(
                self.handle(),
                statement.as_ptr().cast(),
                statement.len(),
                format.as_ptr().cast(),
                format.len(),
            )
        };
        let stream = InsertStream { connection: self, handle };
        if let Some(refusal) = stream.refusal() {
            return Err(refusal);
        }
        // SAFETY: the stream is open, and each part valid for its length; the library copies it. Where one is not taken, `done` says
        // why.
        let _ = rows.iter().try_for_each(|part| {
            match unsafe {
                (stream.connection.engine.stream_append)(stream.handle, part.as_ptr().cast(), part.len())
            } {
                0 => Ok(()),
                _ => Err(()),
            }
        });
        // SAFETY: the stream is open; it is ended once, and its result owned from here on.
        let result = unsafe { (stream.connection.engine.stream_done)(stream.handle) };
        stream.connection.take_result(result)
    }
}

/// Rows on their way into a table; destroyed on every way out, which cancels what was not ended.
struct InsertStream<'a> {
    connection: &'a mut Connection,
    handle: Handle,
}

impl InsertStream<'_> {
    fn refusal(&self) -> Option<EngineRefusal> {
        if self.handle.is_null() {
            return Some(EngineRefusal("the engine gave no stream".to_owned()));
        }
        // SAFETY: the handle is valid; the text is copied.
        unsafe { text_at((self.connection.engine.stream_error)(self.handle)) }.map(EngineRefusal)
    }
}

impl Drop for InsertStream<'_> {
    fn drop(&mut self) {
        if !self.handle.is_null() {
            // SAFETY: the handle came from the library and is destroyed exactly once.
            unsafe { (self.connection.engine.destroy_stream)(self.handle) };
        }
    }
}

/// Takes a block back, also when the work with it panics, before its memory is given up.
struct LentBlock<'a> {
    connection: &'a mut Connection,
    name: CString,
    array: FFI_ArrowArray,
    schema: FFI_ArrowSchema,
}

impl Drop for LentBlock<'_> {
    fn drop(&mut self) {
        // SAFETY: the connection is open and the name valid; no statement runs on it now. A name that is not registered is
        // an error that changes nothing.
        unsafe { (self.connection.engine.arrow_unregister)(self.connection.handle(), self.name.as_ptr()) };
    }
}
