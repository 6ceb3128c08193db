//! `Unit`: what a metric is measured in.

use super::Rejection;

/// Longest accepted unit, in bytes. Instruments may have 63 characters (OpenTelemetry specification, "Instrument unit").
pub const UNIT_BYTES_MAX: usize = 256;

/// A UCUM unit as sent, possibly empty. Its spelling is not checked, since the specification does not ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unit<'a>(&'a str);

impl<'a> Unit<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Rejection> {
        if bytes.len() > UNIT_BYTES_MAX {
            return Err(Rejection::UnitTooLong);
        }
        std::str::from_utf8(bytes).map(Self).map_err(|_| Rejection::UnitNotUtf8)
    }

    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_may_be_empty_but_not_endless() {
        assert_eq!(Unit::parse(b"").map(Unit::as_str), Ok(""));
        assert_eq!(Unit::parse("µs".as_bytes()).map(Unit::as_str), Ok("µs"));
        assert_eq!(Unit::parse(&[b'a'; UNIT_BYTES_MAX + 1]), Err(Rejection::UnitTooLong));
        assert_eq!(Unit::parse(b"\xff"), Err(Rejection::UnitNotUtf8));
    }
}
