//! The rules of ARCHITECTURE.md as tests: they read the source text and name each place that breaks one.
//!
//! Every rule is a function over text, which a test beside it feeds a small bad example, so that none can pass by
//! finding nothing. What the tree itself has to satisfy is in this file.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot read the tree has to fail")]

mod context_map;
mod documents;
mod files;
mod layers;
mod paths;
mod sql;
mod tree;

use tree::{SourceFile, Tree};

/// The one folder that may hold unsafe code: it calls libchdb.
const UNSAFE_FOLDER: &str = "src/platform/clickhouse/embedded/ffi/";
const DOMAIN_ALONE: &str = "tests/domain_alone.rs";
const ARCHITECTURE: &str = "ARCHITECTURE.md";

#[track_caller]
fn assert_none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

fn in_every_file(files: &[SourceFile], check: impl Fn(&SourceFile) -> Vec<String>) -> Vec<String> {
    assert!(!files.is_empty(), "no files were found, so nothing was checked");
    files
        .iter()
        .flat_map(|file| check(file).into_iter().map(|what| format!("{}: {what}", file.path)))
        .collect()
}

#[test]
fn layers_depend_inwards_only() {
    let tree = Tree::open();
    let externals = tree.dependencies();
    let broken = in_every_file(&tree.rust_files(&["src"]), |file| layers::broken(file, &externals));
    assert_none("within a context: domain <- application <- infrastructure, presentation", &broken);
}

#[test]
fn contexts_call_each_other_as_the_context_map_allows() {
    let tree = Tree::open();
    let externals = tree.dependencies();
    let broken = in_every_file(&tree.rust_files(&["src"]), |file| context_map::broken(file, &externals));
    assert_none("the context map (tests/architecture/context_map.rs)", &broken);
}

#[test]
fn every_rust_file_says_what_it_is_for() {
    let files = Tree::open().rust_files(&["src", "tests", "benches", "load-tests"]);
    assert_none(
        "the first line is a //! comment",
        &in_every_file(&files, |file| files::purpose_missing(&file.text)),
    );
}

#[test]
fn source_files_are_small() {
    let files = Tree::open().rust_files(&["src"]);
    assert_none(
        "a file that grows becomes a folder",
        &in_every_file(&files, |file| files::too_long(&file.text)),
    );
}

#[test]
fn unsafe_code_is_in_the_one_folder_that_calls_libchdb() {
    let mut files = Tree::open().rust_files(&["src", "tests", "benches", "load-tests"]);
    files.retain(|file| !file.path.starts_with(UNSAFE_FOLDER));
    assert_none("unsafe code elsewhere", &in_every_file(&files, |file| files::unsafe_code(&file.text)));
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let files = Tree::open().text_files();
    assert_none("machine paths and registry hosts", &in_every_file(&files, files::foreign_places));
}

#[test]
fn what_architecture_md_names_exists() {
    let tree = Tree::open();
    let text = tree.read(ARCHITECTURE);
    let broken = documents::missing(&text, |path| tree.has(path));
    assert_none("named in ARCHITECTURE.md, but not there", &broken);
}

#[test]
fn every_sql_file_holds_one_statement_and_is_used() {
    let tree = Tree::open();
    let sources = tree.rust_files(&["src"]);
    for file in tree.files(&["clickhouse", "schemas"], "sql") {
        assert_none(&file.path, &sql::broken(&file, &sources));
    }
}

#[test]
fn every_domain_is_compiled_alone() {
    let tree = Tree::open();
    let listed = tree.read(DOMAIN_ALONE);
    let broken: Vec<_> = context_map::CONTEXTS
        .iter()
        .filter(|context| {
            tree.has(&format!("src/{context}/domain/mod.rs")) || tree.has(&format!("src/{context}/domain.rs"))
        })
        .filter(|context| !listed.contains(&format!("\"../src/{context}\"")))
        .map(|context| format!("add `{context}` to {DOMAIN_ALONE}"))
        .collect();
    assert_none("a domain compiles without the rest of the program", &broken);
}
