-- Whether a row is there that an insert is said to have brought. Rows of a trace are merged, and reach at least as far.
SELECT count() AS found
FROM telemetryflow.trace_index
WHERE Tenant = {Tenant:String}
    AND trace_id = unhex({trace_id:String})
    AND toDate(Start) = toDate(fromUnixTimestamp64Nano({Start:Int64}, 'UTC'))
