//! The start: reads what is in the folder, sets aside what is damaged, and says what goes on. Damage never stops it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::depot::Depot;
use super::error::OpenError;
use super::file_system::{FileSystem, QUARANTINE, read_readable, read_up_to, write_file};
use super::frame::Content;
use super::gaps::{Damage, Gaps, Hole};
use super::inventory::{Candidate, Inventory};
use super::ledger::{Ledger, Position};
use super::metrics::RecoveryCounts;
use super::options::{Options, SEGMENT_BYTES_MAX};
use super::record::Mark;
use super::recovery::Recovery;
use super::scan::{Found, Tail, frames, tail};
use super::segment::{HEADER_BYTES, IDENTITY, Identity, SPARE, Segment, segment_name};
use super::writer::{Beginning, Writer};

/// Reads the journal. `fresh` is who it becomes when it is new.
pub(super) fn recover(
    options: Options,
    fs: &Arc<dyn FileSystem>,
    fresh: Identity,
) -> Result<(Writer, Recovery), OpenError> {
    let inventory = Inventory::take(&**fs, fresh)?;
    settle_identity(&**fs, &inventory)?;
    let mut start = Start::new(&**fs, options, &inventory);
    for name in &inventory.foreign {
        start.set_aside(name);
    }
    start.read_segments(&inventory.segments);
    let gaps = start.account_for_gaps();
    let on_disk_below = start.gaps.on_disk_below();
    let spares = start.tidy(&inventory);
    let Start { ledger, headers, live, counts, next_sequence, live_from, resume_at, .. } = start;
    log(&counts);
    let recovery = Recovery::new(&ledger, headers, &live, inventory.identity, counts);
    let depot = Depot::new(Arc::clone(fs), options, inventory.identity, inventory.next_epoch, spares);
    let beginning =
        Beginning { ledger, segments: live, next_sequence, live_from, gaps, on_disk_below, resume_at };
    Ok((Writer::new(options, depot, beginning), recovery))
}

