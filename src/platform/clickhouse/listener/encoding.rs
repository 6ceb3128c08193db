//! Compression of bodies as HTTP has it (`Content-Encoding`, `Accept-Encoding`): gzip, deflate, zstd and LZ4.

use std::io::{Read, Write};

use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use axum::http::{HeaderMap, HeaderName};
use flate2::Compression;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use lz4_flex::frame::{FrameDecoder, FrameEncoder};

/// zstd remembers at most so much, as two to the power of it: 8 MiB, what its own command line takes without being asked.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Answers shorter than this are not made smaller.
const PACKED_BYTES_MIN: usize = 256;

/// Why a body cannot be unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    #[error("the body is not compressed as it says, or damaged")]
    Damaged,
    #[error("the body is too large when it is unpacked")]
    TooLarge,
    #[error("the body's Content-Encoding is none of gzip, deflate, zstd and lz4")]
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Plain,
    Gzip,
    Deflate,
    Zstd,
    Lz4,
}

impl Encoding {
    /// The name in headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "identity",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
        }
    }

    fn named(name: &str) -> Option<Self> {
        let all = [Self::Plain, Self::Gzip, Self::Deflate, Self::Zstd, Self::Lz4];
        all.into_iter().find(|encoding| encoding.name().eq_ignore_ascii_case(name))
    }

    /// How the body of a request is packed.
    pub fn of_body(headers: &HeaderMap) -> Result<Self, EncodingError> {
        let Some(named) = text(headers, &CONTENT_ENCODING) else { return Ok(Self::Plain) };
        Self::named(named.trim()).ok_or(EncodingError::Unknown)
    }

    /// How the client wants the answer, in the order in which ClickHouse prefers them.
    pub fn wanted(headers: &HeaderMap) -> Self {
        let wanted = text(headers, &ACCEPT_ENCODING).unwrap_or_default();
        let accepts = |encoding: &Self| {
            wanted.split(',').any(|one| {
                let (name, quality) = one.split_once(';').unwrap_or((one, ""));
                name.trim().eq_ignore_ascii_case(encoding.name()) && quality.trim() != "q=0"
            })
        };
        let best = [Self::Zstd, Self::Lz4, Self::Gzip, Self::Deflate].into_iter().find(accepts);
        best.unwrap_or(Self::Plain)
    }

    /// The body as it was, at most `bytes_max` bytes of it.
    pub fn unpack(self, packed: &[u8], bytes_max: usize) -> Result<Vec<u8>, EncodingError> {
        match self {
            Self::Plain if packed.len() > bytes_max => Err(EncodingError::TooLarge),
            Self::Plain => Ok(packed.to_vec()),
            Self::Gzip => read(MultiGzDecoder::new(packed), bytes_max),
            Self::Deflate => read(ZlibDecoder::new(packed), bytes_max),
            Self::Zstd => unpack_zstd(packed, bytes_max),
            Self::Lz4 => read(FrameDecoder::new(packed), bytes_max),
        }
    }

    /// The answer, packed; absent where it stays as it is, as short ones do.
    pub fn pack(self, plain: &[u8]) -> Option<Vec<u8>> {
        if self == Self::Plain || plain.len() < PACKED_BYTES_MIN {
            return None;
        }
        // Writing to memory does not fail; if it did, the answer is right as it is.
        self.packed(plain).ok()
    }

    fn packed(self, plain: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(plain.to_vec()),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(plain)?;
                encoder.finish()
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(plain)?;
                encoder.finish()
            }
            Self::Zstd => zstd::bulk::compress(plain, 1),
            Self::Lz4 => {
                let mut encoder = FrameEncoder::new(Vec::new());
                encoder.write_all(plain)?;
                encoder.finish().map_err(std::io::Error::other)
            }
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Frames of zstd, with a bounded memory.
pub fn unpack_zstd(packed: &[u8], bytes_max: usize) -> Result<Vec<u8>, EncodingError> {
    let mut decoder = zstd::stream::read::Decoder::new(packed).map_err(|_| EncodingError::Damaged)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(|_| EncodingError::Damaged)?;
    read(decoder, bytes_max)
}

/// One byte more than is allowed shows that there is too much.
fn read(decoder: impl Read, bytes_max: usize) -> Result<Vec<u8>, EncodingError> {
    let mut plain = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(limit).read_to_end(&mut plain).map_err(|_| EncodingError::Damaged)?;
    if plain.len() > bytes_max { Err(EncodingError::TooLarge) } else { Ok(plain) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Encoding; 5] =
        [Encoding::Plain, Encoding::Gzip, Encoding::Deflate, Encoding::Zstd, Encoding::Lz4];

    #[test]
    fn what_is_packed_comes_out_and_no_more_than_is_allowed() {
        let plain = b"a line of text\n".repeat(10_000);
        for encoding in ALL {
            let packed = encoding.pack(&plain);
            assert_eq!(packed.is_none(), encoding == Encoding::Plain);
            let packed = packed.unwrap_or_else(|| plain.clone());
            assert_eq!(encoding.unpack(&packed, plain.len()).as_ref(), Ok(&plain), "{encoding:?}");
            assert_eq!(
                encoding.unpack(&packed, plain.len() - 1),
                Err(EncodingError::TooLarge),
                "{encoding:?}"
            );
            if encoding != Encoding::Plain {
                assert!(packed.len() < plain.len() / 5, "{encoding:?}");
                let cut = encoding.unpack(&packed[..packed.len() / 2], plain.len());
                assert_eq!(cut, Err(EncodingError::Damaged), "{encoding:?}");
            }
        }
        assert_eq!(Encoding::Gzip.pack(b"short"), None);
    }

    #[test]
    fn headers_name_what_is_sent_and_wanted() {
        let headers = |name: HeaderName, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, axum::http::HeaderValue::from_static(value));
            headers
        };
        let body = |value| Encoding::of_body(&headers(CONTENT_ENCODING, value));
        assert_eq!(
            (body("GZIP"), body("lz4"), body("br")),
            (Ok(Encoding::Gzip), Ok(Encoding::Lz4), Err(EncodingError::Unknown))
        );
        for (value, expected) in [
            ("gzip, deflate", Encoding::Gzip),
            ("lz4", Encoding::Lz4),
            ("gzip;q=0, deflate;q=0.5", Encoding::Deflate),
            ("br", Encoding::Plain),
        ] {
            assert_eq!(Encoding::wanted(&headers(ACCEPT_ENCODING, value)), expected, "{value}");
        }
        assert_eq!(Encoding::wanted(&HeaderMap::new()), Encoding::Plain);
    }
}
