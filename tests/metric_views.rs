//! Scenario: random requests with metrics of every kind and every field are walked, made into blocks and stored in the
//! embedded engine, twice; then they are read through the views that bear the Collector exporter's names.
//! Guarantees: each accepted point comes back once, with each bit of its numbers and all that was sent around it.
//!
//! The seed is printed; `TELEMETRYFLOW_TEST_SEED` repeats it.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]
#![allow(clippy::print_stderr, reason = "the seed is for whoever reads a failure")]
#![allow(clippy::panic, reason = "a test ends where something is missing")]

#[path = "support/every_kind.rs"]
mod every_kind;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::cast::AsArray;
use every_kind::{SeenNumber, SeenPoint, SeenPopulation, SeenValue, any_request, expected};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use prost::Message;
use serde_json::{Value, json};
use telemetryflow::platform::clickhouse::embedded::{
    EmbeddedOptions, EmbeddedStore, QueryLimits, find_library,
};
use telemetryflow::platform::clickhouse::migrations::migrate;
use telemetryflow::platform::clickhouse::{Insert, Select, Store};
use telemetryflow::shared::{
    Clock, MetricColumns, SeriesIdentity, SeriesWatch, TenantId, Timestamp, WatchEpoch, WatchId,
};
use telemetryflow::telemetry::schema::MIGRATIONS;
use telemetryflow::telemetry::stages::{
    AcceptanceWindow, Meter, MetricsIntake, NewSeries, blocks, missing, walk,
};
use telemetryflow::telemetry::{Catalogue, CatalogueLimits, KeySeed};

const REQUESTS: usize = 60;
/// 2026-11-18, in nanoseconds since the epoch: the moment of all points, or nearly.
const NOW: u64 = 1_795_000_000_000_000_000;

struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_nanos(NOW).expect("a moment")
    }
}

struct NobodyWatches;

impl SeriesWatch for NobodyWatches {
    fn watch(&self, _: &SeriesIdentity) -> WatchId {
        WatchId::NONE
    }

    fn epoch(&self) -> WatchEpoch {
        WatchEpoch::default()
    }
}

fn open(path: &Path) -> EmbeddedStore {
    let query_limits =
        QueryLimits { time_max: Duration::from_secs(30), memory_bytes_max: 2 << 30, rows_max: 10_000_000 };
    let options = EmbeddedOptions {
        library: find_library(None).expect("libchdb"),
        path: path.to_owned(),
        writers: 1,
        readers: 1,
        memory_bytes_max: 4 << 30,
        query_limits,
    };
    EmbeddedStore::open(&options).expect("the embedded engine")
}

/// Random requests in which no two metrics have the same name and no two points the same time, so that nothing replaces
/// anything else, and all within two days.
fn requests() -> Vec<ExportMetricsServiceRequest> {
    let given = std::env::var("TELEMETRYFLOW_TEST_SEED").ok();
    let seed = given
        .map_or_else(|| RandomState::new().build_hasher().finish(), |text| text.parse().expect("a number"));
    eprintln!("TELEMETRYFLOW_TEST_SEED={seed}");
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed.to_le_bytes().repeat(4));
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let any = any_request();
    let mut random = || any.new_tree(&mut runner).expect("a request").current();
    let (mut names, mut times) = (0.., NOW..);
    (0..REQUESTS).map(|_| settled(random(), &mut names, &mut times)).collect()
}

fn settled(
    mut request: ExportMetricsServiceRequest,
    names: &mut impl Iterator<Item = u32>,
    times: &mut impl Iterator<Item = u64>,
) -> ExportMetricsServiceRequest {
    let scopes = request.resource_metrics.iter_mut().flat_map(|resource| &mut resource.scope_metrics);
    for metric in scopes.flat_map(|scope| &mut scope.metrics) {
        metric.name = format!("{}.{}", metric.name, names.next().expect("endless"));
        let mut settle = |time: &mut u64| {
            if *time != 0 {
                *time = times.next().expect("endless");
            }
        };
        match metric.data.as_mut() {
            Some(Data::Gauge(data)) => {
                data.data_points.iter_mut().for_each(|p| settle(&mut p.time_unix_nano));
            }
            Some(Data::Sum(data)) => data.data_points.iter_mut().for_each(|p| settle(&mut p.time_unix_nano)),
            Some(Data::Histogram(data)) => {
                data.data_points.iter_mut().for_each(|p| settle(&mut p.time_unix_nano));
            }
            Some(Data::ExponentialHistogram(data)) => {
                data.data_points.iter_mut().for_each(|p| settle(&mut p.time_unix_nano));
            }
            Some(Data::Summary(data)) => {
                data.data_points.iter_mut().for_each(|p| settle(&mut p.time_unix_nano));
            }
            None => {}
        }
    }
    // Through prost's bytes, which leave out a -0.0.
    ExportMetricsServiceRequest::decode(&*request.encode_to_vec()).expect("a request")
}

