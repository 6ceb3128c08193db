//! What waits for the committer. It is woken for the first record and for a whole group, not for each record between.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::committer::Request;
use super::error::AppendError;

/// When a group is whole before its time is up.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupLimits {
    pub(super) bytes_max: u64,
    /// So many may wait; one more is refused.
    pub(super) records_max: usize,
}

#[derive(Debug)]
struct Shared {
    limits: GroupLimits,
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    requests: VecDeque<Request>,
    bytes: u64,
    /// Either end is gone.
    is_closed: bool,
}

impl Waiting {
    fn is_group(&self, limits: GroupLimits) -> bool {
        self.bytes >= limits.bytes_max || self.requests.len() >= limits.records_max || self.is_closed
    }

    fn take(&mut self, limits: GroupLimits) -> Vec<Request> {
        let (mut group, mut bytes) = (Vec::new(), 0);
        while bytes < limits.bytes_max
            && let Some(request) = self.requests.pop_front()
        {
            bytes += request.draft.length();
            group.push(request);
        }
        self.bytes -= bytes;
        group
    }
}

/// Where requests are put. Any thread may; dropping it is the end.
#[derive(Debug)]
pub(super) struct Inbox(Arc<Shared>);

/// Where the committer takes them from.
#[derive(Debug)]
pub(super) struct Groups(Arc<Shared>);

pub(super) fn inbox(limits: GroupLimits) -> (Inbox, Groups) {
    let shared = Arc::new(Shared { limits, waiting: Mutex::default(), changed: Condvar::new() });
    (Inbox(Arc::clone(&shared)), Groups(shared))
}

impl Inbox {
    /// Does not wait for room.
    pub(super) fn put(&self, request: Request) -> Result<(), AppendError> {
        let Shared { limits, waiting, changed } = &*self.0;
        let mut waiting = waiting.lock();
        if waiting.is_closed {
            return Err(AppendError::Closed);
        }
        if waiting.requests.len() >= limits.records_max {
            return Err(AppendError::Busy);
        }
        let was_group = waiting.is_group(*limits);
        waiting.bytes += request.draft.length();
        waiting.requests.push_back(request);
        let is_news = waiting.requests.len() == 1 || !was_group && waiting.is_group(*limits);
        drop(waiting);
        if is_news {
            changed.notify_one();
        }
        Ok(())
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.0.waiting.lock().is_closed = true;
        self.0.changed.notify_one();
    }
}

impl Groups {
    /// Waits for the first request, then for others until the group is large enough or old enough. Nothing once nobody can ask
    /// any more and what was asked before was given.
    pub(super) fn take(&self, wait: Duration) -> Option<Vec<Request>> {
        let Shared { limits, waiting, changed } = &*self.0;
        let mut waiting = waiting.lock();
        while waiting.requests.is_empty() {
            if waiting.is_closed {
                return None;
            }
            changed.wait(&mut waiting);
        }
        let deadline = Instant::now() + wait;
        while !waiting.is_group(*limits) && !changed.wait_until(&mut waiting, deadline).timed_out() {}
        Some(waiting.take(*limits))
    }
}

impl Drop for Groups {
    /// Whoever waits hears that there will be no answer.
    fn drop(&mut self) {
        let requests = {
            let mut waiting = self.0.waiting.lock();
            waiting.is_closed = true;
            std::mem::take(&mut waiting.requests)
        };
        drop(requests);
    }
}
