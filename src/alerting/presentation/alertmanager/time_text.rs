//! Times as Alertmanager reads them: RFC 3339.

use crate::shared::Timestamp;

/// What programs in Go send for a time that was not set.
const GO_ZERO: &str = "0001-01-01T00:00:00";

/// A time as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    At(Timestamp),
    NotSet,
}

/// Absent if the text is no time, or one before 1970 or after 2099.
pub(super) fn parse(text: &str) -> Option<Sent> {
    if text.is_empty() || text.starts_with(GO_ZERO) {
        return Some(Sent::NotSet);
    }
    let at: jiff::Timestamp = text.parse().ok()?;
    Timestamp::from_unix_nanos(u64::try_from(at.as_nanosecond()).ok()?).map(Sent::At)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let at = Timestamp::from_nanos(1_795_000_000_123_456_789);
        assert_eq!(parse("2026-11-18T12:06:40.123456789+01:00"), Some(Sent::At(at)));
        assert_eq!(parse("0001-01-01T00:00:00.000Z"), Some(Sent::NotSet));
        assert_eq!(parse(""), Some(Sent::NotSet));
        for wrong in ["yesterday", "1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "2026-11-18"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
