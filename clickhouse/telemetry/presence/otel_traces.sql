-- Whether a span is there that an insert is said to have brought. By the whole key, so that it is found at once.
SELECT count() AS found
FROM telemetryflow.otel_traces
WHERE Tenant = {Tenant:String}
    AND ServiceName = {ServiceName:String}
    AND SpanName = {SpanName:String}
    AND Timestamp = fromUnixTimestamp64Nano({Timestamp:Int64}, 'UTC')
    AND trace_id = unhex({trace_id:String})
    AND span_id = unhex({span_id:String})
