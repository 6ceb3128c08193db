//! The rows of the load generator's requests, as the blocks that the program would insert.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;
use telemetryflow::platform::clock::SystemClock;
use telemetryflow::shared::{Clock, SeriesIdentity, SeriesWatch, TenantId, WatchEpoch, WatchId};
use telemetryflow::telemetry::stages::blocks::{self, TableBlock};
use telemetryflow::telemetry::stages::log_blocks::{self, LOGS_TABLE};
use telemetryflow::telemetry::stages::span_blocks::{self, SPANS_TABLE, TRACE_INDEX_TABLE};
use telemetryflow::telemetry::stages::{
    AcceptanceWindow, AttributeLimits, BODY_BYTES_MAX, LogsIntake, Meter, MetricsIntake, TracesIntake, walk,
    walk_logs, walk_traces,
};
use telemetryflow::telemetry::{Catalogue, CatalogueLimits, CatalogueReader, KeySeed};

use crate::arguments::{Arguments, Signal};
use crate::body::{Body, Moment};

const ITEMS: usize = 1_000;
/// From one request to the next, as if a million items came each second.
const STEP_NANOS: u64 = 1_000_000;

/// Makes blocks one after the other, none like another.
#[derive(Debug)]
pub struct Supply {
    signal: Signal,
    requests: Requests,
    requests_per_block: usize,
    catalogue: Arc<Catalogue>,
    reader: CatalogueReader,
}

/// The requests, one after the other.
#[derive(Debug)]
struct Requests {
    body: Body,
    next: u64,
    begun_nanos: u64,
}

impl Requests {
    fn next(&mut self) -> &[u8] {
        let now_nanos = self.begun_nanos + self.next * STEP_NANOS;
        let moment = Moment { now_nanos, run_start_nanos: self.begun_nanos };
        self.next += 1;
        self.body.fill(self.next - 1, moment)
    }
}

#[derive(Debug)]
struct NobodyWatches;

impl SeriesWatch for NobodyWatches {
    fn watch(&self, _: &SeriesIdentity) -> WatchId {
        WatchId::NONE
    }

    fn epoch(&self) -> WatchEpoch {
        WatchEpoch::default()
    }
}

impl Supply {
    pub fn new(signal: Signal, series: u64, rows_per_block: usize) -> Result<Self> {
        ensure!(rows_per_block.is_multiple_of(ITEMS), "--rows-per-block is a multiple of {ITEMS}");
        let series = series.to_string();
        let mut arguments = Arguments::try_parse_from(["load", "--series", &series])?;
        arguments.signal = signal;
        let limits =
            CatalogueLimits { series_max_per_tenant: usize::MAX, idle_max: Duration::from_secs(86_400) };
        let catalogue = Catalogue::new(limits, Arc::new(NobodyWatches), Arc::new(SystemClock));
        let reader = catalogue.reader();
        Ok(Self {
            signal,
            requests: Requests {
                body: Body::new(&arguments.check()?)?,
                next: 0,
                begun_nanos: u64::try_from(SystemClock.now().nanos())?,
            },
            requests_per_block: rows_per_block / ITEMS,
            catalogue,
            reader,
        })
    }

    /// What a batch of so many rows brings into each of its tables.
    pub fn next_block(&mut self) -> Result<Vec<TableBlock>> {
        match self.signal {
            Signal::Metrics => self.metrics(),
            Signal::Logs => self.logs(),
            Signal::Traces => self.spans(),
        }
    }

    fn metrics(&mut self) -> Result<Vec<TableBlock>> {
        let (mut columns, mut new_series) = (Vec::new(), Vec::new());
        for _ in 0..self.requests_per_block {
            let mut meter = Meter::unlimited();
            let tenant = TenantId::unnamed();
            let mut intake = MetricsIntake::new(tenant, window(), KeySeed(7), &mut meter, &mut self.reader);
            walk(self.requests.next(), &mut intake)?;
            let decoded = intake.finish();
            self.catalogue.rows_stored(&decoded.new_series);
            columns.push(decoded.columns);
            new_series.extend(decoded.new_series);
        }
        Ok(blocks::metrics(&columns, &new_series)?)
    }

    fn logs(&mut self) -> Result<Vec<TableBlock>> {
        let mut columns = Vec::new();
        for _ in 0..self.requests_per_block {
            let mut meter = Meter::unlimited();
            let limits = AttributeLimits::default();
            let tenant = TenantId::unnamed();
            let mut intake =
                LogsIntake::new(tenant, SystemClock.now(), window(), limits, BODY_BYTES_MAX, &mut meter);
            walk_logs(self.requests.next(), &mut intake)?;
            columns.push(intake.finish().columns);
        }
        Ok(vec![(LOGS_TABLE, log_blocks::logs(&columns)?)])
    }

    fn spans(&mut self) -> Result<Vec<TableBlock>> {
        let mut columns = Vec::new();
        for _ in 0..self.requests_per_block {
            let mut meter = Meter::unlimited();
            let limits = AttributeLimits::default();
            let mut intake = TracesIntake::new(TenantId::unnamed(), window(), limits, &mut meter);
            walk_traces(self.requests.next(), &mut intake)?;
            columns.push(intake.finish().columns);
        }
        let index = (TRACE_INDEX_TABLE, span_blocks::trace_index(&columns)?);
        Ok(vec![index, (SPANS_TABLE, span_blocks::spans(&columns)?)])
    }
}

fn window() -> AcceptanceWindow {
    AcceptanceWindow::around(SystemClock.now(), None, None)
}
