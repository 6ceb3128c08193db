//! `TraceId` and `SpanId`: what ties spans, log records and exemplars together (W3C Trace Context, section 2.2.2).

use std::fmt;

macro_rules! id {
    ($(#[$meta:meta])* $name:ident, $length:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $length]);

        impl $name {
            /// Length in bytes.
            pub const BYTES: usize = $length;

            /// Absent if the length is wrong or all bytes are zero, which the specification calls invalid.
            pub fn parse(bytes: &[u8]) -> Option<Self> {
                let bytes: [u8; $length] = bytes.try_into().ok()?;
                (bytes != [0; $length]).then_some(Self(bytes))
            }

            /// From digits of either case. Absent as in [`Self::parse`], and for anything else.
            pub fn from_hexadecimal(text: &str) -> Option<Self> {
                if text.len() != 2 * Self::BYTES {
                    return None;
                }
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                let byte = |pair: &[u8]| match pair {
                    [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
                    _ => None,
                };
                let bytes: Option<Vec<u8>> = text.as_bytes().chunks_exact(2).map(byte).collect();
                Self::parse(&bytes?)
            }

            pub const fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }
        }

        /// Lower-case hexadecimal.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

id!(
    /// Identifies a trace: 16 bytes, not all zero.
    TraceId, 16
);
id!(
    /// Identifies a span within its trace: 8 bytes, not all zero.
    SpanId, 8
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_their_length_and_are_not_zero() {
        assert!(TraceId::parse(&[1; 16]).is_some() && SpanId::parse(&[1; 8]).is_some());
        for wrong in [&[][..], &[1; 8], &[1; 15], &[1; 17], &[0; 16]] {
            assert_eq!(TraceId::parse(wrong), None);
        }
        assert_eq!(SpanId::parse(&[0; 8]), None);
        assert_eq!(SpanId::from_hexadecimal("00aAfF0000000001").unwrap().to_string(), "00aaff0000000001");
        for wrong in
            ["", "1", "0000000000000000", "000000000000000g", "00000000000000001", "+000000000000001"]
        {
            assert_eq!(SpanId::from_hexadecimal(wrong), None, "{wrong}");
        }
        assert_eq!(SpanId::parse(&[0, 1, 2, 3, 4, 5, 6, 0xff]).unwrap().to_string(), "00010203040506ff");
    }
}
