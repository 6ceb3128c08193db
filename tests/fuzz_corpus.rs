//! Runs what the fuzz targets begin with, and what is kept of what they found, through the same checks as the fuzzer.
//!
//! *Guarantees*: a fault that was found by fuzzing stays found, on every machine, without the fuzzer.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something unexpected happens"
)]

#[path = "../fuzz/checks/lib.rs"]
mod checks;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use checks::TARGETS;

/// Of one kept input, and of all that are kept for one target.
const INPUT_BYTES_MAX: u64 = 4 * 1_024;
const KEPT_FILES_MAX: usize = 50;
const KEPT_BYTES_MAX: u64 = 200 * 1_024;

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The files of a folder, which may be missing.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.expect("a readable folder").path()).collect()
}

fn kept(target: &str) -> Vec<PathBuf> {
    files(&fuzz_folder().join("corpus-kept").join(target))
}

fn seeds(target: &str) -> Vec<PathBuf> {
    files(&fuzz_folder().join("seeds").join(target))
}

fn stems(folder: &str) -> BTreeSet<String> {
    let name = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    files(&fuzz_folder().join(folder)).into_iter().map(name).collect()
}

#[test]
fn every_kept_input_passes_the_checks_of_its_target() {
    let mut failed = Vec::new();
    for (target, check) in TARGETS {
        assert!(!seeds(target).is_empty(), "{target} has no seeds");
        for file in seeds(target).into_iter().chain(kept(target)) {
            let input = fs::read(&file).expect("a readable file");
            if std::panic::catch_unwind(|| check(&input)).is_err() {
                failed.push(file);
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn every_target_is_listed_with_the_checks() {
    let listed: BTreeSet<String> = TARGETS.iter().map(|(target, _)| (*target).to_owned()).collect();
    for folder in ["fuzz_targets", "seeds"] {
        assert_eq!(stems(folder), listed, "fuzz/{folder}");
    }
    assert!(listed.is_subset(&stems("checks")));
    assert!(stems("corpus-kept").is_subset(&listed));
}

#[test]
fn what_is_kept_stays_small() {
    let bytes = |file: &PathBuf| fs::metadata(file).expect("a readable file").len();
    for (target, _) in TARGETS {
        let (seeds, kept) = (seeds(target), kept(target));
        assert!(seeds.iter().chain(&kept).all(|file| bytes(file) <= INPUT_BYTES_MAX), "{target}");
        assert!(kept.len() <= KEPT_FILES_MAX, "{target}");
        assert!(kept.iter().map(bytes).sum::<u64>() <= KEPT_BYTES_MAX, "{target}");
    }
}
