//! `LetterFolder`: the files of a folder of dead letters, for whoever looks at them and says what is to become of them. Also while
//! a server runs on it: every change is one rename.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::format::{Damage, read_about, read_letter};
use super::letter::{About, Letter, LetterId};

/// The end of the name of a file that is being written.
pub(super) const UNFINISHED: &str = ".unfinished";

/// What is to become of a letter. It stands in the name of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing yet.
    Kept,
    /// The server is to store it after all.
    ToReplay,
    /// The server is to throw it away.
    ToDrop,
}

impl Standing {
    pub const ALL: [Self; 3] = [Self::Kept, Self::ToReplay, Self::ToDrop];

    const fn file_ending(self) -> &'static str {
        match self {
            Self::Kept => ".letter",
            Self::ToReplay => ".replay",
            Self::ToDrop => ".drop",
        }
    }

    /// As people are told it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::ToReplay => "to be replayed",
            Self::ToDrop => "to be dropped",
        }
    }
}

/// One line of the list of letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub id: LetterId,
    pub standing: Standing,
    /// Of its file.
    pub bytes: u64,
    /// What the letter says of itself, where it is whole.
    pub about: Result<About, Damage>,
}

/// Why nothing can be done with a letter.
#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    #[error("there is no dead letter {0}")]
    Unknown(LetterId),
    #[error("the dead letter {0} is damaged: {1}")]
    Damaged(LetterId, Damage),
    #[error("the folder of dead letters cannot be used: {0}")]
    Folder(#[from] io::Error),
}

/// A folder of dead letters; one that is not there holds none.
#[derive(Debug, Clone)]
pub struct LetterFolder(PathBuf);

impl LetterFolder {
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// All letters by id, also those that are damaged. Reads every byte of them.
    pub fn list(&self) -> io::Result<Vec<Summary>> {
        self.summaries(|_| true)
    }

    /// Those of one standing.
    pub fn list_standing(&self, standing: Standing) -> io::Result<Vec<Summary>> {
        self.summaries(|found| found == standing)
    }

    /// A letter with its bytes.
    pub fn read(&self, id: LetterId) -> Result<Letter, LetterError> {
        let standing = self.find(id).ok_or(LetterError::Unknown(id))?;
        match self.read_file(id, standing, read_letter, |letter| letter.about.id) {
            Ok((letter, _)) => Ok(letter),
            Err(Damage::Unreadable(io::ErrorKind::NotFound)) => Err(LetterError::Unknown(id)),
            Err(damage) => Err(LetterError::Damaged(id, damage)),
        }
    }

    /// Says what is to become of a letter. Saying it twice changes nothing, and something else may be said as long as the server
    /// has not come to it.
    pub fn mark(&self, id: LetterId, standing: Standing) -> Result<(), LetterError> {
        let to = self.file(id, standing);
        for from in Standing::ALL.into_iter().filter(|from| *from != standing) {
            match fs::rename(self.file(id, from), &to) {
                Ok(()) => return Ok(self.sync()?),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        if to.exists() { Ok(()) } else { Err(LetterError::Unknown(id)) }
    }

    pub(super) fn file(&self, id: LetterId, standing: Standing) -> PathBuf {
        self.0.join(format!("{id}{}", standing.file_ending()))
    }

    /// How a letter stands, if it is there.
    pub(super) fn find(&self, id: LetterId) -> Option<Standing> {
        Standing::ALL.into_iter().find(|standing| self.file(id, *standing).exists())
    }

    pub(super) fn is_whole(&self, id: LetterId, standing: Standing) -> bool {
        self.read_file(id, standing, read_about, |about| about.id).is_ok()
    }

    /// Makes names that were added, changed or removed survive a crash.
    pub(super) fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }

    /// Names and lengths of everything in the folder.
    pub(super) fn files(&self) -> io::Result<Vec<(String, u64)>> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry?;
            // What is gone by now need not be told, and a name that is not UTF-8 is none of ours.
            if let (Ok(metadata), Ok(name)) = (entry.metadata(), entry.file_name().into_string()) {
                files.push((name, metadata.len()));
            }
        }
        Ok(files)
    }

    fn summaries(&self, is_wanted: impl Fn(Standing) -> bool) -> io::Result<Vec<Summary>> {
        let letters = self.files()?.into_iter().filter_map(|(name, bytes)| {
            let (id, standing) = named(&name)?;
            Some((id, standing, bytes))
        });
        let mut found: Vec<Summary> = letters
            .filter(|(_, standing, _)| is_wanted(*standing))
            .filter_map(|(id, standing, bytes)| {
                let (about, bytes) = match self.read_file(id, standing, read_about, |about| about.id) {
                    Ok((about, bytes)) => (Ok(about), bytes),
                    Err(Damage::Unreadable(io::ErrorKind::NotFound)) => return None,
                    Err(damage) => (Err(damage), bytes),
                };
                Some(Summary { id, standing, bytes, about })
            })
            .collect();
        found.sort_by_key(|summary| summary.id);
        Ok(found)
    }

    fn read_file<T>(
        &self,
        id: LetterId,
        standing: Standing,
        read: impl FnOnce(BufReader<File>, u64) -> Result<T, Damage>,
        id_of: impl FnOnce(&T) -> LetterId,
    ) -> Result<(T, u64), Damage> {
        let file = File::open(self.file(id, standing))?;
        let bytes = file.metadata()?.len();
        let read = read(BufReader::new(file), bytes)?;
        if id_of(&read) == id { Ok((read, bytes)) } else { Err(Damage::Misnamed) }
    }
}

fn named(file: &str) -> Option<(LetterId, Standing)> {
    Standing::ALL.into_iter().find_map(|standing| {
        let id = file.strip_suffix(standing.file_ending())?;
        Some((LetterId::parse(id).ok()?, standing))
    })
}
