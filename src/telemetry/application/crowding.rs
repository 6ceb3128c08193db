//! `Crowding`: whether so many items wait for the store that their senders had better wait, too.
//!
//! What memory has no room for is let go and read back from the journal later, which costs as much as taking it in did. A
//! sender that is answered a little later sends the next request when there is room. That helps against a store that is
//! slower than the senders, not against one that stands still: when a wait was in vain, nobody waits until there was room
//! again, and the journal takes what comes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// One for all requests of a write path.
#[derive(Debug)]
pub struct Crowding {
    is_crowded: watch::Sender<bool>,
    /// A wait was in vain.
    is_in_vain: AtomicBool,
}

impl Default for Crowding {
    fn default() -> Self {
        Self { is_crowded: watch::Sender::new(false), is_in_vain: AtomicBool::new(false) }
    }
}

impl Crowding {
    /// How long an answer waits at most.
    pub const WAIT_MAX: Duration = Duration::from_millis(500);

    /// From now on answers wait.
    pub fn begin(&self) {
        self.set(true);
    }

    /// There is room: whoever waits is let go, and waiting is worth a try again.
    pub fn end(&self) {
        self.set(false);
        self.is_in_vain.store(false, Ordering::Relaxed);
    }

    fn set(&self, crowded: bool) {
        self.is_crowded.send_if_modified(|is_crowded| std::mem::replace(is_crowded, crowded) != crowded);
    }

    /// Waits until there is room, as long as there is hope, and for `at_most`.
    pub async fn room(&self, at_most: Duration) {
        if self.is_in_vain.load(Ordering::Relaxed) {
            return;
        }
        let mut crowded = self.is_crowded.subscribe();
        let room = crowded.wait_for(|is_crowded| !is_crowded);
        if tokio::time::timeout(at_most, room).await.is_err() {
            self.is_in_vain.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::runtime::Builder;

    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    fn run(work: impl Future<Output = ()>) {
        Builder::new_current_thread().enable_time().build().unwrap().block_on(work);
    }

    /// Whether somebody who asks now is held up.
    async fn holds_up(crowding: &Crowding) -> bool {
        let mut room = pin!(crowding.room(LONG));
        tokio::select! {
            biased;
            () = &mut room => false,
            () = std::future::ready(()) => true,
        }
    }

    #[test]
    fn answers_wait_while_it_is_crowded() {
        run(async {
            let crowding = Crowding::default();
            assert!(!holds_up(&crowding).await);
            crowding.begin();
            assert!(holds_up(&crowding).await);
            let mut waiting = pin!(crowding.room(LONG));
            tokio::select! {
                biased;
                () = &mut waiting => panic!("it is crowded"),
                () = std::future::ready(()) => crowding.end(),
            }
            waiting.await;
            assert!(!holds_up(&crowding).await);
        });
    }

    #[test]
    fn nobody_waits_again_before_there_was_room() {
        run(async {
            let crowding = Crowding::default();
            crowding.begin();
            crowding.room(Duration::ZERO).await;
            assert!(!holds_up(&crowding).await, "a wait was in vain");
            crowding.end();
            crowding.begin();
            assert!(holds_up(&crowding).await);
        });
    }
}
