//! Speaks for this node: one message after the other, each until Redis has it.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::message::{Ending, Head};
use super::{HEARTBEAT, HISTORY, Line, MessageNumber, Rest, SECTION_BYTES_MAX};
use crate::platform::redis::client::{CallError, Caller};
use crate::platform::redis::counters::Operation;

/// What becomes visible within so long is told at once.
const GATHER: Duration = Duration::from_millis(20);
/// How often the subjects are asked without a ring.
const TICK: Duration = Duration::from_millis(100);
/// Before a message is sent again.
const RETRY: Duration = Duration::from_millis(100);
/// What the messages of the history may take, and how many there are of them at least and at most.
const HISTORY_BYTES_MAX: usize = 32 << 20;
const HISTORY_MIN: usize = 512;
const HISTORY_MAX: usize = 16_384;

/// A message that is composed and not told yet.
struct Message {
    number: MessageNumber,
    sections: Vec<Vec<u8>>,
    rest: Rest,
}

impl Message {
    fn is_empty(&self) -> bool {
        self.sections.iter().all(Vec::is_empty)
    }
}

struct Teller {
    line: Line,
    next: MessageNumber,
    told_at: Option<Instant>,
    /// Of messages, over the last few.
    bytes: usize,
}

/// Until goodbye is said, or it is told to stop. Says that it has ended by stopping the others.
pub async fn speak(line: Line, goodbye: CancellationToken, stop: CancellationToken) {
    let mut teller = Teller { line, next: MessageNumber(1), told_at: None, bytes: 0 };
    while !goodbye.is_cancelled() && !stop.is_cancelled() {
        tokio::select! {
            () = teller.line.bell.0.notified() => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep(TICK) => {}
            () = goodbye.cancelled() => break,
            () = stop.cancelled() => return,
        }
        let _ = stop.run_until_cancelled(teller.tell()).await;
    }
    let _ = stop.run_until_cancelled(teller.take_leave()).await;
    stop.cancel();
}

impl Teller {
    fn compose(&self) -> Message {
        let mut rest = Rest::Nothing;
        let sections = self.line.subjects.iter().map(|subject| {
            let mut section = Vec::new();
            if subject.tell(self.next, &mut section) == Rest::More {
                rest = Rest::More;
            }
            debug_assert!(section.len() <= SECTION_BYTES_MAX, "a section is too long");
            section
        });
        let sections = sections.collect();
        Message { number: self.next, sections, rest }
    }

    /// All that there is to tell; or that there is nothing, if nothing was said for long.
    async fn tell(&mut self) {
        let silent = self.told_at.is_none_or(|at| at.elapsed() >= HEARTBEAT);
        let mut message = self.compose();
        if message.is_empty() && !silent {
            return;
        }
        loop {
            self.insist(&message, Ending::Complete).await;
            if message.rest == Rest::Nothing {
                return;
            }
            message = self.compose();
        }
    }

    /// All that there is to tell, and that it is the last.
    async fn take_leave(&mut self) {
        loop {
            let message = self.compose();
            self.insist(&message, Ending::Goodbye).await;
            if message.rest == Rest::Nothing {
                return;
            }
        }
    }

    /// Sends a message until Redis has it.
    async fn insist(&mut self, message: &Message, ending: Ending) {
        let mut ending = if message.rest == Rest::More { Ending::More } else { ending };
        while self.send(message, ending).await.is_err() {
            if ending == Ending::Complete {
                // What comes up meanwhile is not in it.
                ending = Ending::More;
            }
            tokio::time::sleep(RETRY).await;
        }
        self.next = MessageNumber(self.next.0.saturating_add(1));
    }

    async fn send(&mut self, message: &Message, ending: Ending) -> Result<(), CallError> {
        let line = &self.line;
        let sent_ms = u64::try_from(line.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let head = Head { node: line.node, number: message.number, sent_ms, ending };
        let bytes = head.encode(&message.sections);
        self.bytes = (self.bytes * 7 + bytes.len()) / 8;
        let kept = (HISTORY_BYTES_MAX / self.bytes.max(1)).clamp(HISTORY_MIN, HISTORY_MAX);
        let mut command = redis::cmd("XADD");
        command.arg(&line.key).arg("MAXLEN").arg("~").arg(kept).arg("*").arg("m").arg(bytes);
        line.client.ask::<String>(Operation::Publish, Caller::Background, &command).await?;
        line.counters.told.inc();
        // Where nobody speaks any more, nothing stays for long.
        if message.number.0 % 64 == 1 {
            let command = redis::cmd("EXPIRE").arg(&line.key).arg(HISTORY.as_secs() * 2).to_owned();
            line.client.ask::<i64>(Operation::Publish, Caller::Background, &command).await.ok();
        }
        self.told_at = Some(Instant::now());
        Ok(())
    }
}
