//! *Scenario*: users who may read, or write tables, want the machine's files, its network, or the server itself.
//! *Guarantees*: each statement is refused by its text, no secret is in any answer, no file is written, and the server lives.

use std::fs;
use std::net::TcpListener;

use crate::scene::{AS_READER, AS_WRITER, Scene};
use crate::support::encoded;

const SECRET: &str = "hunter2-canary";

#[test]
fn nobody_reaches_outside_of_the_database() {
    let scene = Scene::with_users();
    let secret = scene.folder.path().join("secret.csv");
    let outfile = scene.folder.path().join("out.csv");
    fs::write(&secret, format!("{SECRET}\n")).unwrap();
    // Whoever is called would be seen.
    let called = TcpListener::bind("127.0.0.1:0").unwrap();
    called.set_nonblocking(true).unwrap();
    let (secret, out) = (secret.display(), outfile.display());
    let port = called.local_addr().unwrap().port();
    let statements = [
        format!("SELECT file('{secret}')"),
        format!("SELECT FiLe ('{secret}')"),
        format!("SELECT `file`('{secret}')"),
        format!("SELECT \"file\"/* ' */('{secret}')"),
        format!("SELECT * APPLY(file) FROM (SELECT '{secret}')"),
        format!("SELECT * APPLY file FROM (SELECT '{secret}')"),
        format!("SELECT arrayMap(file, ['{secret}'])"),
        format!("WITH file AS f SELECT f('{secret}')"),
        format!("SELECT * FROM file('{secret}', CSV, 'a String')"),
        format!("SELECT * FROM (SELECT * FROM file('{secret}'))"),
        format!("SELECT 1 WHERE 'a' IN (SELECT * FROM file('{secret}'))"),
        format!("SELECT 1 WHERE 'a' IN file('{secret}')"),
        format!("DESCRIBE TABLE file('{secret}')"),
        format!("DESC file('{secret}')"),
        format!("SELECT * FROM eval('SELECT file(\\'{secret}\\')')"),
        "SELECT aiGenerate('a', 'b')".to_owned(),
        format!("EXPLAIN SELECT * FROM file('{secret}')"),
        format!("SELECT * FROM '{secret}'"),
        format!("SELECT * FROM `{secret}`"),
        format!("SELECT * FROM default.`{secret}`"),
        format!("SELECT * FROM \"default\".\"{secret}\""),
        format!("SHOW CREATE TABLE default.`{secret}`"),
        format!("SELECT * FROM fileCluster('default', '{secret}')"),
        format!("SELECT * FROM url('http://127.0.0.1:{port}/', CSV, 'a String')"),
        format!("SELECT * FROM s3('http://127.0.0.1:{port}/a/b.csv')"),
        format!("SELECT * FROM remote('127.0.0.1:{port}', system.one)"),
        format!("SELECT * FROM remoteSecure('127.0.0.1:{port}', system.one)"),
        format!("SELECT * FROM mysql('127.0.0.1:{port}', 'a', 'b', 'c', 'd')"),
        format!("SELECT * FROM postgresql('127.0.0.1:{port}', 'a', 'b', 'c', 'd')"),
        format!("SELECT * FROM mongodb('127.0.0.1:{port}', 'a', 'b', 'c', 'd', 'e String')"),
        format!("SELECT * FROM redis('127.0.0.1:{port}', 'k', 'k String')"),
        format!("SELECT * FROM sqlite('{secret}', 'a')"),
        format!("SELECT * FROM jdbc('http://127.0.0.1:{port}', 'a', 'b')"),
        format!("SELECT hasColumnInTable('127.0.0.1:{port}', 'system', 'one', 'dummy')"),
        "SELECT * FROM executable('cat /etc/hostname', TSV, 'a String')".to_owned(),
        "SELECT * FROM python('a')".to_owned(),
        "SELECT * FROM arrowstream('block_0')".to_owned(),
        format!("SELECT catboostEvaluate('{secret}', 1)"),
        format!("SELECT '{SECRET}' INTO OUTFILE '{out}'"),
        format!("SELECT '{SECRET}' INTO /**/ oUtFiLe '{out}' AND STDOUT FORMAT CSV"),
        "SELECT * FROM merge('system', '.*')".to_owned(),
        "SELECT * FROM system.stack_trace".to_owned(),
        "SELECT * FROM `system`.`processes`".to_owned(),
        "SELECT * FROM system.disks".to_owned(),
        "SELECT addressToSymbol(1)".to_owned(),
        "SELECT 1 SETTINGS allow_introspection_functions = 1".to_owned(),
        format!("SELECT 1 SETTINGS additional_result_filter = 'file(\\'{secret}\\') = 1'"),
        format!("SELECT 1; SELECT * FROM file('{secret}')"),
        "SET readonly = 0".to_owned(),
        "USE system".to_owned(),
        "SYSTEM SHUTDOWN".to_owned(),
        "SYSTEM STOP MERGES".to_owned(),
        "KILL QUERY WHERE 1".to_owned(),
        format!("BACKUP TABLE telemetryflow.otel_logs TO File('{out}')"),
        "EXECUTE AS default SELECT 1".to_owned(),
        "CREATE USER a".to_owned(),
        "CREATE TEMPORARY TABLE a (b UInt8)".to_owned(),
        "CREATE FUNCTION f AS x -> file(x)".to_owned(),
        format!("CREATE TABLE f (a String) ENGINE = File(CSV, '{secret}')"),
        format!("CREATE TABLE f AS file('{secret}')"),
        format!("CREATE TABLE f ENGINE = Memory AS SELECT * FROM file('{secret}')"),
        format!("CREATE TABLE f (a String DEFAULT file('{secret}')) ENGINE = Memory"),
        format!("CREATE VIEW f AS SELECT * FROM file('{secret}')"),
        format!("CREATE TABLE f (a String) ENGINE = URL('http://127.0.0.1:{port}/', CSV)"),
        format!(
            "CREATE TABLE f (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = '{out}/')"
        ),
        "CREATE DATABASE f ENGINE = Filesystem('/')".to_owned(),
        format!(
            "CREATE DICTIONARY f (a String) PRIMARY KEY a SOURCE(FILE(path '{secret}' format CSV)) LAYOUT(DIRECT())"
        ),
        format!("ATTACH TABLE f FROM '{out}' (a UInt8) ENGINE = Memory"),
        format!("INSERT INTO FUNCTION file('{out}', CSV, 'a String') VALUES ('{SECRET}')"),
        format!("INSERT INTO TABLE FUNCTION file('{out}', CSV, 'a String') VALUES ('{SECRET}')"),
        format!("INSERT INTO default.`{out}` VALUES ('{SECRET}')"),
        format!("INSERT INTO telemetryflow.otel_logs (Body) FROM INFILE '{secret}' FORMAT CSV"),
        "ALTER TABLE telemetryflow.otel_logs FREEZE".to_owned(),
        "DETACH TABLE telemetryflow.otel_logs".to_owned(),
        "GRANT ALL ON *.* TO default".to_owned(),
    ];
    for statement in &statements {
        for user in [AS_READER, AS_WRITER] {
            let answer = scene.post(user, "", statement);
            assert!(answer.status >= 400, "{statement}: {} {}", answer.status, answer.text());
            assert!(!answer.text().contains(&format!("{SECRET}\n")), "{statement}: {}", answer.text());
        }
    }
    for (parameters, statement) in [
        ("param_t=stack_trace", "SELECT * FROM system.{t:Identifier}".to_owned()),
        ("param_d=system", "SELECT * FROM {d:Identifier}.processes".to_owned()),
        ("param_f=file", format!("SELECT * APPLY({{f:Identifier}}) FROM (SELECT '{secret}')")),
        ("database=system", "SELECT * FROM stack_trace".to_owned()),
        ("readonly=0", "SELECT 1".to_owned()),
        ("allow_introspection_functions=1", "SELECT 1".to_owned()),
        ("format_schema=/etc/passwd", "SELECT 1".to_owned()),
    ] {
        let answer = scene.post(AS_WRITER, parameters, &statement);
        assert!(answer.status >= 400, "{parameters}: {statement}: {}", answer.text());
    }
    assert_eq!(called.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "somebody was called");
    assert!(!outfile.exists(), "a file was written");
    assert_eq!(scene.get(AS_READER, "SELECT 1").text(), "1\n");
}

