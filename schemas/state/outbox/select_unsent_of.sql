-- What waits to be sent by one channel, oldest first, up to a number.
SELECT id, tenant, channel, group_key, at, body FROM outbox
WHERE dead_at IS NULL AND channel = $1 ORDER BY at, id LIMIT $2
