//! Reads protobuf wire format in place: no allocation, no recursion, every length checked against what is there
//! (protobuf encoding guide, "Message Structure").

/// The bytes are not a protobuf message of the expected shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("a field ends beyond the end of its message")]
    Truncated,
    #[error("a number has more than ten bytes")]
    VarintTooLong,
    #[error("field number 0 or beyond the largest allowed")]
    FieldNumber,
    #[error("a field has an unknown wire type, or belongs to a group")]
    WireType,
    #[error("a known field has the wrong wire type")]
    WrongType,
}

/// The value of one field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

impl<'a> Value<'a> {
    #[inline]
    pub fn bytes(self) -> Result<&'a [u8], WireError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(WireError::WrongType),
        }
    }

    #[inline]
    pub fn varint(self) -> Result<u64, WireError> {
        match self {
            Self::Varint(value) => Ok(value),
            _ => Err(WireError::WrongType),
        }
    }

    #[inline]
    pub fn fixed64(self) -> Result<u64, WireError> {
        match self {
            Self::Fixed64(value) => Ok(value),
            _ => Err(WireError::WrongType),
        }
    }
}

/// Goes through the fields of one message. What SDKs send takes the short ways: tags of one byte, lengths of one or two.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Reader<'a> {
    #[inline]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, length: bytes.len() }
    }

    /// Offset of the next field.
    #[inline]
    pub const fn position(&self) -> usize {
        self.length - self.rest.len()
    }

    /// The next field's number and value; `None` at the end of the message. Each loop over fields has its own copy, which then
    /// keeps the value in registers.
    #[inline(always)]
    pub fn next_field(&mut self) -> Result<Option<(u32, Value<'a>)>, WireError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.tag()?;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => Value::Bytes(self.message()?),
            5 => Value::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(WireError::WireType),
        };
        Ok(Some((tag >> 3, value)))
    }

    /// The next of packed variable-length numbers; `None` at the end.
    #[inline]
    pub fn next_packed_varint(&mut self) -> Result<Option<u64>, WireError> {
        if self.rest.is_empty() { Ok(None) } else { self.varint().map(Some) }
    }

    /// The next of packed numbers of eight bytes; `None` at the end.
    #[inline]
    pub fn next_packed_fixed64(&mut self) -> Result<Option<u64>, WireError> {
        if self.rest.is_empty() { Ok(None) } else { Ok(Some(u64::from_le_bytes(self.array()?))) }
    }

    /// Field number and wire type.
    #[inline]
    fn tag(&mut self) -> Result<u32, WireError> {
        match self.rest {
            [tag @ 0x08..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(u32::from(*tag))
            }
            _ => self.long_tag(),
        }
    }

    #[cold]
    fn long_tag(&mut self) -> Result<u32, WireError> {
        let tag = self.long_varint()?;
        u32::try_from(tag).ok().filter(|tag| tag >> 3 != 0).ok_or(WireError::FieldNumber)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, WireError> {
        match self.rest {
            [only @ ..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(*only))
            }
            [low, high @ ..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(low & 0x7f) | u64::from(*high) << 7)
            }
            _ => self.long_varint(),
        }
    }

    /// Ten bytes at most; bits beyond the 64th are lost, as in the reference implementations.
    #[cold]
    fn long_varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                // The tenth byte holds one bit only.
                return if shift == 63 && byte > 1 { Err(WireError::VarintTooLong) } else { Ok(value) };
            }
        }
        Err(WireError::VarintTooLong)
    }

    #[inline]
    fn message(&mut self) -> Result<&'a [u8], WireError> {
        let length = usize::try_from(self.varint()?).map_err(|_| WireError::Truncated)?;
        let (message, rest) = self.rest.split_at_checked(length).ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(message)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(*array)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<(u32, Value<'_>)>, WireError> {
        let mut reader = Reader::new(bytes);
        std::iter::from_fn(|| reader.next_field().transpose()).collect()
    }

    #[test]
    fn reads_every_wire_type() {
        let bytes = [
            0x08, 0x96, 0x01, // 1: varint 150
            0x11, 1, 0, 0, 0, 0, 0, 0, 0, // 2: fixed64 1
            0x1a, 2, b'h', b'i', // 3: "hi"
            0x25, 7, 0, 0, 0, // 4: fixed32 7
        ];
        let expected = vec![
            (1, Value::Varint(150)),
            (2, Value::Fixed64(1)),
            (3, Value::Bytes(b"hi")),
            (4, Value::Fixed32(7)),
        ];
        assert_eq!(all(&bytes), Ok(expected));
    }

    #[test]
    fn refuses_lengths_beyond_the_end_however_large() {
        assert_eq!(all(&[0x0a, 5, 1]), Err(WireError::Truncated));
        let huge = [0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]; // 2^63
        assert_eq!(all(&huge), Err(WireError::Truncated));
        assert_eq!(all(&[0x09, 1, 2, 3]), Err(WireError::Truncated));
        assert_eq!(all(&[0x80]), Err(WireError::Truncated));
    }

    #[test]
    fn refuses_eleven_byte_numbers_groups_and_field_zero() {
        let eleven = [&[0x08][..], &[0x80; 10], &[1]].concat();
        assert_eq!(all(&eleven), Err(WireError::VarintTooLong));
        let overflow = [&[0x08][..], &[0xff; 9], &[2]].concat();
        assert_eq!(all(&overflow), Err(WireError::VarintTooLong));
        assert_eq!(all(&[0x0b]), Err(WireError::WireType));
        assert_eq!(all(&[0x0c]), Err(WireError::WireType));
        assert_eq!(all(&[0x00, 0x00]), Err(WireError::FieldNumber));
        assert_eq!(all(&[0xf8, 0xff, 0xff, 0xff, 0xff, 0x01, 0]), Err(WireError::FieldNumber));
    }
}
