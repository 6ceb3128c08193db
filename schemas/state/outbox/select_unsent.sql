-- What waits to be sent, oldest first.
SELECT id, tenant, channel, group_key, at, body FROM outbox WHERE dead_at IS NULL ORDER BY at, id
