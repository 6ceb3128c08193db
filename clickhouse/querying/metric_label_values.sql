-- Values of a label in order, a page at a time, and how many series have each; each as a JSON array. Places are as in
-- metric_labels.sql.
-- The placeholder holds terms of the filter, built from fixed fragments with bound values.
SELECT
    leftUTF8(label_value, 128) AS beginning,
    cityHash64(label_value) AS tie,
    formatRowNoNewline('JSONCompactEachRow', label_value, toString(uniqExact(series))) AS row
FROM
(
    SELECT
        (metric, series_id) AS series,
        if(mapContains(attributes, {label:String}), attributes[{label:String}], resource_attributes[{label:String}]) AS label_value
    FROM telemetryflow.metric_series
    WHERE tenant = {tenant:String}
        AND day >= toDate({first_day:UInt16})
        AND day <= toDate({last_day:UInt16})
        AND (mapContains(attributes, {label:String}) OR mapContains(resource_attributes, {label:String}))
        {{filter}}
)
WHERE {search:String} = '' OR positionCaseInsensitiveUTF8(label_value, {search:String}) > 0
GROUP BY label_value
HAVING (beginning, tie) > ({after_beginning:String}, {after_tie:UInt64})
ORDER BY beginning, tie
LIMIT {limit:UInt64}
