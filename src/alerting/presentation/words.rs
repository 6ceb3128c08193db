//! Labels and times as alerting's answers write them.

use std::collections::BTreeMap;

use crate::alerting::domain::label_set::LabelSet;
use crate::shared::Timestamp;

/// Names with their texts.
pub type Labels = BTreeMap<String, String>;

pub fn labels(set: &LabelSet) -> Labels {
    set.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Since the epoch.
pub const fn milliseconds(at: Timestamp) -> i64 {
    at.nanos().div_euclid(1_000_000)
}

/// RFC 3339 in UTC, with as many digits as it takes.
pub fn time(at: Timestamp) -> String {
    moment(at).to_string()
}

/// RFC 3339 in UTC, to the millisecond.
pub fn time_to_the_millisecond(at: Timestamp) -> String {
    format!("{:.3}", moment(at))
}

/// Every timestamp of ours is one of jiff's.
fn moment(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_nanosecond(at.nanos().into()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_what_digits_they_need_or_to_the_millisecond() {
        let [exact, whole] =
            [1_795_000_000_123_456_789, 1_795_000_000_000_000_000].map(Timestamp::from_nanos);
        assert_eq!([time(exact), time(whole)], ["2026-11-18T11:06:40.123456789Z", "2026-11-18T11:06:40Z"]);
        let short = [exact, whole].map(time_to_the_millisecond);
        assert_eq!(short, ["2026-11-18T11:06:40.123Z", "2026-11-18T11:06:40.000Z"]);
        assert_eq!(milliseconds(exact), 1_795_000_000_123);
    }
}
