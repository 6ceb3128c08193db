//! Scenario: an operator checks the configuration, starts the program, watches it, and stops it.
//! Guarantees: what is wrong is said in one line each that names what to change, with exit code 1; a stop loses nothing
//! that was acknowledged; health and metrics are where orchestrators look; nothing private is shown or logged.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use support::http::request;
use support::otlp::{SECOND, assert_taken, body, gauge, int, labelled, now, ten_minutes_ago};
use support::server::{PROTOBUF, configure, folder, program};
use support::webhook::Webhook;
use support::{Connection, Server, eventually};

fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    program().args(arguments).envs(environment.iter().copied()).output().expect("the program runs")
}

/// Runs `action` with a configuration that holds `extra`.
fn run_with(action: &str, extra: &str, environment: &[(&str, &str)]) -> Output {
    let folder = folder();
    let config = configure(folder.path(), extra);
    run(&[action, "--config", config.to_str().expect("a path")], environment)
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// What the command line said, without the log.
fn complaints(output: &Output) -> Vec<String> {
    let stderr = String::from_utf8(output.stderr.clone()).expect("text");
    stderr.lines().filter_map(|line| line.strip_prefix("telemetryflow: ")).map(str::to_owned).collect()
}

#[test]
fn help_and_version_say_what_there_is() {
    let help = run(&["--help"], &[]);
    assert!(help.status.success());
    for word in ["serve", "check-config", "sql", "--help", "--version"] {
        assert!(stdout(&help).contains(word), "{word}");
    }
    let of_serve = stdout(&run(&["serve", "--help"], &[]));
    assert!(of_serve.contains("--config") && of_serve.contains("TELEMETRYFLOW__"), "{of_serve}");
    let version = run(&["--version"], &[]);
    assert!(version.status.success());
    assert_eq!(stdout(&version), concat!("telemetryflow ", env!("CARGO_PKG_VERSION"), "\n"));
    assert_eq!(run(&[], &[]).status.code(), Some(2));
    assert_eq!(run(&["sevre"], &[]).status.code(), Some(2));
}

#[test]
fn a_good_configuration_is_shown_as_it_applies_without_its_secrets() {
    let extra = "[channels.ops]\nkind = \"slack\"\nurl = \"https://hooks.example/services/hunter2\"\n\
                 [query]\ntimeout = \"9s\"";
    let checked = run_with("check-config", extra, &[]);
    let text = stdout(&checked);
    assert!(checked.status.success(), "{checked:?}");
    assert!(text.contains("[query]\ntimeout = \"9s\""), "{text}");
    assert!(text.contains("# 0 alert rules\n# The configuration is valid."), "{text}");
    assert!(!format!("{checked:?}").contains("hunter2"), "{text}");

    let secret = "https://hooks.example/services/hunter3";
    let environment =
        [("TELEMETRYFLOW__QUERY__TIMEOUT", "11s"), ("TELEMETRYFLOW__CHANNELS__OPS__URL", secret)];
    let overridden = run_with("check-config", extra, &environment);
    assert!(stdout(&overridden).contains("[query]\ntimeout = \"11s\""), "{}", stdout(&overridden));
    assert!(!format!("{overridden:?}").contains("hunter"), "{}", stdout(&overridden));
    // What is shown is a configuration itself (but for the secrets).
    let shown = folder();
    let path = shown.path().join("shown.toml");
    fs::write(&path, text.replace("(hidden)", secret)).expect("it is written");
    let again = run(&["check-config", "--config", path.to_str().expect("a path")], &[]);
    assert_eq!(stdout(&again), text);
}

#[test]
fn every_mistake_in_a_configuration_is_a_line_with_key_value_and_what_is_allowed() {
    let extra = "readers = 0\n\
                 [query]\ntimeout = \"5 apples\"\ntimeuot = \"1s\"\n\
                 [qeury]\n\
                 [log]\nformat = \"xml\"\n\
                 [channels.ops]\nkind = \"slack\"\nurl = \"hooks.example/hunter2\"";
    let checked = run_with("check-config", extra, &[("TELEMETRYFLOW__INGEST__DURABILTY", "store")]);
    assert_eq!(checked.status.code(), Some(1));
    assert_eq!(stdout(&checked), "");
    let lines = complaints(&checked);
    assert_eq!(lines.len(), 7, "{lines:#?}");
    for words in [
        &["config.toml:7", "store.readers = 0", "1 to 64"][..],
        &["config.toml:9", "query.timeout = \"5 apples\"", "from 1ms to 10m"],
        &["config.toml:10", "unknown key query.timeuot", "did you mean query.timeout?"],
        &["config.toml:11", "unknown key [qeury]", "did you mean [query]?"],
        &["config.toml:13", "log.format = \"xml\"", "text, json"],
        &["config.toml:16", "channels.ops.url = (hidden)", "https://"],
        &["TELEMETRYFLOW__INGEST__DURABILTY", "did you mean TELEMETRYFLOW__INGEST__DURABILITY?"],
    ] {
        let found = lines.iter().any(|line| words.iter().all(|word| line.contains(word)));
        assert!(found, "{words:?} in {lines:#?}");
    }
    assert!(!format!("{checked:?}").contains("hunter2"));
    // Serving with it says the same, and does not begin.
    let served = run_with("serve", extra, &[("TELEMETRYFLOW__INGEST__DURABILTY", "store")]);
    assert_eq!((served.status.code(), complaints(&served).len()), (Some(1), 7));
    let missing = run(&["serve", "--config", "no/such/file.toml"], &[]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(complaints(&missing)[0].starts_with("no/such/file.toml: cannot be read: "), "{missing:?}");
}

#[test]
fn a_port_that_is_taken_is_one_clear_line() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    for (variable, key) in
        [("TELEMETRYFLOW__LISTEN__API", "api"), ("TELEMETRYFLOW__LISTEN__OTLP_HTTP", "otlp_http")]
    {
        let served = run_with("serve", "", &[(variable, &address)]);
        assert_eq!(served.status.code(), Some(1), "{served:?}");
        let lines = complaints(&served);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        let named = lines[0].contains(&address) && lines[0].contains(&format!("[listen] {key}"));
        assert!(named && lines[0].contains("in use"), "{lines:#?}");
    }
}

#[test]
fn a_data_folder_in_use_is_one_clear_line_and_its_owner_is_not_disturbed() {
    let folder = folder();
    let owner = Server::start(&folder, "");
    let config = folder.path().join("config.toml");
    let second = run(&["serve", "--config", config.to_str().expect("a path")], &[]);
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    let lines = complaints(&second);
    let data = folder.path().join("data");
    assert_eq!(lines, [format!("the data folder {} is in use by another process", data.display())]);
    assert_taken(&owner.post_metrics(&body(vec![gauge("undisturbed", vec![int(now(), 1)])]), &[]));
    assert!(owner.stop().status.success());
}

#[test]
fn a_bad_rule_file_stops_the_start_and_names_file_rule_and_field() {
    let rules = folder();
    let path = rules.path().join("rules.yaml");
    let rule = "groups:\n- name: g\n  rules:\n  - id: broken\n    metric: m\n    aggregation: max\n    window: 25h\n    \
                thresholds: [{severity: WARN, op: \">\", value: 1}]\n    channels: [nobody]\n";
    fs::write(&path, rule).expect("the rules are written");
    let extra = format!("[alerting]\nrules = {path:?}");
    for action in ["check-config", "serve"] {
        let output = run_with(action, &extra, &[]);
        assert_eq!(output.status.code(), Some(1), "{action}");
        let lines = complaints(&output);
        assert_eq!(lines.len(), 2, "{lines:#?}");
        assert!(
            lines.iter().all(|line| line.contains("rules.yaml") && line.contains("rule broken")),
            "{lines:#?}"
        );
        assert!(lines.iter().any(|line| line.contains("window: a window is 1s to 24h")), "{lines:#?}");
        assert!(
            lines.iter().any(|line| line.contains("channels.nobody: no channel of this name")),
            "{lines:#?}"
        );
    }
    fs::write(&path, rule.replace("25h", "24h").replace("[nobody]", "[]")).expect("the rules are written");
    let good = run_with("check-config", &extra, &[]);
    assert!(stdout(&good).contains("# 1 alert rules"), "{good:?}");
}

/// Posts one point after the other until the server is gone; the numbers of those that were answered 200.
fn post_until_the_end(server: &Server, client: usize, base: u64, acknowledged: &Mutex<Vec<Vec<u64>>>) {
    let Some(mut connection) = Connection::try_open(server.otlp) else { return };
    for number in 0..3_000 {
        let point = labelled(int(base + number * SECOND, 1), &[("client", &client.to_string())]);
        let request = request("POST", "/v1/metrics", &[PROTOBUF], &body(vec![gauge("load", vec![point])]));
        if connection.try_send(&request).is_err() {
            return;
        }
        match connection.answer() {
            Some(answer) if answer.status == 200 => {
                acknowledged.lock().expect("numbers")[client].push(number);
            }
            Some(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
            None => return,
        }
    }
}

#[test]
fn a_stop_under_load_is_in_time_and_loses_nothing_that_was_acknowledged() {
    const CLIENTS: usize = 8;
    let folder = folder();
    let base = ten_minutes_ago() - 3_600 * SECOND;
    let acknowledged = Mutex::new(vec![Vec::new(); CLIENTS]);
    let server = Server::start(&folder, "[ingest]\nbatch_age_max = \"20ms\"");
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (server, acknowledged) = (&server, &acknowledged);
            scope.spawn(move || post_until_the_end(server, client, base, acknowledged));
        }
        let total = || acknowledged.lock().expect("numbers").iter().map(Vec::len).sum::<usize>();
        eventually("some load", Duration::from_secs(60), || (total() > 100).then_some(()));
        server.terminate();
    });
    let stopped = server.stop();
    assert!(stopped.status.success(), "{}: {}", stopped.status, stopped.stderr);
    assert!(stopped.took < Duration::from_secs(25), "{:?}", stopped.took);

    let server = Server::start(&folder, "");
    let end = base + 3_000 * SECOND;
    let answer = server.get(&format!(
        "/api/v2/metrics?metricName=load&start={base}&end={end}&interval=1s&aggregation=count&groupBy=client"
    ));
    let answer = answer.json();
    let series = answer["series"].as_array().expect("series");
    for (client, numbers) in acknowledged.into_inner().expect("numbers").into_iter().enumerate() {
        let client_name = client.to_string();
        let own = series.iter().find(|s| s["labels"]["client"] == client_name.as_str()).expect("its series");
        let lost: Vec<u64> = numbers
            .into_iter()
            .filter(|n| own["values"][usize::try_from(*n).expect("small")] != json!(1.0))
            .collect();
        assert_eq!(lost, Vec::<u64>::new(), "acknowledged points of client {client} that are not there once");
    }
}

