-- How many series each metric has, those with the most first; each as a JSON array. With it how many metrics and series there
-- are in all.
-- The placeholder holds terms of the filter, built from fixed fragments with bound values.
SELECT
    formatRowNoNewline('JSONCompactEachRow', name, toString(series)) AS row,
    count() OVER () AS metrics_total,
    sum(series) OVER () AS series_total
FROM
(
    SELECT toString(metric) AS name, uniqExact(series_id) AS series
    FROM telemetryflow.metric_series
    WHERE tenant = {tenant:String}
        AND day >= toDate({first_day:UInt16})
        AND day <= toDate({last_day:UInt16})
        {{filter}}
    GROUP BY metric
)
ORDER BY series DESC, name
LIMIT {limit:UInt64}
