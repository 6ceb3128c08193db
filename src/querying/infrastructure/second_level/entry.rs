//! One entry as bytes: little-endian, with a checksum at its end.
//!
//! `TFC1`, hash of the question (16), place (8 + 8), number of groups (4); of each its labels (number in 2, each its length in 4 and
//! its bytes) and its buckets (number in 4, each 66 bytes); CRC-32C of all before it (4).

use xxhash_rust::xxh3::xxh3_128;

use crate::platform::redis::exchange::Position;
use crate::querying::domain::{Bucket, BucketQuery, GroupSeries};

const MAGIC: &[u8; 4] = b"TFC1";
/// An entry is no longer.
const BYTES_MAX: usize = 512 * 1_024;
const BUCKET_BYTES: usize = 66;
/// A group has no more labels.
const LABELS_MAX: usize = 64;

/// What an entry answers, hashed: with the version of the program, since what a bucket says may change with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryKey([u8; 16]);

impl EntryKey {
    pub fn new(chunk: &BucketQuery) -> Self {
        let text = format!("{} {chunk:?}", env!("CARGO_PKG_VERSION"));
        Self(xxh3_128(text.as_bytes()).to_le_bytes())
    }

    pub fn name(&self) -> String {
        let digits: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("chunk:{digits}")
    }
}

/// Buckets of a whole chunk, read when all up to a place was visible.
#[derive(Debug, PartialEq)]
pub struct Entry {
    pub place: Position,
    pub groups: Vec<GroupSeries>,
}

impl Entry {
    /// Absent if it is too long, or holds distributions.
    pub fn encode(key: &EntryKey, groups: &[GroupSeries], place: Position) -> Option<Vec<u8>> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(key.0);
        bytes.extend(place.ms.to_le_bytes());
        bytes.extend(place.number.to_le_bytes());
        bytes.extend(u32::try_from(groups.len()).ok()?.to_le_bytes());
        for group in groups {
            bytes.extend(u16::try_from(group.labels.len()).ok()?.to_le_bytes());
            for label in &group.labels {
                bytes.extend(u32::try_from(label.len()).ok()?.to_le_bytes());
                bytes.extend(label.as_bytes());
            }
            bytes.extend(u32::try_from(group.buckets.len()).ok()?.to_le_bytes());
            for bucket in &group.buckets {
                put(&mut bytes, bucket)?;
            }
            if bytes.len() > BYTES_MAX {
                return None;
            }
        }
        let sum = crc32c::crc32c(&bytes);
        bytes.extend(sum.to_le_bytes());
        Some(bytes)
    }

    /// Absent if the bytes are not an entry of this key.
    pub fn decode(bytes: &[u8], key: &EntryKey) -> Option<Self> {
        let (body, sum) = bytes.split_last_chunk::<4>()?;
        if bytes.len() > BYTES_MAX + 4 || crc32c::crc32c(body) != u32::from_le_bytes(*sum) {
            return None;
        }
        let mut rest = Rest(body.strip_prefix(MAGIC)?.strip_prefix(&key.0)?);
        let place = Position { ms: rest.u64()?, number: rest.u64()? };
        // Nothing is allocated that the bytes do not hold.
        let mut groups = Vec::new();
        for _ in 0..rest.u32()? {
            groups.push(rest.group()?);
        }
        rest.0.is_empty().then_some(Self { place, groups })
    }
}

/// Absent for distributions.
fn put(bytes: &mut Vec<u8>, bucket: &Bucket) -> Option<()> {
    let Bucket { index, points, valued, total, low, high, last, last_rest, last_time, distribution } = bucket;
    if distribution.is_some() {
        return None;
    }
    bytes.extend(index.to_le_bytes());
    bytes.extend(points.to_le_bytes());
    bytes.extend(valued.to_le_bytes());
    [total, low, high, last].iter().for_each(|number| bytes.extend(number.to_le_bytes()));
    bytes.extend(last_rest.to_le_bytes());
    bytes.extend(last_time.to_le_bytes());
    Some(())
}

