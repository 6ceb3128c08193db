-- Whether a record is there that an insert is said to have brought. The key leads to it, its body's beginning tells it from others
-- of the same nanosecond.
SELECT count() AS found
FROM telemetryflow.otel_logs
WHERE Tenant = {Tenant:String}
    AND ServiceName = {ServiceName:String}
    AND Timestamp = fromUnixTimestamp64Nano({Timestamp:Int64}, 'UTC')
    AND startsWith(Body, {Body:String})
