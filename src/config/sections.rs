//! Reads every section, each key with its bounds.

use std::collections::BTreeMap;
use std::thread::available_parallelism;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use super::external_url;
use super::named_sections::{api_keys, channels, sql_users};
use super::own_alerts;
use super::reader::{Reader, text_of};
use super::redis_section;
use super::state_section;
use super::store_section::{self, SqlUsers};
use super::{
    Alerting, ByteSize, Channel, DeadLetters, Durability, Ingest, Journal, Limits, Listen, Log, LogFormat,
    Nodes, Outgoing, Query, Reach, Redis, RollupMode, Rollups, Rules, Settings, Shutdown, Store, Stream,
};
use super::{nodes, routing, telemetry, time_intervals};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
pub(super) const DAY: Duration = Duration::from_secs(86_400);
const MILLISECOND: Duration = Duration::from_millis(1);
pub(super) const MEBIBYTE: ByteSize = ByteSize::mebibytes(1);
pub(super) const TEBIBYTE: ByteSize = ByteSize::gibibytes(1_024);

/// More decode threads than cores only wait for each other; this bounds what a typing slip costs.
const DECODE_THREADS_MAX: u32 = 256;

pub(super) fn read_settings(reader: &mut Reader) -> Settings {
    let sql_users = sql_users(reader);
    let has_users = if sql_users.is_empty() { SqlUsers::None } else { SqlUsers::Some };
    let store = store_section::store(reader, has_users);
    let channels = channels(reader);
    let state = state_section::state(reader, &store);
    let nodes = nodes::read(reader, &store, &state);
    let rollups = rollups(reader);
    let redis = redis_section::redis(reader);
    rolls_up_alone(reader, (&store, &nodes, &redis), &rollups);
    Settings {
        listen: listen(reader),
        journal: journal(reader, &store),
        dead_letters: dead_letters(reader, &store),
        state,
        nodes,
        store,
        ingest: ingest(reader),
        limits: limits(reader),
        rollups,
        query: query(reader),
        redis,
        stream: stream(reader),
        alerting: alerting(reader, &channels),
        keys: api_keys(reader),
        sql_users,
        channels,
        outgoing: outgoing(reader),
        log: log(reader),
        telemetry: telemetry::read(reader),
        shutdown: Shutdown { deadline: reader.duration("shutdown.deadline", SECOND..=MINUTE * 5) },
    }
}

fn listen(reader: &mut Reader) -> Listen {
    let listen = Listen {
        otlp_grpc: reader.address("listen.otlp_grpc"),
        otlp_http: reader.address("listen.otlp_http"),
        api: reader.address("listen.api"),
    };
    let taken = [("listen.otlp_http", listen.otlp_grpc, listen.otlp_http)]
        .into_iter()
        .chain([listen.otlp_grpc, listen.otlp_http].map(|other| ("listen.api", other, listen.api)));
    for (path, other, address) in taken {
        if address == other && address.port() != 0 {
            reader.refuse(path, "allowed: an address that no other listener has");
        }
    }
    listen
}

/// In the store's directory unless it is written elsewhere: then both live on one disk.
fn journal(reader: &mut Reader, store: &Store) -> Journal {
    let path = match reader.is_written("journal.path") {
        true => reader.text("journal.path").into(),
        false => store.path.join("journal"),
    };
    Journal { path, bytes_max: reader.bytes("journal.bytes_max", ByteSize::mebibytes(16)..=TEBIBYTE) }
}

fn dead_letters(reader: &mut Reader, store: &Store) -> DeadLetters {
    let path = match reader.is_written("dead_letters.path") {
        true => reader.text("dead_letters.path").into(),
        false => store.path.join("dead-letters"),
    };
    DeadLetters { path, bytes_max: reader.bytes("dead_letters.bytes_max", MEBIBYTE..=TEBIBYTE) }
}

