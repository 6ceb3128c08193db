//! Scenario: a client that heard no answer sends the same bytes again, at once and after the server was killed.
//! Guarantees: they are acknowledged every time and stored once; the ledger counts them once; one byte of difference
//! makes another request.

#![allow(clippy::expect_used, clippy::panic, reason = "a test ends where something unexpected happens")]

mod exactly_once;
mod support;

use std::time::Duration;

use exactly_once::requests::Numbers;
use exactly_once::{Durability, Listeners, Outcome, Request, Sender, Sent, compare, ledger};
use support::Server;
use support::server::folder;
use telemetryflow::shared::Signal;

const PATIENCE: Duration = Duration::from_secs(50);

#[test]
fn bytes_that_are_sent_again_are_acknowledged_and_stored_once_also_after_a_crash() {
    let (folder, numbers) = (folder(), Numbers::default());
    let configuration = Durability::Journal.configuration();
    // Two of each signal that differ in their items only.
    let requests: Vec<_> = Signal::ALL
        .into_iter()
        .flat_map(|signal| [Request::new(signal, &numbers), Request::new(signal, &numbers)])
        .collect();
    let mut attempts = 0;
    let mut send_all_twice = |server: &Server| {
        let mut sender = Sender::new(PATIENCE);
        for request in requests.iter().chain(&requests) {
            assert_eq!(sender.send(Listeners::of(server), request), Outcome::Taken);
        }
        attempts += 2;
    };
    for _ in 0..3 {
        let server = Server::start(&folder, &configuration);
        send_all_twice(&server);
        server.kill();
    }
    let server = Server::start(&folder, &configuration);
    send_all_twice(&server);
    let sent: Vec<_> = requests
        .iter()
        .map(|request| Sent { signal: request.signal, items: request.items.clone(), attempts })
        .collect();
    ledger::settle(&server, Durability::Journal, &sent, &[]);
    assert!(server.stop().status.success());
    compare(&folder, &sent).assert_exactly_once();
}

#[test]
fn the_same_bytes_at_the_same_time_are_stored_once() {
    let (folder, numbers) = (folder(), Numbers::default());
    let server = Server::start(&folder, &Durability::Journal.configuration());
    let requests: Vec<_> = Signal::ALL.into_iter().map(|signal| Request::new(signal, &numbers)).collect();
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                let mut sender = Sender::new(PATIENCE);
                for request in &requests {
                    assert_eq!(sender.send(Listeners::of(&server), request), Outcome::Taken);
                }
            });
        }
    });
    let sent: Vec<_> = requests
        .iter()
        .map(|request| Sent { signal: request.signal, items: request.items.clone(), attempts: 8 })
        .collect();
    ledger::settle(&server, Durability::Journal, &sent, &[]);
    assert!(server.stop().status.success());
    compare(&folder, &sent).assert_exactly_once();
}
