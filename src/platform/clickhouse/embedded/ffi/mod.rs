//! Calls libchdb's C interface. The only folder with `unsafe`: it turns raw handles into owned Rust values. Answers stay in the
//! library's memory, which is freed when nobody reads them any more.
//!
//! The library is opened at run time, so that a server which talks to a ClickHouse cluster does not need it.
#![allow(unsafe_code)]

mod blocks;
mod inserting;

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use bytes::Bytes;
use libloading::Library;

use super::super::Parameter;

type Handle = *mut c_void;
type ConnectFn = unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut Handle;
type CloseFn = unsafe extern "C" fn(*mut Handle);
type QueryFn = unsafe extern "C" fn(
    Handle,
    *const c_char,
    usize,
    *const c_char,
    usize,
    *const *const c_char,
    *const usize,
    *const *const c_char,
    *const usize,
    usize,
) -> Handle;
/// Options are null for the default: texts as texts, words of a dictionary written out.
type BlocksFn = unsafe extern "C" fn(
    Handle,
    *const c_char,
    usize,
    *const c_void,
    *const *const c_char,
    *const usize,
    *const *const c_char,
    *const usize,
    usize,
) -> Handle;
type CancelBlocksFn = unsafe extern "C" fn(Handle, Handle);
type NextBlockFn = unsafe extern "C" fn(Handle, Handle, *mut FFI_ArrowArrayStream) -> c_int;
type ArrowScanFn =
    unsafe extern "C" fn(Handle, *const c_char, *mut FFI_ArrowSchema, *mut FFI_ArrowArray) -> c_int;
type ArrowUnregisterFn = unsafe extern "C" fn(Handle, *const c_char) -> c_int;
type StreamInsertFn = unsafe extern "C" fn(Handle, *const c_char, usize, *const c_char, usize) -> Handle;
type StreamAppendFn = unsafe extern "C" fn(Handle, *const c_void, usize) -> c_int;
type TakesHandleFn = unsafe extern "C" fn(Handle);
type HandleOfHandleFn = unsafe extern "C" fn(Handle) -> Handle;
type ReturnsTextFn = unsafe extern "C" fn(Handle) -> *const c_char;
type ReturnsSizeFn = unsafe extern "C" fn(Handle) -> usize;
type ReturnsCountFn = unsafe extern "C" fn(Handle) -> u64;
type SignalHandlersFn = unsafe extern "C" fn(c_int);

/// Why the library cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("cannot load {path}: {reason}")]
    Load { path: String, reason: String },
    #[error(
        "{path} lacks the function {function}: it is not the libchdb version that this server is built for"
    )]
    Function { path: String, function: &'static str },
    #[error("the engine refused to open its data folder (is it damaged, or of a newer version?)")]
    Connect,
    #[error("a path holds a zero byte")]
    Path,
}

/// What the engine said when it refused a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineRefusal(pub String);

/// libchdb, loaded. One per process and data folder.
pub struct Engine {
    connect: ConnectFn,
    close: CloseFn,
    query: QueryFn,
    blocks: BlocksFn,
    next_block: NextBlockFn,
    cancel_blocks: CancelBlocksFn,
    arrow_scan: ArrowScanFn,
    arrow_unregister: ArrowUnregisterFn,
    result_buffer: ReturnsTextFn,
    result_length: ReturnsSizeFn,
    result_error: ReturnsTextFn,
    result_storage_rows_read: ReturnsCountFn,
    result_storage_bytes_read: ReturnsCountFn,
    result_rows: ReturnsCountFn,
    result_rows_written: ReturnsCountFn,
    stream_insert: StreamInsertFn,
    stream_append: StreamAppendFn,
    stream_done: HandleOfHandleFn,
    stream_error: ReturnsTextFn,
    destroy_stream: TakesHandleFn,
    destroy_result: TakesHandleFn,
    /// Never unloaded: the engine's own threads run on after the last connection was closed.
    _library: ManuallyDrop<Library>,
}

