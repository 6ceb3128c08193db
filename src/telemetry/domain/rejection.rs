//! Why items are rejected, what is merely remarkable, and the exact count of both.

/// Most examples that an answer names.
const EXAMPLES_MAX: usize = 5;
/// Longest metric name in an example, in characters.
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
    /// Why a point is not stored.
    Rejection {
        NameEmpty = "name_empty", "the metric has no name";
        NameTooLong = "name_too_long", "the metric name is longer than 1024 bytes";
        NameNotUtf8 = "name_not_utf8", "the metric name is not UTF-8";
        UnitTooLong = "unit_too_long", "the unit is longer than 256 bytes";
        UnitNotUtf8 = "unit_not_utf8", "the unit is not UTF-8";
        TemporalityUnknown = "temporality_unknown", "the aggregation temporality is neither delta nor cumulative";
        KindUnsupported = "kind_unsupported", "histograms, exponential histograms and summaries are not yet supported";
        TimeMissing = "time_missing", "the point has no time";
        TimeTooOld = "time_too_old", "the point is older than [ingest] accept_past allows";
        TimeInFuture = "time_in_future", "the point is further ahead than [ingest] accept_future allows";
        ValueMissing = "value_missing", "the point has no value";
        CounterNegative = "counter_negative", "a monotonic sum cannot be negative";
        AttributesTooDeep = "attributes_too_deep", "attribute values are nested more than 64 deep";
        SeriesText = "series_text", "the new series of the request take more memory than [ingest] body_bytes_max allows";
        SeriesLimit = "series_limit", "the tenant has as many series as [ingest] series_max_per_tenant allows";
    }
}

named_reasons! {
    /// What was accepted, but is worth a word to the sender.
    Warning {
        StartAfterTime = "start_after_time", "a start time after the point's time was treated as unknown";
        MetricEmpty = "metric_empty", "a metric without data was ignored";
        AttributeKeyEmpty = "attribute_key_empty", "attributes with an empty key were dropped";
        AttributeKeyTwice = "attribute_key_twice", "of attributes with the same key the last was kept";
        AttributeCut = "attribute_cut", "over-long attribute keys or values were cut";
        AttributesTooMany = "attributes_too_many", "attributes beyond the 128th of a point, scope or resource were dropped";
        TextNotUtf8 = "text_not_utf8", "bytes that are not UTF-8 were replaced";
    }
}

/// What was found while a request was checked: exact counts, and a few examples for the answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Findings {
    rejected: [u64; Rejection::ALL.len()],
    warned: [u64; Warning::ALL.len()],
    examples: Vec<(Box<str>, Rejection)>,
}

impl Findings {
    pub fn reject(&mut self, metric: &[u8], reason: Rejection, points: u64) {
        if points == 0 {
            return;
        }
        if let Some(count) = self.rejected.get_mut(reason as usize) {
            *count += points;
        }
        if self.examples.len() < EXAMPLES_MAX && !self.names(metric, reason) {
            self.examples.push((shown(metric), reason));
        }
    }

    fn names(&self, metric: &[u8], reason: Rejection) -> bool {
        self.examples.iter().any(|(name, known)| *known == reason && **name == *shown(metric))
    }

    pub fn warn(&mut self, warning: Warning) {
        if let Some(count) = self.warned.get_mut(warning as usize) {
            *count += 1;
        }
    }

    /// Points rejected, in all.
    pub fn rejected_points(&self) -> u64 {
        self.rejected.iter().sum()
    }

    /// Reasons that occurred, with their counts.
    pub fn rejections(&self) -> impl Iterator<Item = (Rejection, u64)> {
        Rejection::ALL.iter().copied().zip(self.rejected.iter().copied()).filter(|(_, count)| *count > 0)
    }

    pub fn warnings(&self) -> impl Iterator<Item = (Warning, u64)> {
        Warning::ALL.iter().copied().zip(self.warned.iter().copied()).filter(|(_, count)| *count > 0)
    }

    /// A sentence for the sender, naming counts, reasons and the first few metrics. Empty if there is nothing to say.
    pub fn message(&self) -> String {
        let mut parts: Vec<String> =
            self.rejections().map(|(reason, count)| self.rejection_text(reason, count)).collect();
        parts.extend(
            self.warnings().map(|(warning, count)| format!("warning: {} ({count} times)", warning.text())),
        );
        parts.join("; ")
    }

    fn rejection_text(&self, reason: Rejection, count: u64) -> String {
        let metrics: Vec<String> =
            self.examples.iter().filter(|(_, r)| *r == reason).map(|(name, _)| format!("'{name}'")).collect();
        let of =
            if metrics.is_empty() { String::new() } else { format!(" (metrics: {})", metrics.join(", ")) };
        format!("{count} points rejected: {}{of}", reason.text())
    }
}

/// A name from outside, shortened, without control characters.
fn shown(metric: &[u8]) -> Box<str> {
    let text = String::from_utf8_lossy(metric.get(..EXAMPLE_NAME_CHARS_MAX * 4).unwrap_or(metric));
    let clean: String = text.chars().filter(|c| !c.is_control()).take(EXAMPLE_NAME_CHARS_MAX).collect();
    clean.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_and_examples_are_few() {
        let mut findings = Findings::default();
        for metric in 0..100 {
            findings.reject(format!("m{metric}").as_bytes(), Rejection::TimeMissing, 2);
        }
        findings.reject(b"other", Rejection::ValueMissing, 1);
        assert_eq!(findings.rejected_points(), 201);
        assert_eq!(
            findings.message(),
            "200 points rejected: the point has no time (metrics: 'm0', 'm1', 'm2', 'm3', 'm4'); 1 points rejected: the point has no value"
        );
    }

    #[test]
    fn names_from_outside_are_shortened_and_stripped() {
        let mut findings = Findings::default();
        findings.reject(&[b"a\x1b[31m\n".as_slice(), &[b'x'; 500]].concat(), Rejection::NameTooLong, 1);
        let message = findings.message();
        assert!(!message.contains(char::is_control) && message.len() < 200, "{message}");
    }

    #[test]
    fn nothing_found_is_nothing_said() {
        let mut findings = Findings::default();
        findings.reject(b"m", Rejection::TimeMissing, 0);
        assert_eq!((findings.message().as_str(), findings.rejected_points()), ("", 0));
        findings.warn(Warning::StartAfterTime);
        assert_eq!(
            findings.message(),
            "warning: a start time after the point's time was treated as unknown (1 times)"
        );
        assert_eq!(findings.rejected_points(), 0);
    }
}
