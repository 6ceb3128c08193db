//! An inspection: what a start would find in a journal's folder, told without changing anything, while a server may be writing.
//!
//! A segment is read only after the one that follows it was seen, so all but the last one are complete. That one is read from its end to
//! its beginning: the writer goes the other way and syncs between groups, so no gap is seen that is not there. A file that is
//! used again meanwhile is noticed by its header, and the folder is read anew.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::shared::Timestamp;

use super::disk_view::DiskView;
use super::error::OpenError;
use super::file_system::{FileSystem, JournalFile, read_readable};
use super::gaps;
use super::inventory::{Candidate, Inventory, KnownBy};
use super::ledger::{Closing, Ledger, State};
use super::options::SEGMENT_BYTES_MAX;
use super::record::{BatchNumber, Outcome, Sequence, Stream};
use super::segment::{FORMAT_VERSION, Identity, JournalId, epoch_of};
use super::survey::{Survey, SurveyedSegment, Verdict};

/// How often the folder is read if it changes meanwhile.
const LOOKS_MAX: u32 = 4;
/// Read at a time from a segment that is being written: no longer than what the journal writes its groups in.
const PIECE_BYTES: usize = 4096;

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    #[error("there is no journal")]
    Nothing,
    #[error("{file} has format {version}, written by a newer version of this program, which can read it")]
    NewerFormat { file: String, version: u32 },
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("its files change faster than they can be read; try again")]
    Restless,
}

/// A journal's folder at one moment.
#[derive(Debug)]
pub struct Inspection {
    /// Absent if neither the identity's file nor any segment says it.
    pub journal: Option<JournalId>,
    pub format: u32,
    /// By epoch.
    pub segments: Vec<InspectedSegment>,
    pub spares: Files,
    /// Files that are being filled, or were not finished.
    pub unfinished: Files,
    /// What earlier starts set aside.
    pub quarantine: Files,
    /// Everything below was released.
    pub live_from: Sequence,
    /// The number that comes next.
    pub next: Sequence,
    /// In order.
    pub open: Vec<OpenRecord>,
    pub missing: Missing,
    /// Frames begun behind the last sound one.
    pub torn_tail: u64,
    /// What no start has dealt with yet.
    pub flaws: Vec<Flaw>,
}

/// How many files, and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Files {
    pub count: u64,
    pub bytes: u64,
}

/// Sequence numbers that were not released and of which nothing was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Missing {
    /// Had been on disk.
    pub lost: u64,
    /// Belonged to the group that was being written: nobody had an answer.
    pub torn: u64,
    /// An earlier start counted them as one or the other.
    pub counted_before: u64,
}

/// One segment file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectedSegment {
    pub file: String,
    pub epoch: u64,
    pub bytes: u64,
    pub first: Sequence,
    /// Absent if nothing in it counts.
    pub last: Option<Sequence>,
    /// Records and marks.
    pub frames: u64,
    pub marks: u64,
    pub records: RecordCounts,
}

/// Records by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecordCounts {
    pub open: u64,
    pub stored: u64,
    pub dead_lettered: u64,
    /// Closed, and forgotten: what follows has been released as well.
    pub released: u64,
}

/// A record that is not closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRecord {
    pub sequence: Sequence,
    pub stream: Stream,
    pub account: Arc<[u8]>,
    pub received_at: Timestamp,
    /// The caller's words.
    pub header: Box<[u8]>,
    /// As written.
    pub bytes: u64,
    /// Absent while it is unsealed.
    pub batch: Option<BatchNumber>,
    pub epoch: u64,
    pub offset: u64,
}

/// Something that should not be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// The file that says whose folder this is is missing or damaged.
    Identity,
    /// The header of a segment.
    Header { file: String },
    /// Of another journal, a copy, or with a name that no segment has.
    Foreign { file: String },
    /// A segment of which nothing is left.
    Unsound { file: String },
    /// Numbers that had been on disk are missing between two offsets.
    Lost { file: String, first: Sequence, last: Sequence, from: u64, until: u64 },
}

