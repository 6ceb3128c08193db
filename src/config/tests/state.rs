//! `[state]` where it is in PostgreSQL.

use super::*;
use crate::config::Nodes;
use crate::platform::state::StateTarget;

/// What only says something of PostgreSQL.
fn of_postgres(path: &str) -> bool {
    let keys = ["url", "password", "password_file", "ca_file"];
    path.strip_prefix("state.").is_some_and(|key| keys.contains(&key))
}

/// The keys but for those that only say something of another machine.
pub fn keys_here() -> BTreeSet<String> {
    let is_here =
        |path: &str| !store::of_elsewhere(path) && !of_postgres(path) && !path.starts_with("nodes.");
    KEYS.iter().map(|key| key.path).filter(|path| is_here(path)).map(str::to_owned).collect()
}

#[test]
fn a_state_database_elsewhere_is_shown_without_its_password_and_reads_back() {
    for written in [
        "state.url = 'postgres://flow:hunter2@db:5432/state'",
        "state.url = 'postgres://flow@db:5432/state'\nstate.password = 'hunter2'",
    ] {
        let settings = load(format!("{written}\nstate.ca_file = 'ca.pem'"), &[]).unwrap();
        let text = settings.to_string();
        let expected = "[state]\nurl = \"postgres://flow@db:5432/state\"\npassword = \"(hidden)\"\nca_file = \"ca.pem\"\n";
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("hunter2") && !format!("{settings:?}").contains("hunter2"));
        assert_eq!(load(&text, &[]).unwrap().to_string(), text);
        let StateTarget::Postgres(postgres) = &settings.state.target else { panic!("not PostgreSQL") };
        let password = postgres.password.as_ref().map(secrecy::ExposeSecret::expose_secret);
        assert_eq!(password, Some("hunter2"));
    }
}

#[test]
fn what_contradicts_itself_is_refused_without_a_word_of_the_password() {
    for (written, expected) in [
        (
            "state.url = 'postgres://f:hunter2@d/s'\nstate.path = 'x'",
            "state.path = \"x\": allowed: either path or url",
        ),
        ("state.url = 'postgres://f:hunter2@d/s'\nstate.password = 'x'", "allowed: one password"),
        (
            "state.url = 'postgres://f:hunter2@d'",
            "state.url = (hidden): allowed: an address like postgres://",
        ),
        ("state.url = 'postgres://f@d/s?password=hunter2'", "behind its ?: sslmode, sslcert, sslkey or host"),
        ("state.url = 'postgres://f@d/s?sslmode=hunter2'", "allowed: as sslmode disable, prefer"),
        ("state.password = 'hunter2'", "state.password = (hidden): allowed: with url only"),
        ("state.ca_file = 'ca.pem'", "allowed: with url only"),
    ] {
        let found = errors(written, &[]);
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
        assert!(!found[0].contains("hunter2"), "{found:?}");
    }
}

const SHARED: &str =
    "rollups.mode = 'off'\nstore.url = 'http://clickhouse:8123'\nstate.url = 'postgres://flow@db/state'\n";

#[test]
fn a_node_of_several_is_shown_without_its_secret_and_reads_back() {
    let written = format!(
        "{SHARED}nodes.address = 'http://10.0.0.5:8080'\nnodes.secret = 'sixteen-or-more!'\nnodes.ca_file = 'ca.pem'"
    );
    let settings = load(written, &[]).unwrap();
    assert!(matches!(settings.nodes, Nodes::Several(_)));
    let text = settings.to_string();
    let expected =
        "[nodes]\naddress = \"http://10.0.0.5:8080\"\nsecret = \"(hidden)\"\nca_file = \"ca.pem\"\n";
    assert!(text.contains(expected), "{text}");
    assert!(!format!("{settings:?}").contains("sixteen"));
}

#[test]
fn nodes_share_a_store_and_a_state_database_and_a_secret_that_is_no_guess() {
    let both = "nodes.address = 'http://a:1'\nnodes.secret = 'sixteen-or-more!'";
    for (written, key) in [
        (format!("{SHARED}nodes.address = 'http://a:1'"), "nodes.secret"),
        (format!("{SHARED}nodes.address = 'http://a:1'\nnodes.secret = 'short'"), "nodes.secret"),
        (format!("{SHARED}nodes.secret = 'sixteen-or-more!'"), "nodes.address"),
        (format!("{SHARED}nodes.address = 'a:1'\nnodes.secret = 'sixteen-or-more!'"), "nodes.address"),
        (format!("rollups.mode = 'off'\n{both}"), "nodes.address"),
        (SHARED.replace("rollups.mode = 'off'\n", "") + both, "rollups.mode"),
    ] {
        let error = load(written, &[]).unwrap_err().join("\n");
        assert!(error.contains(key) && !error.contains("sixteen"), "{error}");
    }
}
