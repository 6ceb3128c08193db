//! Scenario: somebody looks after dead letters on the command line, with and without a server on the same folder.
//! Guarantees: everything readable is shown, also of damaged files; what is asked for is done as far as it can be, and the exit
//! code and the words say how far that was.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use support::Server;
use support::server::{configure, folder, program};
use telemetryflow::platform::journal::Payload;
use telemetryflow::shared::{Signal, TenantId, Timestamp};
use telemetryflow::telemetry::dead_letters::{About, DeadLetters, Letter, LetterId, Reason};
use tempfile::TempDir;

const FIRST: &str = "0000000000000007-1";
const SECOND: &str = "0000000000000007-2";
const THIRD: &str = "0000000000000007-3";

/// What a call printed, and its exit code.
struct Said {
    code: i32,
    stdout: String,
    stderr: String,
}

struct Letters {
    folder: TempDir,
    config: PathBuf,
}

impl Letters {
    /// Two letters and a damaged one.
    fn three() -> Self {
        let own = Self::none();
        let letters = DeadLetters::open(&own.path(), 1 << 20).expect("the folder");
        for sequence in 1..=3 {
            letters.write(&letter(sequence)).expect("a letter");
        }
        fs::write(own.path().join(format!("{THIRD}.letter")), b"damaged").expect("it is damaged");
        own
    }

    fn none() -> Self {
        let folder = folder();
        let config = configure(folder.path(), "");
        Self { folder, config }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data/dead-letters")
    }

    fn call(&self, arguments: &[&str]) -> Said {
        let mut call = program();
        call.arg("dead-letters").args(arguments).arg("--config").arg(&self.config);
        let output = call.output().expect("the program runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Said {
            code: output.status.code().expect("a code"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).expect("the folder");
        let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("text");
        let mut names: Vec<String> = entries.map(|entry| name(entry.expect("an entry"))).collect();
        names.sort();
        names
    }
}

fn letter(sequence: u64) -> Letter {
    let about = About {
        id: LetterId::new(7, sequence),
        tenant: TenantId::parse("shop").expect("a tenant"),
        signal: Signal::Traces,
        items: 10 * sequence,
        received_at: Timestamp::from_nanos(1_795_000_000_123_000_000),
        refused_at: Timestamp::from_nanos(1_795_000_001_000_000_000),
        reason: Reason::new(&format!("Code: 53. {}", "a long story ".repeat(20))),
        tokens: vec!["v1/node/7/3/otel_traces".to_owned(), "v1/node/7/4/\u{1b}[31m".to_owned()],
    };
    Letter { about, header: vec![1; 12], payload: Payload::Packed(vec![2; 345].into()) }
}

#[test]
fn letters_are_listed_for_people_and_for_programs() {
    let letters = Letters::three();
    let table = letters.call(&["list"]);
    assert_eq!((table.code, table.stderr.as_str()), (0, ""));
    let lines: Vec<Vec<&str>> = table.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["ID", "TENANT", "SIGNAL", "ITEMS", "RECEIVED", "STATE", "REASON"]);
    assert_eq!(lines[1][..7], [FIRST, "shop", "traces", "10", "2026-11-18T11:06:40Z", "kept", "Code:"]);
    assert_eq!(lines[2][..4], [SECOND, "shop", "traces", "20"]);
    assert_eq!(lines[3][..7], [THIRD, "-", "-", "-", "-", "kept", "DAMAGED:"]);
    assert_eq!(lines.len(), 4);
    assert!(table.stdout.lines().all(|line| line.len() < 180), "{}", table.stdout);

