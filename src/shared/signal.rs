//! `Signal`: the three kinds of telemetry, each with its own endpoints, tables and counters.

/// What a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Signal {
    Metrics,
    Logs,
    Traces,
}

impl Signal {
    pub const ALL: [Self; 3] = [Self::Metrics, Self::Logs, Self::Traces];

    /// The name in paths, labels and log lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Logs => "logs",
            Self::Traces => "traces",
        }
    }

    /// What is counted, as people say it.
    pub const fn items(self) -> &'static str {
        match self {
            Self::Metrics => "points",
            Self::Logs => "log records",
            Self::Traces => "spans",
        }
    }
}