impl Engine {
    /// Loads the library and leaves the process's signal handlers as they are.
    pub fn load(path: &Path) -> Result<Arc<Self>, EngineError> {
        let shown = path.display().to_string();
        // SAFETY: loading runs the library's initialisers; it is the pinned libchdb, which has none that need a condition of us.
        let library = unsafe { Library::new(path) }
            .map_err(|error| EngineError::Load { path: shown.clone(), reason: error.to_string() })?;
        macro_rules! function {
            ($name:literal) => {{
                // SAFETY: the types above follow the header of the pinned version.
                *unsafe { library.get(concat!($name, "\0").as_bytes()) }
                    .map_err(|_| EngineError::Function { path: shown.clone(), function: $name })?
            }};
        }
        let set_signal_handlers: SignalHandlersFn = function!("chdb_set_signal_handlers_enabled");
        let engine = Self {
            connect: function!("chdb_connect"),
            close: function!("chdb_close_conn"),
            query: function!("chdb_query_with_params_n"),
            blocks: function!("chdb_stream_query_arrow_with_params_n"),
            next_block: function!("chdb_stream_fetch_arrow"),
            cancel_blocks: function!("chdb_stream_cancel_query"),
            arrow_scan: function!("chdb_arrow_array_scan"),
            arrow_unregister: function!("chdb_arrow_unregister_table"),
            result_buffer: function!("chdb_result_buffer"),
            result_length: function!("chdb_result_length"),
            result_error: function!("chdb_result_error"),
            result_storage_rows_read: function!("chdb_result_storage_rows_read"),
            result_storage_bytes_read: function!("chdb_result_storage_bytes_read"),
            result_rows: function!("chdb_result_rows_read"),
            result_rows_written: function!("chdb_result_rows_written"),
            stream_insert: function!("chdb_stream_insert_n"),
            stream_append: function!("chdb_stream_append"),
            stream_done: function!("chdb_stream_done"),
            stream_error: function!("chdb_stream_insert_error"),
            destroy_stream: function!("chdb_destroy_insert_stream"),
            destroy_result: function!("chdb_destroy_query_result"),
            _library: ManuallyDrop::new(library),
        };
        // SAFETY: takes a plain number; called before the first connection, as the header asks.
        unsafe { set_signal_handlers(0) };
        Ok(Arc::new(engine))
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Engine(libchdb)")
    }
}

/// One connection to the engine. Used by one thread at a time (`&mut self`), closed when dropped.
pub struct Connection {
    engine: Arc<Engine>,
    slot: NonNull<Handle>,
}

// SAFETY: a connection may move between threads; `&mut self` on every call keeps two from using it at once.
unsafe impl Send for Connection {}

/// A statement's answer.
#[derive(Debug, Default)]
pub struct EngineAnswer {
    /// The library's own memory: answers are large, and a copy of one costs as much as its query.
    pub bytes: Bytes,
    /// From tables. What the library calls `rows_read` are the rows of the answer.
    pub rows_read: u64,
    /// From tables.
    pub bytes_read: u64,
    /// In the answer.
    pub rows: u64,
    pub rows_written: u64,
}

impl Connection {
    /// Opens a connection with arguments like `--path=DIR`. All connections of a process name the same path.
    pub fn open(engine: &Arc<Engine>, arguments: &[String]) -> Result<Self, EngineError> {
        let owned: Vec<CString> = std::iter::once("telemetryflow")
            .chain(arguments.iter().map(String::as_str))
            .map(CString::new)
            .collect::<Result<_, _>>()
            .map_err(|_| EngineError::Path)?;
        let mut argv: Vec<*mut c_char> = owned.iter().map(|argument| argument.as_ptr().cast_mut()).collect();
        let argc = c_int::try_from(argv.len()).map_err(|_| EngineError::Path)?;
        // SAFETY: argv holds argc valid C strings that outlive the call; the library copies them.
        let slot = unsafe { (engine.connect)(argc, argv.as_mut_ptr()) };
        let slot = NonNull::new(slot).ok_or(EngineError::Connect)?;
        let connection = Self { engine: Arc::clone(engine), slot };
        if connection.handle().is_null() { Err(EngineError::Connect) } else { Ok(connection) }
    }

    fn handle(&self) -> Handle {
        // SAFETY: the slot stays valid until `chdb_close_conn` in `drop`.
        unsafe { *self.slot.as_ptr() }
    }

