-- An hour was calculated as a whole, from what was there when this block was the newest.
INSERT INTO telemetryflow.rollup_state (hour, newest_block, calculated_at)
SELECT toDateTime({hour:Int64}, 'UTC'), {newest_block:Int64}, fromUnixTimestamp64Nano({calculated_at:Int64}, 'UTC')
