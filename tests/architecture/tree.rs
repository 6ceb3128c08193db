//! The repository as the checks see it: text files by their path from the root.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold what was built or fetched, not what is kept.
const NOT_KEPT: [&str; 8] =
    [".git", "target", "vendor", "data", ".venv", "node_modules", "__pycache__", ".pytest_cache"];

/// A text file and its path from the repository's root, with `/` between its parts.
#[derive(Debug)]
pub struct SourceFile {
    pub path: String,
    pub text: String,
}

impl SourceFile {
    /// A file that is only imagined.
    #[cfg(test)]
    pub fn example(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }
}

#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
}

impl Tree {
    pub fn open() -> Self {
        Self { root: PathBuf::from(env!("CARGO_MANIFEST_DIR")) }
    }

    pub fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub fn rust_files(&self, folders: &[&str]) -> Vec<SourceFile> {
        self.files(folders, "rs")
    }

    /// The files below these folders whose name ends in `extension`. A folder that is not there holds none.
    pub fn files(&self, folders: &[&str], extension: &str) -> Vec<SourceFile> {
        let mut found = Vec::new();
        for folder in folders {
            walk(&self.root.join(folder), &mut found);
        }
        found.retain(|path| path.extension().is_some_and(|this| this == extension));
        found.iter().filter_map(|path| self.load(path)).collect()
    }

    /// Every file that is text.
    pub fn text_files(&self) -> Vec<SourceFile> {
        let mut found = Vec::new();
        walk(&self.root, &mut found);
        found.iter().filter_map(|path| self.load(path)).collect()
    }

    /// The names by which Rust code calls the crates of `[dependencies]`.
    pub fn dependencies(&self) -> BTreeSet<String> {
        let manifest: toml::Table = self.read("Cargo.toml").parse().expect("Cargo.toml is TOML");
        let table = manifest.get("dependencies").and_then(toml::Value::as_table);
        table.expect("Cargo.toml has dependencies").keys().map(|name| name.replace('-', "_")).collect()
    }

    fn load(&self, path: &Path) -> Option<SourceFile> {
        let text = String::from_utf8(fs::read(path).ok()?).ok()?;
        let path = path.strip_prefix(&self.root).ok()?.to_str()?.to_owned();
        Some(SourceFile { path, text })
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let kept =
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| !NOT_KEPT.contains(&name));
        if kept && path.is_dir() && !path.is_symlink() {
            walk(&path, found);
        } else if kept && path.is_file() {
            found.push(path);
        }
    }
}

#[test]
fn the_tree_is_found_and_what_was_built_is_left_out() {
    let tree = Tree::open();
    assert!(tree.rust_files(&["src"]).iter().any(|file| file.path == "src/lib.rs"));
    assert!(tree.text_files().iter().any(|file| file.path == "Cargo.toml"));
    assert!(!tree.text_files().iter().any(|file| file.path.starts_with("target/")));
    assert!(tree.dependencies().contains("opentelemetry_proto"));
}
