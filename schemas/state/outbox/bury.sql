-- It was refused for good. Nothing happens to what was replaced meanwhile.
UPDATE outbox SET dead_at = $2, dead_reason = $3 WHERE id = $1 AND dead_at IS NULL
