//! The embedded engine: a data folder of our own, opened by this process alone, and a pool of connections for each of
//! writing and reading.

mod canceller;
mod ffi;
mod locate;
mod session;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use self::canceller::Canceller;
use self::ffi::{Connection, Engine, EngineRefusal};
use super::settings::{self, assignment};
use super::{Insert, Rows, Select, Store, StoreError, StoreErrorKind, arrow};

pub use ffi::EngineError;
pub use locate::{LibraryNotFound, find_library};
pub use session::{Reply, Session};

/// Names of blocks that are lent to the engine: its registry is one for all connections.
static BLOCKS: AtomicU64 = AtomicU64::new(0);

/// How long a statement waits for a free connection before it is answered as unavailable.
const CONNECTION_WAIT_MAX: Duration = Duration::from_secs(30);

/// How to open the engine.
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    pub library: PathBuf,
    /// Data folder; made if it is not there.
    pub path: PathBuf,
    /// Connections for inserts, and so the inserts in flight.
    pub writers: usize,
    /// Connections for queries, and so the queries in flight.
    pub readers: usize,
    /// Memory that the engine may take, in bytes.
    pub memory_bytes_max: u64,
    pub query_limits: QueryLimits,
}

/// Limits on each query, enforced by the engine.
#[derive(Debug, Clone, Copy)]
pub struct QueryLimits {
    pub time_max: Duration,
    pub memory_bytes_max: u64,
    /// Rows read from tables.
    pub rows_max: u64,
}

