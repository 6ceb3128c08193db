//! The network adapter: a ClickHouse server, or several that are replicas of each other, over HTTP with LZ4, and TLS if its address
//! says so.
//!
//! Calls block, as the port wants it; requests run on threads of the adapter's own, so that it can be called from anywhere. What the
//! server did is not always known: an insert whose answer did not come is [`StoreErrorKind::Unknown`], and is tried again with its token.

mod endpoints;
mod failure;

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;
use bytes::{Bytes, BytesMut};
use clickhouse::Client;
use clickhouse::query::BytesCursor;
use crossbeam_channel::bounded;
use parking_lot::Mutex;
use secrecy::SecretString;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::time::timeout;

pub use crate::platform::tls::{TlsError, Trust};
pub use endpoints::{Endpoint, EndpointError};

use self::endpoints::{Endpoints, Reached};
use self::failure::{of_insert, of_query};
use super::deployment::Deployment;
use super::embedded::QueryLimits;
use super::settings::{self, Setting};
use super::{CancelToken, Insert, Parameter, Rows, Select, Store, StoreError, StoreErrorKind, arrow};

const KILL_QUERY: &str = include_str!("../../../../clickhouse/platform/kill_query_by_id.sql");

/// Threads that carry requests; the work itself is done by the server.
const THREADS: usize = 2;
/// Bytes of a block that are compressed and sent at a time.
const CHUNK_BYTES: usize = 1 << 20;
/// How long a chunk may take to be sent.
const SEND_TIME_MAX: Duration = Duration::from_secs(30);
/// How long the answer to an insert may take: merges that are behind delay inserts, up to minutes.
const INSERT_TIME_MAX: Duration = Duration::from_secs(180);
/// How long a statement of the schema, or one that derives rows, may take.
const CHANGE_TIME_MAX: Duration = Duration::from_secs(600);
/// How much longer than its own limit a query is waited for: the limit is looked at between blocks.
const QUERY_GRACE: Duration = Duration::from_secs(10);
/// How long a query that was cancelled is waited for.
const CANCEL_GRACE: Duration = Duration::from_secs(5);

/// How to reach the server.
#[derive(Debug, Clone)]
pub struct NetworkOptions {
    /// At least one; the first that answers is used until it does not.
    pub endpoints: Vec<Endpoint>,
    pub user: Option<String>,
    pub password: Option<SecretString>,
    pub trust: Trust,
    pub deployment: Deployment,
    pub query_limits: QueryLimits,
}

