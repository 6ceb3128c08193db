//! The ledger's copy and the bodies that were seen, as files beside the journal's segments, so that those can be released.
//!
//! `ledger`: one line `telemetryflow-ledger 1 CRC-32C`, then JSON. `<position>.seen`: bodies that were acknowledged between
//! the copy before and the one with this position; they are removed when all of them have left the window.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::platform::journal::{FileSystem, read_file, write_file};
use crate::shared::{Signal, TenantId, Timestamp};
use crate::telemetry::application::BodyHash;
use crate::telemetry::application::ledger::{Account, AccountKey, LedgerCopy, Position};
use crate::telemetry::domain::Rejection;

const LEDGER: &str = "ledger";
const LEDGER_MARK: &str = "telemetryflow-ledger 1 ";
const SEEN: &str = ".seen";
const SEEN_MAGIC: [u8; 8] = *b"TFSEEN1\n";
const SEEN_ENTRY_BYTES: usize = 24;
/// A file that is longer is none of ours.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// What a start finds.
#[derive(Debug, Default)]
pub struct Checkpoint {
    pub ledger: LedgerCopy,
    pub bodies: Vec<(BodyHash, Timestamp)>,
}

/// What the files look like to somebody who only looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckpointSeen {
    /// Of the ledger's file; absent if there is none.
    pub ledger_bytes: Option<u64>,
    /// Everything below is counted in it; absent if it is damaged, too.
    pub ledger_position: Option<u64>,
    pub seen_files: u64,
    pub seen_bytes: u64,
    /// Files that cannot be read.
    pub damaged: Vec<String>,
}

/// Changes nothing. A file that has gone since it was listed is left out: bodies are forgotten in time.
pub fn look(fs: &dyn FileSystem) -> io::Result<CheckpointSeen> {
    let mut seen = CheckpointSeen::default();
    let mut names = fs.list()?;
    names.sort_unstable();
    for name in names.into_iter().filter(|name| name == LEDGER || name.ends_with(SEEN)) {
        let bytes = match read_file(fs, &name, FILE_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(_) => Vec::new(),
        };
        let length = bytes.len() as u64;
        let is_sound = if name == LEDGER {
            seen.ledger_bytes = Some(length);
            seen.ledger_position = read_ledger(&bytes).map(|copy| copy.next.0);
            seen.ledger_position.is_some()
        } else {
            seen.seen_files += 1;
            seen.seen_bytes += length;
            read_seen(&bytes).is_some()
        };
        if !is_sound {
            seen.damaged.push(name);
        }
    }
    Ok(seen)
}

/// Reads and writes checkpoints.
pub struct CheckpointFiles {
    fs: Arc<dyn FileSystem>,
    /// How long bodies are remembered.
    span: Duration,
    /// Names, and the time of the latest body in each.
    seen: VecDeque<(String, Timestamp)>,
}

impl fmt::Debug for CheckpointFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckpointFiles").field("seen", &self.seen.len()).finish_non_exhaustive()
    }
}

impl CheckpointFiles {
    /// Reads what is there. A damaged file is said to be so and left out: counts then begin at what the journal has.
    pub fn open(fs: Arc<dyn FileSystem>, span: Duration) -> io::Result<(Self, Checkpoint)> {
        let mut names = fs.list()?;
        names.sort_unstable();
        let mut files = Self { fs, span, seen: VecDeque::new() };
        let mut checkpoint = Checkpoint::default();
        if names.iter().any(|name| name == LEDGER) {
            match files.read(LEDGER).as_deref().and_then(read_ledger) {
                Some(copy) => checkpoint.ledger = copy,
                None => tracing::error!("the ledger's file is damaged; its counts begin anew"),
            }
        }
        for name in names.into_iter().filter(|name| name.ends_with(SEEN)) {
            let bodies = files.read(&name).as_deref().and_then(read_seen).unwrap_or_else(|| {
                tracing::error!(
                    name,
                    "a file of bodies that were seen is damaged; they may be stored twice if sent again"
                );
                Vec::new()
            });
            files.note(name, &bodies);
            checkpoint.bodies.extend(bodies);
        }
        Ok((files, checkpoint))
    }

    fn read(&self, name: &str) -> Option<Vec<u8>> {
        read_file(&*self.fs, name, FILE_BYTES_MAX).ok()
    }

    fn note(&mut self, name: String, bodies: &[(BodyHash, Timestamp)]) {
        let latest = bodies.iter().map(|(_, at)| *at).max().unwrap_or(Timestamp::EPOCH);
        self.seen.push_back((name, latest));
    }

    /// The bodies first: the position of the ledger says that they are written down.
    pub fn write(&mut self, copy: &LedgerCopy, now: Timestamp) -> io::Result<()> {
        if !copy.bodies.is_empty() {
            let name = format!("{:016x}{SEEN}", copy.next.0);
            write_file(&*self.fs, &name, &seen_bytes(&copy.bodies))?;
            self.note(name, &copy.bodies);
        }
        write_file(&*self.fs, LEDGER, &ledger_bytes(copy)?)?;
        self.forget(now.minus(self.span));
        Ok(())
    }

    /// That a file cannot be removed costs room only.
    fn forget(&mut self, before: Timestamp) {
        while let Some((name, _)) = self.seen.front().filter(|(_, latest)| *latest < before) {
            let _ = self.fs.remove(name);
            self.seen.pop_front();
        }
    }
}

fn seen_bytes(bodies: &[(BodyHash, Timestamp)]) -> Vec<u8> {
    let mut entries = Vec::with_capacity(bodies.len() * SEEN_ENTRY_BYTES);
    for (hash, at) in bodies {
        entries.extend(hash.0.to_le_bytes());
        entries.extend(at.nanos().to_le_bytes());
    }
    [&SEEN_MAGIC[..], &crc32c::crc32c(&entries).to_le_bytes(), &entries].concat()
}

