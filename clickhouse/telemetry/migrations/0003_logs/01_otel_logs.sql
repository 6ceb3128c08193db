-- Log records, one row each, under the column names of the OpenTelemetry Collector's ClickHouse exporter, so that what reads
-- its tables reads ours. Columns of ours hold what would be lost otherwise.
-- Ordered by tenant and then by stretches of five minutes: a search asks for the newest records of a tenant and finds them
-- together, and within a stretch the records of a service lie together, whose texts compress against each other.
-- No index on texts or ids: they cost more at each insert than they save. The fsync settings and the window are as in
-- metric_samples.
CREATE TABLE IF NOT EXISTS telemetryflow.otel_logs
(
    Tenant LowCardinality(String),
    -- Of the record; else of its observation, else of its receipt.
    Timestamp DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    TimestampTime DateTime('UTC') ALIAS toDateTime(Timestamp, 'UTC'),
    -- 1970 where the sender did not say.
    ObservedTimestamp DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    -- All zero where there is none, as the id of a span.
    trace_id FixedString(16) CODEC(ZSTD(1)),
    span_id FixedString(8) CODEC(ZSTD(1)),
    TraceId String ALIAS if(trace_id = toFixedString('', 16), '', lower(hex(trace_id))),
    SpanId String ALIAS if(span_id = toFixedString('', 8), '', lower(hex(span_id))),
    Flags UInt32 CODEC(ZSTD(1)),
    TraceFlags UInt8 ALIAS toUInt8(bitAnd(Flags, 255)),
    SeverityText LowCardinality(String) CODEC(ZSTD(1)),
    -- 0 to 24 have a meaning; others are kept.
    SeverityNumber Int32 CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    Body String CODEC(ZSTD(1)),
    -- empty, string, bool, int, double, array, map or bytes.
    BodyType LowCardinality(String) CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ResourceDroppedAttributesCount UInt32 CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName LowCardinality(String) CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeDroppedAttributesCount UInt32 CODEC(ZSTD(1)),
    LogAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    DroppedAttributesCount UInt32 CODEC(ZSTD(1)),
    EventName LowCardinality(String) CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toDate(Timestamp)
ORDER BY (Tenant, toStartOfFiveMinutes(Timestamp), ServiceName, Timestamp)
SETTINGS
    ttl_only_drop_parts = 1,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    non_replicated_deduplication_window = 10000
