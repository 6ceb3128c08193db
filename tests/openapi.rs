//! Scenario: somebody reads how the API is to be used: the file in the repository, what a server says of itself, its page.
//! Guarantees: all three are what the routes are made of; the page asks no other host for anything; every route that is
//! described is there, and says no to what the description does not have.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use std::fs;

use serde_json::Value;
use support::Server;
use support::server::{folder, program};

const DOCUMENT: &str = "/api/v2/openapi.json";

/// As the repository has it.
fn written() -> Value {
    let text = fs::read_to_string("schemas/openapi.json").expect("the file; make openapi writes it");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn the_file_in_the_repository_is_what_the_program_says() {
    let output = program().arg("openapi").output().expect("the program runs");
    assert!(output.status.success());
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(said == written(), "schemas/openapi.json is old: make openapi");
}

#[test]
fn a_server_describes_itself_and_has_what_it_describes() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let answer = server.get(DOCUMENT);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.json(), written());
    let document = answer.json();
    let paths = document["paths"].as_object().expect("paths");
    assert!(paths.len() > 10, "{paths:?}");
    for (path, operation) in paths {
        let path = path.replace("{id}", &"ab".repeat(16)).replace("{name}", "shop");
        let answer = server.get(&format!("{path}?nobodyHasThis=1"));
        if operation["get"].is_null() {
            assert_eq!(answer.status, 405, "{path}");
            continue;
        }
        let takes_parameters = operation["get"]["responses"]["400"].is_object();
        let expected: &[u16] = if takes_parameters { &[400] } else { &[200] };
        assert!(expected.contains(&answer.status), "{path}: {}", answer.text());
        if takes_parameters {
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
        }
    }
}

#[test]
fn the_page_needs_no_other_host_and_allows_none() {
    let folder = folder();
    let server = Server::start(&folder, "");
    for (path, media_type) in [
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/docs.js", "text/javascript; charset=utf-8"),
        ("/docs/docs.css", "text/css; charset=utf-8"),
    ] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(media_type)), "{path}");
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let text = answer.text();
        assert!(!text.contains("http://") && !text.contains("https://"), "{path}");
        assert!(!text.contains("innerHTML") && !text.contains("onclick=\""), "{path}");
    }
}