fn read_seen(bytes: &[u8]) -> Option<Vec<(BodyHash, Timestamp)>> {
    let (sum, entries) = bytes.strip_prefix(&SEEN_MAGIC)?.split_first_chunk()?;
    let (entries, rest) = entries.as_chunks::<SEEN_ENTRY_BYTES>();
    if !rest.is_empty() || crc32c::crc32c(entries.as_flattened()) != u32::from_le_bytes(*sum) {
        return None;
    }
    let read = |entry: &[u8; SEEN_ENTRY_BYTES]| {
        let (hash, at) = entry.split_first_chunk()?;
        let at = i64::from_le_bytes(*at.first_chunk()?);
        Some((BodyHash(u128::from_le_bytes(*hash)), Timestamp::from_nanos(at)))
    };
    entries.iter().map(read).collect()
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LedgerText {
    next: u64,
    accounts: Vec<AccountText>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccountText {
    tenant: String,
    signal: String,
    received: u64,
    rejected: std::collections::BTreeMap<String, u64>,
    stored: u64,
    dead_lettered: u64,
    in_flight: u64,
    lost: u64,
}

fn ledger_bytes(copy: &LedgerCopy) -> io::Result<Vec<u8>> {
    let accounts = copy.accounts.iter().map(|((tenant, signal), account)| AccountText {
        tenant: tenant.as_str().to_owned(),
        signal: signal.name().to_owned(),
        received: account.received,
        rejected: account.rejected().map(|(reason, items)| (reason.name().to_owned(), items)).collect(),
        stored: account.stored,
        dead_lettered: account.dead_lettered,
        in_flight: account.in_flight,
        lost: account.lost,
    });
    let text = serde_json::to_string(&LedgerText { next: copy.next.0, accounts: accounts.collect() })?;
    Ok(format!("{LEDGER_MARK}{:08x}\n{text}\n", crc32c::crc32c(text.as_bytes())).into_bytes())
}

fn read_ledger(bytes: &[u8]) -> Option<LedgerCopy> {
    let text = std::str::from_utf8(bytes).ok()?.strip_prefix(LEDGER_MARK)?;
    let (sum, json) = text.strip_suffix('\n')?.split_once('\n')?;
    if u32::from_str_radix(sum, 16).ok()? != crc32c::crc32c(json.as_bytes()) {
        return None;
    }
    let LedgerText { next, accounts } = serde_json::from_str(json).ok()?;
    let accounts = accounts.iter().map(read_account).collect::<Option<_>>()?;
    Some(LedgerCopy { accounts, next: Position(next), bodies: Vec::new() })
}

fn read_account(text: &AccountText) -> Option<(AccountKey, Account)> {
    let tenant = TenantId::parse(&text.tenant).ok()?;
    let signal = Signal::ALL.into_iter().find(|signal| signal.name() == text.signal)?;
    let mut account = Account::default();
    account.received = text.received;
    account.stored = text.stored;
    account.dead_lettered = text.dead_lettered;
    account.in_flight = text.in_flight;
    account.lost = text.lost;
    for (name, items) in &text.rejected {
        let reason = Rejection::ALL.iter().find(|reason| reason.name() == name)?;
        account.add_rejected(*reason, *items);
    }
    Some(((tenant, signal), account))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::journal::Disk;
    use crate::telemetry::application::Tally;
    use crate::telemetry::application::ledger::{Entered, Ledger};

    const SPAN: Duration = Duration::from_secs(600);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    fn ledger(bodies: std::ops::Range<u64>) -> Ledger {
        let ledger = Ledger::default();
        for body in bodies {
            let tally = Tally { accepted: 5, rejected: vec![(Rejection::TimeTooOld, 2)] };
            let entered = Entered::Request { tally, hash: BodyHash(body.into()), received_at: at(0) };
            ledger.enter(Some(Position(body)), (TenantId::unnamed(), Signal::Logs), &entered);
        }
        ledger
    }

    #[test]
    fn a_checkpoint_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let fs = || -> Arc<dyn FileSystem> { Arc::new(Disk::new(folder.path()).unwrap()) };
        let (mut files, nothing) = CheckpointFiles::open(fs(), SPAN).unwrap();
        assert!(nothing.bodies.is_empty() && nothing.ledger == LedgerCopy::default());
        let first = ledger(1..4).copy();
        files.write(&first, at(1)).unwrap();
        let mut second = first.clone();
        second.bodies.clear();
        files.write(&second, at(2)).unwrap();
        let (mut files, found) = CheckpointFiles::open(fs(), SPAN).unwrap();
        assert_eq!((found.ledger.accounts, found.ledger.next), (first.accounts.clone(), Position(4)));
        assert_eq!(found.bodies, first.bodies);
        files.write(&second, at(601)).unwrap();
        assert!(CheckpointFiles::open(fs(), SPAN).unwrap().1.bodies.is_empty(), "they have left the window");
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let copy = ledger(1..3).copy();
        let (ledger, seen) = (ledger_bytes(&copy).unwrap(), seen_bytes(&copy.bodies));
        assert!(read_ledger(&ledger).is_some() && read_seen(&seen).is_some());
        for at in 0..ledger.len() * 8 {
            let mut damaged = ledger.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            let same = read_ledger(&damaged)
                .is_none_or(|read| read.accounts == copy.accounts && read.next == copy.next);
            assert!(same, "bit {at}");
        }
        for at in 0..seen.len() * 8 {
            let mut damaged = seen.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            assert_eq!(read_seen(&damaged), None, "bit {at}");
        }
        assert_eq!(read_seen(&seen[..seen.len() - 1]), None);
    }
}
