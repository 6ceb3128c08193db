//! Scenario: rules are checked and tried out on the command line, by the files in this folder that cover what rules can do.
//! Guarantees: what the files expect happens, to the second, and nothing else; what fails is shown beside what was expected;
//! what is wrong with a file is told with its place; the exit code says how it went.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::Server;
use support::otlp::{assert_taken, body, gauge, int, labelled, now};
use support::server::{configure, folder, program};

/// What a call printed, and its exit code.
struct Said {
    code: i32,
    stdout: String,
    stderr: String,
}

fn rules(arguments: &[&str]) -> Said {
    let output = program().arg("rules").args(arguments).output().expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let code = output.status.code().expect("it ends by itself");
    Said { code, stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn files() -> Vec<PathBuf> {
    let entries = fs::read_dir("tests/alert_rules").expect("the folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// A file with this text, in a folder that lasts as long as the guard.
fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = folder();
    let path = folder.path().join("file.yaml");
    fs::write(&path, text).expect("it is written");
    (folder, path)
}

#[test]
fn rules_do_what_the_files_expect_of_them() {
    let files = files();
    assert!(files.len() >= 6, "{files:?}");
    let mut arguments = vec!["test"];
    arguments.extend(files.iter().map(|file| text(file)));
    let said = rules(&arguments);
    assert_eq!((said.code, &*said.stderr), (0, ""), "{}", said.stdout);
    assert_eq!(said.stdout.lines().filter(|line| line.ends_with("passed")).count(), files.len());
}

#[test]
fn the_files_ask_for_every_feature() {
    let all: String = files().iter().map(|file| fs::read_to_string(file).expect("text")).collect();
    for word in [
        "recovery:",
        "for:",
        "keepFiringFor:",
        "action: keep",
        "action: ok",
        "action: alert",
        "minPoints:",
        "newGroupGrace:",
        "groupBy:",
        "restart:",
        "delay:",
        "lateness:",
        "aggregation: avg",
        "aggregation: max",
        "aggregation: min",
        "aggregation: sum",
        "aggregation: count",
        "aggregation: last",
        "aggregation: rate",
        "aggregation: increase",
        "aggregation: p99",
        "kind: histogram",
        "kind: exponential_histogram",
        "temporality: delta",
        "reset: true",
        "start:",
        "all: true",
        "kind: severity",
        "tenant:",
        "rules:",
        "source: logs",
        "source: spans",
        "aggregation: error_ratio",
        "durations:",
        "counts: \"",
    ] {
        assert!(all.contains(word), "{word}");
    }
}

#[test]
fn a_test_that_fails_shows_what_was_expected_beside_what_happened() {
    let source = fs::read_to_string("tests/alert_rules/levels.yaml").expect("text");
    let (_folder, path) = file(&source.replace("at: 11s, rule: too-warm", "at: 12s, rule: too-warm"));
    let said = rules(&["test", text(&path)]);
    assert_eq!(said.code, 1);
    for line in [
        "ok          6s too-warm {room=kitchen} firing WARN \"last 35 > 30\"",
        "missing     12s too-warm severity CRITICAL \"last 45 > 40\"",
        "unexpected",
    ] {
        assert!(said.stdout.contains(line), "{line}\n{}", said.stdout);
    }
    assert!(said.stderr.contains("1 of 8 tests failed"), "{}", said.stderr);
}

#[test]
fn what_is_wrong_with_a_file_of_tests_is_told_with_its_place() {
    let source = fs::read_to_string("tests/alert_rules/levels.yaml").expect("text");
    let wrong = source.replace("restart: 3s", "restart: soon").replace("value: 40", "value: high");
    let (_folder, path) = file(&wrong);
    let said = rules(&["test", text(&path), "nowhere.yaml"]);
    assert_eq!(said.code, 1);
    let rule = "file.yaml: rule too-warm: thresholds.value: is not a number";
    for line in [rule, "nowhere.yaml: cannot be read", "2 files cannot be read"] {
        assert!(said.stderr.contains(line), "{line}\n{}", said.stderr);
    }
    let (_folder, path) = file(&source.replace("restart: 3s", "restart: soon"));
    let said = rules(&["test", text(&path)]);
    let place =
        "file.yaml: test a restart while it is pending does not begin the wait anew: restart: a duration is";
    assert!(said.stderr.contains(place), "{}", said.stderr);
}

#[test]
fn rules_are_checked_and_told_in_a_line_each() {
    let said = rules(&["check", "tests/alert_rules/rules"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let table = "RULE                     THRESHOLDS  MEASURES\n\
                 long-queue               > 10 WARN   sum(queue.length) over 10s by (queue)\n\
                 switched-off (disabled)  > 0 INFO    max(queue.length) over 10s\n\
                 2 rules\n";
    assert_eq!(said.stdout, table);
}

#[test]
fn the_rules_of_a_configuration_may_name_its_channels_only() {
    let rule_files = fs::canonicalize("tests/alert_rules/rules").expect("the folder");
    let folder = folder();
    let config = configure(folder.path(), &format!("[alerting]\nrules = \"{}\"\n", rule_files.display()));
    let said = rules(&["check", "--config", text(&config)]);
    assert_eq!(said.code, 1);
    let line = "groups.yaml: rule long-queue: channels.slack: no channel of this name is configured";
    assert!(said.stderr.contains(line), "{}", said.stderr);
}

#[test]
fn a_rule_is_tried_on_what_is_stored() {
    const SECOND: u64 = 1_000_000_000;
    let rule_files = fs::canonicalize("tests/alert_rules/rules").expect("the folder");
    let folder = folder();
    let server = Server::start(&folder, "");
    let start = now() / SECOND * SECOND - 600 * SECOND;
    let labels = [("env", "prod"), ("queue", "a")];
    let point =
        |at: u64| labelled(int(start + at * SECOND, if (60..90).contains(&at) { 20 } else { 0 }), &labels);
    assert_taken(
        &server.post_metrics(&body(vec![gauge("queue.length", (0..180).map(point).collect())]), &[]),
    );
    server.stop();

    let config = support::engine::tables_of(folder.path());
    let arguments = ["--config", text(&config), "--rules", text(&rule_files), "--from", "now-1h"];
    let backtest = |rule: &str| rules(&[&["backtest", "--rule", rule], &arguments[..]].concat());
    let said = backtest("long-queue");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{}", said.stdout);
    assert!(lines[1].contains("firing    WARN      sum 20 > 10"), "{}", said.stdout);
    assert!(lines[2].contains("resolved  WARN      sum 0, no longer > 10"), "{}", said.stdout);
    assert!(lines[1].ends_with("queue=a,team=shop"), "{}", said.stdout);
    assert_eq!(lines[3], "2 transitions");

    let said = backtest("unheard-of");
    assert_eq!(
        (said.code, said.stderr.contains("there is no rule \"unheard-of\"")),
        (1, true),
        "{}",
        said.stderr
    );
}
