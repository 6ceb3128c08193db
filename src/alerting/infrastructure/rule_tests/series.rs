//! One series of a rule test: fields as people write them become an identity and points that arrive.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::numbers::{POINTS_MAX, values};
use super::{START, optional, time};
use crate::alerting::application::rehearse::{Arrival, Arriving};
use crate::alerting::domain::rule_words::WatchedMetric;
use crate::alerting::infrastructure::fields::{Fields, KnownFields, Problems, RuleFault};
use crate::shared::distribution::{Distribution, ExplicitBuckets, ExponentialBuckets, Shape};
use crate::shared::{
    Attribute, MetricKind, PastPoint, PastValue, SeriesId, SeriesIdentity, Temporality, TenantId, Timestamp,
};

pub const SERIES_FIELDS: KnownFields = KnownFields(&[
    "metric",
    "tenant",
    "labels",
    "kind",
    "temporality",
    "monotonic",
    "from",
    "every",
    "delay",
    "start",
    "values",
    "bounds",
    "scale",
    "offset",
    "points",
]);
pub const POINT_FIELDS: KnownFields = KnownFields(&["times", "counts", "sum", "min", "max", "reset"]);

/// Most bounds of a histogram, and most counts of a point.
const BUCKETS_MAX: usize = 200;

/// What was read: series, and all that arrives.
#[derive(Debug, Default)]
pub struct SeriesReader {
    pub series: Vec<SeriesIdentity>,
    pub arrivals: Vec<Arrival>,
}

impl SeriesReader {
    /// How much more a test may have.
    pub fn room(&self) -> usize {
        POINTS_MAX.saturating_sub(self.arrivals.len())
    }

    /// The place of a series; entries of the same identity are one.
    fn place(&mut self, mut identity: SeriesIdentity) -> usize {
        let known = self.series.iter().position(|known| {
            identity.id = known.id;
            *known == identity
        });
        known.unwrap_or_else(|| {
            let place = self.series.len();
            identity.id = SeriesId(u64::try_from(place).unwrap_or_default() + 1);
            self.series.push(identity);
            place
        })
    }
}

/// When points are taken, and when they come.
#[derive(Debug, Clone, Copy)]
pub struct Rhythm {
    from: Duration,
    every: Duration,
    pub delay: Duration,
    /// Since when counters count, if they say so.
    start: Option<Duration>,
}

/// Adds a series, or notes what is wrong with it.
pub fn read_series(
    value: &Value,
    prefix: &str,
    into: &mut SeriesReader,
    problems: &mut Problems,
) -> Option<()> {
    let fields = Fields::of(value, prefix, &SERIES_FIELDS, problems)?;
    let metric = fields.text("metric", problems);
    let metric = metric.and_then(|text| problems.check(&fields.path("metric"), WatchedMetric::parse(text)));
    let tenant = tenant(&fields, problems)?;
    let labels = fields.pairs("labels", problems);
    let kind = kind(&fields, problems);
    let rhythm = rhythm(&fields, problems);
    let (kind, rhythm) = (kind?, rhythm?);
    let points = if kind.has_numbers() {
        numbers(&fields, kind, rhythm, into.room(), problems)
    } else {
        distributions(&fields, kind, rhythm, into.room(), problems)
    };
    let mut attributes: Vec<Attribute> =
        labels?.into_iter().map(|(key, value)| Attribute { key, value }).collect();
    attributes.sort_unstable();
    let metric = metric?.as_str().into();
    let series = into.place(SeriesIdentity::labelled(SeriesId(0), tenant, metric, kind, attributes));
    let arrive = |point: PastPoint| Arrival {
        at: point.time.plus(rhythm.delay),
        what: Arriving::Point { series, point },
    };
    into.arrivals.extend(points?.into_iter().map(arrive));
    Some(())
}

/// The tenant that sends it; the one of a server without keys by default.
pub fn tenant(fields: &Fields<'_>, problems: &mut Problems) -> Option<TenantId> {
    match optional(fields, "tenant", problems)? {
        None => Some(TenantId::unnamed()),
        Some(text) => problems.check(&fields.path("tenant"), TenantId::parse(text)),
    }
}

