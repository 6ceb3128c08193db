//! *Scenario*: the schema for a cluster, which cannot be had here.
//! *Guarantees*: the statements are the ones that were looked at (`tests/migrate/cluster.sql`), the engine's own parser takes each of them, and
//! one machine gets what it always got.

#![allow(clippy::expect_used, clippy::panic, reason = "a test ends where something is missing")]

mod support;

use std::fs;
use std::path::Path;

use support::server::{configure, folder, program};

const GOLDEN: &str = "tests/migrate/cluster.sql";
/// Set it to write the file anew, and look at what has changed.
const WRITE: &str = "TELEMETRYFLOW_WRITE_GOLDEN";
const CLUSTER: &str = "url = \"http://clickhouse:8123\"\ndatabase = \"obs\"\ncluster = \"main\"\nquorum = \"majority\"\n[rollups]\nmode = \"off\"\n";

/// `telemetryflow` with this configuration: what it said, and whether it went well.
fn run(folder: &Path, extra: &str, arguments: &[&str]) -> (bool, String) {
    let config = configure(folder, extra);
    let (command, options) = arguments.split_first().expect("a command");
    let output =
        program().arg(command).arg("--config").arg(config).args(options).output().expect("the program runs");
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
    )
}

#[test]
fn a_cluster_gets_the_statements_that_were_looked_at() {
    let folder = folder();
    let (went_well, printed) = run(folder.path(), CLUSTER, &["migrate", "--dry-run"]);
    assert!(went_well, "{printed}");
    if std::env::var_os(WRITE).is_some() {
        fs::write(GOLDEN, &printed).expect("the file is written");
    }
    let expected = fs::read_to_string(GOLDEN).expect("the file");
    assert!(
        printed == expected,
        "the schema of a cluster has changed: set {WRITE}=1 to write {GOLDEN} anew, and look at it"
    );
    assert!(!printed.contains("telemetryflow"), "the database has another name");
    for line in printed.lines().filter(|line| line.starts_with("ENGINE = ")) {
        assert!(
            line.starts_with("ENGINE = Replicated") || line.starts_with("ENGINE = Distributed"),
            "{line}"
        );
    }
    let creates =
        printed.split(";\n").filter(|statement| statement.contains("CREATE") || statement.contains("ALTER"));
    for statement in creates {
        assert!(statement.contains("ON CLUSTER 'main'"), "{statement}");
    }
}

#[test]
fn the_engines_own_parser_takes_each_of_them() {
    let folder = folder();
    let golden = fs::read_to_string(GOLDEN).expect("the file");
    let statements: Vec<&str> =
        golden.split(";\n").map(str::trim).filter(|statement| !statement.is_empty()).collect();
    assert!(statements.len() > 60, "{}", statements.len());
    let quoted: Vec<String> = statements
        .iter()
        .map(|statement| format!("'{}'", statement.replace('\\', "\\\\").replace('\'', "\\'")))
        .collect();
    // What cannot be parsed fails the whole question, and is named in its answer.
    let question = format!(
        "SELECT count() FROM (SELECT formatQuery(arrayJoin([{}])) AS text) WHERE text != ''",
        quoted.join(", ")
    );
    let (went_well, said) = run(folder.path(), "", &["sql", "--format", "TSV", &question]);
    assert!(went_well, "{said}");
    assert_eq!(said.trim(), statements.len().to_string());
    let (went_well, _) = run(folder.path(), "", &["sql", "SELECT formatQuery('CREATE TABLE a ON CLUSTER')"]);
    assert!(!went_well, "the parser takes anything");
}

#[test]
fn one_machine_is_migrated_and_prints_what_it_would_be_given() {
    let folder = folder();
    let (went_well, printed) = run(folder.path(), "", &["migrate", "--dry-run"]);
    assert!(
        went_well && printed.contains("CREATE TABLE IF NOT EXISTS telemetryflow.otel_logs\n"),
        "{printed}"
    );
    assert!(
        !printed.contains("CLUSTER") && !folder.path().join("data").join("clickhouse").exists(),
        "it asked somebody"
    );
    for before in ["0", "7"] {
        let (went_well, said) = run(folder.path(), "", &["migrate"]);
        assert!(went_well && said.contains(&format!("version {before}")), "{said}");
    }
    let (went_well, said) = run(folder.path(), "kind = \"null\"", &["migrate"]);
    assert!(!went_well && said.contains("no schema"), "{said}");
}