/// What the program makes of the requests.
fn walked(requests: &[ExportMetricsServiceRequest]) -> (Vec<MetricColumns>, Vec<NewSeries>) {
    let limits = CatalogueLimits { series_max_per_tenant: usize::MAX, idle_max: Duration::from_secs(86_400) };
    let catalogue = Catalogue::new(limits, Arc::new(NobodyWatches), Arc::new(StillClock));
    let mut reader = catalogue.reader();
    let window = AcceptanceWindow::around(StillClock.now(), None, None);
    let (mut columns, mut series) = (Vec::new(), Vec::new());
    for request in requests {
        let mut meter = Meter::unlimited();
        let mut intake = MetricsIntake::new(TenantId::unnamed(), window, KeySeed(7), &mut meter, &mut reader);
        walk(&request.encode_to_vec(), &mut intake).expect("a request of prost's can be read");
        let decoded = intake.finish();
        columns.push(decoded.columns);
        series.extend(decoded.new_series);
    }
    (columns, series)
}

/// What a view says of its points, as JSON arrays of texts, arrays and maps. Doubles are told by their bits.
fn read(store: &dyn Store, kind: &str, values: &str, extra: &str) -> Vec<Value> {
    let sql = format!(
        "SELECT toJSONString(tuple(MetricName, MetricDescription, MetricUnit, MetricMetadata, ServiceName, \
         ResourceAttributes, toString(ResourceDroppedAttrCount), ResourceSchemaUrl, ScopeName, ScopeVersion, \
         ScopeAttributes, toString(ScopeDroppedAttrCount), ScopeSchemaUrl, Attributes, \
         toString(toUnixTimestamp64Nano(TimeUnix)), toString(toUnixTimestamp64Nano(StartTimeUnix)), toString(Flags), \
         tuple({values}), tuple({extra}))) AS row \
         FROM telemetryflow.otel_metrics_{kind} WHERE Tenant = 'default'"
    );
    let rows = store.select(&Select::new(&sql, &[])).expect(&sql);
    let texts = rows.batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter());
    texts.map(|text| serde_json::from_str(text.expect("a row")).expect("JSON")).collect()
}

const BITS: &str = "toString(reinterpretAsUInt64(";
const POPULATION: &str = "toString(Count), \
    if(isNull(Sum), 'absent', toString(reinterpretAsUInt64(assumeNotNull(Sum)))), \
    if(isNull(Min), 'absent', toString(reinterpretAsUInt64(assumeNotNull(Min)))), \
    if(isNull(Max), 'absent', toString(reinterpretAsUInt64(assumeNotNull(Max))))";
const EXEMPLARS: &str = "arrayMap(t -> toString(toUnixTimestamp64Nano(t)), `Exemplars.TimeUnix`), \
    arrayMap((exact, v) -> if(isNull(exact), concat('d', toString(reinterpretAsUInt64(v))), concat('i', toString(exact))), \
        `Exemplars.ValueInteger`, `Exemplars.Value`), \
    `Exemplars.TraceId`, `Exemplars.SpanId`, `Exemplars.FilteredAttributes`";

fn read_all(store: &dyn Store) -> Vec<Value> {
    let number =
        format!("if(isNull(ValueInteger), concat('d', {BITS}Value))), concat('i', toString(ValueInteger)))");
    let temporality = "toString(AggregationTemporality)";
    let histogram = format!(
        "{POPULATION}, arrayMap(n -> toString(n), BucketCounts), arrayMap(b -> {BITS}b)), ExplicitBounds)"
    );
    let exponential = format!(
        "{POPULATION}, toString(Scale), toString(ZeroCount), {BITS}ZeroThreshold)), toString(PositiveOffset), \
         arrayMap(n -> toString(n), PositiveBucketCounts), toString(NegativeOffset), \
         arrayMap(n -> toString(n), NegativeBucketCounts)"
    );
    let summary = format!(
        "toString(Count), {BITS}Sum)), arrayMap(q -> {BITS}q)), `ValueAtQuantiles.Quantile`), \
         arrayMap(v -> {BITS}v)), `ValueAtQuantiles.Value`)"
    );
    let with = |kind: &str, values: &str, extra: &str| {
        let rows = read(store, kind, values, extra);
        rows.into_iter().map(|row| json!([kind, row])).collect::<Vec<_>>()
    };
    [
        with("gauge", &number, EXEMPLARS),
        with("sum", &number, &format!("{EXEMPLARS}, {temporality}, toString(IsMonotonic)")),
        with("histogram", &histogram, &format!("{EXEMPLARS}, {temporality}")),
        with("exponential_histogram", &exponential, &format!("{EXEMPLARS}, {temporality}")),
        with("summary", &summary, "'none'"),
    ]
    .concat()
}

