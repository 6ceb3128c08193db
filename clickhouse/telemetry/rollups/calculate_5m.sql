-- Rolls up some metrics' points of one hour by five minutes, series by series. Points of the hour before are read to know a cumulative
-- counter's increase since its previous point: `part` if that is at most 15 minutes older, `resumed` if not that, but an hour. Only the
-- first point of a bucket can have resumed.
-- A counter restarted where its start moved past the previous point, or where its value fell: then the whole value is the increase
-- (unless the start is the point itself, which says that the true start is unknown). A point without such a previous one has an
-- increase if its counter began no longer ago than that. These are the rules of the queries.
-- A point that ends its series (bit 0 of flags) counts for nothing; a bucket with nothing else gets a row without points, which
-- replaces what was there.
-- FINAL: a point that was stored twice is one, and the one stored last counts.
-- One thread and little memory: ingestion goes before.
INSERT INTO telemetryflow.metric_rollup_5m
    (tenant, metric, series_id, time, points, valued, total, low, high, resumed, last, last_rest, last_time)
SELECT
    tenant,
    metric,
    series_id,
    toDateTime(intDiv(nanos, 300000000000) * 300, 'UTC') AS bucket,
    countIf(NOT is_gap),
    countIf(isNotNull(part)),
    ifNull(sum(part), 0),
    ifNull(min(part), nan),
    ifNull(max(part), nan),
    any(if(isNull(part), increase, NULL)),
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
        series_id IN (
            SELECT series_id
            FROM telemetryflow.metric_series
            WHERE (tenant, metric) IN (SELECT arrayJoin(arrayZip({tenants:Array(String)}, {metrics:Array(String)})))
                AND day = toDate(fromUnixTimestamp64Nano({start:Int64}, 'UTC'))
                AND is_monotonic AND temporality = 'cumulative'
        ) AS is_counter,
        multiIf(
            is_gap, NULL,
            NOT is_counter, toNullable(value),
            isNotNull(previous_nanos) AND nanos - previous_nanos <= 3600000000000,
                if(value < previous OR (start_nanos >= previous_nanos AND start_nanos > previous_start),
                    if(start_nanos = nanos, 0, value),
                    value - previous),
            start_nanos > 0 AND start_nanos >= nanos - 3600000000000 AND start_nanos < nanos, toNullable(value),
            NULL) AS increase,
        isNull(previous_nanos) OR nanos - previous_nanos > 900000000000 AS is_alone,
        start_nanos > 0 AND start_nanos >= nanos - 900000000000 AND start_nanos < nanos AS is_new,
        if(is_counter AND is_alone AND NOT is_new, NULL, increase) AS part
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
            AND time >= fromUnixTimestamp64Nano({read_from:Int64}, 'UTC')
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