/// Why the embedded store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the data folder {path} is in use by another process")]
    InUse { path: PathBuf },
    #[error("cannot use the data folder {path}")]
    Folder { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
    #[error(transparent)]
    Setting(#[from] StoreError),
}

/// ClickHouse inside this process.
#[derive(Debug)]
pub struct EmbeddedStore {
    // Declared before the lock: connections close first, then the folder is free for others.
    writers: Pool,
    readers: Pool,
    /// Of one connection, so that what it does holds up no insert.
    background: Pool,
    canceller: Canceller,
    /// What further connections are opened with.
    engine: Arc<Engine>,
    arguments: Vec<String>,
    _lock: File,
}

impl EmbeddedStore {
    pub fn open(options: &EmbeddedOptions) -> Result<Self, OpenError> {
        let lock = lock_folder(&options.path)?;
        let engine = Engine::load(&options.library)?;
        // The engine loses files under a relative path.
        let folder = options.path.canonicalize();
        let folder = folder.map_err(|source| OpenError::Folder { path: options.path.clone(), source })?;
        let arguments = vec![
            format!("--path={}", folder.join("clickhouse").display()),
            format!("--max_server_memory_usage={}", options.memory_bytes_max),
        ];
        let writers = Pool::open(&engine, &arguments, options.writers, |_| Ok(()))?;
        let background = Pool::open(&engine, &arguments, 1, |_| Ok(()))?;
        let readers = Pool::open(&engine, &arguments, options.readers, |connection| {
            restrict_to_reading(connection, options.query_limits)
        })?;
        let canceller = Connection::open(&engine, &arguments)?;
        let canceller = Canceller::start(canceller).map_err(OpenError::Thread)?;
        Ok(Self { writers, readers, background, canceller, engine, arguments, _lock: lock })
    }

    /// Runs one statement of the operator's on a read-only connection and gives the answer in a format of the engine's.
    pub fn read_as(&self, statement: &str, format: &str) -> Result<Vec<u8>, StoreError> {
        let read = |connection: &mut Connection| connection.query(statement, format, &[]).map_err(refused);
        self.readers.with(read).map(|answer| answer.bytes.to_vec())
    }
}

/// One process per data folder: the lock goes with the process, however it ends.
fn lock_folder(path: &Path) -> Result<File, OpenError> {
    let failed = |source| OpenError::Folder { path: path.to_owned(), source };
    std::fs::create_dir_all(path).map_err(failed)?;
    let lock = File::create(path.join("LOCK")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Limits first; `readonly` last, since it forbids to change the others.
fn restrict_to_reading(connection: &mut Connection, limits: QueryLimits) -> Result<(), StoreError> {
    let readonly = ("readonly", "1".to_owned());
    for setting in settings::of_reading(limits).iter().chain([&readonly]) {
        connection.query(&format!("SET {}", assignment(setting)), "Null", &[]).map_err(refused)?;
    }
    Ok(())
}

impl Store for EmbeddedStore {
    fn execute(&self, statement: &str) -> Result<(), StoreError> {
        self.writers.with(|connection| connection.query(statement, "Null", &[]).map(drop).map_err(refused))
    }

    fn select(&self, select: &Select<'_>) -> Result<Rows, StoreError> {
        self.readers.with(|connection| {
            let mut read = |sql: &str| rows(connection, sql, select);
            match select.cancel {
                None => read(select.sql),
                Some(cancel) if cancel.is_cancelled() => {
                    Err(StoreError::new(StoreErrorKind::Cancelled, "before it began"))
                }
                Some(cancel) => self.canceller.watch(cancel, |mark| read(&[mark, select.sql].concat())),
            }
        })
    }

    fn derive(&self, statement: &Select<'_>) -> Result<(), StoreError> {
        self.background
            .with(|connection| connection.query(statement.sql, "Null", statement.parameters).map_err(refused))
            .map(drop)
    }

    fn insert(&self, insert: &Insert<'_>) -> Result<(), StoreError> {
        let name = format!("block_{}", BLOCKS.fetch_add(1, Ordering::Relaxed));
        let statement = insert_statement(insert, &name);
        self.writers.with(|connection| {
            let insert_block = |connection: &mut Connection| connection.query(&statement, "Null", &[]);
            connection.with_block(&name, insert.batch, insert_block).map_err(refused)
        })?;
        Ok(())
    }
}

fn rows(connection: &mut Connection, sql: &str, select: &Select<'_>) -> Result<Rows, StoreError> {
    if select.large {
        let batches = connection.query_blocks(sql, select.parameters).map_err(refused)?;
        let rows_read = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        return Ok(Rows { batches, rows_read });
    }
    let answer = connection.query(sql, arrow::FORMAT, select.parameters).map_err(refused)?;
    Ok(Rows { batches: arrow::decode(answer.bytes)?, rows_read: answer.rows_read })
}

fn insert_statement(insert: &Insert<'_>, block: &str) -> String {
    let columns = insert.columns();
    let settings: Vec<String> = settings::of_insert(insert.token).iter().map(assignment).collect();
    format!(
        "INSERT INTO {table} ({columns}) SETTINGS {settings}, deduplicate_insert_select = 'force_enable' \
         SELECT {columns} FROM arrowstream('{block}')",
        table = insert.table,
        settings = settings.join(", "),
    )
}

fn refused(refusal: EngineRefusal) -> StoreError {
    StoreError::from_engine(refusal.0)
}

/// Connections that are lent out one at a time.
#[derive(Debug)]
struct Pool {
    free: Receiver<Connection>,
    give_back: Sender<Connection>,
}

impl Pool {
    fn open(
        engine: &Arc<Engine>,
        arguments: &[String],
        size: usize,
        prepare: impl Fn(&mut Connection) -> Result<(), StoreError>,
    ) -> Result<Self, OpenError> {
        let (give_back, free) = bounded(size);
        for _ in 0..size {
            let mut connection = Connection::open(engine, arguments)?;
            prepare(&mut connection)?;
            // The channel has room for all of them.
            let _ = give_back.try_send(connection);
        }
        Ok(Self { free, give_back })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let connection = self
            .free
            .recv_timeout(CONNECTION_WAIT_MAX)
            .map_err(|_| StoreError::new(StoreErrorKind::Unavailable, "all connections are busy"))?;
        let mut lent = Lent { connection: Some(connection), pool: self };
        match lent.connection.as_mut() {
            Some(connection) => work(connection).inspect_err(|_| release(connection)),
            None => Err(StoreError::new(StoreErrorKind::Unavailable, "no connection")),
        }
    }
}

/// The engine keeps all that a failed statement held (half a gigabyte where that was its limit) until the next one on its
/// connection.
fn release(connection: &mut Connection) {
    let _ = connection.query("SELECT 1", "Null", &[]);
}

/// Gives the connection back also when the work panics.
struct Lent<'a> {
    connection: Option<Connection>,
    pool: &'a Pool,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = self.pool.give_back.try_send(connection);
        }
    }
}
