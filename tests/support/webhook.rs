//! A webhook on loopback that answers as it is told and keeps what was posted to it.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use serde_json::Value;

/// In a script: reads the request and says nothing until the other side gives up.
pub const SILENT: (u16, &str) = (0, "");
/// In a script: breaks off in the middle of the head of an answer.
pub const TORN: (u16, &str) = (1, "");

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Posted {
    pub at: Instant,
    pub path: String,
    pub content_type: String,
    pub body: Value,
    /// The status that it was answered with, or what the script said instead.
    pub status: u16,
}

/// Listens until the test ends.
#[derive(Debug, Clone)]
pub struct Webhook {
    pub address: SocketAddr,
    script: Arc<Mutex<VecDeque<(u16, &'static str)>>>,
    posted: Arc<Mutex<Vec<Posted>>>,
}

impl Webhook {
    /// Answers the first requests as `script` says (status and further header lines), all others with 200.
    pub fn start(script: &[(u16, &'static str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let script = Arc::new(Mutex::new(script.iter().copied().collect()));
        let webhook = Self { address, script, posted: Arc::default() };
        let own = webhook.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let own = own.clone();
                thread::spawn(move || own.serve(stream));
            }
        });
        webhook
    }

    pub fn posted(&self) -> Vec<Posted> {
        self.posted.lock().expect("what was posted").clone()
    }

    /// The bodies that were answered with 200.
    pub fn delivered(&self) -> Vec<Value> {
        self.posted().into_iter().filter(|posted| posted.status == 200).map(|posted| posted.body).collect()
    }

    fn serve(&self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        while let Some((path, content_type, body)) = read(&mut stream) {
            let (status, headers) = self.script.lock().expect("the script").pop_front().unwrap_or((200, ""));
            let body = serde_json::from_slice(&body).expect("the message is JSON");
            let posted = Posted { at: Instant::now(), path, content_type, body, status };
            self.posted.lock().expect("what was posted").push(posted);
            if status == SILENT.0 {
                let _ = stream.read(&mut [0]);
                return;
            }
            if status == TORN.0 {
                let _ = stream.get_mut().write_all(b"HTTP/1.1 200 To");
                return;
            }
            let answer = format!("HTTP/1.1 {status} Told\r\n{headers}content-length: 0\r\n\r\n");
            if stream.get_mut().write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

fn read(stream: &mut BufReader<TcpStream>) -> Option<(String, String, Vec<u8>)> {
    let mut first = String::new();
    if stream.read_line(&mut first).ok()? == 0 {
        return None;
    }
    let path = first.split(' ').nth(1)?.to_owned();
    let (mut length, mut content_type) = (0, String::new());
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "content-type" => value.trim().clone_into(&mut content_type),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((path, content_type, body))
}
