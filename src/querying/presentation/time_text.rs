//! Moments as people write them in queries: RFC 3339, unix time in s, ms, us or ns, `now`, `now-15m`.

use crate::shared::{Timestamp, duration_text};

/// A moment, and whether it moves with the present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Fixed(Timestamp),
    /// Relative to now: it is put on the edge of a bucket, so that a dashboard's next request asks the same question.
    Moving(Timestamp),
}

impl Moment {
    /// To the nanosecond, also if it moves.
    pub fn exact(self) -> Timestamp {
        match self {
            Self::Fixed(at) | Self::Moving(at) => at,
        }
    }
}

/// Absent if the text is none of the forms, or lies before 1970 or after [`Timestamp::LATEST`].
pub fn parse(text: &str, now: Timestamp) -> Option<Moment> {
    let text = text.trim();
    if let Some(offset) = text.strip_prefix("now") {
        return relative(offset, now).map(Moment::Moving);
    }
    let number = text.bytes().all(|b| b.is_ascii_digit() || b == b'.').then(|| unix(text));
    number.unwrap_or_else(|| rfc3339(text)).map(Moment::Fixed)
}

fn relative(offset: &str, now: Timestamp) -> Option<Timestamp> {
    if offset.is_empty() {
        return Some(now);
    }
    let (sign, duration) = offset.split_at_checked(1)?;
    let duration = duration_text::parse(duration).ok()?;
    match sign {
        "-" => Some(now.minus(duration)).filter(|at| *at >= Timestamp::EPOCH),
        "+" => Some(now.plus(duration)).filter(|at| *at <= Timestamp::LATEST),
        _ => None,
    }
}

/// The unit follows from the size: seconds up to the year 5138, then milliseconds, microseconds, nanoseconds.
fn unix(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let number: u64 = whole.parse().ok()?;
    let unit: u64 = match number {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    let mut part = 0;
    let mut weight = unit;
    for digit in fraction.bytes().take(9) {
        weight /= 10;
        part += u64::from(digit.checked_sub(b'0').filter(|d| *d < 10)?) * weight;
    }
    Timestamp::from_unix_nanos(number.checked_mul(unit)?.checked_add(part)?)
}

fn rfc3339(text: &str) -> Option<Timestamp> {
    // A '+' that was not escaped in a URL arrives as a space.
    let timestamp: jiff::Timestamp = text.replace(' ', "+").parse().ok()?;
    Timestamp::from_unix_nanos(u64::try_from(timestamp.as_nanosecond()).ok()?)
}

/// RFC 3339 in UTC, as answers write it.
pub fn format(at: Timestamp) -> String {
    jiff::Timestamp::from_nanosecond(at.nanos().into())
        .map_or_else(|_| at.nanos().to_string(), |t| t.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_nanos(1_795_000_000_123_456_789);

    fn nanos(text: &str) -> Option<i64> {
        parse(text, NOW).map(|moment| match moment {
            Moment::Fixed(at) | Moment::Moving(at) => at.nanos(),
        })
    }

    #[test]
    fn every_form_means_the_same_moment() {
        for text in [
            "1795000000",
            "1795000000.0",
            "1795000000000",
            "1795000000000000",
            "1795000000000000000",
            "2026-11-18T11:06:40Z",
            "2026-11-18T12:06:40+01:00",
            "2026-11-18T12:06:40 01:00",
        ] {
            assert_eq!(nanos(text), Some(1_795_000_000_000_000_000), "{text}");
        }
        assert_eq!(nanos("1795000000.25"), Some(1_795_000_000_250_000_000));
    }

    #[test]
    fn relative_moments_move() {
        assert_eq!(parse("now", NOW), Some(Moment::Moving(NOW)));
        assert_eq!(
            parse("now-15m", NOW),
            Some(Moment::Moving(NOW.minus(std::time::Duration::from_secs(900))))
        );
        assert_eq!(nanos("now+1s"), Some(NOW.nanos() + 1_000_000_000));
    }

    #[test]
    fn everything_else_is_no_moment() {
        for text in [
            "",
            "yesterday",
            "now-",
            "now-5",
            "now*5m",
            "-5",
            "1e9",
            "99999999999999999999",
            "2026-13-01T00:00:00Z",
            "now-90000d",
            ".",
            "1.x",
            "1900-01-01T00:00:00Z",
            "2200-01-01T00:00:00Z",
            "now+90000d",
        ] {
            assert_eq!(parse(text, NOW), None, "{text}");
        }
    }
}
