//! Packed bodies: bombs, and those that are not what they say.

use std::io::{Read, Write, repeat};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use telemetryflow::shared::Signal;

use crate::support::grpc::framed;
use crate::support::otlp::gzip;
use crate::support::server::PROTOBUF;
use crate::watched::{Answered, JSON, Watched, good};
use crate::wire::{Shape, field, text};
use Answered::{Malformed, TooLarge};

const PACKINGS: [&str; 3] = ["gzip", "zstd", "deflate"];

fn pack(packing: &str, bytes: impl Read) -> Vec<u8> {
    let mut bytes = bytes;
    let mut plain = Vec::new();
    match packing {
        "zstd" => {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).expect("zstd");
            encoder.include_checksum(true).expect("a checksum");
            std::io::copy(&mut bytes, &mut encoder).expect("zstd");
            encoder.finish().expect("zstd")
        }
        "deflate" => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            std::io::copy(&mut bytes, &mut encoder).expect("deflate");
            encoder.finish().expect("deflate")
        }
        _ => {
            bytes.read_to_end(&mut plain).expect("the bytes");
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&plain).expect("gzip");
            encoder.finish().expect("gzip")
        }
    }
}

/// A zstd frame that says it looks back 128 MiB (RFC 8878, section 3.1.1.1.2), with one empty block.
const HUGE_WINDOW: [u8; 9] = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3, 0x01, 0x00, 0x00];

/// An item with a text that nobody can pack well.
fn sound(signal: Signal, bytes: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let value: Vec<u8> = (0..bytes)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            b'a' + u8::try_from(state >> 60).expect("four bits")
        })
        .collect();
    signal.request(b"", &[signal.item(&field(signal.attributes(), &text(b"k", &value)))])
}

#[test]
fn bombs_are_cut_off_and_what_is_damaged_is_refused_on_every_signal_and_transport() {
    let watched = Watched::start();
    let hundred = 100 << 20;
    let bombs = PACKINGS.map(|packing| {
        let bomb = pack(packing, repeat(0).take(hundred));
        let twice = pack(packing, &*bomb);
        (packing, bomb, twice)
    });
    for signal in Signal::ALL {
        for (packing, bomb, twice) in &bombs {
            let whole = pack(packing, &*sound(signal, 100_000));
            let mut checksum = whole.clone();
            let at = checksum.len() - 2;
            checksum[at] ^= 1;
            let cases = [
                (bomb.clone(), TooLarge, "a bomb"),
                (twice.clone(), Malformed, "a bomb in a bomb"),
                (whole[..whole.len() - 1].to_vec(), Malformed, "a truncated end"),
                (whole[..whole.len() / 2].to_vec(), Malformed, "half"),
                (checksum, Malformed, "a wrong checksum"),
                ([&whole[..], b"more"].concat(), Malformed, "garbage behind it"),
                (good(signal), Malformed, "a plain body"),
                (HUGE_WINDOW.to_vec(), Malformed, "a huge window"),
            ];
            for (body, expected, what) in cases {
                let what = &format!("{what}, {packing}");
                watched.assert_http(
                    PROTOBUF,
                    signal,
                    &[("content-encoding", packing)],
                    &body,
                    expected,
                    what,
                );
                if *packing != "deflate" {
                    let headers = [("grpc-encoding", *packing)];
                    watched.assert_grpc(signal, &headers, &framed(1, &body), expected, what);
                }
            }
            let json = pack(packing, repeat(b'[').take(hundred));
            watched.assert_http(
                JSON,
                signal,
                &[("content-encoding", packing)],
                &json,
                TooLarge,
                "a JSON bomb",
            );
            watched.assert_within_bounds(packing);
        }
        for encodings in ["gzip, gzip", "zstd,gzip"] {
            let body = gzip(&gzip(&good(signal)));
            let answer = watched.http(signal, PROTOBUF, &[("content-encoding", encodings)], &body);
            assert_eq!(answer.status, 415, "{encodings}: {}", answer.text());
        }
    }
}
