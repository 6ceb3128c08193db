//! The store behind a connection that fails as it is told, in a process that may die around an insert.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;
use parking_lot::Mutex;
use telemetryflow::platform::clickhouse::{Insert, Rows, Select, Store, StoreError, StoreErrorKind};

use super::control::{Control, Order};
use super::crash::{Crash, Point};

/// How many batches are remembered; fewer are in flight.
const BATCHES_MAX: usize = 256;

/// Where a row takes the place of another one with the same key, as soon as parts are merged.
const REPLACING: [&str; 2] = ["telemetryflow.metric_samples", "telemetryflow.otel_traces"];

/// Hours of work, all of it in one aggregation.
const ENDLESS: &str = "SELECT sum(sipHash64(number)) AS sum FROM numbers(1000000000000000)";

/// Keeps the parts of those tables as they are inserted, from now on and in every later process: the engine may merge
/// one byte at most, and may have more parts than it would otherwise stand.
pub fn keep_copies(store: &dyn Store) -> Result<(), StoreError> {
    REPLACING.iter().try_for_each(|table| {
        store.execute(&format!(
            "ALTER TABLE {table} MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1, \
             max_bytes_to_merge_at_min_space_in_pool = 1, parts_to_delay_insert = 100000, parts_to_throw_insert = 100000"
        ))
    })
}

#[derive(Debug)]
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    crash: Arc<Crash>,
    control: Control,
    progress: Mutex<Progress>,
}

impl FaultyStore {
    pub fn new(inner: Arc<dyn Store>, crash: Arc<Crash>, control: Control) -> Self {
        Self { inner, crash, control, progress: Mutex::default() }
    }

    fn visit_before(&self, insert: &Insert<'_>) {
        let last = self.progress.lock().last_table(batch_of(insert));
        match last {
            None => self.crash.at(Point::BeforeInsert),
            Some(table) if table != insert.table => self.crash.at(Point::BetweenTables),
            Some(_) => {}
        }
    }
}

impl Store for FaultyStore {
    fn execute(&self, statement: &str) -> Result<(), StoreError> {
        self.inner.execute(statement)
    }

    fn select(&self, select: &Select<'_>) -> Result<Rows, StoreError> {
        match (select.cancel, self.control.now()) {
            (Some(cancel), Order::Slow) => self.inner.select(&Select::new(ENDLESS, &[]).until(cancel)),
            _ => self.inner.select(select),
        }
    }

    fn derive(&self, statement: &Select<'_>) -> Result<(), StoreError> {
        self.inner.derive(statement)
    }

    fn insert(&self, insert: &Insert<'_>) -> Result<(), StoreError> {
        self.visit_before(insert);
        let order = self.control.after_hanging();
        match &order {
            Order::Down | Order::Full => return Err(unavailable("the store is down")),
            Order::Refuse(text) if holds(insert, text)? => {
                return Err(StoreError::new(StoreErrorKind::Refused, "the store refuses this text"));
            }
            Order::Up | Order::Cut | Order::Hang | Order::Slow | Order::Refuse(_) => {}
        }
        self.crash.during(Point::MidInsert, || self.inner.insert(insert))?;
        self.progress.lock().inserted(batch_of(insert), insert.table);
        self.crash.at(Point::AfterInsert);
        if order == Order::Cut { Err(unavailable("the connection was cut")) } else { Ok(()) }
    }
}

fn unavailable(why: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, why)
}

/// An Arrow stream is not compressed, so a text of a block is found in its bytes.
fn holds(insert: &Insert<'_>, text: &str) -> Result<bool, StoreError> {
    let write = || -> Result<Vec<u8>, ArrowError> {
        let mut writer = StreamWriter::try_new(Vec::new(), &insert.batch.schema())?;
        writer.write(insert.batch)?;
        writer.into_inner()
    };
    let bytes = write().map_err(|error| StoreError::new(StoreErrorKind::Refused, error.to_string()))?;
    Ok(bytes.windows(text.len().max(1)).any(|window| window == text.as_bytes()))
}

/// The token without the table behind it.
fn batch_of<'i>(insert: &Insert<'i>) -> &'i str {
    insert.token.strip_suffix(insert.table).unwrap_or(insert.token)
}

/// The table that a batch came to last.
#[derive(Debug, Default)]
struct Progress(VecDeque<(String, &'static str)>);

impl Progress {
    fn last_table(&self, batch: &str) -> Option<&'static str> {
        self.0.iter().rev().find(|(known, _)| known == batch).map(|(_, table)| *table)
    }

    fn inserted(&mut self, batch: &str, table: &'static str) {
        if self.0.len() == BATCHES_MAX {
            self.0.pop_front();
        }
        self.0.push_back((batch.to_owned(), table));
    }
}
