//! *Scenario*: who may come in, with what, and how much of it.
//! *Guarantees*: only the credential decides; without users nobody else than this machine can ask; what is too large is refused.

use crate::scene::{AS_READER, Scene};
use crate::support::Server;
use crate::support::server::{folder, program};

#[test]
fn health_needs_no_password_and_says_nothing() {
    let scene = Scene::with_users();
    for path in ["/ping", "/replicas_status"] {
        let answer = scene.send("GET", path, &[], b"");
        assert_eq!((answer.status, answer.text().as_str()), (200, "Ok.\n"), "{path}");
    }
    assert_eq!(scene.send("GET", "/nowhere", &[], b"").status, 404);
    assert_eq!(scene.send("GET", "/", &[AS_READER], b"").text(), "Ok.\n");
}

#[test]
fn every_way_to_name_a_user_is_known_and_a_wrong_one_is_refused() {
    let scene = Scene::with_users();
    let own = [("x-clickhouse-user", "reader"), ("x-clickhouse-key", "read-secret")];
    assert_eq!(scene.send("POST", "/", &own, b"SELECT 1").text(), "1\n");
    assert_eq!(scene.send("POST", "/?user=reader&password=read-secret", &[], b"SELECT 1").text(), "1\n");
    let none = scene.send("POST", "/", &[], b"SELECT 1");
    assert_eq!((none.status, none.header("www-authenticate").is_some()), (401, true));
    for headers in [
        &[("x-clickhouse-user", "reader"), ("x-clickhouse-key", "write-secret")][..],
        &[("x-clickhouse-user", "nobody"), ("x-clickhouse-key", "read-secret")],
        &[("authorization", "Bearer reader.read-secret")],
        &[AS_READER, ("x-clickhouse-user", "writer")],
    ] {
        let answer = scene.send("POST", "/", headers, b"SELECT 1");
        assert_eq!(
            (answer.status, answer.header("x-clickhouse-exception-code")),
            (403, Some("516")),
            "{headers:?}"
        );
    }
    let log = scene.server.stop().stderr;
    assert!(!log.contains("read-secret") && !log.contains("write-secret"), "{log}");
}

#[test]
fn without_users_this_machine_may_read_and_nobody_else_can_ask() {
    let scene = Scene::open();
    assert_eq!(scene.send("POST", "/?user=default", &[], b"SELECT 1").text(), "1\n");
    let answer = scene.send("POST", "/", &[], b"INSERT INTO otel_logs (Body) VALUES ('x')");
    assert_eq!(answer.header("x-clickhouse-exception-code"), Some("164"));
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let folder = folder();
        let server = Server::spawn(program(), &folder, &format!("[store.sql]\nlisten = \"{address}\""));
        let Err(ended) = server.ready() else { panic!("{address}: it started") };
        assert!(
            !ended.status.success() && ended.stderr.contains("allowed: a loopback address"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let scene = Scene::with("body_bytes_max = \"1MiB\"\nanswer_bytes_max = \"1MiB\"");
    let code = |answer: crate::support::Answer| {
        (answer.status, answer.header("x-clickhouse-exception-code").map(str::to_owned))
    };
    let long = [b"SELECT 1 -- ".to_vec(), vec![b'x'; 2 << 20]].concat();
    assert_eq!(code(scene.send("POST", "/", &[], &long)), (413, Some("317".to_owned())));
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert_eq!(
        code(scene.send("POST", "/", &[("content-encoding", "gzip")], &bomb)),
        (413, Some("317".to_owned()))
    );
    let text = format!("SELECT '{}'", "x".repeat(300 << 10));
    assert_eq!(code(scene.send("POST", "/", &[], text.as_bytes())), (413, Some("317".to_owned())));
    let answer = scene.send("POST", "/", &[], b"SELECT repeat('x', 1000) FROM numbers(100000)");
    assert_eq!(code(answer), (500, Some("396".to_owned())));
    let garbage = scene.send("POST", "/", &[("content-encoding", "gzip")], b"no gzip");
    assert_eq!(code(garbage), (400, Some("117".to_owned())));
    assert_eq!(scene.send("POST", "/", &[], b"SELECT 1").text(), "1\n");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
