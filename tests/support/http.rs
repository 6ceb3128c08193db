//! An HTTP/1.1 client over plain TCP: it sends exactly the bytes that it is given.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Nothing that is waited for takes longer, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// One answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// One connection, kept open from request to request.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Self {
        Self::try_open(address).expect("a connection")
    }

    /// Absent if nobody listens.
    pub fn try_open(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a write timeout");
        stream.set_nodelay(true).expect("no delay");
        Some(Self { stream: BufReader::new(stream) })
    }

    /// A server that closes early makes this fail; what it said can be read all the same.
    pub fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).expect("the request is taken");
    }

    /// Says that no more is sent.
    pub fn end(&mut self) {
        self.stream.get_mut().shutdown(std::net::Shutdown::Write).expect("a half-closed connection");
    }

    /// The next answer; absent if the server closed (or reset) the connection before it began one.
    pub fn answer(&mut self) -> Option<Answer> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) if is_closed(&error) => return None,
            Err(error) => panic!("no answer: {error}"),
        }
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.unwrap_or_else(|| panic!("not a status line: {line:?}"));
        let headers = self.headers();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let mut body = Vec::new();
        match length {
            Some((_, length)) => {
                body.resize(length.parse().expect("a length"), 0);
                self.stream.read_exact(&mut body).expect("a whole body");
            }
            None if status >= 200 => _ = self.stream.read_to_end(&mut body).expect("a body"),
            None => {}
        }
        Some(Answer { status, headers, body })
    }

    fn headers(&mut self) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).expect("a whole head");
            let Some((name, value)) = line.trim_end().split_once(':') else { return headers };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// Sends a request and reads its answer, which has to come.
    pub fn ask(&mut self, request: &[u8]) -> Answer {
        self.send(request);
        self.answer().expect("an answer")
    }

    /// Everything until the server closes.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.stream.read_to_end(&mut bytes) {
            Ok(_) => bytes,
            Err(error) if is_closed(&error) => bytes,
            Err(error) => panic!("the server did not close: {error}"),
        }
    }
}

fn is_closed(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), ConnectionReset | ConnectionAborted | BrokenPipe)
}

/// A request with its length stated.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

/// A text as a value in a query string.
pub fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
