//! The file of one letter, so that `head -2` tells a person what it is:
//!
//! ```text
//! TelemetryFlow dead letter 1\n
//! {"id": ..., "tenant": ..., ...}\n
//! u8  how the payload is: 0 plain, 1 packed
//! u32 bytes of the header      u64 bytes of the payload      (little endian)
//! header, payload
//! u32 CRC-32C of everything above
//! ```

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use crate::platform::journal::Payload;
use crate::shared::{Signal, TenantId, Timestamp};

use super::letter::{About, Letter, LetterId, Reason};

const TITLE: &str = "TelemetryFlow dead letter ";
const VERSION: &str = "1";
/// Also of versions to come.
const VERSION_CHARS_MAX: usize = 5;
/// No line is longer; ours have a few kilobytes.
const LINE_BYTES_MAX: usize = 1 << 20;

const PLAIN: u8 = 0;
const PACKED: u8 = 1;
const SUM_BYTES: u64 = 4;

/// Why a file is not read as a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("it cannot be read ({0})")]
    Unreadable(io::ErrorKind),
    #[error("it does not begin as a dead letter does")]
    Title,
    #[error("it was written by a newer version")]
    Version,
    #[error("its second line cannot be understood")]
    Line,
    #[error("its parts are not as long as it says")]
    Length,
    #[error("its checksum does not match")]
    Checksum,
    #[error("it is the letter of another id")]
    Misnamed,
}

impl From<io::Error> for Damage {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Length,
            kind => Self::Unreadable(kind),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    tenant: String,
    signal: String,
    items: u64,
    received_at: String,
    refused_at: String,
    reason: String,
    tokens: Vec<String>,
}

/// A part of the letter is longer than the format can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

/// A letter as it is written, without a copy of its payload.
pub(super) struct Encoded<'a> {
    head: Vec<u8>,
    header: &'a [u8],
    payload: &'a [u8],
}

impl<'a> Encoded<'a> {
    pub(super) fn of(letter: &'a Letter) -> Result<Self, TooLong> {
        let line = line_of(&letter.about);
        if line.len() >= LINE_BYTES_MAX {
            return Err(TooLong);
        }
        let (kind, payload) = match &letter.payload {
            Payload::Plain(bytes) => (PLAIN, bytes),
            Payload::Packed(bytes) => (PACKED, bytes),
        };
        let header_bytes = u32::try_from(letter.header.len()).map_err(|_| TooLong)?;
        let mut head = format!("{TITLE}{VERSION}\n{line}\n").into_bytes();
        head.push(kind);
        head.extend(header_bytes.to_le_bytes());
        head.extend((payload.len() as u64).to_le_bytes());
        Ok(Self { head, header: &letter.header, payload })
    }

    pub(super) fn bytes(&self) -> u64 {
        (self.head.len() + self.header.len() + self.payload.len()) as u64 + SUM_BYTES
    }

    pub(super) fn write(&self, file: &mut impl Write) -> io::Result<()> {
        let mut sum = 0;
        for part in [&*self.head, self.header, self.payload] {
            sum = crc32c::crc32c_append(sum, part);
            file.write_all(part)?;
        }
        file.write_all(&sum.to_le_bytes())
    }
}

fn line_of(about: &About) -> String {
    let line = Line {
        id: about.id.to_string(),
        tenant: about.tenant.to_string(),
        signal: about.signal.name().to_owned(),
        items: about.items,
        received_at: time_text(about.received_at),
        refused_at: time_text(about.refused_at),
        reason: about.reason.as_str().to_owned(),
        tokens: about.tokens.clone(),
    };
    // Text and numbers always are JSON.
    serde_json::to_string(&line).unwrap_or_default()
}

fn about_of(line: &[u8]) -> Option<About> {
    let line: Line = serde_json::from_slice(line).ok()?;
    Some(About {
        id: LetterId::parse(&line.id).ok()?,
        tenant: TenantId::parse(&line.tenant).ok()?,
        signal: Signal::ALL.into_iter().find(|signal| signal.name() == line.signal)?,
        items: line.items,
        received_at: time_of(&line.received_at)?,
        refused_at: time_of(&line.refused_at)?,
        reason: Reason::new(&line.reason),
        tokens: line.tokens,
    })
}

