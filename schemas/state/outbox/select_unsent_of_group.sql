-- What waits for this channel about this group; at most one row.
SELECT id, tenant, channel, group_key, at, body FROM outbox
WHERE tenant = $1 AND channel = $2 AND group_key = $3 AND dead_at IS NULL
