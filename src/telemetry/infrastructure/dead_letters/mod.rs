//! Dead letters: what was acknowledged and the store refuses for good is kept in a folder, a file each, with the reason, until
//! somebody has it stored after all or thrown away.

mod folder;
mod format;
mod letter;

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io;
use std::path::Path;

use parking_lot::Mutex;

use folder::UNFINISHED;
use format::Encoded;

pub use folder::{LetterError, LetterFolder, Standing, Summary};
pub use format::{Damage, time_text};
pub use letter::{About, Letter, LetterId, LetterIdError, Reason};

/// What became of a letter that was to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    New,
    /// It had been written before, and is whole.
    AlreadyThere,
}

/// Why a letter is not kept. It may be written again.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("the folder of dead letters is full: it may hold {bytes_max} bytes")]
    Full { bytes_max: u64 },
    #[error("a part of the dead letter is too long to be written")]
    TooLong,
    #[error("the dead letter cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// The folder as its one writer has it. Threads share it by reference.
#[derive(Debug)]
pub struct DeadLetters {
    folder: LetterFolder,
    bytes_max: u64,
    /// Bytes of all files in the folder, as far as this process knows.
    used: Mutex<u64>,
}

impl DeadLetters {
    /// Makes the folder where it is missing, and removes what was not written to its end.
    pub fn open(path: &Path, bytes_max: u64) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
            File::open(above)?.sync_all()?;
        }
        let folder = LetterFolder::at(path);
        for (name, _) in folder.files()?.iter().filter(|(name, _)| name.ends_with(UNFINISHED)) {
            fs::remove_file(path.join(name))?;
        }
        let used = Mutex::new(bytes_in(&folder)?);
        Ok(Self { folder, bytes_max, used })
    }

    /// When it returns, the letter survives a crash. A damaged file of the same id is replaced.
    pub fn write(&self, letter: &Letter) -> Result<Written, WriteError> {
        let id = letter.about.id;
        let encoded = Encoded::of(letter).map_err(|_| WriteError::TooLong)?;
        let mut used = self.used.lock();
        let there = self.folder.find(id);
        if there.is_some_and(|standing| self.folder.is_whole(id, standing)) {
            return Ok(Written::AlreadyThere);
        }
        if used.saturating_add(encoded.bytes()) > self.bytes_max {
            // Others may have removed something.
            *used = bytes_in(&self.folder)?;
            if used.saturating_add(encoded.bytes()) > self.bytes_max {
                return Err(WriteError::Full { bytes_max: self.bytes_max });
            }
        }
        self.put(id, there.unwrap_or(Standing::Kept), &encoded)?;
        *used = used.saturating_add(encoded.bytes());
        Ok(Written::New)
    }

    /// All letters by id, also those that are damaged. Reads every byte of them.
    pub fn list(&self) -> io::Result<Vec<Summary>> {
        self.folder.list()
    }

    /// What somebody wants stored after all. To be removed once it is, and to be put back if it is refused again.
    pub fn to_replay(&self) -> io::Result<Vec<Summary>> {
        self.folder.list_standing(Standing::ToReplay)
    }

    /// What somebody wants thrown away.
    pub fn to_drop(&self) -> io::Result<Vec<Summary>> {
        self.folder.list_standing(Standing::ToDrop)
    }

    /// A letter with its bytes.
    pub fn read(&self, id: LetterId) -> Result<Letter, LetterError> {
        self.folder.read(id)
    }

    /// Nobody wants anything of it any more: it stays until somebody does.
    pub fn put_back(&self, id: LetterId) -> Result<(), LetterError> {
        self.folder.mark(id, Standing::Kept)
    }

    /// Removes a letter, however it stands.
    pub fn remove(&self, id: LetterId) -> Result<(), LetterError> {
        let mut used = self.used.lock();
        let standing = self.folder.find(id).ok_or(LetterError::Unknown(id))?;
        let file = self.folder.file(id, standing);
        let bytes = fs::metadata(&file).map_or(0, |metadata| metadata.len());
        fs::remove_file(&file)?;
        self.folder.sync()?;
        *used = used.saturating_sub(bytes);
        Ok(())
    }

    /// Bytes of all letters, for a gauge.
    pub fn bytes(&self) -> u64 {
        *self.used.lock()
    }

    /// Under another name first, so that a letter is there as a whole or not at all.
    fn put(&self, id: LetterId, standing: Standing, encoded: &Encoded<'_>) -> io::Result<()> {
        let unfinished = self.folder.path().join(format!("{id}{UNFINISHED}"));
        let written = File::create(&unfinished).and_then(|mut file| {
            encoded.write(&mut file)?;
            file.sync_all()?;
            fs::rename(&unfinished, self.folder.file(id, standing))
        });
        if written.is_err() {
            // It takes room that may be what is missing; the next start would remove it, too.
            let _ = fs::remove_file(&unfinished);
        }
        written?;
        self.folder.sync()
    }
}

fn bytes_in(folder: &LetterFolder) -> io::Result<u64> {
    Ok(folder.files()?.iter().map(|(_, bytes)| bytes).sum())
}
