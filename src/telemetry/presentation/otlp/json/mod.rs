//! OTLP/JSON: turns a JSON request into the protobuf bytes of the same request, so that one set of rules serves both encodings
//! (OTLP specification, "JSON Protobuf Encoding"; protobuf guide, "ProtoJSON Format").
//!
//! Where the two texts leave a choice:
//!
//! * A member that is `null` counts as not written: it does not hide an earlier member of the same name or `oneof`.
//! * Of the other members with one name or in one `oneof` the last one counts; nothing is merged or joined.
//! * `null` within an array: an empty value among the `values` of an `arrayValue`, NaN among doubles (JavaScript writes NaN so),
//!   left out among messages, an error among integers and texts.
//! * `stringValueStrindex` and `keyStrindex` belong to profiles; they are ignored like unknown members.
//! * Values nested deeper than [`attributes::DEPTH_MAX`](super::attributes::DEPTH_MAX) are kept a few levels further, so that the
//!   rules for attributes see and refuse them, and are empty from there on.

mod decimal;
mod messages;
mod metered;
mod number_text;
mod output;
mod reader;
mod scalar;
mod schema;
mod structure;
mod transcode;

pub use reader::JsonReader;

use super::meter::MeterError;

/// The bytes are not an OTLP request in JSON. No message shows what was sent: a field's name is the specification's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    #[error("not valid JSON")]
    Syntax,
    #[error("nested too deeply")]
    TooDeep,
    #[error("the request is not a JSON object")]
    NotAnObject,
    #[error("{field} has the wrong type")]
    WrongType { field: &'static str },
    /// Not a number, not a whole one, or out of range.
    #[error("{field} is not a number that fits")]
    NotANumber { field: &'static str },
    #[error("{field} has a name that is not known")]
    UnknownName { field: &'static str },
    #[error("{field} is not base64")]
    NotBase64 { field: &'static str },
    #[error(transparent)]
    Meter(#[from] MeterError),
}

#[cfg(test)]
mod tests;
