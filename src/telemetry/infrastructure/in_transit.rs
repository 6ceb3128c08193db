//! `InTransit`: what was decoded and is not in the store yet, so that one can wait until it is.

use parking_lot::Mutex;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// What is on its way. Whoever waits waits for what was by then, and not for what comes later.
#[derive(Debug, Default)]
pub struct InTransit(Mutex<Groups>);

#[derive(Debug, Default)]
struct Groups {
    /// What has come since somebody waited last.
    newest: TaskTracker,
    /// What came before; groups of which nothing is left go when somebody waits again.
    older: Vec<TaskTracker>,
}

/// Something that is on its way, until this is dropped.
#[derive(Debug)]
pub struct Transit {
    _token: TaskTrackerToken,
}

impl InTransit {
    pub fn enter(&self) -> Transit {
        Transit { _token: self.0.lock().newest.token() }
    }

    /// Returns when everything that is on its way now has come to its end: it is in the store and its event is published, or it was
    /// given up.
    pub async fn passed(&self) {
        let groups = {
            let mut groups = self.0.lock();
            let newest = std::mem::take(&mut groups.newest);
            newest.close();
            groups.older.retain(|group| !group.is_empty());
            groups.older.push(newest);
            groups.older.clone()
        };
        for group in groups {
            group.wait().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn whoever_waits_waits_for_all_that_came_before_and_for_nothing_that_comes_later() {
        let transits = InTransit::default();
        transits.passed().await;
        let first = transits.enter();
        let mut early = Box::pin(transits.passed());
        assert!((&mut early).now_or_never().is_none());
        let second = transits.enter();
        let mut late = Box::pin(transits.passed());
        assert!((&mut late).now_or_never().is_none());
        let _third = transits.enter();
        drop(second);
        assert!((&mut late).now_or_never().is_none(), "the first is on its way still");
        drop(first);
        early.await;
        late.await;
    }

    #[tokio::test]
    async fn what_is_over_is_not_remembered() {
        let transits = InTransit::default();
        for _ in 0..3 {
            drop(transits.enter());
            transits.passed().await;
        }
        assert_eq!(transits.0.lock().older.len(), 1);
    }
}
