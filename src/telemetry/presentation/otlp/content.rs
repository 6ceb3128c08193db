//! What a request's headers say of its body, and how the body is unpacked without trusting any size it states.

use std::io::Read;

use axum::http::{HeaderMap, header};
use flate2::read::MultiGzDecoder;

/// How the body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Gzip,
}

/// What cannot be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderRefusal {
    #[error("send Content-Type: application/x-protobuf; JSON is not supported yet")]
    Type,
    #[error("Content-Encoding may be gzip or identity")]
    Encoding,
}

/// Checks `Content-Type` (parameters and capitals do not matter) and reads `Content-Encoding`.
pub fn packing_of(headers: &HeaderMap) -> Result<Packing, HeaderRefusal> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = content_type.split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case(super::answer::PROTOBUF) {
        return Err(HeaderRefusal::Type);
    }
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => Ok(Packing::Plain),
        (Some(one), None) => match one.to_str().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Packing::Plain),
            "gzip" | "x-gzip" => Ok(Packing::Gzip),
            _ => Err(HeaderRefusal::Encoding),
        },
        (Some(_), Some(_)) => Err(HeaderRefusal::Encoding),
    }
}

/// Bounds on what a packed body may become.
#[derive(Debug, Clone, Copy)]
pub struct UnpackLimits {
    pub bytes_max: usize,
    /// Unpacked bytes per packed byte, beyond the first MiB.
    pub ratio_max: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    #[error("the body is not valid gzip")]
    Malformed,
    #[error("the unpacked body is larger than allowed")]
    TooLarge,
    #[error("the body unpacks to more than the allowed multiple of its size")]
    Ratio,
    #[error("no memory left for the unpacked body")]
    Exhausted,
}

/// Output that is free of the ratio limit: small bodies of equal bytes are no attack.
const RATIO_FREE_BYTES: usize = 1 << 20;
/// Output per step, and the least that is asked for from the budget at a time.
const STEP_BYTES: usize = 64 * 1_024;

/// Unpacks gzip (also several members) into `into`, step by step. `admit` is asked for each step's memory before it is taken.
pub fn gunzip(
    packed: &[u8],
    into: &mut Vec<u8>,
    limits: UnpackLimits,
    mut admit: impl FnMut(usize) -> bool,
) -> Result<(), UnpackError> {
    into.clear();
    let ratio_bytes_max = packed.len().saturating_mul(limits.ratio_max).max(RATIO_FREE_BYTES);
    let mut decoder = MultiGzDecoder::new(packed);
    let mut admitted = 0;
    loop {
        let filled = into.len();
        if filled > limits.bytes_max {
            return Err(UnpackError::TooLarge);
        }
        if filled > ratio_bytes_max {
            return Err(UnpackError::Ratio);
        }
        if filled == admitted {
            if !admit(STEP_BYTES) {
                return Err(UnpackError::Exhausted);
            }
            admitted += STEP_BYTES;
        }
        into.resize(admitted, 0);
        let space = into.get_mut(filled..).unwrap_or_default();
        let read = decoder.read(space).map_err(|_| UnpackError::Malformed)?;
        into.truncate(filled + read);
        if read == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use axum::http::HeaderValue;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const LIMITS: UnpackLimits = UnpackLimits { bytes_max: 8 << 20, ratio_max: 200 };

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack(packed: &[u8]) -> Result<Vec<u8>, UnpackError> {
        let mut into = Vec::new();
        gunzip(packed, &mut into, LIMITS, |_| true).map(|()| into)
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn headers_are_read_whatever_their_spelling() {
        let typed = |encoding| {
            headers(&[("content-type", "Application/X-Protobuf; v=1"), ("content-encoding", encoding)])
        };
        assert_eq!(packing_of(&headers(&[("content-type", "application/x-protobuf")])), Ok(Packing::Plain));
        assert_eq!(packing_of(&typed("GZIP")), Ok(Packing::Gzip));
        assert_eq!(packing_of(&typed("identity")), Ok(Packing::Plain));
        assert_eq!(packing_of(&typed("gzip, gzip")), Err(HeaderRefusal::Encoding));
        assert_eq!(packing_of(&typed("br")), Err(HeaderRefusal::Encoding));
        assert_eq!(packing_of(&headers(&[])), Err(HeaderRefusal::Type));
    }

    #[test]
    fn one_and_several_members_are_unpacked() {
        let body: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        assert_eq!(unpack(&gzip(&body)), Ok(body));
        assert_eq!(unpack(&[gzip(b"ab"), gzip(b"cd")].concat()), Ok(b"abcd".to_vec()));
    }

    #[test]
    fn memory_is_asked_for_by_what_is_unpacked_not_by_the_number_of_members() {
        let members: Vec<u8> = (0..1_000).flat_map(|_| gzip(b"x")).collect();
        let (mut into, mut asked) = (Vec::new(), 0);
        let admit = |bytes| {
            asked += bytes;
            true
        };
        gunzip(&members, &mut into, LIMITS, admit).unwrap();
        assert_eq!((into.len(), asked), (1_000, STEP_BYTES));
    }

    #[test]
    fn broken_bodies_are_named_as_such() {
        let packed = gzip(b"some text that is long enough to be cut");
        assert_eq!(unpack(b"plain text"), Err(UnpackError::Malformed));
        assert_eq!(unpack(&packed[..packed.len() - 3]), Err(UnpackError::Malformed));
        let mut wrong_checksum = packed.clone();
        let at = wrong_checksum.len() - 5;
        wrong_checksum[at] ^= 1;
        assert_eq!(unpack(&wrong_checksum), Err(UnpackError::Malformed));
        assert_eq!(unpack(&[packed, b"garbage".to_vec()].concat()), Err(UnpackError::Malformed));
    }

    #[test]
    fn bombs_are_cut_off_early() {
        let zeros = gzip(&vec![0; 7 << 20]);
        assert_eq!(unpack(&zeros), Err(UnpackError::Ratio));
        let mut into = Vec::new();
        let limits = UnpackLimits { bytes_max: 1 << 20, ratio_max: 100_000 };
        assert_eq!(gunzip(&zeros, &mut into, limits, |_| true), Err(UnpackError::TooLarge));
        assert!(into.len() <= (1 << 20) + STEP_BYTES);
        let mut allowed = 3;
        let budget = |_| {
            allowed -= 1;
            allowed >= 0
        };
        assert_eq!(gunzip(&zeros, &mut into, LIMITS, budget), Err(UnpackError::Exhausted));
    }
}
