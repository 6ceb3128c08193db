//! `RecordHeader`: what the journal keeps beside a body, so that a record can be batched, counted and recognised without
//! being read again.
//!
//! Bytes, little-endian: version (1); origin (0 a request, 1 a dead letter that is tried again); accepted items (8); bytes as
//! rows (8); hash of the body (16); number of rejection reasons (1), each with its name's length (1), name and items (8); then
//! the body's form, which only its reader understands, to the end.

use crate::telemetry::application::{BodyHash, Tally};
use crate::telemetry::domain::Rejection;

const VERSION: u8 = 1;

/// Where a record comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Request,
    /// Was counted as received when it was a request.
    DeadLetter,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordHeader {
    pub origin: Origin,
    pub tally: Tally,
    /// See `Payload::block_bytes`.
    pub block_bytes: u64,
    pub hash: BodyHash,
    pub form: Vec<u8>,
}

impl RecordHeader {
    pub fn encode(&self) -> Vec<u8> {
        let Self { origin, tally, block_bytes, hash, form } = self;
        let mut bytes = vec![VERSION, *origin as u8];
        bytes.extend(tally.accepted.to_le_bytes());
        bytes.extend(block_bytes.to_le_bytes());
        bytes.extend(hash.0.to_le_bytes());
        // Both are few and short: there are some twenty reasons.
        bytes.push(u8::try_from(tally.rejected.len()).unwrap_or(u8::MAX));
        for (reason, items) in tally.rejected.iter().take(usize::from(u8::MAX)) {
            let name = reason.name();
            bytes.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
            bytes.extend(name.bytes().take(usize::from(u8::MAX)));
            bytes.extend(items.to_le_bytes());
        }
        bytes.extend(form);
        bytes
    }

    /// Absent if a newer version wrote it.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = Rest(bytes);
        let [version, origin] = rest.take()?;
        let origin = match origin {
            0 => Origin::Request,
            1 => Origin::DeadLetter,
            _ => return None,
        };
        let accepted = u64::from_le_bytes(rest.take()?);
        let block_bytes = u64::from_le_bytes(rest.take()?);
        let hash = BodyHash(u128::from_le_bytes(rest.take()?));
        let [reasons] = rest.take()?;
        let rejected = (0..reasons).map(|_| rest.rejection()).collect::<Option<_>>()?;
        let tally = Tally { accepted, rejected };
        (version == VERSION).then(|| Self { origin, tally, block_bytes, hash, form: rest.0.to_vec() })
    }
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn rejection(&mut self) -> Option<(Rejection, u64)> {
        let [length] = self.take()?;
        let (name, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        let reason = Rejection::ALL.iter().find(|reason| reason.name().as_bytes() == name)?;
        Some((*reason, u64::from_le_bytes(self.take()?)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_header_is_read_as_it_was_written(
            is_letter: bool,
            accepted: u64,
            block_bytes: u64,
            hash: u128,
            counts in prop::collection::vec(any::<u64>(), 0..=Rejection::ALL.len()),
            form in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let header = RecordHeader {
                origin: if is_letter { Origin::DeadLetter } else { Origin::Request },
                tally: Tally { accepted, rejected: Rejection::ALL.iter().copied().zip(counts).collect() },
                block_bytes,
                hash: BodyHash(hash),
                form,
            };
            let bytes = header.encode();
            prop_assert_eq!(RecordHeader::decode(&bytes), Some(header.clone()));
            for cut in 0..bytes.len() - header.form.len() {
                prop_assert_eq!(RecordHeader::decode(&bytes[..cut]), None);
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = RecordHeader::decode(&bytes);
        }
    }
}
