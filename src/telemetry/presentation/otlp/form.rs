//! `Form`: how a body was read, kept with it in the journal. Read again like this it gives the same items, whatever the
//! configuration says by then.
//!
//! Bytes, little-endian: version (1), encoding (1), packing (1), window (8 + 8), attributes: count, key and value bytes
//! (8 each), log body bytes (8), body bytes and ratio (8 each), then [`OverLimit`].

use crate::shared::Timestamp;
use crate::telemetry::domain::AcceptanceWindow;

use super::answer::Encoding;
use super::attributes::AttributeLimits;
use super::content::{Packing, UnpackLimits};
use super::decode::ContentLimits;
use super::metrics::OverLimit;

const VERSION: u8 = 1;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    pub encoding: Encoding,
    pub packing: Packing,
    pub window: AcceptanceWindow,
    pub limits: ContentLimits,
    pub over_limit: OverLimit,
}

impl Form {
    pub fn encode(&self) -> Vec<u8> {
        let Self { encoding, packing, window, limits, over_limit } = self;
        let mut bytes = vec![VERSION, encoding_code(*encoding), packing_code(*packing)];
        let (earliest, latest) = window.ends();
        bytes.extend(earliest.nanos().to_le_bytes());
        bytes.extend(latest.nanos().to_le_bytes());
        for limit in [
            limits.attributes.count_max,
            limits.attributes.key_bytes_max,
            limits.attributes.value_bytes_max,
            limits.log_body_bytes_max,
            limits.body.bytes_max,
            limits.body.ratio_max,
        ] {
            bytes.extend((limit as u64).to_le_bytes());
        }
        over_limit.encode(&mut bytes);
        bytes
    }

    /// Absent if a newer version wrote it.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (&[version, encoding, packing], rest) = bytes.split_first_chunk()?;
        let (times, rest) = rest.split_first_chunk::<16>()?;
        let (limits, over_limit) = rest.split_first_chunk::<48>()?;
        let time = |at: usize| {
            let nanos = times.get(at * 8..)?.first_chunk()?;
            Some(Timestamp::from_nanos(i64::from_le_bytes(*nanos)))
        };
        let limit = |at: usize| {
            let bytes = limits.get(at * 8..)?.first_chunk()?;
            usize::try_from(u64::from_le_bytes(*bytes)).ok()
        };
        let form = Self {
            encoding: ENCODINGS.into_iter().find(|known| encoding_code(*known) == encoding)?,
            packing: PACKINGS.into_iter().find(|known| packing_code(*known) == packing)?,
            window: AcceptanceWindow::between(time(0)?, time(1)?),
            limits: ContentLimits {
                attributes: AttributeLimits {
                    count_max: limit(0)?,
                    key_bytes_max: limit(1)?,
                    value_bytes_max: limit(2)?,
                },
                log_body_bytes_max: limit(3)?,
                body: UnpackLimits { bytes_max: limit(4)?, ratio_max: limit(5)? },
            },
            over_limit: OverLimit::decode(over_limit)?,
        };
        (version == VERSION).then_some(form)
    }
}

const ENCODINGS: [Encoding; 2] = [Encoding::Protobuf, Encoding::Json];
const PACKINGS: [Packing; 4] = [Packing::Plain, Packing::Gzip, Packing::Zstd, Packing::Deflate];

const fn encoding_code(encoding: Encoding) -> u8 {
    match encoding {
        Encoding::Protobuf => 0,
        Encoding::Json => 1,
    }
}

const fn packing_code(packing: Packing) -> u8 {
    match packing {
        Packing::Plain => 0,
        Packing::Gzip => 1,
        Packing::Zstd => 2,
        Packing::Deflate => 3,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_form_is_read_as_it_was_written(
            json: bool,
            packing in 0_usize..4,
            window in any::<(i64, i64)>(),
            limits in any::<[u32; 6]>(),
            place: u32,
        ) {
            let [count, key, value, log_body, body, ratio] = limits.map(|limit| limit as usize);
            let mut over_limit = OverLimit::default();
            over_limit.push(place);
            let (earliest, latest) = (Timestamp::from_nanos(window.0), Timestamp::from_nanos(window.1));
            let form = Form {
                encoding: if json { Encoding::Json } else { Encoding::Protobuf },
                packing: PACKINGS[packing],
                window: AcceptanceWindow::between(earliest, latest),
                limits: ContentLimits {
                    attributes: AttributeLimits { count_max: count, key_bytes_max: key, value_bytes_max: value },
                    log_body_bytes_max: log_body,
                    body: UnpackLimits { bytes_max: body, ratio_max: ratio },
                },
                over_limit,
            };
            let bytes = form.encode();
            prop_assert_eq!(Form::decode(&bytes), Some(form));
            for cut in 0..bytes.len() - 8 {
                prop_assert_eq!(Form::decode(&bytes[..cut]), None);
            }
        }
    }
}
