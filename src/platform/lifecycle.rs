//! Starting, watching and stopping what runs in the background.
//!
//! Every task and thread has a name. One that ends before it was asked to stop is a failure that readiness shows.

use std::future::Future;
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Knows all background work of the process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    tasks: TaskTracker,
    stop: CancellationToken,
    failed: Arc<Mutex<Vec<&'static str>>>,
}

impl Lifecycle {
    /// A part that can be stopped by itself, and stops with the whole. Who makes it waits for it.
    #[must_use]
    pub fn part(&self) -> Self {
        Self { tasks: TaskTracker::new(), stop: self.stop.child_token(), failed: Arc::clone(&self.failed) }
    }

    /// Something that goes on when the whole stops, until it is stopped by itself. Who makes it waits for it.
    #[must_use]
    pub fn aside(&self) -> Self {
        Self { tasks: TaskTracker::new(), stop: CancellationToken::new(), failed: Arc::clone(&self.failed) }
    }

    /// Cancelled when the process is asked to stop.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    pub fn stop(&self) {
        self.stop.cancel();
    }

    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Runs a task that should live until the process stops; its early end or panic makes the node not ready.
    pub fn spawn(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let watch = Watch { name, lifecycle: self.clone() };
        #[expect(clippy::disallowed_methods, reason = "this is where tasks are tracked")]
        tokio::spawn(self.tasks.track_future(async move {
            let _watch = watch;
            work.await;
        }));
    }

    /// Runs a short-lived task (a connection) that is waited for at the end, and may end whenever it likes.
    pub fn spawn_transient(&self, work: impl Future<Output = ()> + Send + 'static) {
        #[expect(clippy::disallowed_methods, reason = "this is where tasks are tracked")]
        tokio::spawn(self.tasks.track_future(work));
    }

    /// Runs a thread that should live until the process stops. The handle is joined by whoever owns the thread's input.
    pub fn thread(
        &self,
        name: &'static str,
        work: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<thread::JoinHandle<()>> {
        let watch = Watch { name, lifecycle: self.clone() };
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            let _watch = watch;
            work();
        })
    }

    /// Names of those that ended before they should have.
    pub fn failed(&self) -> Vec<&'static str> {
        self.failed.lock().clone()
    }

    /// Waits until every task has ended. Call after [`Self::stop`].
    pub async fn wait(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

struct Watch {
    name: &'static str,
    lifecycle: Lifecycle,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if thread::panicking() || !self.lifecycle.is_stopping() {
            tracing::error!(
                worker = self.name,
                panicked = thread::panicking(),
                "a background worker ended early"
            );
            self.lifecycle.failed.lock().push(self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_worker_that_ends_early_is_reported_and_one_that_was_stopped_is_not() {
        let lifecycle = Lifecycle::default();
        let stop = lifecycle.stop_token();
        lifecycle.spawn("patient", async move { stop.cancelled().await });
        let thread = lifecycle.thread("hasty", || {}).unwrap();
        thread.join().unwrap();
        assert_eq!(lifecycle.failed(), vec!["hasty"]);
        lifecycle.stop();
        lifecycle.wait().await;
        assert_eq!(lifecycle.failed(), vec!["hasty"]);
    }

    #[tokio::test]
    async fn a_part_stops_by_itself_and_with_the_whole() {
        let lifecycle = Lifecycle::default();
        let (first, second) = (lifecycle.part(), lifecycle.part());
        for part in [&first, &second] {
            let stop = part.stop_token();
            part.spawn("patient", async move { stop.cancelled().await });
        }
        first.stop();
        first.wait().await;
        assert!(!second.is_stopping() && !lifecycle.is_stopping());
        let aside = lifecycle.aside();
        lifecycle.stop();
        second.wait().await;
        assert!(lifecycle.failed().is_empty() && !aside.is_stopping());
    }
}
