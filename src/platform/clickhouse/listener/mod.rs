//! The SQL listener: ClickHouse's HTTP interface to the embedded engine, so that its clients work with the store of one machine.
//!
//! A request passes: who asks (`users`), what it says (`request`), what its statement is and names (`statement`, `rules`), a turn,
//! a connection of its own (`Session`), and the way back (`answer`).

mod answer;
mod counters;
mod encoding;
mod exception;
mod framing;
mod lexer;
mod request;
mod rules;
mod running;
mod settings;
mod statement;
mod users;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use axum::routing::any;
use bytes::Bytes;
use tokio::sync::Semaphore;

pub use counters::ListenerCounters;
pub use statement::Rights;
pub use users::{SqlUser, Users};

use answer::Facts;
use exception::Exception;
use request::Asked;
use rules::Rules;
use running::Running;
use users::Asker;

use super::embedded::{EmbeddedStore, QueryLimits};
use super::{CancelToken, StoreError};
use crate::platform::http::{BodyError, ByteBudget, content_length, read_body};

/// How long a statement waits for its turn.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// Bodies in flight may take so many times what one may.
const BODIES: usize = 2;

const TABLE_FUNCTIONS: &str = include_str!("../../../../clickhouse/platform/table_functions.sql");
const FACTS: &str = include_str!("../../../../clickhouse/platform/engine_facts.sql");

/// What a listener is held to.
#[derive(Debug, Clone)]
pub struct ListenerLimits {
    /// Statements that read at once, and as many that write.
    pub statements_max: usize,
    /// One body, as received and unpacked.
    pub body_bytes_max: usize,
    /// One answer, before it is packed.
    pub answer_bytes_max: u64,
    /// Each statement that reads.
    pub query: QueryLimits,
    /// Each statement that writes.
    pub change_time_max: Duration,
}

/// What the routes work with.
#[derive(Debug)]
struct Door {
    store: Arc<EmbeddedStore>,
    users: Users,
    rules: Rules,
    facts: Facts,
    limits: ListenerLimits,
    reading: Arc<Semaphore>,
    writing: Arc<Semaphore>,
    bodies: ByteBudget,
    running: Running,
    counters: ListenerCounters,
}

/// The routes of the listener. Asks the engine for its version and its table functions first, and so blocks.
pub fn router(
    store: Arc<EmbeddedStore>,
    users: Users,
    limits: ListenerLimits,
    counters: ListenerCounters,
) -> Result<Router, StoreError> {
    let cancel = CancelToken::default();
    let ask = |statement: &str| {
        let mut session = store.session("telemetryflow", &[])?;
        let reply = session.query(statement, "TSVRaw", &[], &cancel)?;
        Ok::<_, StoreError>(String::from_utf8_lossy(&reply.bytes).into_owned())
    };
    let table_functions = ask(TABLE_FUNCTIONS)?;
    let facts = Facts::parse(&ask(FACTS)?);
    let door = Door {
        rules: Rules::new(table_functions.lines().map(str::to_owned)),
        facts,
        reading: Arc::new(Semaphore::new(limits.statements_max)),
        writing: Arc::new(Semaphore::new(limits.statements_max)),
        bodies: ByteBudget::new(limits.body_bytes_max.saturating_mul(BODIES)),
        running: Running::default(),
        counters,
        store,
        users,
        limits,
    };
    Ok(Router::new()
        .route("/", any(root))
        .route("/ping", any(ok))
        .route("/replicas_status", any(ok))
        .fallback(unknown)
        .with_state(Arc::new(door)))
}

async fn ok(State(door): State<Arc<Door>>) -> Response<Body> {
    door.facts.text("Ok.\n")
}

/// As ClickHouse says it.
async fn unknown(request: Request) -> Response<Body> {
    let path: String = request.uri().path().chars().take(100).flat_map(char::escape_debug).collect();
    let text = format!(
        "There is no handle {path}\n\nUse / or /ping for health checks.\nOr /replicas_status for more sophisticated health checks.\n\
         Send queries from your program with POST method or GET /?query=...\n"
    );
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = StatusCode::NOT_FOUND;
    answer
}

async fn root(State(door): State<Arc<Door>>, request: Request) -> Response<Body> {
    let answered = door.answer(request).await;
    door.counters.ended(&answered);
    answered.unwrap_or_else(|exception| door.facts.failure(&exception))
}

impl Door {
    async fn answer(self: &Arc<Self>, request: Request) -> Result<Response<Body>, Exception> {
        let (head, body) = request.into_parts();
        let asked = Asked::parse(head.uri.query(), &head.headers);
        // Who may not come in learns nothing of what was wrong with the request.
        let (user, password) = match &asked {
            Ok(asked) => (asked.user.as_deref(), asked.password.as_deref()),
            Err(_) => (None, None),
        };
        let asker = self.users.authenticate(&head.headers, user, password)?;
        let mut asked = asked?;
        let body = self.read(&head.headers, body).await?;
        let (body, _share) = body;
        let body = asked.take_body(&head.headers, body, self.limits.body_bytes_max).await?;
        if asked.query.is_empty() && body.is_empty() {
            return Ok(self.facts.text("Ok.\n"));
        }
        let asker =
            if request::only_reads(&head.method) { Asker { rights: Rights::Read, ..asker } } else { asker };
        let packing = asked.packing(&head.headers);
        running::run(self, asker, asked, body, packing).await
    }

    async fn read(
        &self,
        headers: &axum::http::HeaderMap,
        body: Body,
    ) -> Result<(Bytes, crate::platform::http::BudgetShare), Exception> {
        let read = read_body(body, content_length(headers), self.limits.body_bytes_max, &self.bodies).await;
        read.map_err(|error| match error {
            BodyError::TooLarge { .. } => Exception::too_long(error),
            BodyError::Exhausted(_) => Exception::too_many_queries(error),
            BodyError::Disconnected => Exception::cancelled(error),
        })
    }
}
