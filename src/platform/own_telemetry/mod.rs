//! The server's own metrics and traces, sent by OTLP over HTTP: to a Collector, to another server, or to itself.
//!
//! Every request of ours says by its `traceparent` that nobody keeps its spans, so that a server which sends to itself makes no
//! spans of sending spans.

mod exposition;
mod otlp_metrics;
mod traces;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use self::otlp_metrics::Counted;
use super::lifecycle::Lifecycle;
use crate::shared::{Clock, Timestamp, causes};

pub use traces::{OwnTraces, OwnTracesError};

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Of a trace that nobody keeps (W3C Trace Context, section 3.2.2.5).
const UNSAMPLED: &str = "00-00000000000000000000000000000001-0000000000000001-00";
const TRACEPARENT: &str = "traceparent";

/// Where to, and how much.
#[derive(Debug, Clone)]
pub struct ExportOptions {
    /// What `/v1/metrics` and `/v1/traces` stand behind.
    pub base: Url,
    /// Sent as `Authorization: Bearer`.
    pub key: Option<SecretString>,
    /// Between two exports of the metrics.
    pub metrics_interval: Duration,
    /// Of a thousand traces that begin here so many are sent; 0 is none, also of those that began elsewhere.
    pub traces_per_thousand: u64,
    /// Tells this process from others (`service.instance.id`).
    pub instance: String,
}

impl ExportOptions {
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }

    /// What every request bears. A key that is no header value is left out, and refused there.
    fn headers(&self) -> Vec<(&'static str, String)> {
        let key = self.key.as_ref().map(|key| ("authorization", format!("Bearer {}", key.expose_secret())));
        [(TRACEPARENT, UNSAMPLED.to_owned())].into_iter().chain(key).collect()
    }

    fn resource(&self) -> [(&'static str, String); 3] {
        [
            ("service.name", env!("CARGO_PKG_NAME").to_owned()),
            ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("service.instance.id", self.instance.clone()),
        ]
    }
}

/// Writes the exposition; absent if it cannot be.
pub type Expose = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// Why an export failed. Names no URL and no key.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error("it cannot be sent")]
    NotSent(#[source] reqwest::Error),
    #[error("it is answered {0}")]
    Refused(reqwest::StatusCode),
}

/// Sends the metrics at each interval until the server stops.
pub fn export_metrics(
    options: ExportOptions,
    expose: Expose,
    clock: Arc<dyn Clock>,
    lifecycle: &Lifecycle,
) -> reqwest::Result<()> {
    let exporter = Exporter {
        http: reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()?,
        since: nanos(clock.now()),
        options,
        expose,
        clock,
    };
    let stop = lifecycle.stop_token();
    lifecycle.spawn("own metrics", async move { _ = stop.run_until_cancelled(exporter.run()).await });
    Ok(())
}

struct Exporter {
    http: reqwest::Client,
    options: ExportOptions,
    expose: Expose,
    clock: Arc<dyn Clock>,
    since: u64,
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Exporter {
    async fn run(&self) {
        let mut ticks = tokio::time::interval(self.options.metrics_interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut fails = false;
        loop {
            ticks.tick().await;
            // Said once, and not every few seconds for as long as the other side is away.
            match self.export().await {
                Ok(()) if fails => tracing::info!("the own metrics are sent again"),
                Err(error) if !fails => {
                    tracing::warn!(error = causes(&error), "the own metrics were not sent");
                    fails = true;
                    continue;
                }
                Ok(()) => {}
                Err(_) => continue,
            }
            fails = false;
        }
    }

    async fn export(&self) -> Result<(), ExportError> {
        let Some(text) = (self.expose)() else { return Ok(()) };
        let counted = Counted { since: self.since, at: nanos(self.clock.now()) };
        let request = otlp_metrics::request(&exposition::read(&text), &self.options.resource(), counted);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        for (name, value) in self.options.headers() {
            if let Ok(mut value) = HeaderValue::try_from(value) {
                value.set_sensitive(name == AUTHORIZATION.as_str());
                headers.insert(name, value);
            }
        }
        let sent = self.http.post(self.options.url("/v1/metrics")).headers(headers);
        let answer = sent.body(request.encode_to_vec()).send().await;
        let answer = answer.map_err(|error| ExportError::NotSent(error.without_url()))?;
        if answer.status().is_success() { Ok(()) } else { Err(ExportError::Refused(answer.status())) }
    }
}

fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.nanos()).unwrap_or_default()
}
