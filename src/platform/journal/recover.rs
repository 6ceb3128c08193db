//! The start: reads what is in the folder, sets aside what is damaged, and says what goes on. Damage never stops it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::depot::Depot;
use super::error::OpenError;
use super::file_system::{FileSystem, QUARANTINE, read_readable, read_up_to, write_file};
use super::gaps::{Damage, Hole};
use super::inventory::{Candidate, Inventory, KnownBy};
use super::metrics::RecoveryCounts;
use super::options::{Options, SEGMENT_BYTES_MAX};
use super::record::Mark;
use super::recovery::Recovery;
use super::segment::{IDENTITY, Identity, SPARE, segment_name};
use super::survey::{Survey, SurveyedSegment, Verdict};
use super::writer::{Beginning, Writer};

/// Reads the journal. `fresh` is who it becomes when it is new.
pub(super) fn recover(
    options: Options,
    fs: &Arc<dyn FileSystem>,
    fresh: Identity,
) -> Result<(Writer, Recovery), OpenError> {
    let inventory = Inventory::take(&**fs, fresh)?;
    settle_identity(&**fs, &inventory)?;
    let survey = Survey::take(&inventory, &|candidate| read_readable(&*candidate.file, SEGMENT_BYTES_MAX));
    let mut start = Start { fs: &**fs, options, survey };
    start.set_aside(&inventory);
    let resume_at = start.end_of_journal(&inventory);
    let gaps = start.account_for_gaps();
    let spares = start.tidy(&inventory);
    let Survey { ledger, headers, live, gaps: found, counts, next_sequence, live_from, .. } = start.survey;
    log(&counts);
    let recovery = Recovery::new(&ledger, headers, &live, inventory.identity, counts);
    let depot = Depot::new(Arc::clone(fs), options, inventory.identity, inventory.next_epoch, spares);
    let on_disk_below = found.on_disk_below();
    let beginning =
        Beginning { ledger, segments: live, next_sequence, live_from, gaps, on_disk_below, resume_at };
    Ok((Writer::new(options, depot, beginning), recovery))
}

/// A new journal cannot go on without; an old one has its segments' headers.
fn settle_identity(fs: &dyn FileSystem, inventory: &Inventory) -> Result<(), OpenError> {
    if inventory.known_by == KnownBy::File {
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

/// Acts upon what was found.
struct Start<'a> {
    fs: &'a dyn FileSystem,
    options: Options,
    survey: Survey<'a>,
}

impl Start<'_> {
    /// What is none of ours, and segments of which nothing is left.
    fn set_aside(&mut self, inventory: &Inventory) {
        let gone = (self.survey.segments.iter())
            .filter(|segment| segment.verdict == Verdict::SetAside)
            .filter_map(|segment| inventory.segments.get(&segment.epoch))
            .map(|candidate| &candidate.name);
        let counts = &mut self.survey.counts;
        for name in inventory.foreign.iter().chain(gone) {
            let moved =
                self.fs.rename(name, &format!("{QUARANTINE}{name}")).and_then(|()| self.fs.sync_dir());
            counts.set_aside += 1;
            counts.quarantine_failures += u64::from(moved.is_err());
        }
    }

    /// The last segment is written further, behind what is sound; what was torn is cut there. Not if its disk fails.
    /// The answer is where it goes on.
    fn end_of_journal(&self, inventory: &Inventory) -> Option<u64> {
        let reading = self.survey.segments.last()?;
        let candidate = inventory.segments.get(&reading.epoch)?;
        let begin = super::bytes::round_up(reading.beyond, self.options.block_bytes);
        let is_whole =
            cut(candidate, reading, begin).is_ok_and(|length| length == self.options.segment_bytes);
        (is_whole && candidate.header.is_some() && reading.count > 0).then_some(begin)
    }

    /// Counts what is missing, copies what stands in its place, and gives the marks that keep it from being counted again.
    fn account_for_gaps(&mut self) -> Vec<Mark> {
        let Damage { lost, torn, marks, holes } = self.survey.damage();
        self.survey.counts.lost = lost;
        self.survey.counts.torn = torn;
        for hole in holes {
            match self.copy(&hole) {
                Ok(copied) => self.survey.counts.quarantined += u64::from(copied),
                Err(_) => self.survey.counts.quarantine_failures += 1,
            }
        }
        marks
    }

    /// True if there was anything but zeros.
    fn copy(&self, hole: &Hole) -> std::io::Result<bool> {
        let Some(segment) = self.survey.live.iter().find(|segment| segment.epoch == hole.epoch) else {
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
        let survey = &mut self.survey;
        let is_released = |end: u64| end <= survey.live_from;
        let empty = survey.segments.iter().filter(|segment| segment.verdict == Verdict::Empty);
        let mut spare: Vec<_> = empty.map(|segment| segment_name(segment.epoch)).collect();
        while let (Some(oldest), Some(next)) = (survey.live.front(), survey.live.get(1)) {
            if !is_released(next.first_sequence) {
                break;
            }
            spare.push(segment_name(oldest.epoch));
            survey.live.pop_front();
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

/// What was torn behind the last sound frame becomes zeros from `begin` on. The answer is the length of the file.
fn cut(candidate: &Candidate, reading: &SurveyedSegment, begin: u64) -> std::io::Result<u64> {
    let zeros = vec![0; usize::try_from(reading.tail.end.saturating_sub(begin)).unwrap_or_default()];
    if !zeros.is_empty() {
        candidate.file.write_at(&zeros, begin)?;
    }
    // What another process wrote may be in memory only.
    candidate.file.sync_data()?;
    candidate.file.length()
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
