//! What the checks of the three packings have in common: what comes out is bounded by every limit, and so is the memory.

use telemetryflow::telemetry::stages::{MeterError, Packing, UnpackError, UnpackLimits, unpack};

/// Small, and no multiple of the steps in which bodies are unpacked.
pub const LIMITS: UnpackLimits = UnpackLimits { bytes_max: 100_000, ratio_max: 200 };

/// Lets the ratio say no before the size does.
const RATIO: UnpackLimits = UnpackLimits { bytes_max: 3 << 20, ratio_max: 20 };
/// What the ratio does not count.
const RATIO_FREE_BYTES: usize = 1 << 20;

/// Unpacks within [`LIMITS`], and once more with each of the others.
pub fn unpacked(packing: Packing, body: &[u8]) -> Result<Vec<u8>, UnpackError> {
    let unpacked = within(packing, body, LIMITS, usize::MAX);
    let size = unpacked.as_ref().map_or(0, Vec::len);
    assert!(size <= LIMITS.bytes_max);
    if let Ok(plain) = &unpacked {
        // Memory for less than that.
        let less = within(packing, body, LIMITS, plain.len().saturating_sub(1));
        assert!(less.is_err() || plain.is_empty() || less.as_ref() == Ok(plain));
    }
    if unpacked == Err(UnpackError::TooLarge) {
        let ratio_max = RATIO_FREE_BYTES.max(RATIO.ratio_max * body.len());
        if let Ok(plain) = within(packing, body, RATIO, usize::MAX) {
            assert!(plain.len() > LIMITS.bytes_max && plain.len() <= ratio_max.min(RATIO.bytes_max));
        }
    }
    unpacked
}

/// `memory_bytes`: so much is granted.
fn within(
    packing: Packing,
    body: &[u8],
    limits: UnpackLimits,
    memory_bytes: usize,
) -> Result<Vec<u8>, UnpackError> {
    let mut granted = 0;
    let mut refused = false;
    let admit = |bytes: usize| {
        refused |= granted + bytes > memory_bytes;
        granted += if refused { 0 } else { bytes };
        if refused { Err(MeterError::Exhausted) } else { Ok(()) }
    };
    let mut into = b"left from before".to_vec();
    let plain = unpack(packing, body, &mut into, limits, admit).map(<[u8]>::to_vec);
    assert!(into.len() <= granted, "{} bytes in memory of {granted}", into.len());
    assert!(into.capacity() <= 2 * granted.max(16));
    assert_eq!(refused, plain == Err(UnpackError::Meter(MeterError::Exhausted)));
    plain
}
