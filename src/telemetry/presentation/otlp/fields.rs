//! What the walkers have in common: messages in pieces, repeated fields, and numbers of 32 bits.

use std::borrow::Cow;

use super::meter::MeterError;
use super::walk_error::WalkError;
use super::wire::{Reader, Value, WireError};

/// The fields of one number in a message, such as attributes. They are remembered as the bytes from the first of them to the
/// last, and looked at only when somebody asks; other fields that stand in between are passed over.
#[derive(Debug, Clone, Copy, Default)]
pub struct Repeated<'a> {
    bytes: &'a [u8],
    number: u32,
}

impl<'a> Repeated<'a> {
    /// All fields of `message` that bear this number.
    pub const fn all_of(message: &'a [u8], number: u32) -> Self {
        Self { bytes: message, number }
    }

    /// Calls `each` with every one of them, in order.
    #[inline]
    pub fn for_each<E: From<WireError>>(
        self,
        mut each: impl FnMut(&'a [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut fields = Reader::new(self.bytes);
        while let Some((number, value)) = fields.next_field()? {
            if number == self.number {
                each(value.bytes()?)?;
            }
        }
        Ok(())
    }

    pub fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }
}

/// Finds a [`Repeated`] while the message goes by.
#[derive(Debug, Clone, Copy, Default)]
pub struct RepeatedSpan {
    start: usize,
    end: usize,
}

impl RepeatedSpan {
    /// A field reaches from `start` to `end` in the message. Its end is never 0.
    #[inline]
    pub fn add(&mut self, value: Value<'_>, start: usize, end: usize) -> Result<(), WireError> {
        value.bytes()?;
        if self.end == 0 {
            self.start = start;
        }
        self.end = end;
        Ok(())
    }

    #[inline]
    pub fn of(self, message: &[u8], number: u32) -> Repeated<'_> {
        Repeated { bytes: message.get(self.start..self.end).unwrap_or_default(), number }
    }
}

/// What stands around the items of a `Resource*` or `Scope*` message: the resource or scope (field 1), merged where it comes in
/// pieces, and the schema URL (field 3).
#[derive(Debug, Clone, Default)]
pub struct Envelope<'a> {
    pub origin: Cow<'a, [u8]>,
    pub schema_url: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// `hold` is asked for memory where the resource or scope comes in pieces.
    pub fn of(
        message: &'a [u8],
        mut hold: impl FnMut(usize) -> Result<(), MeterError>,
    ) -> Result<Self, WalkError> {
        let (mut origin, mut schema_url) = (None, &[][..]);
        let mut fields = Reader::new(message);
        while let Some((number, value)) = fields.next_field()? {
            match number {
                1 => append(&mut origin, value.bytes()?, &mut hold)?,
                3 => schema_url = value.bytes()?,
                _ => {}
            }
        }
        Ok(Self { origin: origin.unwrap_or_default(), schema_url })
    }
}

/// Adds a piece of a message, which protobuf merges by concatenation. The first is not copied until there is another; from then
/// on `hold` is asked for twice what is copied, because the copy doubles when it grows.
#[inline]
pub fn append<'a>(
    message: &mut Option<Cow<'a, [u8]>>,
    piece: &'a [u8],
    hold: impl FnOnce(usize) -> Result<(), MeterError>,
) -> Result<(), MeterError> {
    match message {
        None => *message = Some(Cow::Borrowed(piece)),
        Some(before) if !piece.is_empty() => {
            let moved = if matches!(before, Cow::Borrowed(_)) { before.len() } else { 0 };
            hold(2 * (moved + piece.len()))?;
            before.to_mut().extend_from_slice(piece);
        }
        Some(_) => {}
    }
    Ok(())
}

/// A `uint32` field: higher bits are cut off, as in the reference implementations.
#[inline]
pub fn uint32(value: Value<'_>) -> Result<u32, WireError> {
    #[expect(clippy::cast_possible_truncation, reason = "that is the rule for uint32")]
    let low = value.varint()? as u32;
    Ok(low)
}

/// An enum: 32 bits with a sign; higher bits are cut off (protobuf encoding guide, "Enums").
#[inline]
pub fn enumeration(value: Value<'_>) -> Result<i32, WireError> {
    uint32(value).map(u32::cast_signed)
}

#[inline]
pub fn fixed32(value: Value<'_>) -> Result<u32, WireError> {
    match value {
        Value::Fixed32(value) => Ok(value),
        _ => Err(WireError::WrongType),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_fields_are_found_among_others() {
        // 1: 5, 2: "a", 1: 6, 2: "b", 1: 7
        let message = [0x08, 5, 0x12, 1, b'a', 0x08, 6, 0x12, 1, b'b', 0x08, 7];
        let mut span = RepeatedSpan::default();
        let mut fields = Reader::new(&message);
        loop {
            let start = fields.position();
            let Some((number, value)) = fields.next_field().unwrap() else { break };
            if number == 2 {
                span.add(value, start, fields.position()).unwrap();
            }
        }
        let mut found = Vec::new();
        let each = |field: &[u8]| -> Result<(), WireError> {
            found.push(field.to_vec());
            Ok(())
        };
        span.of(&message, 2).for_each(each).unwrap();
        assert_eq!(found, [b"a", b"b"]);
    }

    #[test]
    fn an_origin_in_pieces_is_put_together() {
        let message = [0x0a, 1, b'x', 0x1a, 1, b'u', 0x0a, 1, b'y', 0x1a, 1, b'v'];
        let mut held = 0;
        let hold = |bytes| {
            held += bytes;
            Ok(())
        };
        let envelope = Envelope::of(&message, hold).unwrap();
        assert_eq!((&*envelope.origin, envelope.schema_url), (&b"xy"[..], &b"v"[..]));
        assert_eq!(held, 4);
        let refused = |bytes: &[u8]| Envelope::of(bytes, |_| Err(MeterError::TooMuch)).unwrap_err();
        assert_eq!(refused(&[0x08, 1]), WireError::WrongType.into());
        assert_eq!(refused(&message), MeterError::TooMuch.into());
        assert!(Envelope::of(&message[..3], |_| Err(MeterError::TooMuch)).is_ok());
    }
}
