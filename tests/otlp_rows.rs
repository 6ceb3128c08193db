//! What `docs/otlp.md` and the README promise of OTLP: each row of the tables names tests that exist, and each reason that the
//! program gives is explained.

#![allow(clippy::expect_used, reason = "a test that cannot read the documents has to fail")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use telemetryflow::telemetry::stages::{Rejection, Warning};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

/// What stands between backticks.
fn backticked(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// `file` and `test` of what looks like `file::test`, or `folder::file::test`.
fn tests_in(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let words = move |text: &str| text.split("::").all(word);
    backticked(line)
        .filter_map(|name| name.rsplit_once("::"))
        .filter(move |(file, test)| words(file) && word(test))
}

/// The rows of all tables, without their heads.
fn rows(document: &str) -> impl Iterator<Item = &str> {
    let lines = document.lines().zip(document.lines().skip(1).chain([""]));
    lines.filter(|(line, next)| line.starts_with("| ") && !next.starts_with("|---")).map(|(line, _)| line)
}

/// What is wrong with the rows of a document, given the text of each file with tests.
fn complaints(document: &str, text_of: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let unnamed = rows(document)
        .filter(|row| tests_in(row).next().is_none() && !row.contains("**missing**"))
        .map(|row| format!("names no test: {row}"));
    let named: BTreeSet<(&str, &str)> = document.lines().flat_map(tests_in).collect();
    let gone = named.into_iter().filter_map(|(file, test)| {
        let there = text_of(file).is_some_and(|text| text.contains(&format!("fn {test}(")));
        (!there).then(|| format!("there is no test {test} in tests/{file}.rs"))
    });
    unnamed.chain(gone).collect()
}

#[test]
fn every_row_names_tests_that_exist() {
    let document = read("docs/otlp.md");
    assert!(rows(&document).count() > 60, "the tables were not found");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let found = complaints(&document, |file| {
        fs::read_to_string(root.join(format!("{}.rs", file.replace("::", "/")))).ok()
    });
    assert!(found.is_empty(), "docs/otlp.md:\n  {}", found.join("\n  "));
}

#[test]
fn rows_without_tests_and_tests_that_are_gone_are_found() {
    let document = "| a | b |\n|---|---|\n| x | `t::there` |\n| y | nothing |\n| z | **missing** |\n`t::gone` `crate::x::y()`\n";
    let found = complaints(document, |file| (file == "t").then(|| "fn there() {".to_owned()));
    assert_eq!(found, ["names no test: | y | nothing |", "there is no test gone in tests/t.rs"]);
}

#[test]
fn the_readme_explains_every_reason_and_every_warning() {
    let readme = read("README.md");
    let (_, section) = readme.split_once("## What is accepted").expect("the section");
    let (reasons, warnings) =
        section.split_once("| warning |").expect("a table of reasons, and one of warnings");
    let explained = |table: &str| -> BTreeSet<String> {
        let first = |row: &str| row.split('|').nth(1).unwrap_or_default().to_owned();
        rows(table).flat_map(|row| backticked(&first(row)).map(str::to_owned).collect::<Vec<_>>()).collect()
    };
    let (reasons, warnings) = (explained(reasons), explained(warnings));
    for reason in Rejection::ALL {
        assert!(reasons.contains(reason.name()), "no word of the reason {}", reason.name());
    }
    for warning in Warning::ALL {
        assert!(warnings.contains(warning.name()), "no word of the warning {}", warning.name());
    }
}
