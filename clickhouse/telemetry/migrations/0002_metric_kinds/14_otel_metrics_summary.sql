-- Points of summaries under the column names of the OpenTelemetry Collector's ClickHouse exporter, so that dashboards and
-- people's own SQL work unchanged. Of ours are Tenant, ResourceDroppedAttrCount, MetricMetadata.
-- A series has one row per day; the newest is joined. Name Tenant and MetricName, or everything is read.
CREATE OR REPLACE VIEW telemetryflow.otel_metrics_summary AS
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
    quantiles AS `ValueAtQuantiles.Quantile`,
    quantile_values AS `ValueAtQuantiles.Value`,
    flags AS Flags
FROM
(
    SELECT tenant, metric, series_id, time, start_time, flags, count, sum, quantiles, quantile_values
    FROM telemetryflow.metric_summaries FINAL
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
    WHERE kind = 'summary'
    ORDER BY last_seen DESC
    LIMIT 1 BY tenant, metric, series_id
) AS series USING (tenant, metric, series_id)
