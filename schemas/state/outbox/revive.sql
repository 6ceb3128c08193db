-- A dead letter waits to be sent again.
UPDATE outbox SET dead_at = NULL, dead_reason = NULL
WHERE tenant = $1 AND id = $2 AND dead_at IS NOT NULL AND superseded_by IS NULL
