//! The journal's files on a disk that may be full, in a process that may die while they are synced.

use std::any::Any;
use std::io;
use std::sync::Arc;

use telemetryflow::platform::journal::{FileSystem, JournalFile};

use super::control::{Control, Order};
use super::crash::{Crash, Point};

#[derive(Debug)]
pub struct FaultyFiles {
    inner: Arc<dyn FileSystem>,
    crash: Arc<Crash>,
    control: Control,
}

impl FaultyFiles {
    pub fn new(inner: Arc<dyn FileSystem>, crash: Arc<Crash>, control: Control) -> Self {
        Self { inner, crash, control }
    }

    fn file(&self, inner: Arc<dyn JournalFile>, is_segment: bool) -> Arc<dyn JournalFile> {
        let crash = is_segment.then(|| Arc::clone(&self.crash));
        Arc::new(FaultyFile { inner, crash, control: self.control.clone() })
    }
}

impl FileSystem for FaultyFiles {
    fn lock(&self) -> io::Result<Box<dyn Any + Send + Sync>> {
        self.inner.lock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.inner.list()
    }

    /// Such a file is filled with zeros and closed; as a segment it is opened.
    fn create(&self, name: &str) -> io::Result<Arc<dyn JournalFile>> {
        Ok(self.file(self.inner.create(name)?, false))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn JournalFile>> {
        Ok(self.file(self.inner.open(name)?, true))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.inner.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.inner.sync_dir()
    }
}

#[derive(Debug)]
struct FaultyFile {
    inner: Arc<dyn JournalFile>,
    /// Of a segment only.
    crash: Option<Arc<Crash>>,
    control: Control,
}

impl FaultyFile {
    fn visit(&self, point: Point) {
        if let Some(crash) = &self.crash {
            crash.at(point);
        }
    }
}

impl JournalFile for FaultyFile {
    fn length(&self) -> io::Result<u64> {
        self.inner.length()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.control.now() == Order::Full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.inner.write_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.visit(Point::BeforeSync);
        self.inner.sync_data()?;
        self.visit(Point::AfterSync);
        Ok(())
    }
}
