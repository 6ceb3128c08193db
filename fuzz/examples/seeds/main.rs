//! Writes the inputs with which the fuzzer begins, to `seeds/<target>/`: small requests with every field, the same packed and
//! framed, and each of them slightly broken. Those of the target `json` are written by hand.
//!
//! `cargo run --example seeds`, in this folder.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use prost::Message;

mod requests;

type Seeds = Vec<(&'static str, Vec<u8>)>;

fn main() -> std::io::Result<()> {
    let metrics = requests::metrics().encode_to_vec();
    let logs = requests::logs().encode_to_vec();
    let traces = requests::traces().encode_to_vec();
    write(
        "metrics",
        requests::each_kind().into_iter().map(|(name, one)| (name, one.encode_to_vec())).collect(),
    )?;
    write("metrics", broken(&metrics))?;
    write("logs", broken(&logs))?;
    write("traces", broken(&traces))?;
    write("metrics", vec![("deep", requests::deep_metrics().encode_to_vec())])?;
    write("logs", vec![("deep", requests::deep_logs().encode_to_vec())])?;
    write("traces", vec![("deep", requests::deep_traces().encode_to_vec())])?;
    write("grpc", framed(&logs))?;
    write("gunzip", packed(&logs, gzip)?)?;
    write("deflate", packed(&logs, zlib)?)?;
    write("gunzip", vec![("raw", deflated(&logs)?)])?;
    write("deflate", vec![("raw", deflated(&logs)?)])?;
    write("zstd", packed(&logs, |bytes| zstd::encode_all(bytes, 3))?)?;
    write("zstd", frames(&logs)?)
}

fn write(target: &str, seeds: Seeds) -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    fs::create_dir_all(&folder)?;
    seeds.into_iter().try_for_each(|(name, bytes)| fs::write(folder.join(name), bytes))
}

/// Valid, cut off, with a byte that is another, and with a length that is too long.
fn broken(request: &[u8]) -> Seeds {
    let mut flipped = request.to_vec();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x55;
    let mut too_long = request.to_vec();
    too_long[1] = 0x7f;
    vec![
        ("valid", request.to_vec()),
        ("twice", request.repeat(2)),
        ("cut", request[..request.len() - 3].to_vec()),
        ("flipped", flipped),
        ("too-long", too_long),
    ]
}

fn framed(message: &[u8]) -> Seeds {
    let frame = |flag: u8, length: usize| {
        let length = u32::try_from(length).expect("short").to_be_bytes();
        [&[flag][..], &length, message].concat()
    };
    vec![
        ("plain", frame(0, message.len())),
        ("packed", frame(1, message.len())),
        ("empty", vec![0; 5]),
        ("flag", frame(2, message.len())),
        ("incomplete", frame(0, message.len() + 1)),
        ("trailing", frame(0, message.len() - 1)),
    ]
}

fn packed(plain: &[u8], pack: impl Fn(&[u8]) -> std::io::Result<Vec<u8>>) -> std::io::Result<Seeds> {
    let valid = pack(plain)?;
    let mut damaged = valid.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    Ok(vec![
        ("cut", valid[..last].to_vec()),
        ("damaged", damaged),
        ("empty", pack(b"")?),
        ("long", pack(&vec![b'x'; 200_000])?),
        ("noise", pack(&noise(1_500))?),
        ("trailing", [&valid[..], b"x"].concat()),
        ("twice", valid.repeat(2)),
        ("valid", valid),
    ])
}

/// Bytes that cannot be packed, so that they are stored.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..bytes).map(next).collect()
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let builder = flate2::GzBuilder::new().filename("name").comment("comment").extra(*b"extra");
    let mut encoder: GzEncoder<Vec<u8>> = builder.write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn zlib(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// What is within both, without checksums.
fn deflated(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// What zstd has beside plain frames: checksums, frames that are skipped, windows that are too wide, levels.
fn frames(plain: &[u8]) -> std::io::Result<Seeds> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 19)?;
    encoder.include_checksum(true)?;
    encoder.include_contentsize(false)?;
    encoder.write_all(plain)?;
    let checked = encoder.finish()?;
    let skipped = [&0x184D_2A50_u32.to_le_bytes()[..], &3_u32.to_le_bytes(), b"abc"].concat();
    let wide =
        |descriptor: u8| [&0xFD2F_B528_u32.to_le_bytes()[..], &[0, descriptor], &[9, 0, 0, b'x']].concat();
    Ok(vec![
        ("skipped", [&skipped[..], &checked].concat()),
        ("checked", checked),
        ("window-8-mib", wide((23 - 10) << 3)),
        ("window-16-mib", wide((24 - 10) << 3)),
        ("run", [&0xFD2F_B528_u32.to_le_bytes()[..], &[0, 0], &[0x03 | 0x40, 0x06, 0, b'x']].concat()),
    ])
}
