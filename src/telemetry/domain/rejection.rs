//! Why items are rejected, what is merely remarkable, and the exact count of both.

use crate::shared::Signal;

/// Most examples that an answer names.
const EXAMPLES_MAX: usize = 5;
/// Longest name in an example, in characters.
const EXAMPLE_NAME_CHARS_MAX: usize = 64;

macro_rules! named_reasons {
    ($(#[$meta:meta])* $type:ident { $($variant:ident = $name:literal, $text:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $type { $($variant),+ }

        impl $type {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Stable name, for counters.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The reason in words, for answers.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

named_reasons! {
    /// Why an item is not stored.
    Rejection {
        NameEmpty = "name_empty", "the metric has no name";
        NameTooLong = "name_too_long", "the metric name is longer than 1024 bytes";
        NameNotUtf8 = "name_not_utf8", "the metric name is not UTF-8";
        UnitTooLong = "unit_too_long", "the unit is longer than 256 bytes";
        UnitNotUtf8 = "unit_not_utf8", "the unit is not UTF-8";
        TemporalityUnknown = "temporality_unknown", "the aggregation temporality is neither delta nor cumulative";
        TimeMissing = "time_missing", "the point has no time";
        TimeTooOld = "time_too_old", "older than [ingest] accept_past or the signal's retention allows";
        TimeInFuture = "time_in_future", "further ahead than [ingest] accept_future allows";
        StartMissing = "start_missing", "the span has no start time";
        TraceIdInvalid = "trace_id_invalid", "the trace id is not 16 bytes, or all zero";
        SpanIdInvalid = "span_id_invalid", "the span id is not 8 bytes, or all zero";
        ValueMissing = "value_missing", "the point has no value";
        CounterNegative = "counter_negative", "a monotonic sum cannot be negative";
        BucketsAndBounds = "buckets_and_bounds", "a histogram has one bucket more than bounds, or neither";
        BoundsOrder = "bounds_order", "the bounds of a histogram increase and are numbers";
        CountMismatch = "count_mismatch", "the buckets of a histogram do not hold what its count says";
        BucketIndex = "bucket_index", "the index of a bucket is beyond 32 bits";
        ScaleRange = "scale_range", "the scale of an exponential histogram is not from -11 to 52: its bounds would be no doubles";
        QuantileRange = "quantile_range", "a quantile is not from 0 to 1";
        AttributesTooDeep = "attributes_too_deep", "attribute values are nested more than 64 deep";
        SeriesLimit = "series_limit", "the tenant has as many series as [ingest] series_max_per_tenant allows";
    }
}

named_reasons! {
    /// What was accepted, but is worth a word to the sender.
    Warning {
        StartAfterTime = "start_after_time", "a start time after the point's time was treated as unknown";
        MetricEmpty = "metric_empty", "a metric without data or of an unknown kind was ignored";
        ExemplarInvalid = "exemplar_invalid", "exemplars without a value, without a time that can be stored or with unreadable attributes were left out";
        ExemplarUntied = "exemplar_untied", "exemplars with an invalid trace or span id were kept without it";
        EndBeforeStart = "end_before_start", "an end before the span's start, or after 2100, was treated as the start";
        ParentIdInvalid = "parent_id_invalid", "a parent span id that is not 8 bytes, or all zero, was treated as absent";
        TraceIdInvalid = "trace_id_invalid", "a log record's trace id that is not 16 bytes, or all zero, was treated as absent";
        SpanIdInvalid = "span_id_invalid", "a log record's span id that is not 8 bytes, or all zero, was treated as absent";
        ObservedTimeInvalid = "observed_time_invalid", "an observed time after 2100 was treated as unknown";
        EventTimeInvalid = "event_time_invalid", "an event time after 2100 was treated as unknown";
        BodyCut = "body_cut", "over-long log bodies were cut";
        TextCut = "text_cut", "over-long names, versions, messages or other texts were cut";
        AttributeKeyEmpty = "attribute_key_empty", "attributes with an empty key were dropped";
        AttributeKeyTwice = "attribute_key_twice", "of attributes with the same key the last was kept";
        AttributeCut = "attribute_cut", "over-long attribute keys or values were cut";
        AttributesTooMany = "attributes_too_many", "attributes of an item, scope or resource beyond [ingest] attributes_max were dropped";
        TextNotUtf8 = "text_not_utf8", "bytes that are not UTF-8 were replaced";
    }
}

/// What was found while a request was checked: exact counts, and a few examples for the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Findings {
    signal: Signal,
    rejected: [u64; Rejection::ALL.len()],
    warned: [u64; Warning::ALL.len()],
    examples: Vec<Example>,
}

/// One of the items that were rejected.
#[derive(Debug, Clone, PartialEq)]
struct Example {
    reason: Rejection,
    /// As sent, its beginning.
    name: Box<[u8]>,
    /// Shortened and without control characters.
    shown: Box<str>,
}

impl Findings {
    pub const fn new(signal: Signal) -> Self {
        Self {
            signal,
            rejected: [0; Rejection::ALL.len()],
            warned: [0; Warning::ALL.len()],
            examples: Vec::new(),
        }
    }

    pub const fn signal(&self) -> Signal {
        self.signal
    }

    /// Counts rejected items whose names are not known any more.
    pub fn reject_unnamed(&mut self, reason: Rejection, items: u64) {
        if let Some(count) = self.rejected.get_mut(reason as usize) {
            *count += items;
        }
    }

    /// Counts rejected items. `name` helps their sender to find them: of the metric, of the span.
    pub fn reject(&mut self, name: &[u8], reason: Rejection, items: u64) {
        if items == 0 {
            return;
        }
        self.reject_unnamed(reason, items);
        if self.examples.len() < EXAMPLES_MAX {
            let name = name.get(..EXAMPLE_NAME_CHARS_MAX * 4).unwrap_or(name);
            self.add_example(name, reason);
        }
    }

    /// Compares bytes before it makes a text: thousands of items may have the same name.
    fn add_example(&mut self, name: &[u8], reason: Rejection) {
        if !self.examples.iter().any(|example| example.reason == reason && *example.name == *name) {
            self.examples.push(Example { reason, name: name.into(), shown: shown(name) });
        }
    }

    pub fn warn(&mut self, warning: Warning) {
        if let Some(count) = self.warned.get_mut(warning as usize) {
            *count += 1;
        }
    }

    /// Items rejected, in all.
    pub fn rejected_items(&self) -> u64 {
        self.rejected.iter().sum()
    }

    /// Reasons that occurred, with their counts.
    pub fn rejections(&self) -> impl Iterator<Item = (Rejection, u64)> {
        Rejection::ALL.iter().copied().zip(self.rejected.iter().copied()).filter(|(_, count)| *count > 0)
    }

    /// Names of the first few items that were rejected for this reason, shortened and without control characters.
    pub fn examples(&self, reason: Rejection) -> impl Iterator<Item = &str> {
        self.examples.iter().filter(move |example| example.reason == reason).map(|example| &*example.shown)
    }

    pub fn warnings(&self) -> impl Iterator<Item = (Warning, u64)> {
        Warning::ALL.iter().copied().zip(self.warned.iter().copied()).filter(|(_, count)| *count > 0)
    }

    /// A sentence for the sender, naming counts, reasons and the first few metrics or spans. Empty if there is nothing to say.
    pub fn message(&self) -> String {
        let mut parts: Vec<String> =
            self.rejections().map(|(reason, count)| self.rejection_text(reason, count)).collect();
        parts.extend(
            self.warnings().map(|(warning, count)| format!("warning: {} ({count} times)", warning.text())),
        );
        parts.join("; ")
    }

    fn rejection_text(&self, reason: Rejection, count: u64) -> String {
        let names: Vec<String> = self.examples(reason).map(|name| format!("'{name}'")).collect();
        let named = match self.signal {
            Signal::Metrics => "metrics",
            Signal::Logs => "scopes",
            Signal::Traces => "spans",
        };
        let of = if names.is_empty() { String::new() } else { format!(" ({named}: {})", names.join(", ")) };
        format!("{count} {} rejected: {}{of}", self.signal.items(), reason.text())
    }
}

/// A name from outside, shortened, without control characters.
fn shown(name: &[u8]) -> Box<str> {
    let text = String::from_utf8_lossy(name);
    let clean: String = text.chars().filter(|c| !c.is_control()).take(EXAMPLE_NAME_CHARS_MAX).collect();
    clean.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_and_examples_are_few() {
        let mut findings = Findings::new(Signal::Metrics);
        for metric in 0..100 {
            findings.reject(format!("m{metric}").as_bytes(), Rejection::TimeMissing, 2);
        }
        findings.reject(b"other", Rejection::ValueMissing, 1);
        assert_eq!(findings.rejected_items(), 201);
        assert_eq!(
            findings.message(),
            "200 points rejected: the point has no time (metrics: 'm0', 'm1', 'm2', 'm3', 'm4'); 1 points rejected: the point has no value"
        );
    }

    #[test]
    fn names_from_outside_are_shortened_and_stripped() {
        let mut findings = Findings::new(Signal::Metrics);
        findings.reject(&[b"a\x1b[31m\n".as_slice(), &[b'x'; 500]].concat(), Rejection::NameTooLong, 1);
        let message = findings.message();
        assert!(!message.contains(char::is_control) && message.len() < 200, "{message}");
    }

    #[test]
    fn nothing_found_is_nothing_said() {
        let mut findings = Findings::new(Signal::Metrics);
        findings.reject(b"m", Rejection::TimeMissing, 0);
        assert_eq!((findings.message().as_str(), findings.rejected_items()), ("", 0));
        findings.warn(Warning::StartAfterTime);
        assert_eq!(
            findings.message(),
            "warning: a start time after the point's time was treated as unknown (1 times)"
        );
        assert_eq!(findings.rejected_items(), 0);
    }
}