/// RFC 3339 in UTC, to the nanosecond.
pub fn time_text(at: Timestamp) -> String {
    jiff::Timestamp::from_nanosecond(at.nanos().into()).map_or_else(|_| String::new(), |at| at.to_string())
}

fn time_of(text: &str) -> Option<Timestamp> {
    let moment: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(moment.as_nanosecond()).ok().map(Timestamp::from_nanos)
}

/// Reads what a letter says of itself, and all of its bytes to see whether they are whole.
pub(super) fn read_about(file: impl Read, bytes: u64) -> Result<About, Damage> {
    let mut begun = begin(file, bytes)?;
    io::copy(&mut begun.rest, &mut io::sink())?;
    begun.rest.finish()?;
    Ok(begun.about)
}

/// Reads a whole letter.
pub(super) fn read_letter(file: impl Read, bytes: u64) -> Result<Letter, Damage> {
    let mut begun = begin(file, bytes)?;
    let mut header = Vec::new();
    (&mut begun.rest).take(begun.header_bytes).read_to_end(&mut header)?;
    let mut payload = Vec::new();
    begun.rest.read_to_end(&mut payload)?;
    begun.rest.finish()?;
    let payload =
        if begun.is_packed { Payload::Packed(payload.into()) } else { Payload::Plain(payload.into()) };
    Ok(Letter { about: begun.about, header, payload })
}

/// A file of which everything in front of header and payload was read.
struct Begun<R> {
    about: About,
    is_packed: bool,
    header_bytes: u64,
    /// Header and payload.
    rest: Summed<R>,
}

/// `bytes` is how long the file is: what it says of its parts has to fit.
fn begin<R: Read>(file: R, bytes: u64) -> Result<Begun<R>, Damage> {
    let left = bytes.checked_sub(SUM_BYTES).ok_or(Damage::Length)?;
    let mut file = Summed { file, sum: 0, left };
    file.title()?;
    let line = file.line(LINE_BYTES_MAX)?;
    let about = about_of(&line).ok_or(Damage::Line)?;
    let [kind] = file.array()?;
    let header_bytes = u64::from(u32::from_le_bytes(file.array()?));
    let payload_bytes = u64::from_le_bytes(file.array()?);
    if header_bytes.checked_add(payload_bytes) != Some(file.left) || kind > PACKED {
        return Err(Damage::Length);
    }
    Ok(Begun { about, is_packed: kind == PACKED, header_bytes, rest: file })
}

/// Reads all but the checksum at the end, and sums up what it reads.
struct Summed<R> {
    file: R,
    sum: u32,
    left: u64,
}

impl<R: Read> Summed<R> {
    fn title(&mut self) -> Result<(), Damage> {
        let title = match self.line(TITLE.len() + VERSION_CHARS_MAX) {
            Err(Damage::Line) => return Err(Damage::Title),
            title => title?,
        };
        let version = title.strip_prefix(TITLE.as_bytes()).ok_or(Damage::Title)?;
        if version == VERSION.as_bytes() { Ok(()) } else { Err(Damage::Version) }
    }

    /// Without its end.
    fn line(&mut self, bytes_max: usize) -> Result<Vec<u8>, Damage> {
        let mut line = Vec::new();
        loop {
            match self.array()? {
                [b'\n'] => return Ok(line),
                _ if line.len() >= bytes_max => return Err(Damage::Line),
                [byte] => line.push(byte),
            }
        }
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Everything was read: the checksum decides.
    fn finish(&mut self) -> Result<(), Damage> {
        if self.left > 0 {
            return Err(Damage::Length);
        }
        let mut stated = [0; 4];
        self.file.read_exact(&mut stated)?;
        if u32::from_le_bytes(stated) == self.sum { Ok(()) } else { Err(Damage::Checksum) }
    }
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..most) else { return Ok(0) };
        let read = self.file.read(buffer)?;
        self.sum = crc32c::crc32c_append(self.sum, buffer.get(..read).unwrap_or_default());
        self.left -= read as u64;
        Ok(read)
    }
}
