//! One message as bytes: little-endian, with a checksum at its end.
//!
//! `TFX1`, node (8), number (8), milliseconds of the sender's own clock (8), flags (1), then for each subject the length of its
//! section (4) and the section, CRC-32C of all before it (4).

use super::{Garbled, MessageNumber, SECTION_BYTES_MAX};

const MAGIC: &[u8; 4] = b"TFX1";
const MORE: u8 = 1;
const GOODBYE: u8 = 2;
/// Subjects of one message.
const SECTIONS_MAX: usize = 8;

/// A node, for as long as its process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u64);

impl NodeId {
    pub fn random() -> Self {
        Self(fastrand::u64(..))
    }

    #[cfg(test)]
    pub const fn of(number: u64) -> Self {
        Self(number)
    }
}

/// What a message says of what is yet to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It tells all that there was to tell when it was sent.
    Complete,
    /// More follows.
    More,
    /// There will be no other.
    Goodbye,
}

/// A message without its sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub node: NodeId,
    pub number: MessageNumber,
    /// When it was sent; means something to its sender only.
    pub sent_ms: u64,
    pub ending: Ending,
}

impl Head {
    /// With a section for each subject.
    pub fn encode(&self, sections: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.node.0.to_le_bytes());
        bytes.extend(self.number.0.to_le_bytes());
        bytes.extend(self.sent_ms.to_le_bytes());
        bytes.push(match self.ending {
            Ending::Complete => 0,
            Ending::More => MORE,
            Ending::Goodbye => GOODBYE,
        });
        for section in sections {
            // Sections are short: whoever writes them keeps to the limit.
            bytes.extend(u32::try_from(section.len()).unwrap_or(u32::MAX).to_le_bytes());
            bytes.extend(section);
        }
        let sum = crc32c::crc32c(&bytes);
        bytes.extend(sum.to_le_bytes());
        bytes
    }

    /// The message and its sections.
    pub fn decode(bytes: &[u8]) -> Result<(Self, Vec<&[u8]>), Garbled> {
        let (body, sum) = bytes.split_last_chunk::<4>().ok_or(Garbled)?;
        if crc32c::crc32c(body) != u32::from_le_bytes(*sum) {
            return Err(Garbled);
        }
        let mut rest = Bytes(body.strip_prefix(MAGIC).ok_or(Garbled)?);
        let head = Self {
            node: NodeId(rest.number()?),
            number: MessageNumber(rest.number()?),
            sent_ms: rest.number()?,
            ending: match rest.take(1)? {
                [0] => Ending::Complete,
                [MORE] => Ending::More,
                [GOODBYE] => Ending::Goodbye,
                _ => return Err(Garbled),
            },
        };
        let mut sections = Vec::new();
        while !rest.0.is_empty() {
            let length = u32::from_le_bytes(*rest.take(4)?.first_chunk().ok_or(Garbled)?);
            let length = usize::try_from(length).map_err(|_| Garbled)?;
            if length > SECTION_BYTES_MAX || sections.len() == SECTIONS_MAX {
                return Err(Garbled);
            }
            sections.push(rest.take(length)?);
        }
        Ok((head, sections))
    }
}

/// What is left to be read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Garbled> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Garbled)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64, Garbled> {
        Ok(u64::from_le_bytes(*self.take(8)?.first_chunk().ok_or(Garbled)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head { node: NodeId(7), number: MessageNumber(9), sent_ms: 11, ending: Ending::More }
    }

    #[test]
    fn a_message_reads_back() {
        let bytes = head().encode(&[vec![1, 2], Vec::new(), vec![3]]);
        assert_eq!(Head::decode(&bytes), Ok((head(), vec![&[1, 2][..], &[], &[3]])));
    }

    #[test]
    fn a_message_that_lost_or_changed_a_byte_makes_no_sense() {
        let bytes = head().encode(&[vec![1, 2]]);
        for length in 0..bytes.len() {
            assert_eq!(Head::decode(&bytes[..length]), Err(Garbled), "{length}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            assert_eq!(Head::decode(&changed), Err(Garbled), "{at}");
        }
    }

    #[test]
    fn what_a_section_says_of_its_length_is_not_believed() {
        let mut bytes = head().encode(&[]);
        bytes.truncate(bytes.len() - 4);
        bytes.extend(u32::MAX.to_le_bytes());
        let sum = crc32c::crc32c(&bytes);
        bytes.extend(sum.to_le_bytes());
        assert_eq!(Head::decode(&bytes), Err(Garbled));
    }
}
