//! Whether a node hears what others make visible: always where there are no others, else until some moment that moves on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

#[derive(Debug, Default)]
pub struct Certainty {
    /// Absent for a node that is alone.
    others: Option<Until>,
}

#[derive(Debug)]
struct Until {
    began: Instant,
    /// In nanoseconds after that.
    nanos: AtomicU64,
}

impl Certainty {
    /// Over already.
    pub fn among_others() -> Self {
        Self { others: Some(Until { began: Instant::now(), nanos: AtomicU64::new(0) }) }
    }

    pub fn holds(&self) -> bool {
        self.others
            .as_ref()
            .is_none_or(|until| until.after_begin(Instant::now()) < until.nanos.load(Ordering::SeqCst))
    }

    /// Sets the moment, which may also be earlier than the one before.
    pub fn extend(&self, to: Instant) {
        if let Some(until) = &self.others {
            until.nanos.store(until.after_begin(to), Ordering::SeqCst);
        }
    }
}

impl Until {
    fn after_begin(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.began).as_nanos()).unwrap_or(u64::MAX)
    }
}
