-- A tenant's dead letters, newest first, up to a number.
SELECT id, tenant, channel, group_key, at, body, dead_at, dead_reason, superseded_by FROM outbox
WHERE tenant = $1 AND dead_at IS NOT NULL ORDER BY dead_at DESC, id DESC LIMIT $2
