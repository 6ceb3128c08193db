//! `SettingsSource`: where the configuration is written, so that it can be read again.

use std::path::PathBuf;

use super::{ConfigErrors, Settings};

/// A file, or none, and the environment as it was when the program started. Cheap enough to clone.
#[derive(Debug, Clone, Default)]
pub struct SettingsSource {
    path: Option<PathBuf>,
    environment: Vec<(String, String)>,
}

impl SettingsSource {
    /// The environment is handed in, as all of it: variables that do not begin with `TELEMETRYFLOW__` are passed over.
    pub fn new(path: Option<PathBuf>, environment: impl Iterator<Item = (String, String)>) -> Self {
        Self { path, environment: environment.collect() }
    }

    /// Reads the file (none: defaults only), then the environment, which wins.
    pub fn load(&self) -> Result<Settings, ConfigErrors> {
        Settings::load(self.path.as_deref(), self.environment.iter().cloned())
    }
}
