//! A second decoder for deflate, zlib and gzip, as plain as the specifications have it: the oracle for ours
//! (RFC 1950, 1951, 1952).

use std::sync::LazyLock;

/// Why there is no plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InflateError {
    Malformed,
    /// More than the caller wants to see. What comes behind it was not looked at.
    TooLong,
}

use InflateError::{Malformed, TooLong};

/// All members of a gzip body.
pub fn gunzip(mut body: &[u8], bytes_max: usize) -> Result<Vec<u8>, InflateError> {
    let mut out = Vec::new();
    loop {
        let from = out.len();
        let packed = after_gzip_header(body).ok_or(Malformed)?;
        let rest = inflate(packed, &mut out, bytes_max)?;
        let (trailer, rest) = rest.split_first_chunk::<8>().ok_or(Malformed)?;
        let member = out.get(from..).unwrap_or_default();
        let length = u32::try_from(member.len()).map_err(|_| TooLong)?;
        if *trailer != gzip_trailer(crc32(member), length) {
            return Err(Malformed);
        }
        if rest.is_empty() {
            return Ok(out);
        }
        body = rest;
    }
}

/// One zlib stream and nothing behind it.
pub fn unzlib(body: &[u8], bytes_max: usize) -> Result<Vec<u8>, InflateError> {
    let (&[method, flags], packed) = body.split_first_chunk::<2>().ok_or(Malformed)?;
    let is_deflate = method & 0x0f == 8 && method >> 4 <= 7;
    if !is_deflate || !u16::from_be_bytes([method, flags]).is_multiple_of(31) || flags & 0x20 != 0 {
        return Err(Malformed);
    }
    let mut out = Vec::new();
    let rest = inflate(packed, &mut out, bytes_max)?;
    if rest == adler32(&out).to_be_bytes() { Ok(out) } else { Err(Malformed) }
}

/// A gzip member around raw deflate data that holds `plain`.
pub fn as_gzip(packed: &[u8], plain: &[u8]) -> Vec<u8> {
    let length = u32::try_from(plain.len()).expect("short");
    [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255][..], packed, &gzip_trailer(crc32(plain), length)].concat()
}

/// A zlib stream around raw deflate data that holds `plain`.
pub fn as_zlib(packed: &[u8], plain: &[u8]) -> Vec<u8> {
    [&[0x78, 0x9c][..], packed, &adler32(plain).to_be_bytes()].concat()
}

fn gzip_trailer(crc: u32, length: u32) -> [u8; 8] {
    (u64::from(length) << 32 | u64::from(crc)).to_le_bytes()
}

fn after_gzip_header(member: &[u8]) -> Option<&[u8]> {
    let (&[0x1f, 0x8b, 8, flags, ..], mut rest) = member.split_first_chunk::<10>()? else { return None };
    let has = |bit: u8| flags & 1 << bit != 0;
    if flags >> 5 != 0 {
        return None;
    }
    if has(2) {
        let (length, behind) = rest.split_first_chunk()?;
        rest = behind.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    for text in [3, 4] {
        if has(text) {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = rest.get(end + 1..)?;
        }
    }
    if has(1) {
        let (stored, behind) = rest.split_first_chunk()?;
        let header = member.get(..member.len() - rest.len())?;
        if u32::from(u16::from_le_bytes(*stored)) != crc32(header) & 0xffff {
            return None;
        }
        rest = behind;
    }
    Some(rest)
}

/// By byte, what it becomes on its way through the checksum.
static CRC_TABLE: LazyLock<[u32; 256]> = LazyLock::new(|| {
    let step = |crc: u32, _| crc >> 1 ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 };
    std::array::from_fn(|byte| (0..8).fold(u32::try_from(byte).expect("a byte"), step))
});

fn crc32(bytes: &[u8]) -> u32 {
    let table = &*CRC_TABLE;
    !bytes.iter().fold(!0, |crc: u32, byte| crc >> 8 ^ table[usize::from(crc.to_le_bytes()[0] ^ byte)])
}

fn adler32(bytes: &[u8]) -> u32 {
    let step = |(a, b): (u32, u32), byte: &u8| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    };
    let (a, b) = bytes.iter().fold((1, 0), step);
    b << 16 | a
}

/// Bits from the lowest to the highest of each byte.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    fn take(&mut self, count: usize) -> Result<usize, InflateError> {
        (0..count).try_fold(0, |number, place| {
            let byte = *self.bytes.get(self.at / 8).ok_or(Malformed)?;
            let bit = usize::from(byte) >> (self.at % 8) & 1;
            self.at += 1;
            Ok(number | bit << place)
        })
    }

    /// What is left behind the byte that was begun.
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at.div_ceil(8)..).unwrap_or_default()
    }
}

/// A Huffman code: how many symbols there are of each length, and the symbols in the order of their codes.
struct Code {
    counts: [usize; 16],
    symbols: Vec<usize>,
}

