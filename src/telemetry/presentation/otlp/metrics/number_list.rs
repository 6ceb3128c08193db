//! `NumberList`: a repeated number field, packed or not, as it lies in its message
//! (protobuf encoding guide, "Repeated Elements"). It is gone through, never gathered.

use super::super::wire::{Reader, Value, WireError};

/// How each number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Varint,
    /// Also doubles, by their bits.
    Fixed64,
}

impl Coding {
    #[inline]
    fn next(self, packed: &mut Reader<'_>) -> Result<Option<u64>, WireError> {
        match self {
            Self::Varint => packed.next_packed_varint(),
            Self::Fixed64 => packed.next_packed_fixed64(),
        }
    }

    const fn single(self, value: Value<'_>) -> Option<u64> {
        match (self, value) {
            (Self::Varint, Value::Varint(number)) | (Self::Fixed64, Value::Fixed64(number)) => Some(number),
            _ => None,
        }
    }
}

/// A list that was found readable.
#[derive(Debug, Clone, Copy)]
pub struct NumberList<'a> {
    place: Place<'a>,
    coding: Coding,
    len: usize,
}

#[derive(Debug, Clone, Copy)]
enum Place<'a> {
    /// In one piece, as all SDKs send it.
    Packed(&'a [u8]),
    /// In the fields of this number, among others.
    Scattered { message: &'a [u8], number: u32 },
}

impl<'a> NumberList<'a> {
    /// How many numbers there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub const fn iter(&self) -> Numbers<'a> {
        let (packed, fields, number) = match self.place {
            Place::Packed(packed) => (packed, &[] as &[u8], 0),
            Place::Scattered { message, number } => (&[] as &[u8], message, number),
        };
        Numbers { packed: Reader::new(packed), fields: Reader::new(fields), number, coding: self.coding }
    }
}

/// Notes the fields of a list while its message is read.
#[derive(Debug, Clone, Copy)]
pub struct ListSurvey<'a> {
    coding: Coding,
    first: &'a [u8],
    fields: usize,
    unpacked: bool,
    len: usize,
}

impl<'a> ListSurvey<'a> {
    pub const fn new(coding: Coding) -> Self {
        Self { coding, first: &[], fields: 0, unpacked: false, len: 0 }
    }

    /// Goes through a field of the list, so that nothing unreadable is met later.
    pub fn note(&mut self, value: Value<'a>) -> Result<(), WireError> {
        self.fields += 1;
        let Value::Bytes(packed) = value else {
            self.coding.single(value).ok_or(WireError::WrongType)?;
            self.unpacked = true;
            self.len += 1;
            return Ok(());
        };
        if self.fields == 1 {
            self.first = packed;
        }
        let mut numbers = Reader::new(packed);
        while self.coding.next(&mut numbers)?.is_some() {
            self.len += 1;
        }
        Ok(())
    }

    /// `message` is where the fields were found, and `number` theirs.
    pub const fn finish(self, message: &'a [u8], number: u32) -> NumberList<'a> {
        let place = if self.fields <= 1 && !self.unpacked {
            Place::Packed(self.first)
        } else {
            Place::Scattered { message, number }
        };
        NumberList { place, coding: self.coding, len: self.len }
    }
}

/// The numbers of a list, in order.
#[derive(Debug, Clone)]
pub struct Numbers<'a> {
    packed: Reader<'a>,
    fields: Reader<'a>,
    number: u32,
    coding: Coding,
}

impl Iterator for Numbers<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        loop {
            // The survey has met no error, so there is none.
            if let Some(number) = self.coding.next(&mut self.packed).ok()? {
                return Some(number);
            }
            match self.fields.next_field().ok()?? {
                (number, Value::Bytes(packed)) if number == self.number => self.packed = Reader::new(packed),
                (number, value) if number == self.number => return self.coding.single(value),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(message: &[u8], coding: Coding) -> Result<(Vec<u64>, usize), WireError> {
        let mut survey = ListSurvey::new(coding);
        let mut fields = Reader::new(message);
        while let Some((number, value)) = fields.next_field()? {
            if number == 2 {
                survey.note(value)?;
            }
        }
        let list = survey.finish(message, 2);
        Ok((list.iter().collect(), list.len()))
    }

    #[test]
    fn numbers_are_read_packed_unpacked_and_in_pieces() {
        let packed = [0x12, 3, 1, 0x80, 1];
        let single = [0x10, 5];
        let other = [0x08, 9];
        assert_eq!(list(&packed, Coding::Varint), Ok((vec![1, 128], 2)));
        assert_eq!(list(&single, Coding::Varint), Ok((vec![5], 1)));
        let mixed = [&single[..], &other, &packed, &[0x12, 0], &single].concat();
        assert_eq!(list(&mixed, Coding::Varint), Ok((vec![5, 1, 128, 5], 4)));
        assert_eq!(list(&other, Coding::Varint), Ok((Vec::new(), 0)));
        let fixed = [&[0x12, 16][..], &1_u64.to_le_bytes(), &u64::MAX.to_le_bytes()].concat();
        assert_eq!(list(&fixed, Coding::Fixed64), Ok((vec![1, u64::MAX], 2)));
    }

    #[test]
    fn unreadable_lists_are_refused() {
        assert_eq!(list(&[0x12, 1, 0x80], Coding::Varint), Err(WireError::Truncated));
        assert_eq!(list(&[0x12, 3, 1, 2, 3], Coding::Fixed64), Err(WireError::Truncated));
        assert_eq!(list(&[0x10, 1], Coding::Fixed64), Err(WireError::WrongType));
        assert_eq!(list(&[0x15, 1, 0, 0, 0], Coding::Varint), Err(WireError::WrongType));
    }
}
