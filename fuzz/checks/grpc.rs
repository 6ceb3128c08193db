//! The frame around the message of a unary gRPC request: all of the body, or refused.

use bytes::Bytes;
use telemetryflow::telemetry::stages::{Compression, FramingError, unframe};

pub fn check(body: &[u8]) {
    let unframed = unframe(&Bytes::copy_from_slice(body));
    assert_eq!(
        unframed.as_ref().map(|(compression, message)| (*compression, &message[..])).map_err(|e| *e),
        expected(body)
    );
}

fn expected(body: &[u8]) -> Result<(Compression, &[u8]), FramingError> {
    let Some((header, message)) = body.split_at_checked(5) else { return Err(FramingError::Incomplete) };
    let length = header[1..].iter().fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
    let compression = [Compression::Plain, Compression::Packed];
    let compression = *compression.get(usize::from(header[0])).ok_or(FramingError::Flag)?;
    match u64::try_from(message.len()) {
        Ok(held) if held == length => Ok((compression, message)),
        Ok(held) if held > length => Err(FramingError::Trailing),
        _ => Err(FramingError::Incomplete),
    }
}
