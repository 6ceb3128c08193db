//! One client's connection over gRPC to a server that may end at any moment.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::Method;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tonic::Code;

use super::{Outcome, Request};
use crate::support::every_way::service;
use crate::support::grpc::{GRPC, GrpcAnswer, GrpcConnection, framed};

/// The flag and the length of a message.
const FRAME_HEAD_BYTES: usize = 5;

/// Keeps a connection for as long as it works.
#[derive(Debug)]
pub struct Caller {
    patience: Duration,
    runtime: Runtime,
    connection: Option<(SocketAddr, GrpcConnection)>,
}

impl Caller {
    /// Waits for an answer for so long.
    pub fn new(patience: Duration) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Self { patience, runtime: runtime.expect("a runtime"), connection: None }
    }

    pub fn send(&mut self, to: SocketAddr, request: &Request) -> Outcome {
        let kept = self.connection.take().filter(|(address, _)| *address == to);
        let path = format!("/{}/Export", service(request.signal));
        let (outcome, connection) = self.runtime.block_on(async {
            let opened = match kept {
                Some((_, connection)) => Some(connection),
                None => timeout(self.patience, GrpcConnection::try_open(to)).await.ok().flatten(),
            };
            let Some(connection) = opened else { return (Outcome::Nobody, None) };
            let asked = connection.try_ask(Method::POST, &path, &[GRPC], framed(0, &request.body));
            match timeout(self.patience, asked).await {
                Ok(Ok(answer)) => (outcome(&answer, request), Some(connection)),
                _ => (Outcome::Unanswered, None),
            }
        });
        self.connection = connection.map(|connection| (to, connection));
        outcome
    }
}

fn outcome(answer: &GrpcAnswer, request: &Request) -> Outcome {
    let status = match answer.code() {
        Code::Ok if answer.body.get(FRAME_HEAD_BYTES..) == Some(request.form.taken()) => {
            return Outcome::Taken;
        }
        Code::Ok => panic!("rejected in part: {answer:?}"),
        Code::Unavailable => 503,
        Code::ResourceExhausted => 429,
        _ => 500,
    };
    let retry_after = answer.retry_delay().map(|delay| delay.as_secs());
    Outcome::Refused { status, retry_after, text: format!("{:?}", answer.status()) }
}
