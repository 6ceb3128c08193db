//! `telemetryflow journal inspect`: tells what is in the journal's files, and changes nothing, whether a server runs or not.

use std::path::Path;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{Configured, columns, failed, load, say};
use crate::platform::clock::SystemClock;
use crate::platform::journal::{Files, Flaw, OpenRecord};
use crate::shared::{Clock, Signal, Timestamp};
use crate::telemetry::dead_letters::time_text;
use crate::telemetry::{JournalReport, OpenBatch, OpenGroup, RecordWords};

/// The exit code if something is damaged.
const DAMAGED: u8 = 2;

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Tell what is in the journal: files, segments, what is open by tenant and signal, batches, damage.
    ///
    /// Only reads: takes no lock, makes and changes no file, and works while a server runs. A torn end of the last segment is
    /// no damage: it is a group that is being written, or was when the server died, and nobody had an answer for it.
    ///
    /// The exit code is 0 if the journal is sound, 2 if something is damaged that no start of the server has dealt with yet (also if
    /// the command line is wrong), and 1 if there is no journal, or it cannot be read, or a newer version wrote it.
    Inspect {
        #[command(flatten)]
        configured: Configured,
        /// Text for people, or JSON for programs.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        /// List every open record, too.
        #[arg(long)]
        records: bool,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

pub(super) fn run(action: Action) -> ExitCode {
    let Action::Inspect { configured, format, records } = action;
    let path = match load(&configured) {
        Ok(settings) => settings.journal.path,
        Err(code) => return code,
    };
    let report = match JournalReport::of(&path) {
        Ok(report) => report,
        Err(error) => return failed(format!("the journal in {}: {error}", path.display())),
    };
    let now = SystemClock.now();
    match format {
        Format::Json => say(format_args!("{:#}", object(&report, &path, now, records))),
        Format::Text => say(text(&report, &path, now, records).trim_end()),
    }
    if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::from(DAMAGED) }
}

fn age_ms(now: Timestamp, then: Timestamp) -> u64 {
    u64::try_from(now.since(then).as_millis()).unwrap_or(u64::MAX)
}

fn signal_name(stream: u8) -> String {
    let signal = Signal::ALL.get(usize::from(stream));
    signal.map_or_else(|| format!("stream {stream}"), |signal| signal.name().to_owned())
}

fn id_text(report: &JournalReport) -> Option<String> {
    report.inspection.journal.map(|id| format!("{:016x}", id.get()))
}

fn object(report: &JournalReport, path: &Path, now: Timestamp, records: bool) -> Value {
    let (seen, checkpoint) = (&report.inspection, &report.checkpoint);
    let files = |files: Files| json!({ "files": files.count, "bytes": files.bytes });
    let segments = seen.segments.iter().map(|segment| {
        let counts = segment.records;
        json!({
            "file": segment.file, "epoch": segment.epoch, "bytes": segment.bytes,
            "first": segment.first.get(), "last": segment.last.map(|last| last.get()),
            "frames": segment.frames, "marks": segment.marks,
            "open": counts.open, "stored": counts.stored, "deadLettered": counts.dead_lettered,
            "released": counts.released,
        })
    });
    let group = |group: &OpenGroup| {
        json!({
            "tenant": group.tenant.as_str(), "signal": group.signal.name(), "records": group.records,
            "items": group.items, "bytes": group.bytes, "oldest": time_text(group.oldest),
            "ageMs": age_ms(now, group.oldest),
        })
    };
    let batch = |batch: &OpenBatch| {
        json!({
            "number": batch.number, "signal": signal_name(batch.stream), "first": batch.first,
            "last": batch.last, "records": batch.records, "items": batch.items,
        })
    };
    let mut object = json!({
        "sound": report.is_sound(),
        "journal": id_text(report),
        "format": seen.format,
        "folder": path.display().to_string(),
        "segmentBytes": seen.segments.iter().map(|segment| segment.bytes).sum::<u64>(),
        "spares": files(seen.spares),
        "unfinished": files(seen.unfinished),
        "quarantine": files(seen.quarantine),
        "ledger": { "bytes": checkpoint.ledger_bytes, "position": checkpoint.ledger_position },
        "bodiesSeen": { "files": checkpoint.seen_files, "bytes": checkpoint.seen_bytes },
        "liveFrom": seen.live_from.get(),
        "next": seen.next.get(),
        "missing": {
            "lost": seen.missing.lost, "torn": seen.missing.torn, "countedBefore": seen.missing.counted_before,
        },
        "tornTail": seen.torn_tail,
        "segments": segments.collect::<Vec<_>>(),
        "open": report.open.iter().map(group).collect::<Vec<_>>(),
        "batches": report.batches.iter().map(batch).collect::<Vec<_>>(),
        "damage": damage(report),
    });
    if let Some(fields) = object.as_object_mut().filter(|_| records) {
        let listed = seen.open.iter().zip(&report.records);
        fields.insert(
            "records".to_owned(),
            listed.map(|(record, words)| record_object(record, words)).collect(),
        );
    }
    object
}

