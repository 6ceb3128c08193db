//! Statements on their way: a turn, a connection, an answer, and the end of those that nobody waits for.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Response;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::answer::FORMAT;
use super::exception::Exception;
use super::request::{Asked, Packing};
use super::settings::LIMITS;
use super::statement::{self, Rights, Statement};
use super::users::Asker;
use super::{Door, WAIT_MAX};
use crate::platform::clickhouse::CancelToken;
use crate::platform::clickhouse::embedded::Reply;

/// Longest id that a client may give a query, in bytes.
const QUERY_ID_BYTES_MAX: usize = 128;

/// Queries that run or wait for their turn now, by user and id. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Running(Arc<Mutex<HashMap<(String, String), CancelToken>>>);

/// In the list of those that run, until it is dropped.
struct Listed {
    running: Running,
    key: (String, String),
}

impl Running {
    /// Absent if a query of this user and id runs already.
    fn begin(&self, user: &str, query_id: &str, cancel: &CancelToken) -> Option<Listed> {
        let key = (user.to_owned(), query_id.to_owned());
        let mut running = self.0.lock();
        if running.contains_key(&key) {
            return None;
        }
        running.insert(key.clone(), cancel.clone());
        drop(running);
        Some(Listed { running: self.clone(), key })
    }

    fn kill(&self, user: &str, query_id: &str) {
        let token = self.0.lock().get(&(user.to_owned(), query_id.to_owned())).cloned();
        if let Some(token) = token {
            token.cancel();
        }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.running.0.lock().remove(&self.key);
    }
}

/// All that one statement needs, so that it can go to a thread.
struct Work {
    door: Arc<Door>,
    asker: Asker,
    asked: Asked,
    body: Bytes,
    packing: Packing,
    query_id: String,
    cancel: CancelToken,
    _listed: Listed,
    _turn: OwnedSemaphorePermit,
}

/// Runs the statement of a request on a thread for what blocks. Whoever drops this future ends it.
pub async fn run(
    door: &Arc<Door>,
    asker: Asker,
    mut asked: Asked,
    body: Bytes,
    packing: Packing,
) -> Result<Response<Body>, Exception> {
    let query_id = match asked.query_id.take() {
        None => uuid::Uuid::now_v7().to_string(),
        Some(id) if id.len() <= QUERY_ID_BYTES_MAX && id.bytes().all(|byte| byte.is_ascii_graphic()) => id,
        Some(_) => {
            return Err(Exception::bad_arguments("a query's id has up to 128 characters that can be seen"));
        }
    };
    if !asked.query.is_empty() {
        asked.query.push('\n');
    }
    let rights = needed(door, &asked, &body, &asker)?;
    let turns = match rights {
        Some(Rights::Read) => &door.reading,
        Some(Rights::Write) => &door.writing,
        None => return Ok(door.facts.text("")),
    };
    let cancel = CancelToken::default();
    let listed = door.running.begin(&asker.name, &query_id, &cancel);
    let Some(_listed) = listed else {
        return Err(Exception::running_already("Query with this id is already running"));
    };
    let _turn = turn(turns).await?;
    let waiting = cancel.drop_guard();
    let door = Arc::clone(door);
    let work = Work { door, asker, asked, body, packing, query_id, cancel, _listed, _turn };
    let done = tokio::task::spawn_blocking(move || work.run()).await;
    waiting.disarm();
    done.unwrap_or_else(|_| Err(Exception::cancelled("the statement ended in a panic")))
}

