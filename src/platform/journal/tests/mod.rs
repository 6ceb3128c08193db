//! Tests of the journal: a plain model over a simulated file system, explicit cases, and damage over real files.
#![allow(clippy::cast_possible_truncation, reason = "what tests count is small")]

mod cases;
mod damage;
mod fillers;
mod first_format;
mod inspections;
mod model;
mod simulated;
mod state_machine;
mod threads;

use std::sync::Arc;

use crate::shared::Timestamp;

use super::file_system::FileSystem;
use super::frame::Draft;
use super::options::Options;
use super::record::{Payload, Record, Stream};
use super::recover::recover;
use super::recovery::Recovery;
use super::segment::{Identity, JournalId};
use super::writer::Writer;

/// Segments of two kilobytes, twelve of them.
fn small() -> Options {
    let options = Options {
        segment_bytes: 2_048,
        bytes_max: 12 * 2_048,
        reserve_bytes: 384,
        block_bytes: 128,
        record_bytes_max: 700,
        records_max: 400,
        fill_bytes: 512,
        ..Options::default()
    };
    options.check().unwrap();
    options
}

fn fresh() -> Identity {
    Identity { id: JournalId(42), key: *b"0123456789abcdef" }
}

fn open(fs: &Arc<dyn FileSystem>) -> (Writer, Recovery) {
    recover(small(), fs, fresh()).unwrap()
}

/// A record that no other equals: `id` is in its payload.
fn record(id: u32, stream: u8, payload_bytes: usize) -> Record {
    let mut payload = id.to_le_bytes().to_vec();
    let noise = payload.iter().copied().cycle().zip(0_u8..=255).map(|(byte, at)| byte ^ at.wrapping_mul(151));
    payload.extend(noise.take(payload_bytes.min(251)).collect::<Vec<_>>());
    payload.resize(payload_bytes.max(4), id.to_le_bytes()[0]);
    Record {
        stream: Stream(stream),
        account: vec![b'a' + (id % 3) as u8],
        received_at: Timestamp::from_nanos(i64::from(id)),
        header: vec![stream; (id % 5) as usize],
        payload: match id.is_multiple_of(2) {
            true => Payload::Plain(payload.into()),
            false => Payload::Packed(payload.into()),
        },
    }
}

fn id_of(record: &Record) -> u32 {
    u32::from_le_bytes(*record.payload.bytes().first_chunk().unwrap())
}

fn draft(id: u32, stream: u8, payload_bytes: usize) -> Draft {
    Draft::of_record(record(id, stream, payload_bytes)).unwrap()
}

/// Payloads' ids of all that came back: batches first.
fn ids(recovery: &Recovery) -> Vec<u32> {
    let sealed = recovery.sealed.iter().flat_map(|batch| &batch.records);
    sealed.chain(&recovery.unsealed).map(|kept| id_of(&kept.read().unwrap())).collect()
}
