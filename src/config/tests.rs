//! The configuration as people meet it: defaults, overrides, and a clear line for everything that is wrong.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use serde_json::Value;

use super::keys::{API_KEYS, CHANNELS, KEYS, NAMED, SQL_USERS, is_inner_section};
use super::routing::{INHIBIT_KEYS, ROOT_KEYS, ROUTE_KEYS};
use super::time_intervals::{INTERVAL_KEYS, NAMED_KEYS, TIME_KEYS};
use super::*;
use crate::platform::outgoing::SecretUrl;

mod channels;
mod state;
mod store;

const SHIPPED: &str = include_str!("../../config.toml");
const SCHEMA: &str = include_str!("../../schemas/config.schema.json");

const HASH: &str = "sha256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn load(toml: impl AsRef<[u8]>, env: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    file.write_all(toml.as_ref()).unwrap();
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let place = file.path().display().to_string();
    Settings::load(Some(file.path()), env)
        .map_err(|errors| errors.to_string().lines().map(|line| line.replace(&place, "FILE")).collect())
}

fn errors(toml: impl AsRef<[u8]>, env: &[(&str, &str)]) -> Vec<String> {
    load(toml, env).expect_err("it was accepted")
}

fn defaults() -> Settings {
    Settings::load(None, std::iter::empty()).unwrap()
}

#[test]
fn the_shipped_file_is_the_defaults() {
    assert_eq!(load(SHIPPED, &[]).unwrap().to_string(), defaults().to_string());
}

#[test]
fn the_shipped_file_holds_every_key_once_and_only_those_without_a_default_commented_out() {
    let mut section = "";
    let (mut active, mut commented) = (BTreeSet::new(), BTreeSet::new());
    for line in SHIPPED.lines() {
        let plain = line.trim_start_matches("# ");
        if let Some(name) = plain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if let Some((key, _)) = plain.split_once(" = ").filter(|(key, _)| !key.contains([' ', '"'])) {
            let keys = if line.starts_with('#') { &mut commented } else { &mut active };
            assert!(keys.insert(format!("{section}.{key}")), "{line} stands twice");
        }
    }
    let known = |with_default: fn(&Option<&str>) -> bool| -> BTreeSet<String> {
        KEYS.iter().filter(|key| with_default(&key.default)).map(|key| key.path.to_owned()).collect()
    };
    assert_eq!(active, known(|default| default.is_some()));
    let examples = [(API_KEYS, "shop"), (SQL_USERS, "grafana"), (CHANNELS, "ops")].into_iter().flat_map(
        |(named, name)| named.keys.iter().map(move |key| format!("{}.{name}.{key}", named.section)),
    );
    let routing = [
        ("alerting.route", &ROOT_KEYS[..]),
        ("[alerting.route.routes]", &ROUTE_KEYS),
        ("[alerting.inhibit]", &INHIBIT_KEYS),
        ("[alerting.time_intervals]", &NAMED_KEYS),
        ("[alerting.time_intervals.time_intervals]", &INTERVAL_KEYS),
        ("[alerting.time_intervals.time_intervals.times]", &TIME_KEYS),
    ];
    let routing = routing
        .into_iter()
        .flat_map(|(section, keys)| keys.iter().map(move |key| format!("{section}.{key}")));
    let expected = known(|default| default.is_none()).into_iter().chain(examples).chain(routing).collect();
    assert_eq!(commented, expected);
}

fn default_in(rule: &Value) -> Option<String> {
    match &rule["default"] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => Some(items.iter().map(Value::to_string).collect()),
        other => Some(other.to_string()),
    }
}