async fn turn(turns: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Exception> {
    match timeout(WAIT_MAX, Arc::clone(turns).acquire_owned()).await {
        Ok(Ok(turn)) => Ok(turn),
        Ok(Err(_)) | Err(_) => Err(Exception::too_many_queries("Too many simultaneous queries")),
    }
}

/// What the statement needs; absent if it was one that is done at once.
fn needed(door: &Door, asked: &Asked, body: &Bytes, asker: &Asker) -> Result<Option<Rights>, Exception> {
    let whole = joined(door, asked, body, asker);
    let (text, _) = whole.parts(body);
    match statement::read(text, asker.rights, &door.rules)? {
        Statement::Nothing => Err(Exception::syntax_error("Syntax error: Empty query")),
        Statement::Kill { query_id } => {
            door.running.kill(&asker.name, query_id);
            Ok(None)
        }
        Statement::Read { .. } => Ok(Some(Rights::Read)),
        Statement::Change { .. } | Statement::Insert { .. } => Ok(Some(Rights::Write)),
    }
}

/// Where the statement is.
enum Whole<'a> {
    /// In one piece, with its rows perhaps.
    Piece(Cow<'a, [u8]>),
    /// In the address, and its rows go on in the body, which may be large.
    RowsInBody(&'a [u8]),
}

impl Whole<'_> {
    /// The statement, and rows behind it.
    fn parts<'b>(&'b self, body: &'b [u8]) -> (&'b [u8], &'b [u8]) {
        match self {
            Self::Piece(text) => (text, &[]),
            Self::RowsInBody(query) => (query, body),
        }
    }
}

/// The statement goes on from the address into the body.
fn joined<'a>(door: &Door, asked: &'a Asked, body: &'a Bytes, asker: &Asker) -> Whole<'a> {
    match (asked.query.as_bytes(), &**body) {
        (query, []) => Whole::Piece(Cow::Borrowed(query)),
        ([], body) => Whole::Piece(Cow::Borrowed(body)),
        (query, body) => match statement::read(query, asker.rights, &door.rules) {
            Ok(Statement::Insert { .. }) => Whole::RowsInBody(query),
            _ => Whole::Piece(Cow::Owned([query, body].concat())),
        },
    }
}

impl Work {
    fn run(self) -> Result<Response<Body>, Exception> {
        let _counted = self.door.counters.running();
        let started = Instant::now();
        let whole = joined(&self.door, &self.asked, &self.body, &self.asker);
        let (text, behind) = whole.parts(&self.body);
        let (reply, format) = match statement::read(text, self.asker.rights, &self.door.rules)? {
            Statement::Read { text, format } => {
                let format = format.or(self.asked.format.as_deref()).unwrap_or(FORMAT);
                (self.query(text, format, Rights::Read)?, format)
            }
            Statement::Change { text } => (self.query(text, FORMAT, Rights::Write)?, FORMAT),
            Statement::Insert { head, format, rows } => (self.insert(head, format, &[rows, behind])?, FORMAT),
            Statement::Kill { .. } | Statement::Nothing => (Reply::default(), FORMAT),
        };
        let took = started.elapsed().as_nanos();
        Ok(self.door.facts.success(&reply, &self.query_id, format, self.packing, took))
    }