/// Why there can be no adapter.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("cannot start threads")]
    Threads(#[source] std::io::Error),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// ClickHouse somewhere else.
pub struct NetworkStore {
    /// Absent only while it is dropped.
    runtime: Option<Runtime>,
    endpoints: Endpoints,
    deployment: Deployment,
    limits: QueryLimits,
    /// Names this run in the ids of its queries.
    run: String,
    queries: AtomicU64,
    /// Statements that derive rows run one at a time.
    deriving: Mutex<()>,
}

impl NetworkStore {
    /// Does not ask the server for anything yet.
    pub fn new(options: &NetworkOptions) -> Result<Self, ConnectError> {
        let mut runtime = Builder::new_multi_thread();
        runtime.worker_threads(THREADS).thread_name("store client").enable_all();
        Ok(Self {
            runtime: Some(runtime.build().map_err(ConnectError::Threads)?),
            endpoints: Endpoints::new(options)?,
            deployment: options.deployment.clone(),
            limits: options.query_limits,
            run: format!("telemetryflow-{:016x}", fastrand::u64(..)),
            queries: AtomicU64::new(0),
            deriving: Mutex::new(()),
        })
    }

    /// Runs on the adapter's threads and waits for the end, from whatever thread.
    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let gone = || StoreError::new(StoreErrorKind::Unknown, "the store's client has stopped");
        let runtime = self.runtime.as_ref().ok_or_else(gone)?;
        let (tell, told) = bounded(1);
        runtime.spawn(async move {
            let _ = tell.send(work.await);
        });
        told.recv().map_err(|_| gone())?
    }

    /// Runs one statement of the operator's that reads, and gives the answer in a format of ClickHouse's.
    pub fn read_as(&self, statement: &str, format: &str) -> Result<Vec<u8>, StoreError> {
        self.ask(&Select::new(statement, &[]), format).map(|(bytes, _)| bytes.to_vec())
    }

    /// The answer, and the rows that were read for it.
    fn ask(&self, select: &Select<'_>, format: &str) -> Result<(Bytes, u64), StoreError> {
        if select.cancel.is_some_and(CancelToken::is_cancelled) {
            return Err(StoreError::new(StoreErrorKind::Cancelled, "before it began"));
        }
        let query_id = self.query_id();
        let query = Query {
            endpoints: self.endpoints.clone(),
            sql: self.deployment.text(select.sql),
            parameters: select.parameters.to_vec(),
            settings: self.query_settings(&query_id),
            format: format.to_owned(),
            query_id,
            time_max: self.limits.time_max + QUERY_GRACE,
            bytes_max: self.limits.memory_bytes_max,
        };
        let (tell, told) = oneshot::channel();
        match select.cancel {
            Some(cancel) => cancel.on_cancel(move || _ = tell.send(())),
            None => drop(tell),
        }
        self.wait(query.run(told))
    }

    fn query_id(&self) -> String {
        format!("{}-{}", self.run, self.queries.fetch_add(1, Ordering::Relaxed))
    }

    fn change(
        &self,
        sql: String,
        parameters: &[Parameter],
        settings: Vec<Setting>,
    ) -> Result<(), StoreError> {
        let (endpoints, parameters) = (self.endpoints.clone(), parameters.to_vec());
        self.wait(async move {
            endpoints
                .reach(Reached::Unsent, |client| {
                    let query = with_parameters(client.query_raw(&sql), &parameters);
                    let query =
                        settings.iter().fold(query, |query, (name, value)| query.with_setting(*name, value));
                    async move { within(CHANGE_TIME_MAX, query.execute()).await }
                })
                .await
                .map_err(of_insert)
        })
    }

    /// What only a server needs comes on top.
    fn query_settings(&self, query_id: &str) -> Vec<Setting> {
        let mut settings = settings::of_reading(self.limits);
        settings.extend([
            ("query_id", query_id.to_owned()),
            ("enable_http_compression", "1".to_owned()),
            // A failure is then the answer, not a piece at its end, and the rows read are all counted.
            ("wait_end_of_query", "1".to_owned()),
        ]);
        settings.extend(self.deployment.query_settings());
        settings
    }
}

impl Store for NetworkStore {
    fn execute(&self, statement: &str) -> Result<(), StoreError> {
        for statement in self.deployment.schema(statement) {
            self.change(statement, &[], Vec::new())?;
        }
        Ok(())
    }

    fn select(&self, select: &Select<'_>) -> Result<Rows, StoreError> {
        let (bytes, rows_read) = self.ask(select, arrow::FORMAT)?;
        Ok(Rows { batches: arrow::decode(bytes)?, rows_read })
    }

    fn derive(&self, statement: &Select<'_>) -> Result<(), StoreError> {
        let _one = self.deriving.lock();
        self.change(
            self.deployment.text(statement.sql),
            statement.parameters,
            self.deployment.insert_settings(),
        )
    }

    fn insert(&self, insert: &Insert<'_>) -> Result<(), StoreError> {
        let table = self.deployment.text(insert.table);
        let sql = format!("INSERT INTO {table} ({}) FORMAT {}", insert.columns(), arrow::FORMAT);
        let block = encode(insert.batch).map_err(|error| {
            StoreError::new(StoreErrorKind::Refused, format!("a block cannot be written: {error}"))
        })?;
        let mut settings = settings::of_insert(insert.token);
        settings.push(("wait_end_of_query", "1".to_owned()));
        settings.extend(self.deployment.insert_settings());
        let endpoints = self.endpoints.clone();
        self.wait(async move {
            endpoints
                .reach(Reached::Unsent, |client| send(client, sql.clone(), settings.clone(), block.clone()))
                .await
                .map_err(of_insert)
        })
    }
}

