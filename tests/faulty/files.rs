//! The journal's files on a disk that may be full or fail, in a process that may die while they are synced.

use std::any::Any;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use telemetryflow::platform::journal::{FileSystem, JournalFile};

use super::control::{Control, Order};
use super::crash::{Crash, Point};

/// Which syncs of segments fail.
#[derive(Debug, Default)]
pub struct BadSyncs {
    first: Option<u32>,
    /// That one and all after it, not that one alone.
    for_good: bool,
    syncs: AtomicU32,
}

impl BadSyncs {
    /// From `N` or `N+`; nothing asks for none.
    pub fn parse(text: Option<&str>) -> Result<Self, String> {
        let Some(text) = text else { return Ok(Self::default()) };
        let number = text.strip_suffix('+').unwrap_or(text).parse().ok().filter(|number| *number > 0);
        match number {
            Some(first) => Ok(Self { first: Some(first), for_good: text.ends_with('+'), ..Self::default() }),
            None => Err(format!("{text:?} is not N or N+ with N from 1 on")),
        }
    }

    fn is_next(&self) -> bool {
        let sync = self.syncs.fetch_add(1, Ordering::SeqCst) + 1;
        self.first.is_some_and(|first| sync == first || (self.for_good && sync > first))
    }
}

#[derive(Debug)]
pub struct FaultyFiles {
    inner: Arc<dyn FileSystem>,
    crash: Arc<Crash>,
    control: Control,
    bad_syncs: Arc<BadSyncs>,
}

impl FaultyFiles {
    pub fn new(
        inner: Arc<dyn FileSystem>,
        crash: Arc<Crash>,
        control: Control,
        bad_syncs: Arc<BadSyncs>,
    ) -> Self {
        Self { inner, crash, control, bad_syncs }
    }

    fn file(&self, inner: Arc<dyn JournalFile>, is_segment: bool) -> Arc<dyn JournalFile> {
        let faults = is_segment.then(|| (Arc::clone(&self.crash), Arc::clone(&self.bad_syncs)));
        Arc::new(FaultyFile { inner, faults, control: self.control.clone() })
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
    faults: Option<(Arc<Crash>, Arc<BadSyncs>)>,
    control: Control,
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
        let Some((crash, bad_syncs)) = &self.faults else { return self.inner.sync_data() };
        crash.at(Point::BeforeSync);
        if bad_syncs.is_next() {
            return Err(io::Error::other("the disk is told to fail"));
        }
        self.inner.sync_data()?;
        crash.at(Point::AfterSync);
        Ok(())
    }
}