/// Looks at the journal in a folder. Needs as much memory as a start: the longest segment, and what is known of records.
pub fn inspect(directory: &Path) -> Result<Inspection, InspectError> {
    let view = DiskView::new(directory).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => InspectError::Nothing,
        _ => InspectError::Io(error),
    })?;
    let mut inspection = inspect_files(&view)?;
    inspection.quarantine = files(&view, &view.quarantined()?);
    Ok(inspection)
}

/// Without what is in quarantine.
pub(super) fn inspect_files(fs: &dyn FileSystem) -> Result<Inspection, InspectError> {
    for _ in 0..LOOKS_MAX {
        match look(fs) {
            Ok(Some(inspection)) => return Ok(inspection),
            // A file got another name between list and open.
            Err(InspectError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(None) => {}
        }
    }
    Err(InspectError::Restless)
}

/// Absent if what was read cannot have been there at one moment.
fn look(fs: &dyn FileSystem) -> Result<Option<Inspection>, InspectError> {
    let nobody = Identity { id: JournalId(0), key: [0; 16] };
    let inventory = Inventory::take(fs, nobody).map_err(|error| match error {
        OpenError::NewerFormat { file, version } => InspectError::NewerFormat { file, version },
        OpenError::Io(error) => InspectError::Io(error),
        // Only opening locks, checks options and draws numbers.
        OpenError::Options(_) | OpenError::InUse | OpenError::Randomness => InspectError::Nothing,
    })?;
    if inventory.known_by == KnownBy::Nothing && inventory.segments.is_empty() && inventory.foreign.is_empty()
    {
        return Err(InspectError::Nothing);
    }
    let last = inventory.segments.keys().next_back().copied();
    let is_of_one_life = Cell::new(true);
    let read = |candidate: &Candidate| {
        let bytes = match epoch_of(&candidate.name) == last {
            true => read_backwards(&*candidate.file),
            false => read_readable(&*candidate.file, SEGMENT_BYTES_MAX),
        };
        // A file's new header is on disk before anything else in it changes.
        is_of_one_life.set(is_of_one_life.get() && candidate.is_same());
        bytes
    };
    let survey = Survey::take(&inventory, &read);
    let inspection = tell(fs, &inventory, survey);
    Ok((is_of_one_life.get() && has_all(&fs.list()?, &inventory)).then_some(inspection))
}

/// With zeros where it cannot be read.
fn read_backwards(file: &dyn JournalFile) -> Vec<u8> {
    let length = file.length().unwrap_or_default().min(SEGMENT_BYTES_MAX);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
    for (index, piece) in bytes.chunks_mut(PIECE_BYTES).enumerate().rev() {
        let _ = file.read_at(piece, (index * PIECE_BYTES) as u64);
    }
    bytes
}

/// Whether no segment was overlooked. Newer ones have come since.
fn has_all(names: &[String], inventory: &Inventory) -> bool {
    let newest = inventory.segments.keys().next_back().copied();
    let is_known =
        |epoch: u64| newest.is_some_and(|newest| epoch > newest) || inventory.segments.contains_key(&epoch);
    names.iter().all(|name| epoch_of(name).is_none_or(is_known) || inventory.foreign.contains(name))
}

fn tell(fs: &dyn FileSystem, inventory: &Inventory, mut survey: Survey<'_>) -> Inspection {
    let damage = survey.damage();
    let absent = survey.ledger.absent().count() as u64;
    let missing = Missing {
        lost: damage.lost,
        torn: damage.torn,
        counted_before: absent.saturating_sub(damage.lost + damage.torn),
    };
    let flaws = flaws(inventory, &survey, &damage);
    let records = by_segment(&survey.ledger);
    let segment = |read: &SurveyedSegment| {
        let candidate = inventory.segments.get(&read.epoch)?;
        let mut records = records.get(&read.epoch).copied().unwrap_or_default();
        let live = records.open + records.stored + records.dead_lettered;
        records.released = (read.count - read.marks).saturating_sub(live);
        Some(InspectedSegment {
            file: candidate.name.clone(),
            epoch: read.epoch,
            bytes: candidate.file.length().unwrap_or_default(),
            first: Sequence(read.first),
            last: (read.count > 0).then(|| Sequence(read.next.saturating_sub(1))),
            frames: read.count,
            marks: read.marks,
            records,
        })
    };
    Inspection {
        journal: (inventory.known_by != KnownBy::Nothing).then_some(inventory.identity.id),
        format: FORMAT_VERSION,
        segments: survey.segments.iter().filter_map(segment).collect(),
        spares: files(fs, inventory.spares.iter()),
        unfinished: files(fs, &inventory.unfinished),
        quarantine: Files::default(),
        live_from: Sequence(survey.live_from),
        next: Sequence(survey.next_sequence),
        missing,
        torn_tail: survey.counts.cut,
        flaws,
        open: open_records(survey),
    }
}

/// Those that have gone since they were listed count nothing.
fn files<'a>(fs: &dyn FileSystem, names: impl IntoIterator<Item = &'a String>) -> Files {
    let lengths = names.into_iter().filter_map(|name| fs.open(name).ok()?.length().ok());
    lengths.fold(Files::default(), |sum, bytes| Files { count: sum.count + 1, bytes: sum.bytes + bytes })
}

