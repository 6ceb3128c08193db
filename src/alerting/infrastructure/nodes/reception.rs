//! `POST /internal/v1/reports`: what other nodes tell the one that evaluates the rules. For nodes alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use parking_lot::Mutex;
use prost::Message;
use tokio::sync::Notify;

use super::wire::{NewsMark, PROTOBUF, REPORT_BYTES_MAX, Receipt, Report};
use super::{News, interest_to_wire, sighting_of, wire};
use crate::alerting::application::commands::EvaluatorHandle;
use crate::alerting::application::node_metrics::NodeMetrics;
use crate::alerting::domain::watchlist::Watchlist;
use crate::platform::http::Problem;
use crate::platform::http::json_body::{Body, whole};
use crate::platform::nodes::NodeSecret;
use crate::shared::{SeriesWatch, WatchEpoch};

pub const REPORTS_PATH: &str = "/internal/v1/reports";

/// When a node asks again that was asked too early or too late.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Nodes that are remembered.
const SENDERS_MAX: usize = 1_024;

/// What a node receives reports with, as long as it evaluates the rules.
pub struct Reception {
    pub secret: NodeSecret,
    pub evaluator: EvaluatorHandle,
    pub watchlist: Arc<Watchlist>,
    pub metrics: NodeMetrics,
    /// Told of when a report says that something was lost.
    pub gaps: Arc<Notify>,
    pub news: News,
    pub memory: Memory,
}

/// What is remembered of reports.
#[derive(Debug)]
pub struct Memory {
    /// Differs each time a node begins to evaluate rules. The lower bits are those of an epoch.
    term: u64,
    senders: Mutex<HashMap<u64, Arc<tokio::sync::Mutex<Option<u64>>>>>,
    interest: Mutex<Option<(WatchEpoch, wire::Interest)>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { term: fastrand::u64(..), senders: Mutex::default(), interest: Mutex::default() }
    }
}

impl Memory {
    /// The number of the last report that was taken, which only one asks for at a time.
    fn sender(&self, sender: u64) -> Arc<tokio::sync::Mutex<Option<u64>>> {
        let mut senders = self.senders.lock();
        if senders.len() >= SENDERS_MAX {
            senders.clear();
        }
        Arc::clone(senders.entry(sender).or_default())
    }

    fn interest_id(&self, epoch: WatchEpoch) -> u64 {
        // Never 0.
        (self.term << 16) | (u64::from(epoch.number()) << 1) | 1
    }

    fn interest(&self, watchlist: &Watchlist) -> wire::Interest {
        let mut known = self.interest.lock();
        match &*known {
            Some((epoch, interest)) if *epoch == watchlist.epoch() => interest.clone(),
            _ => {
                let (epoch, interest) = watchlist.interest();
                let wire = interest_to_wire(self.interest_id(epoch), &interest);
                *known = Some((epoch, wire.clone()));
                wire
            }
        }
    }
}

pub fn router(reception: Arc<Reception>) -> Router {
    Router::new()
        .route(REPORTS_PATH, post(receive))
        .layer(DefaultBodyLimit::max(REPORT_BYTES_MAX))
        .with_state(reception)
}

async fn receive(
    State(reception): State<Arc<Reception>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    if !reception.secret.is_shown_by(&headers) {
        return Err(Problem::unauthorized("this is for the other nodes"));
    }
    let report = Report::decode(whole(body, REPORT_BYTES_MAX)?)
        .map_err(|error| Problem::invalid(format!("no report: {error}")))?;
    let mark = report.news;
    let receipt = reception.with_news(reception.take(report).await?, mark);
    Ok(([(CONTENT_TYPE, PROTOBUF)], receipt.encode_to_vec()).into_response())
}

impl Reception {
    fn with_news(&self, receipt: Receipt, known: Option<NewsMark>) -> Receipt {
        let term = self.memory.term;
        let (alerts, next) = self.news.since(known.filter(|mark| mark.term == term).map(|mark| mark.next));
        Receipt { alerts, news: Some(NewsMark { term, next }), ..receipt }
    }

    async fn take(&self, report: Report) -> Result<Receipt, Problem> {
        if report.gap {
            self.metrics.gaps.inc();
            self.gaps.notify_one();
        }
        let epoch = self.watchlist.epoch();
        if report.interest != self.memory.interest_id(epoch) && !report.follows {
            let interest = Some(self.memory.interest(&self.watchlist));
            return Ok(Receipt { interest, ..Receipt::default() });
        }
        let (sender, number) = (self.memory.sender(report.sender), report.number);
        let mut last = sender.lock().await;
        // It comes again because the answer got lost.
        if last.is_some_and(|last| number <= last) {
            return Ok(Receipt::default());
        }
        let seen = sighting_of(report).map_err(|error| Problem::invalid(error.to_string()))?;
        if !seen.is_empty() {
            self.metrics.items_taken.inc_by(u64::try_from(seen.len()).unwrap_or_default());
            let evaluated = self.evaluator.sighted(seen).await;
            evaluated.map_err(|error| Problem::unavailable(error.to_string(), RETRY_AFTER))?;
        }
        *last = Some(number);
        Ok(Receipt::default())
    }
}
