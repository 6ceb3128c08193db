//! Reads `[telemetry]`: where the server's own metrics and traces go.

use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;

use super::external_url::plain_address;
use super::reader::{Reader, text_of};

const BASE_ALLOWED: &str = "allowed: the address of a server that speaks OTLP over HTTP, like http://127.0.0.1:4318, without user and query";

/// The server's own metrics and traces.
#[derive(Debug, Clone)]
pub struct Telemetry {
    /// What `/v1/metrics` and `/v1/traces` stand behind; absent: they go nowhere.
    pub otlp: Option<Url>,
    /// Sent along as a bearer.
    pub key: Option<SecretString>,
    /// Between two exports of the metrics: 1 s to 1 h.
    pub metrics_interval: Duration,
    /// Traces that are sent of a thousand that begin here; 0 to 1000.
    pub traces_per_thousand: u64,
}

pub(super) fn read(reader: &mut Reader) -> Telemetry {
    let otlp = match reader.is_written("telemetry.otlp") {
        true => reader.read("telemetry.otlp", None, |written| {
            let base = text_of(written).and_then(plain_address);
            base.map(Some).ok_or_else(|| BASE_ALLOWED.to_owned())
        }),
        false => None,
    };
    let key = match reader.is_written("telemetry.key") {
        true => Some(SecretString::from(reader.text("telemetry.key"))),
        false => None,
    };
    Telemetry {
        otlp,
        key,
        metrics_interval: reader
            .duration("telemetry.metrics_interval", Duration::from_secs(1)..=Duration::from_secs(3_600)),
        traces_per_thousand: reader.count("telemetry.traces_per_thousand", 0..=1_000),
    }
}