fn by_segment(ledger: &Ledger) -> BTreeMap<u64, RecordCounts> {
    let mut counts: BTreeMap<u64, RecordCounts> = BTreeMap::new();
    for (_, entry) in ledger.all_records() {
        let counts = counts.entry(entry.position.epoch).or_default();
        match entry.state {
            State::Unsealed | State::Sealed(_) => counts.open += 1,
            State::Closed(Closing { outcome: Outcome::Stored, .. }) => counts.stored += 1,
            State::Closed(Closing { outcome: Outcome::DeadLettered, .. }) => counts.dead_lettered += 1,
        }
    }
    counts
}

fn open_records(survey: Survey<'_>) -> Vec<OpenRecord> {
    let Survey { ledger, mut headers, .. } = survey;
    let open = |(sequence, entry): (Sequence, &super::ledger::Entry)| {
        let batch = match entry.state {
            State::Unsealed => None,
            State::Sealed(number) => Some(number),
            State::Closed(_) => return None,
        };
        Some(OpenRecord {
            sequence,
            stream: entry.stream,
            account: Arc::clone(&entry.account),
            received_at: entry.received_at,
            header: headers.remove(&sequence.0).unwrap_or_default(),
            bytes: entry.position.length,
            batch,
            epoch: entry.position.epoch,
            offset: entry.position.offset,
        })
    };
    ledger.all_records().filter_map(open).collect()
}

fn flaws(inventory: &Inventory, survey: &Survey<'_>, damage: &gaps::Damage) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    if inventory.known_by != KnownBy::File {
        flaws.push(Flaw::Identity);
    }
    flaws.extend(inventory.foreign.iter().map(|file| Flaw::Foreign { file: file.clone() }));
    for read in &survey.segments {
        let Some(candidate) = inventory.segments.get(&read.epoch) else { continue };
        let file = || candidate.name.clone();
        if candidate.header.is_none() {
            flaws.push(Flaw::Header { file: file() });
        }
        if read.verdict == Verdict::SetAside {
            flaws.push(Flaw::Unsound { file: file() });
        }
        let on_disk_below = survey.gaps.on_disk_below();
        let holes = damage.holes.iter().filter(|hole| hole.epoch == read.epoch && hole.first < on_disk_below);
        flaws.extend(holes.map(|hole| Flaw::Lost {
            file: file(),
            first: Sequence(hole.first),
            last: Sequence(hole.end.min(on_disk_below) - 1),
            from: hole.from,
            until: hole.until,
        }));
    }
    flaws
}
