//! `Letter`: one accepted request that the store refused for good, with everything that is needed to try it again.

use std::fmt;

use crate::platform::journal::Payload;
use crate::shared::{Signal, TenantId, Timestamp};

/// Longest reason, in bytes: an engine's message may repeat what it could not read.
const REASON_BYTES_MAX: usize = 2_048;

/// Which record of which journal: `{journal in 16 hexadecimal digits}-{sequence}`. The same record always has the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LetterId {
    journal: u64,
    sequence: u64,
}

/// The text is no id of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of a dead letter looks like 00c0ffee00c0ffee-42")]
pub struct LetterIdError;

impl LetterId {
    pub const fn new(journal: u64, sequence: u64) -> Self {
        Self { journal, sequence }
    }

    /// Each id has one text only.
    pub fn parse(text: &str) -> Result<Self, LetterIdError> {
        let (journal, sequence) = text.split_once('-').ok_or(LetterIdError)?;
        let journal = u64::from_str_radix(journal, 16).map_err(|_| LetterIdError)?;
        let sequence = sequence.parse().map_err(|_| LetterIdError)?;
        Some(Self { journal, sequence }).filter(|id| id.to_string() == text).ok_or(LetterIdError)
    }
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.journal, self.sequence)
    }
}

/// The store's own words, at most 2 KiB of them, on one line and without anything that changes how a terminal shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    pub fn new(text: &str) -> Self {
        let mut reason = String::new();
        for c in text.chars().filter(|c| !is_control(*c)) {
            if reason.len() + c.len_utf8() > REASON_BYTES_MAX {
                break;
            }
            reason.push(c);
        }
        Self(reason)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Also those that turn the direction of text around (Unicode, `Bidi_Control`), and separators of lines.
fn is_control(c: char) -> bool {
    let turns =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}')
}

/// What people are told of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    pub id: LetterId,
    pub tenant: TenantId,
    pub signal: Signal,
    /// Points, log records or spans.
    pub items: u64,
    pub received_at: Timestamp,
    pub refused_at: Timestamp,
    pub reason: Reason,
    /// The tokens under which its batch was tried: the store may know some of them.
    pub tokens: Vec<String>,
}

/// A letter with the bytes of its journal record.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    pub about: About,
    /// As in [`crate::platform::journal::Record`].
    pub header: Vec<u8>,
    pub payload: Payload,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.payload.bytes().len();
        f.debug_struct("Letter")
            .field("id", &self.about.id)
            .field("payload_bytes", &bytes)
            .finish_non_exhaustive()
    }
}
