-- Somebody does not want a dead letter any more.
DELETE FROM outbox WHERE tenant = $1 AND id = $2 AND dead_at IS NOT NULL