#[test]
fn the_schema_has_exactly_the_known_keys_and_their_defaults() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let sections = schema["properties"].as_object().unwrap();
    let mut found = BTreeSet::new();
    let is_named = |section: &str| NAMED.iter().any(|named| named.section == section);
    for (section, keys) in sections.iter().filter(|(section, _)| !is_named(section)) {
        assert_eq!(keys["additionalProperties"], false, "{section}");
        let is_nested =
            |key: &str| section == "alerting" && ["route", "inhibit", "time_intervals"].contains(&key);
        for (key, rule) in keys["properties"].as_object().unwrap().iter().filter(|(key, _)| !is_nested(key)) {
            let path = format!("{section}.{key}");
            if is_inner_section(&path) {
                assert_eq!(rule["additionalProperties"], false, "{path}");
                let inner = rule["properties"].as_object().unwrap();
                found.extend(inner.iter().map(|(key, rule)| (format!("{path}.{key}"), default_in(rule))));
            } else {
                found.insert((path, default_in(rule)));
            }
        }
    }
    let known = KEYS.iter().map(|key| (key.path.to_owned(), key.default.map(str::to_owned))).collect();
    assert_eq!(found, known);
    let routing = &sections["alerting"]["properties"];
    for (rules, keys, inner) in [
        (&routing["route"], &ROOT_KEYS[..], Some("routes")),
        (&schema["$defs"]["route"], &ROUTE_KEYS, Some("routes")),
        (&routing["inhibit"]["items"], &INHIBIT_KEYS, None),
        (&routing["time_intervals"]["items"], &NAMED_KEYS, Some("time_intervals")),
        (&schema["$defs"]["time_interval"], &INTERVAL_KEYS, Some("times")),
        (&schema["$defs"]["time_interval"]["properties"]["times"]["items"], &TIME_KEYS, None),
    ] {
        assert_eq!(rules["additionalProperties"], false);
        let found: BTreeSet<&str> =
            rules["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(found, keys.iter().copied().chain(inner).collect());
    }
    for named in NAMED {
        let rules = &sections[named.section]["additionalProperties"]["properties"];
        let found: BTreeSet<&str> = rules.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(found, named.keys.iter().copied().collect());
    }
}

#[test]
fn what_is_shown_names_every_key_that_has_a_value_and_reads_back() {
    let text = "store.library = 'a\"b\\c'\nstore.sql.listen = '127.0.0.1:8123'\nalerting.rules = 'r'\noutgoing.allow = ['10.0.0.0/8']\n\
        telemetry.otlp = 'http://collector:4318'\ntelemetry.key = 'own.secret'";
    let settings = load(text, &[]).unwrap();
    assert!(!settings.to_string().contains("own.secret"));
    let shown: BTreeSet<String> = settings.lines().into_iter().map(|(path, _)| path).collect();
    assert_eq!(shown, state::keys_here());
    let text = settings.to_string();
    assert_eq!(load(&text, &[]).unwrap().to_string(), text);
}

#[test]
fn values_of_the_file_arrive() {
    let text = "[ingest]\naccept_past = \"0\"\naccept_future = 0\nbudget_bytes = 1_073_741_824\ndecode_threads = 3\n\
        [channels.ops]\nkind = \"slack\"\nurl = \"https://hooks.example/x\"\n[query]\ntimeout = \"1m30s\"";
    let settings = load(text, &[]).unwrap();
    assert_eq!(
        (settings.ingest.accept_past, settings.ingest.accept_future),
        (Reach::Unlimited, Reach::Unlimited)
    );
    assert_eq!(settings.ingest.budget_bytes, ByteSize::gibibytes(1));
    assert_eq!(settings.ingest.decode_threads, 3);
    assert_eq!(settings.query.timeout, Duration::from_secs(90));
    let expected = SecretUrl::parse("https://hooks.example/x").unwrap();
    assert!(matches!(&settings.channels["ops"].kind, ChannelKind::Slack { url } if *url == expected));
}

#[test]
fn the_environment_stands_above_the_file_in_any_case() {
    let env = [
        ("TELEMETRYFLOW__QUERY__TIMEOUT", "5s"),
        ("telemetryflow__outgoing__allow", "127.0.0.0/8, fd00::/8"),
        ("TELEMETRYFLOW__STORE__READERS", "7"),
        ("TELEMETRYFLOW__STORE__SQL__LISTEN", "[::1]:8123"),
        ("TELEMETRYFLOW__CHANNELS__ON__CALL__URL", "https://hooks.example/y"),
        ("TELEMETRYFLOW__CHANNELS__ON__CALL__KIND", "slack"),
        (LIBRARY_VARIABLE, "not a key"),
        ("TELEMETRYFLOW__KEYS__SHOP__HASH", HASH),
        ("TELEMETRYFLOW__KEYS__SHOP__ROLE", "read"),
        ("HOME", "also not"),
    ];
    let settings = load("query.timeout = '9s'\nkeys.shop.tenant = 'shop'", &env).unwrap();
    assert_eq!(settings.query.timeout, Duration::from_secs(5));
    assert_eq!(settings.outgoing.allow.len(), 2);
    assert_eq!(settings.store.readers, 7);
    assert_eq!(settings.store.sql.listen, Some("[::1]:8123".parse().unwrap()));
    assert!(settings.channels.contains_key("on__call"));
    assert_eq!(
        (settings.keys["shop"].role, settings.keys["shop"].hash[..2].to_vec()),
        (KeyRole::Read, vec![0, 1])
    );
}