/// A new journal cannot go on without; an old one has its segments' headers.
fn settle_identity(fs: &dyn FileSystem, inventory: &Inventory) -> Result<(), OpenError> {
    if !inventory.is_new {
        return Ok(());
    }
    match write_file(fs, IDENTITY, &inventory.identity.encode()) {
        Err(error) if inventory.segments.is_empty() => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn log(counts: &RecoveryCounts) {
    let RecoveryCounts { found, lost, torn, cut, quarantined, set_aside, .. } = *counts;
    if lost + quarantined + set_aside > 0 {
        tracing::error!(
            found,
            lost,
            torn,
            cut,
            quarantined,
            set_aside,
            "the journal is damaged; it goes on without"
        );
    } else {
        tracing::info!(found, torn, cut, "the journal was read");
    }
}

struct Start<'a> {
    fs: &'a dyn FileSystem,
    options: Options,
    identity: Identity,
    ledger: Ledger,
    headers: HashMap<u64, Box<[u8]>>,
    live: VecDeque<Segment>,
    /// Hold nothing that counts; become spare files.
    empty: Vec<String>,
    /// The end of frames that do not count.
    stale_end: u64,
    /// Where the last segment goes on.
    resume_at: Option<u64>,
    gaps: Gaps,
    counts: RecoveryCounts,
    next_sequence: u64,
    live_from: u64,
}

impl<'a> Start<'a> {
    fn new(fs: &'a dyn FileSystem, options: Options, inventory: &Inventory) -> Self {
        let headers = || inventory.segments.values().filter_map(|candidate| candidate.header);
        let live_from = headers().map(|header| header.live_from).max().unwrap_or(1);
        let next_sequence = headers().map(|header| header.first_sequence).max().unwrap_or(1).max(live_from);
        let on_disk_below = headers().map(|header| header.on_disk_below).max().unwrap_or(1);
        Self {
            fs,
            options,
            identity: inventory.identity,
            ledger: Ledger::starting_at(live_from),
            headers: HashMap::new(),
            live: VecDeque::new(),
            empty: Vec::new(),
            stale_end: 0,
            resume_at: None,
            gaps: Gaps::after(on_disk_below),
            counts: RecoveryCounts::default(),
            next_sequence,
            live_from,
        }
    }

    /// Oldest first. A segment's frames count up to where the next one begins: what stands behind was written again
    /// there, or was never answered.
    fn read_segments(&mut self, segments: &BTreeMap<u64, Candidate>) {
        let begins: BTreeMap<_, _> = segments
            .iter()
            .filter_map(|(epoch, candidate)| Some((*epoch, self.first_sequence(*epoch, candidate)?)))
            .collect();
        if segments.values().all(|candidate| candidate.header.is_none()) {
            self.begin_at(begins.values().copied().min().unwrap_or(1));
        }
        for (epoch, candidate) in segments {
            let first = begins.get(epoch).copied();
            let bound = begins.range(epoch + 1..).map(|(_, first)| *first).min();
            let is_last = segments.range(epoch + 1..).next().is_none();
            let reading = self.read_segment(Life { epoch: *epoch, first, bound }, candidate);
            if is_last {
                self.end_of_journal(candidate, &reading);
            }
        }
    }

    /// Without any header nobody says from where on numbers are live: then from the first that is found.
    fn begin_at(&mut self, sequence: u64) {
        self.ledger = Ledger::starting_at(sequence);
        self.live_from = sequence;
        self.next_sequence = sequence;
    }

    /// Where the header is damaged, the first sound frame says it as well as may be.
    fn first_sequence(&self, epoch: u64, candidate: &Candidate) -> Option<u64> {
        if let Some(header) = candidate.header {
            return Some(header.first_sequence);
        }
        let bytes = read_readable(&*candidate.file, SEGMENT_BYTES_MAX);
        frames(&bytes, self.identity.stamp(epoch)).next().map(|found| found.frame.sequence)
    }

    fn read_segment(&mut self, life: Life, candidate: &Candidate) -> Reading {
        let Life { epoch, first, bound } = life;
        let stamp = self.identity.stamp(epoch);
        let bytes = read_readable(&*candidate.file, SEGMENT_BYTES_MAX);
        let first = first.unwrap_or_else(|| self.ledger.end());
        let mut reading = Reading {
            epoch,
            next: first,
            offset: HEADER_BYTES,
            beyond: HEADER_BYTES,
            count: 0,
            tail: Tail::default(),
        };
        for found in frames(&bytes, stamp) {
            reading.beyond = found.end();
            if bound.is_none_or(|end| found.frame.sequence < end) {
                self.enter(&mut reading, &found);
            } else {
                self.stale_end = self.stale_end.max(found.frame.sequence + 1);
            }
        }
        match bound {
            Some(end) => self.gaps.add(self.hole(&reading, end, bytes.len() as u64)),
            None => reading.tail = tail(&bytes, reading.beyond, stamp),
        }
        self.counts.cut += reading.tail.count;
        self.keep(candidate, &reading, bound, first);
        reading
    }

    /// The last segment is written further, behind what is sound; what was torn is cut there. Not if its disk fails.
    fn end_of_journal(&mut self, candidate: &Candidate, reading: &Reading) {
        let begin = super::bytes::round_up(reading.beyond, self.options.block_bytes);
        let zeros = vec![0; usize::try_from(reading.tail.end.saturating_sub(begin)).unwrap_or_default()];
        let clean = || {
            if !zeros.is_empty() {
                candidate.file.write_at(&zeros, begin)?;
            }
            // What another process wrote may be in memory only.
            candidate.file.sync_data()?;
            candidate.file.length()
        };
        let is_whole = clean().is_ok_and(|length| length == self.options.segment_bytes);
        if is_whole && candidate.header.is_some() && reading.count > 0 {
            self.resume_at = Some(begin);
        }
    }

    /// What is missing between the last frame and the one with number `end`.
    fn hole(&self, reading: &Reading, end: u64, until: u64) -> Hole {
        Hole {
            first: reading.next.max(self.live_from),
            end,
            epoch: reading.epoch,
            from: reading.offset,
            until,
        }
    }

    fn enter(&mut self, reading: &mut Reading, found: &Found<'_>) {
        let frame = found.frame;
        let is_live = frame.sequence >= self.live_from;
        // Numbers rise within a segment.
        if frame.sequence < reading.next || (is_live && !self.ledger.accepts(frame.sequence)) {
            return;
        }
        self.gaps.add(self.hole(reading, frame.sequence, found.offset));
        reading.next = frame.sequence + 1;
        reading.offset = found.end();
        reading.count += 1;
        self.counts.found += 1;
        self.gaps.written_after(frame.on_disk_below);
        self.next_sequence = self.next_sequence.max(reading.next);
        if is_live {
            self.add(found, reading.epoch);
        }
    }

    fn add(&mut self, found: &Found<'_>, epoch: u64) {
        let frame = found.frame;
        let content = match frame.mark() {
            Some(mark) => {
                self.note(mark);
                Content::Mark(mark)
            }
            None => {
                let header = frame.header();
                let header = header.get(..self.options.header_bytes_kept).unwrap_or(header);
                self.headers.insert(frame.sequence, header.into());
                Content::Record {
                    stream: frame.stream,
                    account: frame.account().into(),
                    received_at: frame.received_at(),
                }
            }
        };
        let position = Position { epoch, offset: found.offset, length: frame.length() };
        self.ledger.add(frame.sequence, &content, position);
    }

    fn note(&mut self, mark: Mark) {
        match mark {
            Mark::Released(below) => self.live_from = self.live_from.max(below.0),
            Mark::Gap(first, last) => self.gaps.known(first.0, last.0),
            Mark::Seal(_) | Mark::Closed(..) => {}
        }
    }

    /// Where a segment goes: it stays, is used again, or is set aside because all that it held is gone.
    fn keep(&mut self, candidate: &Candidate, reading: &Reading, bound: Option<u64>, first: u64) {
        let claims_nothing = bound.is_none_or(|end| end <= first);
        // Without its header an earlier segment's frames from `first` on would count again.
        let ends_another = first < self.stale_end;
        let is_sound = candidate.header.is_some();
        if reading.count > 0 || (is_sound && ends_another) {
            let file = Arc::clone(&candidate.file);
            self.live.push_back(Segment {
                epoch: reading.epoch,
                first_sequence: first,
                file,
                has_failed: false,
            });
        } else if is_sound && claims_nothing {
            self.empty.push(candidate.name.clone());
        } else {
            self.set_aside(&candidate.name);
        }
    }

    fn set_aside(&mut self, name: &str) {
        let moved = self.fs.rename(name, &format!("{QUARANTINE}{name}")).and_then(|()| self.fs.sync_dir());
        self.counts.set_aside += 1;
        self.counts.quarantine_failures += u64::from(moved.is_err());
    }

    /// Counts what is missing, copies what stands in its place, and gives the marks that keep it from being counted again.
    fn account_for_gaps(&mut self) -> Vec<Mark> {
        self.ledger.skip_to(self.next_sequence);
        self.ledger.release(self.live_from);
        let Damage { lost, torn, marks, holes } = self.gaps.judge(self.ledger.absent());
        self.counts.lost = lost;
        self.counts.torn = torn;
        for hole in holes {
            match self.copy(&hole) {
                Ok(copied) => self.counts.quarantined += u64::from(copied),
                Err(_) => self.counts.quarantine_failures += 1,
            }
        }
        marks
    }

    /// True if there was anything but zeros.
    fn copy(&self, hole: &Hole) -> std::io::Result<bool> {
        let Some(segment) = self.live.iter().find(|segment| segment.epoch == hole.epoch) else {
            return Ok(false);
        };
        let mut bytes = read_up_to(&*segment.file, hole.from, hole.until.saturating_sub(hole.from))?;
        bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
        if bytes.is_empty() {
            return Ok(false);
        }
        let name = format!("{QUARANTINE}{:016x}-{:08x}.damaged", hole.epoch, hole.from);
        let file = self.fs.create(&name)?;
        file.write_at(&bytes, 0)?;
        file.sync_data()?;
        self.fs.sync_dir()?;
        Ok(true)
    }

    /// Gives back what holds nothing; failing at that costs disk only.
    fn tidy(&mut self, inventory: &Inventory) -> VecDeque<String> {
        for name in &inventory.unfinished {
            let _ = self.fs.remove(name);
        }
        let is_released = |end: u64| end <= self.live_from;
        let mut spare = std::mem::take(&mut self.empty);
        while let (Some(oldest), Some(next)) = (self.live.front(), self.live.get(1)) {
            if !is_released(next.first_sequence) {
                break;
            }
            spare.push(segment_name(oldest.epoch));
            self.live.pop_front();
        }
        let mut spares = inventory.spares.clone();
        for (index, name) in spare.iter().enumerate() {
            let free = format!("{:016x}{SPARE}", free_number(&inventory.spares, index));
            match self.fs.rename(name, &free) {
                Ok(()) => spares.push_back(free),
                Err(_) => drop(self.fs.remove(name)),
            }
        }
        let fits = |name: &String| {
            self.fs
                .open(name)
                .and_then(|file| file.length())
                .is_ok_and(|len| len == self.options.segment_bytes)
        };
        let (kept, other): (VecDeque<String>, VecDeque<String>) = spares.into_iter().partition(fits);
        for name in other {
            let _ = self.fs.remove(&name);
        }
        // A name that may come back must not be written under its new one.
        if self.fs.sync_dir().is_ok() {
            return kept;
        }
        kept.into_iter().filter(|name| inventory.spares.contains(name)).collect()
    }
}

/// The `index`-th number after those that are taken.
fn free_number(taken: &VecDeque<String>, index: usize) -> u64 {
    let number = |name: &String| u64::from_str_radix(name.strip_suffix(SPARE)?, 16).ok();
    taken
        .iter()
        .filter_map(number)
        .max()
        .map_or(0, |last| last.saturating_add(1))
        .saturating_add(index as u64)
}

/// The numbers of a segment: from `first` to before `bound`, as far as they are known.
#[derive(Debug, Clone, Copy)]
struct Life {
    epoch: u64,
    first: Option<u64>,
    bound: Option<u64>,
}

/// How far a segment has been read.
struct Reading {
    epoch: u64,
    /// The number that follows.
    next: u64,
    /// The end of the last frame that counts ...
    offset: u64,
    /// ... and of the last sound one.
    beyond: u64,
    count: u64,
    /// Looked for only where no later segment says where this one ends.
    tail: Tail,
}
