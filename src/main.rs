//! The `telemetryflow` program. What it can be asked is in `cli`, how its parts meet in `bootstrap`.

use std::process::ExitCode;

use clap::Parser;
use telemetryflow::bootstrap::Machine;
use telemetryflow::cli::Command;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    telemetryflow::cli::run(Command::parse(), &Machine)
}
