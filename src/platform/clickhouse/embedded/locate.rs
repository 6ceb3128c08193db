//! Finds libchdb on this machine.

use std::path::{Path, PathBuf};

/// Names another copy of the library.
pub const LIBRARY_VARIABLE: &str = "TELEMETRYFLOW_LIBCHDB";

/// Where the set-up puts the library, relative to the working directory or to a folder above the program.
const VENDORED: &str = "vendor/libchdb/libchdb.so";

/// The library is nowhere to be found.
#[derive(Debug, thiserror::Error)]
#[error(
    "libchdb (the embedded ClickHouse) was not found; looked at: {}. Run `make build` to fetch it, or set {LIBRARY_VARIABLE}=/path/to/libchdb.so",
    looked_at.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
)]
pub struct LibraryNotFound {
    pub looked_at: Vec<PathBuf>,
}

/// The configured path if there is one, else the environment's, else what the set-up fetched.
pub fn find_library(configured: Option<&Path>) -> Result<PathBuf, LibraryNotFound> {
    let named =
        configured.map(Path::to_owned).or_else(|| std::env::var_os(LIBRARY_VARIABLE).map(PathBuf::from));
    let looked_at = match named {
        Some(path) => vec![path],
        None => usual_places(),
    };
    match looked_at.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => Err(LibraryNotFound { looked_at }),
    }
}

/// Beside the program, in the working directory, and in the checkout that the program was built in.
fn usual_places() -> Vec<PathBuf> {
    let mut places = vec![PathBuf::from(VENDORED)];
    if let Ok(program) = std::env::current_exe() {
        places.extend(program.parent().map(|folder| folder.join("libchdb.so")));
        places.extend(program.ancestors().skip(2).take(4).map(|folder| folder.join(VENDORED)));
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configured_path_that_is_missing_is_named_and_nothing_else_is_tried() {
        let error = find_library(Some(Path::new("no/such/libchdb.so"))).unwrap_err();
        assert_eq!(error.looked_at, vec![PathBuf::from("no/such/libchdb.so")]);
        assert!(error.to_string().contains("make build"));
    }
}
