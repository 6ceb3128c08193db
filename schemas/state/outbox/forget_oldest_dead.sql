-- Keeps the newest dead letters of a tenant, up to a number.
DELETE FROM outbox WHERE tenant = $1 AND dead_at IS NOT NULL AND id NOT IN (
    SELECT id FROM outbox WHERE tenant = $1 AND dead_at IS NOT NULL ORDER BY dead_at DESC, id DESC LIMIT $2
)
