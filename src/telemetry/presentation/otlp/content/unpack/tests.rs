//! Good, damaged and hostile bodies in every packing.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::*;

const LIMITS: UnpackLimits = UnpackLimits { bytes_max: 8 << 20, ratio_max: 200 };
const PACKINGS: [Packing; 3] = [Packing::Gzip, Packing::Zstd, Packing::Deflate];

fn pack(packing: Packing, bytes: &[u8]) -> Vec<u8> {
    match packing {
        Packing::Plain => bytes.to_vec(),
        Packing::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Packing::Deflate => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Packing::Zstd => {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
            encoder.include_checksum(true).unwrap();
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
    }
}

fn unpacked(packing: Packing, packed: &[u8]) -> Result<Vec<u8>, UnpackError> {
    unpack(packing, packed, &mut Vec::new(), LIMITS, |_| Ok(())).map(<[u8]>::to_vec)
}

/// So many zeros, packed without holding them.
fn zeros(packing: Packing, bytes: u64) -> Vec<u8> {
    let mut plain = io::repeat(0).take(bytes);
    let mut packed = Vec::new();
    match packing {
        Packing::Plain => _ = plain.read_to_end(&mut packed).unwrap(),
        Packing::Gzip => {
            let mut encoder = GzEncoder::new(&mut packed, Compression::best());
            io::copy(&mut plain, &mut encoder).unwrap();
            encoder.finish().unwrap();
        }
        Packing::Deflate => {
            let mut encoder = ZlibEncoder::new(&mut packed, Compression::best());
            io::copy(&mut plain, &mut encoder).unwrap();
            encoder.finish().unwrap();
        }
        Packing::Zstd => zstd::stream::copy_encode(plain, &mut packed, 3).unwrap(),
    }
    packed
}

#[test]
fn a_plain_body_is_itself_and_asks_for_nothing() {
    let mut into = b"left from before".to_vec();
    let plain = unpack(Packing::Plain, b"body", &mut into, LIMITS, |_| panic!("memory for nothing"));
    assert_eq!(plain, Ok(&b"body"[..]));
}

#[test]
fn what_was_packed_comes_out_also_empty_and_over_many_steps() {
    let long: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    for packing in PACKINGS {
        for body in [&b""[..], b"a few bytes", &long] {
            assert!(unpacked(packing, &pack(packing, body)).as_deref() == Ok(body), "{packing:?}");
        }
    }
}

#[test]
fn several_members_and_frames_are_one_body() {
    for packing in [Packing::Gzip, Packing::Zstd] {
        let parts = [pack(packing, b"ab"), pack(packing, b""), pack(packing, b"cd")].concat();
        assert_eq!(unpacked(packing, &parts), Ok(b"abcd".to_vec()), "{packing:?}");
    }
}

#[test]
fn memory_is_asked_for_by_what_is_unpacked_not_by_the_number_of_members() {
    for packing in [Packing::Gzip, Packing::Zstd] {
        let members: Vec<u8> = (0..1_000).flat_map(|_| pack(packing, b"x")).collect();
        let (mut into, mut asked) = (Vec::new(), 0);
        let admit = |bytes| {
            asked += bytes;
            Ok(())
        };
        let plain = unpack(packing, &members, &mut into, LIMITS, admit).unwrap();
        assert_eq!((plain.len(), asked), (1_000, STEP_BYTES), "{packing:?}");
    }
}

#[test]
fn a_body_cut_at_any_byte_is_malformed() {
    for packing in PACKINGS {
        let packed = pack(packing, b"some text that is long enough to be cut, and cut, and cut again");
        for end in 0..packed.len() {
            assert_eq!(unpacked(packing, &packed[..end]), Err(UnpackError::Malformed), "{packing:?} {end}");
        }
    }
}

#[test]
fn wrong_checksums_garbage_behind_and_plain_bodies_are_malformed() {
    for packing in PACKINGS {
        let packed = pack(packing, b"some text");
        let mut wrong_checksum = packed.clone();
        let at = packed.len() - if packing == Packing::Gzip { 5 } else { 1 };
        wrong_checksum[at] ^= 1;
        let garbage = [&packed[..], b"garbage"].concat();
        for body in [&wrong_checksum, &garbage, &b"plain text".to_vec(), &vec![0; 100]] {
            assert_eq!(unpacked(packing, body), Err(UnpackError::Malformed), "{packing:?}");
        }
    }
}

/// *Scenario*: 100 MB of zeros, which are 100 KB of gzip and less of zstd.
/// *Guarantees*: given up a step behind the limit, whichever is the lower one.
#[test]
fn bombs_are_cut_off_early() {
    for packing in PACKINGS {
        let bomb = zeros(packing, 100_000_000);
        assert!(bomb.len() < 200_000, "{packing:?}: {}", bomb.len());
        let mut into = Vec::new();
        let one_mib = UnpackLimits { bytes_max: 1 << 20, ratio_max: usize::MAX };
        let ratio_one = UnpackLimits { bytes_max: usize::MAX, ratio_max: 1 };
        for (limits, error) in [(one_mib, UnpackError::TooLarge), (ratio_one, UnpackError::Ratio)] {
            assert_eq!(unpack(packing, &bomb, &mut into, limits, |_| Ok(())), Err(error), "{packing:?}");
            assert!(into.capacity() <= 3 << 20, "{packing:?}: {}", into.capacity());
        }
        let mut allowed = 3;
        let budget = |_: usize| {
            allowed -= 1;
            if allowed >= 0 { Ok(()) } else { Err(MeterError::Exhausted) }
        };
        assert_eq!(
            unpack(packing, &bomb, &mut into, LIMITS, budget),
            Err(UnpackError::Meter(MeterError::Exhausted))
        );
        assert!(into.len() <= 4 * STEP_BYTES && into.capacity() <= 4 << 20);
    }
}

#[test]
fn a_zstd_bomb_of_frames_that_state_their_size_is_cut_off_too() {
    let bomb = zstd::bulk::compress(&vec![0; 7 << 20], 3).unwrap();
    assert_eq!(unpacked(Packing::Zstd, &bomb), Err(UnpackError::Ratio));
}

/// A frame header without content size: magic number, descriptor 0, the window's descriptor (RFC 8878, section 3.1.1.1),
/// then one last raw block of one byte.
fn zstd_with_window(descriptor: u8) -> Vec<u8> {
    [&0xFD2F_B528_u32.to_le_bytes()[..], &[0, descriptor], &[9, 0, 0, b'x']].concat()
}

#[test]
fn a_zstd_window_beyond_eight_mib_is_refused_and_eight_mib_is_served() {
    let exponent = |log: u8| (log - 10) << 3;
    assert_eq!(unpacked(Packing::Zstd, &zstd_with_window(exponent(23))), Ok(b"x".to_vec()));
    for descriptor in [exponent(23) + 1, exponent(24), exponent(27), exponent(31), exponent(40), u8::MAX] {
        let refused = unpacked(Packing::Zstd, &zstd_with_window(descriptor));
        assert_eq!(refused, Err(UnpackError::Malformed), "{descriptor}");
    }
}

#[test]
fn a_zstd_frame_that_wants_a_dictionary_is_malformed() {
    let dictionary = b"words that occur in every body ".repeat(20);
    let mut packed = Cursor::new(Vec::new());
    let mut encoder = zstd::stream::write::Encoder::with_dictionary(&mut packed, 3, &dictionary).unwrap();
    encoder.write_all(b"words that occur in every body").unwrap();
    encoder.finish().unwrap();
    assert_eq!(unpacked(Packing::Zstd, packed.get_ref()), Err(UnpackError::Malformed));
}

proptest! {
    #[test]
    fn any_body_survives_packing(body in prop::collection::vec(any::<u8>(), 0..5_000)) {
        for packing in PACKINGS {
            prop_assert!(unpacked(packing, &pack(packing, &body)).as_deref() == Ok(&*body), "{packing:?}");
        }
    }

    #[test]
    fn no_damage_makes_it_panic_or_pass_the_limits(
        body in prop::collection::vec(0_u8..4, 0..2_000),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let limits = UnpackLimits { bytes_max: 100_000, ratio_max: 200 };
        for packing in PACKINGS {
            let mut packed = pack(packing, &body);
            for (at, bits) in &flips {
                let at = at.index(packed.len());
                packed[at] ^= bits;
            }
            let mut into = Vec::new();
            if let Ok(plain) = unpack(packing, &packed, &mut into, limits, |_| Ok(())) {
                prop_assert!(plain.len() <= limits.bytes_max);
            }
        }
    }
}

#[test]
fn a_body_of_very_many_members_or_frames_is_refused_and_one_of_some_is_not() {
    for packing in [Packing::Gzip, Packing::Zstd] {
        let of = |parts: usize| unpacked(packing, &pack(packing, b"x").repeat(parts));
        assert_eq!(of(500), Ok(vec![b'x'; 500]), "{packing:?}");
        assert_eq!(of(5_000), Err(UnpackError::Malformed), "{packing:?}");
    }
}
