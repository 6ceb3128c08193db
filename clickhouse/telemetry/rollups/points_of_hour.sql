-- Which metrics have points in an hour, by tenant and name, a page at a time; and how many points are to be read for it, from the
-- hour before on. Points that are stored twice count twice: it is for dividing the work.
SELECT toString(tenant) AS tenant_id, toString(metric) AS name, count() AS points
FROM telemetryflow.metric_samples
WHERE time >= fromUnixTimestamp64Nano({read_from:Int64}, 'UTC')
    AND time < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
    AND (tenant, metric) > ({after_tenant:String}, {after_metric:String})
GROUP BY tenant, metric
HAVING countIf(time >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')) > 0
ORDER BY tenant, metric
LIMIT {limit:UInt64}