fn record_object(record: &OpenRecord, words: &RecordWords) -> Value {
    let known = words.known.as_ref();
    json!({
        "sequence": record.sequence.get(), "signal": signal_name(record.stream.0),
        "tenant": known.map(|(tenant, _, _)| tenant.as_str()), "items": known.map(|(_, _, items)| items),
        "bytes": record.bytes, "receivedAt": time_text(record.received_at),
        "batch": record.batch.map(|batch| batch.get()), "epoch": record.epoch, "offset": record.offset,
    })
}

/// A line for each thing that is damaged. Names of files and records are our own, so they are shown as they are.
fn damage(report: &JournalReport) -> Vec<String> {
    let flaw = |flaw: &Flaw| match flaw {
        Flaw::Identity => "the file \"identity\" is missing or damaged".to_owned(),
        Flaw::Header { file } => format!("{file:?}: the header is damaged"),
        Flaw::Foreign { file } => format!("{file:?}: of another journal, a copy, or wrongly named"),
        Flaw::Unsound { file } => format!("{file:?}: nothing in it is sound"),
        Flaw::Lost { file, first, last, from, until } => format!(
            "{file:?}: sequence numbers {} to {} are lost between offsets {from} and {until}",
            first.get(),
            last.get()
        ),
    };
    let mut lines: Vec<String> = report.inspection.flaws.iter().map(flaw).collect();
    let lost = report.inspection.missing.lost;
    if lost > 0 {
        lines.push(format!("{lost} records or marks that had been on disk are lost"));
    }
    let files = report.checkpoint.damaged.iter();
    lines.extend(files.map(|file| format!("{file:?}: cannot be read; counts or bodies in it are lost")));
    let unknown = report.unknown().count();
    if unknown > 0 {
        lines.push(format!("{unknown} open records are none of this program's"));
    }
    lines
}

fn text(report: &JournalReport, path: &Path, now: Timestamp, records: bool) -> String {
    let mut text = head(report, path);
    if report.inspection.torn_tail + report.inspection.missing.torn > 0 {
        text.push_str(
            "A torn group at the end is no damage: it is being written, or was when the server died.\n",
        );
    }
    let segments = segments(report);
    text.push_str(&format!("\n{segments}"));
    if report.open.is_empty() {
        text.push_str("\nnothing is open\n");
    } else {
        let heads = ["TENANT", "SIGNAL", "OPEN", "ITEMS", "BYTES", "AGE_S", "OLDEST"];
        let rows = report.open.iter().map(|group| {
            let OpenGroup { tenant, signal, records, items, bytes, oldest } = group;
            let (records, items, bytes) = (records.to_string(), items.to_string(), bytes.to_string());
            let age = (age_ms(now, *oldest) / 1_000).to_string();
            [tenant.to_string(), signal.name().to_owned(), records, items, bytes, age, time_text(*oldest)]
        });
        text.push_str(&format!("\n{}", columns::table(heads, rows)));
    }
    if !report.batches.is_empty() {
        let rows = report.batches.iter().map(|batch| {
            let OpenBatch { number, stream, first, last, records, items } = batch;
            let numbers = [number, first, last, records, items].map(u64::to_string);
            let [number, first, last, records, items] = numbers;
            [number, signal_name(*stream), first, last, records, items]
        });
        let heads = ["BATCH", "SIGNAL", "FIRST", "LAST", "RECORDS", "ITEMS"];
        text.push_str(&format!("\n{}", columns::table(heads, rows)));
    }
    if records && !report.records.is_empty() {
        let heads =
            ["RECORD", "TENANT", "SIGNAL", "ITEMS", "BYTES", "BATCH", "SEGMENT", "OFFSET", "RECEIVED"];
        let rows =
            report.inspection.open.iter().zip(&report.records).map(|(record, words)| cells(record, words));
        text.push_str(&format!("\n{}", columns::table(heads, rows)));
    }
    let damage = damage(report);
    if damage.is_empty() {
        text.push_str("\nno damage\n");
    }
    damage.iter().for_each(|line| text.push_str(&format!("\nDAMAGED: {line}")));
    text
}

