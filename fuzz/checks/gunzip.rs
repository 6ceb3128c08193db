//! Bodies packed with gzip: bounded, and the same as a second decoder makes of them.

use telemetryflow::telemetry::stages::{Packing, UnpackError};

use super::inflate::{InflateError, as_gzip, gunzip, inflate};
use super::packed::{LIMITS, unpacked};

pub fn check(body: &[u8]) {
    check_member(body);
    // The fuzzer does not find checksums: as raw data, the same bytes get one.
    let mut plain = Vec::new();
    if let Ok(rest) = inflate(body, &mut plain, LIMITS.bytes_max) {
        let sealed = as_gzip(&body[..body.len() - rest.len()], &plain);
        assert_eq!(unpacked(Packing::Gzip, &sealed), Ok(plain));
        check_member(&[&sealed, rest].concat());
    }
}

fn check_member(body: &[u8]) {
    match (unpacked(Packing::Gzip, body), gunzip(body, LIMITS.bytes_max)) {
        (Ok(ours), theirs) => assert_eq!(Ok(ours), theirs),
        (Err(_), Err(InflateError::TooLong)) => {}
        (ours, theirs) => {
            assert_eq!((ours, theirs.err()), (Err(UnpackError::Malformed), Some(InflateError::Malformed)));
        }
    }
}
