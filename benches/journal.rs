//! The journal: appends of 200 KB bodies from several threads, against a bare loop of write and `fdatasync`.
//!
//! `cargo bench --bench journal -- summary` prints only the ratio.
#![allow(clippy::expect_used, reason = "a benchmark ends where something unexpected happens")]

mod shared;

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use telemetryflow::platform::journal::{
    BatchRange, Disk, FileSystem, Journal, Options, Payload, Record, Sequence, Stream, Ticket,
};
use telemetryflow::platform::lifecycle::Lifecycle;
use telemetryflow::shared::Timestamp;

/// About a request of 1,000 points; noise, so that packing finds nothing.
const BODY_BYTES: usize = 200_000;
const THREADS: [usize; 3] = [1, 8, 32];
/// Requests of each thread in one round.
const REQUESTS: usize = 8;
/// Rounds of the summary; each times both, so that a busy moment of the machine meets both alike.
const ROUNDS: usize = 11;
/// What the bare loop writes between two syncs: a group of the journal.
const GROUP_BYTES: usize = 1 << 20;

fn body() -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.u8(..)).take(BODY_BYTES).collect()
}

/// A journal in a directory of the build's, which is on a disk where `/tmp` need not be.
struct Case {
    journal: Journal,
    body: Vec<u8>,
    bare: File,
    _directory: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the build has a directory");
        let fs = disk(&directory.path().join("journal"));
        let lifecycle = Lifecycle::default();
        lifecycle.stop();
        let (journal, _) = Journal::open(Options::default(), &fs, &lifecycle).expect("a new journal opens");
        let bare = File::create(directory.path().join("bare")).expect("a file can be made");
        bare.write_all_at(&vec![0; 64 << 20], 0).expect("64 MiB are free");
        bare.sync_all().expect("the disk is sound");
        Self { journal, body: body(), bare, _directory: directory }
    }

    fn record(&self) -> Record {
        Record {
            stream: Stream(0),
            account: b"default".to_vec(),
            received_at: Timestamp::EPOCH,
            header: Vec::new(),
            payload: Payload::Packed(self.body.clone().into()),
        }
    }

    /// Every thread waits for each answer, as a client does; then all is stored, so that segments are used again.
    fn append(&self, threads: usize) {
        let sequences: Vec<_> = std::thread::scope(|scope| {
            let appending = || (0..REQUESTS).map(|_| self.append_one()).collect::<Vec<_>>();
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(appending)).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("appending does not panic")).collect()
        });
        let first = *sequences.iter().min().expect("something was appended");
        let last = *sequences.iter().max().expect("something was appended");
        let range = BatchRange { stream: Stream(0), first, last };
        let number = self.journal.seal(range).and_then(|sealing| sealing.wait()).expect("marks find room");
        self.journal.stored(number, range).and_then(|storing| storing.wait()).expect("marks find room");
    }

    fn append_one(&self) -> Sequence {
        let ticket = self.journal.append(self.record());
        ticket.and_then(Ticket::wait).expect("records find room")
    }

    /// As many bytes, in groups, over a file that was filled before.
    fn write(&self, threads: usize) {
        let bytes = threads * REQUESTS * BODY_BYTES;
        let group = vec![1; GROUP_BYTES];
        for index in 0..bytes.div_ceil(GROUP_BYTES) {
            let offset = (index % 63) * GROUP_BYTES;
            self.bare.write_all_at(&group, offset as u64).expect("the file is that long");
            self.bare.sync_data().expect("the disk is sound");
        }
    }
}

fn disk(directory: &Path) -> Arc<dyn FileSystem> {
    Arc::new(Disk::new(directory).expect("a directory can be made"))
}

fn benchmark(criterion: &mut Criterion) {
    let case = Case::new();
    for threads in THREADS {
        let mut group = criterion.benchmark_group(format!("{threads} threads"));
        group.sample_size(10).throughput(Throughput::Bytes((threads * REQUESTS * BODY_BYTES) as u64));
        group.bench_function("journal", |bencher| bencher.iter(|| case.append(threads)));
        group.bench_function("bare", |bencher| bencher.iter(|| case.write(threads)));
        group.finish();
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn summarise() -> std::io::Result<()> {
    let case = Case::new();
    let mut out = std::io::stdout().lock();
    writeln!(out, "time of the bare loop as part of the journal's, median of {ROUNDS} rounds:")?;
    for threads in THREADS {
        let mut ratios: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let journal = timed(|| case.append(threads));
                timed(|| case.write(threads)).as_secs_f64() / journal.as_secs_f64()
            })
            .collect();
        ratios.sort_by(f64::total_cmp);
        writeln!(out, "{threads:>3} threads: {:.2}", ratios.get(ROUNDS / 2).copied().unwrap_or_default())?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let asked = |argument: &str| std::env::args().any(|given| given == argument);
    if !asked("summary") {
        benchmark(&mut shared::criterion());
    }
    let measuring = asked("--bench") && !asked("--profile-time");
    if measuring && summarise().is_err() {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
