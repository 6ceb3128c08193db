//! Numbers as people like to read them in messages.

/// Digits that a measured value is shown with. More would be noise beside a threshold.
const DIGITS: i32 = 4;

/// A measured value: `0.93`, `12.5`, `40213`, `1.2e9`.
pub fn measured(value: f64) -> String {
    if !value.is_finite() || value == 0.0 {
        return exact(value);
    }
    let magnitude = value.abs();
    if !(1e-4..1e7).contains(&magnitude) {
        return trimmed(&format!("{value:.3e}"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "the logarithm of a double is small")]
    let before_point = magnitude.log10().floor() as i32 + 1;
    let decimals = usize::try_from(DIGITS - before_point).unwrap_or_default();
    trimmed(&format!("{value:.decimals$}"))
}

/// A measured value, shown exactly where the short form would look like the threshold beside it.
pub fn measured_beside(value: f64, threshold: f64) -> String {
    let short = measured(value);
    if value.to_bits() != threshold.to_bits() && short == exact(threshold) { exact(value) } else { short }
}

/// Every digit of a number, in the shorter of the plain and the scientific form.
pub fn exact(value: f64) -> String {
    let (plain, scientific) = (format!("{value}"), format!("{value:e}"));
    if plain.len() > 7 && scientific.len() < plain.len() { scientific } else { plain }
}

/// Without the zeros that end the decimals.
fn trimmed(text: &str) -> String {
    let (number, exponent) = text.find('e').map_or((text, ""), |at| text.split_at(at));
    let number =
        if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    format!("{number}{exponent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measured_values_are_short() {
        for (value, text) in [
            (0.933_333_3, "0.9333"),
            (0.93, "0.93"),
            (0.0, "0"),
            (12.5, "12.5"),
            (-3.0, "-3"),
            (1234.567, "1235"),
            (40_213.0, "40213"),
            (1_200_000_000.0, "1.2e9"),
            (0.000_012_345, "1.234e-5"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(measured(value), text);
        }
    }

    #[test]
    fn exact_numbers_keep_every_digit() {
        for (value, text) in [(0.8, "0.8"), (2.0, "2"), (1e12, "1e12"), (1_234_567.25, "1234567.25")] {
            assert_eq!(exact(value), text);
        }
    }

    #[test]
    fn a_value_never_looks_like_the_threshold_that_it_passed() {
        assert_eq!(measured_beside(0.800_001, 0.8), "0.800001");
        assert_eq!(measured_beside(0.8, 0.8), "0.8");
        assert_eq!(measured_beside(0.912_345, 0.8), "0.9123");
    }
}
