//! Metric points: the same ones as prost finds, of every kind, in columns that make blocks; and the same again once the
//! catalogue knows the series.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;
use telemetryflow::shared::{MetricColumns, SeriesIdentity, TenantId, WatchId};
use telemetryflow::telemetry::KeySeed;
use telemetryflow::telemetry::stages::{
    Admission, DecodedMetrics, Meter, MetricsIntake, NewSeries, SeriesEntry, SeriesLimitReached,
    SeriesLookup, Standing, WalkError, WireKey, blocks, walk,
};

use super::metric_rows::assert_same;
use super::walked::{LIMITS, is_a_group, take_in_twice, window};

/// A catalogue that remembers what it is told.
#[derive(Debug, Default)]
struct Remembering(BTreeMap<(u128, i64), SeriesEntry>);

impl SeriesLookup for Remembering {
    fn begin_request(&mut self) {}

    fn find(&mut self, key: WireKey, day: i64) -> Option<SeriesEntry> {
        self.0.get(&(key.0, day)).copied()
    }

    fn admit(
        &mut self,
        _: WireKey,
        identity: &SeriesIdentity,
        _: i64,
        _: usize,
    ) -> Result<Admission, SeriesLimitReached> {
        let entry = SeriesEntry { id: identity.id, watch: WatchId::NONE };
        Ok(Admission { entry, standing: Standing::New })
    }
}

pub fn check(body: &[u8]) {
    let take_in_new = |meter: &mut Meter<'_>| take_in(body, &mut Remembering::default(), meter);
    let decoded = take_in_twice(take_in_new, held, |decoded| format!("{decoded:?}"));
    let request = ExportMetricsServiceRequest::decode(body);
    match decoded {
        Ok(decoded) => {
            assert_columns(&decoded.columns);
            assert!(decoded.findings.message().len() < 8_192);
            if let Ok(request) = request {
                assert_same(request, &decoded);
            }
            assert_blocks(&decoded);
            assert_known_series_change_nothing(body, &decoded);
        }
        Err(error) => assert!(request.is_err() || is_a_group(error), "prost reads it: {error}"),
    }
}

fn take_in(
    body: &[u8],
    catalogue: &mut Remembering,
    meter: &mut Meter<'_>,
) -> Result<DecodedMetrics, WalkError> {
    let intake = MetricsIntake::new(TenantId::unnamed(), window(), KeySeed(7), meter, catalogue);
    let mut intake = intake.with_attribute_limits(LIMITS);
    walk(body, &mut intake)?;
    Ok(intake.finish())
}

fn held(decoded: &DecodedMetrics) -> usize {
    let texts: usize = decoded.new_series.iter().map(|new| new.identity.text_bytes()).sum();
    decoded.columns.bytes() + texts
}

fn assert_columns(columns: &MetricColumns) {
    let numbers = &columns.numbers;
    let rows = numbers.len();
    let lengths = [
        numbers.series().len(),
        numbers.watches().len(),
        numbers.starts().len(),
        numbers.values().len(),
        numbers.integer_rests().len(),
        numbers.integers().len(),
        numbers.flags().len(),
    ];
    assert_eq!(lengths, [rows; 7]);
    let (histograms, exponential) = (&columns.histograms, &columns.exponential_histograms);
    let rows = histograms.points().len();
    let lists = [histograms.bucket_counts().len(), histograms.bounds().len()];
    assert_eq!((histograms.populations().len(), lists), (rows, [rows; 2]));
    let rows = exponential.points().len();
    let lists = [exponential.positive_counts().len(), exponential.negative_counts().len()];
    assert_eq!((exponential.populations().len(), exponential.shapes().len(), lists), (rows, rows, [rows; 2]));
    let (rows, summaries) = (columns.summaries.points().len(), &columns.summaries);
    assert_eq!([summaries.counts().len(), summaries.sums().len(), summaries.quantiles().len()], [rows; 3]);
    let exemplars = &columns.exemplars;
    assert_eq!([exemplars.series().len(), exemplars.ends().len()], [exemplars.len(); 2]);
    assert_eq!(exemplars.attributes().len(), exemplars.exemplars().len());
    assert_eq!(exemplars.ends().last().copied().unwrap_or_default(), exemplars.exemplars().len());
    assert_eq!(columns.runs().map(|run| run.rows.len()).sum::<usize>(), columns.len());
}

fn assert_blocks(decoded: &DecodedMetrics) {
    let both = [decoded.columns.clone(), decoded.columns.clone()];
    let blocks = blocks::metrics(&both, &decoded.new_series).expect("columns make blocks");
    let points = |table: &str| ![blocks::SERIES_TABLE, blocks::EXEMPLARS_TABLE].contains(&table);
    let rows = blocks.iter().filter(|(table, _)| points(table)).map(|(_, block)| block.num_rows());
    assert_eq!(rows.sum::<usize>(), 2 * decoded.columns.len());
}

fn assert_known_series_change_nothing(body: &[u8], first: &DecodedMetrics) {
    let known = |new: &NewSeries| ((new.key.0, new.day), new.entry);
    let mut catalogue = Remembering(first.new_series.iter().map(known).collect());
    let second = take_in(body, &mut catalogue, &mut Meter::unlimited()).expect("it was readable before");
    assert_eq!(format!("{:?}", first.columns), format!("{:?}", second.columns));
    assert!(second.new_series.is_empty());
    assert_eq!(first.findings.rejected_items(), second.findings.rejected_items());
}
