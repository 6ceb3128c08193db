//! The server's own log: to standard error, as text for people or as JSON for machines.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::TryInitError;

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineFormat {
    Text,
    Json,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("the log level is not valid: {0}")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    #[error("the log is set up already")]
    Twice(#[from] TryInitError),
}

/// Sets up the log of the whole process. `level` is a filter like `info` or `info,telemetryflow=debug`.
pub fn start(format: LineFormat, level: &str) -> Result<(), LogError> {
    use tracing_subscriber::util::SubscriberInitExt;

    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(level)?)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LineFormat::Text => lines.with_target(false).finish().try_init()?,
        LineFormat::Json => lines.json().flatten_event(true).finish().try_init()?,
    }
    Ok(())
}
