//! *Scenario*: statements in addresses, bodies and forms, in formats and packings.
//! *Guarantees*: what is answered is what ClickHouse answers, with its headers, codes and statuses.

use crate::scene::{AS_READER, AS_WRITER, Scene};

#[test]
fn statements_are_asked_in_every_way_and_answered_in_every_format() {
    let scene = Scene::with_users();
    let text = |answer: crate::support::Answer| {
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text()
    };
    assert_eq!(text(scene.get(AS_READER, "SELECT 1 AS a, 'b'")), "1\tb\n");
    assert_eq!(text(scene.post(AS_READER, "", "SELECT 1 AS a FORMAT CSVWithNames")), "\"a\"\n1\n");
    assert_eq!(text(scene.post(AS_READER, "default_format=JSONEachRow", "SELECT 1 AS a")), "{\"a\":1}\n");
    assert_eq!(text(scene.post(AS_READER, "query=SELECT+1%2B", "1")), "2\n");
    let bound = "param_a=x%5Cty%27%3B&param_n=%5B1%2C2%5D";
    assert_eq!(
        text(scene.post(AS_READER, bound, "SELECT {a:String}, {n:Array(UInt8)} FORMAT TSVRaw")),
        "x\ty';\t[1,2]\n"
    );
    let rows = text(scene.post(AS_READER, "", "SELECT count() FROM otel_logs"));
    assert_eq!(rows, "0\n", "our database is the one of who names none");
    assert_eq!(
        text(scene.post(AS_READER, "max_threads=1&session_timezone=Asia%2FTokyo", "SELECT timezone()")),
        "Asia/Tokyo\n"
    );
    let form = "--b\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT {a:UInt8} + 1\r\n\
                --b\r\nContent-Disposition: form-data; name=\"param_a\"\r\n\r\n41\r\n--b--\r\n";
    let headers = [AS_READER, ("content-type", "multipart/form-data; boundary=b")];
    assert_eq!(text(scene.send("POST", "/", &headers, form.as_bytes())), "42\n");
}

#[test]
fn an_answer_names_its_query_format_and_sums() {
    let scene = Scene::with_users();
    let answer = scene.post(AS_READER, "query_id=my-1&default_format=JSON", "SELECT number FROM numbers(3)");
    for (name, expected) in [
        ("x-clickhouse-query-id", "my-1"),
        ("x-clickhouse-format", "JSON"),
        ("x-clickhouse-server-display-name", "telemetryflow"),
        ("content-type", "application/json; charset=UTF-8"),
    ] {
        assert_eq!(answer.header(name), Some(expected), "{name}");
    }
    assert!(answer.header("x-clickhouse-timezone").is_some());
    let summary: serde_json::Value =
        serde_json::from_str(answer.header("x-clickhouse-summary").unwrap()).unwrap();
    assert_eq!((&summary["result_rows"], &summary["read_rows"]), (&"3".into(), &"3".into()));
    assert_eq!(answer.json()["rows"], 3);
}

#[test]
fn failures_have_clickhouses_codes_texts_and_statuses() {
    let scene = Scene::with_users();
    for (statement, code, name, status) in [
        ("SELEC 1", "392", "QUERY_IS_PROHIBITED", 500),
        ("SELECT 1 +", "62", "SYNTAX_ERROR", 400),
        ("SELECT 'a", "62", "SYNTAX_ERROR", 400),
        ("SELECT 1; SELECT 2", "62", "SYNTAX_ERROR", 400),
        ("SELECT * FROM nowhere", "60", "UNKNOWN_TABLE", 404),
        ("SELECT * FROM nowhere.a", "81", "UNKNOWN_DATABASE", 404),
        ("SELECT a", "47", "UNKNOWN_IDENTIFIER", 404),
        ("SELECT no_such_function(1)", "46", "UNKNOWN_FUNCTION", 404),
        ("SELECT 1 FORMAT Nothing", "73", "UNKNOWN_FORMAT", 404),
        ("SELECT toUInt8('x')", "6", "CANNOT_PARSE_TEXT", 400),
        ("SELECT throwIf(1)", "395", "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO", 500),
        ("INSERT INTO otel_logs (Body) VALUES ('x')", "164", "READONLY", 500),
        ("SELECT 1 SETTINGS max_threads = 7", "164", "READONLY", 500),
    ] {
        let answer = scene.post(AS_READER, "", statement);
        let text = answer.text();
        assert_eq!(answer.header("x-clickhouse-exception-code"), Some(code), "{statement}: {text}");
        assert_eq!(answer.status, status, "{statement}: {text}");
        assert!(text.starts_with(&format!("Code: {code}. DB::Exception: ")), "{statement}: {text}");
        assert!(
            text.contains(&format!("({name}) (version 26.")) && text.ends_with(")\n"),
            "{statement}: {text}"
        );
        assert_eq!(text.matches("version").count(), 1, "{statement}: {text}");
    }
    let unknown = scene.post(AS_READER, "nonsense=1", "SELECT 1");
    assert_eq!((unknown.status, unknown.header("x-clickhouse-exception-code")), (404, Some("115")));
}

#[test]
fn rows_are_written_in_every_format_by_who_may_write() {
    let scene = Scene::with_users();
    scene.done("CREATE TABLE a (n UInt64, t String) ENGINE = MergeTree ORDER BY n");
    scene.done("INSERT INTO a VALUES (1, 'x;'), (2, 'y\\'')");
    scene.done("INSERT INTO a (n, t) FORMAT TSV\n3\tz\n4\t\\N\n");
    let insert = "/?query=INSERT+INTO+a+FORMAT+RowBinary";
    let row = [&5_u64.to_le_bytes()[..], b"\x02\n;"].concat();
    assert_eq!(scene.send("POST", insert, &[AS_WRITER], &row).status, 200);
    scene.done("INSERT INTO a SELECT number + 6, 'made' FROM numbers(2)");
    scene.done("INSERT INTO a FORMAT JSONEachRow {\"n\": 8, \"t\": \"two\"}\n\n{\"n\": 9, \"t\": \"lines\"}");
    let answer = scene.post(AS_READER, "", "SELECT groupArray(n), count() FROM (SELECT n FROM a ORDER BY n)");
    assert_eq!(answer.text(), "[1,2,3,4,5,6,7,8,9]\t9\n");
    let written = scene.post(AS_WRITER, "", "INSERT INTO a VALUES (10, '')");
    assert!(
        written.header("x-clickhouse-summary").unwrap().contains("\"written_rows\":\"1\""),
        "{written:?}"
    );
    let wrong = scene.post(AS_WRITER, "", "INSERT INTO a FORMAT TSV\nx\n");
    assert!(wrong.status >= 400 && wrong.text().starts_with("Code: "), "{wrong:?}");
    let expression = scene.post(AS_WRITER, "", "INSERT INTO a VALUES (1, file('/etc/hostname'))");
    assert!(expression.status >= 400, "{expression:?}");
    assert_eq!(scene.post(AS_READER, "", "SELECT count() FROM a").text(), "10\n");
    let token = "insert_deduplication_token=t-1";
    scene.done("CREATE TABLE b (n UInt8) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100");
    for _ in 0..2 {
        assert_eq!(scene.post(AS_WRITER, token, "INSERT INTO b FORMAT TSV\n1\n").status, 200);
    }
    assert_eq!(scene.post(AS_READER, "", "SELECT count() FROM b").text(), "1\n");
}
