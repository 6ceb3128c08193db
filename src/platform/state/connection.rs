//! `Connection`: what statements run on, whichever database it is.
//!
//! Both drivers speak sqlx's common form of statements and rows (`Any`), but have pools and options of their own: its common pool knows
//! connections by an address only.

use std::fmt;
use std::future;
use std::mem;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt};
use futures_util::{FutureExt, future::BoxFuture};
use sqlx::pool::PoolConnection;
use sqlx::{Describe, Either, Error, Execute, Executor, PgConnection, Sqlite};
use sqlx_core::any::{
    Any, AnyArguments, AnyConnectionBackend, AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo, AnyValueKind,
};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::postgres::Home;

/// Functions over tables take `&mut Connection`, in a transaction or not.
///
/// One that was left in the middle of an answer is closed, not used again.
pub struct Connection {
    link: Link,
    place: Place,
}

enum Link {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(Box<Line>),
    /// Dropped.
    Gone,
}

/// A connection to PostgreSQL, which goes home when it is not used any more; to nowhere if it stays with its user.
struct Line {
    own: PgConnection,
    home: Option<(Home, OwnedSemaphorePermit)>,
    limit: AnswerTimeout,
}

/// How long PostgreSQL may take to answer a statement. It ends statements itself a little earlier, unless it is gone.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnswerTimeout(pub Duration);

/// Where the talk with the database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Everything that was asked is answered.
    Between,
    /// Nobody knows what the next answer belongs to.
    Amidst,
}

impl Connection {
    pub(super) const fn sqlite(pooled: PoolConnection<Sqlite>) -> Self {
        Self { link: Link::Sqlite(pooled), place: Place::Between }
    }

    pub(super) fn postgres(
        own: PgConnection,
        home: Home,
        turn: OwnedSemaphorePermit,
        limit: AnswerTimeout,
    ) -> Self {
        let line = Line { own, home: Some((home, turn)), limit };
        Self { link: Link::Postgres(Box::new(line)), place: Place::Between }
    }

    /// One that stays with its user.
    pub(super) fn session(own: PgConnection, limit: AnswerTimeout) -> Self {
        Self { link: Link::Postgres(Box::new(Line { own, home: None, limit })), place: Place::Between }
    }

    /// It is closed when it is dropped, which rolls back.
    pub(super) const fn give_up(&mut self) {
        self.place = Place::Amidst;
    }

    /// PostgreSQL has no texts with zero bytes, which may come from outside: it gets the sign for what cannot be shown in their place.
    fn storable<'q>(&self, mut arguments: Option<AnyArguments<'q>>) -> Option<AnyArguments<'q>> {
        if matches!(self.link, Link::Postgres(_)) {
            for argument in arguments.iter_mut().flat_map(|all| &mut all.values.0) {
                if let AnyValueKind::Text(text) = argument
                    && text.contains('\0')
                {
                    *text = text.replace('\0', "\u{fffd}").into();
                }
            }
        }
        arguments
    }

    /// From here on an answer is awaited.
    fn ask<'q>(&mut self, query: &mut impl Execute<'q, Any>) -> Result<Asked<'_, 'q>, Error> {
        let arguments = query.take_arguments().map_err(Error::Encode)?;
        let (arguments, parts) = (self.storable(arguments), self.parts()?);
        *parts.1 = Place::Amidst;
        Ok((arguments, parts))
    }

    fn parts(&mut self) -> Result<Parts<'_>, Error> {
        let (backend, limit): (&mut dyn AnyConnectionBackend, _) = match &mut self.link {
            // It has no network to wait for, and a slow disk is waited for.
            Link::Sqlite(pooled) => (&mut **pooled, None),
            Link::Postgres(line) => (&mut line.own, Some(line.limit)),
            Link::Gone => return Err(Error::PoolClosed),
        };
        Ok((backend, &mut self.place, limit.map(|limit| Instant::now() + limit.0)))
    }
}

/// What is asked, where the talk is, and until when there has to be an answer.
type Parts<'a> = (&'a mut dyn AnyConnectionBackend, &'a mut Place, Option<Instant>);