    /// Runs one statement with bound parameters; the answer is in `format`.
    pub fn query(
        &mut self,
        sql: &str,
        format: &str,
        parameters: &[Parameter],
    ) -> Result<EngineAnswer, EngineRefusal> {
        let bound = Bound::of(parameters);
        // SAFETY: every pointer is valid for the length that goes with it, for the time of the call.
        let result = unsafe {
            (self.engine.query)(
                self.handle(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
                bound.names.as_ptr(),
                bound.name_lengths.as_ptr(),
                bound.values.as_ptr(),
                bound.value_lengths.as_ptr(),
                parameters.len(),
            )
        };
        self.take_result(result)
    }

    fn take_result(&self, result: Handle) -> Result<EngineAnswer, EngineRefusal> {
        let result = EngineResult::of(&self.engine, result)?;
        // SAFETY: the result is valid until it is dropped.
        let count = |function: ReturnsCountFn| unsafe { function(result.handle) };
        let (rows_read, bytes_read) =
            (count(self.engine.result_storage_rows_read), count(self.engine.result_storage_bytes_read));
        let (rows, rows_written) = (count(self.engine.result_rows), count(self.engine.result_rows_written));
        Ok(EngineAnswer { bytes: Bytes::from_owner(result), rows_read, bytes_read, rows, rows_written })
    }
}

/// Parameters as the library takes them: pointers into them, valid as long as they are.
struct Bound<'a> {
    names: Vec<*const c_char>,
    name_lengths: Vec<usize>,
    values: Vec<*const c_char>,
    value_lengths: Vec<usize>,
    _parameters: PhantomData<&'a [Parameter]>,
}

impl<'a> Bound<'a> {
    fn of(parameters: &'a [Parameter]) -> Self {
        Self {
            names: parameters.iter().map(|(name, _)| name.as_ptr().cast()).collect(),
            name_lengths: parameters.iter().map(|(name, _)| name.len()).collect(),
            values: parameters.iter().map(|(_, value)| value.as_ptr().cast()).collect(),
            value_lengths: parameters.iter().map(|(_, value)| value.len()).collect(),
            _parameters: PhantomData,
        }
    }
}

/// An answer in the library's memory: a whole one, which nobody writes to any more and which does not depend on its connection, or
/// one that comes in blocks.
struct EngineResult {
    engine: Arc<Engine>,
    handle: Handle,
}

impl EngineResult {
    /// Owns what the library gave, unless that is nothing, or says why the statement was refused.
    fn of(engine: &Arc<Engine>, handle: Handle) -> Result<Self, EngineRefusal> {
        if handle.is_null() {
            return Err(EngineRefusal("the engine gave no answer".to_owned()));
        }
        let result = Self { engine: Arc::clone(engine), handle };
        result.refusal().map_or(Ok(result), Err)
    }

    fn refusal(&self) -> Option<EngineRefusal> {
        // SAFETY: the result is valid until it is dropped; the text is copied before that.
        unsafe { text_at((self.engine.result_error)(self.handle)) }.map(EngineRefusal)
    }
}

// SAFETY: the library gives the answer away: it is a block of memory that any thread may read, and free once.
unsafe impl Send for EngineResult {}

impl AsRef<[u8]> for EngineResult {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the buffer is valid until the result is destroyed in `drop`, which the borrow forbids.
        unsafe {
            let (start, length) =
                ((self.engine.result_buffer)(self.handle), (self.engine.result_length)(self.handle));
            bytes_at(start, length)
        }
    }
}

impl Drop for EngineResult {
    fn drop(&mut self) {
        // SAFETY: the handle came from a query and is destroyed exactly once.
        unsafe { (self.engine.destroy_result)(self.handle) };
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: the slot came from `chdb_connect` and is closed exactly once.
        unsafe { (self.engine.close)(self.slot.as_ptr()) };
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection(libchdb)")
    }
}

/// # Safety
/// `text` is null or a C string that is valid during the call.
unsafe fn text_at(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: see above.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    (!text.is_empty()).then_some(text)
}

/// # Safety
/// `start` is null or valid for `length` bytes as long as `'a`.
const unsafe fn bytes_at<'a>(start: *const c_char, length: usize) -> &'a [u8] {
    if start.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: see above.
    unsafe { std::slice::from_raw_parts(start.cast::<u8>(), length) }
}