fn ingest(reader: &mut Reader) -> Ingest {
    let ingest = Ingest {
        durability: durability(reader),
        body_bytes_max: reader
            .bytes("ingest.body_bytes_max", ByteSize::from_bytes(1_024)..=ByteSize::mebibytes(100)),
        body_ratio_max: reader.count("ingest.body_ratio_max", 2..=10_000),
        budget_bytes: reader.bytes("ingest.budget_bytes", MEBIBYTE..=TEBIBYTE),
        decode_threads: decode_threads(reader),
        batch_rows_max: reader.size("ingest.batch_rows_max", 1..=1_000_000),
        batch_bytes_max: reader
            .bytes("ingest.batch_bytes_max", ByteSize::from_bytes(65_536)..=ByteSize::gibibytes(1)),
        batch_age_max: reader.duration("ingest.batch_age_max", MILLISECOND..=MINUTE),
        resent_window: reader.duration("ingest.resent_window", Duration::ZERO..=DAY),
        accept_past: reach(reader, "ingest.accept_past"),
        accept_future: reach(reader, "ingest.accept_future"),
        series_max_per_tenant: reader.size("ingest.series_max_per_tenant", 1..=1_000_000_000),
        series_idle_max: reader.duration("ingest.series_idle_max", MINUTE..=DAY * 365),
        attributes_max: reader.size("ingest.attributes_max", 1..=10_000),
        attribute_key_bytes_max: reader
            .bytes("ingest.attribute_key_bytes_max", ByteSize::from_bytes(16)..=ByteSize::from_bytes(4_096)),
        attribute_value_bytes_max: reader
            .bytes("ingest.attribute_value_bytes_max", ByteSize::from_bytes(64)..=ByteSize::mebibytes(16)),
        log_body_bytes_max: reader
            .bytes("ingest.log_body_bytes_max", ByteSize::from_bytes(64)..=ByteSize::mebibytes(64)),
        cors_origins: cors_origins(reader),
    };
    if ingest.body_bytes_max > ingest.budget_bytes {
        let allowed = format!("allowed: at most ingest.budget_bytes, which is {}", ingest.budget_bytes);
        reader.refuse("ingest.body_bytes_max", &allowed);
    }
    ingest
}

fn durability(reader: &mut Reader) -> Durability {
    let known =
        [("journal", Durability::Journal), ("store", Durability::Store), ("memory", Durability::Memory)];
    reader.choice("ingest.durability", &known, Durability::Journal)
}

fn cors_origins(reader: &mut Reader) -> Vec<String> {
    let allowed = "allowed: a list of origins like [\"https://app.example.com\"], or [\"*\"]";
    reader.list("ingest.cors_origins", allowed, |item| is_origin(item).then(|| item.to_owned()))
}

/// Scheme, host and perhaps a port (RFC 6454, section 6.2), as browsers send it; or `*` for all.
fn is_origin(text: &str) -> bool {
    text == "*" || reqwest::Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == text)
}

/// Zero is the number of cores.
fn decode_threads(reader: &mut Reader) -> usize {
    match reader.size("ingest.decode_threads", 0..=DECODE_THREADS_MAX) {
        0 => available_parallelism().map_or(1, |cores| cores.get()),
        threads => threads,
    }
}

/// Zero is no limit.
fn reach(reader: &mut Reader, path: &str) -> Reach {
    let duration = reader.duration(path, Duration::ZERO..=DAY * 36_500);
    if duration.is_zero() { Reach::Unlimited } else { Reach::Within(duration) }
}

/// Zero is no limit.
fn limits(reader: &mut Reader) -> Limits {
    Limits {
        requests_per_second: reader.count("limits.requests_per_second", 0..=1_000_000_000),
        items_per_second: reader.count("limits.items_per_second", 0..=1_000_000_000),
        bytes_per_second: reader.bytes("limits.bytes_per_second", ByteSize::from_bytes(0)..=TEBIBYTE),
    }
}

