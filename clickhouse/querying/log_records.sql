-- The records of these moments, each as a JSON array. Records of one moment are ordered by a hash of all that they are, which
-- new records do not change; those that are alike in everything cannot be told apart, and are counted.
-- The placeholders hold terms of the filter, and the direction, built from fixed fragments with bound values.
-- The stretches of five minutes are named because the engine does not derive them from the times, and reads all of a day else.
SELECT
    toUnixTimestamp64Nano(Timestamp) AS at,
    cityHash64(record) AS tie,
    formatRowNoNewline('JSONCompactEachRow',
        concat(replaceOne(toString(Timestamp), ' ', 'T'), 'Z'),
        if(toUnixTimestamp64Nano(ObservedTimestamp) = 0, NULL, concat(replaceOne(toString(ObservedTimestamp), ' ', 'T'), 'Z')),
        SeverityNumber, SeverityText, ServiceName, Body, BodyType, EventName, TraceId, SpanId, Flags,
        LogAttributes, DroppedAttributesCount,
        tuple(ResourceAttributes, ResourceDroppedAttributesCount, ResourceSchemaUrl),
        tuple(ScopeName, ScopeVersion, ScopeAttributes, ScopeDroppedAttributesCount, ScopeSchemaUrl)) AS record
FROM telemetryflow.otel_logs
WHERE Tenant = {tenant:String}
    AND Timestamp >= fromUnixTimestamp64Nano({first:Int64}, 'UTC')
    AND Timestamp <= fromUnixTimestamp64Nano({last:Int64}, 'UTC')
    AND toStartOfFiveMinutes(Timestamp) IN (SELECT toStartOfFiveMinutes(fromUnixTimestamp64Nano(arrayJoin({times:Array(Int64)}), 'UTC')))
    AND Timestamp IN (SELECT fromUnixTimestamp64Nano(arrayJoin({times:Array(Int64)}), 'UTC'))
    AND {{from_tie}}
    {{filter}}
ORDER BY at {{direction}}, tie {{direction}}
LIMIT {limit:UInt64} OFFSET {shown:UInt64}