fn kind(fields: &Fields<'_>, problems: &mut Problems) -> Option<MetricKind> {
    let temporality = match fields.text_or("temporality", "cumulative", problems)? {
        "cumulative" => Some(Temporality::Cumulative),
        "delta" => Some(Temporality::Delta),
        _ => None,
    };
    let allowed = "cumulative, delta";
    let temporality =
        problems.check(&fields.path("temporality"), temporality.ok_or(RuleFault::Word { allowed }))?;
    let monotonic = fields.flag_or("monotonic", true, problems)?;
    let kind = match fields.text_or("kind", "gauge", problems)? {
        "gauge" => Some(MetricKind::Gauge),
        "sum" => Some(MetricKind::Sum { temporality, monotonic }),
        "histogram" => Some(MetricKind::Histogram { temporality }),
        "exponential_histogram" => Some(MetricKind::ExponentialHistogram { temporality }),
        _ => None,
    };
    let allowed = "gauge, sum, histogram, exponential_histogram";
    problems.check(&fields.path("kind"), kind.ok_or(RuleFault::Word { allowed }))
}

/// When, as `from`, `every` and `delay` say.
pub fn rhythm(fields: &Fields<'_>, problems: &mut Problems) -> Option<Rhythm> {
    let from = time(fields, "from", problems)?.unwrap_or_default();
    let every = time(fields, "every", problems)?.unwrap_or(Duration::from_secs(1));
    let delay = time(fields, "delay", problems)?.unwrap_or_default();
    let start = time(fields, "start", problems)?;
    if every.is_zero() {
        problems.add(&fields.path("every"), RuleFault::Kind { expected: "a time above 0s" });
        return None;
    }
    Some(Rhythm { from, every, delay, start })
}

impl Rhythm {
    pub fn times(self) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(Some(START.plus(self.from)), move |time| Some(time.plus(self.every)))
    }

    fn began(self) -> Timestamp {
        self.start.map_or(Timestamp::EPOCH, |start| START.plus(start))
    }

    /// Since when a counter counts that was reset after the point at `before`.
    fn began_anew(self, before: Timestamp) -> Timestamp {
        if self.start.is_some() { before } else { Timestamp::EPOCH }
    }
}

fn numbers(
    fields: &Fields<'_>,
    kind: MetricKind,
    rhythm: Rhythm,
    room: usize,
    problems: &mut Problems,
) -> Option<Vec<PastPoint>> {
    refuse(fields, &["bounds", "scale", "offset", "points"], "gauges and sums", problems)?;
    let text = fields.text("values", problems)?;
    let values = problems.check(&fields.path("values"), values(text, room))?;
    let mut start = rhythm.began();
    let mut before: Option<(Timestamp, f64)> = None;
    let mut points = Vec::with_capacity(values.len());
    for (time, value) in rhythm.times().zip(values) {
        let Some(value) = value else { continue };
        if let Some((at, _)) = before.filter(|(_, was)| kind.is_cumulative_counter() && value < *was) {
            start = rhythm.began_anew(at);
        }
        before = Some((time, value));
        points.push(PastPoint { time, start, value: PastValue::Number(value) });
    }
    Some(points)
}

/// What one entry of `points` observes, each time.
struct Observed {
    counts: Vec<u64>,
    sum: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
}

fn distributions(
    fields: &Fields<'_>,
    kind: MetricKind,
    rhythm: Rhythm,
    room: usize,
    problems: &mut Problems,
) -> Option<Vec<PastPoint>> {
    refuse(fields, &["values"], "histograms, which have points", problems)?;
    let buckets = Buckets::read(fields, kind, problems)?;
    fields.required("points", problems)?;
    let list = fields.list("points", problems)?;
    let mut points = Vec::new();
    let (mut times, mut start, mut before) = (rhythm.times(), rhythm.began(), None);
    let mut total: Option<Distribution> = None;
    let mut left = room;
    for (at, entry) in list.iter().enumerate() {
        let prefix = format!("{}{}.", fields.path("points "), at + 1);
        let entry = Fields::of(entry, &prefix, &POINT_FIELDS, problems)?;
        let repeated = entry.count_or("times", 1, 1..=200_000, problems)?;
        let repeated = usize::try_from(repeated).unwrap_or(usize::MAX);
        left = problems
            .check(&entry.path("times"), left.checked_sub(repeated).ok_or(RuleFault::TooMany(POINTS_MAX)))?;
        if entry.flag_or("reset", false, problems)? {
            total = None;
            start = before.map_or(start, |at| rhythm.began_anew(at));
        }
        let observed = observed(&entry, problems)?;
        for time in times.by_ref().take(repeated) {
            let Some(observed) = &observed else { continue };
            let shape = problems.check(&entry.path("counts"), buckets.shape(&observed.counts))?;
            let count = observed.counts.iter().fold(0_u64, |all, count| all.saturating_add(*count));
            let mut distribution = Distribution { count, sum: observed.sum, shape };
            if kind.temporality() == Some(Temporality::Cumulative) {
                if let Some(total) = &total {
                    distribution.add(total);
                }
                total = Some(distribution.clone());
            }
            before = Some(time);
            let (min, max) = (observed.min, observed.max);
            points.push(PastPoint {
                time,
                start,
                value: PastValue::Observed { observed: distribution, min, max },
            });
        }
    }
    Some(points)
}