    fn query(&self, text: &str, format: &str, needs: Rights) -> Result<Reply, Exception> {
        for (_, value) in self.asked.parameters.iter().filter(|_| text.contains("Identifier")) {
            self.door.rules.check_identifier(value).map_err(statement::Refused::from)?;
        }
        if !format.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Exception::bad_arguments("the name of a format has letters and digits"));
        }
        let settings = self.settings(needs)?;
        let session = self.door.store.session(self.asked.database()?, &settings);
        let reply =
            session.and_then(|mut session| session.query(text, format, &self.asked.parameters, &self.cancel));
        let reply = reply.map_err(|error| Exception::of_engine(&error))?;
        if reply.bytes.len() as u64 > self.door.limits.answer_bytes_max {
            return Err(Exception::result_too_large("the answer is too long; ask for less, or LIMIT it"));
        }
        Ok(reply)
    }

    fn insert(&self, head: &str, format: &str, rows: &[&[u8]]) -> Result<Reply, Exception> {
        let settings = self.settings(Rights::Write)?;
        let session = self.door.store.session(self.asked.database()?, &settings);
        let reply = session.and_then(|mut session| session.insert(head, format, rows, &self.cancel));
        reply.map_err(|error| Exception::of_engine(&error))
    }

    /// The client's settings, then the server's limits where they are lower, and last what nobody can take back.
    fn settings(&self, needs: Rights) -> Result<Vec<(Cow<'static, str>, String)>, Exception> {
        let mut settings: Vec<(Cow<'static, str>, String)> = Vec::new();
        let is_limit = |name: &String| LIMITS.contains(&name.as_str());
        for (name, value) in self.asked.settings.iter().filter(|(name, _)| !is_limit(name)) {
            settings.push((Cow::Owned(name.clone()), value.clone()));
        }
        for (name, most) in self.limits(needs) {
            let asked = self.asked.settings.iter().rfind(|(asked, _)| asked == name);
            settings.push((Cow::Borrowed(name), lower(asked.map(|(_, value)| value.as_str()), most)?));
        }
        for name in
            ["allow_introspection_functions", "implicit_select", "input_format_values_interpret_expressions"]
        {
            settings.push((Cow::Borrowed(name), "0".to_owned()));
        }
        // A writer's own settings may stand in a query; a reader's may not.
        let readonly = match (needs, self.asker.rights) {
            (Rights::Read, Rights::Read) => "1",
            (Rights::Read, Rights::Write) => "2",
            (Rights::Write, _) => "0",
        };
        settings.push((Cow::Borrowed("readonly"), readonly.to_owned()));
        Ok(settings)
    }

    fn limits(&self, needs: Rights) -> [(&'static str, f64); 5] {
        let limits = &self.door.limits;
        let seconds = |time: Duration| time.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "limits of this size need no exact bytes")]
        let number = |number: u64| number as f64;
        let (time, rows) = match needs {
            Rights::Read => (seconds(limits.query.time_max), number(limits.query.rows_max)),
            Rights::Write => (seconds(limits.change_time_max), 0.0),
        };
        [
            ("max_execution_time", time),
            ("max_memory_usage", number(limits.query.memory_bytes_max)),
            ("max_rows_to_read", rows),
            ("max_result_rows", 0.0),
            ("max_result_bytes", number(limits.answer_bytes_max)),
        ]
    }
}

/// Zero is no limit. What is asked for is a number.
fn lower(asked: Option<&str>, most: f64) -> Result<String, Exception> {
    let asked = match asked.map(str::parse::<f64>) {
        None => 0.0,
        Some(Ok(asked)) if asked.is_finite() && asked >= 0.0 => asked,
        Some(_) => return Err(Exception::bad_arguments("a limit is a number that is not negative")),
    };
    let limit = match (asked > 0.0, most > 0.0) {
        (true, true) => asked.min(most),
        (true, false) => asked,
        (false, _) => most,
    };
    Ok(format!("{limit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_may_be_lowered_and_not_raised() {
        for (asked, most, expected) in [
            (None, 30.0, Ok("30")),
            (Some("10"), 30.0, Ok("10")),
            (Some("0.5"), 30.0, Ok("0.5")),
            (Some("60"), 30.0, Ok("30")),
            (Some("0"), 30.0, Ok("30")),
            (Some("7"), 0.0, Ok("7")),
            (Some("-1"), 30.0, Err(())),
            (Some("nan"), 30.0, Err(())),
            (Some("x"), 30.0, Err(())),
            (None, 1_099_511_627_776.0, Ok("1099511627776")),
        ] {
            assert_eq!(lower(asked, most).as_deref().map_err(|_| ()), expected, "{asked:?}");
        }
    }

    #[test]
    fn a_query_is_ended_by_its_own_user_only() {
        let (running, cancel) = (Running::default(), CancelToken::default());
        let listed = running.begin("a", "1", &cancel);
        assert!(listed.is_some() && running.begin("a", "1", &cancel).is_none());
        running.kill("b", "1");
        running.kill("a", "2");
        assert!(!cancel.is_cancelled());
        running.kill("a", "1");
        assert!(cancel.is_cancelled());
        drop(listed);
        assert!(running.0.lock().is_empty());
    }
}