fn head(report: &JournalReport, path: &Path) -> String {
    let (seen, checkpoint) = (&report.inspection, &report.checkpoint);
    let files = |files: Files| format!("{} files, {} bytes", files.count, files.bytes);
    let segments =
        Files { count: seen.segments.len() as u64, bytes: seen.segments.iter().map(|it| it.bytes).sum() };
    let bodies = Files { count: checkpoint.seen_files, bytes: checkpoint.seen_bytes };
    let ledger = match (checkpoint.ledger_bytes, checkpoint.ledger_position) {
        (None, _) => "none".to_owned(),
        (Some(bytes), None) => format!("{bytes} bytes, DAMAGED"),
        (Some(bytes), Some(position)) => format!("{bytes} bytes, counts everything below {position}"),
    };
    let id =
        id_text(report).unwrap_or_else(|| "unknown: neither its identity nor a header is sound".to_owned());
    let missing = seen.missing;
    let lines = [
        ("journal", format!("{id}, format {}", seen.format)),
        ("folder", path.display().to_string()),
        ("segments", files(segments)),
        ("spares", files(seen.spares)),
        ("unfinished", files(seen.unfinished)),
        ("quarantine", files(seen.quarantine)),
        ("ledger", ledger),
        ("bodies", files(bodies)),
        ("numbers", format!("live from {}, next {}", seen.live_from.get(), seen.next.get())),
        (
            "missing",
            format!("{} lost, {} torn, {} known before", missing.lost, missing.torn, missing.counted_before),
        ),
        ("torn end", format!("{} frames", seen.torn_tail)),
    ];
    lines.iter().map(|(name, value)| format!("{name:10} {value}\n")).collect()
}

fn segments(report: &JournalReport) -> String {
    let heads =
        ["SEGMENT", "FIRST", "LAST", "FRAMES", "OPEN", "STORED", "DEAD", "RELEASED", "MARKS", "BYTES"];
    let rows = report.inspection.segments.iter().map(|segment| {
        let counts = segment.records;
        let last = segment.last.map_or_else(|| "-".to_owned(), |last| last.get().to_string());
        let [first, frames, open, stored, dead, released, marks, bytes] = [
            segment.first.get(),
            segment.frames,
            counts.open,
            counts.stored,
            counts.dead_lettered,
            counts.released,
            segment.marks,
            segment.bytes,
        ]
        .map(|number| number.to_string());
        [segment.file.clone(), first, last, frames, open, stored, dead, released, marks, bytes]
    });
    columns::table(heads, rows)
}

fn cells(record: &OpenRecord, words: &RecordWords) -> [String; 9] {
    let none = || "-".to_owned();
    let (tenant, items) = match &words.known {
        Some((tenant, _, items)) => (tenant.to_string(), items.to_string()),
        None => (none(), none()),
    };
    [
        record.sequence.get().to_string(),
        tenant,
        signal_name(record.stream.0),
        items,
        record.bytes.to_string(),
        record.batch.map_or_else(none, |batch| batch.get().to_string()),
        format!("{:016x}", record.epoch),
        record.offset.to_string(),
        time_text(record.received_at),
    ]
}