/// What is left to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.first_chunk().copied()
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn f64(&mut self) -> Option<f64> {
        self.array().map(f64::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    fn group(&mut self) -> Option<GroupSeries> {
        let labels = usize::from(u16::from_le_bytes(self.array()?));
        if labels > LABELS_MAX {
            return None;
        }
        let mut names = Vec::new();
        for _ in 0..labels {
            let length = usize::try_from(self.u32()?).ok()?;
            names.push(std::str::from_utf8(self.take(length)?).ok()?.into());
        }
        let count = usize::try_from(self.u32()?).ok()?;
        if count.checked_mul(BUCKET_BYTES)? > self.0.len() {
            return None;
        }
        let buckets = (0..count).map(|_| self.bucket()).collect::<Option<Vec<Bucket>>>()?;
        let in_order = buckets.windows(2).all(|pair| matches!(pair, [one, next] if one.index < next.index));
        in_order.then_some(GroupSeries { labels: names, buckets })
    }

    fn bucket(&mut self) -> Option<Bucket> {
        Some(Bucket {
            index: self.i64()?,
            points: self.u64()?,
            valued: self.u64()?,
            total: self.f64()?,
            low: self.f64()?,
            high: self.f64()?,
            last: self.f64()?,
            last_rest: i16::from_le_bytes(self.array()?),
            last_time: self.i64()?,
            distribution: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::querying::domain::GroupBy;
    use crate::shared::{Interval, LabelFilter, TenantId, TimeRange, Timestamp};

    fn query(metric: &str) -> BucketQuery {
        BucketQuery {
            tenant: TenantId::unnamed(),
            metric: metric.into(),
            range: TimeRange::new(Timestamp::EPOCH, Timestamp::LATEST).unwrap(),
            interval: Interval::parse("5m").unwrap(),
            filter: LabelFilter::default(),
            group_by: GroupBy::default(),
        }
    }

    fn groups() -> Vec<GroupSeries> {
        let bucket =
            |index| Bucket { points: 3, valued: 2, total: 1.5, low: -1.0, high: 9.0, ..Bucket::empty(index) };
        let group = |label: &str, buckets: &[i64]| GroupSeries {
            labels: vec![label.into(), "\u{e9}".into()],
            buckets: buckets
                .iter()
                .map(|index| Bucket { last: 4.0, last_time: 7, ..bucket(*index) })
                .collect(),
        };
        vec![group("a", &[-3, 5]), group("", &[])]
    }

    const PLACE: Position = Position { ms: 17, number: 4 };

    #[test]
    fn an_entry_reads_back() {
        let key = EntryKey::new(&query("m"));
        let bytes = Entry::encode(&key, &groups(), PLACE).unwrap();
        assert_eq!(Entry::decode(&bytes, &key), Some(Entry { place: PLACE, groups: groups() }));
        let nothing = Entry::encode(&key, &[], PLACE).unwrap();
        assert_eq!(Entry::decode(&nothing, &key), Some(Entry { place: PLACE, groups: Vec::new() }));
    }

    #[test]
    fn an_entry_of_another_question_is_none() {
        let keys = ["m", "n"].map(|metric| EntryKey::new(&query(metric)));
        assert_ne!(keys[0].name(), keys[1].name());
        let bytes = Entry::encode(&keys[0], &groups(), PLACE).unwrap();
        assert_eq!(Entry::decode(&bytes, &keys[1]), None);
    }

    #[test]
    fn an_entry_that_lost_or_changed_a_byte_is_none() {
        let key = EntryKey::new(&query("m"));
        let bytes = Entry::encode(&key, &groups(), PLACE).unwrap();
        assert!((0..bytes.len()).all(|length| Entry::decode(&bytes[..length], &key).is_none()));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 4;
            assert_eq!(Entry::decode(&changed, &key), None, "{at}");
        }
    }

    #[test]
    fn numbers_that_promise_more_than_there_is_are_not_believed() {
        let key = EntryKey::new(&query("m"));
        for (head, count) in
            [(&[][..], u32::MAX), (&[1, 0, 0, 0, 0, 0][..], u32::MAX), (&[1, 0, 0, 0, 1, 0][..], 9)]
        {
            let mut bytes = [&MAGIC[..], &key.0, &[0; 16], head].concat();
            bytes.extend(count.to_le_bytes());
            let sum = crc32c::crc32c(&bytes);
            bytes.extend(sum.to_le_bytes());
            assert_eq!(Entry::decode(&bytes, &key), None);
        }
    }

    #[test]
    fn what_is_too_long_or_a_distribution_is_not_encoded() {
        let key = EntryKey::new(&query("m"));
        let many = vec![GroupSeries { labels: Vec::new(), buckets: (0..8_000).map(Bucket::empty).collect() }];
        assert_eq!(Entry::encode(&key, &many, PLACE), None);
    }
}
