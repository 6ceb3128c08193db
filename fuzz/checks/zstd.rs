//! Bodies packed with zstd: bounded, and the same as the library makes of them. The library is C, whose branches the fuzzer does
//! not see.
//!
//! The library does not always agree with itself. Only where it is given a frame and room for all of its content, it reads a run
//! that is longer than a block may be (RFC 8878, section 3.1.1.2.4). Only step by step, as we go, it passes over a compressed
//! block of no bytes, and over content that is shorter than stated if the last block is empty.

use std::io::{BufReader, Read};

use telemetryflow::telemetry::stages::{Packing, UnpackError};

use super::packed::{LIMITS, unpacked};

/// Widest window that is served: 8 MiB.
const WINDOW_BYTES_MAX: u64 = 8 << 20;
const MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();

pub fn check(body: &[u8]) {
    let at_once = zstd::bulk::decompress(body, LIMITS.bytes_max);
    match (unpacked(Packing::Zstd, body), at_once) {
        (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs),
        (Ok(ours), Err(_)) => assert!(step_by_step(body).is_none_or(|theirs| ours == theirs)),
        (Err(UnpackError::Malformed), Ok(_)) => {
            let is_refused = body.is_empty() || looks_far_back(body) || step_by_step(body).is_none();
            assert!(is_refused, "the library reads it");
        }
        (Err(error), Ok(_)) => panic!("the library reads it: {error}"),
        (Err(_), Err(_)) => {}
    }
}

/// In the smallest steps; absent where the library refuses it.
fn step_by_step(body: &[u8]) -> Option<Vec<u8>> {
    let decoder = zstd::stream::read::Decoder::with_buffer(body).ok()?;
    BufReader::with_capacity(1, decoder).bytes().take(LIMITS.bytes_max + 1).collect::<Result<_, _>>().ok()
}

/// Whether any frame could state a window wider than is served. It is looked for everywhere, so that frames need not be parsed.
fn looks_far_back(body: &[u8]) -> bool {
    (0..body.len())
        .any(|at| body[at..].strip_prefix(&MAGIC).is_some_and(|frame| window(frame) > WINDOW_BYTES_MAX))
}

/// Of a frame header behind its magic number (RFC 8878, section 3.1.1.1); 0 if there is none.
fn window(frame: &[u8]) -> u64 {
    match frame {
        // A single segment is its own window, and fits into the limits.
        [descriptor, ..] if descriptor & 0x20 != 0 => 0,
        [_, window, ..] => {
            let base = 1_u64 << (10 + (window >> 3));
            base + base / 8 * u64::from(window & 7)
        }
        _ => 0,
    }
}
