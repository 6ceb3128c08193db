//! Fills coming segments with zeros: step by step, or on a thread of its own, so that no group waits for it.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use crate::platform::lifecycle::Lifecycle;

use super::file_system::{FileSystem, JournalFile};
use super::segment::{SPARE, UNFINISHED};

/// Written at a time.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
/// Most files that are ordered of a filler and not collected.
const ORDERS_MAX: usize = 4;

/// A file that becomes a spare one.
#[derive(Debug)]
pub(super) struct Filling {
    fs: Arc<dyn FileSystem>,
    number: u64,
    file: Arc<dyn JournalFile>,
    filled: u64,
}

/// The name of the spare file with this number.
pub(super) fn spare_name(number: u64) -> String {
    format!("{number:016x}{SPARE}")
}

fn unfinished_name(number: u64) -> String {
    format!("{number:016x}{UNFINISHED}")
}

impl Filling {
    pub(super) fn begin(fs: &Arc<dyn FileSystem>, number: u64) -> io::Result<Self> {
        let file = fs.create(&unfinished_name(number))?;
        Ok(Self { fs: Arc::clone(fs), number, file, filled: 0 })
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Fills so many bytes more, and gives itself back while it is not as long as wanted. On failure the space is given back.
    pub(super) fn step(mut self, bytes: u64, wanted: u64) -> io::Result<Option<Self>> {
        let until = wanted.min(self.filled.saturating_add(bytes));
        match self.fill(until).and_then(|()| if until < wanted { Ok(()) } else { self.finish() }) {
            Ok(()) => Ok((until < wanted).then_some(self)),
            Err(error) => {
                self.give_up();
                Err(error)
            }
        }
    }

    fn fill(&mut self, until: u64) -> io::Result<()> {
        while self.filled < until {
            let step = usize::try_from(until - self.filled).unwrap_or(usize::MAX).min(ZEROS.len());
            self.file.write_at(ZEROS.get(..step).unwrap_or(&ZEROS), self.filled)?;
            self.filled += step as u64;
        }
        self.file.sync_data()
    }

    fn finish(&self) -> io::Result<()> {
        self.fs.rename(&unfinished_name(self.number), &spare_name(self.number))?;
        self.fs.sync_dir()
    }

    fn give_up(&self) {
        let _ = self.fs.remove(&unfinished_name(self.number));
    }
}

/// A thread that fills files which are ordered by their numbers. Dropping it stops it, in the midst of a file too.
#[derive(Debug)]
pub(super) struct Filler {
    orders: Option<Sender<u64>>,
    filled: Receiver<io::Result<String>>,
    pending: usize,
    thread: Option<JoinHandle<()>>,
}

impl Filler {
    /// `step_bytes` are filled between two syncs: a longer step would hold up those of the groups.
    pub(super) fn start(
        fs: Arc<dyn FileSystem>,
        step_bytes: u64,
        segment_bytes: u64,
        lifecycle: &Lifecycle,
    ) -> io::Result<Self> {
        let (orders, ordered) = bounded(ORDERS_MAX);
        let (done, filled) = bounded(ORDERS_MAX);
        let thread = lifecycle.thread("journal filler", move || {
            while let Ok(number) = ordered.recv() {
                let name = fill_whole(&fs, number, step_bytes, segment_bytes, &ordered);
                // Nobody collects it once the journal closes; the next start finds the file.
                let _ = done.send(name);
            }
        })?;
        Ok(Self { orders: Some(orders), filled, pending: 0, thread: Some(thread) })
    }

    /// Files that were ordered and not collected.
    pub(super) fn pending(&self) -> usize {
        self.pending
    }

    /// False if no more can be ordered just now.
    pub(super) fn order(&mut self, number: u64) -> bool {
        let is_taken = self.orders.as_ref().is_some_and(|orders| orders.try_send(number).is_ok());
        self.pending += usize::from(is_taken);
        is_taken
    }

    /// The next file that is ready, by its name, if one is.
    pub(super) fn collect(&mut self) -> Option<io::Result<String>> {
        let filled = self.filled.try_recv().ok()?;
        self.pending -= 1;
        Some(filled)
    }

    /// The next file; waits for it.
    pub(super) fn wait(&mut self) -> io::Result<String> {
        let filled = self.filled.recv().map_err(|_| io::Error::other("nobody fills files any more"))?;
        self.pending -= 1;
        filled
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        drop(self.orders.take());
        // So that no file appears after the folder was unlocked. That it panicked is the lifecycle's to tell.
        self.thread.take().into_iter().for_each(|thread| _ = thread.join());
    }
}

fn fill_whole(
    fs: &Arc<dyn FileSystem>,
    number: u64,
    step_bytes: u64,
    segment_bytes: u64,
    ordered: &Receiver<u64>,
) -> io::Result<String> {
    let mut filling = Filling::begin(fs, number)?;
    while let Some(unfinished) = filling.step(step_bytes, segment_bytes)? {
        if ordered.is_empty() && matches!(ordered.try_recv(), Err(TryRecvError::Disconnected)) {
            unfinished.give_up();
            return Err(io::ErrorKind::Interrupted.into());
        }
        filling = unfinished;
    }
    Ok(spare_name(number))
}