#[test]
fn health_metrics_and_unknown_paths_answer_as_orchestrators_and_people_expect() {
    let folder = folder();
    let server = Server::start(&folder, "");
    assert!(
        server.stdout().contains("is ready") && server.stdout().contains("/api/v2/metrics"),
        "{}",
        server.stdout()
    );
    let live = server.get("/livez");
    assert_eq!((live.status, live.text().as_str()), (200, "alive\n"));
    let ready = server.get("/readyz");
    let mut told = ready.json();
    let journal =
        told.as_object_mut().and_then(|told| told.remove("journal")).expect("the journal's numbers");
    assert_eq!(
        (ready.status, told),
        (200, json!({"status": "ready", "durability": "store", "failedWorkers": []}))
    );
    assert_eq!((&journal["records"], &journal["failed"]), (&json!(0), &json!(false)), "{journal}");
    let metrics = server.get("/metrics");
    assert!(
        metrics.header("content-type").is_some_and(|kind| kind.starts_with("application/openmetrics-text"))
    );
    let text = metrics.text();
    assert!(text.ends_with("# EOF\n"), "{text}");
    let strays: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter(|line| {
            !line.starts_with("telemetryflow_") || line.starts_with("telemetryflow_telemetryflow_")
        })
        .collect();
    assert_eq!(strays, Vec::<&str>::new(), "every metric has the prefix once");

    let lost = server.get("/api/v2/metric");
    assert_eq!((lost.status, lost.header("content-type")), (404, Some("application/problem+json")));
    assert!(lost.text().contains("/api/v2/metrics"), "{}", lost.text());
    let posted = Connection::open(server.api).ask(&request("POST", "/readyz", &[], b""));
    assert_eq!((posted.status, posted.header("allow")), (405, Some("GET,HEAD")));
    let id = ("x-request-id", "my-own.id:1");
    let named = Connection::open(server.api).ask(&request("GET", "/api/v2/nothing", &[id], b""));
    assert_eq!((named.header(id.0), named.json()["correlationId"].as_str()), (Some(id.1), Some(id.1)));
    let insane = Connection::open(server.api).ask(&request("GET", "/livez", &[(id.0, "a b<script>")], b""));
    assert!(insane.header(id.0).is_some_and(|id| id.len() == 36), "{:?}", insane.headers);
}

