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

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

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
        serde_json::to_value(self.journal_body()?).ok()
    }

    fn journal_body(&self) -> Option<JournalBody> {
        let measures = self.journal.as_ref()?.measures();
        Some(JournalBody::new(&measures, self.clock.as_ref()))
    }
}

#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct StatsBody<'a> {
    tenant: &'a str,
    /// `journal`, `store` or `memory`.
    durability: &'static str,
    /// By `metrics`, `logs` and `traces`.
    signals: BTreeMap<&'static str, AccountBody>,
    /// The whole node's; absent where nothing is journaled.
    #[serde(skip_serializing_if = "Option::is_none")]
    journal: Option<JournalBody>,
}

/// Items: `received = stored + rejected + deadLettered + inFlight + lost`.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountBody {
    received: u64,
    stored: u64,
    rejected: RejectedBody,
    dead_lettered: u64,
    in_flight: u64,
    lost: u64,
}

#[derive(Debug, JsonSchema, Serialize)]
struct RejectedBody {
    total: u64,
    reasons: BTreeMap<&'static str, u64>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct JournalBody {
    bytes: u64,
    bytes_max: u64,
    /// That wait for the store, and their bytes.
    records: u64,
    record_bytes: u64,
    /// Null if none waits.
    oldest_age_ms: Option<u64>,
    /// Batches that are on their way.
    seals: u64,
    syncs: SyncsBody,
    failed: bool,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct SyncsBody {
    count: u64,
    mean_ms: f64,
}

pub(super) async fn handle(State(stats): State<Stats>, Extension(caller): Extension<Caller>) -> Response {
    let accounts = stats.ledger.accounts(&caller.tenant);
    let signals = Signal::ALL.iter().zip(&accounts);
    let body = StatsBody {
        tenant: caller.tenant.as_str(),
        durability: stats.durability.name(),
        signals: signals.map(|(signal, account)| (signal.name(), AccountBody::new(account))).collect(),
        journal: stats.journal_body(),
    };
    ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response()
}

impl AccountBody {
    fn new(account: &Account) -> Self {
        let reasons: BTreeMap<&'static str, u64> =
            account.rejected().map(|(reason, items)| (reason.name(), items)).collect();
        Self {
            received: account.received,
            stored: account.stored,
            rejected: RejectedBody { total: reasons.values().sum(), reasons },
            dead_lettered: account.dead_lettered,
            in_flight: account.in_flight,
            lost: account.lost,
        }
    }
}

impl JournalBody {
    fn new(measures: &Measures, clock: &dyn Clock) -> Self {
        let age = measures.oldest.map(|oldest| clock.now().since(oldest).as_millis());
        let syncs = measures.syncs;
        let mean = syncs.total.as_secs_f64() * 1e3
            / f64::from(u32::try_from(syncs.count.max(1)).unwrap_or(u32::MAX));
        Self {
            bytes: measures.live_bytes,
            bytes_max: measures.bytes_max,
            records: measures.records,
            record_bytes: measures.record_bytes,
            oldest_age_ms: age.map(|age| u64::try_from(age).unwrap_or(u64::MAX)),
            seals: measures.seals,
            syncs: SyncsBody { count: syncs.count, mean_ms: (mean * 1e3).round() / 1e3 },
            failed: measures.is_failed,
        }
    }
}
