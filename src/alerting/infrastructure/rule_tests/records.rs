//! Log records and spans of a rule test: how many come, or how long they took, with the labels that rules know them by.

use std::time::Duration;

use serde_json::Value;

use super::numbers::{POINTS_MAX, values};
use super::series::{Rhythm, SeriesReader, rhythm, tenant};
use crate::alerting::application::rehearse::{Arrival, Arriving};
use crate::alerting::domain::record::{SEVERITIES, SPAN_KINDS, STATUSES};
use crate::alerting::infrastructure::fields::{Fields, KnownFields, Problems, RuleFault};
use crate::shared::{PastRecord, RecordLabels, TenantId, Timestamp};

pub const LOG_FIELDS: KnownFields = KnownFields(&["tenant", "labels", "from", "every", "delay", "counts"]);
pub const SPAN_FIELDS: KnownFields =
    KnownFields(&["tenant", "labels", "from", "every", "delay", "durations", "times"]);

/// Most spans of one duration that end at once.
const TIMES_MAX: u64 = 10_000;

/// Adds log records, or notes what is wrong with them.
pub fn read_logs(
    value: &Value,
    prefix: &str,
    into: &mut SeriesReader,
    problems: &mut Problems,
) -> Option<()> {
    let fields = Fields::of(value, prefix, &LOG_FIELDS, problems)?;
    let words = [("severity", &SEVERITIES[..], "unspecified, trace, debug, info, warn, error, fatal")];
    let senders = Senders::read(&fields, &words, problems);
    let counts = fields.text("counts", problems)?;
    let counts = problems.check(&fields.path("counts"), values(counts, into.room()))?;
    let senders = senders?;
    for (time, count) in senders.rhythm.times().zip(counts) {
        let count = problems.check(&fields.path("counts"), whole(count.unwrap_or_default()))?;
        senders.send(time, None, count, "counts", &fields, into, problems)?;
    }
    Some(())
}

/// Adds spans, or notes what is wrong with them.
pub fn read_spans(
    value: &Value,
    prefix: &str,
    into: &mut SeriesReader,
    problems: &mut Problems,
) -> Option<()> {
    let fields = Fields::of(value, prefix, &SPAN_FIELDS, problems)?;
    let words = [
        ("kind", &SPAN_KINDS[..], "unspecified, internal, server, client, producer, consumer"),
        ("status", &STATUSES[..], "unset, ok, error"),
    ];
    let senders = Senders::read(&fields, &words, problems);
    let times = fields.count_or("times", 1, 1..=TIMES_MAX, problems)?;
    let durations = fields.text("durations", problems)?;
    let durations = problems.check(&fields.path("durations"), values(durations, into.room()))?;
    let senders = senders?;
    for (time, seconds) in senders.rhythm.times().zip(durations) {
        let Some(seconds) = seconds else { continue };
        let duration = Duration::try_from_secs_f64(seconds);
        let duration = duration.map_err(|_| RuleFault::Kind { expected: "a list of seconds" });
        let duration = problems.check(&fields.path("durations"), duration)?;
        senders.send(time, Some(duration), times, "times", &fields, into, problems)?;
    }
    Some(())
}

fn whole(count: f64) -> Result<u64, RuleFault> {
    #[expect(clippy::cast_precision_loss, reason = "a bound of a few digits")]
    let fits = count >= 0.0 && count.fract() == 0.0 && count <= POINTS_MAX as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small whole number")]
    let whole = count as u64;
    fits.then_some(whole).ok_or(RuleFault::Kind { expected: "a list of counts" })
}

/// Who sends records, and when.
struct Senders {
    tenant: TenantId,
    labels: RecordLabels,
    rhythm: Rhythm,
}

impl Senders {
    /// Labels of these names have only these values.
    fn read(
        fields: &Fields<'_>,
        words: &[(&str, &[&str], &'static str)],
        problems: &mut Problems,
    ) -> Option<Self> {
        let tenant = tenant(fields, problems);
        let rhythm = rhythm(fields, problems);
        let labels = fields.pairs("labels", problems)?;
        let mut known = Some(());
        for &(name, values, allowed) in words {
            let given = labels.iter().find(|(label, _)| **label == *name);
            if given.is_some_and(|(_, value)| !values.contains(&&**value)) {
                problems.add(&fields.path(&format!("labels.{name}")), RuleFault::Word { allowed });
                known = None;
            }
        }
        known?;
        Some(Self { tenant: tenant?, labels: labels.into(), rhythm: rhythm? })
    }

    /// So many records of one moment.
    #[expect(clippy::too_many_arguments, reason = "a record, and where it stands in the file")]
    fn send(
        &self,
        time: Timestamp,
        duration: Option<Duration>,
        count: u64,
        field: &str,
        fields: &Fields<'_>,
        into: &mut SeriesReader,
        problems: &mut Problems,
    ) -> Option<()> {
        let count = usize::try_from(count).ok().filter(|count| *count <= into.room());
        let count = problems.check(&fields.path(field), count.ok_or(RuleFault::TooMany(POINTS_MAX)))?;
        let record = PastRecord { time, labels: self.labels.clone(), duration };
        let what = Arriving::Record { tenant: self.tenant.clone(), record };
        let arrival = Arrival { at: time.plus(self.rhythm.delay), what };
        into.arrivals.extend(std::iter::repeat_n(arrival, count));
        Some(())
    }
}