fn rollups(reader: &mut Reader) -> Rollups {
    let modes = [("hourly", RollupMode::Hourly), ("off", RollupMode::Off)];
    Rollups {
        mode: reader.choice("rollups.mode", &modes, RollupMode::Hourly),
        delay: reader.duration("rollups.delay", Duration::ZERO..=HOUR),
        retention: reader.duration("rollups.retention", DAY..=DAY * 3_650),
    }
}

/// What was rolled up is trusted as long as this process hears of all late points, which it does not where others write, too.
fn rolls_up_alone(reader: &mut Reader, (store, nodes, redis): (&Store, &Nodes, &Redis), rollups: &Rollups) {
    if rollups.mode == RollupMode::Off {
        return;
    }
    let has_cluster = matches!(&store.kind, super::StoreKind::Network(network) if network.cluster.is_some());
    let shared = [
        (has_cluster, "store.cluster"),
        (redis.server.is_some(), "redis.url"),
        (matches!(nodes, Nodes::Several(_)), "nodes.address"),
    ];
    if let Some((_, key)) = shared.into_iter().find(|(is_shared, _)| *is_shared) {
        reader.refuse("rollups.mode", &format!("allowed with {key}: off"));
    }
}

fn query(reader: &mut Reader) -> Query {
    Query {
        timeout: reader.duration("query.timeout", MILLISECOND..=MINUTE * 10),
        memory_bytes_max: reader.bytes("query.memory_bytes_max", MEBIBYTE..=TEBIBYTE),
        rows_max: reader.count("query.rows_max", 1..=1_000_000_000_000_000),
        points_max: reader.size("query.points_max", 1..=100_000),
        series_max: reader.size("query.series_max", 1..=1_000_000),
        concurrency_max: reader.size("query.concurrency_max", 1..=1_024),
        concurrency_max_per_tenant: reader.size("query.concurrency_max_per_tenant", 1..=1_024),
        cache_bytes: reader.bytes("query.cache_bytes", ByteSize::from_bytes(0)..=TEBIBYTE),
    }
}

fn stream(reader: &mut Reader) -> Stream {
    Stream {
        clients_max: reader.size("stream.clients_max", 1..=1_024),
        clients_max_per_tenant: reader.size("stream.clients_max_per_tenant", 1..=1_024),
        client_bytes_max: reader
            .bytes("stream.client_bytes_max", ByteSize::from_bytes(16_384)..=ByteSize::mebibytes(64)),
    }
}

fn alerting(reader: &mut Reader, channels: &BTreeMap<String, Channel>) -> Alerting {
    let rules = match reader.is_written("alerting.rules") {
        true => Rules::At(reader.text("alerting.rules").into()),
        false => Rules::None,
    };
    let time_intervals = time_intervals::read(reader);
    let known = routing::Known { channels, time_intervals: &time_intervals };
    Alerting {
        rules,
        allowed_lateness: reader.duration("alerting.allowed_lateness", Duration::ZERO..=HOUR),
        instances_max: reader.size("alerting.instances_max", 1..=1_000_000),
        external_url: external_url::read(reader),
        own: own_alerts::read(reader, channels),
        route: routing::route(reader, known),
        inhibit: routing::inhibitions(reader),
        time_intervals,
    }
}

fn outgoing(reader: &mut Reader) -> Outgoing {
    let allowed = "allowed: a list of networks like [\"127.0.0.0/8\", \"fd00::/8\"]";
    Outgoing { allow: reader.list("outgoing.allow", allowed, |item| item.parse().ok()) }
}

fn log(reader: &mut Reader) -> Log {
    let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
    Log {
        format: reader.choice("log.format", &formats, LogFormat::Text),
        level: reader.read("log.level", String::new(), |written| {
            text_of(written)
                .filter(|text| !text.trim().is_empty() && EnvFilter::builder().parse(text).is_ok())
                .map(str::to_owned)
                .ok_or_else(|| {
                    "allowed: error, warn, info, debug, trace, or targets like info,hyper=warn".to_owned()
                })
        }),
    }
}
