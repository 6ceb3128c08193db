//! What goes into a request: plain bodies filled as they are sent, or compressed ones made before the run.

use std::io::Write;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::arguments::as_u64;
use crate::body::{Body, Moment};

/// Compressed variants that are kept, at least (so that times differ) and at most (so that memory is bounded).
const VARIANTS_MIN: u64 = 64;
const VARIANTS_MAX: u64 = 4_096;
/// A variant's times are this much later than the one's before.
const VARIANT_NANOS: u64 = 1_000_000;
/// Where a gzip header holds the time of the file: four bytes that mean nothing to the content.
const GZIP_MTIME: std::ops::Range<usize> = 4..8;

/// One sender's supply of bodies.
#[derive(Debug, Clone)]
pub enum Payload {
    Plain(Box<Body>),
    Compressed { variants: Arc<[Vec<u8>]>, points: usize },
}

impl Payload {
    pub fn plain(body: Body) -> Self {
        Self::Plain(Box::new(body))
    }

    pub fn compressed(mut body: Body, run_start_nanos: u64) -> Result<Self> {
        let count = body.bodies().clamp(VARIANTS_MIN, VARIANTS_MAX);
        let mut variants = Vec::new();
        for number in 0..count {
            let now_nanos = run_start_nanos + number * VARIANT_NANOS;
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(body.fill(number, Moment { now_nanos, run_start_nanos }))?;
            variants.push(encoder.finish()?);
        }
        Ok(Self::Compressed { variants: variants.into(), points: body.points() })
    }

    pub fn points(&self) -> u64 {
        match self {
            Self::Plain(body) => as_u64(body.points()),
            Self::Compressed { points, .. } => as_u64(*points),
        }
    }

    pub fn is_compressed(&self) -> bool {
        matches!(self, Self::Compressed { .. })
    }

    /// The bytes of the request with this number. No two are alike, even where a compressed variant is sent again: a
    /// server that recognises a repeated body must not get away with less work.
    pub fn next(&mut self, number: u64, moment: Moment) -> Bytes {
        match self {
            Self::Plain(body) => Bytes::copy_from_slice(body.fill(number, moment)),
            Self::Compressed { variants, .. } => {
                let index = usize::try_from(number % as_u64(variants.len()).max(1)).unwrap_or_default();
                let mut bytes = variants.get(index).cloned().unwrap_or_default();
                #[expect(clippy::cast_possible_truncation, reason = "runs are shorter than 2^32 requests")]
                let mark = number as u32;
                if let Some(place) = bytes.get_mut(GZIP_MTIME) {
                    place.copy_from_slice(&mark.to_le_bytes());
                }
                Bytes::from(bytes)
            }
        }
    }
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

    #[test]
    fn compressed_variants_hold_their_own_times_and_are_never_sent_alike() {
        let line = "load --points-per-body 10 --metrics 2 --series 20 --gzip";
        let arguments = Arguments::try_parse_from(line.split(' ')).unwrap().check().unwrap();
        let mut payload = Payload::compressed(Body::new(&arguments).unwrap(), 1_000).unwrap();
        let moment = Moment { now_nanos: 5, run_start_nanos: 5 };
        let mut plain = |number| {
            let bytes = payload.next(number, moment);
            let mut content = Vec::new();
            GzDecoder::new(&bytes[..]).read_to_end(&mut content).unwrap();
            (bytes, content)
        };
        let (first, second, first_again) = (plain(0), plain(1), plain(VARIANTS_MIN));
        assert_eq!((time_of(&first.1), time_of(&second.1)), (1_000, 1_000 + VARIANT_NANOS));
        assert_eq!(first.1, first_again.1);
        assert_ne!(first.0, first_again.0);
    }
}
