-- Points of exponential histograms under the column names of the OpenTelemetry Collector's ClickHouse exporter, so that dashboards and
-- people's own SQL work unchanged. Of ours are Tenant, ResourceDroppedAttrCount, MetricMetadata, ZeroThreshold and
-- `Exemplars.ValueInteger`; Sum, Min and Max are NULL where the sender did not say.
-- A series has one row per day; the newest is joined. Name Tenant and MetricName, or everything is read.
CREATE OR REPLACE VIEW telemetryflow.otel_metrics_exponential_histogram AS
SELECT
    tenant AS Tenant,
    resource_attributes AS ResourceAttributes,
    resource_schema_url AS ResourceSchemaUrl,
    resource_dropped_attributes AS ResourceDroppedAttrCount,
    scope_name AS ScopeName,
    scope_version AS ScopeVersion,
    scope_attributes AS ScopeAttributes,
    scope_dropped_attributes AS ScopeDroppedAttrCount,
    scope_schema_url AS ScopeSchemaUrl,
    service AS ServiceName,
    metric AS MetricName,
    description AS MetricDescription,
    unit AS MetricUnit,
    metadata AS MetricMetadata,
    attributes AS Attributes,
    start_time AS StartTimeUnix,
    time AS TimeUnix,
    count AS Count,
    sum AS Sum,
    scale AS Scale,
    zero_count AS ZeroCount,
    zero_threshold AS ZeroThreshold,
    positive_offset AS PositiveOffset,
    positive_counts AS PositiveBucketCounts,
    negative_offset AS NegativeOffset,
    negative_counts AS NegativeBucketCounts,
    min AS Min,
    max AS Max,
    flags AS Flags,
    exemplar_attributes AS `Exemplars.FilteredAttributes`,
    exemplar_times AS `Exemplars.TimeUnix`,
    exemplar_values AS `Exemplars.Value`,
    arrayMap((value, rest, is_integer) -> if(is_integer, toInt64(toInt128(value) + toInt128(rest)), NULL), exemplar_values, exemplar_rests, are_integers) AS `Exemplars.ValueInteger`,
    arrayMap(id -> if(id = toFixedString('', 8), '', lower(hex(id))), span_ids) AS `Exemplars.SpanId`,
    arrayMap(id -> if(id = toFixedString('', 16), '', lower(hex(id))), trace_ids) AS `Exemplars.TraceId`,
    toInt32(multiIf(temporality = 'delta', 1, temporality = 'cumulative', 2, 0)) AS AggregationTemporality
FROM
(
    SELECT tenant, metric, series_id, time, start_time, flags, count, sum, min, max, scale, zero_count, zero_threshold, positive_offset, positive_counts, negative_offset, negative_counts
    FROM telemetryflow.metric_exponential_histograms FINAL
) AS points
INNER JOIN
(
    SELECT
        tenant,
        metric,
        series_id,
        resource_attributes,
        resource_schema_url,
        resource_dropped_attributes,
        scope_name,
        scope_version,
        scope_attributes,
        scope_dropped_attributes,
        scope_schema_url,
        service,
        description,
        unit,
        metadata,
        attributes,
        temporality,
        is_monotonic
    FROM telemetryflow.metric_series
    WHERE kind = 'exponential_histogram'
    ORDER BY last_seen DESC
    LIMIT 1 BY tenant, metric, series_id
) AS series USING (tenant, metric, series_id)
LEFT JOIN
(
    SELECT
        tenant,
        metric,
        series_id,
        time,
        attributes AS exemplar_attributes,
        exemplar_times,
        values AS exemplar_values,
        integer_rests AS exemplar_rests,
        are_integers,
        span_ids,
        trace_ids
    FROM telemetryflow.metric_exemplars FINAL
) AS exemplars USING (tenant, metric, series_id, time)
