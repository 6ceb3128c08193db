//! TelemetryFlow with faults: the same program as `src/main.rs`, whose store and journal files do as they are told.
//!
//! * `FAULTY_CRASH=POINT:N`: the process kills itself, with SIGKILL, when it comes to the point for the N-th time.
//!   * `before_sync`, `after_sync`: around the sync of a segment of the journal;
//!   * `before_insert`: a batch is sealed, nothing of it inserted;
//!   * `mid_insert`: at a random moment of an insert, which never returns to its caller;
//!   * `between_tables`: one table of a batch has its rows, the next one does not;
//!   * `after_insert`: the store has the rows, nobody was told.
//! * `FAULTY_CONTROL=FILE`: the file is read before each insert and query and before each write of the journal. Replace it in one
//!   piece (write another one, rename it). It holds one of
//!   * `up` (also when there is no such file): nothing is wrong;
//!   * `down`: inserts answer that the store is not available, and it is not asked;
//!   * `cut`: inserts are made, and answer that the store is not available;
//!   * `hang`: inserts wait until the file says something else;
//!   * `full`: writes of the journal answer that the disk is full, inserts that the store is not available;
//!   * `slow`: what a client asks of the store takes until it is cancelled or passes a limit;
//!   * `refuse TEXT`: inserts of blocks that hold TEXT are refused for good.
//! * `FAULTY_SYNC=N` or `N+`: the N-th sync of a segment of the journal fails, or that one and all after it.
//! * `FAULTY_KEEP_COPIES=1`: points and spans that were stored twice remain two rows, since nothing is merged any more in
//!   this data folder.

mod control;
mod crash;
mod files;
mod store;

use std::fmt::Display;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use telemetryflow::bootstrap::Surroundings;
use telemetryflow::cli::Command;
use telemetryflow::platform::clickhouse::Store;
use telemetryflow::platform::journal::FileSystem;

use control::Control;
use crash::Crash;
use files::{BadSyncs, FaultyFiles};
use store::{FaultyStore, keep_copies};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the environment asks for.
#[derive(Debug)]
struct Faults {
    crash: Arc<Crash>,
    control: Control,
    bad_syncs: Arc<BadSyncs>,
    keep_copies: bool,
}

impl Faults {
    fn asked_for() -> Result<Self, String> {
        let variable = |name| std::env::var(name).ok();
        let wrong = |name: &'static str| move |wrong: String| format!("{name}: {wrong}");
        let crash = Crash::parse(variable("FAULTY_CRASH").as_deref()).map_err(wrong("FAULTY_CRASH"))?;
        let bad_syncs = BadSyncs::parse(variable("FAULTY_SYNC").as_deref()).map_err(wrong("FAULTY_SYNC"))?;
        Ok(Self {
            crash: Arc::new(crash),
            control: Control::at(variable("FAULTY_CONTROL").map(Into::into)),
            bad_syncs: Arc::new(bad_syncs),
            keep_copies: variable("FAULTY_KEEP_COPIES").is_some(),
        })
    }
}

impl Surroundings for Faults {
    fn store(&self, opened: Arc<dyn Store>) -> Arc<dyn Store> {
        if self.keep_copies
            && let Err(error) = keep_copies(opened.as_ref())
        {
            complain(format_args!("FAULTY_KEEP_COPIES: {error}"));
            std::process::exit(1);
        }
        Arc::new(FaultyStore::new(opened, Arc::clone(&self.crash), self.control.clone()))
    }

    fn journal_files(&self, on_disk: Arc<dyn FileSystem>) -> Arc<dyn FileSystem> {
        let (crash, bad_syncs) = (Arc::clone(&self.crash), Arc::clone(&self.bad_syncs));
        Arc::new(FaultyFiles::new(on_disk, crash, self.control.clone(), bad_syncs))
    }
}

fn main() -> ExitCode {
    match Faults::asked_for() {
        Ok(faults) => telemetryflow::cli::run(Command::parse(), &faults),
        Err(wrong) => {
            complain(wrong);
            ExitCode::FAILURE
        }
    }
}

fn complain(what: impl Display) {
    #[expect(clippy::print_stderr, reason = "the command line speaks to whoever started it")]
    {
        eprintln!("faulty: {what}");
    }
}
