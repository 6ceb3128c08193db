//! `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).

use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;

/// Nobody makes us wait for longer.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// A date is read against the `Date` of the same answer, so that our clock does not matter. `None` for anything else.
pub(super) fn parse(value: &str, answered_at: Option<&str>) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        let wait = value.parse().map_or(RETRY_AFTER_MAX, Duration::from_secs);
        return Some(wait.min(RETRY_AFTER_MAX));
    }
    let dates = DateTimeParser::new();
    let until = dates.parse_timestamp(value).ok()?;
    let from = dates.parse_timestamp(answered_at?).ok()?;
    let wait = Duration::try_from(until.duration_since(from)).unwrap_or_default();
    Some(wait.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWERED: Option<&str> = Some("Wed, 21 Oct 2026 07:28:00 GMT");

    #[test]
    fn seconds_and_dates_are_read() {
        for (value, seconds) in [
            ("120", Some(120)),
            (" 1 ", Some(1)),
            ("0", Some(0)),
            ("99999999999999999999999", Some(3_600)),
            ("Wed, 21 Oct 2026 07:28:30 GMT", Some(30)),
            ("Wed, 21 Oct 2026 07:27:30 GMT", Some(0)),
            ("Wed, 21 Oct 2099 07:28:00 GMT", Some(3_600)),
            ("soon", None),
            ("-1", None),
            ("1.5", None),
            ("", None),
        ] {
            assert_eq!(parse(value, ANSWERED), seconds.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn a_date_means_nothing_without_the_date_of_the_answer() {
        assert_eq!(parse("Wed, 21 Oct 2026 07:28:30 GMT", None), None);
    }
}
