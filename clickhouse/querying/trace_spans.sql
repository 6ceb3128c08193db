-- The spans of one trace that began within a stretch of time. Columns as they are: a statement with as many expressions as a span
-- has fields takes the engine as long to plan as to run.
-- FINAL: a span that was sent twice is one, and the one stored last counts. PREWHERE: all other columns are read for what is
-- found only; these are columns of the sorting key, in which rows that replace each other are alike.
SELECT
    toUnixTimestamp64Nano(Timestamp) AS at,
    span_id, parent_span_id, TraceState, Flags,
    SpanName, SpanKindNumber, ServiceName, Duration,
    StatusNumber, StatusMessage,
    SpanAttributes, DroppedAttributesCount,
    Events.Timestamp, Events.Name, Events.Attributes, Events.DroppedAttributesCount, DroppedEventsCount,
    Links.TraceId, Links.SpanId, Links.TraceState, Links.Attributes, Links.Flags, Links.DroppedAttributesCount, DroppedLinksCount,
    resource_attributes, ResourceDroppedAttributesCount, ResourceSchemaUrl,
    ScopeName, ScopeVersion, scope_attributes, ScopeDroppedAttributesCount, ScopeSchemaUrl
FROM telemetryflow.otel_traces FINAL
PREWHERE Tenant = {tenant:String}
    AND trace_id = unhex({id:String})
    AND Timestamp >= fromUnixTimestamp64Nano({first:Int64}, 'UTC')
    AND Timestamp <= fromUnixTimestamp64Nano({last:Int64}, 'UTC')
ORDER BY Timestamp, span_id
LIMIT {limit:UInt64}