/// `None` within for an entry without counts: no point comes.
fn observed(entry: &Fields<'_>, problems: &mut Problems) -> Option<Option<Observed>> {
    if entry.get("counts").is_none() {
        return Some(None);
    }
    let list = entry.list("counts", problems)?;
    let counts: Option<Vec<u64>> = list.iter().map(Value::as_u64).collect();
    let counts = counts.filter(|counts| counts.len() <= BUCKETS_MAX);
    let expected = "a list of at most 200 counts";
    let counts = problems.check(&entry.path("counts"), counts.ok_or(RuleFault::Kind { expected }))?;
    let (sum, min, max) =
        (entry.number("sum", problems)?, entry.number("min", problems)?, entry.number("max", problems)?);
    Some(Some(Observed { counts, sum, min, max }))
}

/// Where the buckets of a histogram lie.
enum Buckets {
    Explicit(Arc<[f64]>),
    Exponential { scale: i32, offset: i32 },
}

impl Buckets {
    fn read(fields: &Fields<'_>, kind: MetricKind, problems: &mut Problems) -> Option<Self> {
        if matches!(kind, MetricKind::Histogram { .. }) {
            refuse(fields, &["scale", "offset"], "explicit bounds", problems)?;
            let list = fields.list("bounds", problems)?;
            let bounds: Option<Arc<[f64]>> = list.iter().map(Value::as_f64).collect();
            let bounds = bounds.filter(|bounds| bounds.len() < BUCKETS_MAX);
            let expected = "a list of less than 200 numbers";
            let bounds =
                problems.check(&fields.path("bounds"), bounds.ok_or(RuleFault::Kind { expected }))?;
            return Some(Self::Explicit(bounds));
        }
        refuse(fields, &["bounds"], "exponential histograms", problems)?;
        let scale = integer(fields, "scale", -10..=20, "an integer of -10 to 20", problems)?;
        let offset =
            integer(fields, "offset", -100_000..=100_000, "an integer of -100000 to 100000", problems)?;
        Some(Self::Exponential { scale, offset })
    }

    fn shape(&self, counts: &[u64]) -> Result<Shape, RuleFault> {
        match self {
            Self::Explicit(bounds) => {
                let buckets = ExplicitBuckets::new(Arc::clone(bounds), counts.into());
                buckets.map(Shape::Explicit).ok_or(RuleFault::Buckets)
            }
            Self::Exponential { scale, offset } => {
                let buckets = ExponentialBuckets::new(*scale, (0, 0.0), (*offset, counts), (0, &[]));
                Ok(Shape::Exponential(buckets))
            }
        }
    }
}

fn integer(
    fields: &Fields<'_>,
    field: &str,
    bounds: std::ops::RangeInclusive<i32>,
    expected: &'static str,
    problems: &mut Problems,
) -> Option<i32> {
    let Some(value) = fields.get(field) else { return Some(0) };
    let integer = value.as_i64().and_then(|value| i32::try_from(value).ok());
    let integer = integer.filter(|value| bounds.contains(value));
    problems.check(&fields.path(field), integer.ok_or(RuleFault::Kind { expected }))
}

/// Notes fields that say nothing about such a series.
fn refuse(fields: &Fields<'_>, names: &[&str], with: &'static str, problems: &mut Problems) -> Option<()> {
    let told: Vec<&&str> = names.iter().filter(|name| fields.get(name).is_some()).collect();
    for name in &told {
        problems.add(&fields.path(name), RuleFault::WithoutEffect { with });
    }
    told.is_empty().then_some(())
}
