//! Bodies packed with deflate (zlib): bounded, and the same as a second decoder makes of them.

use telemetryflow::telemetry::stages::{Packing, UnpackError};

use super::inflate::{InflateError, as_zlib, inflate, unzlib};
use super::packed::{LIMITS, unpacked};

pub fn check(body: &[u8]) {
    check_stream(body);
    // The fuzzer does not find checksums: as raw data, the same bytes get one.
    let mut plain = Vec::new();
    if let Ok(rest) = inflate(body, &mut plain, LIMITS.bytes_max) {
        let sealed = as_zlib(&body[..body.len() - rest.len()], &plain);
        assert_eq!(unpacked(Packing::Deflate, &sealed), Ok(plain));
        check_stream(&[&sealed, rest].concat());
    }
}

fn check_stream(body: &[u8]) {
    match (unpacked(Packing::Deflate, body), unzlib(body, LIMITS.bytes_max)) {
        (Ok(ours), theirs) => assert_eq!(Ok(ours), theirs),
        (Err(_), Err(InflateError::TooLong)) => {}
        (ours, theirs) => {
            assert_eq!((ours, theirs.err()), (Err(UnpackError::Malformed), Some(InflateError::Malformed)));
        }
    }
}
