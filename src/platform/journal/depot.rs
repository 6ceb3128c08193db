//! Segment files that wait to be used: filled with zeros beforehand, or left over from released segments.
//!
//! Zeros are written rather than space reserved: each `fdatasync` in reserved extents would write metadata too.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use crate::platform::lifecycle::Lifecycle;

use super::file_system::{FileSystem, JournalFile};
use super::filling::{Filler, Filling, spare_name};
use super::options::Options;
use super::segment::{Identity, SPARE, Segment, SegmentHeader, segment_name};

/// More than this many spare files are given back to the file system.
const SPARES_MAX: usize = 3;
/// How many groups pass before filling is tried again after it failed.
const FILL_PAUSE: u32 = 64;

/// Why no segment can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TakeError {
    /// Nothing has changed.
    NoSpace,
    /// A file with the new segment's name may exist, so the one before must not be written any more.
    Broken,
}

/// What a segment's header says about the moment when it is begun; see [`SegmentHeader`].
#[derive(Debug, Clone, Copy)]
pub(super) struct SegmentBeginning {
    pub(super) first_sequence: u64,
    pub(super) live_from: u64,
    pub(super) on_disk_below: u64,
}

#[derive(Debug)]
pub(super) struct Depot {
    fs: Arc<dyn FileSystem>,
    options: Options,
    identity: Identity,
    spares: VecDeque<String>,
    /// Where there is no filler.
    filling: Option<Filling>,
    filler: Option<Filler>,
    next_epoch: u64,
    next_spare: u64,
    pause: u32,
}

/// Whether space, and nothing else, is what is missing.
pub(super) fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl Depot {
    pub(super) fn new(
        fs: Arc<dyn FileSystem>,
        options: Options,
        identity: Identity,
        next_epoch: u64,
        spares: VecDeque<String>,
    ) -> Self {
        let number = |name: &String| u64::from_str_radix(name.strip_suffix(SPARE)?, 16).ok();
        let next_spare = spares.iter().filter_map(number).max().map_or(0, |last| last.saturating_add(1));
        Self { fs, options, identity, spares, filling: None, filler: None, next_epoch, next_spare, pause: 0 }
    }

    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    pub(super) fn spares(&self) -> usize {
        self.spares.len()
    }

    /// From now on files are filled on a thread of their own.
    pub(super) fn fill_aside(&mut self, lifecycle: &Lifecycle) -> io::Result<()> {
        let Options { fill_bytes, segment_bytes, .. } = self.options;
        self.filler = Some(Filler::start(Arc::clone(&self.fs), fill_bytes, segment_bytes, lifecycle)?);
        Ok(())
    }

    /// Sees to it that there will be `count` spare files, as far as `room` goes: without a filler, fills one a little further.
    /// That it cannot is found out again when the segment is needed.
    pub(super) fn fill_some(&mut self, count: usize, room: u64) {
        if self.pause > 0 {
            self.pause -= 1;
        } else if self.try_to_fill(count, room).is_err() {
            self.pause = FILL_PAUSE;
        }
    }

    fn try_to_fill(&mut self, count: usize, room: u64) -> io::Result<()> {
        let Some(filler) = &mut self.filler else {
            return if self.spares.len() < count && room > 0 {
                self.fill(self.options.fill_bytes)
            } else {
                Ok(())
            };
        };
        while let Some(filled) = filler.collect() {
            self.spares.push_back(filled?);
        }
        while self.spares.len() + filler.pending() < count && (filler.pending() as u64) < room {
            if !filler.order(self.next_spare) {
                break;
            }
            self.next_spare += 1;
        }
        Ok(())
    }

    /// Makes sure of `count` spare files.
    pub(super) fn ensure(&mut self, count: usize) -> io::Result<()> {
        while self.spares.len() < count {
            let Some(filler) = &mut self.filler else {
                self.fill(self.options.segment_bytes)?;
                continue;
            };
            if filler.pending() == 0 {
                filler.order(self.next_spare);
                self.next_spare += 1;
            }
            self.spares.push_back(filler.wait()?);
        }
        Ok(())
    }

    fn fill(&mut self, bytes: u64) -> io::Result<()> {
        let filling = match self.filling.take() {
            Some(filling) => filling,
            None => {
                let number = self.next_spare;
                self.next_spare += 1;
                Filling::begin(&self.fs, number)?
            }
        };
        let number = filling.number();
        self.filling = filling.step(bytes, self.options.segment_bytes)?;
        if self.filling.is_none() {
            self.spares.push_back(spare_name(number));
        }
        Ok(())
    }

    /// A spare file becomes a segment: its header is on disk before it gets the name.
    pub(super) fn take(&mut self, beginning: SegmentBeginning) -> Result<Segment, TakeError> {
        self.ensure(1)
            .map_err(|error| if is_no_space(&error) { TakeError::NoSpace } else { TakeError::Broken })?;
        let spare = self.spares.pop_front().ok_or(TakeError::Broken)?;
        let epoch = self.next_epoch;
        self.next_epoch += 1;
        let SegmentBeginning { first_sequence, live_from, on_disk_below } = beginning;
        let header =
            SegmentHeader { identity: self.identity, epoch, first_sequence, live_from, on_disk_below };
        match self.put_into_use(&spare, &header) {
            Ok(file) => Ok(Segment { epoch, first_sequence, file, has_failed: false }),
            Err(error) => {
                tracing::error!(%error, epoch, "a journal segment cannot be put into use");
                let _ = self.fs.remove(&spare);
                Err(if is_no_space(&error) { TakeError::NoSpace } else { TakeError::Broken })
            }
        }
    }

    fn put_into_use(&self, spare: &str, header: &SegmentHeader) -> io::Result<Arc<dyn JournalFile>> {
        let file = self.fs.open(spare)?;
        let mut block = header.encode();
        block.resize(usize::try_from(self.options.block_bytes).unwrap_or(block.len()), 0);
        file.write_at(&block, 0)?;
        file.sync_data()?;
        let named = || {
            self.fs.rename(spare, &segment_name(header.epoch))?;
            self.fs.sync_dir()
        };
        // Whatever the cause: from here on the name may exist.
        named().map_err(|_| io::ErrorKind::Other)?;
        Ok(file)
    }

    /// Takes back a segment whose release is on disk.
    pub(super) fn give_back(&mut self, segment: &Segment) -> io::Result<()> {
        let name = segment_name(segment.epoch);
        let is_wanted = self.spares.len() < SPARES_MAX && !segment.has_failed;
        if !is_wanted || segment.file.length()? != self.options.segment_bytes {
            return self.fs.remove(&name);
        }
        let spare = spare_name(self.next_spare);
        self.next_spare += 1;
        self.fs.rename(&name, &spare)?;
        // Before this the file must not be written: the old name may still come back.
        self.fs.sync_dir()?;
        self.spares.push_back(spare);
        Ok(())
    }
}
