//! The store of a server under test as another process: the same program with its SQL listener open, or a ClickHouse server.
//!
//! Set `TELEMETRYFLOW_TEST_STORE=network`, and every server of the tests has an engine of its own behind it, in its own folder, which
//! starts and ends with it. Set `TELEMETRYFLOW_TEST_CLICKHOUSE_URL` (and `..._USER`, `..._PASSWORD`), and that server is the
//! store, with a database for each folder.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::server::{Server, Stopped, program, written};

const STORE_VARIABLE: &str = "TELEMETRYFLOW_TEST_STORE";
const URL_VARIABLE: &str = "TELEMETRYFLOW_TEST_CLICKHOUSE_URL";
const PASSWORD: &str = "write-secret";
/// Its SHA-256.
const HASH: &str = "b88e117d6ff6a2eefae99962014afd336c9c71387fe4509bd808b35e02dfc29d";

/// A server under test asks it.
#[derive(Debug)]
pub enum Engine {
    Own(Server),
    Elsewhere { database: String },
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Engine {
    /// What is to stand behind a server in this folder; absent if its own process keeps the tables.
    pub fn behind(folder: &Path) -> Option<Self> {
        if variable(URL_VARIABLE).is_some() {
            let mut hasher = DefaultHasher::new();
            folder.hash(&mut hasher);
            return Some(Self::Elsewhere { database: format!("test_{:016x}", hasher.finish()) });
        }
        match variable(STORE_VARIABLE).as_deref() {
            None | Some("embedded") => None,
            Some("network") => Some(Self::start(folder, 0)),
            Some(other) => panic!("{STORE_VARIABLE} is embedded or network, not {other}"),
        }
    }

    /// The program as an engine, with its tables in this folder. Port 0 is one of the system's choice.
    pub fn start(folder: &Path, port: u16) -> Self {
        let listener = format!(
            "[store.sql]\nlisten = \"127.0.0.1:{port}\"\n[query]\nrows_max = 1000000000000000\n\
             [sql_users.node]\nhash = \"sha256:{HASH}\"\naccess = \"write\"\n"
        );
        let config = written(&config_of(folder), &folder.join("engine"), &listener);
        let server = Server::launch(program(), &config).ready();
        Self::Own(
            server
                .unwrap_or_else(|ended| panic!("the engine ended with {}:\n{}", ended.status, ended.stderr)),
        )
    }

    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Own(server) => server.sql.expect("the address of the engine"),
            Self::Elsewhere { .. } => panic!("the address of a server elsewhere is a name"),
        }
    }

    /// Keys of `[store]` for the server in front of it.
    pub fn as_store(&self) -> String {
        match self {
            Self::Own(_) => self.as_store_at(self.address()),
            Self::Elsewhere { database } => {
                let url = variable(URL_VARIABLE).unwrap_or_default();
                let key = |key: &str, value: Option<String>| {
                    value.map(|value| format!("{key} = {value:?}\n")).unwrap_or_default()
                };
                format!("url = {url:?}\ndatabase = {database:?}\n")
                    + &key("user", variable("TELEMETRYFLOW_TEST_CLICKHOUSE_USER"))
                    + &key("password", variable("TELEMETRYFLOW_TEST_CLICKHOUSE_PASSWORD"))
            }
        }
    }

    /// The same, by way of another address (of something in between).
    pub fn as_store_at(&self, address: SocketAddr) -> String {
        format!("url = \"http://node@{address}\"\npassword = \"{PASSWORD}\"\n")
    }

    pub fn stop(self) -> Option<Stopped> {
        match self {
            Self::Own(server) => Some(server.stop()),
            Self::Elsewhere { .. } => None,
        }
    }

    pub fn kill(self) {
        if let Self::Own(server) = self {
            server.kill();
        }
    }
}

fn config_of(folder: &Path) -> PathBuf {
    folder.join("engine.toml")
}

/// The configuration whose tables hold what a server in this folder stored.
pub fn tables_of(folder: &Path) -> PathBuf {
    let engine = config_of(folder);
    if fs::exists(&engine).unwrap_or_default() { engine } else { folder.join("config.toml") }
}
