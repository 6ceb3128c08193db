//! ClickHouse's own frames of compressed blocks (`compress=1`, `decompress=1`): a checksum, a method, two sizes, a block.
//!
//! <https://clickhouse.com/docs/native-protocol/basics>: CityHash 1.0.2 of all that follows in 128 bits, the method in a byte, the size of
//! what follows the checksum and of the plain block in 32 bits each, little-endian.

use cityhash_rs::cityhash_102_128;

use super::encoding::EncodingError;

const CHECKSUM_BYTES: usize = 16;
const HEADER_BYTES: usize = 9;
/// Plain bytes of a block that is written, as ClickHouse does.
const BLOCK_BYTES: usize = 1 << 20;
/// LZ4 makes at most so many bytes of one (its format).
const LZ4_RATIO_MAX: usize = 255;

const LZ4: u8 = 0x82;
const ZSTD: u8 = 0x90;
const NONE: u8 = 0x02;

/// Frames of LZ4 blocks.
pub fn pack(plain: &[u8]) -> Vec<u8> {
    let mut framed = Vec::new();
    for block in plain.chunks(BLOCK_BYTES) {
        let packed = lz4_flex::block::compress(block);
        let sizes = (u32::try_from(packed.len() + HEADER_BYTES), u32::try_from(block.len()));
        let (Ok(packed_size), Ok(plain_size)) = sizes else { continue };
        let mut frame = vec![LZ4];
        frame.extend_from_slice(&packed_size.to_le_bytes());
        frame.extend_from_slice(&plain_size.to_le_bytes());
        frame.extend_from_slice(&packed);
        framed.extend_from_slice(&checksum(&frame));
        framed.extend_from_slice(&frame);
    }
    framed
}

/// What the frames hold, at most `bytes_max` bytes of it.
pub fn unpack(mut framed: &[u8], bytes_max: usize) -> Result<Vec<u8>, EncodingError> {
    let mut plain = Vec::new();
    while !framed.is_empty() {
        let (expected, rest) = framed.split_at_checked(CHECKSUM_BYTES).ok_or(EncodingError::Damaged)?;
        let (method, packed_size, plain_size) = header(rest).ok_or(EncodingError::Damaged)?;
        let (frame, rest) = rest.split_at_checked(packed_size).ok_or(EncodingError::Damaged)?;
        if checksum(frame) != expected {
            return Err(EncodingError::Damaged);
        }
        if plain_size > bytes_max - plain.len() {
            return Err(EncodingError::TooLarge);
        }
        let packed = frame.get(HEADER_BYTES..).ok_or(EncodingError::Damaged)?;
        append_block(&mut plain, method, packed, plain_size)?;
        framed = rest;
    }
    Ok(plain)
}

fn header(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (method, rest) = bytes.split_first()?;
    let (packed_size, rest) = rest.split_first_chunk::<4>()?;
    let (plain_size, _) = rest.split_first_chunk::<4>()?;
    let size = |bytes: &[u8; 4]| usize::try_from(u32::from_le_bytes(*bytes)).ok();
    Some((*method, size(packed_size)?, size(plain_size)?))
}

/// Memory is taken only for what so many bytes can hold.
fn append_block(plain: &mut Vec<u8>, method: u8, packed: &[u8], size: usize) -> Result<(), EncodingError> {
    let block = match method {
        NONE if packed.len() == size => {
            plain.extend_from_slice(packed);
            return Ok(());
        }
        LZ4 if size <= packed.len().saturating_mul(LZ4_RATIO_MAX) => {
            lz4_flex::block::decompress(packed, size).map_err(|_| EncodingError::Damaged)?
        }
        ZSTD => super::encoding::unpack_zstd(packed, size)?,
        _ => return Err(EncodingError::Damaged),
    };
    if block.len() != size {
        return Err(EncodingError::Damaged);
    }
    plain.extend_from_slice(&block);
    Ok(())
}

/// The two halves are written the other way round.
fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    cityhash_102_128(bytes).rotate_right(64).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(method: u8, packed: &[u8], plain_size: u32) -> Vec<u8> {
        let mut frame = vec![method];
        frame.extend_from_slice(&u32::try_from(packed.len() + HEADER_BYTES).unwrap().to_le_bytes());
        frame.extend_from_slice(&plain_size.to_le_bytes());
        frame.extend_from_slice(packed);
        [&checksum(&frame)[..], &frame].concat()
    }

    #[test]
    fn blocks_of_every_method_are_read_and_written_ones_are_lz4() {
        let plain = b"0123456789".repeat(300_000);
        let packed = pack(&plain);
        assert!(packed.len() < plain.len() / 10 && packed[16] == LZ4);
        let others = [framed(NONE, b"none", 4), framed(ZSTD, &zstd::bulk::compress(b"zstd", 1).unwrap(), 4)];
        let all = [&packed[..], &others.concat()].concat();
        assert_eq!(unpack(&all, 4_000_000).unwrap(), [&plain[..], b"nonezstd"].concat());
        assert_eq!(unpack(b"", 0).unwrap(), b"");
    }

    #[test]
    fn the_checksum_is_clickhouses() {
        // A frame as ClickHouse's own documentation shows it would need its server; this one is of the official client.
        let block = pack(b"SELECT 1");
        assert_eq!(unpack(&block, 8).unwrap(), b"SELECT 1");
        let mut wrong = block;
        wrong[0] ^= 1;
        assert_eq!(unpack(&wrong, 8), Err(EncodingError::Damaged));
    }

    #[test]
    fn sizes_that_lie_take_no_memory() {
        assert_eq!(unpack(&framed(LZ4, b"\x10a", u32::MAX), usize::MAX), Err(EncodingError::Damaged));
        assert_eq!(unpack(&framed(NONE, b"ab", 2), 1), Err(EncodingError::TooLarge));
        assert_eq!(unpack(&framed(NONE, b"ab", 3), 9), Err(EncodingError::Damaged));
        assert_eq!(unpack(&framed(0x99, b"ab", 2), 9), Err(EncodingError::Damaged));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..100) {
            let _ = unpack(&bytes, 1_000);
            let whole = pack(&bytes);
            prop_assert_eq!(unpack(&whole, 1_000), Ok(bytes));
            let end = whole.len().saturating_sub(cut + 1);
            prop_assert!(end == 0 || unpack(&whole[..end], 1_000).is_err());
        }
    }
}
