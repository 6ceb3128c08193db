//! Single values: from a node of the tape to what stands on the wire.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use simd_json::{Node, StaticNode};

use super::JsonError;
use super::decimal;
use super::output::{Output, WireType};
use super::schema::{Field, Kind};

/// With and without padding, as every protobuf implementation reads it.
const ANY_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);

/// What an id becomes that is not hexadecimal: one byte, which is no id's length.
const NO_ID: [u8; 1] = [0];

/// A number as it stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
}

impl Scalar {
    pub const fn wire_type(self) -> WireType {
        match self {
            Self::Varint(_) => WireType::Varint,
            Self::Fixed64(_) => WireType::Fixed64,
            Self::Fixed32(_) => WireType::Fixed32,
        }
    }

    /// -0.0 is not the default.
    pub const fn is_default(self) -> bool {
        matches!(self, Self::Varint(0) | Self::Fixed64(0) | Self::Fixed32(0))
    }

    #[inline]
    pub fn write(self, output: &mut Output) {
        match self {
            Self::Varint(value) => output.varint(value),
            Self::Fixed64(value) => output.raw(&value.to_le_bytes()),
            Self::Fixed32(value) => output.raw(&value.to_le_bytes()),
        }
    }
}

/// A number, a word or an enum's name. `written` gives the text of a number that is not kept exactly in its node.
#[inline]
pub fn scalar<'t>(
    field: &Field,
    node: Node<'t>,
    written: impl FnOnce() -> Option<&'t str>,
) -> Result<Scalar, JsonError> {
    let number = Number { field: field.name, node };
    Ok(match field.kind {
        Kind::Bool => match node {
            Node::Static(StaticNode::Bool(value)) => Scalar::Varint(value.into()),
            _ => return Err(JsonError::WrongType { field: field.name }),
        },
        Kind::Double => Scalar::Fixed64(number.double()?.to_bits()),
        Kind::Fixed64 => Scalar::Fixed64(number.whole(written)?),
        Kind::Sfixed64 => Scalar::Fixed64(number.whole::<i64>(written)?.cast_unsigned()),
        Kind::Fixed32 => Scalar::Fixed32(number.whole(written)?),
        Kind::Int64 => Scalar::Varint(number.whole::<i64>(written)?.cast_unsigned()),
        Kind::Uint64 => Scalar::Varint(number.whole(written)?),
        Kind::Uint32 => Scalar::Varint(number.whole::<u32>(written)?.into()),
        Kind::Sint32 => Scalar::Varint(zigzag(number.whole(written)?)),
        Kind::Enum(names) => Scalar::Varint(i64::from(number.of_enum(names, written)?).cast_unsigned()),
        Kind::Text | Kind::Bytes | Kind::Id | Kind::Message(_) | Kind::Value => {
            return Err(JsonError::WrongType { field: field.name });
        }
    })
}

/// Small numbers of either sign become short varints.
fn zigzag(value: i32) -> u64 {
    u64::from((value.cast_unsigned() << 1) ^ (value >> 31).cast_unsigned())
}

/// The node of a number field.
#[derive(Clone, Copy)]
struct Number<'t> {
    field: &'static str,
    node: Node<'t>,
}

impl<'t> Number<'t> {
    fn whole<T: TryFrom<i128>>(self, written: impl FnOnce() -> Option<&'t str>) -> Result<T, JsonError> {
        let value = match self.node {
            Node::Static(StaticNode::U64(value)) => Some(i128::from(value)),
            Node::Static(StaticNode::I64(value)) => Some(i128::from(value)),
            Node::Static(StaticNode::F64(_)) => written().and_then(decimal::whole),
            Node::String(text) => decimal::whole(text),
            _ => return Err(JsonError::WrongType { field: self.field }),
        };
        value.and_then(|value| T::try_from(value).ok()).ok_or(JsonError::NotANumber { field: self.field })
    }

    #[expect(clippy::cast_precision_loss, reason = "the nearest double is what the field holds")]
    fn double(self) -> Result<f64, JsonError> {
        let value = match self.node {
            Node::Static(StaticNode::F64(value)) => Some(value),
            Node::Static(StaticNode::U64(value)) => Some(value as f64),
            // What begins with a minus sign is kept as signed: this is -0.
            Node::Static(StaticNode::I64(0)) => Some(-0.0),
            Node::Static(StaticNode::I64(value)) => Some(value as f64),
            Node::String("NaN") => Some(f64::NAN),
            Node::String("Infinity") => Some(f64::INFINITY),
            Node::String("-Infinity") => Some(f64::NEG_INFINITY),
            Node::String(text) => decimal::double(text),
            _ => return Err(JsonError::WrongType { field: self.field }),
        };
        value.ok_or(JsonError::NotANumber { field: self.field })
    }

    fn of_enum(
        self,
        names: &[(&str, i32)],
        written: impl FnOnce() -> Option<&'t str>,
    ) -> Result<i32, JsonError> {
        match self.node {
            // A number in quotation marks begins with a digit or a sign, a name never does.
            Node::String(text) if !text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                let known = names.iter().find(|(name, _)| *name == text);
                known.map(|(_, number)| *number).ok_or(JsonError::UnknownName { field: self.field })
            }
            _ => self.whole(written),
        }
    }
}

/// The bytes of an id from its hexadecimal text, in `decoded`.
pub fn id<'d>(text: &str, decoded: &'d mut Vec<u8>) -> &'d [u8] {
    make_room(text, decoded);
    let (pairs, odd) = text.as_bytes().as_chunks();
    let digits = pairs.iter().map_while(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?));
    decoded.extend(digits);
    if odd.is_empty() && decoded.len() == pairs.len() { decoded } else { &NO_ID }
}

/// For no more than the text is long: so much was taken from the meter.
fn make_room(text: &str, decoded: &mut Vec<u8>) {
    decoded.clear();
    decoded.reserve_exact(text.len() + 3);
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// The bytes of a base64 text of either alphabet, in `decoded`; `None` if it is neither.
pub fn base64<'d>(text: &str, decoded: &'d mut Vec<u8>) -> Option<&'d [u8]> {
    make_room(text, decoded);
    let engine = if text.bytes().any(|byte| matches!(byte, b'-' | b'_')) { URL_SAFE } else { STANDARD };
    engine.decode_vec(text, decoded).ok()?;
    Some(decoded)
}
