-- It was sent. Nothing happens to what was replaced meanwhile.
DELETE FROM outbox WHERE id = $1 AND dead_at IS NULL
