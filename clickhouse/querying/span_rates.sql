-- How many spans there were, how many failed and how long they took, by service or by name; each row as a JSON array.
-- Of a service only spans that answer others count as its requests (servers and consumers), if there are any: else a call within
-- the service counts as much as one from outside. Quantiles are approximate where there are thousands.
-- FINAL: a span that was sent twice is one, and the one stored last counts.
-- The placeholders hold what to group by and terms of the filter, built from fixed fragments with bound values.
SELECT
    {{name}} AS name,
    countIf(answers) AS entries,
    if(entries = 0, count(), entries) AS requests,
    if(entries = 0, countIf(StatusNumber = 2), countIf(answers AND StatusNumber = 2)) AS errors,
    if(entries = 0, quantilesTDigest(0.5, 0.95, 0.99)(Duration), quantilesTDigestIf(0.5, 0.95, 0.99)(Duration, answers)) AS quantiles,
    formatRowNoNewline('JSONCompactEachRow',
        name, toString(count()), toString(uniqExact(SpanName)), toString(requests), toString(errors), quantiles) AS rates
FROM
(
    SELECT ServiceName, SpanName, StatusNumber, Duration, SpanKindNumber IN (2, 5) AS answers
    FROM telemetryflow.otel_traces FINAL
    WHERE Tenant = {tenant:String}
        AND Timestamp >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
        AND Timestamp < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
        {{filter}}
)
GROUP BY name
ORDER BY requests DESC, name
LIMIT {limit:UInt64}
