//! Listens to all nodes: reads the stream from five minutes ago on, and tells the subjects what was said.

use std::time::{Duration, Instant};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::streams::{StreamId, StreamReadReply};
use redis::{Cmd, FromRedisValue, RedisError};
use tokio_util::sync::CancellationToken;

use super::message::Head;
use super::peers::{Peers, Sequence};
use super::{Garbled, HISTORY, Line, Position, Said};
use crate::platform::redis::connection::{Backoff, connect};

/// Messages that are read at once.
const READ_MAX: usize = 64;
/// How long Redis holds a question until somebody says something, in milliseconds.
const HOLD_MS: u64 = 200;
/// After so long an answer does not come.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(1);
/// A node that does not hear itself for so long begins anew.
const DEAF_MAX: Duration = Duration::from_secs(5);

/// Until it is told to stop.
pub async fn listen(line: Line, stop: CancellationToken) {
    let mut backoff = Backoff::default();
    while !stop.is_cancelled() {
        if let Ok(Some(connected)) = stop.run_until_cancelled(connect(line.client.opener())).await.transpose()
        {
            if let Some(Err(_)) = stop.run_until_cancelled(hear_all(&line, connected, &mut backoff)).await {
                tracing::debug!("the other nodes are not heard");
            }
            line.counters.silent.set(1);
        }
        let _ = stop.run_until_cancelled(tokio::time::sleep(backoff.next())).await;
    }
}

/// One connection's life.
async fn hear_all(
    line: &Line,
    mut connection: MultiplexedConnection,
    backoff: &mut Backoff,
) -> Result<(), RedisError> {
    let (seconds, micros): (u64, u64) = ask(&mut connection, &redis::cmd("TIME")).await?;
    let now_ms = seconds.saturating_mul(1_000).saturating_add(micros / 1_000);
    let history_ms = u64::try_from(HISTORY.as_millis()).unwrap_or(u64::MAX);
    let mut cursor = Position { ms: now_ms.saturating_sub(history_ms), number: 0 };
    let mut ear = Ear::new(line, now_ms);
    let begun = Instant::now();
    loop {
        let command = redis::cmd("XREAD")
            .arg("COUNT")
            .arg(READ_MAX)
            .arg("BLOCK")
            .arg(HOLD_MS)
            .arg("STREAMS")
            .arg(&line.key)
            .arg(cursor.to_string())
            .to_owned();
        let reply: Option<StreamReadReply> = ask(&mut connection, &command).await?;
        for entry in reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids) {
            cursor = ear.take(&entry).map_err(|Garbled| garbage())?;
        }
        ear.judge();
        let heard = ear.peers.own().unwrap_or(begun).max(begun);
        if heard.elapsed() > DEAF_MAX {
            return Err(garbage());
        }
        if ear.joined {
            backoff.reset();
        }
    }
}

fn garbage() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::InvalidData).into()
}

async fn ask<T: FromRedisValue>(
    connection: &mut MultiplexedConnection,
    command: &Cmd,
) -> Result<T, RedisError> {
    match tokio::time::timeout(ANSWER_TIME_MAX, connection.req_packed_command(command)).await {
        Ok(answer) => Ok(redis::from_redis_value(answer?.extract_error()?)?),
        Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
    }
}

/// What was heard since this connection was made.
struct Ear<'a> {
    line: &'a Line,
    peers: Peers,
    /// Redis' clock when listening began, and our own then.
    began: (u64, Instant),
    first: bool,
    /// Whether something came back that was said since.
    joined: bool,
}

impl<'a> Ear<'a> {
    fn new(line: &'a Line, now_ms: u64) -> Self {
        Self { line, peers: Peers::default(), began: (now_ms, Instant::now()), first: true, joined: false }
    }

    /// The place of what was taken; an entry without one is not of a stream.
    fn take(&mut self, entry: &StreamId) -> Result<Position, Garbled> {
        let position = Position::parse(&entry.id).ok_or(Garbled)?;
        if self.first {
            // What was cached before is as of some place that nobody knows.
            self.first = false;
            self.line.subjects.iter().for_each(|subject| subject.begin());
        }
        let bytes: Option<Vec<u8>> = entry.get("m");
        if bytes.ok_or(Garbled).and_then(|bytes| self.hear(&bytes, position)) == Err(Garbled) {
            self.line.counters.garbled.inc();
            self.lost();
        }
        self.line.subjects.iter().for_each(|subject| subject.heard_up_to(position));
        Ok(position)
    }

    fn hear(&mut self, bytes: &[u8], position: Position) -> Result<(), Garbled> {
        let (head, sections) = Head::decode(bytes)?;
        if head.node == self.line.node {
            let sent = self.line.begun.checked_add(Duration::from_millis(head.sent_ms)).ok_or(Garbled)?;
            // After a new begin it hears again what it had said before.
            self.joined |= sent >= self.began.1;
            self.peers.came_back(sent.min(Instant::now()));
            self.line.subjects.iter().for_each(|subject| subject.came_back(head.number));
            // Whoever begins anew has forgotten what it told itself.
            return if self.joined { Ok(()) } else { self.tell(&sections, Said::Before) };
        }
        self.line.counters.heard.inc();
        if self.peers.hear(&head, self.said_at(position)) == Sequence::Broken {
            self.lost();
        }
        self.tell(&sections, if self.joined { Said::Now } else { Said::Before })
    }

    fn tell(&self, sections: &[&[u8]], said: Said) -> Result<(), Garbled> {
        let told = self.line.subjects.iter().zip(sections).filter(|(_, section)| !section.is_empty());
        told.into_iter().try_for_each(|(subject, section)| subject.hear(section, said))
    }

    /// Once its own messages come back, what is heard was just said.
    fn said_at(&self, position: Position) -> Instant {
        let (began_ms, began) = self.began;
        match self.joined {
            true => Instant::now(),
            false => {
                let ago = Duration::from_millis(began_ms.saturating_sub(position.ms));
                began.checked_sub(ago).unwrap_or(began)
            }
        }
    }

    fn lost(&self) {
        self.line.counters.lost.inc();
        self.line.subjects.iter().for_each(|subject| subject.lost());
    }

    /// Says how far all this can be trusted.
    fn judge(&mut self) {
        let now = Instant::now();
        let until = self.peers.certain_until(now).filter(|_| self.joined);
        if let Some(until) = until {
            self.line.subjects.iter().for_each(|subject| subject.trust_until(until));
        }
        self.line.counters.nodes.set(i64::try_from(self.peers.len()).unwrap_or(i64::MAX));
        self.line.counters.silent.set(i64::from(until.is_none_or(|until| until < now)));
    }
}