/// *Scenario*: everything is logged that can be, while bodies, labels, queries and addresses hold a secret.
/// *Guarantees*: each line is one JSON object; the secret is in none of them.
#[test]
fn the_log_for_machines_is_one_object_a_line_and_holds_nothing_private() {
    let folder = folder();
    let webhook = Webhook::start(&[(500, ""), (404, "")]);
    let rules = folder.path().join("rules.yaml");
    write_rule(&rules);
    let extra = format!(
        "[log]\nformat = \"json\"\nlevel = \"trace\"\n[alerting]\nrules = {rules:?}\n[outgoing]\nallow = [\"127.0.0.0/8\"]\n\
         [channels.ops]\nkind = \"slack\"\nurl = \"http://{}/services/hunter2\"",
        webhook.address
    );
    let server = Server::start(&folder, &extra);
    assert_eq!(server.stdout(), "", "the greeting is for people");
    let point = labelled(int(now(), 9), &[("password", "hunter2")]);
    assert_taken(&server.post_metrics(&body(vec![gauge("watched", vec![point.clone()])]), &[]));
    assert_eq!(server.post_metrics(b"\xffhunter2", &[]).status, 400);
    assert_eq!(
        server
            .post_metrics(&body(vec![gauge("", vec![point])]), &[("authorization", "Bearer hunter2")])
            .status,
        200
    );
    for path in [
        "/hunter2",
        "/api/v2/metrics?metricName=hunter2",
        "/api/v2/metrics?filter=hunter2",
        "/readyz?token=hunter2",
    ] {
        server.get(path);
    }
    eventually("the message was refused", Duration::from_secs(30), || {
        (webhook.posted().len() >= 2).then_some(())
    });
    let stopped = server.stop();
    assert!(stopped.status.success());
    assert!(stopped.stderr.lines().count() > 20, "{}", stopped.stderr);
    for line in stopped.stderr.lines() {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for key in ["timestamp", "level", "target"] {
            assert!(object[key].is_string(), "{key} in {line}");
        }
        assert!(!line.contains("hunter2"), "{line}");
    }
}

