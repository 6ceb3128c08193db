//! What the journal asks of a file system: so little that a simulated one can lose, tear and damage all of it.

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::Arc;

use super::segment::UNFINISHED;

/// One folder. Names hold no path, except that [`QUARANTINE`] stands before what is set aside.
pub trait FileSystem: Send + Sync + fmt::Debug {
    /// Keeps other processes out for as long as the answer lives; `WouldBlock` if one is inside.
    fn lock(&self) -> io::Result<Box<dyn Any + Send + Sync>>;

    /// Names of the files in the folder, without those in quarantine.
    fn list(&self) -> io::Result<Vec<String>>;

    /// An empty file, for reading and writing; one of that name is emptied.
    fn create(&self, name: &str) -> io::Result<Arc<dyn JournalFile>>;

    /// A file that exists, for reading and writing.
    fn open(&self, name: &str) -> io::Result<Arc<dyn JournalFile>>;

    /// Replaces what is called `to`.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes created, renamed and removed names survive a crash.
    fn sync_dir(&self) -> io::Result<()>;
}

/// An open file. It stays readable under its handle when its name changes.
pub trait JournalFile: Send + Sync + fmt::Debug {
    fn length(&self) -> io::Result<u64>;

    /// Reads as much as there is from `offset` on, at most the buffer; the answer is how much.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes`, growing the file where needed.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes everything written before survive a crash.
    fn sync_data(&self) -> io::Result<()>;
}

/// Before the name of a file that was set aside because it is damaged or not ours.
pub const QUARANTINE: &str = "quarantine/";

/// Replaces a file beside the journal's own by one with these bytes, whole or not at all.
pub fn write_file(fs: &dyn FileSystem, name: &str, bytes: &[u8]) -> io::Result<()> {
    let unfinished = format!("{name}{UNFINISHED}");
    let file = fs.create(&unfinished)?;
    file.write_at(bytes, 0)?;
    file.sync_data()?;
    fs.rename(&unfinished, name)?;
    fs.sync_dir()
}

/// The bytes of a file beside the journal's own, at most `bytes_max`.
pub fn read_file(fs: &dyn FileSystem, name: &str, bytes_max: u64) -> io::Result<Vec<u8>> {
    read_up_to(&*fs.open(name)?, 0, bytes_max)
}

/// The bytes from `offset` on, at most `bytes_max`.
pub(super) fn read_up_to(file: &dyn JournalFile, offset: u64, bytes_max: u64) -> io::Result<Vec<u8>> {
    let there = file.length()?.saturating_sub(offset).min(bytes_max);
    let mut bytes = vec![0; usize::try_from(there).unwrap_or_default()];
    let read = file.read_at(&mut bytes, offset)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// How much is given up where a disk cannot read.
const UNREADABLE_BYTES: u64 = 4096;

/// The whole file, at most `bytes_max`, with zeros where it cannot be read.
pub(super) fn read_readable(file: &dyn JournalFile, bytes_max: u64) -> Vec<u8> {
    if let Ok(bytes) = read_up_to(file, 0, bytes_max) {
        return bytes;
    }
    let length = file.length().unwrap_or_default().min(bytes_max);
    let mut bytes = Vec::new();
    for offset in (0..length).step_by(4096) {
        let piece = read_up_to(file, offset, UNREADABLE_BYTES.min(length - offset)).unwrap_or_default();
        bytes.extend(piece);
        bytes.resize(usize::try_from((offset + UNREADABLE_BYTES).min(length)).unwrap_or_default(), 0);
    }
    bytes
}
