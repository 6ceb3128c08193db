//! `CancelToken`: says that nobody waits for an answer any more.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

type Listener = Box<dyn FnOnce() + Send>;

/// Shared by who waits and who works. Once cancelled it stays so. Cheap to clone.
#[derive(Clone, Default)]
pub struct CancelToken {
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    cancelled: AtomicBool,
    listener: Mutex<Option<Listener>>,
}

impl CancelToken {
    pub fn cancel(&self) {
        // Under the lock: whoever begins to listen either sees the flag or is called.
        let listener = {
            let mut listener = self.state.listener.lock();
            self.state.cancelled.store(true, Ordering::Release);
            listener.take()
        };
        if let Some(tell) = listener {
            tell();
        }
    }

    pub fn is_cancelled(&self) -> bool {
        self.state.cancelled.load(Ordering::Acquire)
    }

    /// Calls `tell` once when the token is cancelled, at once if it is already. There is one listener: the last one.
    pub fn on_cancel(&self, tell: impl FnOnce() + Send + 'static) {
        let mut listener = self.state.listener.lock();
        if self.is_cancelled() {
            drop(listener);
            tell();
        } else {
            *listener = Some(Box::new(tell));
        }
    }

    /// Cancels when it goes out of scope, unless it was disarmed.
    pub fn drop_guard(&self) -> CancelOnDrop {
        CancelOnDrop { token: Some(self.clone()) }
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken").field("cancelled", &self.is_cancelled()).finish()
    }
}

/// Whoever holds it waits.
#[must_use = "it cancels as soon as it is dropped"]
#[derive(Debug)]
pub struct CancelOnDrop {
    token: Option<CancelToken>,
}

impl CancelOnDrop {
    /// There is nothing left to be cancelled.
    pub fn disarm(mut self) {
        self.token = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            token.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn counter(token: &CancelToken) -> Arc<AtomicUsize> {
        let calls = Arc::new(AtomicUsize::new(0));
        let told = Arc::clone(&calls);
        token.on_cancel(move || _ = told.fetch_add(1, Ordering::SeqCst));
        calls
    }

    #[test]
    fn a_listener_is_told_once_also_when_it_comes_late() {
        let token = CancelToken::default();
        let early = counter(&token);
        assert_eq!((token.is_cancelled(), early.load(Ordering::SeqCst)), (false, 0));
        token.cancel();
        token.cancel();
        assert_eq!((token.is_cancelled(), early.load(Ordering::SeqCst)), (true, 1));
        assert_eq!(counter(&token).load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_guard_cancels_unless_it_was_disarmed() {
        let token = CancelToken::default();
        token.drop_guard().disarm();
        assert!(!token.is_cancelled());
        drop(token.drop_guard());
        assert!(token.is_cancelled());
    }
}
