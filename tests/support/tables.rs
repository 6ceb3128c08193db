//! What the tables of a server hold that has stopped.

use serde_json::Value;
use tempfile::TempDir;

use super::engine::tables_of;
use super::server::program;

/// The answer to a statement that reads, in one of ClickHouse's formats.
pub fn read(folder: &TempDir, format: &str, statement: &str) -> String {
    let config = tables_of(folder.path());
    let mut command = program();
    command.arg("sql").arg("--config").arg(config).arg("--format").arg(format).arg(statement);
    let output = command.output().expect("the program runs");
    let refused = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{statement}: {refused}");
    String::from_utf8(output.stdout).unwrap_or_else(|error| panic!("{statement}: {}", error.utf8_error()))
}

/// Rows as JSON arrays. Whole numbers of 64 bits and doubles that are no numbers want to be made texts by the statement.
pub fn rows(folder: &TempDir, statement: &str) -> Vec<Value> {
    let answer = read(folder, "JSONCompactEachRow", statement);
    answer.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}
