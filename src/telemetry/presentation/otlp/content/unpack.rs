//! Unpacks a body step by step: no size that it states is trusted, and memory is asked for before it is taken.

use std::io::{self, Read};

use flate2::bufread::{MultiGzDecoder, ZlibDecoder};

use super::Packing;
use crate::telemetry::presentation::otlp::meter::MeterError;

/// Bounds on what a packed body may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpackLimits {
    pub bytes_max: usize,
    /// Unpacked bytes per packed byte, beyond the first MiB.
    pub ratio_max: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    #[error("the body is not packed as its headers say, or damaged")]
    Malformed,
    #[error("the unpacked body is larger than allowed")]
    TooLarge,
    #[error("the body unpacks to more than the allowed multiple of its size")]
    Ratio,
    #[error(transparent)]
    Meter(#[from] MeterError),
}

/// Output that is free of the ratio limit: small bodies of equal bytes are no attack.
const RATIO_FREE_BYTES: usize = 1 << 20;
/// Output per step, and the memory that is asked for first.
const STEP_BYTES: usize = 64 * 1_024;
/// Members and frames of a body that are always unpacked. Each costs a decoder of its own, and no client sends many.
const PARTS_FREE: usize = 1_000;
/// ... and one more for each so many packed bytes.
const PART_BYTES_LEAST: usize = 4_096;
/// A zstd frame that looks back farther is refused before its window is allocated: 8 MiB, what RFC 8878 (section
/// 3.1.1.1.2) recommends to support and what the levels up to 19 use.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// The plain bytes of a body: itself if it is plain, else what it unpacks to, in `into`. `admit` is asked for
/// memory before it is taken: for half of what there will be then, which also covers the other half while it is moved.
///
/// The decoders' own state comes on top, as long as this runs: 64 KiB for gzip and deflate, for zstd up to the window
/// and about half a MiB (below 9 MiB). One runs per decode thread.
pub fn unpack<'a>(
    packing: Packing,
    body: &'a [u8],
    into: &'a mut Vec<u8>,
    limits: UnpackLimits,
    admit: impl FnMut(usize) -> Result<(), MeterError>,
) -> Result<&'a [u8], UnpackError> {
    into.clear();
    match packing {
        Packing::Plain => return Ok(body),
        // Without a single member or frame it is not packed at all, which their decoders do not all say.
        _ if body.is_empty() => return Err(UnpackError::Malformed),
        Packing::Gzip => read_all(&mut MultiGzDecoder::new(body), body.len(), into, limits, admit)?,
        Packing::Zstd => {
            let mut decoder = zstd_decoder(body).map_err(|_| UnpackError::Malformed)?;
            read_all(&mut decoder, body.len(), into, limits, admit)?;
        }
        Packing::Deflate => {
            let mut decoder = ZlibDecoder::new(body);
            read_all(&mut decoder, body.len(), into, limits, admit)?;
            if !decoder.get_ref().is_empty() {
                return Err(UnpackError::Malformed);
            }
        }
    }
    Ok(into)
}

fn zstd_decoder(body: &[u8]) -> io::Result<impl Read> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(body)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(decoder)
}

fn read_all(
    decoder: &mut impl Read,
    packed_bytes: usize,
    into: &mut Vec<u8>,
    limits: UnpackLimits,
    mut admit: impl FnMut(usize) -> Result<(), MeterError>,
) -> Result<(), UnpackError> {
    let ratio_bytes_max = packed_bytes.saturating_mul(limits.ratio_max).max(RATIO_FREE_BYTES);
    let mut parts_left = PARTS_FREE + packed_bytes / PART_BYTES_LEAST;
    let (mut admitted, mut filled) = (0_usize, 0_usize);
    loop {
        if filled > limits.bytes_max {
            return Err(UnpackError::TooLarge);
        }
        if filled > ratio_bytes_max {
            return Err(UnpackError::Ratio);
        }
        if filled == into.len() {
            if filled == admitted {
                let more = admitted.max(STEP_BYTES);
                admit(more)?;
                admitted += more;
                into.reserve_exact(admitted - filled);
            }
            into.resize(admitted.min(filled + STEP_BYTES), 0);
        }
        let space = into.get_mut(filled..).unwrap_or_default();
        let asked = space.len();
        let read = decoder.read(space).map_err(|_| UnpackError::Malformed)?;
        filled += read;
        if read == 0 {
            into.truncate(filled);
            return Ok(());
        }
        if read < asked {
            parts_left = parts_left.checked_sub(1).ok_or(UnpackError::Malformed)?;
        }
    }
}

#[cfg(test)]
mod tests;