#[test]
fn a_wrong_value_names_place_key_value_and_what_is_allowed() {
    for (text, expected) in [
        ("[query]\ntimeout = 30", "FILE:2: query.timeout = 30: a duration is written like"),
        ("query.timeout = \"20m\"", "FILE:1: query.timeout = \"20m\": allowed: a duration from 1ms to 10m"),
        ("store.readers = 65", "store.readers = 65: allowed: a whole number from 1 to 64"),
        ("store.readers = \"4\"", "store.readers = \"4\": allowed: a whole number"),
        ("store.readers = -1", "store.readers = -1: allowed"),
        ("store.readers = 4.0", "store.readers = 4.0: allowed"),
        ("ingest.body_bytes_max = \"2GiB\"", "allowed: a size from 1KiB to 100MiB"),
        ("ingest.body_bytes_max = \"many\"", "a size is written like"),
        (
            "ingest.budget_bytes = \"2MiB\"",
            "ingest.body_bytes_max = 64MiB: allowed: at most ingest.budget_bytes",
        ),
        ("listen.api = \"localhost\"", "listen.api = \"localhost\": allowed: an IP address and a port"),
        ("listen.api = \"127.0.0.1:4318\"", "allowed: an address that no other listener has"),
        ("store.kind = \"remote\"", "store.kind = \"remote\": allowed: embedded, network, null"),
        ("store.path = \"\"", "store.path = \"\": allowed: a text that is not empty"),
        ("store.url = \"http://u:pw@h\"", "store.url = (hidden): allowed: an address like"),
        ("store.url = \"\"", "store.url = (hidden): allowed: an address like"),
        ("store.urls = []", "store.urls = (hidden): allowed: an address like"),
        ("store.urls = [\"h:8123\"]", "store.urls = (hidden): allowed: an address like"),
        ("store.kind = \"network\"", "store.url is missing; allowed: an address like"),
        ("store.user = \"u\"", "store.user = \"u\": allowed: with kind = \"network\" only"),
        (
            "store.kind = \"null\"\nstore.url = \"http://h\"",
            "store.url = (hidden): allowed: with kind = \"network\" only",
        ),
        (
            "store.url = \"http://h\"\nstore.database = \"a-b\"",
            "store.database = \"a-b\": allowed: 1 to 64 letters",
        ),
        ("store.url = \"http://h\"\nstore.quorum = 1", "store.quorum = 1: allowed: one, majority"),
        ("store.url = \"http://h\"\nstore.password_file = \"no/such\"", "allowed: a file that can be read"),
        (
            "store.url = \"http://h\"\nstore.cluster = \"main\"",
            "rollups.mode = hourly: allowed with store.cluster: off",
        ),
        (
            "store.url = \"http://h\"\nstore.sql.listen = \"127.0.0.1:1\"",
            "allowed: with the embedded engine only",
        ),
        ("store.sql.listen = \"0.0.0.0:1\"", "allowed: a loopback address, as long as there are no users"),
        ("store.sql.listen = \"localhost:1\"", "allowed: an IP address and a port, like 127.0.0.1:8123"),
        (
            "store.kind = \"null\"\nstore.sql.listen = \"127.0.0.1:1\"",
            "allowed: with the embedded engine only",
        ),
        (
            "[store.sql]\nstatements_max = 0",
            "store.sql.statements_max = 0: allowed: a whole number from 1 to 64",
        ),
        ("[sql_users.a]\nhash = \"hunter2\"", "sql_users.a.hash = (hidden): allowed: sha256:"),
        ("ingest.durability = true", "ingest.durability = true: allowed: journal, store, memory"),
        ("outgoing.allow = [\"10.0.0.0/8\", \"x\"]", "\"x\" is not right; allowed: a list of networks"),
        ("alerting.own_rules = 1", "alerting.own_rules = 1: allowed: true, false"),
        ("alerting.own_channels = [\"ops\"]", "\"ops\" is not right; allowed: a list of channels"),
        ("alerting.own_tenant = \"\"", "alerting.own_tenant = \"\": allowed: the name of a tenant"),
        (
            "alerting.external_url = \"flow.example\"",
            "allowed: an address that begins with https:// or http://",
        ),
        ("alerting.external_url = \"https://u:p@h\"", "without a user, a query or a fragment"),
        ("alerting.external_url = \"https://h/?x\"", "without a user, a query or a fragment"),
        ("alerting.runbook_base = \"{{ 7 }}\"", "allowed: the beginning of an address"),
        ("outgoing.allow = [1]", "outgoing.allow = [1]: allowed: a list of networks"),
        ("log.level = \"telemetryflow=loud\"", "log.level = \"telemetryflow=loud\": allowed: error, warn"),
        ("log.format = \"xml\"", "allowed: text, json"),
        ("shutdown.deadline = \"6m\"", "allowed: a duration from 1s to 5m"),
        (
            "[channels.ops]\nkind = \"slack\"",
            "channels.ops.url is missing; allowed: an address that begins with",
        ),
        (
            "[channels.ops]\nurl = \"https://h\"",
            "channels.ops.kind is missing; allowed: slack, webhook, pagerduty, email",
        ),
        ("[channels.OPS]\nkind = \"slack\"", "a channel's name has 1 to 64 characters"),
        (
            "[keys.Shop]\ntenant = \"shop\"",
            "FILE:2: keys.Shop.tenant = \"shop\": a key's id has 1 to 64 characters",
        ),
    ] {
        let lines = errors(text, &[]);
        assert!(lines.len() == 1 && lines[0].contains(expected), "{text}: {lines:#?}");
    }
}

