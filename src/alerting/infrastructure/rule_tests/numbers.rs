//! Runs of numbers as people write them: `20x30 35 _x5 0+5x60`.

use crate::alerting::infrastructure::fields::RuleFault;

/// Most points of one test.
pub const POINTS_MAX: usize = 200_000;

/// The values in order of time; `None` where no point comes. At most `room` of them.
///
/// Words are separated by spaces: `20` is a value, `20x30` the same thirty times, `0+5x60` begins at 0 and grows by 5 (`-` falls),
/// `_` and `_x5` are times without a point.
pub fn values(text: &str, room: usize) -> Result<Vec<Option<f64>>, RuleFault> {
    let mut values = Vec::new();
    for word in text.split_ascii_whitespace() {
        let wrong = || RuleFault::Values(word.into());
        let (head, times) = match word.rsplit_once('x') {
            Some((head, times)) => (head, times.parse::<usize>().map_err(|_| wrong())?),
            None => (word, 1),
        };
        if times > room.saturating_sub(values.len()) {
            return Err(RuleFault::TooMany(POINTS_MAX));
        }
        let mut run = Run::parse(head).ok_or_else(wrong)?;
        values.extend((0..times).map(|_| run.next()));
    }
    Ok(values)
}

enum Run {
    None,
    Numbers { next: f64, step: f64 },
}

impl Run {
    fn parse(text: &str) -> Option<Self> {
        if text == "_" {
            return Some(Self::None);
        }
        if let Ok(next) = text.parse() {
            return Some(Self::Numbers { next, step: 0.0 });
        }
        let mut before = 'e';
        for (at, sign) in text.char_indices() {
            // The sign of a number or of its exponent is no step.
            if matches!(sign, '+' | '-') && !matches!(before, 'e' | 'E') {
                let (first, step) = text.split_at(at);
                return Some(Self::Numbers { next: first.parse().ok()?, step: step.parse().ok()? });
            }
            before = sign;
        }
        None
    }

    fn next(&mut self) -> Option<f64> {
        match self {
            Self::None => None,
            Self::Numbers { next, step } => {
                let value = *next;
                *next += *step;
                Some(value)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_read_as_they_look() {
        let read = |text| {
            let shown = |value: Option<f64>| value.map_or("_".to_owned(), |value| value.to_string());
            values(text, 100).unwrap().into_iter().map(shown).collect::<Vec<_>>().join(" ")
        };
        for (text, numbers) in [
            ("", ""),
            ("20x3 _ 35", "20 20 20 _ 35"),
            ("_x2", "_ _"),
            ("0+5x3", "0 5 10"),
            ("-1-2x2 1e-1+1x2", "-1 -3 0.1 1.1"),
            ("7x0 1", "1"),
            ("NaN", "NaN"),
        ] {
            assert_eq!(read(text), numbers, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for wrong in ["x", "1x", "x3", "1x-1", "a", "1+", "1++2", "__", "1,2"] {
            let error = values(&format!("1 {wrong} 2"), 100).unwrap_err();
            assert!(error.to_string().contains(&format!("{wrong:?}")), "{error}");
        }
    }

    #[test]
    fn there_is_room_for_so_many_points_and_no_more() {
        assert_eq!(values("1x2 2x3", 5).unwrap().len(), 5);
        for text in ["1x2 2x4", "1x18446744073709551615"] {
            assert!(matches!(values(text, 5), Err(RuleFault::TooMany(_))), "{text}");
        }
    }
}
