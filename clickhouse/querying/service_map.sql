-- Which service called which: spans whose parent is a span of another service; each row as a JSON array. Counted are the spans of
-- the one that was called. Parents are looked for from a while before the range on.
-- FINAL: a span that was sent twice is one, and the one stored last counts.
SELECT
    toString(parents.ServiceName) AS caller,
    toString(children.ServiceName) AS callee,
    count() AS calls,
    formatRowNoNewline('JSONCompactEachRow',
        caller, callee, toString(calls), toString(countIf(children.StatusNumber = 2)),
        quantilesTDigest(0.5, 0.95, 0.99)(children.Duration)) AS edge
FROM
(
    SELECT trace_id, parent_span_id, ServiceName, StatusNumber, Duration
    FROM telemetryflow.otel_traces FINAL
    WHERE Tenant = {tenant:String}
        AND Timestamp >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
        AND Timestamp < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
        AND parent_span_id != toFixedString('', 8)
) AS children
INNER JOIN
(
    SELECT trace_id, span_id, ServiceName
    FROM telemetryflow.otel_traces FINAL
    WHERE Tenant = {tenant:String}
        AND Timestamp >= fromUnixTimestamp64Nano({parents_start:Int64}, 'UTC')
        AND Timestamp < fromUnixTimestamp64Nano({parents_end:Int64}, 'UTC')
) AS parents ON children.trace_id = parents.trace_id AND children.parent_span_id = parents.span_id
WHERE parents.ServiceName != children.ServiceName
GROUP BY caller, callee
ORDER BY calls DESC, caller, callee
LIMIT {limit:UInt64}
