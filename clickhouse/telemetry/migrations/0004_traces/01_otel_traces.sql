-- Spans, one row each, under the column names of the OpenTelemetry Collector's ClickHouse exporter, so that what reads its
-- tables reads ours. Columns of ours hold what would be lost otherwise. The end of a span is its Timestamp and Duration.
-- Ordered by tenant, service and name of the span, since rates and latencies are asked for by these; a single trace is found
-- by its times in trace_index. The ids at the end make a span that was sent twice one row: replacing, the last one stays.
-- The primary key leaves them out, which keeps it small in memory. The fsync settings and the window are as in metric_samples.
CREATE TABLE IF NOT EXISTS telemetryflow.otel_traces
(
    Tenant LowCardinality(String),
    -- When the span began.
    Timestamp DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    trace_id FixedString(16) CODEC(ZSTD(1)),
    span_id FixedString(8) CODEC(ZSTD(1)),
    -- All zero in the root of a trace.
    parent_span_id FixedString(8) CODEC(ZSTD(1)),
    TraceId String ALIAS lower(hex(trace_id)),
    SpanId String ALIAS lower(hex(span_id)),
    ParentSpanId String ALIAS if(parent_span_id = toFixedString('', 8), '', lower(hex(parent_span_id))),
    TraceState String CODEC(ZSTD(1)),
    Flags UInt32 CODEC(ZSTD(1)),
    SpanName LowCardinality(String) CODEC(ZSTD(1)),
    -- As sent: 0 to 5 have a meaning; others are kept.
    SpanKindNumber Int32 CODEC(ZSTD(1)),
    SpanKind LowCardinality(String) ALIAS CAST(transform(SpanKindNumber, [0, 1, 2, 3, 4, 5], ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'], ''), 'LowCardinality(String)'),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ResourceDroppedAttributesCount UInt32 CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName LowCardinality(String) CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeDroppedAttributesCount UInt32 CODEC(ZSTD(1)),
    SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    DroppedAttributesCount UInt32 CODEC(ZSTD(1)),
    -- Nanoseconds.
    Duration UInt64 CODEC(T64, ZSTD(1)),
    -- As sent: 0 to 2 have a meaning; others are kept.
    StatusNumber Int32 CODEC(ZSTD(1)),
    StatusCode LowCardinality(String) ALIAS CAST(transform(StatusNumber, [0, 1, 2], ['Unset', 'Ok', 'Error'], ''), 'LowCardinality(String)'),
    StatusMessage String CODEC(ZSTD(1)),
    Events Nested
    (
        Timestamp DateTime64(9, 'UTC'),
        Name LowCardinality(String),
        Attributes Map(LowCardinality(String), String),
        DroppedAttributesCount UInt32
    ) CODEC(ZSTD(1)),
    DroppedEventsCount UInt32 CODEC(ZSTD(1)),
    -- Ids as hexadecimal text, since those of a link are kept whatever their length.
    Links Nested
    (
        TraceId String,
        SpanId String,
        TraceState String,
        Attributes Map(LowCardinality(String), String),
        Flags UInt32,
        DroppedAttributesCount UInt32
    ) CODEC(ZSTD(1)),
    DroppedLinksCount UInt32 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(Timestamp)
PRIMARY KEY (Tenant, ServiceName, SpanName, Timestamp)
ORDER BY (Tenant, ServiceName, SpanName, Timestamp, trace_id, span_id)
SETTINGS
    ttl_only_drop_parts = 1,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    non_replicated_deduplication_window = 10000
