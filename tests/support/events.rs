//! A client of server-sent events over plain TCP: it reads when it is asked to, and not before.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::Server;
use super::http::request;

/// Nothing that is waited for takes longer, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub name: String,
    pub id: Option<u64>,
    pub data: Value,
}

/// A stream that was accepted.
#[derive(Debug)]
pub struct Listener {
    stream: BufReader<TcpStream>,
    /// Of chunks that came, not yet an event.
    text: String,
}

impl Listener {
    /// Listening has begun when this returns.
    pub fn open(server: &Server, path_and_query: &str, headers: &[(&str, &str)]) -> Self {
        let mut stream = TcpStream::connect(server.api).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
        stream.write_all(&request("GET", path_and_query, headers, b"")).expect("the request is taken");
        let mut listener = Self { stream: BufReader::new(stream), text: String::new() };
        let head = listener.head();
        assert!(head.starts_with("HTTP/1.1 200"), "{path_and_query}: {head}");
        assert!(head.contains("content-type: text/event-stream"), "{head}");
        listener
    }

    fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(self.stream.read_line(&mut head).expect("a head") > 0, "it ended early: {head}");
        }
        head
    }

    /// The next event; absent if the stream came to its end in order.
    pub fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (parsed(event), rest.to_owned());
                self.text = rest;
                match event {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let chunk = self.chunk()?;
            self.text.push_str(&chunk);
        }
    }

    /// Events until there is one of this name, which is not among them.
    pub fn until(&mut self, name: &str) -> (Vec<Event>, Event) {
        let mut before = Vec::new();
        loop {
            let event = self.next().expect("another event");
            if event.name == name {
                return (before, event);
            }
            before.push(event);
        }
    }

    fn chunk(&mut self) -> Option<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("a chunk");
        let length = usize::from_str_radix(line.trim_end(), 16);
        let length = length.unwrap_or_else(|_| panic!("no length of a chunk: {line:?}"));
        let mut bytes = vec![0; length + 2];
        self.stream.read_exact(&mut bytes).expect("a whole chunk");
        bytes.truncate(length);
        (length > 0).then(|| String::from_utf8(bytes).expect("text"))
    }
}

/// Absent for a comment.
fn parsed(text: &str) -> Option<Event> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
    Some(Event {
        name: field("event:")?.to_owned(),
        id: field("id:").map(|id| id.parse().expect("a number")),
        data: serde_json::from_str(field("data:").expect("data")).expect("JSON"),
    })
}
