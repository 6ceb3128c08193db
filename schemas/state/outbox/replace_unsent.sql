-- What waits for this channel about this group is out of date.
DELETE FROM outbox WHERE tenant = $1 AND channel = $2 AND group_key = $3 AND dead_at IS NULL
