-- The days that have points, and the newest block of each. Blocks are counted over the whole table; a merge keeps the count.
SELECT
    toInt64(toDate(partition)) AS day,
    toInt64(max(max_block_number)) AS newest_block
FROM system.parts
WHERE database = 'telemetryflow' AND table = 'metric_samples' AND active
GROUP BY day
