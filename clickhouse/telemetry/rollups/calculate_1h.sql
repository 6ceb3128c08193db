-- Rolls up an hour of some metrics from their rows of five minutes, which have to be there. What resumed counts here.
-- A series whose buckets have all lost their points gets a row without points, which replaces what was there.
-- FINAL: of rows of a bucket the one that was stored last counts.
INSERT INTO telemetryflow.metric_rollup_1h
    (tenant, metric, series_id, time, points, valued, total, low, high, last, last_rest, last_time)
SELECT
    tenant,
    metric,
    series_id,
    toDateTime(intDiv({start:Int64}, 1000000000), 'UTC') AS hour,
    sum(points),
    sum(valued) + countIf(isNotNull(resumed)),
    sum(total) + ifNull(sum(resumed), 0),
    ifNull(min(bucket_low), nan),
    ifNull(max(bucket_high), nan),
    argMaxIf(last, last_time, points > 0),
    argMaxIf(last_rest, last_time, points > 0),
    max(last_time)
FROM
(
    SELECT
        tenant,
        metric,
        series_id,
        points,
        valued,
        total,
        resumed,
        if(valued = 0, resumed, if(isNull(resumed), low, least(low, resumed))) AS bucket_low,
        if(valued = 0, resumed, if(isNull(resumed), high, greatest(high, resumed))) AS bucket_high,
        last,
        last_rest,
        last_time
    FROM telemetryflow.metric_rollup_5m FINAL
    WHERE (tenant, metric) IN (SELECT arrayJoin(arrayZip({tenants:Array(String)}, {metrics:Array(String)})))
        AND series_id >= {first_series:UInt64}
        AND series_id <= {last_series:UInt64}
        AND time >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
        AND time < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
)
GROUP BY tenant, metric, series_id
SETTINGS
    max_threads = 1,
    max_insert_threads = 1,
    max_execution_time = 60,
    max_memory_usage = 1073741824,
    max_bytes_before_external_group_by = 268435456,
    max_partitions_per_insert_block = 0,
    optimize_on_insert = 0,
    insert_deduplicate = 0,
    do_not_merge_across_partitions_select_final = 1
