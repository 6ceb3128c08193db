//! A Redis server of a test's own: on loopback, without anything on disk, ended by its id when it goes out of scope.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::server::eventually;

const READY_WITHIN: Duration = Duration::from_secs(20);
pub const PASSWORD: &str = "redis-secret";

#[derive(Debug)]
pub struct Redis {
    process: Child,
    pub address: SocketAddr,
}

impl Redis {
    pub fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("its address").port();
        drop(free);
        Self::start_at(port)
    }

    /// At a port where one was before.
    pub fn start_at(port: u16) -> Self {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--save", "", "--appendonly", "no", "--requirepass", PASSWORD]);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let process = process.expect("redis-server starts (Debian: apt-get install redis-server)");
        let redis = Self { process, address: SocketAddr::from(([127, 0, 0, 1], port)) };
        eventually("Redis is ready", READY_WITHIN, || {
            redis.try_ask(&["PING"]).filter(|answer| answer.starts_with("+PONG"))
        });
        redis
    }

    /// Keys of the configuration for a server that shares it.
    pub fn configuration(&self) -> String {
        configuration_at(self.address)
    }

    /// Sends one command, and gives the first bytes of its answer as text.
    pub fn ask(&self, command: &[&str]) -> String {
        self.try_ask(command).expect("Redis answers")
    }

    fn try_ask(&self, command: &[&str]) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        let mut answer = [0; 65_536];
        stream.write_all(&wire(&["AUTH", PASSWORD])).ok()?;
        let _ = stream.read(&mut answer).ok()?;
        stream.write_all(&wire(command)).ok()?;
        let read = stream.read(&mut answer).ok()?;
        Some(String::from_utf8_lossy(answer.get(..read)?).into_owned())
    }

    /// SIGSTOP: it takes connections, and answers nothing.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let kill = Command::new("kill").arg(signal).arg(self.process.id().to_string()).status();
        assert!(kill.expect("kill runs").success());
    }

    /// SIGKILL. Its port, for the next one.
    pub fn kill(mut self) -> u16 {
        self.end();
        self.address.port()
    }

    fn end(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.end();
    }
}

/// As [`Redis::configuration`], for whatever listens there.
pub fn configuration_at(address: SocketAddr) -> String {
    format!(
        "[rollups]\nmode = \"off\"\n[redis]\nurl = \"redis://{address}\"\npassword = \"{PASSWORD}\"\nprefix = \"test:\"\n"
    )
}

fn wire(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
    }
    bytes
}
