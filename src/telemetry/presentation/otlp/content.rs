//! What a request's headers say of its body: how it is encoded, and how it is packed.

mod unpack;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::answer::{Encoding, JSON, PROTOBUF};

pub use unpack::{UnpackError, UnpackLimits, unpack};

/// How the body is packed (RFC 9110, section 8.4.1; zstd: RFC 8878).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    Plain,
    /// One member or several.
    Gzip,
    /// One frame or several.
    Zstd,
    /// In the zlib format, as HTTP has it.
    Deflate,
}

/// What an OTLP/HTTP request says of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    pub encoding: Encoding,
    pub packing: Packing,
}

/// What cannot be served. The messages list what can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderRefusal {
    #[error("send Content-Type: application/x-protobuf or application/json")]
    Type,
    #[error("Content-Encoding may be one of gzip, zstd, deflate, identity, once")]
    Encoding,
}

/// Reads `Content-Type` (parameters and capitals do not matter) and `Content-Encoding`.
pub fn content_of(headers: &HeaderMap) -> Result<Content, HeaderRefusal> {
    let encoding = encoding_of(headers).ok_or(HeaderRefusal::Type)?;
    let packing = packing_of(headers, &header::CONTENT_ENCODING).ok_or(HeaderRefusal::Encoding)?;
    Ok(Content { encoding, packing })
}

/// The encoding that `Content-Type` names; absent if it names none of ours.
pub fn encoding_of(headers: &HeaderMap) -> Option<Encoding> {
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let media = content_type.split(';').next().unwrap_or_default().trim();
    [(PROTOBUF, Encoding::Protobuf), (JSON, Encoding::Json)]
        .into_iter()
        .find_map(|(name, encoding)| media.eq_ignore_ascii_case(name).then_some(encoding))
}

/// The packing that a header (`content-encoding`, gRPC's `grpc-encoding`) names; without it the body is plain. Absent for
/// packings that are not served, and for more than one.
pub fn packing_of(headers: &HeaderMap, name: &HeaderName) -> Option<Packing> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Some(Packing::Plain),
        (Some(one), None) => packing_named(one),
        (Some(_), Some(_)) => None,
    }
}

fn packing_named(value: &HeaderValue) -> Option<Packing> {
    match value.to_str().ok()?.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Some(Packing::Plain),
        "gzip" | "x-gzip" => Some(Packing::Gzip),
        "zstd" => Some(Packing::Zstd),
        "deflate" => Some(Packing::Deflate),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn types_are_read_whatever_their_spelling() {
        let encoding = |value| encoding_of(&headers(&[("content-type", value)]));
        for protobuf in ["application/x-protobuf", "Application/X-Protobuf; v=1", " application/x-protobuf ;"]
        {
            assert_eq!(encoding(protobuf), Some(Encoding::Protobuf), "{protobuf}");
        }
        for json in ["application/json", "APPLICATION/JSON;charset=utf-8"] {
            assert_eq!(encoding(json), Some(Encoding::Json), "{json}");
        }
        for other in ["", "text/plain", "application/x-protobuffer", "application/json5", "application"] {
            assert_eq!(encoding(other), None, "{other}");
        }
        assert_eq!(content_of(&headers(&[])), Err(HeaderRefusal::Type));
    }

    #[test]
    fn packings_are_read_whatever_their_spelling() {
        let packing = |value| {
            let headers = headers(&[("content-type", "application/json"), ("content-encoding", value)]);
            content_of(&headers).map(|content| content.packing)
        };
        for (value, expected) in [
            ("GZIP", Packing::Gzip),
            ("x-gzip", Packing::Gzip),
            ("Zstd", Packing::Zstd),
            (" deflate ", Packing::Deflate),
            ("identity", Packing::Plain),
            ("", Packing::Plain),
        ] {
            assert_eq!(packing(value), Ok(expected), "{value}");
        }
        for other in ["br", "gzip, gzip", "identity, gzip", "gzip;q=1", "compress"] {
            assert_eq!(packing(other), Err(HeaderRefusal::Encoding), "{other}");
        }
    }

    #[test]
    fn a_packing_that_is_named_twice_is_refused_and_none_is_plain() {
        let twice = headers(&[
            ("content-type", "application/json"),
            ("content-encoding", "gzip"),
            ("content-encoding", "gzip"),
        ]);
        assert_eq!(content_of(&twice), Err(HeaderRefusal::Encoding));
        let none = headers(&[("content-type", "application/json")]);
        assert_eq!(content_of(&none), Ok(Content { encoding: Encoding::Json, packing: Packing::Plain }));
        let grpc = HeaderName::from_static("grpc-encoding");
        assert_eq!(packing_of(&headers(&[("grpc-encoding", "zstd")]), &grpc), Some(Packing::Zstd));
        assert_eq!(packing_of(&headers(&[("grpc-encoding", "snappy")]), &grpc), None);
    }
}
