-- Which labels tell the series of a metric apart, those with the most values first, and the values that the most series have;
-- each as a JSON array. A label counts as an attribute where it is one, else as one of the resource.
-- The placeholder holds terms of the filter, built from fixed fragments with bound values.
SELECT formatRowNoNewline('JSONCompactEachRow',
    label,
    toString(count()),
    toString(sum(series)),
    arrayMap(top -> (top.2, toString(-top.1)), groupArraySorted(10)((-toInt64(series), label_value)))) AS row
FROM
(
    SELECT label, label_value, uniqExact(series_id) AS series
    FROM
    (
        SELECT
            series_id,
            arrayJoin(mapUpdate(resource_attributes, attributes)) AS carried,
            toString(carried.1) AS label,
            carried.2 AS label_value
        FROM telemetryflow.metric_series
        WHERE tenant = {tenant:String}
            AND day >= toDate({first_day:UInt16})
            AND day <= toDate({last_day:UInt16})
            {{filter}}
    )
    GROUP BY label, label_value
)
GROUP BY label
ORDER BY count() DESC, label
LIMIT {limit:UInt64}
