//! A server with the SQL listener, a user of each kind, and ways to ask.

use std::net::SocketAddr;

use tempfile::TempDir;

use crate::support::http::request;
use crate::support::server::folder;
use crate::support::{Answer, Connection, Server, encoded};

/// SHA-256 of `read-secret` and of `write-secret`.
const READER: &str = "f0fd6c09405cb6d3707d04067d8509cb924e62ae66fa02067c2bc467b0d721e4";
const WRITER: &str = "b88e117d6ff6a2eefae99962014afd336c9c71387fe4509bd808b35e02dfc29d";

/// `Authorization` of a user who may read, and of one who may write.
pub const AS_READER: (&str, &str) = ("authorization", "Basic cmVhZGVyOnJlYWQtc2VjcmV0");
pub const AS_WRITER: (&str, &str) = ("authorization", "Basic d3JpdGVyOndyaXRlLXNlY3JldA==");

#[derive(Debug)]
pub struct Scene {
    pub server: Server,
    pub folder: TempDir,
}

impl Scene {
    /// Without users.
    pub fn open() -> Self {
        Self::with("")
    }

    pub fn with_users() -> Self {
        Self::with(&format!(
            "[query]\nrows_max = 1000000000000000\n[sql_users.reader]\nhash = \"sha256:{READER}\"\n\
             [sql_users.writer]\nhash = \"sha256:{WRITER}\"\naccess = \"write\"\n"
        ))
    }

    pub fn with(more: &str) -> Self {
        let folder = folder();
        let server = Server::start(&folder, &format!("[store.sql]\nlisten = \"127.0.0.1:0\"\n{more}"));
        Self { server, folder }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.sql.expect("the SQL listener's address")
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let headers = [headers, &[("connection", "close")]].concat();
        Connection::open(self.address()).ask(&request(method, path, &headers, body))
    }

    /// The statement in the body.
    pub fn post(&self, user: (&str, &str), query_string: &str, statement: &str) -> Answer {
        self.send("POST", &format!("/?{query_string}"), &[user], statement.as_bytes())
    }

    /// The statement in the address.
    pub fn get(&self, user: (&str, &str), statement: &str) -> Answer {
        self.send("GET", &format!("/?query={}", encoded(statement)), &[user], b"")
    }

    /// Done by the user who may write.
    pub fn done(&self, statement: &str) {
        let answer = self.post(AS_WRITER, "", statement);
        assert_eq!(answer.status, 200, "{statement}: {}", answer.text());
    }
}
