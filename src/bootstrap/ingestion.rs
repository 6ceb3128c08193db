//! Builds the write path from the settings: journal, batches, and what is told of them.

use std::sync::Arc;

use anyhow::Context;

use crate::config::{self, ByteSize, Settings};
use crate::platform::health::{Condition, Details};
use crate::platform::journal::{Disk, Journal, Options};
use crate::telemetry::dead_letters::DeadLetters;
use crate::telemetry::{Durability, JournalParts, SealLimits, Stats, WritePathOptions};

use super::Surroundings;
use super::dead_letters::dead_letters_path;

const MIB: u64 = 1 << 20;
/// Longest segment of the journal that is not made longer by long bodies.
const SEGMENT_BYTES_MAX: u64 = 64 * MIB;
/// Segments that a small journal has, so that it can release some.
const SEGMENTS_WANTED: u64 = 16;
/// What a record holds beside its body, apart from what grows with the body.
const RECORD_HEADER_BYTES: u64 = 64 << 10;
/// Share of the budget that items may hold which wait for the store; the rest is for requests that come.
const HELD_SHARE: usize = 2;

pub fn durability(settings: &Settings) -> Durability {
    match settings.ingest.durability {
        config::Durability::Journal => Durability::Journal,
        config::Durability::Store => Durability::Store,
        config::Durability::Memory => Durability::Memory,
    }
}

pub fn write_path_options(settings: &Settings) -> WritePathOptions {
    let ingest = &settings.ingest;
    WritePathOptions {
        durability: durability(settings),
        seal: SealLimits {
            rows_max: ingest.batch_rows_max,
            bytes_max: ingest.batch_bytes_max.as_usize(),
            age_max: ingest.batch_age_max,
        },
        inserters: settings.store.writers,
        held_bytes_max: ingest.budget_bytes.as_usize() / HELD_SHARE,
        resent_window: ingest.resent_window,
    }
}

/// The journal's files; absent if nothing is journaled and no process before left anything to be stored.
pub fn journal(settings: &Settings, surroundings: &dyn Surroundings) -> anyhow::Result<Option<JournalParts>> {
    let path = &settings.journal.path;
    if settings.ingest.durability == config::Durability::Memory && !path.exists() {
        return Ok(None);
    }
    let options = journal_options(settings)?;
    let files =
        Disk::new(path).with_context(|| format!("cannot use the journal's folder {}", path.display()))?;
    let letters = dead_letters_path(settings);
    let dead_letters = DeadLetters::open(&letters, settings.dead_letters.bytes_max.bytes())
        .with_context(|| format!("cannot use the folder of dead letters {}", letters.display()))?;
    let files = surroundings.journal_files(Arc::new(files));
    Ok(Some(JournalParts { options, files, dead_letters: Arc::new(dead_letters) }))
}

/// Segments hold the longest record; otherwise they are as long as is good for the disk, and not too few.
fn journal_options(settings: &Settings) -> anyhow::Result<Options> {
    let bytes_max = settings.journal.bytes_max.bytes();
    let body = settings.ingest.body_bytes_max.bytes();
    // A record also says which of its items were rejected: at most a quarter of the body.
    let record = body + body / 4 + RECORD_HEADER_BYTES;
    let comfortable = (bytes_max / SEGMENTS_WANTED).clamp(MIB, SEGMENT_BYTES_MAX);
    let reserve = (comfortable / 8).min(Options::default().reserve_bytes);
    let needed = record + reserve + 4 * Options::default().block_bytes;
    let segment_bytes = comfortable.max(needed).next_multiple_of(MIB);
    let least = segment_bytes * 4;
    anyhow::ensure!(
        bytes_max >= least,
        "[journal] bytes_max has to be at least {} while [ingest] body_bytes_max is {}",
        ByteSize::from_bytes(least),
        settings.ingest.body_bytes_max,
    );
    Ok(Options {
        segment_bytes,
        bytes_max,
        reserve_bytes: reserve,
        record_bytes_max: u32::try_from(record).unwrap_or(u32::MAX),
        ..Options::default()
    })
}

/// Without a journal that can be written nothing can be promised.
pub fn conditions(journal: Option<Arc<Journal>>) -> Vec<Condition> {
    let Some(journal) = journal else { return Vec::new() };
    vec![Box::new(move || {
        let measures = journal.measures();
        if measures.is_failed { Some("journal failed") } else { measures.is_full.then_some("journal full") }
    })]
}

/// What `/readyz` tells beside its status.
pub fn details(stats: Stats) -> Details {
    Box::new(move || {
        let mut details = serde_json::Map::new();
        details.insert("durability".to_owned(), stats.durability.name().into());
        if let Some(journal) = stats.journal_value() {
            details.insert("journal".to_owned(), journal);
        }
        details
    })
}
