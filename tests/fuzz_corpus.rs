//! Runs what the fuzz targets begin with, and what once made one fail, through the same checks as the fuzzer.
//!
//! *Guarantees*: a fault that was found by fuzzing stays found, on every machine, without the fuzzer.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where something unexpected happens"
)]

#[path = "../fuzz/checks/json.rs"]
mod json;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

type Check = fn(&[u8]);

/// Each target and what it checks.
const TARGETS: [(&str, Check); 1] = [("json", json::check)];

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The files of a folder, which may be missing.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.expect("a readable folder").path()).collect()
}

fn stems(folder: &str) -> BTreeSet<String> {
    let name = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    files(&fuzz_folder().join(folder)).into_iter().map(name).collect()
}

#[test]
fn every_kept_input_passes_the_checks_of_its_target() {
    for (target, check) in TARGETS {
        let seeds = files(&fuzz_folder().join("seeds").join(target));
        assert!(!seeds.is_empty(), "{target} has no seeds");
        for file in seeds.into_iter().chain(files(&fuzz_folder().join("corpus-kept").join(target))) {
            let input = fs::read(&file).expect("a readable file");
            let passed = std::panic::catch_unwind(|| check(&input));
            assert!(passed.is_ok(), "{}", file.display());
        }
    }
}

#[test]
fn every_target_is_listed_here() {
    let listed: BTreeSet<String> = TARGETS.iter().map(|(target, _)| (*target).to_owned()).collect();
    for folder in ["fuzz_targets", "checks", "seeds"] {
        assert_eq!(stems(folder), listed, "fuzz/{folder}");
    }
    assert!(stems("corpus-kept").is_subset(&listed));
}
