//! `Crash`: the end of the process at a point of its work that has a name.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Signal, getpid, kill_process};

/// How long work takes of which nothing is known yet.
const FIRST_WORK: Duration = Duration::from_millis(10);

/// Where the process may die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    BeforeSync,
    AfterSync,
    BeforeInsert,
    MidInsert,
    BetweenTables,
    AfterInsert,
}

impl Point {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "before_sync" => Self::BeforeSync,
            "after_sync" => Self::AfterSync,
            "before_insert" => Self::BeforeInsert,
            "mid_insert" => Self::MidInsert,
            "between_tables" => Self::BetweenTables,
            "after_insert" => Self::AfterInsert,
            _ => return None,
        })
    }
}

/// Which visit of which point is the last one.
#[derive(Debug, Default)]
pub struct Crash {
    last: Option<(Point, u32)>,
    visits: AtomicU32,
    /// How long the work at the point took when it was last done; 0 before that.
    work_us: AtomicU64,
}

impl Crash {
    /// From `POINT:N`; nothing asks for no crash.
    pub fn parse(text: Option<&str>) -> Result<Self, String> {
        let Some(text) = text else { return Ok(Self::default()) };
        let parsed = text.split_once(':').and_then(|(point, visit)| {
            Some((Point::parse(point)?, visit.parse().ok().filter(|visit| *visit > 0)?))
        });
        match parsed {
            Some(last) => Ok(Self { last: Some(last), ..Self::default() }),
            None => Err(format!("{text:?} is not POINT:N with a point that is known and N from 1 on")),
        }
    }

    /// Does not return from the last visit.
    pub fn at(&self, point: Point) {
        if self.is_last_visit(point) {
            die();
        }
    }

    /// Does not return from the last visit, whose work goes on until the process dies at a random moment of it, or a
    /// little later.
    pub fn during<T>(&self, point: Point, work: impl FnOnce() -> T) -> T {
        if !self.is_last_visit(point) {
            return self.measured(work);
        }
        let moment = self.work().mul_f64(fastrand::f64() * 1.2);
        thread::spawn(move || {
            thread::sleep(moment);
            die();
        });
        work();
        wait_for_the_end()
    }

    fn measured<T>(&self, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = work();
        let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.work_us.store(took, Ordering::Relaxed);
        done
    }

    fn work(&self) -> Duration {
        match self.work_us.load(Ordering::Relaxed) {
            0 => FIRST_WORK,
            took => Duration::from_micros(took),
        }
    }

    fn is_last_visit(&self, point: Point) -> bool {
        let Some((last, visit)) = self.last else { return false };
        last == point && self.visits.fetch_add(1, Ordering::SeqCst) + 1 == visit
    }
}

/// No destructor runs, no buffer is written, no thread hears of it.
fn die() -> ! {
    let _ = kill_process(getpid(), Signal::KILL);
    wait_for_the_end()
}

fn wait_for_the_end() -> ! {
    loop {
        thread::park();
    }
}