/// A key's section with one line instead of its own.
fn key_with(line: &str) -> String {
    let own = [format!("hash = '{HASH}'"), "tenant = 'shop'".to_owned(), "role = 'ingest'".to_owned()];
    let name = line.split(' ').next().unwrap();
    let others = own.into_iter().filter(|own| !own.starts_with(name));
    format!("[keys.shop]\n{line}\n{}", others.collect::<Vec<_>>().join("\n"))
}

#[test]
fn an_api_key_has_a_hash_a_tenant_a_role_and_perhaps_an_end() {
    let key = |line: &str| load(key_with(line), &[]).unwrap().keys.remove("shop").unwrap();
    assert_eq!(key("role = 'admin'").expires, Expiry::Never);
    assert_eq!(
        key("hash = 'sha256:FF00000000000000000000000000000000000000000000000000000000000001'").hash[0],
        255
    );
    let end = crate::shared::Timestamp::from_nanos(1_801_353_600_000_000_000);
    for text in ["'2027-01-31T00:00:00Z'", "2027-01-31T00:00:00Z", "2027-01-31 01:00:00+01:00"] {
        assert_eq!(key(&format!("expires = {text}")).expires, Expiry::At(end), "{text}");
    }
    let text = load(key_with("expires = 2027-01-31T00:00:00Z"), &[]).unwrap().to_string();
    assert_eq!(load(&text, &[]).unwrap().to_string(), text, "what is shown reads back");
}

#[test]
fn a_wrong_api_key_is_named_without_its_hash() {
    for (line, expected) in [
        ("hash = 'hunter2'", "FILE:2: keys.shop.hash = (hidden): allowed: sha256: and 64 hexadecimal digits"),
        ("hash = 'sha256:hunter2'", "keys.shop.hash = (hidden)"),
        (
            "hash = 'sha256:+f00000000000000000000000000000000000000000000000000000000000000'",
            "keys.shop.hash = (hidden)",
        ),
        ("hash = 7", "keys.shop.hash = (hidden)"),
        ("tenant = 'Shop'", "keys.shop.tenant = \"Shop\": allowed: 1 to 64 characters"),
        ("role = 'root'", "keys.shop.role = \"root\": allowed: ingest, read, admin"),
        ("expires = 'never'", "keys.shop.expires = \"never\": allowed: a date and time with its zone"),
        ("expires = 2027-01-31", "keys.shop.expires = 2027-01-31: allowed"),
        ("expires = 2027-01-31T00:00:00", "keys.shop.expires = 2027-01-31T00:00:00: allowed"),
        ("expires = 1", "keys.shop.expires = 1: allowed"),
    ] {
        let lines = errors(key_with(line), &[]);
        assert!(lines.len() == 1 && lines[0].contains(expected), "{line}: {lines:#?}");
        assert!(!lines[0].contains("hunter2"));
    }
    let missing = errors("[keys.shop]\nexpires = '2027-01-31T00:00:00Z'", &[]).join("\n");
    for key in ["hash", "tenant", "role"] {
        assert!(missing.contains(&format!("keys.shop.{key} is missing; allowed: ")), "{missing}");
    }
}

