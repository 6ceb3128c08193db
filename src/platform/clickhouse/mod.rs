//! The store: ClickHouse behind a port of few verbs. Adapters: `embedded` (libchdb), `network` (a server) and `null` (for benchmarks).
//!
//! Calls block: they run on threads of the write path or in `spawn_blocking`, never on an async thread.

mod arrow;
mod cancel;
pub mod deployment;
pub mod embedded;
mod error;
pub mod listener;
pub mod migrations;
pub mod network;
mod null;
pub mod parameters;
pub mod rows;
mod settings;

use std::borrow::Cow;
use std::fmt::Debug;

use arrow_array::RecordBatch;

pub use cancel::{CancelOnDrop, CancelToken};
pub use error::{StoreError, StoreErrorKind};
pub use null::NullStore;

/// Port to a ClickHouse engine.
pub trait Store: Send + Sync + Debug {
    /// Runs a statement of ours that returns nothing (schema).
    fn execute(&self, statement: &str) -> Result<(), StoreError>;

    /// Runs one SELECT on a read-only connection with bound parameters. It has ended when this returns, also when it was
    /// cancelled.
    fn select(&self, select: &Select<'_>) -> Result<Rows, StoreError>;

    /// Runs one `INSERT ... SELECT` of ours with bound parameters, one at a time and beside all inserts. When it returns `Ok` the
    /// rows are durable and visible; when it fails some of them may be.
    fn derive(&self, statement: &Select<'_>) -> Result<(), StoreError>;

    /// Inserts one block. When it returns `Ok` the rows are durable and visible.
    fn insert(&self, insert: &Insert<'_>) -> Result<(), StoreError>;
}

/// A SELECT (or what begins with INSERT and ends with one) with `{name:Type}` placeholders and their values in ClickHouse's text form.
#[derive(Debug, Clone, Copy)]
pub struct Select<'a> {
    pub sql: &'a str,
    pub parameters: &'a [Parameter],
    /// Ends the query before its answer is there; without it nobody can.
    pub cancel: Option<&'a CancelToken>,
    /// The answer may have millions of rows: an engine in this process hands them over as they lie in its memory. It does not tell
    /// then how many rows of tables it read; [`Rows::rows_read`] are those of the answer.
    pub large: bool,
}

impl<'a> Select<'a> {
    pub const fn new(sql: &'a str, parameters: &'a [Parameter]) -> Self {
        Self { sql, parameters, cancel: None, large: false }
    }

    #[must_use]
    pub const fn until(mut self, cancel: &'a CancelToken) -> Self {
        self.cancel = Some(cancel);
        self
    }
}

/// A bound value: the placeholder's name, and the value in text form. [`parameters`] writes that form.
pub type Parameter = (Cow<'static, str>, String);

/// The answer of a SELECT.
#[derive(Debug, Default)]
pub struct Rows {
    pub batches: Vec<RecordBatch>,
    /// Rows of tables that the engine read to answer, or, where it does not tell, rows of the answer ([`Select::large`]).
    pub rows_read: u64,
}

/// One block for one table.
#[derive(Debug)]
pub struct Insert<'a> {
    /// Table with its database, from our own constants.
    pub table: &'static str,
    /// The same token means the same rows: the store takes them once. From our own counters, never from outside.
    pub token: &'a str,
    pub batch: &'a RecordBatch,
}

impl Insert<'_> {
    /// Its columns, as a statement lists them.
    fn columns(&self) -> String {
        let schema = self.batch.schema();
        let columns: Vec<_> = schema.fields().iter().map(|field| format!("`{}`", field.name())).collect();
        columns.join(", ")
    }
}
