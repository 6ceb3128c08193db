//! A journal's folder for those who only look: takes no lock, opens files for reading, refuses every change.

use std::any::Any;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{names_in, read_file_at};
use super::file_system::{FileSystem, JournalFile, QUARANTINE};

/// A folder as it is. Another process may be changing it.
#[derive(Debug)]
pub struct DiskView {
    directory: PathBuf,
}

impl DiskView {
    /// The folder has to be there.
    pub fn new(directory: &Path) -> io::Result<Self> {
        if !fs::metadata(directory)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { directory: directory.to_owned() })
    }

    /// Names of the files that were set aside.
    pub(super) fn quarantined(&self) -> io::Result<Vec<String>> {
        match names_in(&self.directory.join(QUARANTINE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            names => Ok(names?.into_iter().map(|name| format!("{QUARANTINE}{name}")).collect()),
        }
    }
}

fn refused<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl FileSystem for DiskView {
    fn lock(&self) -> io::Result<Box<dyn Any + Send + Sync>> {
        refused()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        names_in(&self.directory)
    }

    fn create(&self, _: &str) -> io::Result<Arc<dyn JournalFile>> {
        refused()
    }

    /// For reading only.
    fn open(&self, name: &str) -> io::Result<Arc<dyn JournalFile>> {
        Ok(Arc::new(FileView(File::open(self.directory.join(name))?)))
    }

    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        refused()
    }

    fn remove(&self, _: &str) -> io::Result<()> {
        refused()
    }

    fn sync_dir(&self) -> io::Result<()> {
        refused()
    }
}

#[derive(Debug)]
struct FileView(File);

impl JournalFile for FileView {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        read_file_at(&self.0, buffer, offset)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        refused()
    }

    fn sync_data(&self) -> io::Result<()> {
        refused()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::journal::{read_file, write_file};

    #[test]
    fn what_is_there_is_seen_and_nothing_can_be_changed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("one"), b"abc").unwrap();
        let view = DiskView::new(folder.path()).unwrap();
        assert_eq!((view.list().unwrap(), view.quarantined().unwrap()), (vec!["one".to_owned()], vec![]));
        assert_eq!(read_file(&view, "one", 2).unwrap(), b"ab");
        let file = view.open("one").unwrap();
        let attempts = [
            view.lock().map(drop),
            view.create("two").map(drop),
            view.rename("one", "two"),
            view.remove("one"),
            view.sync_dir(),
            file.write_at(b"x", 0),
            file.sync_data(),
            write_file(&view, "one", b"x"),
        ];
        for attempt in attempts {
            assert_eq!(attempt.unwrap_err().kind(), io::ErrorKind::ReadOnlyFilesystem);
        }
        assert_eq!((view.list().unwrap().len(), file.length().unwrap()), (1, 3));
    }

    #[test]
    fn a_folder_that_is_not_there_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("journal");
        assert_eq!(DiskView::new(&missing).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(!missing.exists());
        fs::write(&missing, b"a file").unwrap();
        assert_eq!(DiskView::new(&missing).unwrap_err().kind(), io::ErrorKind::NotADirectory);
    }
}
