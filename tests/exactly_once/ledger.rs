//! The server's own account of what it took: `GET /api/v2/ingest/stats`.

use std::ops::Range;
use std::time::Duration;

use serde_json::Value;
use telemetryflow::shared::Signal;

use super::{Durability, Request, Sent};
use crate::support::{Server, eventually};

/// A journal is drained at some ten thousand items a second, also by a debug build.
const DRAINED_WITHIN: Duration = Duration::from_secs(120);

/// One signal of the tenant, in items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ledger {
    pub received: u64,
    pub stored: u64,
    pub rejected: u64,
    pub dead_lettered: u64,
    pub in_flight: u64,
}

impl Ledger {
    /// What the server says just now.
    pub fn of(server: &Server, signal: Signal) -> Self {
        let answer = server.get("/api/v2/ingest/stats");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let stats = answer.json();
        let number = |at: &str| {
            let path = format!("/signals/{}/{at}", signal.name());
            stats.pointer(&path).and_then(Value::as_u64).unwrap_or_else(|| panic!("{path} in {stats}"))
        };
        Self {
            received: number("received"),
            stored: number("stored"),
            rejected: number("rejected/total"),
            dead_lettered: number("deadLettered"),
            in_flight: number("inFlight"),
        }
    }
}

/// Waits until nothing is in flight, and compares the ledger with what was acknowledged: stored, or set aside because
/// the store refuses it. Where an answer says that it is stored, nothing is in flight when the last one has come, and
/// there is no ledger.
pub fn settle(server: &Server, durability: Durability, sent: &[Sent], refused: &[Request]) {
    if durability != Durability::Journal {
        return;
    }
    for signal in Signal::ALL {
        let ledger = eventually("nothing is in flight", DRAINED_WITHIN, || {
            Some(Ledger::of(server, signal)).filter(|ledger| ledger.in_flight == 0)
        });
        let stored = items(sent.iter().map(|sent| (sent.signal, &sent.items)), signal);
        let dead_lettered = items(refused.iter().map(|refused| (refused.signal, &refused.items)), signal);
        let received = stored + dead_lettered;
        let expected = Ledger { received, stored, rejected: 0, dead_lettered, in_flight: 0 };
        assert_eq!(ledger, expected, "the ledger of {}", signal.name());
    }
}

/// How many items of the signal there are.
fn items<'i>(requests: impl Iterator<Item = (Signal, &'i Range<u64>)>, signal: Signal) -> u64 {
    requests.filter(|(of, _)| *of == signal).map(|(_, items)| items.end - items.start).sum()
}
