//! Sizes as people write them: `512MiB`, `4GiB`, `65536`.

use std::fmt;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteSize(u64);

/// Why a text is not a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ByteSizeError {
    #[error("a size is written like 65536, 64KiB, 512MiB or 4GiB")]
    Syntax,
    #[error("the size is too large")]
    TooLarge,
}

/// Largest first, and at equal meaning the binary unit first: it is the one that is written.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

impl ByteSize {
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    pub const fn mebibytes(count: u64) -> Self {
        Self(count << 20)
    }

    pub const fn gibibytes(count: u64) -> Self {
        Self(count << 30)
    }

    /// Reads a whole number and a unit (any case, a space between is fine); a number alone is bytes.
    pub fn parse(text: &str) -> Result<Self, ByteSizeError> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        if number.is_empty() {
            return Err(ByteSizeError::Syntax);
        }
        let factor = match unit.trim() {
            "" => 1,
            unit => UNITS
                .iter()
                .find_map(|(name, factor)| name.eq_ignore_ascii_case(unit).then_some(*factor))
                .ok_or(ByteSizeError::Syntax)?,
        };
        let number: u64 = number.parse().map_err(|_| ByteSizeError::TooLarge)?;
        number.checked_mul(factor).map(Self).ok_or(ByteSizeError::TooLarge)
    }

    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// For lengths in memory; saturates where memory is smaller.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// The largest binary unit that says it exactly.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = |(name, factor): &&(&str, u64)| {
            name.ends_with("iB") && self.0 >= *factor && self.0.is_multiple_of(*factor)
        };
        match UNITS.iter().find(exact) {
            Some((name, factor)) => write!(f, "{}{name}", self.0 / factor),
            None => write!(f, "{}B", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, bytes) in [
            ("0", 0),
            ("65536", 65_536),
            ("64KiB", 65_536),
            ("4 gib", 4 << 30),
            ("2MB", 2_000_000),
            ("7B", 7),
        ] {
            assert_eq!(ByteSize::parse(text).map(ByteSize::bytes), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in ["", "MiB", "-1", "1.5GiB", "1 2", "1XB", "0x10"] {
            assert_eq!(ByteSize::parse(text), Err(ByteSizeError::Syntax), "{text}");
        }
        for text in ["99999999999TiB", "99999999999999999999"] {
            assert_eq!(ByteSize::parse(text), Err(ByteSizeError::TooLarge), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(bytes in any::<u64>()) {
            let size = ByteSize::from_bytes(bytes);
            prop_assert_eq!(ByteSize::parse(&size.to_string()), Ok(size));
        }
    }
}
