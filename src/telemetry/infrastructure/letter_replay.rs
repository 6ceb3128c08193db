//! Does what people said of dead letters: brings those that are to be replayed back into the journal, and removes those that
//! are to be dropped.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::platform::journal::AppendError;
use crate::shared::Clock;
use crate::telemetry::application::ledger::Entered;
use crate::telemetry::application::resent::{Reading, Seen};
use crate::telemetry::application::{BodyHash, Durability, IngestCounters, Pending, ResentWindow};

use super::dead_letters::{DeadLetters, Letter, LetterError, LetterId, Summary};
use super::journaling::{Journaling, ToJournal};
use super::record_header::{Origin, RecordHeader};

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(1);

pub struct LetterReplay {
    pub letters: Arc<DeadLetters>,
    pub journaling: Journaling,
    pub resent: Arc<ResentWindow>,
    /// What a process before this one brought back, and perhaps did not come to remove.
    pub revived: HashSet<BodyHash>,
    pub hash_seed: u64,
    pub counters: IngestCounters,
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for LetterReplay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LetterReplay").field("letters", &self.letters).finish_non_exhaustive()
    }
}

/// Why a letter is not replayed now.
#[derive(Debug, thiserror::Error)]
enum ReplayError {
    #[error(transparent)]
    Letter(#[from] LetterError),
    #[error(transparent)]
    Journal(#[from] AppendError),
    #[error("a newer version of this program wrote it")]
    Unreadable,
    #[error("the journal does not take it now")]
    NotTaken,
}

impl LetterReplay {
    /// Until the other end of `stop` is gone.
    pub fn run(self, stop: &Receiver<()>) {
        while stop.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
            if let Err(error) = self.look() {
                tracing::warn!(%error, "the folder of dead letters cannot be read");
            }
        }
    }

    fn look(&self) -> std::io::Result<()> {
        for Summary { id, .. } in self.letters.to_drop()? {
            match self.letters.remove(id) {
                Ok(()) => tracing::info!(letter = %id, "a dead letter was dropped"),
                Err(error) => tracing::warn!(letter = %id, %error, "a dead letter cannot be removed"),
            }
        }
        for Summary { id, .. } in self.letters.to_replay()? {
            match self.replay(id) {
                Ok(()) => tracing::info!(letter = %id, "a dead letter is tried again"),
                Err(error) => tracing::warn!(letter = %id, %error, "a dead letter cannot be tried again now"),
            }
        }
        Ok(())
    }

    /// A process that dies before the letter is removed finds the letter known, and only removes it.
    fn replay(&self, id: LetterId) -> Result<(), ReplayError> {
        let letter = self.letters.read(id)?;
        let hash = BodyHash(xxh3_128_with_seed(format!("dead letter {id}").as_bytes(), self.hash_seed));
        // Requests may be forgotten sooner, or not be remembered at all.
        if self.revived.contains(&hash) {
            return Ok(self.letters.remove(id)?);
        }
        match self.resent.enter(hash, || Reading::Clean) {
            Seen::OnItsWay(..) => return Err(ReplayError::NotTaken),
            Seen::Acknowledged(_) => {}
            Seen::First(attempt) => {
                let (attempt, answer) = attempt.awaited();
                let Letter { about, header, payload } = letter;
                let header = RecordHeader::decode(&header).ok_or(ReplayError::Unreadable)?;
                let header = RecordHeader { origin: Origin::DeadLetter, hash, ..header };
                let items = usize::try_from(header.tally.accepted).unwrap_or(usize::MAX);
                let counters = self.counters.items(&about.tenant, about.signal);
                self.journaling.append(ToJournal {
                    tenant: about.tenant,
                    signal: about.signal,
                    received_at: about.received_at,
                    entered: Entered::Revived { items: header.tally.accepted, hash, at: self.clock.now() },
                    header,
                    payload,
                    held: None,
                    pending: Pending::new(items, Durability::Journal, attempt, counters),
                })?;
                let answer = answer.blocking_recv();
                answer.ok().and_then(Result::ok).ok_or(ReplayError::NotTaken)?;
            }
        }
        Ok(self.letters.remove(id)?)
    }
}