impl Code {
    /// Absent if there are more codes than bits allow, or fewer; but one alone may have a single bit, or there may be none.
    fn new(lengths: &[usize]) -> Option<Self> {
        let mut counts = [0; 16];
        lengths.iter().filter(|length| **length > 0).for_each(|length| counts[*length] += 1);
        let mut left = 1_isize;
        for count in &counts[1..] {
            left = 2 * left - isize::try_from(*count).ok()?;
            if left < 0 {
                return None;
            }
        }
        let symbols = (1..16).flat_map(|length| {
            lengths.iter().enumerate().filter(move |(_, own)| **own == length).map(|(symbol, _)| symbol)
        });
        let symbols: Vec<usize> = symbols.collect();
        let is_single = symbols.len() == counts[1] && symbols.len() <= 1;
        (left == 0 || is_single).then_some(Self { counts, symbols })
    }

    fn symbol(&self, bits: &mut Bits<'_>) -> Result<usize, InflateError> {
        let (mut code, mut first, mut index) = (0, 0, 0);
        for count in &self.counts[1..] {
            code |= bits.take(1)?;
            if code < first + count {
                return self.symbols.get(index + code - first).copied().ok_or(Malformed);
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(Malformed)
    }
}

/// Unpacks raw deflate data behind what `out` holds, which is not looked back to, and gives what follows it.
pub fn inflate<'a>(packed: &'a [u8], out: &mut Vec<u8>, bytes_max: usize) -> Result<&'a [u8], InflateError> {
    let mut bits = Bits { bytes: packed, at: 0 };
    let begin = out.len();
    loop {
        let is_last = bits.take(1)? == 1;
        match bits.take(2)? {
            0 => stored(&mut bits, out, bytes_max)?,
            1 => {
                let mut lengths = [8; 288];
                lengths[144..256].fill(9);
                lengths[256..280].fill(7);
                // Two distances that have a code stand for nothing.
                let codes = [Code::new(&lengths), Code::new(&[5; 32])].map(|code| code.ok_or(Malformed));
                let [literals, distances] = codes;
                compressed(&mut bits, &literals?, &distances?, begin, out, bytes_max)?;
            }
            2 => {
                let (literals, distances) = dynamic_codes(&mut bits)?;
                compressed(&mut bits, &literals, &distances, begin, out, bytes_max)?;
            }
            _ => return Err(Malformed),
        }
        if is_last {
            return Ok(bits.rest());
        }
    }
}

fn stored(bits: &mut Bits<'_>, out: &mut Vec<u8>, bytes_max: usize) -> Result<(), InflateError> {
    let (header, rest) = bits.rest().split_first_chunk::<4>().ok_or(Malformed)?;
    let length = u16::from_le_bytes([header[0], header[1]]);
    if length != !u16::from_le_bytes([header[2], header[3]]) {
        return Err(Malformed);
    }
    let length = usize::from(length);
    out.extend_from_slice(rest.get(..length).ok_or(Malformed)?);
    bits.at = (bits.bytes.len() - rest.len() + length) * 8;
    if out.len() > bytes_max { Err(TooLong) } else { Ok(()) }
}

/// The order in which the lengths of the code for lengths are given.
const LENGTH_ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

fn dynamic_codes(bits: &mut Bits<'_>) -> Result<(Code, Code), InflateError> {
    let (literals, distances, given) = (bits.take(5)? + 257, bits.take(5)? + 1, bits.take(4)? + 4);
    if literals > 286 || distances > 30 {
        return Err(Malformed);
    }
    let mut own = [0; 19];
    for place in &LENGTH_ORDER[..given] {
        own[*place] = bits.take(3)?;
    }
    let lengths_code = Code::new(&own).filter(|code| code.symbols.len() > 1).ok_or(Malformed)?;
    let mut lengths = Vec::new();
    while lengths.len() < literals + distances {
        let (length, times) = match lengths_code.symbol(bits)? {
            16 => (*lengths.last().ok_or(Malformed)?, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            18 => (0, 11 + bits.take(7)?),
            length => (length, 1),
        };
        lengths.resize(lengths.len() + times, length);
    }
    // A block without an end is no block.
    if lengths.len() > literals + distances || lengths[256] == 0 {
        return Err(Malformed);
    }
    let (of_literals, of_distances) = lengths.split_at(literals);
    Code::new(of_literals).zip(Code::new(of_distances)).ok_or(Malformed)
}

const LENGTHS: [usize; 29] = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
    227, 258,
];
const DISTANCES: [usize; 30] = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1_025, 1_537, 2_049,
    3_073, 4_097, 6_145, 8_193, 12_289, 16_385, 24_577,
];

fn compressed(
    bits: &mut Bits<'_>,
    literals: &Code,
    distances: &Code,
    begin: usize,
    out: &mut Vec<u8>,
    bytes_max: usize,
) -> Result<(), InflateError> {
    loop {
        match literals.symbol(bits)? {
            256 => return Ok(()),
            symbol @ ..256 => out.push(u8::try_from(symbol).map_err(|_| Malformed)?),
            symbol => {
                let symbol = symbol - 257;
                let extra = if symbol == 28 { 0 } else { (symbol / 4).saturating_sub(1) };
                let length = *LENGTHS.get(symbol).ok_or(Malformed)? + bits.take(extra)?;
                let symbol = distances.symbol(bits)?;
                let base = *DISTANCES.get(symbol).ok_or(Malformed)?;
                let distance = base + bits.take((symbol / 2).saturating_sub(1))?;
                if distance > out.len() - begin {
                    return Err(Malformed);
                }
                for _ in 0..length {
                    out.push(out[out.len() - distance]);
                }
            }
        }
        if out.len() > bytes_max {
            return Err(TooLong);
        }
    }
}
