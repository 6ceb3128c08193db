-- How many series of a metric each service has, those with the most first, and which labels make them: the ten with the most
-- values; each as a JSON array. With it how many services and series there are in all.
-- The placeholder holds terms of the filter, built from fixed fragments with bound values.
SELECT
    formatRowNoNewline('JSONCompactEachRow',
        services.name, toString(services.series), arrayMap(top -> (top.2, toString(-top.1)), labels.tops)) AS row,
    services_total,
    series_total
FROM
(
    SELECT name, series, count() OVER () AS services_total, sum(series) OVER () AS series_total
    FROM
    (
        SELECT toString(service) AS name, uniqExact(series_id) AS series
        FROM telemetryflow.metric_series
        WHERE tenant = {tenant:String}
            AND day >= toDate({first_day:UInt16})
            AND day <= toDate({last_day:UInt16})
            {{filter}}
        GROUP BY service
    )
    ORDER BY series DESC, name
    LIMIT {limit:UInt64}
) AS services
LEFT JOIN
(
    SELECT name, groupArraySorted(10)((-toInt64(distinct_values), label)) AS tops
    FROM
    (
        SELECT name, label, uniqExact(label_value) AS distinct_values
        FROM
        (
            SELECT
                toString(service) AS name,
                arrayJoin(mapUpdate(resource_attributes, attributes)) AS carried,
                toString(carried.1) AS label,
                carried.2 AS label_value
            FROM telemetryflow.metric_series
            WHERE tenant = {tenant:String}
                AND day >= toDate({first_day:UInt16})
                AND day <= toDate({last_day:UInt16})
                {{filter}}
        )
        GROUP BY name, label
    )
    GROUP BY name
) AS labels ON services.name = labels.name
ORDER BY services.series DESC, services.name
