//! Durations as people write them: `250ms`, `30s`, `5m`, `1h30m`, `7d`.

use std::time::Duration;

/// Why a text is not a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DurationTextError {
    #[error("a duration is written like 250ms, 30s, 5m, 1h30m or 7d")]
    Syntax,
    #[error("the duration is too long")]
    TooLong,
}

/// Reads `<number><unit>` one or more times; units are `ms`, `s`, `m`, `h`, `d`, `w`.
pub fn parse(text: &str) -> Result<Duration, DurationTextError> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(DurationTextError::Syntax);
    }
    let mut total_ms: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at(letters);
        if number.is_empty() {
            return Err(DurationTextError::Syntax);
        }
        let number: u64 = number.parse().map_err(|_| DurationTextError::TooLong)?;
        let unit_ms = unit_ms(unit).ok_or(DurationTextError::Syntax)?;
        total_ms = number
            .checked_mul(unit_ms)
            .and_then(|part| total_ms.checked_add(part))
            .filter(|total| i64::try_from(*total).is_ok_and(|t| t.checked_mul(1_000_000).is_some()))
            .ok_or(DurationTextError::TooLong)?;
        rest = tail;
    }
    Ok(Duration::from_millis(total_ms))
}

fn unit_ms(unit: &str) -> Option<u64> {
    Some(match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return None,
    })
}

/// Writes a duration in the largest units that say it exactly to the millisecond: `1h30m`.
pub fn format(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, ms) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest >= ms {
            text.push_str(&format!("{}{unit}", rest / ms));
            rest %= ms;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, ms) in
            [("250ms", 250), ("30s", 30_000), ("5m", 300_000), ("1h30m", 5_400_000), ("7d", 604_800_000)]
        {
            let duration = parse(text).unwrap();
            assert_eq!(duration, Duration::from_millis(ms), "{text}");
            assert_eq!(format(duration), text);
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in ["", "5", "m", "5x", "-5m", "5 m", "1.5h", "99999999999999999999s", "5m-"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse("300000000d"), Err(DurationTextError::TooLong));
    }
}
