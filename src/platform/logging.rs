//! The server's own log: to standard error, as text for people or as JSON for machines; its level can be changed while it runs.

use std::fmt;
use std::io::IsTerminal;
use std::sync::Arc;

use opentelemetry_sdk::trace::SdkTracer;
use parking_lot::Mutex;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

/// What the targets of our own spans begin with.
const OWN: &str = "telemetryflow";

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineFormat {
    Text,
    Json,
}

/// Why there is no log, or not of this level.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("the log level is not valid: {0}")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    #[error("the log is set up already")]
    Twice(#[from] TryInitError),
    #[error("the log is gone")]
    Gone(#[from] reload::Error),
}

/// Changes what is logged. Cheap to clone.
#[derive(Clone)]
pub struct LogLevel {
    filter: reload::Handle<EnvFilter, Registry>,
    text: Arc<Mutex<String>>,
}

impl LogLevel {
    /// As it was written.
    pub fn text(&self) -> String {
        self.text.lock().clone()
    }

    /// From now on. With an error it stays as it was.
    pub fn set(&self, level: &str) -> Result<(), LogError> {
        let filter = EnvFilter::try_new(level)?;
        let mut text = self.text.lock();
        self.filter.reload(filter)?;
        level.clone_into(&mut text);
        Ok(())
    }
}

impl fmt::Debug for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogLevel").field(&self.text()).finish()
    }
}

/// Sets up the log of the whole process. `level` is a filter like `info` or `info,telemetryflow=debug`. Where there is a tracer
/// it makes every span of ours, whatever is logged.
pub fn start(format: LineFormat, level: &str, tracer: Option<SdkTracer>) -> Result<LogLevel, LogError> {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let lines = match format {
        LineFormat::Text => lines.with_target(false).boxed(),
        LineFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let (filter, handle) = reload::Layer::new(EnvFilter::try_new(level)?);
    let spans = tracer.map(|tracer| {
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        let layer = layer.with_location(false).with_threads(false).with_target(false).with_level(false);
        layer.with_filter(filter_fn(|about| about.is_span() && about.target().starts_with(OWN)))
    });
    tracing_subscriber::registry().with(lines.with_filter(filter)).with(spans).try_init()?;
    Ok(LogLevel { filter: handle, text: Arc::new(Mutex::new(level.to_owned())) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_is_wrong_changes_nothing() {
        let (filter, handle) = reload::Layer::<EnvFilter, Registry>::new(EnvFilter::new("info"));
        let level = LogLevel { filter: handle, text: Arc::new(Mutex::new("info".to_owned())) };
        level.set("warn,telemetryflow=trace").unwrap();
        assert!(matches!(level.set("telemetryflow=loud"), Err(LogError::Level(_))));
        assert_eq!(level.text(), "warn,telemetryflow=trace");
        drop(filter);
        assert!(matches!(level.set("info"), Err(LogError::Gone(_))));
        assert_eq!(level.text(), "warn,telemetryflow=trace");
    }
}
