//! `Sender`: one client, that sends each request in the form that it has.

use std::net::SocketAddr;
use std::time::Duration;

use super::Request;
use super::call::Caller;
use super::post::Poster;
use super::requests::Form;
use crate::support::Server;

/// What became of a request that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// 200, and all of it.
    Taken,
    /// Another status, with the seconds of its `Retry-After`; over gRPC those that mean the same.
    Refused { status: u16, retry_after: Option<u64>, text: String },
    /// The connection ended, or nothing came in time: nobody knows.
    Unanswered,
    /// Nobody listens, so nothing was sent.
    Nobody,
}

/// The listeners of a server.
#[derive(Debug, Clone, Copy)]
pub struct Listeners {
    http: SocketAddr,
    grpc: SocketAddr,
}

impl Listeners {
    pub fn of(server: &Server) -> Self {
        Self { http: server.otlp, grpc: server.grpc }
    }
}

#[derive(Debug)]
pub struct Sender {
    poster: Poster,
    caller: Caller,
}

impl Sender {
    /// Waits for an answer for so long.
    pub fn new(patience: Duration) -> Self {
        Self { poster: Poster::new(patience), caller: Caller::new(patience) }
    }

    pub fn send(&mut self, to: Listeners, request: &Request) -> Outcome {
        match request.form {
            Form::Protobuf | Form::Gzip | Form::Zstd | Form::Json => self.poster.send(to.http, request),
            Form::Grpc => self.caller.send(to.grpc, request),
        }
    }
}
