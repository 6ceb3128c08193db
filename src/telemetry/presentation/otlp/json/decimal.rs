//! Numbers in JSON's spelling (RFC 8259, section 6), read exactly: as a whole number, or as the nearest double.

/// Most digits of a number that fits 64 bits.
const DIGITS_MAX: usize = 20;

/// The parts of a number, not yet a value.
struct Decimal<'t> {
    negative: bool,
    whole: &'t [u8],
    fraction: &'t [u8],
    exponent: i64,
}

impl<'t> Decimal<'t> {
    fn parse(text: &'t str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let (whole, rest) = digits(rest);
        if whole.is_empty() || (whole.len() > 1 && whole.starts_with(b"0")) {
            return None;
        }
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => Some(digits(rest)).filter(|(fraction, _)| !fraction.is_empty())?,
            _ => (&[][..], rest),
        };
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', rest @ ..] => exponent(rest)?,
            _ => return None,
        };
        Some(Self { negative, whole, fraction, exponent })
    }

    /// Not every digit that is written matters: `1000e-3` and `0.001e3` are both 1.
    fn to_whole(&self) -> Option<i128> {
        let written = self.whole.iter().chain(self.fraction);
        let leading = written.clone().take_while(|digit| **digit == b'0').count();
        let trailing = written.clone().rev().take_while(|digit| **digit == b'0').count();
        let significant = (self.whole.len() + self.fraction.len()).saturating_sub(leading + trailing);
        if significant == 0 {
            return Some(0);
        }
        let after_point = i64::try_from(self.fraction.len()).ok()?;
        let exponent = self.exponent.checked_sub(after_point)?.checked_add(i64::try_from(trailing).ok()?)?;
        let zeros = usize::try_from(exponent).ok()?;
        if significant > DIGITS_MAX || zeros > DIGITS_MAX - significant {
            return None;
        }
        let digits = written.skip(leading).take(significant).chain(std::iter::repeat_n(&b'0', zeros));
        let value = digits.fold(0, |value, digit| 10 * value + i128::from(digit - b'0'));
        Some(if self.negative { -value } else { value })
    }
}

/// The digits at the beginning, and the rest.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// The exponent after its `e`; one beyond 64 bits is as good as the largest.
fn exponent(text: &[u8]) -> Option<i64> {
    let (sign, rest) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        rest => (1, rest),
    };
    let (written, rest) = digits(rest);
    if written.is_empty() || !rest.is_empty() {
        return None;
    }
    let add = |value: i64, digit: &u8| value.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
    Some(written.iter().fold(0, add) * sign)
}

/// A whole number of at most twenty digits; `None` if it is another number or none at all.
pub fn whole(text: &str) -> Option<i128> {
    match text.as_bytes() {
        // Times and counters: digits and nothing else.
        [b'1'..=b'9', ..] if text.len() < DIGITS_MAX => match text.parse::<u64>() {
            Ok(value) => Some(value.into()),
            Err(_) => Decimal::parse(text)?.to_whole(),
        },
        _ => Decimal::parse(text)?.to_whole(),
    }
}

/// The nearest double; `None` if it would be infinite or the text is no number.
pub fn double(text: &str) -> Option<f64> {
    Decimal::parse(text)?;
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_in_every_spelling() {
        let cases = [
            ("0", 0),
            ("-0", 0),
            ("0.000", 0),
            ("0e999999999999999999999", 0),
            ("7", 7),
            ("-12", -12),
            ("1.0", 1),
            ("1e3", 1_000),
            ("1E+3", 1_000),
            ("1.50e1", 15),
            ("1000e-3", 1),
            ("0.001e3", 1),
            ("18446744073709551615", u64::MAX.into()),
            ("18446744073709551615.000", u64::MAX.into()),
            ("1.8446744073709551615e19", u64::MAX.into()),
            ("-9223372036854775808", i64::MIN.into()),
            ("99999999999999999999", 99_999_999_999_999_999_999),
        ];
        for (text, expected) in cases {
            assert_eq!(whole(text), Some(expected), "{text}");
        }
        let zeros = format!("0.{}1e100001", "0".repeat(100_000));
        assert_eq!(whole(&zeros), Some(1));
    }

    #[test]
    fn what_is_not_whole_or_too_long_is_refused() {
        for text in
            ["1.5", "1e-1", "15e-1", "1e20", "100000000000000000000", "1e99999999999999999999", "-1.01"]
        {
            assert_eq!(whole(text), None, "{text}");
            assert!(double(text).is_some() || text.len() > 20, "{text}");
        }
    }

    #[test]
    fn what_json_does_not_call_a_number_is_refused() {
        let cases = [
            "", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "1.e1", " 1", "1 ", "0x10", "1_000", "inf",
            "NaN", "Infinity", "1e1.0", "--1", "1-", "١", "1f",
        ];
        for text in cases {
            assert_eq!((whole(text), double(text)), (None, None), "{text}");
        }
    }

    #[test]
    fn doubles_are_the_nearest_and_never_infinite() {
        assert_eq!(double("-0").map(f64::to_bits), Some((-0.0_f64).to_bits()));
        assert_eq!(double("5e-324"), Some(5e-324));
        assert_eq!(double("1e-400"), Some(0.0));
        assert_eq!(double("1e400"), None);
    }
}
