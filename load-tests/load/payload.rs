//! What goes into a request: plain bodies filled as they are sent, or compressed ones made before the run.

use std::io::Write;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use flate2::write::GzEncoder;

use crate::arguments::{Compression, as_u64};
use crate::body::{Body, Moment};

/// Compressed variants that are kept, at least (so that times differ) and at most (so that memory is bounded).
const VARIANTS_MIN: u64 = 64;
const VARIANTS_MAX: u64 = 4_096;
/// A variant's times are this much later than the one's before.
const VARIANT_NANOS: u64 = 1_000_000;
/// Where a gzip header holds the time of the file: four bytes that mean nothing to the content (RFC 1952).
const GZIP_MTIME: usize = 4;
/// A skippable frame of zstd with four bytes of content, which stand last (RFC 8878, section 3.1.2).
const ZSTD_MARK: [u8; 12] = [0x50, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 0, 0, 0, 0];
const MARK_LEN: usize = 4;

/// One sender's supply of bodies.
#[derive(Debug, Clone)]
pub enum Payload {
    Plain(Box<Body>),
    Compressed { variants: Arc<[Variant]>, items: usize },
}

/// A compressed body, and where in it four bytes may be anything.
#[derive(Debug, Clone)]
pub struct Variant {
    bytes: Vec<u8>,
    mark_at: usize,
}

impl Payload {
    pub fn new(mut body: Body, compression: Compression, run_start_nanos: u64) -> Result<Self> {
        let compress = match compression {
            Compression::None => return Ok(Self::Plain(Box::new(body))),
            Compression::Gzip => gzip,
            Compression::Zstd => zstd,
        };
        let count = body.bodies().clamp(VARIANTS_MIN, VARIANTS_MAX);
        let mut variants = Vec::new();
        for number in 0..count {
            let now_nanos = run_start_nanos + number * VARIANT_NANOS;
            variants.push(compress(body.fill(number, Moment { now_nanos, run_start_nanos }))?);
        }
        Ok(Self::Compressed { variants: variants.into(), items: body.items() })
    }

    pub fn items(&self) -> u64 {
        match self {
            Self::Plain(body) => as_u64(body.items()),
            Self::Compressed { items, .. } => as_u64(*items),
        }
    }

    /// The bytes of the request with this number. No two are alike, even where a compressed variant is sent again: a
    /// server that recognises a repeated body must not get away with less work.
    pub fn next(&mut self, number: u64, moment: Moment) -> Bytes {
        match self {
            Self::Plain(body) => Bytes::copy_from_slice(body.fill(number, moment)),
            Self::Compressed { variants, .. } => {
                let index = usize::try_from(number % as_u64(variants.len()).max(1)).unwrap_or_default();
                variants.get(index).map(|variant| variant.marked(number)).unwrap_or_default()
            }
        }
    }
}

impl Variant {
    fn marked(&self, number: u64) -> Bytes {
        let mut bytes = self.bytes.clone();
        #[expect(clippy::cast_possible_truncation, reason = "runs are shorter than 2^32 requests")]
        let mark = number as u32;
        if let Some(place) = bytes.get_mut(self.mark_at..self.mark_at + MARK_LEN) {
            place.copy_from_slice(&mark.to_le_bytes());
        }
        Bytes::from(bytes)
    }
}

fn gzip(plain: &[u8]) -> Result<Variant> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain)?;
    Ok(Variant { bytes: encoder.finish()?, mark_at: GZIP_MTIME })
}

fn zstd(plain: &[u8]) -> Result<Variant> {
    let mut bytes = zstd::bulk::compress(plain, zstd::DEFAULT_COMPRESSION_LEVEL)?;
    bytes.extend(ZSTD_MARK);
    let mark_at = bytes.len() - MARK_LEN;
    Ok(Variant { bytes, mark_at })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use clap::Parser;
    use flate2::read::GzDecoder;
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use prost::Message;

    use super::*;
    use crate::arguments::Arguments;

    fn time_of(bytes: &[u8]) -> u64 {
        let request = ExportMetricsServiceRequest::decode(bytes).unwrap();
        match request.resource_metrics[0].scope_metrics[0].metrics[0].data.clone().unwrap() {
            opentelemetry_proto::tonic::metrics::v1::metric::Data::Gauge(gauge) => {
                gauge.data_points[0].time_unix_nano
            }
            other => panic!("{other:?}"),
        }
    }

    fn unpacked(compression: Compression, bytes: &[u8]) -> Vec<u8> {
        let mut content = Vec::new();
        match compression {
            Compression::None => content.extend(bytes),
            Compression::Gzip => {
                GzDecoder::new(bytes).read_to_end(&mut content).unwrap();
            }
            Compression::Zstd => {
                zstd::stream::read::Decoder::new(bytes).unwrap().read_to_end(&mut content).unwrap();
            }
        }
        content
    }

    #[test]
    fn compressed_variants_hold_their_own_times_and_are_never_sent_alike() {
        for (name, compression) in [("gzip", Compression::Gzip), ("zstd", Compression::Zstd)] {
            let line = format!("load --items-per-body 10 --metrics 2 --series 20 --compression {name}");
            let arguments = Arguments::try_parse_from(line.split(' ')).unwrap().check().unwrap();
            let mut payload =
                Payload::new(Body::new(&arguments).unwrap(), arguments.compression, 1_000).unwrap();
            let moment = Moment { now_nanos: 5, run_start_nanos: 5 };
            let mut next = |number| {
                let bytes = payload.next(number, moment);
                let content = unpacked(compression, &bytes);
                (bytes, content)
            };
            let (first, second, first_again) = (next(0), next(1), next(VARIANTS_MIN));
            assert_eq!((time_of(&first.1), time_of(&second.1)), (1_000, 1_000 + VARIANT_NANOS));
            assert_eq!(first.1, first_again.1);
            assert_ne!(first.0, first_again.0);
        }
    }
}
