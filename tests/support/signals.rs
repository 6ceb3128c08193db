//! Two tenants with a key each, and what they send and ask for.

use prost::Message;
use serde_json::Value;
use tempfile::TempDir;

use super::events::Listener;
use super::http::request;
use super::server::{PROTOBUF, program};
use super::{Answer, Connection, Server};

/// A tenant who may send and read.
#[derive(Debug)]
pub struct Tenant {
    bearer: String,
    section: String,
}

impl Tenant {
    pub fn new(id: &str) -> Self {
        let arguments = ["create-key", "--id", id, "--tenant", id, "--role", "admin"];
        let output = program().args(arguments).output().expect("the program runs");
        let text = String::from_utf8(output.stdout).expect("text");
        let (token, rest) = text.split_once('\n').expect("a line with the key");
        let (_, section) = rest.split_once("[keys.").expect("a section");
        Self { bearer: format!("Bearer {token}"), section: format!("[keys.{section}") }
    }

    /// A server that knows these tenants and stores what it is sent at once.
    pub fn server(folder: &TempDir, tenants: &[&Self]) -> Server {
        Self::server_with(folder, tenants, "")
    }

    /// As [`Self::server`], with more sections of the configuration.
    pub fn server_with(folder: &TempDir, tenants: &[&Self], extra: &str) -> Server {
        let sections: String = tenants.iter().map(|tenant| tenant.section.as_str()).collect();
        Server::start(folder, &format!("[ingest]\nbatch_age_max = \"1ms\"\n{extra}{sections}"))
    }

    /// What its credential is in a header.
    pub fn bearer(&self) -> &str {
        &self.bearer
    }

    /// The section of the configuration that makes its key valid.
    pub fn section(&self) -> &str {
        &self.section
    }

    fn headers(&self) -> [(&str, &str); 2] {
        [("authorization", &self.bearer), ("connection", "close")]
    }

    #[track_caller]
    pub fn send(&self, server: &Server, path: &str, message: &impl Message) {
        let headers = [&[PROTOBUF][..], &self.headers()].concat();
        let body = message.encode_to_vec();
        let answer = Connection::open(server.otlp).ask(&request("POST", path, &headers, &body));
        assert_eq!((answer.status, &*answer.body), (200, &b""[..]), "{}", answer.text());
    }

    #[track_caller]
    pub fn send_json(&self, server: &Server, path: &str, message: &Value) {
        let headers = [&[("content-type", "application/json")][..], &self.headers()].concat();
        let answer = Connection::open(server.otlp).ask(&request(
            "POST",
            path,
            &headers,
            message.to_string().as_bytes(),
        ));
        assert_eq!((answer.status, &*answer.text()), (200, "{}"));
    }

    pub fn ask(&self, server: &Server, path_and_query: &str) -> Answer {
        Connection::open(server.api).ask(&request("GET", path_and_query, &self.headers(), b""))
    }

    /// Listens to a stream, from now on.
    pub fn listen(&self, server: &Server, path_and_query: &str) -> Listener {
        Listener::open(server, path_and_query, &[("authorization", &self.bearer)])
    }

    /// The sum of all samples of a metric on `/metrics`.
    pub fn measured(&self, server: &Server, name: &str) -> u64 {
        let page = self.ask(server, "/metrics").text();
        let samples = page.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        samples.map(|value| value.parse::<u64>().expect("a number")).sum()
    }

    /// The answer to a question that has to be taken.
    #[track_caller]
    pub fn json(&self, server: &Server, path_and_query: &str) -> Value {
        let answer = self.ask(server, path_and_query);
        assert_eq!(answer.status, 200, "{path_and_query}: {}", answer.text());
        answer.json()
    }

    /// All rows of a list, in pages.
    #[track_caller]
    pub fn pages(&self, server: &Server, path_and_query: &str, list: &str) -> Vec<Value> {
        self.pages_from(server, path_and_query, list, String::new())
    }

    /// The rows of all pages behind one.
    #[track_caller]
    pub fn pages_after(&self, server: &Server, path_and_query: &str, list: &str, cursor: &str) -> Vec<Value> {
        self.pages_from(server, path_and_query, list, format!("&cursor={cursor}"))
    }

    #[track_caller]
    fn pages_from(&self, server: &Server, path_and_query: &str, list: &str, first: String) -> Vec<Value> {
        let (mut rows, mut cursor) = (Vec::new(), first);
        for _ in 0..1_000 {
            let page = self.json(server, &format!("{path_and_query}{cursor}"));
            rows.extend(page[list].as_array().expect("a list").iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return rows,
            }
        }
        panic!("no last page of {path_and_query}")
    }
}
