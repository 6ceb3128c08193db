//! Live streams that are kept open for a while, and looked through when they go.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::support::Server;
use super::support::http::request;

/// Streams that one client of a tenant keeps open.
const STREAMS_MAX: usize = 3;
const PATIENCE: Duration = Duration::from_secs(60);

/// The newest streams of one tenant.
#[derive(Debug, Default)]
pub struct Streams(VecDeque<TcpStream>);

/// What came of a request for a stream.
pub enum Opened {
    /// It is kept; the text is all that one came to say which had to make room.
    Open { left: String },
    /// With this status, and all that was said.
    Refused(u16, String),
}

impl Streams {
    pub fn open(&mut self, server: &Server, path_and_query: &str, bearer: &str) -> Opened {
        let left = if self.0.len() < STREAMS_MAX { String::new() } else { self.leave() };
        let mut stream = TcpStream::connect(server.api).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
        let headers = [("authorization", bearer), ("connection", "close")];
        stream.write_all(&request("GET", path_and_query, &headers, b"")).expect("the request is taken");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a whole head");
            head.extend(byte);
        }
        let mut head = String::from_utf8(head).expect("a head is text");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        if status == 200 {
            self.0.push_back(stream);
            return Opened::Open { left };
        }
        stream.read_to_string(&mut head).expect("a body");
        Opened::Refused(status, left + &head)
    }

    /// Closes the oldest; what it said until now.
    pub fn leave(&mut self) -> String {
        let Some(mut stream) = self.0.pop_front() else { return String::new() };
        stream.set_nonblocking(true).expect("a stream that does not block");
        let mut said = Vec::new();
        let ended = stream.read_to_end(&mut said);
        let is_waiting = ended.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        assert!(ended.is_ok() || is_waiting, "{ended:?}");
        String::from_utf8_lossy(&said).into_owned()
    }
}
