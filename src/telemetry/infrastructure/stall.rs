//! `Stall`: whether the store has kept inserts waiting for so long that new requests are better sent away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Counts the inserters that have been trying the same insert for longer than [`Stall::AFTER`].
#[derive(Debug, Default)]
pub struct Stall(AtomicUsize);

impl Stall {
    /// A client should hear of it within a second (reliability.md, "disk full").
    pub const AFTER: Duration = Duration::from_millis(500);

    /// Lasts until the returned value is dropped.
    pub fn begin(self: &Arc<Self>) -> Stalled {
        self.0.fetch_add(1, Ordering::SeqCst);
        Stalled(Arc::clone(self))
    }

    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

/// One inserter's stall.
#[derive(Debug)]
pub struct Stalled(Arc<Stall>);

impl Drop for Stalled {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}