/// *Scenario*: the engine is exchanged for a newer one.
/// *Guarantees*: somebody looks through its new functions before users can name them: which of them read files, call others or look into the
/// process belongs into `rules.rs`, and the sum of their names here. (Table functions that are not known are refused anyway.)
#[test]
fn all_functions_of_the_engine_were_looked_through() {
    let scene = Scene::with_users();
    let names = "SELECT count(), cityHash64(groupArray(name)) FROM (SELECT name FROM system.functions WHERE NOT is_aggregate ORDER BY name)";
    assert_eq!(scene.get(AS_READER, names).text(), "1589\t370574042424027333\n");
}

#[test]
fn readers_change_nothing_and_addresses_never_do() {
    let scene = Scene::with_users();
    scene.done("CREATE TABLE a (n UInt8) ENGINE = MergeTree ORDER BY n");
    for statement in [
        "INSERT INTO a VALUES (1)",
        "INSERT INTO a SELECT 1",
        "DROP TABLE a",
        "TRUNCATE TABLE a",
        "ALTER TABLE a DELETE WHERE 1",
    ] {
        assert_eq!(
            scene.post(AS_READER, "", statement).header("x-clickhouse-exception-code"),
            Some("164"),
            "{statement}"
        );
        let by_get = scene.send("GET", &format!("/?query={}", encoded(statement)), &[AS_WRITER], b"");
        assert_eq!(by_get.header("x-clickhouse-exception-code"), Some("164"), "{statement}");
    }
    assert_eq!(scene.get(AS_READER, "SELECT count() FROM a").text(), "0\n");
}

#[test]
fn one_statement_leaves_nothing_for_the_next() {
    let scene = Scene::with_users();
    let text = |query: &str, statement: &str| scene.post(AS_READER, query, statement).text();
    assert!(text("database=other", "SELECT 1").contains("(UNKNOWN_DATABASE)"));
    assert_eq!(text("param_a=1&max_threads=3", "SELECT {a:UInt8}, getSetting('max_threads')"), "1\t3\n");
    assert!(text("", "SELECT {a:UInt8}").contains("UNKNOWN_QUERY_PARAMETER"));
    assert_ne!(text("", "SELECT getSetting('max_threads')"), "3\n");
    assert_eq!(text("", "SELECT currentDatabase(), getSetting('readonly')"), "telemetryflow\t1\n");
}
