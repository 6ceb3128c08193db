//! Where the dead letters are.

use std::path::PathBuf;

use crate::config::Settings;

/// The folder, for the server that writes them and for the command line that reads them.
pub fn dead_letters_path(settings: &Settings) -> PathBuf {
    settings.dead_letters.path.clone()
}
