//! What lies in a journal's folder at the start: segments by epoch, spare files, and what does not belong there.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::error::OpenError;
use super::file_system::{FileSystem, JournalFile, read_up_to};
use super::segment::{
    IDENTITY, Identity, Read, SPARE, SegmentHeader, UNFINISHED, epoch_of, is_segment, read_header,
    read_identity,
};

/// Enough of a file to read its header or the identity.
const BEGINNING_BYTES: u64 = 512;

/// A file with the name of a segment.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) name: String,
    pub(super) file: Arc<dyn JournalFile>,
    /// Absent where it is damaged; then the name gives the epoch.
    pub(super) header: Option<SegmentHeader>,
}

/// What says who the journal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KnownBy {
    /// The identity's file. In the other cases it has to be written (again).
    File,
    /// The newest sound header.
    Header,
    Nothing,
}

#[derive(Debug)]
pub(super) struct Inventory {
    pub(super) identity: Identity,
    pub(super) known_by: KnownBy,
    pub(super) segments: BTreeMap<u64, Candidate>,
    /// Of another journal, a copy under another name, or with a name that gives no epoch.
    pub(super) foreign: Vec<String>,
    pub(super) spares: VecDeque<String>,
    pub(super) unfinished: Vec<String>,
    pub(super) next_epoch: u64,
}

impl Inventory {
    /// Changes nothing. `fresh` is who the journal becomes if nothing says who it is.
    pub(super) fn take(fs: &dyn FileSystem, fresh: Identity) -> Result<Self, OpenError> {
        let mut names = fs.list()?;
        names.sort();
        let candidates = candidates(fs, &names)?;
        let written = identity_file(fs, &names)?;
        let of_newest =
            || candidates.iter().rev().find_map(|found| found.header.map(|header| header.identity));
        let (identity, known_by) = match (written, of_newest()) {
            (Some(identity), _) => (identity, KnownBy::File),
            (None, Some(identity)) => (identity, KnownBy::Header),
            (None, None) => (fresh, KnownBy::Nothing),
        };
        let mut inventory = Self {
            identity,
            known_by,
            segments: BTreeMap::new(),
            foreign: Vec::new(),
            spares: ending_in(&names, SPARE).collect(),
            unfinished: ending_in(&names, UNFINISHED).collect(),
            next_epoch: 1,
        };
        for candidate in candidates {
            inventory.place(candidate);
        }
        inventory.next_epoch = inventory.epochs(fs).max().unwrap_or(0).saturating_add(1);
        Ok(inventory)
    }

    fn place(&mut self, candidate: Candidate) {
        let epoch = epoch_of(&candidate.name);
        let is_ours = candidate
            .header
            .is_none_or(|header| header.identity == self.identity && Some(header.epoch) == epoch);
        match epoch {
            Some(epoch) if is_ours => drop(self.segments.insert(epoch, candidate)),
            _ => self.foreign.push(candidate.name),
        }
    }

    /// All that were ever given, as far as one can see: a file that is spare now still bears its last one.
    fn epochs(&self, fs: &dyn FileSystem) -> impl Iterator<Item = u64> {
        let of_spare = |name: &String| {
            let bytes = read_up_to(&*fs.open(name).ok()?, 0, BEGINNING_BYTES).ok()?;
            match read_header(&bytes) {
                Read::Good(header) if header.identity == self.identity => Some(header.epoch),
                _ => None,
            }
        };
        let spares: Vec<_> = self.spares.iter().filter_map(of_spare).collect();
        let foreign = self.foreign.iter().filter_map(|name| epoch_of(name));
        spares.into_iter().chain(self.segments.keys().copied()).chain(foreign)
    }
}

fn ending_in(names: &[String], ending: &'static str) -> impl Iterator<Item = String> {
    names.iter().filter(move |name| name.ends_with(ending)).cloned()
}

fn candidates(fs: &dyn FileSystem, names: &[String]) -> Result<Vec<Candidate>, OpenError> {
    let mut found = Vec::new();
    for name in names.iter().filter(|name| is_segment(name)) {
        let file = fs.open(name)?;
        // What cannot be read is damage, not a reason to stay away.
        let bytes = read_up_to(&*file, 0, BEGINNING_BYTES).unwrap_or_default();
        let header = known(name, read_header(&bytes))?;
        found.push(Candidate { name: name.clone(), file, header });
    }
    Ok(found)
}

impl Candidate {
    /// Whether the file, whatever it is called by now, still lives the life that its header told of.
    pub(super) fn is_same(&self) -> bool {
        let bytes = read_up_to(&*self.file, 0, BEGINNING_BYTES).unwrap_or_default();
        match (self.header, read_header(&bytes)) {
            (Some(before), Read::Good(now)) => before == now,
            (None, Read::Damaged) => true,
            _ => false,
        }
    }
}

fn identity_file(fs: &dyn FileSystem, names: &[String]) -> Result<Option<Identity>, OpenError> {
    if !names.iter().any(|name| name == IDENTITY) {
        return Ok(None);
    }
    let bytes = read_up_to(&*fs.open(IDENTITY)?, 0, BEGINNING_BYTES).unwrap_or_default();
    known(IDENTITY, read_identity(&bytes))
}

fn known<T>(name: &str, read: Read<T>) -> Result<Option<T>, OpenError> {
    match read {
        Read::Good(value) => Ok(Some(value)),
        Read::Damaged => Ok(None),
        Read::Newer(version) => Err(OpenError::NewerFormat { file: name.to_owned(), version }),
    }
}
