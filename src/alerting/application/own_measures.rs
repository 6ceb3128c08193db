//! What the server measures about itself, for the built-in rules: readings of its parts become points of `telemetryflow.*`.
//!
//! Points go straight to the evaluator; nothing is stored. Durations are in seconds.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::delivery::outboxes::{ChannelHealth, Course};
use crate::shared::{
    Attribute, MetricKind, MetricsIngested, NumberColumns, NumberRow, SeriesId, SeriesIdentity, SeriesWatch,
    Temporality, TenantId, Timestamp,
};

/// A counter since the process started.
const COUNTER: MetricKind = MetricKind::Sum { temporality: Temporality::Cumulative, monotonic: true };

/// Port: how ingestion and the store do.
pub trait ServerState: Send + Sync {
    fn read(&self) -> ServerReading;
}

/// Ingestion and the store at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServerReading {
    /// Items that were ever accepted; also by processes before this one, where the journal remembers.
    pub accepted: u64,
    /// Those of them that are neither stored nor set aside.
    pub in_flight: u64,
    pub inserts: Inserts,
    /// Absent where nothing is journaled.
    pub journal: Option<JournalReading>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserts {
    Pass,
    /// At least one has been tried again for longer than a moment.
    Fail,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JournalReading {
    /// Of what it may take, 0 to 1.
    pub used_ratio: f64,
    pub course: JournalCourse,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalCourse {
    Works,
    /// It takes nothing any more.
    Failed,
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnReading {
    pub server: ServerReading,
    /// Absent where the state database could not be asked.
    pub channels: Option<Vec<ChannelHealth>>,
    /// How far evaluation is behind ingestion.
    pub lag: Duration,
    /// Events that were not evaluated since the process started.
    pub events_missed: u64,
    /// Points and series that were not watched for want of room since then.
    pub crowded_out: u64,
}

/// Remembers since when something has been so.
#[derive(Debug)]
pub struct OwnMeasures {
    tenant: TenantId,
    started: Timestamp,
    accepted: Since<u64>,
    settled: Since<u64>,
    failing_since: Option<Timestamp>,
    channels_failing: BTreeMap<Box<str>, Timestamp>,
}

/// A value, and when it was seen to change.
#[derive(Debug, Clone, Copy)]
struct Since<V> {
    value: V,
    at: Timestamp,
}

impl<V: PartialEq> Since<V> {
    /// How long it has been like this.
    fn unchanged(&mut self, value: V, now: Timestamp) -> Duration {
        if value != self.value {
            *self = Self { value, at: now };
        }
        now.since(self.at)
    }
}

/// One point.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    pub metric: &'static str,
    pub kind: MetricKind,
    pub channel: Option<Box<str>>,
    pub value: f64,
}

impl OwnMeasures {
    pub const fn new(tenant: TenantId, now: Timestamp) -> Self {
        let nothing = Since { value: 0, at: now };
        Self {
            tenant,
            started: now,
            accepted: nothing,
            settled: nothing,
            failing_since: None,
            channels_failing: BTreeMap::new(),
        }
    }

    pub fn measure(&mut self, reading: &OwnReading, now: Timestamp) -> Vec<Measured> {
        let mut points = Points(Vec::new());
        points.gauge("telemetryflow.up", 1.0);
        self.server(&reading.server, now, &mut points);
        if let Some(channels) = &reading.channels {
            self.channels(channels, now, &mut points);
        }
        points.gauge("telemetryflow.alerting.lag", reading.lag.as_secs_f64());
        points.counter("telemetryflow.alerting.events_missed", reading.events_missed);
        points.counter("telemetryflow.alerting.crowded_out", reading.crowded_out);
        points.0
    }

    fn server(&mut self, server: &ServerReading, now: Timestamp, points: &mut Points) {
        let idle = self.accepted.unchanged(server.accepted, now);
        // Where nothing ever came, nothing is missing.
        let idle = if server.accepted == 0 { Duration::ZERO } else { idle };
        points.gauge("telemetryflow.ingest.idle", idle.as_secs_f64());
        points.gauge("telemetryflow.store.failing", self.store_failing(server, now).as_secs_f64());
        if let Some(JournalReading { used_ratio, course }) = server.journal {
            let failed = if course == JournalCourse::Failed { 1.0 } else { 0.0 };
            points.gauge("telemetryflow.journal.used_ratio", used_ratio);
            points.gauge("telemetryflow.journal.failed", failed);
        }
    }

    /// How long inserts have failed, or have not come to an end at all.
    fn store_failing(&mut self, server: &ServerReading, now: Timestamp) -> Duration {
        let stuck = self.settled.unchanged(server.accepted.saturating_sub(server.in_flight), now);
        if server.in_flight == 0 {
            self.settled.at = now;
        }
        let stuck = if server.in_flight == 0 { Duration::ZERO } else { stuck };
        let failing = match server.inserts {
            Inserts::Pass => {
                self.failing_since = None;
                Duration::ZERO
            }
            Inserts::Fail => now.since(*self.failing_since.get_or_insert(now)),
        };
        failing.max(stuck)
    }

    fn channels(&mut self, channels: &[ChannelHealth], now: Timestamp, points: &mut Points) {
        let fails = |health: &&ChannelHealth| health.course == Course::Fails;
        let before = std::mem::take(&mut self.channels_failing);
        for health in channels.iter().filter(fails) {
            let since = before.get(&health.name).copied().unwrap_or(now);
            self.channels_failing.insert(health.name.clone(), since);
        }
        for ChannelHealth { name, dead, .. } in channels {
            let failing = self.channels_failing.get(name).map_or(Duration::ZERO, |since| now.since(*since));
            points.of_channel("telemetryflow.notifications.failing", name, failing.as_secs_f64());
            points.of_channel("telemetryflow.notifications.dead", name, exact(*dead));
        }
    }

    /// The points as the evaluator takes them.
    pub fn event(&self, measured: &[Measured], watch: &dyn SeriesWatch, now: Timestamp) -> MetricsIngested {
        let mut columns = NumberColumns::new(self.tenant.clone());
        for point in measured {
            let series = self.series(point);
            columns.begin_run(point.metric, point.kind);
            columns.push(NumberRow {
                series: series.id,
                watch: watch.watch(&series),
                time: now,
                start: self.started,
                value: point.value,
                integer_rest: 0,
                integer: false,
                flags: 0,
            });
        }
        columns.finish();
        MetricsIngested { columns: vec![columns.into()] }
    }

    fn series(&self, point: &Measured) -> SeriesIdentity {
        let Measured { metric, kind, channel, .. } = point;
        let mut hash = DefaultHasher::new();
        (metric, channel).hash(&mut hash);
        let channel = channel.iter().map(|name| Attribute { key: "channel".into(), value: (&**name).into() });
        let (id, tenant) = (SeriesId(hash.finish()), self.tenant.clone());
        SeriesIdentity::labelled(id, tenant, (*metric).into(), *kind, channel.collect())
    }
}

struct Points(Vec<Measured>);

impl Points {
    fn gauge(&mut self, metric: &'static str, value: f64) {
        self.0.push(Measured { metric, kind: MetricKind::Gauge, channel: None, value });
    }

    fn counter(&mut self, metric: &'static str, value: u64) {
        self.0.push(Measured { metric, kind: COUNTER, channel: None, value: exact(value) });
    }

    fn of_channel(&mut self, metric: &'static str, channel: &str, value: f64) {
        self.0.push(Measured { metric, kind: MetricKind::Gauge, channel: Some(channel.into()), value });
    }
}

#[expect(clippy::cast_precision_loss, reason = "points are doubles; no such count comes near 2^53")]
const fn exact(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