#[test]
fn a_secret_is_neither_in_errors_nor_in_what_is_shown() {
    let wrong = errors("[channels.ops]\nkind = 'slack'\nurl = 'ftp://secret'", &[]).join("\n");
    assert!(!wrong.contains("secret"), "{wrong}");
    let settings = load("[channels.ops]\nkind = 'slack'\nurl = 'https://h/secret'", &[]).unwrap();
    assert!(!settings.to_string().contains("secret") && !format!("{settings:?}").contains("h/secret"));
}

#[test]
fn unknown_names_come_with_the_nearest_known_one() {
    for (text, expected) in [
        ("[query]\ntimeuot = 1", "FILE:2: unknown key query.timeuot; did you mean query.timeout?"),
        ("[querry]\ntimeout = 1", "FILE:1: unknown key [querry]; did you mean [query]?"),
        ("[store]\ntimeout = 1", "FILE:2: unknown key store.timeout; did you mean query.timeout?"),
        ("timeout = 1", "FILE:1: unknown key timeout; did you mean query.timeout?"),
        ("[channels.ops]\nurll = 1", "FILE:2: unknown key channels.ops.urll; did you mean channels.ops.url?"),
        ("[keys.shop]\nsecret = 's'", "FILE:2: unknown key keys.shop.secret"),
        (
            "[keys.shop]\ntennant = 's'",
            "FILE:2: unknown key keys.shop.tennant; did you mean keys.shop.tenant?",
        ),
        ("[store.sql]\nlissten = 1", "FILE:2: unknown key store.sql.lissten; did you mean store.sql.listen?"),
        ("[keys]\nshop = 1", "FILE:2: unknown key keys.shop; did you mean [keys.NAME]?"),
        ("[channels]\nops = 1", "FILE:2: unknown key channels.ops; did you mean [channels.NAME]?"),
        ("[wholly_else]\nx = 1", "FILE:1: unknown key [wholly_else]"),
    ] {
        assert_eq!(errors(text, &[]), [expected], "{text}");
    }
    assert_eq!(
        errors("", &[("TELEMETRYFLOW__QUERY__TIMEUOT", "1s"), ("TELEMETRYFLOW__X", "1")]),
        [
            "TELEMETRYFLOW__QUERY__TIMEUOT: unknown key query.timeuot; did you mean TELEMETRYFLOW__QUERY__TIMEOUT?",
            "TELEMETRYFLOW__X: unknown key x",
        ]
    );
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let text = "[query]\ntimeout = 1\nrows = 2\n[store]\nreaders = 0";
    let lines = errors(text, &[("TELEMETRYFLOW__LOG__FORMAT", "xml")]);
    assert_eq!(lines.len(), 4, "{lines:#?}");
    assert!(
        lines.iter().any(|line| line == "TELEMETRYFLOW__LOG__FORMAT: log.format = xml: allowed: text, json")
    );
}

#[test]
fn a_mark_at_the_start_and_windows_line_ends_are_fine_and_do_not_shift_lines() {
    let text = "\u{feff}[query]\r\ntimeout = \"9s\"\r\n";
    assert_eq!(load(text, &[]).unwrap().query.timeout, Duration::from_secs(9));
    assert_eq!(errors(text.to_owned() + "x = 1", &[]), ["FILE:3: unknown key query.x"]);
}

#[test]
fn a_text_that_is_not_toml_names_the_line() {
    for (text, line) in
        [("[query]\ntimeout = \n", 2), ("[query\n", 1), ("a = 1\na = 2", 2), ("x = 1\n[a]\n= 2", 3)]
    {
        let lines = errors(text, &[]);
        assert!(lines[0].starts_with(&format!("FILE:{line}: not valid TOML: ")), "{text}: {lines:#?}");
    }
    let lines = errors(b"[query]\ntimeout = \"\xff\"", &[]);
    assert_eq!(lines, ["FILE: cannot be read: it is not UTF-8 (line 2)"]);
}

#[test]
fn a_file_that_is_missing_or_huge_is_an_error() {
    let missing = Settings::load(Some(Path::new("no/such/file.toml")), std::iter::empty()).unwrap_err();
    assert!(missing.to_string().starts_with("no/such/file.toml: cannot be read: "), "{missing}");
    assert!(errors(vec![b'#'; 1024 * 1024 + 1], &[])[0].contains("larger than"));
}
