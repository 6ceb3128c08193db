//! Scenario: somebody inspects the journal of a server that runs, that was killed, and that was damaged.
//! Guarantees: what was acknowledged and is not stored is told to the item, not one byte changes, the server starts
//! as if nobody had looked, and damage is told with its place and exit code 2.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::Server;
use support::otlp::{assert_taken, body, gauge, int, now};
use support::server::{configure, folder, program, rows};
use tempfile::TempDir;

/// Batches stay open: nothing is stored while the server runs.
const SLOW: &str = "[ingest]\ndurability = \"journal\"\nbatch_age_max = \"60s\"";
const SEGMENT: &str = "0000000000000001.seg";

struct Said {
    code: i32,
    stdout: String,
    stderr: String,
}

fn inspect(folder: &TempDir, arguments: &[&str]) -> Said {
    let mut call = program();
    call.args(["journal", "inspect"]).args(arguments);
    let output =
        call.arg("--config").arg(folder.path().join("config.toml")).output().expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Said {
        code: output.status.code().expect("a code"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

fn inspect_json(folder: &TempDir, arguments: &[&str]) -> (i32, Value) {
    let said = inspect(folder, &[&["--format", "json"], arguments].concat());
    (said.code, serde_json::from_str(&said.stdout).expect(&said.stderr))
}

fn journal(folder: &TempDir) -> PathBuf {
    folder.path().join("data/journal")
}

/// Every file below, with its bytes and when they changed.
fn contents(path: &Path) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(path).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            let changed = path.metadata().and_then(|file| file.modified()).expect("when it changed");
            found.insert(path.clone(), (fs::read(&path).expect("its bytes"), changed));
        }
    }
    found
}

/// Three requests with 1, 2 and 3 points, acknowledged and not stored.
fn send(server: &Server) {
    for count in 1..=3_i64 {
        let points = (0..count).map(|at| int(now() + at.unsigned_abs(), 10 * count + at)).collect();
        assert_taken(&server.post_metrics(&body(vec![gauge("inspected", points)]), &[]));
    }
}

fn assert_three_open(seen: &Value) {
    assert_eq!(seen["open"][0]["tenant"], "default", "{seen:#}");
    assert_eq!(seen["open"][0]["signal"], "metrics", "{seen:#}");
    assert_eq!((&seen["open"][0]["records"], &seen["open"][0]["items"]), (&json!(3), &json!(6)), "{seen:#}");
    assert_eq!((&seen["sound"], &seen["damage"]), (&json!(true), &json!([])), "{seen:#}");
}

#[test]
fn what_is_not_stored_is_told_while_the_server_runs_and_after_it_was_killed() {
    let folder = folder();
    let server = Server::start(&folder, SLOW);
    send(&server);
    let (code, running) = inspect_json(&folder, &[]);
    assert_eq!(code, 0, "{running:#}");
    assert_three_open(&running);
    server.kill();

    let before = contents(folder.path());
    let (code, killed) = inspect_json(&folder, &["--records"]);
    assert_eq!((code, &killed["journal"]), (0, &running["journal"]), "{killed:#}");
    assert_three_open(&killed);
    let items: Vec<_> =
        killed["records"].as_array().expect("records").iter().map(|it| &it["items"]).collect();
    assert_eq!(items, [1, 2, 3]);
    let text = inspect(&folder, &["--records"]);
    assert_eq!((text.code, text.stderr.as_str()), (0, ""));
    let id = killed["journal"].as_str().expect("an id");
    for expected in [id, "default", "metrics", SEGMENT, "no damage"] {
        assert!(text.stdout.contains(expected), "{expected}: {}", text.stdout);
    }
    assert!(contents(folder.path()) == before, "an inspection changes nothing");

    Server::start(&folder, SLOW).stop();
    let (code, stored) = inspect_json(&folder, &[]);
    assert_eq!((code, &stored["open"], &stored["batches"]), (0, &json!([]), &json!([])), "{stored:#}");
    let found = rows(&folder, "SELECT count() AS points FROM telemetryflow.metric_samples FINAL");
    assert_eq!(found, [json!({ "points": 6 })]);
}

#[test]
fn damage_is_told_with_its_place_and_an_exit_code() {
    let folder = folder();
    let server = Server::start(&folder, SLOW);
    send(&server);
    server.kill();
    let path = journal(&folder).join(SEGMENT);
    let mut bytes = fs::read(&path).expect("the segment");
    let (_, seen) = inspect_json(&folder, &["--records"]);
    let offset = seen["records"][1]["offset"].as_u64().expect("an offset");
    bytes[usize::try_from(offset).expect("small") + 70] ^= 1;
    fs::write(&path, bytes).expect("it is damaged");
    let (code, damaged) = inspect_json(&folder, &[]);
    assert_eq!((code, &damaged["sound"], &damaged["missing"]["lost"]), (2, &json!(false), &json!(1)));
    let told = damaged["damage"][0].as_str().expect("words");
    assert!(told.contains(SEGMENT) && told.contains("between offsets"), "{told}");
    assert!(inspect(&folder, &[]).stdout.contains("DAMAGED: "));
}

#[test]
fn where_no_journal_can_be_read_that_is_what_is_said() {
    let folder = folder();
    configure(folder.path(), "");
    let said = inspect(&folder, &[]);
    assert_eq!((said.code, said.stdout.as_str()), (1, ""));
    assert!(said.stderr.contains("there is no journal"), "{}", said.stderr);
    assert!(!folder.path().join("data").exists(), "who only looks makes nothing");
}