/// What goes along with a question.
type Asked<'a, 'q> = (Option<AnyArguments<'q>>, Parts<'a>);

impl Drop for Connection {
    fn drop(&mut self) {
        match (mem::replace(&mut self.link, Link::Gone), self.place) {
            (Link::Sqlite(mut pooled), Place::Amidst) => pooled.close_on_drop(),
            (Link::Postgres(line), Place::Between) => {
                let Line { own, home, .. } = *line;
                // The turn is given back when it is there.
                if let Some((home, _turn)) = home {
                    home.lock().push(own);
                }
            }
            (Link::Postgres(_), Place::Amidst) | (Link::Sqlite(_), Place::Between) | (Link::Gone, _) => {}
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.link {
            Link::Sqlite(_) => "sqlite",
            Link::Postgres(_) => "postgres",
            Link::Gone => "gone",
        };
        f.debug_struct("Connection").field("kind", &kind).field("place", &self.place).finish_non_exhaustive()
    }
}

impl<'c> Executor<'c> for &'c mut Connection {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        mut query: E,
    ) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let (arguments, (backend, place, deadline)) = match self.ask(&mut query) {
            Ok(ready) => ready,
            Err(error) => return stream::once(future::ready(Err(error))).boxed(),
        };
        read_to_the_end(backend.fetch_many(query.sql(), query.persistent(), arguments), place, deadline)
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, mut query: E) -> BoxFuture<'e, Result<Option<AnyRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let (arguments, (backend, place, deadline)) = match self.ask(&mut query) {
            Ok(ready) => ready,
            Err(error) => return future::ready(Err(error)).boxed(),
        };
        let asked = backend.fetch_optional(query.sql(), query.persistent(), arguments);
        async move {
            let answer = by(deadline, asked).await.unwrap_or_else(|| Err(no_answer()));
            if is_whole(answer.as_ref().err()) {
                *place = Place::Between;
            }
            answer
        }
        .boxed()
    }

    fn prepare_with<'e, 'q: 'e>(
        self,
        sql: &'q str,
        parameters: &[AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement<'q>, Error>>
    where
        'c: 'e,
    {
        match self.parts() {
            Ok((backend, ..)) => backend.prepare_with(sql, parameters),
            Err(error) => future::ready(Err(error)).boxed(),
        }
    }

    fn describe<'e, 'q: 'e>(self, sql: &'q str) -> BoxFuture<'e, Result<Describe<Any>, Error>>
    where
        'c: 'e,
    {
        match self.parts() {
            Ok((backend, ..)) => backend.describe(sql),
            Err(error) => future::ready(Err(error)).boxed(),
        }
    }
}

/// The answer as it comes, until the deadline; `place` is [`Place::Between`] once its last part was taken.
fn read_to_the_end<'e, T: Send + 'e>(
    answer: BoxStream<'e, Result<T, Error>>,
    place: &'e mut Place,
    deadline: Option<Instant>,
) -> BoxStream<'e, Result<T, Error>> {
    stream::unfold(Some((answer, place)), move |state| async move {
        let (mut answer, place) = state?;
        let part = by(deadline, answer.next()).await.unwrap_or_else(|| Some(Err(no_answer())));
        match part {
            Some(Ok(part)) => Some((Ok(part), Some((answer, place)))),
            Some(Err(error)) => {
                if is_whole(Some(&error)) {
                    *place = Place::Between;
                }
                Some((Err(error), None))
            }
            None => {
                *place = Place::Between;
                None
            }
        }
    })
    .boxed()
}

/// What the database says itself is an answer as good as any other.
const fn is_whole(error: Option<&Error>) -> bool {
    matches!(error, None | Some(Error::Database(_)))
}

/// What it gives until the deadline; nothing after it.
async fn by<T>(deadline: Option<Instant>, work: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => timeout_at(deadline, work).await.ok(),
        None => Some(work.await),
    }
}

fn no_answer() -> Error {
    Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "it does not answer"))
}
