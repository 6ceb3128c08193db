-- How many active parts the partition with the most of them has, over all our tables. Every insert adds a part and merges take
-- them away; the engine delays and then refuses inserts by this number.
SELECT max(parts) AS parts
FROM
(
    SELECT count() AS parts
    FROM system.parts
    WHERE database = 'telemetryflow' AND active
    GROUP BY hostName(), table, partition_id
)
