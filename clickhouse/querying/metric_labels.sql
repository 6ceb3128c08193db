-- Names of labels by name, a page at a time, and how many series carry each as an attribute or in their resource; each as a
-- JSON array. The place of a name is its beginning, so that a cursor is short, and a hash where beginnings are alike.
-- The placeholder holds terms of the filter, built from fixed fragments with bound values.
SELECT
    leftUTF8(label, 128) AS beginning,
    cityHash64(label) AS tie,
    formatRowNoNewline('JSONCompactEachRow',
        label,
        toString(uniqExact(series)),
        toString(uniqExactIf(series, of_resource = 0)),
        toString(uniqExactIf(series, of_resource = 1))) AS row
FROM
(
    SELECT
        (metric, series_id) AS series,
        arrayJoin(arrayConcat(
            arrayMap(name -> (toString(name), 0), mapKeys(attributes)),
            arrayMap(name -> (toString(name), 1), mapKeys(resource_attributes)))) AS carried,
        carried.1 AS label,
        carried.2 AS of_resource
    FROM telemetryflow.metric_series
    WHERE tenant = {tenant:String}
        AND day >= toDate({first_day:UInt16})
        AND day <= toDate({last_day:UInt16})
        {{filter}}
)
WHERE {search:String} = '' OR positionCaseInsensitiveUTF8(label, {search:String}) > 0
GROUP BY label
HAVING (beginning, tie) > ({after_beginning:String}, {after_tie:UInt64})
ORDER BY beginning, tie
LIMIT {limit:UInt64}
