//! The encoded bytes of a request: finds placeholders in them, and writes what takes their place, in either encoding.

use std::io::Write;

use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;

use crate::arguments::Encoding;
use crate::json;

/// The decimal digits of a time of this century in nanoseconds since the epoch.
const TIME_DIGITS: usize = 19;

/// A body under change. Its length stays.
#[derive(Debug, Clone)]
pub struct Draft {
    pub bytes: Vec<u8>,
    pub encoding: Encoding,
}

impl Draft {
    pub fn times(&self, placeholder: u64) -> Vec<usize> {
        match self.encoding {
            Encoding::Protobuf => positions(&self.bytes, &placeholder.to_le_bytes()),
            Encoding::Json => positions(&self.bytes, &digits::<TIME_DIGITS>(placeholder)),
        }
    }

    /// Places of a trace's or span's id.
    pub fn ids(&self, placeholder: &[u8]) -> Vec<usize> {
        match self.encoding {
            Encoding::Protobuf => positions(&self.bytes, placeholder),
            Encoding::Json => positions(&self.bytes, json::id(placeholder).as_bytes()),
        }
    }

    pub fn texts(&self, placeholder: &str) -> Vec<usize> {
        positions(&self.bytes, placeholder.as_bytes())
    }

    /// Places of points' values.
    pub fn values(&self, placeholder: u64) -> Vec<usize> {
        match self.encoding {
            Encoding::Protobuf => positions(&self.bytes, &placeholder.to_le_bytes()),
            Encoding::Json => positions(&self.bytes, json::VALUE.as_bytes()),
        }
    }

    pub fn put_time(&mut self, at: usize, nanos: u64) {
        match self.encoding {
            Encoding::Protobuf => self.put(at, &nanos.to_le_bytes()),
            Encoding::Json => self.put(at, &digits::<TIME_DIGITS>(nanos)),
        }
    }

    /// Writes a span's id, or half of a trace's; gives where it ends.
    fn put_half(&mut self, at: usize, id: u64) -> usize {
        match self.encoding {
            Encoding::Protobuf => {
                self.put(at, &id.to_be_bytes());
                at + 8
            }
            Encoding::Json => {
                self.put(at, &hex(id));
                at + 16
            }
        }
    }

    pub fn put_span_id(&mut self, at: usize, id: u64) {
        self.put_half(at, id);
    }

    pub fn put_trace_id(&mut self, at: usize, [high, low]: [u64; 2]) {
        let rest = self.put_half(at, high);
        self.put_half(rest, low);
    }

    pub fn put_hex(&mut self, at: usize, number: u64) {
        self.put(at, &hex(number));
    }

    pub fn put_digits<const N: usize>(&mut self, at: usize, number: u64) {
        self.put(at, &digits::<N>(number));
    }

    /// In JSON a number is followed by spaces, up to the longest one's length.
    pub fn put_value(&mut self, at: usize, value: Value) {
        if self.encoding == Encoding::Protobuf {
            return match value {
                Value::AsDouble(number) => self.put(at, &number.to_le_bytes()),
                Value::AsInt(number) => self.put(at, &number.to_le_bytes()),
            };
        }
        if let Some(place) = self.bytes.get_mut(at..at + json::VALUE.len()) {
            place.fill(b' ');
            let mut place = place;
            // A fraction that is longer than its place loses its last digits.
            let _ = match value {
                Value::AsDouble(number) => write!(place, "{number}"),
                Value::AsInt(number) => write!(place, "\"{number}\""),
            };
        }
    }

    fn put(&mut self, at: usize, part: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + part.len()) {
            place.copy_from_slice(part);
        }
    }
}

fn positions(bytes: &[u8], needle: &[u8]) -> Vec<usize> {
    let windows = bytes.windows(needle.len()).enumerate();
    windows.filter(|(_, window)| *window == needle).map(|(at, _)| at).collect()
}

/// The last N decimal digits.
fn digits<const N: usize>(mut number: u64) -> [u8; N] {
    let mut text = [b'0'; N];
    for place in text.iter_mut().rev() {
        *place += u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
    text
}

/// Sixteen digits, highest first: all nibbles at once, since this is most of what a body costs.
fn hex(number: u64) -> [u8; 16] {
    let mut nibbles = u128::from(number);
    nibbles = (nibbles | (nibbles << 32)) & 0x0000_0000_FFFF_FFFF_0000_0000_FFFF_FFFF;
    nibbles = (nibbles | (nibbles << 16)) & 0x0000_FFFF_0000_FFFF_0000_FFFF_0000_FFFF;
    nibbles = (nibbles | (nibbles << 8)) & 0x00FF_00FF_00FF_00FF_00FF_00FF_00FF_00FF;
    nibbles = (nibbles | (nibbles << 4)) & 0x0F0F_0F0F_0F0F_0F0F_0F0F_0F0F_0F0F_0F0F;
    // One in each byte whose nibble is a letter: ten and above carry into the fifth bit.
    let letters = ((nibbles + u128::from_ne_bytes([6; 16])) >> 4) & u128::from_ne_bytes([1; 16]);
    let digits = nibbles + u128::from_ne_bytes([b'0'; 16]) + letters * u128::from(b'a' - b'0' - 10);
    digits.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_in_sixteen_hexadecimal_digits() {
        for number in [0, 9, 10, 0xFEDC_BA98_7654_3210, u64::MAX, 1 << 63, 0x0123_4567_89AB_CDEF] {
            assert_eq!(std::str::from_utf8(&hex(number)).unwrap(), format!("{number:016x}"));
        }
    }

    #[test]
    fn a_number_is_written_in_as_many_decimal_digits_as_there_is_room_for() {
        assert_eq!(&digits::<6>(12_345), b"012345");
        assert_eq!(&digits::<2>(12_345), b"45");
        assert_eq!(&digits::<19>(1_795_000_000_000_000_001), b"1795000000000000001");
    }

    #[test]
    fn a_value_in_json_fills_its_place() {
        let bytes = format!("[{}]", json::VALUE).into_bytes();
        let mut draft = Draft { bytes, encoding: Encoding::Json };
        let places = draft.values(0);
        for (value, text) in [
            (Value::AsInt(i64::MIN), "\"-9223372036854775808\""),
            (Value::AsDouble(0.1 + 0.2), "0.30000000000000004"),
            (Value::AsInt(7), "\"7\""),
        ] {
            draft.put_value(places[0], value);
            let written = String::from_utf8(draft.bytes.clone()).unwrap();
            assert_eq!(written.trim_matches(['[', ']']).trim_end(), text);
            assert_eq!(written.len(), json::VALUE.len() + 2);
        }
    }
}
