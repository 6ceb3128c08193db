-- Whether a row is there that an insert is said to have brought. By the whole key, so that it is found at once.
SELECT count() AS found
FROM telemetryflow.metric_histograms
WHERE tenant = {tenant:String}
    AND metric = {metric:String}
    AND series_id = {series_id:UInt64}
    AND time = fromUnixTimestamp64Nano({time:Int64}, 'UTC')