async fn send(
    client: Client,
    sql: String,
    settings: Vec<Setting>,
    mut block: Bytes,
) -> clickhouse::error::Result<()> {
    let insert = client.insert_formatted_with(sql).with_timeouts(Some(SEND_TIME_MAX), Some(INSERT_TIME_MAX));
    let mut insert =
        settings.into_iter().fold(insert, |insert, (name, value)| insert.with_setting(name, value));
    while !block.is_empty() {
        insert.send(block.split_to(block.len().min(CHUNK_BYTES))).await?;
    }
    insert.end().await
}

fn encode(batch: &RecordBatch) -> Result<Bytes, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema())?;
    writer.write(batch)?;
    Ok(Bytes::from(writer.into_inner()?))
}

fn with_parameters(query: clickhouse::query::Query, parameters: &[Parameter]) -> clickhouse::query::Query {
    parameters.iter().fold(query, |query, (name, value)| query.with_setting(format!("param_{name}"), value))
}

async fn within<T>(
    time: Duration,
    work: impl Future<Output = clickhouse::error::Result<T>>,
) -> clickhouse::error::Result<T> {
    timeout(time, work).await.unwrap_or(Err(clickhouse::error::Error::TimedOut))
}

/// A SELECT on its way.
struct Query {
    endpoints: Endpoints,
    sql: String,
    parameters: Vec<Parameter>,
    settings: Vec<Setting>,
    format: String,
    query_id: String,
    time_max: Duration,
    bytes_max: u64,
}

impl Query {
    /// The answer, or the end of it when it is cancelled (the sender says so) or takes too long. The server has been told by then.
    async fn run(self, cancelled: oneshot::Receiver<()>) -> Result<(Bytes, u64), StoreError> {
        let mut answer = std::pin::pin!(self.answer());
        let ended = tokio::select! {
            answer = &mut answer => return answer,
            () = heard(cancelled) => StoreErrorKind::Cancelled,
            () = tokio::time::sleep(self.time_max) => StoreErrorKind::Limit,
        };
        self.kill().await;
        // Whoever asked takes a cancelled query as one that has ended.
        let _ = timeout(CANCEL_GRACE, answer).await;
        Err(StoreError::new(ended, "the query was given up"))
    }

    async fn answer(&self) -> Result<(Bytes, u64), StoreError> {
        let ask = |client: Client| {
            let query = with_parameters(client.query_raw(&self.sql), &self.parameters);
            let query =
                self.settings.iter().fold(query, |query, (name, value)| query.with_setting(*name, value));
            async move {
                let mut cursor = query.fetch_bytes(&self.format)?;
                let bytes = collect(&mut cursor, self.bytes_max).await?;
                Ok((
                    bytes,
                    cursor.summary().and_then(clickhouse::QuerySummary::read_rows).unwrap_or_default(),
                ))
            }
        };
        let (bytes, rows) = self.endpoints.reach(Reached::Any, ask).await.map_err(of_query)?;
        let bytes = bytes.ok_or_else(|| StoreError::new(StoreErrorKind::Limit, "the answer is too long"))?;
        Ok((bytes, rows))
    }

    /// On every server that may have got it.
    async fn kill(&self) {
        let statement = KILL_QUERY.replace("{{query_id}}", &self.query_id);
        for client in self.endpoints.all() {
            if let Err(error) = within(CANCEL_GRACE, client.query_raw(&statement).execute()).await {
                tracing::warn!(%error, "a query cannot be cancelled; it ends by itself");
            }
        }
    }
}

/// Ends when it is said; never if nobody can say it.
async fn heard(said: oneshot::Receiver<()>) {
    if said.await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Absent if the answer is longer than is allowed.
async fn collect(cursor: &mut BytesCursor, bytes_max: u64) -> clickhouse::error::Result<Option<Bytes>> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = cursor.next().await? {
        if (bytes.len() + chunk.len()) as u64 > bytes_max {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes.freeze()))
}

impl Drop for NetworkStore {
    /// Without waiting: it may be dropped on an async thread. Nobody is waiting for what still runs.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for NetworkStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkStore").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}
