-- One dead letter of a tenant.
SELECT id, tenant, channel, group_key, at, body, dead_at, dead_reason, superseded_by FROM outbox
WHERE tenant = $1 AND id = $2 AND dead_at IS NOT NULL
