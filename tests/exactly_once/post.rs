//! One client's connection over HTTP to a server that may end at any moment.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::{Outcome, Request};
use crate::support::http::request as http_request;

/// Keeps a connection over HTTP/1.1 for as long as it works.
#[derive(Debug)]
pub struct Poster {
    patience: Duration,
    connection: Option<(SocketAddr, BufReader<TcpStream>)>,
}

impl Poster {
    /// Waits for an answer for so long.
    pub fn new(patience: Duration) -> Self {
        Self { patience, connection: None }
    }

    pub fn send(&mut self, to: SocketAddr, request: &Request) -> Outcome {
        let kept = self.connection.take().filter(|(address, _)| *address == to);
        let Some((_, mut stream)) = kept.or_else(|| Some((to, self.connect(to)?))) else {
            return Outcome::Nobody;
        };
        let path = format!("/v1/{}", request.signal.name());
        let bytes = http_request("POST", &path, request.form.headers(), &request.body);
        let sent = stream.get_mut().write_all(&bytes).ok();
        let Some((status, retry_after, body)) = sent.and_then(|()| answer(&mut stream)) else {
            return Outcome::Unanswered;
        };
        self.connection = Some((to, stream));
        match status {
            200 if body == request.form.taken() => Outcome::Taken,
            // A load without mistakes is not rejected in part either.
            200 => panic!("rejected in part: {}", String::from_utf8_lossy(&body)),
            _ => Outcome::Refused { status, retry_after, text: String::from_utf8_lossy(&body).into_owned() },
        }
    }

    fn connect(&self, to: SocketAddr) -> Option<BufReader<TcpStream>> {
        let stream = TcpStream::connect_timeout(&to, self.patience).ok()?;
        stream.set_nodelay(true).ok()?;
        stream.set_read_timeout(Some(self.patience)).ok()?;
        stream.set_write_timeout(Some(self.patience)).ok()?;
        Some(BufReader::new(stream))
    }
}

/// Status, `Retry-After` and body; absent if the connection ends before all of it came.
fn answer(stream: &mut BufReader<TcpStream>) -> Option<(u16, Option<u64>, Vec<u8>)> {
    let status = line(stream)?.split(' ').nth(1)?.parse().ok()?;
    let (mut length, mut retry_after) = (0_usize, None);
    loop {
        let line = line(stream)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ")?;
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "retry-after" => retry_after = value.parse().ok(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((status, retry_after, body))
}

/// Without its end, which has to be there.
fn line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    Some(line.strip_suffix("\r\n")?.to_owned())
}
