-- Rolls up some metrics' points of one hour, in buckets of `step` nanoseconds, series by series. Before it points are read for as
-- long as `look_back`, to know a cumulative counter's increase at its first point in the hour.
-- A counter restarted where its start moved past the previous point, or where its value fell: then the whole value is the increase
-- (unless the start is the point itself, which says that the true start is unknown). A point without a previous one within
-- `look_back` has an increase if its counter began within it. These are the rules of the queries.
-- A point that ends its series (bit 0 of flags) counts for nothing; a bucket with nothing else gets a row without points, which
-- replaces what was there.
-- FINAL: a point that was stored twice is one, and the one stored last counts.
-- One thread and little memory: ingestion goes before. The placeholder is one of our tables.
INSERT INTO telemetryflow.{{table}}
    (tenant, metric, series_id, time, points, valued, total, low, high, last, last_rest, last_time)
SELECT
    tenant,
    metric,
    series_id,
    toDateTime(intDiv(intDiv(nanos, {step:Int64}) * {step:Int64}, 1000000000), 'UTC') AS bucket,
    countIf(NOT is_gap),
    countIf(isNotNull(part)),
    ifNull(sum(part), 0),
    ifNull(min(part), nan),
    ifNull(max(part), nan),
    argMaxIf(value, nanos, NOT is_gap),
    argMaxIf(integer_rest, nanos, NOT is_gap),
    fromUnixTimestamp64Nano(maxIf(nanos, NOT is_gap), 'UTC')
FROM
(
    SELECT
        tenant,
        metric,
        series_id,
        nanos,
        value,
        integer_rest,
        is_gap,
        multiIf(
            is_gap, NULL,
            series_id NOT IN (
                SELECT series_id
                FROM telemetryflow.metric_series
                WHERE (tenant, metric) IN (SELECT arrayJoin(arrayZip({tenants:Array(String)}, {metrics:Array(String)})))
                    AND day = toDate(fromUnixTimestamp64Nano({start:Int64}, 'UTC'))
                    AND is_monotonic AND temporality = 'cumulative'
            ), toNullable(value),
            isNotNull(previous_nanos) AND nanos - previous_nanos <= {look_back:Int64},
                if(value < previous OR (start_nanos >= previous_nanos AND start_nanos > previous_start),
                    if(start_nanos = nanos, 0, value),
                    value - previous),
            start_nanos > 0 AND start_nanos >= nanos - {look_back:Int64} AND start_nanos < nanos, toNullable(value),
            NULL) AS part
    FROM
    (
        SELECT
            tenant,
            metric,
            series_id,
            toUnixTimestamp64Nano(time) AS nanos,
            toUnixTimestamp64Nano(start_time) AS start_nanos,
            value,
            integer_rest,
            bitAnd(flags, 1) = 1 AS is_gap,
            anyLast(if(is_gap, NULL, value)) OVER earlier AS previous,
            anyLast(if(is_gap, NULL, nanos)) OVER earlier AS previous_nanos,
            anyLast(if(is_gap, NULL, start_nanos)) OVER earlier AS previous_start
        FROM telemetryflow.metric_samples FINAL
        WHERE (tenant, metric) IN (SELECT arrayJoin(arrayZip({tenants:Array(String)}, {metrics:Array(String)})))
            AND series_id >= {first_series:UInt64}
            AND series_id <= {last_series:UInt64}
            AND time >= fromUnixTimestamp64Nano({start:Int64} - {look_back:Int64}, 'UTC')
            AND time < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
        WINDOW earlier AS (PARTITION BY tenant, metric, series_id ORDER BY time ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    )
    WHERE nanos >= {start:Int64}
)
GROUP BY tenant, metric, series_id, bucket
SETTINGS
    max_threads = 1,
    max_insert_threads = 1,
    max_execution_time = 60,
    max_memory_usage = 1073741824,
    max_bytes_before_external_sort = 268435456,
    max_bytes_before_external_group_by = 268435456,
    max_partitions_per_insert_block = 0,
    optimize_on_insert = 0,
    insert_deduplicate = 0,
    do_not_merge_across_partitions_select_final = 1
