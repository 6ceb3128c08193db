-- What was refused about this group is out of date: it stays in the list, but is not sent again.
UPDATE outbox SET superseded_by = $4
WHERE tenant = $1 AND channel = $2 AND group_key = $3 AND dead_at IS NOT NULL AND superseded_by IS NULL
