//! What stands between the program and its machine: the one place where tests put faults.

use std::fmt::Debug;
use std::sync::Arc;

use crate::platform::clickhouse::Store;
use crate::platform::journal::FileSystem;

/// May put something in front of what the program stands on.
pub trait Surroundings: Debug + Send + Sync {
    /// The store that the program works with, in front of the one that it opened.
    fn store(&self, opened: Arc<dyn Store>) -> Arc<dyn Store> {
        opened
    }

    /// The files of the journal, in front of the ones on disk.
    fn journal_files(&self, on_disk: Arc<dyn FileSystem>) -> Arc<dyn FileSystem> {
        on_disk
    }
}

/// The machine as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine;

impl Surroundings for Machine {}