fn texts<T: ToString>(values: impl IntoIterator<Item = T>) -> Value {
    values.into_iter().map(|value| value.to_string()).collect()
}

fn number(value: SeenNumber) -> String {
    match value {
        SeenNumber::Integer(exact) => format!("i{exact}"),
        SeenNumber::Double(bits) => format!("d{bits}"),
    }
}

fn population(of: &SeenPopulation) -> Vec<Value> {
    let or_absent = |bits: Option<u64>| bits.map_or("absent".to_owned(), |bits| bits.to_string()).into();
    vec![of.count.to_string().into(), or_absent(of.sum), or_absent(of.min), or_absent(of.max)]
}

fn values(value: &SeenValue) -> Value {
    match value {
        SeenValue::Number(value) => json!([number(*value)]),
        SeenValue::Histogram { population: of, bucket_counts, bounds } => {
            [population(of), vec![texts(bucket_counts), texts(bounds)]].concat().into()
        }
        SeenValue::ExponentialHistogram {
            population: of,
            scale,
            zero_count,
            zero_threshold,
            positive,
            negative,
        } => {
            let shape =
                [scale.to_string(), zero_count.to_string(), zero_threshold.to_string()].map(Value::from);
            let side = |side: &(i32, Vec<u64>)| vec![side.0.to_string().into(), texts(&side.1)];
            [population(of), shape.to_vec(), side(positive), side(negative)].concat().into()
        }
        SeenValue::Summary { count, sum, quantiles } => json!([
            count.to_string(),
            sum.to_string(),
            texts(quantiles.iter().map(|(quantile, _)| quantile)),
            texts(quantiles.iter().map(|(_, value)| value))
        ]),
    }
}

fn expected_row(point: &SeenPoint) -> Value {
    let (metric, exemplars) = (&point.metric, &point.exemplars);
    let mut extra = vec![
        texts(exemplars.iter().map(|exemplar| exemplar.time)),
        texts(exemplars.iter().map(|exemplar| number(exemplar.value))),
        texts(exemplars.iter().map(|exemplar| &exemplar.trace)),
        texts(exemplars.iter().map(|exemplar| &exemplar.span)),
        exemplars.iter().map(|exemplar| json!(exemplar.attributes)).collect(),
    ];
    match metric.kind.as_str() {
        "gauge" => {}
        "summary" => extra = vec![json!("none")],
        "sum" => extra.extend([json!(metric.temporality.to_string()), json!(metric.monotonic.to_string())]),
        _ => extra.push(json!(metric.temporality.to_string())),
    }
    let row = [
        json!(metric.name),
        json!(metric.description),
        json!(metric.unit),
        json!(metric.metadata),
        json!(metric.service),
        json!(metric.resource.attributes),
        json!(metric.resource.dropped.to_string()),
        json!(metric.resource.schema_url),
        json!(metric.scope_name),
        json!(metric.scope_version),
        json!(metric.scope.attributes),
        json!(metric.scope.dropped.to_string()),
        json!(metric.scope.schema_url),
        json!(point.attributes),
        json!(point.time.to_string()),
        json!(point.start.to_string()),
        json!(point.flags.to_string()),
        values(&point.value),
        json!(extra),
    ];
    json!([metric.kind, row])
}

fn sorted(rows: impl IntoIterator<Item = Value>) -> Vec<String> {
    let mut texts: Vec<String> = rows.into_iter().map(|row| row.to_string()).collect();
    texts.sort();
    texts
}

#[test]
fn points_of_every_kind_are_read_back_through_the_views_as_they_were_sent() {
    let requests = requests();
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    migrate(&store, MIGRATIONS).expect("the tables of this version");
    let (columns, series) = walked(&requests);
    let blocks = blocks::metrics(&columns, &series).expect("columns of ours make blocks");
    assert_eq!(blocks.len(), 6, "every table gets rows");
    for time in ["first", "second"] {
        for (table, batch) in &blocks {
            let token = format!("{time}/{table}");
            let gone = missing(&store, table, batch).expect("an answer").map(|rows| rows.num_rows());
            assert_eq!(
                gone,
                (time == "first").then_some(batch.num_rows()),
                "{table}, before the {time} insert"
            );
            store.insert(&Insert { table, token: &token, batch }).expect(table);
        }
    }
    let points: Vec<SeenPoint> = requests.iter().flat_map(|request| expected(request).0).collect();
    let (found, sent) = (sorted(read_all(&store)), sorted(points.iter().map(expected_row)));
    assert_eq!(found.len(), sent.len());
    for (found, sent) in found.iter().zip(&sent) {
        assert_eq!(found, sent);
    }
}
