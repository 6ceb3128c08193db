-- The spans of one trace that began within a stretch of time, each as a JSON array.
-- FINAL: a span that was sent twice is one, and the one stored last counts. PREWHERE: all other columns are read for what is
-- found only; these are columns of the sorting key, in which rows that replace each other are alike.
SELECT
    formatRowNoNewline('JSONCompactEachRow',
        TraceId, SpanId, ParentSpanId, TraceState, Flags, SpanName, SpanKind, SpanKindNumber, ServiceName,
        concat(replaceOne(toString(Timestamp), ' ', 'T'), 'Z'),
        toString(toUnixTimestamp64Nano(Timestamp)),
        toString(Duration),
        StatusCode, StatusNumber, StatusMessage,
        SpanAttributes, DroppedAttributesCount,
        arrayMap((time, name, attributes, dropped) -> tuple(
                concat(replaceOne(toString(time), ' ', 'T'), 'Z'), toString(toUnixTimestamp64Nano(time)), name, attributes, dropped),
            Events.Timestamp, Events.Name, Events.Attributes, Events.DroppedAttributesCount),
        DroppedEventsCount,
        arrayMap((trace, span, state, attributes, flags, dropped) -> tuple(trace, span, state, attributes, flags, dropped),
            Links.TraceId, Links.SpanId, Links.TraceState, Links.Attributes, Links.Flags, Links.DroppedAttributesCount),
        DroppedLinksCount,
        tuple(ResourceAttributes, ResourceDroppedAttributesCount, ResourceSchemaUrl),
        tuple(ScopeName, ScopeVersion, ScopeAttributes, ScopeDroppedAttributesCount, ScopeSchemaUrl)) AS span
FROM telemetryflow.otel_traces FINAL
PREWHERE Tenant = {tenant:String}
    AND trace_id = unhex({id:String})
    AND Timestamp >= fromUnixTimestamp64Nano({first:Int64}, 'UTC')
    AND Timestamp <= fromUnixTimestamp64Nano({last:Int64}, 'UTC')
ORDER BY Timestamp, span_id
LIMIT {limit:UInt64}
