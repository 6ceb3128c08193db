//! `WatchSwitch`: who looks at series now. On a node that becomes the one to evaluate the rules, or ceases to be, that changes.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::shared::{SeriesIdentity, SeriesWatch, WatchEpoch, WatchId};

/// Nobody looks.
#[derive(Debug)]
struct Nobody;

impl SeriesWatch for Nobody {
    fn watch(&self, _: &SeriesIdentity) -> WatchId {
        WatchId::NONE
    }

    fn epoch(&self) -> WatchEpoch {
        WatchEpoch::default()
    }
}

/// Asks whoever looks at the moment; at first nobody does.
pub struct WatchSwitch {
    current: RwLock<Arc<dyn SeriesWatch>>,
}

impl Default for WatchSwitch {
    fn default() -> Self {
        Self { current: RwLock::new(Arc::new(Nobody)) }
    }
}

impl WatchSwitch {
    /// The epoch at which another one has to begin, so that no answer of those before is taken for one of its own: answers are
    /// good in their epoch and the next.
    pub fn next_epoch(&self) -> WatchEpoch {
        self.epoch().next().next()
    }

    /// From here on this one is asked, which begins at [`Self::next_epoch`].
    pub fn turn_to(&self, next: Arc<dyn SeriesWatch>) {
        *self.current.write() = next;
    }
}

impl SeriesWatch for WatchSwitch {
    fn watch(&self, series: &SeriesIdentity) -> WatchId {
        let current = Arc::clone(&*self.current.read());
        current.watch(series)
    }

    fn epoch(&self) -> WatchEpoch {
        self.current.read().epoch()
    }
}

impl std::fmt::Debug for WatchSwitch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WatchSwitch").field("epoch", &self.epoch()).finish_non_exhaustive()
    }
}
