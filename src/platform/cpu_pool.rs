//! Threads for work that would hold up the async ones (decoding): each has a state of its own that it reuses from job
//! to job.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::lifecycle::Lifecycle;

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;
type MakeState<S> = Arc<dyn Fn() -> S + Send + Sync>;

/// Why a job gave no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    #[error("all threads are busy and the queue is full")]
    Busy,
    #[error("the job panicked")]
    Lost,
}

/// Runs jobs on threads of its own. Dropping the pool lets the threads finish what is queued and end.
pub struct CpuPool<S> {
    jobs: Sender<Job<S>>,
    make_state: MakeState<S>,
    /// For jobs that callers run themselves: as many as ever ran at a time.
    spare: Mutex<Vec<S>>,
}

impl<S: 'static> CpuPool<S> {
    /// `make_state` runs on each thread, and again after a job panicked.
    pub fn start(
        name: &'static str,
        threads: usize,
        jobs_max: usize,
        make_state: impl Fn() -> S + Send + Sync + 'static,
        lifecycle: &Lifecycle,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = bounded(jobs_max);
        let make_state: MakeState<S> = Arc::new(make_state);
        for _ in 0..threads {
            let (queue, make_state) = (queue.clone(), Arc::clone(&make_state));
            lifecycle.thread(name, move || work(&queue, &*make_state))?;
        }
        Ok(Self { jobs, make_state, spare: Mutex::default() })
    }

    /// Runs a job on the caller's thread, for one that is shorter than it takes to wake another.
    pub fn run_here<T>(&self, job: impl FnOnce(&mut S) -> T) -> Result<T, PoolError> {
        let spare = self.spare.lock().pop();
        let mut state = spare.unwrap_or_else(|| (self.make_state)());
        let result = unless_it_panics(|| job(&mut state))?;
        self.spare.lock().push(state);
        Ok(result)
    }

    /// Hands a job over without waiting for room, and waits for its result.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        let (done, result) = oneshot::channel();
        let job: Job<S> = Box::new(move |state| {
            // The requester may have left in the meantime.
            let _ = done.send(job(state));
        });
        match self.jobs.try_send(job) {
            Ok(()) => result.await.map_err(|_| PoolError::Lost),
            Err(TrySendError::Full(_)) => Err(PoolError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(PoolError::Lost),
        }
    }
}

impl<S> fmt::Debug for CpuPool<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CpuPool").field("queued", &self.jobs.len()).finish()
    }
}

/// A panic costs its own job only. What it left behind in the state is thrown away.
fn work<S>(queue: &Receiver<Job<S>>, make_state: &(dyn Fn() -> S + Send + Sync)) {
    let mut state = make_state();
    while let Ok(job) = queue.recv() {
        if unless_it_panics(|| job(&mut state)).is_err() {
            state = make_state();
        }
    }
}

fn unless_it_panics<T>(job: impl FnOnce() -> T) -> Result<T, PoolError> {
    catch_unwind(AssertUnwindSafe(job)).map_err(|_| {
        tracing::error!("a job panicked; its request fails, others go on");
        PoolError::Lost
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_costs_its_job_and_the_threads_state_but_nothing_else() {
        let lifecycle = Lifecycle::default();
        let pool = CpuPool::start("test", 1, 8, || 0_u32, &lifecycle).unwrap();
        let count = |state: &mut u32| {
            *state += 1;
            *state
        };
        assert_eq!(pool.run(count).await, Ok(1));
        assert_eq!(pool.run(count).await, Ok(2));
        assert_eq!(pool.run(|_| -> u32 { panic!("on purpose") }).await, Err(PoolError::Lost));
        assert_eq!(pool.run(count).await, Ok(1));
    }

    #[test]
    fn a_job_on_the_callers_thread_has_a_state_too_and_loses_it_by_a_panic() {
        let pool = CpuPool::start("test", 1, 8, || 0_u32, &Lifecycle::default()).unwrap();
        let count = |state: &mut u32| {
            *state += 1;
            *state
        };
        assert_eq!((pool.run_here(count), pool.run_here(count)), (Ok(1), Ok(2)));
        assert_eq!(pool.run_here(|_| -> u32 { panic!("on purpose") }), Err(PoolError::Lost));
        assert_eq!(pool.run_here(count), Ok(1));
    }

    #[tokio::test]
    async fn a_full_queue_is_said_to_be_busy() {
        let lifecycle = Lifecycle::default();
        let pool = Arc::new(CpuPool::start("test", 1, 1, || (), &lifecycle).unwrap());
        let (hold, held) = std::sync::mpsc::sync_channel::<()>(0);
        let (started, wait) = oneshot::channel();
        let blocker = {
            let pool = Arc::clone(&pool);
            async move {
                pool.run(move |()| {
                    started.send(()).unwrap();
                    held.recv().unwrap();
                })
                .await
            }
        };
        let rest = async {
            wait.await.unwrap();
            let queued = pool.run(|()| 1);
            let refused = async {
                let refused = pool.run(|()| 2).await;
                hold.send(()).unwrap();
                refused
            };
            tokio::join!(queued, refused)
        };
        let (blocked, (queued, refused)) = tokio::join!(blocker, rest);
        assert_eq!((blocked, queued, refused), (Ok(()), Ok(1), Err(PoolError::Busy)));
    }
}
