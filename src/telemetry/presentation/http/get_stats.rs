//! `GET /api/v2/ingest/stats`: what became of every item of the caller's that was acknowledged, exact, also across restarts.
//!
//! ```json
//! {"tenant": "default", "durability": "journal",
//!  "signals": {
//!    "metrics": {"received": 1000, "stored": 900, "rejected": {"total": 20, "reasons": {"time_too_old": 20}},
//!                "deadLettered": 0, "inFlight": 80, "lost": 0},
//!    "logs": {...}, "traces": {...}},
//!  "journal": {"bytes": 87031808, "bytesMax": 10737418240, "records": 3, "recordBytes": 4711, "oldestAgeMs": 12,
//!              "seals": 17, "syncs": {"count": 20, "meanMs": 2.1}, "failed": false}}
//! ```
//!
//! `received = stored + rejected + deadLettered + inFlight + lost` for every signal. `journal` is the whole node's, and
//! absent where nothing is journaled.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Map, Value, json};

use crate::platform::journal::{Journal, Measures};
use crate::shared::{Clock, Signal};
use crate::telemetry::application::ledger::Account;
use crate::telemetry::application::{Durability, Ledger};
use crate::tenancy::Caller;

/// Path of the ledger, on the API's listener.
pub const STATS_PATH: &str = "/api/v2/ingest/stats";

/// What is told.
#[derive(Clone)]
pub struct Stats {
    pub durability: Durability,
    pub ledger: Arc<Ledger>,
    pub journal: Option<Arc<Journal>>,
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Stats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stats").field("durability", &self.durability).finish_non_exhaustive()
    }
}

impl Stats {
    /// The journal's numbers, as `/readyz` tells them, too.
    pub fn journal_value(&self) -> Option<Value> {
        let measures = self.journal.as_ref()?.measures();
        Some(journal_value(&measures, self.clock.as_ref()))
    }
}

pub(super) async fn handle(State(stats): State<Stats>, Extension(caller): Extension<Caller>) -> Response {
    let accounts = stats.ledger.accounts(&caller.tenant);
    let signals: Map<String, Value> = Signal::ALL
        .iter()
        .zip(&accounts)
        .map(|(signal, account)| (signal.name().to_owned(), account_value(account)))
        .collect();
    let mut body = json!({
        "tenant": caller.tenant.as_str(),
        "durability": stats.durability.name(),
        "signals": signals,
    });
    if let (Some(journal), Some(body)) = (stats.journal_value(), body.as_object_mut()) {
        body.insert("journal".to_owned(), journal);
    }
    ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response()
}

fn account_value(account: &Account) -> Value {
    let reasons: Map<String, Value> =
        account.rejected().map(|(reason, items)| (reason.name().to_owned(), items.into())).collect();
    let total: u64 = account.rejected().map(|(_, items)| items).sum();
    json!({
        "received": account.received,
        "stored": account.stored,
        "rejected": { "total": total, "reasons": reasons },
        "deadLettered": account.dead_lettered,
        "inFlight": account.in_flight,
        "lost": account.lost,
    })
}

fn journal_value(measures: &Measures, clock: &dyn Clock) -> Value {
    let age = measures.oldest.map(|oldest| clock.now().since(oldest).as_millis());
    let syncs = measures.syncs;
    let mean =
        syncs.total.as_secs_f64() * 1e3 / f64::from(u32::try_from(syncs.count.max(1)).unwrap_or(u32::MAX));
    json!({
        "bytes": measures.live_bytes,
        "bytesMax": measures.bytes_max,
        "records": measures.records,
        "recordBytes": measures.record_bytes,
        "oldestAgeMs": age.map(|age| u64::try_from(age).unwrap_or(u64::MAX)),
        "seals": measures.seals,
        "syncs": { "count": syncs.count, "meanMs": (mean * 1e3).round() / 1e3 },
        "failed": measures.is_failed,
    })
}