fn write_rule(path: &Path) {
    let rule = "groups:\n- name: g\n  rules:\n  - id: watched\n    metric: watched\n    aggregation: max\n    window: 10s\n    \
                groupBy: [password]\n    thresholds: [{severity: WARN, op: \">\", value: 5}]\n    channels: [ops]\n";
    fs::write(path, rule).expect("the rule is written");
}

#[test]
fn tables_can_be_read_with_sql_while_no_server_runs_and_only_read() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let time = ten_minutes_ago();
    assert_taken(&server.post_metrics(&body(vec![gauge("sql.level", vec![int(time, 7)])]), &[]));
    let config = folder.path().join("config.toml");
    let config = config.to_str().expect("a path");
    let read = |statement: &str| run(&["sql", "--config", config, "--format", "JSONEachRow", statement], &[]);
    let select = "SELECT toString(metric) AS metric, value FROM telemetryflow.metric_samples";
    assert!(complaints(&read(select)).concat().contains("in use"), "while the server runs");
    assert!(server.stop().status.success());
    let rows: Value = serde_json::from_str(&stdout(&read(select))).expect("one row");
    assert_eq!(rows, json!({ "metric": "sql.level", "value": 7 }));
    let dropped = read("DROP TABLE telemetryflow.metric_samples");
    assert_eq!(dropped.status.code(), Some(1));
    assert!(complaints(&dropped).concat().contains("readonly"));
    assert!(!stdout(&read(select)).is_empty());
}