    let listed = letters.call(&["list", "--format", "json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    let first = letter(1).about;
    let expected = json!({
        "id": FIRST,
        "state": "kept",
        "bytes": listed[0]["bytes"],
        "tenant": "shop",
        "signal": "traces",
        "items": 10,
        "receivedAt": "2026-11-18T11:06:40.123Z",
        "refusedAt": "2026-11-18T11:06:41Z",
        "reason": first.reason.as_str(),
        "tokens": first.tokens,
    });
    assert_eq!(listed[0], expected);
    assert!(listed[0]["bytes"].as_u64().is_some_and(|bytes| bytes > 345), "{listed:#}");
    assert_eq!((&listed[2]["id"], &listed[2]["bytes"]), (&json!(THIRD), &json!(7)));
    assert!(listed[2]["damage"].is_string(), "{listed:#}");
}

#[test]
fn without_letters_that_is_what_is_said() {
    let letters = Letters::none();
    assert_eq!(letters.call(&["list"]).stdout, "no dead letters\n");
    assert_eq!(letters.call(&["list", "--format", "json"]).stdout, "[]\n");
    for action in ["replay", "drop"] {
        let said = letters.call(&[action, "--all"]);
        assert_eq!((said.code, said.stderr.as_str()), (0, ""));
        assert!(said.stdout.starts_with("0 dead letters with 0 items to be "), "{}", said.stdout);
    }
    assert!(!letters.path().exists(), "who only looks makes nothing");
}

#[test]
fn a_letter_is_shown_with_everything_that_can_be_read_of_it() {
    let letters = Letters::three();
    let said = letters.call(&["show", FIRST]);
    let first = letter(1).about;
    for expected in [
        FIRST,
        "shop",
        "10 spans",
        "2026-11-18T11:06:40.123Z",
        first.reason.as_str(),
        "v1/node/7/3/otel_traces",
        "v1/node/7/4/[31m",
        "12 bytes",
        "345 bytes, packed",
    ] {
        assert!(said.stdout.contains(expected), "{expected}: {}", said.stdout);
    }
    assert!(!said.stdout.contains('\u{1b}'), "nothing that a terminal obeys");
    let damaged = letters.call(&["show", THIRD]);
    assert_eq!((damaged.code, damaged.stdout.as_str()), (1, ""));
    assert!(damaged.stderr.contains(THIRD) && damaged.stderr.contains("damaged"), "{}", damaged.stderr);
}

#[test]
fn ids_that_are_none_and_ids_that_are_not_there_are_named() {
    let letters = Letters::three();
    for action in ["show", "replay", "drop"] {
        let unknown = letters.call(&[action, "0000000000000007-9"]);
        assert_eq!(unknown.code, 1);
        assert!(unknown.stderr.contains("no dead letter 0000000000000007-9"), "{}", unknown.stderr);
        let malformed = letters.call(&[action, "../../etc/passwd"]);
        assert_eq!(malformed.code, 2);
        assert!(malformed.stderr.contains("looks like"), "{}", malformed.stderr);
    }
    for arguments in [&["drop"][..], &["replay"], &["drop", FIRST, "--all"]] {
        assert_eq!(letters.call(arguments).code, 2, "{arguments:?}");
    }
    assert!(letters.names().iter().all(|name| name.ends_with(".letter")));
}

#[test]
fn what_is_asked_for_is_done_as_far_as_it_can_be() {
    let letters = Letters::three();
    let replayed = letters.call(&["replay", "--all"]);
    assert_eq!(replayed.code, 1, "the damaged one cannot be replayed");
    assert!(replayed.stderr.contains(THIRD), "{}", replayed.stderr);
    let expected = format!(
        "{FIRST}  10 spans of shop\n{SECOND}  20 spans of shop\n2 dead letters with 30 items to be replayed\n"
    );
    assert_eq!(replayed.stdout, expected);

    let dropped = letters.call(&["drop", FIRST, THIRD, "0000000000000007-9"]);
    assert_eq!(dropped.code, 1);
    assert!(dropped.stderr.contains("no dead letter 0000000000000007-9"), "{}", dropped.stderr);
    assert!(dropped.stdout.starts_with(&format!("{FIRST}  10 spans of shop\n{THIRD}  damaged: ")));
    assert!(dropped.stdout.ends_with("\n2 dead letters with 10 items to be dropped\n"), "{}", dropped.stdout);
}

#[test]
fn letters_can_be_looked_after_while_a_server_runs() {
    let letters = Letters::three();
    let server = Server::start(&letters.folder, "");
    assert_eq!(letters.call(&["list"]).stdout.lines().count(), 4);
    assert_eq!(letters.call(&["show", FIRST]).code, 0);
    assert_eq!(letters.call(&["replay", FIRST]).code, 0);
    assert_eq!(letters.call(&["drop", SECOND]).code, 0);
    server.stop();
}

#[test]
fn what_is_to_become_of_a_letter_stands_in_its_name() {
    let letters = Letters::three();
    assert_eq!(letters.call(&["replay", SECOND]).code, 0);
    assert_eq!(letters.call(&["drop", "--all"]).code, 0);
    let expected = [format!("{FIRST}.drop"), format!("{SECOND}.replay"), format!("{THIRD}.drop")];
    assert_eq!(letters.names(), expected, "--all leaves what was said of a letter before");
    assert!(letters.call(&["list"]).stdout.contains("to be replayed"));
    assert_eq!(letters.call(&["replay", FIRST]).code, 0);
    assert_eq!(letters.names()[0], format!("{FIRST}.replay"));
}
